//! Every refusal as the client sees it.

use engine::Refusal;
use engine::domain::{
    CompanyId, LimitKind, Rejection, SettlementState, Timestamp, TransactionId, WalletId,
};

use super::{malformed, refused, rejected};
use crate::draft::{Field, Malformed};
use crate::problem::Problem;

fn wallet() -> WalletId {
    WalletId::new(7).unwrap()
}

fn body(problem: &Problem) -> String {
    String::from_utf8(problem.to_body()).unwrap()
}

#[test]
fn a_cancel_of_nothing_names_no_amount() {
    let transaction = TransactionId(9);
    let told = |cancellable, requested| {
        body(&rejected(Rejection::OverCancel {
            transaction,
            cancellable,
            requested,
        }))
    };
    let all = told(0, 0);
    assert!(
        all.contains("nothing of transaction 9 is left to be cancelled"),
        "{all}"
    );
    assert!(all.ends_with("\"cancellable\":0}"), "{all}");
    let part = told(2, 5);
    let detail = "2 points of transaction 9 can still be cancelled, 5 were requested";
    assert!(part.contains(detail), "{part}");
}

#[test]
fn an_expiry_before_the_beginning_is_told_as_it_is() {
    let expires_at = Timestamp(1_000_000);
    let told = body(&rejected(Rejection::ExpiresAtPast { expires_at }));
    let detail =
        "expires_at, 1970-01-01T00:00:01.000000Z, lies in the past or not behind active_at";
    assert!(told.contains(detail), "{told}");
}

#[test]
fn every_rejection_has_its_status_and_members() {
    let (wallet, transaction) = (wallet(), TransactionId(9));
    let (available, requested, cancellable) = (1, 5, 2);
    let table = [
        (Rejection::WalletNotFound { wallet }, 404, "\"wallet\":7"),
        (
            Rejection::TransactionNotFound { transaction },
            404,
            "\"transaction\":9",
        ),
        (Rejection::WalletExists { wallet }, 409, "\"wallet\":7"),
        (Rejection::SameWallet { wallet }, 422, "\"wallet\":7"),
        (
            Rejection::NotCancellable { transaction },
            422,
            "\"transaction\":9",
        ),
        (
            Rejection::CancelWindowOver { transaction },
            409,
            "\"transaction\":9",
        ),
        (
            Rejection::OverCancel {
                transaction,
                cancellable,
                requested,
            },
            409,
            "\"transaction\":9,\"cancellable\":2,\"requested\":5",
        ),
        (
            Rejection::ExpiresAtPast {
                expires_at: Timestamp(0),
            },
            422,
            "\"expires_at\":\"1970-01-01T00:00:00.000000Z\"",
        ),
        (
            Rejection::InsufficientBalance {
                available,
                requested,
            },
            422,
            "\"available\":1,\"requested\":5",
        ),
        (Rejection::BalanceLimit { wallet }, 422, "\"wallet\":7"),
        (Rejection::LotLimit { wallet }, 422, "\"wallet\":7"),
        (
            Rejection::ActTooLarge { bytes: 300_000 },
            422,
            "\"bytes\":300000",
        ),
        (
            Rejection::DayNotOpen {
                day: engine::domain::Day::default(),
            },
            409,
            "\"day\":\"1970-01-01\"",
        ),
    ];
    for (rejection, status, members) in table {
        assert_problem(rejection, status, members);
    }
}

#[test]
fn every_rejection_of_special_wallets_has_its_status_and_members() {
    let (wallet, transaction) = (wallet(), TransactionId(9));
    let (available, requested) = (1, 5);
    let table = [
        (Rejection::WalletFrozen { wallet }, 409, "\"wallet\":7"),
        (Rejection::WalletClosed { wallet }, 409, "\"wallet\":7"),
        (Rejection::StatusUnchanged { wallet }, 409, "\"wallet\":7"),
        (Rejection::WalletNotEmpty { wallet }, 409, "\"wallet\":7"),
        (
            Rejection::GrantSpent {
                transaction,
                available,
                requested,
            },
            409,
            "\"transaction\":9,\"available\":1,\"requested\":5",
        ),
        (Rejection::NotHeld { transaction }, 422, "\"transaction\":9"),
        (
            Rejection::HoldOver { transaction },
            409,
            "\"transaction\":9",
        ),
        (
            Rejection::OverCapture {
                transaction,
                held: 3,
                requested,
            },
            409,
            "\"transaction\":9,\"held\":3,\"requested\":5",
        ),
        (Rejection::HoldLimit { wallet }, 422, "\"wallet\":7"),
        (
            Rejection::VersionMismatch { wallet, version: 3 },
            412,
            "\"wallet\":7,\"version\":3",
        ),
        (
            Rejection::MinBalance {
                balance_after: -1,
                min_balance_after: 4,
            },
            422,
            "\"balance_after\":-1,\"min_balance_after\":4",
        ),
        (
            Rejection::NotPending { transaction },
            422,
            "\"transaction\":9",
        ),
        (
            Rejection::PendingOver { transaction },
            409,
            "\"transaction\":9",
        ),
        (Rejection::PendingLimit { wallet }, 422, "\"wallet\":7"),
        (
            Rejection::ActiveAtPast {
                active_at: Timestamp(0),
            },
            422,
            "\"active_at\":\"1970-01-01T00:00:00.000000Z\"",
        ),
    ];
    for (rejection, status, members) in table {
        assert_problem(rejection, status, members);
    }
}

