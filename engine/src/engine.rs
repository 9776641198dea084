//! The façade: submit, read, shut down. It alone sees all parts; opening is in `open.rs`.

mod rehearse;
mod settle;
mod settle_all;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::api::{Act, Outcome, Receipt, Refusal, Request};
use crate::compaction::CompactionWorker;
use crate::domain::{
    BATCH_ITEMS_MAX, BatchItem, Command, Facts, Participants, Rejection, Timestamp, TransactionId,
    WalletId,
};
use crate::entities::{
    Admission, BulkReply, Claim, Claimed, Core, Dispatch, KeyTable, Order, Reply, Token, Work,
};
use crate::journal::{ActReader, Compacted};
use crate::open::Opening;
use crate::projections::{Daily, History};
use crate::publish::Position;
use crate::record::{Content, IdempotencyKey};
use crate::snapshot::{Made, SnapshotWorker, Snapshots};
use crate::sweeper::Sweeper;

pub(crate) use self::settle_all::Runs;

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
    /// First, so that it ends before the journal lets go of the directory.
    pub(crate) snapshot_worker: SnapshotWorker,
    pub(crate) snapshots: Snapshots,
    pub(crate) compaction: CompactionWorker,
    pub(crate) core: Arc<Core>,
    pub(crate) sweeper: Sweeper,
    pub(crate) runs: Runs,
    pub(crate) keys: Arc<KeyTable>,
    pub(crate) history: Arc<History>,
    pub(crate) daily: Arc<Daily>,
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

/// Whether what is sent is to be carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Manner {
    /// Under the caller's key, if there is one.
    InEarnest(Option<IdempotencyKey>),
    /// Only what would come of it is asked. No key is used up by that.
    DryRun,
}

/// What a caller waits for.
enum Waiting<S> {
    Outcome(oneshot::Receiver<Outcome>),
    Start(Pin<Box<S>>),
}

// === impl Engine ===

impl Engine {
    /// Carries out one command; the future gives the outcome once it is durable. The command is on
    /// its way when this returns: dropping the future loses the answer, never half of an act.
    pub fn submit(&self, request: Request) -> impl Future<Output = Outcome> + Send + use<> {
        // Nearly always there is nothing to wait for but the outcome, and then the future is one
        // word: a caller's task stays small, and with it what each act drags through the caches.
        let started = match request.key {
            None if !self.is_space_low() => self.start(request.command, None).map(Waiting::Outcome),
            _ => Ok(Waiting::Start(Box::pin(self.clone().start_slowly(request)))),
        };
        async move {
            let outcome = match started? {
                Waiting::Outcome(outcome) => outcome,
                Waiting::Start(start) => match start.await {
                    Ok(outcome) => outcome,
                    Err(decided) => return decided,
                },
            };
            outcome.await.unwrap_or(Err(Refusal::OutcomeUnknown))
        }
    }

    /// Sends a command on its way.
    fn start(
        &self,
        command: Command,
        claim: Option<Claim>,
    ) -> Result<oneshot::Receiver<Outcome>, Refusal> {
        self.check_open()?;
        let permit = self
            .inner
            .admission
            .try_enter()
            .ok_or(Refusal::Overloaded)?;
        let (reply, outcome) = oneshot::channel();
        let work = Box::new(Work {
            token: Token::new(claim, permit),
            order: self.resolve(command)?,
            dry_run: false,
            reply: Reply::One(reply),
        });
        self.send(work).map_err(|(refusal, _)| refusal)?;
        Ok(outcome)
    }

