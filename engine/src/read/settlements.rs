//! Settlements: what stands in the books of a company, and what the entries of a period come to.
//!
//! ```text
//! index: entries of the wallet from the beginning of the period on ──► log: what they did ──► count … first entry behind it
//! ```
//! The index is nobody's truth, so the count proves itself: each entry goes on where the one before it ended, the first
//! one where the last period ended, and the first one behind the period, or the wallet itself, where the count ends.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::{HISTORY_WAIT, past};
use crate::api::{Act, Refusal, SettlementPage, SettlementView};
use crate::domain::{
    Booked, Books, CompanyId, Entity, Event, Points, Rejection, Span, Tally, Tallying, Timestamp,
    TransactionId, Untallied,
};
use crate::engine::{Engine, Inner};
use crate::entities::EntityState;
use crate::record::Content;

/// Most changes of a statement that are told: holding and releasing it may go on for ever.
const CHANGES_MAX: usize = 100;

/// Work that is done at once while others are served.
const SLICE: Duration = Duration::from_micros(500);

/// Rest for each moment of work.
const REST_FACTOR: u32 = 9;

/// Longest rest at once.
const REST_MAX: Duration = Duration::from_millis(200);

/// How a worker in the background rests, from company to company: as soon as it has worked for a slice, and so many times
/// as long, if somebody is being served.
#[derive(Clone, Copy, Default)]
pub(crate) struct Pace {
    worked: Duration,
}

/// Why entries were not counted.
enum Uncounted {
    Refused(Refusal),
    /// One is missing.
    Gap(Untallied),
    /// The index names one that there is not.
    Absent(u64),
}

/// What the books of a company say about a period that is to be closed.
pub(crate) struct Footing {
    /// It is closed already.
    pub(crate) booked: Option<Booked>,
    /// Whether it may be the next one.
    pub(crate) next: Result<(), Rejection>,
    /// Where its count begins.
    pub(crate) opening: Points,
    /// Likewise.
    pub(crate) wallet_version: u64,
    /// When the company was created.
    pub(crate) created_at: Timestamp,
}

// === impl Pace ===

impl Pace {
    /// Rests if it is time to; gives since when there is work that was not rested for. Blocks the thread.
    fn rest(&mut self, since: Instant, is_serving: impl FnOnce() -> bool) -> Instant {
        let worked = self.worked + since.elapsed();
        if worked < SLICE {
            return since;
        }
        if is_serving() {
            std::thread::sleep((worked * REST_FACTOR).min(REST_MAX));
        }
        self.worked = Duration::ZERO;
        Instant::now()
    }
}

// === impl Engine ===

impl Engine {
    /// The statement of a period.
    pub async fn settlement(
        &self,
        company: CompanyId,
        span: Span,
    ) -> Result<SettlementView, Refusal> {
        let find = move |books: &Books, _| books.find(span).copied();
        let found = self.in_books(company, find).await?;
        let absent = Rejection::SettlementNotFound { company };
        let booked = found.ok_or(Refusal::of(absent.into(), false))?;
        let inner = Arc::clone(&self.inner);
        let view = tokio::task::spawn_blocking(move || inner.settlement(booked)).await;
        view.unwrap_or(Err(Refusal::Unreadable))
    }

    /// At most `limit` statements of a company, those of later periods first: those that begin before an instant. A page ends
    /// before the first statement that a retention has deleted, and a page that would begin with it is gone.
    pub async fn settlements(
        &self,
        company: CompanyId,
        before: Option<Timestamp>,
        limit: usize,
    ) -> Result<SettlementPage, Refusal> {
        let pick = move |books: &Books, _| -> Vec<Booked> {
            let earlier = |booked: &&Booked| before.is_none_or(|before| booked.span.from < before);
            let earlier = books.periods.iter().rev().filter(earlier);
            earlier.take(limit.saturating_add(1)).copied().collect()
        };
        let mut picked = self.in_books(company, pick).await?;
        let more = picked.len() > limit;
        picked.truncate(limit);
        let inner = Arc::clone(&self.inner);
        let read = tokio::task::spawn_blocking(move || {
            let mut rows = Vec::new();
            for booked in &picked {
                match inner.settlement(*booked) {
                    Ok(row) => rows.push(row),
                    Err(Refusal::Gone) if !rows.is_empty() => break,
                    Err(refusal) => return Err(refusal),
                }
            }
            let last = rows.len().checked_sub(1).map(|last| picked[last].span);
            let next = last.filter(|_| more || rows.len() < picked.len());
            Ok(SettlementPage { rows, next })
        });
        read.await.unwrap_or(Err(Refusal::Unreadable))
    }

