//! What few events of a kind carry beside what all of them do.
//!
//! On disk it follows the event's own bytes and is announced by a bit of the record's kind, so that the many events
//! without it are as long as ever.

use serde::{Deserialize, Serialize};

use super::Event;

/// What few events of a kind carry; an event without any of it has none.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Aside {
    /// Points that were asked for, where fewer moved.
    pub requested: Option<u64>,
    /// Points of a grant that paid what the wallet owed, and went into no lot.
    pub repaid: u64,
    /// The user who acted, where that is not the owner.
    pub by: Option<u64>,
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
        } else {
            None
        }
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
            Self::WalletCreated(_)
            | Self::Transferred(_)
            | Self::UseCancelled(_)
            | Self::Lapsed(_)
            | Self::SettingsChanged(_)
            | Self::Batched(_)
            | Self::DayClosed(_)
            | Self::StatusChanged(_)
            | Self::AdjustedUp(_)
            | Self::AdjustedDown(_)
            | Self::TakenBack(_)
            | Self::HoldPlaced(_)
            | Self::HoldCaptured(_)
            | Self::HoldReleased(_)
            | Self::CompanyCreated(_)
            | Self::MemberJoined(_)
            | Self::MemberLeft(_)
            | Self::GrantPending(_)
            | Self::GrantVoided(_)
            | Self::SettlementClosed(_)
            | Self::SettlementMoved(_) => None,
        }
    }
}
