//! Segments move into the archive under a running engine: nothing that is read or started from changes.

use super::stage::*;
use crate::domain::TransactionId;
use crate::engine::Engine;
use crate::journal::sim::{Fault, MemStorage};
use crate::journal::{LogReader, Storage};
use crate::snapshot::create_offline;
use std::sync::Arc;

/// An engine with two snapshots and a few segments behind them.
async fn running(disk: &MemStorage, clock: &Arc<TickClock>, dice: &mut Dice) -> Engine {
    let engine = open(disk, clock).await.unwrap();
    for _ in 0..2 {
        fill(&engine, dice, 250).await;
        engine.snapshot().await.unwrap().expect("a segment is full");
    }
    engine
}

/// Every act that can be read back, by its number.
async fn acts(engine: &Engine, last: u64) -> Vec<Option<crate::api::Act>> {
    let mut found = Vec::new();
    for lsn in 1..=last {
        found.push(engine.transaction(TransactionId(lsn)).await.unwrap());
    }
    found
}

fn archived(disk: &MemStorage) -> usize {
    disk.folder("archive").unwrap().list().unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archived_act_reads_as_before_and_a_start_finds_the_same() {
    let (disk, clock) = (MemStorage::new(31), Arc::default());
    let mut dice = Dice(31);
    let engine = running(&disk, &clock, &mut dice).await;
    let last = engine.metrics().durable_lsn;
    let before = acts(&engine, last).await;
    let writing = engine.clone();
    let filling = tokio::spawn(async move { fill(&writing, &mut Dice(32), 200).await });
    let done = engine.compact().await.unwrap();
    filling.await.unwrap();
    assert!(done.segments > 0, "{done:?}");
    assert_eq!(archived(&disk), 1);
    assert_eq!(engine.metrics().compaction.segments, done.segments);
    assert!(acts(&engine, last).await == before);
    assert_eq!(engine.compact().await.unwrap().segments, 0, "all is done");
    // Once more behind it, and the next file goes on where the first one ends.
    fill(&engine, &mut dice, 250).await;
    engine.snapshot().await.unwrap().expect("a segment is full");
    let next = engine.compact().await.unwrap();
    assert_eq!(next.first_lsn.0, done.last_lsn.0 + 1);
    engine.shutdown().await;

    let whole = see_without_snapshots(&disk, &clock).await;
    let engine = open(&disk, &clock).await.unwrap();
    assert_eq!(see(&engine).await, whole);
    assert!(acts(&engine, last).await == before);
    engine.shutdown().await;
    let reader = LogReader::of(Arc::new(disk)).unwrap();
    assert_eq!(reader.verify(1, &|_, _| {}).unwrap().problems, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_during_a_running_compaction_leaves_one_whole_log() {
    let (disk, clock) = (MemStorage::new(33), Arc::default());
    let engine = running(&disk, &clock, &mut Dice(33)).await;
    engine.shutdown().await;
    let whole = see_without_snapshots(&disk, &clock).await;
    let mut stopped = 0;
    for call in (1..400).step_by(9) {
        let cut = disk.copy();
        let engine = open(&cut, &clock).await.unwrap();
        cut.fail_at(call, Fault::PowerCut);
        let outcome = engine.compact().await;
        stopped += u32::from(outcome.is_err());
        let found = cut.crash(call);
        drop(engine);
        let engine = open(&found, &clock).await;
        let engine = engine.unwrap_or_else(|error| panic!("call {call}: {error}"));
        assert_eq!(see(&engine).await, whole, "call {call}");
        engine.shutdown().await;
        assert_eq!(see_without_snapshots(&found, &clock).await, whole);
    }
    assert!(stopped > 5, "{stopped} compactions were cut off");
}

/// A closed store most of which lies in the archive.
async fn compacted(seed: u64) -> (MemStorage, Arc<TickClock>) {
    let (disk, clock) = (MemStorage::new(seed), Arc::default());
    let engine = running(&disk, &clock, &mut Dice(seed)).await;
    assert!(engine.compact().await.unwrap().segments > 0);
    engine.shutdown().await;
    (disk, clock)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_sound_snapshot_a_start_replays_the_archive_and_says_so() {
    let (disk, clock) = compacted(35).await;
    let engine = open(&disk, &clock).await.unwrap();
    assert!(engine.opening().snapshot.is_some());
    assert_eq!(engine.opening().warnings, [] as [String; 0]);
    let expected = see(&engine).await;
    engine.shutdown().await;
    let (missing, damaged) = (disk.copy(), disk.copy());
    for name in snapshots(&disk) {
        missing.place(&name, None);
        damaged.damage(&name, |bytes| bytes[300] ^= 1);
    }
    for (disk, passed_over) in [(missing, 0), (damaged, 2)] {
        let engine = open(&disk, &clock).await.unwrap();
        let opening = engine.opening();
        assert!(opening.snapshot.is_none());
        assert_eq!(opening.warnings.len(), passed_over + 1);
        let told = &opening.warnings[passed_over];
        assert!(told.contains("from LSN 1"), "{told}");
        assert_eq!(see(&engine).await, expected);
        // What was lost is made again, and the next start is quick and quiet.
        engine
            .snapshot()
            .await
            .unwrap()
            .expect("nothing is covered");
        engine.shutdown().await;
        let engine = open(&disk, &clock).await.unwrap();
        assert!(engine.opening().snapshot.is_some());
        assert_eq!(see(&engine).await, expected);
        engine.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_offline_snapshot_begins_in_the_archive() {
    let (disk, clock) = compacted(36).await;
    for name in snapshots(&disk) {
        disk.place(&name, None);
    }
    let whole = see_without_snapshots(&disk, &clock).await;
    let window_us = i64::try_from(options().key_window.as_micros()).unwrap();
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let made = create_offline(storage, window_us, &mut |_, _| ()).unwrap();
    assert!(made.is_some());
    let engine = open(&disk, &clock).await.unwrap();
    let from = engine.opening().snapshot.as_ref().map(|from| from.lsn);
    assert_eq!(from, Some(whole.last_lsn));
    assert_eq!(see(&engine).await, whole);
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_that_is_gone_is_missed() {
    let (disk, clock) = compacted(37).await;
    let folder = disk.folder("archive").unwrap();
    for entry in folder.list().unwrap() {
        folder.remove(&entry.name).unwrap();
    }
    let refused = async |disk: &MemStorage| {
        let opened = open(disk, &clock).await;
        opened.err().map(|error| error.exit_code())
    };
    assert_eq!(refused(&disk).await, Some(12), "the meta knows of it");
    // Where the meta was made again it no longer does; then the snapshots are all that knows.
    let repaired = disk.copy();
    let meta = LogReader::of(Arc::new(disk.clone())).unwrap();
    let mut meta = meta.catalog().newest_meta().unwrap().clone();
    meta.archive_seq = meta.oldest_seq;
    meta.seq += 1;
    repaired.place("store.meta", Some(meta.encode().repeat(4)));
    assert_eq!(refused(&repaired.copy()).await, None);
    for name in snapshots(&repaired) {
        repaired.place(&name, None);
    }
    assert_eq!(refused(&repaired).await, Some(13));
}
