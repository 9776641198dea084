//! Segments ahead of need: zero-filled, synced, waiting on a shelf under `.next` names.
//!
//! Overwriting written blocks needs no metadata commit, so a sync costs what the disk costs. The filler keeps
//! segments ready, keeps one spare file for a start on a full disk, and gives the unused rest of sealed segments back.

use super::error::JournalError;
use super::ledger::Ledger;
use super::metrics::JournalMetrics;
use super::segment::GROUP_ALIGN;
use super::shelf::{ReadyFile, Shelf};
use super::storage::{Access, Storage, StorageFile};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Files of this ending are zeros, or on their way there.
pub(crate) const NEXT_SUFFIX: &str = ".next";
/// Disk space put by, so that a start on a full disk can still open its segment.
pub const RESERVE_FILE: &str = "reserve";
/// The reserve never exceeds this.
const RESERVE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// One step of filling; between steps the log's own syncs get through.
const STEP_BYTES: usize = 1024 * 1024;
/// Pause after a step while at least one segment is ready: 200 MiB/s at most beside the log.
const STEP_PAUSE: Duration = Duration::from_millis(5);

static ZEROS: [u8; STEP_BYTES] = [0; STEP_BYTES];

/// A file on its way to being all zeros.
struct Filling {
    name: String,
    file: Arc<dyn StorageFile>,
    done: u64,
    len: u64,
    /// Length it had when it was taken up: up to there it is checked, behind it is written.
    found: u64,
    is_reserve: bool,
}

pub(crate) struct Filler {
    storage: Arc<dyn Storage>,
    shelf: Arc<Shelf>,
    ledger: Arc<Ledger>,
    metrics: Arc<JournalMetrics>,
    segment_bytes: u64,
    ahead: u64,
    full_retry: Duration,
    /// `.next` files of the last run.
    leftover: Vec<String>,
    reserve_missing: bool,
    filling: Option<Filling>,
    names: u64,
}

/// What one turn of the filler came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FillTurn {
    Worked,
    Idle,
    Full,
}

impl Filler {
    pub(crate) fn new(
        storage: Arc<dyn Storage>,
        shelf: Arc<Shelf>,
        ledger: Arc<Ledger>,
        metrics: Arc<JournalMetrics>,
        options: &super::options::JournalOptions,
    ) -> Self {
        Self {
            storage,
            shelf,
            ledger,
            metrics,
            segment_bytes: options.segment_bytes,
            ahead: options.segments_ahead as u64,
            full_retry: options.full_retry,
            leftover: Vec::new(),
            reserve_missing: true,
            filling: None,
            names: 0,
        }
    }

    /// Takes over what the last run left behind.
    pub(crate) fn adopt(&mut self, mut leftover: Vec<String>, reserve_missing: bool) {
        // The longest-prepared one first; names count up.
        leftover.sort_by(|a, b| b.cmp(a));
        self.names = leftover
            .iter()
            .filter_map(|name| number_of(name))
            .max()
            .unwrap_or(0);
        self.leftover = leftover;
        self.reserve_missing = reserve_missing;
    }

    /// The filler's thread: until `stop`, or until the disk fails for good.
    pub(crate) fn run(mut self, poison: &dyn Fn(io::Error)) {
        loop {
            let ahead = self.ledger.ready() > 0;
            let pause = match self.turn(ahead) {
                Ok(FillTurn::Worked) if ahead => Some(STEP_PAUSE),
                Ok(FillTurn::Worked) => Some(Duration::ZERO),
                Ok(FillTurn::Idle) => None,
                Ok(FillTurn::Full) => Some(self.full_retry),
                Err(error) => return poison(error),
            };
            if self.shelf.rest(pause) {
                return;
            }
        }
    }

    /// One step of whatever is needed most. `gently` syncs each step by itself, so that no flood of dirty pages
    /// stands before the log's next sync.
    pub(crate) fn turn(&mut self, gently: bool) -> io::Result<FillTurn> {
        let wanted = self.ledger.ready() < self.ahead;
        if self.filling.is_none() && !(wanted && self.ledger.ready() == 0) && self.punch_one() {
            return Ok(FillTurn::Worked);
        }
        if self
            .filling
            .as_ref()
            .is_some_and(|filling| filling.is_reserve)
            && wanted
        {
            // The reserve can wait; what it has so far is found again.
            self.filling = None;
            self.reserve_missing = true;
        }
        let outcome = self.fill_step(wanted, gently);
        match outcome {
            Err(error) if is_full(&error) => {
                if wanted {
                    self.ledger.say_full();
                }
                Ok(FillTurn::Full)
            }
            other => other,
        }
    }

