//! What the documentation says about each route beyond what the tables know.

use serde_json::json;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

use engine::domain::{EntryType, NUMBER_MAX};

use crate::problem::Code;
use crate::query::{LIMIT_DEFAULT, LIMIT_MAX};

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
    /// 200 with this schema.
    Found(&'static str),
    /// 200 with this media type.
    Text(&'static str),
}

/// Groups of routes, in the order of the documentation.
pub(super) const TAGS: [(&str, &str); 7] = [
    ("Wallets", "Balances and what changes them."),
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
    ("Server", "Health, and this documentation."),
];

/// Words about a route; `None` for one that is not documented.
pub(super) fn of(name: &str) -> Option<&'static Words> {
    ROUTES.iter().find(|words| words.name == name)
}

static ROUTES: [Words; 27] = [
    Words {
        name: "POST /v1/wallets",
        id: "createWallet",
        tag: "Wallets",
        summary: "Create a wallet",
        text: "An owner may have several wallets. Clients choose ids below 2^52; without one the server allots an id from there on.",
        answer: Answers::Made("Wallet"),
        answer_text: "The wallet as it was created.",
        codes: &[Code::WalletExists],
    },
    Words {
        name: "GET /v1/wallets/{id}",
        id: "getWallet",
        tag: "Wallets",
        summary: "Show a wallet",
        text: "Lapsed points are left out at once, even before their lapse is recorded. With at or at_lsn: as it stood then, computed from its acts, which takes the longer the more there are.",
        answer: Answers::Found("Wallet"),
        answer_text: "The wallet as it stands, or stood.",
        codes: &[
            Code::WalletNotFound,
            Code::MomentAhead,
            Code::HistoryGone,
            Code::RecordUnreadable,
            Code::HistoryBehind,
        ],
    },
    Words {
        name: "POST /v1/wallets/{id}/charge",
        id: "charge",
        tag: "Wallets",
        summary: "Add paid points",
        text: "Points that were bought. They are spent after free ones.",
        answer: Answers::Made("Receipt"),
        answer_text: "The points are in the wallet.",
        codes: &[
            Code::WalletNotFound,
            Code::WalletFrozen,
            Code::WalletClosed,
            Code::ExpiresAtPast,
            Code::BalanceLimit,
            Code::LotLimit,
        ],
    },
    Words {
        name: "POST /v1/wallets/{id}/earn",
        id: "earn",
        tag: "Wallets",
        summary: "Add free points",
        text: "Points that were given away. They are spent before paid ones, the earliest expiry first.",
        answer: Answers::Made("Receipt"),
        answer_text: "The points are in the wallet.",
        codes: &[
            Code::WalletNotFound,
            Code::WalletFrozen,
            Code::WalletClosed,
            Code::ExpiresAtPast,
            Code::BalanceLimit,
            Code::LotLimit,
        ],
    },
    Words {
        name: "POST /v1/wallets/{id}/use",
        id: "use",
        tag: "Wallets",
        summary: "Spend points",
        text: "Free points before paid ones; within each the earliest expiry first, then the earliest grant.",
        answer: Answers::Made("Receipt"),
        answer_text: "The points are spent; allocations say which.",
        codes: &[
            Code::WalletNotFound,
            Code::WalletFrozen,
            Code::WalletClosed,
            Code::InsufficientBalance,
            Code::ActTooLarge,
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
        name: "POST /v1/wallets/{id}/adjust",
        id: "adjust",
        tag: "Wallets",
        summary: "Correct a balance by hand",
        text: "Up gives points of a fund, down takes spendable points of it, the earliest expiry first. The reason stands in the history.",
        answer: Answers::Made("Transaction"),
        answer_text: "The balance is corrected.",
        codes: &[
            Code::WalletNotFound,
            Code::WalletClosed,
            Code::ExpiresAtPast,
            Code::InsufficientBalance,
            Code::BalanceLimit,
            Code::LotLimit,
            Code::ActTooLarge,
        ],
    },
    Words {
        name: "POST /v1/wallets/{id}/freeze",
        id: "freeze",
        tag: "Wallets",
        summary: "Freeze a wallet",
        text: "Nothing is given to it, spent from it or set aside in it any more. What was spent can still be given back, grants taken back, holds released; points go on to lapse.",
        answer: Answers::Made("Transaction"),
        answer_text: "The wallet is frozen.",
        codes: &[
            Code::WalletNotFound,
            Code::WalletClosed,
            Code::StatusUnchanged,
        ],
    },
    Words {
        name: "POST /v1/wallets/{id}/unfreeze",
        id: "unfreeze",
        tag: "Wallets",
        summary: "Unfreeze a wallet",
        text: "It takes part in everything again.",
        answer: Answers::Made("Transaction"),
        answer_text: "The wallet is open.",
        codes: &[
            Code::WalletNotFound,
            Code::WalletClosed,
            Code::StatusUnchanged,
        ],
    },
    Words {
        name: "POST /v1/wallets/{id}/close",
        id: "closeWallet",
        tag: "Wallets",
        summary: "Close an empty wallet",
        text: "For good. Its history can still be read.",
        answer: Answers::Made("Transaction"),
        answer_text: "The wallet is closed.",
        codes: &[
            Code::WalletNotFound,
            Code::WalletClosed,
            Code::WalletNotEmpty,
        ],
    },
    Words {
        name: "GET /v1/wallets/{id}/transactions",
        id: "listWalletTransactions",
        tag: "Wallets",
        summary: "List a wallet's history",
        text: "Newest first. What was acknowledged before the request arrived is always in it. A page may be short although more follow: go on until next_cursor is null.",
        answer: Answers::Found("History"),
        answer_text: "A page of entries.",
        codes: &[
            Code::WalletNotFound,
            Code::InvalidCursor,
            Code::RecordUnreadable,
            Code::HistoryBehind,
        ],
    },
    Words {
        name: "GET /v1/wallets/{id}/reports",
        id: "reportWallet",
        tag: "Reports",
        summary: "Report a wallet day by day",
        text: "A row for each day from `from` to `to`, both included and at most 366 in all, up to today; the last 30 days when nothing is said. An entry belongs to the day of its time, so a cancel counts on the day it is made. `Accept: text/csv` gives CSV.",
        answer: Answers::Found("WalletReport"),
        answer_text: "The days.",
        codes: &[Code::WalletNotFound, Code::HistoryBehind],
    },
    Words {
        name: "GET /v1/reports/daily",
        id: "reportDay",
        tag: "Reports",
        summary: "Report all wallets on one day",
        text: "Wallets that had entries on the day, in pages by wallet, and totals over all wallets. Today's report is live and counts everything that was acknowledged before the request arrived; a day that is over never changes. `Accept: text/csv` gives CSV, with the next page in `Link`.",
        answer: Answers::Found("DayReport"),
        answer_text: "A page of wallets.",
        codes: &[Code::InvalidCursor, Code::HistoryBehind],
    },
    Words {
        name: "GET /v1/wallets/{id}/lots",
        id: "listWalletLots",
        tag: "Wallets",
        summary: "List a wallet's lots",
        text: "What each grant has left, in the order in which it is spent: free before paid, within each the earliest expiry first, then the earliest grant. What has lapsed is left out at once.",
        answer: Answers::Found("LotPage"),
        answer_text: "A page of lots.",
        codes: &[Code::WalletNotFound, Code::InvalidCursor],
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
    Words {
        name: "POST /v1/transfers",
        id: "transfer",
        tag: "Transfers",
        summary: "Move points between wallets",
        text: "One act, all or nothing. The points keep their fund and expiry.",
        answer: Answers::Made("Transaction"),
        answer_text: "The points have moved; the first entry is the paying wallet's.",
        codes: &[
            Code::WalletNotFound,
            Code::SameWallet,
            Code::WalletFrozen,
            Code::WalletClosed,
            Code::InsufficientBalance,
            Code::BalanceLimit,
            Code::LotLimit,
            Code::ActTooLarge,
        ],
    },
    Words {
        name: "GET /v1/transactions/{id}",
        id: "getTransaction",
        tag: "Transactions",
        summary: "Show a transaction",
        text: "With an entry for each wallet that it touched.",
        answer: Answers::Found("Transaction"),
        answer_text: "The transaction.",
        codes: &[
            Code::TransactionNotFound,
            Code::HistoryGone,
            Code::RecordUnreadable,
        ],
    },
    Words {
        name: "POST /v1/transactions/{id}/cancel",
        id: "cancel",
        tag: "Transactions",
        summary: "Give a use back, or take a grant back",
        text: "A use or a capture, whole or in parts, to the lots the points came from, with their original expiry; if_expired says what becomes of points whose expiry has come. A charge or an earn is taken out of its lot; if_spent says what becomes of the part that is not there any more. Without an amount: all that is left to cancel. What the body does not say, the settings do.",
        answer: Answers::Made("Transaction"),
        answer_text: "The points are back, or taken back.",
        codes: &[
            Code::TransactionNotFound,
            Code::HistoryGone,
            Code::NotCancellable,
            Code::GrantSpent,
            Code::WalletClosed,
            Code::OverCancel,
            Code::CancelWindowOver,
            Code::BalanceLimit,
            Code::LotLimit,
        ],
    },
    Words {
        name: "GET /v1/transactions/{id}/allocations",
        id: "listAllocations",
        tag: "Transactions",
        summary: "List all allocations of a transaction",
        text: "Other answers list at most 100 allocations an entry; here are all.",
        answer: Answers::Found("AllocationPage"),
        answer_text: "A page of allocations.",
        codes: &[
            Code::TransactionNotFound,
            Code::HistoryGone,
            Code::InvalidCursor,
            Code::RecordUnreadable,
        ],
    },
    Words {
        name: "POST /v1/bulk",
        id: "bulk",
        tag: "Bulk",
        summary: "Carry out many operations",
        text: "At most 10,000, each carried out or refused by itself. On one wallet they take effect in array order. An operation may carry its own idempotency key. With atomic, at most 100: all of them as one transaction or, if any is refused, none; the problem names the first one by item. An atomic request has one key, in its header.",
        answer: Answers::Found("Results"),
        answer_text: "One result an operation, in array order, all of them durable.",
        codes: &[
            Code::IdempotencyKeyPerItem,
            Code::WalletNotFound,
            Code::TransactionNotFound,
            Code::WalletExists,
            Code::OverCancel,
            Code::CancelWindowOver,
            Code::InsufficientBalance,
            Code::SameWallet,
            Code::NotCancellable,
            Code::ExpiresAtPast,
            Code::BalanceLimit,
            Code::LotLimit,
            Code::ActTooLarge,
            Code::TooManyLegs,
        ],
    },
    Words {
        name: "GET /livez",
        id: "live",
        tag: "Server",
        summary: "Whether the server lives",
        text: "",
        answer: Answers::Found("Health"),
        answer_text: "It does.",
        codes: &[],
    },
    Words {
        name: "GET /readyz",
        id: "ready",
        tag: "Server",
        summary: "Whether the server takes commands",
        text: "With verbose: what recovery found at the start.",
        answer: Answers::Found("Health"),
        answer_text: "It does.",
        codes: &[Code::Replaying, Code::Draining, Code::StorageFailed],
    },
    Words {
        name: "GET /problems",
        id: "listProblems",
        tag: "Server",
        summary: "All problem codes",
        text: "",
        answer: Answers::Text("text/html"),
        answer_text: "A page.",
        codes: &[],
    },
    Words {
        name: "GET /problems/{code}",
        id: "explainProblem",
        tag: "Server",
        summary: "What a problem code means",
        text: "",
        answer: Answers::Text("text/html"),
        answer_text: "A page.",
        codes: &[Code::RouteNotFound],
    },
    Words {
        name: "GET /openapi.json",
        id: "openapi",
        tag: "Server",
        summary: "This description",
        text: "",
        answer: Answers::Text("application/json"),
        answer_text: "OpenAPI 3.1.",
        codes: &[],
    },
    Words {
        name: "GET /docs",
        id: "docs",
        tag: "Server",
        summary: "This description, for people",
        text: "",
        answer: Answers::Text("text/html"),
        answer_text: "A page.",
        codes: &[],
    },
];

/// A query parameter of a route by its name.
pub(super) fn query_parameter(route: &str, name: &str) -> Parameter {
    let string = || ObjectBuilder::new().schema_type(Type::String);
    let day = || string().format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)));
    let by_day = route.ends_with("/reports");
    let instant = || string().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    let (text, schema) = match name {
        "type" => {
            let words = EntryType::ALL.map(EntryType::as_str).join("|");
            let pattern = format!("^({words})(,({words}))*$");
            (
                "Only entries of these types, with commas between.",
                string().pattern(Some(pattern)),
            )
        }
        "from" if by_day => ("The first day; with `to` only.", day()),
        "to" if by_day => ("The last day; today when not given.", day()),
        "date" => ("The day; today when not given.", day()),
        "from" => ("Not before this instant.", instant()),
        "to" => ("Strictly before this instant.", instant()),
        "order" => {
            let words = string()
                .enum_values(Some(["desc", "asc"]))
                .default(Some(json!("desc")));
            ("desc: newest first; asc: oldest first.", words)
        }
        "limit" => {
            let schema = ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(1_usize))
                .maximum(Some(LIMIT_MAX))
                .default(Some(json!(LIMIT_DEFAULT)));
            ("Most items on the page.", schema)
        }
        "cursor" => (
            "next_cursor of the page before, with the same filters.",
            string(),
        ),
        "leg" => {
            let schema = ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(0_usize))
                .maximum(Some(255_usize));
            ("Only allocations of this entry.", schema)
        }
        _ => narrowing(name).unwrap_or(("Give it without a value.", string())),
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(text))
        .schema(Some(schema))
        .build()
}

