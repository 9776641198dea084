//! What few wallets have: points that are owed, set aside or pending, and a status other than open.
//!
//! It lies in a box of its own, so that a wallet without any of it pays one byte at rest.

use serde::{Deserialize, Serialize};

use super::hold::Hold;
use super::pending::Pending;
use super::types::Fund;

/// What few wallets have.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Special {
    /// Points that were taken back after they had been spent.
    pub debt: Debt,
    /// Whether the wallet takes part in anything.
    pub status: Status,
    /// Points that are set aside.
    pub holds: Vec<Hold>,
    /// Grants that do not count yet.
    pub pending: Vec<Pending>,
}

/// Points owed, by fund.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Debt {
    /// Free points.
    pub free: u64,
    /// Paid points.
    pub paid: u64,
}

/// Whether a wallet takes part in anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Status {
    /// In everything.
    #[default]
    Open,
    /// Nothing is moved until it is unfrozen; time goes on, so its points lapse.
    Frozen,
    /// For good; it was empty then.
    Closed,
}

// === impl Special ===

impl Special {
    /// What most wallets have.
    pub const NONE: Self = Self {
        debt: Debt { free: 0, paid: 0 },
        status: Status::Open,
        holds: Vec::new(),
        pending: Vec::new(),
    };

    /// The hold of this number.
    pub fn hold(&self, number: u64) -> Option<&Hold> {
        self.holds.iter().find(|hold| hold.number == number)
    }

    /// The pending grant of this number.
    pub fn pending(&self, number: u64) -> Option<&Pending> {
        self.pending.iter().find(|grant| grant.number == number)
    }

    /// Points in all pending grants.
    pub fn pending_points(&self) -> u64 {
        self.pending.iter().map(|grant| grant.amount.get()).sum()
    }

    /// Points in all holds.
    pub fn held(&self) -> u64 {
        self.holds.iter().map(Hold::amount).sum()
    }
}

// === impl Debt ===

impl Debt {
    /// Points owed in all.
    pub fn sum(&self) -> u64 {
        self.free + self.paid
    }

    /// Points owed of one fund.
    pub fn of(&self, fund: Fund) -> u64 {
        match fund {
            Fund::Free => self.free,
            Fund::Paid => self.paid,
        }
    }

    /// The same, to be changed.
    pub fn of_mut(&mut self, fund: Fund) -> &mut u64 {
        match fund {
            Fund::Free => &mut self.free,
            Fund::Paid => &mut self.paid,
        }
    }
}

// === impl Status ===

impl Status {
    /// The word used in JSON, logs and tools.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Frozen => "frozen",
            Self::Closed => "closed",
        }
    }
}
