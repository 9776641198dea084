//! A run: one period closed for every company there was before its end.
//!
//! ```text
//! program   started ──► companies, one by one, each for itself ──► ended: so many closed, so many refused
//!              ▲
//!              └── joined: asked for again while it goes on
//! ```
//! The program only remembers that a run was asked for, on which terms, and whether it came to its end, so that one that was
//! cut off goes on at the next start. What becomes of a company stands in the company's own records.

use serde::{Deserialize, Serialize};

use super::bill::{SomeTerms, Terms};
use super::is_text;
use super::span::Span;
use crate::domain::calendar::Zone;
use crate::domain::inconsistency::Inconsistency;
use crate::domain::rejection::Rejection;
use crate::domain::settings::{PROGRAM, Program};
use crate::domain::types::{Description, NUMBER_MAX};
use crate::domain::{Circumstances, Entity, Event, Participants};

/// Runs that are remembered: five years of months. A later one takes the place of the first that is over.
pub const RUNS_MAX: usize = 64;

/// A run, as far as the program knows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PeriodRun {
    /// From when to when.
    pub span: Span,
    /// Name of the zone in which the period was named.
    pub zone: Box<str>,
    /// What is paid for.
    pub terms: Terms,
    /// Who asked.
    pub by: Description,
    /// LSN of the record that started it.
    pub lsn: u64,
    /// What it came to; `None` while it goes on.
    pub ended: Option<RunEnd>,
}

/// What a run came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RunEnd {
    /// Companies that have a statement of the period.
    pub closed: u64,
    /// Companies that were refused one.
    pub failed: u64,
    /// LSN of the record that ends it.
    pub lsn: u64,
}

/// What becomes of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RunStage {
    /// It starts.
    Started,
    /// It goes on already, and was asked for again.
    Joined {
        /// LSN of the record that started it.
        lsn: u64,
    },
    /// It came to its end.
    Ended {
        /// LSN of the record that started it.
        lsn: u64,
        /// Companies that have a statement of the period.
        closed: u64,
        /// Companies that were refused one.
        failed: u64,
    },
}

/// Asks for a run, or notes its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunSettlement {
    /// From when to when.
    pub span: Span,
    /// Name of the zone in which the period was named.
    pub zone: Box<str>,
    /// What is paid, where it is not as the settings say.
    pub terms: SomeTerms,
    /// Who asks.
    pub by: Description,
    /// What it came to: companies closed and refused; `None`: it is to start.
    pub ended: Option<(u64, u64)>,
}

/// A run started, was joined, or came to its end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SettlementRun {
    /// The program's version after the event.
    pub version: u64,
    /// From when to when.
    pub span: Span,
    /// Name of the zone in which the period was named.
    pub zone: Box<str>,
    /// What is paid for; whoever joins a run joins it as it is.
    pub terms: Terms,
    /// Who asked.
    pub by: Description,
    /// What becomes of it.
    pub stage: RunStage,
}

pub(in crate::domain) fn decide(
    participants: Participants<'_>,
    command: &RunSettlement,
    at: &Circumstances<'_>,
) -> Result<Event, Rejection> {
    let span = command.span;
    if span.to > at.now {
        return Err(Rejection::PeriodNotOver { ends: span.to });
    }
    let program = participants.program();
    let open = program.run(span).filter(|run| run.ended.is_none());
    let stage = match (open, command.ended) {
        (None, None) => RunStage::Started,
        (Some(run), None) => RunStage::Joined { lsn: run.lsn },
        (Some(run), Some((closed, failed))) => RunStage::Ended {
            lsn: run.lsn,
            closed,
            failed,
        },
        (None, Some(_)) => unreachable!("nobody but the run itself ends it, once"),
    };
    let terms = match open {
        Some(run) => run.terms,
        None => command.terms.over(at.settings.settlement),
    };
    Ok(Event::SettlementRun(Box::new(SettlementRun {
        version: program.version + 1,
        span,
        zone: command.zone.clone(),
        terms,
        by: command.by.clone(),
        stage,
    })))
}

pub(in crate::domain) fn apply(
    entity: &mut Option<Entity>,
    event: &SettlementRun,
) -> Result<(), Inconsistency> {
    let program = Program::next_in(entity, event.version)?;
    let known = program.runs.iter().position(|run| run.span == event.span);
    let open = known.filter(|at| program.runs[*at].ended.is_none());
    let is_it = |lsn| open.filter(|at| program.runs[*at].lsn == lsn);
    match event.stage {
        RunStage::Started if open.is_none() => program.start(known, event),
        RunStage::Joined { lsn } if is_it(lsn).is_some() => {}
        RunStage::Ended {
            lsn,
            closed,
            failed,
        } => {
            let at = is_it(lsn).ok_or(contradicts("a run ends that does not go on"))?;
            program.runs[at].ended = Some(RunEnd {
                closed,
                failed,
                lsn: 0,
            });
        }
        RunStage::Started | RunStage::Joined { .. } => {
            return Err(contradicts(
                "a run starts twice, or is joined before it starts",
            ));
        }
    }
    Ok(())
}

// === impl Program ===

impl Program {
    /// The run of a period, the last one.
    pub fn run(&self, span: Span) -> Option<&PeriodRun> {
        self.runs.iter().find(|run| run.span == span)
    }

    /// Takes down where in the log the act stands that was just applied.
    pub(in crate::domain) fn mark(&mut self, lsn: u64) {
        for run in &mut self.runs {
            if run.lsn == 0 {
                run.lsn = lsn;
            }
            if let Some(end) = &mut run.ended
                && end.lsn == 0
            {
                end.lsn = lsn;
            }
        }
    }

    /// Remembers a run, in the place of an earlier one of the period, or of the first that is over.
    fn start(&mut self, known: Option<usize>, event: &SettlementRun) {
        let is_full = self.runs.len() >= RUNS_MAX;
        let over = || self.runs.iter().position(|run| run.ended.is_some());
        if let Some(at) = known.or_else(|| over().filter(|_| is_full)) {
            self.runs.remove(at);
        }
        self.runs.push(PeriodRun {
            span: event.span,
            zone: event.zone.clone(),
            terms: event.terms,
            by: event.by.clone(),
            lsn: 0,
            ended: None,
        });
    }
}

// === impl SettlementRun ===

impl SettlementRun {
    /// Whether it could have been decided.
    pub(in crate::domain) fn check(&self) -> Result<(), Inconsistency> {
        let (lsn, companies) = match self.stage {
            RunStage::Started => (1, 0),
            RunStage::Joined { lsn } => (lsn, 0),
            RunStage::Ended {
                lsn,
                closed,
                failed,
            } => (lsn, closed.max(failed)),
        };
        let sound = (1..=NUMBER_MAX).contains(&self.version)
            && self.span.is_sound()
            && Zone::new(&self.zone).is_some()
            && self.terms.is_sound()
            && is_text(&self.by)
            && (1..=NUMBER_MAX).contains(&lsn)
            && companies <= NUMBER_MAX;
        let unsound = contradicts("a run states a number out of range");
        sound.then_some(()).ok_or(unsound)
    }
}

fn contradicts(what: &'static str) -> Inconsistency {
    Inconsistency::Entity {
        kind: PROGRAM.kind.as_str(),
        id: PROGRAM.id,
        what,
    }
}
