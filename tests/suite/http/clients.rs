//! Clients that vanish, stall, pipeline, or close one half: each harms itself at most.

use std::thread;

use serde_json::json;
use tests::audit::Audit;
use tests::http::Connection;
use tests::launch::Launch;

use super::stand;

/// First requests for one wallet at once.
const FIRST_REQUESTS: u64 = 10_000;

const CONNECTIONS: u64 = 100;

#[test]
fn a_client_that_closes_one_half_gets_its_answer() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let request = connection.render("POST", "/v1/wallets/1/earn", &[], Some(b"{\"amount\":5}"));
    connection.send(&request).expect("sent");
    connection.half_close().expect("closed");
    let reply = connection.reply_to("POST").expect("an answer").expect(201);
    assert_eq!(reply.json()["balance"], 105);
    assert!(connection.is_closed());
}

#[test]
fn a_client_that_vanishes_loses_its_answer_and_nothing_else() {
    let (_folder, server) = stand();
    for at in 0..200 {
        let mut connection = server.connect();
        let key = format!("gone-{at}");
        let keyed = [("idempotency-key", key.as_str())];
        let request = connection.render(
            "POST",
            "/v1/wallets/1/earn",
            &keyed,
            Some(b"{\"amount\":1}"),
        );
        connection.send(&request).expect("sent");
    }
    // Whatever became of them, asking again under the same keys ends with each of them once.
    let mut connection = server.connect();
    for at in 0..200 {
        let body = json!({"amount": 1});
        connection
            .post_keyed("/v1/wallets/1/earn", &format!("gone-{at}"), &body)
            .expect(201);
    }
    let mut audit = Audit::default();
    audit.read_on(&mut connection, [1]);
    assert_eq!((audit.balance(1), audit.version(1)), (300, 202));
}

#[test]
fn a_request_that_ends_early_does_nothing() {
    let (_folder, server) = stand();
    let request = b"POST /v1/wallets/1/earn HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n{\"amount\":5}";
    for end in 0..request.len() {
        let mut connection = server.connect();
        connection.send(&request[..end]).expect("sent");
        connection.half_close().expect("closed");
        // It may be told what is missing, or nothing; it is never told that it was done.
        if let Ok(reply) = connection.reply_to("POST") {
            assert!(reply.status >= 400, "{end}: {}", reply.status);
        }
    }
    let wallet = server.connect().get("/v1/wallets/1").expect(200).json();
    assert_eq!(
        (&wallet["balance"], &wallet["version"]),
        (&json!(100), &json!(2))
    );
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let mut requests = Vec::new();
    for amount in 1..=50 {
        let body = format!("{{\"amount\":{amount}}}");
        requests.extend(connection.render(
            "POST",
            "/v1/wallets/1/earn",
            &[],
            Some(body.as_bytes()),
        ));
    }
    connection.send(&requests).expect("sent");
    for amount in 1..=50 {
        let reply = connection.reply_to("POST").expect("an answer").expect(201);
        assert_eq!(reply.json()["amount"], amount);
    }
}

#[test]
fn half_a_second_request_does_not_hold_the_first_answer_back() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let first = connection.render("GET", "/v1/wallets/1", &[], None);
    connection
        .send(&[&first[..], b"GET /v1/wallets/1 HT"].concat())
        .expect("sent");
    connection.reply_to("GET").expect("an answer").expect(200);
    connection.send(b"TP/1.1\r\nhost: x\r\n\r\n").expect("sent");
    connection.reply_to("GET").expect("an answer").expect(200);
}

#[test]
fn slow_clients_are_let_go_and_hold_nobody_up() {
    let (_folder, server) = stand();
    let mut silent = server.connect();
    let mut slow_body = server.connect();
    let head = "POST /v1/wallets/1/earn HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    slow_body
        .send(format!("{head}content-length: 12\r\n\r\n{{\"am").as_bytes())
        .expect("sent");
    // Meanwhile everybody else is answered.
    let mut connection = server.connect();
    connection
        .post("/v1/wallets/1/earn", &json!({"amount": 1}))
        .expect(201);
    // The server's own patience ends these: about ten seconds, far below the client's.
    let reply = slow_body.reply_to("POST").expect("an answer");
    reply.expect_problem(408, "request-timeout");
    assert!(slow_body.is_closed());
    assert!(
        silent.is_closed()
            || silent
                .reply_to("GET")
                .is_ok_and(|reply| reply.status == 408)
    );
    let wallet = connection.get("/v1/wallets/1").expect(200).json();
    assert_eq!(wallet["balance"], 101);
}

#[test]
fn ten_thousand_first_requests_meet_one_wallet() {
    let folder = tempfile::tempdir().expect("a folder");
    let launch = Launch::new(&folder.path().join("points"));
    let server = launch.start();
    server
        .connect()
        .post("/v1/wallets", &json!({"id": 1}))
        .expect(201);
    // Nobody has asked this process for the wallet before: it lies in its row.
    let ended = server.stop();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let server = launch.start();
    let address = server.http;
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(move || {
                let mut connection = Connection::open(address).expect("the server listens");
                let mut requests = Vec::new();
                for _ in 0..FIRST_REQUESTS / CONNECTIONS {
                    let body = Some(&b"{\"amount\":1}"[..]);
                    requests.extend(connection.render("POST", "/v1/wallets/1/earn", &[], body));
                }
                connection.send(&requests).expect("sent");
                for _ in 0..FIRST_REQUESTS / CONNECTIONS {
                    connection.reply_to("POST").expect("an answer").expect(201);
                }
            });
        }
    });
    let mut audit = Audit::default();
    audit.read_on(&mut server.connect(), [1]);
    assert_eq!(
        (audit.balance(1), audit.version(1)),
        (FIRST_REQUESTS, FIRST_REQUESTS + 1)
    );
}
