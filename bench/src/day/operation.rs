//! What a customer or a shop asks for, drawn at random, repeatably.

use crate::random::{Random, Zipf};
use crate::traffic::{WALLET_BASE, render};

/// More than all wallets together own: asking for it must be refused.
pub(crate) const TOO_MUCH: u64 = 1_000_000_000_000_000;

/// Largest amount of an ordinary operation.
const AMOUNT_MAX: u64 = 500;

/// Of 1,000 operations so many are transfers, ask for too much, or give a use back.
const TRANSFERS: u64 = 50;
const REFUSALS: u64 = 20;
const CANCELS: u64 = 10;

/// Of 1,000 operations so many give points; as many spend them.
const CHARGES: u64 = 80;
const EARNS: u64 = 380;

/// Of 10 earns so many lapse one day, at the end of one of twelve months long after this run.
const LAPSING: u64 = 3;
const MONTHS: u64 = 12;

/// Spreads neighbouring ranks over the ids, so that the busiest wallets are not neighbours. A prime
/// that divides no sensible number of wallets.
const SCATTER: u64 = 7_919;

/// One operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Operation {
    Charge {
        wallet: u64,
        amount: u64,
    },
    Earn {
        wallet: u64,
        amount: u64,
        /// Month of its expiry.
        month: Option<u64>,
    },
    Use {
        wallet: u64,
        amount: u64,
    },
    Transfer {
        from: u64,
        to: u64,
        amount: u64,
    },
    /// Gives a use back.
    Cancel {
        transaction: u64,
        wallet: u64,
        amount: u64,
    },
}

/// Draws operations.
#[derive(Clone, Debug)]
pub(crate) struct Planner {
    random: Random,
    zipf: std::sync::Arc<Zipf>,
    wallets: u64,
}

/// What one operation does to one wallet's balance.
pub(crate) type Change = (u64, i64);

// === impl Planner ===

impl Planner {
    pub(crate) fn new(zipf: std::sync::Arc<Zipf>, wallets: u64, seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            zipf,
            wallets,
        }
    }

    /// The next operation; `spent` is a use that may be given back.
    pub(crate) fn next(&mut self, spent: &mut Option<(u64, Change)>) -> Operation {
        let amount = 1 + self.random.below(AMOUNT_MAX);
        let wallet = self.wallet();
        let drawn = self.random.below(1_000);
        let (refusals, transfers) = (REFUSALS, REFUSALS + TRANSFERS);
        let cancels = transfers + CANCELS;
        let (charges, earns) = (cancels + CHARGES, cancels + CHARGES + EARNS);
        match drawn {
            _ if drawn < refusals => Operation::Use {
                wallet,
                amount: TOO_MUCH,
            },
            _ if drawn < transfers => self.transfer(wallet, amount),
            _ if drawn < cancels => match spent.take() {
                None => Operation::Use { wallet, amount },
                Some((transaction, (wallet, change))) => Operation::Cancel {
                    transaction,
                    wallet,
                    amount: change.unsigned_abs(),
                },
            },
            _ if drawn < charges => Operation::Charge { wallet, amount },
            _ if drawn < earns => Operation::Earn {
                wallet,
                amount,
                month: (self.random.below(10) < LAPSING).then(|| self.random.below(MONTHS)),
            },
            _ => Operation::Use { wallet, amount },
        }
    }

    fn transfer(&mut self, from: u64, amount: u64) -> Operation {
        let mut to = self.wallet();
        if to == from {
            to = WALLET_BASE + (from - WALLET_BASE + 1) % self.wallets;
        }
        Operation::Transfer { from, to, amount }
    }

    fn wallet(&mut self) -> u64 {
        let rank = self.zipf.draw(&mut self.random) as u64;
        WALLET_BASE + rank * SCATTER % self.wallets
    }
}

// === impl Operation ===

impl Operation {
    /// Whether it must be refused for want of points.
    pub(crate) fn is_too_much(&self) -> bool {
        matches!(self, Self::Use { amount, .. } if *amount >= TOO_MUCH)
    }

    /// What it does to whom when it is carried out.
    pub(crate) fn changes(&self) -> (Change, Option<Change>) {
        let signed = |amount: &u64| amount.cast_signed();
        match self {
            Self::Charge { wallet, amount }
            | Self::Earn { wallet, amount, .. }
            | Self::Cancel { wallet, amount, .. } => ((*wallet, signed(amount)), None),
            Self::Use { wallet, amount } => ((*wallet, -signed(amount)), None),
            Self::Transfer { from, to, amount } => {
                ((*from, -signed(amount)), Some((*to, signed(amount))))
            }
        }
    }

