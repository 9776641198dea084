//! The archive: bit for bit what was archived, every flipped bit found, and a crash at every call leaves one whole log.

use crate::journal::meta::META_FILE;
use crate::journal::sim::{Fault, MemStorage};
use crate::journal::tests::restoring::{placeless, reader, store};
use crate::journal::tests::stage::{Run, body, replay, scaled, small};
use crate::journal::{
    Access, ActItem, Class, Compacted, JournalError, LogReader, Lsn, OwnedAct, Problem, Range,
    Storage, compact_offline, open,
};
use std::sync::Arc;

/// Says in the meta that two snapshots hold everything up to `lsn`.
pub(super) fn cover(disk: &MemStorage, lsn: u64) {
    let mut meta = reader(disk).catalog().newest_meta().unwrap().clone();
    meta.snapshots = [lsn, lsn];
    let file = disk.open(META_FILE, Access::Write).unwrap();
    meta.write(&*file).unwrap();
}

fn compact(disk: &MemStorage) -> Result<Compacted, JournalError> {
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    compact_offline(&storage, &mut |_| Ok(()))
}

fn acts(disk: &MemStorage) -> Result<Vec<OwnedAct>, JournalError> {
    replay(&open(Arc::new(disk.copy()), small())?)
}

fn varied() -> (MemStorage, Vec<OwnedAct>) {
    epochs(4, 30)
}

/// A store of several epochs: groups of all sizes, marks, closes, acts of several records.
fn epochs(count: u64, groups: u64) -> (MemStorage, Vec<OwnedAct>) {
    let (mut disk, _) = store(groups * 4);
    for epoch in 0..count {
        let mut run = Run::start(&disk, small()).unwrap();
        for at in 0..groups {
            let bodies: Vec<Vec<u8>> = (0..1 + at % 7)
                .map(|index| body(at + index, usize::try_from(at * 13 % 300).unwrap()))
                .collect();
            let group: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
            run.group(&group);
            if at % 5 == 0 {
                run.parts.writer.mark().unwrap();
            }
        }
        if epoch % 2 == 0 {
            run.parts.writer.close().unwrap();
        }
        drop(run);
        disk = disk.kill();
    }
    let acts = acts(&disk).unwrap();
    (disk, acts)
}

fn archives(disk: &MemStorage) -> Vec<String> {
    let names = disk.folder("archive").unwrap().list().unwrap();
    names
        .into_iter()
        .map(|entry| format!("archive/{}", entry.name))
        .collect()
}

#[test]
fn an_archived_segment_reads_back_byte_for_byte() {
    let (disk, expected) = varied();
    let before: Vec<(u64, Vec<u8>)> = {
        let reader = reader(&disk);
        let segments = reader.catalog().segments.iter();
        let views = segments.map(|segment| reader.segment(segment.seq).unwrap().unwrap());
        views
            .map(|view| {
                let end = usize::try_from(view.end).unwrap();
                (view.file.seq, view.bytes[..end].to_vec())
            })
            .collect()
    };
    let report = reader(&disk).verify(1, &|_, _| {}).unwrap();
    cover(&disk, expected.last().unwrap().last_lsn.0);
    let done = compact(&disk).unwrap();
    assert!(done.segments >= 4, "{done:?}");
    assert!(done.bytes_after * 4 < done.bytes_before, "{done:?}");
    let after = reader(&disk);
    assert_eq!(after.catalog().problems(), []);
    for (seq, bytes) in &before {
        let view = after.segment(*seq).unwrap().unwrap();
        let end = usize::try_from(view.end).unwrap();
        assert!(view.bytes[..end] == *bytes, "segment {seq}");
    }
    let again = after.verify(2, &|_, _| {}).unwrap();
    assert_eq!(again.problems, []);
    assert_eq!(
        (again.acts, again.records, again.bare, again.groups),
        (report.acts, report.records, report.bare, report.groups)
    );
    assert_eq!(placeless(&acts(&disk).unwrap()), placeless(&expected));
}

