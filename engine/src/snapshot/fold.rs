//! The fold: previous snapshot and the segments behind it become the next one.
//!
//! ```text
//! 1  keys of the previous snapshot that are still in their window ─────────────► key blocks
//! 2  every act, verified: its key ─► key blocks; whom it touches ─► sort; digest of the log
//! 3  previous rows and sorted touches, merged by entity: read each act back, apply ─► row blocks
//! 4  digest of the rows = digest of the log, or nothing was made
//! ```
//! Memory is bounded by the sort's buffer and a few blocks, whatever the length of the log and the number of
//! entities. Between pieces of work `Pace` is asked: it may wait, or call the whole thing off.

use thiserror::Error;

use super::format::{BlockKind, Header};
use super::read::Snapshot;
use super::runs::{Sorted, Sorter, Touch};
use super::tally::Tally;
use super::write::SnapshotWriter;
use super::{KeptKey, entity_key, entity_of};
use crate::domain::{Digest, Timestamp};
use crate::entities::EntityState;
use crate::journal::frame::KIND_JOURNAL_MIN;
use crate::journal::{ActRef, JournalError, ScanError, Sealed, SegmentActs, Storage};
use crate::record::{self, Content, Senseless};

/// Called between pieces of work of less than a millisecond; it may wait. False calls the work off.
pub type Pace<'a> = &'a dyn Fn() -> bool;

/// Entities that are merged between two calls of the pace, and acts that are scanned: some hundred microseconds.
const BURST: u32 = 128;

/// Why there is no new snapshot.
#[derive(Debug, Error)]
pub enum FoldError {
    /// The disk, or damage in what was read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An act of the log makes no sense.
    #[error(transparent)]
    Act(#[from] Senseless),
    /// The rows are not what the events lead to.
    #[error("digest {rows:032x} of the rows is not {log:032x} of the log at lsn {lsn}")]
    Digest {
        /// Up to where both were folded.
        lsn: u64,
        /// Of the rows.
        rows: u128,
        /// Of the events.
        log: u128,
    },
    /// Called off.
    #[error("called off")]
    CalledOff,
}

/// What is folded, and how.
pub(crate) struct Fold<'a> {
    pub(crate) storage: &'a dyn Storage,
    pub(crate) sealed: &'a Sealed,
    pub(crate) previous: Option<&'a Snapshot>,
    pub(crate) key_window_us: i64,
    /// Touches in memory before they are sorted into a file.
    pub(crate) buffered_max: usize,
    pub(crate) pace: Pace<'a>,
}

// === impl Fold ===

impl Fold<'_> {
    /// Writes the snapshot under a name, synced and not yet verified.
    pub(crate) fn write(&self, name: &str, runs: &str) -> Result<(Header, Tally), FoldError> {
        let end = self.sealed.end();
        let header = Header {
            store_id: self.sealed.store_id(),
            lsn: end.lsn,
            time_us: end.time_us,
            crc: end.crc,
            timeline: self.sealed.timeline(),
            keys_from_us: end.time_us.saturating_sub(self.key_window_us),
            previous: self.previous.map(Snapshot::lsn).unwrap_or_default(),
        };
        let mut writer = SnapshotWriter::create(self.storage, name, header)?;
        self.copy_keys(&header, &mut writer)?;
        let mut sorter = Sorter::new(self.storage, runs, self.buffered_max);
        let log = self.scan(&header, &mut writer, &mut sorter)?;
        self.merge(&mut writer, sorter.sort()?)?;
        let (header, tally) = writer.finish()?;
        if tally.digest == log {
            return Ok((header, tally));
        }
        Err(FoldError::Digest {
            lsn: header.lsn.0,
            rows: tally.digest.0,
            log: log.0,
        })
    }

    fn copy_keys(&self, header: &Header, writer: &mut SnapshotWriter) -> Result<(), FoldError> {
        let Some(previous) = self.previous else {
            return Ok(());
        };
        for block in previous.blocks(BlockKind::Keys) {
            let body = previous.body(block)?;
            previous.each_key(&body, |kept| match kept.at_us >= header.keys_from_us {
                true => writer.push_key(&kept),
                false => Ok(()),
            })?;
            self.pause()?;
        }
        Ok(())
    }

    /// Goes through the log once. Gives the digest that its events lead to.
    fn scan(
        &self,
        header: &Header,
        writer: &mut SnapshotWriter,
        sorter: &mut Sorter<'_>,
    ) -> Result<Digest, FoldError> {
        let mut digest = self
            .previous
            .map_or(Digest::default(), |previous| previous.stated().digest);
        let mut scanned_acts = 0u32;
        let scanned = self.sealed.scan(
            |segment, act| {
                scanned_acts = scanned_acts.wrapping_add(1);
                if scanned_acts.is_multiple_of(BURST) {
                    self.pause()?;
                }
                let (lsn, at_us) = (act.lsn.0, act.time_us);
                if act.kind >= KIND_JOURNAL_MIN {
                    return Ok(());
                }
                let record = decode(&act)?;
                if let Some(key) = record.key.filter(|_| at_us >= header.keys_from_us) {
                    writer.push_key(&KeptKey { key, lsn, at_us })?;
                }
                if let Content::Event(event) = &record.content {
                    digest.fold(event);
                    for (id, _) in event.roles() {
                        sorter.push(Touch {
                            entity: entity_key(id),
                            segment: u32::try_from(segment).unwrap_or(u32::MAX),
                            offset: act.position.offset,
                        })?;
                    }
                }
                Ok(())
            },
            || self.pause(),
        );
        scanned.map_err(|error| match error {
            ScanError::Journal(error) => FoldError::Journal(error),
            ScanError::Each(error) => error,
        })?;
        Ok(digest)
    }

    fn merge(&self, writer: &mut SnapshotWriter, sorted: Sorted<'_>) -> Result<(), FoldError> {
        let mut merge = Merge {
            acts: self.sealed.acts(),
            sorted,
            writer,
            fold: self,
            merged: 0,
        };
        if let Some(previous) = self.previous {
            for block in previous.blocks(BlockKind::Rows) {
                let body = previous.body(block)?;
                for row in previous.rows(&body)? {
                    let key = entity_key(row.id);
                    merge.born_before(key)?;
                    if merge.is_touched(key) {
                        merge.lead_on(key, row.state)?;
                    } else {
                        merge.writer.push_row(row.id, &row.state, row.row)?;
                    }
                }
                self.pause()?;
            }
        }
        merge.born_before(u64::MAX)
    }

    fn pause(&self) -> Result<(), FoldError> {
        match (self.pace)() {
            true => Ok(()),
            false => Err(FoldError::CalledOff),
        }
    }
}

