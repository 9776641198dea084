//! The façade: submit, read, shut down. It alone sees all parts; opening is in `open.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::api::{Act, Outcome, Receipt, Refusal, Request};
use crate::domain::{Command, Facts, Rejection, TransactionId, WalletId};
use crate::entities::{
    Admission, BulkReply, Claim, Claimed, Core, Dispatch, KeyTable, Reply, Token, Work,
};
use crate::journal::ActReader;
use crate::open::Opening;
use crate::projections::History;
use crate::publish::Position;
use crate::record::{Content, IdempotencyKey};

/// How long a duplicate of a running request waits for its answer.
const DUPLICATE_WAIT: Duration = Duration::from_secs(5);

/// How long a request waits for the next segment to be made ready before it is refused. Far longer
/// than filling one takes; a disk that is really full is known at once.
const SPACE_WAIT: Duration = Duration::from_secs(2);

/// Bulk items sent before the task lets others run.
const BULK_BURST: usize = 256;

/// A running engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) core: Arc<Core>,
    pub(crate) keys: Arc<KeyTable>,
    pub(crate) history: Arc<History>,
    pub(crate) position: Arc<Position>,
    pub(crate) admission: Admission,
    pub(crate) reader: ActReader,
    pub(crate) opening: Opening,
    pub(crate) next_wallet: AtomicU64,
    pub(crate) draining: AtomicBool,
    /// Below this many free bytes of log requests wait for the next segment.
    pub(crate) space_low: u64,
    pub(crate) space_waiter: tokio::sync::Mutex<()>,
    pub(crate) background: CancellationToken,
    pub(crate) poisoned: CancellationToken,
}

/// What a claim on a key leads to.
enum Step {
    /// Carry the command out, holding the claim.
    Go(Option<Claim>),
    /// The key decides.
    Answer(Outcome),
}

// === impl Engine ===

impl Engine {
    /// Carries out one command and answers when the outcome is durable. Dropping the future loses
    /// the answer, never half of an act.
    pub async fn submit(&self, request: Request) -> Outcome {
        let claim = match self.claim(request.key).await {
            Step::Go(claim) => claim,
            Step::Answer(outcome) => return outcome,
        };
        let permit = self
            .inner
            .admission
            .try_enter()
            .ok_or(Refusal::Overloaded)?;
        let (reply, outcome) = oneshot::channel();
        let token = Token::new(claim, permit);
        let work = self.resolve(request.command, Reply::One(reply), token)?;
        self.space().await;
        self.send(work).map_err(|(refusal, _)| refusal)?;
        outcome.await.unwrap_or(Err(Refusal::OutcomeUnknown))
    }

    /// Carries out many commands; one outcome each, in their order. Commands on one wallet take
    /// effect in their order. Where a single request would be refused for want of room, this waits.
    pub async fn submit_bulk(&self, requests: Vec<Request>) -> Vec<Outcome> {
        let bulk = Arc::new(BulkReply::new(requests.len()));
        for (at, request) in requests.into_iter().enumerate() {
            if at % BULK_BURST == BULK_BURST - 1 {
                tokio::task::yield_now().await;
            }
            let reply = Reply::Item(Arc::clone(&bulk), at);
            match self.claim(request.key).await {
                Step::Answer(outcome) => reply.send(outcome),
                Step::Go(claim) => {
                    if let Err(refusal) = self.submit_item(request.command, claim, reply).await {
                        bulk.put(at, Err(refusal));
                    }
                }
            }
        }
        bulk.collect().await
    }

    /// A fresh wallet id, from 2^52 on.
    pub fn allot_wallet_id(&self) -> WalletId {
        let id = self.inner.next_wallet.fetch_add(1, Ordering::Relaxed);
        let Some(id) = WalletId::new(id) else {
            unreachable!("2^52 ids are not used up")
        };
        id
    }

    /// What opening found.
    pub fn opening(&self) -> &Opening {
        &self.inner.opening
    }

    /// Whether commands are accepted.
    pub fn is_ready(&self) -> bool {
        !self.inner.draining.load(Ordering::Acquire) && !self.is_poisoned()
    }

    /// Whether the disk failed. Nothing is acknowledged any more; the process should end.
    pub fn is_poisoned(&self) -> bool {
        self.inner.poisoned.is_cancelled()
    }

    /// Resolves when the disk fails: all tickets have been told by then.
    pub async fn poisoned(&self) {
        self.inner.poisoned.cancelled().await;
    }

    async fn submit_item(
        &self,
        command: Command,
        claim: Option<Claim>,
        reply: Reply,
    ) -> Result<(), Refusal> {
        let permit = self.inner.admission.enter().await;
        let token = Token::new(claim, permit);
        let mut work = self.resolve(command, reply, token)?;
        loop {
            self.space().await;
            let freed = self.inner.core.capacity.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            match self.send(work) {
                Ok(()) => return Ok(()),
                Err((Refusal::EntityBusy | Refusal::Overloaded, back)) => work = *back,
                Err((refusal, _)) => return Err(refusal),
            }
            freed.await;
        }
    }

