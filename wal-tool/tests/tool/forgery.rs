//! Snapshots that hold something else under checksums that are right.
//!
//! ```text
//! header 128 (CRC at 124: every other one starts from it) │ blocks: header 32, body │ index, 32 a block │ footer 128
//! ```

use std::fs;
use std::path::Path;

const HEADER: usize = 128;
const FOOTER: usize = 128;
const ENTRY: usize = 32;

/// What a block holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Block {
    Keys,
    Rows,
}

fn number(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

fn put(bytes: &mut [u8], at: usize, crc: u32) {
    bytes[at..at + 4].copy_from_slice(&crc.to_le_bytes());
}

/// Changes the bodies of the blocks of one kind and makes every checksum right again. Lengths and sums stay.
pub(crate) fn forge(file: &Path, block: Block, change: impl Fn(&mut [u8])) {
    let mut bytes = fs::read(file).unwrap();
    let seed = u32::from_le_bytes(bytes[HEADER - 4..HEADER].try_into().unwrap());
    let crc = |bytes: &[u8]| {
        let mut hasher = crc32fast::Hasher::new_with_initial(seed);
        hasher.update(bytes);
        hasher.finalize()
    };
    let footer = bytes.len() - FOOTER;
    let index = number(&bytes, footer + 8);
    let tag = match block {
        Block::Keys => b"KEYS",
        Block::Rows => b"ROWS",
    };
    let mut forged = 0;
    for entry in (index..footer).step_by(ENTRY) {
        if &bytes[entry + 24..entry + 28] != tag {
            continue;
        }
        let head = number(&bytes, entry);
        let body = head + 32..head + 32 + number(&bytes, entry + 16);
        change(&mut bytes[body.clone()]);
        let sum = crc(&bytes[body]);
        put(&mut bytes, head + 12, sum);
        put(&mut bytes, entry + 28, sum);
        let sum = crc(&bytes[head..head + 28]);
        put(&mut bytes, head + 28, sum);
        forged += 1;
    }
    assert!(forged > 0, "there is such a block");
    let sum = crc(&bytes[index..footer]);
    put(&mut bytes, footer + 20, sum);
    let sum = crc(&bytes[footer..footer + FOOTER - 8]);
    put(&mut bytes, footer + FOOTER - 8, sum);
    fs::write(file, bytes).unwrap();
}
