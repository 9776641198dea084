//! One shard of the routing table: rows of the dormant, handles of the live.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use hashbrown::HashMap;
use ractor::ActorRef;

use super::actor::Message;
use crate::domain::EntityId;

/// What one live entity has in its mailbox and in flight.
#[derive(Default)]
pub(crate) struct Load {
    pub(super) in_flight: AtomicU32,
    pub(super) queued: AtomicU32,
    /// Touched since the eviction hand last passed.
    pub(super) touched: AtomicBool,
}

#[derive(Default)]
pub(super) struct Shard {
    pub(super) rows: HashMap<u64, Box<[u8]>>,
    pub(super) live: HashMap<u64, Live>,
    /// Live entities in the order in which the eviction hand visits them.
    pub(super) hand: VecDeque<EntityId>,
}

pub(super) struct Live {
    pub(super) actor: ActorRef<Message>,
    pub(super) load: Arc<Load>,
    pub(super) used: u32,
    /// Set while the state travels back to its row; messages that came meanwhile.
    pub(super) resting: Option<Vec<Message>>,
}

// === impl Load ===

impl Load {
    pub(super) fn enter(&self) {
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

// === impl Live ===

impl Live {
    pub(super) fn touch(&mut self, sweep: u32) {
        self.used = sweep;
    }

    pub(super) fn send(&mut self, message: Message) {
        self.load.enter();
        match &mut self.resting {
            Some(buffer) => buffer.push(message),
            None => send(&self.actor, message),
        }
    }

    /// Asks the actor for its state, if nothing of it is in flight.
    pub(super) fn rest(&mut self) -> bool {
        let rests = self.resting.is_none() && self.load.is_quiet();
        if rests {
            self.resting = Some(Vec::new());
            send(&self.actor, Message::Retire);
        }
        rests
    }
}

pub(super) fn send(actor: &ActorRef<Message>, message: Message) {
    // A live entry's actor has a mailbox: it leaves the table before it stops, under this lock.
    let sent = actor.cast(message);
    assert!(sent.is_ok(), "a live actor takes messages");
}
