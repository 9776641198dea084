//! A wallet as a row.

use engine::domain::{Timestamp, Wallet};
use serde::Serialize;

use super::{OwnerRow, bucket_words};
use crate::instant::rfc3339;

/// A wallet as a replay leaves it.
#[derive(Serialize)]
pub(crate) struct WalletRow {
    id: u64,
    owner: OwnerRow,
    balance: i64,
    paid: i64,
    free: i64,
    version: u64,
    lsn: u64,
    created_at: String,
    lots: Vec<LotRow>,
}

/// A lot of a wallet.
#[derive(Serialize)]
pub(crate) struct LotRow {
    number: u64,
    fund: &'static str,
    expires_at: Option<String>,
    remaining: u64,
}

/// Columns of a replayed wallet in CSV.
pub(crate) const WALLET_COLUMNS: [&str; 9] = [
    "id",
    "owner_type",
    "owner_id",
    "balance",
    "paid",
    "free",
    "version",
    "lsn",
    "created_at",
];

// === impl WalletRow ===

impl WalletRow {
    pub(crate) fn new(id: u64, wallet: &Wallet, lsn: u64, created_at: Timestamp) -> Self {
        let lots = wallet.lots.buckets().iter().flat_map(|bucket| {
            bucket.lots.iter().map(|lot| {
                let (fund, expires_at) = bucket_words(bucket.key);
                LotRow {
                    number: lot.number,
                    fund,
                    expires_at,
                    remaining: lot.remaining,
                }
            })
        });
        Self {
            id,
            owner: wallet.owner.into(),
            balance: wallet.balance(),
            paid: wallet.paid,
            free: wallet.free,
            version: wallet.version,
            lsn,
            created_at: rfc3339(created_at),
            lots: lots.collect(),
        }
    }

    /// One line for people.
    pub(crate) fn line(&self) -> String {
        format!(
            "wallet {:<16}  {:>16}  paid {:>16}  free {:>16}  v{:<8}  lsn {:<10}  {} {}  lots {}",
            self.id,
            self.balance,
            self.paid,
            self.free,
            self.version,
            self.lsn,
            self.owner.kind,
            self.owner.id,
            self.lots.len()
        )
    }

    /// The cells of [`WALLET_COLUMNS`].
    pub(crate) fn cells(&self) -> [String; WALLET_COLUMNS.len()] {
        [
            self.id.to_string(),
            self.owner.kind.to_owned(),
            self.owner.id.to_string(),
            self.balance.to_string(),
            self.paid.to_string(),
            self.free.to_string(),
            self.version.to_string(),
            self.lsn.to_string(),
            self.created_at.clone(),
        ]
    }
}
