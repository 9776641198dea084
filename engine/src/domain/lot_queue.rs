//! The lots of one bucket in grant order, of which there is always at least one.
//!
//! Most buckets hold a single lot, and it lies in the wallet itself: no allocation, and no cache line
//! elsewhere that an act would have to wait for. Written as a plain list.

use std::collections::VecDeque;
use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::lots::Lot;

/// Lots by number, ascending; never empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LotQueue {
    front: Lot,
    behind: VecDeque<Lot>,
}

// === impl LotQueue ===

impl LotQueue {
    /// With its first lot.
    pub(super) fn new(lot: Lot) -> Self {
        Self {
            front: lot,
            behind: VecDeque::new(),
        }
    }

    /// How many lots there are, ≥1.
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        1 + self.behind.len()
    }

    /// The lot that is spent first.
    pub fn front(&self) -> &Lot {
        &self.front
    }

    /// The newest lot.
    pub fn back(&self) -> &Lot {
        self.behind.back().unwrap_or(&self.front)
    }

    /// Lots in the order in which they are spent.
    pub fn iter(&self) -> impl Iterator<Item = &Lot> + Clone {
        std::iter::once(&self.front).chain(&self.behind)
    }

    /// Points in all lots.
    pub fn points(&self) -> u64 {
        self.iter().map(|lot| lot.remaining).sum()
    }

    /// The first lot that is spent from `number` on, or else the last one.
    pub(super) fn next_from(&self, number: u64) -> &Lot {
        match self.position(number) {
            Ok(0) | Err(0) => &self.front,
            Ok(at) | Err(at) => self.behind.get(at - 1).unwrap_or(self.back()),
        }
    }

    /// Puts points into the lot of this number, opening it if it is not there. Whether it was opened.
    pub(super) fn give(&mut self, number: u64, amount: u64) -> bool {
        let lot = Lot {
            number,
            remaining: amount,
        };
        match self.position(number) {
            Ok(0) => self.front.remaining += amount,
            Ok(at) => self.behind[at - 1].remaining += amount,
            Err(0) => {
                let second = std::mem::replace(&mut self.front, lot);
                self.behind.push_front(second);
                return true;
            }
            Err(at) => {
                self.behind.insert(at - 1, lot);
                return true;
            }
        }
        false
    }

    /// Takes points out of a lot. `None`: it holds fewer, or is not there.
    pub(super) fn take(&mut self, number: u64, amount: u64) -> Option<Taken> {
        let at = self.position(number).ok()?;
        let lot = match at {
            0 => &mut self.front,
            _ => &mut self.behind[at - 1],
        };
        lot.remaining = lot.remaining.checked_sub(amount)?;
        if lot.remaining > 0 {
            return Some(Taken::Part);
        }
        if at > 0 {
            self.behind.remove(at - 1);
            return Some(Taken::Lot);
        }
        match self.behind.pop_front() {
            Some(second) => self.front = second,
            None => return Some(Taken::LastLot),
        }
        Some(Taken::Lot)
    }

    /// Where a lot is, or where it would be.
    pub(super) fn position(&self, number: u64) -> Result<usize, usize> {
        // A use empties a bucket from the front, so the front is looked at before the search.
        match number.cmp(&self.front.number) {
            std::cmp::Ordering::Less => Err(0),
            std::cmp::Ordering::Equal => Ok(0),
            // A grant adds behind the last one.
            std::cmp::Ordering::Greater if number > self.back().number => Err(self.len()),
            std::cmp::Ordering::Greater => {
                let found = self.behind.binary_search_by_key(&number, |lot| lot.number);
                found.map(|at| at + 1).map_err(|at| at + 1)
            }
        }
    }
}

/// What taking points out of a lot left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Taken {
    /// The lot still holds points.
    Part,
    /// The lot is gone.
    Lot,
    /// The lot is gone and was the last one: the queue must go too.
    LastLot,
}

impl Serialize for LotQueue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for LotQueue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(LotVisitor)
    }
}

/// Reads lots without an allocation for the first, which is nearly always the only one.
struct LotVisitor;

/// Lots that room is made for before they have been read: a length may lie.
const RESERVED_MAX: usize = 1_024;

impl<'de> Visitor<'de> for LotVisitor {
    type Value = LotQueue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("lots")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut lots: A) -> Result<LotQueue, A::Error> {
        let front = lots.next_element()?;
        let front = front.ok_or_else(|| A::Error::custom("a bucket without lots"))?;
        let behind = lots.size_hint().unwrap_or(0).min(RESERVED_MAX);
        let mut behind = VecDeque::with_capacity(behind);
        while let Some(lot) = lots.next_element()? {
            behind.push_back(lot);
        }
        Ok(LotQueue { front, behind })
    }
}