    /// As an item of a bulk request.
    pub(crate) fn item(&self, key: &str) -> String {
        let (word, members) = self.words();
        format!(r#"{{"op":"{word}",{members},"key":"{key}"}}"#)
    }

    /// As a request of its own.
    pub(crate) fn request(&self, key: &str) -> Vec<u8> {
        let (word, _) = self.words();
        let (path, body) = match self {
            Self::Charge { wallet, amount } | Self::Use { wallet, amount } => (
                format!("/v1/wallets/{wallet}/{word}"),
                format!(r#"{{"amount":{amount}}}"#),
            ),
            Self::Earn {
                wallet,
                amount,
                month,
            } => (
                format!("/v1/wallets/{wallet}/{word}"),
                format!(r#"{{"amount":{amount}{}}}"#, expiry(*month)),
            ),
            Self::Transfer { from, to, amount } => (
                "/v1/transfers".to_owned(),
                format!(r#"{{"from":{from},"to":{to},"amount":{amount}}}"#),
            ),
            Self::Cancel {
                transaction,
                amount,
                ..
            } => (
                format!("/v1/transactions/{transaction}/cancel"),
                format!(r#"{{"amount":{amount}}}"#),
            ),
        };
        render("POST", &path, Some(key), &body)
    }

    /// Its name in a bulk, and its members.
    fn words(&self) -> (&'static str, String) {
        match self {
            Self::Charge { wallet, amount } => {
                ("charge", format!(r#""wallet":{wallet},"amount":{amount}"#))
            }
            Self::Earn {
                wallet,
                amount,
                month,
            } => {
                let expiry = expiry(*month);
                let members = format!(r#""wallet":{wallet},"amount":{amount}{expiry}"#);
                ("earn", members)
            }
            Self::Use { wallet, amount } => {
                ("use", format!(r#""wallet":{wallet},"amount":{amount}"#))
            }
            Self::Transfer { from, to, amount } => {
                let members = format!(r#""from":{from},"to":{to},"amount":{amount}"#);
                ("transfer", members)
            }
            Self::Cancel {
                transaction,
                amount,
                ..
            } => {
                let members = format!(r#""transaction":{transaction},"amount":{amount}"#);
                ("cancel", members)
            }
        }
    }
}

fn expiry(month: Option<u64>) -> String {
    month.map_or_else(String::new, |month| {
        format!(r#","expires_at":"2199-{:02}-28T00:00:00Z""#, month + 1)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_day_has_the_stated_shares() {
        let zipf = Arc::new(Zipf::new(1_000, 1.0));
        let mut planner = Planner::new(zipf, 1_000, 3);
        let mut drawn: BTreeMap<&str, u32> = BTreeMap::new();
        for _ in 0..100_000 {
            let mut spent = Some((9, (WALLET_BASE, -4)));
            let operation = planner.next(&mut spent);
            let name = if operation.is_too_much() {
                "refusal"
            } else {
                operation.words().0
            };
            *drawn.entry(name).or_default() += 1;
        }
        for (name, percent) in [
            ("refusal", 2.0),
            ("transfer", 5.0),
            ("cancel", 1.0),
            ("charge", 8.0),
        ] {
            let found = f64::from(drawn[name]) / 1_000.0;
            assert!((found - percent).abs() < 0.3, "{name}: {found} %");
        }
    }

    #[test]
    fn ranks_are_scattered_over_all_wallets() {
        let mut ids: Vec<u64> = (0..100_000).map(|rank| rank * SCATTER % 100_000).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 100_000);
    }

    #[test]
    fn both_forms_of_an_operation_are_json() {
        let operations = [
            Operation::Earn {
                wallet: 1,
                amount: 2,
                month: Some(11),
            },
            Operation::Transfer {
                from: 1,
                to: 2,
                amount: 3,
            },
            Operation::Cancel {
                transaction: 7,
                wallet: 1,
                amount: 2,
            },
        ];
        for operation in operations {
            let item: serde_json::Value = serde_json::from_str(&operation.item("k")).unwrap();
            assert_eq!(item["key"], "k");
            let request = String::from_utf8(operation.request("k")).unwrap();
            let (_, body) = request.split_once("\r\n\r\n").unwrap();
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(body["amount"], item["amount"]);
        }
    }
}
