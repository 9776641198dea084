//! Lapses the points whose expiry has come, one bucket at a time, under their original date.

use serde::{Deserialize, Serialize};

use super::Event;
use super::inconsistency::Inconsistency;
use super::runs::BucketKey;
use super::types::{Amount, Fund, Timestamp, WalletId};
use super::wallet::{Standing, Wallet};

/// Points lapsed. Nobody asked for it: time did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lapsed {
    /// How the wallet stands now.
    pub standing: Standing,
    /// The bucket that lapsed, with the instant at which it did.
    pub bucket: BucketKey,
    /// How many points were left in it.
    pub amount: Amount,
}

pub(super) fn due(id: WalletId, wallet: &Wallet, now: Timestamp) -> Option<Event> {
    let bucket = wallet.lots.lapsed(now)?;
    let amount = Amount::new(bucket.lots.points())?;
    let mut standing = wallet.standing_plus(id, bucket.key.fund, 0);
    match bucket.key.fund {
        Fund::Paid => standing.paid -= amount.get().cast_signed(),
        Fund::Free => standing.free -= amount.get().cast_signed(),
    }
    Some(Event::Lapsed(Lapsed {
        standing,
        bucket: bucket.key,
        amount,
    }))
}

pub(super) fn apply(wallet: &mut Wallet, event: &Lapsed) -> Result<(), Inconsistency> {
    let removed = wallet.lots.remove(event.bucket);
    if removed != event.amount.get() {
        return Err(Inconsistency::Legs);
    }
    match event.bucket.fund {
        Fund::Paid => wallet.paid -= removed.cast_signed(),
        Fund::Free => wallet.free -= removed.cast_signed(),
    }
    wallet.settle(&event.standing)
}
