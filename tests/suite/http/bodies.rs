//! What clients send that they should not: each row is refused for the reason that is written beside it, on a
//! connection that goes on, and nothing is changed by any of them.

use serde_json::{Value, json};
use tests::http::{Connection, Reply};

use super::stand;

/// As deep as 64 KiB allow.
const DEPTH: usize = 30_000;

/// Most bytes of a single command's body.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Most bytes of a bulk body.
const BULK_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Not JSON at all, or cut off.
const MALFORMED: [&[u8]; 22] = [
    b"",
    b" ",
    b"{",
    b"{\"amount\"",
    b"{\"amount\":",
    b"{\"amount\":5",
    b"{\"amount\":5,}",
    b"{\"amount\":5}}",
    b"{\"amount\":5} {}",
    b"{\"amount\":05}",
    b"{\"amount\":+5}",
    b"{\"amount\":.5}",
    b"{\"amount\":NaN}",
    b"{\"amount\":Infinity}",
    b"{\"amount\":0x10}",
    b"{\"amount\":5;}",
    b"{amount:5}",
    b"{'amount':5}",
    b"{\"amount\":5,\"description\":\"\xff\xfe\"}",
    b"{\"amount\":5,\"description\":\"\xc0\xaf\"}",
    b"{\"amount\":5,\"description\":\"\\ud800\"}",
    b"{\"amount\":5,\"description\":\"a\nb\"}",
];

