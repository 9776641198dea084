//! Points that lapse in quiet wallets, by a clock that the test sets: who is swept, when, how often, and what is left
//! of it in memory.

use std::sync::atomic::AtomicI64;

use super::*;
use crate::api::Moment;
use crate::domain::{Event, Fund, GrantLater, PlaceHold, Timestamp};
use crate::journal::Clock;
use crate::journal::sim::MemStorage;

#[derive(Default)]
struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now_us(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A disk and a clock.
struct Stage {
    disk: MemStorage,
    clock: Arc<SetClock>,
}

impl Stage {
    fn new() -> Self {
        let (disk, clock) = (MemStorage::new(7), Arc::default());
        Self { disk, clock }
    }

    async fn open(&self, change: impl FnOnce(&mut EngineOptions)) -> Engine {
        let mut options = EngineOptions {
            segment_bytes: 1 << 20,
            replay_workers: 2,
            sweep_every: Duration::ZERO,
            ..EngineOptions::new("in-memory")
        };
        change(&mut options);
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let prepared = Engine::prepare_on(options, Arc::new(self.disk.clone()), clock);
        prepared.unwrap().open().await.unwrap()
    }

    fn set(&self, now: i64) {
        self.clock.0.store(now, Ordering::SeqCst);
    }
}

fn earn(id: u64, points: u64, until: Option<i64>) -> Request {
    let grant = Grant {
        wallet: wallet(id),
        amount: amount(points),
        expiry: until.map(Timestamp).into(),
        description: Description::default(),
    };
    plain(Command::Earn(grant))
}

async fn all(engine: &Engine, requests: impl IntoIterator<Item = Request>) {
    let outcomes = engine.submit_bulk(requests.into_iter().collect()).await;
    for outcome in outcomes {
        outcome.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_due_at_once_lapse_once_each_and_leave_no_actor() {
    const WALLETS: u64 = 3_000;
    let stage = Stage::new();
    let engine = stage.open(|_| {}).await;
    all(&engine, (1..=WALLETS).map(create)).await;
    all(&engine, (1..=WALLETS).map(|id| earn(id, id, Some(500)))).await;
    all(&engine, (1..=WALLETS).map(|id| earn(id, 1, Some(900)))).await;
    let before = engine.metrics().sweeper;
    assert_eq!((before.wallets, before.due, before.lapses), (WALLETS, 0, 0));
    // Half of them are swept out of their rows, the others out of live actors.
    engine.shutdown().await;
    stage.set(700);
    let engine = stage.open(|_| {}).await;
    all(&engine, (1..=WALLETS / 2).map(|id| charge(id, 1))).await;
    let due = engine.metrics().sweeper;
    assert_eq!((due.due, due.lag_us), (WALLETS / 2, 200));
    assert_eq!(engine.sweep().await, WALLETS - WALLETS / 2);
    assert_eq!(engine.sweep().await, 0);
    let after = engine.metrics().sweeper;
    assert_eq!((after.wallets, after.due, after.lag_us), (WALLETS, 0, 0));
    assert_eq!(after.lapses, WALLETS);
    for id in [1, WALLETS / 2, WALLETS / 2 + 1, WALLETS] {
        let lapses = history(&engine, id).await;
        let lapses = lapses.iter().filter(|entry| entry.0 == EntryType::Lapse);
        let amounts: Vec<u64> = lapses.map(|entry| entry.1).collect();
        assert_eq!(amounts, [id]);
    }
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_swept_out_of_a_row_goes_straight_back() {
    let stage = Stage::new();
    let engine = stage.open(|_| {}).await;
    all(&engine, (1..=500).map(create)).await;
    all(&engine, (1..=500).map(|id| earn(id, id, Some(500)))).await;
    engine.shutdown().await;
    let engine = stage.open(|options| options.max_active = 150).await;
    stage.set(500);
    assert!(engine.sweep().await >= 500);
    assert_eq!(engine.metrics().sweeper.wallets, 0);
    while engine.metrics().active_entities > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(balance(&engine, 77).await, 0);
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_wallets_with_something_to_lapse_are_on_the_agenda() {
    let stage = Stage::new();
    let engine = stage.open(|_| {}).await;
    all(&engine, (1..=4).map(create)).await;
    all(
        &engine,
        [charge(1, 10), earn(2, 10, None), earn(3, 10, Some(90))],
    )
    .await;
    assert_eq!(engine.metrics().sweeper.wallets, 1);
    // Spending does not touch the agenda, going to rest corrects it.
    all(&engine, [spend(3, 10)]).await;
    assert_eq!(engine.metrics().sweeper.wallets, 1);
    engine.shutdown().await;
    assert_eq!(engine.metrics().sweeper.wallets, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_carries_the_expiry_onto_the_agenda_of_who_receives() {
    let stage = Stage::new();
    let engine = stage.open(|_| {}).await;
    all(&engine, (1..=2).map(create)).await;
    all(&engine, [earn(1, 10, Some(90)), transfer(1, &[2], 10)]).await;
    stage.set(90);
    // Wallet 1 has nothing left that lapses, but stands there until somebody looks.
    assert_eq!(engine.sweep().await, 2);
    assert_eq!(engine.metrics().sweeper.lapses, 1);
    assert_eq!(balance(&engine, 2).await, 0);
    assert_eq!(engine.sweep().await, 0);
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wallet_with_a_thousand_dates_lapses_in_turns_and_in_order() {
    let stage = Stage::new();
    let engine = stage.open(|_| {}).await;
    all(&engine, [create(1)]).await;
    all(&engine, (1..=1_000).map(|at| earn(1, 1, Some(1_001 - at)))).await;
    stage.set(1_000);
    assert!(engine.sweep().await > 1);
    let figures = engine.metrics().sweeper;
    assert_eq!(
        (figures.lapses, figures.due, figures.wallets),
        (1_000, 0, 0)
    );
    let query = HistoryQuery {
        ascending: true,
        limit: 500,
        offset: 1_000,
        ..HistoryQuery::of(wallet(1))
    };
    let page = engine.history(query).await.unwrap();
    let dates = page.rows.iter().map(|row| {
        let Event::Lapsed(lapsed) = &*row.act.event else {
            panic!("{:?}", row.act)
        };
        lapsed.bucket.expires_at
    });
    assert!(dates.eq((1..=500).map(|at| Some(Timestamp(at)))));
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sweeper_works_by_itself_from_the_start_on() {
    let stage = Stage::new();
    let engine = stage.open(|_| {}).await;
    all(&engine, [create(1), earn(1, 5, Some(10))]).await;
    engine.shutdown().await;
    stage.set(1_000_000);
    let every = Duration::from_millis(1);
    let engine = stage.open(|options| options.sweep_every = every).await;
    while engine.metrics().sweeper.lapses == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        history(&engine, 1).await.last(),
        Some(&(EntryType::Lapse, 5, 3))
    );
    engine.shutdown().await;
    assert_eq!(engine.sweep().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lots_of_a_past_moment_are_those_of_its_balance() {
    let stage = Stage::new();
    let engine = stage.open(|_| {}).await;
    let hold = Command::PlaceHold(PlaceHold {
        wallet: wallet(1),
        amount: amount(80),
        expires_at: Timestamp(400),
        description: Description::default(),
    });
    let later = Command::GrantLater(Box::new(GrantLater {
        grant: Grant {
            wallet: wallet(1),
            amount: amount(7),
            expiry: Expiry::Never,
            description: Description::default(),
        },
        fund: Fund::Free,
        active_at: Some(Timestamp(450)),
    }));
    let requests = [create(1), charge(1, 100), plain(hold), plain(later)];
    all(&engine, requests).await;
    // Both have come due, and no record says so.
    stage.set(500);
    let shown = async |engine: &Engine| {
        let moment = Moment::At(Timestamp(500));
        let past = engine.wallet_at(wallet(1), moment).await.unwrap();
        let lots: u64 = past.lots.iter().map(|lot| lot.amount).sum();
        (past.view.available, lots)
    };
    stage.set(501);
    assert_eq!(shown(&engine).await, (107, 107));
    engine.sweep().await;
    assert_eq!(shown(&engine).await, (107, 107));
    engine.shutdown().await;
}
