//! Whom an event touches, in which role, and how it leaves them.

use smallvec::SmallVec;

use super::Event;
use super::settings::PROGRAM;
use super::types::EntityId;
use super::wallet::Standing;

/// Which part an entity plays in an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The only one, or the only wallet.
    Sole,
    /// Pays.
    From,
    /// Receives: its place in the list of receivers.
    To(u8),
    /// Takes part in a batch: the place of its first leg. Whatever the batch does to it is this one role.
    Member(u8),
    /// The company that a wallet comes to be with.
    Company,
}

// === impl Event ===

impl Event {
    /// Whether it changes what is in force for all.
    pub fn changes_settings(&self) -> bool {
        matches!(self, Self::SettingsChanged(_))
    }

    /// Who is touched, each once, in which role. The order is the order of the legs; in a batch, where an entity may
    /// have several, that of its first ones.
    pub fn roles(&self) -> SmallVec<[(EntityId, Role); 2]> {
        let sole = |standing: &Standing| -> SmallVec<[(EntityId, Role); 2]> {
            smallvec::smallvec![(standing.wallet.entity(), Role::Sole)]
        };
        match self {
            Self::WalletCreated(event) => sole(&event.standing),
            Self::Charged(event) | Self::Earned(event) => sole(&event.standing),
            Self::Used(event) => sole(&event.standing),
            Self::UseCancelled(event) => sole(&event.standing),
            Self::Lapsed(event) => sole(&event.standing),
            Self::SettingsChanged(_) | Self::DayClosed(_) => {
                smallvec::smallvec![(PROGRAM, Role::Sole)]
            }
            Self::StatusChanged(event) => sole(&event.standing),
            Self::AdjustedUp(event) => sole(&event.standing),
            Self::AdjustedDown(event) => sole(&event.standing),
            Self::TakenBack(event) => sole(&event.standing),
            Self::HoldPlaced(event) => sole(&event.standing),
            Self::HoldCaptured(event) => sole(&event.standing),
            Self::HoldReleased(event) => sole(&event.standing),
            Self::GrantPending(event) => sole(&event.standing),
            Self::GrantActivated(event) => sole(&event.standing),
            Self::GrantVoided(event) => sole(&event.standing),
            Self::Transferred(event) => {
                let to = event.to.iter().enumerate();
                let to = to
                    .map(|(at, received)| (received.standing.wallet.entity(), Role::To(at as u8)));
                std::iter::once((event.from.wallet.entity(), Role::From))
                    .chain(to)
                    .collect()
            }
            Self::Batched(event) => event.roles(),
            Self::CompanyCreated(event) => smallvec::smallvec![
                (event.standing.wallet.entity(), Role::Sole),
                (event.company().entity(), Role::Company),
            ],
            Self::MemberJoined(event) | Self::MemberLeft(event) => {
                smallvec::smallvec![(event.company.entity(), Role::Sole)]
            }
            Self::SettlementClosed(event) => {
                smallvec::smallvec![(event.company.entity(), Role::Sole)]
            }
            Self::SettlementMoved(event) => {
                smallvec::smallvec![(event.company.entity(), Role::Sole)]
            }
            Self::SettlementRun(_) => smallvec::smallvec![(PROGRAM, Role::Sole)],
        }
    }

    /// Free text of the caller; empty when there is none. In a batch each event has its own.
    pub fn description(&self) -> &str {
        match self {
            Self::WalletCreated(_)
            | Self::Lapsed(_)
            | Self::SettingsChanged(_)
            | Self::Batched(_)
            | Self::DayClosed(_)
            | Self::CompanyCreated(_)
            | Self::MemberJoined(_)
            | Self::MemberLeft(_)
            | Self::SettlementClosed(_)
            | Self::SettlementMoved(_)
            | Self::SettlementRun(_) => "",
            Self::Charged(event) | Self::Earned(event) => event.description.as_str(),
            Self::Used(event) => event.description.as_str(),
            Self::Transferred(event) => event.description.as_str(),
            Self::UseCancelled(event) => event.description.as_str(),
            Self::StatusChanged(event) => event.description.as_str(),
            Self::AdjustedUp(event) => event.reason.as_str(),
            Self::AdjustedDown(event) => event.reason.as_str(),
            Self::TakenBack(event) => event.description.as_str(),
            Self::HoldPlaced(event) => event.description.as_str(),
            Self::HoldCaptured(event) => event.description.as_str(),
            Self::HoldReleased(event) => event.description.as_str(),
            Self::GrantPending(event) => event.description.as_str(),
            Self::GrantActivated(event) => event.description.as_str(),
            Self::GrantVoided(event) => event.description.as_str(),
        }
    }

    /// How the wallet in this role stands after the event; `None` where the entity in it is no wallet.
    pub fn standing(&self, role: Role) -> Option<Standing> {
        Some(match self {
            Self::WalletCreated(event) => event.standing,
            Self::Charged(event) | Self::Earned(event) => event.standing,
            Self::Used(event) => event.standing,
            Self::UseCancelled(event) => event.standing,
            Self::Lapsed(event) => event.standing,
            Self::Transferred(event) => match role {
                Role::To(at) => event.to[usize::from(at)].standing,
                Role::Sole | Role::From | Role::Member(_) | Role::Company => event.from,
            },
            Self::SettingsChanged(_)
            | Self::DayClosed(_)
            | Self::MemberJoined(_)
            | Self::MemberLeft(_)
            | Self::SettlementClosed(_)
            | Self::SettlementMoved(_)
            | Self::SettlementRun(_) => return None,
            Self::CompanyCreated(event) => match role {
                Role::Company => return None,
                Role::Sole | Role::From | Role::To(_) | Role::Member(_) => event.standing,
            },
            Self::Batched(event) => return event.standing(role),
            Self::StatusChanged(event) => event.standing,
            Self::AdjustedUp(event) => event.standing,
            Self::AdjustedDown(event) => event.standing,
            Self::TakenBack(event) => event.standing,
            Self::HoldPlaced(event) => event.standing,
            Self::HoldCaptured(event) => event.standing,
            Self::HoldReleased(event) => event.standing,
            Self::GrantPending(event) => event.standing,
            Self::GrantActivated(event) => event.standing,
            Self::GrantVoided(event) => event.standing,
        })
    }

    /// Entity and version after the event, of a role in which there is no wallet. Of a batch, ask each part.
    pub(super) fn version_of(&self, role: Role) -> Option<(EntityId, u64)> {
        if let Self::SettingsChanged(event) = self {
            Some((PROGRAM, event.version))
        } else if let Self::DayClosed(event) = self {
            Some((PROGRAM, event.version))
        } else if let Self::CompanyCreated(event) = self
            && role == Role::Company
        {
            Some((event.company().entity(), 1))
        } else if let Self::MemberJoined(event) | Self::MemberLeft(event) = self {
            Some((event.company.entity(), event.version))
        } else if let Self::SettlementClosed(event) = self {
            Some((event.company.entity(), event.version))
        } else if let Self::SettlementMoved(event) = self {
            Some((event.company.entity(), event.version))
        } else if let Self::SettlementRun(event) = self {
            Some((PROGRAM, event.version))
        } else {
            None
        }
    }
}
