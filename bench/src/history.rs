//! Pages of histories: how long they take at any depth and under any filter, what an entry costs on disk, and whether
//! the index keeps up with those who write.
//!
//! ```text
//! write N entries ─► wait for the index ─► (archive) ─► pages, alone ─► pages, while others write at a fixed rate
//! ```
//! Ten thousand wallets, of which one has a million entries, or a fifth of all where there are fewer. Several numbers of
//! entries are several stores, one after the other, and how much longer a page takes in the last than in the first.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use engine::domain::{Command, Description, EntryType, Expiry, Fund, Grant, Timestamp, Use};
use engine::journal::Compacted;
use engine::{Engine, EngineOptions, HistoryPosition, HistoryQuery};
use serde::Serialize;

use crate::failure::Failure;
use crate::inside::{self, points, wallet};
use crate::latency::{Latencies, Quantiles};
use crate::machine::Machine;
use crate::random::Random;
use crate::report::{self, Table, count, progress};
use crate::scratch;

const WALLETS: u64 = 10_000;

/// Entries of the long history.
const LONG: f64 = 1_000_000.0;

/// Its share at most, where there are few entries.
const LONG_SHARE_MAX: f64 = 0.2;

/// Commands submitted together.
const BATCH: u64 = 8_192;

/// Measures pages of histories.
#[derive(Args, Debug)]
pub(crate) struct HistoryArgs {
    /// Entries to write; several numbers, with commas, are as many stores.
    #[arg(long, value_delimiter = ',', default_value = "5000000")]
    entries: Vec<u64>,
    /// Pages of each kind, after as many to warm up.
    #[arg(long, default_value_t = 1_000)]
    pages: u64,
    /// Entries on a page.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Entries a second that are written while pages are read.
    #[arg(long, default_value_t = 100_000)]
    rate: u64,
    /// Move all of the log but its newest segments into the archive before pages are read.
    #[arg(long)]
    archived: bool,
    /// Directory for the store.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Measured {
    entries: u64,
    /// Records that were packed into the archive before pages were read.
    archived_records: u64,
    archived_bytes_per_record: f64,
    written_per_second: f64,
    /// From the last acknowledgement until all of it was sorted.
    behind_seconds: f64,
    memory_entries_max: u64,
    bytes_per_entry: f64,
    alone: Vec<Pages>,
    /// While others wrote at this rate.
    served_per_second: f64,
    beside: Vec<Pages>,
}

#[derive(Serialize)]
struct Pages {
    kind: &'static str,
    rows: f64,
    #[serde(flatten)]
    took: Quantiles,
}

/// What wallets do: earn, charge, then spend both.
struct Script {
    random: Random,
    long_share: f64,
    turns: Vec<u8>,
}

// === impl Script ===

impl Script {
    fn new(entries: u64) -> Self {
        Self {
            random: Random::new(7),
            long_share: (LONG / entries as f64).min(LONG_SHARE_MAX),
            turns: vec![0; WALLETS as usize + 1],
        }
    }

    fn next(&mut self) -> Command {
        let id = if self.random.fraction() < self.long_share {
            1
        } else {
            2 + self.random.below(WALLETS - 1)
        };
        let turn = &mut self.turns[id as usize];
        let (now, earned) = (*turn % 3, 1 + id % 5_000);
        *turn = turn.wrapping_add(1) % 3;
        let (wallet, description) = (wallet(id), Description::default());
        let grant = || Grant {
            wallet,
            amount: points(earned),
            expiry: Expiry::Never,
            description: Description::default(),
        };
        match now {
            0 => Command::Earn(grant()),
            1 => Command::Charge(grant()),
            _ => Command::Use(Use {
                wallet,
                amount: points(2 * earned),
                description,
            }),
        }
    }
}

