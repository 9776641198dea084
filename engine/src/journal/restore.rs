//! Restoring: a log up to a point becomes a new store.
//!
//! The source is only read. The new store has an id of its own and a timeline one higher, its acts keep their LSNs and
//! times, and its next record is FORK. Every header CRC starts from the store's id, so no file of the source, or of
//! another restore from it, can pass for one of its own.
//!
//! ```text
//! source   (deleted) │ seg 7 │ seg 8 │ seg 9 ── point …      snap of what led to the end of seg 7
//! new                │ seg 1 │ seg 2 ─── point, FORK         the same state, under the new store's name
//! ```
//! A log that no longer goes back to LSN 1 needs a state that stands for what is gone. A segment of the new log ends
//! where that state does, whatever was in between.

use super::NewAct;
use super::base::{Base, Beginning};
use super::error::{Class, JournalError, Problem};
use super::fork::{FORK_SCHEMA, Fork};
use super::frame::{KIND_FORK, KIND_LOSS, RecordHeader};
use super::log_reader::{LogReader, Range};
use super::loss::Loss;
use super::meta::{META_FILE, Meta};
use super::options::Entropy;
use super::place::Lsn;
use super::rewrite::{Identity, Rewrite};
use super::segment::SegmentHeader;
use super::storage::Storage;
use super::view::{Item, RecordView};
use super::walk::Link;
use std::ops::ControlFlow;

/// How far a restore goes: always to the end of a whole act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RestorePoint {
    /// Everything that is known to be on disk.
    End,
    /// The last act that ends at or before this LSN.
    Lsn(Lsn),
    /// The last act at or before this instant.
    Time(i64),
}

/// What a restore came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restored {
    pub store_id: u128,
    pub timeline: u32,
    /// Whom it descends from, and the last LSN taken over.
    pub fork: Fork,
    /// Header time of the last act taken over.
    pub last_time_us: i64,
    pub fork_lsn: Lsn,
    pub acts: u64,
    pub segments: u64,
}

/// Copies acts record by record and holds each against the one before.
struct Copying<'a, 'b> {
    into: Rewrite<'a>,
    point: RestorePoint,
    /// The state that is still to come.
    beginning: Option<Beginning<'b>>,
    /// First record of the act that is not whole yet.
    first: Option<RecordHeader>,
    body: Vec<u8>,
    /// The last record met.
    met: RecordHeader,
    /// The last record taken over.
    taken: RecordHeader,
    acts: u64,
}

/// Restores what `reader` sees into an empty directory. `created_us` is written into the new headers.
pub fn restore(
    reader: &LogReader,
    into: &dyn Storage,
    point: RestorePoint,
    entropy: &Entropy,
    created_us: i64,
) -> Result<Restored, JournalError> {
    reader.catalog().check_whole()?;
    restore_behind(reader, into, point, entropy, created_us, None)
}

/// As `restore`, of a log that begins later: `beginning` stands for what was before.
pub fn restore_behind(
    reader: &LogReader,
    into: &dyn Storage,
    point: RestorePoint,
    entropy: &Entropy,
    created_us: i64,
    beginning: Option<Beginning<'_>>,
) -> Result<Restored, JournalError> {
    let catalog = reader.catalog();
    if let Some(worst) = catalog
        .blocking_problems()
        .into_iter()
        .max_by_key(|problem| problem.class.severity())
    {
        return Err(worst.into());
    }
    let newest = catalog.segments.last().and_then(|newest| newest.header());
    let (Some(meta), Some(newest)) = (catalog.newest_meta(), newest) else {
        return Err(JournalError::Options(
            "there is no store to restore from".to_owned(),
        ));
    };
    let before = match &beginning {
        None => {
            catalog.check_whole()?;
            RecordHeader::default()
        }
        Some(beginning) => {
            check_reach(beginning.base, point)?;
            record_before(reader, beginning.base)
        }
    };
    check_empty(into)?;
    let identity = Identity {
        store_id: entropy
            .draw()
            .map_err(JournalError::io("draw", "a store id"))?,
        timeline: meta.timeline + 1,
        created_us,
    };
    let link = Link {
        lsn: before.lsn,
        crc: before.hdr_crc,
        time_us: before.time_us,
    };
    let copying = Copying {
        into: Rewrite::new(into, identity, entropy, newest.capacity).behind(link),
        point,
        beginning,
        first: None,
        body: Vec::new(),
        met: before,
        taken: before,
        acts: 0,
    };
    copying.run(reader, meta, newest)
}

