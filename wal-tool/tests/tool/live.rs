//! The tool beside others: a writer at work, a reader that goes away.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use serde_json::Value;

use crate::stage::{Store, command, create, earn, lsns};

#[test]
fn follow_shows_what_becomes_durable_across_rolls_and_restarts() {
    let mut store = Store::new();
    store.act(&create(1), None);
    let dir = store.dir().to_str().unwrap().to_owned();
    let mut child = command(&["dump", "--follow", "--json", &dir])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = |store: &mut Store| -> u64 {
        // An act is shown once a later one attests it.
        store.act(&earn(1, 1), None);
        let row: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        row["lsn"].as_u64().unwrap()
    };
    for expected in 1..40 {
        assert_eq!(next(&mut store), expected);
    }
    assert!(store.segments().len() > 2, "the log has rolled");
    // A crash and a new start: the next segment attests what the last one ended with.
    let mut store = store.crash();
    store.start();
    for expected in 40..45 {
        assert_eq!(next(&mut store), expected);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut store = Store::new();
    store.act(&create(1), None);
    for _ in 0..700 {
        store.act(&earn(1, 1), None);
    }
    let store = store.close();
    let dir = store.dir().to_str().unwrap().to_owned();
    let mut child = command(&["dump", "--json", &dir])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    assert!(first.contains("\"lsn\":1,"), "{first}");
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[test]
fn reading_beside_a_writer_shows_only_what_is_attested_and_changes_nothing() {
    let mut store = Store::new();
    store.act(&create(1), None);
    store.act(&earn(1, 7), None);
    // Nothing attests the last act yet.
    assert_eq!(lsns(&store.rows(&["dump"], 0)), [1]);
    let verified = store.rows(&["verify", "--deep"], 0);
    assert!(verified[0]["held_by"].as_str().unwrap().contains("pid"));
    let inspected = store.rows(&["inspect"], 0);
    assert!(inspected[0]["held_by"].as_str().unwrap().contains("pid"));
    store.act(&earn(1, 7), None);
    assert_eq!(lsns(&store.rows(&["dump"], 0)), [1, 2]);
}
