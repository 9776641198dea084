//! Giving back what was used, and taking back what was given, as the oracle does it.

use super::*;

impl Oracle {
    pub(super) fn cancel(&mut self, one: &Cancel, now: i64) -> Result<(), &'static str> {
        let amount = one.amount.map(Amount::get);
        let id = self.earlier(one.transaction.0, now)?;
        let at = one.transaction.0 as usize - 1;
        let usage = self.acts[at].1.clone().ok_or("not-cancellable")?;
        let id = id.unwrap();
        if self.holders[&id].status == Status::Closed {
            return Err("wallet-closed");
        }
        let window = self.rules.window_days * Timestamp::DAY_US;
        let horizon = self.holders[&id].horizon.filter(|_| self.forgets);
        if usage.at < now - window || horizon.is_some_and(|horizon| usage.at < horizon) {
            return Err("cancel-window-over");
        }
        let used: u64 = usage.taken.iter().map(|points| points.amount).sum();
        let amount = amount.unwrap_or(used - usage.returned);
        if amount == 0 || usage.returned + amount > used {
            return Err("over-cancel");
        }
        let undone = if usage.given {
            let policy = one.policy.unwrap_or(self.rules.take_back);
            self.take_back(id, usage.taken[0], (amount, policy), now)?
        } else {
            let policy = one.lapsed.unwrap_or(self.rules.lapsed);
            self.give_back(id, &usage, (amount, policy), now)?;
            amount
        };
        self.uncount(usage.counted, undone);
        let horizon = &mut self.holders.get_mut(&id).unwrap().horizon;
        *horizon = (*horizon).max(Some(now - window));
        if let Some((_, Some(usage))) = self.acts.get_mut(at) {
            usage.returned += amount;
        }
        self.done(&[id], None);
        Ok(())
    }

    /// Gives back what was spent, the last of it first: what a fund owes is paid out of those that lapse first, and the rest goes
    /// to its own lot, or, where that has lapsed and the policy has days for it, into a new lot of each fund and new expiry.
    fn give_back(
        &mut self,
        id: u64,
        usage: &Usage,
        (amount, policy): (u64, LapsedPolicy),
        now: i64,
    ) -> Result<(), &'static str> {
        let holder = self.holders.get_mut(&id).unwrap();
        if holder.room() < i128::from(amount) {
            return Err("balance-limit");
        }
        // Each point by itself would be too slow; each lot by itself, from the end, is the same.
        let (mut skip, mut left) = (usage.returned, amount);
        let mut last: Vec<Points> = Vec::new();
        for points in usage.taken.iter().rev() {
            let passed = skip.min(points.amount);
            skip -= passed;
            let amount = left.min(points.amount - passed);
            left -= amount;
            last.push(Points { amount, ..*points });
        }
        for points in last.iter_mut().rev() {
            points.amount -= holder.repay(points.fund, points.amount);
        }
        let mut anew: Vec<Points> = Vec::new();
        for points in &last {
            let back = points.amount;
            let Some(until) = prolonged(points.until, policy, now).filter(|_| back > 0) else {
                holder.give_back(*points, back);
                continue;
            };
            let mut others = anew.iter_mut();
            let same = others.find(|other| (other.fund, other.until) == (points.fund, until));
            match same {
                Some(other) => other.amount += back,
                None => anew.push(Points {
                    until,
                    amount: back,
                    ..*points
                }),
            }
        }
        for points in anew {
            holder.give(points.fund, points.until, points.amount);
        }
        Ok(())
    }

    /// Takes back what was given: what of it is still in its lot leaves it, and for the rest the policy speaks. Tells by how
    /// much the balance went down.
    fn take_back(
        &mut self,
        id: u64,
        given: Points,
        (amount, policy): (u64, TakeBackPolicy),
        now: i64,
    ) -> Result<u64, &'static str> {
        let holder = self.holders.get_mut(&id).unwrap();
        let Points {
            fund, until, lot, ..
        } = given;
        let lapsed = until <= now;
        let mut lots = holder.points.iter_mut();
        let found = lots.find(|held| held.lot == lot && !lapsed);
        let there = found.as_ref().map_or(0, |held| held.amount.min(amount));
        let missing = amount - there;
        let owed = match policy {
            TakeBackPolicy::Deny if missing == 0 => 0,
            TakeBackPolicy::TakeRest if there > 0 => 0,
            TakeBackPolicy::Debt if !lapsed => missing,
            TakeBackPolicy::Deny | TakeBackPolicy::TakeRest | TakeBackPolicy::Debt => {
                return Err("grant-spent");
            }
        };
        if holder.debts.values().sum::<u64>() + owed > NUMBER_MAX {
            return Err("balance-limit");
        }
        if let Some(held) = found {
            held.amount -= there;
        }
        holder.points.retain(|points| points.amount > 0);
        *holder.debts.entry(fund).or_default() += owed;
        Ok(there + owed)
    }
}

/// How long points can be spent that come back after their expiry; `None`: as long as ever, or not at all.
fn prolonged(until: i64, policy: LapsedPolicy, now: i64) -> Option<i64> {
    if until > now {
        return None;
    }
    let days = |days: u16| i64::from(days) * Timestamp::DAY_US;
    match policy {
        LapsedPolicy::StayExpired => None,
        LapsedPolicy::Regrant { days: more } => Some(now + days(more)),
        LapsedPolicy::Grace { days: more } => Some(until + days(more)).filter(|until| *until > now),
    }
}
