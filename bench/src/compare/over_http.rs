//! P1, P2, P3 and the curve of latency against offered rate.
//!
//! What is compared runs in turn, round by round, against the same server: a machine that slows down
//! meanwhile slows both. The no-op is also measured with one worker for each core, and the better of
//! the two shapes is what the real route is held against.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::command::Timing;
use super::ratio::{Ratios, median};
use crate::disk::{self, Way};
use crate::failure::Failure;
use crate::http::{Child, ChildOptions, NOOP_FLAG, Outcome, Pace, Plan, create_wallets, drive};
use crate::plot::Point;
use crate::report::say;
use crate::scratch;
use crate::traffic::{Bulk, FUNDING, Mix, Noop, Single, Traffic, Wallets};

/// Wallets of every load.
const WALLETS: u64 = 10_000;

/// Connections at which throughput is compared.
const CONNECTIONS: [usize; 2] = [64, 256];

/// Operations in a bulk request, and connections that send them: enough that one is always being
/// read while another is being written.
const BULK_ITEMS: usize = 8_192;
const BULK_CONNECTIONS: usize = 4;

/// What the journal writes at least.
const PAGE_BYTES: usize = 4_096;

/// Rates of the curve, as shares of what the closed loop reached with as many connections.
const CURVE: [f64; 9] = [0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.9, 1.0, 1.1];

/// The server under measurement and its twin with one worker for each core.
struct Servers {
    child: Child,
    twin: Child,
    timing: Timing,
}

/// What HTTP gave: figures beside their ratios, the curve, and durable requests a second at 64
/// connections, which the peers are held against.
pub(crate) struct OverHttp {
    pub(crate) raw: Value,
    pub(crate) curve: Vec<Point>,
    pub(crate) durable: f64,
}

pub(crate) fn measure(
    directory: &Path,
    program: &Path,
    cores: usize,
    timing: Timing,
    ratios: &mut Ratios,
) -> Result<OverHttp, Failure> {
    let scratch = scratch::directory(directory)?;
    let start = |name: &str, arguments: &[&str]| {
        let options = ChildOptions::new(program.to_owned(), scratch.path().join(name));
        options.with(&[NOOP_FLAG]).with(arguments).start()
    };
    let servers = Servers {
        child: start("store", &[])?,
        twin: start("twin", &["--workers", &cores.to_string()])?,
        timing,
    };
    create_wallets(servers.child.address, WALLETS, FUNDING)?;
    create_wallets(servers.twin.address, WALLETS, FUNDING)?;

    say("one connection: raw flush, no-op, durable");
    let latency = servers.latency(directory, ratios)?;
    let (mut throughput, mut durable) = (Vec::new(), Vec::new());
    for connections in CONNECTIONS {
        say(&format!(
            "{connections} connections: no-op and durable in turn"
        ));
        let (figures, per_second) = servers.throughput(connections, ratios)?;
        throughput.push(figures);
        durable.push(per_second);
    }
    say("bulk");
    let bulk = servers.bulk(ratios)?;
    say("latency against offered rate");
    let curve = servers.curve(durable[0])?;
    let Servers { child, twin, .. } = servers;
    child.stop()?;
    twin.stop()?;
    Ok(OverHttp {
        raw: json!({"one_connection": latency, "throughput": throughput, "bulk": bulk, "curve": curve}),
        curve,
        durable: durable[0],
    })
}

fn single(seed: u64) -> Single {
    Single::new(Wallets::new(WALLETS, 0.0), Mix::earn_and_use(), false, seed)
}

// === impl Servers ===

impl Servers {
    /// One closed-loop run.
    fn round(
        &self,
        child: &Child,
        connections: usize,
        traffic: &mut dyn Traffic,
    ) -> Result<Outcome, Failure> {
        self.paced(child, connections, Pace::Closed, self.timing.round, traffic)
    }

