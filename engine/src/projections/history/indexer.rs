//! The thread behind the index: it sorts what was folded, writes it, merges runs, and reads again from the log what
//! is missing.
//!
//! ```text
//! loose ── sort ──► sorted ── 256 Ki entries ──► file ── 8 of a size ──► file
//! log ── a run missing, damaged, or lost in a kill ──► sorted ──► file
//! ```
//! Nobody waits for it but readers of a history that is not whole.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Shared;
use super::entry::Leg;
use super::merge::{self, MergeError, RUN_ENTRIES};
use super::part::Part;
use super::run::Run;
use super::run_writer::RunWriter;
use crate::journal::ActReader;
use crate::projections::reread::{Reread, Span, StepError, Stop, reread};

/// How long the disk is left alone after it failed.
const RETRY: Duration = Duration::from_secs(1);

/// Acts between two looks at what else is to be done while the log is read.
const ACTS_A_TURN: u64 = 16 * 1024;

/// Entries read from the log, a run at a time.
struct Refill<'a> {
    shared: &'a Shared,
    legs: Vec<Leg>,
    span: Span,
    acts: u64,
}

// === impl Shared ===

impl Shared {
    /// The thread.
    pub(super) fn run(&self, reader: &ActReader) {
        if let Err(error) = self.load(reader) {
            tracing::error!(%error, "history index cannot be opened");
        }
        let mut retry_at = None;
        while self.rest(retry_at) {
            retry_at = match self.step(false) {
                Ok(()) => None,
                Err(StepError::Damaged(damaged)) => {
                    self.distrust(&damaged);
                    None
                }
                Err(StepError::Stopped) => continue,
                Err(error) => {
                    self.fail(&error);
                    Some(Instant::now() + RETRY)
                }
            };
        }
        if self.stopping() == Stop::Flushed
            && let Err(error) = self.step(true)
        {
            tracing::warn!(%error, "history index is not up to date; the next start reads the rest from the log");
        }
    }

    /// Waits until there is something to do; false when the thread is to end.
    fn rest(&self, retry_at: Option<Instant>) -> bool {
        let mut tail = self.tail.lock();
        loop {
            if self.stopping() != Stop::No {
                return false;
            }
            match retry_at {
                Some(at) if Instant::now() >= at => return true,
                Some(at) => {
                    self.wake.wait_until(&mut tail, at);
                }
                None => {
                    let loose = matches!(tail.parts().last(), Some(Part::Loose(..)));
                    if loose || tail.gap().is_some() {
                        return true;
                    }
                    self.wake.wait(&mut tail);
                }
            }
        }
    }

    /// Everything there is to do now. With `flush`, what is in memory is written whatever its size.
    pub(super) fn step(&self, flush: bool) -> Result<(), StepError> {
        if flush {
            self.tail.lock().close_open();
        }
        self.sort();
        while let Some(gap) = self.gap() {
            self.refill(gap)?;
        }
        self.write(flush)?;
        self.merge(flush)
    }

    fn gap(&self) -> Option<Span> {
        self.tail.lock().gap()
    }

    /// Sorts what is loose, together with sorted parts that are not much larger: each entry is sorted a few times
    /// and there are never many sorted parts.
    fn sort(&self) {
        let parts = Arc::clone(self.tail.lock().parts());
        let (mut start, mut entries) = (parts.len(), 0);
        for (at, part) in parts.iter().enumerate().rev() {
            let joins = at + 1 == parts.len() || parts[at + 1].span().above == part.span().to;
            match part {
                Part::Loose(_, legs) if joins => entries += legs.len(),
                Part::Sorted(_, legs) if joins && legs.len() <= 2 * entries => {
                    entries += legs.len()
                }
                Part::Loose(..) | Part::Sorted(..) | Part::File(_) => break,
            }
            start = at;
        }
        let group = &parts[start..];
        if group.iter().any(|part| matches!(part, Part::Loose(..))) {
            let (span, legs) = sorted(group, entries);
            self.tail.lock().replace(Part::Sorted(span, Arc::new(legs)));
        }
    }

    /// Writes what is in memory and need not stay there.
    fn write(&self, flush: bool) -> Result<(), StepError> {
        loop {
            let parts = Arc::clone(self.tail.lock().parts());
            let Some(range) = ripe(&parts, flush) else {
                return Ok(());
            };
            let legs = parts[range.clone()].iter().filter_map(Part::legs);
            let (span, legs) = sorted(&parts[range.clone()], legs.map(|legs| legs.len()).sum());
            self.write_run(span, &legs)?;
        }
    }

