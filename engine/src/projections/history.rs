//! Which entries a wallet has: an index on disk that follows the journal, and never anybody's truth.
//!
//! ```text
//! publisher ── entries ──► open ──► parts in memory ── thread ──► runs in index/
//! reader ◄── one wallet's slice of every part, end to end
//! log ── whatever is missing ──► parts
//! ```
//! An entry carries what filters ask for; rows are read back from the log. Losing the index costs time and
//! nothing else: it holds only what is durable in the log, and what it does not hold is read from there. Folding
//! never waits: neither for the disk nor for a reader.

mod directory;
mod entry;
mod indexer;
mod layout;
mod merge;
mod offline;
mod page;
mod part;
mod run;
mod run_writer;
mod tail;

use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use self::entry::Leg;
pub(crate) use self::entry::{Filter, Place};
pub use self::offline::{IndexError, IndexReport, rebuild_index, verify_index};
pub(crate) use self::page::{Ask, Page};
use self::part::Part;
use self::tail::Tail;
use crate::domain::Event;
use crate::journal::{ActReader, LogReader, Storage};
use crate::projections::blocks::Damaged;
use crate::projections::reread::{StepError, Stop};

/// Folder of the index in the directory of the log.
pub(crate) const INDEX_FOLDER: &str = "index";

/// The projection.
pub(crate) struct History {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the publisher, readers and the thread share.
struct Shared {
    tail: Mutex<Tail>,
    wake: Condvar,
    /// Told whenever the index may have become whole.
    settled: Notify,
    stop: AtomicU8,
    storage: Arc<dyn Storage>,
    log: Arc<dyn Storage>,
    store_id: OnceLock<u128>,
    /// Last LSN when the log was opened.
    opened_at: u64,
    refilled: AtomicU64,
    failures: AtomicU64,
}

/// Counters and gauges of the index.
#[derive(Clone, Copy, Default, Debug)]
pub struct HistoryMetrics {
    /// Up to this LSN everything is on disk.
    pub indexed_lsn: u64,
    /// Entries in memory.
    pub memory_entries: u64,
    /// Runs on disk.
    pub runs: u64,
    /// Entries on disk.
    pub entries: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Acts read from the log because the index did not have them.
    pub refilled_acts: u64,
    /// Steps that failed.
    pub failures: u64,
    /// Whether every entry can be found.
    pub whole: bool,
}

/// The index is not whole at the moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Behind;

// === impl History ===

impl History {
    /// An index that is to be opened: what the log held up to `opened_at` is looked for in `storage`, what is
    /// missing there is read from `log`, and what comes later is folded in.
    pub(crate) fn new(storage: Arc<dyn Storage>, log: Arc<dyn Storage>, opened_at: u64) -> Self {
        Self {
            shared: Arc::new(Shared::new(storage, log, opened_at)),
            thread: Mutex::new(None),
        }
    }

    /// Starts the thread, which first takes over what is on disk.
    pub(crate) fn start(&self, reader: ActReader) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name("history".to_owned());
        *self.thread.lock() = Some(thread.spawn(move || shared.run(&reader))?);
        Ok(())
    }

    /// Folds durable events in: their LSN, time and content, in LSN order. Everything up to `durable` has been handed
    /// in with them.
    pub(crate) fn apply<'a>(
        &self,
        durable: u64,
        events: impl Iterator<Item = (u64, i64, &'a Event)>,
    ) {
        let mut tail = self.shared.tail.lock();
        for (lsn, at_us, event) in events {
            Leg::of(lsn, at_us, event, |leg| tail.push(leg));
        }
        if tail.reach(durable) {
            self.shared.wake.notify_one();
        }
    }

    /// Resolves when every entry can be found.
    pub(crate) async fn whole(&self) {
        loop {
            let settled = self.shared.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            if self.shared.tail.lock().is_whole() {
                return;
            }
            settled.await;
        }
    }

    /// A page of a wallet's history, in a log that begins with LSN `begins`: the index may remember what was before.
    pub(crate) fn page(&self, ask: &Ask, begins: u64) -> Result<Page, Behind> {
        let view = self.shared.tail.lock().view(ask.wallet).ok_or(Behind)?;
        view.page(ask, begins)
            .map_err(|damaged| self.damaged(&damaged))
    }

    /// All entries of a wallet up to an LSN and an instant, oldest first.
    pub(crate) fn until(
        &self,
        wallet: u64,
        lsn: u64,
        at_us: i64,
        each: impl FnMut(Place) -> ControlFlow<()>,
    ) -> Result<(), Behind> {
        let view = self.shared.tail.lock().view(wallet).ok_or(Behind)?;
        let to = Place::new(lsn, u8::MAX);
        let walked = view.until(wallet, to, at_us, each);
        walked.map_err(|damaged| self.damaged(&damaged))
    }

