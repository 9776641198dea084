//! The thread that moves old segments into the archive while others work.
//!
//! ```text
//! a second snapshot covers more ──► enough bytes, or old enough, or asked for ──► archive, paced
//! ```
//! It works an eighth of the time at the lowest priority and takes no lock that an actor takes. What may move is
//! decided by the journal; here it is only decided when.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::background::{Desk, Due, Worker};
use crate::clock::Clock;
use crate::journal::{Archiver, CompactPlan, Compacted, JournalError};

/// How often the thread looks whether there is something to do: a look is one comparison.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Rest for each moment of work: the thread takes an eighth of a core at most.
const REST_FOR_WORK: u32 = 7;

/// Longest pause after a failure: a full disk may have room again.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// What was archived, or why nothing was.
type Answer = Result<Compacted, String>;

/// When segments move into the archive without being asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// So many bytes of segments that may move; 0 = only when asked.
    pub(crate) bytes: u64,
    /// Or the oldest of them was begun so long ago.
    pub(crate) age: Duration,
}

/// Counters and gauges of the archive.
#[derive(Clone, Copy, Debug, Default)]
pub struct CompactionFigures {
    /// Segments archived since the start.
    pub segments: u64,
    /// What they took on disk before, and take now.
    pub bytes_before: u64,
    pub bytes_after: u64,
    /// Attempts that failed; nothing is lost by one.
    pub failures: u64,
    /// Whether it is at work.
    pub running: bool,
}

/// The thread, and the way to it.
pub(crate) struct CompactionWorker {
    desk: Desk<CompactionFigures, Answer>,
    worker: Worker<CompactionFigures, Answer>,
}

/// What the thread owns.
struct Work {
    desk: Desk<CompactionFigures, Answer>,
    archiver: Archiver,
    policy: Policy,
    clock: Arc<dyn Clock>,
    /// The snapshots that `plan` was made by.
    seen: [u64; 2],
    plan: CompactPlan,
    not_before: Option<Instant>,
}

// === impl CompactionWorker ===

impl CompactionWorker {
    pub(crate) fn start(
        archiver: Archiver,
        policy: Policy,
        clock: Arc<dyn Clock>,
    ) -> std::io::Result<Self> {
        let desk = Desk::new(CompactionFigures::default());
        let mut work = Work {
            desk: desk.clone(),
            archiver,
            policy,
            clock,
            seen: [0; 2],
            plan: CompactPlan::default(),
            not_before: None,
        };
        let worker = Worker::start("archive", &desk, move || work.run())?;
        Ok(Self { desk, worker })
    }

    /// Counters and gauges.
    pub(crate) fn figures(&self) -> CompactionFigures {
        *self.desk.state()
    }

    /// Archives now whatever may be archived.
    pub(crate) fn ask(&self) -> oneshot::Receiver<Answer> {
        self.desk.ask()
    }

    /// Calls off what is being done. What is half done is no loss: the next run begins it anew.
    pub(crate) fn stop(&self) {
        self.worker.stop();
    }
}

// === impl Work ===

impl Work {
    fn run(&mut self) {
        loop {
            let look_at = Instant::now() + LOOK_EVERY;
            let woken = self.desk.wait(|_| match Instant::now() < look_at {
                true => Due::At(look_at),
                false => Due::Now,
            });
            let Some(asked) = woken else { return };
            if !asked.is_empty() || self.is_due() {
                asked.answer(&self.archive());
            }
        }
    }

    /// Whether the policy wants something done.
    fn is_due(&mut self) -> bool {
        if self.policy.bytes == 0 || self.not_before.is_some_and(|at| Instant::now() < at) {
            return false;
        }
        let snapshots = self.archiver.snapshots();
        if snapshots != self.seen {
            match self.archiver.plan() {
                Ok(plan) => self.plan = plan,
                Err(error) => {
                    tracing::warn!(%error, "cannot tell which segments may be archived");
                    return false;
                }
            }
            self.seen = snapshots;
        }
        let age_us = i64::try_from(self.policy.age.as_micros()).unwrap_or(i64::MAX);
        let begun_before = self.clock.now_us().saturating_sub(age_us);
        let aged = !self.plan.segments.is_empty() && self.plan.begun_us <= begun_before;
        self.plan.bytes >= self.policy.bytes || aged || !self.plan.leftovers.is_empty()
    }

    fn archive(&mut self) -> Answer {
        self.desk.state().running = true;
        let begun = Instant::now();
        let throttle = self.desk.throttle(REST_FOR_WORK);
        let outcome = self.archiver.run(&mut |_| match throttle.rest() {
            true => Ok(()),
            false => Err(JournalError::Closed),
        });
        self.plan = CompactPlan::default();
        let mut figures = self.desk.state();
        figures.running = false;
        match outcome {
            Ok(done) => {
                figures.segments += done.segments;
                figures.bytes_before += done.bytes_before;
                figures.bytes_after += done.bytes_after;
                if done.segments > 0 {
                    tracing::info!(
                        segments = done.segments,
                        last_lsn = done.last_lsn.0,
                        bytes_before = done.bytes_before,
                        bytes_after = done.bytes_after,
                        seconds = begun.elapsed().as_secs_f64(),
                        "segments archived"
                    );
                }
                Ok(done)
            }
            Err(error) if self.desk.is_closing() => Err(error.to_string()),
            Err(error) => {
                figures.failures += 1;
                self.not_before = Some(Instant::now() + RETRY_AFTER);
                // The plan is made again before the next attempt.
                self.seen = [0; 2];
                tracing::error!(%error, "segments not archived, they stay as they are");
                Err(error.to_string())
            }
        }
    }
}
