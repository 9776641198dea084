//! How something that is open in a wallet began.

use engine::HistoryRow;
use serde::Serialize;
use utoipa::ToSchema;

use crate::moment::Moment;

/// The transaction that began it. Without these members: the log no longer goes back that far.
#[derive(Serialize, ToSchema)]
pub(crate) struct Origin {
    /// Its transaction: what is captured, released, activated or voided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        minimum = 1,
        maximum = 9007199254740991u64,
        example = 42
    )]
    transaction: Option<u64>,
    /// Which leg of it, in an atomic bulk; left out: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    leg: Option<u8>,
    /// Free text of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<String>,
    /// When it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    created_at: Option<Moment>,
}

// === impl Origin ===

impl Origin {
    pub(crate) fn of(row: Option<&HistoryRow>) -> Self {
        let part = row.and_then(|row| row.act.event.part(row.leg));
        Self {
            transaction: row.map(|row| row.act.transaction.0),
            leg: row.map(|row| row.leg).filter(|leg| *leg > 0),
            description: part.map(|part| part.event.description().to_owned()),
            created_at: row.map(|row| Moment(row.act.at)),
        }
    }
}
