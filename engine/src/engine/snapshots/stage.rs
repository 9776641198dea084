//! What the tests share: an engine over a disk in memory, and random histories for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::api::{Request, Total};
use crate::domain::{
    Amount, Cancel, Command, CreateWallet, Description, Grant, Owner, Timestamp, TransactionId,
    Transfer, Use, WalletId,
};
use crate::engine::Engine;
use crate::entities::EntityState;
use crate::journal::sim::MemStorage;
use crate::journal::{Clock, snapshot_lsn};
use crate::open::{EngineOptions, OpenError};
use crate::record::IdempotencyKey;

pub(super) const WALLETS: u64 = 40;
const SEGMENT_BYTES: u64 = 64 * 1024;

/// Goes on by a millisecond at each look.
#[derive(Default)]
pub(super) struct TickClock(AtomicI64);

impl Clock for TickClock {
    fn now_us(&self) -> i64 {
        self.0.fetch_add(1_000, Ordering::Relaxed)
    }
}

/// Repeatable numbers.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn draw(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}

/// `SCRIP_TEST_SCALE` multiplies the counts of the long tests.
pub(super) fn scaled(count: u64) -> u64 {
    let scale = std::env::var("SCRIP_TEST_SCALE").ok();
    let scale = scale.and_then(|text| text.parse::<u64>().ok());
    count * scale.unwrap_or(1)
}

pub(super) fn options() -> EngineOptions {
    EngineOptions {
        segment_bytes: SEGMENT_BYTES,
        replay_workers: 2,
        snapshot_every_bytes: 0,
        sweep_every: Duration::ZERO,
        ..EngineOptions::new("in-memory")
    }
}

pub(super) async fn open(disk: &MemStorage, clock: &Arc<TickClock>) -> Result<Engine, OpenError> {
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let prepared = Engine::prepare_on(options(), Arc::new(disk.clone()), clock)?;
    prepared.open().await
}

/// Submits so many random commands; what is refused is refused.
pub(super) async fn fill(engine: &Engine, dice: &mut Dice, commands: u64) {
    for _ in 0..commands {
        let request = request(dice, engine.metrics().durable_lsn);
        drop(engine.submit(request).await);
    }
}

fn request(dice: &mut Dice, last_lsn: u64) -> Request {
    let wallet = WalletId::new(1 + dice.draw(WALLETS)).unwrap();
    let amount = Amount::new(1 + dice.draw(50)).unwrap();
    let text = "x".repeat(usize::try_from(dice.draw(200)).unwrap());
    let description = Description::new(&text).unwrap();
    let grant = |dice: &mut Dice| Grant {
        wallet,
        amount,
        expiry: (dice.draw(3) == 0)
            .then(|| Timestamp(10_000_000 * (1 + i64::try_from(dice.draw(9)).unwrap())))
            .into(),
        description: description.clone(),
    };
    let command = match dice.draw(8) {
        0 => Command::CreateWallet(CreateWallet {
            wallet,
            owner: Owner::user(wallet.get()),
        }),
        1 => Command::Charge(grant(dice)),
        2 | 3 => Command::Earn(grant(dice)),
        4 | 5 => Command::Use(Use {
            wallet,
            amount,
            description,
        }),
        6 => {
            let to = WalletId::new(1 + wallet.get() % WALLETS).unwrap();
            Command::Transfer(Transfer {
                from: wallet,
                to: std::iter::once((to, amount)).collect(),
                description,
            })
        }
        _ => Command::Cancel(Cancel {
            transaction: TransactionId(1 + dice.draw(last_lsn.max(1))),
            leg: None,
            amount: None,
            lapsed: None,
            policy: None,
            description,
        }),
    };
    let key = (dice.draw(4) == 0).then(|| IdempotencyKey {
        id: u128::from(dice.draw(u64::MAX)),
        fingerprint: dice.draw(u64::MAX),
    });
    Request { command, key }
}

/// Everything that a start brings back, lot by lot.
#[derive(PartialEq, Debug)]
pub(super) struct Seen {
    states: Vec<Option<EntityState>>,
    entities: u64,
    keys: u64,
    pub(super) last_lsn: u64,
    entries: Vec<Total>,
}

/// Of an engine that has just been opened: nobody is live yet.
pub(super) async fn see(engine: &Engine) -> Seen {
    engine.inner.history.whole().await;
    let metrics = engine.metrics();
    let ids = || (1..=WALLETS).filter_map(WalletId::new);
    let table = &engine.inner.core.table;
    let history = &engine.inner.history;
    Seen {
        states: ids().map(|id| table.restored(id.entity())).collect(),
        entities: metrics.entities,
        keys: metrics.keys,
        last_lsn: metrics.durable_lsn,
        entries: ids().map(|id| history.total_of(id.get())).collect(),
    }
}

/// What a start finds that may use no snapshot: all of them are taken away first.
pub(super) async fn see_without_snapshots(disk: &MemStorage, clock: &Arc<TickClock>) -> Seen {
    let disk = disk.copy();
    for name in snapshots(&disk) {
        disk.place(&name, None);
    }
    let engine = open(&disk, clock).await.unwrap();
    assert!(engine.opening().snapshot.is_none());
    let seen = see(&engine).await;
    engine.shutdown().await;
    seen
}

/// Names of the snapshots on a disk, newest last.
pub(super) fn snapshots(disk: &MemStorage) -> Vec<String> {
    let names = disk.names();
    let snapshots = names
        .into_iter()
        .filter(|name| snapshot_lsn(name).is_some());
    snapshots.collect()
}
