//! The one table of routes, and how a request finds its row.
//!
//! Knows methods, paths and ids; refuses to know bodies, headers and the engine.

use std::borrow::Cow;

use hyper::Method;
use hyper::header::HeaderValue;
use matchit::Router as Paths;

use engine::domain::NUMBER_MAX;

use crate::api::{
    Action, COMMAND_PARAMETERS, admin, archive, bulk, care, companies, docs, health, history,
    holds, lots, noop, pending, problems, reports, settings, settlement_runs, settlements,
    transactions, transfers, wallets,
};
use crate::problem::{Code, Outcome, Problem};

/// One route.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// GET or POST. Where GET is, HEAD is; where anything is, OPTIONS is.
    pub(crate) method: Verb,
    /// The path, with `{id}` for a number.
    pub(crate) path: &'static str,
    /// Method and path: names the route in metrics, logs and idempotency keys.
    pub(crate) name: &'static str,
    /// Parameters that the query may have.
    pub(crate) query: &'static [&'static str],
    /// What is answered when the id in the path cannot be one.
    pub(crate) absent: Code,
    /// What it does.
    pub(crate) action: Action,
}

/// The methods that routes have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verb {
    Get,
    Post,
}

/// Rows by path.
pub(crate) struct Router {
    rows: Vec<Row>,
    paths: Paths<Branch>,
    first: usize,
}

/// What stands at one path.
#[derive(Clone, Default)]
struct Branch {
    get: Option<usize>,
    post: Option<usize>,
}

/// Where a request goes.
pub(crate) enum Found<'a> {
    /// To a row: its number among all routes, and what stands in the path where the row has braces.
    Row(&'a Row, usize, Pieces),
    /// OPTIONS: the methods of the path.
    Options(HeaderValue),
}

/// What stands in a path where its row has braces, with percent-encodings read.
#[derive(PartialEq, Eq, Debug, Default)]
pub(crate) struct Pieces {
    /// The id; 0 without one.
    pub(crate) id: u64,
    /// The period or the code; empty without one.
    pub(crate) word: String,
}

const fn row(method: Verb, name: &'static str, action: Action) -> Row {
    Row {
        method,
        path: path_of(name),
        name,
        query: &[],
        absent: Code::RouteNotFound,
        action,
    }
}

const fn get(name: &'static str, task: fn(crate::api::Call) -> crate::api::Task) -> Row {
    row(Verb::Get, name, Action::Task(task))
}

const fn post(name: &'static str, task: fn(crate::api::Call) -> crate::api::Task) -> Row {
    Row {
        query: COMMAND_PARAMETERS,
        ..row(Verb::Post, name, Action::Task(task))
    }
}

const fn command(name: &'static str, route: &'static crate::api::CommandRoute) -> Row {
    Row {
        query: COMMAND_PARAMETERS,
        ..row(Verb::Post, name, Action::Command(route))
    }
}

