//! Corrects a balance by hand, up or down, for a reason that is always given.
//!
//! Up gives points of one fund like a grant; down takes spendable points of one fund, earliest expiry first.

use serde::{Deserialize, Serialize};

use super::inconsistency::Inconsistency;
use super::rejection::Rejection;
use super::runs::{BucketKey, Runs, amount_of, read_list};
use super::special::Status;
use super::types::{Amount, Description, Fund, Timestamp, WalletId};
use super::wallet::{Standing, Wallet};
use super::{Event, Participants};

/// Asks for a correction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Adjust {
    /// Whose.
    pub wallet: WalletId,
    /// Up or down.
    pub change: Change,
    /// Points of this fund.
    pub fund: Fund,
    /// How many points.
    pub amount: Amount,
    /// Why; whoever builds the command sees to it that it is not empty.
    pub reason: Description,
}

/// Which way a correction goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Points are given.
    Up {
        /// When they lapse; `None` = never.
        expires_at: Option<Timestamp>,
    },
    /// Points are taken.
    Down,
}

/// Points were given by a correction.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AdjustedUp {
    /// How the wallet stands now.
    pub standing: Standing,
    /// How many points.
    pub amount: Amount,
    /// Fund and expiry.
    pub bucket: BucketKey,
    /// The lot they went into.
    pub lot: u64,
    /// Points of it that paid what the wallet owed, and went into no lot.
    pub repaid: u64,
    /// Why.
    pub reason: Description,
}

/// Points were taken by a correction.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AdjustedDown {
    /// How the wallet stands now.
    pub standing: Standing,
    /// What was taken, lot by lot.
    #[serde(deserialize_with = "read_list")]
    pub runs: Runs,
    /// Why.
    pub reason: Description,
}

pub(super) fn decide(
    participants: Participants<'_>,
    command: &Adjust,
    now: Timestamp,
) -> Result<Event, Rejection> {
    let wallet = participants.wallet(command.wallet)?;
    if wallet.special().status == Status::Closed {
        let wallet = command.wallet;
        return Err(Rejection::WalletClosed { wallet });
    }
    match command.change {
        Change::Up { expires_at } => up(wallet, command, expires_at, now),
        Change::Down => down(wallet, command, now),
    }
}

fn up(
    wallet: &Wallet,
    command: &Adjust,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Event, Rejection> {
    let Adjust {
        wallet: id,
        fund,
        amount,
        ..
    } = *command;
    let bucket = BucketKey { fund, expires_at };
    if let Some(expires_at) = expires_at.filter(|_| bucket.is_lapsed(now)) {
        return Err(Rejection::ExpiresAtPast { expires_at });
    }
    if !wallet.has_room_for(amount) {
        return Err(Rejection::BalanceLimit { wallet: id });
    }
    let planned = wallet.plan_give([bucket]);
    let lot = planned.ok_or(Rejection::LotLimit { wallet: id })?[0];
    Ok(Event::AdjustedUp(AdjustedUp {
        standing: wallet.standing_plus(id, fund, amount.get()),
        amount,
        bucket,
        lot,
        repaid: wallet.special().debt.of(fund).min(amount.get()),
        reason: command.reason.clone(),
    }))
}

fn down(wallet: &Wallet, command: &Adjust, now: Timestamp) -> Result<Event, Rejection> {
    let (skip, available) = wallet.spendable_of(Some(command.fund), now);
    let requested = command.amount.get();
    if available < requested {
        return Err(Rejection::InsufficientBalance {
            available,
            requested,
        });
    }
    let runs = wallet.lots.plan_take(now, skip, requested);
    Ok(Event::AdjustedDown(AdjustedDown {
        standing: wallet.standing_minus_runs(command.wallet, &runs),
        runs,
        reason: command.reason.clone(),
    }))
}

pub(super) fn apply_up(wallet: &mut Wallet, event: &AdjustedUp) -> Result<(), Inconsistency> {
    let (standing, amount) = (&event.standing, event.amount.get());
    wallet.grant(standing, event.bucket, event.lot, amount, event.repaid)?;
    wallet.settle(standing)
}

pub(super) fn apply_down(wallet: &mut Wallet, event: &AdjustedDown) -> Result<(), Inconsistency> {
    for run in &event.runs {
        wallet.take(&event.standing, run)?;
    }
    wallet.settle(&event.standing)
}

// === impl AdjustedDown ===

impl AdjustedDown {
    /// Points taken.
    pub fn amount(&self) -> u64 {
        amount_of(&self.runs)
    }
}
