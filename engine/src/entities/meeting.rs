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

use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::sync::oneshot;

use super::act::{Facet, Work, carry_out};
use super::{Core, EntityState};
use crate::domain::EntityId;

/// Several entities, one act.
pub(crate) struct Meeting {
    inner: Mutex<Attendance>,
}

/// What an actor that joins has to do.
pub(crate) enum Arrival {
    /// Wait for the state to come home.
    Wait(oneshot::Receiver<Box<EntityState>>),
    /// Everybody is here: act.
    Last(Vec<Seat>, Work),
}

/// One participant's place.
pub(crate) struct Seat {
    pub(crate) id: EntityId,
    pub(crate) state: Box<EntityState>,
    /// The way home; `None` for the last to arrive.
    home: Option<oneshot::Sender<Box<EntityState>>>,
}

struct Attendance {
    expected: usize,
    seats: Vec<Seat>,
    work: Option<Work>,
}

// === impl Meeting ===

impl Meeting {
    pub(crate) fn new(expected: usize, work: Work) -> Self {
        let seats = Vec::with_capacity(expected);
        Self {
            inner: Mutex::new(Attendance {
                expected,
                seats,
                work: Some(work),
            }),
        }
    }

    /// Lends a state to the meeting.
    pub(crate) fn arrive(&self, id: EntityId, state: Box<EntityState>) -> Arrival {
        let mut inner = self.inner.lock();
        if inner.seats.len() + 1 == inner.expected {
            let mut seats = std::mem::take(&mut inner.seats);
            seats.push(Seat {
                id,
                state,
                home: None,
            });
            let Some(work) = inner.work.take() else {
                unreachable!("a meeting acts once")
            };
            return Arrival::Last(seats, work);
        }
        let (home, receiver) = oneshot::channel();
        inner.seats.push(Seat {
            id,
            state,
            home: Some(home),
        });
        Arrival::Wait(receiver)
    }
}

/// Acts on behalf of everybody, sends their states home and gives the caller's own back.
pub(crate) fn hold(core: &Core, mut seats: Vec<Seat>, work: Work) -> Box<EntityState> {
    let mut facets: SmallVec<[Facet<'_>; 2]> = seats
        .iter_mut()
        .map(|seat| Facet {
            id: seat.id,
            state: &mut seat.state,
        })
        .collect();
    carry_out(core, &mut facets, work);
    drop(facets);
    let mut own = None;
    for seat in seats {
        match seat.home {
            // A receiver always waits: an actor that lent its state does nothing else.
            Some(home) => drop(home.send(seat.state)),
            None => own = Some(seat.state),
        }
    }
    let Some(own) = own else {
        unreachable!("the last to arrive has a seat")
    };
    own
}
