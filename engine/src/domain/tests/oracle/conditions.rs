//! Commands that are carried out on conditions, as the oracle does it: it carries them out, and back.

use super::*;

impl Oracle {
    /// Of a wallet that exists the version is asked first; what would be left is asked of what was decided.
    pub(super) fn conditional(&mut self, one: &Conditional, now: i64) -> Result<(), &'static str> {
        let ids = self.about(&one.command);
        let mut once = ids.clone();
        once.sort_unstable();
        once.dedup();
        self.lapse(&once, now);
        if let Command::CompanyUse(CompanyUse { company, .. }) = &one.command
            && !self.companies.contains_key(&company.get())
        {
            return Err("company-not-found");
        }
        if let (Some(version), Some(id)) = (one.if_version, ids.first()) {
            let holder = self.holders.get(id).ok_or("wallet-not-found")?;
            if holder.version != version {
                return Err("version-mismatch");
            }
        }
        let before = self.clone();
        self.submit(&one.command, now)?;
        let left = self.holders[&ids[0]].balance();
        if one
            .min_balance_after
            .is_some_and(|least| left < i128::from(least))
        {
            *self = before;
            return Err("min-balance");
        }
        Ok(())
    }

    /// The wallets that a command is about, the one that the conditions are put on first; none where it names nothing.
    fn about(&self, command: &Command) -> Vec<u64> {
        let of_act = |transaction: TransactionId| {
            let act = (transaction.0 as usize).checked_sub(1);
            let known = act.and_then(|at| self.acts.get(at));
            known.and_then(|(id, _)| *id).into_iter().collect()
        };
        match command {
            Command::Charge(one) | Command::Earn(one) => vec![one.wallet.get()],
            Command::Use(one) | Command::UseUpTo(one) => vec![one.wallet.get()],
            Command::Transfer(one) => {
                let to = one.to.iter().map(|(id, _)| id.get());
                std::iter::once(one.from.get()).chain(to).collect()
            }
            Command::ChangeStatus(one) => vec![one.wallet.get()],
            Command::Adjust(one) => vec![one.wallet.get()],
            Command::PlaceHold(one) => vec![one.wallet.get()],
            Command::GrantLater(one) => vec![one.grant.wallet.get()],
            Command::Cancel(one) => of_act(one.transaction),
            Command::CaptureHold(one) => of_act(one.transaction),
            Command::ReleaseHold(one) => of_act(one.transaction),
            Command::ActivateGrant(one) => of_act(one.transaction),
            Command::VoidGrant(one) => of_act(one.transaction),
            Command::CompanyUse(one) => vec![one.company.wallet().get()],
            Command::CreateWallet(_)
            | Command::CloseDay(_)
            | Command::ChangeSettings(_)
            | Command::CreateCompany(_)
            | Command::JoinCompany(_)
            | Command::LeaveCompany(_)
            | Command::CloseSettlement(_)
            | Command::MoveSettlement(_)
            | Command::RunSettlement(_)
            | Command::Conditional(_) => unreachable!("no history has conditions on {command:?}"),
        }
    }
}
