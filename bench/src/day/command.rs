//! `day`: generates the day, drives it, kills the server, audits.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::audit::{self, Differences};
use super::lane::{Lane, Record, Target};
use super::ledger::{Ledger, Leg};
use super::operation::Planner;
use crate::failure::Failure;
use crate::http::{Child, ChildOptions, create_wallets, program};
use crate::machine::Machine;
use crate::random::Zipf;
use crate::report::{self, Table, count, micros, progress};
use crate::scratch;
use crate::traffic::{WALLET_BASE, WALLETS_MAX};

/// Points that each wallet starts with: more than a day takes from the busiest one.
const FUNDING: u64 = 100_000_000;

/// Lanes that send bulk requests and lanes that send single ones, and how much of the day the bulk
/// ones carry.
const BULK_LANES: u64 = 4;
const SINGLE_LANES: u64 = 12;
const BULK_SHARE: f64 = 0.7;

/// Operations in a bulk request: small enough that a kill hits some in the middle.
const BATCH: u64 = 500;

/// How often the day's progress is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Drives a generated business day, kills the server in the middle, and audits the books.
#[derive(Args, Debug)]
pub(crate) struct DayArgs {
    /// Operations of the day.
    #[arg(long, default_value_t = 1_000_000)]
    operations: u64,
    /// Wallets.
    #[arg(long, default_value_t = 100_000)]
    wallets: u64,
    /// How much some wallets are preferred: 1 = by Zipf's law.
    #[arg(long, default_value_t = 1.0)]
    skew: f64,
    /// How often the server is killed with -9 and started again.
    #[arg(long, default_value_t = 2)]
    kills: u64,
    /// Seed of everything drawn at random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Directory in which the server keeps its store.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Keep the store of the day here instead of removing it.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Program of the server; none = the one beside this program.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Program of wal-tool; none = the one beside this program.
    #[arg(long)]
    wal_tool: Option<PathBuf>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// What the day came to.
#[derive(Debug, Serialize)]
struct Day {
    operations: u64,
    seconds: f64,
    carried_out: u64,
    refused: u64,
    retried: u64,
    kills: u64,
    /// Time of each restart, from the start of the program until it is ready.
    restarts_s: Vec<f64>,
    wallets: u64,
    legs: u64,
    points: i64,
    differences: usize,
}

pub(crate) fn run(args: &DayArgs) -> Result<(), Failure> {
    if args.wallets < 2 || args.wallets > WALLETS_MAX || args.operations == 0 {
        let message = "--wallets must be 2…8 999 999 and --operations at least 1";
        return Err(Failure::Usage(message.to_owned()));
    }
    let server = program("scrip-server", args.server.as_deref())?;
    let tool = program("wal-tool", args.wal_tool.as_deref())?;
    let scratch = scratch::directory(&args.dir)?;
    let store = args
        .keep
        .clone()
        .unwrap_or_else(|| scratch.path().join("store"));
    let options = ChildOptions::new(server, store.clone());

    let child = options.start()?;
    create_wallets(child.address, args.wallets, FUNDING)?;
    let begun = Instant::now();
    let (child, record, restarts) = drive(args, &options, child)?;
    let seconds = begun.elapsed().as_secs_f64();

    let (mut ledger, mut differences) = (Ledger::default(), Differences::default());
    open_accounts(&mut ledger, args.wallets);
    let day = close(args, &mut ledger, record, &mut differences);
    child.stop()?;
    audit::log(&tool, &store, &mut differences)?;
    let child = options.start()?;
    audit::balances(&child, &ledger, &mut differences)?;
    child.stop()?;
    let day = Day {
        seconds,
        kills: restarts.len() as u64,
        restarts_s: restarts.iter().map(Duration::as_secs_f64).collect(),
        differences: differences.count,
        ..day
    };
    show(args, &day);
    differences.told.iter().for_each(|what| report::say(what));
    match differences.count {
        0 => Ok(()),
        count => Err(Failure::Differences(count)),
    }
}

/// Runs all lanes to their end and kills the server on the way.
fn drive(
    args: &DayArgs,
    options: &ChildOptions,
    child: Child,
) -> Result<(Child, Record, Vec<Duration>), Failure> {
    let target = Target {
        address: Mutex::new(child.address),
        done: AtomicU64::new(0),
    };
    let zipf = Arc::new(Zipf::new(args.wallets as usize, args.skew));
    let lane = |number: u64| {
        let seed = args.seed.wrapping_mul(1_000_003).wrapping_add(number);
        let planner = Planner::new(Arc::clone(&zipf), args.wallets, seed);
        let batch = if number < BULK_LANES { BATCH } else { 1 };
        Lane::new(format!("lane{number}"), planner, batch, &target)
    };
    std::thread::scope(|scope| {
        let start = |(number, operations)| {
            let lane = lane(number);
            scope.spawn(move || lane.run(operations))
        };
        let lanes: Vec<_> = shares(args.operations).map(start).collect();
        let all_ended = || lanes.iter().all(std::thread::ScopedJoinHandle::is_finished);
        let (mut child, mut restarts) = (child, Vec::new());
        let bar = progress("a business day", args.operations);
        while !all_ended() {
            let done = target.done.load(Ordering::Relaxed);
            bar.set_position(done);
            let kills = restarts.len() as u64;
            if kills < args.kills && done >= args.operations * (kills + 1) / (args.kills + 1) {
                child.kill()?;
                child = options.start()?;
                restarts.push(child.started_in);
                match target.address.lock() {
                    Ok(mut address) => *address = child.address,
                    Err(poisoned) => *poisoned.into_inner() = child.address,
                }
            }
            std::thread::sleep(LOOK_EVERY);
        }
        bar.finish_and_clear();
        let mut record = Record::default();
        for lane in lanes {
            match lane.join() {
                Ok(seen) => record.add(seen?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok((child, record, restarts))
    })
}

/// Each lane with its operations; together exactly as many as asked.
fn shares(operations: u64) -> impl Iterator<Item = (u64, u64)> {
    let bulk = (operations as f64 * BULK_SHARE) as u64;
    let share = |all: u64, lanes: u64, at: u64| all / lanes + u64::from(at < all % lanes);
    (0..BULK_LANES + SINGLE_LANES).map(move |lane| match lane.checked_sub(BULK_LANES) {
        None => (lane, share(bulk, BULK_LANES, lane)),
        Some(at) => (lane, share(operations - bulk, SINGLE_LANES, at)),
    })
}

/// What the creation of the wallets told.
fn open_accounts(ledger: &mut Ledger, wallets: u64) {
    for wallet in WALLET_BASE..WALLET_BASE + wallets {
        let mut add = |change: u64, version: u64| {
            let change = change.cast_signed();
            let after = Some((version, change));
            ledger.add(Leg {
                wallet,
                change,
                after,
            });
        };
        add(0, 1);
        add(FUNDING, 2);
    }
}

/// Enters the record into the ledger and looks for contradictions in it.
fn close(
    args: &DayArgs,
    ledger: &mut Ledger,
    mut record: Record,
    differences: &mut Differences,
) -> Day {
    record.legs.iter().for_each(|leg| ledger.add(*leg));
    let surprises = record.surprises.into_iter();
    surprises.for_each(|surprise| differences.add(surprise));
    let contradictions = ledger.contradictions().into_iter();
    contradictions.for_each(|contradiction| differences.add(contradiction));
    audit::transactions(&mut record.transactions, differences);
    Day {
        operations: args.operations,
        seconds: 0.0,
        carried_out: record.transactions.len() as u64,
        refused: record.refused,
        retried: record.retried,
        kills: 0,
        restarts_s: Vec::new(),
        wallets: args.wallets,
        legs: ledger.legs(),
        points: ledger.points(),
        differences: 0,
    }
}

fn show(args: &DayArgs, day: &Day) {
    let machine = Machine::look(directory(args));
    if args.json {
        report::print_json(&serde_json::json!({"machine": machine, "day": day}));
        return;
    }
    let mut table = Table::new(&["a business day", "value"]);
    let mut row = |name: &str, value: String| table.row(vec![name.to_owned(), value]);
    row("operations", count(day.operations as f64));
    row("seconds, kills included", count(day.seconds));
    row("carried out", count(day.carried_out as f64));
    row("refused, as expected", count(day.refused as f64));
    row("requests sent again", count(day.retried as f64));
    row("kill -9", count(day.kills as f64));
    for restart in &day.restarts_s {
        row("restart", micros(restart * 1_000_000.0));
    }
    row("wallets compared", count(day.wallets as f64));
    row("entries in their histories", count(day.legs as f64));
    row("points in the end", count(day.points as f64));
    row("differences", count(day.differences as f64));
    report::print(&format!("{machine}\n{table}"));
}

fn directory(args: &DayArgs) -> &Path {
    args.keep.as_deref().unwrap_or(&args.dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lanes_share_the_day_exactly() {
        for operations in [1, 7, 1_000, 1_000_003] {
            let sum: u64 = shares(operations).map(|(_, share)| share).sum();
            assert_eq!(sum, operations);
        }
    }

    #[test]
    fn a_new_wallet_has_its_funding_at_version_two() {
        let mut ledger = Ledger::default();
        open_accounts(&mut ledger, 1);
        let expected = (WALLET_BASE, FUNDING.cast_signed(), 2);
        assert_eq!(ledger.wallets().collect::<Vec<_>>(), [expected]);
        assert!(ledger.contradictions().is_empty());
    }
}
