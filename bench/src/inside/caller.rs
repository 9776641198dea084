//! One caller: submits, waits for the receipt, submits again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use engine::Engine;
use engine::Request;

use super::scenario::Script;

/// One act in so many is timed: a clock reading for each would be a cost of its own.
const TIMED_EVERY: u64 = 16;

/// What all callers look at.
#[derive(Debug, Default)]
pub(crate) struct Phase(AtomicU8);

const WARMUP: u8 = 0;
const COUNTING: u8 = 1;
const OVER: u8 = 2;

/// What one caller did while it counted.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) acts: u64,
    pub(crate) times: Vec<Duration>,
    pub(crate) refused: BTreeMap<String, u64>,
}

/// Submits until the phase is over.
pub(crate) async fn call(engine: Engine, mut script: Script, phase: Arc<Phase>) -> Done {
    let mut done = Done::default();
    for round in 0_u64.. {
        let begun = round.is_multiple_of(TIMED_EVERY).then(Instant::now);
        let request = Request {
            command: script.next(),
            key: None,
        };
        let outcome = engine.submit(request).await;
        match phase.0.load(Ordering::Relaxed) {
            WARMUP => {}
            COUNTING => match outcome {
                Ok(_) => {
                    done.acts += 1;
                    done.times.extend(begun.map(|begun| begun.elapsed()));
                }
                Err(refusal) => *done.refused.entry(refusal.to_string()).or_default() += 1,
            },
            _ => break,
        }
    }
    done
}

// === impl Phase ===

impl Phase {
    pub(crate) fn count(&self) {
        self.0.store(COUNTING, Ordering::Relaxed);
    }

    pub(crate) fn end(&self) {
        self.0.store(OVER, Ordering::Relaxed);
    }
}
