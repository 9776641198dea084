//! The daily report: what flowed in and out of each wallet on each day, exact at any moment.
//!
//! ```text
//! publisher ── legs ──► queue ── fold ──► rows of the running day ── it ends ──► index/day-YYYY-MM-DD.rows
//! reader: folds the queue first, then looks
//! ```
//! An entry belongs to the day of its record's time in the zone. Times never decrease in the log, so a day is a range
//! of LSNs, and once a later entry is durable nothing can change it. There is one row for a wallet and a day because
//! the wallet is the key it is folded under. The files are a cache of the log, as the index of histories is.

mod audit;
mod book;
mod closing;
mod file;
mod follower;
mod layout;
mod leg;
mod offline;
mod origin;
mod queue;

use std::io;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::Notify;

pub use self::audit::{DayAudit, DayDifference};
use self::book::{Book, Part};
use self::leg::{DayLeg, Turn};
pub(super) use self::offline::{rebuild_days, verify_days};
pub use self::origin::DaysKnown;
use self::queue::Queue;
use super::history::Behind;
use crate::domain::{Day, DayFlow, Event, Timestamp, WalletId, Zone};
use crate::journal::{ActReader, LogReader, Storage};
use crate::projections::blocks::Damaged;
use crate::projections::reread::{StepError, Stop};

/// The projection.
pub(crate) struct Daily {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the publisher, readers and the thread share. The book is locked before the queue.
struct Shared {
    queue: Mutex<Queue>,
    book: Mutex<Book>,
    wake: Condvar,
    /// Told whenever the days may have become whole.
    settled: Notify,
    stop: AtomicU8,
    storage: Arc<dyn Storage>,
    log: Arc<dyn Storage>,
    store_id: OnceLock<u128>,
    /// Last LSN when the log was opened.
    opened_at: u64,
    /// What days rest on where neither files nor the log go back to the beginning.
    known: DaysKnown,
    /// Up to here everything is on disk.
    written: AtomicU64,
    refilled: AtomicU64,
    failures: AtomicU64,
}

/// Counters and gauges of the daily report.
#[derive(Clone, Copy, Default, Debug)]
pub struct DailyMetrics {
    /// Up to this LSN everything is on disk.
    pub written_lsn: u64,
    /// Days on disk.
    pub days: u64,
    /// Rows of the running day, in memory.
    pub open_rows: u64,
    /// Acts read from the log because they were not on disk.
    pub refilled_acts: u64,
    /// Steps that failed, and entries that did not follow from the row before them.
    pub failures: u64,
    /// Whether no day is missing.
    pub whole: bool,
}

/// One day of all wallets.
#[derive(Clone, Debug)]
pub(crate) struct DayPage {
    /// Wallets that had entries, ascending.
    pub(crate) rows: Vec<(u64, DayFlow)>,
    /// The first wallet that follows.
    pub(crate) next: Option<u64>,
    /// Of all wallets.
    pub(crate) sum: DayFlow,
    /// How many wallets had entries.
    pub(crate) wallets: u64,
    /// Everything up to here is counted.
    pub(crate) lsn: u64,
}

// === impl Daily ===

impl Daily {
    /// A report that is to be opened: days up to `opened_at` are looked for in `storage`, what is missing there is
    /// read from `log`, and what comes later is folded in. A log that begins later has something `known` behind that.
    pub(crate) fn new(
        storage: Arc<dyn Storage>,
        log: Arc<dyn Storage>,
        opened_at: u64,
        known: DaysKnown,
    ) -> Self {
        Self {
            shared: Arc::new(Shared::new(storage, log, opened_at, known)),
            thread: Mutex::new(None),
        }
    }

    /// Starts the thread, which first takes over what is on disk.
    pub(crate) fn start(&self, reader: ActReader) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name("daily".to_owned());
        *self.thread.lock() = Some(thread.spawn(move || shared.run(&reader))?);
        Ok(())
    }

    /// Hands durable events over: their LSN, time and content, in LSN order. Everything up to `durable` has been
    /// handed over with them.
    pub(crate) fn apply<'a>(
        &self,
        durable: u64,
        events: impl Iterator<Item = (u64, i64, &'a Event)>,
    ) {
        let mut queue = self.shared.queue.lock();
        for (lsn, at_us, event) in events {
            if let Some(turn) = Turn::of(event) {
                let at = queue.legs.len();
                queue.turns.push((at, turn));
            }
            DayLeg::of(lsn, at_us, event, |leg| queue.legs.push(leg));
        }
        if queue.reach(durable) {
            self.shared.wake.notify_one();
        }
    }

    /// The zone in which days are counted.
    pub(crate) fn zone(&self) -> Zone {
        self.shared.book.lock().open.zone().clone()
    }

