//! A durable group on its way out: projections first, then keys and replies.
//!
//! Replies last, so whoever holds a receipt finds it in history.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use crate::domain::Event;
use crate::entities::Ticket;
use crate::journal::{Delivered, Lsn, Publish};
use crate::projections::History;

/// Hands groups to the projections and to those who wait.
pub(crate) struct Publisher {
    pub(crate) history: Arc<History>,
    pub(crate) position: Arc<Position>,
    pub(crate) capacity: Arc<Notify>,
}

/// How far the projections are.
#[derive(Default)]
pub(crate) struct Position {
    lsn: AtomicU64,
    moved: Notify,
}

// === impl Publisher ===

impl Publish<Ticket> for Publisher {
    fn publish(&mut self, durable: Lsn, group: &mut Vec<Delivered<Ticket>>) {
        for delivered in group.iter() {
            if let Some(event) = delivered.ticket.event() {
                self.history.apply(delivered.lsn.0, event);
            }
        }
        self.position.advance(durable.0);
        for delivered in group.drain(..) {
            delivered.ticket.deliver(delivered.lsn.0, delivered.time_us);
        }
        self.capacity.notify_waiters();
    }

    fn fail(&mut self, group: &mut Vec<Delivered<Ticket>>) {
        for delivered in group.drain(..) {
            delivered.ticket.fail();
        }
        self.capacity.notify_waiters();
    }
}

impl Ticket {
    fn event(&self) -> Option<&Event> {
        match self {
            Self::Due(event) | Self::Act { event, .. } => Some(event),
            Self::Refused { .. } | Self::Unrecorded { .. } | Self::View { .. } => None,
        }
    }
}

// === impl Position ===

impl Position {
    pub(crate) fn advance(&self, lsn: u64) {
        self.lsn.fetch_max(lsn, Ordering::AcqRel);
        self.moved.notify_waiters();
    }

    /// Waits until the projections have reached an LSN that is durable already.
    pub(crate) async fn reached(&self, lsn: u64) {
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            if self.lsn.load(Ordering::Acquire) >= lsn {
                return;
            }
            moved.await;
        }
    }
}
