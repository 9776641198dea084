//! Which acts touched a wallet: LSNs in order, with the type of the entry beside each.
//!
//! ```text
//! mark = entry type (8 bits) | lsn (56 bits; LSNs stay below 2^53)
//! ```
//! Knows no amounts and no times: rows are read back from the log. A wallet's creation is no entry,
//! so a wallet without entries costs nothing here.

use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::api::Total;
use crate::domain::{EntityId, EntryType, Event, Role};

/// Shards, so that the publisher and many readers rarely meet.
const SHARDS: usize = 64;

/// Entries a page looks at before it ends short, with a cursor.
pub(crate) const LOOKED_AT_MAX: usize = 20_000;

/// Up to here totals are exact when they must be counted.
const COUNTED_MAX: u64 = 10_000;

const LSN_BITS: u32 = 56;

/// The projection.
pub(crate) struct History {
    shards: Box<[Mutex<HashMap<u64, Marks>>]>,
}

/// Marks of one wallet, ascending. Most wallets of a young store have one.
#[expect(clippy::box_collection, reason = "two words a wallet instead of three")]
enum Marks {
    One(u64),
    /// Boxed: a third word here would be paid by every wallet.
    Many(Box<Vec<u64>>),
}

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
            shards: (0..SHARDS).map(|_| Mutex::new(HashMap::new())).collect(),
        }
    }

    /// Folds one durable event in. Events come in LSN order per wallet.
    pub(crate) fn apply(&self, lsn: u64, event: &Event) {
        for (id, role) in event.roles() {
            self.apply_role(lsn, id, role, event);
        }
    }

    /// Folds one leg of a durable event in: replay deals legs out to several workers.
    pub(crate) fn apply_role(&self, lsn: u64, id: EntityId, role: Role, event: &Event) {
        let kind = match event {
            Event::WalletCreated(_) => return,
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
        self.add(id.id, kind, lsn);
    }

    fn add(&self, wallet: u64, kind: EntryType, lsn: u64) {
        let mark = (kind as u64) << LSN_BITS | lsn;
        let mut shard = self.shard(wallet).lock();
        match shard.get_mut(&wallet) {
            None => drop(shard.insert(wallet, Marks::One(mark))),
            Some(Marks::Many(marks)) => marks.push(mark),
            Some(marks @ Marks::One(_)) => {
                let Marks::One(first) = *marks else {
                    unreachable!("matched above")
                };
                *marks = Marks::Many(Box::new(vec![first, mark]));
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
        let shard = self.shard(wallet).lock();
        match shard.get(&wallet) {
            None => read(&[]),
            Some(Marks::One(mark)) => read(std::slice::from_ref(mark)),
            Some(Marks::Many(marks)) => read(marks),
        }
    }

    fn shard(&self, wallet: u64) -> &Mutex<HashMap<u64, Marks>> {
        &self.shards[wallet as usize % SHARDS]
    }
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
