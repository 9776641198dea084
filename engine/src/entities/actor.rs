//! The one ractor actor: owns one entity's state, runs each message to its end, awaits nothing but a
//! meeting.
//!
//! A panic in `decide` is caught where it is called. A panic anywhere else in a handler ends the
//! process, in every build profile: memory may be ahead of the log, and replay is the only
//! supervisor. `Err` is never returned, nothing is ever killed or restarted.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;

use super::act::{Facet, Work, carry_out};
use super::meeting::{Meeting, Seat};
use super::shard::Load;
use super::ticket::{Ticket, Token};
use super::{Core, EntityState, row};
use crate::api::{Refusal, WalletView};
use crate::domain::{Entity, EntityId, Timestamp, WalletId};

/// What an actor is told.
pub(crate) enum Message {
    /// Carry out a command on this entity alone.
    Act(Box<Work>),
    /// Lend the state to a meeting.
    Join(Arc<Meeting>),
    /// Show the state.
    View {
        reply: oneshot::Sender<Result<Option<WalletView>, Refusal>>,
        token: Token,
    },
    /// Go to rest, unless something came in between.
    Retire,
}

/// Why a state is at home whenever a message is handled.
const LENT: &str = "an actor that has lent its state handles no other message";

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
    /// Lent to a meeting while `None`.
    state: Option<Box<EntityState>>,
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
        let state = Box::new(birth.row.as_deref().map(row::decode).unwrap_or_default());
        Ok(Own {
            core: birth.core,
            id: birth.id,
            load: birth.load,
            state: Some(state),
        })
    }

    /// Does everything at once and returns what is left to wait for. Were this an `async fn`, each
    /// message would be moved into the task of an actor that nobody touched for a while: half a
    /// dozen cache misses an act.
    fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        own: &mut Own,
    ) -> impl Future<Output = Result<(), ActorProcessingErr>> + Send {
        let _guard = AbortOnPanic;
        let seat = own.take(&myself, message);
        async move {
            let _guard = AbortOnPanic;
            if let Some(seat) = seat {
                own.state = Some(seat.home().await);
            }
            Ok(())
        }
    }
}

// === impl Own ===

impl Own {
    /// Handles a message; what comes back is the seat of a state that was lent.
    fn take(&mut self, myself: &ActorRef<Message>, message: Message) -> Option<Seat> {
        match message {
            Message::Act(work) => {
                self.load.dequeue();
                self.act(*work);
            }
            Message::Join(meeting) => {
                self.load.dequeue();
                let Some(state) = self.state.take() else {
                    unreachable!("{LENT}")
                };
                match meeting.attend(&self.core, self.id, state) {
                    Ok(state) => self.state = Some(state),
                    Err(place) => return Some(Seat::new(meeting, place)),
                }
            }
            Message::View { reply, token } => {
                self.load.dequeue();
                self.show(reply, token);
            }
            Message::Retire => self.retire(myself),
        }
        None
    }

    fn act(&mut self, work: Work) {
        let Self {
            core, id, state, ..
        } = self;
        let Some(state) = state else {
            unreachable!("{LENT}")
        };
        carry_out(core, &mut [Facet { id: *id, state }], work);
    }

    fn show(&self, reply: oneshot::Sender<Result<Option<WalletView>, Refusal>>, token: Token) {
        let Some(state) = &self.state else {
            unreachable!("{LENT}")
        };
        let view = view(self.id, state, Timestamp(self.core.clock.now_us())).map(Box::new);
        let ticket = Ticket::View { view, reply, token };
        if let Some(ticket) = self.core.journal.wait(state.last_lsn, ticket) {
            ticket.deliver(state.last_lsn.0, 0);
        }
    }

    fn retire(&self, myself: &ActorRef<Message>) {
        let Some(state) = &self.state else {
            unreachable!("{LENT}")
        };
        if self.core.table.rest(self.id, || row::encode(state), myself) {
            myself.stop(None);
            self.core.capacity.notify_waiters();
        }
    }
}

/// A wallet as it can be spent from at `now`.
pub(crate) fn view(id: EntityId, state: &EntityState, now: Timestamp) -> Option<WalletView> {
    let Some(Entity::Wallet(wallet)) = &state.entity else {
        return None;
    };
    let now = now.max(state.last_at);
    let (free, paid) = match wallet.lots.lapsed(now) {
        None => (wallet.free, wallet.paid),
        Some(_) => wallet.lots.spendable(now),
    };
    Some(WalletView {
        id: WalletId::new(id.id)?,
        owner: wallet.owner,
        paid,
        free,
        version: wallet.version,
        lsn: state.last_lsn.0,
        created_at: state.created_at,
    })
}
