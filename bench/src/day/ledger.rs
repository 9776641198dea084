//! The client's own record of every wallet, built from nothing but answers.

use std::collections::HashMap;

/// What one answer said about one wallet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Leg {
    pub(crate) wallet: u64,
    pub(crate) change: i64,
    /// Version and balance after it; a bulk answer does not tell them for who receives.
    pub(crate) after: Option<(u64, i64)>,
}

/// Everything that is known of one wallet.
#[derive(Clone, Default, Debug)]
struct Account {
    balance: i64,
    legs: u64,
    /// Version, balance, change; sorted by the audit.
    told: Vec<(u64, i64, i64)>,
}

/// All wallets.
#[derive(Clone, Default, Debug)]
pub(crate) struct Ledger {
    accounts: HashMap<u64, Account>,
}

// === impl Ledger ===

impl Ledger {
    pub(crate) fn add(&mut self, leg: Leg) {
        let account = self.accounts.entry(leg.wallet).or_default();
        account.balance += leg.change;
        account.legs += 1;
        let told = leg
            .after
            .map(|(version, balance)| (version, balance, leg.change));
        account.told.extend(told);
    }

    /// Every wallet with the balance and the version that it must have.
    pub(crate) fn wallets(&self) -> impl Iterator<Item = (u64, i64, u64)> {
        let expect = |(wallet, account): (&u64, &Account)| (*wallet, account.balance, account.legs);
        self.accounts.iter().map(expect)
    }

    pub(crate) fn legs(&self) -> u64 {
        self.accounts.values().map(|account| account.legs).sum()
    }

    pub(crate) fn points(&self) -> i64 {
        self.accounts.values().map(|account| account.balance).sum()
    }

    /// Where the answers contradict each other: a version told twice, a version that cannot be, or a
    /// balance that is not the one before plus the change.
    pub(crate) fn contradictions(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        for (wallet, account) in &mut self.accounts {
            account.told.sort_unstable();
            let mut before: Option<(u64, i64)> = None;
            for (version, balance, change) in &account.told {
                if *version > account.legs {
                    let legs = account.legs;
                    found.push(format!(
                        "wallet {wallet}: version {version} after {legs} acts"
                    ));
                }
                if let Some((earlier, had)) = before {
                    if earlier == *version {
                        found.push(format!("wallet {wallet}: version {version} was told twice"));
                    }
                    if earlier + 1 == *version && had + change != *balance {
                        found.push(format!(
                            "wallet {wallet}: version {version} has {balance}, but {had} {change:+} is {}",
                            had + change
                        ));
                    }
                }
                before = Some((*version, *balance));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(legs: &[(i64, Option<(u64, i64)>)]) -> Ledger {
        let mut ledger = Ledger::default();
        for (change, after) in legs {
            ledger.add(Leg {
                wallet: 1,
                change: *change,
                after: *after,
            });
        }
        ledger
    }

    #[test]
    fn answers_that_fit_together_are_accepted_in_any_order() {
        let mut ledger = ledger(&[
            (-3, Some((4, 9))),
            (0, Some((1, 0))),
            (5, None),
            (10, Some((2, 10))),
        ]);
        assert_eq!(ledger.contradictions(), Vec::<String>::new());
        assert_eq!(ledger.wallets().collect::<Vec<_>>(), [(1, 12, 4)]);
        assert_eq!((ledger.legs(), ledger.points()), (4, 12));
    }

    #[test]
    fn each_kind_of_contradiction_is_found() {
        type Legs = &'static [(i64, Option<(u64, i64)>)];
        let table: [(Legs, &str); 3] = [
            (&[(1, Some((1, 1))), (1, Some((1, 2)))], "told twice"),
            (&[(1, Some((1, 1))), (1, Some((2, 3)))], "is 2"),
            (&[(1, Some((3, 1)))], "after 1 acts"),
        ];
        for (legs, words) in table {
            let found = ledger(legs).contradictions();
            assert!(found[0].contains(words), "{found:?}");
        }
    }
}