pub(crate) fn run(args: &HistoryArgs) -> Result<(), Failure> {
    let machine = Machine::look(&args.dir);
    let runtime = inside::runtime(machine.cores)?;
    let mut all = Vec::new();
    for entries in &args.entries {
        let scratch = scratch::directory(&args.dir)?;
        let measured = runtime.block_on(async {
            let engine = inside::open(EngineOptions {
                // The archive comes when it is asked for: pages are read from the one or from the other, not from both.
                snapshot_every_bytes: 0,
                ..inside::options(scratch.path())
            });
            let engine = engine.await?;
            let measured = measure(&engine, args, *entries).await;
            engine.shutdown().await;
            measured
        })?;
        all.push(measured);
    }
    if args.json {
        report::print_json(&serde_json::json!({"machine": machine, "history": all}));
        return Ok(());
    }
    let texts: Vec<String> = all.iter().map(text).collect();
    let growth = match &all[..] {
        [first, .., last] => growth(first, last),
        [] | [_] => String::new(),
    };
    report::print(&format!("{machine}\n{}{growth}", texts.join("\n")));
    Ok(())
}

/// How much longer pages take in one store than in another.
fn growth(first: &Measured, last: &Measured) -> String {
    let mut table = Table::new(&["p99, last ÷ first", "alone", "beside writers"]);
    let ratio =
        |first: &Pages, last: &Pages| format!("{:.2}", last.took.p99_us / first.took.p99_us);
    let alone = first.alone.iter().zip(&last.alone);
    let beside = first.beside.iter().zip(&last.beside);
    for ((first, last), (first_beside, last_beside)) in alone.zip(beside) {
        table.row(vec![
            first.kind.to_owned(),
            ratio(first, last),
            ratio(first_beside, last_beside),
        ]);
    }
    format!("\n{table}")
}

fn text(measured: &Measured) -> String {
    let header = [
        "pages",
        "rows",
        "alone p50",
        "p99",
        "max",
        "beside writers p50",
        "p99",
        "max",
    ];
    let mut table = Table::new(&header);
    for (alone, beside) in measured.alone.iter().zip(&measured.beside) {
        let mut row = vec![alone.kind.to_owned(), format!("{:.1}", alone.rows)];
        for took in [alone.took, beside.took] {
            let figures = [took.p50_us, took.p99_us, took.max_us];
            row.extend(figures.map(|us| format!("{:.3} ms", us / 1_000.0)));
        }
        table.row(row);
    }
    format!(
        "{} entries written at {}/s, {} records archived with {:.1} bytes each; index behind by {:.2} s at the end, at most {} entries in memory, {:.1} bytes an entry; beside the pages {}/s were written\n{table}",
        count(measured.entries as f64),
        count(measured.written_per_second),
        count(measured.archived_records as f64),
        measured.archived_bytes_per_record,
        measured.behind_seconds,
        count(measured.memory_entries_max as f64),
        measured.bytes_per_entry,
        count(measured.served_per_second),
    )
}

async fn measure(engine: &Engine, args: &HistoryArgs, entries: u64) -> Result<Measured, Failure> {
    inside::prepare(engine, WALLETS).await?;
    let mut script = Script::new(entries);
    let bar = progress("writing entries", entries);
    let (begun, mut written, mut memory) = (Instant::now(), 0, 0);
    while written < entries {
        let batch = BATCH.min(entries - written);
        inside::submit(engine, (0..batch).map(|_| script.next())).await?;
        written += batch;
        memory = engine.metrics().history.memory_entries.max(memory);
        bar.set_position(written);
    }
    bar.finish_and_clear();
    let written_us = now_us();
    let written_per_second = written as f64 / begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    engine
        .history(HistoryQuery::of(wallet(1)))
        .await
        .map_err(refused)?;
    let behind_seconds = begun.elapsed().as_secs_f64();
    let mut archived = Compacted::default();
    if args.archived {
        inside::cover_twice(engine, || script.next()).await?;
        archived = inside::compact(engine).await?;
    }
    let archived_records = (archived.last_lsn.0 + 1).saturating_sub(archived.first_lsn.0.max(1));
    read_all(engine, args, written_us).await?;
    let alone = read_all(engine, args, written_us).await?;
    let stop = Arc::new(AtomicBool::new(false));
    // A task of its own: a page that has come waits for no batch that is being made.
    let writer = write(engine.clone(), script, args.rate, Arc::clone(&stop));
    let writer = tokio::spawn(writer);
    let beside = read_all(engine, args, written_us).await;
    stop.store(true, Ordering::Relaxed);
    let served = writer
        .await
        .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    let metrics = engine.metrics().history;
    Ok(Measured {
        entries: written,
        archived_records,
        archived_bytes_per_record: archived.bytes_after as f64 / archived_records.max(1) as f64,
        written_per_second,
        behind_seconds,
        memory_entries_max: memory,
        bytes_per_entry: metrics.bytes as f64 / metrics.entries.max(1) as f64,
        alone,
        served_per_second: served?,
        beside: beside?,
    })
}

