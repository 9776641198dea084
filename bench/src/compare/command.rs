//! `compare`: runs every part, prints the table, writes the plot.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use super::over_http::OverHttp;
use super::ratio::Ratios;
use super::{in_process, over_http, postgres, redis};
use crate::failure::{Doing, Failure};
use crate::http::program;
use crate::machine::Machine;
use crate::others::{Others, busy_before};
use crate::plot;
use crate::report::{self, Table, count, micros, say};

/// Measures every promised ratio in one run.
#[derive(Args, Debug)]
pub(crate) struct CompareArgs {
    /// Also measure PostgreSQL and Redis; they are started for the purpose when they are installed.
    #[arg(long)]
    peers: bool,
    /// Short rounds and small stores: shows that everything runs, not how fast.
    #[arg(long)]
    quick: bool,
    /// Exit with 1 when a floor is not reached.
    #[arg(long)]
    check: bool,
    /// Directory for all stores: on the disk that is to be measured.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Where the plot of latency against offered rate is written.
    #[arg(long, default_value = "scrip-bench-latency.svg")]
    plot: PathBuf,
    /// Program of the server; none = the one beside this program.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    json: bool,
}

/// How long the parts take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    pub(crate) warmup: Duration,
    /// One closed-loop run over HTTP.
    pub(crate) round: Duration,
    /// How often each is repeated; the median counts.
    pub(crate) rounds: u64,
    /// One point of the curve.
    pub(crate) curve: Duration,
    /// One run in process.
    pub(crate) in_process: Duration,
    /// Wallets whose memory is weighed, and how long they rest before.
    pub(crate) wallets: u64,
    pub(crate) settle: Duration,
    /// Records of the store that is replayed.
    pub(crate) records: u64,
    /// One run of a peer.
    pub(crate) peer: Duration,
}

const FULL: Timing = Timing {
    warmup: Duration::from_millis(400),
    round: Duration::from_millis(2_000),
    rounds: 3,
    curve: Duration::from_millis(2_500),
    in_process: Duration::from_millis(2_500),
    wallets: 1_000_000,
    settle: Duration::from_secs(30),
    records: 4_000_000,
    peer: Duration::from_secs(8),
};

const QUICK: Timing = Timing {
    warmup: Duration::from_millis(50),
    round: Duration::from_millis(200),
    rounds: 1,
    curve: Duration::from_millis(200),
    in_process: Duration::from_millis(300),
    wallets: 20_000,
    settle: Duration::from_secs(1),
    records: 100_000,
    peer: Duration::from_secs(1),
};

pub(crate) fn run(args: &CompareArgs) -> Result<(), Failure> {
    let busy = busy_before();
    let (others, begun) = (Others::now(), Instant::now());
    let machine = Machine::look(&args.dir);
    let server = program("scrip-server", args.server.as_deref())?;
    let timing = if args.quick { QUICK } else { FULL };
    let (dir, cores) = (args.dir.as_path(), machine.cores);
    let mut ratios = Ratios::default();
    let http = over_http::measure(dir, &server, cores, timing, &mut ratios)?;
    let replay = in_process::replayed(dir, cores, timing, &mut ratios)?;
    let memory = in_process::weighed(dir, server, timing, &mut ratios)?;
    let engine = in_process::loads(dir, cores, timing, &mut ratios)?;
    let peers = match args.peers {
        true => peers(args, timing, &http, &mut ratios)?,
        false => Value::Null,
    };
    let svg = plot::draw(
        "Durable requests, open loop",
        &machine.to_string(),
        &http.curve,
    );
    fs::write(&args.plot, svg).doing(|| format!("write {}", args.plot.display()))?;
    let raw = json!({
        "machine": machine,
        "others_busy_before": busy,
        "others_busy_meanwhile": others.busy_since("during the run"),
        "seconds": begun.elapsed().as_secs_f64(),
        "http": http.raw,
        "replay": replay,
        "memory": memory,
        "engine": engine,
        "peers": peers,
    });
    if args.json {
        report::print_json(&json!({"ratios": ratios.json(), "raw": raw}));
    } else {
        show(&machine, &ratios, &raw, &http);
        report::print(&format!("plot: {}", args.plot.display()));
    }
    match ratios.below_floor() {
        below if args.check && !below.is_empty() => Err(Failure::BelowFloor(below.join(", "))),
        _ => Ok(()),
    }
}

/// A peer that is not installed is left out, with a word on how to get it.
fn peers(
    args: &CompareArgs,
    timing: Timing,
    http: &OverHttp,
    ratios: &mut Ratios,
) -> Result<Value, Failure> {
    let postgres = postgres::measure(&args.dir, timing.peer)?;
    match &postgres {
        Some(figures) => ratios.add("P7_postgres", http.durable / figures.per_second),
        None => say("PostgreSQL is not installed: apt-get install postgresql postgresql-contrib"),
    }
    let redis = redis::measure(&args.dir, timing.peer)?;
    match &redis {
        Some(figures) => ratios.add("P7_redis", http.durable / figures.per_second),
        None => say("Redis is not installed: apt-get install redis-server redis-tools"),
    }
    Ok(json!({"postgres": postgres, "redis": redis}))
}

/// The ratios, and the figures that they are made of.
fn show(machine: &Machine, ratios: &Ratios, raw: &Value, http: &OverHttp) {
    report::print(&format!("{machine}\n\n{}\n", ratios.table()));
    let mut table = Table::new(&["figure", "value"]);
    let mut rows = Vec::new();
    flatten("", raw, &mut rows);
    for (name, value) in rows {
        table.row(vec![name, value]);
    }
    report::print(&format!("{table}\n"));
    let mut curve = Table::new(&["offered/s", "p50", "p99", "p99.9", "max"]);
    for point in &http.curve {
        let latency = point.latency;
        curve.row(vec![
            count(point.offered),
            micros(latency.p50_us),
            micros(latency.p99_us),
            micros(latency.p999_us),
            micros(latency.max_us),
        ]);
    }
    report::print(&curve.to_string());
}

/// Every number of a tree with the path to it; lists are left to `--json`, but for the throughput.
fn flatten(path: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    let join = |name: &str| match path {
        "" => name.to_owned(),
        _ => format!("{path}.{name}"),
    };
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                flatten(&join(name), member, rows);
            }
        }
        Value::Array(items) if path.ends_with("throughput") => {
            for item in items {
                let connections = item["connections"].as_u64().unwrap_or_default();
                flatten(&join(&connections.to_string()), item, rows);
            }
        }
        Value::Number(number) => {
            rows.push((path.to_owned(), count(number.as_f64().unwrap_or_default())));
        }
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_shown_with_the_path_to_them() {
        let raw = json!({"a": {"b": 1_500, "c": "x"}, "throughput": [{"connections": 64, "d": 2}]});
        let mut rows = Vec::new();
        flatten("", &raw, &mut rows);
        let shown: Vec<String> = rows
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            shown,
            [
                "a.b=1 500",
                "throughput.64.connections=64",
                "throughput.64.d=2"
            ]
        );
    }
}
