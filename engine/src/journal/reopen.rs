//! A file that is opened anew for each use. A log of thousands of segments would otherwise hold thousands of
//! descriptors, for files that are read once at start and mapped at most once after it.

use super::map::MappedSegment;
use super::storage::{Access, Storage, StorageFile};
use std::io;
use std::sync::Arc;

pub(crate) struct Reopened {
    storage: Arc<dyn Storage>,
    name: String,
}

impl Reopened {
    pub(crate) fn new(storage: Arc<dyn Storage>, name: &str) -> Self {
        Self {
            storage,
            name: name.to_owned(),
        }
    }

    fn readable(&self) -> io::Result<Arc<dyn StorageFile>> {
        self.storage.open(&self.name, Access::Read)
    }

    fn writable(&self) -> io::Result<Arc<dyn StorageFile>> {
        self.storage.open(&self.name, Access::Write)
    }
}

impl StorageFile for Reopened {
    fn size(&self) -> io::Result<u64> {
        self.readable()?.size()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.readable()?.read_at(buf, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.writable()?.write_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.writable()?.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.writable()?.sync_all()
    }

    fn punch(&self, offset: u64, len: u64) -> io::Result<()> {
        self.writable()?.punch(offset, len)
    }

    fn forget_cache(&self) -> io::Result<()> {
        self.readable()?.forget_cache()
    }

    fn map(&self) -> Option<MappedSegment> {
        self.readable().ok()?.map()
    }
}
