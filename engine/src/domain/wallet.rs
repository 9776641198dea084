//! The holder of one owner's balance, and what an event says about it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::lots::{Lots, Run, amount_of_fund};
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
    /// What was given back of uses, by transaction, ascending. Forgotten after the cancel window.
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

/// The log contradicts itself: an event does not follow from the state before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Inconsistency {
    /// An event touches a wallet that does not exist.
    #[error("wallet {wallet} does not exist")]
    Absent {
        /// Which wallet.
        wallet: WalletId,
    },
    /// A second creation of one wallet.
    #[error("wallet {wallet} is created twice")]
    CreatedTwice {
        /// Which wallet.
        wallet: WalletId,
    },
    /// An event is missing or doubled.
    #[error("wallet {wallet}: version {stated} is stated where {expected} is due")]
    Version {
        /// Which wallet.
        wallet: WalletId,
        /// Version that follows from the state.
        expected: u64,
        /// Version that the event states.
        stated: u64,
    },
    /// The stated balance does not follow from the state.
    #[error(
        "wallet {wallet}: paid {stated_paid} and free {stated_free} are stated, applying gives {paid} and {free}"
    )]
    Balance {
        /// Which wallet.
        wallet: WalletId,
        /// Paid points that follow from the state.
        paid: u64,
        /// Free points that follow from the state.
        free: u64,
        /// Paid points that the event states.
        stated_paid: u64,
        /// Free points that the event states.
        stated_free: u64,
    },
    /// An event takes more from a lot than the lot holds.
    #[error("wallet {wallet}: lot {lot} does not hold what the event takes from it")]
    Lot {
        /// Which wallet.
        wallet: WalletId,
        /// Which lot.
        lot: u64,
    },
    /// The legs of an event do not add up.
    #[error("the legs of the event do not sum to zero")]
    Legs,
    /// A number that no wallet can reach.
    #[error("wallet {wallet}: the event states a number beyond 2^53 − 1")]
    Range {
        /// Which wallet.
        wallet: WalletId,
    },
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
    pub fn standing_plus_runs(&self, wallet: WalletId, runs: &[Run]) -> Standing {
        let mut standing = self.next_standing(wallet);
        standing.paid += amount_of_fund(runs, Fund::Paid);
        standing.free += amount_of_fund(runs, Fund::Free);
        standing
    }

    /// How the wallet will stand after the runs were taken from it.
    pub fn standing_minus_runs(&self, wallet: WalletId, runs: &[Run]) -> Standing {
        let mut standing = self.next_standing(wallet);
        standing.paid -= amount_of_fund(runs, Fund::Paid);
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
    pub fn give(&mut self, key: super::lots::BucketKey, lot: u64, amount: u64) {
        match key.fund {
            Fund::Paid => self.paid += amount,
            Fund::Free => self.free += amount,
        }
        self.lots.give(key, lot, amount);
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
    /// Whether its numbers are in range, so that sums over them cannot overflow.
    pub fn check(&self) -> Result<(), Inconsistency> {
        let wallet = self.wallet;
        let balance = self
            .paid
            .checked_add(self.free)
            .filter(|sum| *sum <= NUMBER_MAX);
        let version = (1..=NUMBER_MAX).contains(&self.version);
        let known = WalletId::new(wallet.get()).is_some();
        let sound = balance.is_some() && version && known;
        sound.then_some(()).ok_or(Inconsistency::Range { wallet })
    }

    /// Ledger balance after the event, points.
    pub fn balance(&self) -> u64 {
        self.paid + self.free
    }
}
