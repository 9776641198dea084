//! Reads and damages segment files by their written format alone, without a line of the engine's own code.
//!
//! ```text
//! 0     header, two copies of 2,048 bytes
//! 4096  record: 0x5CA1 u16 · kind u8 · flags u8 · length u32 · LSN u64 · … 48 bytes in all · body · zeros to 8
//!       … zeros to the next 4,096 after a record that ends its group
//! ```

use std::fs;
use std::path::{Path, PathBuf};

const HEADER_BYTES: usize = 4_096;
const RECORD_HEADER_BYTES: usize = 48;
const MAGIC: [u8; 2] = [0xA1, 0x5C];
const FLAG_END: u8 = 1;
const FLAG_BARE: u8 = 4;
const ALIGNMENT: usize = 4_096;

/// A segment file, read whole.
#[derive(Clone, Debug)]
pub struct Segment {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
    pub records: Vec<Record>,
}

/// Where a record lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// Offset of its header.
    pub at: usize,
    pub lsn: u64,
    /// Bytes of its body.
    pub body: usize,
    /// Whether it has no LSN of its own: MARK and CLOSE.
    pub bare: bool,
    /// Whether it is the last of its group.
    pub end: bool,
}

/// All segments of a directory in their order.
pub fn read(directory: &Path) -> Vec<Segment> {
    let entries = fs::read_dir(directory).expect("the directory can be listed");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|held| held == "wal"));
    paths.sort();
    paths.into_iter().map(Segment::read).collect()
}

/// Copies a directory's files; damage is done to the copy.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("the copy is new");
    for entry in fs::read_dir(from).expect("the directory can be listed") {
        let entry = entry.expect("a file");
        if entry.path().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("a file can be copied");
        }
    }
}

// === impl Segment ===

impl Segment {
    fn read(path: PathBuf) -> Self {
        let bytes = fs::read(&path).expect("a segment can be read");
        let mut records = Vec::new();
        let mut at = HEADER_BYTES;
        while bytes.len() >= at + RECORD_HEADER_BYTES && bytes[at..at + 2] == MAGIC {
            let record = Record::read(&bytes, at);
            records.push(record);
            at = record.next();
        }
        Self {
            path,
            bytes,
            records,
        }
    }

    /// Its file's name.
    pub fn name(&self) -> String {
        let name = self.path.file_name().expect("a file has a name");
        name.to_string_lossy().into_owned()
    }

    /// Turns one bit round, in the file.
    pub fn flip(&self, at: usize, bit: u8) {
        let mut bytes = self.bytes.clone();
        bytes[at] ^= 1 << bit;
        fs::write(&self.path, bytes).expect("a segment can be written");
    }

    /// Overwrites with zeros from here to the end of the file, as if it had never been written.
    pub fn blank_from(&self, at: usize) {
        let mut bytes = self.bytes.clone();
        bytes[at..].fill(0);
        fs::write(&self.path, bytes).expect("a segment can be written");
    }
}

// === impl Record ===

impl Record {
    fn read(bytes: &[u8], at: usize) -> Self {
        let mut length = [0; 4];
        length.copy_from_slice(&bytes[at + 4..at + 8]);
        let mut lsn = [0; 8];
        lsn.copy_from_slice(&bytes[at + 8..at + 16]);
        let flags = bytes[at + 3];
        Self {
            at,
            lsn: u64::from_le_bytes(lsn),
            body: u32::from_le_bytes(length) as usize,
            bare: flags & FLAG_BARE != 0,
            end: flags & FLAG_END != 0,
        }
    }

    /// Offset of its body.
    pub fn body_at(&self) -> usize {
        self.at + RECORD_HEADER_BYTES
    }

    /// First offset behind body and the zeros that round it up to 8.
    pub fn padded_end(&self) -> usize {
        (self.body_at() + self.body).next_multiple_of(8)
    }

    /// Offset of the next record: behind the gap where this one ends its group.
    pub fn next(&self) -> usize {
        let end = self.padded_end();
        if self.end {
            end.next_multiple_of(ALIGNMENT)
        } else {
            end
        }
    }
}
