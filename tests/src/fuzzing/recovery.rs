//! `recovery`: a directory with four runs in it is damaged as the bytes say, and opened.
//!
//! Whatever is damaged, what comes back is what was written, from the first act on and without a hole;
//! or the journal refuses.

use std::convert::Infallible;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use engine::Clock;
use engine::journal::segment::SEGMENT_BYTES_MIN;
use engine::journal::sim::MemStorage;
use engine::journal::{
    Delivered, Entropy, Journal, JournalOptions, LogReader, Lsn, NewAct, Publish, Storage, open,
};

use super::Bytes;

/// Acts of each run: enough for several segments, few enough for thousands of tries a second.
const ACTS: [usize; 4] = [25, 3, 30, 5];

/// Most damages that one input does.
const DAMAGES_MAX: usize = 8;

/// A directory and what is in it: each act with its LSN.
struct Written {
    storage: MemStorage,
    files: Vec<String>,
    acts: Vec<(u64, Vec<u8>)>,
}

struct Ticking(AtomicI64);

struct Silent;

impl Clock for Ticking {
    fn now_us(&self) -> i64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

impl Publish<()> for Silent {
    fn publish(&mut self, _: Lsn, group: &mut Vec<Delivered<()>>) {
        group.clear();
    }

    fn fail(&mut self, group: &mut Vec<Delivered<()>>) {
        group.clear();
    }
}

/// Damages a copy of the directory and opens it.
pub fn recovery(bytes: &[u8]) {
    static WRITTEN: OnceLock<Written> = OnceLock::new();
    let written = WRITTEN.get_or_init(write);
    let storage = written.storage.copy();
    let mut bytes = Bytes(bytes);
    let mut damages = 0;
    while !bytes.is_empty() && damages < DAMAGES_MAX {
        damage(&storage, &written.files, &mut bytes);
        damages += 1;
    }
    if let Ok(reader) = LogReader::of(Arc::new(storage.copy())) {
        drop(reader.verify(1, &|_, _| {}));
    }
    let found = replay(storage, &written.acts);
    if damages == 0 {
        assert_eq!(found, Ok(written.acts.len()), "nothing was damaged");
    }
}

/// How many acts come back, each as it was written; or that the journal refuses.
fn replay(storage: MemStorage, written: &[(u64, Vec<u8>)]) -> Result<usize, ()> {
    let recovered = open(Arc::new(storage), options(1)).map_err(drop)?;
    let mut found = 0;
    let mut before = None;
    for chunk in recovered.chunks() {
        let ends = chunk.scan(|act| {
            let (lsn, body) = &written[found];
            assert_eq!((act.lsn.0, act.body), (*lsn, &body[..]), "act {found}");
            found += 1;
            Ok::<_, Infallible>(())
        });
        let ends = ends.map_err(drop)?;
        if before.is_some_and(|before: engine::journal::ChunkEnds| !before.precedes(&ends)) {
            return Err(());
        }
        before = Some(ends);
    }
    Ok(found)
}

/// One damage: which file, where, what.
fn damage(storage: &MemStorage, files: &[String], bytes: &mut Bytes<'_>) {
    let (what, which) = (bytes.byte(), usize::from(bytes.byte()));
    let (name, other) = (
        &files[which % files.len()],
        &files[which / 16 % files.len()],
    );
    let (page, place, value) = (usize::from(bytes.byte()), bytes.number(), bytes.byte());
    let at = |len: usize| (page * 4096 + place % 4096) % len.max(1);
    match what % 8 {
        0 => storage.damage(name, |file| {
            let at = at(file.len());
            if let Some(byte) = file.get_mut(at) {
                *byte ^= value;
            }
        }),
        1 => storage.damage(name, |file| {
            let at = at(file.len());
            file.iter_mut()
                .skip(at)
                .take(512)
                .for_each(|byte| *byte = 0);
        }),
        2 => storage.damage(name, |file| file.truncate(at(file.len()))),
        3 => storage.damage(name, |file| {
            let at = at(file.len());
            for (byte, new) in file[at..].iter_mut().zip(bytes.slice(usize::from(value))) {
                *byte = new;
            }
        }),
        4 => storage.place(name, None),
        5 => storage.place(name, storage.bytes(other)),
        6 => storage.damage(name, |file| {
            // A page goes to another place, as a lost or misplaced write leaves it.
            let (from, to) = (at(file.len()) / 4096 * 4096, usize::from(value) * 4096);
            if from.max(to) + 4096 <= file.len() {
                file.copy_within(from..from + 4096, to);
            }
        }),
        _ => storage.place(
            "seg-0000000099-00000000000000000099.wal",
            storage.bytes(name),
        ),
    }
}

fn options(seed: u64) -> JournalOptions {
    JournalOptions {
        segment_bytes: SEGMENT_BYTES_MIN,
        segments_ahead: 1,
        // No MARK by the clock: the directory must be the same each time.
        mark_after: Duration::from_secs(1 << 30),
        entropy: Entropy::seeded(seed),
        ..JournalOptions::default()
    }
}

/// Four runs: every other one is killed, the others end in order.
fn write() -> Written {
    let mut storage = MemStorage::new(3);
    let mut acts = Vec::new();
    for (run, count) in ACTS.into_iter().enumerate() {
        let clock = Arc::new(Ticking(AtomicI64::new(1_000_000 * (run as i64 + 1))));
        let disk: Arc<dyn Storage> = Arc::new(storage.clone());
        let recovered = open(disk, options(run as u64)).expect("what was written opens");
        for chunk in recovered.chunks() {
            let scanned = chunk.scan(|_| Ok::<_, Infallible>(()));
            scanned.expect("what was written is read");
        }
        let journal = recovered.start(clock, Silent).expect("it starts");
        for _ in 0..count {
            append(&journal, &mut acts);
        }
        let killed = run % 2 == 1;
        if killed {
            storage = storage.kill();
        }
        let closed = journal.close();
        assert_eq!(closed.is_err(), killed, "{closed:?}");
    }
    let listed = storage.list().expect("memory lists its files");
    let names = listed.into_iter().map(|entry| entry.name);
    let files = names.filter(|name| name.ends_with(".wal") || name == "store.meta");
    let files = files.collect();
    Written {
        storage,
        files,
        acts,
    }
}

/// One act, in a group of its own.
fn append(journal: &Journal<()>, acts: &mut Vec<(u64, Vec<u8>)>) {
    let number = acts.len();
    // Every seventh is cut into several records.
    let len = if number % 7 == 6 { 9_000 } else { 10 + number };
    let body: Vec<u8> = (0..len).map(|at| (at + number) as u8).collect();
    let reservation = loop {
        match journal.reserve(body.len()) {
            Ok(reservation) => break reservation,
            Err(_) => {
                journal.wait_for_space(body.len() as u64, Duration::from_millis(10));
            }
        }
    };
    let act = NewAct {
        kind: number as u8 % 9 + 1,
        schema: 1,
        now_us: 0,
        body: &body,
    };
    let appended = journal.append(reservation, act, ());
    while journal.durable() < appended.last_lsn {
        thread::yield_now();
    }
    acts.push((appended.lsn.0, body));
}
