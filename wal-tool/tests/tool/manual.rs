//! The manual keeps up: every field that the tool writes stands in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::archived::archived;
use crate::stage::{Store, charge, create, key, run, send, spend};

fn manual() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/wal-tool.md");
    fs::read_to_string(path).unwrap()
}

/// Every field name in a row, at any depth, and the row's own name.
fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                names.insert(name.clone());
                collect(value, names);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_json_field_is_explained() {
    let mut store = Store::new();
    store.act(&create(1), None);
    store.act(&create(2), None);
    store.act(&charge(1, 500), key(1));
    store.act(&send(1, 2, 100), None);
    store.act(&spend(1, 1000), key(2));
    let store = store.close();
    let questions: [&[&str]; 14] = [
        &["snapshot", "create"],
        &["inspect"],
        &["dump"],
        &["verify", "--deep"],
        &["replay"],
        &["history", "1"],
        &["balance", "1"],
        &["stats"],
        &["stats", "--by", "wallet"],
        &["stats", "--by", "minute"],
        &["why", "00000000000000000000000000000001"],
        &["diff", "--lsn-b", "9"],
        &["doctor"],
        &["index", "rebuild", "--yes"],
    ];
    let mut rows: Vec<Value> = Vec::new();
    for question in questions {
        rows.extend(store.rows(question, 0));
    }
    let segment = store.segments()[0].to_str().unwrap().to_owned();
    rows.extend(run(&["hex", &segment, "--at", "4096", "--json"]).rows());

    crate::damage::flip(&store.segments()[0], 100);
    rows.extend(store.rows(&["repair", "--plan"], 11));
    rows.extend(store.rows(&["repair", "--restore-header", "--yes"], 0));

    rows.extend(of_directories());

    let manual = manual();
    let mut names = BTreeSet::new();
    for row in &rows {
        collect(row, &mut names);
        names.insert(row["row"].as_str().unwrap().to_owned());
    }
    // Numbers of a rejection are those of the HTTP problem and explained there.
    for known in ["v", "row", "available", "requested"] {
        names.remove(known);
    }
    let missing: Vec<_> = names
        .iter()
        .filter(|name| !manual.contains(&format!("`{name}`")))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/wal-tool.md does not explain {missing:?}"
    );
}

/// What the commands say that read or write whole directories, and what is said of damage.
fn of_directories() -> Vec<Value> {
    let mut store = archived(64 * 1024, 60);
    store.start();
    store.act(&create(2), None);
    let store = store.close();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let dir = store.dir().to_str().unwrap();
    let words = run(&["export", dir]);
    fs::write(at("words"), &words.out).unwrap();
    let mut rows = words.rows();
    for row in &mut rows {
        // As the engine has it, and documented there.
        row.as_object_mut().unwrap().remove("event");
    }
    let questions: [(&[&str], i32); 9] = [
        (&["compact", dir], 0),
        (&["snapshot", "list", dir], 0),
        (
            &["backup", "create", "--from", dir, "--to", &at("backups")],
            0,
        ),
        (&["backup", "verify", &at("backups")], 0),
        (
            &[
                "restore",
                "--from",
                dir,
                "--to-lsn",
                "70",
                "--out",
                &at("then"),
            ],
            0,
        ),
        (&["import", &at("words"), "--out", &at("imported")], 0),
        (&["diff", dir, &at("then")], 18),
        (&["inspect", dir], 0),
        (&["index", "verify", dir], 0),
    ];
    for (question, code) in questions {
        let answer = run(&[question, &["--json"]].concat());
        assert_eq!(
            answer.code, code,
            "{question:?}: {}{}",
            answer.out, answer.err
        );
        rows.extend(answer.rows());
    }
    crate::damage::flip(store.segments().last().unwrap(), 4096 + 50);
    rows.extend(store.rows(&["verify"], 11));
    rows.extend(store.rows(&["dump", "--raw-errors"], 11));
    let give_up = [
        "repair",
        "--yes",
        "--skip-range",
        "1..999",
        "--i-accept-loss",
    ];
    let lost = rows.last().unwrap()["lsn"].clone();
    assert!(lost.is_u64(), "{lost}");
    let range = format!("{lost}..999");
    let give_up = give_up.map(|word| if word == "1..999" { &range } else { word });
    rows.extend(store.rows(&give_up, 0));
    rows.extend(store.rows(&["verify"], 0));
    rows
}

#[test]
fn every_kind_that_can_be_asked_for_is_named() {
    let answer = run(&["dump", "--kind", "nonsense"]);
    assert_eq!(answer.code, 2);
    let (_, kinds) = answer.err.split_once("there are ").unwrap();
    let kinds: Vec<_> = kinds.lines().next().unwrap().split(", ").collect();
    assert!(kinds.len() > 27, "{kinds:?}");
    let manual = manual();
    let row = manual.lines().find(|line| line.starts_with("| `--kind "));
    for kind in kinds {
        assert!(row.unwrap().contains(kind), "{kind}");
    }
}

#[test]
fn every_command_has_a_chapter() {
    let manual = manual();
    let help = run(&["--help"]).out;
    let commands = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1);
    let names: Vec<_> = commands
        .take_while(|line| !line.is_empty())
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() >= 8, "{help}");
    for name in names {
        assert!(
            manual.contains(&format!("\n## {name}: ")),
            "no chapter on {name}"
        );
    }
}
