//! The manual keeps up: every field that the tool writes stands in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

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
