//! Spends points: free before paid, earliest expiry first, never-expiring last, then the earliest grant.

use serde::{Deserialize, Serialize};

use super::aside::{Aside, Asides};
use super::inconsistency::Inconsistency;
use super::rejection::Rejection;
use super::runs::{Runs, amount_of, read_list};
use super::types::{Amount, Description, Timestamp, WalletId};
use super::wallet::{Standing, Wallet};
use super::{Event, Participants};

/// Asks to spend points.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Use {
    /// Whose.
    pub wallet: WalletId,
    /// How many points.
    pub amount: Amount,
    /// Free text.
    pub description: Description,
}

/// Points were spent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Used {
    /// How the wallet stands now.
    pub standing: Standing,
    /// What was taken, lot by lot, in spending order.
    #[serde(deserialize_with = "read_list")]
    pub runs: Runs,
    /// Free text.
    pub description: Description,
    /// What few of them carry.
    #[serde(skip)]
    pub aside: Asides,
}

pub(super) fn decide(
    participants: Participants<'_>,
    command: &Use,
    now: Timestamp,
) -> Result<Event, Rejection> {
    let Use {
        wallet: id, amount, ..
    } = *command;
    let wallet = participants.open_wallet(id)?;
    let (available, requested) = (wallet.spendable(now), amount.get());
    if available < requested {
        return Err(Rejection::InsufficientBalance {
            available,
            requested,
        });
    }
    Ok(spend(wallet, command, requested, now))
}

/// Spends what there is, if it is less than what was asked for.
pub(super) fn decide_up_to(
    participants: Participants<'_>,
    command: &Use,
    now: Timestamp,
) -> Result<Event, Rejection> {
    let wallet = participants.open_wallet(command.wallet)?;
    let (available, requested) = (wallet.spendable(now), command.amount.get());
    if available == 0 {
        return Err(Rejection::InsufficientBalance {
            available,
            requested,
        });
    }
    let mut event = spend(wallet, command, requested.min(available), now);
    if available < requested {
        event.carry(Aside {
            requested: Some(requested),
            ..Aside::default()
        });
    }
    Ok(event)
}

fn spend(wallet: &Wallet, command: &Use, amount: u64, now: Timestamp) -> Event {
    let runs = wallet.lots.plan_take(now, 0, amount);
    Event::Used(Used {
        standing: wallet.standing_minus_runs(command.wallet, &runs),
        runs,
        description: command.description.clone(),
        aside: None,
    })
}

pub(super) fn apply(wallet: &mut Wallet, event: &Used) -> Result<(), Inconsistency> {
    for run in &event.runs {
        wallet.take(&event.standing, run)?;
    }
    wallet.settle(&event.standing)
}

// === impl Used ===

impl Used {
    /// Points spent.
    pub fn amount(&self) -> u64 {
        amount_of(&self.runs)
    }

    /// The user who acted for the owner.
    pub fn by(&self) -> Option<u64> {
        self.aside.as_ref().and_then(|aside| aside.by)
    }
}
