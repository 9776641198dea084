//! How much may be earned, used and owned, as the oracle has it: a list of what was counted, added up anew each time.

use super::*;

/// Points that were earned or used at an instant, less those that were undone since.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    wallet: u64,
    side: Side,
    at: i64,
    points: u64,
}

/// What is counted by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Earned,
    Used,
}

/// Limits at once, by day and by month.
type Kinds = [LimitKind; 3];

impl Oracle {
    /// How much of a grant there is room for: points that were bought are given whole or not at all.
    pub(super) fn let_in(
        &self,
        (id, fund): (u64, Fund),
        amount: u64,
        now: i64,
    ) -> Result<u64, &'static str> {
        let mut left = amount;
        if fund == Fund::Free {
            left = self.pass((id, Side::Earned), left, now)?;
            left = self.trim(LimitKind::Balance, self.holders[&id].owned(), left)?;
        } else {
            self.fit_in(id, left)?;
        }
        if self.holders[&id].room() < i128::from(left) {
            return Err("balance-limit");
        }
        Ok(left)
    }

    /// How much of a use there is room for.
    pub(super) fn let_out(&self, id: u64, amount: u64, now: i64) -> Result<u64, &'static str> {
        self.pass((id, Side::Used), amount, now)
    }

    /// Whether points fit under the largest balance as a whole.
    pub(super) fn fit_in(&self, id: u64, amount: u64) -> Result<(), &'static str> {
        match self.trim(LimitKind::Balance, self.holders[&id].owned(), amount) {
            Ok(left) if left == amount => Ok(()),
            Ok(_) | Err(_) => Err("limit-exceeded"),
        }
    }

    /// Takes up room, where there is a limit by day or by month.
    pub(super) fn count(
        &mut self,
        (wallet, side): (u64, Option<Side>),
        points: u64,
        at: i64,
    ) -> Option<usize> {
        let side = side?;
        let [_, daily, monthly] = side.kinds();
        self.rules.limit(daily).or(self.rules.limit(monthly))?;
        self.counted.push(Counted {
            wallet,
            side,
            at,
            points,
        });
        Some(self.counted.len() - 1)
    }

    /// Makes room again.
    pub(super) fn uncount(&mut self, counted: Option<usize>, points: u64) {
        if let Some(at) = counted {
            self.counted[at].points -= points;
        }
    }

    fn pass(&self, (id, side): (u64, Side), amount: u64, now: i64) -> Result<u64, &'static str> {
        let gone = |counts: &dyn Fn(i64) -> bool| -> i128 {
            let known = self.counted.iter();
            let own = known.filter(|one| (one.wallet, one.side) == (id, side) && counts(one.at));
            own.map(|one| i128::from(one.points)).sum()
        };
        let today = gone(&|at| day(at) == day(now));
        let this_month = gone(&|at| month(at) == month(now));
        let gone = side.kinds().into_iter().zip([0, today, this_month]);
        let mut left = amount;
        for (kind, gone) in gone {
            left = self.trim(kind, gone, left)?;
        }
        Ok(left)
    }

    fn trim(&self, kind: LimitKind, gone: i128, left: u64) -> Result<u64, &'static str> {
        let Some(limit) = self.rules.limit(kind) else {
            return Ok(left);
        };
        let allowed = i128::from(limit.most) - gone;
        if i128::from(left) <= allowed {
            return Ok(left);
        }
        match limit.mode {
            LimitMode::Trim if allowed > 0 => Ok(allowed as u64),
            LimitMode::Trim | LimitMode::Reject => Err("limit-exceeded"),
        }
    }
}

impl Side {
    pub(super) fn of_grant(fund: Fund) -> Option<Self> {
        (fund == Fund::Free).then_some(Self::Earned)
    }

    fn kinds(self) -> Kinds {
        use LimitKind::{EarnAtOnce, EarnDaily, EarnMonthly, UseAtOnce, UseDaily, UseMonthly};
        match self {
            Self::Earned => [EarnAtOnce, EarnDaily, EarnMonthly],
            Self::Used => [UseAtOnce, UseDaily, UseMonthly],
        }
    }
}

impl Holder {
    /// What is there, set aside or promised, less what is owed.
    fn owned(&self) -> i128 {
        let promised = self.promises.iter();
        let promised = promised.map(|promise| i128::from(promise.amount));
        self.balance() + promised.sum::<i128>()
    }
}

/// Days since 1970 in Seoul, nine hours ahead.
fn day(at: i64) -> i64 {
    (at + 9 * 3_600_000_000).div_euclid(Timestamp::DAY_US)
}

/// Names the month of an instant: a year that begins with March, and the month in it.
fn month(at: i64) -> (i64, i64) {
    // Since March of the year 0; the calendar comes back to where it was every 400 years.
    let days = day(at) + 719_468;
    let of_400 = days.rem_euclid(146_097);
    let year = (of_400 - of_400 / 1_460 + of_400 / 36_524 - of_400 / 146_096) / 365;
    let of_year = of_400 - (365 * year + year / 4 - year / 100);
    (
        days.div_euclid(146_097) * 400 + year,
        (5 * of_year + 2) / 153,
    )
}
