//! A run: one period closed for every company that there was before its end, in the background.
//!
//! ```text
//! started (record) ──► directory of companies ──► workers: count, close, each for itself ──► ended (record)
//! ```
//! One run after another, in the order in which they were asked for: what a worker may disturb is bounded, however many
//! there are. The companies decide, so a run may be cut off, or meet a caller who closes one company by hand: no company gets
//! a second statement, and one that is quiet gets its own. A run that has no record of its end goes on at the next start,
//! from the first company on; those that are closed cost a look. While callers are served, a worker rests in proportion to
//! what it worked.

mod going;
mod rows;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::Semaphore;

pub(crate) use self::going::Runs;

use self::going::Going;
use crate::api::{Receipt, Refusal, Request, Settle};
use crate::domain::{Command, CompanyId, PeriodRun, RUNS_MAX, RunSettlement};
use crate::engine::Engine;
use crate::read::Pace;
use crate::record::IdempotencyKey;

/// Statements of one worker that are on their way to the disk: enough that a slow disk does not hold the count up, few
/// enough to be lost in what callers have in flight.
const ON_THEIR_WAY: usize = 16;

/// How long a worker waits before it tries again what there was no room for.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// How often a company is tried again while the index of histories is being built: it is waited for each time.
const TRIES: u32 = 5;

impl Engine {
    /// Has a period closed for every company that there was before its end. If that goes on already, it is joined.
    pub async fn run_settlement(
        &self,
        ask: RunSettlement,
        key: Option<IdempotencyKey>,
    ) -> Result<Receipt, Refusal> {
        let runs = &self.inner.runs;
        // One after another, so that the bound holds.
        let _asking = runs.asking.lock().await;
        let program = self.program().await?;
        let open = program.runs.iter().filter(|run| run.ended.is_none());
        if program.run(ask.span).is_none() && open.count() >= RUNS_MAX {
            return Err(Refusal::EntityBusy);
        }
        let command = Command::RunSettlement(Box::new(ask));
        let receipt = self.submit(Request { command, key }).await?;
        runs.wake.notify_one();
        Ok(receipt)
    }

    /// What asking for a run would come to now.
    pub async fn rehearse_run(&self, ask: RunSettlement) -> Result<Receipt, Refusal> {
        self.rehearse(Command::RunSettlement(Box::new(ask))).await
    }

    /// Carries runs out until the engine shuts down, those that were cut off first.
    pub(crate) async fn keep_running(self) {
        let background = &self.inner.background;
        while !background.is_cancelled() {
            match self.next_run().await {
                Ok(Some(run)) => self.carry_out(run).await,
                Ok(None) => tokio::select! {
                    () = self.inner.runs.wake.notified() => {}
                    () = background.cancelled() => {}
                },
                Err(_) => return,
            }
        }
    }

    /// The run that was asked for first of those that are not over.
    async fn next_run(&self) -> Result<Option<PeriodRun>, Refusal> {
        let program = self.program().await?;
        let open = program.runs.into_iter().filter(|run| run.ended.is_none());
        let open = open.filter(|run| !self.inner.runs.has_given_up(run));
        Ok(open.min_by_key(|run| run.lsn))
    }

    async fn carry_out(&self, run: PeriodRun) {
        // Whoever came to be before the end of the period is in the directory then, and all entries of it are on disk.
        let to = run.span.to;
        let appended = self.inner.core.journal.no_sooner(to.0).0;
        tokio::select! {
            () = self.inner.position.reached(appended) => {}
            () = self.inner.background.cancelled() => return,
        }
        let total = self.inner.core.table.directory.count_before(to);
        let going = self.inner.runs.begin(run, total);
        let workers = (0..self.inner.runs.workers).map(|_| {
            let (engine, going) = (self.clone(), Arc::clone(&going));
            tokio::spawn(async move { engine.work_on(&going).await })
        });
        for worker in workers.collect::<Vec<_>>() {
            if worker.await.is_err() {
                tracing::error!("a settlement run broke off; it goes on at the next start");
                going.stop();
            }
        }
        if !going.is_stopped() {
            self.end_run(&going).await;
        }
    }

