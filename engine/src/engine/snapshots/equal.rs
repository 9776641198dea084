//! A start from a snapshot gives what a start from the whole log gives.

use super::stage::*;
use crate::journal::sim::MemStorage;
use crate::snapshot::Snapshot;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_and_what_is_behind_it_are_the_whole_log() {
    for seed in 0..12 {
        let (disk, clock) = (MemStorage::new(seed), Default::default());
        let mut dice = Dice(seed);
        let mut made = 0;
        for _ in 0..4 {
            let engine = open(&disk, &clock).await.unwrap();
            for _ in 0..2 {
                let commands = dice.draw(400);
                fill(&engine, &mut dice, commands).await;
                if let Some(snapshot) = engine.snapshot().await.unwrap() {
                    assert!(snapshot.compared, "the live digest is at hand");
                    made += 1;
                }
            }
            engine.shutdown().await;
        }
        assert!(made > 0, "seed {seed} fills a segment");
        let whole = see_without_snapshots(&disk, &clock).await;
        let engine = open(&disk, &clock).await.unwrap();
        let opening = engine.opening();
        let snapshot = opening.snapshot.as_ref().expect("there is a snapshot");
        assert!(opening.records < whole.last_lsn, "not all is replayed");
        assert!(snapshot.lsn <= whole.last_lsn);
        assert_eq!(see(&engine).await, whole, "seed {seed}");
        engine.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_snapshots_are_kept_and_the_meta_names_them() {
    let (disk, clock) = (MemStorage::new(7), Default::default());
    let mut dice = Dice(7);
    let engine = open(&disk, &clock).await.unwrap();
    let mut lsns = Vec::new();
    while lsns.len() < 4 {
        fill(&engine, &mut dice, 200).await;
        lsns.extend(engine.snapshot().await.unwrap().map(|made| made.lsn.0));
    }
    let named = engine.inner.core.journal.meta().read().snapshots;
    assert_eq!(named, [lsns[3], lsns[2]]);
    let found = snapshots(&disk);
    assert_eq!(found.len(), 2, "{found:?}");
    for name in found {
        let snapshot = Snapshot::open_past_cache(&disk, &name).unwrap();
        assert!(named.contains(&snapshot.lsn().0));
        snapshot.verify().unwrap();
    }
    assert!(engine.snapshot().await.unwrap().is_none(), "nothing new");
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_buffer_sorts_through_files_and_leaves_none_behind() {
    let (disk, clock) = (MemStorage::new(3), Default::default());
    let mut dice = Dice(3);
    let engine = open(&disk, &clock).await.unwrap();
    fill(&engine, &mut dice, 1_500).await;
    engine.shutdown().await;
    let storage: std::sync::Arc<dyn crate::journal::Storage> = std::sync::Arc::new(disk.clone());
    let sealed = crate::journal::Sealed::behind(&storage, None).unwrap();
    let fold = |name: &str, buffered_max| {
        let fold = crate::snapshot::Fold {
            storage: &disk,
            sealed: &sealed,
            previous: None,
            key_window_us: i64::MAX,
            buffered_max,
            pace: &|| true,
        };
        fold.write(name, name).unwrap();
        disk.bytes(name).unwrap()
    };
    let in_memory = fold("a", usize::MAX);
    assert_eq!(fold("b", 37), in_memory);
    let left: Vec<String> = disk.names();
    assert!(!left.iter().any(|name| name.ends_with(".tmp")), "{left:?}");
}
