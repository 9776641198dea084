//! Creates a wallet.

use serde::{Deserialize, Serialize};

use super::inconsistency::Inconsistency;
use super::rejection::Rejection;
use super::types::{Owner, WalletId};
use super::wallet::{Standing, Wallet};
use super::{Entity, Event, Participants};

/// Asks for a new wallet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateWallet {
    /// Its id.
    pub wallet: WalletId,
    /// Who owns it.
    pub owner: Owner,
}

/// A wallet came to be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WalletCreated {
    /// How it stands: empty, version 1.
    pub standing: Standing,
    /// Who owns it.
    pub owner: Owner,
}

pub(super) fn decide(
    participants: Participants<'_>,
    command: &CreateWallet,
) -> Result<Event, Rejection> {
    let CreateWallet { wallet, owner } = *command;
    let standing = standing(participants, wallet)?;
    Ok(Event::WalletCreated(WalletCreated { standing, owner }))
}

/// How a wallet stands that comes to be: empty, version 1.
pub(super) fn standing(
    participants: Participants<'_>,
    wallet: WalletId,
) -> Result<Standing, Rejection> {
    if participants.wallet(wallet).is_ok() {
        return Err(Rejection::WalletExists { wallet });
    }
    Ok(Standing {
        wallet,
        version: 1,
        paid: 0,
        free: 0,
    })
}

pub(super) fn apply(
    entity: &mut Option<Entity>,
    event: &WalletCreated,
) -> Result<(), Inconsistency> {
    open(entity, event.standing.wallet, event.owner)
}

/// Lets a wallet come to be.
pub(super) fn open(
    entity: &mut Option<Entity>,
    wallet: WalletId,
    owner: Owner,
) -> Result<(), Inconsistency> {
    if entity.is_some() {
        return Err(Inconsistency::CreatedTwice { wallet });
    }
    *entity = Some(Entity::Wallet(Wallet::new(owner)));
    Ok(())
}
