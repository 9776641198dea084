//! How fast a store is read back: from the first byte to an engine that takes commands, and by `verify`.
//!
//! The store is copied first, because opening writes to it, and the copy leaves it in the page cache:
//! what is measured is the processor's work, not the disk's.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use engine::domain::Command;
use engine::journal::{JournalError, LogReader};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use crate::failure::{Doing, Failure};
use crate::inside::{self, Scenario, Script};
use crate::machine::Machine;
use crate::report::{self, Table, count, micros, progress};
use crate::scratch;

/// Wallets of a store that is written for the purpose.
const WALLETS: u64 = 10_000;

/// Commands submitted together while the store is written.
const BATCH: u64 = 8_192;

/// Measures how many records a second are read back when a store is opened.
#[derive(Args, Debug)]
pub(crate) struct ReplayArgs {
    /// A closed store to open copies of; none = write one.
    #[arg(long)]
    store: Option<PathBuf>,
    /// Records of the store that is written.
    #[arg(long, default_value_t = 8_000_000)]
    records: u64,
    /// How often to open it.
    #[arg(long, default_value_t = 3)]
    times: usize,
    /// Directory for the store and its copies.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// One opening.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Replay {
    pub(crate) records: u64,
    /// From the first byte to an engine that takes commands.
    pub(crate) seconds: f64,
    /// Of these, reading the log back; the rest is finding its end and opening the next segment.
    pub(crate) replay_seconds: f64,
    /// Processor time of all threads together.
    pub(crate) processor_seconds: f64,
    /// Replay, by the clock.
    pub(crate) per_second: f64,
    /// Replay, by the clock, divided by the cores that it may use.
    pub(crate) per_core: f64,
    /// By processor time: what a core would do that is never kept waiting.
    pub(crate) per_processor_second: f64,
}

/// One check of all segments by one thread, warm.
#[derive(Clone, Copy, Debug, Serialize)]
struct Verify {
    /// Of records and padding.
    bytes: u64,
    seconds: f64,
    gigabytes_per_second: f64,
}

pub(crate) fn run(args: &ReplayArgs) -> Result<(), Failure> {
    let machine = Machine::look(&args.dir);
    let scratch = scratch::directory(&args.dir)?;
    let store = match &args.store {
        Some(store) => store.clone(),
        None => {
            let store = scratch.path().join("store");
            write(&store, args.records, machine.cores)?;
            store
        }
    };
    let openings = measure(&store, scratch.path(), args.times, machine.cores)?;
    let checked = verify(&store, args.times)?;
    if args.json {
        let figures =
            serde_json::json!({"machine": machine, "replay": openings, "verify": checked});
        report::print_json(&figures);
        return Ok(());
    }
    let header = [
        "opening",
        "records",
        "to the first command",
        "replay",
        "records/s",
        "per core",
        "per CPU second",
    ];
    let mut table = Table::new(&header);
    for (at, opening) in openings.iter().enumerate() {
        table.row(vec![
            (at + 1).to_string(),
            count(opening.records as f64),
            micros(opening.seconds * 1_000_000.0),
            micros(opening.replay_seconds * 1_000_000.0),
            count(opening.per_second),
            count(opening.per_core),
            count(opening.per_processor_second),
        ]);
    }
    let checks = checked.iter().map(|one| {
        let (bytes, seconds) = (count(one.bytes as f64), micros(one.seconds * 1_000_000.0));
        format!(
            "verify, one core: {bytes} bytes in {seconds}, {:.2} GB/s\n",
            one.gigabytes_per_second
        )
    });
    let checks: String = checks.collect();
    report::print(&format!("{machine}\n{table}\n{checks}"));
    Ok(())
}

