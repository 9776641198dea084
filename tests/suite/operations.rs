//! The life of the process: one server a directory, an orderly end, bounds that hold, flags that are checked.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;

use serde_json::json;
use tests::audit::Audit;
use tests::http::Connection;
use tests::launch::Launch;
use tests::ledger::{self, Fate, Job, Ledger};
use tests::wal_tool::WalTool;

const LOCK_HELD: i32 = 16;
const USAGE: i32 = 2;

const CLIENTS: usize = 16;

#[test]
fn a_second_server_on_a_directory_says_who_holds_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let launch = Launch::new(&folder.path().join("points"));
    let first = launch.start();
    let ended = launch.refuse();
    assert_eq!(ended.status.code(), Some(LOCK_HELD), "{}", ended.stderr);
    let holder = first.pid().to_string();
    assert!(
        ended.stderr.contains(&holder),
        "pid {holder} in {}",
        ended.stderr
    );
    // The first one is none the worse for it.
    first
        .connect()
        .post("/v1/wallets", &json!({"id": 1}))
        .expect(201);
    first.kill();
    launch.start().connect().get("/v1/wallets/1").expect(200);
}

#[test]
fn a_supervisor_is_told_when_it_is_ready_and_when_it_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("supervisor");
    let supervisor = UnixDatagram::bind(&socket).expect("a socket");
    let path = socket.to_str().expect("a plain path");
    let launch = Launch::new(&folder.path().join("points")).variable("NOTIFY_SOCKET", path);
    let heard = || {
        let mut told = [0; 64];
        let len = supervisor.recv(&mut told).expect("a datagram");
        String::from_utf8_lossy(&told[..len]).into_owned()
    };
    let server = launch.start();
    assert_eq!(heard(), "READY=1");
    server.connect().get("/readyz").expect(200);
    let ended = server.stop();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert_eq!(heard(), "STOPPING=1");
    // A supervisor that has gone is no reason not to serve.
    drop(supervisor);
    launch.start().connect().get("/readyz").expect(200);
}

#[test]
fn sigterm_under_load_finishes_what_is_in_flight() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = folder.path().join("points");
    let launch = Launch::new(&points);
    let mut server = launch.start();
    server
        .connect()
        .post("/v1/wallets", &json!({"id": 1}))
        .expect(201);
    let address = server.http;
    let (answers, answered) = channel();
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let answers = answers.clone();
            let path = folder.path().join(format!("{client}.ledger"));
            scope.spawn(move || {
                let mut ledger = Ledger::create(&path);
                let mut connection = Connection::open(address).expect("the server listens");
                for at in 0.. {
                    let tag = format!("t{client}-{at}");
                    let path = "/v1/wallets/1/earn".to_owned();
                    let job = Job::new(tag, path, json!({"amount": 1}), false);
                    match ledger.carry_out(&job, &mut connection) {
                        Fate::Acknowledged(_) => {}
                        Fate::Refused(code) => {
                            assert_eq!(code, "draining");
                            return;
                        }
                        Fate::Unknown => return,
                    }
                    // Nobody counts any more once the end has begun.
                    let _ = answers.send(());
                }
            });
        }
        assert_eq!(answered.iter().take(500).count(), 500);
        server.terminate();
    });
    let ended = server.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    WalTool::on(&points).run(&["verify", "--deep"]).expect(0);
    let server = launch.start();
    assert!(
        server.banner.join("\n").contains("clean"),
        "{:?}",
        server.banner
    );
    let mut audit = Audit::default();
    audit.read_on(&mut server.connect(), [1]);
    let mut acknowledged = 0;
    for client in 0..CLIENTS {
        let fates = ledger::read(&folder.path().join(format!("{client}.ledger")));
        audit.hold_against(&fates);
        acknowledged += fates
            .values()
            .filter(|fate| matches!(fate, Fate::Acknowledged(_)))
            .count();
    }
    // A drain answers everything that it carries out: nothing is in the log that nobody was told of.
    assert_eq!(audit.balance(1), acknowledged as u64);
}

#[test]
fn keys_beyond_the_table_are_refused_until_there_is_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let launch = Launch::new(&folder.path().join("points")).flag("--max-keys", 50);
    let server = launch.start();
    let mut connection = server.connect();
    connection
        .post("/v1/wallets", &json!({"id": 1}))
        .expect(201);
    let body = json!({"amount": 1});
    let replies: Vec<_> = (0..200)
        .map(|key| connection.post_keyed("/v1/wallets/1/earn", &format!("k{key}"), &body))
        .collect();
    let refused: Vec<_> = replies.iter().filter(|reply| reply.status != 201).collect();
    assert!(
        !refused.is_empty() && refused.len() < 200,
        "{} refused",
        refused.len()
    );
    for reply in refused {
        let reply = reply.clone().expect_problem(503, "key-table-full");
        assert!(reply.header("retry-after").is_some());
    }
    // Whoever has no key is served, and a remembered one is remembered.
    connection.post("/v1/wallets/1/earn", &body).expect(201);
    let again = connection
        .post_keyed("/v1/wallets/1/earn", "k0", &body)
        .expect(201);
    assert_eq!(again.body, replies[0].body);
}

