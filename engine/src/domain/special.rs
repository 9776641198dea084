//! What few wallets have: points that are owed, set aside or pending, and a status other than open.
//!
//! It lies in a box of its own, so that a wallet without any of it pays one byte at rest.

use serde::{Deserialize, Serialize};

use super::calendar::Day;
use super::hold::Hold;
use super::limits::Turnover;
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
    /// What was earned and used lately, where that is limited. On disk it stands beside the rest.
    #[serde(skip)]
    pub turnover: Option<Turnover>,
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

/// The box in a row: what stood there before anything was counted by the day, and where there is no hold, is as ever.
///
/// ```text
/// 0                      nothing
/// 1 · special            as an option is written
/// 2 · special · turnover · [hold, version, day]… · [pending grant, day]…
/// ```
pub(super) mod kept {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Beside, Special};

    #[derive(Serialize, Deserialize)]
    enum Kept<S> {
        Nothing,
        Plain(S),
        Counted(S, Beside),
    }

    #[expect(clippy::ref_option, reason = "serde hands fields over by reference")]
    pub(in super::super) fn serialize<S: Serializer>(
        special: &Option<Box<Special>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let kept = match special.as_deref() {
            None => Kept::Nothing,
            Some(special) => match Beside::of(special) {
                None => Kept::Plain(special),
                Some(beside) => Kept::Counted(special, beside),
            },
        };
        kept.serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Box<Special>>, D::Error> {
        Ok(match Kept::<Box<Special>>::deserialize(from)? {
            Kept::Nothing => None,
            Kept::Plain(special) => Some(special),
            Kept::Counted(mut special, beside) => {
                beside.rejoin(&mut special);
                Some(special)
            }
        })
    }
}

/// What is counted by the day, and since when holds are, as it stands beside the rest on disk.
#[derive(Serialize, Deserialize)]
struct Beside {
    turnover: Option<Turnover>,
    holds: Vec<(u64, u64, Option<Day>)>,
    pending: Vec<(u64, Day)>,
}

// === impl Beside ===

impl Beside {
    /// `None`: there is nothing of it.
    fn of(special: &Special) -> Option<Self> {
        let holds = special.holds.iter();
        let holds = holds.map(|hold| (hold.number, hold.version, hold.counted_on));
        let pending = special.pending.iter();
        let pending = pending.filter_map(|grant| Some((grant.number, grant.counted_on?)));
        let beside = Self {
            turnover: special.turnover,
            holds: holds.collect(),
            pending: pending.collect(),
        };
        let counts =
            beside.turnover.is_some() || !beside.holds.is_empty() || !beside.pending.is_empty();
        counts.then_some(beside)
    }

    fn rejoin(self, special: &mut Special) {
        special.turnover = self.turnover;
        for hold in &mut special.holds {
            let mut known = self.holds.iter();
            if let Some((_, version, day)) = known.find(|(number, ..)| *number == hold.number) {
                (hold.version, hold.counted_on) = (*version, *day);
            }
        }
        for grant in &mut special.pending {
            let mut known = self.pending.iter();
            let found = known.find(|(number, _)| *number == grant.number);
            grant.counted_on = found.map(|(_, day)| *day);
        }
    }
}

// === impl Special ===

impl Special {
    /// What most wallets have.
    pub const NONE: Self = Self {
        debt: Debt { free: 0, paid: 0 },
        status: Status::Open,
        holds: Vec::new(),
        pending: Vec::new(),
        turnover: None,
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