#[test]
fn only_what_two_snapshots_cover_is_archived_and_a_second_round_goes_on() {
    let (disk, expected) = varied();
    assert_eq!(compact(&disk).unwrap(), Compacted::default());
    let middle = expected[expected.len() / 2].last_lsn.0;
    cover(&disk, middle);
    let done = compact(&disk).unwrap();
    assert!(done.segments > 0 && done.last_lsn.0 <= middle, "{done:?}");
    assert_eq!(compact(&disk).unwrap(), Compacted::default());
    cover(&disk, expected.last().unwrap().last_lsn.0);
    let next = compact(&disk).unwrap();
    assert_eq!(next.first_lsn.0, done.last_lsn.0 + 1);
    assert_eq!(archives(&disk).len(), 2);
    // The server goes on behind an archive.
    let mut run = Run::start(&disk, small()).unwrap();
    let lsn = run.group(&[b"onwards"]);
    assert_eq!(lsn, expected.last().unwrap().last_lsn.0 + 1);
    for act in &expected {
        let found = run.journal.reader().act_at(act.lsn).unwrap().unwrap();
        assert_eq!(found.body, act.body);
    }
}

#[test]
fn acts_are_read_out_of_blocks_that_end_within_groups() {
    let disk = MemStorage::new(5);
    let mut run = Run::start(&disk, small()).unwrap();
    for at in 0..6 {
        // Groups longer than a block, with acts of one record and of three.
        let bodies: Vec<Vec<u8>> = (0..60)
            .map(|index| body(at * 100 + index, if index == 31 { 20_000 } else { 90 }))
            .collect();
        let group: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
        run.group(&group);
    }
    drop(run);
    let expected = acts(&disk).unwrap();
    cover(&disk, expected.last().unwrap().last_lsn.0);
    let done = compact(&disk).unwrap();
    assert!(done.segments > 0, "{done:?}");
    let run = Run::start(&disk, small()).unwrap();
    let reader = run.journal.reader();
    for act in &expected {
        assert_eq!(reader.act_at(act.lsn).unwrap().as_ref(), Some(act));
        for within in act.lsn.0 + 1..=act.last_lsn.0 {
            assert_eq!(reader.act_at(Lsn(within)).unwrap(), None);
        }
    }
}

#[test]
fn every_flipped_bit_of_an_archive_is_found() {
    let (disk, expected) = epochs(2, 10);
    cover(&disk, expected.last().unwrap().last_lsn.0);
    compact(&disk).unwrap();
    let name = &archives(&disk)[0];
    let len = disk.bytes(name).unwrap().len();
    let step = usize::try_from((13 / scaled(1).min(13)).max(1)).unwrap();
    for at in (0..200).chain((200..len).step_by(step)) {
        let bad = disk.copy();
        bad.damage(name, |bytes| bytes[at] ^= 1 << (at % 8));
        let report = reader(&bad).verify(1, &|_, _| {}).unwrap();
        let worst = report.worst();
        assert!(
            matches!(worst, Some(Class::Corrupt | Class::Chain | Class::Format)),
            "byte {at}: {worst:?}"
        );
        let told = report.problems.iter().any(|problem| problem.file == *name);
        assert!(told, "byte {at}: {:?}", report.problems);
        assert!(acts(&bad).is_err(), "byte {at}");
    }
}

#[test]
fn a_missing_foreign_or_cut_archive_is_refused() {
    let (disk, expected) = varied();
    cover(&disk, expected.last().unwrap().last_lsn.0);
    compact(&disk).unwrap();
    let name = &archives(&disk)[0];
    let refused = |disk: &MemStorage| {
        let opened = open(Arc::new(disk.clone()), small());
        opened.err().map(|error| error.exit_code())
    };
    let missing = disk.copy();
    missing.place(name, None);
    assert_eq!(refused(&missing), Some(12));
    let cut = disk.copy();
    cut.damage(name, |bytes| bytes.truncate(bytes.len() - 100));
    assert_eq!(refused(&cut), Some(11));
    let (other, _) = varied_with_another_id();
    let foreign = disk.copy();
    foreign.place(name, other.bytes(&archives(&other)[0]));
    assert_eq!(refused(&foreign), Some(12));
}

