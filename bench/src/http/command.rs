//! `http`: one run of requests against a server, closed or open loop.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::{
    Child, ChildOptions, NOOP_FLAG, Outcome, Pace, Plan, create_wallets, drive_threads, program,
};
use crate::failure::{Doing, Failure};
use crate::machine::Machine;
use crate::report::{self, Table, count, micros, progress};
use crate::scratch;
use crate::traffic::{Bulk, FUNDING, Mix, Noop, Single, Traffic, WALLETS_MAX, Wallets};

/// Drives a server over HTTP; starts one unless told a target.
#[derive(Args, Debug)]
pub(crate) struct HttpArgs {
    /// Server under load, as host:port; none = start one with an empty store.
    #[arg(long)]
    target: Option<String>,
    /// Connections.
    #[arg(long, short, default_value_t = 64)]
    connections: usize,
    /// Requests a second (open loop); none = as fast as the server answers (closed loop).
    #[arg(long)]
    rate: Option<f64>,
    /// Seconds that count.
    #[arg(long, short, default_value_t = 10.0)]
    seconds: f64,
    /// Seconds before the first request that counts.
    #[arg(long, default_value_t = 1.0)]
    warmup: f64,
    /// Operations and their weights, as in earn=45,use=45,transfer=10; also charge and read; none =
    /// as many earns as uses.
    #[arg(long)]
    mix: Option<Mix>,
    /// Operations in a request; 0 = single requests.
    #[arg(long, default_value_t = 0)]
    bulk: usize,
    /// Send an Idempotency-Key with every single request.
    #[arg(long, conflicts_with = "bulk")]
    keyed: bool,
    /// Wallets; they are created and funded first.
    #[arg(long, default_value_t = 10_000)]
    wallets: u64,
    /// How much some wallets are preferred: 0 = not at all, 1 = by Zipf's law.
    #[arg(long, default_value_t = 0.0)]
    skew: f64,
    /// Do not create the wallets: they are there from an earlier run.
    #[arg(long)]
    no_create: bool,
    /// Ask the route that does nothing instead: what HTTP alone costs.
    #[arg(long)]
    noop: bool,
    /// Threads that send.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Seed of everything drawn at random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Directory in which the started server keeps its store.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Program of the server; none = the one beside this program.
    #[arg(long)]
    server: Option<PathBuf>,
    /// More arguments for the started server.
    #[arg(long, allow_hyphen_values = true, num_args = 1)]
    server_arg: Vec<String>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &HttpArgs) -> Result<(), Failure> {
    args.check()?;
    let scratch = scratch::directory(&args.dir)?;
    let child = match &args.target {
        Some(_) => None,
        None => {
            let program = program("scrip-server", args.server.as_deref())?;
            let mut options =
                ChildOptions::new(program, scratch.path().join("store")).with(&[NOOP_FLAG]);
            options.arguments.extend(args.server_arg.iter().cloned());
            Some(options.start()?)
        }
    };
    let address = match (&child, &args.target) {
        (Some(child), _) => child.address,
        (None, target) => resolve(target.as_deref().unwrap_or_default())?,
    };
    if !args.no_create && !args.noop {
        create_wallets(address, args.wallets, FUNDING)?;
    }
    let plan = args.plan(address);
    let used = child.as_ref().map(Child::processor_time).transpose()?;
    let bar = progress("running", args.expected());
    let traffics: Vec<Box<dyn Traffic>> = (0..args.threads)
        .map(|thread| args.traffic(thread))
        .collect();
    let outcome = drive_threads(plan, traffics, &bar)?;
    bar.finish_and_clear();
    let used = match (&child, used) {
        (Some(child), Some(before)) => Some(child.processor_time()? - before),
        _ => None,
    };
    args.show(&outcome, used);
    match child {
        Some(child) => child.stop(),
        None => Ok(()),
    }
}

fn resolve(target: &str) -> Result<SocketAddr, Failure> {
    let target = target.trim_start_matches("http://").trim_end_matches('/');
    let mut found = target
        .to_socket_addrs()
        .doing(|| format!("find {target}"))?;
    let address = found.next();
    address.ok_or_else(|| Failure::Usage(format!("{target} has no address")))
}

// === impl HttpArgs ===

impl HttpArgs {
    fn check(&self) -> Result<(), Failure> {
        let told = |message: &str| Err(Failure::Usage(message.to_owned()));
        if self.connections == 0 || self.threads == 0 || self.threads > self.connections {
            return told("there must be at least one connection for each thread");
        }
        if self.wallets == 0 || self.wallets > WALLETS_MAX {
            return told("--wallets must be 1…8 999 999");
        }
        if self.rate.is_some_and(|rate| rate.is_nan() || rate <= 0.0) {
            return told("--rate must be above 0");
        }
        Ok(())
    }

    fn plan(&self, address: SocketAddr) -> Plan {
        Plan {
            address,
            connections: self.connections,
            pace: self.rate.map_or(Pace::Closed, Pace::Open),
            warmup: Duration::from_secs_f64(self.warmup),
            duration: Duration::from_secs_f64(self.seconds),
        }
    }

    /// Operations that an open loop should carry out; a closed loop has no such number.
    fn expected(&self) -> u64 {
        let rate = self.rate.unwrap_or(0.0);
        (rate * self.seconds) as u64 * self.bulk.max(1) as u64
    }

    fn traffic(&self, thread: usize) -> Box<dyn Traffic> {
        let seed = self
            .seed
            .wrapping_mul(1_000_003)
            .wrapping_add(thread as u64);
        let wallets = Wallets::new(self.wallets, self.skew);
        let mix = self.mix.clone().unwrap_or_else(Mix::earn_and_use);
        if self.noop {
            Box::new(Noop::new())
        } else if self.bulk > 0 {
            Box::new(Bulk::new(&wallets, &mix, self.bulk, seed))
        } else {
            Box::new(Single::new(wallets, mix, self.keyed, seed))
        }
    }

    fn show(&self, outcome: &Outcome, used: Option<Duration>) {
        let machine = Machine::look(&self.dir);
        let latency = outcome.latency.quantiles();
        let cost = used.map(|used| {
            let all = self.seconds + self.warmup;
            let operations = outcome.operations_per_second() * all;
            used.as_secs_f64() * 1_000_000.0 / operations.max(1.0)
        });
        if self.json {
            report::print_json(&json!({
                "machine": machine,
                "requests_per_second": outcome.requests_per_second(),
                "operations_per_second": outcome.operations_per_second(),
                "latency": latency,
                "refused": outcome.refused,
                "unsent": outcome.unsent,
                "server_cpu_us_per_operation": cost,
            }));
            return;
        }
        let mut table = Table::new(&["", "value"]);
        let mut row = |name: &str, value: String| table.row(vec![name.to_owned(), value]);
        row("requests/s", count(outcome.requests_per_second()));
        row("operations/s", count(outcome.operations_per_second()));
        row("latency p50", micros(latency.p50_us));
        row("latency p99", micros(latency.p99_us));
        row("latency p99.9", micros(latency.p999_us));
        row("latency max", micros(latency.max_us));
        if let Some(cost) = cost {
            row("server CPU per operation", micros(cost));
        }
        if outcome.unsent > 0 {
            row("requests that never started", count(outcome.unsent as f64));
        }
        for (code, times) in &outcome.refused {
            row(&format!("refused: {code}"), count(*times as f64));
        }
        report::print(&format!("{machine}\n{table}"));
    }
}
