//! More than can be carried out at once: what is above the bounds is refused at once with the word to come
//! back, what is below them is carried out, and memory stays bounded.

use std::path::Path;
use std::thread;

use engine::domain::{Amount, Command, CreateWallet, Description, Expiry, Grant, Owner, WalletId};
use engine::{IN_FLIGHT_MAX, QUEUED_MAX, Refusal, Request};
use serde_json::{Value, json};
use tests::http::Connection;
use tests::inside::Inside;
use tests::launch::{Launch, Server};
use tests::orders::Orders;
use tokio::task::JoinSet;

/// Wallets that the bulk requests spread over, so that no queue of a single one fills.
const WALLETS: usize = 100;

/// Operations of one bulk request.
const OPERATIONS: usize = 10_000;

/// So many bulk requests take all the room that there is for acts in flight.
const BULKS: usize = IN_FLIGHT_MAX / OPERATIONS + 2;

/// The stall holds up the filling of segments too, so one must take all acts in flight.
const SEGMENT_BYTES: u64 = 32 << 20;

/// With all of them waiting; a few hundred bytes each, and the bodies.
const MEMORY_BYTES_MAX: u64 = 512 << 20;

#[test]
fn above_the_acts_in_flight_single_requests_are_refused_and_bulks_wait() {
    let folder = tempfile::tempdir().expect("a folder");
    let orders = Orders::none(folder.path().join("orders"));
    let launch = Launch::new(&folder.path().join("points")).flag("--segment-bytes", SEGMENT_BYTES);
    let binary = Path::new(env!("CARGO_BIN_EXE_faulty-server"));
    let server = orders.given_to(launch, binary).start();
    let mut connection = server.connect();
    let operations: Vec<Value> = (1..=WALLETS)
        .map(|id| json!({"op": "create", "id": id}))
        .collect();
    let body = json!({"operations": operations});
    connection.post("/v1/bulk", &body).expect(200);

    // Nothing leaves while the disk stalls.
    let stall = orders.stall();
    thread::scope(|scope| {
        let bulks: Vec<_> = (0..BULKS)
            .map(|_| {
                let mut connection = server.connect();
                scope.spawn(move || earn_in_bulk(&mut connection))
            })
            .collect();
        until_full(&server);
        let reply = connection.post("/v1/wallets/1/earn", &json!({"amount": 1}));
        let reply = reply.expect_problem(503, "overloaded");
        assert!(reply.header("retry-after").is_some());
        connection.get("/livez").expect(200);
        let memory = server.memory_peak();
        assert!(memory < MEMORY_BYTES_MAX, "{memory} bytes");
        drop(stall);
        for bulk in bulks {
            assert_eq!(bulk.join().expect("a bulk ends"), OPERATIONS);
        }
    });
    connection
        .post("/v1/wallets/1/earn", &json!({"amount": 1}))
        .expect(201);
    let wallets = (1..=WALLETS).map(|id| connection.get(&format!("/v1/wallets/{id}")).expect(200));
    let sum: u64 = wallets
        .filter_map(|wallet| wallet.json()["balance"].as_u64())
        .sum();
    assert_eq!(sum, (BULKS * OPERATIONS) as u64 + 1);
    let ended = server.stop();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
}

#[test]
fn above_the_queue_of_one_wallet_requests_are_refused_and_others_go_on() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    let beyond = 100;
    runtime.block_on(async {
        let inside = Inside::new(1);
        let engine = inside.open().await;
        for id in [1, 2] {
            let command = Command::CreateWallet(CreateWallet {
                wallet: wallet(id),
                owner: Owner::user(id),
            });
            engine
                .submit(Request { command, key: None })
                .await
                .expect("a new wallet");
        }
        // One thread runs all of these before it comes to the wallet's actor.
        let mut asked = JoinSet::new();
        for _ in 0..QUEUED_MAX as usize + beyond {
            let engine = engine.clone();
            asked.spawn(async move { engine.submit(earn(1)).await });
        }
        let other = engine.clone();
        let other = tokio::spawn(async move { other.submit(earn(2)).await });
        let (mut kept, mut refused) = (0, 0);
        while let Some(outcome) = asked.join_next().await {
            match outcome.expect("a task ends") {
                Ok(_) => kept += 1,
                Err(refusal) => {
                    assert_eq!(refusal, Refusal::EntityBusy);
                    refused += 1;
                }
            }
        }
        assert!(refused > 0, "the queue has no end");
        assert!(
            kept >= QUEUED_MAX as usize,
            "{kept} kept, {refused} refused"
        );
        other
            .await
            .expect("a task ends")
            .expect("another wallet is free");
        let view = engine.wallet(wallet(1)).await.expect("it is there");
        assert_eq!(view.free, kept as i64);
        engine.shutdown().await;
    });
}

fn wallet(id: u64) -> WalletId {
    WalletId::new(id).expect("in range")
}

fn earn(id: u64) -> Request {
    let command = Command::Earn(Grant {
        wallet: wallet(id),
        amount: Amount::new(1).expect("in range"),
        expiry: Expiry::Never,
        description: Description::default(),
    });
    Request { command, key: None }
}

/// One bulk request; gives back how many of its operations were carried out.
fn earn_in_bulk(connection: &mut Connection) -> usize {
    let operations: Vec<Value> = (0..OPERATIONS)
        .map(|at| json!({"op": "earn", "wallet": at % WALLETS + 1, "amount": 1}))
        .collect();
    let reply = connection
        .post("/v1/bulk", &json!({"operations": operations}))
        .expect(200);
    let results = reply.json();
    let results = results["results"].as_array().expect("results");
    results
        .iter()
        .filter(|result| result["status"] == 201)
        .count()
}

/// Asks the operator's side until there is no room for another act.
fn until_full(server: &Server) {
    let mut admin = server.connect_admin();
    loop {
        let status = admin.get("/admin/status").expect(200).json();
        let in_flight = status["in_flight"].as_u64().expect("a number");
        assert!(in_flight <= IN_FLIGHT_MAX as u64, "{status}");
        if in_flight == IN_FLIGHT_MAX as u64 {
            return;
        }
    }
}
