//! Where the days begin when no file tells it and the log no longer goes back to LSN 1.
//!
//! ```text
//! deleted │ first act … first change of the settings … K …      at K, in a snapshot: what all wallets held, and the zone
//!         └──── what flowed up to K, taken off again ────┘
//! ```
//! An act before the first change of the settings is counted in the zone that K has, if there is no such change. Else
//! nobody can tell its day, and the days begin behind that change. The day that runs there may have lost its first acts, so
//! the one behind it is the first that is known.

use std::io;
use std::sync::Arc;

use super::leg::{DayLeg, Turn};
use crate::domain::{Day, Points, Timestamp, Zone};
use crate::journal::Storage;
use crate::projections::reread::{Reread, Span, StepError, reread};

/// What days rest on, as of an LSN at which it is known from elsewhere. By default the beginning of all logs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DaysKnown {
    /// As of which record.
    pub lsn: u64,
    /// Time of that record.
    pub at: Timestamp,
    /// What all wallets held.
    pub held: Points,
    /// Where days begin.
    pub zone: Zone,
    /// The last day that was closed by a record.
    pub closed: Option<Day>,
}

/// Where folding begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Origin {
    pub(super) above: u64,
    pub(super) held: Points,
    pub(super) zone: Zone,
    pub(super) closed: Option<Day>,
    /// The first day all of which is folded.
    pub(super) day: Day,
}

/// The way to what is known.
struct Way {
    above: u64,
    at_us: Option<i64>,
    zone: Option<Zone>,
    /// The last day that was closed before `above`, as soon as anything tells.
    closed: Option<Day>,
    closed_last: Option<Day>,
    flowed: Points,
}

// === impl Origin ===

impl Origin {
    /// The first place in a log without anything up to `begins_above` from which days can be folded.
    pub(super) fn find(
        log: &Arc<dyn Storage>,
        begins_above: u64,
        known: &DaysKnown,
    ) -> Result<Self, StepError> {
        if known.lsn < begins_above {
            // Only if all snapshots of the start were passed over since: the next start knows a newer one.
            return Err(
                io::Error::other("nothing is known behind the beginning of the log").into(),
            );
        }
        let mut way = Way {
            above: begins_above,
            at_us: None,
            zone: None,
            closed: None,
            closed_last: None,
            flowed: Points::ZERO,
        };
        let span = Span {
            above: begins_above,
            to: known.lsn,
        };
        reread(log, span, |act| {
            way.take(&act);
            Ok(())
        })?;
        let turned = way.zone.is_some();
        let zone = way.zone.unwrap_or_else(|| known.zone.clone());
        let closed = way.closed.or(known.closed);
        let runs = zone.day_of(way.at_us.map_or(known.at, Timestamp));
        let runs = closed.map_or(runs, |closed| runs.max(closed.next()));
        // In the zone before it may have been a day later.
        let runs = if turned { runs.next() } else { runs };
        Ok(Self {
            above: way.above,
            held: known.held - way.flowed,
            zone,
            closed,
            day: runs.next(),
        })
    }
}

// === impl Way ===

impl Way {
    fn take(&mut self, act: &Reread<'_>) {
        self.at_us.get_or_insert(act.at_us);
        let Some(event) = act.event else { return };
        match Turn::of(event) {
            Some(Turn::Zone(zone)) if self.zone.is_none() => {
                *self = Self {
                    above: act.last_lsn,
                    at_us: Some(act.at_us),
                    zone: Some(zone),
                    closed: self.closed_last,
                    closed_last: self.closed_last,
                    flowed: Points::ZERO,
                };
            }
            Some(Turn::Closed(day)) => {
                // Days are closed one after the other.
                self.closed.get_or_insert(day.previous());
                self.closed_last = Some(day);
            }
            Some(Turn::Zone(_)) | None => {}
        }
        DayLeg::of(act.lsn, act.at_us, event, |leg| self.flowed += leg.change);
    }
}
