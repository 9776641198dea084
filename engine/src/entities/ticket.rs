//! Who waits for an LSN, and the one token that travels with every act.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::sync::{Notify, oneshot};

use super::admission::Permit;
use super::keys::Claim;
use super::shard::Load;
use crate::api::{Outcome, Receipt, Refusal};
use crate::domain::{Denial, Event, Timestamp, TransactionId};
use crate::record::IdempotencyKey;

/// Everything that must be released once an act is published and not before: the admission permit,
/// the claim on its key, the in-flight counts of its entities. So in flight = 0 implies durable.
#[derive(Default)]
pub(crate) struct Token {
    pub(crate) loads: SmallVec<[Arc<Load>; 2]>,
    /// Boxed: most commands carry none, and every ticket carries the room for it.
    pub(crate) claim: Option<Box<Claim>>,
    /// Held for its drop.
    _permit: Option<Permit>,
}

/// Where an outcome goes.
pub(crate) enum Reply {
    One(oneshot::Sender<Outcome>),
    Item(Arc<BulkReply>, usize),
}

/// Hands over what was seen, or why nothing may be said about it.
pub(crate) type Seen = Box<dyn FnOnce(Result<(), Refusal>) + Send>;

/// Collects the outcomes of a bulk request.
pub(crate) struct BulkReply {
    outcomes: Mutex<Vec<Option<Outcome>>>,
    left: AtomicUsize,
    done: Notify,
}

/// What the journal carries for us and hands back once the record is on disk.
pub(crate) enum Ticket {
    /// An event that nobody asked for: a lapse before a decision.
    Due(Arc<Event>),
    /// A command that was carried out.
    Act {
        event: Arc<Event>,
        reply: Reply,
        token: Token,
    },
    /// A keyed refusal that is a record of its own.
    Refused {
        denial: Denial,
        reply: Reply,
        token: Token,
    },
    /// A refusal without a record, resting on state that had to become durable first.
    Unrecorded {
        refusal: Refusal,
        reply: Reply,
        token: Token,
    },
    /// What a dry run came to, likewise.
    Rehearsed {
        /// Boxed: it is rare, and every ticket carries the room for it.
        rehearsal: Box<Rehearsal>,
        reply: Reply,
        token: Token,
    },
    /// A read, likewise.
    Seen { seen: Seen, token: Token },
    /// Nobody asked, nobody waits: an entity was settled.
    Settled(Token),
}

/// An event that was decided and not carried out.
pub(crate) struct Rehearsal {
    pub(crate) event: Arc<Event>,
    pub(crate) at: Timestamp,
}

// === impl Token ===

impl Drop for Token {
    fn drop(&mut self) {
        for load in &self.loads {
            load.leave();
        }
    }
}

impl Token {
    /// The key that the record is to carry.
    pub(crate) fn key(&self) -> Option<IdempotencyKey> {
        self.claim.as_deref().map(Claim::key)
    }

    pub(crate) fn new(claim: Option<Claim>, permit: Permit) -> Self {
        let claim = claim.map(Box::new);
        Self {
            loads: SmallVec::new(),
            claim,
            _permit: Some(permit),
        }
    }
}

// === impl Reply ===

impl Reply {
    /// Hands the outcome over. A caller that has vanished loses its answer, nothing else.
    pub(crate) fn send(self, outcome: Outcome) {
        match self {
            Self::One(sender) => drop(sender.send(outcome)),
            Self::Item(bulk, at) => bulk.put(at, outcome),
        }
    }
}

impl BulkReply {
    pub(crate) fn new(items: usize) -> Self {
        Self {
            outcomes: Mutex::new((0..items).map(|_| None).collect()),
            left: AtomicUsize::new(items),
            done: Notify::new(),
        }
    }

    pub(crate) fn put(&self, at: usize, outcome: Outcome) {
        self.outcomes.lock()[at] = Some(outcome);
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.notify_one();
        }
    }

    /// All outcomes, once the last has come.
    pub(crate) async fn collect(&self) -> Vec<Outcome> {
        while self.left.load(Ordering::Acquire) > 0 {
            self.done.notified().await;
        }
        let outcomes = std::mem::take(&mut *self.outcomes.lock());
        outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or(Err(Refusal::OutcomeUnknown)))
            .collect()
    }
}

// === impl Ticket ===

impl Ticket {
    /// Answers whoever waits, with the record on disk under `lsn` and `at`.
    pub(crate) fn deliver(self, lsn: u64, at: i64) {
        use crate::api::Act;
        match self {
            Self::Due(_) => {}
            Self::Act {
                event,
                reply,
                mut token,
            } => {
                if let Some(claim) = token.claim.take() {
                    claim.settle(lsn, at);
                }
                let act = Act {
                    transaction: TransactionId(lsn),
                    at: Timestamp(at),
                    event,
                };
                drop(token);
                reply.send(Ok(Receipt {
                    act,
                    replayed: false,
                }));
            }
            Self::Refused {
                denial,
                reply,
                mut token,
            } => {
                if let Some(claim) = token.claim.take() {
                    claim.settle(lsn, at);
                }
                drop(token);
                reply.send(Err(Refusal::of(denial, false)));
            }
            Self::Unrecorded {
                refusal,
                reply,
                token,
            } => {
                drop(token);
                reply.send(Err(refusal));
            }
            Self::Rehearsed {
                rehearsal,
                reply,
                token,
            } => {
                drop(token);
                let Rehearsal { event, at } = *rehearsal;
                let transaction = TransactionId::NONE;
                let act = Act {
                    transaction,
                    at,
                    event,
                };
                let replayed = false;
                reply.send(Ok(Receipt { act, replayed }));
            }
            Self::Seen { seen, token } => {
                drop(token);
                seen(Ok(()));
            }
            Self::Settled(token) => drop(token),
        }
    }

    /// Tells whoever waits that the disk failed.
    pub(crate) fn fail(self) {
        match self {
            Self::Due(_) | Self::Settled(_) => {}
            Self::Act { reply, .. }
            | Self::Refused { reply, .. }
            | Self::Rehearsed { reply, .. }
            | Self::Unrecorded { reply, .. } => {
                reply.send(Err(Refusal::OutcomeUnknown));
            }
            Self::Seen { seen, .. } => seen(Err(Refusal::OutcomeUnknown)),
        }
    }
}
