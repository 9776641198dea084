//! Retention through the tool: what goes is said first, and what stays is read as before by every command.

use std::fs;
use std::path::Path;

use engine::domain::{
    CloseSettlement, Command as Act, CompanyId, CreateCompany, Description, Event, Granted, Points,
    SomeTerms, Span, Standing, Tallying, Timestamp,
};

use crate::stage::{
    Answer, SECOND_US, START_US, Store, amount, charge, create, earn, key, run, send, spend, wallet,
};

const DAY_US: i64 = 24 * 3600 * SECOND_US;

/// A closed store of a thousand days with three archive files: two of them long past, one of these days.
fn old() -> Store {
    old_with(|_, _| {})
}

/// The same, with something more at the end of each round.
fn old_with(mut more: impl FnMut(&mut Store, i64)) -> Store {
    let mut store = Store::new();
    store.pass(-1_000 * DAY_US);
    store.act(&create(1), None);
    store.act(&create(2), None);
    for round in 0..4 {
        for at in 0..50 {
            store.pass(DAY_US / 8);
            store.act(&earn(1, 10), key(100 * round + at));
            store.act(&send(1, 2, 3), None);
        }
        more(&mut store, i64::try_from(round).unwrap());
        store = store.close();
        store.rows(&["snapshot", "create"], 0);
        store.rows(&["compact", "--yes"], 0);
        if round < 3 {
            store.start();
            // Up to the last days.
            store.pass(if round == 1 { 900 } else { 1 } * DAY_US);
        }
    }
    assert_eq!(archives(store.dir()).len(), 3);
    store
}

