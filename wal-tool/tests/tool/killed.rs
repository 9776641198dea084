//! kill -9 of a repair, and of its undoing, at every step that can be seen from outside: each file is as it was or as it
//! will be, undoing brings everything back, and a second try ends as the first would have.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::archived::archived;
use crate::damage::flip;
use crate::stage::{Store, command};

const REPAIR: [&str; 3] = ["repair", "--restore-header", "--yes"];

/// Live segments of these stores, each of them damaged; with the meta and a snapshot there is so much to change.
const SEGMENTS_MIN: usize = 3;

type Contents = BTreeMap<PathBuf, Vec<u8>>;

/// Everything that a repair may change, and the archive, which it may not.
fn contents(dir: &Path) -> Contents {
    let mut found = BTreeMap::new();
    for folder in [dir.to_owned(), dir.join("archive")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_file() && name != "LOCK" && !name.ends_with(".repair") {
                found.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Behind an archive: a header copy of each live segment, a copy of the meta and the newest snapshot are bad.
fn damaged() -> Store {
    let store = archived(64 * 1024, 60);
    let segments = store.segments();
    assert!(segments.len() >= SEGMENTS_MIN, "{segments:?}");
    for segment in &segments {
        flip(segment, 2048 + 100);
    }
    flip(&store.dir().join("store.meta"), 4096 + 50);
    let snapshots = store.rows(&["snapshot", "list"], 0);
    let newest = snapshots.last().unwrap()["file"].as_str().unwrap();
    flip(&store.dir().join(newest), 300);
    store
}

/// Files with what tells one that was switched from the one before.
fn inodes(dir: &Path) -> BTreeMap<PathBuf, u64> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    // What is renamed away between the listing and the looking is on its way.
    let found = entries.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?.ino())));
    found.collect()
}

/// How far a run has come: what lies aside, and what was switched or is gone.
fn progress(dir: &Path, before: &BTreeMap<PathBuf, u64>) -> usize {
    let aside = fs::read_dir(dir.join("aside")).map_or(0, Iterator::count);
    let now = inodes(dir);
    let changed = before
        .iter()
        .filter(|(path, ino)| now.get(*path) != Some(*ino));
    aside + changed.count()
}

/// Kills a run once it has come so far; false when it had ended by itself.
fn kill_at(mut child: Child, reached: impl Fn() -> bool) -> bool {
    loop {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if reached() {
            child.kill().unwrap();
            return child.wait().unwrap().code().is_none();
        }
        std::thread::yield_now();
    }
}

fn start(store: &Store, args: &[&str]) -> Child {
    let dir = store.dir().to_str().unwrap();
    let mut started = command(&[args, &[dir]].concat());
    started.stdout(Stdio::null()).stderr(Stdio::null());
    started.spawn().unwrap()
}

/// Every file is one of two.
fn is_between(now: &Contents, old: &Contents, new: &Contents) {
    for path in now.keys().chain(old.keys()).chain(new.keys()) {
        let found = now.get(path);
        assert!(
            found == old.get(path) || found == new.get(path),
            "{} is neither",
            path.display()
        );
    }
}

/// What a repair that nobody interrupts changes a store to.
fn repaired(store: &Store) -> Contents {
    store.rows(&REPAIR, 0);
    store.rows(&["verify", "--deep"], 0);
    let new = contents(store.dir());
    store.rows(&["repair", "--undo"], 0);
    fs::remove_dir_all(store.dir().join("aside")).unwrap();
    new
}

#[test]
fn a_repair_that_is_killed_is_undone_or_done() {
    let store = damaged();
    let old = contents(store.dir());
    let new = repaired(&store);
    assert_eq!(contents(store.dir()), old);
    let changed = old
        .iter()
        .filter(|(path, bytes)| new.get(*path) != Some(*bytes));
    let steps = 2 * changed.count();
    assert!(steps >= 10, "{steps}");
    let mut killed = 0;
    for step in 0..=steps {
        let before = inodes(store.dir());
        let run = start(&store, &REPAIR);
        killed += usize::from(kill_at(run, || progress(store.dir(), &before) >= step));
        is_between(&contents(store.dir()), &old, &new);

        let again = store.tool(&REPAIR);
        let undone = store.tool(&["repair", "--undo"]);
        match again.code {
            // It had begun to switch files, or had not begun at all.
            2 | 0 => assert_eq!(undone.code, 0, "{}", undone.err),
            code => panic!("step {step}: {code}: {}{}", again.out, again.err),
        }
        assert_eq!(contents(store.dir()), old, "step {step}: byte for byte");
        store.rows(&REPAIR, 0);
        assert_eq!(contents(store.dir()), new, "step {step}: repaired");
        store.rows(&["repair", "--undo"], 0);
        fs::remove_dir_all(store.dir().join("aside")).unwrap();
    }
    assert!(
        killed > steps / 2,
        "{killed} of {steps} were killed on their way"
    );
}

#[test]
fn an_undoing_that_is_killed_is_finished_by_the_next_one() {
    let store = damaged();
    let old = contents(store.dir());
    let new = repaired(&store);
    let steps = old
        .iter()
        .filter(|(path, bytes)| new.get(*path) != Some(*bytes));
    let steps = steps.count();
    for step in 0..=steps {
        store.rows(&REPAIR, 0);
        let before = inodes(store.dir());
        let aside = progress(store.dir(), &before);
        let run = start(&store, &["repair", "--undo"]);
        kill_at(run, || progress(store.dir(), &before) >= aside + step);
        is_between(&contents(store.dir()), &old, &new);
        // Nothing is left to undo where it had come to its end.
        let code = store.tool(&["repair", "--undo"]).code;
        assert!(matches!(code, 0 | 2), "step {step}: {code}");
        assert_eq!(contents(store.dir()), old, "step {step}: byte for byte");
        fs::remove_dir_all(store.dir().join("aside")).unwrap();
    }
}
