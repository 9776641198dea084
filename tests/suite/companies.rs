//! Companies on the real server: whoever spends, and however many at once, what is answered is what was done.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Barrier, mpsc};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::audit::Audit;
use tests::http::{Connection, Reply};
use tests::launch::{Launch, Server};
use tests::random::Random;
use tests::wal_tool::WalTool;

const COMPANIES: u64 = 10;

/// Members of each company: three users, no user in two companies.
const MEMBERS: u64 = 3;

/// Charges of each fund before anything is spent.
const CHARGES: u64 = 5;

/// What each member of a company asks for while others do the same.
const ROUNDS: u64 = 60;

/// Fewer points than they ask for together.
const OPENING: u64 = 1_500;

/// A company as two numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Purse {
    paid: u64,
    free: u64,
}

// === impl Purse ===

impl Purse {
    fn sum(self) -> u64 {
        self.paid + self.free
    }

    /// Takes points out, or says that there are not enough.
    fn take(&mut self, fund: Option<&str>, points: u64) -> bool {
        let (free, paid) = match fund {
            Some("free") => (points, 0),
            Some(_) => (0, points),
            None => (points.min(self.free), points - points.min(self.free)),
        };
        let enough = free <= self.free && paid <= self.paid;
        if enough {
            self.free -= free;
            self.paid -= paid;
        }
        enough
    }
}

fn start() -> (TempDir, Launch, Server) {
    let folder = tempfile::tempdir().expect("a folder");
    let launch = Launch::new(&folder.path().join("points"));
    let server = launch.start();
    (folder, launch, server)
}

/// Creates a company with its members.
fn found(connection: &mut Connection, company: u64) -> Vec<u64> {
    let body = json!({"id": company, "name": format!("Company {company}")});
    connection.post("/v1/companies", &body).expect(201);
    let users: Vec<u64> = (0..MEMBERS).map(|at| company * 100 + at).collect();
    for user in &users {
        let path = format!("/v1/companies/{company}/members");
        connection.post(&path, &json!({ "user": user })).expect(201);
    }
    users
}

fn give(connection: &mut Connection, company: u64, verb: &str, points: u64) -> Reply {
    let path = format!("/v1/wallets/{company}/{verb}");
    connection.post(&path, &json!({ "amount": points }))
}

fn spend(
    connection: &mut Connection,
    company: u64,
    user: u64,
    points: u64,
    fund: Option<&str>,
) -> Reply {
    let mut body = json!({"user": user, "amount": points});
    if let Some(fund) = fund {
        body["fund"] = fund.into();
    }
    connection.post(&format!("/v1/companies/{company}/use"), &body)
}

fn number(seen: &Value, name: &str) -> u64 {
    seen[name].as_u64().expect("a number")
}

fn purse(seen: &Value) -> Purse {
    Purse {
        paid: number(seen, "paid"),
        free: number(seen, "free"),
    }
}

fn shown(connection: &mut Connection, company: u64) -> Purse {
    let seen = connection.get(&format!("/v1/companies/{company}"));
    purse(&seen.expect(200).json()["wallet"])
}

/// Spends if the model says that it goes; the server must say the same.
fn spend_as_in(
    connection: &mut Connection,
    purse: &mut Purse,
    (company, user): (u64, u64),
    points: u64,
    fund: Option<&str>,
) {
    let reply = spend(connection, company, user, points, fund);
    if purse.take(fund, points) {
        let receipt = reply.expect(201).json();
        assert_eq!(self::purse(&receipt), *purse, "{receipt}");
        assert_eq!(
            (&receipt["by"], &receipt["amount"]),
            (&json!(user), &json!(points))
        );
    } else {
        reply.expect_problem(422, "insufficient-balance");
    }
    assert_eq!(shown(connection, company), *purse);
}

