//! One shard of the routing table: rows of the dormant, handles of the live.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hashbrown::HashMap;
use ractor::ActorRef;

use super::actor::Message;
use super::agenda::Agenda;
use super::rows::Rows;
use crate::domain::EntityId;

/// What one live entity has in its mailbox and in flight.
#[derive(Default)]
pub(crate) struct Load {
    /// In flight in the lower half, in the mailbox in the upper one: one step counts both.
    counts: AtomicU64,
    /// Touched since the eviction hand last passed.
    touched: AtomicBool,
}

const ONE_IN_FLIGHT: u64 = 1;
const ONE_QUEUED: u64 = 1 << 32;

#[derive(Default)]
pub(super) struct Shard {
    pub(super) rows: Rows,
    pub(super) live: HashMap<u64, Live>,
    /// Live entities in the order in which the eviction hand visits them.
    pub(super) hand: VecDeque<EntityId>,
    /// When something comes due of whom.
    pub(super) agenda: Agenda,
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
    fn enter(&self) {
        self.counts
            .fetch_add(ONE_QUEUED + ONE_IN_FLIGHT, Ordering::Relaxed);
        if !self.touched.load(Ordering::Relaxed) {
            self.touched.store(true, Ordering::Relaxed);
        }
    }

    /// The actor has taken the message out of its mailbox.
    pub(crate) fn dequeue(&self) {
        self.counts.fetch_sub(ONE_QUEUED, Ordering::Relaxed);
    }

    /// The act is published. Release, so that whoever sees zero also sees what the act did.
    pub(crate) fn leave(&self) {
        self.counts.fetch_sub(ONE_IN_FLIGHT, Ordering::Release);
    }

    /// Messages in the mailbox.
    pub(super) fn queued(&self) -> u64 {
        self.counts.load(Ordering::Relaxed) / ONE_QUEUED
    }

    /// Nothing in the mailbox and nothing unpublished.
    pub(super) fn is_quiet(&self) -> bool {
        self.counts.load(Ordering::Acquire) == 0
    }

    /// Whether it was touched since this was last asked.
    pub(super) fn take_touched(&self) -> bool {
        self.touched.swap(false, Ordering::Relaxed)
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
