//! Words about the routes of companies.

use super::{Answers, Words};
use crate::problem::Code;

pub(super) static ROUTES: &[Words] = &[
    Words {
        name: "POST /v1/companies",
        id: "createCompany",
        tag: "Companies",
        summary: "Create a company with its wallet",
        text: "One act: both are there or neither is. They have the same id, and points come into the wallet by the routes of wallets. Clients choose ids below 2^52; without one the server allots an id from there on.",
        answer: Answers::Made("Company"),
        answer_text: "The company as it was created.",
        codes: &[Code::CompanyExists, Code::WalletExists],
    },
    Words {
        name: "GET /v1/companies",
        id: "listCompanies",
        tag: "Companies",
        summary: "List all companies",
        text: "By id. What was acknowledged before the request arrived is always in it.",
        answer: Answers::Found("CompanyPage"),
        answer_text: "A page of companies.",
        codes: &[Code::InvalidCursor],
    },
    Words {
        name: "GET /v1/companies/{id}",
        id: "getCompany",
        tag: "Companies",
        summary: "Show a company",
        text: "With its wallet and its members.",
        answer: Answers::Found("Company"),
        answer_text: "The company as it stands.",
        codes: &[Code::CompanyNotFound],
    },
    Words {
        name: "POST /v1/companies/{id}/members",
        id: "joinCompany",
        tag: "Companies",
        summary: "Let a user join a company",
        text: "From now on the user may spend from the company's wallet. A company has at most 10,000 members.",
        answer: Answers::Made("Member"),
        answer_text: "The user is a member.",
        codes: &[Code::CompanyNotFound, Code::MemberExists, Code::MemberLimit],
    },
    Words {
        name: "POST /v1/companies/{id}/members/remove",
        id: "leaveCompany",
        tag: "Companies",
        summary: "Let a user leave a company",
        text: "What the user spent before stays spent, under the user's number.",
        answer: Answers::Made("Member"),
        answer_text: "The user is a member no longer.",
        codes: &[Code::CompanyNotFound, Code::NotMember],
    },
    Words {
        name: "POST /v1/companies/{id}/use",
        id: "useOfCompany",
        tag: "Companies",
        summary: "Spend points of a company",
        text: "A member spends from the company's wallet, as a use does: free points before paid ones, or only those of one fund. The entry says by whom.",
        answer: Answers::Made("Receipt"),
        answer_text: "The points are spent; allocations say which.",
        codes: &[
            Code::CompanyNotFound,
            Code::NotMember,
            Code::WalletFrozen,
            Code::WalletClosed,
            Code::InsufficientBalance,
            Code::ActTooLarge,
        ],
    },
];
