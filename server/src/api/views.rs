//! The shapes of answers. They are also the schemas of the documentation.

mod later;
mod origin;
mod wallet;

use engine::domain::{self, Event};
use engine::{Act, HistoryRow};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

pub(crate) use self::later::Term;
use self::later::{active_at, expires_in};
pub(crate) use self::origin::Origin;
pub(crate) use self::wallet::Wallet;
use crate::moment::Moment;

/// Most allocations that an answer lists; the rest is a list of its own.
pub(crate) const ALLOCATIONS_MAX: usize = 100;

/// Points of equal fund and expiry within an entry.
#[derive(Serialize, ToSchema)]
pub(crate) struct Allocation {
    /// Where the points came from.
    #[schema(pattern = "^(paid|free)$", example = "paid")]
    pub(crate) fund: &'static str,
    /// When they lapse; null = never.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) expires_at: Option<Moment>,
    /// Points.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 100)]
    pub(crate) amount: u64,
}

/// The first allocations of an entry.
pub(crate) struct Allocations<'a>(&'a [domain::Allocation]);

/// What an act did to one wallet, seen from that wallet's route.
#[derive(Serialize, ToSchema)]
pub(crate) struct Receipt<'a> {
    /// The transaction; none in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        minimum = 1,
        maximum = 9007199254740991u64,
        example = 42
    )]
    id: Option<u64>,
    /// The wallet.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 1)]
    wallet: u64,
    /// charge, earn or use.
    #[serde(rename = "type")]
    #[schema(example = "charge")]
    kind: &'static str,
    /// Points; the type gives the direction.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 100)]
    amount: u64,
    /// Points asked for, where fewer were spent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    requested: Option<u64>,
    /// Points in all after the act.
    #[schema(maximum = 9007199254740991u64, example = 150)]
    balance: i64,
    /// Paid points after the act.
    #[schema(maximum = 9007199254740991u64, example = 100)]
    paid: i64,
    /// Free points after the act.
    #[schema(maximum = 9007199254740991u64, example = 50)]
    free: i64,
    /// The wallet's version after the act.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 3)]
    version: u64,
    /// Points by fund and expiry, at most 100.
    #[schema(value_type = Vec<Allocation>)]
    allocations: Allocations<'a>,
    /// How many allocations there are, when not all are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>, nullable = false)]
    allocations_total: Option<usize>,
    /// The user who acted for a company.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    by: Option<u64>,
    /// From when on the points count: of a grant that counts later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    active_at: Option<Moment>,
    /// How long they can be spent from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    expires_in: Option<Term>,
    /// Free text of the caller.
    #[schema(example = "top-up")]
    description: &'a str,
    #[schema(value_type = String, format = DateTime, example = "2025-06-01T12:00:00.000000Z")]
    created_at: Moment,
    /// True where nothing was carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    dry_run: Option<bool>,
}

/// One leg of a transaction.
#[derive(Serialize, ToSchema)]
pub(crate) struct Entry<'a> {
    /// Its place in the transaction, from 0.
    #[schema(maximum = 255, example = 0)]
    leg: u8,
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 1)]
    wallet: u64,
    /// What it is; the list of histories can be narrowed to any of them.
    #[serde(rename = "type")]
    #[schema(example = "transfer_out")]
    kind: &'static str,
    /// Points; the type gives the direction.
    #[schema(maximum = 9007199254740991u64, example = 100)]
    amount: u64,
    /// Points asked for, where fewer were spent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    requested: Option<u64>,
    /// Points in all after the act.
    #[schema(maximum = 9007199254740991u64, example = 150)]
    balance: i64,
    /// Paid points after the act.
    #[schema(maximum = 9007199254740991u64, example = 100)]
    paid: i64,
    /// Free points after the act.
    #[schema(maximum = 9007199254740991u64, example = 50)]
    free: i64,
    /// The wallet's version after the act.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 3)]
    version: u64,
    /// Points by fund and expiry, at most 100.
    #[schema(value_type = Vec<Allocation>)]
    allocations: Allocations<'a>,
    /// How many allocations there are, when not all are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>, nullable = false)]
    allocations_total: Option<usize>,
    /// From when on the points count: of a grant that counts later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    active_at: Option<Moment>,
    /// How long they can be spent from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    expires_in: Option<Term>,
    /// The other wallet of a transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    counterparty: Option<u64>,
    /// The user who acted for a company.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    by: Option<u64>,
    /// The use that a cancel gives back; here only in the transaction of an atomic bulk.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cancels: Option<u64>,
    /// The leg of that use; left out: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cancels_leg: Option<u8>,
    /// Free text of the caller; here only in the transaction of an atomic bulk.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<&'a str>,
}

