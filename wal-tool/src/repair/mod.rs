//! Carrying a repair out, and back: bytes go aside first, then each file is switched as a whole.
//!
//! ```text
//! aside/0001.json                 the manifest: what was there, what is there now, hashes of both
//! aside/0001.seg-….wal            the file as it was, without the zeros at its end
//! seg-….wal.repair                the file as it will be, until it is renamed over the old one
//!
//! copies aside, synced ─► manifest "prepared" ─► per file: new one, synced, read back, renamed ─► manifest "done"
//! ```
//! At every step each file is either as it was or as it will be, and the manifest knows both. Nothing here knows what
//! is repaired or why.

mod manifest;

use std::io;
use std::sync::Arc;

use engine::journal::repair::Plan;
use engine::journal::{Access, Storage};

pub(crate) use self::manifest::{FileEntry, Manifest, State};
use crate::exit::Stop;
use crate::sha256::of_bytes as hash;

/// Where bytes are moved aside to.
pub(crate) const ASIDE: &str = "aside";

/// What the new form of a file is called until it takes the old one's place.
const NEW_SUFFIX: &str = ".repair";

/// Of files that are only made to be quick, and made anew when they are missing.
const CACHE_SUFFIX: &str = ".idx";

/// Written at a time.
const PIECE_BYTES: usize = 1 << 20;

/// The repairs of a directory that nobody writes to.
pub(crate) struct Repairs {
    storage: Arc<dyn Storage>,
    aside: Arc<dyn Storage>,
}

/// What undoing a repair brings back: nothing stands in its way.
pub(crate) struct WayBack {
    manifest: Manifest,
    /// Name of each file that changes, and how it was; `None` where there was none.
    files: Vec<(String, Option<Vec<u8>>)>,
}

// === impl WayBack ===

impl WayBack {
    /// Name of each file that changes, and how many bytes it had; `None` where there was none.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, Option<usize>)> {
        let files = self.files.iter();
        files.map(|(name, old)| (name.as_str(), old.as_ref().map(Vec::len)))
    }
}

// === impl Repairs ===

impl Repairs {
    pub(crate) fn of(storage: &Arc<dyn Storage>) -> Result<Self, Stop> {
        let aside = storage.folder(ASIDE).map_err(Stop::write(ASIDE))?;
        Ok(Self {
            storage: Arc::clone(storage),
            aside,
        })
    }

    /// Manifests by number. A torn one was never finished, and nothing was changed under it.
    pub(crate) fn manifests(&self) -> Result<Vec<Manifest>, Stop> {
        let entries = self.aside.list().map_err(Stop::read(ASIDE))?;
        let mut found = Vec::new();
        for entry in entries.iter().filter(|entry| entry.name.ends_with(".json")) {
            let bytes = read(&*self.aside, &entry.name)?;
            let manifest = serde_json::from_slice(&bytes).map_err(|error| {
                Stop::Usage(format!("{ASIDE}/{} is no manifest: {error}", entry.name))
            })?;
            found.push(manifest);
        }
        found.sort_by_key(|manifest: &Manifest| manifest.number);
        Ok(found)
    }

    /// The repair that was begun and neither finished nor undone.
    pub(crate) fn interrupted(&self) -> Result<Option<Manifest>, Stop> {
        let manifests = self.manifests()?.into_iter();
        Ok(manifests
            .rev()
            .find(|manifest| manifest.state == State::Prepared))
    }

    /// Carries a plan out. On an error the manifest says "prepared", and undoing brings everything back.
    pub(crate) fn carry_out(
        &self,
        plan: &Plan,
        store_id: String,
        created_at: String,
    ) -> Result<Manifest, Stop> {
        let number = self.next_number()?;
        let mut manifest = Manifest::prepared(number, store_id, created_at, plan);
        for (entry, change) in manifest.files.iter().zip(&plan.changes) {
            if entry.old_sha256.is_some() {
                write_new(&*self.aside, &entry.aside, trimmed(&change.old))?;
            }
        }
        self.aside.sync_dir().map_err(Stop::write(ASIDE))?;
        self.save(&manifest)?;
        for change in &plan.changes {
            match change.gone {
                true => self.remove(&change.name)?,
                false => self.switch(&change.name, &change.new)?,
            }
        }
        manifest.state = State::Done;
        self.save(&manifest)?;
        Ok(manifest)
    }

    /// What undoing a repair would bring back. Refuses when a file is neither what the repair left nor what it found.
    pub(crate) fn way_back(&self, manifest: Manifest) -> Result<WayBack, Stop> {
        let mut files = Vec::new();
        for entry in &manifest.files {
            let now = self.hash_of(&entry.name)?;
            if now == entry.old_sha256 {
                continue;
            }
            // What only speeds up a start may have been made anew.
            let is_cache = entry.name.ends_with(CACHE_SUFFIX);
            if now != entry.new_sha256 && !is_cache {
                return Err(Stop::Usage(format!(
                    "{} has changed since repair {}: undoing would lose what was written after it",
                    entry.name, manifest.number
                )));
            }
            files.push((entry.name.clone(), self.old(entry)?));
        }
        Ok(WayBack { manifest, files })
    }

