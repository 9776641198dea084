//! The HTTP surface of the real binary, request by request, byte by byte.

mod bodies;
mod bulk;
mod clients;
mod dry_runs;
mod headers;
mod lists;
mod operator;
mod protocol;
mod replays;
mod reports;
mod routes;
mod statements;

use serde_json::json;
use tempfile::TempDir;
use tests::launch::{Launch, Server};

/// A server with wallet 1, which has 100 points, and the folder that it lives in.
fn stand() -> (TempDir, Server) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Launch::new(&folder.path().join("points")).start();
    let mut connection = server.connect();
    connection
        .post("/v1/wallets", &json!({"id": 1}))
        .expect(201);
    let earned = connection.post("/v1/wallets/1/earn", &json!({"amount": 100}));
    earned.expect(201);
    (folder, server)
}
