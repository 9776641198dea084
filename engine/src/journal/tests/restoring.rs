//! Restoring: to every LSN, across crashes, and never to be mixed up with where it came from.

use crate::journal::frame::KIND_FORK;
use crate::journal::sim::{Fault, MemStorage};
use crate::journal::tests::stage::{Run, body, replay, scaled, small};
use crate::journal::{
    Class, Entropy, Fork, JournalError, LogReader, Lsn, OwnedAct, Position, RestorePoint, Restored,
    Storage, open, restore,
};
use std::sync::Arc;

/// Records of the store that is restored to each of its LSNs.
const RECORDS: u64 = 1_000;

pub(super) fn reader(disk: &MemStorage) -> LogReader {
    LogReader::of(Arc::new(disk.clone())).unwrap()
}

/// A store of several segments with acts of one and of several records.
pub(super) fn store(records: u64) -> (MemStorage, Vec<OwnedAct>) {
    let disk = MemStorage::new(1);
    let mut run = Run::start(&disk, small()).unwrap();
    let mut lsn = 0;
    while lsn < records {
        let long = lsn % 97 == 5;
        let bodies: Vec<Vec<u8>> = (0..4)
            .map(|at| body(lsn + at, if long && at == 2 { 20_000 } else { 40 }))
            .collect();
        let group: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
        run.group(&group);
        lsn = run.journal.durable().0;
    }
    run.parts.writer.close().unwrap();
    drop(run);
    let acts = replay(&open(Arc::new(disk.copy()), small()).unwrap()).unwrap();
    (disk, acts)
}

fn restore_to(disk: &MemStorage, point: RestorePoint) -> (MemStorage, Restored) {
    let into = MemStorage::new(2);
    let restored = restore(&reader(disk), &into, point, &Entropy::seeded(7), 0).unwrap();
    (into, restored)
}

/// Acts without the place where they lie.
pub(super) fn placeless(acts: &[OwnedAct]) -> Vec<OwnedAct> {
    let without = |act: &OwnedAct| OwnedAct {
        position: Position::default(),
        ..act.clone()
    };
    acts.iter().map(without).collect()
}

#[test]
fn a_store_restored_to_any_lsn_is_the_prefix_up_to_it() {
    let (disk, acts) = store(RECORDS);
    let last = acts.last().unwrap().last_lsn.0;
    for lsn in 0..=last {
        let (into, restored) = restore_to(&disk, RestorePoint::Lsn(Lsn(lsn)));
        let kept = acts.partition_point(|act| act.last_lsn.0 <= lsn);
        let found = replay(&open(Arc::new(into.clone()), small()).unwrap()).unwrap();
        let (fork, copied) = found.split_last().unwrap();
        assert_eq!(placeless(copied), placeless(&acts[..kept]), "to LSN {lsn}");
        assert_eq!(fork.kind, KIND_FORK);
        assert_eq!(Fork::decode(&fork.body), Some(restored.fork));
        assert_eq!(
            fork.lsn.0,
            copied.last().map_or(1, |act| act.last_lsn.0 + 1)
        );
        let report = reader(&into).verify(1, &|_, _| {}).unwrap();
        assert_eq!(report.problems, []);
    }
}

#[test]
fn a_time_is_rounded_down_to_the_end_of_an_act() {
    let (disk, acts) = store(40);
    let times = [i64::MIN, 0, acts[5].time_us, acts[5].time_us - 1, i64::MAX];
    for time in times {
        let (_, restored) = restore_to(&disk, RestorePoint::Time(time));
        let kept = acts.partition_point(|act| act.time_us <= time);
        assert_eq!(restored.acts, kept as u64, "to {time}");
    }
}

#[test]
fn the_restored_store_goes_on_as_its_own() {
    let (disk, acts) = store(100);
    let point = acts[30].last_lsn;
    let (into, restored) = restore_to(&disk, RestorePoint::Lsn(point));
    assert_eq!(restored.timeline, 1);
    assert_eq!(restored.fork.lsn, point);
    let mut run = Run::start(&into, small()).unwrap();
    assert_eq!(run.group(&[b"onwards"]), point.0 + 2);
    run.parts.writer.close().unwrap();
    drop(run);
    let (again, second) = restore_to(&into, RestorePoint::End);
    assert_eq!(second.timeline, 2);
    assert_eq!(second.fork.parent, restored.store_id);
    let found = replay(&open(Arc::new(again), small()).unwrap()).unwrap();
    assert_eq!(found[found.len() - 2].body, b"onwards");
}

