//! Opening: lock and judge the directory, replay, start.

mod begin;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use self::begin::{Begun, begin};
pub use self::begin::{OpenedSnapshot, days_known};
use crate::clock::SystemClock;
use crate::compaction::{CompactionWorker, Policy};
use crate::domain::{ALLOTTED_ID_MIN, CANCEL_WINDOW_DAYS};
use crate::engine::{Engine, Inner, Runs};
use crate::entities::{Admission, Core, SWEEPS_IDLE};
use crate::journal::{
    ActReader, Archiver, Clock, FileStorage, JournalError, JournalOptions, Lsn, Recovered, Storage,
    SyncMode,
};
use crate::projections::{Daily, History, INDEX_FOLDER};
use crate::publish::{self, Audit, Position};
use crate::replay::{ReplayError, Replayed, Target, replay};
use crate::snapshot::{self, Setup, SnapshotWorker};
use crate::sweeper::Sweeper;

/// Most acts between admission and publication: at some 300 bytes each this bounds what a stalled
/// disk can pile up to tens of megabytes.
pub const IN_FLIGHT_MAX: usize = 65_536;

/// Most messages waiting for one entity: a hot wallet's queue is at most a few milliseconds long.
pub const QUEUED_MAX: u64 = 4_096;

/// Requests wait for the next segment when less than this part of a segment is free: what is in flight
/// by then still fits.
const SPACE_LOW_FRACTION: u64 = 4;

/// Sealed bytes of log between two snapshots. Half a gigabyte is some five million records, which two cores replay in
/// about a second; a store of a million wallets then writes one byte of snapshot for every three of log.
pub const SNAPSHOT_EVERY_BYTES: u64 = 512 << 20;

/// Four segments of the usual size: an archive file is worth its name, and little space waits for it.
const COMPACT_AFTER_BYTES: u64 = 256 * 1024 * 1024;

/// A store with little to do gets its segments packed once a day.
const COMPACT_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Shortest time for which history is kept: whatever may still be cancelled must be readable, and so must the answer to
/// any key that is still remembered.
pub const RETAIN_MIN: Duration = Duration::from_secs(CANCEL_WINDOW_DAYS as u64 * 24 * 60 * 60);

/// Nobody waits for a lapse to be written: what has lapsed can be neither seen nor spent. A look costs some ten
/// microseconds.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// How an engine is set up.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Where the log lives.
    pub directory: PathBuf,
    /// Bytes of a segment: a multiple of 4,096, at least 64 KiB.
    pub segment_bytes: u64,
    /// How a group gets to the disk.
    pub sync: SyncMode,
    /// Most live actors.
    pub max_active: usize,
    /// How long an actor may idle before its entity is put to rest.
    pub idle: Duration,
    /// Most remembered idempotency keys.
    pub max_keys: usize,
    /// How long a key is remembered: 1 minute to 24 hours.
    pub key_window: Duration,
    /// Threads that replay.
    pub replay_workers: usize,
    /// Sealed bytes of log after which a snapshot is made; 0 = only when asked for.
    pub snapshot_every_bytes: u64,
    /// Bytes of segments within two snapshots after which they are archived; 0 = only when asked for.
    pub compact_after_bytes: u64,
    /// Or the oldest of them was begun so long ago.
    pub compact_after: Duration,
    /// Archive files all of which is older are deleted; `None` = history is kept for ever.
    pub retain: Option<Duration>,
    /// Companies that a settlement run closes at once.
    pub settlement_workers: usize,
    /// How often quiet wallets are looked through for points that have lapsed; 0 = only when asked for.
    pub sweep_every: Duration,
    /// Whether days are closed as soon as they are over; otherwise only when asked for.
    pub close_days: bool,
}

/// What opening found.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The snapshot that was begun with; `None`: the whole log was replayed.
    pub snapshot: Option<OpenedSnapshot>,
    /// Acts replayed.
    pub records: u64,
    /// Time that took.
    pub elapsed: Duration,
    /// Last LSN found.
    pub last_lsn: u64,
    /// Where and how the log ended, in words.
    pub tail: String,
    /// Things an operator should know, in words.
    pub warnings: Vec<String>,
}

/// Why an engine did not open.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The journal refuses.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The log does not replay.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A thread for background work cannot be started.
    #[error("cannot start a thread for background work: {0}")]
    Worker(std::io::Error),
    /// A replaying thread ended by a defect.
    #[error("replay ended by a defect")]
    Defect,
}

/// A directory that is locked and judged, but not replayed yet: the moment to bind sockets.
pub struct Prepared {
    options: EngineOptions,
    recovered: Recovered,
    clock: Arc<dyn Clock>,
    poisoned: CancellationToken,
}

