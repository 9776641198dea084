//! The write-ahead journal: bytes, LSNs and tickets.
//!
//! Owns the files of a data directory: segments, `store.meta`, the lock. An act comes in as bytes with a kind and a
//! ticket, gets its LSN, and its ticket comes out again once the bytes are on disk. At the next start every act
//! comes back, in order, or the journal says which byte it cannot vouch for. It refuses to know what an act means,
//! who asked for it, or how an answer looks.
//!
//! ```text
//!  reserve ─► append ─► open group ─► writer: stamp, write, sync ─► durable ─► publish tickets
//!                                     filler: zero-filled segments ahead
//!  open: catalog ─► tail (where the log ends) ─► chunks, scanned in parallel ─► start
//! ```
//!
//! Reading order: `frame` and `segment` (bytes), `walk` (one record after another), `tail` and `open` (recovery),
//! `group`, `writer` and `filler` (the write path), `reader`.

mod archive;
mod archiver;
mod backup;
mod bare;
mod base;
mod buffer;
mod bytes;
mod catalog;
mod chunk;
mod compact;
mod counts;
mod cut;
mod error;
#[cfg(feature = "sim")]
pub mod faulty;
mod fields;
mod filler;
mod flaw;
mod follow;
mod fork;
pub mod frame;
mod group;
mod handle;
mod import;
mod index;
mod inherit;
mod lane;
mod ledger;
mod log_reader;
mod loss;
mod map;
pub mod meta;
mod metrics;
mod open;
mod options;
mod past_cache;
mod place;
mod reader;
mod reopen;
pub mod repair;
mod restore;
mod retain;
mod rewrite;
mod roll;
mod sealed;
pub mod segment;
mod shelf;
mod sidecar;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
mod start;
mod storage;
mod store_meta;
mod tail;
#[cfg(test)]
mod tests;
mod verify;
mod view;
mod walk;
mod writer;

pub use crate::clock::Clock;
pub use archive::RunFile;
pub use archiver::Archiver;
pub use backup::{BackupFile, BackupPlan};
pub use base::{Base, Beginning, WriteState};
pub use catalog::{Catalog, SegmentFile};
pub use chunk::{Chunk, ChunkEnds, ScanError};
pub use compact::{CompactPlan, Compacted, Pace, compact_offline};
pub use error::{Class, JournalError, Problem};
pub use fields::Field;
pub use filler::RESERVE_FILE;
pub use flaw::{Flaw, FlawKind};
pub use follow::Follow;
pub use fork::Fork;
pub use frame::BODY_BYTES_MAX;
pub use group::{Delivered, GROUP_BYTES_MAX};
pub use handle::{Appended, Journal, NewAct};
pub use import::Import;
pub use index::Checkpoint;
pub use lane::Publish;
pub use ledger::{Reservation, Space, Unavailable};
pub use log_reader::{ActItem, LogReader, Order, Range};
pub use loss::Loss;
pub use map::MappedSegment;
pub use metrics::{BucketCounts, Buckets, GROUP_RECORDS_BOUNDS, JournalMetrics, SYNC_US_BOUNDS};
pub use open::{OpenReport, Recovered, open, prepare};
pub use options::{ACT_BYTES_MAX, Entropy, JournalOptions, OnPoison, SyncMode};
pub use past_cache::PastCache;
pub use place::{Lsn, Position, SNAPSHOT_TMP_SUFFIX, snapshot_lsn, snapshot_name};
pub use reader::{ActReader, ActRef, OwnedAct, SegmentActs};
pub use restore::{RestorePoint, Restored, restore, restore_behind};
pub use retain::{Expired, Prove, RetainPlan, retain_offline};
pub use sealed::Sealed;
pub(crate) use sidecar::SIDECAR_TMP_SUFFIX;
pub use storage::{Access, Entry, FileLock, FileStorage, Held, LOCK_FILE, Storage, StorageFile};
pub use store_meta::StoreMeta;
pub use tail::{Tail, TailVerdict};
pub use verify::VerifyReport;
pub use view::{Annotated, BadSpan, Item, Items, RecordView, SegmentView};
pub use walk::Link;