/// One act: all or nothing, with an entry for each wallet it touched.
#[derive(Serialize, ToSchema)]
pub(crate) struct Transaction<'a> {
    /// Its id, ascending in the order in which acts were decided; none in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        minimum = 1,
        maximum = 9007199254740991u64,
        example = 42
    )]
    id: Option<u64>,
    entries: Vec<Entry<'a>>,
    /// The use that a cancel gives back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cancels: Option<u64>,
    /// The leg of that use; left out: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cancels_leg: Option<u8>,
    /// Free text of the caller.
    #[schema(example = "settling up")]
    description: &'a str,
    #[schema(value_type = String, format = DateTime, example = "2025-06-01T12:00:00.000000Z")]
    created_at: Moment,
    /// True where nothing was carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    dry_run: Option<bool>,
}

/// An entry in a wallet's history.
#[derive(Serialize, ToSchema)]
pub(crate) struct Row<'a> {
    /// The transaction that the entry belongs to.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 42)]
    transaction: u64,
    #[serde(flatten)]
    entry: Entry<'a>,
    /// The use that a cancel gives back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cancels: Option<u64>,
    /// The leg of that use; left out: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cancels_leg: Option<u8>,
    /// Free text of the caller.
    description: &'a str,
    #[schema(value_type = String, format = DateTime, example = "2025-06-01T12:00:00.000000Z")]
    created_at: Moment,
}

// === impl Allocation ===

impl From<&domain::Allocation> for Allocation {
    fn from(allocation: &domain::Allocation) -> Self {
        Self {
            fund: allocation.bucket.fund.as_str(),
            expires_at: allocation.bucket.expires_at.map(Moment),
            amount: allocation.amount,
        }
    }
}

impl<'a> Allocations<'a> {
    /// The first ones, and how many there are if these are not all.
    fn cut(all: &'a [domain::Allocation]) -> (Self, Option<usize>) {
        let shown = all.len().min(ALLOCATIONS_MAX);
        let total = (shown < all.len()).then_some(all.len());
        (Self(&all[..shown]), total)
    }
}

impl Serialize for Allocations<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Allocation::from))
    }
}

// === impl Receipt ===

impl<'a> Receipt<'a> {
    /// The receipt of an act, for the wallet of this entry.
    pub(crate) fn new(act: &'a Act, entry: &'a domain::Entry) -> Self {
        let (allocations, allocations_total) = Allocations::cut(&entry.allocations);
        Self {
            id: id_of(act),
            wallet: entry.standing.wallet.get(),
            kind: entry.kind.as_str(),
            amount: entry.amount,
            requested: requested(&act.event),
            balance: entry.standing.balance(),
            paid: entry.standing.paid,
            free: entry.standing.free,
            version: entry.standing.version,
            allocations,
            allocations_total,
            by: entry.by,
            active_at: active_at(&act.event),
            expires_in: expires_in(&act.event),
            description: act.event.description(),
            created_at: Moment(act.at),
            dry_run: dry_run(act),
        }
    }
}

// === impl Entry ===

impl<'a> From<&'a domain::Entry> for Entry<'a> {
    fn from(entry: &'a domain::Entry) -> Self {
        let (allocations, allocations_total) = Allocations::cut(&entry.allocations);
        Self {
            leg: entry.leg,
            wallet: entry.standing.wallet.get(),
            kind: entry.kind.as_str(),
            amount: entry.amount,
            requested: None,
            balance: entry.standing.balance(),
            paid: entry.standing.paid,
            free: entry.standing.free,
            version: entry.standing.version,
            allocations,
            allocations_total,
            active_at: None,
            expires_in: None,
            counterparty: entry.counterparty.map(domain::WalletId::get),
            by: entry.by,
            cancels: None,
            cancels_leg: None,
            description: None,
        }
    }
}

