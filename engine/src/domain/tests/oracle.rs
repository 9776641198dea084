//! A second opinion: the rules again, from the words of the documentation, over a plain list of
//! points that is sorted anew each time. It knows no lot limits; the histories stay below them.

mod back;
mod company;
mod conditions;
mod hand;
mod hold;
mod holder;
mod later;
mod room;
mod rules;

use std::collections::BTreeSet;

use self::hold::Kept;
pub(super) use self::holder::{Holder, Points};
use self::later::Promise;
use self::room::{Counted, Side};
use self::rules::Rules;
use super::*;

#[derive(Clone, Debug)]
struct Usage {
    at: i64,
    taken: Vec<Points>,
    returned: u64,
    /// What of the limits it took up.
    counted: Option<usize>,
    /// Points were given and can be taken back; otherwise they were spent and can be given back.
    given: bool,
}

/// All wallets, what the acts were, and what the operator decided.
#[derive(Clone, Default)]
pub(super) struct Oracle {
    pub(super) holders: BTreeMap<u64, Holder>,
    /// Members by company.
    pub(super) companies: BTreeMap<u64, BTreeSet<u64>>,
    /// Whether the wallet that is asked says that it has forgotten: it does so in bulk, and when is its own affair.
    pub(super) forgets: bool,
    rules: Rules,
    /// Of each act the wallet, if it is about one, and what can be undone of it.
    acts: Vec<(Option<u64>, Option<Usage>)>,
    /// What took up room.
    counted: Vec<Counted>,
    /// Acts that promised something.
    promised: BTreeSet<u64>,
    /// Acts that set something aside.
    placed: BTreeSet<u64>,
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
            Command::Cancel(one) => self.cancel(one, now),
            Command::PlaceHold(one) => self.place(one, now),
            Command::CaptureHold(one) => {
                self.capture(one.transaction.0, one.amount.map(Amount::get), now)
            }
            Command::ReleaseHold(one) => self.release(one.transaction.0, now),
            Command::GrantLater(one) => self.promise(one, now),
            Command::ActivateGrant(one) => self.keep(one.transaction.0, now),
            Command::VoidGrant(one) => self.drop(one.transaction.0, now),
            Command::ChangeSettings(one) => self.rule(one),
            Command::CreateCompany(one) => self.found(one.company.get(), now),
            Command::JoinCompany(one) => self.join(one.company.get(), one.user),
            Command::LeaveCompany(one) => self.leave(one.company.get(), one.user),
            Command::CompanyUse(one) => self.spend_for(one, now),
            Command::Adjust(one) => self.adjust(one, now),
            Command::ChangeStatus(one) => self.turn(one.wallet.get(), one.status, now),
            Command::CloseDay(_)
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
        self.open(id)?;
        if until <= now {
            return Err("expires-at-past");
        }
        let amount = self.let_in((id, fund), amount, now)?;
        let counted = self.count((id, Side::of_grant(fund)), amount, now);
        let holder = self.holders.get_mut(&id).unwrap();
        let grant = Usage {
            at: now,
            taken: vec![holder.gain(fund, until, amount)],
            returned: 0,
            counted,
            given: true,
        };
        self.done(&[id], Some(grant));
        Ok(())
    }

    fn spend(&mut self, id: u64, amount: u64, now: i64) -> Result<(), &'static str> {
        self.lapse(&[id], now);
        self.spend_of((id, None), amount, now)
    }

    /// Spends points of one fund, or of both.
    fn spend_of(
        &mut self,
        (id, fund): (u64, Option<Fund>),
        amount: u64,
        now: i64,
    ) -> Result<(), &'static str> {
        self.open(id)?;
        let amount = self.let_out(id, amount, now)?;
        if self.holders[&id].available_of(fund) < amount {
            return Err("insufficient-balance");
        }
        let counted = self.count((id, Some(Side::Used)), amount, now);
        let usage = Usage {
            at: now,
            taken: self.holders.get_mut(&id).unwrap().take_of(fund, amount),
            returned: 0,
            counted,
            given: false,
        };
        self.done(&[id], Some(usage));
        Ok(())
    }

    fn spend_up_to(&mut self, id: u64, amount: u64, now: i64) -> Result<(), &'static str> {
        self.lapse(&[id], now);
        let there = self.open(id)?.available();
        if there == 0 {
            return Err("insufficient-balance");
        }
        // What is not there is not asked of the limits.
        self.spend(id, amount.min(there), now)
    }

    /// A wallet that takes part in everything.
    fn open(&mut self, id: u64) -> Result<&mut Holder, &'static str> {
        let holder = self.holders.get_mut(&id).ok_or("wallet-not-found")?;
        match holder.status {
            Status::Open => Ok(holder),
            Status::Frozen => Err("wallet-frozen"),
            Status::Closed => Err("wallet-closed"),
        }
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
        for id in &ids {
            self.open(*id)?;
        }
        let asked: u128 = to.iter().map(|(_, amount)| u128::from(*amount)).sum();
        if u128::from(self.holders[&from].available()) < asked {
            return Err("insufficient-balance");
        }
        for (id, amount) in &to {
            self.fit_in(*id, *amount)?;
            if self.holders[id].room() < i128::from(*amount) {
                return Err("balance-limit");
            }
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

    fn lapse(&mut self, ids: &[u64], now: i64) {
        for id in ids {
            self.release_due(*id, now);
            self.keep_due(*id, now);
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

    /// The wallet that an earlier act is about, with what was due in it recorded.
    fn earlier(&mut self, act: u64, now: i64) -> Result<Option<u64>, &'static str> {
        let at = (act as usize).wrapping_sub(1);
        let (id, _) = self.acts.get(at).ok_or("transaction-not-found")?;
        let id = *id;
        self.lapse(id.as_slice(), now);
        Ok(id)
    }

    fn done(&mut self, ids: &[u64], usage: Option<Usage>) {
        for id in ids {
            self.holders.get_mut(id).unwrap().version += 1;
        }
        self.acts.push((Some(ids[0]), usage));
    }
}
