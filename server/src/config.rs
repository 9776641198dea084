//! How the server is set up: flags, `SCRIP_*` variables, a TOML file, defaults; the first that speaks wins.
//!
//! Read once, checked once, and here alone.

mod units;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{CommandFactory, Parser, ValueEnum};
use engine::journal::SyncMode;
use engine::{EngineOptions, RETAIN_MIN};
use serde::Deserialize;
use server::{CONNECTIONS_MAX, ServeOptions};
use thiserror::Error;

use self::units::{Bytes, Span};

const LISTEN: &str = "127.0.0.1:8080";
const ADMIN_LISTEN: &str = "127.0.0.1:8081";
const DIRECTORY: &str = "./scrip-data";
const SEGMENT_BYTES: u64 = 64 << 20;
/// Below it a segment could not hold one group.
const SEGMENT_BYTES_MIN: u64 = 64 << 10;
/// Segments are cut into pages of this size.
const PAGE_BYTES: u64 = 4096;
const KEY_WINDOW: Duration = Duration::from_secs(24 * 3600);
const KEY_WINDOW_MIN: Duration = Duration::from_secs(60);
const KEY_WINDOW_MAX: Duration = Duration::from_secs(24 * 3600);

/// Keeps points: every balance an actor, every change on disk before it is acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Parser, Deserialize)]
#[command(name = "scrip-server", version, max_term_width = 100)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Settings {
    /// Address for requests [default: 127.0.0.1:8080]
    #[arg(long, env = "SCRIP_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Address for metrics and administration [default: 127.0.0.1:8081]
    #[arg(long, env = "SCRIP_ADMIN_LISTEN", value_name = "ADDRESS")]
    admin_listen: Option<SocketAddr>,
    /// Directory of the log [default: ./scrip-data]
    #[arg(long = "data", env = "SCRIP_DATA", value_name = "DIRECTORY")]
    #[serde(rename = "data")]
    directory: Option<PathBuf>,
    /// Bytes of a log segment [default: 64MiB]
    #[arg(long, env = "SCRIP_SEGMENT_BYTES", value_name = "BYTES")]
    segment_bytes: Option<Bytes>,
    /// Sealed bytes of log after which a snapshot is made; 0 = only when asked for [default: 512MiB]
    #[arg(long, env = "SCRIP_SNAPSHOT_EVERY_BYTES", value_name = "BYTES")]
    snapshot_every_bytes: Option<Bytes>,
    /// How writes reach the disk [default: fdatasync]
    #[arg(long, env = "SCRIP_SYNC", value_name = "MODE")]
    sync: Option<Sync>,
    /// Most live actors; entities themselves are not limited [default: 100000]
    #[arg(long, env = "SCRIP_MAX_ACTIVE", value_name = "COUNT")]
    max_active: Option<usize>,
    /// How long an actor may idle before its entity is put to rest [default: 10s]
    #[arg(long, env = "SCRIP_IDLE", value_name = "TIME")]
    idle: Option<Span>,
    /// Most remembered idempotency keys [default: 20000000]
    #[arg(long, env = "SCRIP_MAX_KEYS", value_name = "COUNT")]
    max_keys: Option<usize>,
    /// How long an idempotency key is remembered, 1m to 24h [default: 24h]
    #[arg(long, env = "SCRIP_KEY_WINDOW", value_name = "TIME")]
    key_window: Option<Span>,
    /// Bytes of segments within two snapshots after which they are archived; 0 = only when asked for [default: 256MiB]
    #[arg(long, env = "SCRIP_COMPACT_AFTER_BYTES", value_name = "BYTES")]
    compact_after_bytes: Option<Bytes>,
    /// Or the oldest of them was begun so long ago [default: 24h]
    #[arg(long, env = "SCRIP_COMPACT_AFTER", value_name = "TIME")]
    compact_after: Option<Span>,
    /// Delete archived history all of which is older, at least 400d [default: it is kept for ever]
    #[arg(long, env = "SCRIP_RETAIN", value_name = "TIME")]
    retain: Option<Span>,
    /// Most open connections [default: 10000]
    #[arg(long, env = "SCRIP_CONNECTIONS_MAX", value_name = "COUNT")]
    connections_max: Option<usize>,
    /// Threads for requests [default: as many as there are cores]
    #[arg(long, env = "SCRIP_WORKERS", value_name = "COUNT")]
    workers: Option<usize>,
    /// How log lines look [default: text]
    #[arg(long, env = "SCRIP_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// Which log lines are written, in the syntax of tracing's filter [default: info]
    #[arg(long, env = "SCRIP_LOG_LEVEL", value_name = "LEVEL")]
    log_level: Option<String>,
    /// Allow addresses that other machines can reach, although there is no login yet
    #[arg(long, env = "SCRIP_INSECURE_LISTEN", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    insecure_listen: Option<bool>,
    /// A TOML file with any of these settings, by the names of the flags
    #[arg(long, env = "SCRIP_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// Adds POST /noop, which measures the HTTP stack alone
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true")]
    #[serde(skip)]
    bench_noop: Option<bool>,
}

