//! The handle that the rest of the engine holds: promise space, append, wait, read.

use super::archiver::Archiver;
use super::error::JournalError;
use super::frame::{
    BODY_BYTES_MAX, KIND_FORK, KIND_JOURNAL_MIN, RecordHeader, act_framed_len, body_crc,
};
use super::ledger::{Reservation, Space, Unavailable};
use super::metrics::JournalMetrics;
use super::place::Lsn;
use super::reader::ActReader;
use super::shelf::Shelf;
use super::storage::{Held, Storage};
use super::store_meta::StoreMeta;
use super::writer::Core;
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::JoinHandle;
use std::time::Duration;

/// CRCs held without an allocation: enough for acts of 32 KiB.
const CRCS_INLINE: usize = 4;

/// An act to append.
#[derive(Clone, Copy, Debug)]
pub struct NewAct<'a> {
    /// Below 0xF0.
    pub kind: u8,
    pub schema: u16,
    pub now_us: i64,
    pub body: &'a [u8],
}

/// Where an act stands in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Appended {
    /// LSN of its first record.
    pub lsn: Lsn,
    pub last_lsn: Lsn,
    /// Its header time: the business time of the act.
    pub time_us: i64,
}

/// A running journal; clones share it. When the last one is dropped without `close`, the log ends as after a crash.
pub struct Journal<T: Send + 'static> {
    handle: Arc<Handle<T>>,
}

pub(super) struct Handle<T: Send + 'static> {
    pub(super) core: Arc<Core<T>>,
    pub(super) shelf: Arc<Shelf>,
    pub(super) meta: Arc<StoreMeta>,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) threads: Mutex<Option<Threads>>,
}

pub(super) struct Threads {
    pub(super) writer: JoinHandle<Result<(), JournalError>>,
    pub(super) filler: JoinHandle<()>,
    /// The directory's lock, let go only when both have ended.
    pub(super) held: Held,
}

