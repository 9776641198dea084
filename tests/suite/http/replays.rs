//! Idempotency over the wire: the first answer again, byte for byte, also from a server that was killed.

use serde_json::{Value, json};
use tests::http::{Connection, Reply};
use tests::launch::Launch;

/// One keyed request of every kind, refusals among them.
fn requests() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        (
            "/v1/wallets",
            "k-create",
            json!({"id": 5, "owner": {"type": "company", "id": 9}}),
        ),
        ("/v1/wallets", "k-allot", json!({})),
        ("/v1/wallets", "k-exists", json!({"id": 1})),
        (
            "/v1/wallets/1/charge",
            "k-charge",
            json!({"amount": 50, "description": "ünïcode \"quoted\" \\ / 💶"}),
        ),
        (
            "/v1/wallets/1/earn",
            "k-earn",
            json!({"amount": 7, "expires_at": "2999-01-01T00:00:00Z"}),
        ),
        ("/v1/wallets/1/use", "k-use", json!({"amount": 101})),
        (
            "/v1/wallets/1/use",
            "k-too-much",
            json!({"amount": 100_000}),
        ),
        (
            "/v1/transfers",
            "k-transfer",
            json!({"from": 1, "to": 5, "amount": 20}),
        ),
        (
            "/v1/transfers",
            "k-same",
            json!({"from": 1, "to": 1, "amount": 20}),
        ),
        (
            "/v1/transactions/3/cancel",
            "k-cancel",
            json!({"amount": 4}),
        ),
        ("/v1/transactions/2/cancel", "k-no-use", json!({})),
        (
            "/v1/wallets/1/earn",
            "k-past",
            json!({"amount": 1, "expires_at": "2001-01-01T00:00:00Z"}),
        ),
    ]
}

#[test]
fn answers_come_again_byte_for_byte_across_kills() {
    let folder = tempfile::tempdir().expect("a folder");
    let launch = Launch::new(&folder.path().join("points"));
    let server = launch.start();
    let mut connection = server.connect();
    connection
        .post("/v1/wallets", &json!({"id": 1}))
        .expect(201);
    connection
        .post("/v1/wallets/1/earn", &json!({"amount": 200}))
        .expect(201);
    connection
        .post("/v1/wallets/1/use", &json!({"amount": 30}))
        .expect(201);
    let first: Vec<Reply> = send_all(&mut connection, false);
    let again = send_all(&mut connection, true);
    same(&first, &again);
    server.kill();

    let server = launch.start();
    let mut connection = server.connect();
    same(&first, &send_all(&mut connection, true));
    let balance = connection.get("/v1/wallets/1").expect(200).json();
    let ended = server.stop();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);

    let server = launch.start();
    let mut connection = server.connect();
    same(&first, &send_all(&mut connection, true));
    assert_eq!(connection.get("/v1/wallets/1").expect(200).json(), balance);
}

#[test]
fn a_used_key_fits_one_request_only() {
    let (_folder, server) = super::stand();
    let mut connection = server.connect();
    connection
        .post("/v1/wallets", &json!({"id": 2}))
        .expect(201);
    let body = json!({"amount": 5});
    connection
        .post_keyed("/v1/wallets/1/earn", "k", &body)
        .expect(201);
    // Another body, the same body written otherwise, another path of the same route.
    for sent in [
        r#"{"amount":6}"#,
        r#"{ "amount":5}"#,
        r#"{"amount":5,"description":null}"#,
    ] {
        let reply = connection.request(
            "POST",
            "/v1/wallets/1/earn",
            &[("idempotency-key", "k")],
            Some(sent.as_bytes()),
        );
        reply
            .expect("an answer")
            .expect_problem(422, "idempotency-mismatch");
    }
    let reply = connection.post_keyed("/v1/wallets/2/earn", "k", &body);
    reply.expect_problem(422, "idempotency-mismatch");
    // Another route: another key.
    connection
        .post_keyed("/v1/wallets/2/charge", "k", &body)
        .expect(201);
    let wallet = connection.get("/v1/wallets/1").expect(200).json();
    assert_eq!(wallet["balance"], 105);
}

#[test]
fn what_never_reached_the_rules_is_not_remembered() {
    let (_folder, server) = super::stand();
    let mut connection = server.connect();
    let path = "/v1/wallets/3/earn";
    let body = json!({"amount": 5});
    connection
        .post_keyed(path, "k1", &body)
        .expect_problem(404, "wallet-not-found");
    connection
        .post_keyed(path, "k1", &json!({"amount": 0}))
        .expect_problem(422, "invalid-field");
    connection
        .post("/v1/wallets", &json!({"id": 3}))
        .expect(201);
    let reply = connection.post_keyed(path, "k1", &body).expect(201);
    assert_eq!(reply.header("idempotent-replayed"), None);
}

#[test]
fn one_key_from_many_clients_at_once_is_one_act() {
    let (_folder, server) = super::stand();
    let address = server.http;
    for round in 0..20 {
        let key = format!("round-{round}");
        let bodies: Vec<Vec<u8>> = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..16)
                .map(|_| {
                    let key = key.as_str();
                    scope.spawn(move || {
                        let mut connection = Connection::open(address).expect("the server listens");
                        let reply =
                            connection.post_keyed("/v1/wallets/1/earn", key, &json!({"amount": 1}));
                        reply.expect(201).body
                    })
                })
                .collect();
            clients
                .into_iter()
                .map(|client| client.join().expect("a client ends"))
                .collect()
        });
        assert!(bodies.iter().all(|body| *body == bodies[0]));
    }
    let wallet = server.connect().get("/v1/wallets/1").expect(200).json();
    assert_eq!(
        (&wallet["balance"], &wallet["version"]),
        (&json!(120), &json!(22))
    );
}

fn send_all(connection: &mut Connection, replayed: bool) -> Vec<Reply> {
    let send = |(path, key, body): (&str, &str, Value)| {
        let reply = connection.post_keyed(path, key, &body);
        let marked = reply.header("idempotent-replayed") == Some("true");
        assert_eq!(marked, replayed, "{key}: {}", reply.text());
        reply
    };
    requests().into_iter().map(send).collect()
}

#[track_caller]
fn same(first: &[Reply], again: &[Reply]) {
    for (first, again) in first.iter().zip(again) {
        assert_eq!(first.status, again.status);
        assert_eq!(first.text(), again.text());
        for name in ["content-type", "location"] {
            assert_eq!(
                first.header(name),
                again.header(name),
                "{name} of {}",
                first.text()
            );
        }
    }
}
