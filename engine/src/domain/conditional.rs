//! A command that is carried out only if a wallet is as the caller thinks it is, and stays as the caller wants it.
//!
//! ```text
//! if_version ── of the wallet asked about ──► decide ──► min_balance_after ── of the wallet that pays
//! ```
//! What was decided says nothing of the conditions: they held. That they did not is a refusal like any other, and under
//! a key it is remembered like any other.

use super::event::Role;
use super::rejection::Rejection;
use super::types::WalletId;
use super::{Circumstances, Command, Event, Facts, Participants, decide as decide_command};

/// A command with its conditions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conditional {
    /// What is asked.
    pub command: Command,
    /// The version that the wallet asked about must have, in a transfer the one that pays. What was due by then counts.
    pub if_version: Option<u64>,
    /// The least ledger balance that may be left in that wallet, points; what is set aside counts in it.
    pub min_balance_after: Option<u64>,
}

pub(super) fn decide(
    participants: Participants<'_>,
    conditional: &Conditional,
    facts: &Facts,
    at: &Circumstances<'_>,
) -> Result<Event, Rejection> {
    let command = &conditional.command;
    if let Command::CompanyUse(usage) = command {
        // Without the company its wallet is of no interest.
        participants.company(usage.company)?;
    }
    if let (Some(expected), Some(wallet)) = (conditional.if_version, subject(command, facts)) {
        let version = participants.wallet(wallet)?.version;
        if version != expected {
            return Err(Rejection::VersionMismatch { wallet, version });
        }
    }
    let event = decide_command(participants, command, facts, at)?;
    let balance_after = event
        .standing(Role::From)
        .map_or(0, |after| after.balance());
    match conditional.min_balance_after {
        Some(min_balance_after) if balance_after < min_balance_after.cast_signed() => {
            Err(Rejection::MinBalance {
                balance_after,
                min_balance_after,
            })
        }
        Some(_) | None => Ok(event),
    }
}

/// The wallet that a command is about; of a transfer the one that pays. `None` if there can be none yet.
fn subject(command: &Command, facts: &Facts) -> Option<WalletId> {
    match command {
        Command::CreateWallet(_)
        | Command::ChangeSettings(_)
        | Command::CreateCompany(_)
        | Command::CloseDay(_)
        | Command::JoinCompany(_)
        | Command::LeaveCompany(_)
        | Command::CloseSettlement(_)
        | Command::MoveSettlement(_)
        | Command::RunSettlement(_) => None,
        Command::Charge(command) | Command::Earn(command) => Some(command.wallet),
        Command::Use(command) | Command::UseUpTo(command) => Some(command.wallet),
        Command::Transfer(command) => Some(command.from),
        Command::ChangeStatus(command) => Some(command.wallet),
        Command::Adjust(command) => Some(command.wallet),
        Command::PlaceHold(command) => Some(command.wallet),
        Command::GrantLater(command) => Some(command.grant.wallet),
        Command::Cancel(_)
        | Command::CaptureHold(_)
        | Command::ReleaseHold(_)
        | Command::ActivateGrant(_)
        | Command::VoidGrant(_) => {
            let ids = command.participants(facts);
            ids.first().and_then(|id| id.wallet())
        }
        Command::CompanyUse(command) => Some(command.company.wallet()),
        Command::Conditional(command) => subject(&command.command, facts),
    }
}
