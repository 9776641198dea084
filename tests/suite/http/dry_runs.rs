//! `?dry_run=true`: the answer of the command, and nothing carried out.

use serde_json::{Value, json};
use tests::http::Connection;

use super::stand;

/// Wallet 1 of the stand, with all that tells whether anything happened to it.
fn look(connection: &mut Connection) -> Value {
    connection.get("/v1/wallets/1").expect(200).json()
}

/// Whatever the commands are about, as far as it is there.
fn look_around(connection: &mut Connection) -> Vec<(u16, Value)> {
    let paths = [
        "/v1/wallets/1",
        "/v1/wallets/2",
        "/v1/wallets/3",
        "/v1/companies/8",
        "/v1/companies/8/settlements",
        "/v1/companies/8/settlements/2020-01",
    ];
    let seen = paths.map(|path| connection.get(path));
    seen.map(|reply| (reply.status, reply.json())).into()
}

/// Acts that the commands name.
struct Named {
    used: String,
    given: String,
    held: String,
    pending: [String; 2],
}

/// Every command, in an order in which each can be carried out: the template of its path, the path and the body.
fn commands(named: &Named) -> Vec<(&'static str, String, Value)> {
    let adjust = |change| json!({"change": change, "fund": "free", "amount": 3, "reason": "so"});
    let hold = json!({"amount": 6, "expires_at": "2099-01-01T00:00:00Z"});
    let Named {
        used, given, held, ..
    } = named;
    let [one, other] = &named.pending;
    let later = json!({"amount": 7, "expires_at": "2099-01-01T00:00:00Z"});
    let moved = json!({"from": 1, "to": 2, "amount": 7});
    let mut all = vec![
        ("/v1/wallets", "", json!({"id": 3})),
        ("/v1/wallets/{id}/charge", "1", json!({"amount": 7})),
        ("/v1/wallets/{id}/earn", "1", later),
        (
            "/v1/wallets/{id}/earn",
            "1",
            json!({"amount": 7, "pending": true}),
        ),
        ("/v1/wallets/{id}/use", "1", json!({"amount": 7})),
        ("/v1/transfers", "", moved),
        ("/v1/transactions/{id}/cancel", used, json!({"amount": 2})),
        (
            "/v1/transactions/{id}/cancel",
            given,
            json!({"if_spent": "debt"}),
        ),
        ("/v1/transactions/{id}/activate", one, json!({})),
        ("/v1/transactions/{id}/void", other, json!({})),
        ("/v1/wallets/{id}/holds", "1", hold),
        ("/v1/holds/{id}/capture", held, json!({"amount": 2})),
        ("/v1/holds/{id}/release", held, json!({})),
        ("/v1/wallets/{id}/adjust", "1", adjust("up")),
        ("/v1/wallets/{id}/adjust", "1", adjust("down")),
        ("/v1/wallets/{id}/freeze", "1", json!({})),
        ("/v1/wallets/{id}/unfreeze", "1", json!({})),
        ("/v1/wallets/{id}/close", "3", json!({})),
    ];
    all.extend(of_companies());
    let path = |(template, id, body): (&'static str, &str, Value)| {
        let path = template.replace("{id}", id).replace("{period}", "2020-01");
        (template, path, body)
    };
    all.into_iter().map(path).collect()
}

fn of_companies() -> [(&'static str, &'static str, Value); 11] {
    let user = json!({"user": 1});
    let by = json!({"by": "accounting"});
    let close = json!({"period": "2020-01", "by": "accounting"});
    let step = |template| (template, "8", by.clone());
    [
        ("/v1/companies", "", json!({"id": 8, "name": "Acme"})),
        ("/v1/companies/{id}/members", "8", user.clone()),
        ("/v1/wallets/{id}/charge", "8", json!({"amount": 50})),
        (
            "/v1/companies/{id}/use",
            "8",
            json!({"user": 1, "amount": 5}),
        ),
        ("/v1/companies/{id}/members/remove", "8", user),
        ("/v1/companies/{id}/settlements", "8", close),
        step("/v1/companies/{id}/settlements/{period}/hold"),
        step("/v1/companies/{id}/settlements/{period}/release"),
        step("/v1/companies/{id}/settlements/{period}/confirm"),
        step("/v1/companies/{id}/settlements/{period}/pay"),
        step("/v1/companies/{id}/settlements/{period}/reverse"),
    ]
}

/// An answer without what only tells this time from another.
fn bare(template: &str, mut answer: Value) -> Value {
    fn strip(value: &mut Value) {
        if let Some(members) = value.as_object_mut() {
            for name in ["dry_run", "created_at", "active_at", "lsn"] {
                members.remove(name);
            }
            members.values_mut().for_each(strip);
        } else if let Some(items) = value.as_array_mut() {
            items.iter_mut().for_each(strip);
        }
    }
    strip(&mut answer);
    let chosen = ["/v1/wallets", "/v1/companies"].contains(&template);
    if !chosen && let Some(members) = answer.as_object_mut() {
        members.remove("id");
    }
    answer
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
    let pending = json!({"amount": 4, "pending": true});
    let hold = json!({"amount": 6, "expires_at": "2099-01-01T00:00:00Z"});
    let named = Named {
        used: make("/v1/wallets/1/use", json!({"amount": 5})),
        given: make("/v1/wallets/1/charge", json!({"amount": 9})),
        held: make("/v1/wallets/1/holds", hold),
        pending: [(); 2].map(|()| make("/v1/wallets/1/earn", pending.clone())),
    };
    let all = commands(&named);
    for (template, path, body) in &all {
        let before = look_around(&mut connection);
        let dry = connection
            .post(&format!("{path}?dry_run=true"), body)
            .expect(200);
        assert_eq!(dry.header("location"), None, "{path}");
        let dry = dry.json();
        assert_eq!(dry["dry_run"], true, "{dry}");
        assert_eq!(look_around(&mut connection), before, "{path}");
        // In earnest it comes to the same, with an id and a time of its own.
        let done = connection.post(path, body).expect(201).json();
        assert_eq!(bare(template, dry), bare(template, done), "{path}");
    }
    // None is forgotten: what is made of many commands has tests of its own.
    let api = connection.get("/openapi.json").expect(200).json();
    let paths = api["paths"].as_object().expect("the paths");
    for (path, methods) in paths {
        let of_many = ["/v1/bulk", "/v1/settlements/{period}/run"].contains(&path.as_str());
        let known = of_many || all.iter().any(|(template, ..)| template == path);
        assert!(known || methods.get("post").is_none(), "POST {path}");
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
