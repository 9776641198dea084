//! Histories across restarts: with the index, without it, with a damaged one, after a kill, and under writes.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::api::{HistoryPosition, Moment, Total};
use crate::domain::Fund;

/// Every entry of a wallet, page by page: act, leg, type, amount.
async fn walk(engine: &Engine, query: HistoryQuery) -> Vec<(u64, u8)> {
    let mut query = HistoryQuery { limit: 7, ..query };
    let mut seen = Vec::new();
    loop {
        let page = engine.history(query.clone()).await.unwrap();
        seen.extend(page.rows.iter().map(|row| (row.act.transaction.0, row.leg)));
        query.after = page.next;
        if page.next.is_none() {
            return seen;
        }
    }
}

async fn fill(engine: &Engine, turns: u64) {
    for turn in 0..turns {
        engine.submit(charge(1, 10 + turn)).await.unwrap();
        engine.submit(transfer(1, &[2], 3)).await.unwrap();
        engine.submit(spend(2, 2)).await.unwrap();
    }
}

async fn everything(engine: &Engine) -> Vec<Vec<(u64, u8)>> {
    let mut all = Vec::new();
    for id in [1, 2] {
        all.push(walk(engine, HistoryQuery::of(wallet(id))).await);
    }
    all
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory.join("index")).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    let is_run = |file: &PathBuf| file.extension().is_some_and(|end| end == "idx");
    let mut files: Vec<_> = files.filter(is_run).collect();
    files.sort();
    files
}

/// A store with some history, closed cleanly, and that history.
async fn closed() -> (TempDir, Vec<Vec<(u64, u8)>>) {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory).await;
    engine.submit(create(1)).await.unwrap();
    engine.submit(create(2)).await.unwrap();
    fill(&engine, 40).await;
    let all = everything(&engine).await;
    assert_eq!((all[0].len(), all[1].len()), (80, 80));
    engine.shutdown().await;
    (directory, all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_was_closed_is_taken_over() {
    let (directory, all) = closed().await;
    assert_eq!(files(directory.path()).len(), 1);
    let engine = open(&directory).await;
    assert_eq!(everything(&engine).await, all);
    assert_eq!(engine.metrics().history.refilled_acts, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_or_damaged_index_is_read_from_the_log() {
    let (directory, all) = closed().await;
    let run = files(directory.path()).remove(0);
    let sound = fs::read(&run).unwrap();
    for change in 0..6 {
        let mut bytes = sound.clone();
        match change {
            0 => fs::remove_dir_all(directory.path().join("index")).unwrap(),
            // Header, an entry, the directory, the top.
            at @ 1..=4 => bytes[(at - 1) * 4_096 + 50] ^= 1,
            _ => bytes.truncate(4_096),
        }
        if change > 0 {
            files(directory.path())
                .iter()
                .for_each(|file| fs::remove_file(file).unwrap());
            fs::write(&run, &bytes).unwrap();
        }
        let engine = open(&directory).await;
        // A damaged block is found by whoever reads it, and that page is refused.
        drop(engine.history(HistoryQuery::of(wallet(1))).await);
        drop(engine.history(HistoryQuery::of(wallet(2))).await);
        assert_eq!(everything(&engine).await, all, "change {change}");
        assert!(
            engine.metrics().history.refilled_acts > 0,
            "change {change}"
        );
        engine.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_of_another_store_or_of_the_future_is_not_believed() {
    let (directory, all) = closed().await;
    let (other, _) = closed().await;
    let ahead = open(&other).await;
    fill(&ahead, 5).await;
    ahead.shutdown().await;
    for file in files(directory.path()) {
        fs::remove_file(file).unwrap();
    }
    for file in files(other.path()) {
        let name = file.file_name().unwrap();
        fs::copy(&file, directory.path().join("index").join(name)).unwrap();
    }
    let engine = open(&directory).await;
    assert_eq!(everything(&engine).await, all);
    assert!(engine.metrics().history.refilled_acts > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_stay_put_while_others_write() {
    let (directory, all) = closed().await;
    let engine = open(&directory).await;
    let writer = tokio::spawn({
        let engine = engine.clone();
        async move { fill(&engine, 600).await }
    });
    let mut turns = 0;
    while !writer.is_finished() {
        let last = HistoryPosition {
            lsn: all[0][0].0 + 1,
            leg: 0,
        };
        let query = HistoryQuery {
            after: Some(last),
            ..HistoryQuery::of(wallet(1))
        };
        assert_eq!(walk(&engine, query).await, all[0]);
        turns += 1;
    }
    writer.await.unwrap();
    assert!(turns > 0);
    assert_eq!(everything(&engine).await[0].len(), 80 + 1_200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_read_nothing_but_what_they_ask_for() {
    let (directory, all) = closed().await;
    let engine = open(&directory).await;
    let one = || HistoryQuery::of(wallet(1));
    let paid = HistoryQuery {
        fund: Some(Fund::Paid),
        ..one()
    };
    assert_eq!(walk(&engine, paid).await, all[0]);
    let free = HistoryQuery {
        fund: Some(Fund::Free),
        ..one()
    };
    assert!(walk(&engine, free).await.is_empty());
    let other = HistoryQuery {
        counterparty: Some(wallet(2)),
        ascending: true,
        ..one()
    };
    assert_eq!(walk(&engine, other).await.len(), 40);
    let some = HistoryQuery {
        amount_min: Some(20),
        amount_max: Some(29),
        ..one()
    };
    let page = engine.history(some).await.unwrap();
    assert_eq!((page.rows.len(), page.total), (10, Total::Exactly(10)));
    let deep = HistoryQuery {
        offset: 79,
        ..one()
    };
    let page = engine.history(deep).await.unwrap();
    assert_eq!((page.rows.len(), page.next), (1, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wallet_is_shown_as_it_stood_at_any_act() {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory).await;
    engine.submit(create(2)).await.unwrap();
    let born = engine.submit(create(1)).await.unwrap().act;
    let mut stood = vec![(born.transaction.0, 0, 1)];
    for turn in 1..=30 {
        let first = engine.submit(charge(1, 10 + turn)).await.unwrap().act;
        let second = engine.submit(transfer(1, &[2], turn)).await.unwrap().act;
        for act in [first, second] {
            let standing = act.event.entries()[0].standing;
            stood.push((act.transaction.0, standing.balance(), standing.version));
        }
    }
    for (at, (lsn, balance, version)) in stood.iter().enumerate() {
        let past = engine
            .wallet_at(wallet(1), Moment::AtLsn(*lsn))
            .await
            .unwrap();
        let view = past.view;
        assert_eq!(
            (view.lsn, view.paid, view.version),
            (*lsn, *balance, *version)
        );
        let lots: u64 = past.lots.iter().map(|lot| lot.amount).sum();
        assert_eq!(lots.cast_signed(), *balance);
        let act = engine
            .transaction(TransactionId(*lsn))
            .await
            .unwrap()
            .unwrap();
        let later = engine
            .wallet_at(wallet(1), Moment::At(act.at))
            .await
            .unwrap();
        assert!(later.view.lsn >= *lsn && later.view.version >= at as u64);
    }
    let early = engine.wallet_at(wallet(1), Moment::AtLsn(1)).await;
    assert!(matches!(early, Err(Refusal::Rejected { .. })), "{early:?}");
    let ahead = engine.wallet_at(wallet(1), Moment::AtLsn(1_000_000)).await;
    assert_eq!(ahead, Err(Refusal::MomentAhead));
}
