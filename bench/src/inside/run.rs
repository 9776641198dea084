//! One load on one engine.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::caller::{Phase, call};
use super::scenario::{Scenario, Script, WALLETS};
use super::store::{open, options, prepare, runtime};
use crate::failure::Failure;
use crate::latency::{Latencies, Quantiles};
use crate::scratch;

/// What is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) scenario: Scenario,
    pub(crate) callers: usize,
    pub(crate) workers: usize,
    pub(crate) warmup: Duration,
    pub(crate) duration: Duration,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) scenario: Scenario,
    pub(crate) callers: usize,
    pub(crate) per_second: f64,
    pub(crate) latency: Quantiles,
    /// Records that shared one flush, on average.
    pub(crate) records_per_group: f64,
    pub(crate) refused: BTreeMap<String, u64>,
}

/// Opens a fresh store below the directory, runs the load, removes the store.
pub(crate) fn measure(directory: &Path, load: Load) -> Result<Figures, Failure> {
    let scratch = scratch::directory(directory)?;
    let runtime = runtime(load.workers)?;
    runtime.block_on(async {
        let engine = open(options(scratch.path())).await?;
        prepare(&engine, WALLETS).await?;
        let phase = Arc::new(Phase::default());
        let start = |index: usize| {
            let script = Script::new(load.scenario, index as u64);
            tokio::spawn(call(engine.clone(), script, Arc::clone(&phase)))
        };
        let callers: Vec<_> = (0..load.callers).map(start).collect();
        tokio::time::sleep(load.warmup).await;
        let (before, begun) = (engine.metrics(), Instant::now());
        phase.count();
        tokio::time::sleep(load.duration).await;
        phase.end();
        let (elapsed, after) = (begun.elapsed(), engine.metrics());
        let (mut acts, mut latencies, mut refused) = (0, Latencies::new(), BTreeMap::new());
        for caller in callers {
            let done = caller.await;
            let done = done.map_err(|error| Failure::Engine(format!("lost a caller: {error}")))?;
            acts += done.acts;
            done.times
                .into_iter()
                .for_each(|time| latencies.record(time));
            for (why, times) in done.refused {
                *refused.entry(why).or_default() += times;
            }
        }
        engine.shutdown().await;
        let groups = after.groups.saturating_sub(before.groups).max(1);
        Ok(Figures {
            scenario: load.scenario,
            callers: load.callers,
            per_second: acts as f64 / elapsed.as_secs_f64(),
            latency: latencies.quantiles(),
            records_per_group: after.records.saturating_sub(before.records) as f64 / groups as f64,
            refused,
        })
    })
}