/// Random charges of both funds, and what they come to.
fn fill(connection: &mut Connection, random: &mut Random, company: u64) -> Purse {
    let mut purse = Purse { paid: 0, free: 0 };
    for _ in 0..CHARGES {
        let (paid, free) = (random.between(1, 10_000), random.between(1, 10_000));
        give(connection, company, "charge", paid).expect(201);
        give(connection, company, "earn", free).expect(201);
        purse.paid += paid;
        purse.free += free;
    }
    assert_eq!(shown(connection, company), purse);
    purse
}

/// Free only, paid only, exactly the free part, and free before paid.
fn spend_in_all_ways(
    connection: &mut Connection,
    mut pick: impl FnMut() -> u64,
    purse: &mut Purse,
    company: u64,
) {
    let mut pay = |purse: &mut Purse, points: u64, fund: Option<&str>| {
        spend_as_in(connection, purse, (company, pick()), points, fund);
    };
    pay(purse, 1, Some("free"));
    pay(purse, 1, Some("paid"));
    let Purse { paid, free } = *purse;
    pay(purse, free + 1, Some("free"));
    pay(purse, paid + 1, Some("paid"));
    // Exactly the free part leaves paid points alone, whether they are named or not.
    pay(purse, free - 10, None);
    pay(purse, 10, company.is_multiple_of(2).then_some("free"));
    assert_eq!(*purse, Purse { paid, free: 0 });
    pay(purse, 1, Some("free"));
    pay(purse, 1, None);
    assert_eq!(purse.paid, paid - 1);
}

#[test]
fn ten_random_companies_are_what_two_numbers_say() {
    let (folder, launch, server) = start();
    let mut connection = server.connect();
    let mut random = Random::new(Random::seed());
    let mut purses = Vec::new();
    for company in 1..=COMPANIES {
        let users = found(&mut connection, company);
        let mut purse = fill(&mut connection, &mut random, company);
        let pick = || *random.pick(&users);
        spend_in_all_ways(&mut connection, pick, &mut purse, company);
        // Free points first, and then paid ones; one more than all; and of every other one exactly all.
        give(&mut connection, company, "earn", 50).expect(201);
        purse.free += 50;
        let mut pay = |purse: &mut Purse, points: u64| {
            let user = *random.pick(&users);
            spend_as_in(&mut connection, purse, (company, user), points, None);
        };
        pay(&mut purse, 51);
        let all = purse.sum();
        pay(&mut purse, all + 1);
        if company.is_multiple_of(2) {
            pay(&mut purse, all);
            assert_eq!(purse.sum(), 0);
        }
        // A member of another company is nobody here.
        let stranger = (company % COMPANIES + 1) * 100;
        let refused = spend(&mut connection, company, stranger, 1, None);
        refused.expect_problem(422, "not-member");
        purses.push((company, purse));
    }
    Audit::default().read_on(&mut connection, 1..=COMPANIES);
    drop(connection);
    server.kill();
    let server = launch.start();
    let mut connection = server.connect();
    for (company, purse) in purses {
        assert_eq!(shown(&mut connection, company), purse);
    }
    drop(connection);
    server.stop();
    let points = folder.path().join("points");
    WalTool::on(&points).run(&["verify", "--deep"]).expect(0);
}

/// Two users read the same balance, and the second spends before the first one does. Nobody holds a version that could
/// be out of date, so both are judged by what there is when they spend.
fn read_then_spend(first_points: u64, second_points: u64) -> (Reply, Reply, Purse) {
    let (_folder, _launch, server) = start();
    let mut connection = server.connect();
    let users = found(&mut connection, 1);
    give(&mut connection, 1, "charge", 100).expect(201);
    let (has_read, read) = mpsc::channel();
    let (has_spent, spent) = mpsc::channel();
    let address = server.http;
    let (first, second) = thread::scope(|scope| {
        let user = users[0];
        let first = scope.spawn(move || {
            let mut connection = Connection::open(address).expect("a connection");
            let seen = shown(&mut connection, 1);
            has_read.send(seen).expect("the other one waits");
            spent.recv().expect("the other one spends");
            spend(&mut connection, 1, user, first_points, None)
        });
        let seen: Purse = read.recv().expect("the first one reads");
        assert_eq!(seen.sum(), 100);
        assert_eq!(shown(&mut connection, 1), seen);
        let second = spend(&mut connection, 1, users[1], second_points, None);
        has_spent.send(()).expect("the first one waits");
        (first.join().expect("the first one ends"), second)
    });
    let left = shown(&mut connection, 1);
    let rows = history(&mut connection, 1);
    let accepted = [&first, &second]
        .into_iter()
        .filter(|reply| reply.status == 201);
    let spent: u64 = accepted
        .map(|reply| reply.json()["amount"].as_u64().expect("an amount"))
        .sum();
    let told = rows.iter().filter(|row| row["type"] == "use");
    let told: u64 = told
        .map(|row| row["amount"].as_u64().expect("an amount"))
        .sum();
    assert_eq!((spent, 100 - spent), (told, left.sum()));
    (first, second, left)
}

