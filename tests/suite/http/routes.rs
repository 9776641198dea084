//! Methods and paths: every known path says what it can do, every other one that it is not there.

use tests::http::Connection;

use super::stand;

/// A path with the methods that it has, as `Allow` names them.
const ROUTES: [(&str, &[&str]); 13] = [
    ("/v1/wallets", &["POST", "OPTIONS"]),
    ("/v1/wallets/1", &["GET", "HEAD", "OPTIONS"]),
    ("/v1/wallets/1/charge", &["POST", "OPTIONS"]),
    ("/v1/wallets/1/earn", &["POST", "OPTIONS"]),
    ("/v1/wallets/1/use", &["POST", "OPTIONS"]),
    ("/v1/wallets/1/transactions", &["GET", "HEAD", "OPTIONS"]),
    ("/v1/transfers", &["POST", "OPTIONS"]),
    ("/v1/transactions/2", &["GET", "HEAD", "OPTIONS"]),
    ("/v1/transactions/2/cancel", &["POST", "OPTIONS"]),
    ("/v1/bulk", &["POST", "OPTIONS"]),
    ("/livez", &["GET", "HEAD", "OPTIONS"]),
    ("/readyz", &["GET", "HEAD", "OPTIONS"]),
    ("/openapi.json", &["GET", "HEAD", "OPTIONS"]),
];

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"];

#[test]
fn every_path_names_its_methods() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    for (path, methods) in ROUTES {
        let reply = ask(&mut connection, "OPTIONS", path);
        assert_eq!(reply.status, 204, "{path}");
        assert_eq!(allowed(reply.header("allow")), sorted(methods), "{path}");
        for method in METHODS.iter().filter(|method| !methods.contains(method)) {
            let reply = ask(&mut connection, method, path);
            assert_eq!(reply.status, 405, "{method} {path}");
            assert_eq!(
                allowed(reply.header("allow")),
                sorted(methods),
                "{method} {path}"
            );
            if *method != "HEAD" {
                reply.expect_problem(405, "method-not-allowed");
            }
        }
    }
}

#[test]
fn head_is_get_without_the_body() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    for (path, _) in ROUTES
        .iter()
        .filter(|(_, methods)| methods.contains(&"GET"))
    {
        let get = connection.get(path);
        let head = ask(&mut connection, "HEAD", path);
        assert_eq!(head.status, get.status, "{path}");
        for name in ["content-type", "content-length"] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
        assert!(head.body.is_empty());
    }
    let missing = ask(&mut connection, "HEAD", "/v1/wallets/99");
    assert_eq!(missing.status, 404);
}

#[test]
fn other_paths_are_not_there() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let paths = [
        "/",
        "/v1",
        "/v1/",
        "/v2/wallets/1",
        "/V1/wallets/1",
        "/v1/Wallets/1",
        "/v1/wallets/",
        "/v1/wallets/1/",
        "//v1/wallets/1",
        "/v1//wallets/1",
        "/v1/wallets/1/refund",
        "/v1/wallets/1/charge/2",
        "/v1/../v1/wallets/1",
        "/v1/./wallets/1",
        "/../etc/passwd",
        "/metrics",
        "/admin/status",
        "/noop",
        "/problems/no-such-problem",
        "*",
    ];
    for path in paths {
        let reply = ask(&mut connection, "GET", path);
        assert_eq!(reply.status, 404, "{path}: {}", reply.text());
        reply.expect_problem(404, "route-not-found");
    }
}

#[test]
fn ids_in_paths_are_plain_decimal() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let ids = [
        "0",
        "01",
        "+1",
        "-1",
        "1.0",
        "1e0",
        "0x1",
        "%30%31",
        "one",
        "1%20",
        "1%2fcharge",
        "9007199254740992",
        "18446744073709551617",
        "１",
        "٣",
        "99999999999999999999999999999999999999999",
    ];
    for id in ids {
        for (path, code) in [
            (format!("/v1/wallets/{id}"), "wallet-not-found"),
            (format!("/v1/wallets/{id}/transactions"), "wallet-not-found"),
            (format!("/v1/transactions/{id}"), "transaction-not-found"),
        ] {
            let reply = ask(&mut connection, "GET", &path);
            assert_eq!((reply.status, reply.code().as_str()), (404, code), "{path}");
        }
    }
    // However a client writes a digit.
    ask(&mut connection, "GET", "/v1/wallets/%31").expect(200);
    for id in ["%", "%3", "%zz", "%FF"] {
        let reply = ask(&mut connection, "GET", &format!("/v1/wallets/{id}"));
        reply.expect_problem(400, "malformed-request");
    }
    for id in ["2", "9007199254740991"] {
        let reply = ask(&mut connection, "GET", &format!("/v1/wallets/{id}"));
        reply.expect_problem(404, "wallet-not-found");
    }
}

