//! Days as people count them: which day an instant falls in, in a zone, and where months end.
//!
//! ```text
//! instants   ──┬───────── day ─────────┬──────── next day ────────┬──►
//!           start_of(day)       start_of(next)
//! ```
//! A day is the half-open range between two starts, so every instant falls in exactly one day, also where clocks
//! are put forward or back. The rules of the zones are compiled in: nothing here reads a file, so two machines
//! never count differently. Knows nothing of points.

use std::fmt;

use jiff::civil::{Date, date};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Span, Unit};
use serde::{Deserialize, Serialize};

use super::types::Timestamp;

/// The zone of a store that was not given one.
pub const ZONE_DEFAULT: &str = "Asia/Seoul";

/// Days are counted from here.
const EPOCH: Date = date(1970, 1, 1);

/// A zone of the IANA database.
#[derive(Clone, Debug)]
pub struct Zone {
    name: Box<str>,
    rules: TimeZone,
}

/// A civil day: days since 1970-01-01.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct Day(i32);

/// Finds days for instants that come nearly in order, at the price of two comparisons.
#[derive(Clone, Debug)]
pub struct DayFinder {
    zone: Zone,
    day: Day,
    start: Timestamp,
    end: Timestamp,
}

// === impl Zone ===

impl Zone {
    /// `None` if the database has no zone of this name.
    pub fn new(name: &str) -> Option<Self> {
        let rules = TimeZoneDatabase::bundled().get(name).ok()?;
        let name = rules.iana_name()?.into();
        Some(Self { name, rules })
    }

    /// Its name in the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The day that an instant falls in.
    pub fn day_of(&self, at: Timestamp) -> Day {
        let civil = self.rules.to_datetime(instant(at)).date();
        let mut day = Day::of(civil);
        // Where clocks are put back over midnight, a date is shown twice; its first end counts.
        while day < Day::MAX && self.start_of(day.next()) <= at {
            day = day.next();
        }
        while day > Day::MIN && at < self.start_of(day) {
            day = day.previous();
        }
        day
    }

    /// The first instant of a day. A day that the zone left out begins with the next one.
    pub fn start_of(&self, day: Day) -> Timestamp {
        let midnight = day.civil().to_zoned(self.rules.clone());
        midnight.map_or_else(
            |_| Timestamp(edge(day)),
            |midnight| Timestamp(midnight.timestamp().as_microsecond()),
        )
    }

    /// The first instant behind a day.
    pub fn end_of(&self, day: Day) -> Timestamp {
        self.start_of(day.next())
    }

    /// The same time of day so many days later.
    pub fn plus_days(&self, at: Timestamp, days: u32) -> Timestamp {
        self.plus(at, Span::new().try_days(days))
    }

    /// The same time of day so many months later, on the last day of the month if it has no such day.
    pub fn plus_months(&self, at: Timestamp, months: u32) -> Timestamp {
        self.plus(at, Span::new().try_months(months))
    }

    /// The latest instant there is when the calendar does not reach so far.
    fn plus(&self, at: Timestamp, span: Result<Span, jiff::Error>) -> Timestamp {
        let later = span.and_then(|span| {
            let civil = self.rules.to_datetime(instant(at)).checked_add(span)?;
            self.rules.to_timestamp(civil)
        });
        let latest = jiff::Timestamp::MAX;
        Timestamp(later.unwrap_or(latest).as_microsecond())
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::new(ZONE_DEFAULT).unwrap_or_else(|| unreachable!("the database has {ZONE_DEFAULT}"))
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

// === impl Day ===

impl Day {
    /// The first day of the calendar.
    pub const MIN: Self = Self(-4_371_587);

    /// The last day of the calendar.
    pub const MAX: Self = Self(2_932_896);

    /// `None` if there is no such day.
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        Date::new(year, month, day).ok().map(Self::of)
    }

    /// From its number: days since 1970-01-01. `None` outside the calendar.
    pub fn from_number(number: i32) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0)
            .contains(&number)
            .then_some(Self(number))
    }

    /// Reads `YYYY-MM-DD`, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = |at: usize, byte: u8| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        };
        let is_day = text.len() == 10 && text.bytes().enumerate().all(|(at, b)| digits(at, b));
        is_day.then(|| text.parse().ok().map(Self::of)).flatten()
    }

    /// Days since 1970-01-01.
    pub fn number(self) -> i32 {
        self.0
    }

    /// The day after this one; the last day stays itself.
    pub fn next(self) -> Self {
        self.plus_days(1)
    }

    /// The day before this one; the first day stays itself.
    pub fn previous(self) -> Self {
        self.minus_days(1)
    }

    /// So many days earlier, at least the first day.
    pub fn minus_days(self, days: u32) -> Self {
        let number = i64::from(self.0) - i64::from(days);
        i32::try_from(number).map_or(Self::MIN, |number| Self(number.max(Self::MIN.0)))
    }

    /// So many days later, at most the last day.
    pub fn plus_days(self, days: u32) -> Self {
        let number = i64::from(self.0) + i64::from(days);
        i32::try_from(number).map_or(Self::MAX, |number| Self(number.min(Self::MAX.0)))
    }

    /// The same day so many months later, or the last one of that month; at most the last day there is.
    pub fn plus_months(self, months: u32) -> Self {
        let span = Span::new().try_months(months);
        let later = span.and_then(|span| self.civil().checked_add(span));
        later.map_or(Self::MAX, Self::of)
    }

    /// The first day of its month.
    pub fn month_start(self) -> Self {
        Self::of(self.civil().first_of_month())
    }

    /// The last day of its month.
    pub fn month_end(self) -> Self {
        Self::of(self.civil().last_of_month())
    }

    /// The last day of its quarter of a year.
    pub fn quarter_end(self) -> Self {
        let civil = self.civil();
        let months = (3 - civil.month().unsigned_abs() % 3) % 3;
        self.month_start().plus_months(months.into()).month_end()
    }

    /// The last day of its year.
    pub fn year_end(self) -> Self {
        Self::of(self.civil().last_of_year())
    }

    fn of(civil: Date) -> Self {
        let days = EPOCH
            .until((Unit::Day, civil))
            .map_or(0, |span| span.get_days());
        Self(days)
    }

    fn civil(self) -> Date {
        let span = Span::new().days(self.0);
        EPOCH.checked_add(span).unwrap_or(Date::MAX)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.civil().fmt(f)
    }
}

// === impl DayFinder ===

impl DayFinder {
    /// Finds days in a zone.
    pub fn new(zone: Zone) -> Self {
        let day = Day::default();
        let (start, end) = (zone.start_of(day), zone.end_of(day));
        Self {
            zone,
            day,
            start,
            end,
        }
    }

    /// The zone.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The day that an instant falls in.
    pub fn day_of(&mut self, at: Timestamp) -> Day {
        if at < self.start || at >= self.end {
            self.day = self.zone.day_of(at);
            self.start = self.zone.start_of(self.day);
            self.end = self.zone.end_of(self.day);
        }
        self.day
    }
}

/// The nearest instant that the calendar has.
fn instant(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(at.0).unwrap_or(if at.0 < 0 {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    })
}

/// Where a day begins whose midnight the calendar does not reach.
fn edge(day: Day) -> i64 {
    if day.0 < 0 { i64::MIN } else { i64::MAX }
}

#[cfg(test)]
mod tests;
