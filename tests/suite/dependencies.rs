//! Every dependency is used, and `docs/architecture.md` says why it is there.

use std::collections::BTreeSet;

use tests::source::{self, Source};

/// Names at the left of `=` or `.workspace` in the sections of a manifest whose header ends in `ending`.
fn names(manifest: &Source, ending: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in manifest.text.lines() {
        if line.starts_with('[') {
            inside = line.trim_end_matches(']').ends_with(ending);
        } else if inside && let Some((name, _)) = line.split_once(['.', '=', ' ']) {
            names.insert(name.trim().to_owned());
        }
    }
    names.remove("");
    names.remove("#");
    names
}

fn declared() -> BTreeSet<String> {
    let text = include_str!("../../Cargo.toml").to_owned();
    let path = "Cargo.toml".to_owned();
    let mut names = names(&Source { path, text }, "workspace.dependencies");
    assert!(
        names.remove("engine") && names.remove("server"),
        "{names:?}"
    );
    names
}

#[test]
fn every_dependency_has_its_reason() {
    let page = include_str!("../../docs/architecture.md");
    let table = page.split("## Why each dependency").nth(1);
    let table = table.expect("the page has the table");
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let first = rows.filter_map(|row| row.split('|').nth(1));
    let listed = first.flat_map(|cell| cell.split(','));
    let listed = listed.map(|name| name.trim().trim_matches('`').to_owned());
    assert_eq!(listed.collect::<BTreeSet<_>>(), declared());
}

#[test]
fn every_dependency_is_used_by_a_package() {
    let packages = ["engine", "server", "wal-tool", "tests", "bench"];
    let manifests = packages
        .iter()
        .flat_map(|package| source::below(package, "toml"));
    let used: BTreeSet<_> = manifests
        .flat_map(|manifest| names(&manifest, "dependencies"))
        .collect();
    let unused: Vec<_> = declared()
        .into_iter()
        .filter(|name| !used.contains(name))
        .collect();
    assert!(unused.is_empty(), "declared and not used: {unused:?}");
}
