//! `engine`: loads on the engine in this process.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::{Figures, Load, Scenario, measure};
use crate::failure::Failure;
use crate::machine::Machine;
use crate::report::{self, Table, count, micros, progress};

/// Measures the engine in process, without HTTP.
#[derive(Args, Debug)]
pub(crate) struct EngineArgs {
    /// Loads to run; none = all.
    #[arg(long, value_enum)]
    scenario: Vec<Scenario>,
    /// Callers that wait for one act each; several = one run for each.
    #[arg(long, value_delimiter = ',', default_value = "64,1024")]
    callers: Vec<usize>,
    /// Worker threads; 0 = as many as there are cores.
    #[arg(long, default_value_t = 0)]
    workers: usize,
    /// Seconds that count, for each run.
    #[arg(long, short, default_value_t = 3.0)]
    seconds: f64,
    /// Seconds before that.
    #[arg(long, default_value_t = 0.5)]
    warmup: f64,
    /// Directory in which the stores are kept while they run.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &EngineArgs) -> Result<(), Failure> {
    let machine = Machine::look(&args.dir);
    let scenarios = match args.scenario.as_slice() {
        [] => Scenario::ALL.to_vec(),
        told => told.to_vec(),
    };
    let workers = match args.workers {
        0 => machine.cores,
        told => told,
    };
    let bar = progress("loads", (scenarios.len() * args.callers.len()) as u64);
    let mut rows = Vec::new();
    for scenario in scenarios {
        for callers in &args.callers {
            let load = Load {
                scenario,
                callers: *callers,
                workers,
                warmup: Duration::from_secs_f64(args.warmup),
                duration: Duration::from_secs_f64(args.seconds),
            };
            rows.push(measure(&args.dir, load)?);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    if args.json {
        report::print_json(&json!({"machine": machine, "engine": rows}));
    } else {
        report::print(&format!("{machine}\n{}", table(&rows)));
    }
    Ok(())
}

fn table(rows: &[Figures]) -> Table {
    let header = [
        "load",
        "callers",
        "acts/s",
        "p50",
        "p99",
        "max",
        "records/flush",
        "refused",
    ];
    let mut table = Table::new(&header);
    for row in rows {
        table.row(vec![
            row.scenario.as_str().to_owned(),
            count(row.callers as f64),
            count(row.per_second),
            micros(row.latency.p50_us),
            micros(row.latency.p99_us),
            micros(row.latency.max_us),
            count(row.records_per_group),
            count(row.refused.values().sum::<u64>() as f64),
        ]);
    }
    table
}
