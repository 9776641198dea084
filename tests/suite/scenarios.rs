//! Every scenario through every door: the plain map, the engine, HTTP. One text, one truth.

use std::path::PathBuf;

use tests::scenario::{self, Door, EngineDoor, HttpDoor, Oracle, Script};

/// Scenarios name the seeds of their power cuts themselves; this one moves nothing else.
const SEED: u64 = 1;

#[test]
fn the_plain_map_answers_as_written() {
    each(|| Box::new(Oracle::default()));
}

#[test]
fn the_engine_answers_as_written() {
    each(|| Box::new(EngineDoor::open(SEED)));
}

#[test]
fn http_answers_as_written() {
    each(|| Box::new(HttpDoor::open(SEED)));
}

#[test]
fn plain_http_answers_as_written() {
    for path in files("http") {
        scenario::run_script(&path, &mut Script::open(SEED));
    }
}

fn each(open: impl Fn() -> Box<dyn Door>) {
    for path in files("txt") {
        scenario::run(&path, open().as_mut());
    }
}

/// The scenarios of this form.
pub(crate) fn files(extension: &str) -> Vec<PathBuf> {
    let folder = tests::binaries::workspace().join("tests/scenarios");
    let entries = std::fs::read_dir(folder).expect("the scenarios are there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files.sort();
    assert!(!files.is_empty(), "no scenario in {extension}");
    files
}
