//! The routing table: a compact row for every entity at rest, a handle for every live actor.
//!
//! Only the table holds actor handles; every message is sent through it under the lock of the
//! entity's shard. Activation is synchronous under that lock, so ten thousand first requests make one
//! actor. An actor goes to rest only when nothing of it is in flight; what is sent while its state
//! travels back is kept in the entry and delivered, in order, before anything newer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use parking_lot::{Mutex, MutexGuard};
use ractor::{ActorRef, ActorRuntime};
use smallvec::SmallVec;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};

use super::actor::{Birth, EntityActor, Message, view};
use super::meeting::{Meeting, Work};
use super::ticket::Token;
use super::{Core, EntityState, row};
use crate::api::{Refusal, WalletView};
use crate::domain::{EntityId, Timestamp};

/// Shards of the table: enough that two cores rarely meet, few enough to walk in microseconds.
const SHARDS: usize = 256;

/// Entities looked at in search of some to put to rest, at each dispatch near the cap.
const EVICTION_STEPS: usize = 8;

/// Most entities put to rest by one dispatch: twice as many as it can bring to life by itself, so the
/// number of live ones falls.
const EVICTIONS: usize = 2;

/// Bounds of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Most live actors.
    pub(crate) max_active: usize,
    /// Most messages waiting for one entity.
    pub(crate) queued_max: u32,
}

/// All entities.
pub(crate) struct Table {
    shards: Box<[Mutex<Shard>]>,
    limits: Limits,
    runtime: Handle,
    live: AtomicUsize,
    entities: AtomicUsize,
    /// Counts sweeps; an entry not touched since the last but one is idle.
    sweep: AtomicU32,
    /// Shard that the eviction hand points at.
    hand: AtomicUsize,
}

/// What one live entity has in its mailbox and in flight.
#[derive(Default)]
pub(crate) struct Load {
    in_flight: AtomicU32,
    queued: AtomicU32,
    /// Touched since the eviction hand last passed.
    touched: AtomicBool,
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
pub(crate) enum Lookup {
    /// At rest, hence durable.
    Row(Option<WalletView>),
    /// Live: the answer comes from the actor.
    Asked(oneshot::Receiver<Result<Option<WalletView>, Refusal>>),
    Refused(Refusal),
}

#[derive(Default)]
struct Shard {
    rows: HashMap<u64, Box<[u8]>>,
    live: HashMap<u64, Live>,
    /// Live entities in the order in which the eviction hand visits them.
    hand: VecDeque<EntityId>,
}

struct Live {
    actor: ActorRef<Message>,
    load: Arc<Load>,
    used: u32,
    /// Set while the state travels back to its row; messages that came meanwhile.
    resting: Option<Vec<Message>>,
}

// === impl Load ===

impl Load {
    fn enter(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.queued.fetch_add(1, Ordering::Relaxed);
        self.touched.store(true, Ordering::Relaxed);
    }

    /// The actor has taken the message out of its mailbox.
    pub(crate) fn dequeue(&self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
    }