#[test]
fn connections_beyond_the_bound_are_told_to_come_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let launch = Launch::new(&folder.path().join("points")).flag("--connections-max", 8);
    let server = launch.start();
    let mut within: Vec<Connection> = (0..8).map(|_| server.connect()).collect();
    for connection in &mut within {
        connection.get("/livez").expect(200);
    }
    let mut beyond = server.connect();
    let reply = beyond.reply_to("GET").expect("an answer");
    assert_eq!(reply.status, 503);
    assert!(reply.header("retry-after").is_some());
    // The operator's side has room of its own.
    server.connect_admin().get("/readyz").expect(200);
    for connection in &mut within {
        connection.get("/livez").expect(200);
    }
}

#[test]
fn flags_are_checked_before_anything_is_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = folder.path().join("points");
    let rows = [
        Launch::new(&points).flag("--segment-bytes", 5_000),
        Launch::new(&points).flag("--segment-bytes", "many"),
        Launch::new(&points).flag("--sync", "never"),
        Launch::new(&points).flag("--listen", "nowhere"),
        Launch::new(&points).flag("--listen", "0.0.0.0:0"),
        Launch::new(&points).flag("--key-window", "10s"),
        Launch::new(&points).switch("--no-such-flag"),
        Launch::new(&points).variable("SCRIP_SYNC", "never"),
    ];
    for launch in rows {
        let ended = launch.refuse();
        assert_eq!(
            ended.status.code(),
            Some(USAGE),
            "{launch:?}: {}",
            ended.stderr
        );
        assert!(!ended.stderr.is_empty(), "{launch:?}");
        assert!(!points.exists(), "{launch:?} made a directory");
    }
}

#[test]
fn a_settings_file_is_read_and_unknown_keys_in_it_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = folder.path().join("points");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file can be written");
        path
    };
    let good = write("good.toml", "max-keys = 3\n");
    let server = with_settings(&points, &good).start();
    let mut connection = server.connect();
    connection
        .post("/v1/wallets", &json!({"id": 1}))
        .expect(201);
    let full = (0..50)
        .map(|key| {
            connection.post_keyed(
                "/v1/wallets/1/earn",
                &format!("k{key}"),
                &json!({"amount": 1}),
            )
        })
        .any(|reply| reply.code() == "key-table-full");
    assert!(full, "the file's bound holds");
    server.stop();
    let bad = write("bad.toml", "max-keys = 3\nmax-kyes = 4\n");
    let ended = with_settings(&points, &bad).refuse();
    assert_eq!(ended.status.code(), Some(USAGE), "{}", ended.stderr);
    assert!(ended.stderr.contains("max-kyes"), "{}", ended.stderr);
}

#[test]
fn logs_are_text_or_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = folder.path().join("points");
    let server = Launch::new(&points).flag("--log-format", "json").start();
    server.connect().get("/livez").expect(200);
    let ended = server.stop();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let logged = ended.stderr.lines().chain(ended.stdout.lines());
    let mut lines = 0;
    for line in logged {
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(line);
        assert!(parsed.is_ok(), "not JSON: {line}");
        lines += 1;
    }
    assert!(lines > 0, "a drain is worth a line");
}

#[test]
fn both_ways_of_syncing_keep_what_they_acknowledge() {
    for mode in ["fdatasync", "direct"] {
        // Not in a folder in memory: O_DIRECT wants a disk below it.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let launch = Launch::new(&folder.path().join("points")).flag("--sync", mode);
        let server = launch.start();
        assert!(
            server.banner.join("\n").contains(mode),
            "{:?}",
            server.banner
        );
        let mut connection = server.connect();
        connection
            .post("/v1/wallets", &json!({"id": 1}))
            .expect(201);
        for _ in 0..50 {
            connection
                .post("/v1/wallets/1/earn", &json!({"amount": 1}))
                .expect(201);
        }
        server.kill();
        let wallet = launch
            .start()
            .connect()
            .get("/v1/wallets/1")
            .expect(200)
            .json();
        assert_eq!(wallet["balance"], 50, "{mode}");
    }
}

fn with_settings(points: &Path, file: &Path) -> Launch {
    Launch::new(points).flag("--config", file.display())
}
