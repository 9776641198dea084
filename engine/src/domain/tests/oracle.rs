//! A second opinion: the rules again, from the words of the documentation, over a plain list of
//! points that is sorted anew each time. It knows no lot limits; the histories stay below them.

use super::*;

/// Points of one grant. `until` is the largest instant where they never lapse.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Points {
    pub(super) fund: Fund,
    pub(super) until: i64,
    pub(super) lot: u64,
    pub(super) amount: u64,
}

/// One wallet, as a list.
#[derive(Clone, Default, Debug)]
pub(super) struct Holder {
    pub(super) points: Vec<Points>,
    pub(super) version: u64,
    lots: u64,
}

#[derive(Clone, Debug)]
struct Usage {
    at: i64,
    taken: Vec<Points>,
    returned: u64,
    /// Points were given and can be taken back; otherwise they were spent and can be given back.
    given: bool,
}

/// All wallets, and what the acts were.
#[derive(Clone, Default)]
pub(super) struct Oracle {
    pub(super) holders: BTreeMap<u64, Holder>,
    acts: Vec<(u64, Option<Usage>)>,
}

const NEVER: i64 = i64::MAX;

impl Oracle {
    /// Carries a command out, or says the code of its refusal.
    pub(super) fn submit(&mut self, command: &Command, now: i64) -> Result<(), &'static str> {
        match command {
            Command::CreateWallet(one) => self.create(one.wallet.get(), now),
            Command::Charge(one) => self.grant(one, Fund::Paid, now),
            Command::Earn(one) => self.grant(one, Fund::Free, now),
            Command::Use(one) => self.spend(one.wallet.get(), one.amount.get(), now),
            Command::Transfer(one) => self.transfer(one, now),
            Command::Cancel(one) => {
                self.cancel(one.transaction.0, one.amount.map(Amount::get), now)
            }
            Command::ChangeSettings(_)
            | Command::CloseDay(_)
            | Command::ChangeStatus(_)
            | Command::Adjust(_)
            | Command::PlaceHold(_)
            | Command::CaptureHold(_)
            | Command::ReleaseHold(_)
            | Command::CreateCompany(_)
            | Command::JoinCompany(_)
            | Command::LeaveCompany(_)
            | Command::CompanyUse(_)
            | Command::GrantLater(_)
            | Command::ActivateGrant(_)
            | Command::VoidGrant(_)
            | Command::CloseSettlement(_)
            | Command::MoveSettlement(_)
            | Command::RunSettlement(_) => {
                unreachable!("the histories do not ask for {command:?}")
            }
            Command::Conditional(one) => self.conditional(one, now),
            Command::UseUpTo(one) => self.spend_up_to(one.wallet.get(), one.amount.get(), now),
        }
    }

    fn create(&mut self, id: u64, now: i64) -> Result<(), &'static str> {
        self.lapse(&[id], now);
        if self.holders.contains_key(&id) {
            return Err("wallet-exists");
        }
        self.holders.insert(id, Holder::default());
        self.done(&[id], None);
        Ok(())
    }

    fn grant(&mut self, one: &Grant, fund: Fund, now: i64) -> Result<(), &'static str> {
        let (id, amount) = (one.wallet.get(), one.amount.get());
        let until = match one.expiry {
            Expiry::Never => NEVER,
            Expiry::At(at) => at.0,
            Expiry::After(term) => panic!("{term:?} has tests of its own"),
        };
        self.lapse(&[id], now);
        let holder = self.holders.get_mut(&id).ok_or("wallet-not-found")?;
        if until <= now {
            return Err("expires-at-past");
        }
        if holder.balance() + amount > NUMBER_MAX {
            return Err("balance-limit");
        }
        holder.give(fund, until, amount);
        let grant = Usage {
            at: now,
            taken: holder.points.last().copied().into_iter().collect(),
            returned: 0,
            given: true,
        };
        self.done(&[id], Some(grant));
        Ok(())
    }

    fn spend(&mut self, id: u64, amount: u64, now: i64) -> Result<(), &'static str> {
        self.lapse(&[id], now);
        let holder = self.holders.get_mut(&id).ok_or("wallet-not-found")?;
        if holder.balance() < amount {
            return Err("insufficient-balance");
        }
        let (at, taken, returned) = (now, holder.take(amount), 0);
        let usage = Usage {
            at,
            taken,
            returned,
            given: false,
        };
        self.done(&[id], Some(usage));
        Ok(())
    }

    fn spend_up_to(&mut self, id: u64, amount: u64, now: i64) -> Result<(), &'static str> {
        self.lapse(&[id], now);
        let balance = self.holders.get(&id).map_or(0, Holder::balance);
        // With nothing there at all the whole amount is missing.
        let amount = if balance > 0 {
            amount.min(balance)
        } else {
            amount
        };
        self.spend(id, amount, now)
    }

    fn conditional(&mut self, one: &Conditional, now: i64) -> Result<(), &'static str> {
        let ids: Vec<u64> = match &one.command {
            Command::Charge(grant) | Command::Earn(grant) => vec![grant.wallet.get()],
            Command::Use(usage) | Command::UseUpTo(usage) => vec![usage.wallet.get()],
            Command::Transfer(transfer) => {
                let to = transfer.to.iter().map(|(id, _)| id.get());
                std::iter::once(transfer.from.get()).chain(to).collect()
            }
            Command::CreateWallet(_)
            | Command::Cancel(_)
            | Command::CloseDay(_)
            | Command::ChangeSettings(_)
            | Command::ChangeStatus(_)
            | Command::Adjust(_)
            | Command::PlaceHold(_)
            | Command::CaptureHold(_)
            | Command::ReleaseHold(_)
            | Command::CreateCompany(_)
            | Command::JoinCompany(_)
            | Command::LeaveCompany(_)
            | Command::CompanyUse(_)
            | Command::GrantLater(_)
            | Command::ActivateGrant(_)
            | Command::VoidGrant(_)
            | Command::CloseSettlement(_)
            | Command::MoveSettlement(_)
            | Command::RunSettlement(_)
            | Command::Conditional(_) => unreachable!("no history has conditions on {one:?}"),
        };
        let mut once = ids.clone();
        once.sort_unstable();
        once.dedup();
        self.lapse(&once, now);
        if let Some(version) = one.if_version {
            let holder = self.holders.get(&ids[0]).ok_or("wallet-not-found")?;
            if holder.version != version {
                return Err("version-mismatch");
            }
        }
        let before = self.clone();
        self.submit(&one.command, now)?;
        let left = self.holders[&ids[0]].balance();
        if one.min_balance_after.is_some_and(|least| left < least) {
            *self = before;
            return Err("min-balance");
        }
        Ok(())
    }

    fn transfer(&mut self, one: &Transfer, now: i64) -> Result<(), &'static str> {
        let from = one.from.get();
        let to: Vec<_> = one
            .to
            .iter()
            .map(|(id, amount)| (id.get(), amount.get()))
            .collect();
        let mut ids = vec![from];
        ids.extend(to.iter().map(|(id, _)| *id));
        let mut once = ids.clone();
        once.sort_unstable();
        once.dedup();
        self.lapse(&once, now);
        if ids.iter().any(|id| !self.holders.contains_key(id)) {
            return Err("wallet-not-found");
        }
        if once.len() < ids.len() {
            return Err("same-wallet");
        }
        let asked: u128 = to.iter().map(|(_, amount)| u128::from(*amount)).sum();
        if u128::from(self.holders[&from].balance()) < asked {
            return Err("insufficient-balance");
        }
        if to
            .iter()
            .any(|(id, amount)| self.holders[id].balance() + amount > NUMBER_MAX)
        {
            return Err("balance-limit");
        }
        for (id, amount) in &to {
            let taken = self.holders.get_mut(&from).unwrap().take(*amount);
            let mut sums: BTreeMap<(Fund, i64), u64> = BTreeMap::new();
            for points in taken {
                *sums.entry((points.fund, points.until)).or_default() += points.amount;
            }
            let receiver = self.holders.get_mut(id).unwrap();
            for ((fund, until), amount) in sums {
                receiver.give(fund, until, amount);
            }
        }
        self.done(&ids, None);
        Ok(())
    }

    fn cancel(&mut self, act: u64, amount: Option<u64>, now: i64) -> Result<(), &'static str> {
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
        let holder = self.holders.get_mut(&id).unwrap();
        if usage.given {
            // As the settings say that nobody changed: all of it is there, or nothing is taken back.
            let lot = usage.taken[0].lot;
            let there = holder.points.iter_mut().find(|held| held.lot == lot);
            let held = there
                .filter(|held| held.amount >= amount)
                .ok_or("grant-spent")?;
            held.amount -= amount;
            holder.points.retain(|points| points.amount > 0);
            if let Some((_, Some(usage))) = self.acts.get_mut(at) {
                usage.returned += amount;
            }
            self.done(&[id], None);
            return Ok(());
        }
        if holder.balance() + amount > NUMBER_MAX {
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
        if let Some((_, Some(usage))) = self.acts.get_mut(at) {
            usage.returned += amount;
        }
        self.done(&[id], None);
        Ok(())
    }

    fn lapse(&mut self, ids: &[u64], now: i64) {
        for id in ids {
            let Some(holder) = self.holders.get_mut(id) else {
                continue;
            };
            let mut gone: Vec<_> = holder
                .points
                .iter()
                .map(|points| (points.until, points.fund))
                .collect();
            gone.retain(|(until, _)| *until <= now);
            gone.sort_unstable();
            gone.dedup();
            holder.points.retain(|points| points.until > now);
            for _ in gone {
                self.done(&[*id], None);
            }
        }
    }

    fn done(&mut self, ids: &[u64], usage: Option<Usage>) {
        for id in ids {
            self.holders.get_mut(id).unwrap().version += 1;
        }
        self.acts.push((ids[0], usage));
    }
}

impl Holder {
    pub(super) fn balance(&self) -> u64 {
        self.points.iter().map(|points| points.amount).sum()
    }

    fn give(&mut self, fund: Fund, until: i64, amount: u64) {
        let lot = self.lots;
        self.lots += 1;
        self.points.push(Points {
            fund,
            until,
            lot,
            amount,
        });
    }

    fn give_back(&mut self, points: Points, amount: u64) {
        match self.points.iter_mut().find(|held| held.lot == points.lot) {
            Some(held) => held.amount += amount,
            None if amount > 0 => self.points.push(Points { amount, ..points }),
            None => {}
        }
    }

    fn take(&mut self, amount: u64) -> Vec<Points> {
        let mut left = amount;
        let mut taken = Vec::new();
        self.points.sort_unstable();
        for points in &mut self.points {
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
