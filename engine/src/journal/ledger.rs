//! The ledger of space: how much may still be promised, and to whom it was promised.
//!
//! An act reserves its space before it changes any entity, so that `append` can never fail. `room` is what can be
//! promised in the worst order of appends; it is kept in two halves, the rest of the segment in use and the number of
//! filled segments behind it. Promises are counted down only after the room they used has been taken off, so a
//! reader can see too little room for a moment, but never too much.

use parking_lot::{Condvar, Mutex};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
use thiserror::Error;

use super::frame::act_framed_len;
use super::segment::{GROUP_ALIGN, paged};

/// Why no space was promised.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Unavailable {
    /// The next segment is being filled; `wait_for_space` tells when it is there.
    #[error("the next segment is still being filled")]
    Filling,
    /// The disk has no room for another segment.
    #[error("the disk is full")]
    StorageFull,
    #[error("the journal stopped after a failed write")]
    Poisoned,
    #[error("the journal is closed")]
    Closed,
    /// Longer than any act may be.
    #[error("the act is longer than {max} bytes")]
    TooLarge { max: usize },
}

/// What stands for readiness and metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Space {
    /// Bytes that can be promised now.
    pub free_bytes: u64,
    /// Filled segments that wait for their turn.
    pub segments_ready: u64,
    /// The last attempt to fill a segment met a full disk.
    pub disk_full: bool,
}

/// Space promised to one act. Dropped unused, it goes back.
#[derive(Debug)]
pub struct Reservation<'a> {
    ledger: &'a Ledger,
    bytes: u64,
    body_len: usize,
}

/// Cache lines are fetched in pairs. What every act writes has a pair of its own, so that reading the rest stays free.
#[derive(Debug)]
#[repr(align(128))]
struct Apart<T>(T);

/// What every act writes.
#[derive(Debug)]
struct Counts {
    promised: AtomicU64,
    active_free: AtomicU64,
}

#[derive(Debug)]
pub(crate) struct Ledger {
    counts: Apart<Counts>,
    ready: AtomicU64,
    phase: AtomicU8,
    disk_full: AtomicBool,
    payload: u64,
    /// What the end of a segment may waste: the largest act less one page.
    slack: u64,
    act_bytes_max: usize,
    news: Mutex<()>,
    changed: Condvar,
}

const PHASE_OPEN: u8 = 0;
const PHASE_CLOSING: u8 = 1;
const PHASE_POISONED: u8 = 2;

impl Reservation<'_> {
    /// Longest body this promise covers.
    pub fn body_len(&self) -> usize {
        self.body_len
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.ledger.counts.0.promised.fetch_sub(self.bytes, SeqCst);
    }
}

impl Ledger {
    pub(crate) fn new(payload: u64, act_bytes_max: usize, active_free: u64) -> Self {
        let largest = paged(act_framed_len(act_bytes_max) as u64);
        Self {
            counts: Apart(Counts {
                promised: AtomicU64::new(0),
                active_free: AtomicU64::new(active_free),
            }),
            ready: AtomicU64::new(0),
            phase: AtomicU8::new(PHASE_OPEN),
            disk_full: AtomicBool::new(false),
            payload,
            slack: largest - u64::from(GROUP_ALIGN),
            act_bytes_max,
            news: Mutex::new(()),
            changed: Condvar::new(),
        }
    }

    pub(crate) fn act_bytes_max(&self) -> usize {
        self.act_bytes_max
    }

