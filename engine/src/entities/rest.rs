//! Going to rest: who is put there, when, and how the state travels back to its row.
//!
//! An actor goes to rest only when nothing of it is in flight. What is sent while its state travels
//! back is kept in the entry and delivered, in order, before anything newer.

use std::sync::atomic::Ordering;

use ractor::ActorRef;
use tokio::sync::Notify;

use super::actor::Message;
use super::shard::{Shard, send};
use super::table::{SHARDS, Table, key_of, shard_of};
use super::{EntityState, row};
use crate::domain::EntityId;

/// Entities looked at in search of some to put to rest, at each dispatch near the cap.
pub(super) const EVICTION_STEPS: usize = 8;

/// Most entities put to rest by one dispatch: twice as many as it can bring to life by itself, so the
/// number of live ones falls.
const EVICTIONS: usize = 2;

/// Sweeps without a touch after which an actor counts as idle.
pub(crate) const SWEEPS_IDLE: u32 = 4;

// === impl Table ===

impl Table {
    /// Puts a few quiet entities to rest, wherever the eviction hand finds them. From seven eighths
    /// of the cap on every dispatch does so, so that the cap itself is met only when everybody is
    /// busy. Called without any shard locked.
    pub(super) fn relieve(&self, steps: usize) {
        // The first pass may only find entities that were touched since the last one.
        for _ in 0..2 * SHARDS {
            let at = self.hand.fetch_add(1, Ordering::Relaxed) % SHARDS;
            let mut shard = self.shards[at].lock();
            let steps_here = steps.min(shard.hand.len());
            if shard.evict(steps_here) || (steps != usize::MAX && steps_here > 0) {
                return;
            }
        }
    }

    /// An actor gives its state back. `false`: it goes on, because messages came meanwhile or because
    /// it has no state to give yet.
    pub(crate) fn rest(
        &self,
        id: EntityId,
        state: Option<&EntityState>,
        actor: &ActorRef<Message>,
    ) -> bool {
        let mut shard = self.shards[shard_of(id)].lock();
        let Some(live) = shard.live.get_mut(&key_of(id)) else {
            unreachable!("only the actor itself leaves the table")
        };
        let buffered = live.resting.take().unwrap_or_default();
        let Some(state) = state.filter(|_| buffered.is_empty()) else {
            for message in buffered {
                send(actor, message);
            }
            shard.hand.push_back(id);
            return false;
        };
        shard.live.remove(&key_of(id));
        match row::encode(state) {
            // It has none while it is live.
            Some(row) => {
                shard.rows.insert(key_of(id), &row);
                let Shard { agenda, .. } = &mut *shard;
                agenda.move_entry(key_of(id), state.noted, state.next_due());
            }
            None => drop(self.entities.fetch_sub(1, Ordering::Relaxed)),
        }
        self.live.fetch_sub(1, Ordering::Relaxed);
        true
    }

    /// Puts everybody to rest who was not touched since the sweep before the last one.
    pub(crate) fn sweep(&self) {
        let now = self.sweep.fetch_add(1, Ordering::Relaxed) + 1;
        for shard in &self.shards {
            let mut shard = shard.lock();
            let mut resting = 0_usize;
            for live in shard.live.values_mut() {
                if now.wrapping_sub(live.used) > SWEEPS_IDLE && live.rest() {
                    resting += 1;
                }
            }
            if resting > 0 {
                let Shard { live, hand, .. } = &mut *shard;
                hand.retain(|id| {
                    live.get(&key_of(*id))
                        .is_some_and(|live| live.resting.is_none())
                });
                hand.shrink_to(hand.len() * 2);
                live.shrink_to(live.len() * 2);
            }
        }
    }

    /// Puts every actor to rest. Called when nothing is in flight any more and nothing new comes.
    pub(crate) async fn rest_all(&self, capacity: &Notify) {
        loop {
            let rested = capacity.notified();
            tokio::pin!(rested);
            rested.as_mut().enable();
            for shard in &self.shards {
                shard.lock().live.values_mut().for_each(|live| {
                    live.rest();
                });
            }
            if self.live() == 0 {
                return;
            }
            rested.await;
        }
    }
}

// === impl Shard ===

impl Shard {
    /// Moves the hand over so many entities and puts those to rest that are quiet and were not
    /// touched since it last came by. Whether there was one.
    fn evict(&mut self, steps: usize) -> bool {
        let mut found = 0;
        for _ in 0..steps {
            let Some(id) = self.hand.pop_front() else {
                break;
            };
            let Some(live) = self.live.get_mut(&key_of(id)) else {
                continue;
            };
            if live.resting.is_some() {
                continue;
            }
            if live.load.take_touched() || !live.rest() {
                self.hand.push_back(id);
                continue;
            }
            found += 1;
            if found == EVICTIONS {
                break;
            }
        }
        found > 0
    }
}
