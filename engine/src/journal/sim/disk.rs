//! What a disk has, what its cache has, and what is left of both after a crash.

use crate::journal::options::split_mix;
use std::collections::BTreeMap;
use std::io;

/// What a disk writes in one piece.
const SECTOR_BYTES: usize = 512;

/// What happens at a chosen call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The call fails, and later ones work again. A failed sync leaves the cache marked clean, as kernels do.
    Eio,
    /// No call works from here on, as after a power cut; `crash` then gives the disk that is found.
    PowerCut,
}

#[derive(Default)]
pub(super) struct Disk {
    pub(super) files: Vec<FileState>,
    pub(super) names: BTreeMap<String, usize>,
    pub(super) durable_names: BTreeMap<String, usize>,
    /// Directory changes that no sync covers yet, in order.
    pub(super) pending: Vec<Change>,
    pub(super) random: u64,
    pub(super) calls: u64,
    pub(super) fault: Option<(u64, Fault)>,
    pub(super) is_dead: bool,
    /// Bytes that all files together may have.
    pub(super) capacity: Option<u64>,
    /// Syncs do nothing: a lie that tests must be able to see.
    pub(super) lies: bool,
    pub(super) locked: bool,
}

#[derive(Clone, Default)]
pub(super) struct FileState {
    pub(super) durable: Vec<u8>,
    pub(super) cached: Vec<u8>,
    /// For each sector written since the last sync, every version it has had.
    pub(super) dirty: BTreeMap<usize, Vec<Vec<u8>>>,
}

#[derive(Clone)]
pub(super) enum Change {
    Create(String, usize),
    Rename(String, String, usize),
    Remove(String),
}

impl Disk {
    /// One more call: does it still work?
    pub(super) fn count(&mut self) -> io::Result<()> {
        self.calls += 1;
        if self.is_dead {
            return Err(io::Error::other("the power is gone"));
        }
        match self.fault {
            Some((call, Fault::Eio)) if call == self.calls => {
                Err(io::Error::from_raw_os_error(EIO))
            }
            Some((call, Fault::PowerCut)) if call == self.calls => {
                self.is_dead = true;
                Err(io::Error::other("the power is gone"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Makes durable what was created, renamed and removed in one folder, and only there.
    pub(super) fn sync_names(&mut self, prefix: &str) {
        let (here, elsewhere) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition::<Vec<_>, _>(|change| change.is_in(prefix));
        for change in &here {
            change.apply(&mut self.durable_names);
        }
        self.pending = elsewhere;
    }

    pub(super) fn used(&self) -> u64 {
        self.names
            .values()
            .map(|id| self.files[*id].cached.len() as u64)
            .sum()
    }
}

/// "Input/output error".
const EIO: i32 = 5;

impl FileState {
    pub(super) fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        if self.cached.len() < end {
            self.cached.resize(end, 0);
        }
        self.cached[offset..end].copy_from_slice(bytes);
        for sector in offset / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES) {
            let from = sector * SECTOR_BYTES;
            let to = (from + SECTOR_BYTES).min(self.cached.len());
            self.dirty
                .entry(sector)
                .or_default()
                .push(self.cached[from..to].to_vec());
        }
    }

    pub(super) fn sync(&mut self) {
        self.dirty.clear();
        self.durable.clone_from(&self.cached);
    }

    /// What a read past the cache gives: dirty pages are written back for it, clean ones are as the disk has them.
    pub(super) fn past_cache(&self) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        for (sector, versions) in &self.dirty {
            let (from, Some(version)) = (sector * SECTOR_BYTES, versions.last()) else {
                continue;
            };
            let to = from + version.len();
            if bytes.len() < to {
                bytes.resize(to, 0);
            }
            bytes[from..to].copy_from_slice(version);
        }
        bytes
    }

    /// Any version of each dirty sector may be what reached the disk.
    pub(super) fn after_crash(&self, random: &mut u64) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        for (sector, versions) in &self.dirty {
            let choice = draw(random, versions.len() as u64 + 1);
            let Some(version) = usize::try_from(choice)
                .ok()
                .and_then(|choice| versions.get(choice))
            else {
                continue;
            };
            let from = sector * SECTOR_BYTES;
            let to = from + version.len();
            if bytes.len() < to {
                bytes.resize(to, 0);
            }
            bytes[from..to].copy_from_slice(version);
        }
        bytes
    }
}

impl Change {
    fn is_in(&self, prefix: &str) -> bool {
        let (Self::Create(name, _) | Self::Rename(_, name, _) | Self::Remove(name)) = self;
        name.strip_prefix(prefix)
            .is_some_and(|name| !name.contains('/'))
    }

    pub(super) fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Create(name, id) => {
                names.insert(name.clone(), *id);
            }
            Self::Rename(from, to, id) => {
                names.remove(from);
                names.insert(to.clone(), *id);
            }
            Self::Remove(name) => {
                names.remove(name);
            }
        }
    }
}

/// A number below `bound`.
pub(super) fn draw(random: &mut u64, bound: u64) -> u64 {
    *random = split_mix(*random);
    *random % bound
}
