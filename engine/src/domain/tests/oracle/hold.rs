//! Points that are set aside, as the oracle has them: taken out of the list, and put back or spent.

use super::*;

/// A hold.
#[derive(Clone, Debug)]
pub(in super::super) struct Kept {
    /// Place of its act, from 1.
    act: u64,
    until: i64,
    /// What is left, in spending order.
    pub(in super::super) taken: Vec<Points>,
    /// What of the limits it took up.
    counted: Option<usize>,
}

impl Oracle {
    pub(super) fn place(&mut self, one: &PlaceHold, now: i64) -> Result<(), &'static str> {
        let (id, amount, until) = (one.wallet.get(), one.amount.get(), one.expires_at.0);
        self.lapse(&[id], now);
        let act = self.acts.len() as u64 + 1;
        self.open(id)?;
        if until <= now {
            return Err("expires-at-past");
        }
        let amount = self.let_out(id, amount, now)?;
        if self.holders[&id].available() < amount {
            return Err("insufficient-balance");
        }
        let counted = self.count((id, Some(Side::Used)), amount, now);
        let holder = self.holders.get_mut(&id).unwrap();
        let taken = holder.take(amount);
        holder.kept.push(Kept {
            act,
            until,
            taken,
            counted,
        });
        // Lots and holds are counted together.
        holder.lots += 1;
        self.placed.insert(act);
        self.done(&[id], None);
        Ok(())
    }

    pub(super) fn capture(
        &mut self,
        act: u64,
        amount: Option<u64>,
        now: i64,
    ) -> Result<(), &'static str> {
        let (id, at) = self.held(act, now)?;
        let holder = self.open(id)?;
        let kept = &mut holder.kept[at];
        let held: u64 = kept.taken.iter().map(|points| points.amount).sum();
        let mut left = amount.unwrap_or(held);
        if left > held {
            return Err("over-capture");
        }
        let counted = kept.counted;
        let mut taken = Vec::new();
        for points in &mut kept.taken {
            let amount = left.min(points.amount);
            left -= amount;
            points.amount -= amount;
            if amount > 0 {
                taken.push(Points { amount, ..*points });
            }
        }
        kept.taken.retain(|points| points.amount > 0);
        holder.kept.retain(|kept| !kept.taken.is_empty());
        let usage = Usage {
            at: now,
            taken,
            returned: 0,
            counted,
            given: false,
        };
        self.done(&[id], Some(usage));
        Ok(())
    }

    pub(super) fn release(&mut self, act: u64, now: i64) -> Result<(), &'static str> {
        let (id, at) = self.held(act, now)?;
        self.let_go(id, at);
        Ok(())
    }

    /// Lets go of every hold of a wallet whose time is over, the first to end first.
    pub(super) fn release_due(&mut self, id: u64, now: i64) {
        loop {
            let Some(holder) = self.holders.get(&id) else {
                return;
            };
            let over = holder.kept.iter().enumerate();
            let over = over.filter(|(_, kept)| kept.until <= now);
            let Some((at, _)) = over.min_by_key(|(_, kept)| (kept.until, kept.act)) else {
                return;
            };
            self.let_go(id, at);
        }
    }

    fn let_go(&mut self, id: u64, at: usize) {
        let holder = self.holders.get_mut(&id).unwrap();
        let Kept { taken, counted, .. } = holder.kept.remove(at);
        for points in &taken {
            let repaid = holder.repay(points.fund, points.amount);
            holder.give_back(*points, points.amount - repaid);
        }
        self.uncount(counted, taken.iter().map(|points| points.amount).sum());
        self.done(&[id], None);
    }

    fn held(&mut self, act: u64, now: i64) -> Result<(u64, usize), &'static str> {
        let id = self.earlier(act, now)?;
        if !self.placed.contains(&act) {
            return Err("not-held");
        }
        let id = id.unwrap();
        let mut kept = self.holders[&id].kept.iter();
        let found = kept.position(|kept| kept.act == act);
        Ok((id, found.ok_or("hold-over")?))
    }
}
