//! The holder of one owner's balance, and what an event says about it.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::hold::Hold;
use super::inconsistency::Inconsistency;
use super::lots::Lots;
use super::plan::{Kept, Reserved};
use super::runs::{BucketKey, Run, Runs, amount_of_fund};
use super::special::Special;
use super::types::{Amount, EntryRef, Fund, NUMBER_MAX, Owner, Timestamp, WalletId};

/// State of one wallet. Changes only by applying events.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Wallet {
    /// Who owns it.
    pub owner: Owner,
    /// +1 with every event that touches the wallet; 1 after its creation.
    pub version: u64,
    /// Ledger points that were bought: those in lots, lapsed ones included until their lapse is recorded, and
    /// those set aside, less what is owed.
    #[serde(with = "signed")]
    pub paid: i64,
    /// Ledger points that were given away, likewise.
    #[serde(with = "signed")]
    pub free: i64,
    /// Where the points are.
    pub lots: Lots,
    /// What was given back of uses, by entry, which is also by time, ascending. Forgotten some
    /// time after the cancel window; the first one then names no entry, and says up to when.
    pub returns: Vec<Return>,
    /// What few wallets have.
    #[serde(with = "super::special::kept")]
    pub special: Option<Box<Special>>,
}

/// What was already given back of one use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Return {
    /// The use.
    pub entry: EntryRef,
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
    /// Paid points after the event; below zero when more was taken back than there was.
    #[serde(with = "signed")]
    pub paid: i64,
    /// Free points after the event, likewise.
    #[serde(with = "signed")]
    pub free: i64,
}