/// JSON, but not what the route asks for; with the pointer to the fault.
const INVALID: [(&str, &str); 31] = [
    (r#"{}"#, "/amount"),
    (r#"{"amount":null}"#, "/amount"),
    (r#"{"amount":"5"}"#, "/amount"),
    (r#"{"amount":5.0}"#, "/amount"),
    (r#"{"amount":5.5}"#, "/amount"),
    (r#"{"amount":5e0}"#, "/amount"),
    (r#"{"amount":1e400}"#, "/amount"),
    (r#"{"amount":true}"#, "/amount"),
    (r#"{"amount":[5]}"#, "/amount"),
    (r#"{"amount":{"amount":5}}"#, "/amount"),
    (r#"{"amount":0}"#, "/amount"),
    (r#"{"amount":-0}"#, "/amount"),
    (r#"{"amount":-5}"#, "/amount"),
    (r#"{"amount":9007199254740992}"#, "/amount"),
    (r#"{"amount":9223372036854775808}"#, "/amount"),
    (r#"{"amount":18446744073709551616}"#, "/amount"),
    (
        r#"{"amount":99999999999999999999999999999999999999}"#,
        "/amount",
    ),
    (r#"{"amount":5,"amount":5}"#, "/amount"),
    (r#"{"amount":5,"amount":6}"#, "/amount"),
    (r#"{"amount":5,"\u0061mount":5}"#, "/amount"),
    (r#"{"amount":5,"colour":"red"}"#, "/colour"),
    (r#"{"amount":5,"Amount":5}"#, "/Amount"),
    (r#"{"amount":5,"wallet":1}"#, "/wallet"),
    (r#"{"amount":5,"description":7}"#, "/description"),
    (r#"{"amount":5,"description":["a"]}"#, "/description"),
    (r#"{"amount":5,"description":"a\u0000b"}"#, "/description"),
    (r#"{"amount":5,"description":"a\nb"}"#, "/description"),
    (r#"{"amount":5,"expires_at":1893456000}"#, "/expires_at"),
    (r#"{"amount":5,"expires_at":"tomorrow"}"#, "/expires_at"),
    (
        r#"{"amount":5,"expires_at":"2030-02-30T00:00:00Z"}"#,
        "/expires_at",
    ),
    (
        r#"{"amount":5,"expires_at":"2030-01-01T00:00:00"}"#,
        "/expires_at",
    ),
];

/// JSON whose outermost value is no object.
const NO_OBJECT: [&str; 7] = [
    "[5]",
    "[]",
    "5",
    "null",
    "true",
    "\"5\"",
    "[[{\"amount\":5}]]",
];

#[test]
fn what_is_not_json_is_malformed() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    for body in MALFORMED {
        let shown = String::from_utf8_lossy(body).into_owned();
        let reply = earn(&mut connection, body);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "malformed-json"),
            "{shown}"
        );
        let problem = reply.expect_problem(400, "malformed-json").json();
        assert!(
            problem["line"].is_u64() && problem["column"].is_u64(),
            "{shown}: {problem}"
        );
    }
    unchanged(&mut connection);
}

#[test]
fn what_is_deeply_nested_is_refused_and_harms_nobody() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let nested = ["[".repeat(DEPTH), "{\"a\":".repeat(DEPTH / 5)];
    for nest in nested {
        for body in [
            format!("{{\"amount\":{nest}"),
            format!("{{\"x\":{nest}"),
            nest.clone(),
        ] {
            let reply = earn(&mut connection, body.as_bytes());
            assert!(
                matches!(reply.status, 400 | 422),
                "{}: {}",
                reply.status,
                reply.text()
            );
            assert!(matches!(
                reply.code().as_str(),
                "malformed-json" | "invalid-field"
            ));
        }
    }
    unchanged(&mut connection);
}

#[test]
fn what_is_json_but_not_asked_for_is_pointed_at() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    for (body, pointer) in INVALID {
        let reply = earn(&mut connection, body.as_bytes());
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (422, "invalid-field"),
            "{body}"
        );
        pointed_at(&reply, pointer);
    }
    for body in NO_OBJECT {
        let reply = earn(&mut connection, body.as_bytes());
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (422, "invalid-field"),
            "{body}"
        );
        pointed_at(&reply, "");
    }
    unchanged(&mut connection);
}

#[test]
fn descriptions_are_bounded_in_characters_not_bytes() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let widest = "💶".repeat(255);
    let body = json!({"amount": 1, "description": widest});
    let reply = connection
        .post("/v1/wallets/1/earn", &body)
        .expect(201)
        .json();
    assert_eq!(reply["description"], widest);
    let body = json!({"amount": 1, "description": "x".repeat(256)});
    let reply = connection.post("/v1/wallets/1/earn", &body);
    pointed_at(&reply.expect_problem(422, "invalid-field"), "/description");
}

#[test]
fn every_route_points_at_its_own_fields() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    for (path, body, pointer) in faulty_bodies() {
        let reply = connection.post(path, &body);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (422, "invalid-field"),
            "{path} {body}"
        );
        pointed_at(&reply, pointer);
    }
    unchanged(&mut connection);
}

/// Path, body, and the pointer to what is wrong with it.
fn faulty_bodies() -> [(&'static str, Value, &'static str); 20] {
    [
        ("/v1/wallets", json!({"id": 0}), "/id"),
        (
            "/v1/wallets",
            json!({"id": 4_503_599_627_370_496_u64}),
            "/id",
        ),
        ("/v1/wallets", json!({"id": "7"}), "/id"),
        ("/v1/wallets", json!({"owner": 7}), "/owner"),
        (
            "/v1/wallets",
            json!({"owner": {"type": "robot", "id": 7}}),
            "/owner/type",
        ),
        (
            "/v1/wallets",
            json!({"owner": {"type": "user", "id": 0}}),
            "/owner/id",
        ),
        (
            "/v1/wallets",
            json!({"owner": {"type": "user"}}),
            "/owner/id",
        ),
        ("/v1/wallets", json!({"owner": {"id": 7}}), "/owner/type"),
        (
            "/v1/wallets",
            json!({"owner": {"type": "user", "id": 7, "x": 1}}),
            "/owner/x",
        ),
        (
            "/v1/wallets/1/use",
            json!({"amount": 1, "expires_at": "2030-01-01T00:00:00Z"}),
            "/expires_at",
        ),
        ("/v1/transfers", json!({"from": 1, "amount": 1}), "/to"),
        ("/v1/transfers", json!({"to": 1, "amount": 1}), "/from"),
        (
            "/v1/transfers",
            json!({"from": "1", "to": 2, "amount": 1}),
            "/from",
        ),
        (
            "/v1/transfers",
            json!({"from": 1, "to": -2, "amount": 1}),
            "/to",
        ),
        ("/v1/transfers", json!({"from": 1, "to": 2}), "/amount"),
        ("/v1/transactions/2/cancel", json!({"amount": 0}), "/amount"),
        (
            "/v1/transactions/2/cancel",
            json!({"reason": "x"}),
            "/reason",
        ),
        ("/v1/bulk", json!({}), "/operations"),
        ("/v1/bulk", json!({"operations": 5}), "/operations"),
        ("/v1/bulk", json!({"operations": [], "x": 1}), "/x"),
    ]
}

#[test]
fn several_faults_are_told_at_once() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let body = br#"{"amount":0,"description":7,"colour":1}"#;
    let reply = earn(&mut connection, body)
        .expect_problem(422, "invalid-field")
        .json();
    let errors = reply["errors"].as_array().expect("errors").len();
    assert_eq!(errors, 3, "{reply}");
}

#[test]
fn bodies_are_bounded() {
    let (_folder, server) = stand();
    let padded = |bytes: usize| {
        let body = r#"{"amount":1}"#;
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    let mut connection = server.connect();
    let largest = padded(BODY_BYTES_MAX);
    earn(&mut connection, largest.as_bytes()).expect(201);
    let larger = padded(BODY_BYTES_MAX + 1);
    earn(&mut connection, larger.as_bytes()).expect_problem(413, "body-too-large");

    // A length that is only claimed is refused before a byte of it comes.
    let mut connection = server.connect();
    let head = "POST /v1/wallets/1/earn HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    let claimed = format!("{head}content-length: 99999999999\r\n\r\n");
    connection
        .send(claimed.as_bytes())
        .expect("the head is taken");
    let reply = connection.reply_to("POST").expect("an answer");
    reply.expect_problem(413, "body-too-large");

    // One that comes in chunks is refused as soon as it is too long.
    let mut connection = server.connect();
    let chunked = format!(
        "{head}transfer-encoding: chunked\r\n\r\n11000\r\n{}",
        padded(0x11000)
    );
    connection
        .send(chunked.as_bytes())
        .expect("a chunk is taken");
    let reply = connection.reply_to("POST").expect("an answer");
    reply.expect_problem(413, "body-too-large");
    bulk_bodies_are_bounded(&mut server.connect(), &mut server.connect());
}

fn bulk_bodies_are_bounded(connection: &mut Connection, other: &mut Connection) {
    let padded = |bytes: usize| {
        let body = r#"{"operations":[{"op":"earn","wallet":1,"amount":1}]}"#;
        format!("{body}{}", " ".repeat(bytes - body.len())).into_bytes()
    };
    let reply = connection.request("POST", "/v1/bulk", &[], Some(&padded(BULK_BYTES_MAX)));
    reply.expect("an answer").expect(200);
    // The server may answer and close before it has read everything.
    let bytes = other.render("POST", "/v1/bulk", &[], Some(&padded(BULK_BYTES_MAX + 1)));
    let sent = other.send(&bytes);
    drop(sent);
    let reply = other.reply_to("POST").expect("an answer");
    reply.expect_problem(413, "body-too-large");
}

#[test]
fn bodies_in_chunks_are_read() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let head = "POST /v1/wallets/1/earn HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    let chunks = "5\r\n{\"amo\r\n8\r\nunt\": 7}\r\n0\r\n\r\n";
    let request = format!("{head}transfer-encoding: chunked\r\n\r\n{chunks}");
    connection.send(request.as_bytes()).expect("sent");
    let reply = connection.reply_to("POST").expect("an answer").expect(201);
    assert_eq!(reply.json()["amount"], 7);
}

#[test]
fn only_json_is_taken() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let body: &[u8] = br#"{"amount":1}"#;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "json",
        "",
    ] {
        let headers = [("content-type", kind)];
        let reply = connection.request("POST", "/v1/wallets/1/earn", &headers, Some(body));
        reply
            .expect("an answer")
            .expect_problem(415, "unsupported-media-type");
    }
    let bare = format!(
        "POST /v1/wallets/1/earn HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    connection
        .send(&[bare.as_bytes(), body].concat())
        .expect("sent");
    let reply = connection.reply_to("POST").expect("an answer");
    reply.expect_problem(415, "unsupported-media-type");
    for kind in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
    ] {
        let headers = [("content-type", kind)];
        let reply = connection.request("POST", "/v1/wallets/1/earn", &headers, Some(body));
        reply.expect("an answer").expect(201);
    }
}

fn earn(connection: &mut Connection, body: &[u8]) -> Reply {
    let reply = connection.request("POST", "/v1/wallets/1/earn", &[], Some(body));
    reply.expect("an answer on a connection that goes on")
}

#[track_caller]
fn pointed_at(reply: &Reply, pointer: &str) {
    let body = reply.json();
    let errors = body["errors"]
        .as_array()
        .map_or(&[] as &[Value], Vec::as_slice);
    assert!(
        errors.iter().any(|error| error["pointer"] == pointer),
        "{pointer:?} in {body}"
    );
    assert!(
        errors.iter().all(|error| error["detail"].is_string()),
        "{body}"
    );
}

/// Wallet 1 is as it was made.
#[track_caller]
fn unchanged(connection: &mut Connection) {
    let wallet = connection.get("/v1/wallets/1").expect(200).json();
    assert_eq!(
        (wallet["balance"].as_u64(), wallet["version"].as_u64()),
        (Some(100), Some(2))
    );
}
