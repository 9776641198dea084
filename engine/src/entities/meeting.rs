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
use std::sync::Arc;
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
    places: Places,
    work: Option<Box<Work>>,
    /// The act is over: what lies in a seat has come back.
    acted: bool,
}

/// One participant's place.
struct Place {
    id: EntityId,
    /// Lent by the participant; `None` during the act and after it went home.
    state: Option<Box<EntityState>>,
    waker: Option<Waker>,
}

/// Where a lent state comes back to.
pub(crate) struct Seat {
    meeting: Arc<Meeting>,
    place: usize,
}

/// Transfers and orders have two to four participants; more of them spill.
type Places = SmallVec<[Place; 4]>;

/// States that take part in an act, in the order of the seats.
type States = SmallVec<[(EntityId, Box<EntityState>); 4]>;

// === impl Meeting ===

impl Meeting {
    pub(crate) fn new(expected: usize, work: Box<Work>) -> Self {
        let (missing, places) = (expected, SmallVec::with_capacity(expected));
        Self {
            inner: Mutex::new(Attendance {
                missing,
                places,
                work: Some(work),
                acted: false,
            }),
        }
    }

    /// Lends a state to the meeting. The last to arrive carries the act out for all and gets its
    /// state back at once; anyone before gets the number of the place where to wait for it.
    pub(crate) fn attend(
        &self,
        core: &Core,
        id: EntityId,
        state: Box<EntityState>,
    ) -> Result<Box<EntityState>, usize> {
        let mut inner = self.inner.lock();
        let place = inner.places.len();
        inner.places.push(Place {
            id,
            state: Some(state),
            waker: None,
        });
        inner.missing -= 1;
        if inner.missing > 0 {
            return Err(place);
        }
        let Some(work) = inner.work.take() else {
            unreachable!("a meeting acts once")
        };
        let lent = |place: &mut Place| place.state.take().map(|state| (place.id, state));
        let states = inner.places.iter_mut().filter_map(lent).collect();
        drop(inner);
        Ok(self.hold(core, states, *work))
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

    /// Puts all states but the last one back into their places and wakes whoever waits there. The
    /// last one belongs to the caller.
    fn send_home(&self, mut states: States) -> Box<EntityState> {
        let Some((_, own)) = states.pop() else {
            unreachable!("the last to arrive has a seat")
        };
        let mut inner = self.inner.lock();
        inner.acted = true;
        for (place, (_, state)) in inner.places.iter_mut().zip(states) {
            place.state = Some(state);
            if let Some(waker) = place.waker.take() {
                waker.wake();
            }
        }
        own
    }
}

// === impl Seat ===

impl Seat {
    pub(crate) fn new(meeting: Arc<Meeting>, place: usize) -> Self {
        Self { meeting, place }
    }

    /// Waits for the lent state to come back from the act. If the act panics the process ends, so
    /// it always does.
    pub(crate) async fn home(self) -> Box<EntityState> {
        poll_fn(|context| {
            let mut inner = self.meeting.inner.lock();
            let acted = inner.acted;
            let place = &mut inner.places[self.place];
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
