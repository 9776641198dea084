//! A store to look into, and a way to run the tool on it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use engine::domain::{
    Amount, Circumstances, Command as Act, CreateWallet, Description, Entity, EntityId, Event,
    Facts, Grant, Owner, Participant, Participants, Rejection, Settings, Timestamp, Transfer, Use,
    WalletId, apply, decide, due,
};
use engine::journal::{
    Clock, Delivered, FileStorage, Journal, JournalOptions, Lsn, NewAct, Publish, Storage, open,
};
use engine::record::{IdempotencyKey, SCHEMA, encode_event, encode_refusal};
use serde_json::Value;
use tempfile::TempDir;

/// How long a test waits for the journal before it fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// 2026-07-31T00:00:00Z: every store starts here.
pub(crate) const START_US: i64 = 1_785_456_000_000_000;

/// One second, in microseconds.
pub(crate) const SECOND_US: i64 = 1_000_000;

/// The smallest segments, so that a few hundred acts roll.
pub(crate) const SEGMENT_BYTES: u64 = 64 * 1024;

/// No MARK comes in between: what the last group is worth stays open until something is written behind it.
const NO_MARK: Duration = Duration::from_secs(3600);

/// A store that is being written.
pub(crate) struct Store {
    dir: TempDir,
    segment_bytes: u64,
    journal: Option<Journal<()>>,
    clock: Arc<HandClock>,
    durable: Durable,
    entities: BTreeMap<EntityId, Option<Entity>>,
}

/// Stands still until it is moved.
#[derive(Default)]
struct HandClock(AtomicI64);

/// How far the log is known to be on disk.
#[derive(Clone, Default)]
struct Durable(Arc<(Mutex<u64>, Condvar)>);

