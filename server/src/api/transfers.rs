//! `/v1/transfers`: points from one wallet to another in one act.

use engine::domain::{Command, Transfer};

use super::transactions::answer_transaction;
use super::{CommandRoute, Setting};
use crate::draft::{Draft, Field, Fields};

/// Fields of a transfer.
pub(crate) const TRANSFER: Fields = Fields::of(&[
    Field::From,
    Field::To,
    Field::Amount,
    Field::Description,
    Field::IfVersion,
    Field::MinBalanceAfter,
]);

/// Those that must be given.
pub(crate) const TRANSFER_REQUIRED: Fields = Fields::of(&[Field::From, Field::To, Field::Amount]);

/// `POST /v1/transfers`
pub(crate) static ROUTE: CommandRoute = CommandRoute {
    fields: TRANSFER,
    required: TRANSFER_REQUIRED,
    bare: false,
    read: read_transfer,
    answer: answer_transaction,
};

/// Reads a transfer.
pub(crate) fn read_transfer(_: &Setting<'_>, draft: &mut Draft<'_>) -> Option<Command> {
    let from = draft.wallet(Field::From);
    let to = draft.wallet(Field::To);
    let amount = draft.amount();
    let description = draft.description();
    Some(Command::Transfer(Transfer {
        from: from?,
        to: smallvec::smallvec![(to?, amount?)],
        description,
    }))
}
