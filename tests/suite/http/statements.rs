//! A statement in its three forms: the same figures in all, and no text of a client that is more than text.

use serde_json::{Value, json};
use tests::http::Connection;

use super::stand;

const COMPANY: &str = "<script>alert('Acme & Co')</script>";
const BY: &str = "\"accounting\", <b>2nd floor</b>";

/// Closes a period of a company with odd names, and gives the path of its statement.
fn close(connection: &mut Connection) -> String {
    let mut post = |path: &str, body: Value| connection.post(path, &body).expect(201).json();
    post("/v1/companies", json!({"id": 7, "name": COMPANY}));
    post("/v1/wallets/7/charge", json!({"amount": 1_234_567}));
    post("/v1/wallets/7/earn", json!({"amount": 50}));
    post("/v1/wallets/7/use", json!({"amount": 1_050}));
    let edge = post("/v1/wallets", json!({"id": 8}));
    let edge = edge["created_at"].as_str().expect("a time");
    let body = json!({"from": "2020-01-01", "to": edge, "fee_ppm": 33_000, "by": BY});
    let statement = post("/v1/companies/7/settlements", body);
    let period = statement["period"].as_str().expect("a name");
    let path = format!("/v1/companies/7/settlements/{period}");
    post(&format!("{path}/confirm"), json!({"by": BY}));
    path
}

fn read(connection: &mut Connection, path: &str, accept: &str) -> (String, String) {
    let reply = connection.request("GET", path, &[("accept", accept)], None);
    let reply = reply.expect("a reply").expect(200);
    let kind = reply.header("content-type").expect("a type").to_owned();
    (kind, reply.text())
}

/// The fields of a line of CSV.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut is_quoted) = (vec![String::new()], false);
    let mut signs = line.chars().peekable();
    while let Some(sign) = signs.next() {
        let field = fields.last_mut().expect("there is always one");
        match sign {
            '"' if is_quoted && signs.peek() == Some(&'"') => {
                signs.next();
                field.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            sign => field.push(sign),
        }
    }
    fields
}

#[test]
fn csv_says_what_json_says() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let path = close(&mut connection);
    let (kind, text) = read(&mut connection, &path, "application/json");
    assert_eq!(kind, "application/json");
    let statement: Value = serde_json::from_str(&text).expect("JSON");
    let (kind, text) = read(&mut connection, &path, "text/csv");
    assert!(kind.starts_with("text/csv"), "{kind}");
    let [header, line] = text.lines().collect::<Vec<_>>()[..] else {
        panic!("{text}")
    };
    let (names, values) = (fields(header), fields(line));
    assert_eq!(names.len(), values.len(), "{text}");
    for (name, value) in names.iter().zip(&values) {
        let due = match name.rsplit_once('_') {
            Some((figure, fund @ ("paid" | "free"))) => &statement[fund][figure],
            _ => &statement[name.as_str()],
        };
        let due = due.as_str().map_or_else(|| due.to_string(), str::to_owned);
        assert_eq!(*value, due, "{name}");
    }
    for name in ["closing_free", "payable", "hash", "by", "state"] {
        assert!(names.iter().any(|found| found == name), "{header}");
    }
}

#[test]
fn the_page_to_print_has_all_figures_and_no_foreign_markup() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let path = close(&mut connection);
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let reply = connection.request("GET", &path, &[("accept", browser)], None);
    let reply = reply.expect("a reply").expect(200);
    assert_eq!(
        reply.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = reply.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let page = reply.text();
    for due in [
        "&lt;script&gt;alert(&#39;Acme &amp; Co&#39;)&lt;/script&gt;",
        "&quot;accounting&quot;, &lt;b&gt;2nd floor&lt;/b&gt;",
        "1,234,567",
        "1,233,567",
        "× 0.033",
        "<td class=\"n\">967</td>",
        "정산서",
        "@media print",
        "confirmed",
    ] {
        assert!(page.contains(due), "{due}\n{page}");
    }
    for foreign in ["<script", "<b>", "http://", "https://", "src="] {
        assert!(!page.contains(foreign), "{foreign}\n{page}");
    }
}
