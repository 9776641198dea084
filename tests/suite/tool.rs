//! The operator's tool beside a running server: it takes no lock, changes nothing, and tells the same.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use tests::http::Connection;
use tests::launch::Launch;
use tests::wal_tool::WalTool;

#[test]
fn the_tool_and_the_server_tell_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = folder.path().join("points");
    let server = Launch::new(&points).start();
    let mut connection = server.connect();
    for id in 1..=3 {
        connection
            .post("/v1/wallets", &json!({"id": id}))
            .expect(201);
        connection
            .post(
                &format!("/v1/wallets/{id}/charge"),
                &json!({"amount": 100 * id}),
            )
            .expect(201);
    }
    connection
        .post(
            "/v1/wallets/1/earn",
            &json!({"amount": 7, "expires_at": "2999-01-01T00:00:00Z"}),
        )
        .expect(201);
    connection
        .post("/v1/transfers", &json!({"from": 1, "to": 2, "amount": 50}))
        .expect(201);
    let used = connection
        .post("/v1/wallets/3/use", &json!({"amount": 30}))
        .expect(201)
        .json();
    let cancel = format!("/v1/transactions/{}/cancel", used["id"]);
    connection.post(&cancel, &json!({"amount": 10})).expect(201);
    // An act later is attested by whatever follows it: the last one here is asked about by nobody.
    connection
        .post("/v1/wallets", &json!({"id": 9}))
        .expect(201);

    let before = listing(&points);
    WalTool::on(&points).run(&["verify", "--deep"]).expect(0);
    let replayed = WalTool::on(&points).run(&["replay", "--json"]).expect(0);
    let by_wallet: BTreeMap<u64, Value> = lines(&replayed.stdout)
        .into_iter()
        .filter(|line| line["row"] == "wallet")
        .filter_map(|line| Some((line["id"].as_u64()?, line)))
        .collect();
    for id in 1..=3 {
        let told = &by_wallet[&id];
        let seen = connection
            .get(&format!("/v1/wallets/{id}"))
            .expect(200)
            .json();
        for name in ["balance", "paid", "free", "version"] {
            assert_eq!(told[name], seen[name], "{name} of {told}");
        }
        same_history(&points, &mut connection, id);
    }
    assert_eq!(listing(&points), before, "the tool changed something");
    connection
        .post("/v1/wallets/1/earn", &json!({"amount": 1}))
        .expect(201);
}

fn same_history(points: &Path, connection: &mut Connection, id: u64) {
    let path = format!("/v1/wallets/{id}/transactions?order=asc&limit=500");
    let page = connection.get(&path).expect(200).json();
    let rows = page["items"].as_array().expect("items");
    let wallet = id.to_string();
    let told = WalTool::on(points)
        .run(&["history", "--json", &wallet])
        .expect(0);
    let told: Vec<Value> = lines(&told.stdout)
        .into_iter()
        .filter(|line| line["row"] == "entry" && line["type"] != "create")
        .collect();
    assert_eq!(told.len(), rows.len(), "{told:?}");
    for (told, row) in told.iter().zip(rows) {
        for name in ["type", "amount", "balance", "version"] {
            assert_eq!(told[name], row[name], "{name} of {told}");
        }
    }
}

fn lines(text: &str) -> Vec<Value> {
    let parse =
        |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(parse).collect()
}

/// Names and lengths of all files but those that the server's filler makes ready meanwhile.
fn listing(folder: &Path) -> Vec<(String, u64)> {
    let entries = std::fs::read_dir(folder).expect("the directory can be listed");
    let mut files: Vec<(String, u64)> = entries
        .map(|entry| {
            let entry = entry.expect("a file");
            let length = entry.metadata().expect("a length").len();
            (entry.file_name().to_string_lossy().into_owned(), length)
        })
        .filter(|(name, _)| !name.starts_with("fill-") && !name.starts_with("reserve"))
        .collect();
    files.sort();
    files
}
