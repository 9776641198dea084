//! Who takes part in a decision, and how to find them.

use std::borrow::Cow;

use super::Entity;
use super::company::Company;
use super::rejection::Rejection;
use super::settings::Program;
use super::special::Status;
use super::types::{CompanyId, EntityId, WalletId};
use super::wallet::Wallet;

/// One entity that takes part in a decision; no state = it does not exist.
#[derive(Clone, Copy, Debug)]
pub struct Participant<'a> {
    /// Which entity.
    pub id: EntityId,
    /// Its state.
    pub entity: Option<&'a Entity>,
}

/// Everyone who takes part in a decision.
#[derive(Clone, Copy, Debug)]
pub struct Participants<'a>(pub &'a [Participant<'a>]);

// === impl Participants ===

impl<'a> Participants<'a> {
    /// A wallet among the participants.
    pub fn wallet(self, wallet: WalletId) -> Result<&'a Wallet, Rejection> {
        match self.find(wallet.entity()) {
            Some(Entity::Wallet(state)) => Ok(state),
            Some(Entity::Program(_) | Entity::Company(_)) | None => {
                Err(Rejection::WalletNotFound { wallet })
            }
        }
    }

    /// A wallet that takes part in everything.
    pub fn open_wallet(self, wallet: WalletId) -> Result<&'a Wallet, Rejection> {
        let state = self.wallet(wallet)?;
        match &state.special {
            None => Ok(state),
            Some(special) => match special.status {
                Status::Open => Ok(state),
                Status::Frozen => Err(Rejection::WalletFrozen { wallet }),
                Status::Closed => Err(Rejection::WalletClosed { wallet }),
            },
        }
    }

    /// A company among the participants.
    pub fn company(self, company: CompanyId) -> Result<&'a Company, Rejection> {
        match self.find(company.entity()) {
            Some(Entity::Company(state)) => Ok(state),
            Some(Entity::Wallet(_) | Entity::Program(_)) | None => {
                Err(Rejection::CompanyNotFound { company })
            }
        }
    }

    /// The program among the participants; before its first event it is as a fresh store has it.
    pub fn program(self) -> Cow<'a, Program> {
        let found = self
            .0
            .iter()
            .find_map(|participant| match participant.entity {
                Some(Entity::Program(program)) => Some(&**program),
                Some(Entity::Wallet(_) | Entity::Company(_)) | None => None,
            });
        found.map_or_else(Cow::default, Cow::Borrowed)
    }

    fn find(self, id: EntityId) -> Option<&'a Entity> {
        let found = self.0.iter().find(|participant| participant.id == id);
        found.and_then(|participant| participant.entity)
    }
}