    fn write_run(&self, span: Span, legs: &[Leg]) -> Result<(), StepError> {
        let count = u32::try_from(legs.len()).unwrap_or(u32::MAX);
        let mut writer = RunWriter::begin(&*self.storage, self.store_id()?, span, count)?;
        for leg in legs {
            writer.put(leg.wallet, leg.entry)?;
            writer.sync_if_due()?;
        }
        let name = writer.finish()?;
        let run = Run::open(&*self.storage, &name)?;
        self.tail.lock().replace(Part::File(Arc::new(run)));
        Ok(())
    }

    /// Merges runs as long as that is due.
    fn merge(&self, flush: bool) -> Result<(), StepError> {
        loop {
            let parts = Arc::clone(self.tail.lock().parts());
            let Some(range) = merge::due(&parts).filter(|_| !flush) else {
                return Ok(());
            };
            let runs: Vec<&Run> = parts[range].iter().filter_map(Part::run).collect();
            let merged = merge::merge(&*self.storage, self.store_id()?, &runs, || self.turn());
            let name = merged.map_err(|error| match error {
                MergeError::Io(error) => StepError::Io(error),
                MergeError::Damaged(damaged) => StepError::Damaged(damaged),
                MergeError::Stopped => StepError::Stopped,
            })?;
            let run = Run::open(&*self.storage, &name)?;
            self.tail.lock().replace(Part::File(Arc::new(run)));
            for run in runs {
                // One that stays is inside the new one, and the next start removes it.
                drop(self.storage.remove(&run.name));
            }
        }
    }

    /// In the middle of something long: keeps what is loose short. False when the thread is to end.
    fn turn(&self) -> bool {
        self.sort();
        self.stopping() == Stop::No
    }

    /// Reads again from the log what no part covers.
    fn refill(&self, gap: Span) -> Result<(), StepError> {
        let begun = Instant::now();
        let mut refill = Refill {
            shared: self,
            legs: Vec::new(),
            span: Span {
                above: gap.above,
                to: gap.above,
            },
            acts: 0,
        };
        reread(&self.log, gap, |act| refill.act(&act))?;
        refill.span.to = gap.to;
        refill.close();
        self.count_refilled(refill.acts);
        let (acts, seconds) = (refill.acts, begun.elapsed().as_secs_f64());
        let (above, to) = (gap.above, gap.to);
        tracing::info!(acts, above, to, seconds, "history index read from the log");
        Ok(())
    }
}

// === impl Refill ===

impl Refill<'_> {
    fn act(&mut self, act: &Reread<'_>) -> Result<(), StepError> {
        self.span.to = act.last_lsn;
        self.acts += 1;
        if let Some(event) = act.event {
            Leg::of(act.lsn, act.at_us, event, |leg| self.legs.push(leg));
        }
        if self.legs.len() >= RUN_ENTRIES {
            self.close();
            self.shared.write(false)?;
        }
        if self.acts.is_multiple_of(ACTS_A_TURN) && !self.shared.turn() {
            return Err(StepError::Stopped);
        }
        Ok(())
    }

    /// Makes a part of what was read.
    fn close(&mut self) {
        let mut legs = std::mem::take(&mut self.legs);
        legs.sort_by_key(|leg| leg.wallet);
        let part = Part::Sorted(self.span, Arc::new(legs));
        self.shared.tail.lock().replace(part);
        self.span.above = self.span.to;
    }
}

/// Neighbours in memory that should be on disk: enough of them, or something on disk or missing lies behind them.
fn ripe(parts: &[Part], flush: bool) -> Option<Range<usize>> {
    let mut start = 0;
    while start < parts.len() {
        let (mut end, mut entries) = (start, 0);
        while let Some(legs) = parts.get(end).and_then(Part::legs) {
            if end > start && parts[end - 1].span().to != parts[end].span().above {
                break;
            }
            entries += legs.len();
            end += 1;
        }
        let last = end == parts.len();
        if end > start && (flush || !last || entries >= RUN_ENTRIES) {
            return Some(start..end);
        }
        start = end.max(start + 1);
    }
    None
}

/// The entries of neighbours by wallet, each wallet's in their order.
fn sorted(group: &[Part], entries: usize) -> (Span, Vec<Leg>) {
    let (Some(first), Some(last)) = (group.first(), group.last()) else {
        unreachable!("there is something to sort");
    };
    let span = Span {
        above: first.span().above,
        to: last.span().to,
    };
    let mut legs = Vec::with_capacity(entries);
    group
        .iter()
        .filter_map(Part::legs)
        .for_each(|part| legs.extend_from_slice(part));
    // Stable, and quick on what is sorted in pieces already.
    legs.sort_by_key(|leg| leg.wallet);
    (span, legs)
}
