//! A period closed for very many companies: how long that takes alone, and what callers notice of it.
//!
//! ```text
//! companies, their entries in turn ─► store ─┬─ copies ─► run with one worker, with two, nobody served
//!                                            └─ copy ───► traffic ─► traffic until the run is over ─► traffic
//! ```
//! On two cores a second worker and the callers want the same core, so the workers are compared alone; beside callers a run
//! gives way, and is measured by what they notice.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use engine::domain::{
    Command, CompanyId, CreateCompany, Description, Expiry, Grant, RunEnd, RunSettlement,
    SomeTerms, Span, Timestamp, Use, WalletId,
};
use engine::{Clock, Engine, EngineOptions, SystemClock};
use serde::Serialize;

use crate::failure::{Doing, Failure};
use crate::inside::{self, points, wallet};
use crate::machine::Machine;
use crate::report::{self, count, micros};
use crate::scratch;
use crate::steady::{self, Stretch, traffic};

/// Wallets that the traffic goes to.
const BUSY: u64 = 10_000;

/// Points of each company at the start: more than it spends.
const FUNDING: u64 = 1_000_000_000;

/// How often it is asked how far a run is.
const ASK_AGAIN: Duration = Duration::from_millis(5);

/// Measures a settlement run.
#[derive(Args, Debug)]
pub(crate) struct SettlementArgs {
    /// Companies to settle.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    companies: u64,
    /// Entries of all of them together.
    #[arg(long, default_value_t = 1_000_000)]
    entries: u64,
    /// Runs alone with each number of workers; the fastest counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// Requests a second.
    #[arg(long, default_value_t = 5_000)]
    rate: u64,
    /// Seconds of traffic before and after.
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// Directory for the stores.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// Everything that was measured.
#[derive(Clone, Copy, Debug, Serialize)]
struct Figures {
    companies: u64,
    entries: u64,
    rate: u64,
    one_worker_seconds: f64,
    two_workers_seconds: f64,
    /// How many times as fast two workers are.
    two_against_one: f64,
    before: Stretch,
    during: Stretch,
    after: Stretch,
    /// p99 while the run goes on against the mean of before and after.
    p99_against_without: f64,
}

pub(crate) fn run(args: &SettlementArgs) -> Result<(), Failure> {
    let machine = Machine::look(&args.dir);
    let scratch = scratch::directory(&args.dir)?;
    let runtime = inside::runtime(machine.cores)?;
    let figures = runtime.block_on(measure(args, scratch.path()))?;
    if args.json {
        report::print_json(&serde_json::json!({"machine": machine, "settlement": figures}));
        return Ok(());
    }
    let table = steady::table([
        ("before", figures.before),
        ("while the run goes on", figures.during),
        ("afterwards", figures.after),
    ]);
    report::print(&format!(
        "{machine}\n{table}\n{} companies with {} entries: {} beside {} requests a second, p99 {:.2} times that without; \
         alone {} with one worker, {} with two: {:.2} times as fast",
        count(figures.companies as f64),
        count(figures.entries as f64),
        micros(figures.during.seconds * 1e6),
        count(figures.rate as f64),
        figures.p99_against_without,
        micros(figures.one_worker_seconds * 1e6),
        micros(figures.two_workers_seconds * 1e6),
        figures.two_against_one,
    ));
    Ok(())
}

async fn measure(args: &SettlementArgs, scratch: &Path) -> Result<Figures, Failure> {
    let filled = scratch.join("filled");
    let engine = open(&filled, 1).await?;
    inside::prepare(&engine, BUSY).await?;
    fill(&engine, args).await?;
    let now = Timestamp(SystemClock::start().now_us());
    let span =
        Span::new(Timestamp(0), now).ok_or_else(|| broken("the clock stands before 1970"))?;
    engine.shutdown().await;
    drop(engine);
    let copy = scratch.join("copy");
    let mut fastest = [f64::INFINITY; 2];
    for _ in 0..args.rounds {
        for (workers, fastest) in (1..).zip(&mut fastest) {
            copy_store(&filled, &copy).doing(|| "copy the store".to_owned())?;
            let engine = open(&copy, workers).await?;
            let begun = Instant::now();
            settle(&engine, span, args.companies).await?;
            *fastest = fastest.min(begun.elapsed().as_secs_f64());
            engine.shutdown().await;
            drop(engine);
            fs::remove_dir_all(&copy).doing(|| "remove a copy".to_owned())?;
        }
    }
    let workers = EngineOptions::new(&filled).settlement_workers;
    let engine = open(&filled, workers).await?;
    let duration = Duration::from_secs_f64(args.seconds);
    let before = traffic(&engine, BUSY, args.rate, tokio::time::sleep(duration)).await?;
    let mut settled = Ok(());
    let run = async { settled = settle(&engine, span, args.companies).await };
    let during = traffic(&engine, BUSY, args.rate, run).await?;
    settled?;
    let after = traffic(&engine, BUSY, args.rate, tokio::time::sleep(duration)).await?;
    engine.shutdown().await;
    let without = f64::midpoint(before.latency.p99_us, after.latency.p99_us);
    let [one, two] = fastest;
    Ok(Figures {
        companies: args.companies,
        entries: args.entries,
        rate: args.rate,
        one_worker_seconds: one,
        two_workers_seconds: two,
        two_against_one: one / two,
        before,
        during,
        after,
        p99_against_without: during.latency.p99_us / without,
    })
}

async fn open(store: &Path, settlement_workers: usize) -> Result<Engine, Failure> {
    fs::create_dir_all(store).doing(|| format!("make {}", store.display()))?;
    inside::open(EngineOptions {
        snapshot_every_bytes: 0,
        settlement_workers,
        ..inside::options(store)
    })
    .await
}

/// Creates the companies, and has each spend in turn, as they would in a month: entries of one lie far from each other.
async fn fill(engine: &Engine, args: &SettlementArgs) -> Result<(), Failure> {
    let companies = args.companies;
    let name = Description::new("Company").ok_or_else(|| broken("a name is too long"))?;
    let create = |at| {
        Command::CreateCompany(CreateCompany {
            company: CompanyId::of(company(at, companies)),
            name: name.clone(),
        })
    };
    inside::submit_each(engine, "creating companies", 0..companies, create).await?;
    let charge = |at| {
        Command::Charge(Grant {
            wallet: company(at, companies),
            amount: points(FUNDING),
            expiry: Expiry::Never,
            description: Description::default(),
        })
    };
    inside::submit_each(engine, "charging", 0..companies.min(args.entries), charge).await?;
    let spend = |at| {
        Command::Use(Use {
            wallet: company(at, companies),
            amount: points(1 + at % 7),
            description: Description::default(),
        })
    };
    let rest = args.entries.saturating_sub(companies);
    inside::submit_each(engine, "spending", 0..rest, spend).await
}

/// The wallet of a company, and its id; those of the traffic come before.
fn company(at: u64, companies: u64) -> WalletId {
    wallet(BUSY + 1 + at % companies)
}

/// Runs the period, and waits until that is over.
async fn settle(engine: &Engine, span: Span, companies: u64) -> Result<(), Failure> {
    let refused = |refusal| Failure::Engine(format!("refused a run: {refusal}"));
    let by = Description::new("scrip-bench").ok_or_else(|| broken("a name is too long"))?;
    let ask = RunSettlement {
        span,
        zone: "Asia/Seoul".into(),
        terms: SomeTerms::default(),
        by,
        ended: None,
    };
    engine.run_settlement(ask, None).await.map_err(refused)?;
    loop {
        let progress = engine.settlement_run(span).await.map_err(refused)?;
        let end = progress.and_then(|progress| progress.run.ended);
        match end {
            Some(RunEnd { closed, .. }) if closed == companies => return Ok(()),
            Some(end) => return Err(broken(&format!("the run came to {end:?}"))),
            None => tokio::time::sleep(ASK_AGAIN).await,
        }
    }
}

fn broken(what: &str) -> Failure {
    Failure::Engine(what.to_owned())
}

fn copy_store(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_store(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_run_is_measured() {
        let directory = tempfile::tempdir().unwrap();
        let args = SettlementArgs {
            companies: 20,
            entries: 200,
            rounds: 1,
            rate: 200,
            seconds: 0.2,
            dir: directory.path().to_owned(),
            json: true,
        };
        run(&args).unwrap();
    }
}
