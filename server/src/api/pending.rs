//! `/v1/wallets/{id}/pending`, and `/activate` and `/void` of a transaction: grants that count later, and what becomes of
//! them.

use engine::Open;
use engine::domain::{self, ActivateGrant, Command, TransactionId, VoidGrant, WalletId};
use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::history::link_next;
use super::transactions::answer_transaction;
use super::views::{Origin, Term};
use super::{Call, CommandRoute, Task};
use crate::answer;
use crate::cursor::Scope;
use crate::draft::{Field, Fields};
use crate::error;
use crate::moment::Moment;
use crate::problem::Code;

/// Parameters of the list.
pub(crate) const PARAMETERS: &[&str] = &["limit", "cursor"];

/// A page of the pending grants of a wallet.
#[derive(Serialize, ToSchema)]
pub(crate) struct PendingPage {
    items: Vec<PendingGrant>,
    /// Give it as `cursor` to get the next page; null at the end.
    next_cursor: Option<String>,
}

/// A grant that does not count yet.
#[derive(Serialize, ToSchema)]
pub(crate) struct PendingGrant {
    #[serde(flatten)]
    origin: Origin,
    /// Where the points come from.
    #[schema(pattern = "^(paid|free)$", example = "free")]
    fund: &'static str,
    /// Points.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 50)]
    amount: u64,
    /// When they count by themselves; null: once the grant is activated.
    #[schema(value_type = Option<String>, format = DateTime)]
    active_at: Option<Moment>,
    /// When they lapse; null: never, or not known before the grant is activated.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Moment>,
    /// How long they can be spent from the moment when they count.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    expires_in: Option<Term>,
}

/// `GET /v1/wallets/{id}/pending`
pub(crate) fn list(call: Call) -> Task {
    Box::pin(async move {
        let id = WalletId::new(call.id).ok_or_else(|| Code::WalletNotFound.plain())?;
        let scope = Scope::new(&["pending", &id.to_string()]);
        let after = call.query.get("cursor").map(|text| scope.number(text));
        let after = after.transpose()?;
        let limit = call.query.limit()?;
        let page = call.app.engine()?.pending(id, after, limit).await;
        let page = page.map_err(error::refused)?;
        let body = PendingPage {
            items: page.rows.iter().map(PendingGrant::from).collect(),
            next_cursor: page.next.map(|next| scope.seal(&next.to_be_bytes())),
        };
        let mut answer = answer::json(StatusCode::OK, &body);
        link_next(&mut answer, &call, body.next_cursor.as_deref());
        Ok(answer)
    })
}

/// `POST /v1/transactions/{id}/activate`
pub(crate) static ACTIVATE_ROUTE: CommandRoute = CommandRoute {
    fields: Fields::of(&[Field::Leg, Field::IfVersion]),
    required: Fields::of(&[]),
    bare: true,
    read: |setting, draft| {
        Some(Command::ActivateGrant(ActivateGrant {
            transaction: TransactionId(setting.id),
            leg: draft.leg(),
        }))
    },
    answer: answer_transaction,
};

/// `POST /v1/transactions/{id}/void`
pub(crate) static VOID_ROUTE: CommandRoute = CommandRoute {
    fields: Fields::of(&[Field::Leg, Field::Description, Field::IfVersion]),
    required: Fields::of(&[]),
    bare: true,
    read: |setting, draft| {
        Some(Command::VoidGrant(VoidGrant {
            transaction: TransactionId(setting.id),
            leg: draft.leg(),
            description: draft.description(),
        }))
    },
    answer: answer_transaction,
};

// === impl PendingGrant ===

impl From<&Open<domain::Pending>> for PendingGrant {
    fn from(open: &Open<domain::Pending>) -> Self {
        let grant = &open.what;
        Self {
            origin: Origin::of(open.row.as_ref()),
            fund: grant.fund.as_str(),
            amount: grant.amount.get(),
            active_at: grant.active_at.map(Moment),
            expires_at: grant.lifetime.expires_at.map(Moment),
            expires_in: grant.lifetime.term.map(Term::from),
        }
    }
}
