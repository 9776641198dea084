//! Has quiet wallets record what has come due.
//!
//! ```text
//! agenda ── due ──► a few wallets ── wake ──► each asks its own `due`, as before every command ──► durable ──► rest
//!            ▲                                                                                              │
//!            └──────────────────────── as long as there are more, a pause in between ◄──────────────────────┘
//! ```
//! It decides nothing: what has lapsed is left out of every read and every decision already, and the wallet itself writes
//! the record that the next command would have written. So a sweep may come late, be cut off or come twice, and
//! nothing is different but the time of the record. It never has more than a few wallets on the way, and while
//! others are served it takes a small share of the time.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::domain::{EntityId, Timestamp};
use crate::entities::{Admission, Core, Token};

/// Most wallets on the way at once: what they add to a queue is some milliseconds of one core.
const WOKEN_MAX: usize = 128;

/// A round that takes longer is followed by a smaller one: one wallet may have a thousand buckets that lapse, and a disk
/// may be slow.
const ROUND_LONG: Duration = Duration::from_millis(6);

/// While others are served, a round is followed by so many times as long without one.
const REST_FACTOR: u32 = 3;

/// Longest pause between two rounds, however long a slow disk kept the one before; and longest wait for space at once.
const REST_MAX: Duration = Duration::from_millis(200);

/// Sweeps through the agenda.
pub(crate) struct Sweeper {
    core: Arc<Core>,
    /// Below this many free bytes of log it waits for the next segment.
    space_low: u64,
    /// The sweeper's own places in flight; callers' are not taken from them.
    gate: Admission,
    /// Held by the one sweep that goes on.
    sweeping: Mutex<()>,
    ended: AtomicBool,
    swept: AtomicU64,
}

/// What lapses, and what is to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SweeperFigures {
    /// Wallets with points that will lapse some day.
    pub wallets: u64,
    /// Wallets with points that have lapsed although no record says so yet, counted up to 10,000.
    pub due: u64,
    /// How long the first of them has been due, microseconds.
    pub lag_us: u64,
    /// Times that a wallet was asked since the start.
    pub swept: u64,
    /// Lapses recorded since the start, whether by a sweep or before a command.
    pub lapses: u64,
}

// === impl Sweeper ===

impl Sweeper {
    pub(crate) fn new(core: Arc<Core>, space_low: u64) -> Self {
        Self {
            core,
            space_low,
            gate: Admission::new(WOKEN_MAX),
            sweeping: Mutex::new(()),
            ended: AtomicBool::new(false),
            swept: AtomicU64::new(0),
        }
    }

    /// Sweeps from time to time. `busy` tells whether somebody is being served.
    pub(crate) async fn run(
        &self,
        every: Duration,
        ended: CancellationToken,
        busy: impl Fn() -> bool,
    ) {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = ended.cancelled() => return,
                _ = ticks.tick() => self.sweep(&busy).await,
            };
        }
    }

    /// Has everybody who is due now record it. Gives how many there were.
    pub(crate) async fn sweep(&self, busy: impl Fn() -> bool) -> u64 {
        let _sweeping = self.sweeping.lock().await;
        let now = Timestamp(self.core.clock.now_us());
        let (mut size, mut swept) = (1, 0);
        let mut before = (Vec::new(), 0);
        while !self.ended.load(Relaxed) {
            let ids = self.core.table.due(now, size);
            let lapses = self.core.lapses.load(Relaxed);
            // Nobody got any further: there is no space, or they are too busy. Another time.
            if ids.is_empty() || (&ids, lapses) == (&before.0, before.1) {
                break;
            }
            self.wait_for_space().await;
            let begun = Instant::now();
            self.settle(&ids).await;
            let took = begun.elapsed();
            swept += ids.len() as u64;
            size = if took > ROUND_LONG {
                (ids.len() / 2).max(1)
            } else {
                (size * 2).min(WOKEN_MAX)
            };
            before = (ids, lapses);
            if busy() {
                tokio::time::sleep((took * REST_FACTOR).min(REST_MAX)).await;
            } else {
                tokio::task::yield_now().await;
            }
        }
        self.swept.fetch_add(swept, Relaxed);
        swept
    }

    /// Waits while the log runs into segments faster than they are made ready.
    async fn wait_for_space(&self) {
        let (journal, low) = (self.core.journal.clone(), self.space_low);
        if journal.is_below(low) {
            let waited = tokio::task::spawn_blocking(move || journal.wait_for_space(low, REST_MAX));
            // Only a defect in the wait could fail; whoever finds no space stays due.
            drop(waited.await);
        }
    }

    /// Wakes them and waits until what they record is durable.
    async fn settle(&self, ids: &[EntityId]) {
        let table = &self.core.table;
        for id in ids {
            let token = Token::new(None, self.gate.enter().await);
            table.wake(&self.core, *id, token);
        }
        self.gate.drained().await;
        table.let_rest(ids);
    }

    /// Ends the sweep that goes on after its round, and lets no other begin.
    pub(crate) async fn end(&self) {
        self.ended.store(true, Relaxed);
        drop(self.sweeping.lock().await);
    }

    pub(crate) fn figures(&self) -> SweeperFigures {
        let now = Timestamp(self.core.clock.now_us());
        let outlook = self.core.table.outlook(now);
        let first = outlook.first.filter(|at| *at <= now);
        SweeperFigures {
            wallets: outlook.entities,
            due: outlook.due,
            lag_us: first.map_or(0, |at| now.0.abs_diff(at.0)),
            swept: self.swept.load(Relaxed),
            lapses: self.core.lapses.load(Relaxed),
        }
    }
}
