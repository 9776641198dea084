//! Periods by their names: what was closed keeps the name that it was closed under, whatever became of the zone since.
//!
//! ```text
//! 2026-10 ── a period whose record says a zone in which that is its name ──► that one
//!         └─ none ──► 2026-10 in the zone in force
//! ```

use std::sync::Arc;

use crate::api::{NamedPeriod, Refusal};
use crate::domain::{Booked, Books, CompanyId, Event, Span, Zone};
use crate::engine::{Engine, Inner};

impl Engine {
    /// The period of a company that a name means: one that was closed under it, or else the one that it names now. `None`
    /// if nobody can read it.
    pub async fn settlement_period(
        &self,
        company: CompanyId,
        name: &str,
    ) -> Result<Option<NamedPeriod>, Refusal> {
        let Some(now) = self.named_now(name).await? else {
            return Ok(None);
        };
        let span = now.span;
        let pick = move |books: &Books, _| -> Vec<Booked> { books.near(span).copied().collect() };
        let near = self.in_books(company, pick).await?;
        if near.is_empty() {
            return Ok(Some(now));
        }
        let inner = Arc::clone(&self.inner);
        let name = name.to_owned();
        let read = tokio::task::spawn_blocking(move || inner.closed_under(&near, &name, now));
        read.await.unwrap_or(Err(Refusal::Unreadable)).map(Some)
    }

    /// Likewise for runs: one that was asked for under the name, or else the one that it names now.
    pub async fn run_period(&self, name: &str) -> Result<Option<NamedPeriod>, Refusal> {
        let Some(now) = self.named_now(name).await? else {
            return Ok(None);
        };
        let program = self.program().await?;
        let named = program.runs.iter().filter_map(|run| {
            let zone = Zone::new(&run.zone)?;
            (Span::parse(name, &zone) == Some(run.span)).then_some(NamedPeriod {
                span: run.span,
                zone,
            })
        });
        Ok(Some(best(named, now)))
    }

    /// What a name means in the zone in force.
    async fn named_now(&self, name: &str) -> Result<Option<NamedPeriod>, Refusal> {
        let zone = self.program().await?.settings.zone;
        let span = Span::parse(name, &zone);
        Ok(span.map(|span| NamedPeriod { span, zone }))
    }
}

impl Inner {
    fn closed_under(
        &self,
        near: &[Booked],
        name: &str,
        now: NamedPeriod,
    ) -> Result<NamedPeriod, Refusal> {
        let (mut named, mut gone) = (Vec::new(), false);
        for booked in near {
            let act = match self.settlement_act(booked.closed_lsn) {
                Ok(act) => act,
                // It may have been the one; what is found without it is right all the same.
                Err(Refusal::Gone) => {
                    gone = true;
                    continue;
                }
                Err(refusal) => return Err(refusal),
            };
            let Event::SettlementClosed(closed) = &*act.event else {
                return Err(super::settlements::misplaced(booked.closed_lsn));
            };
            let zone = Zone::new(&closed.zone).unwrap_or_default();
            if Span::parse(name, &zone) == Some(booked.span) {
                let span = booked.span;
                named.push(NamedPeriod { span, zone });
            }
        }
        let is_found = !named.is_empty() || near.iter().any(|booked| booked.span == now.span);
        if gone && !is_found {
            return Err(Refusal::Gone);
        }
        Ok(best(named, now))
    }
}

/// Of several with the same name that of the zone in force, then the last one; without any what the name means now.
fn best(named: impl IntoIterator<Item = NamedPeriod>, now: NamedPeriod) -> NamedPeriod {
    let rank = |period: &NamedPeriod| (period.span == now.span, period.span);
    named.into_iter().max_by_key(rank).unwrap_or(now)
}