    /// What the books of a company say about a period.
    pub(crate) async fn footing(&self, company: CompanyId, span: Span) -> Result<Footing, Refusal> {
        let look = move |books: &Books, created_at| Footing {
            booked: books.find(span).copied(),
            next: books.check_next(span, created_at),
            opening: books.closing,
            wallet_version: books.wallet_version,
            created_at,
        };
        self.in_books(company, look).await
    }

    /// What the entries of a company within a period that is over come to; `None`: more than a statement can say. With a
    /// pace it is a run that asks.
    pub(crate) async fn tally(
        &self,
        company: CompanyId,
        span: Span,
        footing: &Footing,
        pace: Option<&mut Pace>,
    ) -> Result<Option<Tally>, Refusal> {
        // Before the wait: the index then has all that was seen.
        let seen = self.wallet(company.wallet()).await?.version;
        let is_in_run = pace.is_some();
        let settled = async {
            // From now on nothing bears a time within the period: what has an LSN by now is all of it. A run has waited for
            // that, once for all companies, and what is seen of a wallet is durable.
            if !is_in_run {
                let appended = self.inner.core.journal.no_sooner(span.to.0).0;
                self.inner.position.reached(appended).await;
            }
            self.inner.history.whole().await;
        };
        if timeout(HISTORY_WAIT, settled).await.is_err() {
            return Err(Refusal::HistoryBehind);
        }
        let begun = Tallying::new(company.wallet(), footing.wallet_version, footing.opening);
        let inner = Arc::clone(&self.inner);
        let mut own = pace.as_deref().copied();
        let counted = tokio::task::spawn_blocking(move || {
            let tally = inner.tally(begun, span, seen, &mut own);
            (inner.judged(tally, span), own)
        });
        let (tally, own) = counted.await.map_err(|_| Refusal::Unreadable)?;
        if let (Some(pace), Some(own)) = (pace, own) {
            *pace = own;
        }
        tally
    }

    /// What `look` tells of the books of a company and its creation, once all that it rests on is durable.
    pub(super) async fn in_books<T: Send + 'static>(
        &self,
        company: CompanyId,
        look: impl FnOnce(&Books, Timestamp) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let absent = Rejection::CompanyNotFound { company };
        let show = move |_, state: &EntityState, _| match &state.entity {
            Some(Entity::Company(company)) => Some(look(&company.books, state.created_at)),
            Some(Entity::Wallet(_) | Entity::Program(_)) | None => None,
        };
        self.looked_at(company.entity(), absent, show).await
    }
}

// === impl Inner ===

impl Inner {
    fn settlement(&self, booked: Booked) -> Result<SettlementView, Refusal> {
        let closed = self.settlement_act(booked.closed_lsn)?;
        let (mut changes, mut lsn) = (Vec::new(), booked.last_lsn);
        while lsn != booked.closed_lsn && changes.len() < CHANGES_MAX {
            let act = self.settlement_act(lsn)?;
            let Event::SettlementMoved(moved) = &*act.event else {
                return Err(misplaced(lsn));
            };
            lsn = moved.before_lsn;
            changes.push(act);
        }
        changes.reverse();
        Ok(SettlementView {
            closed,
            state: booked.state,
            changes,
        })
    }

