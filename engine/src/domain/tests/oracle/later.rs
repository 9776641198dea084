//! Grants that count later, as the oracle has them: promises, kept or dropped.

use super::*;

/// A grant that does not count yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promise {
    /// Place of its act, from 1.
    act: u64,
    fund: Fund,
    pub(super) amount: u64,
    at: Option<i64>,
    until: i64,
    /// What of the limits it took up.
    counted: Option<usize>,
}

impl Oracle {
    pub(super) fn promise(&mut self, one: &GrantLater, now: i64) -> Result<(), &'static str> {
        let (id, amount) = (one.grant.wallet.get(), one.grant.amount.get());
        let until = match one.grant.expiry {
            Expiry::Never => NEVER,
            Expiry::At(at) => at.0,
            Expiry::After(term) => panic!("{term:?} has tests of its own"),
        };
        let at = one.active_at.map(|at| at.0);
        self.lapse(&[id], now);
        let act = self.acts.len() as u64 + 1;
        self.open(id)?;
        if at.is_some_and(|at| at <= now) {
            return Err("active-at-past");
        }
        if until <= at.unwrap_or(now) {
            return Err("expires-at-past");
        }
        let fund = one.fund;
        let amount = self.let_in((id, fund), amount, now)?;
        let counted = self.count((id, Side::of_grant(fund)), amount, now);
        let holder = self.holders.get_mut(&id).unwrap();
        holder.promises.push(Promise {
            act,
            fund,
            amount,
            at,
            until,
            counted,
        });
        self.promised.insert(act);
        self.done(&[id], None);
        Ok(())
    }

    /// Has a promise count from now on.
    pub(super) fn keep(&mut self, act: u64, now: i64) -> Result<(), &'static str> {
        let (id, promise) = self.find(act, now)?;
        self.open(id)?;
        if promise.until <= now {
            return Err("expires-at-past");
        }
        self.kept(id, promise, now);
        Ok(())
    }

    pub(super) fn drop(&mut self, act: u64, now: i64) -> Result<(), &'static str> {
        let (id, promise) = self.find(act, now)?;
        self.forget(id, promise);
        self.uncount(promise.counted, promise.amount);
        self.done(&[id], None);
        Ok(())
    }

    /// Has every promise of a wallet count whose instant has come, the earliest first.
    pub(super) fn keep_due(&mut self, id: u64, now: i64) {
        let mut due: Vec<Promise> = match self.holders.get(&id) {
            Some(holder) => holder.promises.clone(),
            None => return,
        };
        due.retain(|promise| promise.at.is_some_and(|at| at <= now));
        due.sort_unstable_by_key(|promise| (promise.at, promise.act));
        for promise in due {
            self.kept(id, promise, now);
        }
    }

    fn find(&mut self, act: u64, now: i64) -> Result<(u64, Promise), &'static str> {
        let id = self.earlier(act, now)?;
        if !self.promised.contains(&act) {
            return Err("not-pending");
        }
        let id = id.unwrap();
        let mut promises = self.holders[&id].promises.iter();
        let found = promises.find(|promise| promise.act == act);
        Ok((id, *found.ok_or("pending-over")?))
    }

    fn kept(&mut self, id: u64, promise: Promise, now: i64) {
        self.forget(id, promise);
        let holder = self.holders.get_mut(&id).unwrap();
        let given = holder.gain(promise.fund, promise.until, promise.amount);
        let grant = Usage {
            at: now,
            taken: vec![given],
            returned: 0,
            counted: promise.counted,
            given: true,
        };
        self.done(&[id], Some(grant));
    }

    fn forget(&mut self, id: u64, promise: Promise) {
        let promises = &mut self.holders.get_mut(&id).unwrap().promises;
        promises.retain(|other| other.act != promise.act);
    }
}