    /// The day that runs at an instant; never before one that has entries.
    pub(crate) fn today(&self, now: Timestamp) -> Day {
        // What was handed over may change the zone, or close a day.
        self.shared.fold();
        let book = self.shared.book.lock();
        let open = &book.open;
        let closed = open.closed_day.map_or(Day::MIN, Day::next);
        open.zone().day_of(now).max(open.day).max(closed)
    }

    /// The first day that is known: what was before has been deleted. To be asked for after a look, which may have met the
    /// moment of change.
    pub(crate) fn first_day(&self) -> Day {
        self.shared.book.lock().first_day
    }

    /// Resolves when no day is missing.
    pub(crate) async fn whole(&self) {
        loop {
            let settled = self.shared.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            if self.shared.is_whole() {
                return;
            }
            settled.await;
        }
    }

    /// The days of a range on which a wallet had entries, ascending, and the last LSN that is counted.
    pub(crate) fn of_wallet(
        &self,
        wallet: WalletId,
        from: Day,
        to: Day,
    ) -> Result<(Vec<(Day, DayFlow)>, u64), Behind> {
        let wallet = wallet.get();
        let (parts, open, lsn) = {
            let book = self.shared.ready()?;
            let within = |day: Day| from <= day && day <= to;
            let parts = book.parts.iter().filter(|part| within(part.day()));
            let open = &book.open;
            let own = open.row(wallet).filter(|_| within(open.day));
            let own = own.map(|flow| (open.day, flow));
            (parts.cloned().collect::<Vec<_>>(), own, book.folded)
        };
        let mut rows = Vec::new();
        for part in &parts {
            if let Some(flow) = self.shared.row_in(part, wallet)? {
                rows.push((part.day(), flow));
            }
        }
        rows.extend(open);
        Ok((rows, lsn))
    }

    /// The last row of a wallet before a day and not before another.
    pub(crate) fn last_before(
        &self,
        wallet: WalletId,
        day: Day,
        not_before: Day,
    ) -> Result<Option<DayFlow>, Behind> {
        let wallet = wallet.get();
        let (parts, open) = {
            let book = self.shared.ready()?;
            let within = |found: Day| not_before <= found && found < day;
            let parts = book.parts.iter().rev().filter(|part| within(part.day()));
            let open = book.open.row(wallet).filter(|_| within(book.open.day));
            (parts.cloned().collect::<Vec<_>>(), open)
        };
        if open.is_some() {
            return Ok(open);
        }
        for part in &parts {
            if let Some(flow) = self.shared.row_in(part, wallet)? {
                return Ok(Some(flow));
            }
        }
        Ok(None)
    }

    /// A page of all wallets that had entries on a day, from a wallet on.
    pub(crate) fn of_day(&self, day: Day, wallet: u64, limit: usize) -> Result<DayPage, Behind> {
        let (part, mut page) = {
            let book = self.shared.ready()?;
            let open = &book.open;
            let mut page = DayPage {
                rows: Vec::new(),
                next: None,
                sum: open.sum,
                wallets: 0,
                lsn: book.folded,
            };
            let part = book.parts.iter().rev().find(|part| part.day() <= day);
            match part.filter(|_| day < open.day) {
                None if open.day == day => {
                    page.rows = open.rows_from(wallet, limit.saturating_add(1));
                    page.wallets = open.wallets();
                }
                // Behind all entries, or before the first one.
                None if day > open.day => page.sum = quiet(&open.sum),
                None => page.sum = DayFlow::opening_with(book.opening()),
                Some(part) if part.day() == day => {
                    page.sum = part.sum();
                    page.wallets = part.wallets();
                }
                Some(part) => page.sum = quiet(&part.sum()),
            }
            let part = part.filter(|part| part.day() == day);
            (part.cloned(), page)
        };
        if let Some(part) = &part {
            page.rows = self.shared.rows_in(part, wallet, limit.saturating_add(1))?;
        }
        page.next = page.rows.get(limit).map(|(wallet, _)| *wallet);
        page.rows.truncate(limit);
        Ok(page)
    }

    /// Brings everything to disk and ends the thread.
    pub(crate) fn close(&self) {
        self.end(Stop::Flushed);
    }

    fn end(&self, stop: Stop) {
        self.shared.stop(stop);
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the daily report ended by a defect");
        }
    }

    pub(crate) fn metrics(&self) -> DailyMetrics {
        self.shared.metrics()
    }
}

impl Drop for Daily {
    fn drop(&mut self) {
        self.end(Stop::Now);
    }
}

/// A day without entries behind another one.
fn quiet(before: &DayFlow) -> DayFlow {
    DayFlow::opening_with(before.closing())
}

