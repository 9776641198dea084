//! Which act touches which entity, sorted by entity: a sort that needs a fixed amount of memory for a log of any
//! length.
//!
//! ```text
//! scan ─► buffer of 128 Ki touches ─(full)─► sorted run in a file ─┐
//!                                            sorted run in a file ─┼─► merge ─► entity, its acts in LSN order
//!                    rest of the buffer, sorted ───────────────────┘
//! ```
//! A touch names the act by its place, so the acts themselves are read back from their segments and never copied. A
//! run has no checksums: a touch that came back wrong leads to an act that does not touch the entity, or leaves a
//! version out, and either ends the fold.

use std::sync::Arc;

use crate::journal::{JournalError, SNAPSHOT_TMP_SUFFIX, Storage, StorageFile};

/// One act in the life of one entity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Touch {
    pub(crate) entity: u64,
    /// Place of the segment among those that are folded.
    pub(crate) segment: u32,
    pub(crate) offset: u32,
}

/// Touches in memory: 2 MiB, some two percent of a million wallets.
pub(crate) const BUFFERED_MAX: usize = 128 * 1024;
const TOUCH_BYTES: usize = 16;
/// What is read of one run at a time.
const RUN_WINDOW_BYTES: usize = 32 * 1024;

/// Takes touches in the order of the log.
pub(crate) struct Sorter<'a> {
    storage: &'a dyn Storage,
    prefix: String,
    buffer: Vec<Touch>,
    buffered_max: usize,
    runs: Vec<Run>,
}

/// Gives touches sorted by entity, then by place.
pub(crate) struct Sorted<'a> {
    storage: &'a dyn Storage,
    runs: Vec<Run>,
    /// The rest that needed no file.
    rest: std::vec::IntoIter<Touch>,
    /// The next touch of each run, and of the rest at the end.
    heads: Vec<Option<Touch>>,
}

/// One sorted run in a file.
struct Run {
    name: String,
    file: Arc<dyn StorageFile>,
    left: u64,
    at: u64,
    window: Vec<u8>,
    used: usize,
}

// === impl Sorter ===

impl<'a> Sorter<'a> {
    pub(crate) fn new(storage: &'a dyn Storage, prefix: &str, buffered_max: usize) -> Self {
        Self {
            storage,
            prefix: prefix.to_owned(),
            buffer: Vec::new(),
            buffered_max,
            runs: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, touch: Touch) -> Result<(), JournalError> {
        if self.buffer.len() == self.buffered_max {
            self.spill()?;
        }
        self.buffer.push(touch);
        Ok(())
    }

    pub(crate) fn sort(mut self) -> Result<Sorted<'a>, JournalError> {
        self.buffer.sort_unstable();
        let rest = std::mem::take(&mut self.buffer).into_iter();
        let mut sorted = Sorted {
            storage: self.storage,
            heads: Vec::with_capacity(self.runs.len() + 1),
            runs: std::mem::take(&mut self.runs),
            rest,
        };
        for at in 0..=sorted.runs.len() {
            let head = sorted.advance(at)?;
            sorted.heads.push(head);
        }
        Ok(sorted)
    }

    fn spill(&mut self) -> Result<(), JournalError> {
        self.buffer.sort_unstable();
        let name = format!("{}-{}{SNAPSHOT_TMP_SUFFIX}", self.prefix, self.runs.len());
        let file = self
            .storage
            .create(&name)
            .map_err(JournalError::io("create", &name))?;
        self.runs.push(Run {
            name: name.clone(),
            file: Arc::clone(&file),
            left: self.buffer.len() as u64,
            at: 0,
            window: Vec::new(),
            used: 0,
        });
        let mut bytes = Vec::with_capacity(RUN_WINDOW_BYTES);
        let mut at = 0;
        for touches in self.buffer.chunks(RUN_WINDOW_BYTES / TOUCH_BYTES) {
            bytes.clear();
            touches.iter().for_each(|touch| touch.encode(&mut bytes));
            let written = file.write_at(&bytes, at);
            written.map_err(JournalError::io("write", &name))?;
            at += bytes.len() as u64;
        }
        self.buffer.clear();
        Ok(())
    }
}

impl Drop for Sorter<'_> {
    fn drop(&mut self) {
        remove(self.storage, &self.runs);
    }
}

// === impl Sorted ===

impl Sorted<'_> {
    /// The smallest touch that is left, without taking it.
    pub(crate) fn peek(&self) -> Option<Touch> {
        self.heads.iter().flatten().min().copied()
    }

    pub(crate) fn take(&mut self) -> Result<Option<Touch>, JournalError> {
        let Some(least) = self.peek() else {
            return Ok(None);
        };
        let Some(at) = self.heads.iter().position(|head| *head == Some(least)) else {
            unreachable!("the least head is one of the heads")
        };
        self.heads[at] = self.advance(at)?;
        Ok(Some(least))
    }

    fn advance(&mut self, at: usize) -> Result<Option<Touch>, JournalError> {
        match self.runs.get_mut(at) {
            Some(run) => run.next(),
            None => Ok(self.rest.next()),
        }
    }
}

impl Drop for Sorted<'_> {
    fn drop(&mut self) {
        remove(self.storage, &self.runs);
    }
}

/// Runs are of use to nobody else. One that cannot be removed now is swept away at the next start.
fn remove(storage: &dyn Storage, runs: &[Run]) {
    for run in runs {
        let _ = storage.remove(&run.name);
    }
}

// === impl Run ===

impl Run {
    fn next(&mut self) -> Result<Option<Touch>, JournalError> {
        if self.left == 0 {
            return Ok(None);
        }
        if self.used == self.window.len() {
            let bytes = (self.left * TOUCH_BYTES as u64).min(RUN_WINDOW_BYTES as u64);
            self.window
                .resize(usize::try_from(bytes).unwrap_or(RUN_WINDOW_BYTES), 0);
            let read = self.file.read_at(&mut self.window, self.at);
            let count = read.map_err(JournalError::io("read", &self.name))?;
            if count < self.window.len() {
                return Err(super::bad(&self.name, "ends in the middle"));
            }
            self.at += bytes;
            self.used = 0;
        }
        let touch = Touch::decode(&self.window[self.used..self.used + TOUCH_BYTES]);
        self.used += TOUCH_BYTES;
        self.left -= 1;
        Ok(Some(touch))
    }
}

// === impl Touch ===

impl Touch {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.entity.to_le_bytes());
        out.extend_from_slice(&self.segment.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
    }

    fn decode(raw: &[u8]) -> Self {
        Self {
            entity: super::format::u64_at(raw, 0),
            segment: super::format::u32_at(raw, 8),
            offset: super::format::u32_at(raw, 12),
        }
    }
}