/// Ledger points on disk: a number below zero, which is rare, takes ten bytes, every other one what it would
/// take without a sign.
mod signed {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde hands fields over by reference"
    )]
    pub(super) fn serialize<S: Serializer>(points: &i64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(points.cast_unsigned())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        Ok(u64::deserialize(from)?.cast_signed())
    }
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
            special: None,
        }
    }

    /// Ledger balance, points; below zero when more is owed than there is.
    pub fn balance(&self) -> i64 {
        self.paid + self.free
    }

    /// Points that can be spent at `now`. Nearly always this needs no walk over the lots.
    pub fn spendable(&self, now: Timestamp) -> u64 {
        match (&self.special, self.lots.lapsed(now)) {
            (None, None) => self.balance().unsigned_abs(),
            _ => {
                let (free, paid) = self.lots.spendable(now);
                (free + paid).saturating_sub(self.special().debt.sum())
            }
        }
    }

    /// How many points of a fund, or of both, can be spent at `now`, and how many are spent before them.
    pub fn spendable_of(&self, fund: Option<Fund>, now: Timestamp) -> (u64, u64) {
        let all = self.spendable(now);
        let Some(fund) = fund else {
            return (0, all);
        };
        let (free, paid) = self.lots.spendable(now);
        let (before, there) = match fund {
            Fund::Free => (0, free),
            // Free points are spent first, so the paid ones stand behind all of them.
            Fund::Paid => (free, paid),
        };
        // What a fund owes cannot be asked of it, however much there is of the other.
        let even = there.saturating_sub(self.special().debt.of(fund));
        (before, even.min(all))
    }

    /// Ledger points as they stand at `now`, without those that have lapsed by then: (free, paid).
    pub fn funds(&self, now: Timestamp) -> (i64, i64) {
        if self.lots.lapsed(now).is_none() {
            return (self.free, self.paid);
        }
        let (free, paid) = self.lots.lapsed_points(now);
        (
            self.free - free.cast_signed(),
            self.paid - paid.cast_signed(),
        )
    }

    /// Whether a grant keeps the balance within 2^53−1, and leaves room for what is pending. So must each fund by itself:
    /// one may hold more than the balance says while the other is owed.
    pub fn has_room_for(&self, amount: Amount) -> bool {
        let most = self.balance().max(self.paid).max(self.free);
        let more = amount.get() + self.special().pending_points();
        most + more.cast_signed() <= NUMBER_MAX.cast_signed()
    }

    /// Whether nothing is in it, set aside, pending or owed.
    pub fn is_empty(&self) -> bool {
        let special = self.special();
        let idle = special.holds.is_empty() && special.pending.is_empty();
        idle && self.lots.count() == 0 && special.debt.sum() == 0
    }

    /// The lots that grants to these buckets go into; `None` when the wallet is full.
    pub fn plan_give(
        &self,
        keys: impl IntoIterator<Item = BucketKey>,
    ) -> Option<SmallVec<[u64; 1]>> {
        self.lots.plan_give(keys, self.reserved())
    }

    /// Where what is left of a hold, or some of it, goes when it is let go of.
    pub fn plan_unhold(&self, hold: &Hold, runs: Runs) -> Runs {
        let mut kept = Kept::default();
        self.keep(&mut kept, |other| other.number != hold.number);
        for run in &hold.runs {
            kept.open(run);
        }
        let planned = self.lots.plan_restore(runs, self.reserve(&kept));
        planned.unwrap_or_else(|| unreachable!("places are kept for what is held"))
    }

    /// Places that are kept for what is set aside or pending.
    pub fn reserved(&self) -> Reserved {
        let mut kept = Kept::default();
        self.keep(&mut kept, |_| true);
        self.reserve(&kept)
    }

    fn keep(&self, kept: &mut Kept, counts: impl Fn(&Hold) -> bool) {
        let holds = self.special().holds.iter().filter(|hold| counts(hold));
        for run in holds.flat_map(|hold| &hold.runs) {
            kept.keep(&self.lots, run);
        }
    }

    fn reserve(&self, kept: &Kept) -> Reserved {
        let pending = self.special().pending.len();
        Reserved {
            lots: kept.lots.len() + pending,
            buckets: kept.buckets.len() + pending,
        }
    }

    /// What few wallets have; of most of them nothing.
    pub fn special(&self) -> &Special {
        static NONE: Special = Special::NONE;
        self.special.as_deref().unwrap_or(&NONE)
    }

    /// Changes what few wallets have, and keeps no empty rest of it.
    pub fn change_special<R>(&mut self, change: impl FnOnce(&mut Special) -> R) -> R {
        let special = self.special.get_or_insert_default();
        let changed = change(special);
        if **special == Special::NONE {
            self.special = None;
        }
        changed
    }

    /// What was given back of a use so far, points.
    pub fn returned(&self, entry: EntryRef) -> u64 {
        let found = self
            .returns
            .binary_search_by_key(&entry, |known| known.entry);
        found.map_or(0, |at| self.returns[at].amount)
    }

    /// How the wallet will stand after `fund` grew by `amount`.
    pub fn standing_plus(&self, wallet: WalletId, fund: Fund, amount: u64) -> Standing {
        let mut standing = self.next_standing(wallet);
        match fund {
            Fund::Paid => standing.paid += amount.cast_signed(),
            Fund::Free => standing.free += amount.cast_signed(),
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
        standing.paid += amount_of_fund(runs.clone(), Fund::Paid).cast_signed();
        standing.free += amount_of_fund(runs, Fund::Free).cast_signed();
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
        standing.paid -= amount_of_fund(runs.clone(), Fund::Paid).cast_signed();
        standing.free -= amount_of_fund(runs, Fund::Free).cast_signed();
        standing
    }

    /// How the wallet will stand after an event that moves no points.
    pub fn next_standing(&self, wallet: WalletId) -> Standing {
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
            Fund::Paid => self.paid += amount.cast_signed(),
            Fund::Free => self.free += amount.cast_signed(),
        }
        Ok(())
    }

    /// Ledger points of one fund.
    pub(super) fn ledger_mut(&mut self, fund: Fund) -> &mut i64 {
        match fund {
            Fund::Paid => &mut self.paid,
            Fund::Free => &mut self.free,
        }
    }

    /// Gives new points to a lot, after they have paid what is owed.
    pub fn grant(
        &mut self,
        standing: &Standing,
        key: BucketKey,
        lot: u64,
        amount: u64,
        repaid: u64,
    ) -> Result<(), Inconsistency> {
        if repaid > 0 {
            self.repay(standing, key.fund, repaid)?;
        }
        if repaid < amount {
            self.give(standing, key, lot, amount - repaid)?;
        } else {
            // Another grant's lot must not be taken for this one's when it is taken back.
            self.lots.count_to(lot);
        }
        Ok(())
    }

    /// Takes more than there is.
    pub fn owe(&mut self, fund: Fund, amount: u64) {
        self.change_special(|special| *special.debt.of_mut(fund) += amount);
        *self.ledger_mut(fund) -= amount.cast_signed();
    }

    /// Takes points out of a hold, and the hold away once it is empty.
    pub fn unhold(
        &mut self,
        standing: &Standing,
        number: u64,
        amount: u64,
    ) -> Result<(), Inconsistency> {
        let wallet = standing.wallet;
        self.change_special(|special| {
            let at = special.holds.iter().position(|hold| hold.number == number);
            let missing = Inconsistency::Hold { wallet, number };
            let at = at.ok_or(missing)?;
            if !special.holds[at].spend(amount) {
                return Err(missing);
            }
            if special.holds[at].runs.is_empty() {
                special.holds.remove(at);
            }
            Ok(())
        })
    }

    /// Lets new points pay what is owed.
    pub fn repay(
        &mut self,
        standing: &Standing,
        fund: Fund,
        amount: u64,
    ) -> Result<(), Inconsistency> {
        self.pay(standing, fund, amount)?;
        *self.ledger_mut(fund) += amount.cast_signed();
        Ok(())
    }

    /// Owes so much less.
    pub(super) fn pay(
        &mut self,
        standing: &Standing,
        fund: Fund,
        amount: u64,
    ) -> Result<(), Inconsistency> {
        let wallet = standing.wallet;
        self.change_special(|special| {
            let owed = special.debt.of_mut(fund);
            *owed = owed
                .checked_sub(amount)
                .ok_or(Inconsistency::Debt { wallet })?;
            Ok(())
        })
    }

    /// Takes a run of points out.
    pub fn take(&mut self, standing: &Standing, run: &Run) -> Result<(), Inconsistency> {
        let wallet = standing.wallet;
        self.lots.take(run).map_err(|missing| Inconsistency::Lot {
            wallet,
            lot: missing.lot,
        })?;
        match run.bucket.fund {
            Fund::Paid => self.paid -= run.amount().cast_signed(),
            Fund::Free => self.free -= run.amount().cast_signed(),
        }
        Ok(())
    }

    /// Whether what was given back of an act of this time may be forgotten. The cancel window can have grown since.
    pub fn has_forgotten(&self, used_at: Timestamp) -> bool {
        let first = self.returns.first();
        let forgotten = first.filter(|first| first.entry == Return::FORGOTTEN);
        forgotten.is_some_and(|forgotten| used_at < forgotten.used_at)
    }

    /// Remembers what was given back of a use in all, and forgets uses from before an instant. They
    /// are let go of in bulk, once they are half of what is kept, so that a wallet with a million
    /// cancelled uses does not move all of them with each one. The instant takes their place.
    pub fn remember(&mut self, entry: Return, forget_before: Timestamp) {
        let stale = self
            .returns
            .partition_point(|entry| entry.used_at < forget_before);
        if stale > 0 && stale * 2 >= self.returns.len() {
            self.returns.drain(1..stale);
            self.returns[0] = Return {
                entry: Return::FORGOTTEN,
                used_at: forget_before,
                amount: 0,
            };
        }
        let found = self
            .returns
            .binary_search_by_key(&entry.entry, |known| known.entry);
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

// === impl Return ===

impl Return {
    /// Stands before every entry, in place of those that are forgotten.
    const FORGOTTEN: EntryRef = EntryRef::NONE;
}

// === impl Standing ===

impl Standing {
    /// Ledger points of one fund.
    pub(super) fn of_mut(&mut self, fund: Fund) -> &mut i64 {
        match fund {
            Fund::Paid => &mut self.paid,
            Fund::Free => &mut self.free,
        }
    }

    /// Ledger balance after the event, points.
    pub fn balance(&self) -> i64 {
        self.paid + self.free
    }
}
