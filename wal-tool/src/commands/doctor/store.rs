//! The store in a directory: whether its files fit together, and whether the clock agrees with its log.

use std::path::Path;

use engine::domain::Timestamp;
use engine::journal::{Class, LogReader, Problem};

use super::CheckRow;
use crate::exit::Stop;
use crate::instant::{now, rfc3339};

/// 2024-01-01: no machine that runs this is older, so a clock before it was never set.
const CLOCK_US_MIN: i64 = 1_704_067_200_000_000;

/// Clocks of two machines may differ by this much without anybody minding.
const CLOCK_AHEAD_US_MAX: i64 = 2_000_000;

/// Everything about the store, from headers and the newest segment.
pub(super) fn check(dir: &Path) -> Result<Vec<CheckRow>, Stop> {
    let reader = LogReader::open(dir)?;
    let catalog = reader.catalog();
    if catalog.segments.is_empty() && catalog.meta.is_none() {
        let none = CheckRow::good("store", "none yet: the first start makes one".to_owned());
        return Ok(vec![clock(None), none]);
    }
    let tail = reader.tail()?;
    let last = tail.as_ref().map(|tail| tail.link.time_us);
    let mut rows = vec![clock(last.filter(|last| *last > 0).map(Timestamp))];
    rows.push(match reader.holder() {
        Some(holder) => CheckRow::good("in use", format!("yes ({holder})")),
        None => CheckRow::good("in use", "no".to_owned()),
    });
    let problems = catalog.problems();
    let of_meta = |problem: &&Problem| problem.class == Class::Meta;
    let sound = catalog.meta.as_ref().map_or(0, |meta| {
        meta.copies.iter().filter(|copy| copy.is_ok()).count()
    });
    rows.push(match problems.iter().find(of_meta) {
        Some(problem) => CheckRow::bad("meta", problem.class, problem.to_string()),
        None => CheckRow::good("meta", format!("{sound} copies sound")),
    });
    let others = problems.iter().filter(|problem| !of_meta(problem));
    let worst = others.max_by_key(|problem| problem.class.severity());
    rows.push(match worst {
        Some(problem) => CheckRow::bad("segments", problem.class, problem.to_string()),
        None => {
            let count = catalog.segments.len();
            CheckRow::good("segments", format!("{count}, headers and chain sound"))
        }
    });
    if let Some(tail) = &tail {
        let says = tail.verdict.to_string();
        rows.push(match tail.blocking() {
            Some(problem) => CheckRow::bad("tail", problem.class, says),
            None if tail.warnings.is_empty() => CheckRow::good("tail", says),
            None => CheckRow::warn("tail", format!("{says}; {}", tail.warnings.join("; "))),
        });
    }
    if !catalog.unknown.is_empty() {
        let names = catalog.unknown.join(", ");
        rows.push(CheckRow::warn(
            "files",
            format!("not of the store: {names}"),
        ));
    }
    Ok(rows)
}

/// The log's time never runs backwards: a clock behind it makes every act bear the same instant until it has caught up.
fn clock(last: Option<Timestamp>) -> CheckRow {
    let now = now();
    let says = format!("now {}", rfc3339(now));
    let Some(last) = last else {
        return match now.0 < CLOCK_US_MIN {
            true => CheckRow::warn("clock", format!("{says}: not set")),
            false => CheckRow::good("clock", says),
        };
    };
    let says = format!("{says}, last act {}", rfc3339(last));
    if now.0 < CLOCK_US_MIN {
        CheckRow::warn("clock", format!("{says}: not set"))
    } else if last.0 > now.0 + CLOCK_AHEAD_US_MAX {
        let ahead = (last.0 - now.0) / 1_000_000;
        CheckRow::warn(
            "clock",
            format!(
                "{says}: behind the log by {ahead} s; acts bear the log's time until it catches up"
            ),
        )
    } else {
        CheckRow::good("clock", says)
    }
}