#[test]
fn every_rejection_of_companies_has_its_status_and_members() {
    let company = CompanyId::new(7).unwrap();
    let user = 3;
    let table = [
        (Rejection::CompanyNotFound { company }, 404, "\"company\":7"),
        (Rejection::CompanyExists { company }, 409, "\"company\":7"),
        (
            Rejection::NotMember { company, user },
            422,
            "\"company\":7,\"user\":3",
        ),
        (
            Rejection::MemberExists { company, user },
            409,
            "\"company\":7,\"user\":3",
        ),
        (Rejection::MemberLimit { company }, 422, "\"company\":7"),
        (
            Rejection::LimitExceeded {
                limit: LimitKind::UseDaily,
                allowed: 1,
                requested: 5,
            },
            422,
            "\"limit\":\"use_per_day\",\"allowed\":1,\"requested\":5",
        ),
    ];
    for (rejection, status, members) in table {
        assert_problem(rejection, status, members);
    }
}

#[track_caller]
fn assert_problem(rejection: Rejection, status: u16, members: &str) {
    let problem = rejected(rejection);
    let facts = problem.code.facts();
    let told = (facts.status.as_u16(), facts.code);
    assert_eq!(told, (status, rejection.code()));
    let text = body(&problem);
    assert!(text.ends_with(&format!("{members}}}")), "{text}");
    let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(parsed["type"], format!("/problems/{}", rejection.code()));
    assert_eq!(parsed["status"], status);
    assert_eq!(
        text,
        body(&rejected(rejection)),
        "the same refusal, the same bytes"
    );
}

#[test]
fn every_refusal_has_its_status_and_says_when_to_come_back() {
    let table = [
        (Refusal::KeyMismatch, 422, "idempotency-mismatch", false),
        (Refusal::KeyRunning, 409, "idempotency-running", true),
        (Refusal::KeyTableFull, 503, "key-table-full", true),
        (Refusal::Overloaded, 503, "overloaded", true),
        (Refusal::EntityBusy, 429, "too-many-requests", true),
        (Refusal::StorageFull, 503, "storage-full", true),
        (Refusal::Draining, 503, "draining", true),
        (Refusal::OutcomeUnknown, 500, "outcome-unknown", false),
        (Refusal::Panicked, 500, "internal-error", false),
        (Refusal::Unreadable, 500, "record-unreadable", false),
        (Refusal::HistoryBehind, 503, "history-behind", true),
        (Refusal::MomentAhead, 422, "moment-ahead", false),
        (Refusal::Gone, 410, "history-gone", false),
        (Refusal::OffsetTooDeep, 400, "invalid-parameter", false),
    ];
    for (refusal, status, code, again) in table {
        let response = refused(refusal).into_response();
        assert_eq!(response.status().as_u16(), status, "{code}");
        assert_eq!(
            response.headers().contains_key("retry-after"),
            again,
            "{code}"
        );
        assert_eq!(refused(refusal).code.facts().code, code);
    }
}

#[test]
fn a_remembered_refusal_says_so_in_a_header_only() {
    let rejection = Rejection::WalletExists { wallet: wallet() };
    let [first, again] = [false, true].map(|replayed| {
        refused(Refusal::Rejected {
            rejection,
            replayed,
        })
    });
    assert_eq!(body(&first), body(&again));
    assert!(
        !first
            .into_response()
            .headers()
            .contains_key("idempotent-replayed")
    );
    assert_eq!(
        again.into_response().headers()["idempotent-replayed"],
        "true"
    );
}

#[test]
fn every_rejection_of_settlements_has_its_status_and_members() {
    let company = CompanyId::new(7).unwrap();
    let at = Timestamp(1_793_458_800_000_000);
    let state = SettlementState::HeldClosed;
    let table = [
        (
            Rejection::SettlementNotFound { company },
            404,
            "\"company\":7",
        ),
        (
            Rejection::SettlementState { state },
            409,
            "\"state\":\"held\"",
        ),
        (
            Rejection::PeriodNotOver { ends: at },
            422,
            "\"ends\":\"2026-10-31T15:00:00.000000Z\"",
        ),
        (
            Rejection::PeriodNotNext { begins: at },
            409,
            "\"begins\":\"2026-10-31T15:00:00.000000Z\"",
        ),
        (Rejection::SettlementLimit { company }, 422, "\"company\":7"),
    ];
    for (rejection, status, members) in table {
        assert_problem(rejection, status, members);
    }
}

#[test]
fn malformed_text_tells_where() {
    let problem = malformed(
        Malformed::Syntax {
            line: 2,
            column: 5,
            detail: "expected value".to_owned(),
        },
        None,
    );
    let expected = r#"{"type":"/problems/malformed-json","title":"The body is not JSON","status":400,"detail":"expected value","code":"malformed-json","line":2,"column":5}"#;
    assert_eq!(body(&problem), expected);
    let problem = malformed(Malformed::NumberTooLarge, Some(Field::OwnerId));
    assert_eq!(problem.faults[0].pointer, "/owner/id");
}
