//! How a statement goes on: confirmed, paid, held, reversed. Its numbers stay as they were closed.
//!
//! ```text
//! closed ── confirm ──► confirmed ── pay ──► paid
//!    │ ▲                   │ ▲                 │
//!    ▼ │ hold / release    ▼ │                 │
//!    held                  held                │
//!    └──────── closed, confirmed or paid ── reverse ──► reversed
//! ```
//! A reversed period is never closed again: its statement stays on record, and what it would have paid, or has paid in
//! vain, goes into the next one.

use serde::{Deserialize, Serialize};

use super::bill::number;
use super::books::SettlementState;
use super::span::Span;
use super::{is_text, is_version};
use crate::domain::inconsistency::Inconsistency;
use crate::domain::rejection::Rejection;
use crate::domain::types::{CompanyId, Description, NUMBER_MAX};
use crate::domain::{Entity, Event, Participants};

/// What is to become of a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Somebody agrees.
    Confirm,
    /// It is paid.
    Pay,
    /// It is set aside.
    Hold,
    /// It goes on where it was set aside.
    Release,
    /// It is void.
    Reverse,
}

/// Asks for a statement to go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MoveSettlement {
    /// Whose.
    pub company: CompanyId,
    /// Of which period.
    pub span: Span,
    /// How.
    pub step: Step,
    /// Who asks.
    pub by: Description,
}

/// A statement went on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SettlementMoved {
    /// Whose.
    pub company: CompanyId,
    /// The company's version after the event.
    pub version: u64,
    /// Of which period.
    pub span: Span,
    /// Where it stands now.
    pub state: SettlementState,
    /// Money that goes into the next one: what a reversed one would have paid, 0 otherwise.
    pub carried: i64,
    /// LSN of the record about it before this one.
    pub before_lsn: u64,
    /// Who asked.
    pub by: Description,
}

pub(in crate::domain) fn decide(
    participants: Participants<'_>,
    command: &MoveSettlement,
) -> Result<Event, Rejection> {
    let id = command.company;
    let company = participants.company(id)?;
    let books = &company.books;
    let absent = Rejection::SettlementNotFound { company: id };
    let booked = books.find(command.span).ok_or(absent)?;
    let state = booked.state;
    let next = state.after(command.step);
    let state = next.ok_or(Rejection::SettlementState { state })?;
    let carried = state.carries(booked.payable);
    if number(i128::from(books.carry) + i128::from(carried)).is_none() {
        return Err(Rejection::SettlementLimit { company: id });
    }
    Ok(Event::SettlementMoved(Box::new(SettlementMoved {
        company: id,
        version: company.version + 1,
        span: command.span,
        state,
        carried,
        before_lsn: booked.last_lsn,
        by: command.by.clone(),
    })))
}

pub(in crate::domain) fn apply(
    entity: &mut Option<Entity>,
    event: &SettlementMoved,
) -> Result<(), Inconsistency> {
    let id = event.company;
    let company = id.state_in(entity)?;
    let unfounded = id.contradicts("a settlement moves that is not there");
    let booked = company.books.touch(event.span).ok_or(unfounded)?;
    let follows = Step::ALL
        .into_iter()
        .any(|step| booked.state.after(step) == Some(event.state))
        && event.before_lsn == booked.last_lsn
        && event.carried == event.state.carries(booked.payable);
    if !follows {
        return Err(id.contradicts("a settlement moves from where it is not"));
    }
    booked.state = event.state;
    company.books.carry += event.carried;
    id.settle(company, event.version)
}

// === impl Step ===

impl Step {
    /// All steps.
    pub const ALL: [Self; 5] = [
        Self::Confirm,
        Self::Pay,
        Self::Hold,
        Self::Release,
        Self::Reverse,
    ];

    /// The word used in routes and tools.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Pay => "pay",
            Self::Hold => "hold",
            Self::Release => "release",
            Self::Reverse => "reverse",
        }
    }
}

// === impl SettlementState ===

impl SettlementState {
    /// Where a step leads; `None` if it cannot be taken from here.
    pub fn after(self, step: Step) -> Option<Self> {
        match (self, step) {
            (Self::Closed, Step::Confirm) | (Self::HeldConfirmed, Step::Release) => {
                Some(Self::Confirmed)
            }
            (Self::Confirmed, Step::Pay) => Some(Self::Paid),
            (Self::Closed, Step::Hold) => Some(Self::HeldClosed),
            (Self::Confirmed, Step::Hold) => Some(Self::HeldConfirmed),
            (Self::HeldClosed, Step::Release) => Some(Self::Closed),
            (Self::Closed | Self::Confirmed | Self::Paid, Step::Reverse) => Some(Self::Reversed),
            _ => None,
        }
    }

    /// Money that goes into the next statement when one that pays so much comes to stand here.
    fn carries(self, payable: i64) -> i64 {
        if self == Self::Reversed { payable } else { 0 }
    }
}

// === impl SettlementMoved ===

impl SettlementMoved {
    /// Whether it could have been decided.
    pub(in crate::domain) fn check(&self) -> Result<(), Inconsistency> {
        let sound = is_version(self.version)
            && is_text(&self.by)
            && self.span.is_sound()
            && (0..=NUMBER_MAX.cast_signed()).contains(&self.carried)
            && (self.carried == 0 || self.state == SettlementState::Reversed)
            && (1..=NUMBER_MAX).contains(&self.before_lsn);
        let unsound = self.company.contradicts("a number is out of range");
        sound.then_some(()).ok_or(unsound)
    }
}
