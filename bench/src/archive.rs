//! What a record costs in the archive, against what it costs in a live segment, and what callers notice while
//! segments are archived.
//!
//! Three stores: records that came one by one (each in a group of its own), records that came together, and one under
//! load. Only what was archived is counted, so the segment in use does not blur the figure.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use engine::domain::{Amount, Command, Description, Grant, Timestamp, Use, WalletId};
use engine::journal::{LogReader, SegmentFile};
use engine::{Engine, EngineOptions, Request};
use serde::Serialize;

use crate::failure::Failure;
use crate::inside;
use crate::latency::{Latencies, Quantiles};
use crate::machine::Machine;
use crate::random::Random;
use crate::report::{self, Table, count, progress};
use crate::scratch;

/// Wallets that the records are about, at random.
const WALLETS: u64 = 10_000;

/// Records submitted together where they come together.
const TOGETHER: u64 = 8_192;

/// Small segments for records that come alone: at 4 KiB each they fill one soon enough.
const ALONE_SEGMENT_BYTES: u64 = 8 * 1024 * 1024;

/// A few of these are sealed by a million records.
const TOGETHER_SEGMENT_BYTES: u64 = 16 * 1024 * 1024;

/// Commands in flight while acknowledgements are timed.
const CALLERS: u64 = 64;

/// Measures bytes per archived record, and latencies with and without archiving.
#[derive(Args, Debug)]
pub(crate) struct ArchiveArgs {
    /// Records that come one by one.
    #[arg(long, default_value_t = 20_000)]
    alone: u64,
    /// Records that come together.
    #[arg(long, default_value_t = 2_000_000)]
    together: u64,
    /// Seconds that callers are timed without archiving, before and again after it.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Directory for the stores.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// What records cost.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Size {
    records: u64,
    live_bytes_per_record: f64,
    archived_bytes_per_record: f64,
    /// Reading the archive back and checking every record.
    verified_per_second: f64,
}

/// What callers noticed.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Noticed {
    quiet: Quantiles,
    archiving: Quantiles,
    archiving_seconds: f64,
    archived_bytes: u64,
    p99_ratio: f64,
}

pub(crate) fn run(args: &ArchiveArgs) -> Result<(), Failure> {
    let machine = Machine::look(&args.dir);
    let scratch = scratch::directory(&args.dir)?;
    let runtime = inside::runtime(machine.cores)?;
    let alone = scratch.path().join("alone");
    let together = scratch.path().join("together");
    let alone = runtime.block_on(size(&alone, args.alone, 1, ALONE_SEGMENT_BYTES))?;
    let quiet = Duration::from_secs_f64(args.seconds);
    let noticed = runtime.block_on(notice(&together, args.together, quiet))?;
    let together = verified(&together, args.together)?;
    if args.json {
        let figures = serde_json::json!({
            "machine": machine, "alone": alone, "together": together, "noticed": noticed
        });
        report::print_json(&figures);
        return Ok(());
    }
    let mut table = Table::new(&["", "alone", "together"]);
    let mut row = |name: &str, of: fn(&Size) -> f64| {
        table.row(vec![
            name.to_owned(),
            count(of(&alone)),
            count(of(&together)),
        ]);
    };
    row("records", |size| size.records as f64);
    row("bytes each, live", |size| size.live_bytes_per_record);
    row("bytes each, archived", |size| {
        size.archived_bytes_per_record
    });
    row("read back and checked/s", |size| size.verified_per_second);
    report::print(&format!("{machine}\n{table}"));
    let mut table = Table::new(&["acknowledgements", "p50 µs", "p99 µs", "p99.9 µs"]);
    for (name, quantiles) in [("quiet", noticed.quiet), ("archiving", noticed.archiving)] {
        let cells = [quantiles.p50_us, quantiles.p99_us, quantiles.p999_us];
        table.row(
            std::iter::once(name.to_owned())
                .chain(cells.map(count))
                .collect(),
        );
    }
    report::print(&format!(
        "{table}\np99 while archiving ÷ quiet: {:.2} ({:.1} s, {} bytes of segments)",
        noticed.p99_ratio,
        noticed.archiving_seconds,
        count(noticed.archived_bytes as f64)
    ));
    Ok(())
}

fn options(store: &Path, segment_bytes: u64) -> EngineOptions {
    EngineOptions {
        segment_bytes,
        // Everything happens when it is asked for.
        snapshot_every_bytes: 0,
        compact_after_bytes: 0,
        ..inside::options(store)
    }
}

/// What a shop asks for: two grants, of which one expires at a midnight of the next years, for each use; amounts and
/// order numbers at random.
fn operation(random: &mut Random) -> Command {
    const DAY_US: i64 = 86_400_000_000;
    /// 2030-01-01.
    const FAR: i64 = 21_915;
    let (Some(wallet), Some(amount), Some(description)) = (
        WalletId::new(1 + random.below(WALLETS)),
        Amount::new(1 + random.below(5_000)),
        Description::new(&format!("order {}", 1_000_000 + random.below(9_000_000))),
    ) else {
        unreachable!("ids and amounts from 1 on, and a short text")
    };
    let grant = |expires_at: Option<Timestamp>| Grant {
        wallet,
        amount,
        expiry: expires_at.into(),
        description: description.clone(),
    };
    let midnight = (FAR + random.below(700).cast_signed()) * DAY_US;
    match random.below(3) {
        0 => Command::Earn(grant(Some(Timestamp(midnight)))),
        1 => Command::Charge(grant(None)),
        _ => Command::Use(Use {
            wallet,
            amount,
            description,
        }),
    }
}