    /// Promises space for an act with a body of `body_len` bytes.
    #[inline]
    pub(crate) fn reserve(&self, body_len: usize) -> Result<Reservation<'_>, Unavailable> {
        if body_len > self.act_bytes_max {
            return Err(Unavailable::TooLarge {
                max: self.act_bytes_max,
            });
        }
        let bytes = paged(act_framed_len(body_len) as u64);
        let promised = self.counts.0.promised.fetch_add(bytes, SeqCst) + bytes;
        // From here on the drop of `reservation` takes the promise back.
        let reservation = Reservation {
            ledger: self,
            bytes,
            body_len,
        };
        match self.phase.load(SeqCst) {
            PHASE_OPEN => {}
            PHASE_CLOSING => return Err(Unavailable::Closed),
            _ => return Err(Unavailable::Poisoned),
        }
        if promised <= self.room() {
            Ok(reservation)
        } else if self.disk_full.load(SeqCst) {
            Err(Unavailable::StorageFull)
        } else {
            Err(Unavailable::Filling)
        }
    }

    /// What can be promised in total. Next-fit placement wastes at most `slack` per segment that it leaves; with no
    /// segment to go on to, it wastes nothing.
    fn room(&self) -> u64 {
        // The order matters: the claim of a segment lowers `ready` before it raises `active_free`.
        let active = self.counts.0.active_free.load(SeqCst);
        let ready = self.ready.load(SeqCst);
        if ready == 0 {
            return active;
        }
        let split = active.saturating_sub(self.slack) + ready * (self.payload - self.slack);
        active.max(split)
    }

    pub(crate) fn space(&self) -> Space {
        Space {
            free_bytes: self
                .room()
                .saturating_sub(self.counts.0.promised.load(SeqCst)),
            segments_ready: self.ready.load(SeqCst),
            disk_full: self.disk_full.load(SeqCst),
        }
    }

    /// Blocks until `bytes` could be promised, the disk is full, the journal stops, or the time is over.
    pub(crate) fn wait(&self, bytes: u64, timeout: Duration) -> Space {
        let deadline = Instant::now() + timeout;
        // One filled segment gives at least this much; waiting for more could be waiting for ever.
        let bytes = bytes.min(self.payload - self.slack);
        let mut news = self.news.lock();
        loop {
            let space = self.space();
            let over = space.free_bytes >= bytes
                || space.disk_full
                || self.phase.load(SeqCst) != PHASE_OPEN;
            if over || self.changed.wait_until(&mut news, deadline).timed_out() {
                return self.space();
            }
        }
    }

    /// The rest of the segment in use, after an append or a claim.
    #[inline]
    pub(crate) fn set_active_free(&self, bytes: u64) {
        self.counts.0.active_free.store(bytes, SeqCst);
    }

    /// Takes one page for a MARK unless it is promised to somebody.
    pub(crate) fn take_page(&self, active_free: u64) -> bool {
        let page = u64::from(GROUP_ALIGN);
        let Some(left) = active_free.checked_sub(page) else {
            return false;
        };
        self.counts.0.active_free.store(left, SeqCst);
        if self.counts.0.promised.load(SeqCst) <= self.room() {
            return true;
        }
        self.counts.0.active_free.store(active_free, SeqCst);
        false
    }

    /// Whether less than so many bytes can be promised, without a look at what every act writes as long as a filled
    /// segment waits.
    #[inline]
    pub(crate) fn is_below(&self, bytes: u64) -> bool {
        let waiting = self.ready.load(SeqCst) * (self.payload - self.slack);
        waiting < bytes && self.space().free_bytes < bytes
    }

    /// One filled segment is now the one in use.
    pub(crate) fn claim_segment(&self) {
        let before = self.ready.fetch_sub(1, SeqCst);
        assert!(
            before > 0,
            "space was promised only on segments that are there"
        );
        self.counts.0.active_free.store(self.payload, SeqCst);
    }

    /// Filled segments without a claim.
    pub(crate) fn ready(&self) -> u64 {
        self.ready.load(SeqCst)
    }

    pub(crate) fn add_segment(&self) {
        self.ready.fetch_add(1, SeqCst);
        self.disk_full.store(false, SeqCst);
        self.tell();
    }

    pub(crate) fn say_full(&self) {
        self.disk_full.store(true, SeqCst);
        self.tell();
    }

    pub(crate) fn has_promises(&self) -> bool {
        self.counts.0.promised.load(SeqCst) > 0
    }

    pub(crate) fn poison(&self) {
        self.phase.store(PHASE_POISONED, SeqCst);
        self.tell();
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.phase.load(SeqCst) == PHASE_POISONED
    }

    /// No promise is given from here on. A poisoned journal stays poisoned.
    pub(crate) fn begin_close(&self) {
        let _ = self
            .phase
            .compare_exchange(PHASE_OPEN, PHASE_CLOSING, SeqCst, SeqCst);
        self.tell();
    }

    fn tell(&self) {
        let _news = self.news.lock();
        self.changed.notify_all();
    }
}
