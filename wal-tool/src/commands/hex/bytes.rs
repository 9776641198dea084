//! The file whose bytes are looked at, by its path: it may lie anywhere and be damaged anyhow.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use engine::journal::frame::{HEADER_BYTES, RecordHeader};
use engine::journal::segment::{
    HEADER_COPY_BYTES, HEADER_PAGE_BYTES, SEGMENT_MAGIC, SegmentHeader,
};

use crate::exit::Stop;

/// How the names of segments end.
const SEGMENT_END: &str = "wal";

/// A file to look into.
pub(super) struct SourceFile {
    pub(super) name: String,
    file: File,
}

// === impl SourceFile ===

impl SourceFile {
    pub(super) fn open(path: &Path) -> Result<Self, Stop> {
        let name = path.display().to_string();
        match File::open(path) {
            Ok(file) => Ok(Self { name, file }),
            Err(source) => Err(Stop::Read { file: name, source }),
        }
    }

    pub(super) fn len(&self) -> Result<u64, Stop> {
        let found = self.file.metadata().map_err(Stop::read(&self.name))?;
        Ok(found.len())
    }

    /// By its name, however damaged it is, or by how either copy of its header begins, whatever it is called.
    pub(super) fn may_be_segment(&self, path: &Path) -> Result<bool, Stop> {
        if path.extension().is_some_and(|end| end == SEGMENT_END) {
            return Ok(true);
        }
        let page = self.read(0, 2 * HEADER_COPY_BYTES)?;
        let mut copies = page.chunks(HEADER_COPY_BYTES);
        Ok(copies.any(|copy| copy.starts_with(&SEGMENT_MAGIC)))
    }

    /// As many bytes as there are, up to `len`.
    pub(super) fn read(&self, at: u64, len: usize) -> Result<Vec<u8>, Stop> {
        let mut bytes = vec![0; len];
        let mut filled = 0;
        while filled < len {
            match self.file.read_at(&mut bytes[filled..], at + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(Stop::Read {
                        file: self.name.clone(),
                        source,
                    });
                }
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// The segment's header; `None` without a sound copy.
    pub(super) fn header(&self) -> Result<Option<SegmentHeader>, Stop> {
        let page = self.read(0, 2 * HEADER_COPY_BYTES)?;
        let mut copies = page.chunks(HEADER_COPY_BYTES).map(SegmentHeader::decode);
        Ok(copies.find_map(Result::ok))
    }

    /// Where the record begins that holds an offset, or the gap behind it. Behind the first header that
    /// cannot be believed nobody knows, and the offset itself is taken.
    pub(super) fn record_holding(&self, header: &SegmentHeader, asked: u64) -> Result<u64, Stop> {
        let mut at = HEADER_PAGE_BYTES;
        while at <= asked {
            let raw = self.read(at, HEADER_BYTES)?;
            let Ok(record) = RecordHeader::decode(&raw, header.seed()) else {
                break;
            };
            let mut end = at + record.framed_len() as u64;
            if record.is_end() {
                end = end.next_multiple_of(u64::from(header.alignment));
            }
            if asked < end {
                return Ok(at);
            }
            at = end;
        }
        Ok(asked)
    }
}
