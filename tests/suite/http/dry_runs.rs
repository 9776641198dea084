//! `?dry_run=true`: the answer of the command, and nothing carried out.

use serde_json::{Value, json};
use tests::http::Connection;

use super::stand;

/// Wallet 1 of the stand, with all that tells whether anything happened to it.
fn look(connection: &mut Connection) -> Value {
    connection.get("/v1/wallets/1").expect(200).json()
}

/// Every command on wallet 1 and around it, in an order in which each can be carried out.
fn commands(used: &str, given: &str, held: &str, hold: Value) -> Vec<(String, Value)> {
    let adjust = |change| json!({"change": change, "fund": "free", "amount": 3, "reason": "so"});
    let asks = [
        ("/v1/wallets", json!({"id": 3})),
        (
            "/v1/wallets/1/charge",
            json!({"amount": 7, "description": "perhaps"}),
        ),
        (
            "/v1/wallets/1/earn",
            json!({"amount": 7, "expires_at": "2099-01-01T00:00:00Z"}),
        ),
        ("/v1/wallets/1/use", json!({"amount": 7})),
        ("/v1/transfers", json!({"from": 1, "to": 2, "amount": 7})),
        (
            &format!("/v1/transactions/{used}/cancel"),
            json!({"amount": 2}),
        ),
        (
            &format!("/v1/transactions/{given}/cancel"),
            json!({"if_spent": "debt"}),
        ),
        ("/v1/wallets/1/holds", hold),
        (&format!("/v1/holds/{held}/capture"), json!({"amount": 2})),
        (&format!("/v1/holds/{held}/release"), json!({})),
        ("/v1/wallets/1/adjust", adjust("up")),
        ("/v1/wallets/1/adjust", adjust("down")),
        ("/v1/wallets/1/freeze", json!({})),
        ("/v1/wallets/1/unfreeze", json!({})),
        ("/v1/wallets/3/close", json!({})),
    ];
    asks.map(|(path, body)| (path.to_owned(), body)).into()
}

#[test]
fn every_command_is_answered_and_none_is_carried_out() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    connection
        .post("/v1/wallets", &json!({"id": 2}))
        .expect(201);
    let mut make = |path: &str, body: Value| {
        let made = connection.post(path, &body).expect(201).json();
        made["id"].to_string()
    };
    let used = make("/v1/wallets/1/use", json!({"amount": 5}));
    let given = make("/v1/wallets/1/charge", json!({"amount": 9}));
    let hold = json!({"amount": 6, "expires_at": "2099-01-01T00:00:00Z"});
    let held = make("/v1/wallets/1/holds", hold.clone());
    for (path, body) in commands(&used, &given, &held, hold) {
        let path = &*path;
        let before = look(&mut connection);
        let dry = connection
            .post(&format!("{path}?dry_run=true"), &body)
            .expect(200);
        assert_eq!(dry.header("location"), None);
        let mut dry = dry.json();
        assert_eq!(dry["dry_run"], true, "{dry}");
        assert_eq!(look(&mut connection), before, "{path}");
        if path == "/v1/wallets" {
            assert_eq!(connection.get("/v1/wallets/3").status, 404);
        }
        // In earnest it comes to the same, with an id and a time of its own.
        let mut done = connection.post(path, &body).expect(201).json();
        let members = dry.as_object_mut().expect("an object");
        members.remove("dry_run");
        members.remove("created_at");
        let members = done.as_object_mut().expect("an object");
        members.remove("created_at");
        if path == "/v1/wallets" {
            assert!(members.remove("lsn").is_some());
        } else {
            assert!(members.remove("id").is_some());
        }
        assert_eq!(dry, done, "{path}");
    }
}

#[test]
fn settings_are_rehearsed() {
    let (_folder, server) = stand();
    let mut admin = server.connect_admin();
    let before = admin.get("/admin/settings").expect(200).json();
    let body = json!({"cancel_window_days": 30});
    let dry = admin.post("/admin/settings?dry_run=true", &body);
    let mut dry = dry.expect(200).json();
    assert_eq!(dry["dry_run"], true, "{dry}");
    assert_eq!(admin.get("/admin/settings").expect(200).json(), before);
    let done = admin.post("/admin/settings", &body).expect(200).json();
    dry.as_object_mut().expect("an object").remove("dry_run");
    assert_eq!(dry, done);
}

#[test]
fn refusals_are_those_of_the_command_and_use_no_key_up() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let before = look(&mut connection);
    let path = "/v1/wallets/1/use";
    let much = json!({"amount": 1_000_000_000});
    let dry = connection
        .post_keyed(&format!("{path}?dry_run=true"), "k", &much)
        .expect_problem(422, "insufficient-balance")
        .json();
    assert_eq!(dry["requested"], 1_000_000_000);
    // The key is free for another body, in earnest and in another dry run.
    let little = json!({"amount": 1});
    connection.post_keyed(path, "k", &little).expect(201);
    connection
        .post_keyed(&format!("{path}?dry_run=true"), "k", &much)
        .expect_problem(422, "insufficient-balance");
    connection
        .post("/v1/wallets/9/use?dry_run=true", &little)
        .expect_problem(404, "wallet-not-found");
    connection
        .post("/v1/wallets/1/use?dry_run=yes", &little)
        .expect_problem(400, "invalid-parameter");
    connection
        .post("/v1/wallets/1/use?dry_run=true", &json!({"amount": 0}))
        .expect_problem(422, "invalid-field");
    let after = look(&mut connection);
    assert_eq!(
        after["version"].as_u64(),
        before["version"].as_u64().map(|version| version + 1)
    );
}

#[test]
fn a_bulk_is_rehearsed_in_either_form() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let before = look(&mut connection);
    let balance = before["balance"].as_u64().expect("a balance");
    let operations = json!([
        {"op": "create"},
        {"op": "create"},
        {"op": "use", "wallet": 1, "amount": balance},
        {"op": "earn", "wallet": 1, "amount": 1},
    ]);
    let alone = json!({"operations": operations});
    let alone = connection
        .post("/v1/bulk?dry_run=true", &alone)
        .expect(200)
        .json();
    assert_eq!(alone["dry_run"], true);
    // Each by itself: the last one does not know of the use.
    assert_eq!(
        alone["results"][3],
        json!({
            "status": 200,
            "balance": balance + 1,
            "version": before["version"].as_u64().map(|version| version + 1),
        })
    );
    let batch = json!({"atomic": true, "operations": operations});
    let together = connection
        .post("/v1/bulk?dry_run=true", &batch)
        .expect(200)
        .json();
    assert_eq!(
        (&together["dry_run"], &together["id"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(together["results"][3]["balance"], 1);
    assert_eq!(together["results"][3]["status"], 200);
    assert_ne!(
        together["results"][0]["wallet"],
        together["results"][1]["wallet"]
    );
    let vain = json!({"atomic": true, "operations": [
        {"op": "earn", "wallet": 1, "amount": 1},
        {"op": "use", "wallet": 1, "amount": balance + 2},
    ]});
    let refused = connection.post("/v1/bulk?dry_run=true", &vain);
    let refused = refused.expect_problem(422, "insufficient-balance").json();
    assert_eq!(
        (&refused["item"], &refused["available"]),
        (&json!(1), &json!(balance + 1))
    );
    assert_eq!(look(&mut connection), before);
}
