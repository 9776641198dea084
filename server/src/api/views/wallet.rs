//! A wallet as answers show it.

use engine::WalletView;
use engine::domain::{self, Status};
use serde::Serialize;
use utoipa::ToSchema;

use super::Allocation;
use crate::moment::Moment;

/// Who owns a wallet.
#[derive(Serialize, ToSchema)]
pub(crate) struct Owner {
    /// A person or a company.
    #[serde(rename = "type")]
    #[schema(pattern = "^(user|company)$", example = "user")]
    pub(crate) kind: &'static str,
    /// Number of the owner.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 7)]
    pub(crate) id: u64,
}

/// The holder of one owner's balance.
#[derive(Serialize, ToSchema)]
pub(crate) struct Wallet {
    /// Its id: below 2^52 chosen by the client, from there on allotted.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 1)]
    pub(crate) id: u64,
    pub(crate) owner: Owner,
    /// Points in all: paid and free.
    #[schema(maximum = 9007199254740991u64, example = 150)]
    pub(crate) balance: i64,
    /// Points that were bought.
    #[schema(maximum = 9007199254740991u64, example = 100)]
    pub(crate) paid: i64,
    /// Points that were given away.
    #[schema(maximum = 9007199254740991u64, example = 50)]
    pub(crate) free: i64,
    /// Points set aside.
    #[schema(maximum = 9007199254740991u64, example = 0)]
    pub(crate) held: u64,
    /// Points that can be spent now.
    #[schema(maximum = 9007199254740991u64, example = 150)]
    pub(crate) available: u64,
    /// Points that lapse within the next 30 days of 24 hours.
    #[schema(maximum = 9007199254740991u64, example = 20)]
    pub(crate) expiring_30d: u64,
    /// Points that were taken back after they had been spent; points of the same fund that are new or come back pay them first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) owed: Option<u64>,
    /// Points that were given and do not count yet; no part of the balance.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) pending: Option<u64>,
    /// Only when it is not open: frozen or closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) status: Option<&'static str>,
    /// One more with every entry.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 3)]
    pub(crate) version: u64,
    /// The last act that touched the wallet; not in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        minimum = 1,
        maximum = 9007199254740991u64,
        example = 42
    )]
    pub(crate) lsn: Option<u64>,
    #[schema(value_type = String, format = DateTime, example = "2025-06-01T12:00:00.000000Z")]
    pub(crate) created_at: Moment,
    /// The points by fund and expiry, as they are spent; only at a past moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) lots: Option<Vec<Allocation>>,
    /// True where nothing was carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) dry_run: Option<bool>,
}

// === impl Owner ===

impl From<domain::Owner> for Owner {
    fn from(owner: domain::Owner) -> Self {
        Self {
            kind: owner.kind.as_str(),
            id: owner.id,
        }
    }
}

// === impl Wallet ===

impl From<WalletView> for Wallet {
    fn from(view: WalletView) -> Self {
        Self {
            id: view.id.get(),
            owner: view.owner.into(),
            balance: view.balance(),
            paid: view.paid,
            free: view.free,
            held: view.held,
            available: view.available,
            expiring_30d: view.expiring_30d,
            owed: (view.owed > 0).then_some(view.owed),
            pending: (view.pending > 0).then_some(view.pending),
            status: (view.status != Status::Open).then(|| view.status.as_str()),
            version: view.version,
            lsn: Some(view.lsn),
            created_at: Moment(view.created_at),
            lots: None,
            dry_run: None,
        }
    }
}
