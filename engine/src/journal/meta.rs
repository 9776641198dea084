//! `store.meta`: what the store is and how far its directory must reach.
//!
//! Four copies of 4 KiB. Copies 0 and 1 are written and synced, then 2 and 3, so at every instant two of them are
//! whole; the sound one with the highest sequence number counts. A directory that lags behind it has lost a file.
//!
//! ```text
//! half 0 (copies 0, 1)   7 ─► 8 ──────► 8 ─► 9        a half that is newer, or not sound, is the one written last
//! half 1 (copies 2, 3)   7 ──────► 8 ──► 8            both alike: half 1
//! ```
//! The half that was written last may be in the page cache only, and after a failed sync no later sync brings it to the
//! disk. The other one is on disk. So whoever writes next writes that half anew before it touches the other.

use super::bytes::{get_u16, get_u32, get_u64, put_u16, put_u32, put_u64};
use super::error::{Class, Problem};
use super::fields::Field;
use super::segment::CopyFlaw;
use super::storage::StorageFile;
use std::io;

pub const META_FILE: &str = "store.meta";
/// The name under which a new one is prepared.
pub const META_TMP_FILE: &str = "store.meta.tmp";
pub const META_MAGIC: [u8; 8] = [0x89, b'S', b'C', b'M', b'\r', b'\n', 0x1A, b'\n'];
pub const META_COPY_BYTES: usize = 4096;
pub const META_COPIES: usize = 4;
const META_MAJOR: u16 = 1;
const META_MINOR: u16 = 0;

const AT_MAJOR: usize = 8;
const AT_MINOR: usize = 10;
const AT_INCOMPATIBLE: usize = 12;
const AT_STORE: usize = 16;
const AT_SEQ: usize = 32;
const AT_EPOCH: usize = 40;
const AT_TIMELINE: usize = 48;
const AT_CLEAN: usize = 52;
const AT_CLEAN_LSN: usize = 56;
const AT_ACTIVE: usize = 64;
const AT_ACTIVE_LSN: usize = 72;
const AT_OLDEST: usize = 80;
const AT_SNAPSHOTS: usize = 88;
const AT_ARCHIVE: usize = 104;
const AT_CRC: usize = META_COPY_BYTES - 4;

/// What one copy says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Meta {
    pub store_id: u128,
    /// +1 per write of the file.
    pub seq: u64,
    pub epoch: u64,
    pub timeline: u32,
    /// The last LSN, when the store was closed in order.
    pub clean_lsn: Option<u64>,
    /// Segment in use; 0 before the first one exists.
    pub active_seq: u64,
    pub active_first_lsn: u64,
    /// The oldest segment that stands for itself; those before it are in the archive.
    pub oldest_seq: u64,
    /// LSNs of the two newest snapshots, newest first; 0 = none.
    pub snapshots: [u64; 2],
    /// The oldest segment that the archive still holds; 0 = it goes back to the first.
    pub archive_seq: u64,
}

/// All four copies as found.
#[derive(Clone, Debug)]
pub struct MetaCopies {
    pub copies: Vec<Result<Meta, CopyFlaw>>,
}

impl Meta {
    pub fn encode(&self) -> [u8; META_COPY_BYTES] {
        let mut out = [0; META_COPY_BYTES];
        out[..8].copy_from_slice(&META_MAGIC);
        put_u16(&mut out, AT_MAJOR, META_MAJOR);
        put_u16(&mut out, AT_MINOR, META_MINOR);
        out[AT_STORE..AT_SEQ].copy_from_slice(&self.store_id.to_le_bytes());
        put_u64(&mut out, AT_SEQ, self.seq);
        put_u64(&mut out, AT_EPOCH, self.epoch);
        put_u32(&mut out, AT_TIMELINE, self.timeline);
        put_u32(&mut out, AT_CLEAN, u32::from(self.clean_lsn.is_some()));
        put_u64(&mut out, AT_CLEAN_LSN, self.clean_lsn.unwrap_or(0));
        put_u64(&mut out, AT_ACTIVE, self.active_seq);
        put_u64(&mut out, AT_ACTIVE_LSN, self.active_first_lsn);
        put_u64(&mut out, AT_OLDEST, self.oldest_seq);
        put_u64(&mut out, AT_SNAPSHOTS, self.snapshots[0]);
        put_u64(&mut out, AT_SNAPSHOTS + 8, self.snapshots[1]);
        put_u64(&mut out, AT_ARCHIVE, self.archive_seq);
        let crc = crc32fast::hash(&out[..AT_CRC]);
        put_u32(&mut out, AT_CRC, crc);
        out
    }

