//! The log for those who only look: no lock, no writes, also while a server runs.
//!
//! Under a running server the newest segment is read while it grows. What is not attested yet may still vanish in a
//! crash, so nothing past the last attested LSN is shown or judged.

use super::archive::ARCHIVE_FOLDER;
use super::base::{Base, first_behind};
use super::catalog::{Catalog, SegmentFile};
use super::error::{Class, JournalError, Problem};
use super::place::Lsn;
use super::reader::ActRef;
use super::segment::{HEADER_COPY_BYTES, SegmentHeader, parse_segment_name};
use super::storage::{Access, Entry, FileLock, FileStorage, Storage};
use super::tail::{Tail, TailVerdict, judge};
use super::view::{ActEntry, Item, SegmentView, read_whole};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Reads of a growing segment that may race with its writer, one group at a time; more would mean that it is damaged.
const RACES_MAX: usize = 64;

/// A directory, read-only.
pub struct LogReader {
    storage: Arc<dyn Storage>,
    dir: Option<PathBuf>,
    catalog: Catalog,
}

/// Which way a walk goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Order {
    #[default]
    Forward,
    Backward,
}

/// Which records a walk looks at.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    pub order: Order,
    pub from: Lsn,
    pub to: Lsn,
}

/// An act or a damage, for walks that go on behind it.
#[derive(Clone, Debug)]
pub enum ActItem<'a> {
    Act(ActRef<'a>),
    Bad(Problem),
}

impl Default for Range {
    fn default() -> Self {
        Self {
            order: Order::Forward,
            from: Lsn(0),
            to: Lsn(u64::MAX),
        }
    }
}