/// How writes reach the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sync {
    /// Write, then fdatasync.
    Fdatasync,
    /// O_DIRECT and O_DSYNC.
    Direct,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// How the server is set up.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) admin_listen: SocketAddr,
    pub(crate) engine: EngineOptions,
    pub(crate) serve: ServeOptions,
    pub(crate) workers: usize,
    pub(crate) log_format: LogFormat,
    pub(crate) log_level: String,
    /// Variables that look like ours and are not.
    pub(crate) unknown_variables: Vec<String>,
}

/// Why the server cannot be set up.
#[derive(Debug, Error)]
pub(crate) enum ConfigError {
    /// Flags or variables.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The file is not right.
    #[error("{} is not right", path.display())]
    File {
        path: PathBuf,
        source: Box<toml::de::Error>,
    },
    /// A value that cannot be.
    #[error("{name}: {reason}")]
    Value { name: &'static str, reason: String },
}

// === impl Sync ===

impl From<Sync> for SyncMode {
    fn from(sync: Sync) -> Self {
        match sync {
            Sync::Fdatasync => Self::Fdatasync,
            Sync::Direct => Self::Direct,
        }
    }
}

// === impl Config ===

impl Config {
    /// From the process: its arguments, its environment, and the file that these name.
    pub(crate) fn load() -> Result<Self, ConfigError> {
        let given = Settings::try_parse()?;
        let file = match &given.config {
            None => Settings::default(),
            Some(path) => Settings::from_file(path)?,
        };
        let mut config = Self::resolve(given.or(file))?;
        config.unknown_variables = unknown_variables();
        Ok(config)
    }