/// Nobody can tell how things stood before the state that a log is known from.
fn check_reach(base: Base, point: RestorePoint) -> Result<(), JournalError> {
    let is_early = match point {
        RestorePoint::End => false,
        RestorePoint::Lsn(lsn) => lsn < base.lsn,
        RestorePoint::Time(time_us) => time_us < base.time_us,
    };
    match is_early {
        true => Err(JournalError::Options(format!(
            "what led to LSN {} has been deleted: it is the first that can be restored",
            base.lsn
        ))),
        false => Ok(()),
    }
}

/// The record before the first one that is left, as far as the log knows it. Its time counts only where the state ends with
/// it, too.
fn record_before(reader: &LogReader, base: Base) -> RecordHeader {
    let first = reader.catalog().segments.first();
    let first = first.and_then(|first| first.header());
    first.map_or_else(RecordHeader::default, |first| RecordHeader {
        lsn: first.prev_lsn,
        hdr_crc: first.prev_crc,
        time_us: base.time_us,
        ..RecordHeader::default()
    })
}

fn loss_of(record: &RecordView<'_>) -> Option<Loss> {
    (record.header.kind == KIND_LOSS).then(|| Loss::decode(&record.header, record.body))?
}

fn check_empty(into: &dyn Storage) -> Result<(), JournalError> {
    let entries = into
        .list()
        .map_err(JournalError::io("list", "the new directory"))?;
    match entries.first() {
        None => Ok(()),
        Some(entry) => Err(JournalError::Options(format!(
            "the new directory is not empty: {} lies in it",
            entry.name
        ))),
    }
}

impl Copying<'_, '_> {
    fn run(
        mut self,
        reader: &LogReader,
        parent: &Meta,
        newest: &SegmentHeader,
    ) -> Result<Restored, JournalError> {
        self.settle()?;
        let mut outcome = Ok(());
        reader.each_record(Range::default(), |item| match self.take(item) {
            Ok(flow) => flow,
            Err(error) => {
                outcome = Err(error);
                ControlFlow::Break(())
            }
        })?;
        outcome?;
        // Damage at the end lies behind everything that was walked over: it counts unless the point came first.
        let reached = match self.point {
            RestorePoint::Lsn(lsn) => lsn.0 <= self.met.lsn,
            RestorePoint::End | RestorePoint::Time(_) => self.met.lsn > self.taken.lsn,
        };
        if !reached
            && let Some(problem) = reader
                .tail()?
                .as_ref()
                .and_then(|tail| tail.blocking().cloned())
        {
            return Err(problem.into());
        }
        if let RestorePoint::Lsn(lsn) = self.point
            && lsn.0 > self.met.lsn
        {
            return Err(JournalError::Options(format!(
                "the log ends at LSN {}, before LSN {lsn}",
                self.met.lsn
            )));
        }
        if let Some(beginning) = self.beginning {
            let what = format!("the log does not reach LSN {}", beginning.base.lsn);
            return Err(Problem::new(Class::Meta, META_FILE, what).into());
        }
        let fork = Fork {
            parent: newest.store_id,
            lsn: Lsn(self.taken.lsn),
            hdr_crc: self.taken.hdr_crc,
            timeline: parent.timeline,
        };
        self.into.flush()?;
        let fork_lsn = self.into.append(NewAct {
            kind: KIND_FORK,
            schema: FORK_SCHEMA,
            now_us: self.taken.time_us,
            body: &fork.encode(),
        })?;
        self.into.flush()?;
        let segments = self.into.segments();
        let meta = self.into.finish()?;
        Ok(Restored {
            store_id: meta.store_id,
            timeline: meta.timeline,
            fork,
            last_time_us: self.taken.time_us,
            fork_lsn: Lsn(fork_lsn),
            acts: self.acts,
            segments,
        })
    }

