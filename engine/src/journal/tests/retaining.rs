//! Retention: only what is old, archived and within both snapshots goes; a crash at any call leaves one log or the other.

use super::archiving::cover;
use super::restoring::{placeless, reader, store};
use super::stage::{Run, append, body, replay, scaled, small};
use crate::journal::frame::KIND_FORK;
use crate::journal::sidecar::{SIDECAR_SUFFIX, sidecar_name};
use crate::journal::sim::{Fault, MemStorage};
use crate::journal::writer::Turn;
use crate::journal::{
    Base, Beginning, Class, Entropy, Fork, JournalError, LogReader, Lsn, OwnedAct, RestorePoint,
    Restored, RetainPlan, Storage, compact_offline, open, prepare, restore, restore_behind,
    retain_offline, snapshot_name,
};
use std::sync::Arc;

/// A store with three archive files, and the acts in it. Its snapshots are names only.
fn archived() -> (MemStorage, Vec<OwnedAct>) {
    let (mut disk, _) = store(40);
    for round in 0..3 {
        let mut run = Run::start(&disk, small()).unwrap();
        for at in 0..60 {
            // The ticket is the time, too.
            let ticket = 1_000 * (round + 1) + at;
            append(&run.journal, &body(at + round, 200), ticket);
            append(&run.journal, &body(at, 900), ticket);
            assert_eq!(run.parts.writer.turn().unwrap(), Turn::Worked);
            while run.journal.space().segments_ready == 0 {
                run.parts.filler.turn(false).unwrap();
            }
        }
        drop(run);
        disk = disk.kill();
        let acts = acts(&disk);
        snapshot_at(&disk, acts.last().unwrap().last_lsn.0);
        let storage: Arc<dyn Storage> = Arc::new(disk.clone());
        compact_offline(&storage, &mut |_| Ok(())).unwrap();
    }
    let found = acts(&disk);
    assert_eq!(archives(&disk).len(), 3);
    (disk, found)
}

fn snapshot_at(disk: &MemStorage, lsn: u64) {
    for name in disk.names() {
        if name.ends_with(".snap") {
            disk.place(&name, None);
        }
    }
    cover(disk, lsn);
    disk.place(&snapshot_name(Lsn(lsn)), Some(vec![0; 8]));
}

fn acts(disk: &MemStorage) -> Vec<OwnedAct> {
    replay(&open(Arc::new(disk.copy()), small()).unwrap()).unwrap()
}

fn archives(disk: &MemStorage) -> Vec<String> {
    let found = disk.folder("archive").unwrap().list().unwrap();
    found.into_iter().map(|entry| entry.name).collect()
}

/// Puts an index beside every segment; gives those of the segments that stay.
fn index_all(disk: &MemStorage, begins: Lsn) -> Vec<String> {
    let mut kept = Vec::new();
    for segment in &reader(disk).catalog().segments {
        let name = sidecar_name(&segment.name);
        disk.place(&name, Some(vec![0; 64]));
        if segment.first_lsn >= begins.0 {
            kept.push(name);
        }
    }
    kept
}

fn sidecars(disk: &MemStorage) -> Vec<String> {
    let names = disk.names().into_iter();
    names
        .filter(|name| name.ends_with(SIDECAR_SUFFIX))
        .collect()
}

fn retain(disk: &MemStorage, before_us: i64) -> Result<RetainPlan, JournalError> {
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let mut told = Vec::new();
    let done = retain_offline(&storage, before_us, &mut |_| Ok(()), &mut |file| {
        told.push(file.clone());
    })?;
    assert_eq!(told, done.files, "each was told of");
    Ok(done)
}

/// The acts of a log that begins later, read behind a known state.
fn acts_behind(disk: &MemStorage, expected: &[OwnedAct]) -> Vec<OwnedAct> {
    let mut recovered = prepare(Arc::new(disk.copy()), small()).unwrap();
    let first = &recovered.catalog().segments[0];
    let header = first.header().unwrap();
    let before = expected
        .iter()
        .rfind(|act| act.last_lsn.0 == header.prev_lsn);
    let base = Base {
        lsn: Lsn(header.prev_lsn),
        crc: header.prev_crc,
        time_us: before.map_or(0, |act| act.time_us),
    };
    recovered.begin_behind(Some(base)).unwrap();
    replay(&recovered).unwrap()
}

