//! Moves points between wallets in one act; the lots keep their fund and expiry.
//!
//! One wallet pays, one or several receive. In each receiving wallet the points of one bucket become
//! one new lot, however many lots they came from.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::inconsistency::Inconsistency;
use super::limits;
use super::rejection::Rejection;
use super::runs::{Run, Runs, amount_of, read_list};
use super::types::{Amount, Description, WalletId};
use super::wallet::{Standing, Wallet};
use super::{Circumstances, Event, Participants};

/// Most wallets that receive in one transfer: bounds how many actors one act keeps waiting.
pub const RECEIVERS_MAX: usize = 64;

/// Asks to move points.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transfer {
    /// Who pays.
    pub from: WalletId,
    /// Who receives how much: 1…[`RECEIVERS_MAX`] different wallets.
    pub to: SmallVec<[(WalletId, Amount); 1]>,
    /// Free text.
    pub description: Description,
}

/// Points moved.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Transferred {
    /// How the paying wallet stands now.
    pub from: Standing,
    /// What each receiving wallet got.
    #[serde(deserialize_with = "read_list")]
    pub to: SmallVec<[Received; 1]>,
    /// Free text.
    pub description: Description,
}

/// What one wallet got in a transfer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Received {
    /// How it stands now.
    pub standing: Standing,
    /// What was taken for it from the paying wallet, lot by lot.
    #[serde(deserialize_with = "read_list")]
    pub runs: Runs,
    /// The lot here that each run went into, in the order of the runs.
    #[serde(deserialize_with = "read_list")]
    pub lots: SmallVec<[u64; 1]>,
}

pub(super) fn decide(
    participants: Participants<'_>,
    command: &Transfer,
    at: &Circumstances<'_>,
) -> Result<Event, Rejection> {
    assert!(
        (1..=RECEIVERS_MAX).contains(&command.to.len()),
        "a transfer has 1 to {RECEIVERS_MAX} receivers; whoever builds the command sees to it"
    );
    let from = participants.wallet(command.from)?;
    for (id, _) in &command.to {
        participants.wallet(*id)?;
    }
    check_distinct(command)?;
    for id in std::iter::once(command.from).chain(command.to.iter().map(|(id, _)| *id)) {
        participants.open_wallet(id)?;
    }
    let amounts = command.to.iter().map(|(_, amount)| amount.get());
    let requested = amounts.fold(0, u64::saturating_add);
    let available = from.spendable(at.now);
    if available < requested {
        return Err(Rejection::InsufficientBalance {
            available,
            requested,
        });
    }
    for (id, amount) in &command.to {
        let wallet = participants.wallet(*id)?;
        limits::moving_in(wallet, *amount, at)?;
        if !wallet.has_room_for(*amount) {
            return Err(Rejection::BalanceLimit { wallet: *id });
        }
    }
    let mut to: SmallVec<[Received; 1]> = SmallVec::with_capacity(command.to.len());
    let mut skip = 0;
    for (id, amount) in &command.to {
        let runs = from.lots.plan_take(at.now, skip, amount.get());
        skip += amount.get();
        to.push(receive(participants.wallet(*id)?, *id, runs)?);
    }
    let runs = to.iter().flat_map(|received| &received.runs);
    Ok(Event::Transferred(Box::new(Transferred {
        from: from.standing_minus_runs(command.from, runs),
        to,
        description: command.description.clone(),
    })))
}

fn check_distinct(command: &Transfer) -> Result<(), Rejection> {
    for (at, (wallet, _)) in command.to.iter().enumerate() {
        let before = command.to[..at].iter().map(|(id, _)| id);
        if std::iter::once(&command.from)
            .chain(before)
            .any(|id| id == wallet)
        {
            return Err(Rejection::SameWallet { wallet: *wallet });
        }
    }
    Ok(())
}

fn receive(wallet: &Wallet, id: WalletId, runs: Runs) -> Result<Received, Rejection> {
    let planned = wallet.plan_give(runs.iter().map(|run| run.bucket));
    let lots = planned.ok_or(Rejection::LotLimit { wallet: id })?;
    let standing = wallet.standing_plus_runs(id, &runs);
    Ok(Received {
        standing,
        runs,
        lots,
    })
}

pub(super) fn apply_from(wallet: &mut Wallet, event: &Transferred) -> Result<(), Inconsistency> {
    for run in event.to.iter().flat_map(|received| &received.runs) {
        wallet.take(&event.from, run)?;
    }
    wallet.settle(&event.from)
}

pub(super) fn apply_to(wallet: &mut Wallet, received: &Received) -> Result<(), Inconsistency> {
    for (run, lot) in received.runs.iter().zip(&received.lots) {
        wallet.give(&received.standing, run.bucket, *lot, run.amount())?;
    }
    wallet.settle(&received.standing)
}

// === impl Transferred ===

impl Transferred {
    /// Points moved in all.
    pub fn amount(&self) -> u64 {
        self.to.iter().map(Received::amount).sum()
    }

    /// Runs taken from the paying wallet, for whomever.
    pub fn runs(&self) -> impl Iterator<Item = &Run> + Clone {
        self.to.iter().flat_map(|received| &received.runs)
    }
}

impl Received {
    /// Points received.
    pub fn amount(&self) -> u64 {
        amount_of(&self.runs)
    }
}
