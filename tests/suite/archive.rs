//! kill -9 while snapshots are made and segments are archived: always one complete log, and nothing lost.

use std::fs;
use std::path::Path;
use std::thread;

use serde_json::{Value, json};
use tests::http::Connection;
use tests::launch::{Launch, Server};
use tests::random::Random;
use tests::scale;
use tests::segments;
use tests::wal_tool::WalTool;

/// The smallest segments, so that every round fills some.
const SEGMENT_BYTES: u64 = 64 * 1024;

/// Rounds of an everyday run.
const ROUNDS: usize = 4;

/// Operations of a round: a few segments of them.
const OPERATIONS: usize = 3_000;

const WALLET: u64 = 1;

/// A byte of a record that its checksum covers.
const DAMAGED_BYTE: usize = 8;

/// Starts that are cut off in an everyday run.
const RECOVERIES: usize = 20;

/// Looks at a directory within which a start is over on any machine.
const RECOVERY_LOOKS: u64 = 6_000;

#[test]
fn a_server_killed_while_it_archives_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = folder.path().join("points");
    let launch = Launch::new(&points)
        .flag("--segment-bytes", SEGMENT_BYTES)
        .flag("--compact-after-bytes", 0);
    let mut random = Random::new(Random::seed());
    let mut server = launch.start();
    server
        .connect()
        .post("/v1/wallets", &json!({"id": WALLET}))
        .expect(201);
    for round in 0..scale::times(ROUNDS) {
        fill(&server);
        snapshot(&server);
        fill(&server);
        snapshot(&server);
        // Small segments are filled faster than they are made ready, and then some grants are refused.
        let balance = held(&server);
        let delay = random.below(400);
        kill_while_archiving(&server, delay);
        drop(server);
        WalTool::on(&points).run(&["verify", "--deep"]).expect(0);
        server = launch.start();
        assert_eq!(held(&server), balance, "round {round}, {delay} looks");
        // What was begun is finished, and everything reads as before.
        let done = server
            .connect_admin()
            .post("/admin/compact", &json!({}))
            .expect(200)
            .json();
        assert!(done["segments"].is_u64(), "{done}");
        assert_eq!(held(&server), balance);
        first_act(&mut server.connect());
    }
    assert!(archives(&points) >= 1);
    let ended = server.stop();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    WalTool::on(&points).run(&["verify", "--deep"]).expect(0);
    let planned = WalTool::on(&points).run(&["compact", "--dry-run"]);
    planned.expect(0);
}

#[test]
fn a_damaged_segment_is_why_nothing_was_archived() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = folder.path().join("points");
    let launch = Launch::new(&points)
        .flag("--segment-bytes", SEGMENT_BYTES)
        .flag("--compact-after-bytes", 0);
    let server = launch.start();
    server
        .connect()
        .post("/v1/wallets", &json!({"id": WALLET}))
        .expect(201);
    for _ in 0..2 {
        fill(&server);
        snapshot(&server);
    }
    let oldest = segments::read(&points).remove(0);
    let place = oldest.records[0].at + DAMAGED_BYTE;
    oldest.flip(place, 3);
    let mut admin = server.connect_admin();
    let refused = admin.post("/admin/compact", &json!({}));
    let problem = refused.expect_problem(500, "compaction-failed").json();
    let detail = problem["detail"].as_str().expect("a reason");
    assert!(detail.contains(&oldest.name()), "{detail}");
    // Nothing was moved, and with the segment whole again everything is.
    fs::write(&oldest.path, &oldest.bytes).expect("the segment can be written");
    let done = admin.post("/admin/compact", &json!({})).expect(200).json();
    assert_eq!(done["first_lsn"], 1, "{done}");
    first_act(&mut server.connect());
}