    fn take(&mut self, item: Item<'_>) -> Result<ControlFlow<()>, JournalError> {
        let record = match item {
            Item::Bad(span) => return Err(span.problem.into()),
            Item::Record(record) if record.header.is_bare() => {
                return Ok(ControlFlow::Continue(()));
            }
            Item::Record(record) => record,
        };
        self.check_link(&record)?;
        self.met = record.header;
        if let Some(loss) = loss_of(&record) {
            // It ends where the last lost record did.
            let link = loss.link(&record.header);
            self.met.lsn = link.lsn;
            self.met.hdr_crc = link.crc;
            return self.take_loss(loss, record.header.time_us);
        }
        let first = *self.first.get_or_insert(record.header);
        self.body.extend_from_slice(record.body);
        if record.header.is_more() {
            return Ok(ControlFlow::Continue(()));
        }
        let reached = match self.point {
            RestorePoint::End => false,
            RestorePoint::Lsn(lsn) => record.header.lsn > lsn.0,
            RestorePoint::Time(time_us) => first.time_us > time_us,
        };
        if reached {
            return Ok(ControlFlow::Break(()));
        }
        self.into.append(NewAct {
            kind: first.kind,
            schema: first.schema,
            now_us: first.time_us,
            body: &self.body,
        })?;
        self.acts += 1;
        self.taken = record.header;
        self.first = None;
        self.body.clear();
        self.settle()?;
        Ok(match self.point {
            // What lies behind the point is not even looked at.
            RestorePoint::Lsn(lsn) if record.header.lsn >= lsn.0 => ControlFlow::Break(()),
            RestorePoint::Lsn(_) | RestorePoint::End | RestorePoint::Time(_) => {
                ControlFlow::Continue(())
            }
        })
    }

    fn take_loss(&mut self, loss: Loss, time_us: i64) -> Result<ControlFlow<()>, JournalError> {
        let reached = match self.point {
            RestorePoint::End => false,
            RestorePoint::Lsn(lsn) => loss.to_lsn > lsn.0,
            RestorePoint::Time(point_us) => time_us > point_us,
        };
        if reached {
            return Ok(ControlFlow::Break(()));
        }
        self.into.append_loss(loss, time_us)?;
        self.taken = self.met;
        self.settle()?;
        Ok(ControlFlow::Continue(()))
    }

    /// Writes the state, if what was taken over last is where it ends.
    fn settle(&mut self) -> Result<(), JournalError> {
        let last = self.taken.lsn;
        let Some(beginning) = self.beginning.take_if(|one| one.base.lsn.0 == last) else {
            return Ok(());
        };
        if beginning.base.crc != self.taken.hdr_crc {
            let what =
                format!("LSN {last} is another record than the one that the state ends with");
            return Err(Problem::new(Class::Meta, META_FILE, what).into());
        }
        self.into.settle(beginning)
    }

    /// A walk checks links within a segment; here they must hold from the first record to the last.
    fn check_link(&self, record: &RecordView<'_>) -> Result<(), JournalError> {
        let header = &record.header;
        let sound = (header.lsn, header.prev_crc) == (self.met.lsn + 1, self.met.hdr_crc);
        if sound {
            return Ok(());
        }
        let what = format!(
            "LSN {} does not follow on from LSN {}",
            header.lsn, self.met.lsn
        );
        let file = format!("segment {}", record.position.segment);
        Err(Problem::new(Class::Chain, &file, what)
            .at(u64::from(record.position.offset))
            .lsn(header.lsn)
            .into())
    }
}
