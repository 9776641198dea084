//! Headers that go both ways: request ids, idempotency keys, what every answer carries.

use serde_json::json;

use super::stand;

#[test]
fn every_answer_carries_a_request_id() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let mut made = std::collections::BTreeSet::new();
    for path in [
        "/v1/wallets/1",
        "/v1/wallets/7",
        "/nowhere",
        "/livez",
        "/v1/wallets/1?x=1",
    ] {
        let reply = connection.get(path);
        let id = reply.header("x-request-id").unwrap_or_default().to_owned();
        assert!(!id.is_empty(), "{path}");
        assert!(made.insert(id), "{path} has the id of another request");
    }
    let given = [("x-request-id", "order-4711")];
    let reply = connection
        .request("GET", "/v1/wallets/1", &given, None)
        .expect("an answer");
    assert_eq!(reply.header("x-request-id"), Some("order-4711"));
    // One that would spoil a log line is replaced.
    let long = "x".repeat(5_000);
    for bad in ["a b", long.as_str()] {
        let reply = connection.request("GET", "/v1/wallets/1", &[("x-request-id", bad)], None);
        let reply = reply.expect("an answer");
        assert_ne!(reply.header("x-request-id"), Some(bad));
        assert!(!reply.header("x-request-id").unwrap_or_default().is_empty());
    }
}

#[test]
fn keys_are_visible_ascii_quoted_or_bare() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let body = json!({"amount": 1});
    let longest = "k".repeat(255);
    let longer = "k".repeat(256);
    for key in [
        "k",
        "\"q\"",
        "!#$%&'()*+,-./:;<=>?@[]^_`{|}~",
        longest.as_str(),
    ] {
        let reply = connection
            .post_keyed("/v1/wallets/1/earn", key, &body)
            .expect(201);
        assert_eq!(reply.header("idempotent-replayed"), None, "{key}");
        let again = connection
            .post_keyed("/v1/wallets/1/earn", key, &body)
            .expect(201);
        assert_eq!(again.header("idempotent-replayed"), Some("true"), "{key}");
        assert_eq!(reply.body, again.body, "{key}");
    }
    // The quotes are not part of the key.
    let bare = connection
        .post_keyed("/v1/wallets/1/earn", "q", &body)
        .expect(201);
    assert_eq!(bare.header("idempotent-replayed"), Some("true"));
    for key in ["", "\"\"", "a b", "\"open", "schlüssel", longer.as_str()] {
        let reply = connection.post_keyed("/v1/wallets/1/earn", key, &body);
        assert_eq!(reply.status, 400, "{key}: {}", reply.text());
        reply.expect_problem(400, "invalid-idempotency-key");
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "b")];
    let sent = body.to_string();
    let reply = connection.request("POST", "/v1/wallets/1/earn", &twice, Some(sent.as_bytes()));
    reply
        .expect("an answer")
        .expect_problem(400, "invalid-idempotency-key");
}

#[test]
fn answers_are_json_and_not_cached() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let wallet = connection.get("/v1/wallets/1").expect(200);
    assert_eq!(wallet.header("content-type"), Some("application/json"));
    assert!(wallet.header("date").is_some());
    let created = connection.post("/v1/wallets", &json!({})).expect(201);
    let id = created.json()["id"].as_u64().expect("an id");
    assert!(id >= 1 << 52, "the server allots from 2^52 on: {id}");
    let location = created.header("location").expect("a location").to_owned();
    assert_eq!(location, format!("/v1/wallets/{id}"));
    connection.get(&location).expect(200);
    let another = connection
        .post("/v1/wallets", &json!({}))
        .expect(201)
        .json();
    assert_eq!(another["id"].as_u64(), Some(id + 1));
}
