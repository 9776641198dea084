//! Following a log that grows: each poll hands out what has been attested since, across rolls and restarts.

use super::error::JournalError;
use super::log_reader::{ActItem, LogReader, Range};
use super::place::Lsn;
use std::ops::ControlFlow;

/// A place in a growing log.
pub struct Follow {
    reader: LogReader,
    next: Lsn,
    /// Where the log ended at the last look.
    end: Option<u64>,
}

impl Follow {
    /// Starts behind `after`.
    pub fn new(reader: LogReader, after: Lsn) -> Self {
        Self {
            reader,
            next: Lsn(after.0 + 1),
            end: None,
        }
    }

    /// The first LSN that has not been handed out.
    pub fn next_lsn(&self) -> Lsn {
        self.next
    }

    /// Hands out acts attested since the last poll; returns how many. What no later record attests yet is left for
    /// the next poll, also when no server runs: only a start decides it.
    pub fn poll(
        &mut self,
        mut look: impl FnMut(ActItem<'_>) -> ControlFlow<()>,
    ) -> Result<u64, JournalError> {
        if let Some(end) = self.end
            && !self.reader.has_grown(end)?
        {
            return Ok(0);
        }
        self.reader.refresh()?;
        let Some(tail) = self.reader.tail()? else {
            return Ok(0);
        };
        self.end = Some(tail.end);
        if tail.attested < self.next {
            return Ok(0);
        }
        let range = Range {
            from: self.next,
            to: tail.attested,
            ..Range::default()
        };
        let (mut count, mut next) = (0, self.next);
        self.reader.each_act(range, |item| {
            if let ActItem::Act(act) = &item {
                count += 1;
                next = Lsn(act.last_lsn.0 + 1);
            }
            look(item)
        })?;
        self.next = next;
        Ok(count)
    }
}
