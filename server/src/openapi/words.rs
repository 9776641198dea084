//! What the documentation says about each route beyond what the tables know.

mod acts;
mod companies;
mod holds;
mod operator;
mod parameters;
mod reports;
mod server;
mod settlements;
mod wallets;

pub(super) use self::parameters::query_parameter;
use crate::problem::Code;

/// Words about one route.
pub(super) struct Words {
    /// Method and path, as in the router.
    name: &'static str,
    /// Name of the operation in generated clients.
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) text: &'static str,
    pub(super) answer: Answers,
    pub(super) answer_text: &'static str,
    /// Codes of its own.
    pub(super) codes: &'static [Code],
}

/// What a route answers when all is well.
pub(super) enum Answers {
    /// 201 with this schema.
    Made(&'static str),
    /// 202 with this schema, or 200 if it has begun before.
    Begun(&'static str),
    /// 200 with this schema.
    Found(&'static str),
    /// 200 with this media type.
    Text(&'static str),
}

/// Groups of routes, in the order of the documentation.
pub(super) const TAGS: [(&str, &str); 10] = [
    ("Wallets", "Balances and what changes them."),
    (
        "Companies",
        "Users who share a wallet, and who of them spent what.",
    ),
    (
        "Settlements",
        "What companies sold within a period, and what is paid for it.",
    ),
    ("Holds", "Points set aside, spent later or let go of."),
    (
        "Transfers",
        "Points from one wallet to another, all or nothing.",
    ),
    ("Transactions", "What happened, and giving it back."),
    (
        "Reports",
        "What flowed in and out, day by day, exact at any moment.",
    ),
    ("Bulk", "Thousands of operations in one request."),
    (
        "Operator",
        "Settings, limits, upkeep and measurements, on the operator's listener alone.",
    ),
    ("Server", "Health, and this documentation."),
];

/// Words about a route; `None` for one that is not documented.
pub(super) fn of(name: &str) -> Option<&'static Words> {
    let mut routes = ROUTES.iter().copied().flatten();
    routes.find(|words| words.name == name)
}

/// A file a noun.
static ROUTES: [&[Words]; 8] = [
    wallets::ROUTES,
    companies::ROUTES,
    settlements::ROUTES,
    holds::ROUTES,
    acts::ROUTES,
    reports::ROUTES,
    server::ROUTES,
    operator::ROUTES,
];