#[test]
fn parameters_are_known_or_refused() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let paths = [
        "/v1/wallets/1?x=1",
        "/v1/wallets/1/transactions?page=2",
        "/v1/wallets/1/transactions?limit=0",
        "/v1/wallets/1/transactions?limit=501",
        "/v1/wallets/1/transactions?limit=-1",
        "/v1/wallets/1/transactions?limit=ten",
        "/v1/wallets/1/transactions?limit=5&limit=5",
        "/v1/wallets/1/transactions?limit=",
        "/v1/wallets/1/transactions?order=up",
        "/v1/wallets/1/transactions?type=gift",
        "/v1/wallets/1/transactions?from=yesterday",
        "/v1/wallets/1/transactions?to=2026-13-01T00:00:00Z",
        "/livez?x=1",
        "/readyz?quiet",
    ];
    for path in paths {
        let reply = connection.get(path);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "invalid-parameter"),
            "{path}"
        );
        reply.expect_problem(400, "invalid-parameter");
    }
}

#[test]
fn every_problem_has_a_page() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let missing = connection
        .get("/v1/wallets/7")
        .expect_problem(404, "wallet-not-found");
    let page = missing.json()["type"].as_str().expect("a type").to_owned();
    let path = &page[page.find("/problems/").expect("below /problems")..];
    let explained = connection.get(path).expect(200);
    assert!(
        explained.text().contains("wallet-not-found"),
        "{}",
        explained.text()
    );
    let codes = [
        "malformed-json",
        "invalid-field",
        "insufficient-balance",
        "wallet-exists",
        "same-wallet",
        "over-cancel",
        "not-cancellable",
        "cancel-window-over",
        "expires-at-past",
        "balance-limit",
        "lot-limit",
        "act-too-large",
        "idempotency-mismatch",
        "storage-full",
        "key-table-full",
        "outcome-unknown",
        "draining",
    ];
    for code in codes {
        connection.get(&format!("/problems/{code}")).expect(200);
    }
}

#[test]
fn strange_requests_get_a_plain_answer() {
    let (_folder, server) = stand();
    let rows: [(&str, &[u16]); 12] = [
        ("GET /v1/wallets/1 HTTP/1.1\r\n\r\n", &[400]),
        (
            "GET /v1/wallets/1 HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
            &[400],
        ),
        ("BREW /v1/wallets/1 HTTP/1.1\r\nhost: x\r\n\r\n", &[501]),
        (
            "CONNECT /v1/wallets/1 HTTP/1.1\r\nhost: x\r\n\r\n",
            &[400, 405],
        ),
        ("CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n", &[400, 404, 405]),
        (
            "GET http://x/v1/wallets/1 HTTP/1.1\r\nhost: x\r\n\r\n",
            &[200, 400, 404],
        ),
        ("GET v1/wallets/1 HTTP/1.1\r\nhost: x\r\n\r\n", &[400]),
        ("GET /v1/wallets/1\r\n\r\n", &[400]),
        ("GET /v1/wallets/1 HTTP/3.0\r\nhost: x\r\n\r\n", &[400]),
        (
            "GET /v1/wallets/1 HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n",
            &[400],
        ),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n", &[400]),
        (
            "POST /v1/transfers HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
            &[400],
        ),
    ];
    for (request, statuses) in rows {
        let mut connection = server.connect();
        connection.send(request.as_bytes()).expect("sent");
        let reply = connection
            .reply_to("GET")
            .unwrap_or_else(|error| panic!("{request:?}: {error}"));
        assert!(
            statuses.contains(&reply.status),
            "{request:?}: {}",
            reply.status
        );
    }
    let mut connection = server.connect();
    let long = format!("/v1/wallets/{}", "1".repeat(70_000));
    let reply = ask(&mut connection, "GET", &long);
    assert!(matches!(reply.status, 404 | 414), "{}", reply.status);
    let mut connection = server.connect();
    let many = "x-filler: y\r\n".repeat(200);
    connection
        .send(format!("GET /livez HTTP/1.1\r\nhost: x\r\n{many}\r\n").as_bytes())
        .expect("sent");
    assert_eq!(connection.reply_to("GET").expect("an answer").status, 431);
}

fn ask(connection: &mut Connection, method: &str, path: &str) -> tests::http::Reply {
    let reply = connection.request(method, path, &[], None);
    reply.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
}

fn allowed(header: Option<&str>) -> Vec<String> {
    let methods: Vec<&str> = header
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .collect();
    sorted(&methods)
}

fn sorted(methods: &[&str]) -> Vec<String> {
    let mut methods: Vec<String> = methods.iter().map(|method| (*method).to_owned()).collect();
    methods.sort();
    methods
}
