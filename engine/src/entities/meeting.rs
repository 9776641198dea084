//! Several entities, one act: who takes part lends its state, the last to arrive acts for all.
//!
//! ```text
//! mailbox A  … Join(m) ─┐                      ┌─► state A goes home
//! mailbox B  … Join(m) ─┼─ last to arrive acts ┼─► state B goes home
//! mailbox C  … Join(m) ─┘                      └─► state C goes home
//! ```
//! All mailboxes get their `Join` under the locks of all shards concerned, so any two meetings reach
//! every mailbox they share in the same order and none can wait for another in a circle. A command
//! on one entity is the same act with one participant and nothing to wait for.

use std::future::poll_fn;
use std::task::{Poll, Waker};

use parking_lot::Mutex;
use smallvec::SmallVec;

use super::act::{Facet, Work, carry_out};
use super::{Core, EntityState};
use crate::domain::EntityId;

/// Several entities, one act.
pub(crate) struct Meeting {
    inner: Mutex<Attendance>,
}

struct Attendance {
    /// Participants still to come.
    missing: usize,
    seats: Seats,
    work: Option<Work>,
    /// The act is over: what lies in a seat has come back.
    acted: bool,
}

/// One participant's place.
struct Seat {
    id: EntityId,
    /// Lent by the participant; `None` during the act and after it went home.
    state: Option<Box<EntityState>>,
    waker: Option<Waker>,
}

/// Transfers and orders have two to four participants; more of them spill.
type Seats = SmallVec<[Seat; 4]>;

/// States that take part in an act, in the order of the seats.
type States = SmallVec<[(EntityId, Box<EntityState>); 4]>;

// === impl Meeting ===

impl Meeting {
    pub(crate) fn new(expected: usize, work: Work) -> Self {
        let (missing, seats) = (expected, SmallVec::with_capacity(expected));
        Self {
            inner: Mutex::new(Attendance {
                missing,
                seats,
                work: Some(work),
                acted: false,
            }),
        }
    }

    /// Lends a state to the meeting and gets it back when the act is over. The last to arrive
    /// carries it out for all.
    pub(crate) async fn attend(
        &self,
        core: &Core,
        id: EntityId,
        state: Box<EntityState>,
    ) -> Box<EntityState> {
        match self.arrive(id, state) {
            (_, Some((states, work))) => self.hold(core, states, work),
            (seat, None) => self.home(seat).await,
        }
    }

    /// Takes a seat; the last to arrive gets the work and everybody's state.
    fn arrive(&self, id: EntityId, state: Box<EntityState>) -> (usize, Option<(States, Work)>) {
        let mut inner = self.inner.lock();
        let seat = inner.seats.len();
        inner.seats.push(Seat {
            id,
            state: Some(state),
            waker: None,
        });
        inner.missing -= 1;
        if inner.missing > 0 {
            return (seat, None);
        }
        let Some(work) = inner.work.take() else {
            unreachable!("a meeting acts once")
        };
        let lent = |seat: &mut Seat| seat.state.take().map(|state| (seat.id, state));
        let states = inner.seats.iter_mut().filter_map(lent).collect();
        (seat, Some((states, work)))
    }

    fn hold(&self, core: &Core, mut states: States, work: Work) -> Box<EntityState> {
        let mut facets: SmallVec<[Facet<'_>; 4]> = states
            .iter_mut()
            .map(|(id, state)| Facet { id: *id, state })
            .collect();
        carry_out(core, &mut facets, work);
        drop(facets);
        self.send_home(states)
    }

    /// Puts all states but the last one back into their seats and wakes whoever waits there. The
    /// last one belongs to the caller.
    fn send_home(&self, mut states: States) -> Box<EntityState> {
        let Some((_, own)) = states.pop() else {
            unreachable!("the last to arrive has a seat")
        };
        let mut inner = self.inner.lock();
        inner.acted = true;
        for (seat, (_, state)) in inner.seats.iter_mut().zip(states) {
            seat.state = Some(state);
            if let Some(waker) = seat.waker.take() {
                waker.wake();
            }
        }
        own
    }

    /// Waits for the state in a seat to come back from the act.
    async fn home(&self, seat: usize) -> Box<EntityState> {
        poll_fn(|context| {
            let mut inner = self.inner.lock();
            let acted = inner.acted;
            let place = &mut inner.seats[seat];
            match place.state.take_if(|_| acted) {
                Some(state) => Poll::Ready(state),
                None => {
                    place.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}
