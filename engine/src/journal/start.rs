//! From a replayed directory to a running journal.
//!
//! ```text
//! fdatasync the old segment ─► next segment: header, fsync, rename, fsync directory ─► store.meta ─► threads
//! ```
//!
//! Nothing is cut off, ever: where the old segment ends stands in the header of the new one, and its torn bytes stay as
//! evidence. A segment that holds nothing but its header is replaced, so that opening again and again costs no space.

use super::buffer::PageBuffer;
use super::chunk::ChunkEnds;
use super::error::JournalError;
use super::filler::Filler;
use super::group::Front;
use super::handle::{Handle, Journal, Threads};
use super::lane::{Lane, Publish};
use super::ledger::Ledger;
use super::meta::{META_FILE, META_TMP_FILE, Meta};
use super::metrics::JournalMetrics;
use super::open::{Newest, Recovered};
use super::roll::{seat, writable};
use super::segment::{
    CODEC_BINCODE_2, FORMAT_MAJOR, FORMAT_MINOR, GROUP_ALIGN, HEADER_PAGE_BYTES, SegmentHeader,
    payload_bytes,
};
use super::shelf::{ReadyFile, Shelf};
use super::storage::{Access, Held, Storage, StorageFile};
use super::store_meta::{StoreMeta, open_settled};
use super::tail::stops_early;
use super::walk::Link;
use super::writer::{Active, Core, Writer};
use crate::clock::Clock;
use parking_lot::{Condvar, Mutex};
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A journal before it has threads: a simulation takes its turns by hand.
pub(super) struct Assembled<T: Send + 'static> {
    pub(super) writer: Writer<T>,
    pub(super) filler: Filler,
    pub(super) held: Held,
}