    /// One worker: counts company after company, and has several statements on their way to the disk.
    async fn work_on(&self, going: &Arc<Going>) {
        let places = Arc::new(Semaphore::new(ON_THEIR_WAY));
        let directory = &self.inner.core.table.directory;
        let mut pace = Pace::default();
        while let Some(company) = going.next_company(directory) {
            let place = Arc::clone(&places).acquire_owned().await;
            if self.inner.background.is_cancelled() {
                going.stop();
            }
            if going.is_stopped() {
                break;
            }
            match self.prepare_patiently(going, company, &mut pace).await {
                Err(refusal) => self.take(going, company, Err(refusal)),
                Ok(None) => self.take(going, company, Ok(())),
                Ok(Some(command)) => {
                    let (engine, going) = (self.clone(), Arc::clone(going));
                    tokio::spawn(async move {
                        let closed = engine.submit_in_run(&going, company, command).await;
                        engine.take(&going, company, closed);
                        drop(place);
                    });
                }
            }
        }
        let all = u32::try_from(ON_THEIR_WAY).unwrap_or(u32::MAX);
        drop(places.acquire_many(all).await);
    }

    /// What closes the period for a company; `None` if it is closed already.
    async fn prepare_patiently(
        &self,
        going: &Going,
        company: CompanyId,
        pace: &mut Pace,
    ) -> Result<Option<Command>, Refusal> {
        let mut tries = TRIES;
        loop {
            match self.prepare_in_run(going, company, pace).await {
                Err(Refusal::HistoryBehind) if tries > 0 => tries -= 1,
                Err(refusal) if is_passing(refusal) => {}
                prepared => return prepared,
            }
            self.wait_in_run().await?;
        }
    }

    async fn prepare_in_run(
        &self,
        going: &Going,
        company: CompanyId,
        pace: &mut Pace,
    ) -> Result<Option<Command>, Refusal> {
        let run = &going.run;
        let footing = self.footing(company, run.span).await?;
        if footing.booked.is_some() {
            return Ok(None);
        }
        let ask = Settle {
            company,
            span: run.span,
            zone: run.zone.clone(),
            terms: run.terms.into(),
            by: run.by.clone(),
        };
        let command = self.prepare_close(ask, &footing, Some(pace)).await?;
        Ok(Some(Command::CloseSettlement(Box::new(command))))
    }

    async fn submit_in_run(
        &self,
        going: &Going,
        company: CompanyId,
        command: Command,
    ) -> Result<(), Refusal> {
        let own = &self.inner.runs.own;
        let refusal = loop {
            let command = command.clone();
            own.fetch_add(1, Ordering::AcqRel);
            let outcome = self.submit(Request { command, key: None }).await;
            own.fetch_sub(1, Ordering::AcqRel);
            match outcome {
                Ok(_) => return Ok(()),
                Err(refusal) if is_passing(refusal) => {}
                Err(refusal) => break refusal,
            }
            self.wait_in_run().await?;
        };
        // Somebody may have been faster.
        match self.footing(company, going.run.span).await?.booked {
            Some(_) => Ok(()),
            None => Err(refusal),
        }
    }

    /// Notes that a run is over, however long that cannot be written.
    async fn end_run(&self, going: &Going) {
        let run = going.run.clone();
        let (closed, failed) = (going.closed(), going.failed());
        let command = Command::RunSettlement(Box::new(RunSettlement {
            span: run.span,
            zone: run.zone,
            terms: run.terms.into(),
            by: run.by,
            ended: Some((closed, failed)),
        }));
        loop {
            let command = command.clone();
            let outcome = self.submit(Request { command, key: None }).await;
            match outcome {
                Ok(_) => {
                    tracing::info!(closed, failed, "settlement run is over");
                    return;
                }
                Err(refusal) if is_passing(refusal) => {}
                Err(refusal) => {
                    tracing::warn!(%refusal, "the end of a settlement run is not recorded; the next start looks again");
                    return going.stop();
                }
            }
            if self.wait_in_run().await.is_err() {
                return going.stop();
            }
        }
    }

    /// Waits until it is time to try again; an error if the engine ends.
    async fn wait_in_run(&self) -> Result<(), Refusal> {
        tokio::select! {
            () = tokio::time::sleep(TRY_AGAIN) => Ok(()),
            () = self.inner.background.cancelled() => Err(Refusal::Draining),
        }
    }

    /// Takes in what became of a company. What failed because the engine ends is not the company's failure.
    fn take(&self, going: &Going, company: CompanyId, closed: Result<(), Refusal>) {
        match closed {
            Ok(()) => going.note_closed(),
            Err(Refusal::Draining | Refusal::OutcomeUnknown) => going.stop(),
            Err(_) if self.inner.background.is_cancelled() => going.stop(),
            Err(refusal) => going.note_failed(company, refusal),
        }
    }
}

/// Whether there was no room, and there may be soon.
fn is_passing(refusal: Refusal) -> bool {
    matches!(
        refusal,
        Refusal::Overloaded | Refusal::EntityBusy | Refusal::StorageFull
    )
}