/// What the tool said.
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Clock for HandClock {
    fn now_us(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

impl Publish<()> for Durable {
    fn publish(&mut self, durable: Lsn, group: &mut Vec<Delivered<()>>) {
        group.clear();
        *self.0.0.lock().unwrap() = durable.0;
        self.0.1.notify_all();
    }

    fn fail(&mut self, _group: &mut Vec<Delivered<()>>) {
        panic!("the disk of a test does not fail");
    }
}

pub(crate) fn wallet(id: u64) -> WalletId {
    WalletId::new(id).unwrap()
}

pub(crate) fn amount(points: u64) -> Amount {
    Amount::new(points).unwrap()
}

pub(crate) fn create(id: u64) -> Act {
    Act::CreateWallet(CreateWallet {
        wallet: wallet(id),
        owner: Owner::user(id),
    })
}

pub(crate) fn earn(id: u64, points: u64) -> Act {
    Act::Earn(grant(id, points, None))
}

pub(crate) fn charge(id: u64, points: u64) -> Act {
    Act::Charge(grant(id, points, None))
}

pub(crate) fn grant(id: u64, points: u64, expires_at: Option<Timestamp>) -> Grant {
    let description = Description::new("a grant").unwrap();
    Grant {
        wallet: wallet(id),
        amount: amount(points),
        expiry: expires_at.into(),
        description,
    }
}

pub(crate) fn spend(id: u64, points: u64) -> Act {
    let description = Description::new("coffee, \"large\"").unwrap();
    Act::Use(Use {
        wallet: wallet(id),
        amount: amount(points),
        description,
    })
}

pub(crate) fn send(from: u64, to: u64, points: u64) -> Act {
    let to = [(wallet(to), amount(points))].into_iter().collect();
    Act::Transfer(Transfer {
        from: wallet(from),
        to,
        description: Description::default(),
    })
}

pub(crate) fn key(id: u128) -> Option<IdempotencyKey> {
    Some(IdempotencyKey {
        id,
        fingerprint: 0xFEED,
    })
}

// === impl Store ===

impl Store {
    pub(crate) fn new() -> Self {
        Self::with_segments(SEGMENT_BYTES)
    }

    pub(crate) fn with_segments(segment_bytes: u64) -> Self {
        let mut store = Self {
            dir: tempfile::tempdir().unwrap(),
            segment_bytes,
            journal: None,
            clock: Arc::new(HandClock(AtomicI64::new(START_US))),
            durable: Durable::default(),
            entities: BTreeMap::new(),
        };
        store.start();
        store
    }

    /// Opens the directory for writing.
    pub(crate) fn start(&mut self) {
        let storage: Arc<dyn Storage> = Arc::new(FileStorage::open(self.dir.path()).unwrap());
        let options = JournalOptions {
            segment_bytes: self.segment_bytes,
            mark_after: NO_MARK,
            ..JournalOptions::default()
        };
        let recovered = open(storage, options).unwrap();
        for chunk in recovered.chunks() {
            chunk
                .scan(|_| Ok::<(), std::convert::Infallible>(()))
                .unwrap();
        }
        let clock: Arc<dyn Clock> = self.clock.clone();
        self.journal = Some(recovered.start(clock, self.durable.clone()).unwrap());
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Moves the clock.
    pub(crate) fn pass(&self, micros: i64) {
        self.clock.0.fetch_add(micros, Relaxed);
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.clock.now_us())
    }

    /// Carries a command out as the engine does: what is due, then the command itself. Gives its LSN.
    pub(crate) fn act(&mut self, command: &Act, key: Option<IdempotencyKey>) -> u64 {
        let ids = command.participants(&Facts::Nothing);
        for id in &ids {
            while let Some(lapse) = self
                .entity(*id)
                .and_then(|entity| due(*id, entity, self.now()))
            {
                self.apply(&lapse);
                self.write_event(&lapse, None);
            }
        }
        let participants: Vec<_> = ids
            .iter()
            .map(|id| Participant {
                id: *id,
                entity: self.entity(*id),
            })
            .collect();
        match decide(
            Participants(&participants),
            command,
            &Facts::Nothing,
            &Circumstances {
                now: self.now(),
                settings: &Settings::default(),
            },
        ) {
            Ok(event) => {
                self.apply(&event);
                self.write_event(&event, key)
            }
            Err(rejection) => {
                self.write_refusal(&rejection, key.expect("only keyed refusals are written"))
            }
        }
    }

    fn entity(&self, id: EntityId) -> Option<&Entity> {
        self.entities.get(&id).and_then(Option::as_ref)
    }

    fn apply(&mut self, event: &Event) {
        for (id, role) in event.roles() {
            apply(self.entities.entry(id).or_default(), role, event).unwrap();
        }
    }

    /// Writes an event without asking whether it makes sense.
    pub(crate) fn write_event(&self, event: &Event, key: Option<IdempotencyKey>) -> u64 {
        let mut body = Vec::new();
        let kind = encode_event(event, key, &mut body);
        self.write(kind, SCHEMA, &body)
    }

    pub(crate) fn write_refusal(&self, rejection: &Rejection, key: IdempotencyKey) -> u64 {
        let mut body = Vec::new();
        let (kind, schema) = encode_refusal(&(*rejection).into(), key, &mut body);
        self.write(kind, schema, &body)
    }

    /// Writes an act and waits until it is on disk; so every act is a group of its own.
    pub(crate) fn write(&self, kind: u8, schema: u16, body: &[u8]) -> u64 {
        let journal = self.journal();
        let needed = body.len() as u64 + 4096;
        let reservation = loop {
            match journal.reserve(body.len()) {
                Ok(reservation) => break reservation,
                Err(_) => journal.wait_for_space(needed, PATIENCE),
            };
        };
        let now_us = self.clock.now_us();
        let appended = journal.append(
            reservation,
            NewAct {
                kind,
                schema,
                now_us,
                body,
            },
            (),
        );
        self.until_durable(appended.last_lsn.0);
        appended.lsn.0
    }

    fn until_durable(&self, lsn: u64) {
        let (durable, changed) = &*self.durable.0;
        let waited = changed
            .wait_timeout_while(durable.lock().unwrap(), PATIENCE, |at| *at < lsn)
            .unwrap();
        assert!(!waited.1.timed_out(), "the journal answers in time");
    }

    fn journal(&self) -> &Journal<()> {
        self.journal.as_ref().expect("the store is open")
    }

    /// Ends the log in order.
    pub(crate) fn close(mut self) -> Self {
        self.journal
            .take()
            .expect("the store is open")
            .close()
            .unwrap();
        self
    }

    /// Ends it as a crash would: without CLOSE.
    pub(crate) fn crash(mut self) -> Self {
        drop(self.journal.take());
        self
    }

    /// The segment files in order.
    pub(crate) fn segments(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.dir())
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut segments: Vec<_> = entries
            .filter(|path| path.extension().is_some_and(|end| end == "wal"))
            .collect();
        segments.sort();
        segments
    }

    /// Runs the tool on this directory, which goes last.
    pub(crate) fn tool(&self, args: &[&str]) -> Answer {
        let dir = self.dir().to_str().unwrap();
        run(&[args, &[dir]].concat())
    }

    /// The rows of a JSON answer that must end with this code.
    pub(crate) fn rows(&self, args: &[&str], code: i32) -> Vec<Value> {
        let answer = self.tool(&[args, &["--json"]].concat());
        assert_eq!(answer.code, code, "{args:?}: {}{}", answer.out, answer.err);
        answer.rows()
    }
}

/// The LSNs of rows, in their order.
pub(crate) fn lsns(rows: &[Value]) -> Vec<u64> {
    rows.iter()
        .map(|row| row["lsn"].as_u64().unwrap())
        .collect()
}

/// The tool, not yet started.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wal-tool"));
    command
        .args(args)
        .env_remove("SCRIP_DATA")
        .stdin(Stdio::null());
    command
}

/// Runs the tool.
pub(crate) fn run(args: &[&str]) -> Answer {
    let output = command(args).output().unwrap();
    Answer {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

// === impl Answer ===

impl Answer {
    /// Every line as JSON; each must carry the version first.
    pub(crate) fn rows(&self) -> Vec<Value> {
        let lines = self.out.lines();
        lines
            .map(|line| {
                assert!(line.starts_with("{\"v\":1,\"row\":\""), "{line}");
                serde_json::from_str(line).unwrap()
            })
            .collect()
    }
}
