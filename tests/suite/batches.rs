//! Atomic bulk requests under pressure: crossing each other over the same wallets, and cut off by a kill.

use std::net::SocketAddr;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use serde_json::{Value, json};
use tests::http::Connection;
use tests::launch::{Launch, Server};
use tests::random::Random;
use tests::wal_tool::WalTool;

/// Enough that batches meet in every order, few enough that all of them meet.
const WALLETS: u64 = 8;

const OPENING: u64 = 1_000;

const CLIENTS: u64 = 8;

/// Requests of each client.
const ROUNDS: u64 = 200;

/// Answers after which the server is killed: in the middle of it all.
const ANSWERS_BEFORE_KILL: usize = 400;

#[test]
fn batches_in_opposite_orders_all_go_through() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Launch::new(&folder.path().join("points")).start();
    open_wallets(&server);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let address = server.http;
            scope.spawn(move || {
                let mut connection = Connection::open(address).expect("a connection");
                for _ in 0..ROUNDS {
                    // A ring of transfers: whatever order they meet in, each leaves all balances alone.
                    let ring = ring(client % 2 == 0);
                    connection.post("/v1/bulk", &ring).expect(201);
                }
            });
        }
    });
    let mut connection = server.connect();
    for wallet in 1..=WALLETS {
        let seen = connection.get(&format!("/v1/wallets/{wallet}")).json();
        // Created, charged, and two entries of each ring.
        let version = 2 + 2 * CLIENTS * ROUNDS;
        assert_eq!(
            (&seen["balance"], &seen["version"]),
            (&json!(OPENING), &json!(version))
        );
    }
}

#[test]
fn a_kill_leaves_whole_batches_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = folder.path().join("points");
    let launch = Launch::new(&points);
    let server = launch.start();
    open_wallets(&server);
    let (answers, answered) = channel();
    let seed = Random::seed();
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (address, answers) = (server.http, answers.clone());
            scope.spawn(move || give_to_all(address, seed ^ client, &answers));
        }
        let counted = answered.iter().take(ANSWERS_BEFORE_KILL).count();
        assert_eq!(counted, ANSWERS_BEFORE_KILL);
        server.kill_now();
    });
    drop((server, answers));
    // Whoever was answered after that many is there too: at least as much as was counted.
    let acknowledged = (ANSWERS_BEFORE_KILL + answered.iter().count()) as u64;
    let server = launch.start();
    let mut connection = server.connect();
    let balances: Vec<u64> = (1..=WALLETS)
        .map(|wallet| {
            let seen = connection.get(&format!("/v1/wallets/{wallet}")).json();
            seen["balance"].as_u64().expect("a balance")
        })
        .collect();
    // Each batch gives every wallet one point.
    assert!(
        balances.iter().all(|one| *one == balances[0]),
        "{balances:?}"
    );
    assert!(balances[0] >= OPENING + acknowledged, "{balances:?}");
    drop(connection);
    server.stop();
    WalTool::on(&points).run(&["verify", "--deep"]).expect(0);
}

fn open_wallets(server: &Server) {
    let each = |wallet: u64| {
        [
            json!({"op": "create", "id": wallet}),
            json!({"op": "charge", "wallet": wallet, "amount": OPENING}),
        ]
    };
    let operations: Vec<Value> = (1..=WALLETS).flat_map(each).collect();
    let mut connection = server.connect();
    let body = json!({"atomic": true, "operations": operations});
    connection.post("/v1/bulk", &body).expect(201);
}

fn ring(forward: bool) -> Value {
    let mut wallets: Vec<u64> = (1..=WALLETS).collect();
    if !forward {
        wallets.reverse();
    }
    let next = wallets.iter().cycle().skip(1);
    let transfers = wallets.iter().zip(next);
    let operations: Vec<Value> = transfers
        .map(|(from, to)| json!({"op": "transfer", "from": from, "to": to, "amount": 7}))
        .collect();
    json!({"atomic": true, "operations": operations})
}

/// Gives every wallet a point, again and again, until the server is gone; some of it in vain.
fn give_to_all(address: SocketAddr, seed: u64, answers: &Sender<()>) {
    let mut random = Random::new(seed);
    let Ok(mut connection) = Connection::open(address) else {
        return;
    };
    loop {
        let mut operations: Vec<Value> = (1..=WALLETS)
            .map(|wallet| json!({"op": "earn", "wallet": wallet, "amount": 1}))
            .collect();
        operations.rotate_left(random.below(WALLETS) as usize);
        let vain = random.chance(20);
        if vain {
            operations.push(json!({"op": "use", "wallet": 1, "amount": 1_000_000_000}));
        }
        let body = json!({"atomic": true, "operations": operations}).to_string();
        let sent = connection.request("POST", "/v1/bulk", &[], Some(body.as_bytes()));
        let Ok(reply) = sent else {
            return;
        };
        assert_eq!(
            reply.status,
            if vain { 422 } else { 201 },
            "{}",
            reply.text()
        );
        if !vain && answers.send(()).is_err() {
            return;
        }
    }
}
