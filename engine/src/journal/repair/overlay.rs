//! A directory as it would be after a repair: the real one, with some files as they are planned.
//!
//! Only reads. So a plan is verified by the same readers as everything else, before anything is changed.

use super::super::error::JournalError;
use super::super::map::MappedSegment;
use super::super::storage::{Access, Entry, Held, Storage, StorageFile};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// The real directory with planned files over it.
pub struct Overlay {
    base: Arc<dyn Storage>,
    /// None for a file that would be gone.
    planned: BTreeMap<String, Option<Arc<Vec<u8>>>>,
}

struct PlannedFile(Arc<Vec<u8>>);

impl Overlay {
    pub fn new(
        base: Arc<dyn Storage>,
        planned: impl IntoIterator<Item = (String, Option<Vec<u8>>)>,
    ) -> Self {
        let planned = planned.into_iter();
        Self {
            base,
            planned: planned
                .map(|(name, bytes)| (name, bytes.map(Arc::new)))
                .collect(),
        }
    }
}

fn read_only() -> io::Error {
    io::Error::new(
        io::ErrorKind::ReadOnlyFilesystem,
        "a plan cannot be written to",
    )
}

impl Storage for Overlay {
    fn list(&self) -> io::Result<Vec<Entry>> {
        let mut entries = self.base.list()?;
        entries.retain(|entry| !self.planned.contains_key(&entry.name));
        entries.extend(self.planned.iter().filter_map(|(name, bytes)| {
            let len = bytes.as_ref()?.len() as u64;
            Some(Entry {
                name: name.clone(),
                len,
                allocated: len,
            })
        }));
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        match (self.planned.get(name), access) {
            (_, Access::Write | Access::WriteDirect) => Err(read_only()),
            (Some(Some(bytes)), Access::Read | Access::ReadDirect) => {
                Ok(Arc::new(PlannedFile(Arc::clone(bytes))))
            }
            (Some(None), Access::Read | Access::ReadDirect) => Err(io::ErrorKind::NotFound.into()),
            (None, Access::Read | Access::ReadDirect) => self.base.open(name, access),
        }
    }

    fn create(&self, _name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Err(read_only())
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        Err(read_only())
    }

    fn remove(&self, _name: &str) -> io::Result<()> {
        Err(read_only())
    }

    fn sync_dir(&self) -> io::Result<()> {
        Err(read_only())
    }

    fn lock(&self) -> Result<Held, JournalError> {
        self.base.lock()
    }

    fn folder(&self, _name: &str) -> io::Result<Arc<dyn Storage>> {
        Err(read_only())
    }

    fn existing_folder(&self, name: &str) -> io::Result<Option<Arc<dyn Storage>>> {
        self.base.existing_folder(name)
    }
}

impl StorageFile for PlannedFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.0.get(from..).unwrap_or(&[]);
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_at(&self, _bytes: &[u8], _offset: u64) -> io::Result<()> {
        Err(read_only())
    }

    fn sync_data(&self) -> io::Result<()> {
        Err(read_only())
    }

    fn sync_all(&self) -> io::Result<()> {
        Err(read_only())
    }

    fn punch(&self, _offset: u64, _len: u64) -> io::Result<()> {
        Err(read_only())
    }

    fn forget_cache(&self) -> io::Result<()> {
        Ok(())
    }

    fn map(&self) -> Option<MappedSegment> {
        None
    }
}