/// Checks the segments of a closed store with one thread, as often as is asked for.
fn verify(store: &Path, times: usize) -> Result<Vec<Verify>, Failure> {
    let failed = |error: JournalError| Failure::Engine(format!("cannot verify: {error}"));
    let mut checked = Vec::new();
    // The first one brings the store into the page cache and does not count.
    for at in 0..=times {
        let begun = Instant::now();
        let reader = LogReader::open(store).map_err(failed)?;
        let report = reader.verify(1, &|_, _| {}).map_err(failed)?;
        let seconds = begun.elapsed().as_secs_f64();
        if let Some(problem) = report.problems.first() {
            return Err(Failure::Engine(format!(
                "the store is not sound: {problem}"
            )));
        }
        if at > 0 {
            checked.push(Verify {
                bytes: report.bytes,
                seconds,
                gigabytes_per_second: report.bytes as f64 / seconds / 1e9,
            });
        }
    }
    Ok(checked)
}

/// Writes a store of so many records: earn and use on 10,000 wallets at random.
pub(crate) fn write(store: &Path, records: u64, workers: usize) -> Result<(), Failure> {
    fs::create_dir_all(store).doing(|| format!("make {}", store.display()))?;
    let runtime = inside::runtime(workers)?;
    let bar = progress("writing records", records);
    runtime.block_on(async {
        let engine = inside::open(inside::options(store)).await?;
        inside::prepare(&engine, WALLETS).await?;
        let mut script = Script::new(Scenario::Wallets, 1);
        let mut written = 2 * WALLETS;
        while written < records {
            let batch = BATCH.min(records - written);
            let commands: Vec<Command> = (0..batch).map(|_| script.next()).collect();
            inside::submit(&engine, commands.into_iter()).await?;
            written += batch;
            bar.set_position(written);
        }
        engine.shutdown().await;
        bar.finish_and_clear();
        Ok(())
    })
}

/// Opens copies of the store, one after the other.
pub(crate) fn measure(
    store: &Path,
    scratch: &Path,
    times: usize,
    cores: usize,
) -> Result<Vec<Replay>, Failure> {
    let mut openings = Vec::new();
    for _ in 0..times {
        let copy = scratch.join("copy");
        copy_store(store, &copy).doing(|| format!("copy {}", store.display()))?;
        let runtime = inside::runtime(cores)?;
        let opening = runtime.block_on(async {
            let (begun, used) = (Instant::now(), processor_time());
            let engine = inside::open(inside::options(&copy)).await?;
            let seconds = begun.elapsed().as_secs_f64();
            let processor_seconds = (processor_time() - used).as_secs_f64();
            let records = engine.opening().records;
            let replay_seconds = engine.opening().elapsed.as_secs_f64();
            engine.shutdown().await;
            let per_second = records as f64 / replay_seconds;
            Ok(Replay {
                records,
                seconds,
                replay_seconds,
                processor_seconds,
                per_second,
                per_core: per_second / cores as f64,
                per_processor_second: records as f64 / processor_seconds,
            })
        });
        openings.push(opening?);
        fs::remove_dir_all(&copy).doing(|| format!("remove {}", copy.display()))?;
    }
    Ok(openings)
}

/// Copies the files of a store, and reads the copy once, so that it is in the page cache.
fn copy_store(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let copy = to.join(entry.file_name());
            fs::copy(entry.path(), &copy)?;
            std::io::copy(&mut fs::File::open(&copy)?, &mut std::io::sink())?;
        }
    }
    Ok(())
}

/// Used by all threads of this process so far.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        time.tv_nsec.unsigned_abs() as u32,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_same_files() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        fs::create_dir_all(from.join("archive")).unwrap();
        fs::write(from.join("store.meta"), b"meta").unwrap();
        copy_store(&from, &to).unwrap();
        assert_eq!(fs::read(to.join("store.meta")).unwrap(), b"meta");
        assert_eq!(fs::read_dir(&to).unwrap().count(), 1);
    }

    #[test]
    fn processor_time_never_goes_back() {
        let before = processor_time();
        assert!(processor_time() >= before);
    }
}