/// The routes of the main listener. The order is that of the documentation.
static PUBLIC: &[Row] = &[
    command("POST /v1/wallets", &wallets::CREATE_ROUTE),
    Row {
        query: wallets::PARAMETERS,
        ..of_wallet(get("GET /v1/wallets/{id}", wallets::show))
    },
    of_wallet(command(
        "POST /v1/wallets/{id}/charge",
        &wallets::CHARGE_ROUTE,
    )),
    of_wallet(command("POST /v1/wallets/{id}/earn", &wallets::EARN_ROUTE)),
    of_wallet(command("POST /v1/wallets/{id}/use", &wallets::USE_ROUTE)),
    of_wallet(command("POST /v1/wallets/{id}/holds", &holds::PLACE_ROUTE)),
    of_wallet(command("POST /v1/wallets/{id}/adjust", &care::ADJUST_ROUTE)),
    of_wallet(command("POST /v1/wallets/{id}/freeze", &care::FREEZE_ROUTE)),
    of_wallet(command(
        "POST /v1/wallets/{id}/unfreeze",
        &care::UNFREEZE_ROUTE,
    )),
    of_wallet(command("POST /v1/wallets/{id}/close", &care::CLOSE_ROUTE)),
    Row {
        query: history::PARAMETERS,
        ..of_wallet(get("GET /v1/wallets/{id}/transactions", history::history))
    },
    Row {
        query: reports::WALLET_PARAMETERS,
        ..of_wallet(get("GET /v1/wallets/{id}/reports", reports::of_wallet))
    },
    Row {
        query: holds::PARAMETERS,
        ..of_wallet(get("GET /v1/wallets/{id}/holds", holds::list))
    },
    Row {
        query: pending::PARAMETERS,
        ..of_wallet(get("GET /v1/wallets/{id}/pending", pending::list))
    },
    Row {
        query: lots::PARAMETERS,
        ..of_wallet(get("GET /v1/wallets/{id}/lots", lots::lots))
    },
    of_transaction(command(
        "POST /v1/holds/{id}/capture",
        &holds::CAPTURE_ROUTE,
    )),
    of_transaction(command(
        "POST /v1/holds/{id}/release",
        &holds::RELEASE_ROUTE,
    )),
    command("POST /v1/companies", &companies::CREATE_ROUTE),
    Row {
        query: companies::PARAMETERS,
        ..get("GET /v1/companies", companies::list)
    },
    of_company(get("GET /v1/companies/{id}", companies::show)),
    of_company(command(
        "POST /v1/companies/{id}/members",
        &companies::JOIN_ROUTE,
    )),
    of_company(command(
        "POST /v1/companies/{id}/members/remove",
        &companies::LEAVE_ROUTE,
    )),
    of_company(command(
        "POST /v1/companies/{id}/use",
        &companies::USE_ROUTE,
    )),
    of_company(post(
        "POST /v1/companies/{id}/settlements",
        settlements::close,
    )),
    Row {
        query: settlements::PARAMETERS,
        ..of_company(get("GET /v1/companies/{id}/settlements", settlements::list))
    },
    of_company(get(
        "GET /v1/companies/{id}/settlements/{period}",
        settlements::show,
    )),
    of_company(post(
        "POST /v1/companies/{id}/settlements/{period}/confirm",
        settlements::confirm,
    )),
    of_company(post(
        "POST /v1/companies/{id}/settlements/{period}/pay",
        settlements::pay,
    )),
    of_company(post(
        "POST /v1/companies/{id}/settlements/{period}/hold",
        settlements::hold,
    )),
    of_company(post(
        "POST /v1/companies/{id}/settlements/{period}/release",
        settlements::release,
    )),
    of_company(post(
        "POST /v1/companies/{id}/settlements/{period}/reverse",
        settlements::reverse,
    )),
    of_settlement(post(
        "POST /v1/settlements/{period}/run",
        settlement_runs::run,
    )),
    of_settlement(get("GET /v1/settlements/{period}", settlement_runs::show)),
    Row {
        query: settlement_runs::PARAMETERS,
        ..of_settlement(get(
            "GET /v1/settlements/{period}/companies",
            settlement_runs::companies,
        ))
    },
    command("POST /v1/transfers", &transfers::ROUTE),
    of_transaction(get("GET /v1/transactions/{id}", transactions::show)),
    of_transaction(command(
        "POST /v1/transactions/{id}/cancel",
        &transactions::CANCEL_ROUTE,
    )),
    of_transaction(command(
        "POST /v1/transactions/{id}/activate",
        &pending::ACTIVATE_ROUTE,
    )),
    of_transaction(command(
        "POST /v1/transactions/{id}/void",
        &pending::VOID_ROUTE,
    )),
    Row {
        query: transactions::ALLOCATION_PARAMETERS,
        ..of_transaction(get(
            "GET /v1/transactions/{id}/allocations",
            transactions::allocations,
        ))
    },
    Row {
        query: reports::DAY_PARAMETERS,
        ..get("GET /v1/reports/daily", reports::of_day)
    },
    Row {
        query: COMMAND_PARAMETERS,
        ..row(Verb::Post, "POST /v1/bulk", Action::Task(bulk::run))
    },
    get("GET /livez", health::live),
    Row {
        query: health::READY_PARAMETERS,
        ..get("GET /readyz", health::ready)
    },
    get("GET /openapi.json", docs::openapi),
    get("GET /docs", docs::page),
    get("GET /problems", problems::list),
    get("GET /problems/{code}", problems::show),
];

/// The routes of the main listener, for those who describe them.
pub(crate) fn public_rows() -> &'static [Row] {
    PUBLIC
}

/// The routes of the second listener, likewise.
pub(crate) fn admin_rows() -> &'static [Row] {
    ADMIN
}

/// Only there when the HTTP stack alone is measured.
static BENCH: Row = row(Verb::Post, "POST /noop", Action::Task(noop::run));

/// The routes of the second listener.
static ADMIN: &[Row] = &[
    get("GET /metrics", admin::metrics),
    get("GET /admin/status", admin::status),
    Row {
        query: reports::CLOSE_PARAMETERS,
        ..row(
            Verb::Post,
            "POST /admin/close-days",
            Action::Task(reports::close),
        )
    },
    row(
        Verb::Post,
        "POST /admin/compact",
        Action::Task(archive::compact),
    ),
    row(
        Verb::Post,
        "POST /admin/snapshot",
        Action::Task(admin::snapshot),
    ),
    get("GET /admin/settings", settings::show),
    command("POST /admin/settings", &settings::CHANGE_ROUTE),
    command("POST /admin/limits", &settings::LIMIT_ROUTE),
    get("GET /livez", health::live),
    Row {
        query: health::READY_PARAMETERS,
        ..get("GET /readyz", health::ready)
    },
    get("GET /openapi.json", docs::admin_openapi),
    get("GET /docs", docs::page),
    get("GET /problems", problems::list),
    get("GET /problems/{code}", problems::show),
];

