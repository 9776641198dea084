//! The thread behind the daily report: it folds what was handed over, writes days that are over, and reads again from
//! the log what is missing.
//!
//! ```text
//! queue ── fold ──► open day ── a later entry ──► day in memory ──► day on disk
//! log ── a day missing or damaged, or entries lost in a kill ──► the same
//! ```
//! Nobody waits for it but readers of a report that is not whole.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Shared;
use super::book::{Book, Closed, Folder, Gap, Part};
use super::file::DayFile;
use super::layout::is_day_name;
use super::leg::{DayLeg, Turn};
use super::origin::Origin;
use crate::domain::{Points, Zone};
use crate::journal::{ActReader, LogReader, Lsn};
use crate::projections::blocks::{Damaged, TMP};
use crate::projections::reread::{Reread, Span, StepError, Stop, reread};

/// How long the disk is left alone after it failed.
const RETRY: Duration = Duration::from_secs(1);

/// What is durable can be read from the log as soon as the next record attests it.
const ATTEST_WAIT: Duration = Duration::from_millis(20);

/// Acts between two looks at whether to stop while the log is read.
const ACTS_A_TURN: u64 = 16 * 1024;

/// LSNs after which the running day is written too: what has to be read again after a kill is read in some seconds.
const CHECKPOINT_LSNS: u64 = 8 * 1024 * 1024;

// === impl Shared ===

impl Shared {
    /// The thread.
    pub(super) fn run(&self, reader: &ActReader) {
        if let Err(error) = self.load(reader) {
            tracing::error!(%error, "daily report cannot be opened");
        }
        let mut retry_at = None;
        while self.rest(retry_at) {
            retry_at = match self.step() {
                Ok(wait) => wait.map(|wait| Instant::now() + wait),
                Err(StepError::Damaged(damaged)) => {
                    self.distrust(&damaged);
                    None
                }
                Err(StepError::Stopped) => None,
                Err(error) => {
                    self.fail(&error);
                    Some(Instant::now() + RETRY)
                }
            };
        }
        if self.stopping() == Stop::Flushed
            && let Err(error) = self.flush()
        {
            tracing::warn!(%error, "daily report is not up to date; the next start reads the rest from the log");
        }
    }

    /// Waits until there is something to do; false when the thread is to end.
    fn rest(&self, retry_at: Option<Instant>) -> bool {
        let mut queue = self.queue.lock();
        loop {
            if self.stopping() != Stop::No {
                return false;
            }
            match retry_at {
                Some(at) if Instant::now() >= at => break,
                Some(at) => {
                    self.wake.wait_until(&mut queue, at);
                }
                None if queue.is_full() => break,
                None => self.wake.wait(&mut queue),
            }
        }
        queue.work = false;
        true
    }

    /// Everything there is to do now; gives how long to wait before the rest of it.
    pub(super) fn step(&self) -> Result<Option<Duration>, StepError> {
        while !self.fold() {
            if !self.catch_up()? {
                return Ok(Some(ATTEST_WAIT));
            }
        }
        loop {
            let gap = self.book.lock().gap();
            let Some(gap) = gap else { break };
            self.rebuild(gap)?;
        }
        self.settled.notify_waiters();
        self.write()?;
        let due = {
            let book = self.book.lock();
            book.folded >= self.written() + CHECKPOINT_LSNS
        };
        if due {
            self.checkpoint()?;
        }
        Ok(None)
    }

    /// Brings everything to disk.
    pub(super) fn flush(&self) -> Result<(), StepError> {
        if self.fold() {
            self.write()?;
            self.checkpoint()?;
        }
        Ok(())
    }

    /// Writes the days that are over.
    fn write(&self) -> Result<(), StepError> {
        loop {
            let unwritten = self.book.lock().unwritten();
            let Some(closed) = unwritten else {
                return Ok(());
            };
            let file = self.write_day(&closed)?;
            self.book.lock().put(Part::File(Arc::new(file)));
        }
    }

