//! Reading the log beside its writer: whatever was durable before the look is seen, however the two interleave.

use super::stage::{Run, body, scaled, small};
use crate::journal::map::MappedSegment;
use crate::journal::sim::MemStorage;
use crate::journal::{
    Access, ActItem, Entry, Held, JournalError, LogReader, Lsn, Range, Storage, StorageFile,
};
use parking_lot::Mutex;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Turns of the writer in the course of one look: it rolls several times meanwhile.
const TURNS_MAX: u32 = 60;

/// The writer, which gets a turn in the middle of each read.
struct Writer {
    run: Run,
    turns: u32,
    /// A turn at every so many reads only.
    every: u32,
    reads: u32,
}

/// A disk whose reads are torn: half of the bytes, then the writer's turn, then the rest.
struct Racing<T: ?Sized> {
    inner: Arc<T>,
    writer: Arc<Mutex<Writer>>,
}

impl Writer {
    fn step(&mut self) {
        self.reads += 1;
        if self.turns == TURNS_MAX || !self.reads.is_multiple_of(self.every) {
            return;
        }
        self.turns += 1;
        let seed = u64::from(self.turns);
        let long = body(seed, 9_000);
        let short = body(seed, 40);
        match self.turns % 3 {
            0 => self.run.group(&[&long]),
            1 => self.run.group(&[&short, &long, &short]),
            _ => self.run.group(&[&short]),
        };
    }
}

impl<T: ?Sized> Racing<T> {
    fn around<U: ?Sized>(&self, inner: Arc<U>) -> Racing<U> {
        let writer = Arc::clone(&self.writer);
        Racing { inner, writer }
    }
}

impl Storage for Racing<dyn Storage> {
    fn list(&self) -> io::Result<Vec<Entry>> {
        let listed = self.inner.list();
        self.writer.lock().step();
        listed
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        let file = self.inner.open(name, access)?;
        Ok(Arc::new(self.around(file)))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        self.inner.create(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.inner.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.inner.sync_dir()
    }

    fn lock(&self) -> Result<Held, JournalError> {
        self.inner.lock()
    }

    fn folder(&self, name: &str) -> io::Result<Arc<dyn Storage>> {
        self.inner.folder(name)
    }

    fn existing_folder(&self, name: &str) -> io::Result<Option<Arc<dyn Storage>>> {
        self.inner.existing_folder(name)
    }
}

impl StorageFile for Racing<dyn StorageFile> {
    fn size(&self) -> io::Result<u64> {
        self.inner.size()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let (first, rest) = buf.split_at_mut(buf.len() / 2);
        let read = self.inner.read_at(first, offset)?;
        self.writer.lock().step();
        if read < first.len() {
            return Ok(read);
        }
        Ok(read + self.inner.read_at(rest, offset + read as u64)?)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.inner.write_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.inner.sync_all()
    }

    fn punch(&self, offset: u64, len: u64) -> io::Result<()> {
        self.inner.punch(offset, len)
    }

    fn forget_cache(&self) -> io::Result<()> {
        self.inner.forget_cache()
    }

    fn map(&self) -> Option<MappedSegment> {
        None
    }
}

#[test]
fn everything_that_was_durable_is_seen_beside_a_writer() {
    for seed in 0..scaled(40) {
        let disk = MemStorage::new(seed);
        let mut run = Run::start(&disk, small()).unwrap();
        for at in 0..seed % 20 {
            run.group(&[&body(at, 300 * (at as usize + 1))]);
        }
        let every = u32::try_from(seed % 5 + 1).unwrap();
        let (turns, reads) = (0, 0);
        let writer = Writer {
            run,
            turns,
            every,
            reads,
        };
        let racing = Racing::<dyn Storage> {
            inner: Arc::new(disk.clone()),
            writer: Arc::new(Mutex::new(writer)),
        };
        let writer = Arc::clone(&racing.writer);
        let racing: Arc<dyn Storage> = Arc::new(racing);
        while writer.lock().turns < TURNS_MAX {
            let durable = writer.lock().run.journal.durable();
            let reader = LogReader::of(Arc::clone(&racing)).unwrap();
            let range = Range {
                to: durable,
                ..Range::default()
            };
            let mut seen = Lsn(0);
            let read = reader.each_act(range, |item| {
                let ActItem::Act(act) = item else {
                    panic!("{item:?}");
                };
                assert_eq!(act.lsn.0, seen.0 + 1);
                seen = act.last_lsn;
                ControlFlow::Continue(())
            });
            read.unwrap();
            assert_eq!(seen, durable, "seed {seed}");
        }
    }
}
