//! The writer: one thread that turns groups into durable bytes.
//!
//! ```text
//! take the next group ─► (roll) ─► stamp headers ─► one write ─► one sync ─► durable ─► publish
//! ```
//!
//! Only one unsynced group is ever in flight. Any failed write or sync ends the journal for good: the kernel marks the
//! pages clean after a failed sync, and a second one would lie.

use super::buffer::PageBuffer;
use super::error::JournalError;
use super::frame::stamp_group;
use super::group::{Front, Group};
use super::index::{Checkpoint, LogIndex};
use super::lane::Lane;
use super::ledger::Ledger;
use super::metrics::JournalMetrics;
use super::options::{Entropy, OnPoison, SyncMode};
use super::place::Lsn;
use super::segment::{SegmentHeader, paged};
use super::shelf::Shelf;
use super::storage::{Storage, StorageFile};
use super::store_meta::StoreMeta;
use super::walk::Link;
use crate::clock::Clock;
use parking_lot::{Condvar, Mutex};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// While closing, how often the writer looks whether the last promise has been used.
const CLOSE_POLL: Duration = Duration::from_millis(1);

/// How long the writer looks out for the next act before it sleeps, if the last one came as soon as that. A caller that
/// waits for each answer comes back within some 60 µs, and waking a sleeping thread would cost it half as much again.
const LOOK_OUT: Duration = Duration::from_micros(100);

/// What appenders, readers and the writer share.
pub(crate) struct Core<T> {
    pub(crate) front: Mutex<Front<T>>,
    /// The writer sleeps here when there is nothing to do.
    pub(crate) wake: Condvar,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) index: Arc<LogIndex>,
    pub(crate) metrics: Arc<JournalMetrics>,
    /// End in order, with CLOSE.
    pub(crate) closing: AtomicBool,
    /// Nobody holds the journal any more: end without CLOSE.
    pub(crate) abandoned: AtomicBool,
}

/// The segment in use.
pub(crate) struct Active {
    pub(crate) header: SegmentHeader,
    pub(crate) name: String,
    /// Where groups are written.
    pub(crate) file: Arc<dyn StorageFile>,
    /// Where unused space is given back later: not opened past the page cache.
    pub(crate) plain: Arc<dyn StorageFile>,
    /// End of the last written group.
    pub(crate) end: u64,
}

pub(crate) struct Writer<T: Send + 'static> {
    pub(crate) core: Arc<Core<T>>,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) lane: Lane<T>,
    pub(crate) active: Active,
    pub(crate) meta: Arc<StoreMeta>,
    pub(crate) link: Link,
    /// The last group has neither a successor nor a MARK.
    pub(crate) unattested: bool,
    pub(crate) sync: SyncMode,
    pub(crate) mark_after: Duration,
    pub(crate) entropy: Entropy,
    pub(crate) on_poison: OnPoison,
    pub(crate) page: PageBuffer,
    /// The last pause between two groups was short enough to be looked out for.
    pub(crate) is_brisk: bool,
}

/// What one turn of the writer came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    Worked,
    Idle,
}

