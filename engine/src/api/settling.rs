//! What callers hand in and get back about periods that are closed, of one company or of all.

use super::{Act, Refusal};
use crate::domain::{
    Booked, CompanyId, Description, PeriodRun, SettlementState, SomeTerms, Span, Zone,
};

/// Asks to close a period of a company.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settle {
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
}

/// A period that is closed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settled {
    /// The act that closed it; its event is the statement.
    pub act: Act,
    /// Whether this request closed it, or the same one under its key.
    pub fresh: bool,
    /// Whether this is the remembered answer to an earlier request with the same key.
    pub replayed: bool,
}

/// How far a run is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunProgress {
    /// What was asked for.
    pub run: PeriodRun,
    /// The act that started it.
    pub started: Act,
    /// The act that ended it.
    pub ended: Option<Act>,
    /// Companies that there were before the end of the period.
    pub total: u64,
    /// Those of them that have a statement of it.
    pub closed: u64,
    /// Those that were refused one.
    pub failed: u64,
}

/// What a run came to for a company.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunOutcome {
    /// It has a statement.
    Closed(Booked),
    /// It was refused one; why, if that is still known.
    Failed(Option<Refusal>),
    /// It was not looked at yet.
    Open,
}

/// Companies of one outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunFilter {
    /// With a statement.
    Closed,
    /// Refused.
    Failed,
    /// Not looked at yet.
    Open,
}

/// A company of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RunRow {
    /// Which one.
    pub company: CompanyId,
    /// What it came to.
    pub outcome: RunOutcome,
}

/// A period, and the zone in which it bears the name that was asked for.
#[derive(Clone, Debug)]
pub struct NamedPeriod {
    /// From when to when.
    pub span: Span,
    /// Where its name is told from.
    pub zone: Zone,
}

/// Some of the companies of a run, by id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunPage {
    /// The companies.
    pub rows: Vec<RunRow>,
    /// Behind which company the next page starts; `None` at the end.
    pub next: Option<CompanyId>,
}

/// A statement with what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SettlementView {
    /// The act that closed the period; its event is the statement.
    pub closed: Act,
    /// Where it stands.
    pub state: SettlementState,
    /// The acts about it since then, oldest first; of very many the last ones.
    pub changes: Vec<Act>,
}

/// Some of a company's statements, the last period first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SettlementPage {
    /// The statements.
    pub rows: Vec<SettlementView>,
    /// Before which period the next page starts; `None` at the end.
    pub next: Option<Span>,
}

// === impl RunOutcome ===

impl RunOutcome {
    /// Among which companies this one is.
    pub fn filter(self) -> RunFilter {
        match self {
            Self::Closed(_) => RunFilter::Closed,
            Self::Failed(_) => RunFilter::Failed,
            Self::Open => RunFilter::Open,
        }
    }
}
