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

/// A format that can be met on disk.
struct Format {
    /// Its folder.
    name: &'static str,
    /// What `wal-tool verify --deep` says of it.
    verdict: i32,
    /// Whether a start finds a snapshot in it.
    has_snapshots: bool,
    /// What is asked of it beside what is asked of all.
    questions: &'static [&'static str],
    write: fn(&Path),
}

/// Segments alone; and everything that a store of some age has: two snapshots, the indexes of segments, an archive, and
/// an end that was torn off.
const FORMATS: [Format; 2] = [
    Format {
        name: "v1",
        verdict: 0,
        has_snapshots: false,
        questions: &[],
        write,
    },
    Format {
        name: "v1-aged",
        verdict: 10,
        has_snapshots: true,
        questions: &CARED_FOR,
        write: write_aged,
    },
];

/// The smallest segments, since they lie in the repository.
const SEGMENT_BYTES: u64 = 64 * 1024;

/// Folder of the archive in a data directory.
const ARCHIVE: &str = "archive";

/// Less than the header of a record.
const TORN_BYTES: usize = 40;

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

/// Wallets that have what few have: a hold, a grant that does not count yet, a debt, a status; and a company.
const CARED_FOR: [&str; 7] = [
    "/v1/companies/6",
    "/v1/wallets/6/transactions",
    "/v1/wallets/4",
    "/v1/wallets/4/lots",
    "/v1/wallets/4/transactions",
    "/v1/wallets/5",
    "/v1/wallets/5/transactions",
];

#[test]
fn directories_of_every_format_are_read() {
    for format in FORMATS {
        let name = format.name;
        let golden = workspace().join("tests/golden").join(name);
        if !golden.exists() && std::env::var_os("UPDATE_GOLDEN").is_some() {
            (format.write)(&golden);
        }
        let folder = tempfile::tempdir().expect("a folder");
        let copy = folder.path().join("points");
        segments::copy(&golden, &copy);
        if golden.join(ARCHIVE).exists() {
            segments::copy(&golden.join(ARCHIVE), &copy.join(ARCHIVE));
        }
        fs::remove_file(copy.join("told.txt")).expect("a golden directory says what it holds");
        let told = fs::read_to_string(golden.join("told.txt")).expect("it is text");
        let deep = WalTool::on(&copy).run(&["verify", "--deep"]);
        deep.expect(format.verdict);
        let server = Launch::new(&copy).start();
        let mut connection = server.connect();
        check_told(name, &ask(&mut connection, format.questions), &told);
        let found = &connection.get("/readyz?verbose").expect(200).json()["opening"];
        let from = &found["snapshot"]["lsn"];
        assert_eq!(from.is_u64(), format.has_snapshots, "{found}");
        assert_eq!(found["warnings"], json!([]), "{name}");
        // A key of that time is long forgotten or still known; either way the log goes on behind it.
        connection
            .post("/v1/wallets/1/earn", &json!({"amount": 1}))
            .expect(201);
        let ended = server.stop();
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
        WalTool::on(&copy).run(&["verify", "--deep"]).expect(0);
    }
}

