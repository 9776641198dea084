//! From what the engine says to what the client is told: the one place that knows both.

use engine::Refusal;
use engine::domain::{Day, Rejection, Timestamp, TransactionId};

use crate::draft::{Fault, Field, Malformed};
use crate::moment;
use crate::problem::{Code, Problem};

/// What became of a command that was not carried out.
pub(crate) fn refused(refusal: Refusal) -> Box<Problem> {
    let code = match refusal {
        Refusal::Rejected {
            rejection,
            replayed,
        } => {
            let mut problem = rejected(rejection);
            problem.replayed = replayed;
            return problem;
        }
        Refusal::ItemRejected {
            item,
            rejection,
            replayed,
        } => {
            let mut problem = rejected(rejection);
            problem.detail = format!("operation {item}: {}", problem.detail).into();
            problem.item = Some(item);
            problem.replayed = replayed;
            return problem;
        }
        Refusal::KeyMismatch => Code::IdempotencyMismatch,
        Refusal::KeyRunning => Code::IdempotencyRunning,
        Refusal::KeyTableFull => Code::KeyTableFull,
        Refusal::Overloaded => Code::Overloaded,
        Refusal::EntityBusy => Code::TooManyRequests,
        Refusal::StorageFull => Code::StorageFull,
        Refusal::Draining => Code::Draining,
        Refusal::OutcomeUnknown => Code::OutcomeUnknown,
        Refusal::Panicked => Code::InternalError,
        Refusal::Unreadable => Code::RecordUnreadable,
        Refusal::HistoryBehind => Code::HistoryBehind,
        Refusal::MomentAhead => Code::MomentAhead,
        Refusal::Gone => Code::HistoryGone,
        Refusal::OffsetTooDeep => {
            let detail = "lies behind what one page looks at; go on with cursors";
            return Problem::of_parameter("offset", detail);
        }
    };
    code.plain()
}

/// A refusal of the rules. The same refusal always gives the same bytes: it may be a remembered one.
pub(crate) fn rejected(rejection: Rejection) -> Box<Problem> {
    let (code, detail) = match rejection {
        Rejection::WalletNotFound { wallet } => {
            (Code::WalletNotFound, format!("there is no wallet {wallet}"))
        }
        Rejection::TransactionNotFound { transaction } => (
            Code::TransactionNotFound,
            format!("there is no transaction {transaction}"),
        ),
        Rejection::WalletExists { wallet } => (
            Code::WalletExists,
            format!("wallet {wallet} exists already"),
        ),
        Rejection::SameWallet { wallet } => (
            Code::SameWallet,
            format!("wallet {wallet} is named more than once"),
        ),
        Rejection::NotCancellable { .. }
        | Rejection::CancelWindowOver { .. }
        | Rejection::OverCancel { .. } => of_cancel(rejection),
        Rejection::ExpiresAtPast { expires_at } => expires_at_past(expires_at),
        Rejection::InsufficientBalance { .. }
        | Rejection::BalanceLimit { .. }
        | Rejection::LotLimit { .. }
        | Rejection::LimitExceeded { .. } => of_room(rejection),
        Rejection::ActTooLarge { bytes } => act_too_large(bytes),
        Rejection::TooManyLegs { legs } => too_many_legs(legs),
        Rejection::VersionMismatch { .. } | Rejection::MinBalance { .. } => of_condition(rejection),
        Rejection::WalletFrozen { .. }
        | Rejection::WalletClosed { .. }
        | Rejection::StatusUnchanged { .. }
        | Rejection::WalletNotEmpty { .. }
        | Rejection::GrantSpent { .. }
        | Rejection::NotHeld { .. }
        | Rejection::HoldOver { .. }
        | Rejection::OverCapture { .. }
        | Rejection::HoldLimit { .. } => of_care(rejection),
        Rejection::CompanyNotFound { .. }
        | Rejection::CompanyExists { .. }
        | Rejection::NotMember { .. }
        | Rejection::MemberExists { .. }
        | Rejection::MemberLimit { .. } => of_company(rejection),
        Rejection::DayNotOpen { day } => day_not_open(day),
        Rejection::NotPending { .. }
        | Rejection::PendingOver { .. }
        | Rejection::PendingLimit { .. }
        | Rejection::ActiveAtPast { .. } => of_pending(rejection),
        Rejection::SettlementNotFound { .. }
        | Rejection::SettlementState { .. }
        | Rejection::PeriodNotOver { .. }
        | Rejection::PeriodNotNext { .. }
        | Rejection::SettlementLimit { .. } => of_settlement(rejection),
    };
    let mut problem = Problem::new(code, detail);
    problem.rejection = Some(rejection);
    problem
}

