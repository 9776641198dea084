//! What a run came to so far: how many companies, and which.
//!
//! ```text
//! directory ──► company ──► its books: closed ──► row
//!                                      not ──► refused, and why; or not yet
//! ```
//! Companies tell of themselves, so a list is right however often the run was cut off.

use crate::api::{Refusal, RunFilter, RunOutcome, RunPage, RunProgress, RunRow};
use crate::domain::{CompanyId, PeriodRun, Span};
use crate::engine::Engine;

/// Most companies that are looked at for one page: those of a page that finds little are some milliseconds' work.
const LOOKED_MAX: usize = 2_000;

impl Engine {
    /// How far the run of a period is; `None` if nobody asked for one that is still remembered.
    pub async fn settlement_run(&self, span: Span) -> Result<Option<RunProgress>, Refusal> {
        let program = self.program().await?;
        let Some(run) = program.run(span).cloned() else {
            return Ok(None);
        };
        let started = self.inner.settlement_act(run.lsn)?;
        let ended = match run.ended {
            Some(end) => Some(self.inner.settlement_act(end.lsn)?),
            None => None,
        };
        let going = self.inner.runs.of(&run);
        let (total, closed, failed) = match (run.ended, going) {
            (Some(end), _) => (end.closed + end.failed, end.closed, end.failed),
            (None, Some(going)) => (going.total, going.closed(), going.failed()),
            (None, None) => {
                let directory = &self.inner.core.table.directory;
                (directory.count_before(span.to), 0, 0)
            }
        };
        Ok(Some(RunProgress {
            run,
            started,
            ended,
            total,
            closed,
            failed,
        }))
    }

    /// At most `limit` companies of a run behind one, by id, all or those of one outcome; a page may have fewer although
    /// more follow. `None` if nobody asked for a run that is still remembered.
    pub async fn settlement_run_page(
        &self,
        span: Span,
        filter: Option<RunFilter>,
        after: Option<CompanyId>,
        limit: usize,
    ) -> Result<Option<RunPage>, Refusal> {
        let program = self.program().await?;
        let Some(run) = program.run(span) else {
            return Ok(None);
        };
        let (companies, next) = self.behind(run, filter, after);
        let mut page = RunPage {
            rows: Vec::new(),
            next,
        };
        let last = companies.last().copied();
        for company in companies {
            let outcome = self.outcome(run, company).await?;
            if filter.is_none_or(|filter| filter == outcome.filter()) {
                page.rows.push(RunRow { company, outcome });
            }
            if page.rows.len() == limit && (last != Some(company) || next.is_some()) {
                page.next = Some(company);
                break;
            }
        }
        Ok(Some(page))
    }

    /// Companies that may be on a page, and behind which one more follow.
    fn behind(
        &self,
        run: &PeriodRun,
        filter: Option<RunFilter>,
        after: Option<CompanyId>,
    ) -> (Vec<CompanyId>, Option<CompanyId>) {
        if filter == Some(RunFilter::Failed)
            && let Some(going) = self.inner.runs.of(run)
            && let Some(refused) = going.refused(after, LOOKED_MAX)
        {
            let more = refused.len() == LOOKED_MAX;
            let last = refused.last().copied().filter(|_| more);
            return (refused, last);
        }
        let directory = &self.inner.core.table.directory;
        let (rows, more) = directory.page(after, LOOKED_MAX);
        let last = rows.last().map(|(id, _)| *id).filter(|_| more);
        let early = rows.into_iter();
        let early = early.filter(|(_, listed)| listed.created_at < run.span.to);
        (early.map(|(id, _)| id).collect(), last)
    }

    /// What a run came to for a company.
    async fn outcome(&self, run: &PeriodRun, company: CompanyId) -> Result<RunOutcome, Refusal> {
        let footing = self.footing(company, run.span).await?;
        if let Some(booked) = footing.booked {
            return Ok(RunOutcome::Closed(booked));
        }
        let going = self.inner.runs.of(run);
        let remembered = going.and_then(|going| going.refusal(company));
        let told = || {
            footing
                .next
                .err()
                .map(|next| Refusal::of(next.into(), false))
        };
        Ok(match (remembered, run.ended) {
            (Some(refusal), _) => RunOutcome::Failed(Some(refusal)),
            (None, Some(_)) => RunOutcome::Failed(told()),
            (None, None) => RunOutcome::Open,
        })
    }
}
