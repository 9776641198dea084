//! The table of damage: a row for each kind, with its verdict, its exit code and what is said of it.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use engine::journal::frame::RecordHeader;
use engine::journal::segment::{SegmentHeader, segment_name};

use crate::damage::{PAGE, flip};
use crate::forgery::{Block, forge};
use crate::stage::{Store, create, earn, key};

/// Every act of these stores is a group on a page of its own, and a segment holds thirteen.
const ACTS: usize = 40;

/// Bytes before the body of a record.
const HEADER: u64 = 48;

struct Row {
    what: &'static str,
    closed: bool,
    harm: fn(&Harm),
    code: i32,
    class: &'static str,
    says: &'static str,
}

/// A store that is about to be damaged.
struct Harm {
    store: Store,
    segments: Vec<PathBuf>,
}

impl Harm {
    fn new(closed: bool) -> Self {
        let mut store = Store::new();
        store.act(&create(1), None);
        for at in 1..ACTS {
            store.act(&earn(1, 1), key(at as u128));
        }
        let store = if closed { store.close() } else { store.crash() };
        let segments = store.segments();
        assert!(segments.len() > 3, "the log has rolled");
        Self { store, segments }
    }

    fn newest(&self) -> &PathBuf {
        self.segments.last().unwrap()
    }

    /// Where the last group begins. Before it the newest segment holds whole groups only.
    fn last_group(&self) -> u64 {
        let bytes = fs::read(self.newest()).unwrap();
        let seed = SegmentHeader::decode(&bytes).unwrap().seed();
        let pages = bytes.chunks(PAGE as usize).enumerate().skip(1);
        let mut acts = pages.filter(|(_, page)| {
            RecordHeader::decode(page, seed).is_ok_and(|header| !header.is_bare())
        });
        acts.next_back().unwrap().0 as u64 * PAGE
    }

    /// A snapshot of the whole log, made of it as it is.
    fn snapshot(&self) -> PathBuf {
        let made = self.store.rows(&["snapshot", "create"], 0);
        self.store.dir().join(made[0]["file"].as_str().unwrap())
    }

    fn put(&self, file: &PathBuf, bytes: &[u8], offset: u64) {
        let file = OpenOptions::new().write(true).open(file).unwrap();
        file.write_all_at(bytes, offset).unwrap();
    }

    fn cut(&self, file: &PathBuf, len: u64) {
        let file = OpenOptions::new().write(true).open(file).unwrap();
        file.set_len(len).unwrap();
    }

    /// Changes a header in place and makes its checksum right again.
    fn forge(&self, file: &PathBuf, at: u64, change: fn(&mut RecordHeader)) {
        let bytes = fs::read(file).unwrap();
        let seed = SegmentHeader::decode(&bytes).unwrap().seed();
        let from = usize::try_from(at).unwrap();
        let mut header = RecordHeader::decode(&bytes[from..], seed).unwrap();
        change(&mut header);
        self.put(file, &header.encode(seed), at);
    }

    fn copy_page(&self, from: (&PathBuf, u64), to: (&PathBuf, u64)) {
        let bytes = fs::read(from.0).unwrap();
        let at = usize::try_from(from.1).unwrap();
        self.put(to.0, &bytes[at..at + PAGE as usize], to.1);
    }
}

const fn row(
    what: &'static str,
    closed: bool,
    harm: fn(&Harm),
    (code, class, says): (i32, &'static str, &'static str),
) -> Row {
    Row {
        what,
        closed,
        harm,
        code,
        class,
        says,
    }
}

const TORN: &str = "were never acknowledged";
const CLOSED: &str = "closed in order at LSN 40";
const STATED: &str = "before the end that the next segment or the last record states";