fn archives(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir.join("archive")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// What every command that needs no more than the state and the newer history says.
fn told(store: &Store) -> Vec<String> {
    let questions: [&[&str]; 3] = [
        &["replay", "--format", "csv"],
        &["balance", "1", "--at", "2026-08-01", "--json"],
        &["dump", "--tail", "40", "--json"],
    ];
    questions.map(|question| store.tool(question).out).to_vec()
}

#[test]
fn only_files_all_of_which_is_older_go_and_are_named_first() {
    let store = old();
    let before = told(&store);
    let refused = store.tool(&["compact", "--retain", "399d", "--yes"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    let files = archives(store.dir());
    let planned = store.rows(&["compact", "--retain", "400d", "--dry-run"], 0);
    assert_eq!(planned.len(), 3, "two files and a sum: {planned:?}");
    for (row, file) in planned[..2].iter().zip(&files) {
        assert_eq!(row["file"], format!("archive/{file}"));
        assert_eq!(row["done"], false);
        let bytes = fs::metadata(store.dir().join("archive").join(file)).unwrap();
        assert_eq!(row["bytes"], bytes.len());
    }
    assert_eq!(archives(store.dir()), files, "a dry run");
    let done = store.rows(&["compact", "--retain", "400d", "--yes"], 0);
    assert_eq!(done[2]["deleted_files"], 2);
    assert_eq!(archives(store.dir()), files[2..]);
    for (row, planned) in done.iter().zip(&planned[..2]) {
        assert_eq!(
            (&row["from"], &row["last_lsn"]),
            (&planned["from"], &planned["last_lsn"])
        );
    }
    assert!(told(&store) == before);
    let again = store.rows(&["compact", "--retain", "400d", "--yes"], 0);
    assert_eq!(again[0]["deleted_files"], 0);
}

#[test]
fn every_command_copes_with_a_log_that_begins_later() {
    let store = old();
    let deep = store.rows(&["verify", "--deep"], 0);
    let done = store.rows(&["compact", "--retain", "400d", "--yes"], 0);
    let begins = done[1]["last_lsn"].as_u64().unwrap() + 1;
    let later = store.rows(&["verify", "--deep"], 0);
    assert_eq!(later[0]["first_lsn"], begins);
    for same in ["wallets", "points", "last_lsn"] {
        assert_eq!(later[0][same], deep[0][same], "{same}");
    }
    let first = store.rows(&["dump", "--limit", "1"], 0);
    assert_eq!(first[0]["lsn"], begins);
    let questions: [&[&str]; 8] = [
        &["inspect"],
        &["history", "1"],
        &["stats"],
        &["snapshot", "verify"],
        &["snapshot", "create"],
        &["index", "rebuild", "--yes"],
        &["diff", "--lsn-b", "99999999"],
        &["verify"],
    ];
    for question in questions {
        let answer = store.tool(question);
        assert!(
            matches!(answer.code, 0 | 18),
            "{question:?}: {} {}",
            answer.out,
            answer.err
        );
    }
    // What would need the past says that it is gone, and that is no damage.
    let gone = [
        store.tool(&["export"]),
        store.tool(&["balance", "1", "--at", "2020-01-01"]),
        store.tool(&["replay", "--to-lsn", "5"]),
    ];
    for answer in gone {
        assert_eq!(answer.code, 2, "{}", answer.err);
        assert!(answer.err.contains("has been deleted"), "{}", answer.err);
    }
}

/// A store after its retention, and where its log begins, is known from, and ends.
struct Retained {
    store: Store,
    begins: u64,
    known: u64,
    last: u64,
}

fn retained() -> Retained {
    let store = old();
    let done = store.rows(&["compact", "--retain", "400d", "--yes"], 0);
    let begins = done[1]["last_lsn"].as_u64().unwrap() + 1;
    let snapshots = store.rows(&["snapshot", "list"], 0);
    let known = snapshots.iter().filter_map(|row| row["lsn"].as_u64());
    let known = known.min().unwrap();
    let last = store.rows(&["verify"], 0)[0]["last_lsn"].as_u64().unwrap();
    assert!(begins < known && known < last, "{begins} {known} {last}");
    Retained {
        store,
        begins,
        known,
        last,
    }
}

fn restore(store: &Store, to: &Path, point: &[&str]) -> (String, Answer) {
    let (from, to) = (store.dir().to_str().unwrap(), to.to_str().unwrap());
    let whole = ["restore", "--from", from, "--json", "--out", to];
    (to.to_owned(), run(&[&whole[..], point].concat()))
}

fn said(dir: &str, question: &[&str]) -> String {
    let answer = run(&[question, &[dir]].concat());
    assert_eq!(answer.code, 0, "{question:?}: {}{}", answer.out, answer.err);
    answer.out
}

#[test]
fn a_restore_takes_over_all_that_is_left_before_the_snapshot_too() {
    let Retained {
        store,
        begins,
        last,
        ..
    } = retained();
    let from = store.dir().to_str().unwrap();
    let out = tempfile::tempdir().unwrap();
    let (whole, answer) = restore(&store, &out.path().join("whole"), &[]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    let row = &answer.rows()[0];
    assert_eq!(
        (&row["last_lsn"], &row["fork_lsn"]),
        (&last.into(), &(last + 1).into())
    );
    assert_ne!(row["store_id"], row["parent"]);
    let deep = run(&["verify", "--deep", "--json", &whole]);
    assert_eq!(deep.code, 0, "{}{}", deep.out, deep.err);
    assert_eq!(deep.rows()[0]["first_lsn"], begins);
    let acts = |dir: &str| {
        let rows = run(&["dump", "--json", "--to-lsn", &last.to_string(), dir]).rows();
        let told = rows
            .iter()
            .map(|row| (row["lsn"].clone(), row["at"].clone(), row["event"].clone()));
        told.collect::<Vec<_>>()
    };
    assert_eq!(acts(&whole), acts(from));
    for question in [
        &["replay", "--format", "csv"][..],
        &["history", "1", "--json"],
    ] {
        assert_eq!(said(&whole, question), said(from, question));
    }
}

#[test]
fn a_restore_goes_back_to_any_moment_that_is_left_and_names_the_first() {
    let Retained {
        store, known, last, ..
    } = retained();
    let from = store.dir().to_str().unwrap();
    let out = tempfile::tempdir().unwrap();
    let restore = |name: &str, point: &[&str]| restore(&store, &out.path().join(name), point);
    // A moment that is left, by its LSN and by its time.
    let middle = (known + last) / 2;
    let at = run(&[
        "dump",
        "--json",
        "--from-lsn",
        &middle.to_string(),
        "--limit",
        "1",
        from,
    ]);
    let at = at.rows()[0]["created_at"].as_str().unwrap().to_owned();
    let lsn = middle.to_string();
    let (by_lsn, answer) = restore("lsn", &["--to-lsn", &lsn]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    let (by_time, answer) = restore("time", &["--to-time", &at]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    let then = said(from, &["replay", "--to-lsn", &lsn, "--format", "csv"]);
    assert_eq!(said(&by_lsn, &["replay", "--format", "csv"]), then);
    let reached = answer.rows()[0]["last_lsn"].to_string();
    let then = said(from, &["replay", "--to-lsn", &reached, "--format", "csv"]);
    assert_eq!(said(&by_time, &["replay", "--format", "csv"]), then);
    // What led to the snapshot is gone, and the answer says what is not.
    let first = known.to_string();
    for (name, point) in [
        ("early", ["--to-lsn", &(known - 1).to_string()]),
        ("long", ["--to-time", "2024-06-01"]),
    ] {
        let (to, answer) = restore(name, &point);
        assert_eq!(answer.code, 2, "{}", answer.err);
        assert!(answer.err.contains("has been deleted"), "{}", answer.err);
        assert!(
            answer.err.contains(&format!("LSN {first}")),
            "{}",
            answer.err
        );
        assert!(!Path::new(&to).exists());
    }
    let (first, answer) = restore("first", &["--to-lsn", &first]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    // And again, from what was restored.
    let to = out.path().join("again");
    let answer = run(&["restore", "--from", &first, "--out", to.to_str().unwrap()]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert_eq!(
        said(to.to_str().unwrap(), &["replay", "--format", "csv"]),
        said(&first, &["replay", "--format", "csv"])
    );
}

/// Closes a period of company 7.
fn settle(store: &mut Store, (from, to): (Timestamp, Timestamp), tally: Tallying) {
    let created_at = Timestamp(START_US - 1_000 * DAY_US);
    let close = CloseSettlement {
        company: CompanyId::new(7).unwrap(),
        span: Span::new(from, to).unwrap(),
        zone: "Asia/Seoul".into(),
        terms: SomeTerms::default(),
        by: Description::new("accounting").unwrap(),
        created_at: created_at.max(from),
        tally: tally.finish().map(Box::new),
    };
    store.act(&Act::CloseSettlement(Box::new(close)), None);
}

#[test]
fn a_statement_is_not_blamed_for_the_one_before_it_that_is_gone() {
    let mut edge = Timestamp(0);
    let store = old_with(|store, round| match round {
        0 => {
            let begun = store.now();
            store.act(
                &Act::CreateCompany(CreateCompany {
                    company: CompanyId::new(7).unwrap(),
                    name: Description::new("Acme").unwrap(),
                }),
                None,
            );
            store.pass(SECOND_US);
            edge = store.now();
            let tally = Tallying::new(wallet(7), 1, Points::ZERO);
            settle(store, (begun, edge), tally);
        }
        3 => {
            let at = store.now();
            let lsn = store.act(&charge(7, 1_000), None);
            let charged = Event::Charged(Granted {
                standing: Standing {
                    wallet: wallet(7),
                    version: 2,
                    paid: 1_000,
                    free: 0,
                },
                amount: amount(1_000),
                expires_at: None,
                lot: 0,
                description: Description::new("a grant").unwrap(),
                aside: None,
            });
            let mut tally = Tallying::new(wallet(7), 1, Points::ZERO);
            tally.count(lsn, at, &charged).unwrap();
            store.pass(SECOND_US);
            settle(store, (edge, store.now()), tally);
        }
        _ => {}
    });
    let verify = ["settlement", "verify"];
    let whole = store.rows(&verify, 0);
    assert_eq!(whole.last().unwrap()["statements"], 2);
    store.rows(&["verify", "--deep"], 0);
    store.rows(&["compact", "--retain", "400d", "--yes"], 0);
    let left = store.rows(&verify, 0);
    let sum = left.last().unwrap();
    assert_eq!(
        (&sum["statements"], &sum["differing"]),
        (&1.into(), &0.into()),
        "{sum}"
    );
    store.rows(&["verify", "--deep"], 0);
}

#[test]
fn a_backup_takes_the_snapshots_that_stand_for_what_is_gone() {
    let store = old();
    store.rows(&["compact", "--retain", "400d", "--yes"], 0);
    let to = tempfile::tempdir().unwrap();
    let (from, backups) = (store.dir().to_str().unwrap(), to.path().to_str().unwrap());
    let made = run(&[
        "backup", "create", "--from", from, "--to", backups, "--json",
    ]);
    assert_eq!(made.code, 0, "{}", made.err);
    let generation = made.rows()[0]["generation"].as_str().unwrap().to_owned();
    let checked = run(&["backup", "verify", &generation, "--json"]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
    assert_eq!(checked.rows()[0]["wallets"], 2);
    let replayed = |dir: &str| run(&["replay", dir, "--format", "csv"]).out;
    assert_eq!(replayed(&generation), replayed(from));
    // Without them nothing can be told of the state.
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "snap") {
            fs::remove_file(path).unwrap();
        }
    }
    let lost = store.tool(&["verify", "--deep"]);
    assert_eq!(lost.code, 13, "{}", lost.out);
    assert!(lost.out.contains("no sound snapshot"), "{}", lost.out);
    assert_eq!(store.tool(&["replay"]).code, 13);
    assert_eq!(store.tool(&["balance", "1"]).code, 13);
}

#[test]
fn a_backup_goes_on_behind_one_from_before_the_deletion_and_both_are_whole() {
    let mut store = old();
    let to = tempfile::tempdir().unwrap();
    let backups = to.path().to_str().unwrap().to_owned();
    let create = |from: &str| {
        let made = run(&[
            "backup", "create", "--from", from, "--to", &backups, "--json",
        ]);
        assert_eq!(made.code, 0, "{}", made.err);
        made.rows().remove(0)
    };
    let from = store.dir().to_str().unwrap().to_owned();
    let older = create(&from);
    store.start();
    store.act(&earn(2, 5), None);
    let store = store.close();
    let done = store.rows(&["compact", "--retain", "400d", "--yes"], 0);
    let begins = done[1]["last_lsn"].as_u64().unwrap() + 1;
    let newer = create(&from);
    assert_eq!(
        (&older["first_lsn"], &newer["first_lsn"]),
        (&1.into(), &begins.into())
    );
    assert!(newer["linked_files"].as_u64().unwrap() > 0, "{newer}");
    for (made, point) in [(&older, 5), (&newer, begins)] {
        let generation = made["generation"].as_str().unwrap();
        let checked = run(&["backup", "verify", generation, "--json"]);
        assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
        assert_eq!(checked.rows()[0]["verdict"], "clean");
        let restored = to.path().join(format!("from-{point}"));
        let restored = restored.to_str().unwrap();
        let answer = run(&["restore", "--from", generation, "--out", restored]);
        assert_eq!(answer.code, 0, "{}", answer.err);
        let deep = run(&["verify", "--deep", restored]);
        assert_eq!(deep.code, 0, "{}{}", deep.out, deep.err);
        let state = |dir: &str| run(&["replay", dir, "--format", "csv"]).out;
        assert_eq!(state(restored), state(generation));
        let early = run(&[
            "dump",
            "--json",
            "--from-lsn",
            &point.to_string(),
            "--limit",
            "1",
            restored,
        ]);
        assert_eq!(early.rows()[0]["lsn"], point);
    }
    // What one of them no longer has is no difference.
    let backup = older["generation"].as_str().unwrap();
    let last = older["last_lsn"].to_string();
    let same = run(&["diff", backup, &from, "--lsn-b", &last, "--json"]);
    assert_eq!(same.code, 0, "{}{}", same.out, same.err);
    let row = same.rows().remove(0);
    assert_eq!(
        (&row["same"], &row["from_lsn"]),
        (&true.into(), &begins.into())
    );
    let differs = run(&["diff", backup, &from, "--json"]);
    assert_eq!(differs.code, 18, "{}{}", differs.out, differs.err);
    let rows = differs.rows();
    let first = rows.last().unwrap()["first_differing_lsn"].as_u64();
    assert_eq!(first, older["last_lsn"].as_u64().map(|last| last + 1));
    // Nothing has happened since, and the deletion was no act.
    assert_eq!(create(&from)["unchanged"], true);
}

#[test]
fn a_use_that_is_gone_is_not_missed_by_its_cancel_and_an_early_key_is_no_second_use() {
    let store = old();
    let mut store = store;
    store.start();
    store.act(&spend(2, 1), key(9_999));
    let store = store.close();
    store.rows(&["compact", "--retain", "400d", "--yes"], 0);
    store.rows(&["verify", "--deep"], 0);
    let why = store.tool(&["why", "00000000000000000000000000000064"]);
    assert!(why.err.contains("begins at LSN"), "{}", why.err);
    let gone = store.rows(&["why", "00000000000000000000000000000001"], 0);
    assert_eq!(gone[0]["outcome"], "unknown");
}
