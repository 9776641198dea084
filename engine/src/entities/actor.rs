//! The one ractor actor: owns one entity's state, runs each message to its end, awaits nothing. While
//! its state is lent to a meeting, what comes next is noted where the state is.
//!
//! A panic in `decide` is caught where it is called. A panic anywhere else in a handler ends the
//! process, in every build profile: memory may be ahead of the log, and replay is the only
//! supervisor. `Err` is never returned, nothing is ever killed or restarted.

use std::sync::Arc;

use super::act::{Facet, Work, carry_out, settle};
use super::meeting::{Meeting, Purpose, Seat};
use super::shard::Load;
use super::ticket::{Seen, Ticket, Token};
use super::{Core, EntityState, row};
use crate::api::WalletView;
use crate::domain::{Entity, EntityId, Timestamp, WalletId};
use ractor::{Actor, ActorProcessingErr, ActorRef};

/// What an actor is told.
pub(crate) enum Message {
    /// Carry out a command on this entity alone.
    Act(Box<Work>),
    /// Lend the state to a meeting.
    Join(Arc<Meeting>),
    /// Show the state.
    Look(Look),
    /// Record what has come due. The only message that nobody outside has sent.
    Settle(Token),
    /// Go to rest, unless something came in between.
    Retire,
}

/// Who wants to see a state.
pub(crate) struct Look {
    pub(crate) show: Show,
    pub(crate) token: Token,
}

/// Takes down what is wanted of a state at an instant.
pub(crate) type Show = Box<dyn FnOnce(EntityId, &EntityState, Timestamp) -> Seen + Send>;

/// The actor's code; one value each, without state.
pub(crate) struct EntityActor;

/// What an actor starts from.
pub(crate) struct Birth {
    pub(crate) core: Arc<Core>,
    pub(crate) id: EntityId,
    /// `None` for an entity that is to be created.
    pub(crate) row: Option<Box<[u8]>>,
    pub(crate) load: Arc<Load>,
}

/// What an actor owns.
pub(crate) struct Own {
    core: Arc<Core>,
    id: EntityId,
    load: Arc<Load>,
    state: Whereabouts,
}

/// Where an actor's state is.
enum Whereabouts {
    Home(Box<EntityState>),
    /// On its way to this seat, or there.
    Lent(Seat),
}

/// Ends the process if dropped by a panic.
pub(crate) struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}

impl Actor for EntityActor {
    type Msg = Message;
    type State = Own;
    type Arguments = Birth;

    async fn pre_start(
        &self,
        _myself: ActorRef<Message>,
        birth: Birth,
    ) -> Result<Own, ActorProcessingErr> {
        let _guard = AbortOnPanic;
        let state = Box::new(
            birth
                .row
                .as_deref()
                .map(|row| row::decode(birth.id.kind, row))
                .unwrap_or_default(),
        );
        Ok(Own {
            core: birth.core,
            id: birth.id,
            load: birth.load,
            state: Whereabouts::Home(state),
        })
    }

    /// Does everything at once: there is nothing to wait for. Were this an `async fn`, each message
    /// would be moved into the task of an actor that nobody touched for a while: half a dozen cache
    /// misses an act.
    fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        own: &mut Own,
    ) -> impl Future<Output = Result<(), ActorProcessingErr>> + Send {
        let _guard = AbortOnPanic;
        own.take(&myself, message);
        std::future::ready(Ok(()))
    }
}

// === impl Own ===

impl Own {
    fn take(&mut self, myself: &ActorRef<Message>, message: Message) {
        match message {
            Message::Act(work) => {
                self.load.dequeue();
                match self.state_at_home() {
                    Some((core, id, state)) => carry_out(core, &mut [Facet { id, state }], *work),
                    None => self.join(Arc::new(Meeting::new(1, Purpose::Act(work)))),
                }
            }
            Message::Join(meeting) => {
                self.load.dequeue();
                self.join(meeting);
            }
            Message::Look(look) => {
                self.load.dequeue();
                match self.state_at_home() {
                    Some((core, id, state)) => show(core, id, state, look),
                    None => self.join(Arc::new(Meeting::new(1, Purpose::Look(look)))),
                }
            }
            Message::Settle(token) => {
                self.load.dequeue();
                match self.state_at_home() {
                    Some((core, id, state)) => settle(core, &mut Facet { id, state }, token),
                    None => self.join(Arc::new(Meeting::new(1, Purpose::Settle(token)))),
                }
            }
            Message::Retire => self.retire(myself),
        }
    }

    /// The state, fetched home if it may leave the meeting it was lent to.
    fn state_at_home(&mut self) -> Option<(&Core, EntityId, &mut EntityState)> {
        if let Whereabouts::Lent(seat) = &self.state {
            self.state = Whereabouts::Home(seat.leave()?);
        }
        match &mut self.state {
            Whereabouts::Home(state) => Some((&self.core, self.id, state)),
            Whereabouts::Lent(_) => None,
        }
    }

    /// Lends the state to a meeting, at once or as soon as it comes free.
    fn join(&mut self, meeting: Arc<Meeting>) {
        let next = meeting.take_place(self.id);
        let seat = Whereabouts::Lent(next.clone());
        match std::mem::replace(&mut self.state, seat) {
            Whereabouts::Home(state) => next.arrive(&self.core, state),
            Whereabouts::Lent(seat) => {
                if let Err((next, state)) = seat.go_on(next) {
                    next.arrive(&self.core, state);
                }
            }
        }
    }

    fn retire(&mut self, myself: &ActorRef<Message>) {
        if let Whereabouts::Lent(seat) = &self.state
            && let Some(state) = seat.leave()
        {
            self.state = Whereabouts::Home(state);
        }
        let state = match &self.state {
            Whereabouts::Home(state) => Some(&**state),
            // An act may be published before its thread has let go of the states: too early.
            Whereabouts::Lent(_) => None,
        };
        if self.core.table.rest(self.id, state, myself) {
            myself.stop(None);
        }
        self.core.capacity.notify_waiters();
    }
}

/// Shows a state once what it rests on is durable.
pub(crate) fn show(core: &Core, id: EntityId, state: &EntityState, look: Look) {
    let Look { show, token } = look;
    let seen = show(id, state, Timestamp(core.clock.now_us()));
    let ticket = Ticket::Seen { seen, token };
    if let Some(ticket) = core.journal.wait(state.last_lsn, ticket) {
        ticket.deliver(state.last_lsn.0, 0);
    }
}

/// A wallet as it can be spent from at `now`.
pub(crate) fn view(id: EntityId, state: &EntityState, now: Timestamp) -> Option<WalletView> {
    let Some(Entity::Wallet(wallet)) = &state.entity else {
        return None;
    };
    let now = now.max(state.last_at);
    let id = WalletId::new(id.id)?;
    let (lsn, created_at) = (state.last_lsn.0, state.created_at);
    Some(WalletView::new(id, wallet, now, lsn, created_at))
}
