//! What snapshots give and cost: how long a start takes, how much memory, and what callers notice while one is made.
//!
//! ```text
//! wallets ─► snapshot ─► start (no tail) ─► tail of acts ─► start (snapshot + tail) ─► snapshot ─► start (final state)
//! callers on that store: without · with a snapshot being made · without · with …
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use engine::domain::Command;
use engine::journal::FileStorage;
use engine::snapshot::create_offline;
use engine::{Engine, EngineOptions};
use serde::Serialize;

use crate::failure::{Doing, Failure};
use crate::growth::{Growth, growth};
use crate::http::{Child, ChildOptions, program};
use crate::inside::{self, Script, round};
use crate::latency::{Latencies, Quantiles};
use crate::machine::Machine;
use crate::report::{self, Table, count, micros, progress};
use crate::scratch;

/// Commands submitted together while the store is written.
const BATCH: u64 = 8_192;

/// The server's own window of keys.
const KEY_WINDOW_US: i64 = 24 * 3_600_000_000;

/// How often it is asked again for a snapshot when there was nothing new to cover.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Acts written in bulk before each round: at least one full segment, so that there is something to cover.
const BACKLOG: u64 = 1_000_000;

/// Rounds with and without a snapshot being made.
const ROUNDS: usize = 3;

/// Measures starts from snapshots, and callers while one is made.
#[derive(Args, Debug)]
pub(crate) struct SnapshotArgs {
    /// Wallets.
    #[arg(long, default_value_t = 1_000_000)]
    wallets: u64,
    /// Acts behind the snapshot.
    #[arg(long, default_value_t = 10_000_000)]
    tail: u64,
    /// Callers while snapshots are made.
    #[arg(long, default_value_t = 64)]
    callers: usize,
    /// Seconds of each of three rounds with and three without a snapshot being made.
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// Directory for the store.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Program of the server; none = the one beside this program.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// One start of a server.
#[derive(Clone, Copy, Debug, Serialize)]
struct Start {
    seconds: f64,
    resident_bytes: u64,
}

/// Everything that was measured.
#[derive(Clone, Debug, Serialize)]
struct Figures {
    wallets: u64,
    tail: u64,
    /// Making the first snapshot, offline and alone.
    made_in_seconds: f64,
    snapshot_bytes: u64,
    without_tail: Start,
    with_tail: Start,
    final_state: Start,
    /// Memory of the start with a tail against that of the final state.
    resident_ratio: f64,
    quiet: Quantiles,
    while_made: Quantiles,
    p99_ratio: f64,
    acts_ratio: f64,
    snapshots_made: u64,
    /// Memory of a server while it makes a snapshot, and while it moves segments into the archive.
    snapshot_growth: Growth,
    archive_growth: Growth,
}

pub(crate) fn run(args: &SnapshotArgs) -> Result<(), Failure> {
    let machine = Machine::look(&args.dir);
    let scratch = scratch::directory(&args.dir)?;
    let figures = &measure(args, &scratch.path().join("store"), machine.cores)?;
    if args.json {
        report::print_json(&serde_json::json!({"machine": machine, "snapshot": figures}));
        return Ok(());
    }
    let mut table = Table::new(&["", "time", "resident, bytes"]);
    for (name, start) in [
        ("start from a snapshot, no tail", figures.without_tail),
        ("start from a snapshot and its tail", figures.with_tail),
        ("start from a snapshot of all of it", figures.final_state),
    ] {
        let time = micros(start.seconds * 1e6);
        table.row(vec![
            name.to_owned(),
            time,
            count(start.resident_bytes as f64),
        ]);
    }
    let mut callers = Table::new(&["callers", "p50", "p99", "p99.9"]);
    for (name, quantiles) in [
        ("without a snapshot", figures.quiet),
        ("while one is made", figures.while_made),
    ] {
        let cells = [quantiles.p50_us, quantiles.p99_us, quantiles.p999_us].map(micros);
        callers.row(std::iter::once(name.to_owned()).chain(cells).collect());
    }
    let growths = growth_table(figures);
    report::print(&format!(
        "{machine}\n{table}\n{callers}\n{growths}\np99 × {:.2}, acts × {:.2}, memory × {:.2}; {} snapshots made under \
         load; the first took {} alone, {} bytes",
        figures.p99_ratio,
        figures.acts_ratio,
        figures.resident_ratio,
        figures.snapshots_made,
        micros(figures.made_in_seconds * 1e6),
        count(figures.snapshot_bytes as f64),
    ));
    Ok(())
}

fn growth_table(figures: &Figures) -> Table {
    let mut table = Table::new(&["memory of a server", "before", "peak", "ratio", "time"]);
    for (name, growth) in [
        ("while it makes a snapshot", figures.snapshot_growth),
        ("while it archives segments", figures.archive_growth),
    ] {
        table.row(vec![
            name.to_owned(),
            count(growth.before_bytes as f64),
            count(growth.peak_bytes as f64),
            format!("{:.2}", growth.ratio),
            micros(growth.seconds * 1e6),
        ]);
    }
    table
}

fn measure(args: &SnapshotArgs, store: &Path, cores: usize) -> Result<Figures, Failure> {
    std::fs::create_dir_all(store).doing(|| format!("make {}", store.display()))?;
    let runtime = inside::runtime(cores)?;
    let options = || EngineOptions {
        snapshot_every_bytes: 0,
        ..inside::options(store)
    };
    runtime.block_on(async {
        let engine = inside::open(options()).await?;
        inside::prepare(&engine, args.wallets).await?;
        engine.shutdown().await;
        Ok::<_, Failure>(())
    })?;
    let begun = Instant::now();
    let snapshot_bytes = snapshot(store)?;
    let made_in_seconds = begun.elapsed().as_secs_f64();
    let program = program("scrip-server", args.server.as_deref())?;
    let start = || start(&program, store);
    let without_tail = start()?;
    runtime.block_on(async {
        let engine = inside::open(options()).await?;
        tail(&engine, args.wallets, args.tail).await?;
        engine.shutdown().await;
        Ok::<_, Failure>(())
    })?;
    let with_tail = start()?;
    snapshot(store)?;
    let final_state = start()?;
    let (quiet, made, snapshots_made) = runtime.block_on(async {
        let engine = inside::open(options()).await?;
        let measured = callers(&engine, args).await?;
        tail(&engine, args.wallets, BACKLOG).await?;
        engine.shutdown().await;
        Ok::<_, Failure>(measured)
    })?;
    let (snapshot_growth, archive_growth) = growths(&program, store)?;
    let (quiet_us, made_us) = (quiet.1.quantiles(), made.1.quantiles());
    Ok(Figures {
        wallets: args.wallets,
        tail: args.tail,
        made_in_seconds,
        snapshot_bytes,
        without_tail,
        with_tail,
        final_state,
        resident_ratio: with_tail.resident_bytes as f64 / final_state.resident_bytes as f64,
        quiet: quiet_us,
        while_made: made_us,
        p99_ratio: made_us.p99_us / quiet_us.p99_us,
        acts_ratio: made.0 as f64 / quiet.0 as f64,
        snapshots_made,
        snapshot_growth,
        archive_growth,
    })
}

/// Makes a snapshot of the whole log and gives its length.
fn snapshot(store: &Path) -> Result<u64, Failure> {
    let storage = FileStorage::existing(store);
    let storage = storage.map_err(|error| Failure::Engine(error.to_string()))?;
    let made = create_offline(Arc::new(storage), KEY_WINDOW_US, &mut |_, _| {});
    let made = made.map_err(|error| Failure::Engine(format!("made no snapshot: {error}")))?;
    Ok(made.map_or(0, |made| made.bytes))
}

/// Has a server make a snapshot, and then archive what two snapshots cover.
fn growths(program: &Path, store: &Path) -> Result<(Growth, Growth), Failure> {
    let child = child(program, store)?;
    let growths = (
        growth(&child, "/admin/snapshot")?,
        growth(&child, "/admin/compact")?,
    );
    child.stop()?;
    Ok(growths)
}

/// A server that makes no snapshot and archives nothing unless it is asked.
fn child(program: &Path, store: &Path) -> Result<Child, Failure> {
    let options = ChildOptions::new(program.to_owned(), store.to_owned());
    let unasked = ["--snapshot-every-bytes", "0", "--compact-after-bytes", "0"];
    options.with(&unasked).start()
}

/// Starts a server on the store, weighs it, and stops it.
fn start(program: &Path, store: &Path) -> Result<Start, Failure> {
    let child = child(program, store)?;
    let start = Start {
        seconds: child.started_in.as_secs_f64(),
        resident_bytes: child.resident_bytes()?,
    };
    child.stop()?;
    Ok(start)
}

async fn tail(engine: &Engine, wallets: u64, acts: u64) -> Result<(), Failure> {
    let mut script = Script::over(wallets, 1);
    let bar = progress("writing acts", acts);
    let mut written = 0;
    while written < acts {
        let batch = BATCH.min(acts - written);
        let commands: Vec<Command> = (0..batch).map(|_| script.next()).collect();
        inside::submit(engine, commands.into_iter()).await?;
        written += batch;
        bar.set_position(written);
    }
    bar.finish_and_clear();
    Ok(())
}

type Measured = (u64, Latencies);

/// Rounds in turn: acts and latencies without and with a snapshot being made, and how many were made.
async fn callers(
    engine: &Engine,
    args: &SnapshotArgs,
) -> Result<(Measured, Measured, u64), Failure> {
    let duration = Duration::from_secs_f64(args.seconds);
    let mut sums = [(0, Latencies::new()), (0, Latencies::new())];
    for at in 0..2 * ROUNDS {
        tail(engine, args.wallets, BACKLOG).await?;
        let over = Arc::new(AtomicBool::new(false));
        let making = (at % 2 == 1).then(|| tokio::spawn(make(engine.clone(), Arc::clone(&over))));
        let round = round(engine, args.wallets, args.callers, duration).await?;
        over.store(true, Ordering::Relaxed);
        if let Some(making) = making {
            let made = making.await;
            made.map_err(|error| Failure::Engine(format!("made no snapshot: {error}")))??;
        }
        sums[at % 2].0 += round.acts;
        sums[at % 2].1.add(&round.latencies);
    }
    let [quiet, made] = sums;
    Ok((quiet, made, engine.metrics().snapshots.made))
}

/// Has one snapshot made after the other until the round is over.
async fn make(engine: Engine, over: Arc<AtomicBool>) -> Result<(), Failure> {
    while !over.load(Ordering::Relaxed) {
        let made = engine.snapshot().await;
        let made = made.map_err(|error| Failure::Engine(format!("made no snapshot: {error}")))?;
        if made.is_none() {
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }
    Ok(())
}
