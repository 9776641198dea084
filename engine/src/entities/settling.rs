//! The agenda's side of the routing table: who is due, and having them settle it.
//!
//! ```text
//! due ──► [7 3 9] ──► wake each (live: a message; at rest: an actor, then a message) ──► durable ──► let_rest
//! ```
//! An entity that is at rest is woken, settles what is due and goes straight back to rest. Being woken is no use: it
//! neither keeps an entity live nor spares it from the eviction hand.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::actor::Message;
use super::rest::SWEEPS_IDLE;
use super::shard::Shard;
use super::table::{Table, key_of, shard_of};
use super::ticket::Token;
use super::{Core, EntityState};
use crate::domain::{EntityId, EntityKind, Timestamp};

/// Most entities that are counted as due: a million of them take a core longer than anybody served beside them should
/// wait, and that there are many is all that is asked.
const DUE_COUNTED_MAX: usize = 10_000;

/// What stands in the agenda.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Outlook {
    /// Entities of which something will come due.
    pub(crate) entities: u64,
    /// Those of which it has, as far as they are counted.
    pub(crate) due: u64,
    /// The first instant of all.
    pub(crate) first: Option<Timestamp>,
}

// === impl Table ===

impl Table {
    /// Corrects the entry of a live entity.
    pub(super) fn note(&self, id: EntityId, state: &mut EntityState) {
        let next = state.next_due();
        if next != state.noted {
            let mut shard = self.shards[shard_of(id)].lock();
            shard.agenda.move_entry(key_of(id), state.noted, next);
            state.noted = next;
        }
    }

    /// At most so many entities that are due, always the same ones until something is done about them.
    pub(crate) fn due(&self, now: Timestamp, most: usize) -> Vec<EntityId> {
        let mut found = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock();
            let left = most - found.len();
            found.extend(shard.agenda.due(now).take(left).filter_map(id_of));
            if found.len() == most {
                break;
            }
        }
        found
    }

    /// Has an entity record what is due. The token comes free once that is durable, or with `false` at once: then it is
    /// too busy, or there is no room for one more live entity.
    pub(crate) fn wake(&self, core: &Arc<Core>, id: EntityId, mut token: Token) -> bool {
        let mut shard = self.shards[shard_of(id)].lock();
        let Ok(born) = self.admit(&mut shard, id, false) else {
            return false;
        };
        let live = if born {
            let live = self.activate(&mut shard, core, id);
            live.used = self.untouched();
            live
        } else if let Some(live) = shard.live.get_mut(&key_of(id)) {
            live
        } else {
            unreachable!("whoever is admitted is live or was at rest")
        };
        let touched = live.load.take_touched();
        token.loads.push(Arc::clone(&live.load));
        live.send(Message::Settle(token));
        if !touched {
            live.load.take_touched();
        }
        true
    }

    /// Puts those of them to rest that nobody has asked anything of meanwhile.
    pub(crate) fn let_rest(&self, ids: &[EntityId]) {
        let now = self.sweep.load(Ordering::Relaxed);
        for id in ids {
            let mut shard = self.shards[shard_of(*id)].lock();
            let Shard { live, hand, .. } = &mut *shard;
            if let Some(live) = live.get_mut(&key_of(*id))
                && now.wrapping_sub(live.used) > SWEEPS_IDLE
                && live.rest()
                // It has just come under the hand.
                && let Some(at) = hand.iter().rposition(|under| under == id)
            {
                hand.remove(at);
            }
        }
    }

    /// What stands in the agenda. Counts what is due up to a bound.
    pub(crate) fn outlook(&self, now: Timestamp) -> Outlook {
        let mut outlook = Outlook::default();
        for shard in &self.shards {
            let agenda = &shard.lock().agenda;
            outlook.entities += agenda.len() as u64;
            let left = DUE_COUNTED_MAX - outlook.due as usize;
            outlook.due += agenda.due(now).take(left).count() as u64;
            let first = [outlook.first, agenda.first()];
            outlook.first = first.into_iter().flatten().min();
        }
        outlook
    }

    /// A mark of an entity that has been idle for long.
    fn untouched(&self) -> u32 {
        let now = self.sweep.load(Ordering::Relaxed);
        now.wrapping_sub(SWEEPS_IDLE + 1)
    }
}

/// The entity of a key; `None` if it is none.
fn id_of(key: u64) -> Option<EntityId> {
    let id = key & (u64::MAX >> 8);
    let kind = EntityKind::from_number((key >> 56) as u8)?;
    Some(EntityId { kind, id })
}
