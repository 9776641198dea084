//! One wallet, as a plain list of points.

use super::*;

/// Points of one grant. `until` is the largest instant where they never lapse.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in super::super) struct Points {
    pub(in super::super) fund: Fund,
    pub(in super::super) until: i64,
    pub(in super::super) lot: u64,
    pub(in super::super) amount: u64,
}

/// One wallet, as a list.
#[derive(Clone, Default, Debug)]
pub(in super::super) struct Holder {
    pub(in super::super) points: Vec<Points>,
    pub(in super::super) version: u64,
    pub(in super::super) status: Status,
    /// What is owed, by fund.
    pub(in super::super) debts: BTreeMap<Fund, u64>,
    /// What is set aside.
    pub(in super::super) kept: Vec<Kept>,
    pub(super) lots: u64,
    /// Whatever was cancelled of acts before it may be forgotten.
    pub(super) horizon: Option<i64>,
    /// What was given and does not count yet.
    pub(super) promises: Vec<Promise>,
}

impl Holder {
    /// Points that can be spent.
    pub(super) fn available(&self) -> u64 {
        let there: u64 = self.points.iter().map(|points| points.amount).sum();
        there.saturating_sub(self.debts.values().sum())
    }

    /// Points of one fund that can be spent by themselves: what is owed of the fund is left, so that it is even, and never more
    /// than the wallet has in all.
    pub(super) fn available_of(&self, fund: Option<Fund>) -> u64 {
        let Some(fund) = fund else {
            return self.available();
        };
        let of_fund = self.points.iter().filter(|points| points.fund == fund);
        let there: u64 = of_fund.map(|points| points.amount).sum();
        let owed = self.debts.get(&fund).copied().unwrap_or(0);
        there.saturating_sub(owed).min(self.available())
    }

    /// Points that still fit in, with all that is promised.
    pub(super) fn room(&self) -> i128 {
        let promised = self.promises.iter();
        let promised: i128 = promised.map(|promise| i128::from(promise.amount)).sum();
        let most = self.balance();
        let most = most.max(self.of(Fund::Free)).max(self.of(Fund::Paid));
        i128::from(NUMBER_MAX) - most - promised
    }

    /// All that is there or set aside, less what is owed.
    pub(in super::super) fn balance(&self) -> i128 {
        self.of(Fund::Free) + self.of(Fund::Paid)
    }

    pub(super) fn of(&self, fund: Fund) -> i128 {
        let kept = self.kept.iter().flat_map(|kept| &kept.taken);
        let all = self.points.iter().chain(kept);
        let all = all.filter(|points| points.fund == fund);
        let all: i128 = all.map(|points| i128::from(points.amount)).sum();
        all - i128::from(self.debts.get(&fund).copied().unwrap_or(0))
    }

    /// New points: what is owed is paid first, the rest is a lot. Tells the whole of them.
    pub(super) fn gain(&mut self, fund: Fund, until: i64, amount: u64) -> Points {
        let paid = self.repay(fund, amount);
        let lot = self.lots;
        self.give(fund, until, amount - paid);
        self.points.retain(|points| points.amount > 0);
        Points {
            fund,
            until,
            lot,
            amount,
        }
    }

    /// Pays of what a fund owes as much as there is. Tells how much that was.
    pub(super) fn repay(&mut self, fund: Fund, amount: u64) -> u64 {
        let owed = self.debts.entry(fund).or_default();
        let paid = amount.min(*owed);
        *owed -= paid;
        paid
    }

    pub(super) fn give(&mut self, fund: Fund, until: i64, amount: u64) {
        let lot = self.lots;
        self.lots += 1;
        self.points.push(Points {
            fund,
            until,
            lot,
            amount,
        });
    }

    pub(super) fn give_back(&mut self, points: Points, amount: u64) {
        match self.points.iter_mut().find(|held| held.lot == points.lot) {
            Some(held) => held.amount += amount,
            None if amount > 0 => self.points.push(Points { amount, ..points }),
            None => {}
        }
    }

    pub(super) fn take(&mut self, amount: u64) -> Vec<Points> {
        self.take_of(None, amount)
    }

    /// Takes points of one fund, or of both, in spending order.
    pub(super) fn take_of(&mut self, fund: Option<Fund>, amount: u64) -> Vec<Points> {
        let mut left = amount;
        let mut taken = Vec::new();
        self.points.sort_unstable();
        let all = self.points.iter_mut();
        for points in all.filter(|points| fund.is_none_or(|fund| fund == points.fund)) {
            let amount = left.min(points.amount);
            left -= amount;
            points.amount -= amount;
            if amount > 0 {
                taken.push(Points { amount, ..*points });
            }
        }
        self.points.retain(|points| points.amount > 0);
        taken
    }
}
