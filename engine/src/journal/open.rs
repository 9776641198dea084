//! Opening a directory for serving: take the lock, read what is there, decide where the log ends. Changes nothing yet.

use super::base::{Base, first_behind};
use super::buffer::PageBuffer;
use super::catalog::{Catalog, SegmentFile};
use super::chunk::{Chunk, ChunkEnds, Span, cut_spans, last_time_us};
use super::cut::Cut;
use super::error::{Class, JournalError, Problem};
use super::meta::Meta;
use super::options::JournalOptions;
use super::place::Lsn;
use super::segment::SegmentHeader;
use super::storage::{Access, Held, Storage};
use super::tail::{Tail, TailVerdict, judge};
use super::walk::Link;
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
    /// The known state that replay begins behind.
    pub(super) base: Option<Base>,
    /// LSNs of snapshots that turned out bad.
    pub(super) bad_snapshots: Vec<u64>,
}

/// The newest segment and how it ends.
pub(super) struct Newest {
    pub(super) header: SegmentHeader,
    pub(super) name: String,
    pub(super) tail: Tail,
}

/// Opens a directory for serving: takes LOCK, reads meta and headers, decides the tail, and cuts the whole log.
pub fn open(storage: Arc<dyn Storage>, options: JournalOptions) -> Result<Recovered, JournalError> {
    let mut recovered = prepare(storage, options)?;
    recovered.begin_behind(None)?;
    Ok(recovered)
}

/// As `open`, but without a decision yet on where replay begins: `begin_behind` must follow.
pub fn prepare(
    storage: Arc<dyn Storage>,
    options: JournalOptions,
) -> Result<Recovered, JournalError> {
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
    warnings.extend(catalog.losses());
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
    let spans = spans(&catalog, newest.as_ref());
    let report = report(&catalog, meta.as_ref(), newest.as_ref(), warnings);
    Ok(Recovered {
        storage,
        options,
        held,
        catalog,
        meta,
        newest,
        spans,
        chunks: Vec::new(),
        results: Arc::default(),
        report,
        base: None,
        bad_snapshots: Vec::new(),
    })
}

impl Recovered {
    pub fn report(&self) -> &OpenReport {
        &self.report
    }

    /// The log behind the known state in LSN order, in pieces that can be scanned at the same time.
    pub fn chunks(&self) -> Vec<Chunk> {
        self.chunks.clone()
    }

    /// Files of the directory, as they were found.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// Decides that replay begins behind a known state, or at the beginning of the log, and cuts what is to be
    /// replayed. A second call decides anew.
    pub fn begin_behind(&mut self, base: Option<Base>) -> Result<(), JournalError> {
        let base = base.filter(|base| base.lsn > Lsn(0));
        let last = self
            .newest
            .as_ref()
            .map_or(Link::default(), |newest| newest.tail.link);
        let at = first_behind(&self.catalog, last, base)?;
        self.base = base;
        self.results = Arc::default();
        self.chunks = cut_spans(&self.spans[at..], &self.results)?;
        self.report.bytes = self.chunks.iter().map(Chunk::bytes).sum();
        if self.newest.is_some() && last.time_us == i64::MIN {
            self.report.last_time_us = last_time_us(&self.chunks)?
                .or(base.map(|base| base.time_us))
                .unwrap_or(0);
        }
        Ok(())
    }

    /// Whether the known state covers a whole segment.
    pub(super) fn is_covered(&self, span: &Span) -> bool {
        self.base
            .is_some_and(|base| span.end.link.lsn <= base.lsn.0)
    }

    /// Remembers that a snapshot is bad: the meta will not name it any longer.
    pub fn reject_snapshot(&mut self, lsn: Lsn) {
        self.bad_snapshots.push(lsn.0);
    }

    /// What the meta should name: of these snapshots the ones that did not turn out bad.
    pub(super) fn sound_snapshots(&self, named: [u64; 2]) -> [u64; 2] {
        let sound = |lsn: &u64| *lsn != 0 && !self.bad_snapshots.contains(lsn);
        let mut kept = named.into_iter().filter(sound);
        [kept.next().unwrap_or(0), kept.next().unwrap_or(0)]
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

/// All segments: each older one ends where its successor says, the newest where its tail was judged to be.
fn spans(catalog: &Catalog, newest: Option<&Newest>) -> Vec<Arc<Span>> {
    let mut spans = Vec::new();
    for (index, segment) in catalog.segments.iter().enumerate() {
        let Some(header) = segment.header() else {
            continue;
        };
        let successor = catalog
            .segments
            .get(index + 1)
            .and_then(SegmentFile::header);
        let end = match (successor, newest) {
            (Some(next), _) => Cut::stated_by(next),
            (None, Some(newest)) => Cut {
                at: newest.tail.end,
                link: newest.tail.link,
            },
            (None, None) => continue,
        };
        spans.push(Arc::new(Span::new(segment, header, end)));
    }
    spans
}

fn report(
    catalog: &Catalog,
    meta: Option<&Meta>,
    newest: Option<&Newest>,
    warnings: Vec<String>,
) -> OpenReport {
    let last_lsn = newest.map_or(0, |newest| newest.tail.link.lsn);
    let first_lsn = catalog
        .segments
        .first()
        .map_or(0, |segment| segment.first_lsn);
    OpenReport {
        store_id: meta.map_or(0, |meta| meta.store_id),
        epoch: newest.map_or(0, |newest| newest.header.epoch),
        segments: catalog.segments.len(),
        first_lsn: Lsn(if first_lsn > last_lsn { 0 } else { first_lsn }),
        last_lsn: Lsn(last_lsn),
        last_time_us: newest.map_or(0, |newest| newest.tail.link.time_us),
        bytes: 0,
        verdict: newest.map_or(TailVerdict::Clean { closed: false }, |newest| {
            newest.tail.verdict.clone()
        }),
        unknown_from: newest.and_then(|newest| newest.tail.unknown_from),
        warnings,
    }
}
