//! One operation of a bulk request → a command.

use engine::domain::{Command, Fund, TransactionId};

use crate::api::Setting;
use crate::api::transactions::{self, read_cancel};
use crate::api::transfers::{TRANSFER, TRANSFER_REQUIRED, read_transfer};
use crate::api::wallets::{self, CREATE, read_create, read_grant, read_use};
use crate::draft::{Draft, Field, Fields};

const EVERY: Fields = Fields::of(&[Field::Op, Field::Key]);

const OP: Fields = Fields::of(&[Field::Op]);

const GRANT: Fields = Fields::of(&[Field::Wallet]).and(wallets::GRANT).and(EVERY);

const USE: Fields = Fields::of(&[Field::Wallet]).and(wallets::USE).and(EVERY);

const CHANGE_REQUIRED: Fields = Fields::of(&[Field::Wallet, Field::Amount]).and(OP);

const CANCEL: Fields = Fields::of(&[Field::Transaction])
    .and(transactions::CANCEL)
    .and(EVERY);

const CANCEL_REQUIRED: Fields = Fields::of(&[Field::Transaction]).and(OP);

/// Every operation: its word, its fields, those that must be given.
pub(crate) const OPERATIONS: [(&str, Fields, Fields); 6] = [
    ("create", CREATE.and(EVERY), OP),
    ("charge", GRANT, CHANGE_REQUIRED),
    ("earn", GRANT, CHANGE_REQUIRED),
    ("use", USE, CHANGE_REQUIRED),
    ("transfer", TRANSFER.and(EVERY), TRANSFER_REQUIRED.and(OP)),
    ("cancel", CANCEL, CANCEL_REQUIRED),
];

/// Reads the command of one operation; `None` leaves a fault in the draft.
pub(super) fn read_command(setting: &Setting<'_>, draft: &mut Draft<'_>) -> Option<Command> {
    const OPS: &str = "must be one of create, charge, earn, use, transfer, cancel";
    match draft.text(Field::Op, OPS) {
        Some("charge") => {
            draft.allow(GRANT);
            let wallet = draft.wallet(Field::Wallet);
            read_grant(wallet, Fund::Paid, draft)
        }
        Some("earn") => {
            draft.allow(GRANT);
            let wallet = draft.wallet(Field::Wallet);
            read_grant(wallet, Fund::Free, draft)
        }
        Some("use") => {
            draft.allow(USE);
            let wallet = draft.wallet(Field::Wallet);
            read_use(wallet, draft)
        }
        Some("transfer") => {
            draft.allow(TRANSFER.and(EVERY));
            read_transfer(setting, draft)
        }
        Some("cancel") => {
            draft.allow(CANCEL);
            let transaction = draft.number(Field::Transaction).map(TransactionId);
            read_cancel(transaction, draft)
        }
        Some("create") => {
            draft.allow(CREATE.and(EVERY));
            read_create(setting, draft)
        }
        Some(_) | None => {
            // A word of the wrong type has its fault already.
            if draft.is_sound() {
                draft.fault(Field::Op.pointer(), OPS);
            }
            None
        }
    }
}
