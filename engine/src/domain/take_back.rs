//! Takes a grant back: the cancel of a charge or an earn.
//!
//! What of it was spent, moved on or set aside meanwhile is not in its lot any more; the policy says what becomes of that
//! part. Points that lapsed are gone: a grant whose expiry has come cannot be taken back.

use serde::{Deserialize, Serialize};

use super::aside::Asides;
use super::inconsistency::Inconsistency;
use super::rejection::Rejection;
use super::runs::{BucketKey, Piece, Run};
use super::special::Status;
use super::types::{Amount, Description, EntryRef, Fund, NUMBER_MAX, Timestamp, WalletId};
use super::wallet::{Return, Standing, Wallet};
use super::{Cancel, Circumstances, Event, Participants};

/// What becomes of the part of a grant that is not there any more when it is taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum TakeBackPolicy {
    /// Nothing is taken back then.
    #[default]
    Deny,
    /// What is there is taken back, the rest is forgiven for good.
    TakeRest,
    /// The wallet owes it: the balance goes down by all of it, below zero if need be, and points of the same fund that are
    /// new or come back pay it before they can be spent.
    Debt,
}

/// Points of a grant were taken back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TakenBack {
    /// How the wallet stands now.
    pub standing: Standing,
    /// The grant.
    pub entry: EntryRef,
    /// When it was given.
    pub granted_at: Timestamp,
    /// Fund and expiry of the grant.
    pub bucket: BucketKey,
    /// Its lot.
    pub lot: u64,
    /// Points taken out of the lot.
    pub taken: u64,
    /// Points that the wallet owes from now on.
    pub owed: u64,
    /// Taken back of this grant so far, this time and what was forgiven included, points.
    pub returned: u64,
    /// What was given or taken back before this instant need not be remembered any longer.
    pub forget_before: Timestamp,
    /// Free text.
    pub description: Description,
    /// What few of them carry.
    #[serde(skip)]
    pub aside: Asides,
}

/// A grant with its fund, as the log has it.
#[derive(Clone, Copy)]
pub(super) struct Earlier {
    pub(super) wallet: WalletId,
    pub(super) bucket: BucketKey,
    pub(super) lot: u64,
    pub(super) amount: Amount,
}

pub(super) fn decide(
    participants: Participants<'_>,
    command: &Cancel,
    earlier: Earlier,
    (entry, at): (EntryRef, Timestamp),
    circumstances: &Circumstances<'_>,
) -> Result<Event, Rejection> {
    let Earlier {
        wallet: id,
        bucket,
        lot,
        amount,
    } = earlier;
    let transaction = command.transaction;
    let wallet = participants.wallet(id)?;
    if wallet.special().status == Status::Closed {
        return Err(Rejection::WalletClosed { wallet: id });
    }
    let window = i64::from(circumstances.settings.cancel_window_days);
    let forget_before = circumstances.now.minus_days(window);
    if at < forget_before || wallet.has_forgotten(at) {
        return Err(Rejection::CancelWindowOver { transaction });
    }
    let returned = wallet.returned(entry);
    let cancellable = amount.get() - returned;
    let requested = command.amount.map_or(cancellable, Amount::get);
    if requested == 0 || requested > cancellable {
        return Err(Rejection::OverCancel {
            transaction,
            cancellable,
            requested,
        });
    }
    let settings = circumstances.settings;
    let policy = command.policy.unwrap_or(settings.take_back_policy);
    let lapsed = bucket.is_lapsed(circumstances.now);
    let there = wallet.lots.remaining(bucket, lot);
    let taken = if lapsed { 0 } else { there.min(requested) };
    let owed = policy.owed(requested, taken, lapsed);
    let owed = owed.ok_or(Rejection::GrantSpent {
        transaction,
        available: taken,
        requested,
    })?;
    let gone = (taken + owed).cast_signed();
    // Points that were there already or sent by another wallet pay no debt, and may lapse: what is owed is within the range
    // by itself.
    if wallet.special().debt.sum() + owed > NUMBER_MAX {
        return Err(Rejection::BalanceLimit { wallet: id });
    }
    let mut standing = wallet.next_standing(id);
    *standing.of_mut(bucket.fund) -= gone;
    Ok(Event::TakenBack(Box::new(TakenBack {
        standing,
        entry,
        granted_at: at,
        bucket,
        lot,
        taken,
        owed,
        returned: returned + requested,
        forget_before,
        description: command.description.clone(),
        aside: None,
    })))
}

pub(super) fn apply(wallet: &mut Wallet, event: &TakenBack) -> Result<(), Inconsistency> {
    if wallet.returned(event.entry) + event.amount() > event.returned {
        let wallet = event.standing.wallet;
        let transaction = event.entry.transaction().0;
        return Err(Inconsistency::Returned {
            wallet,
            transaction,
        });
    }
    if event.taken > 0 {
        wallet.take(&event.standing, &event.run())?;
    }
    if event.owed > 0 {
        wallet.owe(event.bucket.fund, event.owed);
    }
    let entry = Return {
        entry: event.entry,
        used_at: event.granted_at,
        amount: event.returned,
    };
    wallet.remember(entry, event.forget_before);
    let counted_on = event.aside.as_ref().and_then(|aside| aside.counted_on);
    wallet.count_back(|turnover| &mut turnover.earned, counted_on, event.amount());
    wallet.settle(&event.standing)
}

// === impl Earlier ===

impl Earlier {
    /// The grant that an event made; `None` if it made none.
    pub(super) fn of(event: &Event) -> Option<Self> {
        let (granted, fund) = if let Event::Charged(granted) = event {
            (granted, Fund::Paid)
        } else if let Event::Earned(granted) = event {
            (granted, Fund::Free)
        } else if let Event::GrantActivated(event) = event {
            return Some(Self {
                wallet: event.standing.wallet,
                bucket: event.bucket,
                lot: event.lot,
                amount: event.amount,
            });
        } else {
            return None;
        };
        let expires_at = granted.expires_at;
        Some(Self {
            wallet: granted.standing.wallet,
            bucket: BucketKey { fund, expires_at },
            lot: granted.lot,
            amount: granted.amount,
        })
    }
}

// === impl TakeBackPolicy ===

impl TakeBackPolicy {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Deny, Self::TakeRest, Self::Debt];

    /// What the wallet owes when so many of the points asked for are there; `None`: nothing is taken back then.
    fn owed(self, requested: u64, taken: u64, lapsed: bool) -> Option<u64> {
        let missing = requested - taken;
        match self {
            Self::Deny => (missing == 0).then_some(0),
            Self::TakeRest => (taken > 0).then_some(0),
            Self::Debt => (!lapsed).then_some(missing),
        }
    }

    /// The word used in JSON, logs and tools.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::TakeRest => "take_rest",
            Self::Debt => "debt",
        }
    }
}

// === impl TakenBack ===

impl TakenBack {
    /// Points by which the balance went down.
    pub fn amount(&self) -> u64 {
        self.taken + self.owed
    }

    fn run(&self) -> Run {
        let pieces = smallvec::smallvec![Piece {
            lot: self.lot,
            amount: self.taken,
        }];
        Run {
            bucket: self.bucket,
            pieces,
        }
    }
}