// === impl Shared ===

impl Shared {
    fn new(
        storage: Arc<dyn Storage>,
        log: Arc<dyn Storage>,
        opened_at: u64,
        known: DaysKnown,
    ) -> Self {
        Self {
            queue: Mutex::new(Queue::starting_above(opened_at)),
            book: Mutex::new(Book::new()),
            wake: Condvar::new(),
            settled: Notify::new(),
            stop: AtomicU8::new(Stop::No as u8),
            storage,
            log,
            store_id: OnceLock::new(),
            opened_at,
            known,
            written: AtomicU64::new(0),
            refilled: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// Folds what was handed over. False when something before it has to come from the log first.
    fn fold(&self) -> bool {
        let mut book = self.book.lock();
        if !book.loaded {
            return false;
        }
        let (legs, turns, to) = {
            let mut queue = self.queue.lock();
            if queue.above != book.folded {
                return false;
            }
            queue.take()
        };
        let mut turns = turns.into_iter().peekable();
        for (at, leg) in legs.iter().enumerate() {
            while let Some((_, turn)) = turns.next_if(|(before, _)| *before <= at) {
                book.open.turn(turn);
            }
            book.open.fold(leg);
        }
        turns.for_each(|(_, turn)| book.open.turn(turn));
        book.folded = to;
        let ended = !book.open.ended.is_empty();
        book.take_ended();
        let mut queue = self.queue.lock();
        queue.give_back(legs);
        if ended {
            queue.work = true;
            self.wake.notify_one();
        }
        true
    }

    /// The days with everything that was handed over; `Behind` while one is missing.
    fn ready(&self) -> Result<MutexGuard<'_, Book>, Behind> {
        if !self.fold() {
            return Err(Behind);
        }
        let book = self.book.lock();
        if book.is_whole() {
            Ok(book)
        } else {
            Err(Behind)
        }
    }

    /// Whether nothing has to come from the log first.
    fn is_whole(&self) -> bool {
        let book = self.book.lock();
        book.is_whole() && self.queue.lock().above == book.folded
    }

    fn row_in(&self, part: &Part, wallet: u64) -> Result<Option<DayFlow>, Behind> {
        let rows = self.rows_in(part, wallet, 1)?;
        let row = rows.first().filter(|(found, _)| *found == wallet);
        Ok(row.map(|(_, flow)| *flow))
    }

    fn rows_in(
        &self,
        part: &Part,
        wallet: u64,
        limit: usize,
    ) -> Result<Vec<(u64, DayFlow)>, Behind> {
        match part {
            Part::Memory(closed) => {
                let start = closed.rows.partition_point(|(row, _)| *row < wallet);
                let end = start.saturating_add(limit).min(closed.rows.len());
                Ok(closed.rows[start..end].to_vec())
            }
            Part::File(file) => {
                let rows = file.rows_from(&*self.storage, wallet, limit);
                rows.map_err(|damaged| {
                    self.distrust(&damaged);
                    Behind
                })
            }
        }
    }

    /// Leaves a damaged day out; the thread makes it anew from the log.
    fn distrust(&self, damaged: &Damaged) {
        tracing::error!(error = %damaged, "daily report: a day is damaged and is built anew");
        self.failures.fetch_add(1, Ordering::Relaxed);
        let mut book = self.book.lock();
        book.parts.retain(|part| match part {
            Part::File(file) => file.name != damaged.name,
            Part::Memory(_) => true,
        });
        book.begin_above(0);
        // Whether this works or not: the day is written again.
        drop(self.storage.remove(&damaged.name));
        self.queue.lock().work = true;
        self.wake.notify_one();
    }

    fn stop(&self, stop: Stop) {
        // Under the lock, so that the thread cannot miss it between its look and its rest.
        let _queue = self.queue.lock();
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

    /// The store that days belong to.
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

    fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    fn set_written(&self, lsn: u64) {
        self.written.fetch_max(lsn, Ordering::AcqRel);
    }

    fn fail(&self, error: &StepError) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        tracing::error!(%error, "daily report does not get on");
    }

    fn count_refilled(&self, acts: u64) {
        self.refilled.fetch_add(acts, Ordering::Relaxed);
    }

    fn metrics(&self) -> DailyMetrics {
        let book = self.book.lock();
        let files = book.parts.iter();
        let files = files.filter(|part| matches!(part, Part::File(_)));
        DailyMetrics {
            written_lsn: self.written(),
            days: files.count() as u64,
            open_rows: book.open.wallets(),
            refilled_acts: self.refilled.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed) + book.open.contradictions,
            whole: book.is_whole() && self.queue.lock().above == book.folded,
        }
    }
}
