//! Questions that are about more than one act: a key, two logs, a minute, a machine.

use std::fs;
use std::path::Path;

use engine::domain::{Event, Limit, LimitKind, LimitMode, Rejection, Settings, SettingsChanged};
use engine::record::key_id;

use crate::damage::flip;
use crate::stage::{SECOND_US, Store, charge, create, earn, key, run, send, spend};

/// A page, where every group of these stores begins.
const PAGE: u64 = 4096;

fn asked(route: &str, text: &str) -> Option<engine::record::IdempotencyKey> {
    key(key_id("anonymous", route, text))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn why_finds_a_key_by_its_text_or_its_hash_and_says_what_became_of_it() {
    let mut store = Store::new();
    store.act(&create(1), None);
    store.act(&charge(1, 500), asked("POST /v1/wallets/{id}/charge", "c1"));
    store.act(&spend(1, 900), asked("POST /v1/wallets/{id}/use", "u1"));
    let store = store.close();

    let rows = store.rows(&["why", "c1"], 0);
    assert_eq!(rows[0]["outcome"], "carried_out");
    assert_eq!(rows[0]["durable"], true);
    assert_eq!(rows[0]["route"], "POST /v1/wallets/{id}/charge");
    assert_eq!(rows[0]["lsn"], 2);
    assert_eq!(rows[0]["offset"], 2 * PAGE);
    assert_eq!(rows[1]["row"], "act");
    assert_eq!(rows[1]["entries"][0]["amount"], 500);

    let hash = rows[0]["hash"].as_str().unwrap().to_owned();
    assert_eq!(store.rows(&["why", &hash], 0)[0]["lsn"], 2);

    let refused = store.rows(&["why", "u1", "--route", "POST /v1/wallets/{id}/use"], 0);
    assert_eq!(refused[0]["outcome"], "refused");
    assert_eq!(refused[1]["rejection"]["code"], "insufficient-balance");

    let elsewhere = store.rows(&["why", "u1", "--route", "POST /v1/transfers"], 0);
    assert_eq!(elsewhere[0]["outcome"], "absent");
    assert_eq!(elsewhere[0]["found"], false);
    let said = store.tool(&["why", "nobody"]).out;
    assert!(
        said.starts_with("not carried out and not refused"),
        "{said}"
    );
}

#[test]
fn why_says_when_nothing_attests_an_act_yet_and_when_damage_may_hide_it() {
    let mut store = Store::new();
    store.act(&create(1), None);
    store.act(&earn(1, 5), asked("POST /v1/wallets/{id}/earn", "e1"));
    let store = store.crash();
    assert_eq!(store.rows(&["why", "e1"], 0)[0]["durable"], false);

    let mut store = Store::new();
    store.act(&create(1), None);
    store.act(&earn(1, 5), asked("POST /v1/wallets/{id}/earn", "e1"));
    store.act(&earn(1, 6), None);
    let store = store.close();
    flip(&store.segments()[0], 2 * PAGE + 50);
    let answer = store.tool(&["why", "e1"]);
    assert_eq!(answer.code, 11, "{}", answer.err);
    assert!(answer.out.contains("damage may hide it"), "{}", answer.out);
    assert_eq!(store.rows(&["why", "e1"], 11)[0]["outcome"], "unknown");
}

#[test]
fn why_claims_nothing_of_a_key_that_may_be_among_what_a_repair_gave_up() {
    let mut store = Store::new();
    store.act(&create(1), None);
    store.act(&earn(1, 5), asked("POST /v1/wallets/{id}/earn", "e1"));
    store.act(&create(2), asked("POST /v1/wallets", "w2"));
    let store = store.close();
    flip(&store.segments()[0], 2 * PAGE + 50);
    let flags = ["repair", "--yes", "--skip-range", "2..2", "--i-accept-loss"];
    assert_eq!(store.tool(&flags).code, 0);

    let rows = store.rows(&["why", "e1"], 0);
    assert_eq!(rows[0]["outcome"], "unknown");
    assert_eq!(rows[0]["found"], false);
    let said = store.tool(&["why", "e1"]).out;
    assert!(said.starts_with("cannot be told"), "{said}");
    assert!(said.contains("LSN 2..2 were given up"), "{said}");
    // What stands in the log is still known.
    assert_eq!(store.rows(&["why", "w2"], 0)[0]["outcome"], "carried_out");
}

/// Commands that take no key: nothing of them is in the log under one.
const KEYLESS: [&str; 4] = [
    "POST /admin/close-days",
    "POST /admin/compact",
    "POST /admin/snapshot",
    "POST /noop",
];

#[test]
fn every_route_that_takes_keys_is_known() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    // The table of both listeners: the description may leave the operator's one out.
    let table = fs::read_to_string(root.join("server/src/router.rs")).unwrap();
    let in_table: Vec<_> = table
        .split('"')
        .filter(|text| text.starts_with("POST /"))
        .map(str::to_owned)
        .collect();
    for name in ["POST /v1/bulk", "POST /admin/limits", "POST /admin/compact"] {
        assert!(in_table.iter().any(|route| route == name), "{name}");
    }
    let page = fs::read_to_string(root.join("docs/openapi.json")).unwrap();
    let page: serde_json::Value = serde_json::from_str(&page).unwrap();
    let paths = page["paths"].as_object().unwrap().iter();
    let described = paths
        .filter(|(_, path)| path.get("post").is_some())
        .map(|(path, _)| format!("POST {path}"));
    let source = include_str!("../../src/commands/why.rs");
    for route in in_table.into_iter().chain(described) {
        let keyless = KEYLESS.contains(&route.as_str());
        let known = source.contains(&format!("\"{route}\""));
        assert_ne!(known, keyless, "{route}");
    }
}

