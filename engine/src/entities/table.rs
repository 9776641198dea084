//! The routing table: a compact row for every entity at rest, a handle for every live actor.
//!
//! Only the table holds actor handles; every message is sent through it under the lock of the
//! entity's shard. Activation is synchronous under that lock, so ten thousand first requests make one
//! actor. An actor goes to rest only when nothing of it is in flight; what is sent while its state
//! travels back is kept in the entry and delivered, in order, before anything newer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use hashbrown::hash_map::Entry;
use parking_lot::{Mutex, MutexGuard};
use ractor::ActorRuntime;
use smallvec::SmallVec;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::act::Work;
use super::actor::{Birth, EntityActor, Look, Message};
use super::meeting::{Meeting, Purpose};
use super::rest::EVICTION_STEPS;
use super::shard::{Live, Load, Shard};
use super::ticket::{Seen, Token};
use super::{Core, Directory, EntityState, row};
use crate::api::Refusal;
use crate::domain::{EntityId, Timestamp};

/// Shards of the table: enough that two cores rarely meet, few enough to walk in microseconds.
pub(super) const SHARDS: usize = 256;

/// Bounds of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Most live actors.
    pub(crate) max_active: usize,
    /// Most messages waiting for one entity.
    pub(crate) queued_max: u64,
}

/// All entities.
pub(crate) struct Table {
    pub(super) shards: Box<[Mutex<Shard>]>,
    pub(super) limits: Limits,
    pub(super) runtime: Handle,
    pub(super) live: AtomicUsize,
    pub(super) entities: AtomicUsize,
    pub(crate) directory: Arc<Directory>,
    /// Counts sweeps; an entry not touched since the last but one is idle.
    pub(super) sweep: AtomicU32,
    /// Shard that the eviction hand points at.
    pub(super) hand: AtomicUsize,
}

/// What came of sending a command to its entities.
pub(crate) enum Dispatch {
    Sent,
    /// Refused before anything was sent; the work comes back untouched.
    Refused(Refusal, Box<Work>),
    /// A participant does not exist.
    Absent(EntityId, Box<Work>),
}

/// What a read found.
pub(crate) enum Lookup<T> {
    /// At rest, hence durable; or not there.
    Row(Option<T>),
    /// Live: the answer comes from the actor.
    Asked(oneshot::Receiver<Result<Option<T>, Refusal>>),
    Refused(Refusal),
}

// === impl Table ===

