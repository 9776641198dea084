//! Exports and imports: the same balances, versions, history and keys, or no store at all.

use std::fs;

use serde_json::Value;

use crate::damage::flip;
use crate::stage::{
    SECOND_US, START_US, Store, charge, create, earn, grant, key, run, send, spend,
};
use engine::domain::{Command as Act, Timestamp};

/// Something of every kind, a long act, a refusal, keys, a lapse.
fn written() -> Store {
    let mut store = Store::new();
    for id in 1..=70 {
        store.act(&create(id), None);
    }
    store.act(&charge(1, 5000), key(1));
    let expires = Timestamp(store.now().0 + 10 * SECOND_US);
    store.act(&Act::Earn(grant(1, 77, Some(expires))), None);
    store.act(&spend(2, 5), key(2));
    store.act(&send(1, 2, 120), None);
    store.pass(60 * SECOND_US);
    store.act(&spend(1, 100), key(3));
    store.act(&earn(3, 1), None);
    store.close()
}

fn exported(store: &Store) -> String {
    let answer = store.tool(&["export"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    answer.out
}

#[test]
fn a_store_comes_back_from_its_export_with_everything_but_its_id() {
    let store = written();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("points.ndjson");
    let text = exported(&store);
    fs::write(&file, &text).unwrap();
    let out = folder.path().join("new");
    let answer = run(&[
        "import",
        file.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
        "--json",
    ]);
    assert_eq!(answer.code, 0, "{}{}", answer.out, answer.err);
    let row = &answer.rows()[0];
    assert_eq!(row["wallets"], 70);
    let diff = run(&["diff", store.dir().to_str().unwrap(), out.to_str().unwrap()]);
    assert_eq!(diff.code, 0, "{}", diff.out);
    let why = run(&[
        "why",
        &format!("{:032x}", 3),
        out.to_str().unwrap(),
        "--json",
    ]);
    assert_eq!(why.rows()[0]["outcome"], "carried_out");
    // Once more: an export of the import says the same, but for the store's id.
    let again = run(&["export", out.to_str().unwrap()]).out;
    let acts = |text: &str| {
        let mut rows: Vec<Value> = text
            .lines()
            .skip(1)
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        // It is of the first line too.
        let sum = rows.last_mut().unwrap()["sha256"].take();
        assert_eq!(sum.as_str().map(str::len), Some(64));
        rows
    };
    assert_eq!(acts(&again), acts(&text));
    let readable: Value = serde_json::from_str(text.lines().nth(71).unwrap()).unwrap();
    assert!(readable["event"].is_object(), "{readable}");
}

#[test]
fn an_export_that_was_cut_or_changed_becomes_no_store() {
    let store = written();
    let text = exported(&store);
    let lines: Vec<&str> = text.lines().collect();
    let changed = text.replacen("5000", "5001", 1);
    assert_ne!(changed, text);
    let at = format!("\"at_us\":{}", START_US);
    let earlier = text.replacen(&at, &format!("\"at_us\":{}", START_US - 1), 1);
    assert_ne!(earlier, text);
    let renamed = text.replacen("coffee", "coffin", 1);
    assert_ne!(renamed, text);
    let mut swapped = lines.clone();
    swapped.swap(5, 6);
    let rows = [
        ("no end", lines[..lines.len() - 1].join("\n"), 2),
        (
            "a line less",
            [&lines[..9], &lines[10..]].concat().join("\n"),
            2,
        ),
        ("swapped lines", swapped.join("\n"), 2),
        ("half a line", text[..text.len() / 2].to_owned(), 2),
        ("nothing", String::new(), 2),
        ("another amount", changed.clone(), 2),
        ("another amount without a checksum", unsummed(&changed), 14),
        ("another time", earlier, 2),
        ("another description", renamed, 2),
        ("lines behind the end", format!("{text}{}\n", lines[1]), 2),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (what, text, code) in rows {
        let file = folder.path().join("bad.ndjson");
        fs::write(&file, text).unwrap();
        let out = folder.path().join("new");
        let answer = run(&[
            "import",
            file.to_str().unwrap(),
            "--out",
            out.to_str().unwrap(),
        ]);
        assert_eq!(answer.code, code, "{what}: {}{}", answer.out, answer.err);
        assert!(!out.exists(), "{what}");
        assert!(answer.err.contains("line "), "{what}: {}", answer.err);
        if code == 14 {
            // The first line, seventy wallets, then the charge.
            assert!(answer.err.contains("line 72"), "{}", answer.err);
            assert!(!answer.err.contains(".wal"), "{}", answer.err);
        }
    }
}

/// As a version wrote it that knew no checksum.
fn unsummed(text: &str) -> String {
    let at = text.rfind(",\"sha256\"").unwrap();
    format!("{}}}\n", &text[..at])
}

#[test]
fn an_older_export_is_taken_with_a_word_that_it_cannot_be_checked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("points.ndjson");
    fs::write(&file, unsummed(&exported(&written()))).unwrap();
    let out = folder.path().join("new");
    let (file, out) = (file.to_str().unwrap(), out.to_str().unwrap());
    let answer = run(&["import", file, "--out", out]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(answer.err.contains("no checksum"), "{}", answer.err);
}

#[test]
fn a_damaged_log_is_not_exported_whole_and_a_full_directory_not_imported_into() {
    let store = written();
    let text = exported(&store);
    flip(&store.segments()[0], 3 * 4096 + 50);
    let answer = store.tool(&["export"]);
    assert_eq!(answer.code, 11);
    assert!(!answer.out.contains("\"row\":\"end\""));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("points.ndjson");
    fs::write(&file, text).unwrap();
    let out = store.dir().to_str().unwrap();
    assert_eq!(
        run(&["import", file.to_str().unwrap(), "--out", out]).code,
        2
    );
}
