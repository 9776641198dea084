//! Retention under a running engine: what is deleted is said to be gone, and everything else is as it was.

use super::stage::*;
use crate::api::{HistoryQuery, Moment, Refusal, Request, Total};
use crate::domain::{Cancel, Command, Description, TransactionId, WalletId};
use crate::engine::Engine;
use crate::journal::LogReader;
use crate::journal::sim::MemStorage;
use crate::open::EngineOptions;
use std::sync::Arc;
use std::time::Duration;

/// The clock of these tests gains a millisecond with each look: what was written before now is old enough.
const AT_ONCE: Duration = Duration::from_micros(1);

async fn open_retaining(disk: &MemStorage, clock: &Arc<TickClock>) -> Engine {
    let options = EngineOptions {
        retain: Some(AT_ONCE),
        ..options()
    };
    let clock = Arc::clone(clock) as Arc<dyn crate::clock::Clock>;
    let prepared = Engine::prepare_on(options, Arc::new(disk.clone()), clock).unwrap();
    prepared.open().await.unwrap()
}

/// A closed store with an archive and two snapshots, from before anybody asked for retention.
async fn archived(seed: u64) -> (MemStorage, Arc<TickClock>) {
    let (disk, clock) = (MemStorage::new(seed), Arc::default());
    let mut dice = Dice(seed);
    let engine = open(&disk, &clock).await.unwrap();
    for _ in 0..3 {
        fill(&engine, &mut dice, 250).await;
        engine.snapshot().await.unwrap().expect("a segment is full");
    }
    let done = engine.compact().await.unwrap();
    assert!(done.segments > 0);
    assert_eq!(done.deleted, [], "nobody asked for it");
    engine.shutdown().await;
    (disk, clock)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_is_gone_and_the_state_is_as_it_was() {
    let (disk, clock) = archived(51).await;
    let engine = open(&disk, &clock).await.unwrap();
    let whole = see(&engine).await;
    let mut acts = Vec::new();
    for lsn in 1..=whole.last_lsn {
        acts.push(engine.transaction(TransactionId(lsn)).await.unwrap());
    }
    let pages = pages(&engine).await;
    assert!(pages.iter().all(|page| page.begins.is_none()));
    engine.shutdown().await;

    let engine = open_retaining(&disk, &clock).await;
    // By itself or because it is asked to, whichever comes first.
    engine.compact().await.unwrap();
    let begins = engine.metrics().first_lsn;
    let figures = engine.metrics().compaction;
    assert!(figures.deleted_files > 0 && figures.deleted_bytes > 0);
    assert_eq!(figures.failures, 0);
    check(&engine, &acts, begins).await;
    fill(&engine, &mut Dice(7), 40).await;
    engine.shutdown().await;

    // A later start is the same, and the index no longer names what is gone.
    let engine = open(&disk, &clock).await.unwrap();
    assert!(engine.opening().snapshot.is_some());
    assert_eq!(engine.opening().warnings, [] as [String; 0]);
    check(&engine, &acts, begins).await;
    assert_eq!(engine.metrics().history.failures, 0);
    engine.shutdown().await;
    let reader = LogReader::of(Arc::new(disk)).unwrap();
    assert_eq!(reader.verify(1, &|_, _| {}).unwrap().problems, []);
}

/// Acts before the beginning are gone, those behind it are as they were, and so is what rests on them.
async fn check(engine: &Engine, acts: &[Option<crate::api::Act>], begins: u64) {
    assert!(begins > 1 && (begins as usize) < acts.len(), "{begins}");
    for (lsn, act) in (1..).zip(acts) {
        let found = engine.transaction(TransactionId(lsn)).await;
        match lsn < begins {
            true => assert_eq!(found, Err(Refusal::Gone), "{lsn}"),
            false => assert_eq!(found, Ok(act.clone()), "{lsn}"),
        }
    }
    for (at, page) in pages(engine).await.into_iter().enumerate() {
        assert_eq!(page.begins, Some(TransactionId(begins)));
        assert!(page.rows.iter().all(|row| row.act.transaction.0 >= begins));
        assert_eq!(
            page.total,
            Total::Exactly(page.rows.len() as u64),
            "wallet {at}"
        );
    }
    let command = Command::Cancel(Cancel {
        transaction: TransactionId(1),
        leg: None,
        amount: None,
        lapsed: None,
        policy: None,
        description: Description::new("").unwrap(),
    });
    let cancelled = engine.submit(Request { command, key: None }).await;
    assert_eq!(cancelled, Err(Refusal::Gone));
    let wallet = WalletId::new(1).unwrap();
    let early = engine.wallet_at(wallet, Moment::AtLsn(begins - 1)).await;
    assert_eq!(early, Err(Refusal::Gone));
    let late = engine.wallet_at(wallet, Moment::AtLsn(begins)).await;
    assert_eq!(late, Err(Refusal::Gone), "it was created before");
}

async fn pages(engine: &Engine) -> Vec<crate::api::HistoryPage> {
    let mut pages = Vec::new();
    for wallet in (1..=WALLETS).filter_map(WalletId::new) {
        let query = HistoryQuery {
            limit: 10_000,
            ..HistoryQuery::of(wallet)
        };
        pages.extend(engine.history(query).await);
    }
    pages
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_comes_by_itself_and_a_bad_snapshot_stops_it() {
    let (disk, clock) = archived(52).await;
    let bad = disk.copy();
    let older = &snapshots(&bad)[0];
    // Only a full reading finds it: the start uses the newer one.
    bad.damage(older, |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
    });
    let engine = open_retaining(&bad, &clock).await;
    assert!(engine.compact().await.is_err());
    assert_eq!(engine.metrics().first_lsn, 1);
    assert!(engine.metrics().compaction.failures > 0);
    engine.shutdown().await;

    let engine = open_retaining(&disk, &clock).await;
    while engine.metrics().first_lsn == 1 {
        tokio::task::yield_now().await;
    }
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_beginning_and_its_snapshots_a_store_is_refused() {
    let (disk, clock) = archived(53).await;
    let engine = open_retaining(&disk, &clock).await;
    engine.compact().await.unwrap();
    let expected = see(&engine).await;
    engine.shutdown().await;
    let names = snapshots(&disk);
    // The newest one is lost: the one before it and some more replay do.
    let older = disk.copy();
    older.place(&names[1], None);
    let engine = open(&older, &clock).await.unwrap();
    assert_eq!(see(&engine).await, expected);
    engine.shutdown().await;
    for spoil in [true, false] {
        let disk = disk.copy();
        for name in &names {
            match spoil {
                true => disk.damage(name, |bytes| bytes[300] ^= 1),
                false => disk.place(name, None),
            }
        }
        let refused = open(&disk, &clock).await.err().unwrap();
        assert_eq!(refused.exit_code(), 13);
        assert!(refused.to_string().contains("snap"), "{refused}");
    }
}
