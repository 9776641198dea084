//! What a record that closes a day says of it.

use super::{Behind, Daily, quiet};
use crate::domain::{Day, DayFlow};

// === impl Daily ===

impl Daily {
    /// The next day to be closed by a record: behind the last one, or the first one that has entries.
    pub(crate) fn next_to_close(&self) -> Result<Option<Day>, Behind> {
        let book = self.shared.ready()?;
        let open = &book.open;
        Ok(match (open.closed_day, book.parts.first()) {
            (Some(closed), _) => Some(closed.next()),
            (None, Some(part)) => Some(part.day()),
            (None, None) => (open.sum.entries > 0).then_some(open.day.max(book.first_day)),
        })
    }

    /// A day summed up: LSN of its last entry or else of the last one before it, wallets with entries, sums of all.
    pub(crate) fn summed(&self, day: Day) -> Result<(u64, u64, DayFlow), Behind> {
        let book = self.shared.ready()?;
        let open = &book.open;
        if open.day <= day {
            let flows = open.day == day;
            let sum = if flows { open.sum } else { quiet(&open.sum) };
            return Ok((open.span.to, if flows { open.wallets() } else { 0 }, sum));
        }
        let part = book.parts.iter().rev().find(|part| part.day() <= day);
        Ok(match part {
            Some(part) if part.day() == day => (part.span().to, part.wallets(), part.sum()),
            Some(part) => (part.span().to, 0, quiet(&part.sum())),
            None => (book.begins_above, 0, DayFlow::opening_with(book.opening())),
        })
    }
}
