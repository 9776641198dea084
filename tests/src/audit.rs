//! Holds what the server tells about its wallets against itself and against the ledgers: every row follows
//! from the row before it, every acknowledged act is there, nothing is there twice or uncalled for.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::http::Connection;
use crate::ledger::Fate;

/// Rows asked for at once.
const PAGE_ROWS: usize = 500;

/// What was read so far; each round reads on from where the last one ended.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    wallets: BTreeMap<u64, Chain>,
    /// Acts by tag, with the legs seen of each.
    acts: BTreeMap<String, Seen>,
}

/// Where the history of one wallet stands.
#[derive(Clone, Debug)]
struct Chain {
    paid: u64,
    free: u64,
    version: u64,
    last_act: u64,
    last_at: Option<String>,
}

/// An act as the histories tell it.
#[derive(Clone, Debug, Default)]
struct Seen {
    act: u64,
    legs: Vec<(u64, u64)>,
    /// Points in, minus points out: 0 for a transfer.
    net: i64,
    transfer: bool,
}

// === impl Audit ===

impl Audit {
    /// Reads what is new in the histories of these wallets, row by row.
    pub fn read_on(&mut self, connection: &mut Connection, wallets: impl IntoIterator<Item = u64>) {
        for wallet in wallets {
            let mut chain = self.wallets.remove(&wallet).unwrap_or_default();
            self.read_wallet(connection, wallet, &mut chain);
            let seen = connection
                .get(&format!("/v1/wallets/{wallet}"))
                .expect(200)
                .json();
            let stands = ["paid", "free", "version"].map(|name| number(&seen, name));
            let due = [chain.paid, chain.free, chain.version];
            assert_eq!(stands, due, "wallet {wallet} is not where its history ends");
            let moved = chain.last_at.is_some();
            assert!(!moved || number(&seen, "lsn") == chain.last_act, "{seen}");
            self.wallets.insert(wallet, chain);
        }
    }

    /// Points of a wallet after the last row read.
    pub fn balance(&self, wallet: u64) -> u64 {
        let chain = &self.wallets[&wallet];
        chain.paid + chain.free
    }

    /// Version of a wallet after the last row read.
    pub fn version(&self, wallet: u64) -> u64 {
        self.wallets[&wallet].version
    }

    /// Tags of all acts so far.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.acts.keys().map(String::as_str)
    }

    /// Holds one ledger against what was read: acknowledged ⊆ log, refused never in it. What the ledger does
    /// not know may be in the log or not, but whole.
    pub fn hold_against(&self, fates: &BTreeMap<String, Fate>) {
        for (tag, fate) in fates {
            let seen = self.acts.get(tag);
            match fate {
                Fate::Acknowledged(act) => {
                    let seen = seen.unwrap_or_else(|| panic!("act {act} of {tag} is lost"));
                    assert_eq!(seen.act, *act, "{tag} was acknowledged as another act");
                }
                Fate::Refused(code) => assert!(seen.is_none(), "{tag} is there after {code}"),
                Fate::Unknown => {}
            }
            if let Some(seen) = seen {
                let legs = if seen.transfer { 2 } else { 1 };
                assert_eq!(seen.legs.len(), legs, "{tag} is there by halves: {seen:?}");
                assert!(
                    !seen.transfer || seen.net == 0,
                    "{tag} made points: {seen:?}"
                );
            }
        }
    }

    fn read_wallet(&mut self, connection: &mut Connection, wallet: u64, chain: &mut Chain) {
        let from = chain.last_at.as_ref().map(|at| format!("&from={at}"));
        let from = from.unwrap_or_default();
        let first = format!("/v1/wallets/{wallet}/transactions?order=asc&limit={PAGE_ROWS}{from}");
        let mut path = first.clone();
        loop {
            let page = connection.get(&path).expect(200).json();
            for row in page["items"].as_array().expect("a page has items") {
                // Rows of the instant at which the last round ended come again.
                if number(row, "transaction") > chain.last_act {
                    chain.follow(wallet, row);
                    self.remember(wallet, row);
                }
            }
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("{first}&cursor={cursor}"),
                None => break,
            }
        }
    }

    fn remember(&mut self, wallet: u64, row: &Value) {
        let Some(tag) = row["description"].as_str().filter(|tag| !tag.is_empty()) else {
            return;
        };
        let act = number(row, "transaction");
        let seen = self.acts.entry(tag.to_owned()).or_default();
        assert!(
            seen.act == 0 || seen.act == act,
            "{tag} is there twice: {seen:?} and {row}"
        );
        let leg = (wallet, number(row, "leg"));
        assert!(!seen.legs.contains(&leg), "{tag} has one leg twice: {row}");
        seen.act = act;
        seen.legs.push(leg);
        seen.net += signed(row);
        seen.transfer |= kind(row).starts_with("transfer");
    }
}

// === impl Chain ===

impl Default for Chain {
    /// A wallet as its creation leaves it; the creation itself is no row.
    fn default() -> Self {
        Self {
            paid: 0,
            free: 0,
            version: 1,
            last_act: 0,
            last_at: None,
        }
    }
}

impl Chain {
    /// One more row: version +1, balance before ± amount = balance after, acts ascending.
    fn follow(&mut self, wallet: u64, row: &Value) {
        let [paid, free, balance, version, act] =
            ["paid", "free", "balance", "version", "transaction"].map(|name| number(row, name));
        let before = (self.paid + self.free) as i64;
        assert_eq!(
            version,
            self.version + 1,
            "wallet {wallet} misses a row before {row}"
        );
        assert!(act > self.last_act, "wallet {wallet} goes back in {row}");
        assert_eq!(balance, paid + free, "{row}");
        assert_eq!(
            balance as i64,
            before + signed(row),
            "wallet {wallet} does not add up at {row}"
        );
        let at = row["created_at"]
            .as_str()
            .expect("a row has a time")
            .to_owned();
        assert!(
            self.last_at.as_ref().is_none_or(|last| *last <= at),
            "time goes back in {row}"
        );
        *self = Self {
            paid,
            free,
            version,
            last_act: act,
            last_at: Some(at),
        };
    }
}

/// The amount with the sign that the type gives it.
fn signed(row: &Value) -> i64 {
    let amount = number(row, "amount") as i64;
    match kind(row) {
        "use" | "transfer_out" | "lapse" => -amount,
        "create" | "charge" | "earn" | "transfer_in" | "cancel" => amount,
        other => panic!("no such type: {other}"),
    }
}

fn kind(row: &Value) -> &str {
    row["type"].as_str().expect("a row has a type")
}

fn number(row: &Value, name: &str) -> u64 {
    let number = row[name].as_u64();
    number.unwrap_or_else(|| panic!("no number {name} in {row}"))
}
