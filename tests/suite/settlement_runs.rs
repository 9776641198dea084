//! A period closed for all companies on the real server, killed wherever it is: it comes to its end by itself, each company
//! has one statement, and the statement is the one that an undisturbed run gives.

use std::path::Path;

use serde_json::{Value, json};
use tests::http::Connection;
use tests::launch::Launch;
use tests::scale;
use tests::segments;
use tests::wal_tool::WalTool;

/// Companies before the end of the period: a quarter each quiet, busy before the end, busy after it, and both.
const COMPANIES: u64 = 60;

/// Companies that are done when the program is killed; the first kill follows the answer at once.
const KILLED_AT: [u64; 6] = [0, 0, 1, 10, 30, 55];

/// The members of a statement that another time and another place in the log change.
const OF_THE_PLACE: [&str; 2] = ["id", "created_at"];

fn found(connection: &mut Connection, company: u64) {
    let body = json!({"id": company, "name": format!("Company {company}")});
    connection.post("/v1/companies", &body).expect(201);
}

fn trade(connection: &mut Connection, company: u64) {
    for (verb, amount) in [("charge", 1_000), ("earn", 50), ("use", 300 + company)] {
        let path = format!("/v1/wallets/{company}/{verb}");
        let body = json!({ "amount": amount });
        connection.post(&path, &body).expect(201);
    }
}

/// Fills a store, and gives the name of the period.
fn fill(points: &Path) -> String {
    let server = Launch::new(points).start();
    let mut connection = server.connect();
    for company in 1..=COMPANIES {
        found(&mut connection, company);
        if company % 4 >= 2 {
            trade(&mut connection, company);
        }
    }
    let body = json!({"id": 9_999});
    let edge = connection.post("/v1/wallets", &body).expect(201).json();
    let edge = edge["created_at"].as_str().expect("a time").to_owned();
    for company in (1..=COMPANIES).filter(|company| company % 2 == 1) {
        trade(&mut connection, company);
    }
    found(&mut connection, COMPANIES + 1);
    drop(connection);
    server.stop();
    format!("2020-01-01T00:00:00Z..{edge}")
}

fn ask(connection: &mut Connection, period: &str) {
    let path = format!("/v1/settlements/{period}/run");
    let body = json!({"by": "accounting", "fee_ppm": 33_000, "vat_ppm": 100_000});
    connection.post_keyed(&path, "run", &body).expect(202);
}

/// Reads the run until it is so far.
fn watch(connection: &mut Connection, period: &str, is_there: impl Fn(&Value) -> bool) -> Value {
    loop {
        let path = format!("/v1/settlements/{period}");
        let run = connection.get(&path).expect(200).json();
        if is_there(&run) {
            return run;
        }
        std::thread::yield_now();
    }
}

/// Waits for the end of the run, and gives all statements. There is one of each company, and all are as the log says.
fn finish(launch: &Launch, points: &Path, period: &str) -> Vec<Value> {
    let server = launch.start();
    let mut connection = server.connect();
    let run = watch(&mut connection, period, |run| run["state"] == "ended");
    let counts = ["total", "done", "closed", "failed"].map(|name| run[name].as_u64());
    assert_eq!(
        counts,
        [COMPANIES, COMPANIES, COMPANIES, 0].map(Some),
        "{run}"
    );
    let mut all = Vec::new();
    for company in 1..=COMPANIES + 1 {
        let path = format!("/v1/companies/{company}/settlements");
        let page = connection.get(&path).expect(200).json();
        let statements = page["items"].as_array().expect("a list");
        let due = usize::from(company <= COMPANIES);
        assert_eq!(statements.len(), due, "company {company}: {page}");
        all.extend(statements.iter().cloned().map(|mut statement| {
            let members = statement.as_object_mut().expect("an object");
            members.retain(|name, _| !OF_THE_PLACE.contains(&name.as_str()));
            statement
        }));
    }
    drop(connection);
    server.stop();
    let verified = WalTool::on(points)
        .run(&["settlement", "verify", "--json"])
        .expect(0);
    let row: Value = verified.stdout.lines().last().map_or(Value::Null, |line| {
        serde_json::from_str(line).expect("a row")
    });
    let counts = ["statements", "differing", "gone"].map(|name| row[name].as_u64());
    assert_eq!(counts, [COMPANIES, 0, 0].map(Some), "{row}");
    all
}

#[test]
fn a_run_that_is_killed_anywhere_closes_each_company_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let filled = folder.path().join("filled");
    let period = fill(&filled);

    let whole = folder.path().join("whole");
    segments::copy(&filled, &whole);
    let launch = Launch::new(&whole);
    let server = launch.start();
    ask(&mut server.connect(), &period);
    let mut connection = server.connect();
    watch(&mut connection, &period, |run| run["state"] == "ended");
    drop(connection);
    server.stop();
    let due = finish(&launch, &whole, &period);
    for (company, statement) in (1..).zip(&due) {
        let entries = if company % 4 >= 2 { 3 } else { 0 };
        assert_eq!(statement["entries"], entries, "{statement}");
    }

    let mut cut_off = 0;
    let kills = KILLED_AT.iter().cycle().take(scale::times(KILLED_AT.len()));
    for (at, done) in kills.enumerate() {
        let points = folder.path().join(format!("killed-{at}"));
        segments::copy(&filled, &points);
        let launch = Launch::new(&points);
        let server = launch.start();
        let mut connection = server.connect();
        ask(&mut connection, &period);
        let run = watch(&mut connection, &period, |run| {
            run["done"].as_u64() >= Some(*done)
        });
        cut_off += usize::from(run["state"] == "running");
        server.kill();
        // Nobody asks again.
        assert_eq!(finish(&launch, &points, &period), due, "killed at {done}");
    }
    assert!(cut_off > 0, "no run was cut off");
}