#[test]
fn files_of_another_store_are_refused_even_when_their_names_fit() {
    let (disk, acts) = store(300);
    let point = RestorePoint::Lsn(acts.last().unwrap().last_lsn);
    let (first, _) = restore_to(&disk, point);
    let into = MemStorage::new(3);
    restore(&reader(&disk), &into, point, &Entropy::seeded(8), 0).unwrap();
    let names = |disk: &MemStorage| {
        let entries = disk.list().unwrap().into_iter().map(|entry| entry.name);
        entries
            .filter(|name| name.starts_with("seg-"))
            .collect::<Vec<_>>()
    };
    let mine = names(&first);
    for other in [&disk, &into] {
        for name in &mine {
            let seq = &name[..14];
            let Some(foreign) = names(other).into_iter().find(|found| found[..14] == *seq) else {
                continue;
            };
            let mixed = first.copy();
            mixed.place(name, None);
            mixed.place(&foreign, other.bytes(&foreign));
            let refused = open(Arc::new(mixed), small()).err();
            assert_eq!(
                refused.map(|error| error.exit_code()),
                Some(Class::Chain.exit_code()),
                "{foreign}"
            );
        }
    }
}

#[test]
fn a_restore_that_is_cut_off_is_no_store() {
    let (disk, acts) = store(60);
    let source = reader(&disk);
    let point = RestorePoint::Lsn(acts[30].last_lsn);
    let whole = MemStorage::new(4);
    restore(&source, &whole, point, &Entropy::seeded(9), 0).unwrap();
    let calls = whole.calls();
    let good = replay(&open(Arc::new(whole), small()).unwrap()).unwrap();
    for call in 1..=calls {
        for seed in 0..scaled(4) {
            let into = MemStorage::new(seed);
            into.fail_at(call, Fault::PowerCut);
            let done = restore(&source, &into, point, &Entropy::seeded(9), 0);
            assert!(done.is_err(), "the power goes at call {call}");
            let found = into.crash(seed);
            let segments = found.list().unwrap().len();
            match open(Arc::new(found), small()) {
                // Only the very last sync was missing.
                Ok(recovered) if recovered.report().last_lsn > Lsn(0) => {
                    assert_eq!(placeless(&replay(&recovered).unwrap()), placeless(&good));
                }
                Ok(_) => assert_eq!(segments, 0, "an empty directory is an empty store"),
                Err(error) => assert!(
                    matches!(error.class(), Class::Meta | Class::Corrupt | Class::Chain),
                    "{error}"
                ),
            }
        }
        let into = MemStorage::new(0);
        into.fail_at(call, Fault::Eio);
        let failed = restore(&source, &into, point, &Entropy::seeded(9), 0);
        assert!(
            matches!(failed, Err(JournalError::Io { .. })),
            "call {call}"
        );
    }
}

#[test]
fn a_restore_onto_a_disk_that_lies_about_syncs_is_seen() {
    let (disk, _) = store(60);
    let source = reader(&disk);
    let restored = |into: &MemStorage| {
        restore(&source, into, RestorePoint::End, &Entropy::seeded(9), 0).unwrap();
    };
    let acts = |disk: MemStorage| open(Arc::new(disk), small()).and_then(|found| replay(&found));
    let honest = MemStorage::new(4);
    restored(&honest);
    let good = acts(honest.copy()).unwrap();
    for seed in 0..20 {
        assert_eq!(
            placeless(&acts(honest.crash(seed)).unwrap()),
            placeless(&good)
        );
    }
    let lost = (0..20).any(|seed| {
        let into = MemStorage::new(seed);
        into.lie_about_syncs();
        restored(&into);
        acts(into.crash(seed)).map_or(true, |acts| placeless(&acts) != placeless(&good))
    });
    assert!(
        lost,
        "what was restored onto such a disk is lost with the power"
    );
}

#[test]
fn a_restore_onto_a_full_disk_is_no_store() {
    let (disk, _) = store(60);
    let source = reader(&disk);
    let whole = MemStorage::new(4);
    restore(&source, &whole, RestorePoint::End, &Entropy::seeded(9), 0).unwrap();
    let needed = whole.used();
    assert!(needed > 10_000);
    for room in (0..needed).step_by(3_001) {
        let into = MemStorage::new(room);
        into.set_capacity(Some(room));
        let failed = restore(&source, &into, RestorePoint::End, &Entropy::seeded(9), 0);
        assert!(
            matches!(failed, Err(JournalError::Io { .. })),
            "{room} bytes of room"
        );
        into.set_capacity(None);
        let refused = open(Arc::new(into.kill()), small()).and_then(|found| replay(&found));
        assert!(
            refused.map_or(true, |acts| acts.is_empty()),
            "{room} bytes of room"
        );
    }
}

#[test]
fn damage_before_the_point_stops_a_restore_and_damage_behind_it_does_not() {
    let (disk, acts) = store(300);
    let victim = &acts[acts.len() / 2];
    let name = {
        let catalog = reader(&disk);
        let seq = u64::from(victim.position.segment);
        catalog.segment(seq).unwrap().unwrap().file.name
    };
    disk.damage(&name, |bytes| {
        bytes[victim.position.offset as usize + 50] ^= 1
    });
    let before = RestorePoint::Lsn(Lsn(victim.lsn.0 - 1));
    restore_to(&disk, before);
    let into = MemStorage::new(5);
    let refused = restore(
        &reader(&disk),
        &into,
        RestorePoint::End,
        &Entropy::seeded(7),
        0,
    );
    assert_eq!(refused.unwrap_err().class(), Class::Corrupt);
}