    /// The act is published. Release, so that whoever sees zero also sees what the act did.
    pub(crate) fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::Release);
    }

    fn is_quiet(&self) -> bool {
        self.in_flight.load(Ordering::Acquire) == 0
    }
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

    /// Puts an entity found by replay in its place.
    pub(crate) fn restore(&self, id: EntityId, state: &EntityState) {
        if let Some(row) = row::encode(state) {
            self.shards[shard_of(id)]
                .lock()
                .rows
                .insert(key_of(id), row);
            self.entities.fetch_add(1, Ordering::Relaxed);
        }
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

    /// Puts a few quiet entities to rest, wherever the eviction hand finds them. From seven eighths
    /// of the cap on every dispatch does so, so that the cap itself is met only when everybody is
    /// busy. Called without any shard locked.
    fn relieve(&self, steps: usize) {
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

    fn dispatch_one(&self, core: &Arc<Core>, id: EntityId, mut work: Box<Work>) -> Dispatch {
        let mut shard = self.shards[shard_of(id)].lock();
        let creates = work.command.creates() == Some(id);
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
            let creates = work.command.creates() == Some(*id);
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
        let meeting = Arc::new(Meeting::new(ids.len(), work));
        for id in ids {
            if let Some(live) = shards[place(*id)].live.get_mut(&key_of(*id)) {
                live.send(Message::Join(Arc::clone(&meeting)));
            }
        }
        Dispatch::Sent
    }

    /// Reads a wallet: from its row, or by asking its actor.
    pub(crate) fn look(&self, id: EntityId, now: Timestamp) -> Lookup {
        let mut shard = self.shards[shard_of(id)].lock();
        if let Some(row) = shard.rows.get(&key_of(id)) {
            return Lookup::Row(view(id, &row::decode(row), now));
        }
        let sweep = self.sweep.load(Ordering::Relaxed);
        let Some(live) = shard.live.get_mut(&key_of(id)) else {
            return Lookup::Row(None);
        };
        if live.load.queued.load(Ordering::Relaxed) >= self.limits.queued_max {
            return Lookup::Refused(Refusal::EntityBusy);
        }
        live.touch(sweep);
        let (reply, receiver) = oneshot::channel();
        let mut token = Token::default();
        token.loads.push(Arc::clone(&live.load));
        live.send(Message::View { reply, token });
        Lookup::Asked(receiver)
    }

    /// Whether the entity exists and may be sent one more message. `true`: it is at rest, and a place
    /// among the live ones is now taken for it.
    fn admit(&self, shard: &mut Shard, id: EntityId, creates: bool) -> Result<bool, Stop> {
        let key = key_of(id);
        if let Some(live) = shard.live.get(&key) {
            let full = live.load.queued.load(Ordering::Relaxed) >= self.limits.queued_max;
            return if full {
                Err(Stop::Refused(Refusal::EntityBusy))
            } else {
                Ok(false)
            };
        }
        if !creates && !shard.rows.contains_key(&key) {
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

    fn activate<'a>(&self, shard: &'a mut Shard, core: &Arc<Core>, id: EntityId) -> &'a mut Live {
        let sweep = self.sweep.load(Ordering::Relaxed);
        let live = match shard.live.entry(key_of(id)) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let row = shard.rows.remove(&key_of(id));
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

    /// An actor gives its state back. `false`: messages came meanwhile, it goes on.
    pub(crate) fn rest(
        &self,
        id: EntityId,
        row: impl FnOnce() -> Option<Box<[u8]>>,
        actor: &ActorRef<Message>,
    ) -> bool {
        let mut shard = self.shards[shard_of(id)].lock();
        let Some(live) = shard.live.get_mut(&key_of(id)) else {
            unreachable!("only the actor itself leaves the table")
        };
        let buffered = live.resting.take().unwrap_or_default();
        if !buffered.is_empty() {
            for message in buffered {
                send(actor, message);
            }
            shard.hand.push_back(id);
            return false;
        }
        shard.live.remove(&key_of(id));
        match row() {
            Some(row) => drop(shard.rows.insert(key_of(id), row)),
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
}

impl Table {
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

/// Sweeps without a touch after which an actor counts as idle.
pub(crate) const SWEEPS_IDLE: u32 = 4;

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
            if live.load.touched.swap(false, Ordering::Relaxed) || !live.rest() {
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

// === impl Live ===

impl Live {
    fn touch(&mut self, sweep: u32) {
        self.used = sweep;
    }

    fn send(&mut self, message: Message) {
        self.load.enter();
        match &mut self.resting {
            Some(buffer) => buffer.push(message),
            None => send(&self.actor, message),
        }
    }

    /// Asks the actor for its state, if nothing of it is in flight.
    fn rest(&mut self) -> bool {
        let rests = self.resting.is_none() && self.load.is_quiet();
        if rests {
            self.resting = Some(Vec::new());
            send(&self.actor, Message::Retire);
        }
        rests
    }
}

fn send(actor: &ActorRef<Message>, message: Message) {
    // A live entry's actor has a mailbox: it leaves the table before it stops, under this lock.
    let sent = actor.cast(message);
    assert!(sent.is_ok(), "a live actor takes messages");
}

/// Why a message cannot be sent.
enum Stop {
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
fn key_of(id: EntityId) -> u64 {
    (id.kind as u64) << 56 | id.id
}

fn shard_of(id: EntityId) -> usize {
    // Fibonacci hashing: neighbouring ids spread over all shards.
    (key_of(id).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as usize % SHARDS
}
