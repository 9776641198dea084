//! Damage tables: each kind of damage with its verdict, its place and its exit code.
//!
//! The log under test, groups in brackets, one 4 KiB page each unless said otherwise:
//! segment 1: [1 2 3] MARK [4] [5 (MORE) 6] ... sealed by a restart; segment 2: [7 8] [9], then what a test wants.

use super::stage::*;
use crate::journal::frame::{HEADER_BYTES, RecordHeader};
use crate::journal::segment::{SegmentHeader, segment_name};
use crate::journal::sim::MemStorage;
use crate::journal::{
    Entropy, JournalError, JournalOptions, LogReader, Lsn, OpenReport, Storage, TailVerdict, open,
};
use std::sync::Arc;

const PAGE: usize = 4096;

fn options() -> JournalOptions {
    JournalOptions {
        entropy: Entropy::seeded(5),
        segments_ahead: 1,
        ..small()
    }
}

fn first() -> String {
    segment_name(1, 1)
}

fn second() -> String {
    segment_name(2, 7)
}

/// How the second run ends.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum End {
    Killed,
    Marked,
    Closed,
}

pub(super) fn log(end: End) -> MemStorage {
    let disk = MemStorage::new(1);
    let mut run = Run::start(&disk, options()).unwrap();
    run.group(&[b"one", b"two, twelve", b"three"]);
    run.parts.writer.mark().unwrap();
    run.group(&[b"four"]);
    run.group(&[&body(5, 9_000)]);
    let disk = disk.kill();
    let mut run = Run::start(&disk, options()).unwrap();
    run.group(&[b"seven", b"eight"]);
    run.group(&[b"nine"]);
    match end {
        End::Killed => {}
        End::Marked => run.parts.writer.mark().unwrap(),
        End::Closed => run.parts.writer.close().unwrap(),
    }
    disk.kill()
}

fn opened(disk: &MemStorage) -> Result<OpenReport, JournalError> {
    let recovered = open(Arc::new(disk.copy()), options())?;
    let report = recovered.report().clone();
    let acts = replay(&recovered)?;
    assert_eq!(acts.last().map(|act| act.last_lsn), Some(report.last_lsn));
    recovered.assemble(clock(), Box::new(Memory::default()))?;
    Ok(report)
}

/// Exit codes: of opening for service, and of verifying.
fn codes(disk: &MemStorage) -> (u8, u8) {
    let open = opened(disk).map_or_else(|error| error.exit_code(), |_| 0);
    (open, verified(disk))
}

fn verified(disk: &MemStorage) -> u8 {
    LogReader::of(Arc::new(disk.copy()))
        .unwrap()
        .verify(1, &|_, _| {})
        .unwrap()
        .exit_code()
}

