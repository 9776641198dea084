//! What a client is told when there is no other answer: `application/problem+json` (RFC 9457).
//!
//! ```text
//! {"type":"/problems/insufficient-balance","title":"…","status":422,"detail":"…",
//!  "code":"insufficient-balance","errors":[{"pointer":"/amount","detail":"…"}],"available":1,"requested":5}
//! ```
//! Knows how a problem looks; the translation of what the engine says is `error.rs`, the catalogue
//! of codes is `problem/code.rs`.

mod code;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::Bytes;
use engine::domain::{LimitKind, Rejection, Timestamp, TransactionId};
use http_body_util::Full;
use hyper::Response;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};

pub(crate) use self::code::Code;
use crate::draft::{Fault, Faults};
use crate::json;
use crate::moment;

/// A typical problem body, bytes: what its buffer starts with.
const BODY_BYTES: usize = 320;

/// Why a request was not carried out.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    /// What happened this time, in words.
    pub(crate) detail: Cow<'static, str>,
    /// Faults of single fields or parameters.
    pub(crate) faults: Faults,
    /// Whether faults name parameters of query or path instead of places in the body.
    pub(crate) of_query: bool,
    /// The item of an atomic bulk that was refused, from 0.
    pub(crate) item: Option<u8>,
    /// The refusal of the rules whose numbers become members.
    pub(crate) rejection: Option<Rejection>,
    /// Where in the text it happened: line and column.
    pub(crate) place: Option<(usize, usize)>,
    /// Methods that the path knows.
    pub(crate) allow: Option<HeaderValue>,
    /// Whether the connection is of no further use, since a body on it was not read.
    pub(crate) closes: bool,
    /// Whether this is the remembered answer to an earlier request.
    pub(crate) replayed: bool,
}

/// Either an answer or a problem; boxed, since problems are large and rare.
pub(crate) type Outcome<T> = Result<T, Box<Problem>>;

// === impl Problem ===

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Box<Self> {
        Box::new(Self {
            code,
            detail: detail.into(),
            faults: Faults::new(),
            of_query: false,
            item: None,
            rejection: None,
            place: None,
            allow: None,
            closes: false,
            replayed: false,
        })
    }

    /// Fields that are wrong.
    pub(crate) fn of_fields(faults: Faults) -> Box<Self> {
        let mut problem = Self::new(Code::InvalidField, "the body has fields that are not right");
        problem.faults = faults;
        problem
    }

    /// One query parameter that is wrong.
    pub(crate) fn of_parameter(name: &str, detail: impl Into<Cow<'static, str>>) -> Box<Self> {
        let mut problem = Self::new(
            Code::InvalidParameter,
            "the query has a parameter that is not right",
        );
        problem.of_query = true;
        problem.faults.push(Fault {
            pointer: name.to_owned(),
            detail: detail.into(),
        });
        problem
    }

    /// A piece of the path that cannot be what it should be.
    pub(crate) fn of_path(name: &str, detail: &'static str) -> Box<Self> {
        let mut problem = Self::new(Code::InvalidField, "the path has a piece that is not right");
        problem.of_query = true;
        problem.faults.push(Fault {
            pointer: name.to_owned(),
            detail: detail.into(),
        });
        problem
    }

    /// The body: the same bytes for the same problem.
    pub(crate) fn to_body(&self) -> Vec<u8> {
        let facts = self.code.facts();
        let mut out = Vec::with_capacity(BODY_BYTES);
        out.extend_from_slice(b"{\"type\":\"/problems/");
        out.extend_from_slice(facts.code.as_bytes());
        out.extend_from_slice(b"\",\"title\":");
        json::text(&mut out, facts.title);
        out.extend_from_slice(b",\"status\":");
        json::number(&mut out, u64::from(facts.status.as_u16()));
        out.extend_from_slice(b",\"detail\":");
        json::text(&mut out, &self.detail);
        out.extend_from_slice(b",\"code\":\"");
        out.extend_from_slice(facts.code.as_bytes());
        out.push(b'"');
        self.write_members(&mut out, "");
        out.push(b'}');
        out
    }

    /// The members beside the standard ones, each with a comma before it. `prefix` is where the
    /// object that the faults speak of stands in the body.
    pub(crate) fn write_members(&self, out: &mut Vec<u8>, prefix: &str) {
        if let Some((line, column)) = self.place {
            json::member(out, "line", line as u64);
            json::member(out, "column", column as u64);
        }
        if !self.faults.is_empty() {
            self.write_faults(out, prefix);
        }
        if let Some(item) = self.item {
            json::member(out, "item", u64::from(item));
        }
        if let Some(rejection) = self.rejection {
            write_rejection(out, rejection);
        }
    }

    fn write_faults(&self, out: &mut Vec<u8>, prefix: &str) {
        let place: &[u8] = if self.of_query {
            b"{\"parameter\":"
        } else {
            b"{\"pointer\":"
        };
        out.extend_from_slice(b",\"errors\":[");
        for (at, fault) in self.faults.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(place);
            json::text(out, &format!("{prefix}{}", fault.pointer));
            out.extend_from_slice(b",\"detail\":");
            json::text(out, &fault.detail);
            out.push(b'}');
        }
        out.push(b']');
    }

    /// The whole answer.
    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.to_body())));
        let facts = self.code.facts();
        *response.status_mut() = facts.status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = facts.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, allow);
        }
        if self.closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if self.replayed {
            headers.insert(
                crate::answer::IDEMPOTENT_REPLAYED,
                HeaderValue::from_static("true"),
            );
        }
        response
    }
}

