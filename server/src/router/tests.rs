//! Where requests go.

use hyper::Method;

use super::{Found, Pieces, Router, public_rows};
use crate::problem::Code;

fn find(method: &str, path: &str) -> Result<(&'static str, u64), Code> {
    let router = Router::public(false);
    match router.find(&method.parse().unwrap(), path) {
        Ok(Found::Row(row, _, pieces)) => Ok((row.name, pieces.id)),
        Ok(Found::Options(_)) => Ok(("options", 0)),
        Err(problem) => Err(problem.code),
    }
}

#[test]
fn every_row_is_found_by_its_own_number() {
    let router = Router::public(true);
    assert_eq!(router.len(), public_rows().len() + 1);
    for (at, row) in public_rows().iter().enumerate() {
        let (method, path) = row.name.split_once(' ').unwrap();
        let path = path.replace("{id}", "7").replace("{code}", "x");
        let Ok(Found::Row(found, number, pieces)) = router.find(&method.parse().unwrap(), &path)
        else {
            panic!("{} is not found", row.name);
        };
        assert_eq!((found.name, number), (row.name, at));
        assert_eq!(pieces.id, if row.path.contains("{id}") { 7 } else { 0 });
    }
    let admin = Router::admin(router.len());
    let Ok(Found::Row(_, number, _)) = admin.find(&Method::GET, "/metrics") else {
        panic!("metrics are not found");
    };
    assert_eq!(number, router.len());
}

#[test]
fn paths_and_methods_have_their_answers() {
    let show = Ok(("GET /v1/wallets/{id}", 9_007_199_254_740_991));
    let table = [
        ("GET", "/v1/wallets/9007199254740991", show),
        ("HEAD", "/v1/wallets/9007199254740991", show),
        ("OPTIONS", "/v1/wallets/1", Ok(("options", 0))),
        (
            "GET",
            "/v1/wallets/9007199254740992",
            Err(Code::WalletNotFound),
        ),
        ("GET", "/v1/wallets/0", Err(Code::WalletNotFound)),
        ("GET", "/v1/wallets/01", Err(Code::WalletNotFound)),
        ("GET", "/v1/wallets/+1", Err(Code::WalletNotFound)),
        ("GET", "/v1/wallets/-1", Err(Code::WalletNotFound)),
        ("GET", "/v1/wallets/1.0", Err(Code::WalletNotFound)),
        ("GET", "/v1/wallets/%37", Ok(("GET /v1/wallets/{id}", 7))),
        ("GET", "/v1/wallets/%30%37", Err(Code::WalletNotFound)),
        ("GET", "/v1/wallets/1%2F2", Err(Code::WalletNotFound)),
        ("GET", "/v1/wallets/%", Err(Code::MalformedRequest)),
        ("GET", "/v1/wallets/1%2", Err(Code::MalformedRequest)),
        ("GET", "/v1/wallets/%+1", Err(Code::MalformedRequest)),
        ("GET", "/v1/wallets/%FF", Err(Code::MalformedRequest)),
        (
            "GET",
            "/v1/settlements/2026-10%3",
            Err(Code::MalformedRequest),
        ),
        ("GET", "/v1/wallets/..", Err(Code::WalletNotFound)),
        (
            "GET",
            "/v1/wallets/99999999999999999999",
            Err(Code::WalletNotFound),
        ),
        ("GET", "/v1/transactions/x", Err(Code::TransactionNotFound)),
        (
            "POST",
            "/v1/transactions/x/cancel",
            Err(Code::TransactionNotFound),
        ),
        ("GET", "/v1/wallets/", Err(Code::RouteNotFound)),
        ("GET", "/v1/wallets/1/", Err(Code::RouteNotFound)),
        ("GET", "/V1/wallets/1", Err(Code::RouteNotFound)),
        ("GET", "/v1/../v1/wallets/1", Err(Code::RouteNotFound)),
        ("GET", "//v1/wallets/1", Err(Code::RouteNotFound)),
        ("GET", "/", Err(Code::RouteNotFound)),
        ("GET", "*", Err(Code::RouteNotFound)),
        ("POST", "/noop", Err(Code::RouteNotFound)),
        ("PUT", "/v1/wallets/1", Err(Code::MethodNotAllowed)),
        ("DELETE", "/v1/wallets", Err(Code::MethodNotAllowed)),
        ("GET", "/v1/wallets", Err(Code::MethodNotAllowed)),
        ("TRACE", "/livez", Err(Code::MethodNotAllowed)),
        ("CONNECT", "", Err(Code::MethodNotAllowed)),
        ("BREW", "/livez", Err(Code::MethodUnknown)),
        ("get", "/livez", Err(Code::MethodUnknown)),
    ];
    for (method, path, expected) in table {
        assert_eq!(find(method, path), expected, "{method} {path}");
    }
}

#[test]
fn periods_are_the_same_with_and_without_percent_signs() {
    let router = Router::public(false);
    let period = "2026-11-21T19:46:59Z..2026-11-22";
    for written in [
        period.to_owned(),
        period.replace(':', "%3A"),
        period.replace(':', "%3a").replace("..", "%2E%2E"),
    ] {
        for (path, id) in [
            (format!("/v1/companies/1/settlements/{written}"), 1),
            (format!("/v1/settlements/{written}"), 0),
        ] {
            let Ok(Found::Row(_, _, pieces)) = router.find(&Method::GET, &path) else {
                panic!("{path} is not found");
            };
            let word = period.to_owned();
            assert_eq!(pieces, Pieces { id, word }, "{path}");
        }
    }
}

#[test]
fn allow_lists_what_the_path_knows() {
    let router = Router::public(false);
    let allow = |path| {
        let problem = match router.find(&Method::PATCH, path) {
            Err(problem) => problem,
            Ok(_) => panic!("{path} takes PATCH"),
        };
        problem.allow.unwrap().to_str().unwrap().to_owned()
    };
    assert_eq!(allow("/v1/wallets"), "POST, OPTIONS");
    assert_eq!(allow("/v1/wallets/1"), "GET, HEAD, OPTIONS");
    let Ok(Found::Options(value)) = router.find(&Method::OPTIONS, "/v1/bulk") else {
        panic!("no options");
    };
    assert_eq!(value, "POST, OPTIONS");
}
