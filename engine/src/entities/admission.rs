//! Bounds what is between admission and publication.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Hands out a limited number of places in flight.
pub(crate) struct Admission {
    gate: Arc<Gate>,
}

/// One place in flight; given back on drop.
pub(crate) struct Permit(Arc<Gate>);

struct Gate {
    in_flight: AtomicUsize,
    limit: usize,
    /// Tasks that wait for a place, or for all of them. Nobody is notified while it is 0.
    waiting: AtomicUsize,
    freed: Notify,
}

// === impl Admission ===

impl Admission {
    pub(crate) fn new(limit: usize) -> Self {
        let (in_flight, waiting) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self {
            gate: Arc::new(Gate {
                in_flight,
                limit,
                waiting,
                freed: Notify::new(),
            }),
        }
    }

    pub(crate) fn try_enter(&self) -> Option<Permit> {
        let more = |count: usize| (count < self.gate.limit).then_some(count + 1);
        let count = &self.gate.in_flight;
        count
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .ok()?;
        Some(Permit(Arc::clone(&self.gate)))
    }

    pub(crate) async fn enter(&self) -> Permit {
        match self.try_enter() {
            Some(permit) => permit,
            None => self.gate.wait_for(|| self.try_enter()).await,
        }
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.gate.in_flight.load(Ordering::Relaxed)
    }

    /// Waits until every permit has come home.
    pub(crate) async fn drained(&self) {
        self.gate
            .wait_for(|| (self.in_flight() == 0).then_some(()))
            .await;
    }
}

// === impl Gate ===

impl Gate {
    async fn wait_for<R>(&self, mut look: impl FnMut() -> Option<R>) -> R {
        let _waiting = Waiting::new(&self.waiting);
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if let Some(found) = look() {
                return found;
            }
            freed.await;
        }
    }
}

/// Counts one waiting task for as long as it lives, also when its future is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
        if self.0.waiting.load(Ordering::SeqCst) > 0 {
            self.0.freed.notify_waiters();
        }
    }
}
