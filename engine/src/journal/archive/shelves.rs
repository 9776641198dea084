//! What the archive of a directory holds: every file, its runs as segments, and what is wrong with any of them.

use super::super::catalog::SegmentFile;
use super::super::error::{JournalError, Problem};
use super::super::storage::Storage;
use super::super::walk::Link;
use super::file::{ArchiveFile, BlockCache};
use super::layout::{ARCHIVE_FOLDER, parse_archive_name};
use super::run_file::RunFile;
use std::io;
use std::sync::Arc;

/// The archive files of a directory, oldest first.
#[derive(Clone, Default)]
pub(crate) struct Archive {
    pub(crate) files: Vec<Arc<ArchiveFile>>,
    /// Files that cannot be read as what their names say.
    pub(crate) problems: Vec<Problem>,
    cache: Arc<BlockCache>,
}

impl Archive {
    /// Reads headers and indexes only. A directory without an archive has an empty one.
    pub(crate) fn read(storage: &Arc<dyn Storage>) -> Result<Self, JournalError> {
        let mut archive = Self::default();
        let reading = || JournalError::io("read", ARCHIVE_FOLDER);
        let Some(folder) = storage.existing_folder(ARCHIVE_FOLDER).map_err(reading())? else {
            return Ok(archive);
        };
        for entry in folder.list().map_err(reading())? {
            if parse_archive_name(&entry.name).is_none() {
                continue;
            }
            match ArchiveFile::open(&folder, &entry.name) {
                Ok(file) => archive.files.push(Arc::new(file)),
                Err(JournalError::Damage(problem)) => archive.problems.push(problem),
                // Removed between the listing and the opening.
                Err(JournalError::Io { source, .. })
                    if source.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        archive.files.sort_by_key(|file| file.header.first_lsn);
        Ok(archive)
    }

    /// A single file.
    pub(crate) fn of(file: ArchiveFile, cache: Arc<BlockCache>) -> Self {
        Self {
            files: vec![Arc::new(file)],
            problems: Vec::new(),
            cache,
        }
    }

    /// Leaves out the files before segment `begins`; gives their names inside the data directory.
    pub(crate) fn forget(&mut self, begins: u64) -> Vec<String> {
        let before = |file: &Arc<ArchiveFile>| {
            let last = file.runs.last();
            last.is_some_and(|run| run.source.seq < begins)
        };
        let files = std::mem::take(&mut self.files);
        let (forgotten, kept): (Vec<_>, Vec<_>) = files.into_iter().partition(before);
        self.files = kept;
        forgotten.iter().map(|file| file.shown()).collect()
    }

    /// Every archived segment.
    pub(crate) fn segments(&self) -> Vec<SegmentFile> {
        let found = self.segments_with_ends().into_iter();
        found.map(|(segment, _)| segment).collect()
    }

    /// Every archived segment, with its last record.
    pub(crate) fn segments_with_ends(&self) -> Vec<(SegmentFile, Link)> {
        let mut found = Vec::new();
        for file in &self.files {
            for (at, run) in file.runs.iter().enumerate() {
                let end = Link {
                    lsn: run.last_lsn,
                    crc: run.last_crc,
                    time_us: i64::MIN,
                };
                found.push((self.segment(file, at), end));
            }
        }
        found
    }

    fn segment(&self, file: &Arc<ArchiveFile>, at: usize) -> SegmentFile {
        let run = &file.runs[at];
        let source = &run.source;
        SegmentFile {
            name: format!("{}/{}", file.shown(), source.file_name()),
            seq: source.seq,
            first_lsn: source.first_lsn,
            len: run.end,
            allocated: file.stored_bytes(at),
            copies: [Ok(source.clone()), Ok(source.clone())],
            archived: true,
            file: Arc::new(RunFile::new(Arc::clone(file), at, Arc::clone(&self.cache))),
        }
    }
}
