//! Words about the routes of holds.

use super::{Answers, Words};
use crate::problem::Code;

pub(super) static ROUTES: &[Words] = &[
    Words {
        name: "GET /v1/wallets/{id}/holds",
        id: "listWalletHolds",
        tag: "Holds",
        summary: "List what is set aside in a wallet",
        text: "The oldest first, with what is left of each hold and the transaction that placed it. One that is over is left out at once.",
        answer: Answers::Found("HoldPage"),
        answer_text: "A page of holds.",
        codes: &[
            Code::WalletNotFound,
            Code::InvalidCursor,
            Code::RecordUnreadable,
            Code::HistoryBehind,
        ],
    },
    Words {
        name: "POST /v1/wallets/{id}/holds",
        id: "placeHold",
        tag: "Holds",
        summary: "Set points aside",
        text: "Taken as a use would take them. They count in the balance and not in what is available, do not lapse while they are held, and go back to their lots when expires_at comes.",
        answer: Answers::Made("Transaction"),
        answer_text: "The points are set aside; the transaction's id is the hold's.",
        codes: &[
            Code::WalletNotFound,
            Code::WalletFrozen,
            Code::WalletClosed,
            Code::ExpiresAtPast,
            Code::InsufficientBalance,
            Code::HoldLimit,
            Code::ActTooLarge,
        ],
    },
    Words {
        name: "POST /v1/holds/{id}/capture",
        id: "captureHold",
        tag: "Holds",
        summary: "Spend what was set aside",
        text: "Whole or in parts; without an amount all that is left. A capture is given back like a use: by cancelling it.",
        answer: Answers::Made("Transaction"),
        answer_text: "The points are spent.",
        codes: &[
            Code::TransactionNotFound,
            Code::NotHeld,
            Code::HoldOver,
            Code::OverCapture,
            Code::WalletFrozen,
        ],
    },
    Words {
        name: "POST /v1/holds/{id}/release",
        id: "releaseHold",
        tag: "Holds",
        summary: "Let go of what was set aside",
        text: "What is left goes back to its lots, with their original expiry; what has expired meanwhile lapses at once.",
        answer: Answers::Made("Transaction"),
        answer_text: "The points can be spent again.",
        codes: &[Code::TransactionNotFound, Code::NotHeld, Code::HoldOver],
    },
];
