//! Disks that fail, fill up and stall, under a whole server.
//!
//! The full disk is a real one: a small file system in memory, where the test may mount one. Besides, and for
//! the other faults, the server's own program runs over a disk that takes orders: `faulty-server`, which is
//! `server/src/main.rs` compiled with the engine's test hooks. The shipped binary has none.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::mount::{MountFlags, UnmountFlags, mount, mount_remount, unmount};
use serde_json::{Value, json};
use tests::audit::Audit;
use tests::http::Connection;
use tests::launch::{Launch, Server};
use tests::ledger::{self, Fate, Job, Ledger};
use tests::orders::Orders;
use tests::wal_tool::WalTool;

/// What the process says with its exit code when the disk failed.
const POISONED: i32 = 70;

const CLIENTS: usize = 8;

/// Small segments fill a small disk soon.
const SEGMENT_BYTES: u64 = 256 * 1024;

/// Room for a handful of segments.
const DISK_BYTES: u64 = 4 << 20;

const LARGER_DISK_BYTES: u64 = 32 << 20;

/// A server looks for room about twice a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// Far more bulk requests than a small disk takes.
const REQUESTS_MAX: usize = 2_000;

fn faulty_server() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_faulty-server"))
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_and_the_server_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = folder.path().join("points");
    let orders = Orders::none(folder.path().join("orders"));
    let server = orders
        .given_to(Launch::new(&points), faulty_server())
        .start();
    server
        .connect()
        .post("/v1/wallets", &json!({"id": 1}))
        .expect(201);
    let (answers, answered) = channel();
    let address = server.http;
    let mut fates = BTreeMap::new();
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let answers = answers.clone();
            let path = folder.path().join(format!("{client}.ledger"));
            scope.spawn(move || earn_until_the_end(address, client, &path, &answers));
        }
        assert_eq!(answered.iter().take(300).count(), 300);
        orders.fail_syncs();
    });
    let ended = server.wait();
    assert_eq!(ended.status.code(), Some(POISONED), "{}", ended.stderr);
    for client in 0..CLIENTS {
        let path = folder.path().join(format!("{client}.ledger"));
        fates.extend(ledger::read(&path));
    }
    let unknown = fates
        .values()
        .filter(|fate| **fate == Fate::Unknown)
        .count();
    assert!(
        unknown > 0,
        "whoever waited for the failed sync was told that nobody knows"
    );

    // The next start decides, and what was acknowledged is there.
    let server = Launch::new(&points).start();
    let mut audit = Audit::default();
    audit.read_on(&mut server.connect(), [1]);
    audit.hold_against(&fates);
    drop(server.stop());
    WalTool::on(&points).run(&["verify", "--deep"]).expect(0);
}

fn earn_until_the_end(address: SocketAddr, client: usize, path: &Path, answers: &Sender<()>) {
    let mut ledger = Ledger::create(path);
    let mut connection = Connection::open(address).expect("the server listens");
    for at in 0.. {
        let path = "/v1/wallets/1/earn".to_owned();
        let job = Job::new(
            format!("f{client}-{at}"),
            path,
            json!({"amount": 1}),
            at % 2 == 0,
        );
        match ledger.carry_out(&job, &mut connection) {
            Fate::Acknowledged(_) => {}
            Fate::Refused(_) | Fate::Unknown => return,
        }
        // Nobody counts any more once the disk has failed.
        let _ = answers.send(());
    }
}

#[test]
fn a_disk_that_fills_up_refuses_and_reads_and_recovers() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = folder.path().join("points");
    let orders = Orders::none(folder.path().join("orders"));
    let launch = Launch::new(&points).flag("--segment-bytes", SEGMENT_BYTES);
    let server = orders.given_to(launch, faulty_server()).start();
    create_wallet(&server);
    orders.fill();
    let earned = earn_until_full(&server);
    reads_go_on(&server, earned);
    orders.make_room();
    earn_again(&server, earned);
    server.stop();
    WalTool::on(&points).run(&["verify", "--deep"]).expect(0);
}

#[test]
fn a_small_file_system_that_fills_up_refuses_and_reads_and_recovers() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = SmallDisk::mount(folder.path()) else {
        // The same was seen above on a disk that was ordered to be full.
        assert!(!rustix::process::geteuid().is_root(), "root may mount");
        return;
    };
    let points = folder.path().join("points");
    let launch = Launch::new(&points).flag("--segment-bytes", SEGMENT_BYTES);
    let server = launch.start();
    create_wallet(&server);
    let earned = earn_until_full(&server);
    reads_go_on(&server, earned);

    // Killed and started again on the full disk, it still reads, or says at once that it cannot start.
    server.kill();
    disk.enlarge();
    let server = launch.start();
    earn_again(&server, earned);
    server.stop();
    WalTool::on(&points).run(&["verify", "--deep"]).expect(0);
}