/// What happens to bytes.
const OF_BYTES: [Row; 17] = [
    row(
        "last record cut in its header, killed",
        false,
        |harm| harm.cut(harm.newest(), harm.last_group() + 20),
        (10, "torn", TORN),
    ),
    row(
        "last record cut in its body, killed",
        false,
        |harm| harm.cut(harm.newest(), harm.last_group() + HEADER + 2),
        (10, "torn", TORN),
    ),
    row(
        "last record cut before its first byte, closed",
        true,
        |harm| harm.cut(harm.newest(), harm.last_group()),
        (11, "corrupt", CLOSED),
    ),
    row(
        "bit of the last record's header, killed",
        false,
        |harm| flip(harm.newest(), harm.last_group() + 9),
        (10, "torn", TORN),
    ),
    row(
        "bit of the last record's body, killed",
        false,
        |harm| flip(harm.newest(), harm.last_group() + HEADER + 1),
        (10, "torn", TORN),
    ),
    row(
        "bit of the last record's body, closed",
        true,
        |harm| flip(harm.newest(), harm.last_group() + HEADER + 1),
        (11, "corrupt", CLOSED),
    ),
    row(
        "bit of a middle record's header, sealed",
        true,
        |harm| flip(&harm.segments[1], 3 * PAGE + 9),
        (11, "corrupt", "record header CRC does not match"),
    ),
    row(
        "bit of a middle record's body, sealed",
        true,
        |harm| flip(&harm.segments[1], 3 * PAGE + HEADER + 1),
        (11, "corrupt", "record body CRC does not match"),
    ),
    row(
        "bit of the gap behind a group, sealed",
        true,
        |harm| flip(&harm.segments[1], 4 * PAGE - 9),
        (11, "corrupt", "the gap behind a group is not zero"),
    ),
    row(
        "bit of the last record of a sealed segment",
        true,
        |harm| flip(&harm.segments[1], 13 * PAGE + HEADER + 1),
        (11, "corrupt", STATED),
    ),
    row(
        "length 0xFFFFFFFF",
        true,
        |harm| harm.put(&harm.segments[1], &[0xFF; 4], 3 * PAGE + 4),
        (11, "corrupt", "record header CRC does not match"),
    ),
    row(
        "length 0xFFFFFFFF under a right checksum",
        true,
        |harm| {
            harm.forge(&harm.segments[1], 3 * PAGE, |header| {
                header.body_len = u32::MAX
            })
        },
        (11, "corrupt", "impossible length"),
    ),
    row(
        "another LSN under a right checksum",
        true,
        |harm| harm.forge(&harm.segments[1], 3 * PAGE, |header| header.lsn += 1),
        (11, "corrupt", "another LSN than expected"),
    ),
    row(
        "a group written twice",
        true,
        |harm| harm.copy_page((&harm.segments[1], 2 * PAGE), (&harm.segments[1], 3 * PAGE)),
        (11, "corrupt", "another LSN than expected"),
    ),
    row(
        "a group of another segment",
        true,
        |harm| harm.copy_page((&harm.segments[0], 3 * PAGE), (&harm.segments[1], 3 * PAGE)),
        (11, "corrupt", "record header CRC does not match"),
    ),
    row(
        "a group zeroed",
        true,
        |harm| harm.put(&harm.segments[1], &[0; PAGE as usize], 3 * PAGE),
        (11, "corrupt", "a group stops before its END record"),
    ),
    row(
        "the middle of a sealed segment cut out",
        true,
        |harm| harm.cut(&harm.segments[1], 5 * PAGE),
        (11, "corrupt", STATED),
    ),
];

/// What happens to headers, the meta, and whole files.
const OF_FILES: [Row; 13] = [
    row(
        "bit of header copy 0",
        true,
        |harm| flip(&harm.segments[1], 70),
        (11, "corrupt", "header copy 0 is bad"),
    ),
    row(
        "bit of header copy 1",
        true,
        |harm| flip(&harm.segments[1], 2048 + 70),
        (11, "corrupt", "header copy 1 is bad"),
    ),
    row(
        "bits of both header copies",
        true,
        |harm| {
            flip(&harm.segments[1], 70);
            flip(&harm.segments[1], 2048 + 70);
        },
        (11, "corrupt", "both header copies are bad"),
    ),
    row(
        "bit of one copy of the meta",
        true,
        |harm| flip(&harm.store.dir().join("store.meta"), 70),
        (13, "meta", "copy 0 is bad"),
    ),
    row(
        "meta deleted",
        true,
        |harm| fs::remove_file(harm.store.dir().join("store.meta")).unwrap(),
        (13, "meta", "no sound copy"),
    ),
    row(
        "oldest segment deleted",
        true,
        |harm| fs::remove_file(&harm.segments[0]).unwrap(),
        (12, "chain", "the oldest segment should be 1"),
    ),
    row(
        "middle segment deleted",
        true,
        |harm| fs::remove_file(&harm.segments[1]).unwrap(),
        (12, "chain", "are missing"),
    ),
    row(
        "newest segment deleted",
        true,
        |harm| fs::remove_file(harm.newest()).unwrap(),
        (12, "chain", "the newest segment"),
    ),
    row(
        "segment doubled",
        true,
        |harm| {
            drop(fs::copy(
                &harm.segments[1],
                harm.store.dir().join(segment_name(2, 9999)),
            ))
        },
        (12, "chain", "the same number"),
    ),
    row(
        "two segments swapped",
        true,
        |harm| {
            let aside = harm.store.dir().join("aside.tmp");
            fs::rename(&harm.segments[1], &aside).unwrap();
            fs::rename(&harm.segments[2], &harm.segments[1]).unwrap();
            fs::rename(&aside, &harm.segments[2]).unwrap();
        },
        (12, "chain", "the header is of segment"),
    ),
    row(
        "segment of another store",
        true,
        |harm| drop(fs::copy(&Harm::new(true).segments[1], &harm.segments[1])),
        (12, "chain", "another store"),
    ),
    row(
        "segment of a newer format",
        true,
        |harm| {
            let bytes = fs::read(&harm.segments[1]).unwrap();
            let mut header = SegmentHeader::decode(&bytes).unwrap();
            header.major += 1;
            harm.put(&harm.segments[1], &header.page(), 0);
        },
        (15, "format", "is not known here"),
    ),
    row(
        "segment with an unknown feature",
        true,
        |harm| {
            let bytes = fs::read(&harm.segments[1]).unwrap();
            let mut header = SegmentHeader::decode(&bytes).unwrap();
            header.incompatible = 1 << 30;
            harm.put(&harm.segments[1], &header.page(), 0);
        },
        (15, "format", "needs unknown features"),
    ),
];

