//! kill -9 under load, again and again: whatever was acknowledged is there, nothing is there twice, nothing
//! is there that nobody asked for, every balance adds up, and the directory stays small.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use serde_json::json;
use tests::audit::Audit;
use tests::http::Connection;
use tests::launch::{Launch, Server};
use tests::ledger::{self, Fate, Job, Ledger};
use tests::random::Random;
use tests::scale;
use tests::wal_tool::WalTool;

/// Few, so that they meet.
const WALLETS: u64 = 5;

const CLIENTS: u64 = 8;

/// Cycles of an everyday run; `make soak` asks for a thousand.
const CYCLES: usize = 5;

/// However many cycles there were.
const DIRECTORY_BYTES_MAX: u64 = 1 << 30;

/// One cycle's clients share this.
struct Cycle<'a> {
    number: usize,
    seed: u64,
    folder: &'a Path,
    server: SocketAddr,
    answers: Sender<()>,
}

#[test]
fn nothing_acknowledged_is_lost_in_kill_cycles() {
    run_cycles(|launch| launch, |_| {});
}

/// Segments are full after a dozen groups, and each makes a snapshot: nearly every kill meets one on its way.
#[test]
fn nothing_is_lost_when_snapshots_are_killed_on_their_way() {
    let mut from_snapshot = 0;
    run_cycles(
        |launch| {
            let launch = launch.flag("--segment-bytes", "64KiB");
            launch.flag("--snapshot-every-bytes", 1)
        },
        |server| {
            let path = "/readyz?verbose";
            let opening = &server.connect().get(path).expect(200).json()["opening"];
            let warnings = opening["warnings"].to_string();
            assert!(!warnings.contains("snapshot"), "{warnings}");
            from_snapshot += usize::from(!opening["snapshot"].is_null());
            // The worker leaves the cores to the callers, so a kill may come before its first one is whole.
            let asked = server
                .connect_admin()
                .request("POST", "/admin/snapshot", &[], None);
            asked.expect("the operator is answered").expect(200);
        },
    );
    assert!(from_snapshot > 0, "no start ever found a snapshot");
}

/// Runs a server under load and kills it, again and again; `started` looks at each one that starts on what was left.
fn run_cycles(set_up: impl Fn(Launch) -> Launch, mut started: impl FnMut(&Server)) {
    let seed = Random::seed();
    let folder = tempfile::tempdir().expect("a folder");
    let points = folder.path().join("points");
    let launch = set_up(Launch::new(&points));
    let mut random = Random::new(seed);
    let mut audit = Audit::default();
    let mut submitted = BTreeSet::new();
    let mut server = launch.start();
    open_wallets(&server);
    for number in 0..scale::times(CYCLES) {
        let answers = random.between(1, 600) as usize;
        let seed = random.number();
        let mut fates = load_and_kill(&server, folder.path(), number, seed, answers);
        drop(server);
        server = launch.start();
        started(&server);
        ask_again(&server, &mut fates);
        audit.read_on(&mut server.connect(), 1..=WALLETS);
        audit.hold_against(&fates);
        submitted.extend(fates.into_keys());
        for tag in audit.tags() {
            assert!(submitted.contains(tag), "nobody asked for {tag}");
        }
        assert!(bytes_below(&points) < DIRECTORY_BYTES_MAX, "cycle {number}");
    }
    let ended = server.stop();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    WalTool::on(&points).run(&["verify", "--deep"]).expect(0);
}

fn open_wallets(server: &Server) {
    let mut connection = server.connect();
    for wallet in 1..=WALLETS {
        connection
            .post("/v1/wallets", &json!({"id": wallet}))
            .expect(201);
    }
}

/// Lets the clients ask, kills the server after so many answers, and reads what the clients wrote down.
fn load_and_kill(
    server: &Server,
    folder: &Path,
    number: usize,
    seed: u64,
    answers: usize,
) -> BTreeMap<String, Fate> {
    let (sender, answered) = channel();
    let cycle = Cycle {
        number,
        seed,
        folder,
        server: server.http,
        answers: sender,
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let cycle = &cycle;
                scope.spawn(move || cycle.run_client(client))
            })
            .collect();
        assert_eq!(answered.iter().take(answers).count(), answers);
        server.kill_now();
        for client in clients {
            client.join().expect("a client ends");
        }
    });
    let mut fates = BTreeMap::new();
    for client in 0..CLIENTS {
        let path = cycle.path(client);
        fates.extend(ledger::read(&path));
        std::fs::remove_file(path).expect("a ledger that was read can go");
    }
    fates
}

/// Keyed requests without an answer are asked again, word for word; afterwards they have one.
fn ask_again(server: &Server, fates: &mut BTreeMap<String, Fate>) {
    let mut connection = server.connect();
    for (tag, fate) in fates.iter_mut().filter(|(_, fate)| **fate == Fate::Unknown) {
        let job = job(tag);
        if job.keyed {
            let reply = job.send(&mut connection).expect("the server answers");
            *fate = Fate::of(&reply);
            assert_ne!(*fate, Fate::Unknown, "{tag} still has no answer");
        }
    }
}

// === impl Cycle ===

impl Cycle<'_> {
    fn path(&self, client: u64) -> PathBuf {
        self.folder
            .join(format!("cycle-{}-{client}.ledger", self.number))
    }

    /// Asks until the server is gone.
    fn run_client(&self, client: u64) {
        let mut ledger = Ledger::create(&self.path(client));
        let mut random = Random::new(self.seed ^ client);
        let mut connection = Connection::open(self.server).expect("the server listens");
        loop {
            let tag = format!("c{}-{client}-{:x}", self.number, random.number());
            if ledger.carry_out(&job(&tag), &mut connection) == Fate::Unknown {
                return;
            }
            // Nobody counts any more once the server is to be killed.
            let _ = self.answers.send(());
        }
    }
}

/// The request that a tag stands for: everything about it follows from its letters, so that it can be asked
/// again by whoever reads the tag.
fn job(tag: &str) -> Job {
    let seed = tag
        .bytes()
        .fold(0, |seed: u64, byte| seed.wrapping_mul(31) + u64::from(byte));
    let mut random = Random::new(seed);
    let keyed = random.chance(50);
    let wallet = random.between(1, WALLETS);
    let amount = random.between(1, 100);
    let body = json!({"amount": amount});
    match random.below(4) {
        0 => Job::new(
            tag.to_owned(),
            format!("/v1/wallets/{wallet}/charge"),
            body,
            keyed,
        ),
        1 => Job::new(
            tag.to_owned(),
            format!("/v1/wallets/{wallet}/earn"),
            body,
            keyed,
        ),
        2 => Job::new(
            tag.to_owned(),
            format!("/v1/wallets/{wallet}/use"),
            body,
            keyed,
        ),
        _ => {
            let to = wallet % WALLETS + 1;
            let body = json!({"from": wallet, "to": to, "amount": amount});
            Job::new(tag.to_owned(), "/v1/transfers".to_owned(), body, keyed)
        }
    }
}

/// Blocks on disk, not lengths: what was punched out is free.
fn bytes_below(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = std::fs::read_dir(folder).expect("the directory can be listed");
    let files = entries.filter_map(|entry| entry.ok()?.metadata().ok());
    files.map(|file| file.blocks() * 512).sum()
}
