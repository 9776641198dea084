//! What is in the index at one moment: its parts, and behind them the entries that are in no part yet.
//!
//! Under one short lock, so that whoever looks sees each entry exactly once while it moves from memory to disk. What
//! is in memory is bounded: when the disk does not keep up it is dropped, and the log gives it again.

use std::sync::Arc;

use super::entry::Leg;
use super::page::View;
use super::part::{Part, pick};
use crate::projections::reread::Span;

/// Entries after which the open ones become a part. Few, because a reader looks at all of them under the lock.
const OPEN_ENTRIES: usize = 1024;

/// Most entries kept in memory, 40 bytes each: some twenty seconds of 100,000 entries a second.
pub(super) const MEMORY_ENTRIES_MAX: usize = 2 * 1024 * 1024;

/// The index at one moment.
pub(super) struct Tail {
    parts: Arc<Vec<Part>>,
    open: Vec<Leg>,
    /// The open entries are above this LSN.
    above: u64,
    /// Everything up to here has been folded.
    reached: u64,
    /// Entries in memory, the open ones left out.
    memory: usize,
    /// Whether the directory has been read.
    loaded: bool,
}

// === impl Tail ===

impl Tail {
    /// Nothing yet; folding begins above an LSN.
    pub(super) fn starting_above(lsn: u64) -> Self {
        Self {
            parts: Arc::default(),
            open: Vec::with_capacity(OPEN_ENTRIES),
            above: lsn,
            reached: lsn,
            memory: 0,
            loaded: false,
        }
    }

    pub(super) fn push(&mut self, leg: Leg) {
        self.open.push(leg);
    }

    /// Everything up to `lsn` has been pushed. True when a part came of it.
    pub(super) fn reach(&mut self, lsn: u64) -> bool {
        self.reached = self.reached.max(lsn);
        let full = self.open.len() >= OPEN_ENTRIES;
        if full {
            self.close_open();
        }
        full
    }

    /// Makes a part of the open entries.
    pub(super) fn close_open(&mut self) {
        if self.reached == self.above {
            return;
        }
        if self.memory + self.open.len() > MEMORY_ENTRIES_MAX {
            Arc::make_mut(&mut self.parts).retain(|part| part.legs().is_none());
            self.memory = 0;
        }
        let legs = std::mem::replace(&mut self.open, Vec::with_capacity(OPEN_ENTRIES));
        let span = Span {
            above: self.above,
            to: self.reached,
        };
        self.memory += legs.len();
        self.above = self.reached;
        Arc::make_mut(&mut self.parts).push(Part::Loose(span, Arc::new(legs)));
    }

    pub(super) fn parts(&self) -> &Arc<Vec<Part>> {
        &self.parts
    }

    /// Puts a part in the place of all that it holds.
    pub(super) fn replace(&mut self, part: Part) {
        let span = part.span();
        let parts = Arc::make_mut(&mut self.parts);
        parts.retain(|old| !span.holds(old.span()));
        let at = parts.partition_point(|old| old.span().above < span.above);
        parts.insert(at, part);
        self.recount();
    }

    /// Takes a part away; the log gives its entries again.
    pub(super) fn remove(&mut self, span: Span) {
        Arc::make_mut(&mut self.parts).retain(|part| part.span() != span);
        self.recount();
    }

    /// The directory has been read.
    pub(super) fn set_loaded(&mut self) {
        self.loaded = true;
    }

    fn recount(&mut self) {
        let legs = self.parts.iter().filter_map(Part::legs);
        self.memory = legs.map(|legs| legs.len()).sum();
    }

    /// The first LSNs that no part covers although they were folded once.
    pub(super) fn gap(&self) -> Option<Span> {
        let mut above = 0;
        for part in self.parts.iter() {
            let span = part.span();
            if span.above > above {
                let to = span.above;
                return Some(Span { above, to });
            }
            above = span.to;
        }
        let to = self.above;
        (above < to).then_some(Span { above, to })
    }

    /// Whether every entry is here.
    pub(super) fn is_whole(&self) -> bool {
        self.loaded && self.gap().is_none()
    }

    /// Up to here everything is on disk.
    pub(super) fn indexed(&self) -> u64 {
        let mut above = 0;
        for part in self.parts.iter() {
            let span = part.span();
            if span.above != above || part.legs().is_some() {
                return above;
            }
            above = span.to;
        }
        above
    }

    pub(super) fn memory(&self) -> usize {
        self.memory + self.open.len()
    }

    /// The index as it is now, for one wallet; `None` while it is not whole.
    pub(super) fn view(&self, wallet: u64) -> Option<View> {
        self.is_whole().then(|| View {
            parts: Arc::clone(&self.parts),
            open: pick(&self.open, wallet),
        })
    }
}
