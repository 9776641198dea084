//! Repairs of real directories: each damage, what it needs, what comes of it, and the way back.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde_json::Value;

use crate::damage::flip;
use crate::stage::{Store, create, earn, run};

/// A page, where every group of these stores begins.
const PAGE: u64 = 4096;

/// Every file with its bytes, but for the lock and what lies aside.
fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    let named = files.map(|entry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read(entry.path()).unwrap())
    });
    named.filter(|(name, _)| name != "LOCK").collect()
}

/// Wallets 1…`wallets`, then one grant to each: LSN n+w is the last act of wallet w.
fn written(wallets: u64) -> Store {
    let mut store = Store::new();
    for id in 1..=wallets {
        store.act(&create(id), None);
    }
    for id in 1..=wallets {
        store.act(&earn(id, 100 + id), None);
    }
    store
}

fn put(file: &Path, bytes: &[u8], offset: u64) {
    let file = OpenOptions::new().write(true).open(file).unwrap();
    file.write_all_at(bytes, offset).unwrap();
}

fn outcome(rows: &[Value]) -> &str {
    rows.last().unwrap()["outcome"].as_str().unwrap()
}

/// Plans, carries out, checks, brings back: the same bytes as before, damage and all.
fn repairs(store: &Store, flags: &[&str]) -> Vec<Value> {
    let before = contents(store.dir());
    let plan = store.rows(&[&["repair", "--plan"], flags].concat(), 0);
    assert_eq!(outcome(&plan), "planned", "{plan:?}");
    assert_eq!(contents(store.dir()), before, "a plan changes nothing");
    assert!(!store.dir().join("aside").exists());

    let done = store.rows(&[&["repair", "--yes"], flags].concat(), 0);
    assert_eq!(outcome(&done), "done");
    let repaired = contents(store.dir());
    assert_ne!(repaired, before);
    assert_eq!(store.tool(&["verify", "--deep"]).code, 0);

    let undone = store.rows(&["repair", "--undo"], 0);
    assert_eq!(outcome(&undone), "undone");
    assert_eq!(contents(store.dir()), before, "byte for byte");
    assert_eq!(
        store.tool(&["repair", "--undo"]).code,
        2,
        "nothing is left to undo"
    );

    store.rows(&[&["repair", "--yes"], flags].concat(), 0);
    done
}

/// Opens and closes it as a server would: the repaired log is one that can be gone on with.
fn goes_on(store: Store) -> Store {
    let mut store = store;
    store.start();
    store.act(&create(900), None);
    let store = store.close();
    let answer = store.tool(&["verify", "--deep"]);
    assert_eq!(answer.code, 0, "{}{}", answer.out, answer.err);
    store
}

#[test]
fn a_sound_store_has_nothing_to_repair() {
    let store = written(3).close();
    for flags in [
        &["--plan"][..],
        &["--yes", "--restore-header", "--accept-tail"],
    ] {
        let rows = store.rows(&[&["repair"], flags].concat(), 0);
        assert_eq!(outcome(&rows), "nothing_to_do");
    }
}

#[test]
fn header_copies_are_written_anew_from_each_other() {
    for at in [100, 2048 + 100] {
        let store = written(2).close();
        flip(&store.segments()[0], at);
        let refused = store.rows(&["repair", "--yes"], 11);
        assert_eq!(outcome(&refused), "refused");
        assert_eq!(refused[0]["needs"], "--restore-header");
        repairs(&store, &["--restore-header"]);
        goes_on(store);
    }
}

#[test]
fn the_meta_is_made_whole_and_even_made_again() {
    let store = written(2).close();
    flip(&store.dir().join("store.meta"), 4096 + 50);
    repairs(&store, &["--restore-header"]);
    goes_on(store);

    let store = written(2).close();
    for copy in 0..4 {
        flip(&store.dir().join("store.meta"), copy * PAGE + 50);
    }
    repairs(&store, &["--restore-header"]);
    goes_on(store);

    let store = written(2).close();
    fs::remove_file(store.dir().join("store.meta")).unwrap();
    repairs(&store, &["--restore-header"]);
    goes_on(store);
}

#[test]
fn a_damaged_gap_or_close_costs_no_act() {
    let store = written(2).close();
    flip(&store.segments()[0], 2 * PAGE - 10);
    assert_eq!(
        store.rows(&["repair", "--plan"], 11)[0]["needs"],
        "--restore-header"
    );
    repairs(&store, &["--restore-header"]);
    goes_on(store);

    let store = written(2).close();
    // Four acts on four pages, then the CLOSE.
    flip(&store.segments()[0], 5 * PAGE + 20);
    repairs(&store, &["--restore-header"]);
    goes_on(store);
}

