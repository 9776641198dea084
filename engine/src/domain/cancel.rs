//! Gives a use back, whole or in parts, to the lots it was taken from.
//!
//! Parts come back in the reverse of the order in which they were taken: what was spent last (the
//! paid points, the late expiries) returns first. So one number a use is all there is to remember.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::inconsistency::Inconsistency;
use super::rejection::Rejection;
use super::runs::{Piece, Run, Runs, amount_of, read_list};
use super::types::{Amount, Description, EntityId, EntryRef, Timestamp, TransactionId};
use super::use_points::Used;
use super::wallet::{Return, Standing, Wallet};
use super::{Circumstances, Event, Facts, Participants};

/// How long a use can be given back in a store that was not told otherwise, in days of 24 hours.
pub const CANCEL_WINDOW_DAYS: u16 = 400;

/// Asks to give a use back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cancel {
    /// The use.
    pub transaction: TransactionId,
    /// Which leg of it. Needed where there are several uses, in a batch.
    pub leg: Option<u8>,
    /// How many points; `None` = all that was not given back yet.
    pub amount: Option<Amount>,
    /// Free text.
    pub description: Description,
}

/// Points of a use were given back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UseCancelled {
    /// How the wallet stands now.
    pub standing: Standing,
    /// The use.
    pub entry: EntryRef,
    /// When the points were used.
    pub used_at: Timestamp,
    /// Given back of this use so far, this time included, points.
    pub returned: u64,
    /// What went back, lot by lot.
    #[serde(deserialize_with = "read_list")]
    pub runs: Runs,
    /// What was given back of uses before this instant need not be remembered any longer.
    pub forget_before: Timestamp,
    /// Free text.
    pub description: Description,
}

pub(super) fn decide(
    participants: Participants<'_>,
    command: &Cancel,
    facts: &Facts,
    circumstances: &Circumstances<'_>,
) -> Result<Event, Rejection> {
    let transaction = command.transaction;
    let Facts::Act { event, at } = facts else {
        return Err(Rejection::TransactionNotFound { transaction });
    };
    let (_, used) = target(event, command.leg);
    let used = used.ok_or(Rejection::NotCancellable { transaction })?;
    let id = used.standing.wallet;
    let wallet = participants.wallet(id)?;
    let entry = EntryRef::new(transaction, command.leg.unwrap_or(0));
    let window = i64::from(circumstances.settings.cancel_window_days);
    let forget_before = circumstances.now.minus_days(window);
    if *at < forget_before {
        return Err(Rejection::CancelWindowOver { transaction });
    }
    let returned = wallet.returned(entry);
    let cancellable = used.amount() - returned;
    let requested = command.amount.map_or(cancellable, Amount::get);
    let amount = Amount::new(requested)
        .filter(|amount| amount.get() <= cancellable)
        .ok_or(Rejection::OverCancel {
            transaction,
            cancellable,
            requested,
        })?;
    if !wallet.has_room_for(amount) {
        return Err(Rejection::BalanceLimit { wallet: id });
    }
    let planned = wallet
        .lots
        .plan_restore(taken_last(used, returned, requested));
    let runs = planned.ok_or(Rejection::LotLimit { wallet: id })?;
    Ok(Event::UseCancelled(UseCancelled {
        standing: wallet.standing_plus_runs(id, &runs),
        entry,
        used_at: *at,
        returned: returned + requested,
        runs,
        forget_before,
        description: command.description.clone(),
    }))
}

/// Whom a cancel is about, and the use; `None` if no use was named.
pub(super) fn target(event: &Event, leg: Option<u8>) -> (EntityId, Option<&Used>) {
    let named = leg.unwrap_or(0);
    let is_batch = matches!(event, Event::Batched(_));
    // Whoever names no leg means the whole act, and a batch is no use.
    let part = event.part(named).filter(|_| leg.is_some() || !is_batch);
    match part.map(|part| part.event) {
        Some(Event::Used(used)) => (used.standing.wallet.entity(), Some(used)),
        Some(_) | None => {
            let (first, _) = event.roles()[0];
            (event.entity_of(named).unwrap_or(first), None)
        }
    }
}

/// The pieces of a use from its end backwards: `amount` points after the first `skip`.
fn taken_last(used: &Used, skip: u64, amount: u64) -> Runs {
    let (mut skip, mut left) = (skip, amount);
    let mut runs = Runs::new();
    for run in used.runs.iter().rev() {
        let mut pieces = SmallVec::new();
        for piece in run.pieces.iter().rev() {
            let passed = skip.min(piece.amount);
            skip -= passed;
            let given = left.min(piece.amount - passed);
            left -= given;
            if given > 0 {
                pieces.push(Piece {
                    lot: piece.lot,
                    amount: given,
                });
            }
        }
        if !pieces.is_empty() {
            runs.push(Run {
                bucket: run.bucket,
                pieces,
            });
        }
    }
    runs
}

pub(super) fn apply(wallet: &mut Wallet, event: &UseCancelled) -> Result<(), Inconsistency> {
    let entry = event.entry;
    if wallet.returned(entry) + event.amount() != event.returned {
        let wallet = event.standing.wallet;
        return Err(Inconsistency::Returned {
            wallet,
            transaction: entry.transaction().0,
        });
    }
    for run in &event.runs {
        for piece in &run.pieces {
            wallet.give(&event.standing, run.bucket, piece.lot, piece.amount)?;
        }
    }
    let entry = Return {
        entry,
        used_at: event.used_at,
        amount: event.returned,
    };
    wallet.remember(entry, event.forget_before);
    wallet.settle(&event.standing)
}

// === impl UseCancelled ===

impl UseCancelled {
    /// Points given back this time.
    pub fn amount(&self) -> u64 {
        amount_of(&self.runs)
    }
}
