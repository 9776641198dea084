//! The manifest of a backup: which files it has, and their SHA-256.
//!
//! ```text
//! # scrip backup 1
//! # store 9f0c… timeline 0 first 1 last 4711
//! # growing seg-0000000003-….wal
//! 5e88…  seg-0000000001-….wal
//! …
//! # end 77a1…
//! ```
//! `sha256sum -c MANIFEST` reads it too. It is written last; the hash at its end covers every line before.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::exit::Stop;
use crate::sha256::{self, STEP_BYTES, Sum};
use crate::staged::PARTIAL_SUFFIX;

/// Its name, inside the generation.
pub(crate) const MANIFEST_FILE: &str = "MANIFEST";

const HEAD: &str = "# scrip backup 1";
const GENERATION_PREFIX: &str = "backup-";

/// A manifest, line by line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Manifest {
    pub(crate) store_id: u128,
    pub(crate) timeline: u32,
    pub(crate) first_lsn: u64,
    pub(crate) last_lsn: u64,
    /// The newest segment, of which a later backup has more.
    pub(crate) growing: String,
    /// File name → SHA-256 in hex.
    pub(crate) files: BTreeMap<String, String>,
}

// === impl Manifest ===

impl Manifest {
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!(
            "{HEAD}\n# store {:032x} timeline {} first {} last {}\n# growing {}\n",
            self.store_id, self.timeline, self.first_lsn, self.last_lsn, self.growing
        );
        for (name, hash) in &self.files {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{hash}  {name}");
        }
        let end = sha256::of_bytes(text.as_bytes());
        let _ = writeln!(text, "# end {end}");
        text
    }

    /// None when a byte of it is not as it was written.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (body, end) = text.strip_suffix('\n')?.rsplit_once("\n# end ")?;
        let body = format!("{body}\n");
        if sha256::of_bytes(body.as_bytes()) != end {
            return None;
        }
        let mut lines = body.lines();
        if lines.next()? != HEAD {
            return None;
        }
        let words: Vec<&str> = lines.next()?.split(' ').collect();
        let [
            "#",
            "store",
            store,
            "timeline",
            timeline,
            "first",
            first,
            "last",
            last,
        ] = words[..]
        else {
            return None;
        };
        let growing = lines.next()?.strip_prefix("# growing ")?.to_owned();
        let files = lines
            .map(|line| {
                let (hash, name) = line.split_once("  ")?;
                Some((name.to_owned(), hash.to_owned()))
            })
            .collect::<Option<_>>()?;
        Some(Self {
            store_id: u128::from_str_radix(store, 16).ok()?,
            timeline: timeline.parse().ok()?,
            first_lsn: first.parse().ok()?,
            last_lsn: last.parse().ok()?,
            growing,
            files,
        })
    }

    /// The manifest of a generation; None when it has none, or a damaged one.
    pub(crate) fn read(generation: &Path) -> Result<Option<Self>, Stop> {
        let path = generation.join(MANIFEST_FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
            Err(source) => Err(Stop::of_file(&path, source)),
        }
    }
}

/// Name of the generation that ends with this LSN.
pub(crate) fn generation_name(last_lsn: u64) -> String {
    format!("{GENERATION_PREFIX}{last_lsn:020}")
}

/// The generations in a directory of backups, oldest first.
pub(crate) fn generations(to: &Path) -> Result<Vec<PathBuf>, Stop> {
    called(to, "")
}

/// Generations that are being written, or whose run was killed.
pub(crate) fn partials(to: &Path) -> Result<Vec<PathBuf>, Stop> {
    called(to, PARTIAL_SUFFIX)
}

/// Directories called as a generation is, with something behind.
fn called(to: &Path, suffix: &str) -> Result<Vec<PathBuf>, Stop> {
    let entries = match fs::read_dir(to) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(Stop::of_file(to, source)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| Stop::of_file(to, source))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let digits = name.strip_prefix(GENERATION_PREFIX).unwrap_or_default();
        let digits = digits.strip_suffix(suffix).unwrap_or_default();
        if digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Copies the first `bytes` of a file, lengthens the copy with zeros to `len`, syncs it; gives the SHA-256 of the copy.
pub(crate) fn copy_hashed(from: &Path, to: &Path, bytes: u64, len: u64) -> io::Result<String> {
    let mut source = File::open(from)?.take(bytes);
    let mut copy = File::create_new(to)?;
    let mut sum = Sum::default();
    let mut step = vec![0; STEP_BYTES];
    let mut copied = 0;
    loop {
        let read = source.read(&mut step)?;
        if read == 0 {
            break;
        }
        io::Write::write_all(&mut copy, &step[..read])?;
        sum.add(&step[..read]);
        copied += read as u64;
    }
    if copied < bytes {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("it has {copied} bytes instead of {bytes}"),
        ));
    }
    copy.set_len(len)?;
    copy.sync_all()?;
    sum.add_zeros(len.saturating_sub(bytes));
    Ok(sum.hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_reads_back_and_any_changed_byte_is_seen() {
        let manifest = Manifest {
            store_id: 0xabc,
            timeline: 2,
            first_lsn: 1,
            last_lsn: 77,
            growing: "seg-2".to_owned(),
            files: [("seg-1".to_owned(), "00ff".to_owned())].into(),
        };
        let text = manifest.to_text();
        assert_eq!(Manifest::parse(&text), Some(manifest));
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(Manifest::parse(&changed), None, "byte {at}");
            assert_eq!(Manifest::parse(&text[..at]), None, "cut at {at}");
        }
    }
}
