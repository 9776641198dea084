//! What few events of a kind carry beside what all of them do.
//!
//! On disk it follows the event's own bytes and is announced by a bit of the record's kind, so that the many events
//! without it are as long as ever.

use serde::{Deserialize, Serialize};

use super::Event;
use super::calendar::Day;

/// What few events of a kind carry; an event without any of it has none.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Aside {
    /// Points that were asked for, where fewer moved.
    pub requested: Option<u64>,
    /// Points that came in or came back, paid what the wallet owed and went into no lot.
    pub repaid: u64,
    /// The user who acted, where that is not the owner.
    pub by: Option<u64>,
    /// The day of the program's zone that it is counted for, where such a limit was in force; of a cancel, the day that what
    /// it undoes was counted for. In the log it follows the rest, only where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_on: Option<Day>,
}

/// An event's aside; most have none.
pub type Asides = Option<Box<Aside>>;

// === impl Aside ===

impl Aside {
    /// In its box, or nothing where there is nothing to say.
    pub fn boxed(self) -> Asides {
        (self != Self::default()).then(|| Box::new(self))
    }
}

// === impl Event ===

impl Event {
    /// What it carries beside.
    pub fn aside(&self) -> Option<&Aside> {
        if let Self::Charged(event) | Self::Earned(event) = self {
            event.aside.as_deref()
        } else if let Self::Used(event) = self {
            event.aside.as_deref()
        } else if let Self::GrantActivated(event) = self {
            event.aside.as_deref()
        } else if let Self::UseCancelled(event) = self {
            event.aside.as_deref()
        } else if let Self::TakenBack(event) = self {
            event.aside.as_deref()
        } else if let Self::HoldPlaced(event) = self {
            event.aside.as_deref()
        } else if let Self::HoldCaptured(event) = self {
            event.aside.as_deref()
        } else if let Self::HoldReleased(event) = self {
            event.aside.as_deref()
        } else if let Self::GrantPending(event) = self {
            event.aside.as_deref()
        } else if let Self::GrantVoided(event) = self {
            event.aside.as_deref()
        } else {
            None
        }
    }

    /// The day that it is counted for.
    pub fn counted_on(&self) -> Option<Day> {
        self.aside().and_then(|aside| aside.counted_on)
    }

    /// Has it carry this beside; an event whose kind carries nothing stays as it is.
    pub fn carry(&mut self, aside: Aside) {
        if let Some(place) = self.aside_mut() {
            *place = aside.boxed();
        }
    }

    /// The place of what it carries beside; `None` where no event of its kind carries anything.
    pub(crate) fn aside_mut(&mut self) -> Option<&mut Asides> {
        match self {
            Self::Charged(event) | Self::Earned(event) => Some(&mut event.aside),
            Self::Used(event) => Some(&mut event.aside),
            Self::GrantActivated(event) => Some(&mut event.aside),
            Self::UseCancelled(event) => Some(&mut event.aside),
            Self::TakenBack(event) => Some(&mut event.aside),
            Self::HoldPlaced(event) => Some(&mut event.aside),
            Self::HoldCaptured(event) => Some(&mut event.aside),
            Self::HoldReleased(event) => Some(&mut event.aside),
            Self::GrantPending(event) => Some(&mut event.aside),
            Self::GrantVoided(event) => Some(&mut event.aside),
            Self::WalletCreated(_)
            | Self::Transferred(_)
            | Self::Lapsed(_)
            | Self::SettingsChanged(_)
            | Self::Batched(_)
            | Self::DayClosed(_)
            | Self::StatusChanged(_)
            | Self::AdjustedUp(_)
            | Self::AdjustedDown(_)
            | Self::CompanyCreated(_)
            | Self::MemberJoined(_)
            | Self::MemberLeft(_)
            | Self::SettlementClosed(_)
            | Self::SettlementMoved(_)
            | Self::SettlementRun(_) => None,
        }
    }
}