fn history(connection: &mut Connection, company: u64) -> Vec<Value> {
    let page = connection.get(&format!("/v1/wallets/{company}/transactions?limit=500"));
    let page = page.expect(200).json();
    assert_eq!(page["next_cursor"], Value::Null);
    page["items"].as_array().expect("items").clone()
}

#[test]
fn what_was_read_before_is_no_conflict() {
    let (first, second, left) = read_then_spend(60, 40);
    assert_eq!((first.status, second.status, left.sum()), (201, 201, 0));
}

#[test]
fn what_is_no_longer_there_is_said_and_not_called_a_conflict() {
    let (first, second, left) = read_then_spend(61, 40);
    assert_eq!((second.status, left.sum()), (201, 60));
    let problem = first.expect_problem(422, "insufficient-balance").json();
    assert_eq!(
        (&problem["available"], &problem["requested"]),
        (&json!(60), &json!(61))
    );
}

#[test]
fn ten_charges_at_once_all_count() {
    let (_folder, _launch, server) = start();
    let mut connection = server.connect();
    found(&mut connection, 1);
    let at_once = Barrier::new(10);
    thread::scope(|scope| {
        for points in 1..=10 {
            let (address, at_once) = (server.http, &at_once);
            scope.spawn(move || {
                let mut connection = Connection::open(address).expect("a connection");
                at_once.wait();
                let verb = if points % 2 == 0 { "charge" } else { "earn" };
                give(&mut connection, 1, verb, points).expect(201);
            });
        }
    });
    let purse = shown(&mut connection, 1);
    assert_eq!(purse, Purse { paid: 30, free: 25 });
    assert_eq!(history(&mut connection, 1).len(), 10);
}

/// Transaction, user and points of a use.
type Spent = (u64, u64, u64);

/// One member spends again and again; gives what was accepted.
fn spend_again_and_again(address: SocketAddr, user: u64, begin: &Barrier) -> Vec<Spent> {
    let mut connection = Connection::open(address).expect("a connection");
    begin.wait();
    let mut accepted = Vec::new();
    for points in 1..=ROUNDS {
        let reply = spend(&mut connection, 1, user, points % 20 + 1, None);
        if reply.status == 201 {
            let receipt = reply.json();
            accepted.push((number(&receipt, "id"), user, number(&receipt, "amount")));
        } else {
            reply.expect_problem(422, "insufficient-balance");
        }
    }
    accepted
}

fn come_and_go(address: SocketAddr, begin: &Barrier) {
    let mut connection = Connection::open(address).expect("a connection");
    begin.wait();
    for _ in 0..ROUNDS {
        for verb in ["members", "members/remove"] {
            let path = format!("/v1/companies/1/{verb}");
            connection.post(&path, &json!({"user": 7})).expect(201);
        }
    }
}

