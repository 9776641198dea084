//! `/v1/transactions/{id}/activate` and `/void`: what becomes of grants that count later.

use engine::domain::{ActivateGrant, Command, TransactionId, VoidGrant};

use super::CommandRoute;
use super::transactions::answer_transaction;
use crate::draft::{Field, Fields};

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
