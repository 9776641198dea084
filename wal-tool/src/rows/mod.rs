//! The rows that answers are made of, with the fields and words of the HTTP surface.

mod act;
mod fork;
mod loss;
mod problem;
mod settlement;
mod wallet;

use engine::domain::{
    Allocation, BucketKey, Effect, Entry, EntryType, Event, Owner, Timestamp, WalletId,
};
use serde::Serialize;

pub(crate) use self::act::{ACT_COLUMNS, ActRow};
pub(crate) use self::loss::LossRow;
pub(crate) use self::problem::{PROBLEM_COLUMNS, ProblemRow};
pub(crate) use self::wallet::{WALLET_COLUMNS, WalletRow};
use crate::instant::rfc3339;

/// Who owns a wallet.
#[derive(Serialize)]
pub(crate) struct OwnerRow {
    #[serde(rename = "type")]
    kind: &'static str,
    id: u64,
}

/// Points of equal fund and expiry within an entry.
#[derive(Serialize)]
pub(crate) struct AllocationRow {
    fund: &'static str,
    expires_at: Option<String>,
    amount: u64,
}

/// One leg of an act.
#[derive(Serialize)]
pub(crate) struct EntryRow {
    leg: u8,
    wallet: u64,
    #[serde(rename = "type")]
    kind: &'static str,
    amount: u64,
    balance: i64,
    paid: i64,
    free: i64,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    counterparty: Option<u64>,
    /// The user who acted for a company.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<u64>,
    allocations: Vec<AllocationRow>,
    /// The use that a cancel gives back; here only in a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancels: Option<u64>,
    /// Free text of the caller; here only in a batch.
    #[serde(rename = "description", skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// An entry as a row of its own: a line of a statement.
#[derive(Serialize)]
pub(crate) struct StatementRow<'a> {
    transaction: u64,
    #[serde(flatten)]
    entry: EntryRow,
    description: &'a str,
    created_at: String,
}

/// Columns of a statement in CSV.
pub(crate) const STATEMENT_COLUMNS: [&str; 11] = [
    "transaction",
    "leg",
    "created_at",
    "type",
    "amount",
    "balance",
    "paid",
    "free",
    "version",
    "counterparty",
    "description",
];

// === impl OwnerRow ===

impl From<Owner> for OwnerRow {
    fn from(owner: Owner) -> Self {
        let kind = owner.kind.as_str();
        Self { kind, id: owner.id }
    }
}

// === impl AllocationRow ===

impl From<&Allocation> for AllocationRow {
    fn from(allocation: &Allocation) -> Self {
        let (fund, expires_at) = bucket_words(allocation.bucket);
        Self {
            fund,
            expires_at,
            amount: allocation.amount,
        }
    }
}

fn bucket_words(bucket: BucketKey) -> (&'static str, Option<String>) {
    (bucket.fund.as_str(), bucket.expires_at.map(rfc3339))
}

// === impl EntryRow ===

impl From<&Entry> for EntryRow {
    fn from(entry: &Entry) -> Self {
        let standing = entry.standing;
        Self {
            leg: entry.leg,
            wallet: standing.wallet.get(),
            kind: entry.kind.as_str(),
            amount: entry.amount,
            balance: standing.balance(),
            paid: standing.paid,
            free: standing.free,
            version: standing.version,
            counterparty: entry.counterparty.map(WalletId::get),
            by: entry.by,
            allocations: entry.allocations.iter().map(AllocationRow::from).collect(),
            cancels: None,
            text: None,
        }
    }
}

/// The amount with the sign of its direction; none where the balance stays.
pub(crate) fn signed(entry: &Entry) -> String {
    match (entry.amount, entry.kind.effect()) {
        (0, _) => "0".to_owned(),
        (amount, Effect::Out) => format!("-{amount}"),
        (amount, Effect::In) => format!("+{amount}"),
        (amount, Effect::None) => amount.to_string(),
    }
}

// === impl StatementRow ===

impl<'a> StatementRow<'a> {
    pub(crate) fn new(lsn: u64, at: Timestamp, entry: &Entry, event: &'a Event) -> Self {
        Self {
            transaction: lsn,
            entry: EntryRow::from(entry),
            description: event
                .part(entry.leg)
                .map_or("", |part| part.event.description()),
            created_at: rfc3339(at),
        }
    }

    /// The cells of [`STATEMENT_COLUMNS`].
    pub(crate) fn cells(&self) -> [String; STATEMENT_COLUMNS.len()] {
        let entry = &self.entry;
        [
            self.transaction.to_string(),
            entry.leg.to_string(),
            self.created_at.clone(),
            entry.kind.to_owned(),
            entry.amount.to_string(),
            entry.balance.to_string(),
            entry.paid.to_string(),
            entry.free.to_string(),
            entry.version.to_string(),
            entry
                .counterparty
                .map_or_else(String::new, |id| id.to_string()),
            self.description.to_owned(),
        ]
    }
}

impl EntryRow {
    /// What the event that it belongs to says beside it.
    fn tell(&mut self, event: &Event) {
        if let Event::UseCancelled(event) = event {
            self.cancels = Some(event.entry.transaction().0);
        }
        let text = event.description();
        self.text = (!text.is_empty()).then(|| text.to_owned());
    }

    fn sign(&self) -> &'static str {
        let kind = EntryType::ALL
            .into_iter()
            .find(|kind| kind.as_str() == self.kind);
        match kind.map(EntryType::effect) {
            Some(Effect::None) | None => "",
            Some(Effect::Out) => "-",
            Some(Effect::In) => "+",
        }
    }
}
