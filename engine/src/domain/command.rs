//! What must be known of a command before it is judged: who takes part, which earlier act it names, whom it brings into being.

use smallvec::smallvec;

use super::cancel;
use super::rejection::Rejection;
use super::settings::PROGRAM;
use super::types::{CompanyId, EntityId, TransactionId};
use super::{ActivateGrant, Command, EntityIds, Facts, VoidGrant};

impl Command {
    /// Who takes part, sorted and without doubles. The facts must be resolved before.
    pub fn participants(&self, facts: &Facts) -> EntityIds {
        let mut ids = match self {
            Self::CreateWallet(command) => smallvec![command.wallet.entity()],
            Self::Charge(command) | Self::Earn(command) => {
                smallvec![command.wallet.entity()]
            }
            Self::Use(command) | Self::UseUpTo(command) => {
                smallvec![command.wallet.entity()]
            }
            Self::Transfer(command) => {
                let to = command.to.iter().map(|(wallet, _)| wallet.entity());
                std::iter::once(command.from.entity())
                    .chain(to)
                    .collect::<EntityIds>()
            }
            Self::ChangeStatus(command) => smallvec![command.wallet.entity()],
            Self::Adjust(command) => smallvec![command.wallet.entity()],
            Self::PlaceHold(command) => smallvec![command.wallet.entity()],
            Self::CaptureHold(_) | Self::ReleaseHold(_) => match facts {
                Facts::Nothing => EntityIds::new(),
                Facts::Act { event, .. } => {
                    event.roles().iter().take(1).map(|(id, _)| *id).collect()
                }
            },
            Self::Conditional(command) => command.command.participants(facts),
            Self::GrantLater(command) => smallvec![command.grant.wallet.entity()],
            Self::ActivateGrant(ActivateGrant { leg, .. })
            | Self::VoidGrant(VoidGrant { leg, .. }) => match facts {
                Facts::Nothing => EntityIds::new(),
                Facts::Act { event, .. } => smallvec![cancel::target(event, *leg).0],
            },
            Self::Cancel(command) => match facts {
                Facts::Nothing => EntityIds::new(),
                Facts::Act { event, .. } => {
                    smallvec![cancel::target(event, command.leg).0]
                }
            },
            Self::ChangeSettings(_) | Self::CloseDay(_) => smallvec![PROGRAM],
            Self::CreateCompany(command) => command.company.with_wallet(),
            Self::JoinCompany(command) => smallvec![command.company.entity()],
            Self::LeaveCompany(command) => smallvec![command.company.entity()],
            Self::CompanyUse(command) => command.company.with_wallet(),
            Self::CloseSettlement(command) => smallvec![command.company.entity()],
            Self::MoveSettlement(command) => smallvec![command.company.entity()],
            Self::RunSettlement(_) => smallvec![PROGRAM],
        };
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The earlier act that must be looked up before the decision.
    pub fn refers_to(&self) -> Option<TransactionId> {
        match self {
            Self::Cancel(command) => Some(command.transaction),
            Self::CaptureHold(command) => Some(command.transaction),
            Self::ReleaseHold(command) => Some(command.transaction),
            Self::Conditional(command) => command.command.refers_to(),
            Self::ActivateGrant(command) => Some(command.transaction),
            Self::VoidGrant(command) => Some(command.transaction),
            Self::CreateWallet(_)
            | Self::Charge(_)
            | Self::Earn(_)
            | Self::Use(_)
            | Self::UseUpTo(_)
            | Self::Transfer(_)
            | Self::ChangeSettings(_)
            | Self::CloseDay(_)
            | Self::ChangeStatus(_)
            | Self::Adjust(_)
            | Self::PlaceHold(_)
            | Self::CreateCompany(_)
            | Self::JoinCompany(_)
            | Self::LeaveCompany(_)
            | Self::CompanyUse(_)
            | Self::GrantLater(_)
            | Self::CloseSettlement(_)
            | Self::MoveSettlement(_)
            | Self::RunSettlement(_) => None,
        }
    }

    /// The entities that this command may bring into being; every other one must exist already.
    pub fn creates(&self) -> EntityIds {
        match self {
            Self::CreateWallet(command) => smallvec![command.wallet.entity()],
            Self::ChangeSettings(_) | Self::CloseDay(_) | Self::RunSettlement(_) => {
                smallvec![PROGRAM]
            }
            Self::CreateCompany(command) => command.company.with_wallet(),
            Self::Conditional(command) => command.command.creates(),
            Self::Charge(_)
            | Self::Earn(_)
            | Self::Use(_)
            | Self::UseUpTo(_)
            | Self::Transfer(_)
            | Self::Cancel(_)
            | Self::ChangeStatus(_)
            | Self::Adjust(_)
            | Self::PlaceHold(_)
            | Self::CaptureHold(_)
            | Self::ReleaseHold(_)
            | Self::JoinCompany(_)
            | Self::LeaveCompany(_)
            | Self::CompanyUse(_)
            | Self::GrantLater(_)
            | Self::ActivateGrant(_)
            | Self::VoidGrant(_)
            | Self::CloseSettlement(_)
            | Self::MoveSettlement(_) => EntityIds::new(),
        }
    }

    /// The refusal where an entity that takes part does not exist.
    pub fn absence(&self, id: EntityId) -> Rejection {
        if let Self::Conditional(command) = self {
            return command.command.absence(id);
        }
        if let Self::CompanyUse(command) = self {
            // Without the company its wallet is of no interest.
            let company = command.company;
            return Rejection::CompanyNotFound { company };
        }
        if let Some(company) = CompanyId::of_entity(id) {
            return Rejection::CompanyNotFound { company };
        }
        let Some(wallet) = id.wallet() else {
            unreachable!(
                "wallets and companies alone can be absent, and participants have valid ids"
            )
        };
        Rejection::WalletNotFound { wallet }
    }
}