impl<T: Send + 'static> Writer<T> {
    /// The writer's thread.
    pub(crate) fn run(mut self) -> Result<(), JournalError> {
        loop {
            match self.turn() {
                Ok(Turn::Worked) => {}
                Ok(Turn::Idle) if self.core.abandoned.load(SeqCst) => return Ok(()),
                Ok(Turn::Idle)
                    if self.core.closing.load(SeqCst) && !self.core.ledger.has_promises() =>
                {
                    return self.close();
                }
                Ok(Turn::Idle) => {
                    if self.pause()
                        && let Err(error) = self.mark()
                    {
                        return Err(self.poison(error));
                    }
                }
                Err(error) => return Err(self.poison(error)),
            }
            if self.core.ledger.is_poisoned() {
                return Err(self.poison(io::Error::other("the filler met a failing disk")));
            }
        }
    }

    /// Writes the next group, when there is one.
    pub(crate) fn turn(&mut self) -> io::Result<Turn> {
        let Some(mut group) = self.core.front.lock().take() else {
            return Ok(Turn::Idle);
        };
        match self.commit(&mut group) {
            Ok(()) => self.deliver(group),
            Err(error) => {
                // Its tickets fail together with all that wait behind it.
                self.core.front.lock().closed.push_front(group);
                return Err(error);
            }
        }
        Ok(Turn::Worked)
    }

    fn commit(&mut self, group: &mut Group<T>) -> io::Result<()> {
        if group.segment != self.active.header.seq {
            self.roll(group.segment)?;
        }
        let started = Instant::now();
        self.write(group)?;
        self.count(group, started.elapsed());
        Ok(())
    }

    /// Stamps, writes and syncs one group.
    fn write(&mut self, group: &mut Group<T>) -> io::Result<()> {
        let end = usize::try_from(paged(group.used as u64)).unwrap_or(usize::MAX);
        group.buffer[group.used..end].fill(0);
        let seed = self.active.header.seed();
        let durable = self.core.index.durable();
        let crc = stamp_group(
            &mut group.buffer[..group.used],
            group.records,
            durable,
            self.link.crc,
            seed,
        );
        self.active
            .file
            .write_at(&group.buffer[..end], group.offset)?;
        self.sync_group()?;
        self.link = Link {
            lsn: group.last_lsn,
            crc,
            time_us: 0,
        };
        self.active.end = group.end();
        self.unattested = true;
        Ok(())
    }

    pub(super) fn sync_group(&self) -> io::Result<()> {
        match self.sync {
            SyncMode::Fdatasync => self.active.file.sync_data(),
            SyncMode::Direct => Ok(()),
        }
    }

    fn count(&self, group: &Group<T>, took: Duration) {
        let metrics = &self.core.metrics;
        metrics.groups.fetch_add(1, Relaxed);
        metrics.records.fetch_add(u64::from(group.records), Relaxed);
        metrics.record_bytes.fetch_add(group.used as u64, Relaxed);
        metrics
            .padding_bytes
            .fetch_add(paged(group.used as u64) - group.used as u64, Relaxed);
        metrics.group_records.add(u64::from(group.records));
        metrics
            .sync_us
            .add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        metrics.appended_lsn.fetch_max(group.last_lsn, Relaxed);
        metrics.durable_lsn.store(group.last_lsn, Relaxed);
    }

    /// Makes a synced group visible and hands its tickets on.
    fn deliver(&mut self, mut group: Group<T>) {
        if let Some(segment) = self.core.index.holding(group.last_lsn) {
            let base = group.offset;
            segment.add(group.checkpoints.iter().map(|(lsn, within)| Checkpoint {
                lsn: *lsn,
                offset: u32::try_from(base).unwrap_or(u32::MAX) + within,
            }));
        }
        let durable = group.last_lsn;
        let mut tickets = std::mem::replace(&mut group.tickets, self.lane.spare());
        {
            let mut front = self.core.front.lock();
            // Under the mutex, so that nobody joins a flight that has landed.
            self.core.index.set_durable(durable);
            front.flight = None;
            tickets.append(&mut front.flight_waits);
            front.recycle(group);
        }
        if !tickets.is_empty() {
            self.lane.deliver(Lsn(durable), tickets);
        }
    }

    /// Waits until there is work. True when the log has been quiet for so long that it wants a MARK.
    fn pause(&mut self) -> bool {
        let begun = Instant::now();
        if self.is_brisk && self.look_out(begun) {
            return false;
        }
        let quiet = self.rest();
        self.is_brisk = begun.elapsed() < LOOK_OUT;
        quiet
    }

    /// Looks for work without sleeping, but lets any other thread go first. Whether there is some.
    fn look_out(&self, begun: Instant) -> bool {
        while begun.elapsed() < LOOK_OUT {
            if self
                .core
                .front
                .try_lock()
                .is_some_and(|front| front.has_work())
            {
                return true;
            }
            std::thread::yield_now();
        }
        false
    }

    /// Sleeps until there is work. True when the log has been quiet for so long that it wants a MARK.
    fn rest(&self) -> bool {
        let mut front = self.core.front.lock();
        let called = self.core.closing.load(SeqCst) || self.core.abandoned.load(SeqCst);
        if front.has_work() || self.core.ledger.is_poisoned() {
            return false;
        }
        front.writer_idle = true;
        let quiet = if called {
            let _ = self.core.wake.wait_for(&mut front, CLOSE_POLL);
            false
        } else if self.unattested {
            self.core
                .wake
                .wait_for(&mut front, self.mark_after)
                .timed_out()
        } else {
            self.core.wake.wait(&mut front);
            false
        };
        front.writer_idle = false;
        quiet && !front.has_work()
    }

    /// Fails everything that waits, now and until the last handle is gone.
    pub(crate) fn poison(&mut self, error: io::Error) -> JournalError {
        tracing::error!(file = self.active.name, %error, "write failed, journal stops");
        self.core.ledger.poison();
        self.fail_all();
        (self.on_poison)();
        loop {
            let mut front = self.core.front.lock();
            let over = self.core.abandoned.load(SeqCst) || self.core.closing.load(SeqCst);
            if !over && front.open.tickets.is_empty() && front.closed.is_empty() {
                front.writer_idle = true;
                self.core.wake.wait(&mut front);
                front.writer_idle = false;
            }
            drop(front);
            self.fail_all();
            if over {
                return JournalError::Poisoned;
            }
        }
    }

    pub(crate) fn fail_all(&self) {
        let tickets = self.core.front.lock().abandon();
        if !tickets.is_empty() {
            self.lane.fail(tickets);
        }
    }
}

impl<T> Core<T> {
    /// Wakes the writer, when it sleeps, for a reason other than a group.
    pub(crate) fn call_writer(&self) {
        let _front = self.front.lock();
        self.wake.notify_all();
    }
}
