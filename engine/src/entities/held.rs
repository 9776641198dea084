//! Shards that one replaying thread has to itself: their locks are taken once and not for every act.
//!
//! ```text
//! shards  0 1 2 3 4 5 6 7 …            with three threads: [0 .. 86) [86 .. 171) [171 .. 256)
//! ```
//! Knows rows; not what is in them.

use std::sync::atomic::Ordering;

use parking_lot::MutexGuard;

use super::EntityState;
use super::rows::Place;
use super::shard::Shard;
use super::table::{SHARDS, Table, key_of, shard_of};
use crate::domain::EntityId;

/// One part of the table, locked.
pub(crate) struct Held<'a> {
    table: &'a Table,
    /// The first shard of the part.
    first: usize,
    shards: Vec<MutexGuard<'a, Shard>>,
}

/// Where a row was found.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    shard: usize,
    place: Place,
}

/// Which of so many parts an entity belongs to.
pub(crate) fn part_of(id: EntityId, parts: usize) -> usize {
    shard_of(id) * parts / SHARDS
}

// === impl Table ===

impl Table {
    /// Locks one of so many parts of the table, all of whose entities are at rest.
    pub(crate) fn hold(&self, part: usize, parts: usize) -> Held<'_> {
        let first = (part * SHARDS).div_ceil(parts);
        let next = ((part + 1) * SHARDS).div_ceil(parts);
        Held {
            table: self,
            first,
            shards: self.shards[first..next]
                .iter()
                .map(|one| one.lock())
                .collect(),
        }
    }
}

// === impl Held ===

impl Held<'_> {
    /// The row of an entity of this part.
    pub(crate) fn row(&self, id: EntityId) -> Option<&[u8]> {
        self.find(id).map(|found| self.at(found))
    }

    /// Where the row of an entity of this part lies; true until the next row is put in its place.
    pub(crate) fn find(&self, id: EntityId) -> Option<Found> {
        let shard = shard_of(id) - self.first;
        let place = self.shards[shard].rows.find(key_of(id))?;
        Some(Found { shard, place })
    }

    /// The row that was found there.
    pub(crate) fn at(&self, found: Found) -> &[u8] {
        self.shards[found.shard].rows.at(found.place)
    }

    /// Puts the row of a state in its place, and notes when something is due for it.
    pub(crate) fn put(&mut self, id: EntityId, row: &[u8], state: &EntityState) {
        let shard = &mut self.shards[shard_of(id) - self.first];
        if shard.rows.insert(key_of(id), row) {
            self.table.entities.fetch_add(1, Ordering::Relaxed);
        }
        let next = state.next_due();
        shard.agenda.move_entry(key_of(id), state.noted, next);
        self.table.directory.restore(id, state);
    }
}
