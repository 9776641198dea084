//! Opening a directory for serving: take the lock, read what is there, decide where the log ends. Changes nothing yet.

use super::buffer::PageBuffer;
use super::catalog::{Catalog, SegmentFile};
use super::chunk::{Chunk, ChunkEnds, Span, chunks_between};
use super::cut::{Cut, find_cuts};
use super::error::{Class, JournalError, Problem};
use super::meta::Meta;
use super::options::JournalOptions;
use super::place::Lsn;
use super::segment::{HEADER_PAGE_BYTES, SegmentHeader};
use super::storage::{Access, Held, Storage};
use super::tail::{Tail, TailVerdict, judge};
use super::walk::{Link, SegmentKey};
use parking_lot::Mutex;
use std::sync::Arc;

/// What opening found.
#[derive(Clone, Debug)]
pub struct OpenReport {
    /// 0 for a store that does not exist yet.
    pub store_id: u128,
    /// Of the last run; the next one is one more.
    pub epoch: u64,
    pub segments: usize,
    /// Lowest LSN in the log; 0 when it is empty.
    pub first_lsn: Lsn,
    pub last_lsn: Lsn,
    pub last_time_us: i64,
    /// Bytes of records and padding to be replayed.
    pub bytes: u64,
    pub verdict: TailVerdict,
    /// From here on nobody can say whether it was acknowledged.
    pub unknown_from: Option<Lsn>,
    pub warnings: Vec<String>,
}

/// A directory that may be served, once it has been replayed.
pub struct Recovered {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) options: JournalOptions,
    pub(super) held: Held,
    pub(super) catalog: Catalog,
    pub(super) meta: Option<Meta>,
    pub(super) newest: Option<Newest>,
    pub(super) spans: Vec<Arc<Span>>,
    pub(super) chunks: Vec<Chunk>,
    pub(super) results: Arc<Mutex<Vec<Option<ChunkEnds>>>>,
    pub(super) report: OpenReport,
}

/// The newest segment and how it ends.
pub(super) struct Newest {
    pub(super) header: SegmentHeader,
    pub(super) name: String,
    pub(super) tail: Tail,
}

/// Opens a directory for serving: takes LOCK, reads meta and headers, decides the tail.
pub fn open(storage: Arc<dyn Storage>, options: JournalOptions) -> Result<Recovered, JournalError> {
    options.check()?;
    let held = storage.lock()?;
    let catalog = Catalog::read(&storage)?;
    if let Some(worst) = catalog
        .blocking_problems()
        .into_iter()
        .max_by_key(|problem| problem.class.severity())
    {
        return Err(worst.into());
    }
    let meta = catalog.newest_meta().cloned();
    let mut warnings: Vec<String> = catalog
        .unknown
        .iter()
        .map(|name| format!("{name}: unknown file, left alone"))
        .collect();
    let blocking = catalog.blocking_problems();
    warnings.extend(
        catalog
            .problems()
            .iter()
            .filter(|problem| !blocking.contains(problem))
            .map(Problem::to_string),
    );
    let newest = match catalog.segments.last() {
        Some(segment) => Some(judge_newest(
            &*storage,
            segment,
            meta.as_ref(),
            &mut warnings,
        )?),
        None => None,
    };
    if let Some(problem) = newest.as_ref().and_then(|newest| newest.tail.blocking()) {
        return Err(problem.clone().into());
    }
    let results = Arc::default();
    let (spans, chunks) = cut_log(&catalog, newest.as_ref(), &results)?;
    let report = report(&catalog, meta.as_ref(), newest.as_ref(), &chunks, warnings)?;
    Ok(Recovered {
        storage,
        options,
        held,
        catalog,
        meta,
        newest,
        spans,
        chunks,
        results,
        report,
    })
}

impl Recovered {
    pub fn report(&self) -> &OpenReport {
        &self.report
    }

    /// The whole log in LSN order, in pieces that can be scanned at the same time.
    pub fn chunks(&self) -> Vec<Chunk> {
        self.chunks.clone()
    }

    /// Longest body an act may have.
    pub fn act_bytes_max(&self) -> usize {
        self.options.act_bytes_max()
    }
}

fn judge_newest(
    storage: &dyn Storage,
    segment: &SegmentFile,
    meta: Option<&Meta>,
    warnings: &mut Vec<String>,
) -> Result<Newest, JournalError> {
    let Some(header) = segment.header().cloned() else {
        return Err(
            Problem::new(Class::Corrupt, &segment.name, "both header copies are bad")
                .at(0)
                .into(),
        );
    };
    let bytes = read_past_cache(storage, &segment.name, segment.len, warnings)?;
    // The flag speaks of the run that wrote it; a segment of a later run has none yet.
    let clean_lsn = meta
        .filter(|meta| meta.epoch == header.epoch && meta.active_seq == header.seq)
        .and_then(|meta| meta.clean_lsn);
    let tail = judge(&segment.name, &header, &bytes, clean_lsn);
    warnings.extend(tail.warnings.iter().cloned());
    Ok(Newest {
        header,
        name: segment.name.clone(),
        tail,
    })
}