fn day_not_open(day: Day) -> (Code, String) {
    let detail = format!("the day {day} cannot be closed now");
    (Code::DayNotOpen, detail)
}

fn expires_at_past(at: Timestamp) -> (Code, String) {
    let at = moment::text(at);
    let detail = format!("expires_at, {at}, lies in the past or not behind active_at");
    (Code::ExpiresAtPast, detail)
}

/// Refusals for want of points, or of room for them.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the caller's match is the one that must name every refusal"
)]
fn of_room(rejection: Rejection) -> (Code, String) {
    match rejection {
        Rejection::InsufficientBalance {
            available,
            requested,
        } => (
            Code::InsufficientBalance,
            format!("{available} points can be spent, {requested} were requested"),
        ),
        Rejection::BalanceLimit { wallet } => (
            Code::BalanceLimit,
            format!("the balance of wallet {wallet} would pass 9007199254740991 points"),
        ),
        Rejection::LotLimit { wallet } => (
            Code::LotLimit,
            format!("wallet {wallet} holds as many lots as it may"),
        ),
        Rejection::LimitExceeded {
            limit,
            allowed,
            requested,
        } => {
            let limit = limit.as_str();
            let detail =
                format!("the limit {limit} allows {allowed} points, {requested} were requested");
            (Code::LimitExceeded, detail)
        }
        other => unreachable!("{other:?} is told by the caller"),
    }
}

/// Refusals to give back.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the caller's match is the one that must name every refusal"
)]
fn of_cancel(rejection: Rejection) -> (Code, String) {
    match rejection {
        Rejection::NotCancellable { transaction } => (
            Code::NotCancellable,
            format!("transaction {transaction} is no use and no grant, or has none at that leg"),
        ),
        Rejection::CancelWindowOver { transaction } => (
            Code::CancelWindowOver,
            format!("transaction {transaction} is older than the cancel window"),
        ),
        Rejection::OverCancel {
            transaction,
            cancellable,
            requested,
        } => over_cancel(transaction, cancellable, requested),
        other => unreachable!("{other:?} is told by the caller"),
    }
}

/// Nothing is requested where all that is left was asked for, and nothing is.
fn over_cancel(transaction: TransactionId, cancellable: u64, requested: u64) -> (Code, String) {
    let detail = match (cancellable, requested) {
        (0, 0) => format!("nothing of transaction {transaction} is left to be cancelled"),
        _ => format!(
            "{cancellable} points of transaction {transaction} can still be cancelled, {requested} were requested"
        ),
    };
    (Code::OverCancel, detail)
}

/// Refusals that only wallets with something special to them meet.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the caller's match is the one that must name every refusal"
)]
fn of_care(rejection: Rejection) -> (Code, String) {
    match rejection {
        Rejection::WalletFrozen { wallet } => {
            (Code::WalletFrozen, format!("wallet {wallet} is frozen"))
        }
        Rejection::WalletClosed { wallet } => {
            (Code::WalletClosed, format!("wallet {wallet} is closed"))
        }
        Rejection::StatusUnchanged { wallet } => (
            Code::StatusUnchanged,
            format!("wallet {wallet} has this status already"),
        ),
        Rejection::WalletNotEmpty { wallet } => (
            Code::WalletNotEmpty,
            format!("wallet {wallet} holds, has set aside or owes points"),
        ),
        Rejection::GrantSpent {
            transaction,
            available,
            requested,
        } => (
            Code::GrantSpent,
            format!(
                "{available} points of transaction {transaction} are still there, {requested} were to be taken back"
            ),
        ),
        Rejection::NotHeld { transaction } => (
            Code::NotHeld,
            format!("transaction {transaction} set nothing aside"),
        ),
        Rejection::HoldOver { transaction } => (
            Code::HoldOver,
            format!("nothing is left of the hold of transaction {transaction}"),
        ),
        Rejection::OverCapture {
            transaction,
            held,
            requested,
        } => (
            Code::OverCapture,
            format!(
                "{held} points are left of the hold of transaction {transaction}, {requested} were requested"
            ),
        ),
        Rejection::HoldLimit { wallet } => (
            Code::HoldLimit,
            format!("wallet {wallet} has as many holds as it may"),
        ),
        other => unreachable!("{other:?} is told by the caller"),
    }
}

