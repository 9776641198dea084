//! What is done to a wallet rather than with its points: freeze, unfreeze, close, and corrections by hand.

use engine::domain::{Adjust, Change, ChangeStatus, Command, Description, Fund, Status, WalletId};

use super::transactions::answer_transaction;
use super::{CommandRoute, Setting};
use crate::draft::{Draft, Field, Fields};

/// The funds by their words.
pub(super) const FUNDS: [(&str, Fund); 2] = [("free", Fund::Free), ("paid", Fund::Paid)];

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
    let fund = draft.choice(Field::Fund, &FUNDS);
    let amount = draft.amount();
    let reason = draft.phrase(Field::Reason);
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
    /// A text that must be there and not empty.
    pub(super) fn phrase(&mut self, field: Field) -> Option<Description> {
        const DETAIL: &str =
            "must be a string of 1 to 255 characters, none of them a control character";
        self.require(field);
        let text = self.text(field, DETAIL)?;
        let phrase = Description::new(text).filter(|phrase| !phrase.as_str().trim().is_empty());
        if phrase.is_none() {
            self.fault(field.pointer(), DETAIL);
        }
        phrase
    }
}
