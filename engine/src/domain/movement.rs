//! How an event moves the points of each entity it touches: what kind of movement it is, and by how much in each
//! fund. The one place from which reports add up.

use std::ops::{Add, AddAssign, Neg, Sub};

use serde::{Deserialize, Serialize};

use super::Event;
use super::entry::EntryType;
use super::event::Role;
use super::types::WalletId;
use super::wallet::Standing;

/// Points of both funds: a balance, or a change of one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Points {
    /// Points that were bought.
    pub paid: i64,
    /// Points that were given away.
    pub free: i64,
}

/// One leg of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Movement {
    /// Whose points.
    pub wallet: WalletId,
    /// What it is.
    pub kind: EntryType,
    /// By how much the ledger balance changed.
    pub change: Points,
    /// The ledger balance after it.
    pub after: Points,
}

// === impl Points ===

impl Points {
    /// Neither fund has any.
    pub const ZERO: Self = Self { paid: 0, free: 0 };

    /// Both funds.
    pub fn sum(self) -> i64 {
        self.paid + self.free
    }

    fn of(standing: &Standing) -> Self {
        Self {
            paid: standing.paid,
            free: standing.free,
        }
    }
}

impl Add for Points {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            paid: self.paid + other.paid,
            free: self.free + other.free,
        }
    }
}

impl Sub for Points {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Neg for Points {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            paid: -self.paid,
            free: -self.free,
        }
    }
}

impl AddAssign for Points {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

// === impl Event ===

impl Event {
    /// What the leg of this role is; `None` where it is none of a wallet. Of a batch, ask each part.
    pub fn entry_type(&self, role: Role) -> Option<EntryType> {
        Some(match self {
            Self::WalletCreated(_) => EntryType::Create,
            Self::Charged(_) => EntryType::Charge,
            Self::Earned(_) => EntryType::Earn,
            Self::Used(_) => EntryType::Use,
            Self::UseCancelled(_) => EntryType::Cancel,
            Self::Lapsed(_) => EntryType::Lapse,
            Self::Transferred(_) => match role {
                Role::To(_) => EntryType::TransferIn,
                Role::Sole | Role::From | Role::Member(_) | Role::Company => EntryType::TransferOut,
            },
            Self::SettingsChanged(_)
            | Self::Batched(_)
            | Self::DayClosed(_)
            | Self::MemberJoined(_)
            | Self::MemberLeft(_)
            | Self::SettlementClosed(_)
            | Self::SettlementMoved(_)
            | Self::SettlementRun(_) => return None,
            Self::CompanyCreated(_) => match role {
                Role::Company => return None,
                Role::Sole | Role::From | Role::To(_) | Role::Member(_) => EntryType::Create,
            },
            Self::StatusChanged(event) => EntryType::of_status(event.status),
            Self::AdjustedUp(_) => EntryType::AdjustUp,
            Self::AdjustedDown(_) => EntryType::AdjustDown,
            Self::TakenBack(_) => EntryType::TakeBack,
            Self::HoldPlaced(_) => EntryType::Hold,
            Self::HoldCaptured(_) => EntryType::Capture,
            Self::HoldReleased(_) => EntryType::Release,
            Self::GrantPending(_) => EntryType::Pending,
            Self::GrantActivated(event) => EntryType::of_grant(event.bucket.fund),
            Self::GrantVoided(_) => EntryType::Void,
        })
    }

    /// Hands out how each wallet's points move, by leg. A creation moves none and is left out.
    pub fn movements(&self, mut each: impl FnMut(Movement)) {
        for part in self.parts() {
            part.event.movements_of_one(&mut each);
        }
    }

    fn movements_of_one(&self, each: &mut impl FnMut(Movement)) {
        for (_, role) in self.roles() {
            let stands = (self.standing_before(role), self.standing(role));
            let (Some(before), Some(after)) = stands else {
                continue;
            };
            let Some(kind) = self.entry_type(role) else {
                continue;
            };
            let (before, points) = (Points::of(&before), Points::of(&after));
            each(Movement {
                wallet: after.wallet,
                kind,
                change: points - before,
                after: points,
            });
        }
    }
}