    /// Claims a key, or finds out what became of the one request it stands for.
    async fn claim(&self, key: Option<IdempotencyKey>) -> Step {
        if self.inner.draining.load(Ordering::Acquire) {
            return Step::Answer(Err(Refusal::Draining));
        }
        let Some(key) = key else {
            return Step::Go(None);
        };
        let inner = &*self.inner;
        loop {
            match inner.keys.claim(key, inner.core.clock.now_us()) {
                Claimed::Free(claim) => return Step::Go(Some(claim)),
                Claimed::Done(lsn) => return Step::Answer(self.remembered(lsn)),
                Claimed::Mismatch => return Step::Answer(Err(Refusal::KeyMismatch)),
                Claimed::Full => return Step::Answer(Err(Refusal::KeyTableFull)),
                Claimed::Running(mut ended) => {
                    // The sender goes away when the first request is settled, or is freed without
                    // a record; in that case this one takes its place.
                    if timeout(DUPLICATE_WAIT, ended.changed()).await.is_err() {
                        return Step::Answer(Err(Refusal::KeyRunning));
                    }
                }
            }
        }
    }

    /// The answer that the record at `lsn` gave.
    fn remembered(&self, lsn: u64) -> Outcome {
        let Ok(Some((record, at))) = self.inner.record_at(lsn) else {
            return Err(Refusal::Unreadable);
        };
        match record.content {
            Content::Refused(rejection) => Err(Refusal::Rejected {
                rejection,
                replayed: true,
            }),
            Content::Event(event) => {
                let transaction = TransactionId(lsn);
                let act = Act {
                    transaction,
                    at,
                    event: Arc::new(event),
                };
                Ok(Receipt {
                    act,
                    replayed: true,
                })
            }
        }
    }

    /// Looks up the immutable facts, so that the participants are complete before the first lock.
    fn resolve(&self, command: Command, reply: Reply, token: Token) -> Result<Work, Refusal> {
        let mut facts = Facts::Nothing;
        if let Some(transaction) = command.refers_to() {
            facts = match self.inner.act(transaction)? {
                Some(act) => Facts::Act {
                    event: act.event,
                    at: act.at,
                },
                None => {
                    let rejection = Rejection::TransactionNotFound { transaction };
                    return Err(Refusal::Rejected {
                        rejection,
                        replayed: false,
                    });
                }
            };
        }
        Ok(Work {
            command,
            facts,
            reply,
            token,
        })
    }

    fn send(&self, work: Work) -> Result<(), (Refusal, Box<Work>)> {
        let ids = work.command.participants(&work.facts);
        match self.inner.core.table.dispatch(&self.inner.core, &ids, work) {
            Dispatch::Sent => Ok(()),
            Dispatch::Refused(refusal, work) => Err((refusal, work)),
            Dispatch::Absent(id, work) => {
                let Some(wallet) = WalletId::new(id.id) else {
                    unreachable!("participants have valid ids")
                };
                let rejection = Rejection::WalletNotFound { wallet };
                Err((
                    Refusal::Rejected {
                        rejection,
                        replayed: false,
                    },
                    work,
                ))
            }
        }
    }

    /// Waits while the log runs into segments faster than they are made ready. A disk that is really
    /// full is not waited for: the reservation refuses.
    async fn space(&self) {
        let inner = &self.inner;
        let is_low = || {
            let space = inner.core.journal.space();
            space.free_bytes < inner.space_low && !space.disk_full
        };
        if !is_low() {
            return;
        }
        // One blocking thread waits for all.
        let _waiter = inner.space_waiter.lock().await;
        if is_low() {
            let (journal, low) = (inner.core.journal.clone(), inner.space_low);
            let waited = tokio::task::spawn_blocking(move || {
                journal.wait_for_space(low, SPACE_WAIT);
            });
            // Only a defect in the wait could fail, and then the reservation has the last word.
            drop(waited.await);
        }
    }

    /// Stops taking commands, finishes what is in flight, closes the journal, ends the actors.
    pub async fn shutdown(&self) {
        let inner = Arc::clone(&self.inner);
        if inner.draining.swap(true, Ordering::AcqRel) {
            return;
        }
        inner.background.cancel();
        tokio::select! {
            () = inner.admission.drained() => {}
            () = inner.poisoned.cancelled() => return,
        }
        let journal = inner.core.journal.clone();
        let closed = tokio::task::spawn_blocking(move || journal.close()).await;
        match closed {
            Ok(Ok(())) => tracing::info!("journal closed"),
            Ok(Err(error)) => tracing::error!(%error, "journal not closed cleanly"),
            Err(error) => tracing::error!(%error, "journal not closed cleanly"),
        }
        inner.core.table.rest_all(&inner.core.capacity).await;
    }
}

#[cfg(test)]
mod tests;
