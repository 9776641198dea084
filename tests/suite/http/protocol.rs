//! The protocol itself: old versions, expectations, and framing that two parties could read differently.

use serde_json::json;
use tests::http::Connection;

use super::stand;

const HEAD: &str =
    "POST /v1/wallets/1/earn HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";

#[test]
fn a_client_that_asks_first_is_told_to_go_on() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let head = format!("{HEAD}content-length: 12\r\nexpect: 100-continue\r\n\r\n");
    connection.send(head.as_bytes()).expect("sent");
    assert_eq!(connection.reply_to("POST").expect("an answer").status, 100);
    connection.send(b"{\"amount\":5}").expect("sent");
    connection.reply_to("POST").expect("an answer").expect(201);

    // What would be refused anyway is refused before it is sent.
    let mut connection = server.connect();
    let head = format!("{HEAD}content-length: 99999999\r\nexpect: 100-continue\r\n\r\n");
    connection.send(head.as_bytes()).expect("sent");
    let reply = connection.reply_to("POST").expect("an answer");
    reply.expect_problem(413, "body-too-large");
}

#[test]
fn a_client_of_the_old_protocol_gets_one_answer() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    connection
        .send(b"GET /v1/wallets/1 HTTP/1.0\r\n\r\n")
        .expect("sent");
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).expect("it ends");
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200"),
        "{answer}"
    );
    assert!(answer.ends_with('}'), "{answer}");
}

#[test]
fn framing_that_can_be_read_in_two_ways_is_refused() {
    let (_folder, server) = stand();
    let rows = [
        "content-length: 12\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        "content-length: 12, 12\r\n\r\n{\"amount\":5}",
        "content-length: +12\r\n\r\n{\"amount\":5}",
        "content-length: 12 12\r\n\r\n{\"amount\":5}",
        "content-length: -1\r\n\r\n",
        "content-length: 0x0c\r\n\r\n{\"amount\":5}",
        "transfer-encoding: chunked\r\n\r\n-1\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n\r\n",
        " content-length: 12\r\n\r\n{\"amount\":5}",
        "content-length : 12\r\n\r\n{\"amount\":5}",
    ];
    for row in rows {
        let mut connection = server.connect();
        connection
            .send(format!("{HEAD}{row}").as_bytes())
            .expect("sent");
        connection.half_close().expect("closed");
        // An answer that refuses, or none; never one that carries it out.
        if let Ok(reply) = connection.reply_to("POST") {
            assert!(reply.status >= 400, "{row:?}: {}", reply.status);
        }
    }
    let wallet = server.connect().get("/v1/wallets/1").expect(200).json();
    assert_eq!(
        (&wallet["balance"], &wallet["version"]),
        (&json!(100), &json!(2))
    );
}

#[test]
fn bytes_behind_a_body_are_the_next_request() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let smuggled = "GET /v1/wallets/1 HTTP/1.1\r\nhost: x\r\n\r\n";
    let request = format!("{HEAD}content-length: 12\r\n\r\n{{\"amount\":5}}{smuggled}");
    connection.send(request.as_bytes()).expect("sent");
    connection.reply_to("POST").expect("an answer").expect(201);
    let wallet = connection
        .reply_to("GET")
        .expect("an answer")
        .expect(200)
        .json();
    assert_eq!(wallet["balance"], 105);
}

#[test]
fn parameters_may_be_percent_encoded() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let plain = connection
        .get("/v1/wallets/1/transactions?type=earn&limit=5")
        .expect(200);
    let encoded = "/v1/wallets/1/transactions?%74ype=%65arn&limit=%35";
    assert_eq!(connection.get(encoded).expect(200).text(), plain.text());
    let instants = "from=2020-01-01T00%3A00%3A00%2B09%3A00&to=2999-01-01T00:00:00Z";
    let path = format!("/v1/wallets/1/transactions?{instants}");
    assert_eq!(connection.get(&path).expect(200).json()["total"], 1);
}

#[test]
fn a_connection_that_was_told_to_close_closes() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let reply = close_after(&mut connection);
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(connection.is_closed());
}

fn close_after(connection: &mut Connection) -> tests::http::Reply {
    let headers = [("connection", "close")];
    let reply = connection.request("GET", "/v1/wallets/1", &headers, None);
    reply.expect("an answer").expect(200)
}
