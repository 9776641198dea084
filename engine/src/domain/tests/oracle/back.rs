//! Giving back what was used, and taking back what was given, as the oracle does it.

use super::*;

impl Oracle {
    pub(super) fn cancel(&mut self, one: &Cancel, now: i64) -> Result<(), &'static str> {
        let (act, amount) = (one.transaction.0, one.amount.map(Amount::get));
        let at = (act as usize).wrapping_sub(1);
        let (id, usage) = self.acts.get(at).cloned().ok_or("transaction-not-found")?;
        self.lapse(&[id], now);
        let usage = usage.ok_or("not-cancellable")?;
        if now - usage.at > 400 * 86_400_000_000 {
            return Err("cancel-window-over");
        }
        let used: u64 = usage.taken.iter().map(|points| points.amount).sum();
        let amount = amount.unwrap_or(used - usage.returned);
        if amount == 0 || usage.returned + amount > used {
            return Err("over-cancel");
        }
        if usage.given {
            let policy = one.policy.unwrap_or_default();
            self.take_back(id, usage.taken[0], (amount, policy), now)?;
        } else {
            self.give_back(id, &usage, amount)?;
        }
        if let Some((_, Some(usage))) = self.acts.get_mut(at) {
            usage.returned += amount;
        }
        self.done(&[id], None);
        Ok(())
    }

    fn give_back(&mut self, id: u64, usage: &Usage, amount: u64) -> Result<(), &'static str> {
        let holder = self.holders.get_mut(&id).unwrap();
        if holder.room() < i128::from(amount) {
            return Err("balance-limit");
        }
        // Each point by itself would be too slow; each lot by itself, from the end, is the same.
        let (mut skip, mut left) = (usage.returned, amount);
        for points in usage.taken.iter().rev() {
            let passed = skip.min(points.amount);
            skip -= passed;
            let back = left.min(points.amount - passed);
            left -= back;
            holder.give_back(*points, back);
        }
        Ok(())
    }

    /// Takes back what was given: what of it is still in its lot leaves it, and for the rest the policy speaks.
    fn take_back(
        &mut self,
        id: u64,
        given: Points,
        (amount, policy): (u64, TakeBackPolicy),
        now: i64,
    ) -> Result<(), &'static str> {
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
        Ok(())
    }
}
