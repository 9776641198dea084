//! What the operator does to a wallet by hand, as the oracle does it.

use super::*;

impl Oracle {
    /// A correction, up like a grant, down in the spending order of one fund. Nobody cancels it.
    pub(super) fn adjust(&mut self, one: &Adjust, now: i64) -> Result<(), &'static str> {
        let (id, amount, fund) = (one.wallet.get(), one.amount.get(), one.fund);
        self.lapse(&[id], now);
        let holder = self.holders.get_mut(&id).ok_or("wallet-not-found")?;
        if holder.status == Status::Closed {
            return Err("wallet-closed");
        }
        match one.change {
            Change::Up { expires_at } => {
                let until = expires_at.map_or(NEVER, |at| at.0);
                if until <= now {
                    return Err("expires-at-past");
                }
                if holder.room() < i128::from(amount) {
                    return Err("balance-limit");
                }
                holder.gain(fund, until, amount);
            }
            Change::Down => {
                if holder.available_of(Some(fund)) < amount {
                    return Err("insufficient-balance");
                }
                holder.take_of(Some(fund), amount);
            }
        }
        self.done(&[id], None);
        Ok(())
    }

    /// Freezes, unfreezes or closes: for good, and only what holds, has set aside, awaits and owes nothing.
    pub(super) fn turn(&mut self, id: u64, to: Status, now: i64) -> Result<(), &'static str> {
        self.lapse(&[id], now);
        let holder = self.holders.get_mut(&id).ok_or("wallet-not-found")?;
        if holder.status == Status::Closed {
            return Err("wallet-closed");
        }
        if holder.status == to {
            return Err("status-unchanged");
        }
        let aside = holder.kept.len() + holder.promises.len();
        let owed: u64 = holder.debts.values().sum();
        let is_empty = holder.points.is_empty() && aside == 0 && owed == 0;
        if to == Status::Closed && !is_empty {
            return Err("wallet-not-empty");
        }
        holder.status = to;
        self.done(&[id], None);
        Ok(())
    }
}