/// What happens to snapshots. Whether one holds what the log says is known once the log has been replayed.
const OF_SNAPSHOTS: [Row; 8] = [
    row(
        "bit of a snapshot's header",
        true,
        |harm| flip(&harm.snapshot(), 40),
        (13, "meta", "the header is damaged"),
    ),
    row(
        "bit in the middle of a snapshot",
        true,
        |harm| flip(&harm.snapshot(), 300),
        (13, "meta", "a block is damaged"),
    ),
    row(
        "snapshot cut",
        true,
        |harm| {
            let file = harm.snapshot();
            harm.cut(&file, fs::metadata(&file).unwrap().len() - 1);
        },
        (13, "meta", "the footer is missing"),
    ),
    row(
        "snapshot deleted",
        true,
        |harm| fs::remove_file(harm.snapshot()).unwrap(),
        (13, "meta", "it is missing"),
    ),
    row(
        "snapshot of another store",
        true,
        |harm| drop(fs::copy(Harm::new(true).snapshot(), harm.snapshot())),
        (13, "meta", "belongs to another store"),
    ),
    row(
        "snapshot under another name",
        true,
        |harm| {
            let file = harm.snapshot();
            fs::rename(&file, file.with_file_name("snap-00000000000000000007.snap")).unwrap();
        },
        (13, "meta", "of another LSN than its name says"),
    ),
    row(
        "another row under right checksums",
        true,
        // Behind the number of the entity and the length of its row: the LSN of the last act, 40.
        |harm| forge(&harm.snapshot(), Block::Rows, |body| body[12] -= 1),
        (
            13,
            "meta",
            "the act that touched it last is not what the log leads to",
        ),
    ),
    row(
        "another key under right checksums",
        true,
        |harm| forge(&harm.snapshot(), Block::Keys, |body| body[16] ^= 1),
        (
            13,
            "meta",
            "its 39 idempotency keys are not the 39 that the log has",
        ),
    ),
];

fn faults(table: &[Row], question: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    for row in table {
        let harm = Harm::new(row.closed);
        (row.harm)(&harm);
        let answer = harm.store.tool(question);
        let rows = answer.rows();
        let told = rows.iter().any(|problem| {
            let what = problem["what"].as_str().unwrap_or_default();
            problem["class"] == row.class && what.contains(row.says)
        });
        let verdict = rows.last().unwrap()["verdict"] == row.class;
        if answer.code != row.code || !told || !verdict {
            faults.push(format!("{}: {} {}", row.what, answer.code, answer.out));
        }
    }
    faults
}

#[test]
fn each_damage_has_its_verdict_its_code_and_its_message() {
    let mut found = faults(&OF_BYTES, &["verify", "--json"]);
    found.extend(faults(&OF_FILES, &["verify", "--json"]));
    found.extend(faults(&OF_SNAPSHOTS, &["verify", "--deep", "--json"]));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_bad_snapshot_goes_aside_and_the_log_makes_another() {
    for row in &OF_SNAPSHOTS {
        let harm = Harm::new(row.closed);
        (row.harm)(&harm);
        let store = &harm.store;
        let plan = store.rows(&["repair", "--plan"], 13);
        assert_eq!(plan[0]["row"], "left", "{}: {plan:?}", row.what);
        assert_eq!(plan[0]["needs"], "--restore-header", "{}", row.what);
        let done = store.rows(&["repair", "--restore-header", "--yes"], 0);
        assert_eq!(done.last().unwrap()["outcome"], "done", "{}", row.what);
        store.rows(&["verify", "--deep"], 0);
        let made = store.rows(&["snapshot", "create"], 0);
        assert_eq!(made[0]["lsn"], ACTS, "{}", row.what);
        let verified = store.rows(&["verify", "--deep"], 0);
        let summary = verified.last().unwrap();
        assert_eq!(summary["snapshots_compared"], 1, "{}", row.what);
    }
}
