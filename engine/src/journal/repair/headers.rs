//! What the format holds twice: header copies of segments, copies of the meta. A bad one is written anew from a sound
//! one; a meta without any sound copy is made again from what the segments say.

use super::super::catalog::{Catalog, SegmentFile};
use super::super::error::JournalError;
use super::super::log_reader::LogReader;
use super::super::meta::{META_COPIES, META_COPY_BYTES, META_FILE, Meta};
use super::super::place::{Lsn, snapshot_lsn};
use super::super::segment::{HEADER_COPY_BYTES, SegmentHeader};
use super::super::tail::TailVerdict;
use super::super::view::read_whole;
use super::Drafts;

/// The copy that speaks for a segment: sound, and of the segment that the file's name names.
fn spokesman(segment: &SegmentFile) -> Option<&SegmentHeader> {
    let named = |header: &&SegmentHeader| {
        (header.seq, header.first_lsn) == (segment.seq, segment.first_lsn)
    };
    segment.copies.iter().flatten().find(named)
}

/// Writes every bad header copy anew from its sound twin.
pub(super) fn restore_segments(catalog: &Catalog, drafts: &mut Drafts) -> Result<(), JournalError> {
    // An archived segment has no header page of its own.
    for segment in catalog.segments.iter().filter(|segment| !segment.archived) {
        let Some(header) = spokesman(segment) else {
            continue;
        };
        for (index, copy) in segment.copies.iter().enumerate() {
            if copy.as_ref() == Ok(header) {
                continue;
            }
            let at = index * HEADER_COPY_BYTES;
            let draft = drafts.of(&segment.name, || read_whole(segment))?;
            draft.put(
                at as u64,
                &header.encode(),
                format!("write header copy {index} anew from the other one"),
            );
        }
    }
    Ok(())
}

/// Writes every bad copy of the meta anew from the newest sound one, or all from what the segments say.
pub(super) fn restore_meta(reader: &LogReader, drafts: &mut Drafts) -> Result<(), JournalError> {
    let catalog = reader.catalog();
    let found = catalog.meta.as_ref();
    let newest = catalog.newest_meta().cloned();
    let (meta, why) = match (newest, derived(reader)?) {
        (Some(meta), _) => (meta, "write it anew from the newest sound copy"),
        (None, Some(meta)) => (meta, "make it again from what the segments say"),
        (None, None) => return Ok(()),
    };
    for index in 0..META_COPIES {
        let copy = found.and_then(|found| found.copies.get(index));
        let sound = copy.is_some_and(|copy| {
            copy.as_ref()
                .is_ok_and(|copy| copy.store_id == meta.store_id)
        });
        if !sound {
            let at = (index * META_COPY_BYTES) as u64;
            let says = format!("copy {index}: {why}");
            drafts
                .of(META_FILE, || read_meta(reader))?
                .put(at, &meta.encode(), says);
        }
    }
    Ok(())
}

/// All bytes of the meta; none when the file is missing.
pub(super) fn read_meta(reader: &LogReader) -> Result<Vec<u8>, JournalError> {
    let files = reader.files()?;
    let Some(entry) = files.iter().find(|entry| entry.name == META_FILE) else {
        return Ok(Vec::new());
    };
    reader.read_file(META_FILE, entry.len)
}

/// A meta that says what the segments say. Not closed in order: nobody knows that it was.
fn derived(reader: &LogReader) -> Result<Option<Meta>, JournalError> {
    let catalog = reader.catalog();
    let (Some(first), Some(newest)) = (catalog.segments.first(), catalog.segments.last()) else {
        return Ok(None);
    };
    let oldest = catalog.oldest_live().unwrap_or(newest);
    let Some(header) = spokesman(newest) else {
        return Ok(None);
    };
    let tail = reader.tail()?;
    let closed = tail.filter(|tail| matches!(tail.verdict, TailVerdict::Clean { closed: true }));
    Ok(Some(Meta {
        store_id: header.store_id,
        seq: 1,
        epoch: header.epoch,
        timeline: header.timeline,
        clean_lsn: closed.map(|tail| tail.link.lsn),
        active_seq: newest.seq,
        active_first_lsn: newest.first_lsn,
        oldest_seq: oldest.seq,
        snapshots: named_snapshots(&catalog.snapshots),
        // Where the archive begins; without one, where the log does.
        archive_seq: first.seq,
    }))
}

/// The two newest of these files, by LSN, newest first. Whether they are sound is found out by whoever loads them.
fn named_snapshots(names: &[String]) -> [u64; 2] {
    let mut lsns: Vec<u64> = names
        .iter()
        .filter_map(|name| snapshot_lsn(name))
        .map(|lsn| lsn.0)
        .collect();
    lsns.sort_unstable_by(|a, b| b.cmp(a));
    lsns.resize(2, 0);
    [lsns[0], lsns[1]]
}

/// What the meta must no longer say: that the log was closed where it no longer ends, and snapshots that hold what was
/// given up or never was.
pub(super) fn restate_meta(reader: &LogReader, drafts: &mut Drafts) -> Result<(), JournalError> {
    let Some(old) = reader.catalog().newest_meta() else {
        return Ok(());
    };
    let mut meta = old.clone();
    if drafts.cut {
        meta.clean_lsn = None;
    }
    let named = meta.snapshots.into_iter();
    let kept =
        named.filter(|lsn| !drafts.is_lost(Lsn(*lsn)) && !drafts.retired.contains(&Lsn(*lsn)));
    let mut kept: Vec<u64> = kept.collect();
    kept.resize(2, 0);
    meta.snapshots = [kept[0], kept[1]];
    if meta == *old {
        return Ok(());
    }
    meta.seq += 1;
    let draft = drafts.of(META_FILE, || read_meta(reader))?;
    for index in 0..META_COPIES {
        let at = (index * META_COPY_BYTES) as u64;
        let says = format!("copy {index}: say where the log ends and which snapshots there are");
        draft.put(at, &meta.encode(), says);
    }
    Ok(())
}
