//! A power cut, a failing disk and a full disk at every call that a snapshot makes: always one complete set to start
//! from, and the same state.

use std::sync::Arc;

use super::stage::*;
use crate::journal::sim::{Fault, MemStorage};
use crate::journal::{Sealed, Storage, StoreMeta, compact_offline};
use crate::snapshot::{CreateError, Made, Snapshot, Terms, create};

/// A closed store with one snapshot and a few segments behind it.
async fn store(seed: u64) -> (MemStorage, Arc<TickClock>) {
    let (disk, clock) = (MemStorage::new(seed), Arc::default());
    let mut dice = Dice(seed);
    let engine = open(&disk, &clock).await.unwrap();
    fill(&engine, &mut dice, 300).await;
    engine.snapshot().await.unwrap().expect("a segment is full");
    fill(&engine, &mut dice, 300).await;
    engine.shutdown().await;
    (disk, clock)
}

/// Makes a snapshot of everything that is sealed, outside any engine.
fn make(disk: &MemStorage) -> Result<Made, CreateError> {
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let previous = snapshots(disk).pop();
    let previous = previous
        .map(|name| Snapshot::open(disk, &name))
        .transpose()
        .map_err(CreateError::Previous)?;
    let base = previous.as_ref().map(Snapshot::base);
    let sealed = Sealed::behind(&storage, base).map_err(CreateError::Log)?;
    let meta = StoreMeta::open(&*storage).map_err(CreateError::Log)?;
    let terms = Terms {
        key_window_us: 3_600_000_000,
        pace: &|| true,
        live: &|_| None,
    };
    create(&storage, &meta, &sealed, previous.as_ref(), &terms)
}

/// What a start must find: every snapshot that the meta names is sound, and the state is the whole log's.
async fn check(disk: &MemStorage, clock: &Arc<TickClock>, whole: &Seen, when: &str) {
    let engine = open(disk, clock).await;
    let engine = engine.unwrap_or_else(|error| panic!("{when}: {error}"));
    let opening = engine.opening();
    assert!(opening.snapshot.is_some(), "{when}: the older one stays");
    let passed_over = |text: &String| text.contains("passed over");
    assert!(
        !opening.warnings.iter().any(passed_over),
        "{when}: {:?}",
        opening.warnings
    );
    assert_eq!(see(&engine).await, *whole, "{when}");
    for lsn in engine.inner.core.journal.meta().read().snapshots {
        let name = crate::journal::snapshot_name(crate::journal::Lsn(lsn));
        if lsn != 0 {
            Snapshot::open(disk, &name).unwrap().verify().unwrap();
        }
    }
    engine.shutdown().await;
    let left = disk.names();
    assert!(!left.iter().any(|name| name.ends_with(".tmp")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_every_call_leaves_one_complete_set() {
    let (disk, clock) = store(21).await;
    let whole = see_without_snapshots(&disk, &clock).await;
    for fault in [Fault::PowerCut, Fault::Eio] {
        let mut call = 0;
        loop {
            call += 1;
            let disk = disk.copy();
            disk.fail_at(call, fault);
            let outcome = make(&disk);
            let reached = disk.calls() >= call;
            let found = match fault {
                Fault::PowerCut => disk.crash(call),
                Fault::Eio => disk.kill(),
            };
            check(&found, &clock, &whole, &format!("{fault:?} at call {call}")).await;
            if !reached {
                outcome.expect("without a fault it is made");
                break;
            }
        }
        assert!(call > 20, "a snapshot makes some calls: {call}");
    }
}

/// What is cut off: a snapshot, or an archive of what two of them hold.
fn work(disk: &MemStorage, archive: bool) -> bool {
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    if !archive {
        let newest = snapshots(disk).pop();
        let newest = newest.and_then(|name| Snapshot::open(disk, &name).ok());
        let sealed = Sealed::behind(&storage, newest.as_ref().map(Snapshot::base));
        return sealed.is_ok_and(|sealed| sealed.is_empty()) || make(disk).is_ok();
    }
    compact_offline(&storage, &mut |_| Ok(())).is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_histories_of_snapshots_and_archives_end_with_one_complete_set() {
    let mut cut_off = 0;
    for seed in 0..scaled(4) {
        let mut dice = Dice(seed);
        let (mut disk, clock) = store(100 + seed).await;
        let whole = see_without_snapshots(&disk, &clock).await;
        for step in 0..12 {
            let failing = disk.copy();
            let fault = match dice.draw(3) {
                0 => Fault::Eio,
                _ => Fault::PowerCut,
            };
            failing.fail_at(1 + dice.draw(70), fault);
            cut_off += u32::from(!work(&failing, step % 3 == 2));
            let found = match dice.draw(4) {
                0 => failing.kill(),
                _ => failing.crash(dice.draw(u64::MAX)),
            };
            check(&found, &clock, &whole, &format!("seed {seed}, step {step}")).await;
            // Every now and then it goes on from what was found, and what was begun is done.
            if dice.draw(3) == 0 {
                work(&found, false);
                assert!(work(&found, true), "seed {seed}, step {step}");
                check(&found, &clock, &whole, "after it was done").await;
                disk = found;
            }
        }
    }
    assert!(cut_off > 10, "{cut_off} were cut off");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_makes_no_snapshot_and_harms_none() {
    let (disk, clock) = store(22).await;
    let whole = see_without_snapshots(&disk, &clock).await;
    for room in (0..20_000).step_by(977) {
        let disk = disk.copy();
        disk.set_capacity(Some(disk.used() + room));
        let outcome = make(&disk);
        disk.set_capacity(None);
        assert!(room > 0 || outcome.is_err());
        check(&disk, &clock, &whole, &format!("{room} bytes of room")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_lies_about_syncs_is_caught() {
    let (disk, clock) = store(23).await;
    let mut lost = 0;
    for seed in 0..20 {
        let disk = disk.copy();
        disk.lie_about_syncs();
        make(&disk).unwrap();
        let found = disk.crash(seed);
        let newest = snapshots(&found).pop().unwrap();
        let read = Snapshot::open(&found, &newest).and_then(|snapshot| snapshot.verify());
        let lsn = crate::journal::snapshot_lsn(&newest).unwrap().0;
        let named = StoreMeta::open(&found).is_ok_and(|meta| meta.read().snapshots[0] == lsn);
        lost += u32::from(read.is_err() || !named);
        // Even so there is something to start from, unless the meta itself is gone.
        drop(open(&found, &clock).await);
    }
    assert!(lost > 0, "a crash without syncs must be seen");
}
