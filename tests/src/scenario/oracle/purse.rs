//! What one wallet holds, in the plain map: a number for every fund and expiry.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::refused_with;
use crate::scenario::answer::{Answer, Leg, Standing, WalletSeen};

/// Paid or free, whether it never lapses, when it does: sorted as points are spent.
pub(super) type Bucket = (bool, bool, Option<Timestamp>);

/// One wallet.
#[derive(Clone, Debug)]
pub(super) struct Purse {
    pub(super) owner: (String, u64),
    pub(super) created_at: Timestamp,
    pub(super) points: BTreeMap<Bucket, u64>,
    pub(super) version: u64,
    pub(super) last_act: u64,
}

// === impl Purse ===

impl Purse {
    pub(super) fn balance(&self) -> u64 {
        self.points.values().sum()
    }

    pub(super) fn of_fund(&self, paid: bool, now: Option<Timestamp>) -> u64 {
        let counted = self.points.iter().filter(|((held_paid, _, until), _)| {
            *held_paid == paid && until.is_none_or(|until| now.is_none_or(|now| until > now))
        });
        counted.map(|(_, amount)| amount).sum()
    }

    /// The first `amount` points in spending order. Lapsed ones are gone already.
    pub(super) fn take(&self, amount: u64) -> Result<Vec<(Bucket, u64)>, Answer> {
        let available = self.balance();
        if available < amount {
            let numbers = [("available", available), ("requested", amount)];
            return Err(refused_with("insufficient-balance", &numbers));
        }
        let parts = self.points.iter().map(|(bucket, held)| (*bucket, *held));
        Ok(cut(parts, 0, amount))
    }

    pub(super) fn seen(&self, wallet: u64, now: Timestamp) -> WalletSeen {
        let (paid, free) = (
            self.of_fund(true, Some(now)),
            self.of_fund(false, Some(now)),
        );
        let balance = paid + free;
        let standing = Standing {
            wallet,
            paid: paid.cast_signed(),
            free: free.cast_signed(),
            balance: balance.cast_signed(),
            version: self.version,
        };
        let until = now + SignedDuration::from_hours(30 * 24);
        let expiring = self
            .points
            .iter()
            .filter(|((_, _, at), _)| at.is_some_and(|at| now < at && at <= until));
        WalletSeen {
            standing,
            owner: self.owner.clone(),
            held: 0,
            available: balance,
            expiring_30d: expiring.map(|(_, amount)| amount).sum(),
            lsn: self.last_act,
            created_at: self.created_at,
        }
    }

    pub(super) fn leg(
        &self,
        wallet: u64,
        kind: &str,
        amount: u64,
        parts: &[(Bucket, u64)],
        counterparty: Option<u64>,
        at: Timestamp,
    ) -> Leg {
        let fund = |paid: bool| if paid { "paid" } else { "free" }.to_owned();
        let parts = parts.iter();
        Leg {
            act: self.last_act,
            kind: kind.to_owned(),
            amount,
            standing: Standing {
                wallet,
                paid: self.of_fund(true, None).cast_signed(),
                free: self.of_fund(false, None).cast_signed(),
                balance: self.balance().cast_signed(),
                version: self.version,
            },
            counterparty,
            allocations: parts
                .map(|((paid, _, until), amount)| (fund(*paid), *until, *amount))
                .collect(),
            note: String::new(),
            at: Some(at),
        }
    }
}

/// `amount` points of a row of parts, after skipping `skip`.
pub(super) fn cut(
    parts: impl Iterator<Item = (Bucket, u64)>,
    mut skip: u64,
    mut amount: u64,
) -> Vec<(Bucket, u64)> {
    let mut taken = Vec::new();
    for (bucket, held) in parts {
        let passed = skip.min(held);
        skip -= passed;
        let part = amount.min(held - passed);
        amount -= part;
        if part > 0 {
            taken.push((bucket, part));
        }
    }
    assert_eq!(amount, 0, "more was asked for than there is");
    taken
}
