//! Gives a use back, whole or in parts, to the lots it was taken from.
//!
//! Parts come back in the reverse of the order in which they were taken: what was spent last (the
//! paid points, the late expiries) returns first. So one number a use is all there is to remember.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::aside::{Aside, Asides};
use super::inconsistency::Inconsistency;
use super::rejection::Rejection;
use super::repay;
use super::runs::{BucketKey, Piece, Run, Runs, amount_of, read_list, taken_last};
use super::special::Status;
use super::take_back::{self, Earlier, TakeBackPolicy};
use super::types::{Amount, Description, EntityId, EntryRef, Timestamp, TransactionId, WalletId};
use super::wallet::{Return, Standing, Wallet};
use super::{Circumstances, Event, Facts, Participants};

/// How long a use can be given back in a store that was not told otherwise, in days of 24 hours.
pub const CANCEL_WINDOW_DAYS: u16 = 400;

/// Longest time for which lapsed points that come back can be spent again, in days of 24 hours.
pub const LAPSED_DAYS_MAX: u16 = 3_650;

/// Asks to give a use, or what was captured of a hold, back; or to take a grant back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cancel {
    /// The use or the grant.
    pub transaction: TransactionId,
    /// Which leg of it. Needed where there are several uses, in a batch.
    pub leg: Option<u8>,
    /// How many points; `None` = all that was not given back yet.
    pub amount: Option<Amount>,
    /// What becomes of points of a use whose expiry has come; `None` = as the settings say.
    pub lapsed: Option<LapsedPolicy>,
    /// What becomes of the part of a grant that is not there any more; `None` = as the settings say.
    pub policy: Option<TakeBackPolicy>,
    /// Free text.
    pub description: Description,
}

/// What becomes of points that come back when their expiry has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum LapsedPolicy {
    /// They lapse at once, under their original date.
    #[default]
    StayExpired,
    /// They are given anew, for so many days of 24 hours from now.
    Regrant {
        /// 1…[`LAPSED_DAYS_MAX`].
        days: u16,
    },
    /// They may be spent for so many days of 24 hours behind their original date; later they lapse at once.
    Grace {
        /// 1…[`LAPSED_DAYS_MAX`].
        days: u16,
    },
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
    /// What came back, lot by lot; the last ones of each fund paid what it owed.
    #[serde(deserialize_with = "read_list")]
    pub runs: Runs,
    /// What was given back of uses before this instant need not be remembered any longer.
    pub forget_before: Timestamp,
    /// Free text.
    pub description: Description,
    /// What few of them carry.
    #[serde(skip)]
    pub aside: Asides,
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
    let entry = EntryRef::new(transaction, command.leg.unwrap_or(0));
    let undone = target(event, command.leg).1;
    let mut cancelled = match undone {
        Some(granted) if let Some(earlier) = Earlier::of(granted) => {
            take_back::decide(participants, command, earlier, (entry, *at), circumstances)
        }
        Some(Event::Used(used)) => {
            let spent = (used.standing.wallet, &used.runs, *at);
            decide_use(participants, command, entry, spent, circumstances)
        }
        Some(Event::HoldCaptured(captured)) => {
            let spent = (captured.standing.wallet, &captured.runs, *at);
            decide_use(participants, command, entry, spent, circumstances)
        }
        Some(_) | None => Err(Rejection::NotCancellable { transaction }),
    }?;
    // What it was counted for says where there is room again.
    if let Some(day) = undone.and_then(Event::counted_on) {
        let aside = cancelled.aside().cloned().unwrap_or_default();
        cancelled.carry(Aside {
            counted_on: Some(day),
            ..aside
        });
    }
    Ok(cancelled)
}

fn decide_use(
    participants: Participants<'_>,
    command: &Cancel,
    entry: EntryRef,
    (id, spent, at): (WalletId, &Runs, Timestamp),
    circumstances: &Circumstances<'_>,
) -> Result<Event, Rejection> {
    let transaction = command.transaction;
    let wallet = participants.wallet(id)?;
    if wallet.special().status == Status::Closed {
        return Err(Rejection::WalletClosed { wallet: id });
    }
    let settings = circumstances.settings;
    let forget_before = circumstances
        .now
        .minus_days(i64::from(settings.cancel_window_days));
    if at < forget_before || wallet.has_forgotten(at) {
        return Err(Rejection::CancelWindowOver { transaction });
    }
    let returned = wallet.returned(entry);
    let cancellable = amount_of(spent) - returned;
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
    let policy = command.lapsed.unwrap_or(settings.lapsed_policy);
    let taken = taken_last(spent, returned, requested);
    let (rest, paying) = repay::split(taken, wallet.special().debt);
    let repaid = amount_of(&paying);
    let planned = place(wallet, rest, policy, circumstances.now);
    let rest = planned.ok_or(Rejection::LotLimit { wallet: id })?;
    let runs = repay::join(rest, paying);
    Ok(Event::UseCancelled(Box::new(UseCancelled {
        standing: wallet.standing_plus_runs(id, &runs),
        entry,
        used_at: at,
        returned: returned + requested,
        runs,
        forget_before,
        description: command.description.clone(),
        aside: Aside {
            repaid,
            ..Aside::default()
        }
        .boxed(),
    })))
}