// === impl EngineOptions ===

impl EngineOptions {
    /// The defaults, for a directory.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        let journal = JournalOptions::default();
        Self {
            directory: directory.into(),
            segment_bytes: journal.segment_bytes,
            sync: journal.sync,
            max_active: 100_000,
            idle: Duration::from_secs(10),
            max_keys: 20_000_000,
            key_window: Duration::from_secs(24 * 60 * 60),
            replay_workers: std::thread::available_parallelism().map_or(1, usize::from),
            snapshot_every_bytes: SNAPSHOT_EVERY_BYTES,
            compact_after_bytes: COMPACT_AFTER_BYTES,
            compact_after: COMPACT_AFTER,
            retain: None,
            settlement_workers: std::thread::available_parallelism().map_or(1, usize::from),
            sweep_every: SWEEP_EVERY,
            close_days: false,
        }
    }

    fn key_window_us(&self) -> i64 {
        i64::try_from(self.key_window.as_micros()).unwrap_or(i64::MAX)
    }
}

// === impl OpenError ===

impl OpenError {
    /// Exit code that names the class of the failure.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Journal(error) => error.exit_code(),
            Self::Replay(error) => error.exit_code(),
            Self::Worker(_) | Self::Defect => 1,
        }
    }
}

// === impl Engine ===

impl Engine {
    /// Locks, replays and starts. Must be called within a tokio runtime.
    pub async fn open(options: EngineOptions) -> Result<Self, OpenError> {
        Self::prepare(options)?.open().await
    }

    /// Takes the directory's lock and finds out where its log ends. Changes nothing in it.
    pub fn prepare(options: EngineOptions) -> Result<Prepared, OpenError> {
        let storage: Arc<dyn Storage> = Arc::new(FileStorage::open(&options.directory)?);
        #[cfg(feature = "sim")]
        let storage = crate::journal::faulty::FaultyStorage::if_ordered(storage);
        Self::prepare_on(options, storage, Arc::new(SystemClock::start()))
    }

    /// As [`Self::prepare`], on another storage and clock.
    pub fn prepare_on(
        options: EngineOptions,
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
    ) -> Result<Prepared, OpenError> {
        let poisoned = CancellationToken::new();
        let told = poisoned.clone();
        let journal = JournalOptions {
            segment_bytes: options.segment_bytes,
            sync: options.sync,
            on_poison: Box::new(move || told.cancel()),
            ..JournalOptions::default()
        };
        let recovered = crate::journal::prepare(storage, journal)?;
        Ok(Prepared {
            options,
            recovered,
            clock,
            poisoned,
        })
    }
}

// === impl Prepared ===

impl Prepared {
    /// Replays the log and starts the engine. Must be called within a tokio runtime.
    pub async fn open(self) -> Result<Engine, OpenError> {
        let runtime = Handle::current();
        let opened = tokio::task::spawn_blocking(move || self.open_on(runtime)).await;
        opened.unwrap_or(Err(OpenError::Defect))
    }

    fn open_on(self, runtime: Handle) -> Result<Engine, OpenError> {
        let Self {
            options,
            mut recovered,
            clock,
            poisoned,
        } = self;
        let start = Instant::now();
        snapshot::sweep(&**recovered.storage());
        let begun = begin(&mut recovered, &options, &runtime)?;
        let replayed = replay_all(&recovered, &options, &begun)?;
        let opening = opening(&recovered, &begun, &replayed, start.elapsed());
        let (history, daily) = projections(&recovered, &begun, opening.last_lsn)?;
        let (position, capacity) = (Arc::new(Position::default()), Arc::new(Notify::new()));
        position.advance(opening.last_lsn);
        let (last, behind_bytes) = (Lsn(opening.last_lsn), recovered.report().bytes);
        let mut digest = begun.digest;
        digest.add(replayed.digest);
        let (directory, turnstile) = (Arc::clone(&begun.table.directory), Arc::default());
        let (outlet, publisher) = publish::channel(
            (Arc::clone(&history), Arc::clone(&daily), directory),
            (Arc::clone(&position), Arc::clone(&turnstile)),
            Arc::clone(&capacity),
        );
        let journal = recovered.start(Arc::clone(&clock), outlet)?;
        let setup = Setup {
            storage: Arc::clone(journal.storage()),
            meta: Arc::clone(journal.meta()),
            key_window_us: options.key_window_us(),
            every_bytes: options.snapshot_every_bytes,
            newest: begun.lsn(),
            behind_bytes,
        };
        let (snapshot_worker, snapshots) =
            SnapshotWorker::start(setup, last, digest).map_err(OpenError::Worker)?;
        let audit = Audit {
            digest,
            snapshots: snapshots.clone(),
        };
        runtime.spawn(publisher.run(audit));
        let compaction = archiving(journal.archiver(), &options, &clock)?;
        let reader = journal.reader();
        start_projections(&history, &daily, &reader)?;
        let core = Arc::new(Core::new(journal, clock, begun.table, capacity, turnstile));
        let space_low = options.segment_bytes / SPACE_LOW_FRACTION;
        let largest_id = begun.largest_id.max(replayed.largest_id);
        let inner = Inner {
            snapshot_worker,
            snapshots,
            compaction,
            sweeper: Sweeper::new(Arc::clone(&core), space_low),
            core,
            runs: Runs::new(options.settlement_workers),
            keys: begun.keys,
            history,
            daily,
            position,
            admission: Admission::new(IN_FLIGHT_MAX),
            reader,
            opening,
            next_wallet: AtomicU64::new(ALLOTTED_ID_MIN.max(largest_id + 1)),
            draining: AtomicBool::new(false),
            space_low,
            space_waiter: tokio::sync::Mutex::new(()),
            background: CancellationToken::new(),
            poisoned,
        };
        Ok(attend(inner, &options, &runtime))
    }
}

