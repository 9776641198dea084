//! A disk that takes its time: who waits for it, who must not be told anything before it is done, and what a
//! start or an end in the middle of it looks like.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use serde_json::json;
use tests::audit::Audit;
use tests::http::Connection;
use tests::launch::Launch;
use tests::orders::Orders;

/// Requests answered meanwhile, before a silence counts as one.
const ASKED_MEANWHILE: usize = 200;

fn faulty(launch: Launch, orders: &Orders) -> Launch {
    orders.given_to(launch, Path::new(env!("CARGO_BIN_EXE_faulty-server")))
}

#[test]
fn nothing_that_rests_on_an_unwritten_change_is_told_before_it_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let orders = Orders::none(folder.path().join("orders"));
    let server = faulty(Launch::new(&folder.path().join("points")), &orders).start();
    let mut connection = server.connect();
    for id in [1, 2] {
        connection
            .post("/v1/wallets", &json!({"id": id}))
            .expect(201);
    }
    connection
        .post("/v1/wallets/1/earn", &json!({"amount": 100}))
        .expect(201);

    let stall = orders.stall();
    let send = |method: &str, path: &str, body: Option<&[u8]>| {
        let mut connection = server.connect();
        let request = connection.render(method, path, &[], body);
        connection.send(&request).expect("sent");
        connection
    };
    let mut used = send("POST", "/v1/wallets/1/use", Some(b"{\"amount\":60}"));
    until_in_flight(&mut server.connect_admin(), 1);
    // A balance, a refusal and a success that all rest on the use.
    let mut read = send("GET", "/v1/wallets/1", None);
    let mut refused = send("POST", "/v1/wallets/1/use", Some(b"{\"amount\":60}"));
    let mut moved = send(
        "POST",
        "/v1/transfers",
        Some(b"{\"from\":1,\"to\":2,\"amount\":40}"),
    );
    // What rests on nothing new is answered all the while.
    for _ in 0..ASKED_MEANWHILE {
        connection.get("/livez").expect(200);
    }
    for waiting in [&used, &read, &refused, &moved] {
        assert!(!waiting.has_answer(), "somebody was told too soon");
    }
    drop(stall);
    assert_eq!(
        used.reply_to("POST").expect("an answer").expect(201).json()["balance"],
        40
    );
    let balance = read.reply_to("GET").expect("an answer").expect(200).json()["balance"].clone();
    assert!(balance == 40 || balance == 0, "{balance}");
    let refused = refused.reply_to("POST").expect("an answer");
    let refused = refused.expect_problem(422, "insufficient-balance").json();
    assert!(
        refused["available"] == 40 || refused["available"] == 0,
        "{refused}"
    );
    moved.reply_to("POST").expect("an answer").expect(201);
}

#[test]
fn a_retry_of_a_request_that_is_still_running_waits_and_then_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let orders = Orders::none(folder.path().join("orders"));
    let server = faulty(Launch::new(&folder.path().join("points")), &orders).start();
    let mut first = server.connect();
    first.post("/v1/wallets", &json!({"id": 1})).expect(201);
    let stall = orders.stall();
    let keyed = [("idempotency-key", "k")];
    let request = first.render(
        "POST",
        "/v1/wallets/1/earn",
        &keyed,
        Some(b"{\"amount\":1}"),
    );
    first.send(&request).expect("sent");
    until_in_flight(&mut server.connect_admin(), 1);
    let mut second = server.connect();
    let reply = second.post_keyed("/v1/wallets/1/earn", "k", &json!({"amount": 1}));
    let reply = reply.expect_problem(409, "idempotency-running");
    assert!(reply.header("retry-after").is_some());
    // Another body under the key is told at once that it does not fit.
    let reply = second.post_keyed("/v1/wallets/1/earn", "k", &json!({"amount": 2}));
    reply.expect_problem(422, "idempotency-mismatch");
    drop(stall);
    let first = first.reply_to("POST").expect("an answer").expect(201);
    let again = second
        .post_keyed("/v1/wallets/1/earn", "k", &json!({"amount": 1}))
        .expect(201);
    assert_eq!(first.text(), again.text());
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
}

