//! Damage in and beside an archive: what is shown of the rest, and what a repair says.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::damage::{PAGE, flip};
use crate::stage::{Store, create, earn, lsns, run};

/// What stands before every block of an archive file.
const BLOCK: &[u8] = b"ABLK";

/// Inside the compressed bytes of a block, behind its header.
const INSIDE: u64 = 64 + 9;

/// A store with an archive, two snapshots, and live segments behind both.
pub(crate) fn archived(segment_bytes: u64, acts: usize) -> Store {
    let mut store = Store::with_segments(segment_bytes);
    store.act(&create(1), None);
    for count in [acts, 20, 20] {
        for _ in 0..count {
            store.act(&earn(1, 1), None);
        }
        store = store.close();
        // The last acts are in live segments, and no snapshot holds them.
        if store.dir().join("archive").exists() {
            break;
        }
        store.rows(&["snapshot", "create"], 0);
        let listed = store.rows(&["snapshot", "list"], 0);
        if listed.len() == 2 {
            let done = store.rows(&["compact", "--yes"], 0);
            assert!(done[0]["segments"].as_u64().unwrap() > 0, "{done:?}");
        }
        store.start();
    }
    store
}

pub(crate) fn archive(dir: &Path) -> PathBuf {
    let mut files = fs::read_dir(dir.join("archive")).unwrap();
    files.next().unwrap().unwrap().path()
}

/// Where the blocks of an archive file begin.
pub(crate) fn blocks(file: &Path) -> Vec<u64> {
    let bytes = fs::read(file).unwrap();
    let windows = bytes.windows(BLOCK.len()).enumerate();
    let found = windows.filter(|(_, window)| *window == BLOCK);
    found.map(|(at, _)| at as u64).collect()
}

fn of(rows: &[Value], kind: &str) -> Vec<Value> {
    let found = rows.iter().filter(|row| row["row"] == kind);
    found.cloned().collect()
}

/// Every file with its bytes, but for the lock and what lies aside.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for folder in [dir.to_owned(), dir.join("archive")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() && !path.ends_with("LOCK") {
                found.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn a_damaged_block_hides_nothing_but_itself() {
    let store = archived(64 * 1024, 60);
    let all = lsns(&store.rows(&["dump"], 0));
    let file = archive(store.dir());
    let found = blocks(&file);
    assert!(found.len() >= 4, "{found:?}");
    flip(&file, found[1] + INSIDE);

    let stopped = store.tool(&["dump"]);
    assert_eq!(stopped.code, 11, "{}", stopped.err);
    assert!(stopped.err.contains("archive/arch-"), "{}", stopped.err);

    let rows = store.rows(&["dump", "--raw-errors"], 11);
    let damage = of(&rows, "damage");
    assert_eq!(damage.len(), 1, "{damage:?}");
    assert_eq!(damage[0]["offset"], found[1]);
    assert!(damage[0]["what"].as_str().unwrap().contains("of archive/"));
    let from = damage[0]["lsn"].as_u64().unwrap();
    let shown = lsns(&of(&rows, "act"));
    let hidden: Vec<_> = all.iter().filter(|lsn| !shown.contains(lsn)).collect();
    assert_eq!(*hidden[0], from);
    assert!(hidden.len() < 20, "one segment of many: {hidden:?}");
    assert_eq!(shown.last(), all.last());
    let backward = lsns(&of(
        &store.rows(&["dump", "--raw-errors", "--reverse"], 11),
        "act",
    ));
    assert_eq!(backward, shown.iter().rev().copied().collect::<Vec<_>>());

    // Another one beside it is told too.
    flip(&file, found[2] + INSIDE);
    let problems = of(&store.rows(&["verify"], 11), "problem");
    let places: Vec<_> = problems.iter().map(|problem| &problem["offset"]).collect();
    assert_eq!(places, [found[1], found[2]], "{problems:?}");
}

#[test]
fn a_damaged_block_of_a_long_segment_hides_nothing_but_itself() {
    let store = archived(16 << 20, 2_200);
    let file = archive(store.dir());
    let found = blocks(&file);
    assert!(found.len() >= 3, "{found:?}");
    flip(&file, found[1] + INSIDE);
    let rows = store.rows(&["dump", "--raw-errors"], 11);
    let damage = of(&rows, "damage");
    assert_eq!(damage.len(), 1, "{damage:?}");
    let from = damage[0]["lsn"].as_u64().unwrap();
    let shown = lsns(&of(&rows, "act"));
    let before = shown.iter().take_while(|lsn| **lsn < from).count();
    assert_eq!(before as u64, from - 1, "all before it");
    // A block is 256 KiB of the log, and each of these records has a page to itself.
    let hidden = shown[before] - from;
    assert!((32..=64).contains(&hidden), "{hidden}");
    assert_eq!(*shown.last().unwrap(), 2_241);
}