#[test]
fn a_backup_of_an_archived_store_opens_and_goes_back_to_any_moment() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let text = |name: &str| at(name).to_str().expect("a path").to_owned();
    let launch = |name: &str| {
        Launch::new(&at(name))
            .flag("--segment-bytes", SEGMENT_BYTES)
            .flag("--compact-after-bytes", 0)
    };
    let server = launch("points").start();
    server
        .connect()
        .post("/v1/wallets", &json!({"id": WALLET}))
        .expect(201);
    for _ in 0..2 {
        fill(&server);
        snapshot(&server);
    }
    let done = server
        .connect_admin()
        .post("/admin/compact", &json!({}))
        .expect(200)
        .json();
    assert!(done["segments"].as_u64().expect("a count") > 0, "{done}");
    let balance = held(&server);
    server.stop();

    let backups = WalTool::on(&at("backups"));
    let create = ["backup", "create", "--from", &text("points"), "--to"];
    backups.run(&create).expect(0);
    let mut generations = fs::read_dir(at("backups")).expect("backups");
    let generation = generations.next().expect("one").expect("readable").path();
    // One grant a record behind the creation: at this LSN, long archived, there were so many less one.
    let lsn = done["last_lsn"].as_u64().expect("an LSN") / 2;
    let from = generation.to_str().expect("a path");
    let restore = ["restore", "--from", from, "--to-lsn", &lsn.to_string()];
    let then = WalTool::on(&at("then"));
    then.run(&[&restore[..], &["--out"]].concat()).expect(0);
    fs::rename(&generation, at("copy")).expect("a move");
    for (name, expected) in [("copy", balance), ("then", lsn - 1)] {
        let server = launch(name).start();
        assert_eq!(held(&server), expected, "{name}");
        first_act(&mut server.connect());
        server.stop();
    }
}

#[test]
fn a_server_killed_while_it_recovers_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = folder.path().join("points");
    let launch = Launch::new(&points).flag("--segment-bytes", SEGMENT_BYTES);
    let mut random = Random::new(Random::seed());
    let server = launch.start();
    server
        .connect()
        .post("/v1/wallets", &json!({"id": WALLET}))
        .expect(201);
    for _ in 0..2 {
        fill(&server);
        snapshot(&server);
    }
    fill(&server);
    let balance = held(&server);
    drop(server.kill());
    // Each of these finds what the one before has left, of its predecessor's end and of its own.
    for _ in 0..scale::times(RECOVERIES) {
        launch.kill_while_starting(random.below(RECOVERY_LOOKS));
    }
    WalTool::on(&points).run(&["verify", "--deep"]).expect(0);
    let server = launch.start();
    assert_eq!(held(&server), balance);
    first_act(&mut server.connect());
    let ended = server.stop();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
}

/// Grants in one request.
fn fill(server: &Server) {
    let operations: Vec<Value> = (0..OPERATIONS)
        .map(|_| json!({"op": "earn", "wallet": WALLET, "amount": 1}))
        .collect();
    server
        .connect()
        .post("/v1/bulk", &json!({"operations": operations}))
        .expect(200);
}

fn snapshot(server: &Server) {
    let mut admin = server.connect_admin();
    admin.post("/admin/snapshot", &json!({})).expect(200);
}

/// Asks for it and kills the server after so many looks at a directory that changes meanwhile.
fn kill_while_archiving(server: &Server, looks: u64) {
    let mut asking = server.connect_admin();
    thread::scope(|scope| {
        scope.spawn(move || {
            // Whether it comes to an answer is up to the kill.
            drop(asking.request("POST", "/admin/compact", &[], Some(b"{}")));
        });
        let mut admin = server.connect_admin();
        for _ in 0..looks {
            admin.get("/livez").expect(200);
        }
        server.kill_now();
    });
}

fn held(server: &Server) -> u64 {
    let wallet = server.connect().get("/v1/wallets/1").expect(200).json();
    wallet["balance"].as_u64().expect("a balance")
}

/// The oldest act of all lies in the archive.
fn first_act(connection: &mut Connection) {
    let path = "/v1/wallets/1/transactions?order=asc&limit=1";
    let page = connection.get(path).expect(200).json();
    let items = page["items"].as_array().expect("items");
    assert_eq!(items.len(), 1, "{page}");
}

fn archives(points: &Path) -> usize {
    fs::read_dir(points.join("archive")).map_or(0, Iterator::count)
}