/// Writes records, so many at a time, then covers them by two snapshots.
async fn write(engine: &Engine, records: u64, at_once: u64) -> Result<(), Failure> {
    inside::prepare(engine, WALLETS).await?;
    let mut random = Random::new(1);
    let bar = progress("writing records", records);
    let mut written = 0;
    while written < records {
        let batch = at_once.min(records - written);
        let commands: Vec<_> = (0..batch).map(|_| operation(&mut random)).collect();
        inside::submit(engine, commands.into_iter()).await?;
        written += batch;
        bar.set_position(written);
    }
    bar.finish_and_clear();
    inside::cover_twice(engine, || operation(&mut random)).await
}

async fn size(store: &Path, records: u64, at_once: u64, segment: u64) -> Result<Size, Failure> {
    let engine = inside::open(options(store, segment)).await?;
    write(&engine, records, at_once).await?;
    inside::compact(&engine).await?;
    engine.shutdown().await;
    drop(engine);
    verified(store, records)
}

/// Weighs the archive of a closed store and reads it back.
fn verified(store: &Path, records: u64) -> Result<Size, Failure> {
    let unreadable = |error| Failure::Engine(format!("cannot be read back: {error}"));
    let reader = LogReader::open(store).map_err(unreadable)?;
    let begun = Instant::now();
    // What creates and funds the wallets comes together in any case.
    let counts = |segment: &SegmentFile| segment.archived && segment.first_lsn > 2 * WALLETS;
    let report = reader
        .verify_where(1, &|_, _| {}, &counts)
        .map_err(unreadable)?;
    let seconds = begun.elapsed().as_secs_f64();
    if !report.problems.is_empty() || report.records == 0 {
        let problems = report.problems.len();
        let what = format!(
            "{problems} problems in {} of {records} records",
            report.records
        );
        return Err(Failure::Engine(what));
    }
    let segments = reader.catalog().segments.iter();
    let archived = segments
        .filter(|segment| counts(segment))
        .map(|segment| segment.allocated)
        .sum();
    let each = |bytes: u64| bytes as f64 / report.records as f64;
    Ok(Size {
        records: report.records,
        live_bytes_per_record: each(report.bytes),
        archived_bytes_per_record: each(archived),
        verified_per_second: report.records as f64 / seconds,
    })
}

/// Nobody is counted yet, or any more; counted as quiet; counted as archiving.
const UNCOUNTED: u8 = 0;
const QUIET: u8 = 1;
const ARCHIVING: u8 = 2;
const OVER: u8 = 3;

/// Times callers without archiving, with it, and without it again.
async fn notice(store: &Path, records: u64, quiet: Duration) -> Result<Noticed, Failure> {
    let engine = inside::open(options(store, TOGETHER_SEGMENT_BYTES)).await?;
    write(&engine, records, TOGETHER).await?;
    let phase = Arc::new(AtomicU8::new(UNCOUNTED));
    let callers: Vec<_> = (0..CALLERS)
        .map(|at| tokio::spawn(call(engine.clone(), at, Arc::clone(&phase))))
        .collect();
    tokio::time::sleep(quiet / 4).await;
    phase.store(QUIET, Ordering::Relaxed);
    tokio::time::sleep(quiet).await;
    phase.store(ARCHIVING, Ordering::Relaxed);
    let begun = Instant::now();
    let done = inside::compact(&engine).await?;
    let archiving_seconds = begun.elapsed().as_secs_f64();
    phase.store(QUIET, Ordering::Relaxed);
    tokio::time::sleep(quiet).await;
    phase.store(OVER, Ordering::Relaxed);
    let mut latencies = (Latencies::new(), Latencies::new());
    for caller in callers {
        let lost = |error| Failure::Engine(format!("lost a caller: {error}"));
        let timed = caller.await.map_err(lost)?;
        latencies.0.add(&timed.0);
        latencies.1.add(&timed.1);
    }
    engine.shutdown().await;
    let (quiet, archiving) = (latencies.0.quantiles(), latencies.1.quantiles());
    Ok(Noticed {
        quiet,
        archiving,
        archiving_seconds,
        archived_bytes: done.bytes_before,
        p99_ratio: archiving.p99_us / quiet.p99_us,
    })
}

/// One caller in a closed loop: times when it was quiet, times while segments were archived.
async fn call(engine: Engine, seed: u64, phase: Arc<AtomicU8>) -> (Latencies, Latencies) {
    let mut random = Random::new(2 + seed);
    let mut timed = (Latencies::new(), Latencies::new());
    loop {
        let before = phase.load(Ordering::Relaxed);
        let begun = Instant::now();
        let request = Request {
            command: operation(&mut random),
            key: None,
        };
        // A refusal is an answer too.
        drop(engine.submit(request).await);
        match before {
            UNCOUNTED => {}
            QUIET => timed.0.record(begun.elapsed()),
            ARCHIVING => timed.1.record(begun.elapsed()),
            _ => return timed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_store_is_archived_and_weighed() {
        let directory = tempfile::tempdir().unwrap();
        let runtime = inside::runtime(2).unwrap();
        let store = directory.path().join("store");
        let size = runtime
            .block_on(size(&store, 1_200, 1, 1024 * 1024))
            .unwrap();
        assert!(size.archived_bytes_per_record * 4.0 < size.live_bytes_per_record);
    }
}