    fn paced(
        &self,
        child: &Child,
        connections: usize,
        pace: Pace,
        duration: Duration,
        traffic: &mut dyn Traffic,
    ) -> Result<Outcome, Failure> {
        let plan = Plan {
            address: child.address,
            connections,
            pace,
            warmup: self.timing.warmup,
            duration,
        };
        let outcome = drive(plan, traffic, &indicatif::ProgressBar::hidden())?;
        match (pace, outcome.refused.is_empty()) {
            (Pace::Closed, false) => {
                let refused = &outcome.refused;
                Err(Failure::Server(format!(
                    "refused what it must not: {refused:?}"
                )))
            }
            _ => Ok(outcome),
        }
    }

    fn latency(&self, directory: &Path, ratios: &mut Ratios) -> Result<Value, Failure> {
        let (mut flushes, mut noops, mut durables) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..self.timing.rounds {
            let flush = disk::measure(directory, Way::Overwrite, PAGE_BYTES, self.timing.round)?;
            flushes.push(flush.latency.p50_us);
            let noop = self.round(&self.child, 1, &mut Noop::new())?;
            noops.push(noop.latency.quantiles().p50_us);
            let durable = self.round(&self.child, 1, &mut single(round))?;
            durables.push(durable.latency.quantiles().p50_us);
        }
        let (flush, noop, durable) = (median(&flushes), median(&noops), median(&durables));
        ratios.add("P2", durable / (flush + noop));
        Ok(json!({
            "raw_flush_p50_us": flush,
            "noop_p50_us": noop,
            "durable_p50_us": durable,
        }))
    }

    fn throughput(&self, connections: usize, ratios: &mut Ratios) -> Result<(Value, f64), Failure> {
        let (mut noops, mut twins, mut durables) = (Vec::new(), Vec::new(), Vec::new());
        let (mut used, mut carried_out) = (Duration::ZERO, 0.0);
        for round in 0..self.timing.rounds {
            let noop = self.round(&self.child, connections, &mut Noop::new())?;
            noops.push(noop.requests_per_second());
            let twin = self.round(&self.twin, connections, &mut Noop::new())?;
            twins.push(twin.requests_per_second());
            let before = self.child.processor_time()?;
            let durable = self.round(&self.child, connections, &mut single(round))?;
            used += self.child.processor_time()? - before;
            let time = self.timing.warmup + self.timing.round;
            carried_out += durable.operations_per_second() * time.as_secs_f64();
            durables.push(durable.operations_per_second());
        }
        let (noop, twin, durable) = (median(&noops), median(&twins), median(&durables));
        let ratio = durable / noop.max(twin);
        ratios.add(
            if connections == CONNECTIONS[0] {
                "P1_64"
            } else {
                "P1_256"
            },
            ratio,
        );
        let figures = json!({
            "connections": connections,
            "noop_per_second": noop,
            "noop_per_second_worker_per_core": twin,
            "durable_per_second": durable,
            "durable_per_second_rounds": durables,
            "server_cpu_us_per_durable_request": used.as_secs_f64() * 1e6 / carried_out,
        });
        Ok((figures, durable))
    }

    fn bulk(&self, ratios: &mut Ratios) -> Result<Value, Failure> {
        let (mut rates, mut latency) = (Vec::new(), Value::Null);
        for round in 0..self.timing.rounds {
            let wallets = Wallets::new(WALLETS, 0.0);
            let mut traffic = Bulk::new(&wallets, &Mix::earn_and_use(), BULK_ITEMS, round);
            let outcome = self.round(&self.child, BULK_CONNECTIONS, &mut traffic)?;
            rates.push(outcome.operations_per_second());
            latency = json!(outcome.latency.quantiles());
        }
        ratios.add("P3_ops", median(&rates));
        Ok(json!({
            "connections": BULK_CONNECTIONS,
            "operations_per_request": BULK_ITEMS,
            "operations_per_second": median(&rates),
            "request_latency": latency,
        }))
    }

    fn curve(&self, reached: f64) -> Result<Vec<Point>, Failure> {
        let mut points = Vec::new();
        for (at, share) in CURVE.into_iter().enumerate() {
            let offered = (reached * share).max(1.0);
            let (pace, mut traffic) = (Pace::Open(offered), single(at as u64));
            let duration = self.timing.curve;
            let outcome = self.paced(&self.child, CONNECTIONS[0], pace, duration, &mut traffic)?;
            points.push(Point {
                offered,
                latency: outcome.latency.quantiles(),
            });
        }
        Ok(points)
    }
}
