//! A day that is over, written down: what flowed on it, and up to which LSN.
//!
//! Nothing can be added to a day once a later time was given out, since times in the log never go back. The record fixes
//! the sums at that point, so whoever reads the log later can hold any report against them.

use serde::{Deserialize, Serialize};

use super::calendar::Day;
use super::day_flow::DayFlow;
use super::inconsistency::Inconsistency;
use super::rejection::Rejection;
use super::settings::Program;
use super::{Circumstances, Entity, Event, Participants};

/// Asks for a day to be closed, with what the daily report says of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CloseDay {
    /// The day behind the one that was closed last.
    pub day: Day,
    /// Its last entry, or the last one before it.
    pub watermark: u64,
    /// Wallets that had entries.
    pub wallets: u64,
    /// Sums over all wallets.
    pub sum: DayFlow,
}

/// A day was closed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DayClosed {
    /// The program's version after the event.
    pub version: u64,
    /// Which day.
    pub day: Day,
    /// Every entry of the day, and of those before it, has this LSN or a lower one; every later entry a higher one.
    pub watermark: u64,
    /// Wallets that had entries.
    pub wallets: u64,
    /// Sums over all wallets.
    pub sum: DayFlow,
}

pub(super) fn decide(
    participants: Participants<'_>,
    command: &CloseDay,
    at: &Circumstances<'_>,
) -> Result<Event, Rejection> {
    let program = participants.program();
    let day = command.day;
    let is_next = program.closed_day.is_none_or(|closed| closed.next() == day);
    if !is_next || at.now < at.settings.zone.end_of(day) {
        return Err(Rejection::DayNotOpen { day });
    }
    Ok(Event::DayClosed(Box::new(DayClosed {
        version: program.version + 1,
        day,
        watermark: command.watermark,
        wallets: command.wallets,
        sum: command.sum,
    })))
}

pub(super) fn apply(entity: &mut Option<Entity>, event: &DayClosed) -> Result<(), Inconsistency> {
    let program = Program::next_in(entity, event.version)?;
    program.closed_day = Some(event.day);
    Ok(())
}

impl DayClosed {
    /// Whether this can have been decided.
    pub(super) fn check(&self) -> Result<(), Inconsistency> {
        let sound = self.version > 0;
        sound.then_some(()).ok_or(Inconsistency::Settings)
    }
}