impl Table {
    pub(crate) fn new(limits: Limits, runtime: Handle) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(Shard::default())).collect(),
            limits,
            runtime,
            live: AtomicUsize::new(0),
            entities: AtomicUsize::new(0),
            directory: Arc::default(),
            sweep: AtomicU32::new(0),
            hand: AtomicUsize::new(0),
        }
    }

    /// Live actors.
    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Entities that exist.
    pub(crate) fn entities(&self) -> usize {
        self.entities.load(Ordering::Relaxed)
    }

    /// Puts a row in its place while nothing is live yet.
    pub(crate) fn restore_row(&self, id: EntityId, row: &[u8], state: &EntityState) {
        let mut shard = self.shards[shard_of(id)].lock();
        if shard.rows.insert(key_of(id), row) {
            self.entities.fetch_add(1, Ordering::Relaxed);
        }
        shard.agenda.move_entry(key_of(id), None, state.next_due());
        self.directory.restore(id, state);
    }

    /// The state in a row that was restored before.
    pub(crate) fn restored(&self, id: EntityId) -> Option<EntityState> {
        let shard = self.shards[shard_of(id)].lock();
        let row = shard.rows.get(key_of(id));
        row.map(|row| row::decode(id.kind, row))
    }

    /// Sends a command to its one or several entities, or to none of them.
    pub(crate) fn dispatch(&self, core: &Arc<Core>, ids: &[EntityId], work: Box<Work>) -> Dispatch {
        let dispatched = match ids {
            [id] => self.dispatch_one(core, *id, work),
            _ => self.dispatch_all(core, ids, work),
        };
        let max = self.limits.max_active;
        if matches!(dispatched, Dispatch::Refused(Refusal::Overloaded, _)) {
            self.relieve(usize::MAX);
        } else if self.live() > max - max / 8 {
            self.relieve(EVICTION_STEPS);
        }
        dispatched
    }

    fn dispatch_one(&self, core: &Arc<Core>, id: EntityId, mut work: Box<Work>) -> Dispatch {
        let mut shard = self.shards[shard_of(id)].lock();
        // Nearly always it is live: one look-up then does for everything.
        if let Some(live) = shard.live.get_mut(&key_of(id)) {
            if live.load.queued() >= self.limits.queued_max {
                return Stop::Refused(Refusal::EntityBusy).into_dispatch(work);
            }
            live.touch(self.sweep.load(Ordering::Relaxed));
            work.token.loads.push(Arc::clone(&live.load));
            live.send(Message::Act(work));
            return Dispatch::Sent;
        }
        let creates = work.order.creates(id);
        if let Err(stop) = self.admit(&mut shard, id, creates) {
            return stop.into_dispatch(work);
        }
        let live = self.activate(&mut shard, core, id);
        work.token.loads.push(Arc::clone(&live.load));
        live.send(Message::Act(work));
        Dispatch::Sent
    }

    fn dispatch_all(&self, core: &Arc<Core>, ids: &[EntityId], mut work: Box<Work>) -> Dispatch {
        let mut order: SmallVec<[usize; 4]> = ids.iter().map(|id| shard_of(*id)).collect();
        order.sort_unstable();
        order.dedup();
        let mut shards: SmallVec<[MutexGuard<'_, Shard>; 4]> =
            order.iter().map(|at| self.shards[*at].lock()).collect();
        let place = |id: EntityId| order.binary_search(&shard_of(id)).unwrap_or_default();
        let mut births = 0;
        for id in ids {
            let creates = work.order.creates(*id);
            match self.admit(&mut shards[place(*id)], *id, creates) {
                Ok(born) => births += usize::from(born),
                Err(stop) => {
                    self.live.fetch_sub(births, Ordering::Relaxed);
                    return stop.into_dispatch(work);
                }
            }
        }
        for id in ids {
            let live = self.activate(&mut shards[place(*id)], core, *id);
            work.token.loads.push(Arc::clone(&live.load));
        }
        let meeting = Arc::new(Meeting::new(ids.len(), Purpose::Act(work)));
        for id in ids {
            if let Some(live) = shards[place(*id)].live.get_mut(&key_of(*id)) {
                live.send(Message::Join(Arc::clone(&meeting)));
            }
        }
        Dispatch::Sent
    }

    /// Reads of an entity what `show` tells: from its row, or by asking its actor.
    pub(crate) fn look<T: Send + 'static>(
        &self,
        id: EntityId,
        now: Timestamp,
        show: impl FnOnce(EntityId, &EntityState, Timestamp) -> Option<T> + Send + 'static,
    ) -> Lookup<T> {
        let mut shard = self.shards[shard_of(id)].lock();
        if let Some(row) = shard.rows.get(key_of(id)) {
            return Lookup::Row(show(id, &row::decode(id.kind, row), now));
        }
        let sweep = self.sweep.load(Ordering::Relaxed);
        let Some(live) = shard.live.get_mut(&key_of(id)) else {
            return Lookup::Row(None);
        };
        if live.load.queued() >= self.limits.queued_max {
            return Lookup::Refused(Refusal::EntityBusy);
        }
        live.touch(sweep);
        let (reply, receiver) = oneshot::channel();
        let mut token = Token::default();
        token.loads.push(Arc::clone(&live.load));
        let show = Box::new(move |id, state: &EntityState, now| -> Seen {
            let seen = show(id, state, now);
            // A reader that has gone away needs no answer.
            Box::new(move |kept| drop(reply.send(kept.map(|()| seen))))
        });
        live.send(Message::Look(Look { show, token }));
        Lookup::Asked(receiver)
    }

    /// Whether the entity exists and may be sent one more message. `true`: it is at rest, and a place
    /// among the live ones is now taken for it.
    pub(super) fn admit(
        &self,
        shard: &mut Shard,
        id: EntityId,
        creates: bool,
    ) -> Result<bool, Stop> {
        let key = key_of(id);
        if let Some(live) = shard.live.get(&key) {
            let full = live.load.queued() >= self.limits.queued_max;
            return if full {
                Err(Stop::Refused(Refusal::EntityBusy))
            } else {
                Ok(false)
            };
        }
        if !creates && !shard.rows.contains(key) {
            return Err(Stop::Absent(id));
        }
        let max = self.limits.max_active;
        let live = self.live.fetch_add(1, Ordering::Relaxed);
        if live >= max {
            self.live.fetch_sub(1, Ordering::Relaxed);
            return Err(Stop::Refused(Refusal::Overloaded));
        }
        Ok(true)
    }

    pub(super) fn activate<'a>(
        &self,
        shard: &'a mut Shard,
        core: &Arc<Core>,
        id: EntityId,
    ) -> &'a mut Live {
        let sweep = self.sweep.load(Ordering::Relaxed);
        let live = match shard.live.entry(key_of(id)) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let row = shard.rows.remove(key_of(id));
                if row.is_none() {
                    self.entities.fetch_add(1, Ordering::Relaxed);
                }
                shard.hand.push_back(id);
                let load = Arc::new(Load::default());
                let birth = Birth {
                    core: Arc::clone(core),
                    id,
                    row,
                    load: Arc::clone(&load),
                };
                let _runtime = self.runtime.enter();
                let spawned = ActorRuntime::spawn_instant(None, EntityActor, birth);
                let Ok((actor, _)) = spawned else {
                    unreachable!("only a taken name fails")
                };
                entry.insert(Live {
                    actor,
                    load,
                    used: sweep,
                    resting: None,
                })
            }
        };
        live.touch(sweep);
        live
    }
}

/// Why a message cannot be sent.
pub(super) enum Stop {
    Refused(Refusal),
    Absent(EntityId),
}

impl Stop {
    fn into_dispatch(self, work: Box<Work>) -> Dispatch {
        match self {
            Self::Refused(refusal) => Dispatch::Refused(refusal, work),
            Self::Absent(id) => Dispatch::Absent(id, work),
        }
    }
}

/// An entity's id in one word: ids stay below 2^53.
pub(super) fn key_of(id: EntityId) -> u64 {
    (id.kind as u64) << 56 | id.id
}

pub(super) fn shard_of(id: EntityId) -> usize {
    // Fibonacci hashing: neighbouring ids spread over all shards.
    (key_of(id).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as usize % SHARDS
}
