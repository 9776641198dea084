//! `/v1/wallets/{id}/holds` and `/v1/holds`: points set aside, spent later or let go of.

use engine::Open;
use engine::domain::{
    self, CaptureHold, Command, PlaceHold, ReleaseHold, TransactionId, WalletId, allocations,
};
use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::history::link_next;
use super::transactions::answer_transaction;
use super::views::{ALLOCATIONS_MAX, Allocation, Origin};
use super::{Call, CommandRoute, Task};
use crate::answer;
use crate::cursor::Scope;
use crate::draft::{Draft, Field, Fields};
use crate::error;
use crate::moment::Moment;
use crate::problem::Code;

/// Parameters of the list.
pub(crate) const PARAMETERS: &[&str] = &["limit", "cursor"];

/// A page of the holds of a wallet.
#[derive(Serialize, ToSchema)]
pub(crate) struct HoldPage {
    items: Vec<OpenHold>,
    /// Give it as `cursor` to get the next page; null at the end.
    next_cursor: Option<String>,
}

/// Points that are set aside.
#[derive(Serialize, ToSchema)]
pub(crate) struct OpenHold {
    #[serde(flatten)]
    origin: Origin,
    /// Points that are left of it.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 40)]
    amount: u64,
    /// When they go back to their lots.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Moment,
    /// Where they came from, by fund and expiry, at most 100.
    allocations: Vec<Allocation>,
    /// How many allocations there are, when not all are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    allocations_total: Option<usize>,
}

/// `POST /v1/wallets/{id}/holds`
pub(crate) static PLACE_ROUTE: CommandRoute = CommandRoute {
    fields: Fields::of(&[
        Field::Amount,
        Field::ExpiresAt,
        Field::Description,
        Field::IfVersion,
    ]),
    required: Fields::of(&[Field::Amount, Field::ExpiresAt]),
    bare: false,
    read: |setting, draft| read_place(WalletId::new(setting.id), draft),
    answer: answer_transaction,
};

/// `POST /v1/holds/{id}/capture`
pub(crate) static CAPTURE_ROUTE: CommandRoute = CommandRoute {
    fields: Fields::of(&[
        Field::Amount,
        Field::Description,
        Field::IfVersion,
        Field::MinBalanceAfter,
    ]),
    required: Fields::of(&[]),
    bare: true,
    read: |setting, draft| {
        Some(Command::CaptureHold(CaptureHold {
            transaction: TransactionId(setting.id),
            amount: draft.amount_if_given(),
            description: draft.description(),
        }))
    },
    answer: answer_transaction,
};

/// `POST /v1/holds/{id}/release`
pub(crate) static RELEASE_ROUTE: CommandRoute = CommandRoute {
    fields: Fields::of(&[Field::Description, Field::IfVersion]),
    required: Fields::of(&[]),
    bare: true,
    read: |setting, draft| {
        Some(Command::ReleaseHold(ReleaseHold {
            transaction: TransactionId(setting.id),
            description: draft.description(),
        }))
    },
    answer: answer_transaction,
};

/// `GET /v1/wallets/{id}/holds`
pub(crate) fn list(call: Call) -> Task {
    Box::pin(async move {
        let id = WalletId::new(call.id).ok_or_else(|| Code::WalletNotFound.plain())?;
        let scope = Scope::new(&["holds", &id.to_string()]);
        let after = call.query.get("cursor").map(|text| scope.number(text));
        let after = after.transpose()?;
        let limit = call.query.limit()?;
        let page = call.app.engine()?.holds(id, after, limit).await;
        let page = page.map_err(error::refused)?;
        let body = HoldPage {
            items: page.rows.iter().map(OpenHold::from).collect(),
            next_cursor: page.next.map(|next| scope.seal(&next.to_be_bytes())),
        };
        let mut answer = answer::json(StatusCode::OK, &body);
        link_next(&mut answer, &call, body.next_cursor.as_deref());
        Ok(answer)
    })
}

fn read_place(wallet: Option<WalletId>, draft: &mut Draft<'_>) -> Option<Command> {
    let amount = draft.amount();
    draft.require(Field::ExpiresAt);
    let expires_at = draft.expires_at();
    let description = draft.description();
    Some(Command::PlaceHold(PlaceHold {
        wallet: wallet?,
        amount: amount?,
        expires_at: expires_at?,
        description,
    }))
}

// === impl OpenHold ===

impl From<&Open<domain::Hold>> for OpenHold {
    fn from(open: &Open<domain::Hold>) -> Self {
        let all = allocations(&open.what.runs);
        let listed = all.iter().take(ALLOCATIONS_MAX);
        Self {
            origin: Origin::of(open.row.as_ref()),
            amount: open.what.amount(),
            expires_at: Moment(open.what.expires_at),
            allocations: listed.map(Allocation::from).collect(),
            allocations_total: Some(all.len()).filter(|count| *count > ALLOCATIONS_MAX),
        }
    }
}
