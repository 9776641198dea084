//! Which acts touched a wallet: LSNs in order, with the type of the entry beside each.
//!
//! ```text
//! mark = entry type (8 bits) | lsn (56 bits; LSNs stay below 2^53)
//! ```
//! Knows no amounts and no times: rows are read back from the log. A wallet's creation is no entry,
//! so a wallet without entries costs nothing here.

use hashbrown::HashMap;
use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;

use crate::api::Total;
use crate::domain::{EntityId, EntryType, Event, Role};

/// Shards, so that replaying threads rarely meet. Few, because the publisher locks all of them for
/// a group: without a lock in between, the cache misses of its entries overlap.
const SHARDS: usize = 16;

/// Entries a page looks at before it ends short, with a cursor.
pub(crate) const LOOKED_AT_MAX: usize = 20_000;

/// Up to here totals are exact when they must be counted.
const COUNTED_MAX: u64 = 10_000;

const LSN_BITS: u32 = 56;

/// The projection.
pub(crate) struct History {
    shards: Box<[Mutex<Shard>]>,
}

/// Marks by wallet, ascending.
type Shard = HashMap<u64, Vec<u64>>;

/// LSNs that match a query, in the order asked for.
pub(crate) struct Page {
    pub(crate) lsns: Vec<u64>,
    /// Whether more follow behind the last of them.
    pub(crate) more: bool,
    /// Last LSN that was looked at.
    pub(crate) last: Option<u64>,
}

// === impl History ===

impl History {
    pub(crate) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(Shard::new())).collect(),
        }
    }

    /// Folds durable events in. Events come in LSN order per wallet.
    pub(crate) fn apply<'a>(&self, events: impl Iterator<Item = (u64, &'a Event)>) {
        let mut shards: SmallVec<[MutexGuard<'_, Shard>; SHARDS]> =
            self.shards.iter().map(Mutex::lock).collect();
        for (lsn, event) in events {
            for (id, role) in event.roles() {
                if let Some(mark) = mark(lsn, role, event) {
                    shards[shard_of(id.id)].entry(id.id).or_default().push(mark);
                }
            }
        }
    }

    /// Which of so many parts an entity's entries belong to.
    pub(crate) fn part_of(id: EntityId, parts: usize) -> usize {
        shard_of(id.id) % parts
    }

    /// Folds legs in that all belong to one part: replay has a thread for each.
    pub(crate) fn apply_part<'a>(
        &self,
        part: usize,
        parts: usize,
        legs: impl Iterator<Item = (u64, EntityId, Role, &'a Event)>,
    ) {
        let own = |at: usize| (at % parts == part).then(|| self.shards[at].lock());
        let mut shards: SmallVec<[Option<MutexGuard<'_, Shard>>; SHARDS]> =
            (0..SHARDS).map(own).collect();
        for (lsn, id, role, event) in legs {
            if let Some(shard) = &mut shards[shard_of(id.id)]
                && let Some(mark) = mark(lsn, role, event)
            {
                shard.entry(id.id).or_default().push(mark);
            }
        }
    }

    /// Up to `limit` LSNs of a wallet strictly between `above` and `below`, of the types asked for.
    pub(crate) fn page(
        &self,
        wallet: u64,
        kinds: &[EntryType],
        (above, below): (u64, u64),
        ascending: bool,
        limit: usize,
    ) -> Page {
        self.with(wallet, |marks| {
            let marks = between(marks, above, below);
            let mut page = Page {
                lsns: Vec::new(),
                more: false,
                last: None,
            };
            let mut look = |left: usize, mark: u64| -> bool {
                if matches(mark, kinds) {
                    page.lsns.push(lsn_of(mark));
                }
                page.last = Some(lsn_of(mark));
                page.more = left > 0;
                page.lsns.len() < limit
            };
            let looked = marks.len().min(LOOKED_AT_MAX);
            for at in 0..looked {
                let left = marks.len() - at - 1;
                let mark = if ascending { marks[at] } else { marks[left] };
                if !look(left, mark) {
                    break;
                }
            }
            page
        })
    }

    /// How many entries lie strictly between `above` and `below`, of the types asked for.
    pub(crate) fn total(&self, wallet: u64, kinds: &[EntryType], above: u64, below: u64) -> Total {
        self.with(wallet, |marks| {
            let marks = between(marks, above, below);
            if kinds.is_empty() {
                return Total::Exactly(marks.len() as u64);
            }
            let matching = marks.iter().filter(|mark| matches(**mark, kinds));
            match matching.take(COUNTED_MAX as usize + 1).count() as u64 {
                count if count > COUNTED_MAX => Total::AtLeast(COUNTED_MAX),
                count => Total::Exactly(count),
            }
        })
    }

    /// The first LSN of a wallet for which `is_late` holds; entries are searched by halves, so a
    /// handful of records is looked at. `None` if there is none.
    pub(crate) fn first_where(
        &self,
        wallet: u64,
        mut is_late: impl FnMut(u64) -> bool,
    ) -> Option<u64> {
        let count = self.with(wallet, <[u64]>::len);
        let at = |index: usize| self.with(wallet, |marks| marks.get(index).copied().map(lsn_of));
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low + (high - low) / 2;
            // Not under the lock: `is_late` reads the log.
            match at(middle) {
                Some(lsn) if !is_late(lsn) => low = middle + 1,
                _ => high = middle,
            }
        }
        if low < count { at(low) } else { None }
    }

    fn with<R>(&self, wallet: u64, read: impl FnOnce(&[u64]) -> R) -> R {
        let shard = self.shards[shard_of(wallet)].lock();
        read(shard.get(&wallet).map_or(&[], Vec::as_slice))
    }
}

fn mark(lsn: u64, role: Role, event: &Event) -> Option<u64> {
    let kind = match event {
        Event::WalletCreated(_) => return None,
        Event::Charged(_) => EntryType::Charge,
        Event::Earned(_) => EntryType::Earn,
        Event::Used(_) => EntryType::Use,
        Event::UseCancelled(_) => EntryType::Cancel,
        Event::Lapsed(_) => EntryType::Lapse,
        Event::Transferred(_) => match role {
            Role::To(_) => EntryType::TransferIn,
            Role::Sole | Role::From => EntryType::TransferOut,
        },
    };
    Some((kind as u64) << LSN_BITS | lsn)
}

fn shard_of(wallet: u64) -> usize {
    wallet as usize % SHARDS
}

fn lsn_of(mark: u64) -> u64 {
    mark & ((1 << LSN_BITS) - 1)
}

fn matches(mark: u64, kinds: &[EntryType]) -> bool {
    kinds.is_empty() || kinds.iter().any(|kind| *kind as u64 == mark >> LSN_BITS)
}

fn between(marks: &[u64], above: u64, below: u64) -> &[u64] {
    let start = marks.partition_point(|mark| lsn_of(*mark) <= above);
    let end = marks.partition_point(|mark| lsn_of(*mark) < below);
    &marks[start.min(end)..end]
}

#[cfg(test)]
mod tests;