/// Writes at a rate until told to stop; gives the rate that came about.
async fn write(
    engine: Engine,
    mut script: Script,
    rate: u64,
    stop: Arc<AtomicBool>,
) -> Result<f64, Failure> {
    /// As even a rate as the timer of the runtime allows.
    const TICK: Duration = Duration::from_millis(1);
    // What is due after ten of them: a batch that waited for the disk is made up for, yet by no burst.
    let batch_max = rate / 100;
    let begun = Instant::now();
    let mut ticks = tokio::time::interval(TICK);
    let mut written = 0;
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        let due = (begun.elapsed().as_secs_f64() * rate as f64) as u64 - written;
        let batch = due.min(batch_max);
        inside::submit(&engine, (0..batch).map(|_| script.next())).await?;
        written += batch;
    }
    Ok(written as f64 / begun.elapsed().as_secs_f64())
}

async fn read_all(
    engine: &Engine,
    args: &HistoryArgs,
    written_us: i64,
) -> Result<Vec<Pages>, Failure> {
    let last = engine.metrics().durable_lsn;
    let mut all = Vec::new();
    for (kind, narrow) in KINDS {
        let (mut random, mut took, mut rows) = (Random::new(11), Latencies::new(), 0);
        for turn in 0..args.pages {
            // Every second page is the long history's.
            let id = if turn % 2 == 0 {
                1
            } else {
                2 + random.below(WALLETS - 1)
            };
            let mut query = HistoryQuery {
                limit: args.limit,
                after: Some(HistoryPosition {
                    lsn: 1 + random.below(last),
                    leg: 0,
                }),
                ascending: turn % 4 < 2,
                ..HistoryQuery::of(wallet(id))
            };
            narrow(&mut query, &mut random, written_us);
            let begun = Instant::now();
            let page = engine.history(query).await.map_err(refused)?;
            took.record(begun.elapsed());
            rows += page.rows.len();
        }
        all.push(Pages {
            kind,
            rows: rows as f64 / args.pages as f64,
            took: took.quantiles(),
        });
    }
    Ok(all)
}

/// Told the instant after which nothing was written before pages were read.
type Narrow = fn(&mut HistoryQuery, &mut Random, i64);

/// Filters: from those that take every entry to those that find none among 20,000.
const KINDS: [(&str, Narrow); 8] = [
    ("all, at any depth", |_, _, _| {}),
    ("all, by offset", |query, random, _| {
        query.after = None;
        query.offset = match query.wallet.get() {
            1 => random.below(900_000) as usize,
            _ => random.below(400) as usize,
        };
    }),
    ("one type", |query, _, _| query.kinds.push(EntryType::Use)),
    ("one fund", |query, _, _| query.fund = Some(Fund::Paid)),
    ("a type that never was", |query, _, _| {
        query.kinds.push(EntryType::Lapse)
    }),
    ("a counterparty that never was", |query, random, _| {
        query.counterparty = Some(wallet(1 + random.below(WALLETS)));
    }),
    ("amounts that are rare", |query, _, _| {
        query.amount_min = Some(20_000);
        query.amount_max = Some(30_000);
    }),
    ("the last minute, one type", |query, _, written_us| {
        query.after = None;
        query.from = Some(Timestamp(written_us - 60_000_000));
        query.kinds.push(EntryType::Earn);
    }),
];

fn now_us() -> i64 {
    engine::Clock::now_us(&engine::SystemClock::start())
}

fn refused(refusal: engine::Refusal) -> Failure {
    Failure::Engine(format!("refused a page: {refusal}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_history_is_measured() {
        let directory = tempfile::tempdir().unwrap();
        let args = HistoryArgs {
            entries: vec![10_000, 20_000],
            pages: 8,
            limit: 50,
            rate: 1_000,
            archived: false,
            dir: directory.path().to_owned(),
            json: true,
        };
        run(&args).unwrap();
    }
}
