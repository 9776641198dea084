//! The archive: sealed segments rewritten densely, bit for bit recoverable.
//!
//! ```text
//! archive/arch-{first_lsn}-{last_lsn}.arc
//! file header │ run header │ block │ block │ … │ run header │ block │ … │ index │ trailer
//! ```
//! A run is one source segment: its whole header, and where its log ended and with which record. A block is a stretch of
//! whole records, headers taken apart into columns, compressed. What can be computed is not stored: LSNs, offsets,
//! padding, links and every CRC are made again when a block is read, and the last header CRC must come out as stated.
//! So a run read back *is* the segment, byte for byte up to its end, and everything that reads segments reads it.
//!
//! `layout` owns the framing, `columns` the content of a block, `build` writes a file, `file` reads one, `run_file` shows a
//! run as a segment, `shelves` all of a directory. Nothing here decides when a segment is archived: that is `compact`.

mod build;
mod columns;
mod file;
mod layout;
mod run_file;
mod shelves;

pub(crate) use build::Builder;
pub(crate) use file::{ArchiveFile, BlockCache};
pub(crate) use layout::{ARCHIVE_FOLDER, ARCHIVE_TMP_SUFFIX, FileHeader, archive_name};
pub use run_file::RunFile;
pub(crate) use shelves::Archive;