#[test]
fn a_suspect_tail_is_accepted_only_when_told_to() {
    let mut store = Store::with_segments(4 << 20);
    store.act(&create(1), None);
    store.act(&earn(1, 5), None);
    let store = store.crash();
    let segment = &store.segments()[0];
    put(segment, &[0xA1, 0x5C, 1, 1, 9], 2 << 20);
    let rows = store.rows(&["repair", "--plan"], 17);
    assert_eq!(rows[0]["needs"], "--accept-tail");
    repairs(&store, &["--accept-tail"]);
    goes_on(store);
}

#[test]
fn an_acknowledged_record_is_given_up_only_when_told_to_and_the_log_says_so_for_ever() {
    let store = written(4).close();
    // LSN 6 is the last act of wallet 2.
    flip(&store.segments()[0], 6 * PAGE + 50);
    let rows = store.rows(&["repair", "--plan"], 11);
    assert_eq!(rows[0]["needs"], "--skip-range 6..6 --i-accept-loss");
    assert_eq!(
        store
            .tool(&["repair", "--plan", "--skip-range", "6..6"])
            .code,
        2
    );
    repairs(&store, &["--skip-range", "6..6", "--i-accept-loss"]);

    let losses: Vec<_> = store.rows(&["verify"], 0);
    assert_eq!(losses[0]["row"], "loss");
    assert_eq!(
        (&losses[0]["from_lsn"], &losses[0]["to_lsn"]),
        (&6.into(), &6.into())
    );
    let store = goes_on(store);
    let dump = store.tool(&["dump"]).out;
    assert!(
        dump.contains("LSN 6..6 were given up by a repair"),
        "{dump}"
    );
    assert!(store.tool(&["inspect"]).out.contains("given up"));
    assert_eq!(store.rows(&["balance", "3"], 0)[0]["balance"], 103);
    assert_eq!(store.rows(&["balance", "2"], 0)[0]["balance"], 0);
    let shown = run(&[
        "hex",
        store.segments()[0].to_str().unwrap(),
        "--at",
        "0x6000",
    ]);
    assert!(shown.out.contains("LOSS"), "{}", shown.out);
}

#[test]
fn a_loss_goes_with_the_log_wherever_it_goes() {
    let store = written(4).close();
    flip(&store.segments()[0], 6 * PAGE + 50);
    let flags = ["repair", "--yes", "--skip-range", "6..6", "--i-accept-loss"];
    store.rows(&flags, 0);
    let store = goes_on(store);
    let folder = tempfile::tempdir().unwrap();
    let dir = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let from = store.dir().to_str().unwrap();

    let restored = run(&["restore", "--from", from, "--out", &dir("restored")]);
    assert_eq!(restored.code, 0, "{}", restored.err);
    fs::write(dir("words"), store.tool(&["export"]).out).unwrap();
    let imported = run(&["import", &dir("words"), "--out", &dir("imported")]);
    assert_eq!(imported.code, 0, "{}", imported.err);
    for copy in ["restored", "imported"] {
        let diff = run(&["diff", from, &dir(copy)]);
        assert_eq!(diff.code, 0, "{copy}: {}", diff.out);
        let verify = run(&["verify", "--deep", &dir(copy)]);
        assert_eq!(verify.code, 0, "{copy}: {}", verify.out);
        assert!(
            verify.out.contains("LSN 6..6 were given up"),
            "{copy}: {}",
            verify.out
        );
    }
    // A point inside the loss is rounded down to the act before it.
    let early = run(&[
        "restore",
        "--from",
        from,
        "--to-lsn",
        "5",
        "--out",
        &dir("early"),
        "--json",
    ]);
    assert_eq!(early.rows()[0]["last_lsn"], 5, "{}", early.err);
}