#[test]
fn whole_files_older_than_the_bound_go_oldest_first_and_nothing_else() {
    let (disk, expected) = archived();
    assert_eq!(retain(&disk, i64::MIN).unwrap().files, []);
    let all = reader(&disk).retain_plan(i64::MAX).unwrap();
    assert_eq!(all.files.len(), 3);
    let time_of = |lsn: Lsn| {
        let act = expected.iter().rfind(|act| act.lsn <= lsn).unwrap();
        act.time_us
    };
    for file in &all.files {
        assert_eq!(
            (file.first_us, file.last_us),
            (time_of(file.first_lsn), time_of(file.last_lsn))
        );
        assert_eq!(file.bytes, disk.bytes(&file.file).unwrap().len() as u64);
    }
    // The last record of the second file is exactly at the bound: that file stays.
    let bound = all.files[1].last_us;
    let done = retain(&disk, bound).unwrap();
    assert_eq!(done.files, all.files[..1]);
    assert_eq!(archives(&disk).len(), 2);
    let found = reader(&disk);
    assert_eq!(found.catalog().problems(), []);
    assert_eq!(found.catalog().segments[0].first_lsn, done.begins.0);
    let report = found.verify(2, &|_, _| {}).unwrap();
    assert_eq!(
        (report.problems, report.first_lsn),
        (Vec::new(), done.begins)
    );
    let kept: Vec<_> = expected
        .iter()
        .filter(|act| act.lsn >= done.begins)
        .cloned()
        .collect();
    assert_eq!(placeless(&acts_behind(&disk, &expected)), placeless(&kept));
    assert!(
        retain(&disk, bound).unwrap().is_empty(),
        "a second time there is nothing"
    );
    assert_eq!(retain(&disk, i64::MAX).unwrap().files, all.files[1..]);
    assert_eq!(archives(&disk), [] as [String; 0]);
    assert_eq!(reader(&disk).catalog().problems(), []);
}

#[test]
fn what_a_kept_snapshot_does_not_cover_stays() {
    let (disk, _) = archived();
    let all = reader(&disk).retain_plan(i64::MAX).unwrap();
    let second = all.files[1].last_lsn.0;
    let mut meta = reader(&disk).catalog().newest_meta().unwrap().clone();
    meta.snapshots[1] = second;
    meta.seq += 1;
    disk.place("store.meta", Some(meta.encode().repeat(4)));
    let planned = || reader(&disk).retain_plan(i64::MAX).unwrap().files;
    assert_eq!(planned(), [], "the older snapshot is missing");
    disk.place(&snapshot_name(Lsn(second)), Some(vec![0; 8]));
    assert_eq!(planned(), all.files[..2]);
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let mut prove = |lsn: Lsn| match lsn.0 == second {
        true => Err(JournalError::Closed),
        false => Ok(()),
    };
    let mut tell = |file: &crate::journal::Expired| panic!("{file:?} is not to go");
    let refused = retain_offline(&storage, i64::MAX, &mut prove, &mut tell);
    assert!(refused.is_err(), "a snapshot that does not read back");
    assert_eq!(archives(&disk).len(), 3);
    assert_eq!(planned(), all.files[..2]);
}

#[test]
fn a_log_that_begins_later_is_no_damage_but_is_not_the_whole_past() {
    let (disk, _) = archived();
    let begins = retain(&disk, i64::MAX).unwrap().begins;
    let found = reader(&disk);
    let gone = |outcome: Result<(), JournalError>| {
        let error = outcome.unwrap_err();
        assert_eq!(error.class(), Class::Usage);
        assert!(
            error
                .to_string()
                .contains(&format!("begins at LSN {begins}")),
            "{error}"
        );
    };
    gone(found.catalog().check_whole());
    let entropy = small().entropy;
    let restored = restore(&found, &MemStorage::new(1), RestorePoint::End, &entropy, 0);
    gone(restored.map(|_| ()));
    // Without a known state it is not served.
    let refused = open(Arc::new(disk.copy()), small())
        .map(|_| ())
        .unwrap_err();
    assert_eq!(refused.exit_code(), 13, "{refused}");
    assert_eq!(found.backup_plan().unwrap().first_lsn, begins);
}

/// Every record that a known state may end with here: the last ones of segments, and the one before the first.
fn bases(disk: &MemStorage, acts: &[OwnedAct]) -> Vec<Base> {
    let found = reader(disk);
    let segments = &found.catalog().segments;
    let headers = segments.iter().map(|segment| segment.header().unwrap());
    let base = |(lsn, crc): (u64, u32)| Base {
        lsn: Lsn(lsn),
        crc,
        time_us: acts
            .iter()
            .rfind(|act| act.last_lsn.0 == lsn)
            .unwrap()
            .time_us,
    };
    let stated = headers.map(|header| base((header.prev_lsn, header.prev_crc)));
    stated.collect()
}

