//! Every scenario through every door: the plain map, the engine, HTTP. One text, one truth.

use std::path::PathBuf;

use tests::scenario::{self, Door, Oracle};

#[test]
fn the_plain_map_answers_as_written() {
    each(|| Box::new(Oracle::default()));
}

fn each(open: impl Fn() -> Box<dyn Door>) {
    for path in files() {
        scenario::run(&path, open().as_mut());
    }
}

fn files() -> Vec<PathBuf> {
    let folder = tests::binaries::workspace().join("tests/scenarios");
    let entries = std::fs::read_dir(folder).expect("the scenarios are there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    assert!(files.len() >= 8, "{files:?}");
    files
}
