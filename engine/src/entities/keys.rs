//! The idempotency keys: one sharded table, claimed before routing.
//!
//! ```text
//! claim ──► free      → Claim (travels in the token; dropped without a record = freed again)
//!       ├─► running   → wait for the first one's end
//!       └─► done(lsn) → the answer is rebuilt from the record
//! ```
//! A remembered key is never dropped inside its window. The window runs in log time, so replay
//! rebuilds the very same table.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::record::IdempotencyKey;

/// Shards of the table: enough that claims of two cores rarely meet.
const SHARDS: usize = 64;

/// Log time that one ring entry covers. A key may be remembered this much longer than its window.
const SPAN_US: i64 = 15_000_000;

/// All keys.
pub(crate) struct KeyTable {
    shards: Box<[Mutex<Shard>]>,
    count: AtomicUsize,
    keys_max: usize,
    window_us: i64,
}

/// The right to carry out the one request of a key.
pub(crate) struct Claim {
    table: Arc<KeyTable>,
    key: IdempotencyKey,
    settled: bool,
}

/// What a claim came to.
pub(crate) enum Claimed {
    /// Carry it out.
    Free(Claim),
    /// It was carried out: its answer is in the record of this LSN.
    Done(u64),
    /// It is running: the channel closes when that ends.
    Running(watch::Receiver<()>),
    /// The key belongs to another request.
    Mismatch,
    /// No more keys can be remembered.
    Full,
}

#[derive(Default)]
struct Shard {
    done: HashMap<u128, Done>,
    running: HashMap<u128, Running>,
    ring: VecDeque<Span>,
}

struct Done {
    fingerprint: u64,
    lsn: u64,
}

struct Running {
    fingerprint: u64,
    /// Made when the first duplicate comes; dropping it wakes all duplicates.
    ended: Option<watch::Sender<()>>,
}

/// Keys whose records fall into one stretch of log time.
struct Span {
    start_us: i64,
    keys: Vec<u128>,
}

// === impl KeyTable ===

impl KeyTable {
    pub(crate) fn new(keys_max: usize, window_us: i64) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::new(Shard::default())).collect();
        Self {
            shards,
            count: AtomicUsize::new(0),
            keys_max,
            window_us,
        }
    }

    /// Keys remembered or running.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn claim(self: &Arc<Self>, key: IdempotencyKey, now_us: i64) -> Claimed {
        let mut shard = self.shard(key.id).lock();
        self.expire(&mut shard, now_us);
        if let Some(done) = shard.done.get(&key.id) {
            let same = done.fingerprint == key.fingerprint;
            return if same {
                Claimed::Done(done.lsn)
            } else {
                Claimed::Mismatch
            };
        }
        if let Some(running) = shard.running.get_mut(&key.id) {
            if running.fingerprint != key.fingerprint {
                return Claimed::Mismatch;
            }
            let ended = running.ended.get_or_insert_with(|| watch::channel(()).0);
            return Claimed::Running(ended.subscribe());
        }
        if self.count.fetch_add(1, Ordering::Relaxed) >= self.keys_max {
            self.count.fetch_sub(1, Ordering::Relaxed);
            return Claimed::Full;
        }
        shard.running.insert(
            key.id,
            Running {
                fingerprint: key.fingerprint,
                ended: None,
            },
        );
        Claimed::Free(Claim {
            table: Arc::clone(self),
            key,
            settled: false,
        })
    }

    /// Remembers a key that a record carries. The bound does not apply: what is in the log was
    /// promised.
    pub(crate) fn remember(&self, key: IdempotencyKey, lsn: u64, at_us: i64) {
        let mut shard = self.shard(key.id).lock();
        shard.running.remove(&key.id);
        shard.remember(key, lsn, at_us);
    }

    /// As [`Self::remember`], for keys found by replay.
    pub(crate) fn restore(&self, key: IdempotencyKey, lsn: u64, at_us: i64) {
        self.shard(key.id).lock().remember(key, lsn, at_us);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    fn free(&self, id: u128) {
        if self.shard(id).lock().running.remove(&id).is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn shard(&self, id: u128) -> &Mutex<Shard> {
        &self.shards[id as usize % SHARDS]
    }

    fn expire(&self, shard: &mut Shard, now_us: i64) {
        let over = |span: &Span| span.start_us + SPAN_US + self.window_us < now_us;
        while shard.ring.front().is_some_and(over) {
            let Some(span) = shard.ring.pop_front() else {
                break;
            };
            for key in &span.keys {
                if shard.done.remove(key).is_some() {
                    self.count.fetch_sub(1, Ordering::Relaxed);
                }
            }
        }
    }
}

impl Shard {
    fn remember(&mut self, key: IdempotencyKey, lsn: u64, at_us: i64) {
        self.done.insert(
            key.id,
            Done {
                fingerprint: key.fingerprint,
                lsn,
            },
        );
        let fits = |span: &&mut Span| at_us < span.start_us + SPAN_US;
        match self.ring.back_mut().filter(fits) {
            Some(span) => span.keys.push(key.id),
            None => self.ring.push_back(Span {
                start_us: at_us,
                keys: vec![key.id],
            }),
        }
    }
}

// === impl Claim ===

impl Claim {
    pub(crate) fn key(&self) -> IdempotencyKey {
        self.key
    }

    /// The record that answers this key is on disk.
    pub(crate) fn settle(mut self, lsn: u64, at_us: i64) {
        self.settled = true;
        self.table.remember(self.key, lsn, at_us);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.settled {
            self.table.free(self.key.id);
        }
    }
}

#[cfg(test)]
mod tests;
