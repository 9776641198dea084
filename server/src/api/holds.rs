//! `/v1/wallets/{id}/holds` and `/v1/holds`: points set aside, spent later or let go of.

use engine::domain::{CaptureHold, Command, PlaceHold, ReleaseHold, TransactionId, WalletId};

use super::CommandRoute;
use super::transactions::answer_transaction;
use crate::draft::{Draft, Field, Fields};

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
