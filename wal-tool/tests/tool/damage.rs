//! Each exit code, by making the damage it stands for.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use engine::journal::frame::RecordHeader;
use engine::journal::segment::{SegmentHeader, segment_name};
use engine::record::SCHEMA;

use crate::stage::{Answer, Store, create, earn, run};

/// A page, where every group of these tests begins.
pub(crate) const PAGE: u64 = 4096;

/// One wallet and `acts` acts in all.
pub(crate) fn written(acts: usize) -> Store {
    let mut store = Store::new();
    fill(&mut store, acts);
    store
}

fn fill(store: &mut Store, acts: usize) {
    store.act(&create(1), None);
    for _ in 1..acts {
        store.act(&earn(1, 1), None);
    }
}

pub(crate) fn flip(file: &Path, offset: u64) {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(file)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], offset).unwrap();
}

fn put(file: &Path, bytes: &[u8], offset: u64) {
    OpenOptions::new()
        .write(true)
        .open(file)
        .unwrap()
        .write_all_at(bytes, offset)
        .unwrap();
}

/// Verifies; the code must be this one, and some problem must be of that class.
pub(crate) fn check(store: &Store, code: i32, class: &str) -> Answer {
    let answer = store.tool(&["verify", "--deep", "--json"]);
    assert_eq!(answer.code, code, "{}{}", answer.out, answer.err);
    let rows = answer.rows();
    let summary = rows.last().unwrap();
    assert_eq!(summary["code"].as_i64(), Some(i64::from(code)));
    assert!(
        rows.iter()
            .any(|row| row["row"] == "problem" && row["class"] == class),
        "{}",
        answer.out
    );
    answer
}

#[test]
fn clean_is_0_closed_or_not() {
    assert_eq!(written(5).close().tool(&["verify", "--deep"]).code, 0);
    assert_eq!(written(5).crash().tool(&["verify", "--deep"]).code, 0);
    assert_eq!(Store::new().close().tool(&["verify", "--deep"]).code, 0);
}

#[test]
fn an_unreadable_directory_is_1() {
    for args in [
        ["verify", "/nonexistent"],
        ["dump", "/nonexistent"],
        ["inspect", "/nonexistent"],
        ["hex", "/nonexistent"],
    ] {
        let answer = run(&args);
        assert_eq!(answer.code, 1, "{}", answer.err);
        assert!(answer.err.contains("/nonexistent"), "{}", answer.err);
    }
}

#[test]
fn a_question_that_makes_no_sense_is_2() {
    let wrong: [&[&str]; 7] = [
        &[],
        &["verifi"],
        &["dump", "--kind", "spent"],
        &["dump", "--from-time", "soon"],
        &["dump", "--key", "12"],
        &["dump", "--tail", "0"],
        &["verify", "--jobs", "0"],
    ];
    for args in wrong {
        assert_eq!(run(args).code, 2, "{args:?}");
    }
}

#[test]
fn a_directory_without_a_store_does_not_pass_for_a_clean_one() {
    let empty = tempfile::tempdir().unwrap();
    for command in ["verify", "inspect", "dump", "replay"] {
        let answer = run(&[command, empty.path().to_str().unwrap()]);
        assert_eq!(answer.code, 2, "{command}");
        assert!(answer.err.contains("holds no store"), "{}", answer.err);
    }
}

#[test]
fn a_torn_tail_alone_is_10_and_everything_before_it_is_shown() {
    let store = written(5).crash();
    let segment = &store.segments()[0];
    // Each act of this store is a group on a page of its own.
    let last = 5 * PAGE;
    flip(segment, last + 50);
    let answer = check(&store, 10, "torn");
    assert!(
        answer.out.contains(&format!("\"offset\":{last}")),
        "{}",
        answer.out
    );
    let dump = store.tool(&["dump"]);
    assert_eq!(
        (dump.code, dump.out.lines().count()),
        (10, 4),
        "{}",
        dump.out
    );
    assert_eq!(
        store.tool(&["dump", "--limit", "2"]).code,
        0,
        "it did not get that far"
    );
    assert_eq!(store.tool(&["inspect"]).code, 10);
    assert_eq!(store.tool(&["balance", "1"]).code, 10);
}

#[test]
fn a_flipped_bit_in_an_acknowledged_record_or_in_its_padding_is_11() {
    // In the header, in the body, in the zeros behind the group.
    for at in [2 * PAGE + 8, 2 * PAGE + 50, 3 * PAGE - 9] {
        for closed in [true, false] {
            let store = written(5);
            let store = if closed { store.close() } else { store.crash() };
            flip(&store.segments()[0], at);
            let answer = check(&store, 11, "corrupt");
            let rows = answer.rows();
            let problem = rows.iter().find(|row| row["class"] == "corrupt").unwrap();
            assert_eq!(problem["lsn"], 2, "{}", answer.out);
            let offset = problem["offset"].as_u64().unwrap();
            assert!((2 * PAGE..3 * PAGE).contains(&offset), "{}", answer.out);

            let dump = store.tool(&["dump"]);
            assert_eq!(
                (dump.code, dump.out.lines().count()),
                (11, 1),
                "{}",
                dump.out
            );
            assert!(dump.err.contains("LSN 2"), "{}", dump.err);
            let raw = store.tool(&["dump", "--raw-errors"]);
            assert_eq!(raw.code, 11);
            assert!(
                raw.out.contains("CORRUPT") && raw.out.lines().count() >= 5,
                "{}",
                raw.out
            );
            assert_eq!(store.tool(&["inspect"]).code, 11);
            assert_eq!(store.tool(&["replay"]).code, 11);
        }
    }
}

