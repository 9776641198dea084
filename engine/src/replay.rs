//! Log → rows and keys, in parallel, by the same `apply` as live.
//!
//! ```text
//! round r:  worker 0 scans chunk rW      worker 1 scans chunk rW+1     (checksums, decode)
//!           worker 0 applies part 0 of both, worker 1 part 1 of both    (in LSN order)
//! ```
//! An entity belongs to one part, so its events meet one worker in their order; events of several
//! entities are applied role by role. Each worker scans one round ahead of what it applies, so that nobody waits for
//! another's hiccups; memory is bounded by the chunks of three rounds.

mod part;
mod turns;

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use thiserror::Error;

use self::part::Part;
use self::turns::{ROUNDS_HELD, Turns};
use crate::domain::{Digest, EntityId, Event, Role, Timestamp};
use crate::entities::{EntityState, KeyTable, Table, part_of};
use crate::journal::frame::KIND_JOURNAL_MIN;
use crate::journal::{ActRef, Chunk, JournalError, Lsn, ScanError};
use crate::record::{self, Content, IdempotencyKey, Senseless};

/// Where replay puts what it finds.
pub(crate) struct Target<'a> {
    pub(crate) table: &'a Table,
    pub(crate) keys: &'a KeyTable,
    /// Keys of records before this instant are past their window.
    pub(crate) keys_from_us: i64,
}

/// What replay found.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Replayed {
    /// Acts read.
    pub(crate) acts: u64,
    /// Largest entity id seen.
    pub(crate) largest_id: u64,
    /// What the events change in the digest of the state before them.
    pub(crate) digest: Digest,
}

/// Why replay stopped.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// The journal is damaged.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An act makes no sense.
    #[error(transparent)]
    Act(#[from] Senseless),
}

/// One chunk, decoded.
#[derive(Default)]
struct Decoded {
    acts: Vec<Act>,
    /// For each part the roles its entities play: index into `acts`, entity, role.
    parts: Vec<Vec<(u32, EntityId, Role)>>,
}

struct Act {
    lsn: Lsn,
    last_lsn: Lsn,
    time_us: i64,
    event: Event,
}

/// What the workers share.
struct Rounds<'a> {
    chunks: &'a [Chunk],
    target: &'a Target<'a>,
    /// For each worker the chunks of the rounds that are held, in turn.
    decoded: Vec<[RwLock<Decoded>; ROUNDS_HELD]>,
    turns: Turns<ReplayError>,
    acts: AtomicU64,
    largest_id: AtomicU64,
    digest: Mutex<Digest>,
}

/// Replays all chunks with so many workers.
pub(crate) fn replay(
    chunks: &[Chunk],
    workers: usize,
    target: &Target<'_>,
) -> Result<Replayed, ReplayError> {
    let rounds = Rounds {
        chunks,
        target,
        decoded: (0..workers).map(|_| Default::default()).collect(),
        turns: Turns::new(workers),
        acts: AtomicU64::new(0),
        largest_id: AtomicU64::new(0),
        digest: Mutex::new(Digest::default()),
    };
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let rounds = &rounds;
            scope.spawn(move || rounds.work(worker));
        }
    });
    match rounds.turns.into_failure() {
        Some(error) => Err(error),
        None => Ok(Replayed {
            acts: rounds.acts.into_inner(),
            largest_id: rounds.largest_id.into_inner(),
            digest: rounds.digest.into_inner(),
        }),
    }
}

// === impl Rounds ===

