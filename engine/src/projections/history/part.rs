//! Parts of the index: each covers a range of LSNs, and together they cover all of them.
//!
//! ```text
//! file  (0, 900]   file  (900, 1400]   sorted  (1400, 1460]   loose  (1460, 1475]   open
//! ```
//! Since ranges of LSNs do not overlap, a wallet's history is what it has in the first part, then what it
//! has in the second, and so on: parts are laid end to end and never merged while reading.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::entry::{Leg, Packed};
use super::run::Run;
use crate::projections::blocks::Damaged;
use crate::projections::reread::Span;

/// One part.
#[derive(Clone)]
pub(super) enum Part {
    /// Entries in the order of their LSNs, as the publisher left them.
    Loose(Span, Arc<Vec<Leg>>),
    /// Entries by wallet, still in memory.
    Sorted(Span, Arc<Vec<Leg>>),
    /// Entries by wallet, on disk.
    File(Arc<Run>),
}

// === impl Part ===

impl Part {
    pub(super) fn span(&self) -> Span {
        match self {
            Self::Loose(span, _) | Self::Sorted(span, _) => *span,
            Self::File(run) => run.span(),
        }
    }

    /// Entries that it keeps in memory.
    pub(super) fn legs(&self) -> Option<&Arc<Vec<Leg>>> {
        match self {
            Self::Loose(_, legs) | Self::Sorted(_, legs) => Some(legs),
            Self::File(_) => None,
        }
    }

    /// The run on disk that it is.
    pub(super) fn run(&self) -> Option<&Run> {
        match self {
            Self::File(run) => Some(run),
            Self::Loose(..) | Self::Sorted(..) => None,
        }
    }
}

/// What one wallet has in one part, oldest first.
pub(super) enum Slice<'a> {
    Memory(Vec<Packed>),
    File(&'a Run, Range<u32>),
}

impl<'a> Slice<'a> {
    pub(super) fn of(part: &'a Part, wallet: u64) -> Result<Self, Damaged> {
        Ok(match part {
            Part::Loose(_, legs) => Self::Memory(pick(legs, wallet)),
            Part::Sorted(_, legs) => {
                let start = legs.partition_point(|leg| leg.wallet < wallet);
                let own = legs[start..].iter().take_while(|leg| leg.wallet == wallet);
                Self::Memory(own.map(|leg| leg.entry).collect())
            }
            Part::File(run) => Self::File(run, run.find(wallet)?),
        })
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Memory(entries) => entries.len(),
            Self::File(_, range) => range.len(),
        }
    }

    /// How many entries come before the first for which `is_late` holds.
    pub(super) fn count_before(&self, is_late: impl Fn(Packed) -> bool) -> Result<usize, Damaged> {
        match self {
            Self::Memory(entries) => Ok(entries.partition_point(|entry| !is_late(*entry))),
            Self::File(run, range) => {
                let (mut low, mut high) = (range.start, range.end);
                while low < high {
                    let middle = low + (high - low) / 2;
                    if is_late(run.entry(middle)?) {
                        high = middle;
                    } else {
                        low = middle + 1;
                    }
                }
                Ok((low - range.start) as usize)
            }
        }
    }

    /// Leaves only a range of it.
    pub(super) fn narrow(&mut self, to: Range<usize>) {
        match self {
            Self::Memory(entries) => {
                entries.truncate(to.end);
                entries.drain(..to.start.min(entries.len()));
            }
            Self::File(_, range) => {
                let start = range.start;
                *range = start + to.start as u32..start + to.end.max(to.start) as u32;
            }
        }
    }

    pub(super) fn each(
        &self,
        ascending: bool,
        mut look: impl FnMut(&Packed) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Damaged> {
        match self {
            Self::Memory(entries) if ascending => Ok(entries.iter().try_for_each(look)),
            Self::Memory(entries) => Ok(entries.iter().rev().try_for_each(look)),
            Self::File(run, range) => run.each(range.clone(), ascending, &mut look),
        }
    }
}

/// Entries of one wallet among those of all.
pub(super) fn pick(legs: &[Leg], wallet: u64) -> Vec<Packed> {
    let own = legs.iter().filter(|leg| leg.wallet == wallet);
    own.map(|leg| leg.entry).collect()
}
