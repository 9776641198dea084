//! Settlement: what a company's points came to within a period, and what is paid for it.
//!
//! ```text
//! entries of the company's wallet in [from, to) ── Tally ──► close ──► confirm ──► pay
//!                                                             │  hold ⇄ release
//!                                                             └──► reverse: what it would have paid goes into the next one
//! ```
//! Header times never decrease, so once `to` is past and everything before it is durable, the entries of a period are a fact
//! that nothing can change. They are counted outside and handed in; the company judges whether the period is the next
//! one, once, and whether the count goes on where the last one ended. What it came to stands in the record that closes
//! it and never changes; the company itself keeps a line for each period.

mod bill;
mod books;
mod moves;
mod run;
mod span;
mod tally;

use serde::{Deserialize, Serialize};

use super::calendar::Zone;
use super::inconsistency::Inconsistency;
use super::rejection::Rejection;
use super::types::{CompanyId, Description, NUMBER_MAX, Timestamp};
use super::{Circumstances, Entity, Event, Participants};

pub use self::bill::{Bill, RATE_PPM_MAX, SHARE_PPM_MAX, SomeTerms, Terms};
pub use self::books::{Booked, Books, SETTLEMENTS_MAX, SettlementState};
pub use self::moves::{MoveSettlement, SettlementMoved, Step};
pub use self::run::{PeriodRun, RUNS_MAX, RunEnd, RunSettlement, RunStage, SettlementRun};
pub use self::span::Span;
pub use self::tally::{Correction, LINES, Line, NAMED_MAX, Tally, Tallying, Untallied};

pub(super) use self::moves::{apply as apply_moved, decide as decide_move};
pub(super) use self::run::{apply as apply_run, decide as decide_run};

/// Asks to close a period of a company.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CloseSettlement {
    /// Which company.
    pub company: CompanyId,
    /// From when to when.
    pub span: Span,
    /// Name of the zone in which the period was named.
    pub zone: Box<str>,
    /// What is paid, where it is not as the settings say.
    pub terms: SomeTerms,
    /// Who asks.
    pub by: Description,
    /// When the company was created: an immutable fact, looked up before.
    pub created_at: Timestamp,
    /// What the entries of the period come to, likewise; `None`: more than a statement can say.
    pub tally: Option<Box<Tally>>,
}

/// A period of a company was closed: its statement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SettlementClosed {
    /// Which company.
    pub company: CompanyId,
    /// Its version after the event.
    pub version: u64,
    /// From when to when.
    pub span: Span,
    /// Name of the zone in which the period was named.
    pub zone: Box<str>,
    /// Who asked.
    pub by: Description,
    /// What the entries of the period come to.
    pub tally: Tally,
    /// What is paid for.
    pub terms: Terms,
    /// What is paid.
    pub bill: Bill,
}

pub(super) fn decide(
    participants: Participants<'_>,
    command: &CloseSettlement,
    at: &Circumstances<'_>,
) -> Result<Event, Rejection> {
    let id = command.company;
    let company = participants.company(id)?;
    let (books, span) = (&company.books, command.span);
    if span.to > at.now {
        return Err(Rejection::PeriodNotOver { ends: span.to });
    }
    books.check_next(span, command.created_at)?;
    let limit = Rejection::SettlementLimit { company: id };
    if books.is_full() {
        return Err(limit);
    }
    let tally = command.tally.as_deref().ok_or(limit)?;
    // A count that does not go on where the last one ended belongs to another beginning.
    if !books.lead_to(tally) {
        let begins = books.ends().unwrap_or(command.created_at);
        return Err(Rejection::PeriodNotNext { begins });
    }
    let terms = command.terms.over(at.settings.settlement);
    let bill = Bill::of(tally.sold(), terms, books.carry).ok_or(limit)?;
    Ok(Event::SettlementClosed(Box::new(SettlementClosed {
        company: id,
        version: company.version + 1,
        span,
        zone: command.zone.clone(),
        by: command.by.clone(),
        tally: tally.clone(),
        terms,
        bill,
    })))
}

pub(super) fn apply(
    entity: &mut Option<Entity>,
    event: &SettlementClosed,
) -> Result<(), Inconsistency> {
    let company = event.company.state_in(entity)?;
    let books = &mut company.books;
    let follows = books.lead_to(&event.tally)
        && books.carry == event.bill.carried_in
        && books.ends().is_none_or(|ends| ends == event.span.from);
    if !follows {
        let what = "a settlement does not go on where the last one ended";
        return Err(event.company.contradicts(what));
    }
    books.close(event);
    event.company.settle(company, event.version)
}

// === impl SettlementClosed ===

impl SettlementClosed {
    /// Whether its numbers follow from each other.
    pub(super) fn check(&self) -> Result<(), Inconsistency> {
        let unsound = "the numbers of a settlement do not follow from each other";
        let unsound = self.company.contradicts(unsound);
        // Ranges first: sums over numbers in range do not overflow.
        if !self.tally.is_sound() {
            return Err(unsound);
        }
        let billed = Bill::of(self.tally.sold(), self.terms, self.bill.carried_in);
        let sound = is_version(self.version)
            && is_text(&self.by)
            && self.span.is_sound()
            && Zone::new(&self.zone).is_some()
            && self.terms.is_sound()
            && billed == Some(self.bill);
        sound.then_some(()).ok_or(unsound)
    }
}

/// Whether a number can be the version of a company behind its creation.
fn is_version(version: u64) -> bool {
    (2..=NUMBER_MAX).contains(&version)
}

/// Whether somebody can have given this as who asked.
fn is_text(by: &Description) -> bool {
    !by.as_str().is_empty() && Description::is_allowed(by.as_str())
}
