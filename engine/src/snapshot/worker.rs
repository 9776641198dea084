//! The background worker: one thread that makes snapshots while others work, and never holds anybody up.
//!
//! ```text
//! publisher ── a segment is sealed, digest so far ──► waypoints ──► enough bytes? asked for? ──► create, paced
//! ```
//! It runs a tenth of the time and rests for the remainder, at the lowest priority, so that two cores under full
//! load notice little of it. It takes no lock that an actor takes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::read::Snapshot;
use super::switch::{CreateError, Made, Terms, create};
use crate::background::{Desk, Due, Worker};
use crate::domain::Digest;
use crate::journal::{JournalError, Lsn, Sealed, Storage, StoreMeta, snapshot_name};

/// Rest for each moment of work: the worker takes a tenth of a core at most. At a quarter of one, callers on two busy
/// cores got a seventh less done.
const REST_FOR_WORK: u32 = 9;

/// Digests remembered at ends of segments, 64 KiB in all. A snapshot is made long before so many are sealed.
const WAYPOINTS_MAX: usize = 2_048;

/// Longest pause after a snapshot that failed: a full disk may have room again.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// What was made; `None` if there was nothing new to cover; or why nothing was made.
type Answer = Result<Option<Made>, String>;

/// What the worker is started with.
pub(crate) struct Setup {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) meta: Arc<StoreMeta>,
    pub(crate) key_window_us: i64,
    /// Sealed bytes after which a snapshot is made; 0 = only when asked.
    pub(crate) every_bytes: u64,
    /// The newest sound snapshot.
    pub(crate) newest: Lsn,
    /// Sealed bytes behind it.
    pub(crate) behind_bytes: u64,
}

/// Snapshots of a running engine. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Snapshots {
    desk: Desk<State, Answer>,
}

/// Ends the thread when it goes away.
pub(crate) struct SnapshotWorker {
    worker: Worker<State, Answer>,
}

#[derive(Default)]
struct State {
    /// (last LSN of a segment, digest of what was served then), ascending.
    waypoints: VecDeque<(u64, Digest)>,
    sealed_bytes: u64,
    figures: SnapshotFigures,
}

/// Counters and gauges of the worker.
#[derive(Clone, Copy, Debug, Default)]
pub struct SnapshotFigures {
    /// Last LSN that the newest snapshot covers; 0 = none.
    pub lsn: u64,
    /// Bytes of the newest one made since the start.
    pub bytes: u64,
    /// Seconds from the first byte read to the last one verified.
    pub seconds: f64,
    /// Made since the start.
    pub made: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Attempts whose digest was not that of what is served.
    pub mismatches: u64,
    /// Whether one is being made.
    pub running: bool,
    /// Sealed bytes that no snapshot covers.
    pub behind_bytes: u64,
}

// === impl Snapshots ===

impl Snapshots {
    /// Counters and gauges.
    pub(crate) fn figures(&self) -> SnapshotFigures {
        let state = self.desk.state();
        SnapshotFigures {
            behind_bytes: state.sealed_bytes,
            ..state.figures
        }
    }

    /// Remembers what was served when the segment that ends here was sealed.
    pub(crate) fn sealed(&self, last: u64, bytes: u64, digest: Digest) {
        let mut state = self.desk.state();
        if state.waypoints.len() == WAYPOINTS_MAX {
            state.waypoints.pop_front();
        }
        state.waypoints.push_back((last, digest));
        state.sealed_bytes += bytes;
        self.desk.call();
    }

    /// Asks for a snapshot now. The answer is what was made; `None` if there is nothing new to cover.
    pub(crate) fn ask(&self) -> oneshot::Receiver<Answer> {
        self.desk.ask()
    }

    fn digest_at(&self, lsn: Lsn) -> Option<Digest> {
        let state = self.desk.state();
        let mut known = state.waypoints.iter();
        known
            .find(|(at, _)| *at == lsn.0)
            .map(|(_, digest)| *digest)
    }
}

// === impl SnapshotWorker ===

