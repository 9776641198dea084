//! What is done to a wallet rather than with its points: freeze, unfreeze, close, and corrections by hand.

use engine::domain::{Adjust, Change, ChangeStatus, Command, Description, Fund, Status, WalletId};

use super::transactions::answer_transaction;
use super::{CommandRoute, Setting};
use crate::draft::{Draft, Field, Fields};

const STATUS: Fields = Fields::of(&[Field::Description, Field::IfVersion]);

/// `POST /v1/wallets/{id}/freeze`
pub(crate) static FREEZE_ROUTE: CommandRoute =
    status_route(|setting, draft| read_status(setting, draft, Status::Frozen));

/// `POST /v1/wallets/{id}/unfreeze`
pub(crate) static UNFREEZE_ROUTE: CommandRoute =
    status_route(|setting, draft| read_status(setting, draft, Status::Open));

/// `POST /v1/wallets/{id}/close`
pub(crate) static CLOSE_ROUTE: CommandRoute =
    status_route(|setting, draft| read_status(setting, draft, Status::Closed));

/// `POST /v1/wallets/{id}/adjust`
pub(crate) static ADJUST_ROUTE: CommandRoute = CommandRoute {
    fields: Fields::of(&[
        Field::Change,
        Field::Fund,
        Field::Amount,
        Field::Reason,
        Field::ExpiresAt,
        Field::IfVersion,
        Field::MinBalanceAfter,
    ]),
    required: Fields::of(&[Field::Change, Field::Fund, Field::Amount, Field::Reason]),
    bare: false,
    read: |setting, draft| read_adjust(WalletId::new(setting.id), draft),
    answer: answer_transaction,
};

const fn status_route(read: fn(&Setting<'_>, &mut Draft<'_>) -> Option<Command>) -> CommandRoute {
    CommandRoute {
        fields: STATUS,
        required: Fields::of(&[]),
        bare: true,
        read,
        answer: answer_transaction,
    }
}

fn read_status(setting: &Setting<'_>, draft: &mut Draft<'_>, status: Status) -> Option<Command> {
    let description = draft.description();
    Some(Command::ChangeStatus(ChangeStatus {
        wallet: WalletId::new(setting.id)?,
        status,
        description,
    }))
}

fn read_adjust(wallet: Option<WalletId>, draft: &mut Draft<'_>) -> Option<Command> {
    const ONLY_UP: &str = "can be given only where points go up";
    draft.require(Field::Change);
    draft.require(Field::Fund);
    let up = draft.choice(Field::Change, &[("up", true), ("down", false)]);
    let fund = draft.choice(Field::Fund, &[("free", Fund::Free), ("paid", Fund::Paid)]);
    let amount = draft.amount();
    let reason = draft.reason();
    let expires_at = draft.expires_at();
    if up == Some(false) && expires_at.is_some() {
        draft.fault(Field::ExpiresAt.pointer(), ONLY_UP);
    }
    let change = match up? {
        true => Change::Up { expires_at },
        false => Change::Down,
    };
    Some(Command::Adjust(Adjust {
        wallet: wallet?,
        change,
        fund: fund?,
        amount: amount?,
        reason: reason?,
    }))
}

impl Draft<'_> {
    /// Why: a description that must be there and not empty.
    fn reason(&mut self) -> Option<Description> {
        const DETAIL: &str =
            "must be a string of 1 to 255 characters, none of them a control character";
        self.require(Field::Reason);
        let text = self.text(Field::Reason, DETAIL)?;
        let reason = Description::new(text).filter(|reason| !reason.as_str().trim().is_empty());
        if reason.is_none() {
            self.fault(Field::Reason.pointer(), DETAIL);
        }
        reason
    }
}
