//! Every scenario's log in the hands of the operator's tool: whatever a scenario can bring into a log, the tool can replay,
//! show, snapshot, restore, and carry over in words.

use std::path::Path;

use serde_json::Value;
use tests::scenario::{self, EngineDoor, Script};
use tests::wal_tool::WalTool;

use crate::scenarios::files;

/// Half of all seeds make no snapshots by themselves: the tool shall make the first one.
const SEED: u64 = 2;

fn rows(text: &str) -> Vec<Value> {
    let lines = text.lines();
    let rows = lines.map(|line| serde_json::from_str(line).expect("a row"));
    rows.collect()
}

/// Asks one tool after the other about a store that nobody serves.
fn check(store: &Path, place: &Path) {
    let tool = WalTool::on(store);
    let path = |name: &str| place.join(name).to_str().expect("a path").to_owned();
    tool.run(&["verify", "--deep"]).expect(0);
    tool.run(&["repair", "--plan"]).expect(0);
    tool.run(&["stats"]).expect(0);
    for row in rows(&tool.run(&["dump", "--json"]).expect(0).stdout) {
        assert!(row["error"].is_null() && row["kind"] != "unknown", "{row}");
    }
    let replayed = rows(&tool.run(&["replay", "--json"]).expect(0).stdout);
    for wallet in replayed.iter().filter(|row| row["row"] == "wallet") {
        let id = wallet["id"].to_string();
        let statement = rows(&tool.run(&["history", &id, "--json"]).expect(0).stdout);
        let closing = &statement.last().expect("a statement")["closing"];
        assert_eq!(closing, &wallet["balance"], "wallet {id}");
    }
    tool.run(&["snapshot", "create"]).expect(0);
    let verified = rows(&tool.run(&["verify", "--deep", "--json"]).expect(0).stdout);
    assert_eq!(verified.last().expect("a summary")["snapshots_compared"], 1);

    let words = path("words");
    std::fs::write(&words, tool.run(&["export"]).expect(0).stdout).expect("written");
    let imported = WalTool::on(&place.join("imported"));
    imported.run(&["import", &words, "--out"]).expect(0);
    tool.run(&["restore", "--out", &path("restored"), "--from"])
        .expect(0);
    for copy in ["imported", "restored"] {
        tool.run(&["diff", &path(copy)]).expect(0);
        WalTool::on(&place.join(copy))
            .run(&["verify", "--deep"])
            .expect(0);
    }
}

#[test]
fn the_tool_knows_whatever_a_scenario_brings_into_a_log() {
    for scenario in files("txt") {
        let place = tempfile::tempdir().expect("a folder");
        let store = place.path().join("store");
        let mut door = EngineDoor::open(SEED);
        scenario::run(&scenario, &mut door);
        door.save(&store);
        check(&store, place.path());
    }
    for scenario in files("http") {
        let place = tempfile::tempdir().expect("a folder");
        let store = place.path().join("store");
        let mut script = Script::open(SEED);
        scenario::run_script(&scenario, &mut script);
        script.save(&store);
        check(&store, place.path());
    }
}
