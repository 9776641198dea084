//! The holder of one owner's balance, and what an event says about it.

use serde::{Deserialize, Serialize};

use super::inconsistency::Inconsistency;
use super::lots::Lots;
use super::runs::{BucketKey, Run, amount_of_fund};
use super::types::{Amount, Fund, NUMBER_MAX, Owner, Timestamp, WalletId};

/// State of one wallet. Changes only by applying events.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Wallet {
    /// Who owns it.
    pub owner: Owner,
    /// +1 with every event that touches the wallet; 1 after its creation.
    pub version: u64,
    /// Ledger points that were bought, lapsed lots included until their lapse is recorded.
    pub paid: u64,
    /// Ledger points that were given away, likewise.
    pub free: u64,
    /// Where the points are.
    pub lots: Lots,
    /// What was given back of uses, by transaction, which is also by time, ascending. Forgotten some
    /// time after the cancel window.
    pub returns: Vec<Return>,
}

/// What was already given back of one use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Return {
    /// The use: LSN of its act.
    pub transaction: u64,
    /// When the points were used.
    pub used_at: Timestamp,
    /// Points given back so far.
    pub amount: u64,
}

/// How a wallet stands after an event: replay compares it with what applying yields, so a missing,
/// doubled or reordered event cannot pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Standing {
    /// Which wallet.
    pub wallet: WalletId,
    /// Its version after the event.
    pub version: u64,
    /// Paid points after the event.
    pub paid: u64,
    /// Free points after the event.
    pub free: u64,
}

// === impl Wallet ===

impl Wallet {
    /// A wallet as its creation leaves it.
    pub fn new(owner: Owner) -> Self {
        Self {
            owner,
            version: 1,
            paid: 0,
            free: 0,
            lots: Lots::default(),
            returns: Vec::new(),
        }
    }

    /// Ledger balance, points.
    pub fn balance(&self) -> u64 {
        self.paid + self.free
    }

    /// Points that can be spent at `now`. Without an expiring lot this needs no walk over the lots.
    pub fn spendable(&self, now: Timestamp) -> u64 {
        match self.lots.lapsed(now) {
            None => self.balance(),
            Some(_) => {
                let (free, paid) = self.lots.spendable(now);
                free + paid
            }
        }
    }

    /// Whether a grant keeps the balance within 2^53−1.
    pub fn has_room_for(&self, amount: Amount) -> bool {
        self.balance() + amount.get() <= NUMBER_MAX
    }

    /// What was given back of a use so far, points.
    pub fn returned(&self, transaction: u64) -> u64 {
        let found = self
            .returns
            .binary_search_by_key(&transaction, |entry| entry.transaction);
        found.map_or(0, |at| self.returns[at].amount)
    }

    /// How the wallet will stand after `fund` grew by `amount`.
    pub fn standing_plus(&self, wallet: WalletId, fund: Fund, amount: u64) -> Standing {
        let mut standing = self.next_standing(wallet);
        match fund {
            Fund::Paid => standing.paid += amount,
            Fund::Free => standing.free += amount,
        }
        standing
    }

    /// How the wallet will stand after the runs were given to it.
    pub fn standing_plus_runs<'a>(
        &self,
        wallet: WalletId,
        runs: impl IntoIterator<Item = &'a Run, IntoIter: Clone>,
    ) -> Standing {
        let runs = runs.into_iter();
        let mut standing = self.next_standing(wallet);
        standing.paid += amount_of_fund(runs.clone(), Fund::Paid);
        standing.free += amount_of_fund(runs, Fund::Free);
        standing
    }

    /// How the wallet will stand after the runs were taken from it.
    pub fn standing_minus_runs<'a>(
        &self,
        wallet: WalletId,
        runs: impl IntoIterator<Item = &'a Run, IntoIter: Clone>,
    ) -> Standing {
        let runs = runs.into_iter();
        let mut standing = self.next_standing(wallet);
        standing.paid -= amount_of_fund(runs.clone(), Fund::Paid);
        standing.free -= amount_of_fund(runs, Fund::Free);
        standing
    }

    fn next_standing(&self, wallet: WalletId) -> Standing {
        Standing {
            wallet,
            version: self.version + 1,
            paid: self.paid,
            free: self.free,
        }
    }

    /// Gives points to a lot.
    pub fn give(
        &mut self,
        standing: &Standing,
        key: BucketKey,
        lot: u64,
        amount: u64,
    ) -> Result<(), Inconsistency> {
        let wallet = standing.wallet;
        let given = self.lots.give(key, lot, amount);
        given.map_err(|missing| Inconsistency::Lot {
            wallet,
            lot: missing.lot,
        })?;
        match key.fund {
            Fund::Paid => self.paid += amount,
            Fund::Free => self.free += amount,
        }
        Ok(())
    }

    /// Takes a run of points out.
    pub fn take(&mut self, standing: &Standing, run: &Run) -> Result<(), Inconsistency> {
        let wallet = standing.wallet;
        self.lots.take(run).map_err(|missing| Inconsistency::Lot {
            wallet,
            lot: missing.lot,
        })?;
        match run.bucket.fund {
            Fund::Paid => self.paid -= run.amount(),
            Fund::Free => self.free -= run.amount(),
        }
        Ok(())
    }

    /// Remembers what was given back of a use in all, and forgets uses from before an instant. They
    /// are let go of in bulk, once they are half of what is kept, so that a wallet with a million
    /// cancelled uses does not move all of them with each one.
    pub fn remember(&mut self, entry: Return, forget_before: Timestamp) {
        let stale = self
            .returns
            .partition_point(|entry| entry.used_at < forget_before);
        if stale > 0 && stale * 2 >= self.returns.len() {
            self.returns.drain(..stale);
        }
        let transaction = entry.transaction;
        let found = self
            .returns
            .binary_search_by_key(&transaction, |entry| entry.transaction);
        match found {
            Ok(at) => self.returns[at] = entry,
            Err(at) => self.returns.insert(at, entry),
        }
    }

    /// Ends an event: counts the version up and holds the result against what the event states.
    pub fn settle(&mut self, stated: &Standing) -> Result<(), Inconsistency> {
        let wallet = stated.wallet;
        self.version += 1;
        if self.version != stated.version {
            let expected = self.version;
            return Err(Inconsistency::Version {
                wallet,
                expected,
                stated: stated.version,
            });
        }
        if (self.paid, self.free) != (stated.paid, stated.free) {
            return Err(Inconsistency::Balance {
                wallet,
                paid: self.paid,
                free: self.free,
                stated_paid: stated.paid,
                stated_free: stated.free,
            });
        }
        Ok(())
    }
}

// === impl Standing ===

impl Standing {
    /// Ledger balance after the event, points.
    pub fn balance(&self) -> u64 {
        self.paid + self.free
    }
}
