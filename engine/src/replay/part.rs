//! The entities of one replaying thread.
//!
//! ```text
//! act ── role ──► open? ── yes ──────────────────────────► apply
//!                   no ── room to keep it open? ── yes ──► open it, apply
//!                                                  no ───► read its row, apply, write its row again
//! ```
//! Open states of a million wallets would take several times the memory of their rows, and opening some and packing
//! others in turn costs more than leaving them packed.

use std::hint::black_box;

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::Act;
use crate::domain::{Digest, Entity, EntityId, Role};
use crate::entities::{EntityState, Found, Held, decode_row, encode_row_into};
use crate::record::Senseless;

/// States that a thread keeps open, some 400 bytes each: those of a small store, or those that are touched most often,
/// since they are met first. A few in tests, so that some wallets always lie in rows.
const OPEN_MAX: usize = if cfg!(test) { 4 } else { 32 * 1024 };

/// A row that is longer is opened even then: the wallet has many lots, and reading all of them for each act would make
/// a start take the square of their number.
const ROW_BYTES_MAX: usize = if cfg!(test) { 64 } else { 256 };

/// Open states at which all of them are packed. More than `OPEN_MAX` are open only for their length.
const OPEN_LONG_MAX: usize = 2 * OPEN_MAX;

/// Entities whose states are touched before the first of them is needed.
const TOUCHED_AHEAD: usize = 32;

/// What one thread replays into.
pub(super) struct Part<'a> {
    held: Held<'a>,
    open: HashMap<EntityId, EntityState>,
    /// What the events change in the digest. An entity is taken out of it when its row is read and counted again when
    /// its row is written, which comes to the same as counting every event.
    digest: Digest,
    largest_id: u64,
    row: Vec<u8>,
}

// === impl Part ===

impl<'a> Part<'a> {
    pub(super) fn new(held: Held<'a>) -> Self {
        Self {
            held,
            open: HashMap::new(),
            digest: Digest::default(),
            largest_id: 0,
            row: Vec::new(),
        }
    }

    /// Carries out roles of acts, in the order of the log.
    pub(super) fn apply(
        &mut self,
        roles: &[(u32, EntityId, Role)],
        acts: &[Act],
    ) -> Result<(), Senseless> {
        for batch in roles.chunks(TOUCHED_AHEAD) {
            self.touch(batch);
            for (at, id, role) in batch {
                self.apply_role(&acts[*at as usize], *id, *role)?;
            }
        }
        if self.open.len() > OPEN_LONG_MAX {
            self.pack();
        }
        Ok(())
    }

    /// Packs what is open. Gives the change in the digest and the largest id.
    pub(super) fn finish(mut self) -> (Digest, u64) {
        self.pack();
        (self.digest, self.largest_id)
    }

    fn apply_role(&mut self, act: &Act, id: EntityId, role: Role) -> Result<(), Senseless> {
        if let Some(state) = self.open.get_mut(&id) {
            return act.apply(state, role);
        }
        let (mut state, keep) = match self.held.row(id) {
            Some(row) => (decode_row(id.kind, row), row.len() > ROW_BYTES_MAX),
            None => (EntityState::default(), false),
        };
        if let Some(entity) = &state.entity {
            self.digest.remove_entity(id, entity);
        }
        act.apply(&mut state, role)?;
        if keep || self.open.len() < OPEN_MAX {
            self.open.insert(id, state);
        } else {
            self.close(id, &state);
        }
        Ok(())
    }

    fn pack(&mut self) {
        for (id, state) in std::mem::take(&mut self.open) {
            self.close(id, &state);
        }
    }

    fn close(&mut self, id: EntityId, state: &EntityState) {
        let Some(entity) = &state.entity else {
            return;
        };
        self.digest.add_entity(id, entity);
        self.largest_id = self.largest_id.max(id.id);
        self.row.clear();
        encode_row_into(state, &mut self.row);
        self.held.put(id, &self.row, state);
    }

    /// Reads a little of each of these entities. The reads do not depend on each other, so their cache misses overlap;
    /// applying one event after the other would wait for each in turn. Where the rows lie is found out for all first.
    fn touch(&self, batch: &[(u32, EntityId, Role)]) {
        let mut rows = SmallVec::<[Found; TOUCHED_AHEAD]>::new();
        let mut read = 0u64;
        for (_, id, _) in batch {
            match self.open.get(id) {
                Some(state) => read = read.wrapping_add(front(state)),
                None => rows.extend(self.held.find(*id)),
            }
        }
        for found in rows {
            read = read.wrapping_add(ends(self.held.at(found)));
        }
        black_box(read);
    }
}

fn front(state: &EntityState) -> u64 {
    match &state.entity {
        Some(Entity::Wallet(wallet)) => {
            let bucket = wallet.lots.buckets().first();
            bucket.map_or(0, |bucket| bucket.lots.front().remaining)
        }
        Some(Entity::Company(company)) => company.version,
        Some(Entity::Program(_)) | None => 0,
    }
}

/// A row of a few dozen bytes lies in one cache line or in two.
fn ends(row: &[u8]) -> u64 {
    let ends = [row.first(), row.last()];
    ends.into_iter()
        .flatten()
        .map(|byte| u64::from(*byte))
        .sum()
}
