//! A known state to start from: what everything up to an LSN adds up to is known from elsewhere, so only the log
//! behind it is cut and replayed.
//!
//! It must end where a segment ends, and the segment behind it must say so: LSN and header CRC of the record before
//! it stand in its header. A state of another store, another timeline or another past cannot pass.

use super::catalog::{Catalog, SegmentFile};
use super::error::{Class, JournalError, Problem};
use super::place::Lsn;
use super::storage::Storage;
use super::walk::Link;

/// The last record that a known state covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Base {
    pub lsn: Lsn,
    /// Header CRC of that record.
    pub crc: u32,
    /// Its header time.
    pub time_us: i64,
}

/// A state that stands for the part of a log that was deleted, for those who write the log anew.
pub struct Beginning<'a> {
    /// The last record that it covers; a segment ends with it.
    pub base: Base,
    pub write: &'a mut WriteState<'a>,
}

/// Writes a state into the directory of a store of this id and timeline, in which its last record is this one.
pub type WriteState<'a> = dyn FnMut(&dyn Storage, u128, u32, Base) -> Result<(), JournalError> + 'a;

impl Base {
    pub(super) fn link(&self) -> Link {
        Link {
            lsn: self.lsn.0,
            crc: self.crc,
            time_us: self.time_us,
        }
    }
}

/// The first segment that has records behind the base; `segments.len()` when none has. `last` is the end of the log.
pub(super) fn first_behind(
    catalog: &Catalog,
    last: Link,
    base: Option<Base>,
) -> Result<usize, JournalError> {
    let segments = &catalog.segments;
    let Some(base) = base else {
        return match segments.first() {
            Some(first) if first.first_lsn > 1 => Err(beheaded(first).into()),
            Some(_) | None => Ok(0),
        };
    };
    if base.lsn.0 > last.lsn {
        return Err(ahead(catalog, last, base).into());
    }
    let ends_with = |index: usize| {
        let next = segments.get(index + 1).and_then(SegmentFile::header);
        next.map_or(last, Link::stated_by)
    };
    let covered = (0..segments.len()).take_while(|index| ends_with(*index).lsn <= base.lsn.0);
    let at = covered.count();
    let behind = segments.get(at).and_then(SegmentFile::header);
    let stated = behind.map_or(last, Link::stated_by);
    if (stated.lsn, stated.crc) == (base.lsn.0, base.crc) {
        return Ok(at);
    }
    let name = segments.get(at).map_or("the log", |segment| &segment.name);
    let what = format!(
        "does not follow on from the state at LSN {}, header CRC {:08x}",
        base.lsn, base.crc
    );
    Err(Problem::new(Class::Meta, name, what)
        .lsn(stated.lsn + 1)
        .into())
}

fn ahead(catalog: &Catalog, last: Link, base: Base) -> Problem {
    let name = catalog.segments.last();
    let name = name.map_or("the log", |segment| &segment.name);
    let what = format!(
        "the log ends at LSN {}, but there is a snapshot up to LSN {}: its newest segments are missing or rolled back",
        last.lsn, base.lsn
    );
    Problem::new(Class::Chain, name, what).lsn(last.lsn + 1)
}

fn beheaded(first: &SegmentFile) -> Problem {
    let what = format!(
        "the log begins at LSN {}, and there is no sound snapshot of what was before: take one from a backup",
        first.first_lsn
    );
    Problem::new(Class::Meta, &first.name, what).lsn(first.first_lsn)
}