const fn of_wallet(row: Row) -> Row {
    Row {
        absent: Code::WalletNotFound,
        ..row
    }
}

const fn of_company(row: Row) -> Row {
    Row {
        absent: Code::CompanyNotFound,
        ..row
    }
}

const fn of_settlement(row: Row) -> Row {
    Row {
        absent: Code::SettlementNotFound,
        ..row
    }
}

const fn of_transaction(row: Row) -> Row {
    Row {
        absent: Code::TransactionNotFound,
        ..row
    }
}

/// The path behind the method and the blank.
const fn path_of(name: &'static str) -> &'static str {
    let bytes = name.as_bytes();
    let mut at = 0;
    while bytes[at] != b' ' {
        at += 1;
    }
    let (_, path) = name.split_at(at + 1);
    path
}

// === impl Router ===

impl Router {
    /// The main listener's.
    pub(crate) fn public(bench_noop: bool) -> Self {
        let bench = bench_noop.then_some(BENCH);
        Self::new(PUBLIC.iter().copied().chain(bench).collect(), 0)
    }

    /// The second listener's; its rows are numbered from `first` on.
    pub(crate) fn admin(first: usize) -> Self {
        Self::new(ADMIN.to_vec(), first)
    }

    fn new(rows: Vec<Row>, first: usize) -> Self {
        let mut paths = Paths::new();
        for path in rows.iter().map(|row| row.path) {
            let at = |verb| {
                rows.iter()
                    .position(|row| row.path == path && row.method == verb)
            };
            let (get, post) = (at(Verb::Get), at(Verb::Post));
            // Fails for the second method of a path; the branch is complete since the first.
            drop(paths.insert(path, Branch { get, post }));
        }
        Self { rows, paths, first }
    }

    /// How many rows it has.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Names of its rows, by number.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.rows.iter().map(|row| row.name)
    }

    /// What its rows do.
    #[cfg(feature = "sim")]
    pub(crate) fn actions(&self) -> impl Iterator<Item = Action> {
        self.rows.iter().map(|row| row.action)
    }

    /// Finds the row of a request.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Outcome<Found<'_>> {
        let known = [
            Method::GET,
            Method::POST,
            Method::HEAD,
            Method::OPTIONS,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::TRACE,
            Method::CONNECT,
        ];
        if !known.contains(method) {
            return Err(Code::MethodUnknown.plain());
        }
        let found = self.paths.at(path);
        let Ok(found) = found else {
            let code = match method {
                &Method::CONNECT => Code::MethodNotAllowed,
                _ => Code::RouteNotFound,
            };
            return Err(code.plain());
        };
        let at = match *method {
            Method::GET | Method::HEAD => found.value.get,
            Method::POST => found.value.post,
            _ => None,
        };
        if method == Method::OPTIONS {
            return Ok(Found::Options(found.value.allow()));
        }
        let Some(at) = at else {
            let mut problem = Code::MethodNotAllowed.plain();
            problem.allow = Some(found.value.allow());
            return Err(problem);
        };
        let row = &self.rows[at];
        let mut pieces = Pieces::default();
        for (name, text) in found.params.iter() {
            let text = decode(text)?;
            match name {
                "id" => pieces.id = parse_id(&text).ok_or_else(|| row.absent.plain())?,
                _ => pieces.word = text.into_owned(),
            }
        }
        Ok(Found::Row(row, self.first + at, pieces))
    }
}

impl Branch {
    fn allow(&self) -> HeaderValue {
        HeaderValue::from_static(match (self.get, self.post) {
            (Some(_), Some(_)) => "GET, HEAD, POST, OPTIONS",
            (Some(_), None) => "GET, HEAD, OPTIONS",
            (None, _) => "POST, OPTIONS",
        })
    }
}

/// Reads the percent-encodings of a piece of a path. That is done behind the match, so that none of them parts it.
fn decode(piece: &str) -> Outcome<Cow<'_, str>> {
    const NOT_HEX: &str = "the path has a % that no two hexadecimal digits follow";
    const NOT_TEXT: &str = "the path has percent-encodings that are not UTF-8";
    if !piece.contains('%') {
        return Ok(Cow::Borrowed(piece));
    }
    let mut bytes = Vec::with_capacity(piece.len());
    let mut rest = piece.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(Problem::new(Code::MalformedRequest, NOT_HEX));
        };
        bytes.push((high << 4 | low) as u8);
    }
    let text = String::from_utf8(bytes).map(Cow::Owned);
    text.map_err(|_| Problem::new(Code::MalformedRequest, NOT_TEXT))
}

/// Digits without sign or leading zero, 1…2^53−1.
fn parse_id(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let id = text.parse().ok().filter(|_| plain)?;
    (1..=NUMBER_MAX).contains(&id).then_some(id)
}

#[cfg(test)]
mod tests;
