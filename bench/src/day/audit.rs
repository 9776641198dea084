//! Holds the server and its log against the client's own record.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use super::ledger::Ledger;
use crate::failure::{Doing, Failure};
use crate::http::{Asker, Child};
use crate::report::progress;
use crate::traffic::render;

/// Differences told one by one; the rest is only counted.
const TOLD_MAX: usize = 20;

/// What is wrong.
#[derive(Clone, Default, Debug)]
pub(crate) struct Differences {
    pub(crate) count: usize,
    pub(crate) told: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Wallet {
    balance: i64,
    version: u64,
}

/// Whether no transaction was told for two operations.
pub(crate) fn transactions(transactions: &mut [u64], differences: &mut Differences) {
    transactions.sort_unstable();
    for pair in transactions.windows(2) {
        if let [one, two] = pair
            && one == two
        {
            differences.add(format!("transaction {one} was told for two operations"));
        }
    }
}

/// Whether `wal-tool verify --deep` finds nothing.
pub(crate) fn log(tool: &Path, store: &Path, differences: &mut Differences) -> Result<(), Failure> {
    let verify = Command::new(tool)
        .args(["verify", "--deep"])
        .arg(store)
        .output();
    let verify = verify.doing(|| format!("run {}", tool.display()))?;
    if !verify.status.success() {
        let said = String::from_utf8_lossy(&verify.stdout);
        let talk = String::from_utf8_lossy(&verify.stderr);
        let status = verify.status;
        differences.add(format!(
            "wal-tool verify --deep ended with {status}: {said}{talk}"
        ));
    }
    Ok(())
}

/// Whether every wallet has the balance and the version that the answers add up to.
pub(crate) fn balances(
    child: &Child,
    ledger: &Ledger,
    differences: &mut Differences,
) -> Result<(), Failure> {
    let mut asker = Asker::open(child.address).doing(|| "connect to the server".to_owned())?;
    let bar = progress("comparing balances", ledger.wallets().count() as u64);
    for (wallet, balance, version) in ledger.wallets() {
        let request = render("GET", &format!("/v1/wallets/{wallet}"), None, "");
        let answer = asker
            .ask(&request)
            .doing(|| format!("read wallet {wallet}"))?;
        match (answer.0, serde_json::from_slice::<Wallet>(answer.1)) {
            (200, Ok(found)) if found.balance == balance && found.version == version => {}
            (200, Ok(found)) => differences.add(format!(
                "wallet {wallet}: balance {} version {}, but the answers add up to {balance} and {version}",
                found.balance, found.version
            )),
            (status, _) => differences.add(format!("wallet {wallet}: status {status}")),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

// === impl Differences ===

impl Differences {
    pub(crate) fn add(&mut self, what: String) {
        self.count += 1;
        if self.told.len() < TOLD_MAX {
            self.told.push(what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_told_twice_is_a_difference() {
        let mut differences = Differences::default();
        transactions(&mut [3, 1, 2], &mut differences);
        assert_eq!(differences.count, 0);
        transactions(&mut [3, 1, 3, 3], &mut differences);
        assert_eq!(differences.count, 2);
    }

    #[test]
    fn a_failed_verification_is_a_difference() {
        let mut differences = Differences::default();
        let store = Path::new("/nowhere");
        log(Path::new("/bin/true"), store, &mut differences).unwrap();
        assert_eq!(differences.count, 0);
        log(Path::new("/bin/false"), store, &mut differences).unwrap();
        assert_eq!(differences.count, 1);
    }
}