    /// All entries of a wallet from an instant on, oldest first.
    pub(crate) fn since(
        &self,
        wallet: u64,
        from_us: i64,
        each: impl FnMut(Place) -> ControlFlow<()>,
    ) -> Result<(), Behind> {
        let view = self.shared.tail.lock().view(wallet).ok_or(Behind)?;
        let walked = view.since(wallet, from_us, each);
        walked.map_err(|damaged| self.damaged(&damaged))
    }

    /// How many entries a wallet has.
    #[cfg(test)]
    pub(crate) fn total_of(&self, wallet: u64) -> crate::api::Total {
        let ask = Ask {
            wallet,
            filter: Filter::ALL,
            from_us: i64::MIN,
            to_us: None,
            ascending: true,
            limit: 1,
            offset: 0,
            after: None,
        };
        self.page(&ask, 1).unwrap().total
    }

    fn damaged(&self, damaged: &Damaged) -> Behind {
        self.shared.distrust(damaged);
        Behind
    }

    /// The index named an entry that the log does not have: nothing of it is believed any more.
    pub(crate) fn distrust(&self) {
        self.shared.distrust_all();
    }

    /// Brings everything to disk and ends the thread. May take as long as writing what is in memory.
    pub(crate) fn close(&self) {
        self.end(Stop::Flushed);
    }

    fn end(&self, stop: Stop) {
        self.shared.stop(stop);
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the history index ended by a defect");
        }
    }

    pub(crate) fn metrics(&self) -> HistoryMetrics {
        self.shared.metrics()
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.end(Stop::Now);
    }
}

// === impl Shared ===

impl Shared {
    fn new(storage: Arc<dyn Storage>, log: Arc<dyn Storage>, opened_at: u64) -> Self {
        Self {
            tail: Mutex::new(Tail::starting_above(opened_at)),
            wake: Condvar::new(),
            settled: Notify::new(),
            stop: AtomicU8::new(Stop::No as u8),
            storage,
            log,
            store_id: OnceLock::new(),
            opened_at,
            refilled: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    fn stop(&self, stop: Stop) {
        // Under the lock, so that the thread cannot miss it between its look and its rest.
        let _tail = self.tail.lock();
        self.stop.fetch_max(stop as u8, Ordering::AcqRel);
        self.wake.notify_one();
    }

    fn stopping(&self) -> Stop {
        match self.stop.load(Ordering::Acquire) {
            0 => Stop::No,
            1 => Stop::Flushed,
            _ => Stop::Now,
        }
    }

    /// The store that runs belong to.
    fn store_id(&self) -> io::Result<u128> {
        if let Some(id) = self.store_id.get() {
            return Ok(*id);
        }
        let reader = LogReader::of(Arc::clone(&self.log)).map_err(io::Error::other)?;
        let meta = reader.catalog().newest_meta();
        let id = meta.map(|meta| meta.store_id);
        let id = id.ok_or_else(|| io::Error::other("the store has no id yet"))?;
        Ok(*self.store_id.get_or_init(|| id))
    }

    /// Leaves a damaged run out; the thread reads from the log what it covered.
    fn distrust(&self, damaged: &Damaged) {
        tracing::error!(error = %damaged, "history index: a run is damaged and is built anew");
        self.failures.fetch_add(1, Ordering::Relaxed);
        let mut tail = self.tail.lock();
        let parts = Arc::clone(tail.parts());
        let bad = parts.iter().filter_map(Part::run);
        for run in bad.filter(|run| run.name == damaged.name) {
            tail.remove(run.span());
            // Whether this works or not: the next start would leave it out too.
            drop(self.storage.remove(&run.name));
        }
        self.wake.notify_one();
    }

    fn distrust_all(&self) {
        tracing::error!("history index: it is not in accord with the log and is built anew");
        self.failures.fetch_add(1, Ordering::Relaxed);
        let mut tail = self.tail.lock();
        let parts = Arc::clone(tail.parts());
        for part in parts.iter() {
            tail.remove(part.span());
            if let Some(run) = part.run() {
                drop(self.storage.remove(&run.name));
            }
        }
        self.wake.notify_one();
    }

    fn fail(&self, error: &StepError) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        tracing::error!(%error, "history index does not get on");
    }

    fn count_refilled(&self, acts: u64) {
        self.refilled.fetch_add(acts, Ordering::Relaxed);
        self.settled.notify_waiters();
    }

    fn metrics(&self) -> HistoryMetrics {
        let tail = self.tail.lock();
        let runs: Vec<_> = tail.parts().iter().filter_map(Part::run).collect();
        HistoryMetrics {
            indexed_lsn: tail.indexed(),
            memory_entries: tail.memory() as u64,
            runs: runs.len() as u64,
            entries: runs.iter().map(|run| u64::from(run.header.entries)).sum(),
            bytes: runs.iter().map(|run| run.bytes()).sum(),
            refilled_acts: self.refilled.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            whole: tail.is_whole(),
        }
    }
}

#[cfg(test)]
mod tests;
