//! Spends points: free before paid, earliest expiry first, never-expiring last, then the earliest grant.

use serde::{Deserialize, Serialize};

use super::aside::Asides;
use super::inconsistency::Inconsistency;
use super::limits;
use super::rejection::Rejection;
use super::runs::{Runs, amount_of, read_list};
use super::types::{Amount, Description, Timestamp, WalletId};
use super::wallet::{Standing, Wallet};
use super::{Circumstances, Event, Participants};

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
    at: &Circumstances<'_>,
) -> Result<Event, Rejection> {
    let wallet = participants.open_wallet(command.wallet)?;
    let allowed = limits::going_out(wallet, command.amount, at)?;
    let available = wallet.spendable(at.now);
    if available < allowed.amount {
        return Err(Rejection::InsufficientBalance {
            available,
            requested: command.amount.get(),
        });
    }
    Ok(spend(wallet, command, allowed, at.now))
}

/// Spends what there is, if it is less than what was asked for.
pub(super) fn decide_up_to(
    participants: Participants<'_>,
    command: &Use,
    at: &Circumstances<'_>,
) -> Result<Event, Rejection> {
    let wallet = participants.open_wallet(command.wallet)?;
    let (available, requested) = (wallet.spendable(at.now), command.amount.get());
    let there = Amount::new(available.min(requested));
    let there = there.ok_or(Rejection::InsufficientBalance {
        available,
        requested,
    })?;
    // What is not there is not asked of the limits.
    let mut allowed = limits::going_out(wallet, there, at)?;
    if allowed.amount < requested {
        allowed.aside.requested = Some(requested);
    }
    Ok(spend(wallet, command, allowed, at.now))
}

fn spend(wallet: &Wallet, command: &Use, allowed: limits::Allowed, now: Timestamp) -> Event {
    let runs = wallet.lots.plan_take(now, 0, allowed.amount);
    Event::Used(Used {
        standing: wallet.standing_minus_runs(command.wallet, &runs),
        runs,
        description: command.description.clone(),
        aside: allowed.aside.boxed(),
    })
}

pub(super) fn apply(wallet: &mut Wallet, event: &Used) -> Result<(), Inconsistency> {
    for run in &event.runs {
        wallet.take(&event.standing, run)?;
    }
    if event.aside.is_some() {
        let counted_on = event.aside.as_ref().and_then(|aside| aside.counted_on);
        wallet.count(|turnover| &mut turnover.used, counted_on, event.amount());
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
