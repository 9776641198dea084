//! The operator's page names every setting, every metric it speaks of exists, and its exit codes are true.

use std::process::Command;

use tests::binaries::{self, workspace};
use tests::launch::Launch;

#[test]
fn the_manual_names_every_setting_and_no_other() {
    let help = Command::new(binaries::server())
        .arg("--help")
        .output()
        .expect("it helps");
    assert!(help.status.success());
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let offered = flags(&help, "      --");
    assert!(offered.len() >= 10, "{offered:?}");
    let told = flags(&manual(), "| `--");
    assert_eq!(told, offered);
}

#[test]
fn the_manual_names_metrics_that_exist() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Launch::new(&folder.path().join("points")).start();
    let metrics = server.connect_admin().get("/metrics").expect(200).text();
    let manual = manual();
    let mut named = 0;
    for line in manual.lines().filter(|line| line.starts_with("| `scrip_")) {
        let name = line.split('`').nth(1).unwrap_or_default();
        // As it is asked for: a counter's samples bear `_total`, a histogram's `_bucket`.
        let is_sample = |line: &str| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| {
                [" ", "{", "_bucket{"]
                    .iter()
                    .any(|end| rest.starts_with(end))
            })
        };
        assert!(metrics.lines().any(is_sample), "{name} is not there");
        named += 1;
    }
    assert!(named >= 5, "{named} metrics");
}

#[test]
fn the_manual_names_the_files_that_there_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = folder.path().join("points");
    let server = Launch::new(&points).start();
    let manual = manual();
    for entry in std::fs::read_dir(&points).expect("the directory can be listed") {
        let name = entry
            .expect("a file")
            .file_name()
            .to_string_lossy()
            .into_owned();
        let stem = name.split('-').next().unwrap_or_default();
        let row = format!("| `{stem}");
        assert!(manual.contains(&row), "{name} is not in the manual");
    }
    drop(server);
}

fn manual() -> String {
    let path = workspace().join("docs/operations.md");
    std::fs::read_to_string(path).expect("there is a manual")
}

/// Names of flags on lines that start so, sorted.
fn flags(text: &str, start: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(start));
    let mut names: Vec<String> = lines
        .map(|rest| {
            let end = rest.find(|letter: char| !letter.is_ascii_lowercase() && letter != '-');
            rest[..end.unwrap_or(rest.len())].to_owned()
        })
        .collect();
    names.sort();
    names
}
