//! Points that came back and paid what their fund owed.

use super::{hold_released, use_cancelled};
use crate::domain::{Aside, Day, Event};

/// All the paid points and nearly all the free ones of a cancel that is counted, too.
pub(super) fn use_cancelled_repaid() -> Event {
    let mut event = use_cancelled();
    event.carry(Aside {
        repaid: 105,
        counted_on: Day::new(2026, 2, 28),
        ..Aside::default()
    });
    event
}

/// The whole of a hold.
pub(super) fn hold_released_repaid() -> Event {
    let mut event = hold_released();
    event.carry(Aside {
        repaid: 20,
        ..Aside::default()
    });
    event
}
