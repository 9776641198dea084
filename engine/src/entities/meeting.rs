//! Several entities, one act: who takes part lends its state, the last to arrive acts for all.
//!
//! ```text
//! mailbox A  … Join(m) Join(n) ─┐
//! mailbox B  … Join(m) ─────────┼─ last to arrive acts ┬─► state A goes on to n
//! mailbox C  … Join(m) ─────────┘                      ├─► state B stays, until B asks for it
//!                                                      └─► state C is with who acted
//! ```
//! An actor never waits: while its state is lent it goes on through its mailbox and only notes, in the
//! place where the state is, what comes next. So a hot entity's acts follow one another on the thread
//! that has its state in its caches, and its actor is woken for what arrives, not for what returns.
//! All mailboxes get their `Join` under the locks of all shards concerned, so any two meetings reach
//! every mailbox they share in the same order and none can wait for another in a circle.

use std::sync::Arc;

use parking_lot::Mutex;
use smallvec::SmallVec;

use super::act::{Facet, Work, carry_out, settle};
use super::actor::{Look, show};
use super::ticket::Token;
use super::{Core, EntityState};
use crate::domain::EntityId;

/// Several entities, one act.
pub(crate) struct Meeting {
    inner: Mutex<Attendance>,
}

/// What a meeting is for.
pub(crate) enum Purpose {
    /// Carry out a command.
    Act(Box<Work>),
    /// Show the one participant's state, when it is its turn.
    Look(Look),
    /// Record what has come due of the one participant.
    Settle(Token),
}

struct Attendance {
    /// States still to come.
    missing: usize,
    places: Places,
    /// `None` from the act on.
    purpose: Option<Purpose>,
    /// The act is over: what lies in a place has come back.
    acted: bool,
}

/// One participant's place.
struct Place {
    id: EntityId,
    /// Lent by the participant; `None` before it came, during the act, and once it has left.
    state: Option<Box<EntityState>>,
    /// Where the state goes after the act.
    next: Option<Seat>,
}

/// Where a lent state is, or will be.
#[derive(Clone)]
pub(crate) struct Seat {
    meeting: Arc<Meeting>,
    place: usize,
}

/// Transfers and orders have two to four participants; more of them spill.
type Places = SmallVec<[Place; 4]>;

/// States that take part in an act, in the order of the places.
type States = SmallVec<[(EntityId, Box<EntityState>); 4]>;

/// States on their way to their next meetings.
type Leaving = SmallVec<[(Seat, Box<EntityState>); 4]>;

// === impl Meeting ===

impl Meeting {
    pub(crate) fn new(expected: usize, purpose: Purpose) -> Self {
        Self {
            inner: Mutex::new(Attendance {
                missing: expected,
                places: SmallVec::with_capacity(expected),
                purpose: Some(purpose),
                acted: false,
            }),
        }
    }

    /// A place for a state that comes later.
    pub(crate) fn take_place(self: Arc<Self>, id: EntityId) -> Seat {
        let mut inner = self.inner.lock();
        let place = inner.places.len();
        inner.places.push(Place {
            id,
            state: None,
            next: None,
        });
        drop(inner);
        Seat {
            meeting: self,
            place,
        }
    }

    /// Carries the act out on all states, and gives back those that go on elsewhere.
    fn hold(&self, core: &Core, mut states: States, purpose: Purpose) -> Leaving {
        match purpose {
            Purpose::Act(work) => {
                let mut facets: SmallVec<[Facet<'_>; 4]> = states
                    .iter_mut()
                    .map(|(id, state)| Facet { id: *id, state })
                    .collect();
                carry_out(core, &mut facets, *work);
            }
            Purpose::Look(look) => {
                let Some((id, state)) = states.first() else {
                    unreachable!("whoever is looked at has a place")
                };
                show(core, *id, state, look);
            }
            Purpose::Settle(token) => {
                let Some((id, state)) = states.first_mut() else {
                    unreachable!("whoever is settled has a place")
                };
                settle(core, &mut Facet { id: *id, state }, token);
            }
        }
        self.send_home(states)
    }

    fn send_home(&self, states: States) -> Leaving {
        let mut leaving = Leaving::new();
        let mut inner = self.inner.lock();
        inner.acted = true;
        for (place, (_, state)) in inner.places.iter_mut().zip(states) {
            match place.next.take() {
                Some(next) => leaving.push((next, state)),
                None => place.state = Some(state),
            }
        }
        leaving
    }
}

// === impl Seat ===

impl Seat {
    /// Brings a state to its place. If it is the last one, the act is carried out, and so is every
    /// act that only waited for a state that comes free by that.
    pub(crate) fn arrive(&self, core: &Core, state: Box<EntityState>) {
        let mut leaving = self.sit_down(core, state);
        while let Some((seat, state)) = leaving.pop() {
            leaving.append(&mut seat.sit_down(core, state));
        }
    }

    fn sit_down(&self, core: &Core, state: Box<EntityState>) -> Leaving {
        let mut inner = self.meeting.inner.lock();
        inner.places[self.place].state = Some(state);
        inner.missing -= 1;
        if inner.missing > 0 {
            return Leaving::new();
        }
        let Some(purpose) = inner.purpose.take() else {
            unreachable!("a meeting acts once")
        };
        let lent = |place: &mut Place| place.state.take().map(|state| (place.id, state));
        let states = inner.places.iter_mut().filter_map(lent).collect();
        drop(inner);
        self.meeting.hold(core, states, purpose)
    }

    /// Takes the state out, if the act is over.
    pub(crate) fn leave(&self) -> Option<Box<EntityState>> {
        let mut inner = self.meeting.inner.lock();
        if !inner.acted {
            return None;
        }
        inner.places[self.place].state.take()
    }

    /// Takes the state out, if the act is over; if not, notes where it is to go from here.
    pub(crate) fn go_on(&self, next: Seat) -> Result<(), (Seat, Box<EntityState>)> {
        let mut inner = self.meeting.inner.lock();
        let acted = inner.acted;
        let place = &mut inner.places[self.place];
        match place.state.take_if(|_| acted) {
            Some(state) => Err((next, state)),
            None => {
                place.next = Some(next);
                Ok(())
            }
        }
    }
}
