//! Precedence, defaults and refusals of the set-up.

use std::time::Duration;

use clap::Parser;
use engine::journal::SyncMode;

use super::units::{Bytes, Span};
use super::{Config, ConfigError, LogFormat, Settings, Sync};

fn flags(text: &str) -> Settings {
    let words = std::iter::once("scrip-server").chain(text.split_whitespace());
    Settings::try_parse_from(words).unwrap()
}

fn file(text: &str) -> Result<Settings, toml::de::Error> {
    toml::from_str(text)
}

#[test]
fn defaults_are_the_documented_ones() {
    let config = Config::resolve(Settings::default()).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.admin_listen.to_string(), "127.0.0.1:8081");
    assert_eq!(config.engine.directory.to_str(), Some("./scrip-data"));
    assert_eq!(config.engine.segment_bytes, 67_108_864);
    assert_eq!(config.engine.snapshot_every_bytes, 536_870_912);
    assert_eq!(config.engine.sync, SyncMode::Fdatasync);
    assert_eq!(config.engine.max_active, 100_000);
    assert_eq!(config.engine.idle, Duration::from_secs(10));
    assert_eq!(config.engine.max_keys, 20_000_000);
    assert_eq!(config.engine.key_window, Duration::from_secs(86_400));
    assert_eq!(config.engine.compact_after_bytes, 268_435_456);
    assert_eq!(config.engine.compact_after, Duration::from_secs(86_400));
    assert_eq!(config.engine.retain, None);
    assert_eq!(config.log_format, LogFormat::Text);
    assert!(config.workers >= 1);
    assert!(!config.serve.bench_noop);
}

#[test]
fn a_flag_goes_before_the_file() {
    let given = flags("--idle 3s --max-active 7 --sync direct");
    let from_file =
        file("idle = \"9s\"\nmax-keys = 5\nsegment-bytes = \"1MiB\"\nlog-format = \"json\"");
    let config = Config::resolve(given.or(from_file.unwrap())).unwrap();
    assert_eq!(config.engine.idle, Duration::from_secs(3));
    assert_eq!(config.engine.max_active, 7);
    assert_eq!(config.engine.max_keys, 5);
    assert_eq!(config.engine.segment_bytes, 1 << 20);
    assert_eq!(config.log_format, LogFormat::Json);
    assert_eq!(config.engine.sync, SyncMode::Direct);
}

#[test]
fn the_file_takes_known_keys_of_the_right_type_only() {
    let every = "listen = \"127.0.0.1:1\"\nadmin-listen = \"127.0.0.1:2\"\ndata = \"d\"\nsegment-bytes = 65536\n\
                 snapshot-every-bytes = \"1GiB\"\n\
                 sync = \"fdatasync\"\nmax-active = 1\nidle = \"1s\"\nmax-keys = 1\nkey-window = \"1h\"\ncompact-after-bytes = \"1GiB\"\ncompact-after = \"1h\"\nretain = \"400d\"\n\
                 connections-max = 1\nworkers = 1\nlog-format = \"text\"\nlog-level = \"debug\"\ninsecure-listen = true";
    let settings = file(every).unwrap();
    assert_eq!(settings.sync, Some(Sync::Fdatasync));
    assert_eq!(settings.segment_bytes, Some(Bytes(65_536)));
    for text in [
        "colour = 1",
        "max_active = 1",
        "config = \"x\"",
        "bench-noop = true",
        "idle = 10",
        "workers = -1",
        "sync = \"never\"",
    ] {
        assert!(file(text).is_err(), "{text}");
    }
}

#[test]
fn values_that_cannot_be_are_refused_by_name() {
    let table = [
        ("--listen 0.0.0.0:80", "listen"),
        ("--admin-listen [::]:80", "admin-listen"),
        ("--segment-bytes 65535", "segment-bytes"),
        ("--segment-bytes 4096", "segment-bytes"),
        ("--key-window 59s", "key-window"),
        ("--key-window 25h", "key-window"),
        ("--retain 399d", "retain"),
        ("--workers 0", "workers"),
        ("--connections-max 0", "connections-max"),
        ("--max-active 0", "max-active"),
        ("--max-keys 0", "max-keys"),
    ];
    for (text, expected) in table {
        let Err(ConfigError::Value { name, .. }) = Config::resolve(flags(text)) else {
            panic!("{text} was taken");
        };
        assert_eq!(name, expected);
    }
    let allowed = [
        "--listen 0.0.0.0:80 --insecure-listen",
        "--listen [::1]:80",
        "--listen 127.9.9.9:0",
    ];
    for text in allowed {
        assert!(Config::resolve(flags(text)).is_ok(), "{text}");
    }
}

#[test]
fn units_are_read_strictly() {
    let bytes = |text: &str| text.parse::<Bytes>().ok().map(|bytes| bytes.0);
    assert_eq!(bytes("65536"), Some(65_536));
    assert_eq!(bytes("64KiB"), Some(65_536));
    assert_eq!(bytes("1GiB"), Some(1 << 30));
    for text in [
        "",
        "KiB",
        "64kb",
        "-1",
        "1.5MiB",
        "64 MiB",
        "99999999999999999999",
        "18014398509481984KiB",
    ] {
        assert_eq!(bytes(text), None, "{text}");
    }
    let span = |text: &str| text.parse::<Span>().ok().map(|span| span.0.as_millis());
    assert_eq!(span("500ms"), Some(500));
    assert_eq!(span("24h"), Some(86_400_000));
    assert_eq!(span("400d"), Some(34_560_000_000));
    for text in ["", "10", "s", "10 s", "1w", "-1s"] {
        assert_eq!(span(text), None, "{text}");
    }
}
