//! Directories that released versions wrote are read for ever: the present server opens a copy, finds it sound
//! and tells of it what the old one told. `tests/golden/<format>/` holds the files of one directory and, in
//! `told.txt`, what was asked of it and answered.
//!
//! A format that is released is never written again. A new one gets a directory of its own: name it in
//! [`FORMATS`] and run this test with `UPDATE_GOLDEN=1`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tests::binaries::workspace;
use tests::http::Connection;
use tests::launch::Launch;
use tests::segments;
use tests::wal_tool::WalTool;

/// Formats that can be met on disk.
const FORMATS: [&str; 1] = ["v1"];

/// The smallest segments, since they lie in the repository.
const SEGMENT_BYTES: u64 = 64 * 1024;

/// What is asked of a golden directory.
const QUESTIONS: [&str; 9] = [
    "/v1/wallets/1",
    "/v1/wallets/2",
    "/v1/wallets/3",
    "/v1/wallets/1/transactions?order=asc&limit=500",
    "/v1/wallets/2/transactions?order=asc&limit=500",
    "/v1/wallets/3/transactions?order=desc&limit=20",
    "/v1/transactions/4",
    "/v1/transactions/8",
    "/v1/transactions/10",
];

#[test]
fn directories_of_every_format_are_read() {
    for format in FORMATS {
        let golden = workspace().join("tests/golden").join(format);
        if !golden.exists() && std::env::var_os("UPDATE_GOLDEN").is_some() {
            write(&golden);
        }
        let folder = tempfile::tempdir().expect("a folder");
        let copy = folder.path().join("points");
        segments::copy(&golden, &copy);
        fs::remove_file(copy.join("told.txt")).expect("a golden directory says what it holds");
        let told = fs::read_to_string(golden.join("told.txt")).expect("it is text");
        WalTool::on(&copy).run(&["verify", "--deep"]).expect(0);
        let server = Launch::new(&copy).start();
        let mut connection = server.connect();
        let now = ask(&mut connection);
        assert_eq!(now.lines().count(), told.lines().count(), "{format}");
        for (now, told) in now.lines().zip(told.lines()) {
            assert!(
                still_says(&read(now), &read(told)),
                "{format} is told otherwise\n{now}\n{told}"
            );
        }
        // A key of that time is long forgotten or still known; either way the log goes on behind it.
        connection
            .post("/v1/wallets/1/earn", &json!({"amount": 1}))
            .expect(201);
        let ended = server.stop();
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
        WalTool::on(&copy).run(&["verify", "--deep"]).expect(0);
    }
}

/// A line of what is told: an answer, or the question itself.
fn read(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|_| Value::from(line))
}

/// Whether an answer says all that an older one said: members may have come, none may have gone or changed.
fn still_says(now: &Value, told: &Value) -> bool {
    match (now, told) {
        (Value::Object(now), Value::Object(told)) => told
            .iter()
            .all(|(name, told)| now.get(name).is_some_and(|now| still_says(now, told))),
        (Value::Array(now), Value::Array(told)) => {
            now.len() == told.len()
                && now
                    .iter()
                    .zip(told)
                    .all(|(now, told)| still_says(now, told))
        }
        _ => now == told,
    }
}

fn ask(connection: &mut Connection) -> String {
    let mut told = String::new();
    for path in QUESTIONS {
        let answer = connection.get(path).expect(200).text();
        told.push_str(&format!("{path}\n{answer}\n"));
    }
    told
}

/// Acts of every kind over several segments and epochs, one of them ended by a kill.
fn write(golden: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    let points = folder.path().join("points");
    let launch = Launch::new(&points).flag("--segment-bytes", SEGMENT_BYTES);
    let server = launch.start();
    first_epoch(&mut server.connect());
    server.kill();
    let server = launch.start();
    second_epoch(&mut server.connect());
    server.stop();
    let server = launch.start();
    let told = ask(&mut server.connect());
    server.stop();
    fs::create_dir_all(golden).expect("a new golden directory");
    for file in files_of_the_log(&points) {
        let name = file.file_name().expect("a file has a name");
        fs::copy(&file, golden.join(name)).expect("a file can be copied");
    }
    fs::write(golden.join("told.txt"), told).expect("it can be written");
}

/// What a directory is without what only a running server needs.
fn files_of_the_log(points: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = segments::read(points)
        .into_iter()
        .map(|segment| segment.path)
        .collect();
    files.push(points.join("store.meta"));
    files
}

fn first_epoch(connection: &mut Connection) {
    let company = json!({"type": "company", "id": 7});
    connection
        .post("/v1/wallets", &json!({"id": 1}))
        .expect(201);
    connection
        .post_keyed("/v1/wallets", "w2", &json!({"id": 2, "owner": company}))
        .expect(201);
    connection
        .post("/v1/wallets", &json!({"id": 3}))
        .expect(201);
    let charge = json!({"amount": 1000, "description": "구매, card ends in 4242"});
    connection.post("/v1/wallets/1/charge", &charge).expect(201);
    let earn = json!({"amount": 200, "expires_at": "2999-12-31T23:59:59.999999Z"});
    connection
        .post_keyed("/v1/wallets/1/earn", "e1", &earn)
        .expect(201);
    connection
        .post_keyed("/v1/wallets/2/use", "u1", &json!({"amount": 5}))
        .expect(422);
    connection
        .post("/v1/wallets/2/earn", &json!({"amount": 50}))
        .expect(201);
    connection
        .post("/v1/transfers", &json!({"from": 1, "to": 2, "amount": 300}))
        .expect(201);
    connection
        .post_keyed("/v1/wallets/1/use", "u2", &json!({"amount": 120}))
        .expect(201);
    let cancel = json!({"amount": 20, "description": "one of them was cold"});
    connection
        .post("/v1/transactions/9/cancel", &cancel)
        .expect(201);
}

/// Enough to fill a segment, in one request, so that the epoch has a roll in it.
fn second_epoch(connection: &mut Connection) {
    let operations: Vec<Value> = (0..900)
        .map(|at| json!({"op": if at % 3 == 0 { "use" } else { "earn" }, "wallet": 3, "amount": 2 - at % 2}))
        .collect();
    connection
        .post("/v1/bulk", &json!({"operations": operations}))
        .expect(200);
    connection
        .post("/v1/transactions/9/cancel", &json!({}))
        .expect(201);
}