#[test]
fn a_segment_is_removed_only_if_the_archive_reads_the_same() {
    let (disk, expected) = varied();
    cover(&disk, expected.last().unwrap().last_lsn.0);
    let before = disk.copy();
    compact(&disk).unwrap();
    let seg = reader(&before).catalog().segments[0].name.clone();
    let own = before.bytes(&seg).unwrap();
    let archive = archives(&disk)[0].clone();
    // What a crash leaves, or what somebody has put back.
    let left = disk.copy();
    left.place(&seg, Some(own.clone()));
    let rotten = left.copy();
    compact(&left).unwrap();
    assert_eq!(left.bytes(&seg), None);
    // The archive was damaged since: this is the last sound copy.
    let len = rotten.bytes(&archive).unwrap().len();
    rotten.damage(&archive, |bytes| bytes[len / 4] ^= 1);
    assert_eq!(compact(&rotten).unwrap_err().exit_code(), 11);
    assert_eq!(rotten.bytes(&seg), Some(own.clone()));
    // A copy that is damaged itself is evidence.
    let differing = disk.copy();
    let mut bytes = own;
    bytes[5_000] ^= 1;
    differing.place(&seg, Some(bytes));
    assert_eq!(compact(&differing).unwrap_err().class(), Class::Differs);
    assert!(differing.bytes(&seg).is_some());
    // Another store's segment of the same number, and a file of no store.
    let other = restored();
    let theirs = reader(&other).catalog().segments[0].name.clone();
    let of_theirs = other.bytes(&theirs).unwrap();
    for (name, bytes) in [(theirs, of_theirs), (seg, b"notes".to_vec())] {
        let strange = disk.copy();
        strange.place(&name, Some(bytes.clone()));
        let problems = reader(&strange).verify(1, &|_, _| {}).unwrap().problems;
        let misfit = |problem: &Problem| problem.class == Class::Chain;
        assert!(problems.iter().any(misfit), "{name}: {problems:?}");
        assert!(compact(&strange).is_err());
        assert_eq!(strange.bytes(&name), Some(bytes));
    }
}

/// As `varied`, restored: the same acts under another store id, in segments.
fn restored() -> MemStorage {
    use crate::journal::{Entropy, RestorePoint, restore};
    let (disk, _) = varied();
    let into = MemStorage::new(9);
    restore(
        &reader(&disk),
        &into,
        RestorePoint::End,
        &Entropy::seeded(77),
        0,
    )
    .unwrap();
    let mut run = Run::start(&into, small()).unwrap();
    run.group(&[b"one more"]);
    drop(run);
    into.kill()
}

/// The same, archived.
fn varied_with_another_id() -> (MemStorage, Vec<OwnedAct>) {
    let into = restored();
    let acts = acts(&into).unwrap();
    cover(&into, acts.last().unwrap().last_lsn.0);
    compact(&into).unwrap();
    (into, acts)
}

/// After any crash the log is whole, and the next compaction finishes what was begun.
fn check_after(found: &MemStorage, expected: &[OwnedAct], call: u64) {
    let recovered = acts(found).unwrap_or_else(|error| panic!("call {call}: {error}"));
    assert!(
        placeless(&recovered) == placeless(expected),
        "call {call}: another log"
    );
    compact(found).unwrap_or_else(|error| panic!("call {call}: {error}"));
    let mut report = reader(found).verify(1, &|_, _| {}).unwrap();
    // A meta that was being written is bad in one copy until it is written again.
    report
        .problems
        .retain(|problem| problem.class != Class::Meta);
    assert_eq!(report.problems, [], "call {call}");
    assert!(reader(found).catalog().superseded.is_empty());
    assert!(acts(found).is_ok_and(|acts| placeless(&acts) == placeless(expected)));
}