impl LogReader {
    /// A directory that exists; nothing in it is touched.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, JournalError> {
        let storage = FileStorage::existing(dir.as_ref())?;
        let mut reader = Self::of(Arc::new(storage))?;
        reader.dir = Some(dir.as_ref().to_owned());
        Ok(reader)
    }

    pub fn of(storage: Arc<dyn Storage>) -> Result<Self, JournalError> {
        let catalog = Catalog::read(&storage)?;
        Ok(Self {
            storage,
            dir: None,
            catalog,
        })
    }

    /// Looks at the directory again.
    pub fn refresh(&mut self) -> Result<(), JournalError> {
        self.catalog = Catalog::read(&self.storage)?;
        Ok(())
    }

    /// The directory, for those who read what is not the log.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// Whether a state that is known from elsewhere is one of this log: it ends where a segment ends, with that very
    /// record. Believes the headers.
    pub fn check_base(&self, base: Base) -> Result<(), JournalError> {
        match self.tail()? {
            Some(tail) => first_behind(&self.catalog, tail.link, Some(base)).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Segments with both header copies, meta copies, and what else lies there.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Whether the log may have gone on since its end was judged to be at `end`: there is another segment, the newest
    /// was replaced, or something stands there. Two small reads, where judging takes the whole segment.
    pub(crate) fn has_grown(&self, end: u64) -> Result<bool, JournalError> {
        let Some(newest) = self.catalog.segments.last() else {
            return Ok(true);
        };
        let files = self.listed()?;
        let last = files
            .iter()
            .filter_map(|entry| parse_segment_name(&entry.name))
            .max();
        if last != Some((newest.seq, newest.first_lsn)) {
            return Ok(true);
        }
        let mut copy = [0; HEADER_COPY_BYTES];
        let mut magic = [0; 2];
        let read = newest
            .file
            .read_at(&mut copy, 0)
            .and_then(|_| newest.file.read_at(&mut magic, end));
        read.map_err(JournalError::io("read", &newest.name))?;
        Ok(magic != [0; 2] || SegmentHeader::decode(&copy).ok().as_ref() != newest.header())
    }

    /// All files with their lengths, those of the archive by their path.
    pub fn files(&self) -> Result<Vec<Entry>, JournalError> {
        let mut files = self.listed()?;
        let reading = || JournalError::io("read", ARCHIVE_FOLDER);
        let folder = self.storage.existing_folder(ARCHIVE_FOLDER);
        if let Some(folder) = folder.map_err(reading())? {
            let inside = folder.list().map_err(reading())?.into_iter();
            files.extend(inside.map(|entry| Entry {
                name: format!("{ARCHIVE_FOLDER}/{}", entry.name),
                ..entry
            }));
        }
        Ok(files)
    }

    fn listed(&self) -> Result<Vec<Entry>, JournalError> {
        self.storage
            .list()
            .map_err(JournalError::io("list", "the directory"))
    }

    /// Where it is, if it is a real directory.
    pub fn dir(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    /// Who serves this directory right now, when somebody does.
    pub fn holder(&self) -> Option<String> {
        self.dir.as_deref().and_then(FileLock::holder)
    }

    /// How the newest segment ends; None for a directory without segments, or one whose newest header is unreadable.
    pub fn tail(&self) -> Result<Option<Tail>, JournalError> {
        let Some(newest) = self.catalog.segments.last() else {
            return Ok(None);
        };
        match self.judge_sound(newest, &mut Vec::new())? {
            Some(tail) => Ok(Some(tail)),
            None => Ok(self.judge(newest)?.map(|(tail, _)| tail)),
        }
    }

    /// Where the meta says that a segment was closed in order, when it speaks of that very segment.
    pub(crate) fn clean_lsn(&self, header: &SegmentHeader) -> Option<u64> {
        self.catalog
            .newest_meta()
            .filter(|meta| meta.epoch == header.epoch && meta.active_seq == header.seq)
            .and_then(|meta| meta.clean_lsn)
    }

    /// The first `len` bytes of a file, as far as it reaches.
    pub(crate) fn read_file(&self, name: &str, len: u64) -> Result<Vec<u8>, JournalError> {
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
        let read = self
            .storage
            .open(name, Access::Read)
            .and_then(|file| file.read_at(&mut bytes, 0));
        let count = read.map_err(JournalError::io("read", name))?;
        bytes.truncate(count);
        Ok(bytes)
    }

    /// One segment in memory.
    pub fn segment(&self, seq: u64) -> Result<Option<SegmentView>, JournalError> {
        let Some(index) = self
            .catalog
            .segments
            .iter()
            .position(|segment| segment.seq == seq)
        else {
            return Ok(None);
        };
        self.view(index).map(Some)
    }

    /// One segment in memory. A server may have archived it since the directory was looked at.
    pub(crate) fn view(&self, index: usize) -> Result<SegmentView, JournalError> {
        let gone = match self.view_as_listed(index) {
            Err(JournalError::Io {
                action,
                file,
                source,
            }) if source.kind() == io::ErrorKind::NotFound => JournalError::Io {
                action,
                file,
                source,
            },
            outcome => return outcome,
        };
        let again = Self {
            storage: Arc::clone(&self.storage),
            dir: self.dir.clone(),
            catalog: Catalog::read(&self.storage)?,
        };
        let seq = self.catalog.segments[index].seq;
        let mut now = again.catalog.segments.iter();
        match now.position(|segment| segment.seq == seq) {
            Some(at) => again.view_as_listed(at),
            None => Err(gone),
        }
    }

    fn view_as_listed(&self, index: usize) -> Result<SegmentView, JournalError> {
        let file = &self.catalog.segments[index];
        if let Some(next) = self.catalog.successor(index) {
            return SegmentView::read(file.clone(), next.prev_bytes);
        }
        if index + 1 < self.catalog.segments.len() {
            // Its successor is missing or no successor at all: its own records have to say where it ends.
            let mut view = SegmentView::read(file.clone(), file.len)?;
            view.end = view.last_record_end();
            return Ok(view);
        }
        match self.judge(file)? {
            Some((tail, bytes)) => Ok(SegmentView {
                file: file.clone(),
                bytes,
                end: tail.end,
                lost: Vec::new(),
            }),
            None => SegmentView::read(file.clone(), file.len),
        }
    }

    /// Judges the newest segment. Its writer may be at work: what was blank when it was read may have been written
    /// before what lies behind it was read, so damage counts only when a second look finds it at the same place.
    pub(crate) fn judge(
        &self,
        newest: &SegmentFile,
    ) -> Result<Option<(Tail, Vec<u8>)>, JournalError> {
        let Some(header) = newest.header() else {
            return Ok(None);
        };
        let clean_lsn = self.clean_lsn(header);
        let mut bytes = read_whole(newest)?;
        let mut tail = judge(&newest.name, header, &bytes, clean_lsn);
        for _ in 0..RACES_MAX {
            if tail.blocking().is_none() {
                break;
            }
            bytes = read_whole(newest)?;
            let again = judge(&newest.name, header, &bytes, clean_lsn);
            let same = again.end == tail.end && again.verdict == tail.verdict;
            tail = again;
            if same {
                break;
            }
        }
        if self.holder().is_some() && matches!(tail.verdict, TailVerdict::Torn { .. }) {
            // A group on its way to the disk.
            tail.verdict = TailVerdict::Clean { closed: false };
        }
        Ok(Some((tail, bytes)))
    }

    /// Every record and every damage. Records without an LSN of their own (MARK, CLOSE) are among them.
    pub fn each_record(
        &self,
        range: Range,
        mut look: impl FnMut(Item<'_>) -> ControlFlow<()>,
    ) -> Result<(), JournalError> {
        self.each_view(range, |view, shown_to| {
            let items = view.items().filter(|item| match item {
                Item::Record(record) => (range.from.0..=shown_to).contains(&record.header.lsn),
                Item::Bad(_) => true,
            });
            match range.order {
                Order::Forward => items.into_iter().try_for_each(&mut look),
                Order::Backward => items
                    .collect::<Vec<_>>()
                    .into_iter()
                    .rev()
                    .try_for_each(&mut look),
            }
        })
    }

    /// Every whole act and every damage.
    pub fn each_act(
        &self,
        range: Range,
        mut look: impl FnMut(ActItem<'_>) -> ControlFlow<()>,
    ) -> Result<(), JournalError> {
        self.each_view(range, |view, shown_to| {
            let acts = view.acts().filter(|item| match item {
                ActEntry::Act(act) => act.first.lsn >= range.from.0 && act.last_lsn <= shown_to,
                ActEntry::Bad(_) => true,
            });
            let mut look = |entry: ActEntry<'_>| match entry {
                ActEntry::Act(act) => look(ActItem::Act(act.as_ref())),
                ActEntry::Bad(problem) => look(ActItem::Bad(problem)),
            };
            match range.order {
                Order::Forward => acts.into_iter().try_for_each(&mut look),
                Order::Backward => acts
                    .collect::<Vec<_>>()
                    .into_iter()
                    .rev()
                    .try_for_each(&mut look),
            }
        })
    }

    /// Every segment that may hold wanted LSNs, with the highest LSN that may be shown. Under a running server that is
    /// what is attested, and the newest segment is looked at as it was when that was asked.
    fn each_view(
        &self,
        range: Range,
        mut look: impl FnMut(&SegmentView, u64) -> ControlFlow<()>,
    ) -> Result<(), JournalError> {
        let mut shown_to = range.to.0;
        let mut newest = None;
        if self.holder().is_some() {
            newest = self.judged_view()?;
            let attested = newest.as_ref().map_or(0, |(tail, _)| tail.attested.0);
            shown_to = shown_to.min(attested);
        }
        for index in self.order(range.order) {
            if self.is_outside(index, range.from.0, shown_to) {
                continue;
            }
            let last = index + 1 == self.catalog.segments.len();
            let stopped = match newest.as_ref().filter(|_| last) {
                Some((_, view)) => look(view, shown_to),
                None => look(&self.view(index)?, shown_to),
            };
            if stopped.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The newest segment with its tail.
    pub(super) fn judged_view(&self) -> Result<Option<(Tail, SegmentView)>, JournalError> {
        let Some(newest) = self.catalog.segments.last() else {
            return Ok(None);
        };
        Ok(self.judge(newest)?.map(|(tail, bytes)| {
            let view = SegmentView {
                file: newest.clone(),
                bytes,
                end: tail.end,
                lost: Vec::new(),
            };
            (tail, view)
        }))
    }

    fn order(&self, order: Order) -> Vec<usize> {
        let all = 0..self.catalog.segments.len();
        match order {
            Order::Forward => all.collect(),
            Order::Backward => all.rev().collect(),
        }
    }

    /// Whether no LSN of a segment is wanted, as far as file names tell.
    fn is_outside(&self, index: usize, from: u64, to: u64) -> bool {
        let segments = &self.catalog.segments;
        let ends_before = segments
            .get(index + 1)
            .is_some_and(|next| next.first_lsn <= from);
        segments[index].first_lsn > to || ends_before
    }
}

/// Both header copies of a segment are bad.
pub(crate) fn unreadable(file: &SegmentFile) -> Problem {
    let what = "both header copies are bad, its records cannot be told";
    Problem::new(Class::Corrupt, &file.name, what)
        .at(0)
        .lsn(file.first_lsn)
}
