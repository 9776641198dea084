//! Companies, as the oracle has them: a set of members beside a wallet of the same number.

use super::*;

impl Oracle {
    /// The company and its wallet come to be in one act.
    pub(super) fn found(&mut self, id: u64, now: i64) -> Result<(), &'static str> {
        self.lapse(&[id], now);
        if self.companies.contains_key(&id) {
            return Err("company-exists");
        }
        if self.holders.contains_key(&id) {
            return Err("wallet-exists");
        }
        self.companies.insert(id, BTreeSet::new());
        self.holders.insert(id, Holder::default());
        self.done(&[id], None);
        Ok(())
    }

    pub(super) fn join(&mut self, id: u64, user: u64) -> Result<(), &'static str> {
        let members = self.companies.get_mut(&id).ok_or("company-not-found")?;
        if !members.insert(user) {
            return Err("member-exists");
        }
        self.acts.push((None, None));
        Ok(())
    }

    pub(super) fn leave(&mut self, id: u64, user: u64) -> Result<(), &'static str> {
        let members = self.companies.get_mut(&id).ok_or("company-not-found")?;
        if !members.remove(&user) {
            return Err("not-member");
        }
        self.acts.push((None, None));
        Ok(())
    }

    /// A use like any other, by a member: free before paid, or of one fund only.
    pub(super) fn spend_for(&mut self, one: &CompanyUse, now: i64) -> Result<(), &'static str> {
        let id = one.company.get();
        self.lapse(&[id], now);
        let members = self.companies.get(&id).ok_or("company-not-found")?;
        if !members.contains(&one.user) {
            return Err("not-member");
        }
        self.spend_of((id, one.fund), one.amount.get(), now)
    }
}