#[test]
fn hex_of_what_is_no_segment_is_a_question_without_sense() {
    let mut store = Store::new();
    store.act(&create(1), None);
    let store = store.close();
    store.rows(&["snapshot", "create"], 0);
    let files = fs::read_dir(store.dir()).unwrap();
    let mut files = files.map(|entry| entry.unwrap().path());
    let snapshot = files.find(|path| path.extension().is_some_and(|end| end == "snap"));
    let snapshot = snapshot.unwrap();
    let answer = run(&["hex", snapshot.to_str().unwrap()]);
    assert_eq!(answer.code, 2, "{}", answer.out);
    assert!(answer.err.contains("not a segment"), "{}", answer.err);

    let segment = &store.segments()[0];
    let len = fs::metadata(segment).unwrap().len().to_string();
    let segment = segment.to_str().unwrap();
    let answer = run(&["hex", segment, "--at", &len]);
    assert_eq!(answer.code, 2, "{}", answer.out);
    assert!(answer.err.contains("behind the end"), "{}", answer.err);
    // A damaged one is looked at all the same.
    flip(Path::new(segment), 3);
    flip(Path::new(segment), 2048 + 3);
    assert_eq!(run(&["hex", segment]).code, 11);
}

#[test]
fn a_dump_shows_what_changed_the_program_and_where_a_restored_store_comes_from() {
    let mut store = Store::new();
    store.act(&create(1), None);
    store.act(&charge(1, 100), None);
    let mut settings = Settings::default();
    let most = Limit {
        most: 10,
        mode: LimitMode::Reject,
    };
    settings.limits.set(LimitKind::UseDaily, Some(most));
    let changed = SettingsChanged {
        version: 1,
        settings,
    };
    store.write_event(&Event::SettingsChanged(Box::new(changed)), None);
    let refused = Rejection::LimitExceeded {
        limit: LimitKind::UseDaily,
        allowed: 10,
        requested: 50,
    };
    store.write_refusal(&refused, key(1).unwrap());
    let store = store.close();
    let said = store.tool(&["dump"]).out;
    assert!(said.contains("\"cancel_window_days\":"), "{said}");
    assert!(said.contains("limits {\"use_per_day\""), "{said}");
    assert!(said.contains("limit=\"use_per_day\""), "{said}");
    assert!(!said.contains("UseDaily"), "{said}");

    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("then");
    let (from, out) = (store.dir().to_str().unwrap(), out.to_str().unwrap());
    assert_eq!(run(&["restore", "--from", from, "--out", out]).code, 0);
    let meta = store.rows(&["inspect"], 0)[0].clone();
    let fork = run(&["dump", "--kind", "fork", "--json", out])
        .rows()
        .remove(0);
    assert_eq!(fork["fork"]["parent"], meta["store_id"]);
    assert_eq!(fork["fork"]["parent_lsn"], 4);
    let said = run(&["dump", "--kind", "fork", out]).out;
    assert!(said.contains(", behind LSN 4 (CRC "), "{said}");
}

