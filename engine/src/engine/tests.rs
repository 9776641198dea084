//! The engine as a whole, on real files: acts, keys, passivation, meetings, restart.

mod daily;
mod expiry;
mod history;
mod periods;
mod runs;

use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::api::{HistoryQuery, WalletView};
use crate::domain::{
    Amount, Cancel, ChangeSettings, CreateWallet, Description, EntryType, Expiry, Grant, Limit,
    LimitKind, LimitMode, Owner, Transfer, Use,
};
use crate::open::EngineOptions;

fn options(directory: &TempDir) -> EngineOptions {
    EngineOptions {
        segment_bytes: 1 << 20,
        ..EngineOptions::new(directory.path())
    }
}

async fn open(directory: &TempDir) -> Engine {
    Engine::open(options(directory)).await.unwrap()
}

fn wallet(id: u64) -> WalletId {
    WalletId::new(id).unwrap()
}

fn amount(points: u64) -> Amount {
    Amount::new(points).unwrap()
}

fn plain(command: Command) -> Request {
    Request { command, key: None }
}

fn create(id: u64) -> Request {
    plain(Command::CreateWallet(CreateWallet {
        wallet: wallet(id),
        owner: Owner::user(id),
    }))
}

fn charge(id: u64, points: u64) -> Request {
    let description = Description::default();
    let grant = Grant {
        wallet: wallet(id),
        amount: amount(points),
        expiry: Expiry::Never,
        description,
    };
    plain(Command::Charge(grant))
}

fn spend(id: u64, points: u64) -> Request {
    let description = Description::default();
    plain(Command::Use(Use {
        wallet: wallet(id),
        amount: amount(points),
        description,
    }))
}

fn transfer(from: u64, to: &[u64], points: u64) -> Request {
    let to = to.iter().map(|id| (wallet(*id), amount(points))).collect();
    plain(Command::Transfer(Transfer {
        from: wallet(from),
        to,
        description: Description::default(),
    }))
}

fn keyed(request: Request, id: u128) -> Request {
    Request {
        key: Some(IdempotencyKey { id, fingerprint: 1 }),
        ..request
    }
}

async fn balance(engine: &Engine, id: u64) -> u64 {
    let view: WalletView = engine.wallet(wallet(id)).await.unwrap();
    view.balance().unsigned_abs()
}