    /// Writes the running day as it stands; a start goes on from there.
    fn checkpoint(&self) -> Result<(), StepError> {
        let closed = self.book.lock().running().and_then(Folder::closed);
        if let Some(closed) = closed {
            self.write_day(&closed)?;
        }
        Ok(())
    }

    fn write_day(&self, closed: &Closed) -> Result<DayFile, StepError> {
        let file = DayFile::write(&*self.storage, self.store_id()?, closed)?;
        self.set_written(closed.span.to);
        Ok(file)
    }

    /// Folds from the log what was never handed over, or dropped. False when the log does not show all of it yet.
    fn catch_up(&self) -> Result<bool, StepError> {
        if self.book.lock().unfounded {
            self.found()?;
        }
        let to = self.queue.lock().above;
        let (mut folder, mut span) = {
            let mut book = self.book.lock();
            // Until it is back nobody else folds, and no reader takes the days for whole.
            book.loaded = false;
            let above = book.folded;
            let place = Folder::starting_above(&Zone::default(), above, Points::ZERO);
            (std::mem::replace(&mut book.open, place), Span { above, to })
        };
        let begun = Instant::now();
        let (above, mut acts) = (span.above, 0);
        let read = reread(&self.log, span, |act| {
            self.take(&mut folder, &act, &mut acts)?;
            span.above = act.last_lsn;
            Ok(())
        });
        let mut book = self.book.lock();
        book.open = folder;
        book.folded = span.above;
        book.take_ended();
        book.loaded = true;
        drop(book);
        self.count_refilled(acts);
        read?;
        let seconds = begun.elapsed().as_secs_f64();
        tracing::info!(acts, above, to, seconds, "daily report read from the log");
        Ok(span.above >= to)
    }

    /// Finds out where days begin that have nothing to go on from.
    fn found(&self) -> Result<(), StepError> {
        let begins_above = self.begin_above()?;
        let origin = Origin::find(&self.log, begins_above, &self.known)?;
        let mut book = self.book.lock();
        book.open = Folder::starting_above(&origin.zone, origin.above, origin.held);
        book.open.closed_day = origin.closed;
        (book.folded, book.begins_above) = (origin.above, origin.above);
        book.first_day = origin.day;
        book.unfounded = false;
        drop(book);
        let (above, day) = (origin.above, origin.day);
        tracing::warn!(above, %day, "the daily report begins anew; what was before has been deleted");
        Ok(())
    }

    /// Begins without any files.
    pub(super) fn begin_at_the_log(&self) -> Result<(), StepError> {
        let above = self.begin_above()?;
        let mut book = self.book.lock();
        book.unfounded = above > 0;
        book.loaded = !book.unfounded;
        Ok(())
    }

    /// The log may begin later by now.
    fn begin_above(&self) -> Result<u64, StepError> {
        let reader = LogReader::of(Arc::clone(&self.log))?;
        let begins = reader.catalog().begins_later();
        let above = begins.map_or(0, |begins| begins.0.saturating_sub(1));
        self.book.lock().begin_above(above);
        Ok(above)
    }