    fn fill_step(&mut self, wanted: bool, gently: bool) -> io::Result<FillTurn> {
        let mut filling = match self.filling.take() {
            Some(filling) => filling,
            None if wanted => self.begin_segment()?,
            None if self.reserve_missing => self.begin_reserve()?,
            None => return Ok(FillTurn::Idle),
        };
        let stepped = filling.step(gently);
        if stepped.is_ok() && filling.done == filling.len {
            filling.file.sync_all()?;
            if filling.is_reserve {
                self.reserve_missing = false;
            } else {
                let ready = ReadyFile {
                    name: filling.name,
                    file: filling.file,
                };
                self.shelf.put(ready);
                self.metrics.segments_filled.fetch_add(1, Relaxed);
                self.ledger.add_segment();
            }
        } else {
            self.filling = Some(filling);
        }
        stepped.map(|()| FillTurn::Worked)
    }

    fn begin_segment(&mut self) -> io::Result<Filling> {
        while let Some(name) = self.leftover.pop() {
            let file = self.storage.open(&name, Access::Write)?;
            let found = file.size()?;
            if found <= self.segment_bytes {
                return Ok(Filling::new(name, file, found, self.segment_bytes, false));
            }
            // Made under another setting.
            self.storage.remove(&name)?;
        }
        self.names += 1;
        let name = format!("fill-{:010}{NEXT_SUFFIX}", self.names);
        let file = self.storage.create(&name)?;
        Ok(Filling::new(name, file, 0, self.segment_bytes, false))
    }

    fn begin_reserve(&self) -> io::Result<Filling> {
        let len = self.segment_bytes.min(RESERVE_BYTES_MAX);
        let file = match self.storage.open(RESERVE_FILE, Access::Write) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.storage.create(RESERVE_FILE)?
            }
            Err(error) => return Err(error),
        };
        let found = file.size()?;
        Ok(Filling::new(
            RESERVE_FILE.to_owned(),
            file,
            found.min(len),
            len,
            true,
        ))
    }

    /// Fills until one segment is ready, without pauses. On a full disk the reserve is given up for it.
    pub(crate) fn fill_first(&mut self) -> Result<(), JournalError> {
        while self.ledger.ready() == 0 {
            match self.turn(false) {
                Ok(FillTurn::Full) if !self.reserve_missing => {
                    self.storage
                        .remove(RESERVE_FILE)
                        .and_then(|()| self.storage.sync_dir())
                        .map_err(JournalError::io("give up", RESERVE_FILE))?;
                    self.reserve_missing = true;
                }
                Ok(FillTurn::Full) => {
                    let source = io::Error::from(io::ErrorKind::StorageFull);
                    return Err(JournalError::io("fill", "the next segment")(source));
                }
                Ok(FillTurn::Worked | FillTurn::Idle) => {}
                Err(source) => return Err(JournalError::io("fill", "the next segment")(source)),
            }
        }
        Ok(())
    }

    /// Gives one unused range back, except what was written there after all: torn bytes are evidence. A file system
    /// that cannot do it keeps its zeros.
    fn punch_one(&self) -> bool {
        let Some(unused) = self.shelf.take_unused() else {
            return false;
        };
        let end = unused.from + unused.len;
        let punched = written_to(&*unused.file, unused.from, end).and_then(|from| {
            if from < end {
                unused.file.punch(from, end - from)
            } else {
                Ok(())
            }
        });
        if let Err(error) = punched {
            tracing::debug!(file = unused.name, %error, "cannot give unused space back");
        }
        true
    }
}

impl Filling {
    fn new(
        name: String,
        file: Arc<dyn StorageFile>,
        found: u64,
        len: u64,
        is_reserve: bool,
    ) -> Self {
        Self {
            name,
            file,
            done: 0,
            len,
            found,
            is_reserve,
        }
    }

    /// Checks or writes the next stretch of zeros.
    fn step(&mut self, gently: bool) -> io::Result<()> {
        let left = usize::try_from(self.len - self.done).unwrap_or(usize::MAX);
        let count = left.min(STEP_BYTES);
        let end = self.done + count as u64;
        if end > self.found || !self.is_zero(count)? {
            self.file.write_at(&ZEROS[..count], self.done)?;
            if gently {
                self.file.sync_data()?;
            }
        }
        self.done = end;
        Ok(())
    }

    fn is_zero(&self, count: usize) -> io::Result<bool> {
        let mut held = vec![0; count];
        let read = self.file.read_at(&mut held, self.done)?;
        Ok(read == count && held == ZEROS[..count])
    }
}

/// A full disk or a used-up quota, as against a broken one.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix("fill-")?
        .strip_suffix(NEXT_SUFFIX)?
        .parse()
        .ok()
}

/// The first page boundary in `from..end` behind which all bytes are zero.
fn written_to(file: &dyn StorageFile, from: u64, end: u64) -> io::Result<u64> {
    let page = GROUP_ALIGN as usize;
    let mut held = vec![0; STEP_BYTES];
    let mut to = end;
    while to > from {
        let start = to.saturating_sub(STEP_BYTES as u64).max(from);
        let count = usize::try_from(to - start).unwrap_or(usize::MAX);
        let read = file.read_at(&mut held[..count], start)?;
        if let Some(last) = held[..read].iter().rposition(|byte| *byte != 0) {
            return Ok(start + (last / page * page + page) as u64);
        }
        to = start;
    }
    Ok(from)
}
