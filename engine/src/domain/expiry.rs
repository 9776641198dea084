//! When granted points lapse: never, at an instant, or after a term that is counted in days as people count them.
//!
//! ```text
//! granted 01-31 15:00 │ 1 month │ last day 02-28 │ lapse at the start of 03-01, where the program is
//! ```
//! A term names the last day on which the points can be spent. The event states the instant that comes of it, so neither
//! replay nor a later change of the zone counts again.

use serde::{Deserialize, Serialize};

use super::calendar::{Day, Zone};
use super::types::Timestamp;

/// Longest term: a hundred years, whatever it is counted in.
pub const TERM_YEARS_MAX: u32 = 100;

/// When points lapse.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Expiry {
    /// Never.
    #[default]
    Never,
    /// At this instant.
    At(Timestamp),
    /// At the end of the last day of a term.
    After(Term),
}

/// How long points can be spent, counted from the day they are granted on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Term {
    /// To the end of the day so many days later; 0 = of the same day.
    Days(u32),
    /// To the end of the same day so many months later, or of the last day of that month if it has no such day.
    Months(u32),
    /// To the end of the period that the day lies in, or of the one so many periods later.
    EndOf(Period, u32),
}

/// A part of the calendar.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Period {
    /// From the first to the last day of a month.
    Month,
    /// Three months, from January, April, July or October on.
    Quarter,
    /// From 1 January to 31 December.
    Year,
}

// === impl Expiry ===

impl Expiry {
    /// The instant at which points lapse that are granted at `now`.
    pub fn instant(self, now: Timestamp, zone: &Zone) -> Option<Timestamp> {
        match self {
            Self::Never => None,
            Self::At(at) => Some(at),
            Self::After(term) => Some(zone.end_of(term.last_day(zone.day_of(now)))),
        }
    }
}

impl From<Option<Timestamp>> for Expiry {
    fn from(at: Option<Timestamp>) -> Self {
        at.map_or(Self::Never, Self::At)
    }
}

// === impl Term ===

impl Term {
    /// The last day on which points can be spent that are granted on `day`.
    pub fn last_day(self, day: Day) -> Day {
        match self {
            Self::Days(days) => day.plus_days(days),
            Self::Months(months) => day.plus_months(months),
            Self::EndOf(period, plus) => {
                let later = day
                    .month_start()
                    .plus_months(plus.saturating_mul(period.months()));
                match period {
                    Period::Month => later.month_end(),
                    Period::Quarter => later.quarter_end(),
                    Period::Year => later.year_end(),
                }
            }
        }
    }
}

// === impl Period ===

