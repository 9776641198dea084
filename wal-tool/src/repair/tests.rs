//! Repairs that are cut short: at every call to the disk, by a crash, an error or a full disk. A file is switched, the
//! meta is switched, and a file goes.

use std::sync::Arc;

use engine::journal::meta::{META_FILE, Meta};
use engine::journal::repair::{Choice, Plan, plan};
use engine::journal::segment::{SegmentHeader, segment_name};
use engine::journal::sim::{Fault, MemStorage};
use engine::journal::{Class, LogReader, Lsn, Storage};

use super::{Manifest, Repairs, State};
use crate::exit::Stop;

const NAME: &str = "seg-0000000001-00000000000000000001.wal";

/// A snapshot that is none, up to this LSN.
const SNAPSHOT: (&str, u64) = ("snap-00000000000000000040.snap", 40);

/// Small, and far more than is used.
const CAPACITY: usize = 64 * 1024;

/// An empty store whose header copy 1 and meta copy 2 are bad, with a bad snapshot: three files to repair.
fn damaged() -> MemStorage {
    let header = SegmentHeader {
        major: 1,
        minor: 0,
        incompatible: 0,
        store_id: 7,
        seq: 1,
        first_lsn: 1,
        epoch: 1,
        salt: 99,
        created_us: 0,
        prev_bytes: 0,
        prev_lsn: 0,
        prev_crc: 0,
        timeline: 0,
        root: [0; 32],
        codec: 1,
        alignment: 4096,
        capacity: CAPACITY as u64,
    };
    let mut segment = vec![0; CAPACITY];
    segment[..4096].copy_from_slice(&header.page());
    segment[2048 + 100] ^= 1;
    let meta = Meta {
        store_id: 7,
        seq: 1,
        epoch: 1,
        active_seq: 1,
        active_first_lsn: 1,
        oldest_seq: 1,
        snapshots: [SNAPSHOT.1, 0],
        ..Meta::default()
    };
    let mut copies = meta.encode().repeat(4);
    copies[2 * 4096 + 70] ^= 1;
    let disk = MemStorage::new(1);
    assert_eq!(segment_name(1, 1), NAME);
    disk.place(NAME, Some(segment));
    disk.place(META_FILE, Some(copies));
    disk.place(SNAPSHOT.0, Some(b"no snapshot".to_vec()));
    disk
}

/// `SCRIP_TEST_SCALE` multiplies the counts of the long tests.
fn scaled(count: u64) -> u64 {
    let scale = std::env::var("SCRIP_TEST_SCALE").ok();
    let scale = scale.and_then(|text| text.parse::<u64>().ok());
    count * scale.unwrap_or(1)
}

fn storage(disk: &MemStorage) -> Arc<dyn Storage> {
    Arc::new(disk.clone())
}

fn planned(disk: &MemStorage) -> Plan {
    let choice = Choice {
        restore: true,
        retire: vec![Lsn(SNAPSHOT.1)],
        ..Choice::default()
    };
    plan(&storage(disk), &choice).unwrap()
}

fn repair(disk: &MemStorage, plan: &Plan) -> Result<Manifest, Stop> {
    Repairs::of(&storage(disk))?.carry_out(plan, "7".to_owned(), String::new())
}

/// The files that count, as they are.
type Files = [Option<Vec<u8>>; 3];

fn files(disk: &MemStorage) -> Files {
    [NAME, META_FILE, SNAPSHOT.0].map(|name| disk.bytes(name))
}

fn is_clean(disk: &MemStorage) -> bool {
    let problems = LogReader::of(storage(disk)).unwrap().catalog().problems();
    problems.is_empty()
}

/// Whatever became of it, undoing gives the old bytes, and a second try the new ones.
fn recovers(disk: &MemStorage, old: &Files, new: &Files, when: &str) {
    for (found, (old, new)) in files(disk).iter().zip(old.iter().zip(new)) {
        assert!(found == old || found == new, "{when}: a file is neither");
    }
    let repairs = Repairs::of(&storage(disk)).unwrap();
    let begun = repairs.interrupted().unwrap();
    if let Some(begun) = begun {
        let undone = repairs.undo(repairs.way_back(begun).unwrap()).unwrap();
        assert_eq!(undone.state, State::Undone);
        assert_eq!(&files(disk), old, "{when}: not as before");
    }
    if files(disk) == *old {
        repair(disk, &planned(disk)).unwrap();
    }
    assert_eq!(&files(disk), new, "{when}: not repaired");
    assert!(is_clean(disk));
}

#[test]
fn every_call_to_the_disk_may_be_the_last_one() {
    let old = files(&damaged());
    let whole = damaged();
    let plan = planned(&whole);
    assert_eq!(plan.changes.len(), 3);
    assert!(plan.left.is_empty(), "{:?}", plan.left);
    let before = whole.calls();
    repair(&whole, &plan).unwrap();
    let calls = whole.calls() - before;
    let new = files(&whole);
    for call in 1..=calls {
        for seed in 0..scaled(8) {
            let disk = damaged();
            disk.fail_at(call, Fault::Eio);
            assert!(repair(&disk, &plan).is_err(), "call {call}");
            let found = disk.crash(seed);
            recovers(
                &found,
                &old,
                &new,
                &format!("crash at call {call}, seed {seed}"),
            );
        }
        let disk = damaged();
        disk.fail_at(call, Fault::Eio);
        let failed = repair(&disk, &plan);
        assert!(failed.is_err());
        recovers(&disk.kill(), &old, &new, &format!("kill at call {call}"));
    }
}

#[test]
fn undoing_may_be_cut_short_too() {
    let old = files(&damaged());
    let plan = planned(&damaged());
    let undo = |disk: &MemStorage| -> Result<(), Stop> {
        let repairs = Repairs::of(&storage(disk))?;
        let last = repairs.manifests()?.pop().unwrap();
        repairs.undo(repairs.way_back(last)?).map(|_| ())
    };
    let whole = damaged();
    repair(&whole, &plan).unwrap();
    let before = whole.calls();
    undo(&whole).unwrap();
    let calls = whole.calls() - before;
    assert_eq!(files(&whole), old);
    for call in 1..=calls {
        for seed in 0..scaled(4) {
            let disk = damaged();
            repair(&disk, &plan).unwrap();
            disk.fail_at(call, Fault::Eio);
            let _ = undo(&disk);
            let found = disk.crash(seed);
            undo(&found).unwrap();
            assert_eq!(
                files(&found),
                old,
                "undo cut short at call {call}, seed {seed}"
            );
        }
    }
}

#[test]
fn a_full_disk_stops_a_repair_before_anything_is_switched() {
    let disk = damaged();
    let plan = planned(&disk);
    let old = files(&disk);
    let whole = damaged();
    repair(&whole, &plan).unwrap();
    disk.set_capacity(Some(disk.used() + 5000));
    let stopped = repair(&disk, &plan).unwrap_err();
    assert_eq!(stopped.exit_code(), Some(Class::Io.exit_code()));
    assert_eq!(files(&disk), old);
    disk.set_capacity(None);
    recovers(&disk, &old, &files(&whole), "full");
}
