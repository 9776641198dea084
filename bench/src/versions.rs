//! Two builds of the server, the same requests: what one build takes beside the other.
//!
//! ```text
//! round 1: before, after     round 2: after, before     round 3: before, after     …
//! ```
//! Both run all the time, on stores of their own, and are asked in turn, so a machine that slows down slows both.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::compare::median;
use crate::failure::Failure;
use crate::http::{Child, ChildOptions, Pace, Plan, create_wallets, drive, program};
use crate::machine::Machine;
use crate::report::{self, Table, count, micros, progress};
use crate::scratch;
use crate::traffic::{FUNDING, Mix, Single, Wallets};

/// Wallets of every load.
const WALLETS: u64 = 10_000;

/// Loads: one caller alone, and as many as throughput is promised for.
const CONNECTIONS: [usize; 3] = [1, 64, 256];

/// Measures one build of the server against another.
#[derive(Args, Debug)]
pub(crate) struct VersionsArgs {
    /// Program of the earlier server.
    #[arg(long)]
    before: PathBuf,
    /// Program of the later server; none = the one beside this program.
    #[arg(long)]
    after: Option<PathBuf>,
    /// Turns of each under each load.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// Seconds of a turn that count.
    #[arg(long, short, default_value_t = 3.0)]
    seconds: f64,
    /// Directory for the stores.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// Medians over all turns of one build.
#[derive(Clone, Copy, Debug, Serialize)]
struct Build {
    requests_per_second: f64,
    p50_us: f64,
    p99_us: f64,
    /// Processor time of the server for a request.
    processor_us: f64,
}

/// Both under one load.
#[derive(Clone, Copy, Debug, Serialize)]
struct Pair {
    connections: usize,
    before: Build,
    after: Build,
    /// Requests a second of the later one against those of the earlier one in the same round; the median.
    after_against_before: f64,
}

pub(crate) fn run(args: &VersionsArgs) -> Result<(), Failure> {
    let machine = Machine::look(&args.dir);
    let scratch = scratch::directory(&args.dir)?;
    let start = |name: &str, server: PathBuf| {
        let child = ChildOptions::new(server, scratch.path().join(name)).start()?;
        create_wallets(child.address, WALLETS, FUNDING)?;
        Ok(child)
    };
    let after = program("scrip-server", args.after.as_deref())?;
    let children = [
        start("before", args.before.clone())?,
        start("after", after)?,
    ];
    let mut pairs = Vec::new();
    for connections in CONNECTIONS {
        pairs.push(pair(&children, connections, args)?);
    }
    for child in children {
        child.stop()?;
    }
    if args.json {
        report::print_json(&serde_json::json!({"machine": machine, "versions": pairs}));
        return Ok(());
    }
    report::print(&format!("{machine}\n{}", table(&pairs)));
    Ok(())
}

fn table(pairs: &[Pair]) -> Table {
    let header = [
        "connections",
        "",
        "requests/s",
        "p50",
        "p99",
        "server CPU per request",
    ];
    let mut table = Table::new(&header);
    for pair in pairs {
        for (name, build) in [("before", pair.before), ("after", pair.after)] {
            let times = [build.p50_us, build.p99_us, build.processor_us].map(micros);
            let cells = [
                pair.connections.to_string(),
                name.to_owned(),
                count(build.requests_per_second),
            ];
            table.row(cells.into_iter().chain(times).collect());
        }
        let ratio = format!("{:.3}", pair.after_against_before);
        let mut cells = vec![String::new(), "after ÷ before".to_owned(), ratio];
        cells.resize(header.len(), String::new());
        table.row(cells);
    }
    table
}

fn pair(children: &[Child; 2], connections: usize, args: &VersionsArgs) -> Result<Pair, Failure> {
    let bar = progress(&format!("{connections} connections"), args.rounds);
    let mut turns = [Vec::new(), Vec::new()];
    for round in 0..args.rounds {
        // Each goes first as often as the other.
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for which in order {
            turns[which].push(turn(&children[which], connections, round, args.seconds)?);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(Pair::of(connections, &turns))
}

fn turn(child: &Child, connections: usize, seed: u64, seconds: f64) -> Result<Build, Failure> {
    let plan = Plan {
        address: child.address,
        connections,
        pace: Pace::Closed,
        warmup: Duration::from_secs_f64(seconds / 4.0),
        duration: Duration::from_secs_f64(seconds),
    };
    let wallets = Wallets::new(WALLETS, 0.0);
    let mut traffic = Single::new(wallets, Mix::earn_and_use(), false, seed);
    let used = child.processor_time()?;
    let outcome = drive(plan, &mut traffic, &indicatif::ProgressBar::hidden())?;
    let used = child.processor_time()? - used;
    if !outcome.refused.is_empty() {
        let refused = &outcome.refused;
        return Err(Failure::Server(format!(
            "refused what it must not: {refused:?}"
        )));
    }
    let carried_out = outcome.requests_per_second() * (plan.warmup + plan.duration).as_secs_f64();
    let latency = outcome.latency.quantiles();
    Ok(Build {
        requests_per_second: outcome.requests_per_second(),
        p50_us: latency.p50_us,
        p99_us: latency.p99_us,
        processor_us: used.as_secs_f64() * 1e6 / carried_out.max(1.0),
    })
}

// === impl Pair ===

impl Pair {
    fn of(connections: usize, [before, after]: &[Vec<Build>; 2]) -> Self {
        let ratios = before.iter().zip(after);
        let ratios =
            ratios.map(|(before, after)| after.requests_per_second / before.requests_per_second);
        Self {
            connections,
            before: Build::median_of(before),
            after: Build::median_of(after),
            after_against_before: median(&ratios.collect::<Vec<_>>()),
        }
    }
}

// === impl Build ===

impl Build {
    fn median_of(turns: &[Self]) -> Self {
        let over = |figure: fn(&Self) -> f64| median(&turns.iter().map(figure).collect::<Vec<_>>());
        Self {
            requests_per_second: over(|turn| turn.requests_per_second),
            p50_us: over(|turn| turn.p50_us),
            p99_us: over(|turn| turn.p99_us),
            processor_us: over(|turn| turn.processor_us),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(requests_per_second: f64) -> Build {
        Build {
            requests_per_second,
            p50_us: 1.0,
            p99_us: 2.0,
            processor_us: 3.0,
        }
    }

    #[test]
    fn builds_are_compared_round_by_round() {
        // The machine slows down by half in the second round and by half again in the third.
        let turns = [[100.0, 50.0, 25.0].map(at), [90.0, 45.0, 30.0].map(at)];
        let pair = Pair::of(64, &turns.map(Vec::from));
        assert_eq!(pair.after_against_before, 0.9);
        assert_eq!(pair.before.requests_per_second, 50.0);
        assert_eq!(pair.after.requests_per_second, 45.0);
    }
}