/// Starts what is done from time to time for as long as the engine runs.
fn attend(inner: Inner, options: &EngineOptions, runtime: &Handle) -> Engine {
    let inner = Arc::new(inner);
    let engine = Engine { inner };
    runtime.spawn(rest(engine.clone(), options.idle));
    if !options.sweep_every.is_zero() {
        runtime.spawn(sweep(engine.clone(), options.sweep_every));
    }
    if options.close_days {
        runtime.spawn(engine.clone().keep_closing());
    }
    runtime.spawn(engine.clone().keep_running());
    engine
}

/// The thread that moves old segments into the archive.
fn archiving(
    archiver: Archiver,
    options: &EngineOptions,
    clock: &Arc<dyn Clock>,
) -> Result<CompactionWorker, OpenError> {
    let policy = Policy {
        bytes: options.compact_after_bytes,
        age: options.compact_after,
        retain: options.retain,
    };
    CompactionWorker::start(archiver, policy, Arc::clone(clock)).map_err(OpenError::Worker)
}

/// The index of histories and the daily report, not started yet.
fn projections(
    recovered: &Recovered,
    begun: &Begun,
    last_lsn: u64,
) -> Result<(Arc<History>, Arc<Daily>), OpenError> {
    let log = recovered.storage();
    let folder = log.folder(INDEX_FOLDER);
    let index = folder.map_err(JournalError::io("make the folder", INDEX_FOLDER))?;
    let history = History::new(Arc::clone(&index), Arc::clone(log), last_lsn);
    let daily = Daily::new(index, Arc::clone(log), last_lsn, begun.days_known.clone());
    Ok((Arc::new(history), Arc::new(daily)))
}

fn start_projections(
    history: &History,
    daily: &Daily,
    reader: &ActReader,
) -> Result<(), JournalError> {
    let started = history.start(reader.clone());
    let started = started.and_then(|()| daily.start(reader.clone()));
    started.map_err(JournalError::io("start", "the threads of the projections"))
}

/// Replays what lies behind the snapshot.
fn replay_all(
    recovered: &Recovered,
    options: &EngineOptions,
    begun: &Begun,
) -> Result<Replayed, OpenError> {
    let target = Target {
        table: &begun.table,
        keys: &begun.keys,
        keys_from_us: begun.keys_from_us,
    };
    let workers = options.replay_workers.max(1);
    Ok(replay(&recovered.chunks(), workers, &target)?)
}

fn opening(
    recovered: &Recovered,
    begun: &Begun,
    replayed: &Replayed,
    elapsed: Duration,
) -> Opening {
    let report = recovered.report();
    let mut warnings = begun.warnings.clone();
    warnings.extend(report.warnings.iter().cloned());
    Opening {
        snapshot: begun.snapshot.clone(),
        records: replayed.acts,
        elapsed,
        last_lsn: report.last_lsn.0,
        tail: report.verdict.to_string(),
        warnings,
    }
}

/// Puts idle entities to rest until the engine shuts down.
async fn rest(engine: Engine, idle: Duration) {
    let period = (idle / SWEEPS_IDLE).max(Duration::from_millis(1));
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = engine.inner.background.cancelled() => return,
            _ = ticks.tick() => engine.inner.core.table.sweep(),
        }
    }
}

/// Has quiet wallets record what has lapsed until the engine shuts down.
async fn sweep(engine: Engine, every: Duration) {
    let inner = &*engine.inner;
    let busy = || inner.admission.in_flight() > 0;
    let ended = inner.background.clone();
    inner.sweeper.run(every, ended, busy).await;
}
