//! Requests that start by the clock, whether the ones before are answered or not, each timed from when it was to start.
//!
//! ```text
//! 0 ── 1/rate ── 2/rate ── …     late start, late answer: both count
//! ```
//! A server that stands still for 50 ms is late for every request of those 50 ms.

use std::time::{Duration, Instant};

use engine::{Engine, Request};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::failure::Failure;
use crate::inside::Script;
use crate::latency::{Latencies, Quantiles};
use crate::report::{Table, count, micros};

/// Requests at once that a runtime's timer can still be blamed for.
const TICK: Duration = Duration::from_millis(1);

/// A stretch of traffic.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Stretch {
    pub(crate) acts: u64,
    pub(crate) seconds: f64,
    pub(crate) latency: Quantiles,
}

/// Starts requests by the clock, on the first so many wallets, until something has come to its end.
pub(crate) async fn traffic(
    engine: &Engine,
    wallets: u64,
    rate: u64,
    end: impl Future<Output = ()>,
) -> Result<Stretch, Failure> {
    tokio::pin!(end);
    let mut script = Script::over(wallets, 1);
    let mut answers = JoinSet::new();
    let (mut latencies, mut acts) = (Latencies::new(), 0);
    let begun = Instant::now();
    let mut ticks = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            () = &mut end => break,
            _ = ticks.tick() => {}
        }
        while begun.elapsed().as_secs_f64() * rate as f64 > acts as f64 {
            let start = begun + Duration::from_secs_f64(acts as f64 / rate as f64);
            let answer = engine.submit(Request {
                command: script.next(),
                key: None,
            });
            answers.spawn(async move { answer.await.map(|_| start.elapsed()) });
            acts += 1;
        }
        while let Some(answered) = answers.try_join_next() {
            latencies.record(took(answered)?);
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    while let Some(answered) = answers.join_next().await {
        latencies.record(took(answered)?);
    }
    Ok(Stretch {
        acts,
        seconds,
        latency: latencies.quantiles(),
    })
}

/// What callers noticed: a row for each stretch.
pub(crate) fn table(stretches: [(&str, Stretch); 3]) -> Table {
    let mut table = Table::new(&["", "acts", "p50", "p99", "p99.9", "latest"]);
    for (name, stretch) in stretches {
        let took = stretch.latency;
        let times = [took.p50_us, took.p99_us, took.p999_us, took.max_us].map(micros);
        let cells = [name.to_owned(), count(stretch.acts as f64)];
        table.row(cells.into_iter().chain(times).collect());
    }
    table
}

type Answered = Result<Result<Duration, engine::Refusal>, tokio::task::JoinError>;

fn took(answered: Answered) -> Result<Duration, Failure> {
    let answered = answered.map_err(|error| Failure::Engine(format!("lost a caller: {error}")))?;
    answered.map_err(|refusal| Failure::Engine(format!("refused a command: {refusal}")))
}