    /// Makes days again that are missing between others.
    fn rebuild(&self, gap: Gap) -> Result<(), StepError> {
        let span = gap.span;
        if self.begin_above()? > span.above {
            // Their part of the log was deleted: nobody can ask for them any more.
            tracing::error!(
                above = span.above,
                to = span.to,
                "days of the report are lost"
            );
            self.failures.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        let mut folder = Folder::starting_above(&gap.zone, span.above, gap.held);
        folder.closed_day = gap.closed;
        let mut acts = 0;
        reread(&self.log, span, |act| {
            self.take(&mut folder, &act, &mut acts)
        })?;
        self.count_refilled(acts);
        folder.end_day();
        let mut book = self.book.lock();
        for closed in folder.ended {
            book.put(Part::Memory(closed));
        }
        let (above, to) = (span.above, span.to);
        tracing::info!(acts, above, to, "days of the report read from the log");
        Ok(())
    }

    fn take(&self, folder: &mut Folder, act: &Reread<'_>, acts: &mut u64) -> Result<(), StepError> {
        if let Some(event) = act.event {
            if let Some(turn) = Turn::of(event) {
                folder.turn(turn);
            }
            DayLeg::of(act.lsn, act.at_us, event, |leg| folder.fold(&leg));
        }
        *acts += 1;
        if acts.is_multiple_of(ACTS_A_TURN) && self.stopping() != Stop::No {
            return Err(StepError::Stopped);
        }
        Ok(())
    }

    // === the folder, opened ===

    /// Takes over what lies in the folder, as far as it can be trusted.
    fn load(&self, reader: &ActReader) -> io::Result<()> {
        let mut files = Vec::new();
        let found = self.storage.list();
        for entry in found
            .iter()
            .flatten()
            .filter(|entry| is_day_name(&entry.name))
        {
            match self.trusted(&entry.name, reader) {
                Ok(file) => files.push(file),
                Err(why) => {
                    if !entry.name.ends_with(TMP) {
                        tracing::warn!(file = entry.name, why, "daily report: a day is left out");
                    }
                    self.storage.remove(&entry.name)?;
                }
            }
        }
        let mut book = self.assemble(files);
        let begins_above = reader.first().0.saturating_sub(1);
        if book.folded < begins_above {
            book.parts.clear();
            book.unfounded = true;
        }
        book.begin_above(begins_above);
        book.loaded = !book.unfounded;
        *self.book.lock() = book;
        found.map(drop)
    }

    /// A book of days that follow one another; the last one goes on.
    fn assemble(&self, mut files: Vec<DayFile>) -> Book {
        files.sort_by_key(|file| file.header.day);
        let mut book = Book::new();
        let mut to = 0;
        files.retain(|file| {
            let follows = file.header.span.above >= to;
            to = to.max(file.header.span.to);
            follows
        });
        while let Some(last) = files.pop() {
            match self.resume(&last) {
                Ok(folder) => {
                    book.folded = folder.span.to;
                    self.set_written(folder.span.to);
                    book.open = folder;
                    break;
                }
                Err(damaged) => tracing::warn!(%damaged, "daily report: a day is left out"),
            }
        }
        let parts = files.into_iter().map(|file| Part::File(Arc::new(file)));
        book.parts = parts.collect();
        book
    }

    /// The newest day: it may not be over yet.
    fn resume(&self, file: &DayFile) -> Result<Folder, Damaged> {
        let header = &file.header;
        let closed = Closed {
            day: header.day,
            span: header.span,
            last_at_us: header.last_at_us,
            sum: header.sum,
            closed: header.closed,
            zone: header.zone.clone(),
            rows: file.rows_from(&*self.storage, 0, usize::MAX)?,
        };
        Ok(Folder::resume(closed))
    }

    /// A day of this very log, or why it is none.
    fn trusted(&self, name: &str, reader: &ActReader) -> Result<DayFile, String> {
        if name.ends_with(TMP) {
            return Err("it was not finished".to_owned());
        }
        let file = DayFile::find(&*self.storage, name);
        let file = file.map_err(|damaged| damaged.to_string())?;
        let header = &file.header;
        if self.store_id().ok() != Some(header.store_id) {
            return Err("it belongs to another store".to_owned());
        }
        if header.span.to > self.opened_at {
            return Err("it is ahead of the log".to_owned());
        }
        // Of a day whose part of the log was deleted there is nothing else left.
        let is_gone = header.span.to < reader.first().0;
        let last = reader.with_act(Lsn(header.span.to), |act| act.time_us);
        if !is_gone && last.ok().flatten() != Some(header.last_at_us) {
            return Err("its last entry is not in the log".to_owned());
        }
        Ok(file)
    }
}