impl Period {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Month, Self::Quarter, Self::Year];

    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }

    /// How many months it has.
    pub fn months(self) -> u32 {
        match self {
            Self::Month => 1,
            Self::Quarter => 3,
            Self::Year => 12,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Expiry, Period, Term};
    use crate::domain::{Day, Timestamp, Zone};

    fn at(text: &str) -> Timestamp {
        let at: jiff::Timestamp = text.parse().unwrap();
        Timestamp(at.as_microsecond())
    }

    fn check(zone: &str, term: Term, granted: &str, lapses: &str) {
        let zone = Zone::new(zone).unwrap();
        let instant = Expiry::After(term).instant(at(granted), &zone);
        let told = instant.map(|at| jiff::Timestamp::from_microsecond(at.0).unwrap().to_string());
        assert_eq!(told.as_deref(), Some(lapses), "{term:?} from {granted}");
    }

    #[test]
    fn days_end_where_the_program_is() {
        let table = [
            // 23:59:59.999999 and 00:00 in Seoul are different days.
            (
                Term::Days(0),
                "2026-05-01T14:59:59.999999Z",
                "2026-05-01T15:00:00Z",
            ),
            (
                Term::Days(0),
                "2026-05-01T15:00:00Z",
                "2026-05-02T15:00:00Z",
            ),
            (
                Term::Days(30),
                "2026-05-01T00:00:00Z",
                "2026-05-31T15:00:00Z",
            ),
            (
                Term::Days(365),
                "2026-01-01T00:00:00Z",
                "2027-01-01T15:00:00Z",
            ),
        ];
        for (term, granted, lapses) in table {
            check("Asia/Seoul", term, granted, lapses);
        }
    }

    #[test]
    fn months_that_are_too_short_end_on_their_last_day() {
        let table = [
            (1, "2026-01-31T03:00:00Z", "2026-02-28T15:00:00Z"),
            (1, "2028-01-31T03:00:00Z", "2028-02-29T15:00:00Z"),
            (1, "2026-01-28T03:00:00Z", "2026-02-28T15:00:00Z"),
            (1, "2026-03-31T03:00:00Z", "2026-04-30T15:00:00Z"),
            (12, "2028-02-29T03:00:00Z", "2029-02-28T15:00:00Z"),
            (48, "2028-02-29T03:00:00Z", "2032-02-29T15:00:00Z"),
            // Still 30 January in UTC.
            (1, "2026-01-30T15:00:00Z", "2026-02-28T15:00:00Z"),
        ];
        for (months, granted, lapses) in table {
            check("Asia/Seoul", Term::Months(months), granted, lapses);
        }
    }

    #[test]
    fn periods_end_with_their_last_day() {
        let table = [
            (
                Period::Month,
                0,
                "2026-02-10T00:00:00Z",
                "2026-02-28T15:00:00Z",
            ),
            (
                Period::Month,
                0,
                "2026-02-28T14:59:59.999999Z",
                "2026-02-28T15:00:00Z",
            ),
            (
                Period::Month,
                0,
                "2026-02-28T15:00:00Z",
                "2026-03-31T15:00:00Z",
            ),
            (
                Period::Month,
                1,
                "2026-01-31T00:00:00Z",
                "2026-02-28T15:00:00Z",
            ),
            (
                Period::Month,
                12,
                "2027-02-10T00:00:00Z",
                "2028-02-29T15:00:00Z",
            ),
            (
                Period::Quarter,
                0,
                "2026-01-01T00:00:00Z",
                "2026-03-31T15:00:00Z",
            ),
            (
                Period::Quarter,
                0,
                "2026-12-31T14:00:00Z",
                "2026-12-31T15:00:00Z",
            ),
            (
                Period::Quarter,
                1,
                "2026-11-30T00:00:00Z",
                "2027-03-31T15:00:00Z",
            ),
            (
                Period::Year,
                0,
                "2026-06-15T00:00:00Z",
                "2026-12-31T15:00:00Z",
            ),
            (
                Period::Year,
                2,
                "2026-06-15T00:00:00Z",
                "2028-12-31T15:00:00Z",
            ),
        ];
        for (period, plus, granted, lapses) in table {
            check("Asia/Seoul", Term::EndOf(period, plus), granted, lapses);
        }
    }

    #[test]
    fn days_are_as_long_as_the_zone_has_them() {
        let table = [
            // Clocks go forward on 8 March 2026 and back on 1 November 2026.
            (
                Term::Days(0),
                "2026-03-07T12:00:00Z",
                "2026-03-08T05:00:00Z",
            ),
            (
                Term::Days(1),
                "2026-03-07T12:00:00Z",
                "2026-03-09T04:00:00Z",
            ),
            (
                Term::Months(1),
                "2026-10-01T12:00:00Z",
                "2026-11-02T05:00:00Z",
            ),
            (
                Term::EndOf(Period::Month, 0),
                "2026-10-31T12:00:00Z",
                "2026-11-01T04:00:00Z",
            ),
        ];
        for (term, granted, lapses) in table {
            check("America/New_York", term, granted, lapses);
        }
        // A zone whose clocks go forward at midnight: the day begins an hour later.
        let term = Term::Days(0);
        check(
            "America/Santiago",
            term,
            "2026-09-05T12:00:00Z",
            "2026-09-06T04:00:00Z",
        );
    }

    #[test]
    fn a_term_beyond_the_calendar_ends_with_it() {
        for term in [
            Term::Days(u32::MAX),
            Term::Months(u32::MAX),
            Term::EndOf(Period::Year, u32::MAX),
        ] {
            assert_eq!(term.last_day(Day::new(2026, 1, 1).unwrap()), Day::MAX);
        }
    }

    #[test]
    fn what_is_no_term_needs_no_zone() {
        let zone = Zone::default();
        assert_eq!(Expiry::Never.instant(Timestamp(5), &zone), None);
        let instant = Some(Timestamp(3));
        assert_eq!(Expiry::from(instant).instant(Timestamp(5), &zone), instant);
    }
}
