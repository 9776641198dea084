//! Whose turn it is: workers that scan and apply in rounds, and where the first of them failed.
//!
//! ```text
//! step    0        1         2        3    …
//!         scan 0   apply 0   scan 1   apply 1      a failure in step s ends whatever comes after s
//! ```
//! Knows neither chunks nor events.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex};

/// Rounds whose chunks are held decoded: one that is scanned, one that is applied, and one that a slower worker may
/// still apply.
pub(super) const ROUNDS_HELD: usize = 3;

/// Rounds that a worker has behind it.
#[derive(Clone, Copy, Default)]
struct Progress {
    scanned: usize,
    applied: usize,
}

/// What workers tell each other.
pub(super) struct Turns<E> {
    progress: Mutex<Vec<Progress>>,
    moved: Condvar,
    /// The failure that lies first in the log, and where.
    failure: Mutex<Option<(u64, E)>>,
    /// The first step in which something failed. Whatever comes before it is still done, so that the failure that lies
    /// first in the log is found.
    failed_in: AtomicUsize,
}

// === impl Turns ===

impl<E> Turns<E> {
    pub(super) fn new(workers: usize) -> Self {
        Self {
            progress: Mutex::new(vec![Progress::default(); workers]),
            moved: Condvar::new(),
            failure: Mutex::new(None),
            failed_in: AtomicUsize::new(usize::MAX),
        }
    }

    /// Waits until a worker may scan into the buffer of a round, which nobody needs any more then. `false`: the replay
    /// has failed.
    pub(super) fn may_scan(&self, round: usize) -> bool {
        // This worker has still to apply the round before, which may hold an earlier failure than the one that ended it
        // for another.
        let before = scanning(round).saturating_sub(1);
        self.reached(before, |all| all.applied + ROUNDS_HELD > round)
    }

    /// Waits until all of a round has been scanned. `false`: the replay has failed.
    pub(super) fn may_apply(&self, round: usize) -> bool {
        self.reached(applying(round), |all| all.scanned > round)
    }

    pub(super) fn scanned(&self, worker: usize) {
        self.advance(worker, |own| own.scanned += 1);
    }

    pub(super) fn applied(&self, worker: usize) {
        self.advance(worker, |own| own.applied += 1);
    }

    /// A scan failed at this LSN.
    pub(super) fn scan_failed(&self, round: usize, lsn: u64, error: E) {
        self.fail(scanning(round), lsn, error);
    }

    /// An event at this LSN could not be applied.
    pub(super) fn apply_failed(&self, round: usize, lsn: u64, error: E) {
        self.fail(applying(round), lsn, error);
    }

    /// The failure that lies first in the log.
    pub(super) fn into_failure(self) -> Option<E> {
        self.failure.into_inner().map(|(_, error)| error)
    }

    /// Waits until every worker is far enough for a step. `false`: something failed before that step.
    fn reached(&self, step: usize, enough: impl Fn(&Progress) -> bool) -> bool {
        let mut progress = self.progress.lock();
        loop {
            if self.failed_in.load(Ordering::Acquire) < step {
                return false;
            }
            if progress.iter().all(&enough) {
                return true;
            }
            self.moved.wait(&mut progress);
        }
    }

    fn advance(&self, worker: usize, change: impl FnOnce(&mut Progress)) {
        change(&mut self.progress.lock()[worker]);
        self.moved.notify_all();
    }

    /// Keeps the failure that lies first in the log, and ends the replay.
    fn fail(&self, step: usize, lsn: u64, error: E) {
        let mut failure = self.failure.lock();
        if failure.as_ref().is_none_or(|(first, _)| lsn < *first) {
            *failure = Some((lsn, error));
        }
        drop(failure);
        // Under the lock, so that nobody begins to wait in between.
        let progress = self.progress.lock();
        self.failed_in.fetch_min(step, Ordering::AcqRel);
        drop(progress);
        self.moved.notify_all();
    }
}

/// Steps in the order in which their failures count.
fn scanning(round: usize) -> usize {
    2 * round
}

fn applying(round: usize) -> usize {
    2 * round + 1
}