impl SnapshotWorker {
    /// Starts the thread. `last` and `digest` are the end of the log and what is served now.
    pub(crate) fn start(
        setup: Setup,
        last: Lsn,
        digest: Digest,
    ) -> std::io::Result<(Self, Snapshots)> {
        let state = State {
            waypoints: VecDeque::from([(last.0, digest)]),
            sealed_bytes: setup.behind_bytes,
            figures: SnapshotFigures {
                lsn: setup.newest.0,
                ..SnapshotFigures::default()
            },
        };
        let snapshots = Snapshots {
            desk: Desk::new(state),
        };
        let own = snapshots.clone();
        let worker = Worker::start("snapshots", &snapshots.desk, move || own.run(&setup))?;
        Ok((Self { worker }, snapshots))
    }

    /// Calls off what is being made. Blocks for a few milliseconds at most.
    pub(crate) fn stop(&self) {
        self.worker.stop();
    }
}

// === the thread ===

impl Snapshots {
    fn run(&self, setup: &Setup) {
        let mut retry_at: Option<Instant> = None;
        while let Some(asked) = self.desk.wait(|state| due(state, setup, retry_at)) {
            self.desk.state().figures.running = true;
            let begun = Instant::now();
            let outcome = self.make(setup);
            let told = self.note(&outcome, begun.elapsed());
            retry_at = outcome.is_err().then(|| Instant::now() + RETRY_AFTER);
            asked.answer(&told);
        }
    }

    fn make(&self, setup: &Setup) -> Result<Option<Made>, CreateError> {
        let storage = &setup.storage;
        let newest = Lsn(self.desk.state().figures.lsn);
        let previous = match newest {
            Lsn(0) => None,
            lsn => Some(open_at(storage, lsn).map_err(CreateError::Previous)?),
        };
        let base = previous.as_ref().map(Snapshot::base);
        let sealed = Sealed::behind(storage, base).map_err(CreateError::Log)?;
        if sealed.is_empty() {
            return Ok(None);
        }
        let throttle = self.desk.throttle(REST_FOR_WORK);
        let terms = Terms {
            key_window_us: setup.key_window_us,
            pace: &|| throttle.rest(),
            live: &|lsn| self.digest_at(lsn),
        };
        create(storage, &setup.meta, &sealed, previous.as_ref(), &terms).map(Some)
    }

    /// Counts and logs an outcome. Gives what whoever asked is told.
    fn note(&self, outcome: &Result<Option<Made>, CreateError>, took: Duration) -> Answer {
        let mut state = self.desk.state();
        state.figures.running = false;
        match outcome {
            Ok(None) => Ok(None),
            Ok(Some(made)) => {
                state.figures.lsn = made.lsn.0;
                state.figures.bytes = made.bytes;
                state.figures.seconds = took.as_secs_f64();
                state.figures.made += 1;
                state.sealed_bytes = 0;
                state.waypoints.retain(|(lsn, _)| *lsn > made.lsn.0);
                tracing::info!(
                    file = made.name,
                    bytes = made.bytes,
                    rows = made.tally.rows,
                    keys = made.tally.keys,
                    seconds = took.as_secs_f64(),
                    compared = made.compared,
                    "snapshot made"
                );
                Ok(Some(made.clone()))
            }
            Err(error) if self.desk.is_closing() => Err(error.to_string()),
            Err(error) => {
                state.figures.failures += 1;
                state.figures.mismatches += u64::from(error.is_mismatch());
                tracing::error!(%error, "no snapshot made, the older ones stay");
                Err(error.to_string())
            }
        }
    }
}

/// When a snapshot is due that nobody asks for.
fn due(state: &State, setup: &Setup, retry_at: Option<Instant>) -> Due {
    if setup.every_bytes == 0 || state.sealed_bytes < setup.every_bytes {
        return Due::Never;
    }
    match retry_at.filter(|at| Instant::now() < *at) {
        Some(at) => Due::At(at),
        None => Due::Now,
    }
}

fn open_at(storage: &Arc<dyn Storage>, lsn: Lsn) -> Result<Snapshot, JournalError> {
    let name = snapshot_name(lsn);
    Snapshot::open(&**storage, &name)
}
