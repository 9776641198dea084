//! Freezes, unfreezes and closes a wallet.
//!
//! ```text
//! open ──freeze──► frozen ──unfreeze──► open      open, frozen ──close──► closed, for good
//! ```
//! Nothing is given to a frozen wallet, spent from it or set aside in it. What was spent before can still be given back,
//! what was given can be taken back, holds can be released, the operator can adjust, and time goes on: points lapse.
//! A closed wallet was empty, and takes part in nothing any more.

use serde::{Deserialize, Serialize};

use super::inconsistency::Inconsistency;
use super::rejection::Rejection;
use super::special::Status;
use super::types::{Description, WalletId};
use super::wallet::{Standing, Wallet};
use super::{Event, Participants};

/// Asks for another status.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangeStatus {
    /// Whose.
    pub wallet: WalletId,
    /// Which one. What it is already is refused.
    pub status: Status,
    /// Free text.
    pub description: Description,
}

/// The status changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StatusChanged {
    /// How the wallet stands now.
    pub standing: Standing,
    /// What it is from now on.
    pub status: Status,
    /// Free text.
    pub description: Description,
}

pub(super) fn decide(
    participants: Participants<'_>,
    command: &ChangeStatus,
) -> Result<Event, Rejection> {
    let id = command.wallet;
    let wallet = participants.wallet(id)?;
    let (from, to) = (wallet.special().status, command.status);
    match (from, to) {
        (Status::Closed, _) => return Err(Rejection::WalletClosed { wallet: id }),
        (Status::Open, Status::Frozen | Status::Closed)
        | (Status::Frozen, Status::Open | Status::Closed) => {}
        (Status::Open, Status::Open) | (Status::Frozen, Status::Frozen) => {
            return Err(Rejection::StatusUnchanged { wallet: id });
        }
    }
    if to == Status::Closed && !wallet.is_empty() {
        return Err(Rejection::WalletNotEmpty { wallet: id });
    }
    Ok(Event::StatusChanged(StatusChanged {
        standing: wallet.next_standing(id),
        status: to,
        description: command.description.clone(),
    }))
}

pub(super) fn apply(wallet: &mut Wallet, event: &StatusChanged) -> Result<(), Inconsistency> {
    wallet.change_special(|special| special.status = event.status);
    wallet.settle(&event.standing)
}
