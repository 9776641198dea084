//! The words of the domain: ids, amounts, instants, owners, funds.
//!
//! Everything here is a plain value with its range checked once, on the way in.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Largest integer that every JSON reader keeps exact (2^53 − 1); bounds amounts, balances, ids and versions.
pub const NUMBER_MAX: u64 = (1 << 53) - 1;

/// Ids below this one are chosen by clients; from here on the server allots them.
pub const ALLOTTED_ID_MIN: u64 = 1 << 52;

/// Longest description, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 255;

/// Names one wallet: 1…2^53−1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct WalletId(u64);

/// Names one company: 1…2^53−1. Its wallet has the same number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct CompanyId(u64);

/// Names one act: the LSN of its first record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct TransactionId(pub u64);

/// Names one leg of an act: the act's LSN in the low 53 bits, the leg in those above. So the first leg, and the only
/// one of nearly every act, has the number of its act.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct EntryRef(u64);

/// Points asked for: 1…2^53−1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Amount(u64);

/// An instant in microseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct Timestamp(pub i64);

/// What kind of thing an entity is; part of its id for ever, so numbers are never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[repr(u8)]
pub enum EntityKind {
    /// A wallet.
    Wallet = 1,
    /// The one program of the store.
    Program = 2,
    /// A company.
    Company = 3,
}

/// Names anything that has an actor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct EntityId {
    /// What it is.
    pub kind: EntityKind,
    /// Which one of its kind, 1…2^53−1.
    pub id: u64,
}

/// Who owns a wallet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Owner {
    /// Person or company.
    pub kind: OwnerKind,
    /// 1…2^53−1; one owner may have several wallets.
    pub id: u64,
}

/// Person or company.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum OwnerKind {
    /// A person.
    User,
    /// A company.
    Company,
}

/// Where points came from. The order is the order of spending: free before paid.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Fund {
    /// Given away.
    Free,
    /// Bought.
    Paid,
}

/// Free text that a caller attaches to an act: ≤255 characters, no control characters.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Description(Box<str>);

// === impl EntityId ===

impl EntityId {
    /// The wallet that it names, if it names one.
    pub fn wallet(self) -> Option<WalletId> {
        WalletId::new(self.id).filter(|_| self.kind == EntityKind::Wallet)
    }
}

// === impl EntityKind ===

impl EntityKind {
    /// The kind of a number; `None` if it is not in use.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Wallet, Self::Program, Self::Company]
            .into_iter()
            .find(|kind| *kind as u8 == number)
    }

    /// The word used in logs and tools.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::Program => "program",
            Self::Company => "company",
        }
    }
}

// === impl WalletId ===

impl WalletId {
    /// `None` outside 1…2^53−1.
    pub const fn new(id: u64) -> Option<Self> {
        if id == 0 || id > NUMBER_MAX {
            return None;
        }
        Some(Self(id))
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }

    /// The wallet as an entity.
    pub fn entity(self) -> EntityId {
        EntityId {
            kind: EntityKind::Wallet,
            id: self.0,
        }
    }
}

impl fmt::Display for WalletId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// === impl CompanyId ===

impl CompanyId {
    /// `None` outside 1…2^53−1.
    pub const fn new(id: u64) -> Option<Self> {
        match WalletId::new(id) {
            Some(_) => Some(Self(id)),
            None => None,
        }
    }

    /// The company of this wallet.
    pub fn of(wallet: WalletId) -> Self {
        Self(wallet.0)
    }

    /// The company that this entity is.
    pub fn of_entity(entity: EntityId) -> Option<Self> {
        Self::new(entity.id).filter(|_| entity.kind == EntityKind::Company)
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }

    /// Its wallet.
    pub fn wallet(self) -> WalletId {
        WalletId(self.0)
    }

    /// The company as an entity.
    pub fn entity(self) -> EntityId {
        EntityId {
            kind: EntityKind::Company,
            id: self.0,
        }
    }
}

impl fmt::Display for CompanyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// === impl TransactionId ===

impl TransactionId {
    /// Names no act: LSNs begin at 1.
    pub const NONE: Self = Self(0);
}

// === impl EntryRef ===

impl EntryRef {
    /// Names no entry, and stands before all that are.
    pub const NONE: Self = Self(TransactionId::NONE.0);

    /// A leg of an act.
    pub fn new(transaction: TransactionId, leg: u8) -> Self {
        Self(u64::from(leg) << NUMBER_MAX.count_ones() | transaction.0 & NUMBER_MAX)
    }

    /// The act.
    pub fn transaction(self) -> TransactionId {
        TransactionId(self.0 & NUMBER_MAX)
    }

    /// The leg. `None`: the number names no leg.
    pub fn leg(self) -> Option<u8> {
        u8::try_from(self.0 >> NUMBER_MAX.count_ones()).ok()
    }
}

impl Ord for EntryRef {
    /// By time: the act first, then the leg.
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |one: &Self| (one.transaction(), one.leg());
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for EntryRef {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

// === impl Amount ===

impl Amount {
    /// `None` outside 1…2^53−1.
    pub fn new(amount: u64) -> Option<Self> {
        (1..=NUMBER_MAX).contains(&amount).then_some(Self(amount))
    }

    /// The number of points.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// === impl Timestamp ===

impl Timestamp {
    /// Microseconds in one day of 24 hours.
    pub const DAY_US: i64 = 86_400_000_000;

    /// This instant plus whole days, never above the largest instant.
    pub fn plus_days(self, days: i64) -> Self {
        Self(self.0.saturating_add(days.saturating_mul(Self::DAY_US)))
    }

    /// This instant minus whole days, never below the smallest instant.
    pub fn minus_days(self, days: i64) -> Self {
        Self(self.0.saturating_sub(days.saturating_mul(Self::DAY_US)))
    }
}

// === impl Owner ===

impl Owner {
    /// The owner of a wallet that was created without naming one: the user of the same number.
    pub fn user(id: u64) -> Self {
        Self {
            kind: OwnerKind::User,
            id,
        }
    }
}

impl OwnerKind {
    /// The word used in JSON, logs and tools.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Company => "company",
        }
    }
}

// === impl Fund ===

impl Fund {
    /// The word used in JSON, logs and tools.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Paid => "paid",
        }
    }
}

// === impl Description ===

impl Description {
    /// `None` if the text is too long or holds a control character.
    pub fn new(text: &str) -> Option<Self> {
        Self::is_allowed(text).then(|| Self(text.into()))
    }

    /// Whether a text may be one.
    pub(super) fn is_allowed(text: &str) -> bool {
        let fits = text.chars().nth(DESCRIPTION_CHARS_MAX).is_none();
        fits && !text.chars().any(char::is_control)
    }

    /// The text; empty when the caller gave none.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
