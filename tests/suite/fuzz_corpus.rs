//! Bytes that once were interesting to a fuzzer are tried again with every test run.

#![expect(
    clippy::print_stderr,
    reason = "a failing input is found by its name, a failing mutation by its seed"
)]

use std::fs;
use std::path::PathBuf;

use tests::fuzzing::TARGETS;
use tests::random::Random;
use tests::scale;

fn corpus(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    root.join("fuzz/corpus").join(name)
}

/// Inputs of a target, by name; never empty.
fn inputs(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = corpus(name);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let read = |file: std::io::Result<fs::DirEntry>| {
        let path = file.expect("a folder can be listed").path();
        let bytes = fs::read(&path).expect("a file can be read");
        (path.display().to_string(), bytes)
    };
    let mut inputs: Vec<_> = files.map(read).collect();
    assert!(!inputs.is_empty(), "{folder:?} is empty");
    inputs.sort();
    inputs
}

/// Runs a target over its corpus, then over inputs with a few bytes changed.
fn replay(name: &str, mutations: usize) {
    let (_, target) = TARGETS
        .iter()
        .find(|(known, _)| *known == name)
        .expect("a target");
    let inputs = inputs(name);
    for (path, bytes) in &inputs {
        eprintln!("{path}");
        target(bytes);
    }
    let seed = Random::seed();
    eprintln!("SCRIP_TEST_SEED={seed}");
    let mut random = Random::new(seed);
    for _ in 0..scale::times(mutations) {
        let mut bytes = random.pick(&inputs).1.clone();
        for _ in 0..random.between(1, 4) {
            mutate(&mut bytes, &mut random);
        }
        target(&bytes);
    }
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len() as u64 + 1) as usize;
    match random.below(4) {
        0 => bytes.insert(at, random.number() as u8),
        1 => bytes.truncate(at.max(1)),
        2 => {
            let tail = bytes[at..].to_vec();
            bytes.extend_from_slice(&tail[..tail.len().min(64)]);
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
}

#[test]
fn frame() {
    replay("frame", 300);
}

#[test]
fn record() {
    replay("record", 20_000);
}

#[test]
fn recovery() {
    replay("recovery", 300);
}

#[test]
fn request() {
    replay("request", 20_000);
}

#[test]
fn every_target_has_a_fuzzer_and_a_corpus() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let manifest = fs::read_to_string(root.join("fuzz/Cargo.toml")).expect("fuzz has a manifest");
    for (name, _) in TARGETS {
        assert!(
            manifest.contains(&format!("path = \"targets/{name}.rs\"")),
            "{name}"
        );
        let fuzzer = fs::read_to_string(root.join(format!("fuzz/targets/{name}.rs")));
        let fuzzer = fuzzer.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(
            fuzzer.contains(&format!("tests::fuzzing::{name}(")),
            "{name}"
        );
        assert!(!inputs(name).is_empty());
    }
}