/// Members of one company spend more than there is, all at once, while somebody joins and leaves. What was answered with 201
/// is in the history once, under who asked for it; what was refused is not; and what is left is what was not spent.
#[test]
fn nothing_is_accepted_that_is_not_applied() {
    let (folder, _launch, server) = start();
    let mut connection = server.connect();
    let users = found(&mut connection, 1);
    give(&mut connection, 1, "charge", OPENING / 2).expect(201);
    give(&mut connection, 1, "earn", OPENING / 2).expect(201);
    let begin = Barrier::new(users.len() + 1);
    let accepted: Vec<Spent> = thread::scope(|scope| {
        let (address, begin) = (server.http, &begin);
        scope.spawn(move || come_and_go(address, begin));
        let spenders = users.iter();
        let spenders = spenders
            .map(|user| scope.spawn(move || spend_again_and_again(address, *user, begin)))
            .collect::<Vec<_>>();
        let ended = spenders.into_iter().map(|one| one.join().expect("it ends"));
        ended.flatten().collect()
    });
    let rows = history(&mut connection, 1);
    let uses = rows.iter().filter(|row| row["type"] == "use");
    let told: Vec<Spent> = uses
        .map(|row| {
            (
                number(row, "transaction"),
                number(row, "by"),
                number(row, "amount"),
            )
        })
        .collect();
    let spent: u64 = accepted.iter().map(|(_, _, points)| points).sum();
    assert!(
        accepted.len() < users.len() * ROUNDS as usize,
        "all was accepted"
    );
    assert_eq!(accepted.len(), told.len());
    assert_eq!(BTreeSet::from_iter(accepted), BTreeSet::from_iter(told));
    assert_eq!(shown(&mut connection, 1).sum(), OPENING - spent);
    Audit::default().read_on(&mut connection, [1]);
    let seen = connection.get("/v1/companies/1").expect(200).json();
    assert_eq!(seen["members"], json!(users));
    // Created, joined by three, and by one more who left again each time.
    assert_eq!(seen["version"], 1 + MEMBERS + 2 * ROUNDS);
    drop(connection);
    server.stop();
    let points = folder.path().join("points");
    WalTool::on(&points).run(&["verify", "--deep"]).expect(0);
}

#[test]
fn every_company_is_listed_once_whatever_the_page() {
    let (folder, launch, server) = start();
    let mut connection = server.connect();
    let ids: BTreeSet<u64> = (1..=57).map(|at| at * at % 211 + 1).collect();
    for id in &ids {
        let body = json!({"id": id, "name": format!("Company {id}")});
        connection.post("/v1/companies", &body).expect(201);
    }
    // Wallets are no companies.
    connection
        .post("/v1/wallets", &json!({"id": 999}))
        .expect(201);
    let listed = |connection: &mut Connection, limit: u64| {
        let (mut listed, mut path) = (Vec::new(), format!("/v1/companies?limit={limit}"));
        loop {
            let page = connection.get(&path).expect(200).json();
            let items = page["items"].as_array().expect("items");
            assert!(items.len() as u64 <= limit);
            for item in items {
                let id = item["id"].as_u64().expect("an id");
                assert_eq!(item["name"], format!("Company {id}"));
                listed.push(id);
            }
            let Some(cursor) = page["next_cursor"].as_str() else {
                return listed;
            };
            path = format!("/v1/companies?limit={limit}&cursor={cursor}");
        }
    };
    let expected: Vec<u64> = ids.into_iter().collect();
    for limit in [1, 7, expected.len() as u64, 500] {
        assert_eq!(listed(&mut connection, limit), expected, "{limit}");
    }
    drop(connection);
    server.kill();
    let server = launch.start();
    let mut connection = server.connect();
    assert_eq!(listed(&mut connection, 10), expected);
    drop(connection);
    server.stop();
    // A log in words and back is the same log.
    let tool = WalTool::on(&folder.path().join("points"));
    let export = folder.path().join("points.ndjson");
    let exported = tool.run(&["export"]).expect(0);
    std::fs::write(&export, exported.stdout).expect("a file");
    let again = folder.path().join("again");
    let out = again.to_str().expect("a path");
    WalTool::on(&export)
        .run(&["import", "--out", out])
        .expect(0);
    let server = Launch::new(&again).start();
    assert_eq!(listed(&mut server.connect(), 10), expected);
    server.stop();
}
