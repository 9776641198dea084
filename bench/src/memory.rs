//! What a wallet that nobody uses costs: resident memory after a million were created, above the
//! empty server, divided by their number. The cap on live actors is watched all the while.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use crate::failure::Failure;
use crate::http::{Child, ChildOptions, create_wallets, program};
use crate::machine::Machine;
use crate::report::{self, Table, count, progress};
use crate::scratch;
use crate::traffic::WALLETS_MAX;

/// How often the server's live actors are counted.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Name of the gauge that counts live actors.
const ACTIVE: &str = "scrip_active_entities";

/// Measures bytes of memory per dormant wallet.
#[derive(Args, Debug)]
pub(crate) struct MemoryArgs {
    /// Wallets to create.
    #[arg(long, default_value_t = 1_000_000)]
    wallets: u64,
    /// Points that each is given: 0 = none, so that it has no lot.
    #[arg(long, default_value_t = 0)]
    funding: u64,
    /// Seconds between the last creation and the measurement.
    #[arg(long, default_value_t = 30.0)]
    settle: f64,
    /// Most live actors that the server may have.
    #[arg(long, default_value_t = 100_000)]
    max_active: u64,
    /// Directory in which the server keeps its store.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Program of the server; none = the one beside this program.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// What is created, and how long it rests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest {
    pub(crate) wallets: u64,
    pub(crate) funding: u64,
    pub(crate) settle: Duration,
    pub(crate) max_active: u64,
}

/// What it came to.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Memory {
    pub(crate) wallets: u64,
    pub(crate) empty_bytes: u64,
    pub(crate) full_bytes: u64,
    pub(crate) bytes_per_wallet: f64,
    /// Most live actors seen while the wallets were created and rested.
    pub(crate) active_seen: u64,
    /// Most live actors allowed.
    pub(crate) active_allowed: u64,
}

pub(crate) fn run(args: &MemoryArgs) -> Result<(), Failure> {
    if args.wallets == 0 || args.wallets > WALLETS_MAX {
        return Err(Failure::Usage("--wallets must be 1…8 999 999".to_owned()));
    }
    let rest = Rest {
        wallets: args.wallets,
        funding: args.funding,
        settle: Duration::from_secs_f64(args.settle),
        max_active: args.max_active,
    };
    let program = program("scrip-server", args.server.as_deref())?;
    let memory = measure(&args.dir, program, rest)?;
    let machine = Machine::look(&args.dir);
    if args.json {
        report::print_json(&serde_json::json!({"machine": machine, "memory": memory}));
        return Ok(());
    }
    let mut table = Table::new(&["", "value"]);
    let mut row = |name: &str, value: f64| table.row(vec![name.to_owned(), count(value)]);
    row("wallets", memory.wallets as f64);
    row("resident, empty, bytes", memory.empty_bytes as f64);
    row("resident, with wallets, bytes", memory.full_bytes as f64);
    row("bytes per wallet", memory.bytes_per_wallet);
    row("live actors, most seen", memory.active_seen as f64);
    row("live actors, most allowed", memory.active_allowed as f64);
    report::print(&format!("{machine}\n{table}"));
    Ok(())
}

/// Starts a server with an empty store, creates the wallets, lets them rest, weighs.
pub(crate) fn measure(directory: &Path, program: PathBuf, rest: Rest) -> Result<Memory, Failure> {
    let scratch = scratch::directory(directory)?;
    let options = ChildOptions::new(program, scratch.path().join("store"));
    let cap = rest.max_active.to_string();
    let child = options.with(&["--max-active", &cap]).start()?;
    let empty_bytes = child.resident_bytes()?;
    let over = AtomicBool::new(false);
    let active_seen = std::thread::scope(|scope| {
        let watch = scope.spawn(|| watch(&child, &over));
        let created = create_wallets(child.address, rest.wallets, rest.funding);
        if created.is_ok() {
            settle(rest.settle);
        }
        over.store(true, Ordering::Relaxed);
        let seen = match watch.join() {
            Ok(seen) => seen,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        created.and(seen)
    })?;
    let full_bytes = child.resident_bytes()?;
    child.stop()?;
    Ok(Memory {
        wallets: rest.wallets,
        empty_bytes,
        full_bytes,
        bytes_per_wallet: full_bytes.saturating_sub(empty_bytes) as f64 / rest.wallets as f64,
        active_seen,
        active_allowed: rest.max_active,
    })
}

/// The most live actors seen until it is over.
fn watch(child: &Child, over: &AtomicBool) -> Result<u64, Failure> {
    let mut most = 0;
    while !over.load(Ordering::Relaxed) {
        let active = child.metric(ACTIVE)?;
        let missing = || Failure::Server(format!("shows no metric called {ACTIVE}"));
        most = most.max(active.ok_or_else(missing)? as u64);
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(most)
}

fn settle(time: Duration) {
    let bar = progress("letting wallets rest, ms", time.as_millis() as u64);
    let begun = Instant::now();
    while begun.elapsed() < time {
        std::thread::sleep(LOOK_EVERY.min(time - begun.elapsed().min(time)));
        bar.set_position(begun.elapsed().as_millis() as u64);
    }
    bar.finish_and_clear();
}
