//! Backups and restores through the real program.

use std::fs;
use std::path::{Path, PathBuf};

use engine::journal::meta::MetaCopies;
use tempfile::TempDir;

use crate::stage::{Store, charge, create, run, send, spend};

/// A store of several segments, still open.
fn busy() -> Store {
    let mut store = Store::new();
    store.act(&create(1), None);
    store.act(&create(2), None);
    for _ in 0..20 {
        store.act(&charge(1, 100), None);
        store.act(&send(1, 2, 30), None);
        store.pass(1_000_000);
    }
    store
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn back_up(store: &Store, to: &Path, code: i32) -> serde_json::Value {
    let answer = run(&[
        "backup",
        "create",
        "--json",
        "--from",
        text(store.dir()),
        "--to",
        text(to),
    ]);
    assert_eq!(answer.code, code, "{}{}", answer.out, answer.err);
    answer.rows().pop().unwrap_or_default()
}

fn check(generation: &Path, code: i32) -> String {
    let answer = run(&["backup", "verify", text(generation)]);
    assert_eq!(answer.code, code, "{}{}", answer.out, answer.err);
    answer.out
}

fn restore(from: &Path, out: &Path, more: &[&str], code: i32) -> String {
    let args = [
        "restore",
        "--json",
        "--from",
        text(from),
        "--out",
        text(out),
    ];
    let answer = run(&[&args, more].concat());
    assert_eq!(answer.code, code, "{}{}", answer.out, answer.err);
    answer.out + &answer.err
}

fn replayed(dir: &Path, more: &[&str]) -> String {
    let answer = run(&[&["replay", "--format", "csv"], more, &[text(dir)]].concat());
    assert_eq!(answer.code, 0, "{}{}", answer.out, answer.err);
    answer.out
}

#[test]
fn a_backup_beside_the_writer_holds_everything_acknowledged_and_the_next_one_links_it() {
    let mut store = busy();
    let backups = TempDir::new().unwrap();
    let first = back_up(&store, backups.path(), 0);
    assert!(first["copied_files"].as_u64().unwrap() >= 2);
    check(backups.path(), 0);
    assert_eq!(back_up(&store, backups.path(), 0)["unchanged"], true);
    let before = replayed(store.dir(), &[]);
    for _ in 0..30 {
        store.act(&charge(2, 7), None);
    }
    let second = back_up(&store, backups.path(), 0);
    assert!(second["linked_files"].as_u64().unwrap() >= 1, "{second}");
    check(backups.path(), 0);
    // The older generation is as it was.
    let older = PathBuf::from(first["generation"].as_str().unwrap());
    check(&older, 0);
    assert_eq!(replayed(&older, &[]), before);
    let store = store.close();
    let last = back_up(&store, backups.path(), 0);
    let newest = PathBuf::from(last["generation"].as_str().unwrap());
    assert_eq!(replayed(&newest, &[]), replayed(store.dir(), &[]));
}

#[test]
fn a_file_that_has_rotted_in_one_generation_is_not_linked_into_the_next() {
    let mut store = busy();
    let backups = TempDir::new().unwrap();
    let first = back_up(&store, backups.path(), 0);
    let older = PathBuf::from(first["generation"].as_str().unwrap());
    let rotten = older.join(store.segments()[0].file_name().unwrap());
    let mut bytes = fs::read(&rotten).unwrap();
    bytes[5000] ^= 1;
    fs::write(&rotten, &bytes).unwrap();
    store.act(&charge(2, 7), None);

    let second = back_up(&store, backups.path(), 0);
    assert_eq!(second["rotten"][0], text(&rotten));
    check(Path::new(second["generation"].as_str().unwrap()), 0);
    check(&older, 11);
    // The next one has a sound file to link.
    store.act(&charge(2, 7), None);
    let third = back_up(&store, backups.path(), 0);
    assert!(third["rotten"].is_null(), "{third}");
    assert!(third["linked_files"].as_u64().unwrap() >= 1, "{third}");
    check(backups.path(), 0);
}

#[test]
fn what_a_killed_backup_left_is_removed_and_what_is_being_written_is_not() {
    let store = busy().close();
    let backups = TempDir::new().unwrap();
    let reached = store.rows(&["inspect"], 0)[0]["last_lsn"].as_u64().unwrap();
    let partial = |lsn: u64| backups.path().join(format!("backup-{lsn:020}.partial"));
    for lsn in [reached, 3] {
        fs::create_dir(partial(lsn)).unwrap();
        fs::write(partial(lsn).join("MANIFEST"), "half").unwrap();
    }
    // Somebody else's directory is none of ours.
    fs::create_dir(backups.path().join("mine.partial")).unwrap();
    let writing = fs::File::open(partial(reached)).unwrap();
    writing.lock().unwrap();
    back_up(&store, backups.path(), 2);
    assert!(partial(reached).join("MANIFEST").exists());
    assert!(!partial(3).exists(), "nobody writes it");

    drop(writing);
    back_up(&store, backups.path(), 0);
    assert!(!partial(reached).exists());
    assert!(backups.path().join("mine.partial").exists());
    check(backups.path(), 0);
}

#[test]
fn any_changed_missing_or_added_file_of_a_backup_is_found() {
    let store = busy().close();
    let backups = TempDir::new().unwrap();
    let row = back_up(&store, backups.path(), 0);
    let generation = PathBuf::from(row["generation"].as_str().unwrap());
    let names: Vec<_> = fs::read_dir(&generation)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    for path in names {
        let good = fs::read(&path).unwrap();
        for at in [0, good.len() / 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 0x40;
            fs::write(&path, &bad).unwrap();
            let answer = run(&["backup", "verify", text(&generation)]);
            let code = answer.code;
            assert!([11, 12, 13].contains(&code), "{path:?} at {at}: {code}");
        }
        fs::write(&path, &good).unwrap();
    }
    check(&generation, 0);
    fs::write(generation.join("stranger"), "x").unwrap();
    assert!(check(&generation, 12).contains("stranger"));
    fs::remove_file(generation.join("stranger")).unwrap();
    fs::remove_file(generation.join("MANIFEST")).unwrap();
    assert!(run(&["backup", "verify", text(&generation)]).code != 0);
}

#[test]
fn a_directory_of_backups_belongs_to_one_store_and_a_damaged_store_is_not_backed_up() {
    let store = busy().close();
    let backups = TempDir::new().unwrap();
    back_up(&store, backups.path(), 0);
    let other = busy().close();
    back_up(&other, backups.path(), 12);
    let segment = &store.segments()[0];
    let mut bytes = fs::read(segment).unwrap();
    bytes[4096 + 60] ^= 1;
    fs::write(segment, bytes).unwrap();
    let elsewhere = TempDir::new().unwrap();
    back_up(&store, elsewhere.path(), 11);
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn a_restore_is_the_state_at_its_point_and_a_store_that_goes_on() {
    let store = busy().close();
    let out = TempDir::new().unwrap();
    let points: [&[&str]; 4] = [
        &["--to-lsn", "9"],
        &["--to-lsn", "1"],
        &["--to-time", "2026-07-31T00:00:05Z"],
        &[],
    ];
    for (at, point) in points.into_iter().enumerate() {
        let new = out.path().join(format!("new-{at}"));
        restore(store.dir(), &new, point, 0);
        assert_eq!(
            replayed(&new, &[]),
            replayed(store.dir(), point),
            "{point:?}"
        );
        let deep = run(&["verify", "--deep", text(&new)]);
        assert_eq!(deep.code, 0, "{}", deep.out);
        let dump = run(&["dump", "--kind", "fork", text(&new)]);
        assert_eq!(dump.out.lines().count(), 1, "{}{}", dump.out, dump.err);
    }
    // Not twice into the same place, not past the end, not from nothing.
    let new = out.path().join("new-0");
    assert!(restore(store.dir(), &new, &[], 2).contains("not empty"));
    let past = out.path().join("past");
    assert!(restore(store.dir(), &past, &["--to-lsn", "99999"], 2).contains("ends at LSN"));
    assert!(!past.exists());
    let empty = TempDir::new().unwrap();
    restore(empty.path(), &past, &[], 2);
}

/// Makes a snapshot, and says that two hold everything written so far.
fn cover(store: &Store) {
    store.rows(&["snapshot", "create"], 0);
    let path = store.dir().join("store.meta");
    let copies = MetaCopies::parse(&fs::read(&path).unwrap());
    let mut meta = copies.newest().unwrap().clone();
    let lsn = meta.clean_lsn.unwrap();
    meta.snapshots = [lsn, lsn];
    fs::write(&path, meta.encode().repeat(4)).unwrap();
}

/// Everything that commands say of a log, but where they found it.
fn told(dir: &Path) -> Vec<String> {
    let questions: [&[&str]; 4] = [
        &["dump", "--kind", "created,charged,transferred,mark,close"],
        &["history", "1"],
        &["replay", "--format", "csv"],
        &["dump", "--reverse", "--limit", "7"],
    ];
    let ask = |question: &&[&str]| {
        let answer = run(&[question, &[text(dir)][..]].concat());
        answer.out + &answer.code.to_string()
    };
    questions.iter().map(ask).collect()
}

#[test]
fn archive_and_segments_are_one_log_for_every_command() {
    let store = busy().close();
    let before = told(store.dir());
    let planned = store.tool(&["compact"]);
    assert!(
        planned.out.contains("no segment to archive"),
        "{}",
        planned.out
    );
    cover(&store);
    let planned = store.tool(&["compact", "--dry-run"]);
    assert!(planned.out.contains("would be archived"), "{}", planned.out);
    assert_eq!(store.tool(&["compact"]).code, 0);
    assert!(!store.dir().join("archive").exists());
    let done = store.rows(&["compact", "--yes"], 0).pop().unwrap();
    assert!(done["segments"].as_u64().unwrap() >= 2, "{done}");
    assert_eq!(told(store.dir()), before);
    for command in [&["verify", "--deep"][..], &["inspect"], &["stats"]] {
        let answer = store.tool(command);
        assert_eq!(answer.code, 0, "{command:?}: {}{}", answer.out, answer.err);
    }
    assert!(store.tool(&["inspect"]).out.contains("archive file"));
    // Backed up, damaged, restored.
    let backups = TempDir::new().unwrap();
    back_up(&store, backups.path(), 0);
    check(backups.path(), 0);
    let out = TempDir::new().unwrap();
    let new = out.path().join("new");
    restore(store.dir(), &new, &["--to-lsn", "20"], 0);
    let then = replayed(store.dir(), &["--to-lsn", "20"]);
    assert_eq!(replayed(&new, &[]), then);
    let archive = store.dir().join("archive");
    let file = fs::read_dir(&archive)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut bytes = fs::read(&file).unwrap();
    bytes[400] ^= 1;
    fs::write(&file, bytes).unwrap();
    assert_eq!(store.tool(&["verify"]).code, 11);
    fs::remove_file(&file).unwrap();
    assert_eq!(store.tool(&["verify"]).code, 12);
}

#[test]
fn compaction_waits_for_nobody_else() {
    let store = busy();
    let answer = store.tool(&["compact", "--yes"]);
    assert_eq!(answer.code, 16, "{}{}", answer.out, answer.err);
}

#[test]
fn two_restores_of_one_backup_cannot_be_mixed() {
    let mut store = busy();
    let backups = TempDir::new().unwrap();
    let row = back_up(&store, backups.path(), 0);
    store.act(&spend(1, 5), None);
    let generation = PathBuf::from(row["generation"].as_str().unwrap());
    let out = TempDir::new().unwrap();
    let (one, two) = (out.path().join("one"), out.path().join("two"));
    restore(&generation, &one, &[], 0);
    restore(&generation, &two, &[], 0);
    let segment = |dir: &Path| {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "wal"))
            .collect();
        names.sort();
        names.pop().unwrap()
    };
    fs::copy(segment(&two), segment(&one)).unwrap();
    assert_eq!(run(&["verify", text(&one)]).code, 12);
}