impl Rounds<'_> {
    fn work(&self, worker: usize) {
        let workers = self.decoded.len();
        let mut part = Part::new(self.target.table.hold(worker, workers));
        let rounds = self.chunks.len().div_ceil(workers);
        for ahead in 0..=rounds {
            if ahead < rounds && !self.scan_round(worker, ahead) {
                return;
            }
            let Some(round) = ahead.checked_sub(1) else {
                continue;
            };
            if !self.turns.may_apply(round) {
                return;
            }
            for decoded in &self.decoded {
                let decoded = decoded[round % ROUNDS_HELD].read();
                // A round that the log ends in has no chunk for everybody.
                let roles = decoded.parts.get(worker).map_or(&[][..], Vec::as_slice);
                if let Err(error) = part.apply(roles, &decoded.acts) {
                    self.turns.apply_failed(round, error.lsn(), error.into());
                    break;
                }
            }
            self.turns.applied(worker);
        }
        let (digest, largest_id) = part.finish();
        self.digest.lock().add(digest);
        self.largest_id.fetch_max(largest_id, Ordering::Relaxed);
    }

    /// Scans a worker's chunk of a round, once nobody needs its buffer any more. `false`: the replay has failed.
    fn scan_round(&self, worker: usize, round: usize) -> bool {
        if !self.turns.may_scan(round) {
            return false;
        }
        let workers = self.decoded.len();
        let mut decoded = self.decoded[worker][round % ROUNDS_HELD].write();
        decoded.clear(workers);
        if let Some(chunk) = self.chunks.get(round * workers + worker)
            && let Err(error) = self.scan(chunk, &mut decoded)
        {
            self.turns.scan_failed(round, error.lsn(), error);
        }
        drop(decoded);
        self.turns.scanned(worker);
        true
    }

    fn scan(&self, chunk: &Chunk, decoded: &mut Decoded) -> Result<(), ReplayError> {
        let mut acts = 0;
        let scanned = chunk.scan(|act: ActRef<'_>| {
            acts += 1;
            self.decode(&act, decoded)
        });
        scanned.map_err(|error| match error {
            ScanError::Journal(error) => ReplayError::Journal(error),
            ScanError::Each(error) => error,
        })?;
        self.acts.fetch_add(acts, Ordering::Relaxed);
        Ok(())
    }

    fn decode(&self, act: &ActRef<'_>, decoded: &mut Decoded) -> Result<(), ReplayError> {
        let lsn = act.lsn;
        if act.kind >= KIND_JOURNAL_MIN {
            return Ok(());
        }
        let read = record::decode(act.kind, act.schema, act.body);
        let record = read.map_err(|error| Senseless::Record { lsn: lsn.0, error })?;
        if let Some(key) = record.key {
            self.remember(key, lsn, act.time_us);
        }
        let Content::Event(event) = record.content else {
            return Ok(());
        };
        let at = decoded.acts.len() as u32;
        let workers = decoded.parts.len();
        for (id, role) in event.roles() {
            decoded.parts[part_of(id, workers)].push((at, id, role));
        }
        let (last_lsn, time_us) = (act.last_lsn, act.time_us);
        decoded.acts.push(Act {
            lsn,
            last_lsn,
            time_us,
            event,
        });
        Ok(())
    }

    fn remember(&self, key: IdempotencyKey, lsn: Lsn, time_us: i64) {
        if time_us >= self.target.keys_from_us {
            self.target.keys.restore(key, lsn.0, time_us);
        }
    }
}

// === impl Act ===

impl Act {
    /// Carries out one role on the entity it belongs to.
    fn apply(&self, state: &mut EntityState, role: Role) -> Result<(), Senseless> {
        let lsn = self.lsn.0;
        let applied = state.apply(role, &self.event);
        applied.map_err(|error| Senseless::Meaning { lsn, error })?;
        state.mark(self.last_lsn, Timestamp(self.time_us));
        Ok(())
    }
}

impl Decoded {
    fn clear(&mut self, workers: usize) {
        self.acts.clear();
        self.parts.resize_with(workers, Vec::new);
        self.parts.iter_mut().for_each(Vec::clear);
    }
}

// === impl ReplayError ===

impl ReplayError {
    /// Exit code of its class.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Journal(error) => error.exit_code(),
            Self::Act(error) => error.exit_code(),
        }
    }

    /// Where in the log, as far as it is known.
    fn lsn(&self) -> u64 {
        match self {
            Self::Journal(JournalError::Damage(problem)) => problem.lsn.map_or(0, |lsn| lsn.0),
            Self::Journal(_) => 0,
            Self::Act(error) => error.lsn(),
        }
    }
}
