//! A durable group on its way out: projections first, then keys and replies.
//!
//! ```text
//! journal thread ── group ──► [8] ──► one task on the runtime: fold, then answer
//! ```
//! The task runs where the callers run, so waking them costs no system call and no lock. Replies
//! last, so whoever holds a receipt finds it in history.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};

use crate::domain::{Digest, Event, Timestamp};
use crate::entities::{AbortOnPanic, Directory, Ticket, Turnstile};
use crate::journal::{Delivered, Lsn, Publish};
use crate::projections::{Daily, History};
use crate::snapshot::Snapshots;

/// Groups that may wait for the task. A few hide its hiccups; when they are used up the journal
/// thread waits, and what comes in meets the bound of acts in flight.
const GROUPS_MAX: usize = 8;

/// Replies after which the task lets others run.
const REPLY_BURST: usize = 512;

/// The journal's end: hands groups over.
pub(crate) struct Outlet {
    sender: mpsc::Sender<Leaving>,
    spare: Arc<Mutex<Vec<Group>>>,
}

/// The runtime's end: folds and answers.
pub(crate) struct Publisher {
    receiver: mpsc::Receiver<Leaving>,
    spare: Arc<Mutex<Vec<Group>>>,
    history: Arc<History>,
    daily: Arc<Daily>,
    directory: Arc<Directory>,
    turnstile: Arc<Turnstile>,
    position: Arc<Position>,
    capacity: Arc<Notify>,
}

/// What was published, summed up, for whoever folds the same log a second time.
pub(crate) struct Audit {
    pub(crate) digest: Digest,
    pub(crate) snapshots: Snapshots,
}

/// How far the projections are.
#[derive(Default)]
pub(crate) struct Position {
    lsn: AtomicU64,
    moved: Notify,
}

type Group = Vec<Delivered<Ticket>>;

enum Leaving {
    Durable(Lsn, Group),
    Sealed(Lsn, u64),
    Failed(Group),
}

/// Both ends.
pub(crate) fn channel(
    (history, daily, directory): (Arc<History>, Arc<Daily>, Arc<Directory>),
    (position, turnstile): (Arc<Position>, Arc<Turnstile>),
    capacity: Arc<Notify>,
) -> (Outlet, Publisher) {
    let (sender, receiver) = mpsc::channel(GROUPS_MAX);
    let spare = Arc::new(Mutex::new(Vec::new()));
    let outlet = Outlet {
        sender,
        spare: Arc::clone(&spare),
    };
    (
        outlet,
        Publisher {
            receiver,
            spare,
            history,
            daily,
            directory,
            turnstile,
            position,
            capacity,
        },
    )
}

// === impl Outlet ===

impl Outlet {
    fn send(&self, leaving: Leaving) {
        // The receiver is gone only with its runtime, and then nobody waits for an answer any more.
        drop(self.sender.blocking_send(leaving));
    }

    fn swap(&self, group: &mut Group) -> Group {
        let empty = self.spare.lock().pop().unwrap_or_default();
        std::mem::replace(group, empty)
    }
}

impl Publish<Ticket> for Outlet {
    fn publish(&mut self, durable: Lsn, group: &mut Group) {
        let group = self.swap(group);
        self.send(Leaving::Durable(durable, group));
    }

    fn sealed(&mut self, last: Lsn, bytes: u64) {
        self.send(Leaving::Sealed(last, bytes));
    }

    fn fail(&mut self, group: &mut Group) {
        let group = self.swap(group);
        self.send(Leaving::Failed(group));
    }
}

// === impl Publisher ===

impl Publisher {
    /// Runs until the journal is gone.
    pub(crate) async fn run(mut self, mut audit: Audit) {
        let _guard = AbortOnPanic;
        while let Some(leaving) = self.receiver.recv().await {
            let mut group = match leaving {
                Leaving::Durable(durable, group) => {
                    self.publish(durable, group, &mut audit.digest).await
                }
                Leaving::Sealed(last, bytes) => {
                    audit.snapshots.sealed(last.0, bytes, audit.digest);
                    continue;
                }
                Leaving::Failed(mut group) => {
                    group
                        .drain(..)
                        .for_each(|delivered| delivered.ticket.fail());
                    group
                }
            };
            self.capacity.notify_waiters();
            group.clear();
            let mut spare = self.spare.lock();
            if spare.len() < GROUPS_MAX {
                spare.push(group);
            }
        }
    }

    fn fold(&self, durable: Lsn, group: &Group, digest: &mut Digest) {
        let events = || {
            let events = group.iter();
            events.filter_map(|delivered| {
                let event = delivered.ticket.event()?;
                Some((delivered.lsn.0, delivered.time_us, event))
            })
        };
        for (_, time_us, event) in events() {
            digest.fold(event);
            self.directory.apply(event, Timestamp(time_us));
            if event.changes_settings() {
                self.turnstile.pass();
            }
        }
        self.history.apply(durable.0, events());
        self.daily.apply(durable.0, events());
    }

    async fn publish(&self, durable: Lsn, mut group: Group, digest: &mut Digest) -> Group {
        self.fold(durable, &group, digest);
        self.position.advance(durable.0);
        for (at, delivered) in group.drain(..).enumerate() {
            delivered.ticket.deliver(delivered.lsn.0, delivered.time_us);
            if at % REPLY_BURST == REPLY_BURST - 1 {
                self.capacity.notify_waiters();
                tokio::task::yield_now().await;
            }
        }
        group
    }
}

impl Ticket {
    fn event(&self) -> Option<&Event> {
        match self {
            Self::Due(event) | Self::Act { event, .. } => Some(event),
            Self::Refused { .. }
            | Self::Unrecorded { .. }
            | Self::Rehearsed { .. }
            | Self::Seen { .. }
            | Self::Settled(_) => None,
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