/// Whom a cancel is about, and the event that it names; `None` if it names none.
pub(super) fn target(event: &Event, leg: Option<u8>) -> (EntityId, Option<&Event>) {
    let named = leg.unwrap_or(0);
    let is_batch = matches!(event, Event::Batched(_));
    // Whoever names no leg means the whole act, and a batch is neither use nor grant.
    let part = event.part(named).filter(|_| leg.is_some() || !is_batch);
    let (first, _) = event.roles()[0];
    (
        event.entity_of(named).unwrap_or(first),
        part.map(|part| part.event),
    )
}

/// Where points go that come back and pay nothing: into the lots that they were taken from; and where those have lapsed meanwhile, as the
/// policy says, into a new one of each fund and expiry.
fn place(wallet: &Wallet, taken: Runs, policy: LapsedPolicy, now: Timestamp) -> Option<Runs> {
    let mut own = Runs::new();
    let mut fresh: SmallVec<[(BucketKey, u64); 2]> = SmallVec::new();
    for run in taken {
        let Some(bucket) = policy.bucket(run.bucket, now) else {
            own.push(run);
            continue;
        };
        match fresh.iter_mut().find(|(key, _)| *key == bucket) {
            Some((_, amount)) => *amount += run.amount(),
            None => fresh.push((bucket, run.amount())),
        }
    }
    let mut reserved = wallet.reserved();
    reserved.lots += fresh.len();
    reserved.buckets += fresh.len();
    let mut runs = wallet.lots.plan_restore(own, reserved)?;
    let lots = wallet.plan_give(fresh.iter().map(|(bucket, _)| *bucket))?;
    let fresh = fresh.into_iter().zip(lots);
    runs.extend(fresh.map(|((bucket, amount), lot)| Run {
        bucket,
        pieces: smallvec::smallvec![Piece { lot, amount }],
    }));
    Some(runs)
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
    wallet.put_back(&event.standing, &event.runs, event.repaid())?;
    for run in &event.runs {
        *wallet.ledger_mut(run.bucket.fund) += run.amount().cast_signed();
    }
    let entry = Return {
        entry,
        used_at: event.used_at,
        amount: event.returned,
    };
    wallet.remember(entry, event.forget_before);
    let counted_on = event.aside.as_ref().and_then(|aside| aside.counted_on);
    wallet.count_back(|turnover| &mut turnover.used, counted_on, event.amount());
    wallet.settle(&event.standing)
}

// === impl LapsedPolicy ===

impl LapsedPolicy {
    /// Fund and new expiry of points that have lapsed; `None`: they go back to where they were.
    fn bucket(self, bucket: BucketKey, now: Timestamp) -> Option<BucketKey> {
        let expiry = bucket.expires_at.filter(|at| *at <= now)?;
        let later = match self {
            Self::StayExpired => return None,
            Self::Regrant { days } => now.plus_days(days.into()),
            Self::Grace { days } => expiry.plus_days(days.into()),
        };
        let expires_at = Some(later).filter(|later| *later > now);
        expires_at.map(|_| BucketKey {
            expires_at,
            ..bucket
        })
    }

    /// Whether its days are in range.
    pub(super) fn is_sound(self) -> bool {
        match self {
            Self::StayExpired => true,
            Self::Regrant { days } | Self::Grace { days } => (1..=LAPSED_DAYS_MAX).contains(&days),
        }
    }
}

// === impl UseCancelled ===

impl UseCancelled {
    /// Points given back this time.
    pub fn amount(&self) -> u64 {
        amount_of(&self.runs)
    }

    /// Points of them that paid what the wallet owed.
    pub fn repaid(&self) -> u64 {
        self.aside.as_ref().map_or(0, |aside| aside.repaid)
    }
}
