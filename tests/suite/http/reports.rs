//! Daily reports over HTTP: today live and exact, in pages, as CSV, and what is refused.

use serde_json::{Value, json};
use tests::http::Connection;

use super::stand;

fn today(connection: &mut Connection) -> Value {
    connection.get("/v1/reports/daily").expect(200).json()
}

#[test]
fn today_counts_what_was_acknowledged() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    connection
        .post("/v1/wallets", &json!({"id": 2}))
        .expect(201);
    let mut post = |path: &str, body: Value| connection.post(path, &body).expect(201).json();
    post("/v1/wallets/1/charge", json!({"amount": 50}));
    let used = post("/v1/wallets/1/use", json!({"amount": 120}));
    let path = format!("/v1/transactions/{}/cancel", used["id"]);
    post(&path, json!({"amount": 5}));
    post("/v1/transfers", json!({"from": 1, "to": 2, "amount": 7}));
    let report = today(&mut connection);
    assert_eq!(
        (&report["zone"], &report["closed"]),
        (&"Asia/Seoul".into(), &false.into())
    );
    let (date, items) = (report["date"].as_str().expect("a day"), &report["items"]);
    let first = json!({
        "wallet": 1, "date": date, "entries": 5,
        "opening": 0, "earn": 150, "use": 120, "cancel": 5, "expire": 0,
        "transfer_in": 0, "transfer_out": 7, "take_back": 0, "adjust": 0, "net": 28, "closing": 28,
        "paid": {"opening": 0, "earn": 50, "use": 20, "cancel": 5, "expire": 0,
            "transfer_in": 0, "transfer_out": 7, "take_back": 0, "adjust": 0, "net": 28, "closing": 28},
        "free": {"opening": 0, "earn": 100, "use": 100, "cancel": 0, "expire": 0,
            "transfer_in": 0, "transfer_out": 0, "take_back": 0, "adjust": 0, "net": 0, "closing": 0},
    });
    assert_eq!(items[0], first);
    assert_eq!(items[1]["wallet"], 2);
    assert_eq!(
        (&items[1]["transfer_in"], &items[1]["net"]),
        (&7.into(), &7.into())
    );
    let totals = &report["totals"];
    assert_eq!(
        (&totals["wallets"], &totals["entries"]),
        (&2.into(), &6.into())
    );
    assert_eq!(
        (&totals["net"], &totals["closing"]),
        (&35.into(), &35.into())
    );
    let own = connection.get("/v1/wallets/1/reports").expect(200).json();
    assert_eq!(own["items"], json!([first]));
    assert_eq!(own["today"], date);
    let range = format!("/v1/wallets/1/reports?from={date}&to=9999-12-31");
    connection
        .get(&range)
        .expect_problem(400, "invalid-parameter");
}

#[test]
fn a_day_comes_in_pages_by_wallet() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let mut wallets = vec![1];
    for id in 2..=9 {
        connection
            .post("/v1/wallets", &json!({"id": id}))
            .expect(201);
        let earn = format!("/v1/wallets/{id}/earn");
        connection.post(&earn, &json!({"amount": id})).expect(201);
        wallets.push(id);
    }
    let (mut seen, mut path) = (Vec::new(), "/v1/reports/daily?limit=4".to_owned());
    loop {
        let reply = connection.get(&path).expect(200);
        let body = reply.json();
        assert_eq!(body["totals"]["wallets"], 9);
        let items = body["items"].as_array().expect("items").iter();
        seen.extend(items.filter_map(|item| item["wallet"].as_u64()));
        let Some(cursor) = body["next_cursor"].as_str() else {
            break;
        };
        path = format!("/v1/reports/daily?limit=4&cursor={cursor}");
        let link = reply.header("link").expect("a link");
        assert!(link.contains(cursor), "{link}");
    }
    assert_eq!(seen, wallets);
    let other = path.replace("limit=4", "date=2020-01-01");
    connection.get(&other).expect_problem(400, "invalid-cursor");
}

#[test]
fn csv_has_a_header_and_a_line_for_each_row() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    for (path, accept, kind) in [
        ("/v1/reports/daily", "text/csv", "text/csv"),
        (
            "/v1/wallets/1/reports",
            "application/json;q=0.5, Text/CSV",
            "text/csv",
        ),
        ("/v1/reports/daily", "text/csv;q=0", "application/json"),
        (
            "/v1/reports/daily",
            "application/json, text/csv;q=0.1",
            "application/json",
        ),
        ("/v1/reports/daily", "*/*", "application/json"),
    ] {
        let reply = connection.request("GET", path, &[("accept", accept)], None);
        let reply = reply.expect("a reply").expect(200);
        let found = reply.header("content-type").expect("a type");
        assert!(found.starts_with(kind), "{path} {accept}: {found}");
        if kind != "text/csv" {
            continue;
        }
        let text = reply.text();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0].len(), lines[1].len(), "{text}");
        let of = |name: &str| {
            let at = lines[0].iter().position(|column| *column == name);
            lines[1][at.expect("a column")]
        };
        assert_eq!(
            (of("wallet"), of("earn"), of("earn_paid")),
            ("1", "100", "0")
        );
        assert_eq!(
            (of("opening"), of("net"), of("closing")),
            ("0", "100", "100")
        );
    }
}

#[test]
fn days_that_are_none_are_refused() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    for path in [
        "/v1/reports/daily?date=2025-02-29",
        "/v1/reports/daily?date=20250228",
        "/v1/reports/daily?day=2025-02-28",
        "/v1/wallets/1/reports?from=2025-02-28",
        "/v1/wallets/1/reports?from=2025-02-28&to=2025-02-27",
        "/v1/wallets/1/reports?from=2025-01-01&to=2026-01-02",
    ] {
        connection
            .get(path)
            .expect_problem(400, "invalid-parameter");
    }
    connection
        .get("/v1/wallets/7/reports")
        .expect_problem(404, "wallet-not-found");
    let quiet = connection.get("/v1/reports/daily?date=2020-01-01");
    let quiet = quiet.expect(200).json();
    assert_eq!(
        (&quiet["closed"], &quiet["items"]),
        (&true.into(), &json!([]))
    );
    let year = "/v1/wallets/1/reports?from=2025-01-01&to=2026-01-01";
    let none = connection.get(year).expect(200).json();
    assert_eq!(none["items"], json!([]), "before the wallet was created");
}