impl Recovered {
    /// Makes everything replayed durable, opens the next segment and starts the threads.
    pub fn start<T: Send + 'static>(
        self,
        clock: Arc<dyn Clock>,
        publisher: impl Publish<T>,
    ) -> Result<Journal<T>, JournalError> {
        let parts = self.assemble(clock, Box::new(publisher))?;
        let core = Arc::clone(&parts.writer.core);
        let shelf = Arc::clone(&parts.writer.shelf);
        let (meta, storage) = (
            Arc::clone(&parts.writer.meta),
            Arc::clone(&parts.writer.storage),
        );
        let spawned = JournalError::io("start", "the journal's threads");
        let threads = (|| {
            let (writer, filler) = (parts.writer, parts.filler);
            let filler_core = Arc::clone(&core);
            let poison = move |error: io::Error| {
                tracing::error!(%error, "cannot fill the next segment, journal stops");
                filler_core.ledger.poison();
                filler_core.call_writer();
            };
            let writer = std::thread::Builder::new()
                .name("journal".to_owned())
                .spawn(move || writer.run())?;
            let filler = std::thread::Builder::new()
                .name("filler".to_owned())
                .spawn(move || filler.run(&poison))?;
            Ok(Threads {
                writer,
                filler,
                held: parts.held,
            })
        })()
        .map_err(spawned)?;
        Ok(Journal::new(Handle {
            core,
            shelf,
            meta,
            storage,
            threads: Mutex::new(Some(threads)),
        }))
    }

    pub(super) fn assemble<T: Send + 'static>(
        self,
        clock: Arc<dyn Clock>,
        publisher: Box<dyn Publish<T>>,
    ) -> Result<Assembled<T>, JournalError> {
        let link = self.settle()?;
        let storage = Arc::clone(&self.storage);
        let options = &self.options;
        self.sync_newest()?;
        let (mut meta, meta_file) = self.open_meta()?;
        let payload = payload_bytes(options.segment_bytes);
        let metrics = Arc::new(JournalMetrics::new(link.lsn));
        let ledger = Arc::new(Ledger::new(payload, options.act_bytes_max(), payload));
        let shelf = Arc::new(Shelf::default());
        let (filler, ready) = self.first_filled(&shelf, &ledger, &metrics)?;
        ledger.claim_segment();
        let header = self.next_header(&meta, link, &*clock)?;
        let name = seat(&*storage, &ready, &header)
            .map_err(JournalError::io("open the next segment from", &ready.name))?;
        self.write_meta(&mut meta, &*meta_file, &header)?;
        for unused in self.unused(&header) {
            shelf.give_back(unused);
        }
        let index = Arc::new(self.index(&name, &header, &ready, link.lsn));
        let file = writable(&*storage, &name, &ready.file, options.sync)
            .map_err(JournalError::io("open", &name))?;
        let core = Core {
            front: Mutex::new(self.front(&header, link)),
            wake: Condvar::new(),
            ledger,
            index,
            metrics,
            closing: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
        };
        let writer = Writer {
            core: Arc::new(core),
            storage,
            clock,
            shelf,
            lane: Lane::new(publisher),
            active: Active {
                header,
                name,
                file,
                plain: ready.file,
                end: HEADER_PAGE_BYTES,
            },
            meta: Arc::new(StoreMeta::new(meta, meta_file)),
            link,
            unattested: false,
            sync: options.sync,
            is_brisk: false,
            mark_after: options.mark_after,
            entropy: options.entropy.clone(),
            on_poison: self.options.on_poison,
            page: PageBuffer::new(GROUP_ALIGN as usize),
        };
        Ok(Assembled {
            writer,
            filler,
            held: self.held,
        })
    }

    /// A filler, and the first segment that it has filled.
    fn first_filled(
        &self,
        shelf: &Arc<Shelf>,
        ledger: &Arc<Ledger>,
        metrics: &Arc<JournalMetrics>,
    ) -> Result<(Filler, ReadyFile), JournalError> {
        let mut filler = Filler::new(
            Arc::clone(&self.storage),
            Arc::clone(shelf),
            Arc::clone(ledger),
            Arc::clone(metrics),
            &self.options,
        );
        filler.adopt(self.catalog.next.clone(), !self.catalog.has_reserve);
        filler.fill_first()?;
        let Some(ready) = shelf.take() else {
            unreachable!("the filler has put a segment on the shelf");
        };
        Ok((filler, ready))
    }

    /// The tail of the last run may be in the page cache only.
    pub(super) fn sync_newest(&self) -> Result<(), JournalError> {
        let Some(newest) = &self.newest else {
            return Ok(());
        };
        let file = self
            .storage
            .open(&newest.name, Access::Write)
            .map_err(JournalError::io("open", &newest.name))?;
        file.sync_data()
            .map_err(JournalError::io("sync", &newest.name))
    }

    /// Says in the meta which segment is in use from now on.
    fn write_meta(
        &self,
        meta: &mut Meta,
        file: &dyn StorageFile,
        header: &SegmentHeader,
    ) -> Result<(), JournalError> {
        meta.epoch = header.epoch;
        meta.clean_lsn = None;
        meta.active_seq = header.seq;
        meta.active_first_lsn = header.first_lsn;
        meta.snapshots = self.sound_snapshots(meta.snapshots);
        let oldest = self.catalog.oldest_live();
        meta.oldest_seq = oldest.map_or(header.seq, |oldest| oldest.seq);
        meta.write(file)
            .map_err(JournalError::io("write", META_FILE))
    }

    /// The empty open group behind the last record.
    fn front<T>(&self, header: &SegmentHeader, link: Link) -> Front<T> {
        Front::new(
            header.seq,
            header.capacity,
            self.options.group_bytes_max(),
            link.lsn + 1,
            self.report.last_time_us,
        )
    }

    /// Scans what nobody has scanned yet and checks that each chunk goes on where the one before ends.
    fn settle(&self) -> Result<Link, JournalError> {
        let mut before = self.base.map(|base| ChunkEnds::at(base.link()));
        for (slot, chunk) in self.chunks.iter().enumerate() {
            let known = self.results.lock()[slot].clone();
            let ends = match known {
                Some(ends) => ends,
                None => chunk.scan(|_| Ok::<(), std::convert::Infallible>(()))?,
            };
            if let Some(before) = &before
                && !before.precedes(&ends)
            {
                return Err(stops_early(&chunk.span.name, chunk.from, ends.start.lsn + 1).into());
            }
            before = Some(ends.after(before.as_ref()));
        }
        Ok(before.map_or(Link::default(), |ends| ends.end))
    }

    /// The meta as it stands, or a first one for a store that does not exist yet.
    fn open_meta(&self) -> Result<(Meta, Arc<dyn StorageFile>), JournalError> {
        let storage = &*self.storage;
        if self.meta.is_some() {
            return open_settled(storage);
        }
        let store_id = self
            .options
            .entropy
            .draw()
            .map_err(JournalError::io("draw", "a store id"))?;
        let meta = Meta {
            store_id,
            ..Meta::default()
        };
        create_meta(storage, meta).map_err(JournalError::io("create", META_FILE))
    }

    fn next_header(
        &self,
        meta: &Meta,
        link: Link,
        clock: &dyn Clock,
    ) -> Result<SegmentHeader, JournalError> {
        let salt = self
            .options
            .entropy
            .draw()
            .map_err(JournalError::io("draw", "a salt"))?;
        let newest = self.newest.as_ref();
        let replaced = newest.filter(|newest| newest.is_empty());
        let (seq, prev_bytes) = match (replaced, newest) {
            (Some(empty), _) => (empty.header.seq, empty.header.prev_bytes),
            (None, Some(newest)) => (newest.header.seq + 1, newest.tail.end),
            (None, None) => (1, 0),
        };
        Ok(SegmentHeader {
            major: FORMAT_MAJOR,
            minor: FORMAT_MINOR,
            incompatible: 0,
            store_id: meta.store_id,
            seq,
            first_lsn: link.lsn + 1,
            // From the meta alone: a start that was cut off before it wrote the meta does not count.
            epoch: meta.epoch + 1,
            salt: u64::try_from(salt & u128::from(u64::MAX)).unwrap_or(0),
            created_us: clock.now_us(),
            prev_bytes,
            prev_lsn: link.lsn,
            prev_crc: link.crc,
            timeline: meta.timeline,
            root: [0; 32],
            codec: CODEC_BINCODE_2,
            alignment: GROUP_ALIGN,
            capacity: self.options.segment_bytes,
        })
    }
}

impl Newest {
    /// Nothing but a header, and perhaps a CLOSE: nothing is lost when it is replaced.
    fn is_empty(&self) -> bool {
        let untouched = matches!(self.tail.verdict, super::TailVerdict::Clean { .. });
        untouched && self.tail.link.lsn == self.header.prev_lsn
    }
}

/// A first meta, prepared under another name so that the real one is never seen half written.
pub(super) fn create_meta(
    storage: &dyn Storage,
    mut meta: Meta,
) -> io::Result<(Meta, Arc<dyn StorageFile>)> {
    if storage
        .list()?
        .iter()
        .any(|entry| entry.name == META_TMP_FILE)
    {
        storage.remove(META_TMP_FILE)?;
    }
    let file = storage.create(META_TMP_FILE)?;
    meta.write(&*file)?;
    storage.rename(META_TMP_FILE, META_FILE)?;
    storage.sync_dir()?;
    Ok((meta, file))
}
