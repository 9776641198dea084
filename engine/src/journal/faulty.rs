//! A real disk that fails when it is told to: for tests that need a whole process on a failing disk.
//!
//! A folder holds the orders; a file in it is an order from the moment it is there until it is gone.
//!
//! ```text
//! sync-eio   every sync fails, as when the device is lost
//! full       nothing new fits: files can neither be made nor grow, what is written can be overwritten
//! stall      a sync waits while somebody holds a lock on this file
//! ```
//! Knows nothing of segments, and is never part of a shipped binary.

use super::error::JournalError;
use super::map::MappedSegment;
use super::storage::{Access, Entry, Held, Storage, StorageFile};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Names the folder of orders of a process.
pub const ORDERS_VARIABLE: &str = "SCRIP_FAULTS";

/// A storage that obeys orders.
#[derive(Clone)]
pub struct FaultyStorage {
    inner: Arc<dyn Storage>,
    orders: Orders,
}

struct FaultyFile {
    inner: Arc<dyn StorageFile>,
    orders: Orders,
}

#[derive(Clone)]
struct Orders(PathBuf);

// === impl FaultyStorage ===

impl FaultyStorage {
    /// Takes its orders from this folder.
    pub fn new(inner: Arc<dyn Storage>, orders: PathBuf) -> Self {
        Self {
            inner,
            orders: Orders(orders),
        }
    }

    /// Takes its orders from the folder that the process was told; without one all works as it is.
    pub fn if_ordered(inner: Arc<dyn Storage>) -> Arc<dyn Storage> {
        match std::env::var_os(ORDERS_VARIABLE) {
            Some(orders) => Arc::new(Self::new(inner, orders.into())),
            None => inner,
        }
    }

    fn file(&self, inner: Arc<dyn StorageFile>) -> Arc<dyn StorageFile> {
        Arc::new(FaultyFile {
            inner,
            orders: self.orders.clone(),
        })
    }
}

impl Storage for FaultyStorage {
    fn list(&self) -> io::Result<Vec<Entry>> {
        self.inner.list()
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        let file = self.inner.open(name, access)?;
        Ok(self.file(file))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        self.orders.check_room()?;
        let file = self.inner.create(name)?;
        Ok(self.file(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.inner.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.orders.check_sync()?;
        self.inner.sync_dir()
    }

    fn lock(&self) -> Result<Held, JournalError> {
        self.inner.lock()
    }

    fn folder(&self, name: &str) -> io::Result<Arc<dyn Storage>> {
        let inner = self.inner.folder(name)?;
        Ok(Arc::new(Self {
            inner,
            orders: self.orders.clone(),
        }))
    }

    fn existing_folder(&self, name: &str) -> io::Result<Option<Arc<dyn Storage>>> {
        let Some(inner) = self.inner.existing_folder(name)? else {
            return Ok(None);
        };
        Ok(Some(Arc::new(Self {
            inner,
            orders: self.orders.clone(),
        })))
    }
}

// === impl FaultyFile ===

impl StorageFile for FaultyFile {
    fn size(&self) -> io::Result<u64> {
        self.inner.size()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buf, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if offset + bytes.len() as u64 > self.inner.size()? {
            self.orders.check_room()?;
        }
        self.inner.write_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.orders.check_sync()?;
        self.inner.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.orders.check_sync()?;
        self.inner.sync_all()
    }

    fn punch(&self, offset: u64, len: u64) -> io::Result<()> {
        self.inner.punch(offset, len)
    }

    fn forget_cache(&self) -> io::Result<()> {
        self.inner.forget_cache()
    }

    fn map(&self) -> Option<MappedSegment> {
        self.inner.map()
    }
}

// === impl Orders ===

impl Orders {
    fn check_room(&self) -> io::Result<()> {
        match self.0.join("full").exists() {
            true => Err(Errno::NOSPC.into()),
            false => Ok(()),
        }
    }

    fn check_sync(&self) -> io::Result<()> {
        if let Ok(stall) = File::open(self.0.join("stall")) {
            stall.lock_shared()?;
        }
        match self.0.join("sync-eio").exists() {
            true => Err(Errno::IO.into()),
            false => Ok(()),
        }
    }
}