#[test]
fn a_kill_before_the_sync_leaves_each_request_whole_or_absent() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = folder.path().join("points");
    let orders = Orders::none(folder.path().join("orders"));
    let launch = faulty(Launch::new(&points), &orders);
    let server = launch.start();
    server
        .connect()
        .post("/v1/wallets", &json!({"id": 1}))
        .expect(201);
    let stall = orders.stall();
    let keys: Vec<String> = (0..50).map(|at| format!("k{at}")).collect();
    let waiting: Vec<Connection> = keys
        .iter()
        .map(|key| {
            let mut connection = server.connect();
            let keyed = [("idempotency-key", key.as_str())];
            let request = connection.render(
                "POST",
                "/v1/wallets/1/earn",
                &keyed,
                Some(b"{\"amount\":1}"),
            );
            connection.send(&request).expect("sent");
            connection
        })
        .collect();
    until_in_flight(&mut server.connect_admin(), keys.len() as u64);
    assert!(waiting.iter().all(|connection| !connection.has_answer()));
    // The killed process hangs in its sync until the stall is over.
    server.kill_now();
    drop(stall);
    server.wait();

    let server = launch.start();
    let mut connection = server.connect();
    for key in &keys {
        connection
            .post_keyed("/v1/wallets/1/earn", key, &json!({"amount": 1}))
            .expect(201);
    }
    let mut audit = Audit::default();
    audit.read_on(&mut connection, [1]);
    assert_eq!((audit.balance(1), audit.version(1)), (50, 51));
}

#[test]
fn while_the_log_is_replayed_the_server_is_alive_and_not_ready() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = folder.path().join("points");
    let server = Launch::new(&points).start();
    server
        .connect()
        .post("/v1/wallets", &json!({"id": 1}))
        .expect(201);
    server.kill();

    // The start syncs what it found before it serves, and there it hangs.
    let orders = Orders::none(folder.path().join("orders"));
    let stall = orders.stall();
    let (http, admin) = (free_address(), free_address());
    let launch = faulty(Launch::new(&points), &orders)
        .flag("--listen", http)
        .flag("--admin-listen", admin);
    std::thread::scope(|scope| {
        let starting = scope.spawn(|| launch.start());
        let mut connection = until_listening(http);
        connection.get("/livez").expect(200);
        let ready = connection.get("/readyz");
        assert_eq!(ready.status, 503, "{}", ready.text());
        for (method, path) in [("GET", "/v1/wallets/1"), ("POST", "/v1/wallets")] {
            let body = (method == "POST").then_some(&b"{\"id\":2}"[..]);
            let reply = connection
                .request(method, path, &[], body)
                .expect("an answer");
            let reply = reply.expect_problem(503, "replaying");
            assert!(reply.header("retry-after").is_some());
        }
        drop(stall);
        let server = starting.join().expect("it starts");
        connection.get("/readyz").expect(200);
        connection.get("/v1/wallets/1").expect(200);
        drop(server);
    });
}

#[test]
fn a_second_signal_does_not_wait_for_idle_clients() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = folder.path().join("points");
    let mut server = Launch::new(&points).start();
    let mut connection = server.connect();
    connection
        .post("/v1/wallets", &json!({"id": 1}))
        .expect(201);
    // Half a request keeps the connection busy.
    let mut slow = server.connect();
    let head = "POST /v1/wallets/1/earn HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    slow.send(format!("{head}content-length: 12\r\n\r\n{{").as_bytes())
        .expect("sent");
    server.terminate();
    server.terminate();
    let ended = server.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let server = Launch::new(&points).start();
    let wallet = server.connect().get("/v1/wallets/1").expect(200).json();
    assert_eq!(wallet["version"], 1);
}

/// Asks the operator's side until so many acts wait for the disk.
fn until_in_flight(admin: &mut Connection, count: u64) {
    loop {
        let status = admin.get("/admin/status").expect(200).json();
        if status["in_flight"]
            .as_u64()
            .is_some_and(|waiting| waiting >= count)
        {
            return;
        }
    }
}

/// A port that was free a moment ago.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener
        .local_addr()
        .expect("a bound socket has an address")
}

/// Knocks until somebody listens.
fn until_listening(address: SocketAddr) -> Connection {
    loop {
        if let Ok(connection) = Connection::open(address) {
            return connection;
        }
        std::thread::yield_now();
    }
}
