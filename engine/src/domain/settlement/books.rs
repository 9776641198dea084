//! What a company keeps of its settlements: a line for each period, and where the next one goes on.

use serde::{Deserialize, Serialize};

use super::SettlementClosed;
use super::span::Span;
use super::tally::Tally;
use crate::domain::movement::Points;
use crate::domain::rejection::Rejection;
use crate::domain::types::Timestamp;

/// Most periods of one company: eleven years of days, three hundred of months. They lie in the company's row, which is
/// written with every act of the company, of which there are few.
pub const SETTLEMENTS_MAX: usize = 4_096;

/// Farthest that midnights of a day lie apart, µs: from 14 hours before to 12 behind that of Greenwich.
const ZONES_APART_US: u64 = 26 * 3_600 * 1_000_000;

/// Where a statement stands. A period without one is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum SettlementState {
    /// Its numbers are frozen.
    Closed,
    /// Somebody agreed.
    Confirmed,
    /// It was paid.
    Paid,
    /// Set aside while it was closed.
    HeldClosed,
    /// Set aside while it was confirmed.
    HeldConfirmed,
    /// Void: what it would have paid goes into the next one. For good.
    Reversed,
}

/// One period.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Booked {
    /// From when to when.
    pub span: Span,
    /// Where the statement stands.
    pub state: SettlementState,
    /// What it pays.
    pub payable: i64,
    /// LSN of the record that closed it, in which its numbers stand.
    pub closed_lsn: u64,
    /// LSN of the last record about it.
    pub last_lsn: u64,
}

/// What a company keeps of its settlements.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Books {
    /// Periods, each beginning where the one before it ends.
    pub periods: Vec<Booked>,
    /// Ledger points of the wallet when the last one ended.
    pub closing: Points,
    /// The wallet's version then.
    pub wallet_version: u64,
    /// Money that the next one takes over.
    pub carry: i64,
    /// The line that the act on its way touched: it is marked when it is known where in the log that stands. Not kept.
    #[serde(skip)]
    touched: Option<usize>,
}

// === impl SettlementState ===

impl SettlementState {
    /// The word used in JSON, logs and tools.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Confirmed => "confirmed",
            Self::Paid => "paid",
            Self::HeldClosed | Self::HeldConfirmed => "held",
            Self::Reversed => "reversed",
        }
    }
}

// === impl Books ===

impl Default for Books {
    /// Before the first period the wallet was just created.
    fn default() -> Self {
        Self {
            periods: Vec::new(),
            closing: Points::ZERO,
            wallet_version: 1,
            carry: 0,
            touched: None,
        }
    }
}

impl Books {
    /// The line of a period.
    pub fn find(&self, span: Span) -> Option<&Booked> {
        let at = self.place(span)?;
        self.periods.get(at)
    }

    /// Lines of periods both ends of which lie no farther from those of a span than zones lie apart: those that the
    /// span's name may mean in another zone.
    pub fn near(&self, span: Span) -> impl Iterator<Item = &Booked> {
        let is_near = |one: Timestamp, other: Timestamp| one.0.abs_diff(other.0) <= ZONES_APART_US;
        let before =
            |booked: &Booked| booked.span.from < span.from && !is_near(booked.span.from, span.from);
        let first = self.periods.partition_point(before);
        let reached = self.periods[first..].iter();
        let reached = reached.take_while(move |booked| is_near(booked.span.from, span.from));
        reached.filter(move |booked| is_near(booked.span.to, span.to))
    }

    /// When the last one ended.
    pub fn ends(&self) -> Option<Timestamp> {
        self.periods.last().map(|booked| booked.span.to)
    }

    /// Whether a period may be the next one: it begins where the last one ended, the first one not after the company's
    /// creation, so that nothing lies between.
    pub fn check_next(&self, span: Span, created_at: Timestamp) -> Result<(), Rejection> {
        let begins = match self.ends() {
            Some(ends) if ends != span.from => ends,
            None if span.from > created_at => created_at,
            Some(_) | None => return Ok(()),
        };
        Err(Rejection::PeriodNotNext { begins })
    }

    /// Whether there is no room for another one.
    pub(super) fn is_full(&self) -> bool {
        self.periods.len() >= SETTLEMENTS_MAX
    }

    /// Whether a count goes on where the last one ended.
    pub(super) fn lead_to(&self, tally: &Tally) -> bool {
        (self.closing, self.wallet_version) == (tally.opening, tally.since_version)
    }

    pub(super) fn close(&mut self, event: &SettlementClosed) {
        self.touched = Some(self.periods.len());
        self.periods.push(Booked {
            span: event.span,
            state: SettlementState::Closed,
            payable: event.bill.payable,
            closed_lsn: 0,
            last_lsn: 0,
        });
        self.closing = event.tally.closing();
        self.wallet_version = event.tally.until_version();
        self.carry = event.bill.carried_out;
    }

    /// The line of a period, to be changed by the act on its way.
    pub(super) fn touch(&mut self, span: Span) -> Option<&mut Booked> {
        let at = self.place(span)?;
        self.touched = Some(at);
        self.periods.get_mut(at)
    }

    /// Takes down where in the log the act stands that was just applied.
    pub(in crate::domain) fn mark(&mut self, lsn: u64) {
        let touched = self.touched.take();
        let Some(booked) = touched.and_then(|at| self.periods.get_mut(at)) else {
            return;
        };
        booked.last_lsn = lsn;
        if booked.closed_lsn == 0 {
            booked.closed_lsn = lsn;
        }
    }

    fn place(&self, span: Span) -> Option<usize> {
        self.periods
            .binary_search_by_key(&span, |booked| booked.span)
            .ok()
    }
}