async fn history(engine: &Engine, id: u64) -> Vec<(EntryType, u64, u64)> {
    let query = HistoryQuery {
        ascending: true,
        limit: 500,
        ..HistoryQuery::of(wallet(id))
    };
    let page = engine.history(query).await.unwrap();
    let entries = page.rows.iter().map(|row| {
        let entry = &row.act.event.entries()[usize::from(row.leg)];
        (entry.kind, entry.amount, entry.standing.version)
    });
    entries.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acts_survive_a_restart_with_history_and_keys() {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory).await;
    engine.submit(create(1)).await.unwrap();
    engine.submit(create(2)).await.unwrap();
    let first = engine.submit(keyed(charge(1, 100), 7)).await.unwrap();
    let used = engine.submit(spend(1, 30)).await.unwrap();
    engine.submit(transfer(1, &[2], 20)).await.unwrap();
    let cancel = Cancel {
        transaction: used.act.transaction,
        leg: None,
        amount: Some(amount(10)),
        lapsed: None,
        policy: None,
        description: Description::default(),
    };
    engine.submit(plain(Command::Cancel(cancel))).await.unwrap();
    let refused = engine.submit(keyed(spend(1, 1_000), 8)).await;
    let entries = history(&engine, 1).await;
    assert_eq!(entries.last(), Some(&(EntryType::Cancel, 10, 5)));
    engine.shutdown().await;
    drop(engine);

    let engine = open(&directory).await;
    assert_eq!(engine.opening().records, 7);
    assert_eq!(
        (balance(&engine, 1).await, balance(&engine, 2).await),
        (60, 20)
    );
    assert_eq!(history(&engine, 1).await, entries);
    let again = engine.submit(keyed(charge(1, 100), 7)).await.unwrap();
    assert_eq!((again.act, again.replayed), (first.act, true));
    let Err(Refusal::Rejected {
        rejection,
        replayed: true,
    }) = engine.submit(keyed(spend(1, 1_000), 8)).await
    else {
        panic!("the refusal is remembered")
    };
    assert_eq!(
        refused,
        Err(Refusal::Rejected {
            rejection,
            replayed: false
        })
    );
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_first_requests_make_one_actor_and_one_order() {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory).await;
    engine.submit(create(1)).await.unwrap();
    let requests = (0..10_000).map(|_| charge(1, 1)).collect();
    let outcomes = engine.submit_bulk(requests).await;
    let versions: Vec<u64> = outcomes
        .iter()
        .map(|outcome| {
            outcome.as_ref().unwrap().act.event.entries()[0]
                .standing
                .version
        })
        .collect();
    assert_eq!(versions, (2..=10_001).collect::<Vec<u64>>());
    assert_eq!(engine.metrics().active_entities, 1);
    assert_eq!(balance(&engine, 1).await, 10_000);
    engine.shutdown().await;
    assert_eq!(engine.metrics().active_entities, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cap_holds_while_far_more_wallets_are_touched() {
    let directory = TempDir::new().unwrap();
    let limited = EngineOptions {
        max_active: 64,
        ..options(&directory)
    };
    let engine = Engine::open(limited).await.unwrap();
    let outcomes = engine.submit_bulk((1..=2_000).map(create).collect()).await;
    assert!(outcomes.iter().all(Result::is_ok));
    for round in 0..3 {
        let requests = (1..=2_000).map(|id| charge(id, id)).collect();
        let outcomes = engine.submit_bulk(requests).await;
        assert!(outcomes.iter().all(Result::is_ok), "round {round}");
        assert!(engine.metrics().active_entities <= 64);
    }
    assert_eq!(engine.metrics().entities, 2_000);
    assert_eq!(balance(&engine, 1_234).await, 3 * 1_234);
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opposite_transfers_and_cycles_never_stall_nor_make_points() {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory).await;
    for id in 1..=5 {
        engine.submit(create(id)).await.unwrap();
        engine.submit(charge(id, 1_000)).await.unwrap();
    }
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..64_u64 {
        let engine = engine.clone();
        callers.spawn(async move {
            for step in 0..50 {
                let from = (caller + step) % 5 + 1;
                let next = from % 5 + 1;
                let after = next % 5 + 1;
                let to: &[u64] = if caller % 2 == 0 {
                    &[next]
                } else {
                    &[after, next]
                };
                match engine.submit(transfer(from, to, 1 + step % 7)).await {
                    Ok(_) => {}
                    Err(Refusal::Rejected { .. }) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
    let mut sum = 0;
    for id in 1..=5 {
        sum += balance(&engine, id).await;
    }
    assert_eq!(sum, 5_000);
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_entities_go_to_rest_and_come_back() {
    let directory = TempDir::new().unwrap();
    let quick = EngineOptions {
        idle: Duration::from_millis(8),
        ..options(&directory)
    };
    let engine = Engine::open(quick).await.unwrap();
    engine.submit(create(1)).await.unwrap();
    while engine.metrics().active_entities > 0 {
        tokio::task::yield_now().await;
    }
    engine.submit(charge(1, 5)).await.unwrap();
    assert_eq!(balance(&engine, 1).await, 5);
    let unknown = engine.submit(charge(2, 5)).await;
    let rejection = Rejection::WalletNotFound { wallet: wallet(2) };
    assert_eq!(
        unknown,
        Err(Refusal::Rejected {
            rejection,
            replayed: false
        })
    );
    engine.shutdown().await;
    assert_eq!(engine.submit(charge(1, 5)).await, Err(Refusal::Draining));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicates_of_a_running_request_get_its_answer() {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory).await;
    engine.submit(create(1)).await.unwrap();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let engine = engine.clone();
        callers.spawn(async move { engine.submit(keyed(charge(1, 5), 9)).await });
    }
    let outcomes = callers.join_all().await;
    let ids: Vec<_> = outcomes
        .iter()
        .map(|outcome| outcome.as_ref().unwrap().act.transaction)
        .collect();
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| !outcome.as_ref().unwrap().replayed)
            .count(),
        1
    );
    assert_eq!(balance(&engine, 1).await, 5);
    let other = Request {
        key: Some(IdempotencyKey {
            id: 9,
            fingerprint: 2,
        }),
        ..charge(1, 6)
    };
    assert_eq!(engine.submit(other).await, Err(Refusal::KeyMismatch));
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_is_in_force_for_whoever_heard_of_it() {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory).await;
    engine.submit(create(1)).await.unwrap();
    // Often: the record may be durable before the actor goes on.
    for most in 1..=200 {
        let (kind, mode) = (LimitKind::UseAtOnce, LimitMode::Reject);
        let limit = Some((kind, Some(Limit { most, mode })));
        let change = ChangeSettings {
            limit,
            ..ChangeSettings::default()
        };
        let change = plain(Command::ChangeSettings(Box::new(change)));
        engine.submit(change).await.unwrap();
        let rejection = Rejection::LimitExceeded {
            limit: kind,
            allowed: most,
            requested: most + 1,
        };
        let replayed = false;
        assert_eq!(
            engine.submit(spend(1, most + 1)).await,
            Err(Refusal::Rejected {
                rejection,
                replayed
            })
        );
        assert_eq!(engine.program().await.unwrap().version, most);
    }
    engine.shutdown().await;
}