/// Restores behind a state; gives what became of it with the state's place in the new store.
fn restore_from(
    disk: &MemStorage,
    base: Base,
    into: &MemStorage,
    point: RestorePoint,
) -> Result<(Restored, Base), JournalError> {
    let mut placed = None;
    let mut write = |storage: &dyn Storage, store_id, timeline, base: Base| {
        let file = storage.create(&snapshot_name(base.lsn));
        let file = file.map_err(JournalError::io("create", "the state"))?;
        let synced = file.write_at(&[1; 8], 0).and_then(|()| file.sync_all());
        synced.map_err(JournalError::io("sync", "the state"))?;
        assert!(placed.replace((store_id, timeline, base)).is_none());
        Ok(())
    };
    let write = &mut write;
    let behind = Some(Beginning { base, write });
    let done = restore_behind(&reader(disk), into, point, &Entropy::seeded(7), 0, behind)?;
    let (store_id, timeline, base) = placed.expect("it was written");
    assert_eq!((store_id, timeline), (done.store_id, done.timeline));
    Ok((done, base))
}

/// The acts of a restored store behind its state, and what is left of those before.
fn found_behind(disk: &MemStorage, base: Base) -> (Vec<OwnedAct>, Vec<OwnedAct>) {
    let mut recovered = prepare(Arc::new(disk.copy()), small()).unwrap();
    recovered.begin_behind(Some(base)).unwrap();
    let behind = replay(&recovered).unwrap();
    let mut before = Vec::new();
    let range = crate::journal::Range {
        to: base.lsn,
        ..crate::journal::Range::default()
    };
    let read = reader(disk).each_act(range, |item| {
        let crate::journal::ActItem::Act(act) = item else {
            panic!("{item:?}");
        };
        before.push(act.to_owned());
        std::ops::ControlFlow::Continue(())
    });
    read.unwrap();
    (before, behind)
}

#[test]
fn a_log_that_begins_later_is_restored_behind_any_state_to_any_lsn() {
    let (disk, expected) = archived();
    let first = reader(&disk).retain_plan(i64::MAX).unwrap().files[0].last_us;
    let begins = retain(&disk, first + 1).unwrap().begins;
    let kept: Vec<_> = expected.into_iter().collect();
    let bases = bases(&disk, &kept);
    assert!(bases.len() > 3, "{}", bases.len());
    let last = kept.last().unwrap().last_lsn;
    for base in &bases {
        for lsn in (base.lsn.0..=last.0).step_by(23).chain([last.0]) {
            let into = MemStorage::new(2);
            let point = RestorePoint::Lsn(Lsn(lsn));
            let (done, placed) = restore_from(&disk, *base, &into, point).unwrap();
            assert_eq!((placed.lsn, placed.time_us), (base.lsn, base.time_us));
            let (before, behind) = found_behind(&into, placed);
            let (fork, behind) = behind.split_last().unwrap();
            assert_eq!(fork.kind, KIND_FORK);
            assert_eq!(Fork::decode(&fork.body), Some(done.fork));
            assert_eq!(done.fork.lsn.0, fork.lsn.0 - 1);
            let copied = [before, behind.to_vec()].concat();
            let wanted = kept
                .iter()
                .filter(|act| act.lsn >= begins && act.last_lsn.0 <= lsn);
            let wanted: Vec<_> = wanted.cloned().collect();
            assert_eq!(placeless(&copied), placeless(&wanted), "{base:?} to {lsn}");
            let found = reader(&into);
            assert_eq!(found.catalog().problems(), []);
            assert_eq!(found.verify(1, &|_, _| {}).unwrap().problems, []);
            assert_eq!(found.catalog().begins_later(), Some(begins));
            let meta = found.catalog().newest_meta().unwrap().clone();
            assert_eq!(meta.snapshots, [base.lsn.0, 0]);
            // Nobody serves it without the state, and it can be restored again.
            assert_eq!(
                open(Arc::new(into.copy()), small())
                    .err()
                    .unwrap()
                    .exit_code(),
                13
            );
            let again = MemStorage::new(3);
            restore_from(&into, placed, &again, RestorePoint::End).unwrap();
        }
    }
}