/// Refusals of grants that count later.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the caller's match is the one that must name every refusal"
)]
fn of_pending(rejection: Rejection) -> (Code, String) {
    match rejection {
        Rejection::NotPending { transaction } => (
            Code::NotPending,
            format!("transaction {transaction} is no grant that counts later"),
        ),
        Rejection::PendingOver { transaction } => (
            Code::PendingOver,
            format!("the grant of transaction {transaction} is not pending any more"),
        ),
        Rejection::PendingLimit { wallet } => (
            Code::PendingLimit,
            format!("wallet {wallet} has as many pending grants as it may"),
        ),
        Rejection::ActiveAtPast { .. } => {
            (Code::ActiveAtPast, "active_at lies in the past".to_owned())
        }
        other => unreachable!("{other:?} is told by the caller"),
    }
}

fn act_too_large(bytes: u64) -> (Code, String) {
    let detail = format!("the act would take {bytes} bytes");
    (Code::ActTooLarge, detail)
}

fn too_many_legs(legs: u64) -> (Code, String) {
    let detail = format!("the operations would make {legs} entries");
    (Code::TooManyLegs, detail)
}

/// Refusals under conditions.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the caller's match is the one that must name every refusal"
)]
fn of_condition(rejection: Rejection) -> (Code, String) {
    match rejection {
        Rejection::VersionMismatch { wallet, version } => (
            Code::VersionMismatch,
            format!("wallet {wallet} has version {version}"),
        ),
        Rejection::MinBalance {
            balance_after: left,
            min_balance_after: least,
        } => (
            Code::MinBalance,
            format!("{left} points would be left, {least} were to be kept"),
        ),
        other => unreachable!("{other:?} is told by the caller"),
    }
}

/// Refusals that have to do with a company.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the caller's match is the one that must name every refusal"
)]
fn of_company(rejection: Rejection) -> (Code, String) {
    match rejection {
        Rejection::CompanyNotFound { company } => (
            Code::CompanyNotFound,
            format!("there is no company {company}"),
        ),
        Rejection::CompanyExists { company } => (
            Code::CompanyExists,
            format!("company {company} exists already"),
        ),
        Rejection::NotMember { company, user } => (
            Code::NotMember,
            format!("user {user} is no member of company {company}"),
        ),
        Rejection::MemberExists { company, user } => (
            Code::MemberExists,
            format!("user {user} is a member of company {company} already"),
        ),
        Rejection::MemberLimit { company } => (
            Code::MemberLimit,
            format!("company {company} has as many members as it may"),
        ),
        other => unreachable!("{other:?} is told by the caller"),
    }
}

/// Refusals that have to do with a settlement.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the caller's match is the one that must name every refusal"
)]
fn of_settlement(rejection: Rejection) -> (Code, String) {
    match rejection {
        Rejection::SettlementNotFound { company } => (
            Code::SettlementNotFound,
            format!("company {company} has no statement of this period"),
        ),
        Rejection::SettlementState { state } => (
            Code::SettlementState,
            format!("the statement is {}", state.as_str()),
        ),
        Rejection::PeriodNotOver { ends } => (
            Code::PeriodNotOver,
            format!("the period ends at {}", moment::text(ends)),
        ),
        Rejection::PeriodNotNext { begins } => (
            Code::PeriodNotNext,
            format!("the next period begins at {}", moment::text(begins)),
        ),
        Rejection::SettlementLimit { company } => (
            Code::SettlementLimit,
            format!(
                "a number of the statement would pass 9007199254740991, or company {company} has as many statements as it may"
            ),
        ),
        other => unreachable!("{other:?} is told by the caller"),
    }
}

/// Text that could not be read; `field` is where the reader stood.
pub(crate) fn malformed(malformed: Malformed, field: Option<Field>) -> Box<Problem> {
    match malformed {
        Malformed::Syntax {
            line,
            column,
            detail,
        } => {
            let mut problem = Problem::new(Code::MalformedJson, detail);
            problem.place = Some((line, column));
            problem
        }
        Malformed::Type => Problem::of_fields(vec![Fault {
            pointer: String::new(),
            detail: "must be an object".into(),
        }]),
        Malformed::NumberTooLarge => Problem::of_fields(vec![Fault {
            pointer: field.map_or("", Field::pointer).to_owned(),
            detail: "must be an integer from 1 to 9007199254740991".into(),
        }]),
    }
}

#[cfg(test)]
mod tests;
