//! Whom an event touches, in which role, and how it leaves them.

use smallvec::SmallVec;

use super::Event;
use super::settings::PROGRAM;
use super::types::EntityId;
use super::wallet::Standing;

/// Which part an entity plays in an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The only one.
    Sole,
    /// Pays.
    From,
    /// Receives: its place in the list of receivers.
    To(u8),
}

// === impl Event ===

impl Event {
    /// Who is touched, in which role. The order is the order of the legs.
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
            Self::SettingsChanged(_) => smallvec::smallvec![(PROGRAM, Role::Sole)],
            Self::Transferred(event) => {
                let to = event.to.iter().enumerate();
                let to = to
                    .map(|(at, received)| (received.standing.wallet.entity(), Role::To(at as u8)));
                std::iter::once((event.from.wallet.entity(), Role::From))
                    .chain(to)
                    .collect()
            }
        }
    }

    /// Free text of the caller; empty when there is none.
    pub fn description(&self) -> &str {
        match self {
            Self::WalletCreated(_) | Self::Lapsed(_) | Self::SettingsChanged(_) => "",
            Self::Charged(event) | Self::Earned(event) => event.description.as_str(),
            Self::Used(event) => event.description.as_str(),
            Self::Transferred(event) => event.description.as_str(),
            Self::UseCancelled(event) => event.description.as_str(),
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
                Role::Sole | Role::From => event.from,
            },
            Self::SettingsChanged(_) => return None,
        })
    }
}
