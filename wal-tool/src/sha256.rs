//! SHA-256 in hex: how backups and repairs tell one file from another.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

/// What is read, or counted as zeros, at a time.
pub(crate) const STEP_BYTES: usize = 1024 * 1024;

/// A hash on its way.
#[derive(Clone, Default)]
pub(crate) struct Sum(Sha256);

/// Of bytes.
pub(crate) fn of_bytes(bytes: &[u8]) -> String {
    let mut sum = Sum::default();
    sum.add(bytes);
    sum.hex()
}

/// Of a file, read piece by piece.
pub(crate) fn of_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut sum = Sum::default();
    let mut step = vec![0; STEP_BYTES];
    loop {
        let read = file.read(&mut step)?;
        if read == 0 {
            return Ok(sum.hex());
        }
        sum.add(&step[..read]);
    }
}

// === impl Sum ===

impl Sum {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn add_zeros(&mut self, count: u64) {
        let zeros = [0; 4096];
        let mut left = count;
        while left > 0 {
            let part = left.min(zeros.len() as u64);
            self.add(&zeros[..usize::try_from(part).unwrap_or(zeros.len())]);
            left -= part;
        }
    }

    pub(crate) fn hex(self) -> String {
        let digest = self.0.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
