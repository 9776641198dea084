//! Words about reports.

use super::{Answers, Words};
use crate::problem::Code;

pub(super) static ROUTES: &[Words] = &[
    Words {
        name: "GET /v1/wallets/{id}/reports",
        id: "reportWallet",
        tag: "Reports",
        summary: "Report a wallet day by day",
        text: "A row for each day from `from` to `to`, both included and at most 366 in all, up to today; the last 30 days when nothing is said. An entry belongs to the day of its time, so a cancel counts on the day it is made. `Accept: text/csv` gives CSV.",
        answer: Answers::Found("WalletReport"),
        answer_text: "The days.",
        codes: &[Code::WalletNotFound, Code::HistoryBehind, Code::HistoryGone],
    },
    Words {
        name: "GET /v1/reports/daily",
        id: "reportDay",
        tag: "Reports",
        summary: "Report all wallets on one day",
        text: "Wallets that had entries on the day, in pages by wallet, and totals over all wallets. Today's report is live and counts everything that was acknowledged before the request arrived; a day that is over never changes. `Accept: text/csv` gives CSV, with the next page in `Link`.",
        answer: Answers::Found("DayReport"),
        answer_text: "A page of wallets.",
        codes: &[Code::InvalidCursor, Code::HistoryBehind, Code::HistoryGone],
    },
];
