//! The race that a bank's own seed programme lost: one account with 10,000, and 10,000 deposits of 100 and
//! 10,000 withdrawals of 100 sent at once. Its authors ended at 9,500 once, and refused 16 of 60 another time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use serde_json::json;
use tests::audit::Audit;
use tests::http::Connection;
use tests::launch::{Launch, Server};
use tests::ledger::{self, Fate, Job, Ledger};

const OPENING: u64 = 10_000;
const AMOUNT: u64 = 100;
const DEPOSITS: usize = 10_000;
const WITHDRAWALS: usize = 10_000;
const CONNECTIONS: usize = 64;

/// Answers after which the server is killed: in the middle of it all.
const ANSWERS_BEFORE_KILL: usize = 6_000;

#[test]
fn the_bank_seed_race_ends_where_it_must() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Launch::new(&folder.path().join("points")).start();
    open_account(&server);
    let left = race(server.http, folder.path(), "once", deal(), None);
    assert!(left.is_empty(), "{} requests got no answer", left.len());
    settle(&server, &ledgers(folder.path(), &["once"]));
}

#[test]
fn the_bank_seed_race_survives_a_kill_in_the_middle() {
    let folder = tempfile::tempdir().expect("a folder");
    let launch = Launch::new(&folder.path().join("points"));
    let server = launch.start();
    open_account(&server);
    let (answers, answered) = channel();
    let left = thread::scope(|scope| {
        let racing =
            scope.spawn(|| race(server.http, folder.path(), "before", deal(), Some(&answers)));
        let counted = answered.iter().take(ANSWERS_BEFORE_KILL).count();
        assert_eq!(counted, ANSWERS_BEFORE_KILL);
        server.kill_now();
        racing.join().expect("the clients end")
    });
    assert!(!left.is_empty(), "the race was over before the kill");
    drop(server);

    // Whatever got no answer is asked again under its key.
    let server = launch.start();
    let left = race(server.http, folder.path(), "after", left, None);
    assert!(left.is_empty(), "{} requests got no answer", left.len());
    settle(&server, &ledgers(folder.path(), &["before", "after"]));
}

fn open_account(server: &Server) {
    let mut connection = server.connect();
    connection
        .post("/v1/wallets", &json!({"id": 1}))
        .expect(201);
    let charge = json!({"amount": OPENING});
    connection.post("/v1/wallets/1/charge", &charge).expect(201);
}

/// All deposits and withdrawals, turn about.
fn deal() -> Vec<Job> {
    let job = |verb: &str, at: usize| {
        let path = format!("/v1/wallets/1/{verb}");
        Job::new(
            format!("{verb}-{at}"),
            path,
            json!({"amount": AMOUNT}),
            true,
        )
    };
    assert_eq!(DEPOSITS, WITHDRAWALS, "they take turns");
    (0..DEPOSITS)
        .flat_map(|at| [job("charge", at), job("use", at)])
        .collect()
}

/// Sends the jobs over all connections at once; gives back those that got no answer.
fn race(
    server: SocketAddr,
    folder: &Path,
    round: &str,
    jobs: Vec<Job>,
    answers: Option<&Sender<()>>,
) -> Vec<Job> {
    thread::scope(|scope| {
        let share = jobs.len().div_ceil(CONNECTIONS).max(1);
        let clients: Vec<_> = jobs
            .chunks(share)
            .enumerate()
            .map(|(client, jobs)| {
                let answers = answers.cloned();
                let ledger = folder.join(format!("{round}-{client}.ledger"));
                scope.spawn(move || run_client(server, &ledger, jobs, answers.as_ref()))
            })
            .collect();
        let left = clients
            .into_iter()
            .map(|client| client.join().expect("a client ends"));
        left.flatten().collect()
    })
}

fn run_client(
    server: SocketAddr,
    path: &Path,
    jobs: &[Job],
    answers: Option<&Sender<()>>,
) -> Vec<Job> {
    let mut ledger = Ledger::create(path);
    let Ok(mut connection) = Connection::open(server) else {
        return jobs.to_vec();
    };
    for (at, job) in jobs.iter().enumerate() {
        match ledger.carry_out(job, &mut connection) {
            Fate::Unknown => return jobs[at..].to_vec(),
            Fate::Refused(code) => assert_eq!(code, "insufficient-balance", "{job:?}"),
            Fate::Acknowledged(_) => {}
        }
        if let Some(answers) = answers {
            // Nobody counts any more once the server is killed.
            let _ = answers.send(());
        }
    }
    Vec::new()
}

/// The last fate of every request, over the rounds in their order.
fn ledgers(folder: &Path, rounds: &[&str]) -> BTreeMap<String, Fate> {
    let mut fates = BTreeMap::new();
    for round in rounds {
        for client in 0..CONNECTIONS {
            let path = folder.join(format!("{round}-{client}.ledger"));
            if path.exists() {
                fates.extend(ledger::read(&path));
            }
        }
    }
    fates
}

fn settle(server: &Server, fates: &BTreeMap<String, Fate>) {
    let mut audit = Audit::default();
    audit.read_on(&mut server.connect(), [1]);
    audit.hold_against(fates);
    let accepted = |verb: &str| {
        let of_verb = fates.iter().filter(|(tag, _)| tag.starts_with(verb));
        of_verb
            .filter(|(_, fate)| matches!(fate, Fate::Acknowledged(_)))
            .count() as u64
    };
    let (deposits, withdrawals) = (accepted("charge"), accepted("use"));
    assert_eq!(
        fates.len(),
        DEPOSITS + WITHDRAWALS,
        "every request has a fate"
    );
    assert_eq!(deposits, DEPOSITS as u64, "no deposit is ever refused");
    assert_eq!(
        audit.balance(1),
        OPENING + AMOUNT * deposits - AMOUNT * withdrawals
    );
    assert_eq!(audit.version(1), 2 + deposits + withdrawals);
}