#[test]
fn a_crash_at_any_call_of_a_compaction_leaves_one_whole_log() {
    let (disk, expected) = epochs(2, 3);
    cover(&disk, expected.last().unwrap().last_lsn.0);
    let whole = disk.copy();
    let before = whole.calls();
    compact(&whole).unwrap();
    let calls = whole.calls() - before;
    assert!(calls > 40, "{calls}");
    for call in 1..=calls {
        for seed in 0..scaled(3) {
            let cut = disk.copy();
            cut.fail_at(call, Fault::PowerCut);
            let _ = compact(&cut);
            check_after(&cut.crash(seed * 1_000 + call), &expected, call);
        }
        let failing = disk.copy();
        failing.fail_at(call, Fault::Eio);
        let _ = compact(&failing);
        check_after(&failing.kill(), &expected, call);
    }
}

#[test]
fn a_full_disk_stops_a_compaction_and_changes_nothing() {
    let (disk, expected) = varied();
    cover(&disk, expected.last().unwrap().last_lsn.0);
    for room in [0, 100, 1_000] {
        let full = disk.copy();
        full.set_capacity(Some(full.used() + room));
        let stopped = compact(&full);
        assert!(stopped.is_err(), "{room} bytes are not enough");
        assert_eq!(placeless(&acts(&full).unwrap()), placeless(&expected));
        full.set_capacity(None);
        check_after(&full, &expected, room);
    }
}

#[test]
fn a_disk_that_lies_about_syncs_is_seen() {
    let (disk, expected) = epochs(2, 3);
    cover(&disk, expected.last().unwrap().last_lsn.0);
    let lost = (0..20).any(|seed| {
        let liar = disk.copy();
        liar.lie_about_syncs();
        let _ = compact(&liar);
        let found = liar.crash(seed);
        acts(&found).map_or(true, |acts| placeless(&acts) != placeless(&expected))
    });
    assert!(
        lost,
        "removing segments on the word of such a disk loses them"
    );
}

/// Acts in the golden directory, and the CRC of their bodies one behind the other.
const GOLDEN: (usize, u32) = (66, 218_625_433);

/// A directory with an archive as it was written on the day the format was made: it is read for ever. A new format
/// gets a directory of its own, made with `UPDATE_GOLDEN=1`.
#[test]
fn an_archive_of_the_first_format_is_read_for_ever() {
    let golden =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/journal/tests/archive-v1");
    if !golden.exists() && std::env::var_os("UPDATE_GOLDEN").is_some() {
        let (disk, expected) = epochs(2, 6);
        cover(&disk, expected.last().unwrap().last_lsn.0);
        compact(&disk).unwrap();
        std::fs::create_dir_all(golden.join("archive")).unwrap();
        let counts =
            |name: &&String| name.ends_with(".wal") || name.ends_with(".arc") || *name == META_FILE;
        let names = disk.names().into_iter().chain(archives(&disk));
        for name in names
            .collect::<std::collections::BTreeSet<_>>()
            .iter()
            .filter(counts)
        {
            std::fs::write(golden.join(name), disk.bytes(name).unwrap()).unwrap();
        }
    }
    let reader = LogReader::open(&golden).unwrap();
    assert_eq!(reader.verify(1, &|_, _| {}).unwrap().problems, []);
    let (mut count, mut bodies) = (0, Vec::new());
    let walked = reader.each_act(Range::default(), |item| {
        if let ActItem::Act(act) = item {
            count += 1;
            bodies.extend_from_slice(act.body);
        }
        std::ops::ControlFlow::Continue(())
    });
    walked.unwrap();
    assert_eq!((count, crc32fast::hash(&bodies)), GOLDEN);
}
