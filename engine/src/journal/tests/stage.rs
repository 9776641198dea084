//! What the journal's tests share: a clock, a publisher that remembers, small segments.

use crate::journal::handle::Handle;
use crate::journal::sim::MemStorage;
use crate::journal::start::Assembled;
use crate::journal::writer::Turn;
use crate::journal::{
    Clock, Delivered, FileStorage, Journal, JournalError, JournalOptions, LogReader, Lsn, NewAct,
    OwnedAct, Publish, Recovered, Storage, open,
};
use parking_lot::{Condvar, Mutex};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

/// How long a test waits for another thread before it fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Advances by one microsecond per look.
#[derive(Default)]
pub(super) struct StepClock(AtomicI64);

impl Clock for StepClock {
    fn now_us(&self) -> i64 {
        self.0.fetch_add(1, Relaxed) + 1
    }
}

pub(super) fn clock() -> Arc<dyn Clock> {
    Arc::new(StepClock::default())
}

/// Remembers every ticket, in the order of delivery.
#[derive(Clone, Default)]
pub(super) struct Memory {
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

#[derive(Default, Clone)]
pub(super) struct Seen {
    pub(super) published: Vec<(u64, u64)>,
    pub(super) failed: Vec<u64>,
    pub(super) durable: u64,
}

impl Publish<u64> for Memory {
    fn publish(&mut self, durable: Lsn, group: &mut Vec<Delivered<u64>>) {
        let mut seen = self.seen.0.lock();
        assert!(
            durable.0 >= seen.durable,
            "groups are published in LSN order"
        );
        seen.durable = durable.0;
        for delivered in group.drain(..) {
            assert!(
                delivered.lsn <= durable,
                "nothing is published before it is durable"
            );
            seen.published.push((delivered.lsn.0, delivered.ticket));
        }
        self.seen.1.notify_all();
    }

    fn fail(&mut self, group: &mut Vec<Delivered<u64>>) {
        self.seen
            .0
            .lock()
            .failed
            .extend(group.drain(..).map(|delivered| delivered.ticket));
        self.seen.1.notify_all();
    }
}

impl Memory {
    /// Blocks until `done` holds.
    pub(super) fn until(&self, done: impl Fn(&Seen) -> bool) -> Seen {
        let mut seen = self.seen.0.lock();
        while !done(&seen) {
            let late = self.seen.1.wait_for(&mut seen, PATIENCE).timed_out();
            assert!(!late, "the journal answers in time");
        }
        seen.clone()
    }
}

pub(super) fn small() -> JournalOptions {
    JournalOptions {
        segment_bytes: 64 * 1024,
        ..JournalOptions::default()
    }
}

pub(super) fn files(dir: &Path) -> Arc<dyn Storage> {
    Arc::new(FileStorage::open(dir).unwrap())
}

/// Opens, replays and starts.
pub(super) fn serve(
    storage: &Arc<dyn Storage>,
    options: JournalOptions,
) -> Result<(Journal<u64>, Memory, Vec<OwnedAct>), JournalError> {
    let recovered = open(Arc::clone(storage), options)?;
    let acts = replay(&recovered)?;
    let memory = Memory::default();
    let journal = recovered.start(clock(), memory.clone())?;
    Ok((journal, memory, acts))
}

/// Every act in order.
pub(super) fn replay(recovered: &Recovered) -> Result<Vec<OwnedAct>, JournalError> {
    let mut acts = Vec::new();
    for chunk in recovered.chunks() {
        let scanned = chunk.scan(|act| {
            acts.push(act.to_owned());
            Ok::<(), std::convert::Infallible>(())
        });
        match scanned {
            Ok(_) => {}
            Err(crate::journal::ScanError::Journal(error)) => return Err(error),
            Err(crate::journal::ScanError::Each(never)) => match never {},
        }
    }
    Ok(acts)
}

/// Appends one act, waiting for space when it must.
pub(super) fn append(journal: &Journal<u64>, body: &[u8], ticket: u64) -> u64 {
    let reservation = loop {
        match journal.reserve(body.len()) {
            Ok(reservation) => break reservation,
            Err(crate::journal::Unavailable::Filling) => {
                let _ = journal.wait_for_space(64 * 1024, PATIENCE);
            }
            Err(other) => panic!("no space: {other}"),
        }
    };
    let act = NewAct {
        kind: 7,
        schema: 1,
        now_us: i64::try_from(ticket).unwrap(),
        body,
    };
    journal.append(reservation, act, ticket).lsn.0
}

/// A body whose content depends on `seed`.
pub(super) fn body(seed: u64, len: usize) -> Vec<u8> {
    (0..len)
        .map(|index| (seed as usize).wrapping_mul(31).wrapping_add(index) as u8)
        .collect()
}

/// `SCRIP_TEST_SCALE` multiplies the counts of the long tests.
pub(super) fn scaled(count: u64) -> u64 {
    let scale = std::env::var("SCRIP_TEST_SCALE")
        .ok()
        .and_then(|text| text.parse::<f64>().ok())
        .unwrap_or(1.0);
    ((count as f64 * scale) as u64).max(1)
}

/// One run of a journal whose threads' turns the test takes by hand.
pub(super) struct Run {
    pub(super) journal: Journal<u64>,
    pub(super) memory: Memory,
    pub(super) parts: Assembled<u64>,
}

impl Run {
    pub(super) fn of(parts: Assembled<u64>, memory: Memory) -> Self {
        let handle = Handle {
            core: Arc::clone(&parts.writer.core),
            shelf: Arc::clone(&parts.writer.shelf),
            meta: Arc::clone(&parts.writer.meta),
            storage: Arc::clone(&parts.writer.storage),
            threads: Mutex::new(None),
        };
        Self {
            journal: Journal::new(handle),
            memory,
            parts,
        }
    }

    pub(super) fn start(disk: &MemStorage, options: JournalOptions) -> Result<Self, JournalError> {
        let recovered = open(Arc::new(disk.clone()), options)?;
        let memory = Memory::default();
        let parts = recovered.assemble(clock(), Box::new(memory.clone()))?;
        Ok(Self::of(parts, memory))
    }

    /// Appends one act into the open group.
    pub(super) fn lay(&mut self, body: &[u8]) -> u64 {
        while self.journal.space().segments_ready == 0 {
            self.parts.filler.turn(false).unwrap();
        }
        append(&self.journal, body, 1)
    }

    /// Writes and syncs one group of these acts.
    pub(super) fn group(&mut self, bodies: &[&[u8]]) -> u64 {
        let lsns: Vec<u64> = bodies.iter().map(|body| self.lay(body)).collect();
        assert_eq!(self.parts.writer.turn().unwrap(), Turn::Worked);
        lsns[0]
    }
}

/// Where the newest segment ends, if it can be judged a window at a time; held against the judge who sees all of it.
pub(super) fn judged_alike(reader: &LogReader) -> Option<u64> {
    let newest = reader.catalog().segments.last().unwrap();
    let quick = reader.judge_sound(newest, &mut Vec::new()).unwrap()?;
    let (thorough, _) = reader.judge(newest).unwrap().unwrap();
    assert_eq!(format!("{quick:?}"), format!("{thorough:?}"));
    Some(quick.end)
}
