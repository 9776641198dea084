//! Taking a filled file into use as a segment.

use super::buffer::PageBuffer;
use super::filler::ReadyFile;
use super::segment::{HEADER_PAGE_BYTES, SegmentHeader};
use super::storage::Storage;
use std::io;

/// Header first, synced, then the name, then the directory: whoever finds the name finds a sound header. Returns the
/// segment's name. An empty segment of the same name is replaced.
pub(crate) fn seat(
    storage: &dyn Storage,
    ready: &ReadyFile,
    header: &SegmentHeader,
) -> io::Result<String> {
    let mut page = PageBuffer::new(usize::try_from(HEADER_PAGE_BYTES).unwrap_or(usize::MAX));
    page.copy_from_slice(&header.page());
    ready.file.write_at(&page, 0)?;
    ready.file.sync_all()?;
    let name = header.file_name();
    storage.rename(&ready.name, &name)?;
    storage.sync_dir()?;
    Ok(name)
}