    /// As [`Self::start`], after waiting for a key or for space. `Err`: the key decides.
    async fn start_slowly(self, request: Request) -> Result<oneshot::Receiver<Outcome>, Outcome> {
        self.check_open().map_err(Err)?;
        let claim = match request.key {
            None => None,
            Some(key) => Some(self.claim(key).await?),
        };
        if self.is_space_low() {
            self.wait_for_space().await;
        }
        self.start(request.command, claim).map_err(Err)
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
            let sent = self
                .send_when_possible(Manner::InEarnest(request.key), reply, |engine| {
                    engine.resolve(request.command)
                })
                .await;
            if let Err(outcome) = sent {
                bulk.put(at, outcome);
            }
        }
        bulk.collect().await
    }

    /// Carries out all of these commands as one act, or none of them. At most
    /// [`crate::domain::BATCH_ITEMS_MAX`]. Where a single request would be refused for want of room, this waits.
    pub async fn submit_batch(
        &self,
        commands: Vec<Command>,
        key: Option<IdempotencyKey>,
    ) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        let reply = Reply::One(reply);
        let sent = self
            .send_when_possible(Manner::InEarnest(key), reply, |engine| {
                engine.resolve_batch(commands)
            })
            .await;
        if let Err(decided) = sent {
            return decided;
        }
        outcome.await.unwrap_or(Err(Refusal::OutcomeUnknown))
    }

    /// A fresh wallet id, from 2^52 on.
    pub fn allot_wallet_id(&self) -> WalletId {
        let id = self.inner.next_wallet.fetch_add(1, Ordering::Relaxed);
        let Some(id) = WalletId::new(id) else {
            unreachable!("2^52 ids are not used up")
        };
        id
    }

    /// Makes a snapshot of all sealed segments now. `None`: there is nothing new to cover.
    pub async fn snapshot(&self) -> Result<Option<Made>, String> {
        let told = self.inner.snapshots.ask().await;
        told.unwrap_or_else(|_| Err("the engine ends".to_owned()))
    }

    /// Moves every sealed segment that two snapshots cover into the archive, now.
    pub async fn compact(&self) -> Result<Compacted, String> {
        let told = self.inner.compaction.ask().await;
        told.unwrap_or_else(|_| Err("the engine ends".to_owned()))
    }

    /// Has every quiet wallet whose points have lapsed by now record it. Gives how many were asked.
    pub async fn sweep(&self) -> u64 {
        self.inner.sweeper.sweep(|| false).await
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

    /// Sends what is resolved, waiting for room. `Err`: what became of it without being sent.
    async fn send_when_possible(
        &self,
        manner: Manner,
        reply: Reply,
        resolve: impl FnOnce(&Self) -> Result<Order, Refusal>,
    ) -> Result<(), Outcome> {
        self.check_open().map_err(Err)?;
        let claim = match manner {
            Manner::InEarnest(None) | Manner::DryRun => None,
            Manner::InEarnest(Some(key)) => Some(self.claim(key).await?),
        };
        let permit = self.inner.admission.enter().await;
        let dry_run = manner == Manner::DryRun;
        let work = Box::new(Work {
            token: Token::new(claim, permit),
            order: resolve(self).map_err(Err)?,
            dry_run,
            reply,
        });
        if !dry_run && self.is_space_low() {
            self.wait_for_space().await;
        }
        match self.send(work) {
            Ok(()) => Ok(()),
            Err((refusal, work)) => self.send_patiently(refusal, work).await.map_err(Err),
        }
    }

    /// Sends again whenever room may have come free, until there is.
    async fn send_patiently(
        &self,
        mut refusal: Refusal,
        mut work: Box<Work>,
    ) -> Result<(), Refusal> {
        while matches!(refusal, Refusal::EntityBusy | Refusal::Overloaded) {
            let freed = self.inner.core.capacity.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            match self.send(work) {
                Ok(()) => return Ok(()),
                Err((again, back)) => (refusal, work) = (again, back),
            }
            freed.await;
        }
        Err(refusal)
    }

    fn check_open(&self) -> Result<(), Refusal> {
        let draining = self.inner.draining.load(Ordering::Acquire);
        if draining {
            Err(Refusal::Draining)
        } else {
            Ok(())
        }
    }

    /// Claims a key. `Err`: the key decides, this is what became of the one request it stands for.
    async fn claim(&self, key: IdempotencyKey) -> Result<Claim, Outcome> {
        let inner = &*self.inner;
        loop {
            match inner.keys.claim(key, inner.core.clock.now_us()) {
                Claimed::Free(claim) => return Ok(claim),
                Claimed::Done(lsn) => return Err(self.remembered(lsn)),
                Claimed::Mismatch => return Err(Err(Refusal::KeyMismatch)),
                Claimed::Full => return Err(Err(Refusal::KeyTableFull)),
                Claimed::Running(mut ended) => {
                    // The sender goes away when the first request is settled, or is freed without
                    // a record; in that case this one takes its place.
                    if timeout(DUPLICATE_WAIT, ended.changed()).await.is_err() {
                        return Err(Err(Refusal::KeyRunning));
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
            Content::Refused(denial) => Err(Refusal::of(denial, true)),
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
    fn resolve(&self, command: Command) -> Result<Order, Refusal> {
        let facts = self.facts(&command)?;
        if let (Some(transaction), Facts::Nothing) = (command.refers_to(), &facts) {
            let rejection = Rejection::TransactionNotFound { transaction };
            return Err(Refusal::of(rejection.into(), false));
        }
        Ok(Order::One { command, facts })
    }

    /// The same for all items. What is not there is told by the decision, which knows what comes before it.
    fn resolve_batch(&self, commands: Vec<Command>) -> Result<Order, Refusal> {
        assert!(
            (1..=BATCH_ITEMS_MAX).contains(&commands.len()),
            "a batch has 1 to {BATCH_ITEMS_MAX} items; whoever builds it sees to it"
        );
        let items = commands.into_iter().map(|command| {
            let facts = self.facts(&command)?;
            Ok(BatchItem { command, facts })
        });
        Ok(Order::Batch(items.collect::<Result<_, Refusal>>()?))
    }

    fn facts(&self, command: &Command) -> Result<Facts, Refusal> {
        let Some(transaction) = command.refers_to() else {
            return Ok(Facts::Nothing);
        };
        let act = self.inner.act(transaction)?;
        Ok(act.map_or(Facts::Nothing, |act| Facts::Act {
            event: act.event,
            at: act.at,
        }))
    }

    fn send(&self, mut work: Box<Work>) -> Result<(), (Refusal, Box<Work>)> {
        let mut ids = work.order.participants();
        while !ids.is_empty() {
            let sent = self.inner.core.table.dispatch(&self.inner.core, &ids, work);
            work = match sent {
                Dispatch::Sent => return Ok(()),
                Dispatch::Refused(refusal, work) => return Err((refusal, work)),
                Dispatch::Absent(absent, work) => {
                    if let Some(refusal) = work.order.absence(absent) {
                        return Err((refusal, work));
                    }
                    // The items of a batch before the one that names it come first: they decide without it.
                    ids.retain(|id| *id != absent);
                    work
                }
            };
        }
        // Nobody takes part who exists. That can be judged here.
        let now = Timestamp(self.inner.core.clock.now_us());
        match self.inner.core.decide(&work.order, Participants(&[]), now) {
            Err(denial) => Err((Refusal::of(denial, false), work)),
            Ok(event) => unreachable!("an event that touches nobody: {event:?}"),
        }
    }

    /// Whether the log runs into segments faster than they are made ready. A disk that is really
    /// full is not waited for: the reservation refuses.
    fn is_space_low(&self) -> bool {
        self.inner.core.journal.is_below(self.inner.space_low)
    }

    async fn wait_for_space(&self) {
        let inner = &self.inner;
        // One blocking thread waits for all.
        let _waiter = inner.space_waiter.lock().await;
        if self.is_space_low() {
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
        let quiet = async {
            inner.sweeper.end().await;
            inner.admission.drained().await;
        };
        tokio::select! {
            () = quiet => {}
            () = inner.poisoned.cancelled() => return,
        }
        let ending = Arc::clone(&inner);
        let closed = tokio::task::spawn_blocking(move || {
            ending.compaction.stop();
            ending.snapshot_worker.stop();
            // While the lock is still held: nobody else may be writing there.
            ending.history.close();
            ending.daily.close();
            ending.core.journal.close()
        });
        let closed = closed.await;
        match closed {
            Ok(Ok(())) => tracing::info!("journal closed"),
            Ok(Err(error)) => tracing::error!(%error, "journal not closed cleanly"),
            Err(error) => tracing::error!(%error, "journal not closed cleanly"),
        }
        inner.core.table.rest_all(&inner.core.capacity).await;
    }
}

mod closing;
#[cfg(test)]
mod snapshots;
#[cfg(test)]
mod tests;