    /// Brings back, byte for byte, what a repair changed.
    pub(crate) fn undo(&self, back: WayBack) -> Result<Manifest, Stop> {
        let WayBack {
            mut manifest,
            files,
        } = back;
        // Backwards: the same states as on the way here.
        for (name, old) in files.into_iter().rev() {
            match old {
                Some(bytes) => self.switch(&name, &bytes)?,
                None => self.remove(&name)?,
            }
        }
        self.clear_leftovers(&manifest)?;
        manifest.state = State::Undone;
        self.save(&manifest)?;
        Ok(manifest)
    }

    /// None where there is no such file.
    fn hash_of(&self, name: &str) -> Result<Option<String>, Stop> {
        let entries = self.storage.list().map_err(Stop::read(name))?;
        if !entries.iter().any(|entry| entry.name == name) {
            return Ok(None);
        }
        Ok(Some(hash(&read(&*self.storage, name)?)))
    }

    fn remove(&self, name: &str) -> Result<(), Stop> {
        let removed = self.storage.remove(name);
        removed
            .and_then(|()| self.storage.sync_dir())
            .map_err(Stop::write(name))
    }

    /// A file as it was, checked against its hash.
    fn old(&self, entry: &FileEntry) -> Result<Option<Vec<u8>>, Stop> {
        let Some(expected) = &entry.old_sha256 else {
            return Ok(None);
        };
        let mut bytes = read(&*self.aside, &entry.aside)?;
        bytes.resize(usize::try_from(entry.old_bytes).unwrap_or(usize::MAX), 0);
        if hash(&bytes) != *expected {
            return Err(Stop::Usage(format!(
                "{ASIDE}/{} is not what was moved aside",
                entry.aside
            )));
        }
        Ok(Some(bytes))
    }

    /// Replaces a file as a whole: at no instant is it anything but the old one or the new one.
    fn switch(&self, name: &str, bytes: &[u8]) -> Result<(), Stop> {
        let prepared = format!("{name}{NEW_SUFFIX}");
        self.remove_if_there(&prepared)?;
        write_new(&*self.storage, &prepared, bytes)?;
        if hash(&read(&*self.storage, &prepared)?) != hash(bytes) {
            let error = io::Error::other("it does not read back as it was written");
            return Err(Stop::write(&prepared)(error));
        }
        let renamed = self.storage.rename(&prepared, name);
        renamed
            .and_then(|()| self.storage.sync_dir())
            .map_err(Stop::write(name))
    }

    fn clear_leftovers(&self, manifest: &Manifest) -> Result<(), Stop> {
        for entry in &manifest.files {
            self.remove_if_there(&format!("{}{NEW_SUFFIX}", entry.name))?;
        }
        Ok(())
    }

    fn remove_if_there(&self, name: &str) -> Result<(), Stop> {
        match self.storage.remove(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Stop::write(name)(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Free even of the copies of a repair that died before its manifest stood.
    fn next_number(&self) -> Result<u32, Stop> {
        let entries = self.aside.list().map_err(Stop::read(ASIDE))?;
        let numbers = entries
            .iter()
            .filter_map(|entry| entry.name.split('.').next()?.parse::<u32>().ok());
        Ok(numbers.max().unwrap_or(0) + 1)
    }

    /// Writes a manifest under another name first, so that it is never seen half written.
    fn save(&self, manifest: &Manifest) -> Result<(), Stop> {
        let (name, prepared) = (
            manifest.file_name(),
            format!("{}.tmp", manifest.file_name()),
        );
        let mut bytes = serde_json::to_vec_pretty(manifest).map_err(io::Error::from)?;
        bytes.push(b'\n');
        match self.aside.remove(&prepared) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Stop::write(&prepared)(error));
            }
            Ok(()) | Err(_) => {}
        }
        write_new(&*self.aside, &prepared, &bytes)?;
        let renamed = self.aside.rename(&prepared, &name);
        renamed
            .and_then(|()| self.aside.sync_dir())
            .map_err(Stop::write(&name))
    }
}

/// Bytes without the zeros at their end.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let used = bytes.iter().rposition(|byte| *byte != 0);
    &bytes[..used.map_or(0, |last| last + 1)]
}

fn write_new(storage: &dyn Storage, name: &str, bytes: &[u8]) -> Result<(), Stop> {
    let written = storage.create(name).and_then(|file| {
        for (index, piece) in bytes.chunks(PIECE_BYTES).enumerate() {
            file.write_at(piece, (index * PIECE_BYTES) as u64)?;
        }
        file.sync_all()
    });
    written.map_err(Stop::write(name))
}

/// A whole file.
pub(crate) fn read(storage: &dyn Storage, name: &str) -> Result<Vec<u8>, Stop> {
    let bytes = storage.open(name, Access::Read).and_then(|file| {
        let mut bytes = vec![0; usize::try_from(file.size()?).unwrap_or(usize::MAX)];
        let count = file.read_at(&mut bytes, 0)?;
        bytes.truncate(count);
        Ok(bytes)
    });
    bytes.map_err(Stop::read(name))
}

#[cfg(test)]
mod tests;
