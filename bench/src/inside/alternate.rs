//! One load on one engine, with and without something else going on, in turn.

use std::sync::Arc;
use std::time::Duration;

use engine::Engine;

use super::caller::{Phase, call};
use super::scenario::Script;
use crate::failure::Failure;
use crate::latency::Latencies;

/// Time for the callers to find their rhythm.
const WARMUP: Duration = Duration::from_millis(500);

/// Acts a second, and how long they took.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    pub(crate) acts: u64,
    pub(crate) latencies: Latencies,
}

/// Runs callers over so many wallets for a while.
pub(crate) async fn round(
    engine: &Engine,
    wallets: u64,
    callers: usize,
    duration: Duration,
) -> Result<Round, Failure> {
    let phase = Arc::new(Phase::default());
    let start = |seed: usize| {
        let script = Script::over(wallets, seed as u64);
        tokio::spawn(call(engine.clone(), script, Arc::clone(&phase)))
    };
    let tasks: Vec<_> = (0..callers).map(start).collect();
    tokio::time::sleep(WARMUP).await;
    phase.count();
    tokio::time::sleep(duration).await;
    phase.end();
    let mut round = Round {
        acts: 0,
        latencies: Latencies::new(),
    };
    for task in tasks {
        let done = task.await;
        let done = done.map_err(|error| Failure::Engine(format!("lost a caller: {error}")))?;
        round.acts += done.acts;
        for time in done.times {
            round.latencies.record(time);
        }
    }
    Ok(round)
}
