//! Damage on disk, met by the real binaries: what was never acknowledged is dropped without a human, what was
//! acknowledged is missed loudly, with file, offset and LSN.

use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;
use tests::launch::Launch;
use tests::segments::{self, Record, Segment};
use tests::wal_tool::WalTool;

/// Acts of one wallet, each alone in its group.
const ACTS: u64 = 30;

/// Exit codes of the start-up refusal and of `wal-tool` alike.
const TORN: i32 = 10;
const CORRUPT: i32 = 11;

/// A closed directory, with its one segment of acts and one whole record in the middle of it.
struct Store {
    _folder: TempDir,
    path: PathBuf,
    segment: Segment,
    middle: Record,
}

#[test]
fn a_flipped_bit_in_an_acknowledged_record_is_refused() {
    let store = Store::closed();
    let Record { at, .. } = store.middle;
    let places = [
        ("magic", at),
        ("kind", at + 2),
        ("flags", at + 3),
        ("length", at + 4),
        ("highest byte of the length", at + 7),
        ("LSN", at + 8),
        ("time", at + 16),
        ("durable LSN", at + 24),
        ("schema", at + 32),
        ("zero that is reserved", at + 34),
        ("link to the record before", at + 36),
        ("CRC of the body", at + 40),
        ("CRC of the header", at + 44),
        ("first byte of the body", store.middle.body_at()),
        (
            "last byte of the body",
            store.middle.body_at() + store.middle.body - 1,
        ),
    ];
    for (what, place) in places {
        store.refused(what, place, store.middle.lsn);
    }
}

#[test]
fn a_flipped_bit_in_the_padding_of_an_acknowledged_record_is_refused() {
    let store = Store::closed();
    let middle = store.middle;
    assert!(
        middle.next() - middle.padded_end() > 64,
        "there is a gap to damage"
    );
    let body_end = middle.body_at() + middle.body;
    if body_end < middle.padded_end() {
        store.refused("zeros that round the body up", body_end, middle.lsn);
    }
    store.refused("first byte of the gap", middle.padded_end(), middle.lsn);
    store.refused("last byte of the gap", middle.next() - 1, middle.lsn);
}

#[test]
fn a_tail_that_was_cut_off_is_torn_and_serves() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("points");
    let server = Launch::new(&path).start();
    fill(&server);
    // Not closed: a CLOSE would vouch for the last act, and cutting it would be a loss.
    server.kill();
    let segment = active(&path);
    let last = segment.records.iter().rfind(|record| !record.bare);
    cut_at_every_step(folder.path(), &path, *last.expect("there are acts"));
}

/// Cuts inside the last group, and with it whatever stood behind it and vouched for it.
fn cut_at_every_step(folder: &Path, path: &Path, last: Record) {
    for (number, cut) in [last.body_at() + 1, last.body_at(), last.at + 20]
        .into_iter()
        .enumerate()
    {
        let copy = folder.join(format!("cut-{number}"));
        segments::copy(path, &copy);
        active(&copy).blank_from(cut);
        let code = WalTool::on(&copy).run(&["verify"]).code;
        assert_eq!(code, Some(TORN), "cut at {cut}");
        let server = Launch::new(&copy).start();
        let told = server.banner.join("\n");
        assert!(told.contains("torn"), "{told}");
        let wallet = server.connect().get("/v1/wallets/1").expect(200).json();
        assert_eq!(wallet["version"], ACTS, "only the last act is gone");
        let ended = server.stop();
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
        WalTool::on(&copy).run(&["verify", "--deep"]).expect(0);
    }
}

#[test]
fn a_missing_segment_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("points");
    let launch = Launch::new(&path);
    for _ in 0..3 {
        let server = launch.start();
        fill_or_go_on(&server);
        server.stop();
    }
    let segments = segments::read(&path);
    assert!(
        segments.len() >= 3,
        "every start takes a new segment into use"
    );
    std::fs::remove_file(&segments[1].path).expect("a segment can go");
    let ended = launch.refuse();
    assert_eq!(ended.status.code(), Some(12), "{}", ended.stderr);
    WalTool::on(&path).run(&["verify"]).expect(12);
}

// === impl Store ===

impl Store {
    fn closed() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("points");
        let server = Launch::new(&path).start();
        fill(&server);
        let ended = server.stop();
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
        let segment = active(&path);
        let acts: Vec<Record> = segment
            .records
            .iter()
            .filter(|record| !record.bare)
            .copied()
            .collect();
        let middle = acts[acts.len() / 2];
        Self {
            _folder: folder,
            path,
            segment,
            middle,
        }
    }

    /// Flips one bit there; server and tool refuse, and say where. The bit is turned back afterwards.
    fn refused(&self, what: &str, place: usize, lsn: u64) {
        self.segment.flip(place, 3);
        let ended = Launch::new(&self.path).refuse();
        let told = format!("{}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.status.code(), Some(CORRUPT), "{what}: {told}");
        self.told_where(what, &told, lsn);
        let run = WalTool::on(&self.path).run(&["verify"]).expect(CORRUPT);
        self.told_where(what, &format!("{}{}", run.stdout, run.stderr), lsn);
        std::fs::write(&self.segment.path, &self.segment.bytes).expect("the bit is turned back");
    }

    fn told_where(&self, what: &str, told: &str, lsn: u64) {
        assert!(
            told.contains(&self.segment.name()),
            "{what}: no file in {told}"
        );
        assert!(
            told.contains(&lsn.to_string()),
            "{what}: no LSN {lsn} in {told}"
        );
        // The offset of the record, of its body or of the gap behind it, whichever is to blame.
        let numbers = told.split(|letter: char| !letter.is_ascii_digit());
        let mut offsets = numbers.filter_map(|number| number.parse().ok());
        let blamed = self.middle.at..self.middle.next();
        let found = offsets.any(|offset: usize| blamed.contains(&offset));
        assert!(found, "{what}: no offset of {blamed:?} in {told}");
    }
}

/// One wallet with [`ACTS`] acts besides its creation, each sent when the one before was durable.
fn fill(server: &tests::launch::Server) {
    let mut connection = server.connect();
    connection
        .post("/v1/wallets", &json!({"id": 1}))
        .expect(201);
    for amount in 1..=ACTS {
        connection
            .post("/v1/wallets/1/earn", &json!({"amount": amount}))
            .expect(201);
    }
}

fn fill_or_go_on(server: &tests::launch::Server) {
    let mut connection = server.connect();
    connection.post("/v1/wallets", &json!({})).expect(201);
}

/// The last segment with records in it.
fn active(path: &Path) -> Segment {
    let segments = segments::read(path);
    let with_acts = segments
        .into_iter()
        .rfind(|segment| segment.records.iter().any(|record| !record.bare));
    with_acts.expect("a segment with acts")
}