#[test]
fn an_archive_file_that_cannot_be_opened_is_told_by_whoever_reads_the_log() {
    let store = archived(64 * 1024, 60);
    let file = archive(store.dir());
    let len = fs::metadata(&file).unwrap().len();
    flip(&file, len - 20);
    for question in [
        &["dump"][..],
        &["dump", "--raw-errors"],
        &["verify"],
        &["replay"],
    ] {
        let answer = store.tool(question);
        let said = answer.out + &answer.err;
        assert_eq!(answer.code, 11, "{question:?}: {said}");
        assert!(said.contains("archive/arch-"), "{question:?}: {said}");
    }
    // What is asked of what lies behind it is answered.
    let answer = store.tool(&["dump", "--from-lsn", "90"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
}

#[test]
fn no_walk_passes_over_a_missing_segment_in_silence() {
    let mut store = Store::new();
    store.act(&create(1), None);
    for _ in 1..40 {
        store.act(&earn(1, 1), None);
    }
    let store = store.close();
    let all = lsns(&store.rows(&["dump"], 0));
    fs::remove_file(&store.segments()[1]).unwrap();
    for question in ["dump", "replay", "stats", "export"] {
        let answer = store.tool(&[question]);
        assert_eq!(answer.code, 12, "{question}: {}", answer.out);
    }
    let shown = lsns(&of(&store.rows(&["dump"], 12), "act"));
    assert_eq!(shown, all[..shown.len()], "what lies before it");
    let rows = store.rows(&["dump", "--raw-errors"], 12);
    assert_eq!(of(&rows, "damage").len(), 1, "{rows:?}");
    let forward = lsns(&of(&rows, "act"));
    assert!(forward.len() > shown.len());
    assert_eq!(forward.last(), all.last());
    let rows = store.rows(&["dump", "--raw-errors", "--reverse"], 12);
    let backward = lsns(&of(&rows, "act"));
    assert_eq!(backward, forward.iter().rev().copied().collect::<Vec<_>>());
    assert_eq!(store.tool(&["dump", "--reverse", "--limit", "3"]).code, 0);
    // The newest one is missed at the end.
    fs::remove_file(store.segments().pop().unwrap()).unwrap();
    let rows = store.rows(&["dump", "--raw-errors"], 12);
    assert_eq!(of(&rows, "damage").len(), 2, "{rows:?}");
}

#[test]
fn a_live_segment_is_repaired_behind_an_archive() {
    let store = archived(64 * 1024, 60);
    flip(&store.segments()[0], 100);
    let before = contents(store.dir());
    let rows = store.rows(&["repair", "--restore-header", "--yes"], 0);
    assert_eq!(rows.last().unwrap()["outcome"], "done");
    let summary = store.rows(&["verify", "--deep"], 0).pop().unwrap();
    assert_eq!(summary["snapshots_compared"], 2);
    store.rows(&["repair", "--undo"], 0);
    assert_eq!(contents(store.dir()), before);

    // An act of the live part is lost: snapshots before it stay.
    let newest = store.segments().pop().unwrap();
    store.rows(&["repair", "--restore-header", "--yes"], 0);
    flip(&newest, PAGE + 50);
    let lost = of(&store.rows(&["repair", "--plan"], 11), "left");
    let needs = lost[0]["needs"].as_str().unwrap();
    let range = needs.split(' ').nth(1).unwrap();
    let from: u64 = range.split("..").next().unwrap().parse().unwrap();
    let range = format!("{from}..999");
    let flags = ["repair", "--yes", "--skip-range", &range, "--i-accept-loss"];
    store.rows(&flags, 0);
    let summary = store.rows(&["verify", "--deep"], 0).pop().unwrap();
    assert_eq!(summary["snapshots_compared"], 2);
}

#[test]
fn a_segment_with_a_loss_is_archived_like_any_other() {
    let mut store = Store::new();
    store.act(&create(1), None);
    store.act(&create(2), None);
    // The last act of wallet 2: nothing rests on it.
    store.act(&earn(2, 1), None);
    for _ in 0..40 {
        store.act(&earn(1, 1), None);
    }
    let mut store = store.close();
    flip(&store.segments()[0], 3 * PAGE + 50);
    let flags = ["--yes", "--skip-range", "3..3", "--i-accept-loss"];
    store.rows(&[&["repair"][..], &flags].concat(), 0);
    let before = store.tool(&["dump", "--json"]).out;
    for _ in 0..2 {
        store.rows(&["snapshot", "create"], 0);
        store.start();
        store.act(&earn(1, 1), None);
        store = store.close();
    }
    let done = store.rows(&["compact", "--yes"], 0);
    assert!(done[0]["segments"].as_u64().unwrap() > 0, "{done:?}");
    assert!(
        !store.segments()[0]
            .to_str()
            .unwrap()
            .contains("seg-0000000001")
    );
    let rows = store.rows(&["verify", "--deep"], 0);
    let loss = of(&rows, "loss");
    assert_eq!(
        (&loss[0]["from_lsn"], &loss[0]["to_lsn"]),
        (&3.into(), &3.into())
    );
    let dump = lsns(&store.rows(&["dump"], 0));
    assert_eq!(dump.len(), before.lines().count() + 2);
    // Restored and exported it is there too.
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("restored");
    let from = store.dir().to_str().unwrap();
    let restored = run(&["restore", "--from", from, "--out", to.to_str().unwrap()]);
    assert_eq!(restored.code, 0, "{}", restored.err);
    assert_eq!(run(&["diff", from, to.to_str().unwrap()]).code, 0);
}

#[test]
fn what_is_damaged_in_an_archive_needs_a_backup_and_hides_no_other_damage() {
    let store = archived(64 * 1024, 60);
    let file = archive(store.dir());
    let sound = fs::read(&file).unwrap();
    flip(&file, blocks(&file)[0] + INSIDE);
    flip(&store.segments()[0], 100);
    let before = contents(store.dir());
    let plan = store.rows(&["repair", "--plan"], 11);
    let left = of(&plan, "left");
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(left[0]["needs"], Value::Null);
    assert_eq!(left[1]["needs"], "--restore-header");
    let refused = store.rows(&["repair", "--restore-header", "--yes"], 11);
    assert_eq!(refused.last().unwrap()["outcome"], "refused");
    assert_eq!(contents(store.dir()), before);
    // A backup has the same file, since it never changes.
    fs::write(&file, sound).unwrap();
    store.rows(&["repair", "--restore-header", "--yes"], 0);
    store.rows(&["verify", "--deep"], 0);
}

#[test]
fn a_backup_of_an_archived_store_goes_back_to_any_moment() {
    let store = archived(64 * 1024, 60);
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let from = store.dir().to_str().unwrap();
    let made = run(&[
        "backup",
        "create",
        "--from",
        from,
        "--to",
        &at("backups"),
        "--json",
    ]);
    assert_eq!(made.code, 0, "{}", made.err);
    let generation = made.rows()[0]["generation"].as_str().unwrap().to_owned();
    assert!(Path::new(&generation).join("archive").exists());
    assert_eq!(run(&["backup", "verify", &at("backups")]).code, 0);
    assert_eq!(run(&["diff", from, &generation]).code, 0);

    // Within the archive, at its end (61), between two snapshots, and in the live part; LSN n leaves n - 1 points.
    for lsn in [1, 2, 13, 14, 40, 60, 61, 62, 75, 81, 82, 101] {
        let (then, lsn_text) = (at(&format!("then-{lsn}")), lsn.to_string());
        let args = [
            "restore",
            "--from",
            &generation,
            "--to-lsn",
            &lsn_text,
            "--out",
            &then,
        ];
        let restored = run(&args);
        assert_eq!(restored.code, 0, "{lsn}: {}", restored.err);
        let deep = run(&["verify", "--deep", &then]);
        assert_eq!(deep.code, 0, "{lsn}: {}", deep.out);
        let balance = run(&["balance", "1", &then, "--json"]).rows();
        assert_eq!(balance[0]["balance"], lsn - 1, "{lsn}");
        let same = run(&[
            "diff", from, &then, "--lsn-a", &lsn_text, "--lsn-b", &lsn_text,
        ]);
        assert_eq!(same.code, 0, "{lsn}: {}", same.out);
    }
    // The copy is a store of its own: it is opened and gone on with.
    let mut copy = store;
    fs::remove_dir_all(copy.dir()).unwrap();
    fs::rename(&generation, copy.dir()).unwrap();
    copy.start();
    copy.act(&earn(1, 1), None);
    let copy = copy.close();
    copy.rows(&["verify", "--deep"], 0);
    assert_eq!(copy.rows(&["balance", "1"], 0)[0]["balance"], 101);
}