/// Step 3 on its way.
struct Merge<'a, 'b> {
    acts: Vec<SegmentActs>,
    sorted: Sorted<'a>,
    writer: &'b mut SnapshotWriter,
    fold: &'b Fold<'b>,
    merged: u32,
}

// === impl Merge ===

impl Merge<'_, '_> {
    fn is_touched(&self, key: u64) -> bool {
        self.sorted.peek().is_some_and(|touch| touch.entity == key)
    }

    /// Entities below this one that the previous snapshot does not have.
    fn born_before(&mut self, key: u64) -> Result<(), FoldError> {
        while let Some(touch) = self.sorted.peek().filter(|touch| touch.entity < key) {
            self.lead_on(touch.entity, EntityState::default())?;
        }
        Ok(())
    }

    /// Applies all touches of one entity and writes its row.
    fn lead_on(&mut self, key: u64, mut state: EntityState) -> Result<(), FoldError> {
        let Some(id) = entity_of(key) else {
            return Err(super::bad("a sorted run", "names no entity").into());
        };
        while let Some(touch) = self.sorted.peek().filter(|touch| touch.entity == key) {
            self.sorted.take()?;
            let segment = self.acts.get(touch.segment as usize);
            let Some(segment) = segment else {
                return Err(super::bad("a sorted run", "names no segment").into());
            };
            segment.with_act(touch.offset, |act| apply(&mut state, key, &act))??;
            self.count()?;
        }
        self.writer.push_state(id, &state)?;
        self.count()
    }

    fn count(&mut self) -> Result<(), FoldError> {
        self.merged += 1;
        if self.merged.is_multiple_of(BURST) {
            self.fold.pause()?;
        }
        Ok(())
    }
}

/// Carries out what an act says about one entity.
fn apply(state: &mut EntityState, key: u64, act: &ActRef<'_>) -> Result<(), FoldError> {
    let record = decode(act)?;
    let Content::Event(event) = &record.content else {
        return Err(super::bad("a sorted run", "names a refusal").into());
    };
    let roles = event.roles();
    let role = roles.iter().find(|(id, _)| entity_key(*id) == key);
    let Some((_, role)) = role else {
        return Err(super::bad("a sorted run", "names an act of others").into());
    };
    let lsn = act.lsn.0;
    let applied = state.apply(*role, event);
    applied.map_err(|error| Senseless::Meaning { lsn, error })?;
    state.mark(act.last_lsn, Timestamp(act.time_us));
    Ok(())
}

fn decode(act: &ActRef<'_>) -> Result<record::Record, Senseless> {
    let lsn = act.lsn.0;
    let read = record::decode(act.kind, act.schema, act.body);
    read.map_err(|error| Senseless::Record { lsn, error })
}