// === impl Code ===

impl Code {
    /// The problem in the words of the catalogue.
    pub(crate) fn plain(self) -> Box<Problem> {
        Problem::new(self, self.facts().meaning)
    }
}

/// The numbers of a refusal, as members.
fn write_rejection(out: &mut Vec<u8>, rejection: Rejection) {
    match rejection {
        Rejection::WalletNotFound { wallet }
        | Rejection::WalletExists { wallet }
        | Rejection::SameWallet { wallet }
        | Rejection::BalanceLimit { wallet }
        | Rejection::LotLimit { wallet }
        | Rejection::WalletFrozen { wallet }
        | Rejection::WalletClosed { wallet }
        | Rejection::StatusUnchanged { wallet }
        | Rejection::WalletNotEmpty { wallet }
        | Rejection::HoldLimit { wallet }
        | Rejection::PendingLimit { wallet } => json::member(out, "wallet", wallet.get()),
        Rejection::TransactionNotFound { transaction }
        | Rejection::NotCancellable { transaction }
        | Rejection::NotHeld { transaction }
        | Rejection::HoldOver { transaction }
        | Rejection::NotPending { transaction }
        | Rejection::PendingOver { transaction }
        | Rejection::CancelWindowOver { transaction } => {
            json::member(out, "transaction", transaction.0);
        }
        Rejection::OverCancel { .. }
        | Rejection::GrantSpent { .. }
        | Rejection::OverCapture { .. }
        | Rejection::InsufficientBalance { .. }
        | Rejection::LimitExceeded { .. } => write_asked(out, rejection),
        Rejection::ExpiresAtPast { expires_at } => write_instant(out, "expires_at", expires_at),
        Rejection::ActiveAtPast { active_at } => write_instant(out, "active_at", active_at),
        Rejection::PeriodNotOver { ends } => write_instant(out, "ends", ends),
        Rejection::PeriodNotNext { begins } => write_instant(out, "begins", begins),
        Rejection::SettlementState { state } => write_text(out, "state", state.as_str()),
        Rejection::ActTooLarge { bytes } => json::member(out, "bytes", bytes),
        Rejection::TooManyLegs { legs } => json::member(out, "legs", legs),
        Rejection::VersionMismatch { wallet, version } => {
            json::member(out, "wallet", wallet.get());
            json::member(out, "version", version);
        }
        Rejection::MinBalance {
            balance_after: left,
            min_balance_after: least,
        } => write_two(out, ("balance_after", left), ("min_balance_after", least)),
        Rejection::CompanyNotFound { company }
        | Rejection::CompanyExists { company }
        | Rejection::MemberLimit { company }
        | Rejection::SettlementNotFound { company }
        | Rejection::SettlementLimit { company } => json::member(out, "company", company.get()),
        Rejection::NotMember { company, user } | Rejection::MemberExists { company, user } => {
            json::member(out, "company", company.get());
            json::member(out, "user", user);
        }
        Rejection::DayNotOpen { day } => write_text(out, "day", &day.to_string()),
    }
}

/// Members of a refusal that asked for more than there is.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the caller's match is the one that must name every refusal"
)]
fn write_asked(out: &mut Vec<u8>, rejection: Rejection) {
    match rejection {
        Rejection::OverCancel {
            transaction,
            cancellable,
            requested,
        } => {
            json::member(out, "transaction", transaction.0);
            json::member(out, "cancellable", cancellable);
            if requested > 0 {
                json::member(out, "requested", requested);
            }
        }
        Rejection::GrantSpent {
            transaction,
            available,
            requested,
        } => write_of(out, transaction, ("available", available), requested),
        Rejection::OverCapture {
            transaction,
            held,
            requested,
        } => write_of(out, transaction, ("held", held), requested),
        Rejection::InsufficientBalance {
            available: there,
            requested,
        } => write_two(out, ("available", there), ("requested", requested)),
        Rejection::LimitExceeded {
            limit,
            allowed,
            requested,
        } => write_limit(out, limit, allowed, requested),
        other => unreachable!("{other:?} is written by the caller"),
    }
}

fn write_two(
    out: &mut Vec<u8>,
    one: (&'static str, impl itoa::Integer),
    other: (&'static str, impl itoa::Integer),
) {
    json::member(out, one.0, one.1);
    json::member(out, other.0, other.1);
}

fn write_text(out: &mut Vec<u8>, name: &'static str, text: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    json::text(out, text);
}

fn write_limit(out: &mut Vec<u8>, limit: LimitKind, allowed: u64, requested: u64) {
    write_text(out, "limit", limit.as_str());
    json::member(out, "allowed", allowed);
    json::member(out, "requested", requested);
}

/// Members of a refusal that asked too much of an earlier transaction.
fn write_of(
    out: &mut Vec<u8>,
    transaction: TransactionId,
    (name, there): (&'static str, u64),
    requested: u64,
) {
    json::member(out, "transaction", transaction.0);
    json::member(out, name, there);
    json::member(out, "requested", requested);
}

fn write_instant(out: &mut Vec<u8>, name: &'static str, at: Timestamp) {
    let mut text = String::new();
    moment::append(&mut text, at);
    write_text(out, name, &text);
}
