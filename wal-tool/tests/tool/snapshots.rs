//! Snapshots through the tool: made, listed, verified, damaged, refused beside a server.

use std::fs;

use crate::stage::{Store, create, earn, key, send, spend};

/// A log of several segments.
fn written() -> Store {
    let mut store = Store::new();
    store.act(&create(1), None);
    store.act(&create(2), None);
    for at in 0..60 {
        store.act(&earn(1, 10), key(at));
        store.act(&send(1, 2, 3), None);
    }
    store
}

#[test]
fn a_snapshot_is_made_once_and_holds_what_replay_shows() {
    let store = written().close();
    let made = store.rows(&["snapshot", "create"], 0);
    let [made] = made.as_slice() else {
        panic!("one row: {made:?}")
    };
    assert_eq!(made["lsn"], 122);
    assert_eq!((&made["entities"], &made["keys"]), (&2.into(), &60.into()));
    assert_eq!(made["free"], 600);
    assert_eq!(made["named"], true);
    let again = store.tool(&["snapshot", "create"]);
    assert_eq!((again.code, again.out.as_str()), (0, ""), "{}", again.err);
    let listed = store.rows(&["snapshot", "list"], 0);
    assert_eq!(listed.as_slice(), std::slice::from_ref(made));
    assert_eq!(store.rows(&["snapshot", "verify"], 0), listed);
    store.rows(&["verify", "--deep"], 0);
}

#[test]
fn the_next_snapshot_goes_on_from_the_one_before() {
    let store = written().close();
    store.rows(&["snapshot", "create"], 0);
    let mut store = store;
    for at in 0..3 {
        store.start();
        store.act(&spend(2, 1), key(1_000 + at));
        store = store.close();
        store.rows(&["snapshot", "create"], 0);
    }
    let listed = store.rows(&["snapshot", "verify"], 0);
    assert_eq!(listed.len(), 2, "two are kept: {listed:?}");
    assert_eq!(listed[1]["free"], 597);
    assert_eq!(listed[1]["keys"], 63);
    assert!(listed.iter().all(|row| row["named"] == true));
}

#[test]
fn a_damaged_and_a_missing_snapshot_are_told_with_13() {
    let store = written().close();
    let made = store.rows(&["snapshot", "create"], 0);
    let file = store.dir().join(made[0]["file"].as_str().unwrap());
    let sound = fs::read(&file).unwrap();
    let mut bytes = sound.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, &bytes).unwrap();
    for question in [&["snapshot", "verify"][..], &["verify"]] {
        let answer = store.tool(&[question, &["--json"]].concat());
        assert_eq!(answer.code, 13, "{question:?}: {}", answer.out);
        assert!(answer.out.contains("snap-"), "{}", answer.out);
    }
    // It is passed over, and one is made of the whole log in its place.
    let again = store.tool(&["snapshot", "list"]);
    assert_eq!(again.code, 0, "its frame is sound: {}", again.out);
    fs::remove_file(&file).unwrap();
    let gone = store.tool(&["snapshot", "list"]);
    assert_eq!(gone.code, 13);
    assert!(gone.out.contains("missing"), "{}", gone.out);
}

#[test]
fn create_needs_the_lock_and_a_store() {
    let store = written();
    let held = store.tool(&["snapshot", "create"]);
    assert_eq!(held.code, 16, "{}", held.err);
    let empty = tempfile::tempdir().unwrap();
    let dir = empty.path().to_str().unwrap();
    let none = crate::stage::run(&["snapshot", "create", dir]);
    assert_eq!(none.code, 2, "{}", none.err);
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0);
}
