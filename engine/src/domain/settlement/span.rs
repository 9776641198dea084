//! A period that is settled: from an instant up to, and without, another one.
//!
//! ```text
//! 2026-10                             a month of the zone
//! 2026-10-01..2026-10-16              from the beginning of a day to the beginning of another
//! 2026-10-01T00:00:00Z..2026-10-16    instants, or one of each
//! ```
//! A period is its two instants, however it was written; the shortest way to write it is its name.

use jiff::Timestamp as Instant;
use serde::{Deserialize, Serialize};

use crate::domain::calendar::{Day, Zone};
use crate::domain::types::Timestamp;

/// Parts the two ends.
const TO: &str = "..";

/// From an instant up to, and without, another one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Span {
    /// The first instant in it.
    pub from: Timestamp,
    /// The first instant behind it.
    pub to: Timestamp,
}

// === impl Span ===

impl Span {
    /// `None` if it ends before it begins.
    pub fn new(from: Timestamp, to: Timestamp) -> Option<Self> {
        Some(Self { from, to }).filter(Self::is_sound)
    }

    /// Reads a period as people write it, in a zone.
    pub fn parse(text: &str, zone: &Zone) -> Option<Self> {
        match text.split_once(TO) {
            Some((from, to)) => Self::new(Self::edge(from, zone)?, Self::edge(to, zone)?),
            None => {
                let first = Day::parse(&format!("{text}-01"))?;
                Self::new(zone.start_of(first), zone.end_of(first.month_end()))
            }
        }
    }

    /// Reads one end: a day, which begins, or an instant.
    pub fn edge(text: &str, zone: &Zone) -> Option<Timestamp> {
        if let Some(day) = Day::parse(text) {
            return Some(zone.start_of(day));
        }
        let at: Instant = text.parse().ok()?;
        let micros = at.as_microsecond();
        (Instant::from_microsecond(micros).ok() == Some(at)).then_some(Timestamp(micros))
    }

    /// The shortest way to write it in a zone.
    pub fn name(self, zone: &Zone) -> String {
        let day_of = |at: Timestamp| {
            let day = zone.day_of(at);
            (zone.start_of(day) == at).then_some(day)
        };
        let (from, to) = (day_of(self.from), day_of(self.to));
        if let (Some(from), Some(to)) = (from, to)
            && from.month_start() == from
            && from.month_end().next() == to
        {
            let text = from.to_string();
            return text[..text.len() - "-01".len()].to_owned();
        }
        let edge = |at: Timestamp, day: Option<Day>| match day {
            Some(day) => day.to_string(),
            None => Instant::from_microsecond(at.0)
                .map_or_else(|_| at.0.to_string(), |at| at.to_string()),
        };
        let (from, to) = (edge(self.from, from), edge(self.to, to));
        format!("{from}{TO}{to}")
    }

    /// Whether an instant lies in it.
    pub fn has(self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// Whether it begins before it ends.
    pub(super) fn is_sound(&self) -> bool {
        self.from < self.to
    }
}
