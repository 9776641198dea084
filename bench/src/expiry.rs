//! What callers notice when the points of very many quiet wallets lapse at the same instant.
//!
//! ```text
//! quiet wallets, one lot each, all of one date ─► traffic ─► the date comes ─► traffic until all is swept ─► traffic
//! ```
//! Requests start by the clock, whether the ones before are answered or not, and each is timed from when it was to
//! start: a server that stands still for 50 ms is late for every request of those 50 ms.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use engine::domain::{Command, CreateWallet, Description, Expiry, Grant, Owner, Timestamp};
use engine::journal::FileStorage;
use engine::{Clock, Engine, EngineOptions, SystemClock};
use serde::Serialize;

use crate::failure::Failure;
use crate::inside::{self, points, wallet};
use crate::machine::Machine;
use crate::report::{self, count, micros};
use crate::scratch;
use crate::steady::{self, Stretch, traffic};

/// Wallets that the traffic goes to.
const BUSY: u64 = 10_000;

/// How far away the date is until the clock jumps: one day.
const AHEAD_US: i64 = 86_400_000_000;

/// How often it is asked whether all is swept. The answer looks at everything that is due.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Measures callers while points lapse.
#[derive(Args, Debug)]
pub(crate) struct ExpiryArgs {
    /// Quiet wallets whose points lapse at the same instant.
    #[arg(long, default_value_t = 1_000_000)]
    wallets: u64,
    /// Requests a second.
    #[arg(long, default_value_t = 5_000)]
    rate: u64,
    /// Seconds of traffic before and after.
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// Directory for the store.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// Everything that was measured.
#[derive(Clone, Copy, Debug, Serialize)]
struct Figures {
    wallets: u64,
    rate: u64,
    before: Stretch,
    during: Stretch,
    after: Stretch,
    lapses: u64,
    lapses_per_second: f64,
    /// The same sweep with nobody to serve.
    alone_per_second: f64,
}

/// The machine's clock, that can be put forward.
struct JumpingClock {
    clock: SystemClock,
    ahead_us: AtomicI64,
}

impl Clock for JumpingClock {
    fn now_us(&self) -> i64 {
        self.clock.now_us() + self.ahead_us.load(Ordering::SeqCst)
    }
}

pub(crate) fn run(args: &ExpiryArgs) -> Result<(), Failure> {
    let machine = Machine::look(&args.dir);
    let scratch = scratch::directory(&args.dir)?;
    let runtime = inside::runtime(machine.cores)?;
    let figures = runtime.block_on(measure(args, scratch.path()))?;
    if args.json {
        report::print_json(&serde_json::json!({"machine": machine, "expiry": figures}));
        return Ok(());
    }
    let table = steady::table([
        ("before", figures.before),
        ("while they lapse", figures.during),
        ("afterwards", figures.after),
    ]);
    report::print(&format!(
        "{machine}\n{table}\n{} wallets lapsed in {}: {} a second beside {} requests a second, {} a second alone",
        count(figures.lapses as f64),
        micros(figures.during.seconds * 1e6),
        count(figures.lapses_per_second),
        count(figures.rate as f64),
        count(figures.alone_per_second),
    ));
    Ok(())
}

async fn measure(args: &ExpiryArgs, store: &Path) -> Result<Figures, Failure> {
    let clock = Arc::new(JumpingClock {
        clock: SystemClock::start(),
        ahead_us: AtomicI64::new(0),
    });
    let engine = open(store, &clock).await?;
    inside::prepare(&engine, BUSY).await?;
    let quiet = BUSY + 1..BUSY + 1 + args.wallets;
    create(&engine, quiet.clone()).await?;
    earn(&engine, quiet.clone(), clock.now_us() + AHEAD_US).await?;
    rest(&engine).await;
    let jump = || clock.ahead_us.fetch_add(AHEAD_US, Ordering::SeqCst);
    let duration = Duration::from_secs_f64(args.seconds);
    let before = traffic(&engine, BUSY, args.rate, after(duration)).await?;
    jump();
    let during = traffic(&engine, BUSY, args.rate, swept(&engine, args.wallets)).await?;
    let lapses = engine.metrics().sweeper.lapses;
    let after = traffic(&engine, BUSY, args.rate, after(duration)).await?;
    earn(&engine, quiet, clock.now_us() + AHEAD_US).await?;
    rest(&engine).await;
    jump();
    let begun = Instant::now();
    swept(&engine, lapses + args.wallets).await;
    let alone = begun.elapsed();
    engine.shutdown().await;
    Ok(Figures {
        wallets: args.wallets,
        rate: args.rate,
        before,
        during,
        after,
        lapses,
        lapses_per_second: lapses as f64 / during.seconds,
        alone_per_second: args.wallets as f64 / alone.as_secs_f64(),
    })
}

async fn open(store: &Path, clock: &Arc<JumpingClock>) -> Result<Engine, Failure> {
    let failed = |error: String| Failure::Engine(format!("did not open: {error}"));
    let storage = FileStorage::open(store).map_err(|error| failed(error.to_string()))?;
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let options = EngineOptions {
        snapshot_every_bytes: 0,
        ..inside::options(store)
    };
    let prepared = Engine::prepare_on(options, Arc::new(storage), clock);
    let prepared = prepared.map_err(|error| failed(error.to_string()))?;
    let opened = prepared.open().await;
    opened.map_err(|error| failed(error.to_string()))
}

async fn create(engine: &Engine, ids: Range<u64>) -> Result<(), Failure> {
    let create = |id| {
        Command::CreateWallet(CreateWallet {
            wallet: wallet(id),
            owner: Owner::user(id),
        })
    };
    inside::submit_each(engine, "creating wallets", ids, create).await
}

async fn earn(engine: &Engine, ids: Range<u64>, until: i64) -> Result<(), Failure> {
    let earn = |id| {
        Command::Earn(Grant {
            wallet: wallet(id),
            amount: points(10),
            expiry: Expiry::At(Timestamp(until)),
            description: Description::default(),
        })
    };
    inside::submit_each(engine, "granting points", ids, earn).await
}

/// Waits until nobody is live.
async fn rest(engine: &Engine) {
    while engine.metrics().active_entities > 0 {
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// Waits until so many lapses are recorded.
async fn swept(engine: &Engine, lapses: u64) {
    while engine.metrics().sweeper.lapses < lapses {
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

async fn after(duration: Duration) {
    tokio::time::sleep(duration).await;
}
