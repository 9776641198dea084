//! What a door answers, in words that every door shares.

use jiff::Timestamp;

/// The answer to one ask.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Nothing to say: the clock was moved, the engine restarted.
    Done,
    /// A wallet; on its creation too.
    Wallet { wallet: WalletSeen, replayed: bool },
    /// An act.
    Act { legs: Vec<Leg>, replayed: bool },
    /// A refusal with its numbers, by name.
    Refused {
        code: String,
        numbers: Vec<(String, u64)>,
        replayed: bool,
    },
    /// A history, page after page, with its total.
    History { pages: Vec<Vec<Leg>>, total: String },
}

/// One leg of an act.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leg {
    pub act: u64,
    pub kind: String,
    pub amount: u64,
    pub standing: Standing,
    pub counterparty: Option<u64>,
    /// Fund, expiry, points.
    pub allocations: Vec<(String, Option<Timestamp>, u64)>,
    pub note: String,
    /// When; only where it is asked for.
    pub at: Option<Timestamp>,
}

/// How a wallet stands after a leg.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    pub wallet: u64,
    pub paid: i64,
    pub free: i64,
    pub balance: i64,
    pub version: u64,
}

/// A wallet as it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WalletSeen {
    pub standing: Standing,
    pub owner: (String, u64),
    pub held: u64,
    pub available: u64,
    pub expiring_30d: u64,
    pub lsn: u64,
    pub created_at: Timestamp,
}

/// The numbers of a refusal that every door gives, in the order they are told.
pub const NUMBERS: [&str; 4] = ["item", "available", "cancellable", "requested"];

// === impl Answer ===

impl Answer {
    /// The answer as it stands in a scenario.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Done => Vec::new(),
            Self::Wallet { wallet, replayed } => marked(vec![wallet.line()], *replayed),
            Self::Act { legs, replayed } => marked(legs.iter().map(Leg::line).collect(), *replayed),
            Self::Refused {
                code,
                numbers,
                replayed,
            } => {
                let told: Vec<String> = numbers
                    .iter()
                    .map(|(name, number)| format!("{name} {number}"))
                    .collect();
                let colon = if told.is_empty() { "" } else { ": " };
                let line = format!("refused {code}{colon}{}", told.join(", "));
                marked(vec![line], *replayed)
            }
            Self::History { pages, total } => {
                let mut lines = Vec::new();
                for (at, page) in pages.iter().enumerate() {
                    if at > 0 {
                        lines.push("-- next page".to_owned());
                    }
                    lines.extend(page.iter().map(Leg::line));
                }
                lines.push(format!("-- {total}"));
                lines
            }
        }
    }
}

fn marked(mut lines: Vec<String>, replayed: bool) -> Vec<String> {
    if replayed {
        lines.insert(0, "replayed".to_owned());
    }
    lines
}

// === impl Leg ===

impl Leg {
    fn line(&self) -> String {
        let mut line = format!("act {}: {} {}", self.act, self.kind, self.amount);
        match (self.kind.as_str(), self.counterparty) {
            ("transfer_out", Some(other)) => line.push_str(&format!(" to {other}")),
            (_, Some(other)) => line.push_str(&format!(" from {other}")),
            (_, None) => {}
        }
        line.push_str(&format!(", {}", self.standing.words()));
        let parts: Vec<String> = self.allocations.iter().map(allocation).collect();
        if !parts.is_empty() {
            line.push_str(&format!(" [{}]", parts.join(", ")));
        }
        if !self.note.is_empty() {
            line.push_str(&format!(" \"{}\"", self.note));
        }
        if let Some(at) = self.at {
            line.push_str(&format!(" at {at}"));
        }
        line
    }
}

fn allocation((fund, until, amount): &(String, Option<Timestamp>, u64)) -> String {
    match until {
        Some(until) => format!("{fund} {amount} until {until}"),
        None => format!("{fund} {amount}"),
    }
}

// === impl Standing ===

impl Standing {
    fn words(&self) -> String {
        format!(
            "wallet {} has {} paid + {} free = {}, version {}",
            self.wallet, self.paid, self.free, self.balance, self.version
        )
    }
}

// === impl WalletSeen ===

impl WalletSeen {
    fn line(&self) -> String {
        let (kind, id) = &self.owner;
        let expiring = match self.expiring_30d {
            0 => String::new(),
            points => format!(", expiring_30d {points}"),
        };
        format!(
            "{}, of {kind} {id}, held {}, available {}{expiring}, last act {}, since {}",
            self.standing.words(),
            self.held,
            self.available,
            self.lsn,
            self.created_at
        )
    }
}