impl<T: Send + 'static> Journal<T> {
    pub(super) fn new(handle: Handle<T>) -> Self {
        Self {
            handle: Arc::new(handle),
        }
    }

    /// Promises space for an act with a body of this length.
    #[inline]
    pub fn reserve(&self, act_body_len: usize) -> Result<Reservation<'_>, Unavailable> {
        self.handle.core.ledger.reserve(act_body_len)
    }

    /// Appends an act into the space promised for it. The order of calls is the order of LSNs. The ticket is delivered
    /// once the act is durable, or failed.
    #[inline]
    pub fn append(&self, reservation: Reservation<'_>, act: NewAct<'_>, ticket: T) -> Appended {
        assert!(
            act.body.len() <= reservation.body_len(),
            "an act stays within the space promised for it"
        );
        assert!(
            act.kind < KIND_JOURNAL_MIN || act.kind == KIND_FORK,
            "kinds from 0xF0 on belong to the journal"
        );
        let mut crcs = SmallVec::<[u32; CRCS_INLINE]>::new();
        if act.body.len() <= BODY_BYTES_MAX {
            crcs.push(body_crc(act.body));
        } else {
            crcs.extend(act.body.chunks(BODY_BYTES_MAX).map(body_crc));
        }
        let framed = act_framed_len(act.body.len());
        let head = RecordHeader {
            kind: act.kind,
            schema: act.schema,
            ..RecordHeader::default()
        };
        let core = &*self.handle.core;
        let mut front = core.front.lock();
        let laid = front.lay(&core.ledger, head, act.now_us, act.body, &crcs, framed);
        let lsn = Lsn(laid.lsn);
        front.open.tickets.push(super::Delivered {
            lsn,
            time_us: laid.time_us,
            ticket,
        });
        let wake = std::mem::replace(&mut front.writer_idle, false);
        drop(front);
        if wake {
            core.wake.notify_one();
        }
        // Only now: the room it took is off the books before the promise is.
        drop(reservation);
        Appended {
            lsn,
            last_lsn: Lsn(laid.last_lsn),
            time_us: laid.time_us,
        }
    }

    /// Waits for `lsn`: the ticket comes back at once when it is durable already, else it rides with the group that
    /// makes it so.
    pub fn wait(&self, lsn: Lsn, ticket: T) -> Option<T> {
        let core = &*self.handle.core;
        if core.index.durable() >= lsn.0 {
            return Some(ticket);
        }
        let mut front = core.front.lock();
        if core.index.durable() >= lsn.0 {
            return Some(ticket);
        }
        assert!(
            lsn.0 < front.next_lsn,
            "nobody waits for an LSN that was never given"
        );
        front.attach(lsn.0, ticket);
        let wake = std::mem::replace(&mut front.writer_idle, false);
        drop(front);
        if wake {
            core.wake.notify_one();
        }
        None
    }

    /// Everything up to here is on disk.
    #[inline]
    pub fn durable(&self) -> Lsn {
        Lsn(self.handle.core.index.durable())
    }

    /// Sees to it that no act from now on bears an earlier time, and gives the last LSN given out before. A decision may
    /// have looked at the clock long before its act is appended. For instants that have come.
    pub fn no_sooner(&self, time_us: i64) -> Lsn {
        let mut front = self.handle.core.front.lock();
        front.time_us = front.time_us.max(time_us);
        Lsn(front.next_lsn - 1)
    }

    /// The last LSN given out.
    pub fn appended(&self) -> Lsn {
        Lsn(self.handle.core.front.lock().next_lsn - 1)
    }

    pub fn poisoned(&self) -> bool {
        self.handle.core.ledger.is_poisoned()
    }

    pub fn space(&self) -> Space {
        self.handle.core.ledger.space()
    }

    /// Whether the log runs into segments faster than they are filled: less than `bytes` can be promised, and the disk is
    /// not full.
    #[inline]
    pub fn is_below(&self, bytes: u64) -> bool {
        let ledger = &self.handle.core.ledger;
        ledger.is_below(bytes) && !ledger.space().disk_full
    }

    /// Blocks until `bytes` can be promised, the disk is full, the journal stops, or the time is over.
    pub fn wait_for_space(&self, bytes: u64, timeout: Duration) -> Space {
        self.handle.core.ledger.wait(bytes, timeout)
    }

    /// Longest body an act may have.
    pub fn act_bytes_max(&self) -> usize {
        self.handle.core.ledger.act_bytes_max()
    }

    pub fn reader(&self) -> ActReader {
        ActReader::new(Arc::clone(&self.handle.core.index))
    }

    /// For the one who moves old segments into the archive.
    pub fn archiver(&self) -> Archiver {
        Archiver {
            storage: Arc::clone(&self.handle.storage),
            meta: Arc::clone(&self.handle.meta),
            index: Arc::clone(&self.handle.core.index),
            cache: Arc::default(),
        }
    }

    /// What the directory says of itself, for those who change what lies in it besides the log.
    pub fn meta(&self) -> &Arc<StoreMeta> {
        &self.handle.meta
    }

    /// The directory.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.handle.storage
    }

    pub fn metrics(&self) -> &JournalMetrics {
        &self.handle.core.metrics
    }

    /// Ends the log in order: everything appended becomes durable, then CLOSE, then the clean flag. Promises still out
    /// are waited for. A second call finds the journal closed.
    pub fn close(&self) -> Result<(), JournalError> {
        let Some(threads) = self.handle.threads.lock().take() else {
            return Err(JournalError::Closed);
        };
        let core = &self.handle.core;
        core.ledger.begin_close();
        core.closing.store(true, SeqCst);
        core.call_writer();
        let outcome = threads.writer.join();
        self.handle.shelf.stop();
        let filler = threads.filler.join();
        drop(threads.held);
        match (outcome, filler) {
            (Ok(outcome), Ok(())) => outcome,
            // A panic has been reported by its own hook.
            (Err(_), _) | (_, Err(_)) => Err(JournalError::Poisoned),
        }
    }
}

impl<T: Send + 'static> Clone for Journal<T> {
    fn clone(&self) -> Self {
        Self {
            handle: Arc::clone(&self.handle),
        }
    }
}

impl<T: Send + 'static> fmt::Debug for Journal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("durable", &self.durable())
            .finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Drop for Handle<T> {
    fn drop(&mut self) {
        let Some(threads) = self.threads.lock().take() else {
            return;
        };
        self.core.ledger.begin_close();
        self.core.abandoned.store(true, SeqCst);
        self.core.call_writer();
        self.shelf.stop();
        // The last handle may be dropped by the publisher on one of these very threads; they then end by themselves.
        let here = std::thread::current().id();
        if threads.writer.thread().id() != here {
            let _ = threads.writer.join();
        }
        let _ = threads.filler.join();
    }
}