#[test]
fn a_full_file_system_that_is_enlarged_is_used_without_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = SmallDisk::mount(folder.path()) else {
        assert!(!rustix::process::geteuid().is_root(), "root may mount");
        return;
    };
    let points = folder.path().join("points");
    let server = Launch::new(&points)
        .flag("--segment-bytes", SEGMENT_BYTES)
        .start();
    create_wallet(&server);
    let earned = earn_until_full(&server);
    disk.enlarge();
    earn_again(&server, earned);
    let ended = server.stop();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    WalTool::on(&points).run(&["verify", "--deep"]).expect(0);
}

/// A file system in memory, gone when this is dropped.
struct SmallDisk<'a> {
    folder: &'a Path,
}

// === impl SmallDisk ===

impl<'a> SmallDisk<'a> {
    /// `None` where the test may not mount.
    fn mount(folder: &'a Path) -> Option<Self> {
        let size = std::ffi::CString::new(format!("size={DISK_BYTES}")).ok()?;
        let mounted = mount(
            "none",
            folder,
            "tmpfs",
            MountFlags::empty(),
            size.as_c_str(),
        );
        mounted.ok().map(|()| Self { folder })
    }

    fn enlarge(&self) {
        let size = format!("size={LARGER_DISK_BYTES}");
        mount_remount(self.folder, MountFlags::empty(), size.as_str()).expect("it can grow");
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let gone = unmount(self.folder, UnmountFlags::DETACH);
        if !thread::panicking() {
            gone.expect("it can be unmounted");
        }
    }
}

fn create_wallet(server: &Server) {
    server
        .connect()
        .post("/v1/wallets", &json!({"id": 1}))
        .expect(201);
}

/// Earns one point at a time, many in a request, until the disk is full; gives back how many there are.
fn earn_until_full(server: &Server) -> u64 {
    let mut connection = server.connect();
    let operation = json!({"op": "earn", "wallet": 1, "amount": 1});
    let body = json!({"operations": vec![operation; 500]});
    let mut earned = 0;
    for _ in 0..REQUESTS_MAX {
        let reply = connection.post("/v1/bulk", &body).expect(200).json();
        let results = reply["results"].as_array().expect("results");
        earned += results
            .iter()
            .filter(|result| result["status"] == 201)
            .count() as u64;
        let refused: Vec<&Value> = results
            .iter()
            .filter(|result| result["status"] != 201)
            .collect();
        if !refused.is_empty() {
            for result in refused {
                assert_eq!(
                    (&result["status"], &result["code"]),
                    (&json!(503), &json!("storage-full"))
                );
            }
            return earned;
        }
    }
    panic!("{earned} acts fit onto a full disk");
}

/// Full means full: commands are refused, and everything else goes on.
fn reads_go_on(server: &Server, earned: u64) {
    let mut connection = server.connect();
    let reply = connection.post("/v1/wallets/1/earn", &json!({"amount": 1}));
    let reply = reply.expect_problem(503, "storage-full");
    assert!(reply.header("retry-after").is_some());
    let wallet = connection.get("/v1/wallets/1").expect(200).json();
    assert_eq!(wallet["balance"], earned);
    let page = connection
        .get("/v1/wallets/1/transactions?limit=500")
        .expect(200)
        .json();
    assert_eq!(page["items"].as_array().map(Vec::len), Some(500));
    connection.get("/livez").expect(200);
}

/// There is room: the server finds out by itself. Asking again is all that a client has to do.
fn earn_again(server: &Server, earned: u64) {
    let mut connection = server.connect();
    let patience = Instant::now() + PATIENCE;
    loop {
        let reply = connection.post("/v1/wallets/1/earn", &json!({"amount": 1}));
        if reply.status == 201 {
            assert_eq!(reply.json()["balance"], earned + 1);
            break;
        }
        reply.expect_problem(503, "storage-full");
        assert!(
            Instant::now() < patience,
            "there is room, and still it refuses"
        );
    }
    let mut audit = Audit::default();
    audit.read_on(&mut connection, [1]);
    assert_eq!(audit.balance(1), earned + 1);
}