fn flip(disk: &MemStorage, name: &str, bit: usize) -> MemStorage {
    let damaged = disk.copy();
    damaged.damage(name, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
    damaged
}

/// A flip is refused with the right file and LSN, at an offset inside the record or its gap.
fn expect_corrupt(disk: &MemStorage, name: &str, bit: usize, lsn: u64, from: usize) {
    let damaged = flip(disk, name, bit);
    let error = opened(&damaged).unwrap_err();
    let JournalError::Damage(problem) = &error else {
        panic!("bit {bit}: {error}")
    };
    assert_eq!(error.exit_code(), 11, "bit {bit}: {error}");
    assert_eq!(
        (problem.file.as_str(), problem.lsn),
        (name, Some(Lsn(lsn))),
        "bit {bit}: {error}"
    );
    let offset = problem.offset.unwrap() as usize;
    assert!(offset >= from && offset <= bit / 8, "bit {bit}: {error}");
    assert_eq!(verified(&damaged), 11, "bit {bit}");
}

#[test]
fn the_log_under_test_is_sound() {
    for end in [End::Killed, End::Marked, End::Closed] {
        let disk = log(end);
        assert_eq!(codes(&disk), (0, 0), "{end:?}");
        let report = opened(&disk).unwrap();
        assert_eq!((report.last_lsn, report.segments), (Lsn(9), 2));
        assert_eq!(
            report.verdict,
            TailVerdict::Clean {
                closed: end == End::Closed
            }
        );
        let unknown = (end == End::Killed).then_some(Lsn(9));
        assert_eq!(report.unknown_from, unknown, "{end:?}");
    }
}

#[test]
fn every_flipped_bit_of_a_middle_record_is_corrupt() {
    let disk = log(End::Killed);
    // Record 8 of segment 2: behind record 7 (48 + 8 bytes), in a group that the next one attests.
    for bit in (PAGE + 56) * 8..(PAGE + 112) * 8 {
        expect_corrupt(&disk, &second(), bit, 8, PAGE + 56);
    }
    // Record 2 of the sealed segment 1.
    for bit in (PAGE + 56) * 8..(PAGE + 56 + 64) * 8 {
        expect_corrupt(&disk, &first(), bit, 2, PAGE + 56);
    }
    // The gap behind record 3.
    for bit in (PAGE + 56 + 64 + 56) * 8..2 * PAGE * 8 {
        if bit % 61 == 0 {
            expect_corrupt(&disk, &first(), bit, 3, PAGE + 56 + 64);
        }
    }
}

#[test]
fn every_flipped_bit_of_a_mark_is_found() {
    let disk = log(End::Marked);
    // In the sealed segment, between acknowledged groups: page 2.
    for bit in 2 * PAGE * 8..(2 * PAGE + HEADER_BYTES) * 8 {
        assert_eq!(codes(&flip(&disk, &first(), bit)), (11, 11), "bit {bit}");
    }
    // The last thing in the log: nothing but the attestation is lost.
    for bit in 3 * PAGE * 8..4 * PAGE * 8 {
        if bit < (3 * PAGE + HEADER_BYTES) * 8 || bit % 61 == 0 {
            assert_eq!(codes(&flip(&disk, &second(), bit)), (0, 10), "bit {bit}");
        }
    }
    // In the newest segment, with a group behind it that nothing else attests.
    let disk = disk.copy();
    let mut run = Run::start(&disk, options()).unwrap();
    run.group(&[b"ten"]);
    run.parts.writer.mark().unwrap();
    run.group(&[b"eleven"]);
    let disk = disk.kill();
    let third = segment_name(3, 10);
    assert_eq!(codes(&disk), (0, 0));
    for bit in 2 * PAGE * 8..(2 * PAGE + HEADER_BYTES) * 8 {
        assert_eq!(codes(&flip(&disk, &third, bit)), (11, 11), "bit {bit}");
    }
}

#[test]
fn every_flipped_bit_of_the_last_record_is_torn_or_corrupt_as_it_is_attested() {
    let last = 2 * PAGE;
    let bits = |bit: &usize| *bit < (last + 56) * 8 || bit.is_multiple_of(61);
    let killed = log(End::Killed);
    for bit in (last * 8..(last + PAGE) * 8).filter(bits) {
        let damaged = flip(&killed, &second(), bit);
        let report = opened(&damaged).unwrap();
        assert!(
            matches!(report.verdict, TailVerdict::Torn { lsn: Lsn(9), .. }),
            "bit {bit}: {}",
            report.verdict
        );
        assert_eq!(report.last_lsn, Lsn(8));
        assert_eq!(verified(&damaged), 10);
    }
    for end in [End::Marked, End::Closed] {
        let disk = log(end);
        for bit in (last * 8..(last + PAGE) * 8).filter(bits) {
            expect_corrupt(&disk, &second(), bit, 9, last);
        }
    }
    let closed = log(End::Closed);
    for bit in (3 * PAGE * 8..4 * PAGE * 8).filter(|bit| bit % 17 == 0) {
        assert_eq!(
            codes(&flip(&closed, &second(), bit)),
            (11, 11),
            "bit {bit} of CLOSE"
        );
    }
}

#[test]
fn a_log_cut_at_any_byte_of_its_last_group_is_torn_unless_attested() {
    let last = 2 * PAGE;
    for end in [End::Killed, End::Marked, End::Closed] {
        let disk = log(end);
        for len in (last..last + PAGE).filter(|len| *len < last + 64 || len % 31 == 0) {
            let damaged = disk.copy();
            damaged.damage(&second(), |bytes| bytes.truncate(len));
            // The cut takes MARK away too, so only the clean flag still knows.
            let expected = if end == End::Closed {
                (11, 11)
            } else {
                (0, 10)
            };
            assert_eq!(codes(&damaged), expected, "{end:?} cut to {len}");
        }
    }
    // Zeroed instead of cut.
    let damaged = log(End::Killed);
    damaged.damage(&second(), |bytes| bytes[last..].fill(0));
    assert_eq!(codes(&damaged), (0, 0));
    assert_eq!(opened(&damaged).unwrap().last_lsn, Lsn(8));
    let damaged = log(End::Closed);
    damaged.damage(&second(), |bytes| bytes[3 * PAGE..].fill(0));
    assert_eq!(codes(&damaged), (11, 11), "the clean flag misses its CLOSE");
}

#[test]
fn a_bad_header_copy_is_reported_and_two_are_refused() {
    let disk = log(End::Closed);
    for name in [first(), second()] {
        for copy in [0, 2048] {
            for bit in (copy * 8..(copy + 2048) * 8)
                .filter(|bit| *bit < (copy + 144) * 8 || bit % 101 == 0)
            {
                assert_eq!(codes(&flip(&disk, &name, bit)), (0, 11), "{name} bit {bit}");
            }
        }
        let damaged = flip(&flip(&disk, &name, 90), &name, 2048 * 8 + 90);
        assert_eq!(codes(&damaged), (11, 11), "{name}");
    }
}

#[test]
fn damage_behind_a_stated_end_is_evidence_and_not_judged() {
    let disk = log(End::Closed);
    disk.damage(&first(), |bytes| bytes[40_000..40_100].fill(0xAA));
    assert_eq!(codes(&disk), (0, 0));
    // But a file cut before its stated end has lost records.
    disk.damage(&first(), |bytes| bytes.truncate(5 * PAGE));
    assert_eq!(codes(&disk), (11, 11));
}

#[test]
fn missing_doubled_swapped_and_foreign_segments_are_told() {
    let disk = log(End::Closed);
    let mut run = Run::start(&disk, options()).unwrap();
    run.group(&[b"ten"]);
    let disk = disk.kill();
    let third = segment_name(3, 10);
    let bytes = |name: &str| disk.bytes(name).unwrap();
    let with = |changes: &[(&str, Option<Vec<u8>>)]| {
        let changed = disk.copy();
        for (name, bytes) in changes {
            changed.place(name, bytes.clone());
        }
        codes(&changed)
    };
    assert_eq!(with(&[]), (0, 0));
    for (what, changes) in [
        ("oldest missing", vec![(first(), None)]),
        ("middle missing", vec![(second(), None)]),
        ("newest missing", vec![(third.clone(), None)]),
        (
            "all missing",
            vec![(first(), None), (second(), None), (third.clone(), None)],
        ),
        (
            "doubled",
            vec![(segment_name(2, 8), Some(bytes(&second())))],
        ),
        (
            "copied on",
            vec![(segment_name(4, 11), Some(bytes(&third)))],
        ),
        (
            "swapped",
            vec![
                (first(), Some(bytes(&second()))),
                (second(), Some(bytes(&first()))),
            ],
        ),
    ] {
        let changes: Vec<_> = changes
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.clone()))
            .collect();
        assert_eq!(with(&changes), (12, 12), "{what}");
    }
    // Another store's segment under the right name.
    let other = MemStorage::new(2);
    let foreign = JournalOptions {
        entropy: Entropy::seeded(77),
        ..options()
    };
    let mut run = Run::start(&other, foreign).unwrap();
    run.group(&[b"one"]);
    assert_eq!(with(&[(&first(), other.bytes(&first()))]), (12, 12));
    // One record of another store in the middle.
    let spliced = disk.copy();
    let page = other.bytes(&first()).unwrap()[PAGE..2 * PAGE].to_vec();
    spliced.damage(&second(), |bytes| {
        bytes[2 * PAGE..3 * PAGE].copy_from_slice(&page)
    });
    assert_eq!(codes(&spliced), (11, 11));
    // A page of the same segment, doubled over a later one.
    let doubled = disk.copy();
    doubled.damage(&second(), |bytes| {
        bytes.copy_within(PAGE..2 * PAGE, 2 * PAGE)
    });
    assert_eq!(codes(&doubled), (11, 11));
}