// === impl Transaction ===

impl<'a> Transaction<'a> {
    /// The transaction of an act with these entries.
    pub(crate) fn new(act: &'a Act, entries: &'a [domain::Entry]) -> Self {
        let (cancels, cancels_leg) = cancels(&act.event);
        Self {
            id: id_of(act),
            entries: entries
                .iter()
                .map(|entry| Self::entry(act, entry))
                .collect(),
            cancels,
            cancels_leg,
            description: act.event.description(),
            created_at: Moment(act.at),
            dry_run: dry_run(act),
        }
    }

    /// In a batch each entry says for itself what is elsewhere said once.
    fn entry(act: &'a Act, entry: &'a domain::Entry) -> Entry<'a> {
        let mut view = Entry::from(entry);
        if let Some(part) = act.event.part(entry.leg) {
            view.requested = requested(part.event);
            view.active_at = active_at(part.event);
            view.expires_in = expires_in(part.event);
            if matches!(&*act.event, Event::Batched(_)) {
                (view.cancels, view.cancels_leg) = cancels(part.event);
                let description = part.event.description();
                view.description = (!description.is_empty()).then_some(description);
            }
        }
        view
    }
}

// === impl Row ===

impl<'a> Row<'a> {
    /// A row of history with its entry.
    pub(crate) fn new(row: &'a HistoryRow, entry: &'a domain::Entry) -> Self {
        let part = row.act.event.part(row.leg);
        let event = part.map_or(&*row.act.event, |part| part.event);
        let (cancels, cancels_leg) = cancels(event);
        let mut view = Entry::from(entry);
        view.requested = requested(event);
        view.active_at = active_at(event);
        view.expires_in = expires_in(event);
        Self {
            transaction: row.act.transaction.0,
            entry: view,
            cancels,
            cancels_leg,
            description: event.description(),
            created_at: Moment(row.act.at),
        }
    }
}

/// Transaction and leg of the use that a cancel gives back; the leg only where it is not the first.
fn cancels(event: &Event) -> (Option<u64>, Option<u8>) {
    match event {
        Event::UseCancelled(event) => {
            let leg = event.entry.leg().filter(|leg| *leg > 0);
            (Some(event.entry.transaction().0), leg)
        }
        Event::TakenBack(event) => {
            let leg = event.entry.leg().filter(|leg| *leg > 0);
            (Some(event.entry.transaction().0), leg)
        }
        Event::WalletCreated(_)
        | Event::Charged(_)
        | Event::Earned(_)
        | Event::Used(_)
        | Event::Transferred(_)
        | Event::Lapsed(_)
        | Event::SettingsChanged(_)
        | Event::Batched(_)
        | Event::DayClosed(_)
        | Event::StatusChanged(_)
        | Event::AdjustedUp(_)
        | Event::AdjustedDown(_)
        | Event::HoldPlaced(_)
        | Event::HoldCaptured(_)
        | Event::HoldReleased(_)
        | Event::CompanyCreated(_)
        | Event::MemberJoined(_)
        | Event::MemberLeft(_)
        | Event::GrantPending(_)
        | Event::GrantActivated(_)
        | Event::GrantVoided(_)
        | Event::SettlementClosed(_)
        | Event::SettlementMoved(_)
        | Event::SettlementRun(_) => (None, None),
    }
}

/// The id that a caller can ask for.
pub(crate) fn id_of(act: &Act) -> Option<u64> {
    (!act.is_rehearsal()).then_some(act.transaction.0)
}

/// What an answer says of a dry run; in earnest nothing.
pub(crate) fn dry_run(act: &Act) -> Option<bool> {
    act.is_rehearsal().then_some(true)
}

/// Points asked for, where fewer moved.
pub(crate) fn requested(event: &Event) -> Option<u64> {
    event.aside().and_then(|aside| aside.requested)
}
