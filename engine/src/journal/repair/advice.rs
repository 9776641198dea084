//! What to give up where a hole is too small for the record of its loss: as many acts more as leave room for it.

use super::holes::{Hole, Search};
use super::segments::Segment;
use std::ops::RangeInclusive;

/// How many times a range is widened. Two of the shortest acts leave room already; the rest is for acts at either end of
/// the segment.
const WIDER_MAX: usize = 8;

impl Segment<'_> {
    /// What has to be given up to close a hole in which `missing` lies: that, where the record of its loss fits there,
    /// else the acts behind it too, or those in front of it where none is behind. `None` when no such range is found.
    pub(super) fn advised(
        &self,
        search: &Search<'_>,
        hole: &Hole,
        missing: &RangeInclusive<u64>,
    ) -> Option<RangeInclusive<u64>> {
        if self.has_room(hole, missing) {
            return Some(missing.clone());
        }
        let first = search.start.lsn + 1;
        let behind = self.widened(search, missing, |range| {
            Some(*range.start()..=range.end() + 1)
        });
        behind.or_else(|| {
            self.widened(search, missing, |range| {
                let start = range.start() - 1;
                (start >= first).then_some(start..=*range.end())
            })
        })
    }

    /// Widens what is missing by an LSN at a time, which the search rounds to whole acts, until there is room.
    fn widened(
        &self,
        search: &Search<'_>,
        missing: &RangeInclusive<u64>,
        wider: impl Fn(&RangeInclusive<u64>) -> Option<RangeInclusive<u64>>,
    ) -> Option<RangeInclusive<u64>> {
        let mut range = missing.clone();
        for _ in 0..WIDER_MAX {
            range = wider(&range)?;
            let mut skip = self.choice.give_up.clone();
            skip.push(range.clone());
            let search = Search {
                skip: &skip,
                ..*search
            };
            let mut holes = search.holes().into_iter();
            let (hole, found) = holes.find_map(|hole| {
                let found = hole.missing()?;
                found.contains(missing.start()).then_some((hole, found))
            })?;
            if self.has_room(&hole, &found) {
                return Some(found);
            }
            range = found;
        }
        None
    }

    fn has_room(&self, hole: &Hole, missing: &RangeInclusive<u64>) -> bool {
        let loss = self.loss(hole, *missing.end(), 0);
        self.place(hole).loss(&loss).is_some()
    }
}
