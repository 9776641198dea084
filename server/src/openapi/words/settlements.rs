//! Words about the routes of settlements.

use super::{Answers, Words};
use crate::problem::Code;

/// What every step of a statement may meet.
const STEP: &[Code] = &[
    Code::CompanyNotFound,
    Code::SettlementNotFound,
    Code::SettlementState,
    Code::SettlementLimit,
];

const STEP_TEXT: &str = "The statement's numbers stay as they were closed.";

pub(super) static ROUTES: &[Words] = &[
    Words {
        name: "POST /v1/companies/{id}/settlements",
        id: "closeSettlement",
        tag: "Settlements",
        summary: "Close a period of a company",
        text: "A month of the program's zone, or any time that begins where the last period ended; the first one begins with the company or before. Nothing that comes later changes the statement: what undoes an entry of a closed period is an adjustment of the open one. Asked for again, the answer is the same statement, with 200.",
        answer: Answers::Made("Statement"),
        answer_text: "The statement.",
        codes: &[
            Code::CompanyNotFound,
            Code::PeriodNotOver,
            Code::PeriodNotNext,
            Code::SettlementLimit,
            Code::HistoryBehind,
        ],
    },
    Words {
        name: "GET /v1/companies/{id}/settlements",
        id: "listSettlements",
        tag: "Settlements",
        summary: "List the statements of a company",
        text: "The last period first.",
        answer: Answers::Found("SettlementPage"),
        answer_text: "A page of statements.",
        codes: &[Code::CompanyNotFound, Code::InvalidCursor],
    },
    Words {
        name: "GET /v1/companies/{id}/settlements/{period}",
        id: "getSettlement",
        tag: "Settlements",
        summary: "Show a statement",
        text: "With what became of it.",
        answer: Answers::Found("Settlement"),
        answer_text: "The statement as it stands.",
        codes: &[Code::CompanyNotFound, Code::SettlementNotFound],
    },
    Words {
        name: "POST /v1/companies/{id}/settlements/{period}/confirm",
        id: "confirmSettlement",
        tag: "Settlements",
        summary: "Agree to a closed statement",
        text: STEP_TEXT,
        answer: Answers::Made("SettlementChange"),
        answer_text: "It is confirmed.",
        codes: STEP,
    },
    Words {
        name: "POST /v1/companies/{id}/settlements/{period}/pay",
        id: "paySettlement",
        tag: "Settlements",
        summary: "Note that a confirmed statement was paid",
        text: STEP_TEXT,
        answer: Answers::Made("SettlementChange"),
        answer_text: "It is paid.",
        codes: STEP,
    },
    Words {
        name: "POST /v1/companies/{id}/settlements/{period}/hold",
        id: "holdSettlement",
        tag: "Settlements",
        summary: "Set a closed or confirmed statement aside",
        text: STEP_TEXT,
        answer: Answers::Made("SettlementChange"),
        answer_text: "It is held.",
        codes: STEP,
    },
    Words {
        name: "POST /v1/companies/{id}/settlements/{period}/release",
        id: "releaseSettlement",
        tag: "Settlements",
        summary: "Let a held statement go on",
        text: "It stands where it stood before it was held.",
        answer: Answers::Made("SettlementChange"),
        answer_text: "It is closed or confirmed again.",
        codes: STEP,
    },
    Words {
        name: "POST /v1/companies/{id}/settlements/{period}/reverse",
        id: "reverseSettlement",
        tag: "Settlements",
        summary: "Make a statement void",
        text: "For good: the period is never closed again. What it would have paid, or was paid in vain, goes into the next one.",
        answer: Answers::Made("SettlementChange"),
        answer_text: "It is reversed.",
        codes: STEP,
    },
];