    pub fn decode(copy: &[u8]) -> Result<Self, CopyFlaw> {
        if copy.len() < META_COPY_BYTES {
            return Err(CopyFlaw::Short);
        }
        let copy = &copy[..META_COPY_BYTES];
        if copy.iter().all(|byte| *byte == 0) {
            return Err(CopyFlaw::Blank);
        }
        if copy[..8] != META_MAGIC {
            return Err(CopyFlaw::Magic);
        }
        if get_u32(copy, AT_CRC) != crc32fast::hash(&copy[..AT_CRC]) {
            return Err(CopyFlaw::Crc);
        }
        if get_u16(copy, AT_MAJOR) != META_MAJOR || get_u32(copy, AT_INCOMPATIBLE) != 0 {
            return Err(CopyFlaw::Magic);
        }
        let mut store = [0; 16];
        store.copy_from_slice(&copy[AT_STORE..AT_SEQ]);
        Ok(Self {
            store_id: u128::from_le_bytes(store),
            seq: get_u64(copy, AT_SEQ),
            epoch: get_u64(copy, AT_EPOCH),
            timeline: get_u32(copy, AT_TIMELINE),
            clean_lsn: (get_u32(copy, AT_CLEAN) != 0).then(|| get_u64(copy, AT_CLEAN_LSN)),
            active_seq: get_u64(copy, AT_ACTIVE),
            active_first_lsn: get_u64(copy, AT_ACTIVE_LSN),
            oldest_seq: get_u64(copy, AT_OLDEST),
            snapshots: [get_u64(copy, AT_SNAPSHOTS), get_u64(copy, AT_SNAPSHOTS + 8)],
            archive_seq: get_u64(copy, AT_ARCHIVE),
        })
    }

    /// Every field with its place and value, for an annotated dump.
    pub fn fields(&self) -> Vec<Field> {
        let clean = self
            .clean_lsn
            .map_or("no".to_owned(), |lsn| format!("yes, at LSN {lsn}"));
        vec![
            Field::new(0, 8, "magic", "89 SCM CR LF 1A LF"),
            Field::new(AT_MAJOR, 2, "major", META_MAJOR.to_string()),
            Field::new(AT_MINOR, 2, "minor", META_MINOR.to_string()),
            Field::new(AT_STORE, 16, "store_id", format!("{:032x}", self.store_id)),
            Field::new(AT_SEQ, 8, "seq", self.seq.to_string()),
            Field::new(AT_EPOCH, 8, "epoch", self.epoch.to_string()),
            Field::new(AT_TIMELINE, 4, "timeline", self.timeline.to_string()),
            Field::new(AT_CLEAN, 12, "clean", clean),
            Field::new(AT_ACTIVE, 8, "active_seq", self.active_seq.to_string()),
            Field::new(
                AT_ACTIVE_LSN,
                8,
                "active_first_lsn",
                self.active_first_lsn.to_string(),
            ),
            Field::new(AT_OLDEST, 8, "oldest_seq", self.oldest_seq.to_string()),
            Field::new(
                AT_SNAPSHOTS,
                16,
                "snapshots",
                format!("{:?}", self.snapshots),
            ),
            Field::new(AT_ARCHIVE, 8, "archive_seq", self.archive_seq.to_string()),
            Field::new(AT_CRC, 4, "crc", "CRC of bytes 0..4092"),
        ]
    }

    /// Writes the next state in two synced halves.
    pub(crate) fn write(&mut self, file: &dyn StorageFile) -> io::Result<()> {
        self.seq += 1;
        self.write_half(file, 0)?;
        self.write_half(file, 1)
    }

    fn write_half(&self, file: &dyn StorageFile, half: usize) -> io::Result<()> {
        let bytes = self.encode().repeat(META_COPIES / 2);
        file.write_at(&bytes, (half * bytes.len()) as u64)?;
        file.sync_data()
    }
}

impl MetaCopies {
    /// All copies in the bytes of the file, however short.
    pub fn parse(bytes: &[u8]) -> Self {
        let copies = (0..META_COPIES)
            .map(|index| Meta::decode(bytes.get(index * META_COPY_BYTES..).unwrap_or(&[])))
            .collect();
        Self { copies }
    }

    /// The sound copy that was written last.
    pub fn newest(&self) -> Option<&Meta> {
        self.copies.iter().flatten().max_by_key(|meta| meta.seq)
    }

    /// The newest, in the half that was written last, again: then it is on disk, whatever became of it before. `None`: no
    /// copy is sound.
    pub(crate) fn settle(&self, file: &dyn StorageFile) -> io::Result<Option<Meta>> {
        let Some(mut meta) = self.newest().cloned() else {
            return Ok(None);
        };
        let [first, second] = [0, 1].map(|half| self.half_seq(half));
        if first == second || second.is_none() {
            meta.write_half(file, 1)?;
        } else {
            // Both halves, as ever: whoever builds on the state found here would lose it if half 1 stayed behind when the
            // next write tears half 0.
            meta.write(file)?;
        }
        Ok(Some(meta))
    }

    /// The newest state in a half; `None`: neither of its copies is sound.
    fn half_seq(&self, half: usize) -> Option<u64> {
        let mut copies = self.copies.chunks(META_COPIES / 2);
        let sound = copies.nth(half)?.iter().flatten();
        sound.map(|meta| meta.seq).max()
    }

    /// Copies that are bad, and copies that contradict each other.
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        for (index, copy) in self.copies.iter().enumerate() {
            let at = (index * META_COPY_BYTES) as u64;
            if let Err(flaw) = copy {
                let what = format!("copy {index} is bad ({flaw:?})");
                found.push(Problem::new(Class::Meta, META_FILE, what).at(at));
            }
        }
        if let Some(newest) = self.newest() {
            for (index, copy) in self.copies.iter().enumerate() {
                let foreign = copy
                    .as_ref()
                    .is_ok_and(|meta| meta.store_id != newest.store_id);
                if foreign {
                    let what = format!("copy {index} belongs to another store");
                    found.push(Problem::new(Class::Meta, META_FILE, what));
                }
            }
        }
        found
    }
}