    pub(crate) fn settlement_act(&self, lsn: u64) -> Result<Act, Refusal> {
        self.act(TransactionId(lsn))?.ok_or_else(|| misplaced(lsn))
    }

    /// Counts to the end of a period, and looks whether what comes behind it, or the wallet as it was `seen`, goes on
    /// there.
    fn tally(
        &self,
        mut tally: Tallying,
        span: Span,
        seen: u64,
        pace: &mut Option<Pace>,
    ) -> Result<Option<Tally>, Uncounted> {
        let wallet = tally.wallet().get();
        let mut since = Instant::now();
        // A batch has several entries of one wallet, and is counted once.
        let (mut counted, mut outcome, mut proven) = (0, Ok(()), false);
        let walked = self.history.since(wallet, span.from.0, |place| {
            if place.lsn() == counted {
                return ControlFlow::Continue(());
            }
            counted = place.lsn();
            if let Some(pace) = pace {
                since = pace.rest(since, || self.is_serving());
            }
            match self.count(&mut tally, counted, span) {
                Ok(flow) => {
                    proven = flow.is_break();
                    flow
                }
                Err(refusal) => {
                    outcome = Err(refusal);
                    ControlFlow::Break(())
                }
            }
        });
        if let Some(pace) = pace {
            pace.worked += since.elapsed();
        }
        walked.map_err(|behind| Uncounted::Refused(super::behind(behind)))?;
        outcome?;
        if !proven && tally.version() < seen {
            return Err(Uncounted::Gap(Untallied {
                lsn: counted,
                expected: seen,
                stated: tally.version(),
            }));
        }
        Ok(tally.finish())
    }

    /// Says of a count that did not prove itself whether it can be had later.
    fn judged(
        &self,
        tally: Result<Option<Tally>, Uncounted>,
        span: Span,
    ) -> Result<Option<Tally>, Refusal> {
        let uncounted = match tally {
            Ok(tally) => return Ok(tally),
            Err(uncounted) => uncounted,
        };
        // Asked after the look, which may have met the moment of change.
        let begins = self.reader.first().0;
        let first = (begins > 1).then(|| past::time_of(&self.reader, begins));
        if let Some(first) = first.transpose().map_err(past::unreadable)?
            && !matches!(uncounted, Uncounted::Refused(_))
            && span.from.0 < first
        {
            // Entries of the period may have been deleted, and what is left does not say that none was.
            return Err(Refusal::Gone);
        }
        match uncounted {
            Uncounted::Refused(refusal) => return Err(refusal),
            Uncounted::Gap(gap) => {
                tracing::error!(error = %gap, "the index of histories leaves entries out");
            }
            Uncounted::Absent(lsn) => {
                tracing::error!(
                    lsn,
                    "the index of histories names an entry that there is not"
                );
            }
        }
        self.history.distrust();
        Err(Refusal::HistoryBehind)
    }

    /// Counts one act. Breaks at the first one behind the period.
    fn count(
        &self,
        tally: &mut Tallying,
        lsn: u64,
        span: Span,
    ) -> Result<ControlFlow<()>, Uncounted> {
        let found = self.record_at(lsn).map_err(Uncounted::Refused)?;
        let Some((record, at)) = found else {
            return Err(Uncounted::Absent(lsn));
        };
        let Content::Event(event) = record.content else {
            return Err(Uncounted::Absent(lsn));
        };
        let (counted, flow) = if at < span.to {
            (tally.count(lsn, at, &event), ControlFlow::Continue(()))
        } else {
            (tally.check_next(lsn, &event), ControlFlow::Break(()))
        };
        counted.map_err(Uncounted::Gap)?;
        Ok(flow)
    }

    /// Whether somebody is being served, statements of a run left out.
    fn is_serving(&self) -> bool {
        self.admission.in_flight() > self.runs.own.load(Ordering::Acquire)
    }
}

/// The books name a record that is another one.
pub(super) fn misplaced(lsn: u64) -> Refusal {
    tracing::error!(lsn, "a settlement does not stand where the books say");
    Refusal::Unreadable
}
