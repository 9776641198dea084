//! The thread that moves old segments into the archive while others work, and deletes what no one is to keep.
//!
//! ```text
//! a second snapshot covers more ──► enough bytes, or old enough, or asked for ──► archive, paced
//! the oldest archive file is past its retention ──► said in the log, snapshots proved ──► deleted
//! ```
//! It works an eighth of the time at the lowest priority and takes no lock that an actor takes. What may move is
//! decided by the journal; here it is only decided when. Without a retention setting nothing is ever deleted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::background::{Desk, Due, Worker};
use crate::clock::Clock;
use crate::journal::{Archiver, CompactPlan, Compacted, Expired, JournalError, Lsn, snapshot_name};
use crate::snapshot::Snapshot;

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
    /// Archive files all of which is older are deleted; `None` = never.
    pub(crate) retain: Option<Duration>,
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
    /// Archive files deleted by the retention setting, and their bytes.
    pub deleted_files: u64,
    pub deleted_bytes: u64,
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
    /// When the last record of the oldest archive file was written, µs.
    oldest_ends_us: Option<i64>,
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
            oldest_ends_us: None,
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
        let mut look_at = Instant::now();
        loop {
            let woken = self.desk.wait(|_| match Instant::now() < look_at {
                true => Due::At(look_at),
                false => Due::Now,
            });
            let Some(asked) = woken else { return };
            if !asked.is_empty() || self.is_due() {
                asked.answer(&self.work());
            }
            look_at = Instant::now() + LOOK_EVERY;
        }
    }

    /// Whether the policy wants something done.
    fn is_due(&mut self) -> bool {
        if self.not_before.is_some_and(|at| Instant::now() < at) {
            return false;
        }
        let snapshots = self.archiver.snapshots();
        if snapshots != self.seen {
            if let Err(error) = self.look() {
                tracing::warn!(%error, "cannot tell what may be archived or deleted");
                return false;
            }
            self.seen = snapshots;
        }
        let ripe = self.policy.bytes > 0
            && (self.plan.bytes >= self.policy.bytes
                || !self.plan.leftovers.is_empty()
                || (!self.plan.segments.is_empty()
                    && self.plan.begun_us <= self.before_us(self.policy.age)));
        let expired = self.oldest_ends_us.zip(self.policy.retain);
        ripe || expired.is_some_and(|(ends_us, age)| ends_us < self.before_us(age))
    }

    /// What could be done: changes only with the snapshots, and by what is done here.
    fn look(&mut self) -> Result<(), JournalError> {
        self.plan = self.archiver.plan()?;
        self.oldest_ends_us = match self.policy.retain {
            Some(_) => self.archiver.oldest_ends_us()?,
            None => None,
        };
        Ok(())
    }

    /// So long ago.
    fn before_us(&self, age: Duration) -> i64 {
        let age_us = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        self.clock.now_us().saturating_sub(age_us)
    }

    /// Archives what may be, then deletes what is past its retention.
    fn work(&mut self) -> Answer {
        self.desk.state().running = true;
        let outcome = self.archive().and_then(|mut done| {
            done.deleted = self.retain()?;
            Ok(done)
        });
        // The plan is made again before the next attempt.
        self.seen = [0; 2];
        let mut figures = self.desk.state();
        figures.running = false;
        match outcome {
            Ok(done) => {
                figures.segments += done.segments;
                figures.bytes_before += done.bytes_before;
                figures.bytes_after += done.bytes_after;
                figures.deleted_files += done.deleted.len() as u64;
                figures.deleted_bytes += done.deleted.iter().map(|file| file.bytes).sum::<u64>();
                Ok(done)
            }
            Err(error) if self.desk.is_closing() => Err(error.to_string()),
            Err(error) => {
                figures.failures += 1;
                self.not_before = Some(Instant::now() + RETRY_AFTER);
                tracing::error!(%error, "segments not archived, or archive files not deleted: they stay as they are");
                Err(error.to_string())
            }
        }
    }

    fn archive(&mut self) -> Result<Compacted, JournalError> {
        let begun = Instant::now();
        let throttle = self.desk.throttle(REST_FOR_WORK);
        let done = self.archiver.run(&mut |_| match throttle.rest() {
            true => Ok(()),
            false => Err(JournalError::Closed),
        })?;
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

    /// Deletes nothing unless the snapshots that make it dispensable read back as they were written.
    fn retain(&self) -> Result<Vec<Expired>, JournalError> {
        let Some(age) = self.policy.retain else {
            return Ok(Vec::new());
        };
        let throttle = self.desk.throttle(REST_FOR_WORK);
        let storage = Arc::clone(self.archiver.storage());
        let mut prove = |lsn: Lsn| {
            let snapshot = Snapshot::open_past_cache(&*storage, &snapshot_name(lsn))?;
            match snapshot.verify_at(&|| throttle.rest())? {
                Some(_) => Ok(()),
                None => Err(JournalError::Closed),
            }
        };
        let done = self
            .archiver
            .retain(self.before_us(age), &mut prove, &mut tell)?;
        if !done.files.is_empty() {
            tracing::warn!(
                files = done.files.len(),
                bytes = done.bytes(),
                begins_lsn = done.begins.0,
                "archive files deleted by the retention setting: the log begins later now"
            );
        }
        Ok(done.files)
    }
}

/// Says what is about to be deleted, so that the log of the server tells where history went.
fn tell(file: &Expired) {
    tracing::warn!(
        file = file.file,
        first_lsn = file.first_lsn.0,
        last_lsn = file.last_lsn.0,
        first_us = file.first_us,
        last_us = file.last_us,
        bytes = file.bytes,
        "an archive file is past its retention and is deleted"
    );
}