    fn resolve(settings: Settings) -> Result<Self, ConfigError> {
        let listen = settings.listen.unwrap_or_else(|| address(LISTEN));
        let admin_listen = settings
            .admin_listen
            .unwrap_or_else(|| address(ADMIN_LISTEN));
        let insecure = settings.insecure_listen.unwrap_or(false);
        check_reach("listen", listen, insecure)?;
        check_reach("admin-listen", admin_listen, insecure)?;
        let segment_bytes = settings
            .segment_bytes
            .map_or(SEGMENT_BYTES, |bytes| bytes.0);
        let key_window = settings.key_window.map_or(KEY_WINDOW, |span| span.0);
        check_segment(segment_bytes)?;
        check_window(key_window)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let count = |name, given: Option<usize>, default| match given {
            Some(0) => Err(value(name, "must be at least 1")),
            _ => Ok(given.unwrap_or(default)),
        };
        let mut engine = EngineOptions::new(settings.directory.unwrap_or_else(|| DIRECTORY.into()));
        engine.segment_bytes = segment_bytes;
        engine.close_days = true;
        if let Some(Bytes(every)) = settings.snapshot_every_bytes {
            engine.snapshot_every_bytes = every;
        }
        engine.sync = settings.sync.unwrap_or(Sync::Fdatasync).into();
        engine.max_active = count("max-active", settings.max_active, engine.max_active)?;
        engine.idle = settings.idle.map_or(engine.idle, |span| span.0);
        engine.max_keys = count("max-keys", settings.max_keys, engine.max_keys)?;
        engine.key_window = key_window;
        if let Some(Bytes(bytes)) = settings.compact_after_bytes {
            engine.compact_after_bytes = bytes;
        }
        engine.compact_after = settings
            .compact_after
            .map_or(engine.compact_after, |span| span.0);
        engine.retain = settings.retain.map(|span| span.0);
        check_retain(engine.retain)?;
        Ok(Self {
            listen,
            admin_listen,
            engine,
            serve: ServeOptions {
                connections_max: count(
                    "connections-max",
                    settings.connections_max,
                    CONNECTIONS_MAX,
                )?,
                bench_noop: settings.bench_noop.unwrap_or(false),
                ..ServeOptions::default()
            },
            workers: count("workers", settings.workers, cores)?,
            log_format: settings.log_format.unwrap_or(LogFormat::Text),
            log_level: settings.log_level.unwrap_or_else(|| "info".to_owned()),
            unknown_variables: Vec::new(),
        })
    }
}

// === impl Settings ===

impl Settings {
    fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let path = path.to_owned();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) => return Err(ConfigError::Unreadable { path, source }),
        };
        toml::from_str(&text).map_err(|source| {
            let source = Box::new(source);
            ConfigError::File { path, source }
        })
    }

    /// These settings, and where they are silent those.
    fn or(self, other: Self) -> Self {
        Self {
            listen: self.listen.or(other.listen),
            admin_listen: self.admin_listen.or(other.admin_listen),
            directory: self.directory.or(other.directory),
            segment_bytes: self.segment_bytes.or(other.segment_bytes),
            snapshot_every_bytes: self.snapshot_every_bytes.or(other.snapshot_every_bytes),
            sync: self.sync.or(other.sync),
            max_active: self.max_active.or(other.max_active),
            idle: self.idle.or(other.idle),
            max_keys: self.max_keys.or(other.max_keys),
            key_window: self.key_window.or(other.key_window),
            compact_after_bytes: self.compact_after_bytes.or(other.compact_after_bytes),
            compact_after: self.compact_after.or(other.compact_after),
            retain: self.retain.or(other.retain),
            connections_max: self.connections_max.or(other.connections_max),
            workers: self.workers.or(other.workers),
            log_format: self.log_format.or(other.log_format),
            log_level: self.log_level.or(other.log_level),
            insecure_listen: self.insecure_listen.or(other.insecure_listen),
            config: self.config,
            bench_noop: self.bench_noop,
        }
    }
}

fn address(text: &str) -> SocketAddr {
    let parsed = text.parse();
    parsed.unwrap_or_else(|_| unreachable!("a default is a sound address"))
}

fn value(name: &'static str, reason: impl Into<String>) -> ConfigError {
    let reason = reason.into();
    ConfigError::Value { name, reason }
}

/// There is no login yet: whoever reaches the port can move every point.
fn check_reach(name: &'static str, address: SocketAddr, insecure: bool) -> Result<(), ConfigError> {
    if insecure || address.ip().is_loopback() {
        return Ok(());
    }
    let reason = format!(
        "{address} can be reached from other machines, and there is no login yet; \
         give --insecure-listen if that is what you want"
    );
    Err(value(name, reason))
}

fn check_segment(bytes: u64) -> Result<(), ConfigError> {
    if bytes < SEGMENT_BYTES_MIN || !bytes.is_multiple_of(PAGE_BYTES) {
        return Err(value(
            "segment-bytes",
            "must be a multiple of 4096, at least 64KiB",
        ));
    }
    Ok(())
}

fn check_window(window: Duration) -> Result<(), ConfigError> {
    if !(KEY_WINDOW_MIN..=KEY_WINDOW_MAX).contains(&window) {
        return Err(value("key-window", "must be from 1m to 24h"));
    }
    Ok(())
}

/// Whatever may still be cancelled must be readable.
fn check_retain(retain: Option<Duration>) -> Result<(), ConfigError> {
    if retain.is_some_and(|retain| retain < RETAIN_MIN) {
        return Err(value(
            "retain",
            "must be at least 400d: a use may be cancelled for so long",
        ));
    }
    Ok(())
}

/// Most likely a slip of the pen; another program of ours may mean them, so they are no error.
fn unknown_variables() -> Vec<String> {
    let command = Settings::command();
    let known: HashSet<_> = command
        .get_arguments()
        .filter_map(|argument| argument.get_env())
        .collect();
    let ours = std::env::vars_os().map(|(name, _)| name);
    let unknown = ours.filter(|name| !known.contains(name.as_os_str()));
    let names = unknown.filter_map(|name| name.into_string().ok());
    names
        .filter(|name| name.starts_with("SCRIP_") && !name.starts_with("SCRIP_TEST_"))
        .collect()
}

#[cfg(test)]
mod tests;
