//! The thread that moves old segments into the archive while others work.
//!
//! ```text
//! a second snapshot covers more ──► enough bytes, or old enough, or asked for ──► archive, paced
//! ```
//! It works an eighth of the time at the lowest priority and takes no lock that an actor takes. What may move is
//! decided by the journal; here it is only decided when.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::journal::{Archiver, CompactPlan, Compacted, JournalError};

/// How often the thread looks whether there is something to do: a look is one comparison.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Rest for each moment of work: the thread takes an eighth of a core at most.
const REST_FOR_WORK: u32 = 7;

/// Longest rest at once: however long a slow disk kept it, the thread goes on.
const REST_MAX: Duration = Duration::from_millis(200);

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
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    stop: AtomicBool,
}

#[derive(Default)]
struct State {
    asked: Vec<oneshot::Sender<Answer>>,
    figures: CompactionFigures,
}

/// What the thread owns.
struct Work {
    shared: Arc<Shared>,
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
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            wake: Condvar::new(),
            stop: AtomicBool::new(false),
        });
        let mut work = Work {
            shared: Arc::clone(&shared),
            archiver,
            policy,
            clock,
            seen: [0; 2],
            plan: CompactPlan::default(),
            not_before: None,
        };
        let thread = std::thread::Builder::new()
            .name("archive".to_owned())
            .spawn(move || work.run())?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Counters and gauges.
    pub(crate) fn figures(&self) -> CompactionFigures {
        self.shared.state.lock().figures
    }

    /// Archives now whatever may be archived.
    pub(crate) fn ask(&self) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        self.shared.state.lock().asked.push(sender);
        self.shared.wake.notify_all();
        receiver
    }

    /// Calls off what is being done and waits for the thread to end. What is half done is no loss: the next run begins
    /// it anew.
    pub(crate) fn stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
        // Under the lock, so that a thread about to sleep hears it.
        drop(self.shared.state.lock());
        self.shared.wake.notify_all();
        if let Some(thread) = self.thread.lock().take() {
            // A panic has been reported by its own hook.
            drop(thread.join());
        }
    }
}

impl Drop for CompactionWorker {
    fn drop(&mut self) {
        self.stop();
    }
}

// === impl Work ===

impl Work {
    fn run(&mut self) {
        if let Err(error) = rustix::process::nice(19) {
            tracing::debug!(%error, "segments are archived at ordinary priority");
        }
        while let Some(asked) = self.next() {
            if asked.is_empty() && !self.is_due() {
                continue;
            }
            let told = self.archive();
            for sender in asked {
                // Whoever asked may have gone away.
                drop(sender.send(told.clone()));
            }
        }
    }

    /// Sleeps until somebody asks or it is time for a look; `None` when the engine ends.
    fn next(&self) -> Option<Vec<oneshot::Sender<Answer>>> {
        let shared = &*self.shared;
        let mut state = shared.state.lock();
        if state.asked.is_empty() && !shared.stop.load(Ordering::Acquire) {
            let _ = shared.wake.wait_for(&mut state, LOOK_EVERY);
        }
        (!shared.stop.load(Ordering::Acquire)).then(|| std::mem::take(&mut state.asked))
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
        self.shared.state.lock().figures.running = true;
        let begun = Instant::now();
        let shared = Arc::clone(&self.shared);
        let mut since = Instant::now();
        let outcome = self.archiver.run(&mut |_| {
            rest(&shared, since.elapsed());
            since = Instant::now();
            match shared.stop.load(Ordering::Acquire) {
                true => Err(JournalError::Closed),
                false => Ok(()),
            }
        });
        self.plan = CompactPlan::default();
        let mut state = self.shared.state.lock();
        state.figures.running = false;
        match outcome {
            Ok(done) => {
                state.figures.segments += done.segments;
                state.figures.bytes_before += done.bytes_before;
                state.figures.bytes_after += done.bytes_after;
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
            Err(error) if self.shared.stop.load(Ordering::Acquire) => Err(error.to_string()),
            Err(error) => {
                state.figures.failures += 1;
                self.not_before = Some(Instant::now() + RETRY_AFTER);
                // The plan is made again before the next attempt.
                self.seen = [0; 2];
                tracing::error!(%error, "segments not archived, they stay as they are");
                Err(error.to_string())
            }
        }
    }
}

/// Rests in proportion to the work just done, unless the engine ends.
fn rest(shared: &Shared, worked: Duration) {
    let until = Instant::now() + (worked * REST_FOR_WORK).min(REST_MAX);
    let mut state = shared.state.lock();
    while !shared.stop.load(Ordering::Acquire) {
        if shared.wake.wait_until(&mut state, until).timed_out() {
            break;
        }
    }
}