/// A parameter of the history or of a past moment, with what it means.
fn narrowing(name: &str) -> Option<(&'static str, ObjectBuilder)> {
    let number = |least: u64, most: u64| {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(least))
            .maximum(Some(most))
    };
    let string = || ObjectBuilder::new().schema_type(Type::String);
    let instant = || string().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    Some(match name {
        "at" => (
            "The wallet as it stood at this instant, with its lots. Instants that have not come are refused.",
            instant(),
        ),
        "at_lsn" => (
            "The wallet as it stood after the act with this LSN, with its lots.",
            number(1, NUMBER_MAX),
        ),
        "fund" => {
            let words = string().enum_values(Some(["paid", "free"]));
            ("Only entries that moved points of this fund.", words)
        }
        "counterparty" => (
            "Only transfers with this wallet. An entry that pays several wallets at once names none of them.",
            number(1, NUMBER_MAX),
        ),
        "min_amount" => ("Only amounts from here on.", number(1, NUMBER_MAX)),
        "max_amount" => ("Only amounts up to here.", number(1, NUMBER_MAX)),
        "offset" => (
            "Matching items to pass over. Without filters other than from and to any number; with them no more than a page looks at.",
            number(0, u64::from(u32::MAX)),
        ),
        _ => return None,
    })
}
