//! Spends points: free before paid, earliest expiry first, never-expiring last, then the earliest grant.

use serde::{Deserialize, Serialize};

use super::aside::Asides;
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
    let runs = wallet.lots.plan_take(now, 0, requested);
    let standing = wallet.standing_minus_runs(id, &runs);
    Ok(Event::Used(Used {
        standing,
        runs,
        description: command.description.clone(),
        aside: None,
    }))
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
}