#[test]
fn a_plan_advises_a_range_that_leaves_room_for_the_record_of_the_loss() {
    let mut store = Store::new();
    for id in 1..=73 {
        store.act(&create(id), None);
    }
    let store = store.close();
    // A restored store has all of them in one group, 56 bytes each; the last one ends eight bytes before the page.
    for (harmed, advice) in [(3, "--skip-range 3..4"), (73, "--skip-range 72..73")] {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("packed");
        let dir = dir.to_str().unwrap();
        let from = store.dir().to_str().unwrap();
        assert_eq!(run(&["restore", "--from", from, "--out", dir]).code, 0);
        let acts = run(&["dump", dir, "--json"]).rows();
        let act = acts.iter().find(|act| act["lsn"] == harmed).unwrap();
        let at = act["offset"].as_u64().unwrap();
        let segments = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut segments = segments.filter(|path| path.extension().is_some_and(|end| end == "wal"));
        flip(&segments.next().unwrap(), at + 50);

        let plan = run(&["repair", "--plan", dir, "--json"]).rows();
        let needs = plan[0]["needs"].as_str().unwrap().to_owned();
        assert_eq!(needs, format!("{advice} --i-accept-loss"));
        let narrow = format!("{harmed}..{harmed}");
        let flags = ["--skip-range", &narrow, "--i-accept-loss", dir, "--json"];
        let refused = run(&[&["repair", "--yes"], &flags[..]].concat());
        assert_eq!(refused.code, 11, "{}", refused.out);
        assert_eq!(refused.rows()[0]["needs"], needs);

        let words: Vec<&str> = needs.split(' ').collect();
        let done = run(&[&["repair", "--yes", dir], &words[..]].concat());
        assert_eq!(done.code, 0, "{}{}", done.out, done.err);
        let verify = run(&["verify", "--deep", dir]);
        assert_eq!(verify.code, 0, "{}{}", verify.out, verify.err);
    }
}

#[test]
fn records_that_others_rest_on_cannot_be_left_out_alone() {
    let store = written(4).close();
    // LSN 2 creates wallet 2, which LSN 6 needs.
    flip(&store.segments()[0], 2 * PAGE + 50);
    let flags = ["repair", "--yes", "--skip-range", "2..2", "--i-accept-loss"];
    let before = contents(store.dir());
    let rows = store.rows(&flags, 14);
    assert_eq!(outcome(&rows), "refused");
    assert!(
        rows.iter()
            .any(|row| row["row"] == "problem" && row["lsn"] == 6),
        "{rows:?}"
    );
    assert_eq!(contents(store.dir()), before, "nothing was changed");
    // Everything from there on can be.
    repairs(&store, &["--skip-range", "2..8", "--i-accept-loss"]);
    let store = goes_on(store);
    let acts = store.rows(&["dump"], 0);
    let lsns: Vec<_> = acts
        .iter()
        .map(|act| act["lsn"].as_u64().unwrap())
        .collect();
    assert_eq!(lsns, [1, 2, 9], "no LSN is used again");
}

#[test]
fn a_loss_may_begin_in_one_segment_and_end_in_another() {
    let mut store = written(3);
    for _ in 0..40 {
        store.act(&earn(1, 1), None);
    }
    let store = store.close();
    assert!(store.segments().len() > 2);
    flip(&store.segments()[1], 2 * PAGE + 50);
    let last = store.rows(&["verify"], 11).pop().unwrap()["last_lsn"]
        .as_u64()
        .unwrap();
    let range = format!("7..{last}");
    repairs(&store, &["--skip-range", &range, "--i-accept-loss"]);
    goes_on(store);
}

#[test]
fn what_was_written_since_is_never_undone() {
    let store = written(2).close();
    flip(&store.dir().join("store.meta"), 50);
    store.rows(&["repair", "--yes", "--restore-header"], 0);
    let store = goes_on(store);
    let before = contents(store.dir());
    let answer = store.tool(&["repair", "--undo"]);
    assert_eq!(answer.code, 2);
    assert!(answer.err.contains("has changed since"), "{}", answer.err);
    assert!(!answer.err.contains("come back"), "{}", answer.err);
    assert_eq!(contents(store.dir()), before);
}

#[test]
fn the_manifest_says_what_was_changed() {
    let store = written(2).close();
    flip(&store.segments()[0], 100);
    store.rows(&["repair", "--yes", "--restore-header"], 0);
    let text = fs::read_to_string(store.dir().join("aside/0001.json")).unwrap();
    let manifest: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(manifest["state"], "done");
    let file = &manifest["files"][0];
    assert_eq!(file["steps"][0]["offset"], 0);
    let kept = store
        .dir()
        .join("aside")
        .join(file["aside"].as_str().unwrap());
    assert!(fs::metadata(kept).unwrap().len() <= file["old_bytes"].as_u64().unwrap());
}

#[test]
fn a_directory_in_use_is_16_and_one_without_a_store_gets_no_folder() {
    let mut store = written(1);
    for flag in ["--plan", "--yes", "--undo"] {
        assert_eq!(store.tool(&["repair", flag]).code, 16, "{flag}");
    }
    store = store.close();
    drop(store);
    let empty = tempfile::tempdir().unwrap();
    let answer = run(&["repair", "--yes", empty.path().to_str().unwrap()]);
    assert_eq!(answer.code, 2);
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0);
    assert_eq!(run(&["repair"]).code, 2, "one of --plan, --yes, --undo");
    assert_eq!(
        run(&["repair", "--yes", "--skip-range", "5..4", "--i-accept-loss"]).code,
        2
    );
}