/// The present answers, held against those of the golden directory.
fn check_told(name: &str, now: &str, told: &str) {
    assert_eq!(now.lines().count(), told.lines().count(), "{name}");
    for (now, told) in now.lines().zip(told.lines()) {
        assert!(
            still_says(&read(now), &read(told)),
            "{name} is told otherwise\n{now}\n{told}"
        );
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

fn ask(connection: &mut Connection, more: &[&str]) -> String {
    let mut told = String::new();
    for path in QUESTIONS.iter().chain(more) {
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
    cancel_the_rest(&mut server.connect());
    server.stop();
    let server = launch.start();
    let told = ask(&mut server.connect(), &[]);
    server.stop();
    fs::create_dir_all(golden).expect("a new golden directory");
    for file in files_of_the_log(&points) {
        let name = file.file_name().expect("a file has a name");
        fs::copy(&file, golden.join(name)).expect("a file can be copied");
    }
    fs::write(golden.join("told.txt"), told).expect("it can be written");
}

/// As above, and older: two snapshots are made, what they hold is archived, and the last record is torn off.
fn write_aged(golden: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    let points = folder.path().join("points");
    let launch = |points: &Path| {
        let launch = Launch::new(points).flag("--segment-bytes", SEGMENT_BYTES);
        launch.flag("--compact-after-bytes", 0)
    };
    let server = launch(&points).start();
    first_epoch(&mut server.connect());
    epoch_of_care(&mut server.connect());
    for _ in 0..2 {
        second_epoch(&mut server.connect());
        let mut admin = server.connect_admin();
        let made = admin.post("/admin/snapshot", &json!({})).expect(200).json();
        assert!(made["lsn"].is_u64(), "{made}");
    }
    let mut admin = server.connect_admin();
    let done = admin.post("/admin/compact", &json!({})).expect(200).json();
    assert!(done["segments"].as_u64() > Some(0), "{done}");
    second_epoch(&mut server.connect());
    cancel_the_rest(&mut server.connect());
    server.kill();
    tear(&points);
    // The questions are put to a copy: a start would go on behind the torn end.
    let copy = folder.path().join("copy");
    segments::copy(&points, &copy);
    segments::copy(&points.join(ARCHIVE), &copy.join(ARCHIVE));
    let server = launch(&copy).start();
    let told = ask(&mut server.connect(), &CARED_FOR);
    server.stop();
    fs::create_dir_all(golden).expect("a new golden directory");
    segments::copy(&points.join(ARCHIVE), &golden.join(ARCHIVE));
    let mut files = files_of_the_log(&points);
    files.extend(files_ending(&points, &["snap", "idx"]));
    for file in files {
        let name = file.file_name().expect("a file has a name");
        fs::copy(&file, golden.join(name)).expect("a file can be copied");
    }
    fs::write(golden.join("told.txt"), told).expect("it can be written");
}

/// The beginning of a record that never got to the disk as a whole, behind the last one that did.
fn tear(points: &Path) {
    let newest = segments::read(points).pop().expect("a segment");
    let last = newest.records.last().expect("a record");
    let mut bytes = newest.bytes.clone();
    let begun = bytes[last.at..last.at + TORN_BYTES].to_vec();
    bytes[last.next()..last.next() + TORN_BYTES].copy_from_slice(&begun);
    fs::write(&newest.path, bytes).expect("a segment can be written");
}

fn files_ending(points: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let entries = fs::read_dir(points).expect("the directory can be listed");
    let paths = entries.map(|entry| entry.expect("a file").path());
    let wanted = |path: &PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        ending.is_some_and(|ending| endings.contains(&ending))
    };
    paths.filter(wanted).collect()
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

/// What few wallets have, and keep over snapshots.
fn epoch_of_care(connection: &mut Connection) {
    let mut post = |path: &str, body: Value| connection.post(path, &body).expect(201).json();
    post("/v1/wallets", json!({"id": 4}));
    post("/v1/wallets/4/charge", json!({"amount": 100}));
    let until = "2999-12-31T00:00:00Z";
    let held = post(
        "/v1/wallets/4/holds",
        json!({"amount": 40, "expires_at": until}),
    );
    let capture = format!("/v1/holds/{}/capture", held["id"]);
    post(&capture, json!({"amount": 15}));
    post(
        "/v1/wallets/4/adjust",
        json!({"change": "up", "fund": "paid", "amount": 3, "reason": "counted twice"}),
    );
    post("/v1/wallets/4/earn", json!({"amount": 9, "pending": true}));
    post("/v1/companies", json!({"id": 6, "name": "봄"}));
    post("/v1/companies/6/members", json!({"user": 1}));
    post("/v1/wallets/6/charge", json!({"amount": 10}));
    post("/v1/companies/6/use", json!({"user": 1, "amount": 3}));
    post("/v1/wallets", json!({"id": 5}));
    let earned = post("/v1/wallets/5/earn", json!({"amount": 50}));
    post("/v1/wallets/5/use", json!({"amount": 30}));
    let take_back = format!("/v1/transactions/{}/cancel", earned["id"]);
    post(&take_back, json!({"if_spent": "debt"}));
    post(
        "/v1/wallets/5/freeze",
        json!({"description": "under review"}),
    );
}

/// Enough to fill a segment, in one request, so that the epoch has a roll in it.
fn second_epoch(connection: &mut Connection) {
    let operations: Vec<Value> = (0..900)
        .map(|at| json!({"op": if at % 3 == 0 { "use" } else { "earn" }, "wallet": 3, "amount": 2 - at % 2}))
        .collect();
    connection
        .post("/v1/bulk", &json!({"operations": operations}))
        .expect(200);
}

/// The rest of the use that was given back in part.
fn cancel_the_rest(connection: &mut Connection) {
    connection
        .post("/v1/transactions/9/cancel", &json!({}))
        .expect(201);
}
