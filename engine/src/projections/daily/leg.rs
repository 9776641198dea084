//! One movement on its way into a day: what the publisher hands over for each leg.

use crate::domain::{Column, Day, Event, Points, Zone};

/// A leg of a durable act.
#[derive(Clone, Copy, Debug)]
pub(super) struct DayLeg {
    pub(super) wallet: u64,
    pub(super) lsn: u64,
    pub(super) at_us: i64,
    pub(super) column: Column,
    pub(super) change: Points,
    /// The wallet's balance after it.
    pub(super) after: Points,
}

/// What changes how the legs behind it are counted.
#[derive(Clone, Debug)]
pub(super) enum Turn {
    /// Days are counted in another zone.
    Zone(Zone),
    /// A day was closed by a record.
    Closed(Day),
}

// === impl Turn ===

impl Turn {
    /// What an act changes.
    pub(super) fn of(event: &Event) -> Option<Self> {
        if let Event::SettingsChanged(event) = event {
            Some(Self::Zone(event.settings.zone.clone()))
        } else if let Event::DayClosed(event) = event {
            Some(Self::Closed(event.day))
        } else {
            None
        }
    }
}

// === impl DayLeg ===

impl DayLeg {
    /// Hands out the legs of an act.
    pub(super) fn of(lsn: u64, at_us: i64, event: &Event, mut each: impl FnMut(Self)) {
        event.movements(|movement| {
            let Some(column) = Column::of(movement.kind) else {
                return;
            };
            each(Self {
                wallet: movement.wallet.get(),
                lsn,
                at_us,
                column,
                change: movement.change,
                after: movement.after,
            });
        });
    }
}