#[test]
fn a_bad_meta_is_told_from_a_rolled_back_one() {
    let disk = log(End::Closed);
    let meta = disk.bytes("store.meta").unwrap();
    for bit in (0..4 * PAGE * 8).filter(|bit| bit % 997 == 0) {
        assert_eq!(codes(&flip(&disk, "store.meta", bit)), (0, 13), "bit {bit}");
    }
    disk.place("store.meta", None);
    assert_eq!(codes(&disk), (13, 13));
    disk.place("store.meta", Some(vec![0; 4 * PAGE]));
    assert_eq!(codes(&disk), (13, 13));
    disk.place("store.meta", Some(meta.clone()));
    let mut epochs = 0;
    for _ in 0..3 {
        let mut run = Run::start(&disk, options()).unwrap();
        run.group(&[b"more"]);
        drop(run);
        epochs += 1;
    }
    assert_eq!(codes(&disk), (0, 0), "after {epochs} more runs");
    disk.place("store.meta", Some(meta));
    assert_eq!(codes(&disk), (12, 12));
}

#[test]
fn impossible_headers_and_unknown_formats_are_refused() {
    let disk = log(End::Killed);
    let header = SegmentHeader::decode(&disk.bytes(&second()).unwrap()).unwrap();
    let damaged = disk.copy();
    damaged.damage(&second(), |bytes| {
        let raw = bytes[2 * PAGE..].first_chunk::<HEADER_BYTES>().unwrap();
        let mut record = RecordHeader::parse(raw);
        record.body_len = u32::MAX;
        bytes[2 * PAGE..2 * PAGE + HEADER_BYTES].copy_from_slice(&record.encode(header.seed()));
    });
    assert_eq!(
        codes(&damaged),
        (11, 11),
        "a sound header with length 0xFFFFFFFF"
    );
    for change in [
        |header: &mut SegmentHeader| header.major = 2,
        |header: &mut SegmentHeader| header.incompatible = 1 << 31,
        |header: &mut SegmentHeader| header.codec = 9,
    ] {
        let mut changed = header.clone();
        change(&mut changed);
        let damaged = disk.copy();
        damaged.damage(&second(), |bytes| {
            bytes[..PAGE].copy_from_slice(&changed.page())
        });
        assert_eq!(codes(&damaged), (15, 15));
    }
    let mut newer = header;
    newer.minor = 7;
    let accepted = disk.copy();
    accepted.damage(&second(), |bytes| {
        bytes[..PAGE].copy_from_slice(&newer.page())
    });
    assert_eq!(codes(&accepted), (0, 0), "a newer minor version is read");
}

