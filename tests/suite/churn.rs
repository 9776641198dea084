//! Far more wallets than there may be actors: each is put to rest and woken again all the time, in the middle
//! of opposite transfers and cycles of five. No point is made or lost, no message is lost or reordered.

use std::net::SocketAddr;
use std::thread;

use serde_json::{Value, json};
use tests::audit::Audit;
use tests::http::Connection;
use tests::launch::Launch;
use tests::random::Random;
use tests::scale;

const WALLETS: u64 = 60;

/// A fraction of the wallets, yet enough for all clients at once.
const ACTIVE_MAX: u64 = 24;

const CLIENTS: u64 = 12;

/// Requests of one client.
const REQUESTS: usize = 400;

const OPENING: u64 = 1_000;

#[test]
fn wallets_that_come_and_go_keep_every_point() {
    let seed = Random::seed();
    let folder = tempfile::tempdir().expect("a folder");
    let launch = Launch::new(&folder.path().join("points"))
        .flag("--max-active", ACTIVE_MAX)
        .flag("--idle", "1ms");
    let server = launch.start();
    open_wallets(&mut server.connect());
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let address = server.http;
            scope.spawn(move || move_points(address, client, &mut Random::new(seed ^ client)));
        }
    });
    let mut audit = Audit::default();
    audit.read_on(&mut server.connect(), 1..=WALLETS);
    let sum: u64 = (1..=WALLETS).map(|wallet| audit.balance(wallet)).sum();
    assert_eq!(sum, WALLETS * OPENING);
    let moved: u64 = (1..=WALLETS).map(|wallet| audit.version(wallet) - 2).sum();
    assert_eq!(
        moved,
        2 * CLIENTS * scale::times(REQUESTS) as u64,
        "two legs a transfer"
    );
    let status = server
        .connect_admin()
        .get("/admin/status")
        .expect(200)
        .json();
    let active = status["active_entities"].as_u64().expect("a number");
    assert!(active <= ACTIVE_MAX, "{status}");
    let ended = server.stop();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);

    // And all of it again from the log alone.
    let server = launch.start();
    let mut again = Audit::default();
    again.read_on(&mut server.connect(), 1..=WALLETS);
    for wallet in 1..=WALLETS {
        assert_eq!(
            again.balance(wallet),
            audit.balance(wallet),
            "wallet {wallet}"
        );
    }
}

fn open_wallets(connection: &mut Connection) {
    let operations: Vec<Value> = (1..=WALLETS)
        .flat_map(|id| {
            let earn = json!({"op": "earn", "wallet": id, "amount": OPENING});
            [json!({"op": "create", "id": id}), earn]
        })
        .collect();
    let reply = connection
        .post("/v1/bulk", &json!({"operations": operations}))
        .expect(200)
        .json();
    let results = reply["results"].as_array().expect("results");
    assert!(
        results.iter().all(|result| result["status"] == 201),
        "{reply}"
    );
}

/// Transfers of one point: a pair of wallets to and fro, or round a cycle of five; neighbours start elsewhere
/// in the same cycle and go against each other.
fn move_points(address: SocketAddr, client: u64, random: &mut Random) {
    let mut connection = Connection::open(address).expect("the server listens");
    for at in 0..scale::times(REQUESTS) as u64 {
        let ring = random.below(WALLETS / 5) * 5;
        let step = if client.is_multiple_of(2) { 1 } else { 4 };
        let from = ring + (at + client) % 5;
        let to = ring + (from - ring + step) % 5;
        let body = json!({"from": from + 1, "to": to + 1, "amount": 1});
        loop {
            let reply = connection.post("/v1/transfers", &body);
            match (reply.status, reply.code().as_str()) {
                (201, _) => break,
                // More wallets than may be awake are wanted at this very moment.
                (503, "overloaded") => {}
                _ => panic!("{}: {}", reply.status, reply.text()),
            }
        }
    }
}