#[test]
fn a_copy_is_the_same_and_one_more_act_is_named() {
    let mut store = Store::new();
    store.act(&create(1), None);
    store.act(&create(2), None);
    store.act(&charge(1, 500), None);
    let mut store = store.close();
    let folder = tempfile::tempdir().unwrap();
    copy(store.dir(), folder.path());
    let (a, b) = (
        folder.path().to_str().unwrap(),
        store.dir().to_str().unwrap().to_owned(),
    );
    let answer = run(&["diff", a, &b]);
    assert_eq!(answer.code, 0, "{}{}", answer.out, answer.err);

    store.start();
    store.act(&send(1, 2, 120), None);
    let store = store.close();
    let answer = run(&["diff", a, &b, "--json"]);
    assert_eq!(answer.code, 18, "{}{}", answer.out, answer.err);
    let rows = answer.rows();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["wallet"], 1);
    assert_eq!(rows[0]["change"], -120);
    assert_eq!(rows[1]["b"]["balance"], 120);
    assert_eq!(rows[2]["first_differing_lsn"], 4);
    assert_eq!(rows[2]["points_a"], rows[2]["points_b"]);

    // The same again, within one directory.
    let rows = run(&["diff", &b, "--lsn-a", "3", "--json"]);
    assert_eq!(rows.code, 18);
    assert_eq!(rows.rows()[2]["first_differing_lsn"], 4);
    let answer = run(&["diff", a, &b, "--lsn-b", "3"]);
    assert_eq!(answer.code, 0, "{}", answer.out);
    assert_eq!(run(&["diff", a]).code, 2, "nothing to compare with");
    drop(store);
}

#[test]
fn a_minute_shows_its_groups_and_what_padding_costs() {
    let mut store = Store::new();
    store.act(&create(1), None);
    store.act(&earn(1, 1), None);
    store.pass(60 * SECOND_US);
    store.act(&earn(1, 1), None);
    let store = store.close();
    let rows = store.rows(&["stats", "--by", "minute"], 0);
    let minutes: Vec<_> = rows
        .iter()
        .filter(|row| row["row"] == "by_minute")
        .collect();
    assert_eq!(minutes.len(), 2);
    assert_eq!(minutes[0]["groups"], 2);
    assert_eq!(minutes[0]["group_records_p99"], 1);
    let padding: u64 = minutes
        .iter()
        .map(|row| row["padding_bytes"].as_u64().unwrap())
        .sum();
    assert_eq!(padding, rows[0]["padding_bytes"].as_u64().unwrap());
    let csv = store
        .tool(&["stats", "--by", "minute", "--format", "csv"])
        .out;
    let cells = |line: &str| line.split(',').count();
    assert!(csv.lines().all(|line| cells(line) == 11), "{csv}");
}

#[test]
fn doctor_names_what_is_wrong_and_leaves_nothing_behind() {
    let mut store = Store::new();
    store.act(&create(1), None);
    let store = store.close();
    let listing = |dir: &Path| {
        let names = fs::read_dir(dir).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = listing(store.dir());
    let rows = store.rows(&["doctor"], 0);
    let checks: Vec<_> = rows
        .iter()
        .map(|row| row["check"].as_str().unwrap())
        .collect();
    assert_eq!(
        checks,
        [
            "mount", "space", "sync", "clock", "in use", "meta", "segments", "tail"
        ]
    );
    assert_eq!(listing(store.dir()), before);

    let state = |store: &Store, check: &str, code| {
        let rows = store.rows(&["doctor"], code);
        let row = rows.into_iter().find(|row| row["check"] == check);
        row.unwrap()["state"].as_str().unwrap().to_owned()
    };
    flip(&store.dir().join("store.meta"), 100);
    assert_eq!(state(&store, "meta", 13), "bad");
    flip(&store.segments()[0], 100);
    assert_eq!(state(&store, "segments", 11), "bad");

    let empty = tempfile::tempdir().unwrap();
    let answer = run(&["doctor", empty.path().to_str().unwrap()]);
    assert_eq!(answer.code, 0, "{}", answer.out);
    assert!(answer.out.contains("none yet"), "{}", answer.out);
    assert_eq!(run(&["doctor", "/nonexistent"]).code, 1);
}

#[test]
fn doctor_sees_a_clock_that_fell_behind_the_log() {
    let mut store = Store::new();
    // A century ahead of whoever runs this.
    store.pass(100 * 365 * 86_400 * SECOND_US);
    store.act(&create(1), None);
    let store = store.close();
    let rows = store.rows(&["doctor"], 0);
    let clock = rows.iter().find(|row| row["check"] == "clock").unwrap();
    assert_eq!(clock["state"], "warn", "{clock}");
}

#[test]
fn inspect_tells_what_compaction_has_to_wait_for() {
    let mut store = Store::new();
    store.act(&create(1), None);
    for _ in 0..40 {
        store.act(&earn(1, 1), None);
    }
    let store = store.close();
    let rows = store.rows(&["inspect"], 0);
    let row = rows.iter().find(|row| row["row"] == "compaction").unwrap();
    assert_eq!(row["segments"], 0);
    let sealed = rows.iter().filter(|row| row["sealed"] == true).count();
    assert!(sealed > 1);
    assert_eq!(row["waiting_segments"], sealed);
}
