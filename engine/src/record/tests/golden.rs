//! Golden bytes: what was once written is read for ever, so what is written today must not change.
//!
//! `record/golden/NAME.hex` holds a body without a key, `NAME-keyed.hex` one with a key. A new kind
//! gets a new file; a file that is there is never touched.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::samples::{KEY, events, refused_item, rejections};
use super::*;

/// Every sample under its file name.
pub(super) fn records() -> Vec<(String, Record)> {
    let mut records = Vec::new();
    for (name, event) in events() {
        for key in [None, Some(KEY)] {
            let name = format!("{name}{}", if key.is_some() { "-keyed" } else { "" });
            let content = Content::Event(event.clone());
            records.push((name, Record { key, content }));
        }
    }
    for rejection in rejections() {
        let name = format!("refused-{}", rejection.code());
        let (key, content) = (Some(KEY), Content::Refused(rejection.into()));
        records.push((name, Record { key, content }));
    }
    let content = Content::Refused(refused_item());
    let key = Some(KEY);
    records.push(("refused-item".to_owned(), Record { key, content }));
    records
}

/// The bytes on file.
pub(super) fn golden(name: &str) -> Vec<u8> {
    let text = fs::read_to_string(directory().join(format!("{name}.hex")));
    let text = text.unwrap_or_default();
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/record/golden")
}

fn hex(bytes: &[u8]) -> String {
    let line = |line: &[u8]| {
        let bytes: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        bytes.join(" ")
    };
    let lines: Vec<_> = bytes.chunks(16).map(line).collect();
    lines.join("\n")
}

#[test]
fn bytes_stay_what_they_were() {
    for (name, record) in records() {
        let (kind, schema, body) = encoded(&record);
        assert_eq!(
            hex(&body),
            hex(&golden(&name)),
            "the bytes of {name} (left) are not those of its file; only a new kind gets a new file"
        );
        assert_eq!(decode(kind, schema, &body).unwrap(), record, "{name}");
        let (key, payload) = decode_key(kind, &body).unwrap();
        assert_eq!(key, record.key);
        assert!(body.ends_with(payload));
    }
}

#[test]
fn every_event_and_every_kind_has_golden_bytes() {
    // The variants as the source lists them: a new one without a sample must not go unnoticed.
    let source = include_str!("../../domain/mod.rs");
    let list = source.split("pub enum Event {").nth(1).unwrap();
    let list = list.split("\n}").next().unwrap().lines().map(str::trim);
    let variants = list.filter_map(|line| line.split_once('(').map(|(name, _)| name));
    let variants: BTreeSet<String> = variants.map(str::to_owned).collect();
    assert!(variants.len() >= 7, "the list of events was not found");

    let name = |event: &Event| format!("{event:?}").split('(').next().unwrap().to_owned();
    let sampled: BTreeSet<String> = events().iter().map(|(_, event)| name(event)).collect();
    assert_eq!(variants, sampled);

    let written: BTreeSet<u8> = records()
        .iter()
        .map(|(_, record)| kind::base(encoded(record).0))
        .collect();
    let listed: BTreeSet<u8> = kind::NAMES.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(written, listed);
    assert_eq!(
        listed.len(),
        kind::NAMES.len(),
        "a number stands for two kinds"
    );
    assert!(
        listed.iter().all(|kind| (1..0xf0).contains(kind)),
        "the journal's own"
    );
}

#[test]
fn no_golden_file_is_without_its_sample() {
    let files = fs::read_dir(directory()).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let sampled: BTreeSet<_> = records()
        .iter()
        .map(|(name, _)| format!("{name}.hex"))
        .collect();
    assert_eq!(files.collect::<BTreeSet<_>>(), sampled);
}