#[test]
fn what_led_to_the_first_known_state_cannot_be_restored() {
    let (disk, acts) = archived();
    let first = reader(&disk).retain_plan(i64::MAX).unwrap().files[0].last_us;
    retain(&disk, first + 1).unwrap();
    let base = bases(&disk, &acts)[2];
    let into = MemStorage::new(2);
    for point in [
        RestorePoint::Lsn(Lsn(base.lsn.0 - 1)),
        RestorePoint::Time(base.time_us - 1),
    ] {
        let refused = restore_from(&disk, base, &into, point).unwrap_err();
        assert_eq!(refused.class(), Class::Usage);
        let words = refused.to_string();
        assert!(words.contains(&format!("LSN {} ", base.lsn)), "{words}");
        assert_eq!(into.names(), [] as [String; 0]);
    }
    let point = RestorePoint::Time(base.time_us);
    let (done, _) = restore_from(&disk, base, &into, point).unwrap();
    assert!(done.fork.lsn >= base.lsn);
    // A state of another past, and one of a future that the log does not have.
    let ahead = Lsn(acts.last().unwrap().last_lsn.0 + 9);
    let crc = !base.crc;
    for foreign in [Base { crc, ..base }, Base { lsn: ahead, ..base }] {
        let into = MemStorage::new(3);
        let refused = restore_from(&disk, foreign, &into, RestorePoint::End).unwrap_err();
        assert_eq!(refused.class(), Class::Meta, "{refused}");
    }
}

#[test]
fn a_restore_behind_a_state_that_is_cut_off_is_no_store() {
    let (disk, acts) = archived();
    retain(&disk, i64::MAX).unwrap();
    let base = bases(&disk, &acts)[0];
    let whole = MemStorage::new(4);
    let (_, placed) = restore_from(&disk, base, &whole, RestorePoint::End).unwrap();
    let calls = whole.calls();
    let good = found_behind(&whole, placed).1;
    for call in 1..=calls {
        for seed in 0..scaled(3) {
            let into = MemStorage::new(seed);
            into.fail_at(call, Fault::PowerCut);
            restore_from(&disk, base, &into, RestorePoint::End).unwrap_err();
            let found = into.crash(seed);
            let Ok(mut recovered) = prepare(Arc::new(found.clone()), small()) else {
                continue;
            };
            if recovered.catalog().meta.is_none() {
                // Nothing, or the state alone: nobody begins anew beside that.
                let begun = recovered.begin_behind(Some(placed));
                assert_eq!(begun.unwrap_err().class(), Class::Chain);
                continue;
            }
            // Only the very last sync was missing.
            assert!(found.names().contains(&snapshot_name(placed.lsn)));
            recovered.begin_behind(Some(placed)).unwrap();
            assert_eq!(placeless(&replay(&recovered).unwrap()), placeless(&good));
        }
    }
}

#[test]
fn a_crash_at_any_call_of_a_retention_leaves_one_log_or_the_other() {
    let (disk, expected) = archived();
    let plan = reader(&disk).retain_plan(i64::MAX).unwrap();
    let (mut before, mut after, mut histories) = (0, 0, 0);
    let kept = index_all(&disk, plan.begins);
    let faults = [Fault::Eio].into_iter();
    for fault in faults.chain((0..scaled(2)).map(|_| Fault::PowerCut)) {
        for call in 1.. {
            let cut = disk.copy();
            cut.fail_at(call, fault);
            let outcome = retain(&cut, i64::MAX);
            let reached = cut.calls() >= call;
            histories += 1;
            let found = match fault {
                Fault::PowerCut => cut.crash(histories),
                Fault::Eio => cut.kill(),
            };
            let log = reader(&found);
            assert_eq!(
                log.catalog().blocking_problems(),
                [],
                "{fault:?} at call {call}"
            );
            let first = log.catalog().segments[0].first_lsn;
            match first {
                1 => {
                    before += 1;
                    assert_eq!(placeless(&acts(&found)), placeless(&expected));
                }
                _ => {
                    after += 1;
                    assert_eq!(first, plan.begins.0);
                    acts_behind(&found, &expected);
                }
            }
            // The next one finishes, whatever was left.
            let left = LogReader::of(Arc::new(found.clone())).unwrap();
            let left = left.catalog().forgotten.len();
            let again = retain(&found, i64::MAX).unwrap();
            assert_eq!(again.leftovers.len(), left);
            assert_eq!(
                archives(&found),
                [] as [String; 0],
                "{fault:?} at call {call}"
            );
            assert_eq!(sidecars(&found), kept, "{fault:?} at call {call}");
            if !reached {
                outcome.unwrap();
                break;
            }
        }
    }
    assert!(before > 5 && after > 5, "{before} before, {after} after");
}