/// All bytes of a file as the disk has them: what only the page cache holds was never synced, and may be lost yet.
fn read_past_cache(
    storage: &dyn Storage,
    name: &str,
    len: u64,
    warnings: &mut Vec<String>,
) -> Result<PageBuffer, JournalError> {
    let mut bytes = PageBuffer::new(usize::try_from(len).unwrap_or(usize::MAX));
    let direct = storage
        .open(name, Access::ReadDirect)
        .and_then(|file| file.read_at(&mut bytes, 0));
    let read = match direct {
        Ok(read) => read,
        Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => {
            warnings.push(format!(
                "{name}: read through the page cache, which this file system cannot bypass"
            ));
            let file = storage
                .open(name, Access::Write)
                .map_err(JournalError::io("open", name))?;
            file.sync_data().map_err(JournalError::io("sync", name))?;
            file.forget_cache()
                .map_err(JournalError::io("drop the cache of", name))?;
            file.read_at(&mut bytes, 0)
                .map_err(JournalError::io("read", name))?
        }
        Err(error) => return Err(JournalError::io("read", name)(error)),
    };
    assert!(read == bytes.len(), "a locked file keeps its length");
    Ok(bytes)
}

/// Cuts all segments: each older one ends where its successor says, the newest where its tail was judged to be.
fn cut_log(
    catalog: &Catalog,
    newest: Option<&Newest>,
    results: &Arc<Mutex<Vec<Option<ChunkEnds>>>>,
) -> Result<(Vec<Arc<Span>>, Vec<Chunk>), JournalError> {
    let (mut spans, mut chunks) = (Vec::new(), Vec::new());
    for (index, segment) in catalog.segments.iter().enumerate() {
        let Some(header) = segment.header() else {
            continue;
        };
        let end = match (
            catalog
                .segments
                .get(index + 1)
                .and_then(SegmentFile::header),
            newest,
        ) {
            (Some(next), _) => Cut {
                at: next.prev_bytes,
                link: Link::stated_by(next),
            },
            (None, Some(newest)) => Cut {
                at: newest.tail.end,
                link: newest.tail.link,
            },
            (None, None) => continue,
        };
        let span = Arc::new(Span {
            name: segment.name.clone(),
            seq: segment.seq,
            key: SegmentKey::of(header),
            file: Arc::clone(&segment.file),
        });
        let start = Link::stated_by(header);
        let cuts = find_cuts(
            &span,
            Cut {
                at: HEADER_PAGE_BYTES,
                link: start,
            },
            end.at,
        )?;
        chunks.extend(chunks_between(&span, &cuts, end, results));
        spans.push(span);
    }
    Ok((spans, chunks))
}

fn report(
    catalog: &Catalog,
    meta: Option<&Meta>,
    newest: Option<&Newest>,
    chunks: &[Chunk],
    warnings: Vec<String>,
) -> Result<OpenReport, JournalError> {
    let last_lsn = newest.map_or(0, |newest| newest.tail.link.lsn);
    let first_lsn = catalog
        .segments
        .first()
        .map_or(0, |segment| segment.first_lsn);
    let mut last_time_us = newest.map_or(i64::MIN, |newest| newest.tail.link.time_us);
    if last_time_us == i64::MIN {
        last_time_us = last_time_before(chunks)?;
    }
    Ok(OpenReport {
        store_id: meta.map_or(0, |meta| meta.store_id),
        epoch: newest.map_or(0, |newest| newest.header.epoch),
        segments: catalog.segments.len(),
        first_lsn: Lsn(if first_lsn > last_lsn { 0 } else { first_lsn }),
        last_lsn: Lsn(last_lsn),
        last_time_us,
        bytes: chunks.iter().map(Chunk::bytes).sum(),
        verdict: newest.map_or(TailVerdict::Clean { closed: false }, |newest| {
            newest.tail.verdict.clone()
        }),
        unknown_from: newest.and_then(|newest| newest.tail.unknown_from),
        warnings,
    })
}

/// Header time of the last record, when the newest segment has none: from the last chunk that has records. 0 for an empty log.
fn last_time_before(chunks: &[Chunk]) -> Result<i64, JournalError> {
    let Some(chunk) = chunks
        .iter()
        .rev()
        .find(|chunk| chunk.end.lsn > chunk.start.lsn)
    else {
        return Ok(0);
    };
    match chunk.scan(|_| Ok::<(), std::convert::Infallible>(())) {
        Ok(ends) => Ok(ends.end.time_us),
        Err(super::ScanError::Journal(error)) => Err(error),
        Err(super::ScanError::Each(never)) => match never {},
    }
}