#[test]
fn damage_in_an_old_segment_is_11_and_raw_errors_go_on_behind_it() {
    let store = written(60).close();
    let segments = store.segments();
    assert!(segments.len() > 3, "the log has rolled");
    flip(&segments[1], 2 * PAGE + 50);
    check(&store, 11, "corrupt");
    let all = store.tool(&["dump", "--raw-errors"]);
    assert_eq!(all.code, 11);
    assert_eq!(
        all.out.lines().count(),
        60,
        "59 acts and the damage: {}",
        all.out
    );
    let cut = store.tool(&["dump"]);
    assert!(cut.out.lines().count() < 30, "{}", cut.out);
    let back = store.tool(&["dump", "--reverse", "--raw-errors"]);
    assert_eq!((back.code, back.out.lines().count()), (11, 60));
}

#[test]
fn the_damage_can_be_looked_at_byte_by_byte() {
    let store = written(5).close();
    let file = store.segments()[0].to_str().unwrap().to_owned();
    flip(Path::new(&file), 2 * PAGE + 50);
    let offset = (2 * PAGE + 48).to_string();
    let hex = run(&["hex", &file, "--at", &offset]);
    assert_eq!(hex.code, 11);
    assert!(
        hex.out.contains("NOT SOUND") && hex.out.contains("at offset 8192"),
        "{}",
        hex.out
    );
    assert!(hex.err.contains("CRC of the body"), "{}", hex.err);
    flip(Path::new(&file), 100);
    assert_eq!(run(&["hex", &file]).code, 11, "header copy 0");
    assert_eq!(
        run(&["hex", &file, "--at", "2048"]).code,
        0,
        "header copy 1"
    );
}

#[test]
fn segments_missing_doubled_swapped_or_foreign_are_12() {
    type Harm = fn(&Store, &[PathBuf]);
    let harms: [(&str, Harm); 6] = [
        ("are missing", |_, segments| {
            fs::remove_file(&segments[1]).unwrap()
        }),
        ("oldest", |_, segments| {
            fs::remove_file(&segments[0]).unwrap()
        }),
        ("newest", |_, segments| {
            fs::remove_file(&segments[segments.len() - 1]).unwrap()
        }),
        ("the same number", |store, segments| {
            fs::copy(&segments[1], store.dir().join(segment_name(2, 9999))).unwrap();
        }),
        ("the header is of segment", |store, segments| {
            let aside = store.dir().join("aside.tmp");
            fs::rename(&segments[1], &aside).unwrap();
            fs::rename(&segments[2], &segments[1]).unwrap();
            fs::rename(&aside, &segments[2]).unwrap();
        }),
        ("another store", |_, segments| {
            let other = written(60).close();
            fs::copy(&other.segments()[1], &segments[1]).unwrap();
        }),
    ];
    for (says, harm) in harms {
        let store = written(60).close();
        let segments = store.segments();
        assert!(segments.len() > 3, "the log has rolled");
        harm(&store, &segments);
        let answer = check(&store, 12, "chain");
        assert!(answer.out.contains(says), "{says}: {}", answer.out);
        assert_eq!(store.tool(&["inspect"]).code, 12, "{says}");
    }
}

#[test]
fn a_bad_copy_of_the_meta_is_13() {
    let store = written(5).close();
    flip(&store.dir().join("store.meta"), PAGE + 20);
    check(&store, 13, "meta");
    let inspected = store.rows(&["inspect"], 13);
    let meta = inspected.iter().find(|row| row["row"] == "meta").unwrap();
    assert_eq!(
        (meta["sound_copies"].as_u64(), meta["copies"].as_u64()),
        (Some(3), Some(4))
    );
    assert_eq!(
        run(&[
            "hex",
            store.dir().join("store.meta").to_str().unwrap(),
            "--at",
            "4096"
        ])
        .code,
        13
    );
}

#[test]
fn what_a_newer_version_wrote_is_15() {
    let store = written(5);
    store.write(200, SCHEMA, b"\0from the future");
    let store = store.close();
    check(&store, 15, "format");
    assert_eq!(store.tool(&["dump"]).code, 15);
    assert!(
        store
            .tool(&["dump", "--tail", "1"])
            .out
            .contains("UNREADABLE")
    );

    let store = written(5).close();
    let segment = &store.segments()[0];
    let bytes = fs::read(segment).unwrap();
    let mut header = SegmentHeader::decode(&bytes).unwrap();
    header.major += 1;
    put(segment, &header.page(), 0);
    check(&store, 15, "format");
    assert_eq!(store.tool(&["inspect"]).code, 15);
}

#[test]
fn a_record_far_behind_the_end_is_17() {
    let mut store = Store::with_segments(4 * 1024 * 1024);
    fill(&mut store, 5);
    let store = store.crash();
    let segment = &store.segments()[0];
    // Looks like a record, on a page that no unsynced group can have reached.
    put(segment, &[0xA1, 0x5C, 1, 1], 3 * 1024 * 1024);
    check(&store, 17, "suspect");
    assert_eq!(store.tool(&["dump"]).code, 17);
}

#[test]
fn time_that_runs_backwards_is_found_where_it_happens() {
    let store = written(5).close();
    let segment = &store.segments()[0];
    let bytes = fs::read(segment).unwrap();
    let seed = SegmentHeader::decode(&bytes).unwrap().seed();
    let at = usize::try_from(2 * PAGE).unwrap();
    let mut header = RecordHeader::decode(&bytes[at..], seed).unwrap();
    header.time_us -= 1;
    put(segment, &header.encode(seed), 2 * PAGE);
    // The journal itself refuses it: its link is broken too.
    let answer = store.tool(&["verify", "--json"]);
    assert_eq!(answer.code, 11, "{}", answer.out);
    assert!(answer.out.contains("earlier"), "{}", answer.out);
}