#[test]
fn records_far_behind_the_end_are_suspect_and_stray_bytes_are_not() {
    let wide = || JournalOptions {
        segment_bytes: 4 << 20,
        ..options()
    };
    let disk = MemStorage::new(3);
    let mut run = Run::start(&disk, wide()).unwrap();
    run.group(&[b"one"]);
    run.group(&[b"two"]);
    let disk = disk.kill();
    let far = 2 << 20;
    let changed = |at: usize, bytes: &[u8]| {
        let damaged = disk.copy();
        damaged.damage(&first(), |file| {
            file[at..at + bytes.len()].copy_from_slice(bytes)
        });
        damaged
    };
    assert_eq!(
        codes(&changed(far, &[0xA1, 0x5C, 1, 2])),
        (17, 17),
        "our magic at a page start"
    );
    let stray = changed(far + 8, &[0xA1, 0x5C]);
    assert_eq!(codes(&stray), (0, 0));
    assert!(
        opened(&stray)
            .unwrap()
            .warnings
            .iter()
            .any(|text| text.contains("stray"))
    );
    assert_eq!(
        codes(&changed(5 * PAGE, &[1, 2, 3])),
        (0, 10),
        "inside one group's length of the end"
    );
    // A sound record there proves that what lies before it had been written.
    let page = disk.bytes(&first()).unwrap()[2 * PAGE..3 * PAGE].to_vec();
    let moved = changed(far, &page);
    moved.damage(&first(), |file| file[PAGE..3 * PAGE].fill(0));
    assert_eq!(codes(&moved), (11, 11));
}

#[test]
fn a_read_error_stops_everything_and_changes_nothing() {
    let disk = log(End::Killed);
    let before: Vec<_> = disk
        .list()
        .unwrap()
        .iter()
        .map(|entry| disk.bytes(&entry.name))
        .collect();
    for call in 1..20 {
        let failing = disk.copy();
        failing.fail_at(call, crate::journal::sim::Fault::Eio);
        let Err(error) = open(Arc::new(failing.clone()), options()) else {
            continue;
        };
        assert_eq!(error.exit_code(), 1, "{error}");
        let after: Vec<_> = failing
            .list()
            .unwrap()
            .iter()
            .map(|entry| failing.bytes(&entry.name))
            .collect();
        assert!(before == after);
    }
}
