//! What the server says when it is ready.

use std::fmt::Write as _;
use std::io::Write;
use std::net::SocketAddr;

use engine::Opening;
use engine::journal::SyncMode;

use crate::config::{Config, LogFormat};

/// Where the sockets are bound.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    pub(crate) http: SocketAddr,
    pub(crate) admin: SocketAddr,
}

/// Says on standard output what was opened and where; the last line is `ready http=… admin=…` in
/// every log format, so that a script can wait for it and learn the ports.
pub(crate) fn print(config: &Config, opening: &Opening, bound: Bound) {
    let mut text = String::new();
    if config.log_format == LogFormat::Text {
        text.push_str(&describe(config, opening));
    }
    let Bound { http, admin } = bound;
    let written = writeln!(text, "ready http=http://{http} admin=http://{admin}");
    assert!(written.is_ok(), "a string takes every text");
    let mut out = std::io::stdout().lock();
    let said = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if let Err(error) = said {
        tracing::warn!(%error, "nobody reads standard output");
    }
}

/// The same for the log, where text goes by fields.
pub(crate) fn log(config: &Config, opening: &Opening, bound: Bound) {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        http = %bound.http,
        admin = %bound.admin,
        directory = %config.engine.directory.display(),
        sync = sync(config),
        snapshot_lsn = opening.snapshot.as_ref().map_or(0, |snapshot| snapshot.lsn),
        records = opening.records,
        seconds = opening.elapsed.as_secs_f64(),
        last_lsn = opening.last_lsn,
        tail = opening.tail,
        "ready"
    );
}

fn describe(config: &Config, opening: &Opening) -> String {
    let seconds = opening.elapsed.as_secs_f64();
    let rate = opening.records as f64 / seconds.max(f64::MIN_POSITIVE);
    let rate = match opening.records {
        0 => String::new(),
        _ => format!(", {rate:.0} records/s"),
    };
    let from = match &opening.snapshot {
        None => String::new(),
        Some(snapshot) => format!(
            "  snapshot   {} wallets up to LSN {} in {:.3} s\n",
            snapshot.entities,
            snapshot.lsn,
            snapshot.elapsed.as_secs_f64()
        ),
    };
    format!(
        "scrip {}\n  directory  {}\n  sync       {}\n  workers    {}\n{from}  recovery   {} records in {seconds:.3} s{rate}, last LSN {}\n  tail       {}\n",
        env!("CARGO_PKG_VERSION"),
        config.engine.directory.display(),
        sync(config),
        config.workers,
        opening.records,
        opening.last_lsn,
        opening.tail,
    )
}

fn sync(config: &Config) -> &'static str {
    match config.engine.sync {
        SyncMode::Fdatasync => "fdatasync",
        SyncMode::Direct => "O_DIRECT|O_DSYNC",
    }
}
