//! A disk in memory that behaves as badly as real ones may.
//!
//! Every write goes to a page cache first. A crash keeps, for each 512-byte sector written since the last sync of its
//! file, any one of the versions it has had since then; directory changes that no directory sync covers survive in any
//! subset. Each call counts, and any of them can be made to fail or to be the last one before the crash.

mod disk;

use super::error::JournalError;
use super::map::MappedSegment;
use super::options::split_mix;
use super::storage::{Access, Entry, Held, Storage, StorageFile};
pub use disk::Fault;
use disk::{Change, Disk, FileState, draw};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// A directory in memory; clones share it.
#[derive(Clone)]
pub struct MemStorage {
    disk: Arc<Mutex<Disk>>,
    /// Of every name in here: empty, or a folder's name and a slash.
    prefix: String,
}

struct MemFile {
    disk: Arc<Mutex<Disk>>,
    id: usize,
    access: Access,
}

struct MemLock {
    disk: Arc<Mutex<Disk>>,
}

impl MemStorage {
    pub fn new(seed: u64) -> Self {
        Self {
            disk: Arc::new(Mutex::new(Disk {
                random: seed,
                ..Disk::default()
            })),
            prefix: String::new(),
        }
    }

    /// Makes the `call`-th call from now on fail; the next call is 1.
    pub fn fail_at(&self, call: u64, fault: Fault) {
        let mut disk = self.disk.lock();
        disk.fault = Some((disk.calls + call, fault));
    }

    /// Limits the bytes of all files together; None lifts the limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.disk.lock().capacity = bytes;
    }

    /// From here on syncs do nothing and say that all is well.
    pub fn lie_about_syncs(&self) {
        self.disk.lock().lies = true;
    }

    /// Calls so far.
    pub fn calls(&self) -> u64 {
        self.disk.lock().calls
    }

    pub fn is_dead(&self) -> bool {
        self.disk.lock().is_dead
    }

    /// Bytes of all files as they are seen now.
    pub fn used(&self) -> u64 {
        self.disk.lock().used()
    }

    /// The disk as it is found after a power cut at this moment. The old one stays dead.
    pub fn crash(&self, seed: u64) -> Self {
        let mut disk = self.disk.lock();
        disk.is_dead = true;
        let mut random = split_mix(seed);
        let mut names = disk.durable_names.clone();
        for change in &disk.pending {
            if draw(&mut random, 2) == 0 {
                change.apply(&mut names);
            }
        }
        let mut found = Disk {
            random,
            capacity: disk.capacity,
            lies: disk.lies,
            ..Disk::default()
        };
        for (name, id) in names {
            let bytes = disk.files[id].after_crash(&mut random);
            found.files.push(FileState {
                durable: bytes.clone(),
                cached: bytes,
                dirty: BTreeMap::new(),
            });
            found.names.insert(name.clone(), found.files.len() - 1);
            found.durable_names.insert(name, found.files.len() - 1);
        }
        Self {
            disk: Arc::new(Mutex::new(found)),
            prefix: String::new(),
        }
    }

    /// The process dies, the system lives: everything written is still there, synced or not.
    pub fn kill(&self) -> Self {
        let mut disk = self.disk.lock();
        let mut found = Disk {
            files: disk.files.clone(),
            names: disk.names.clone(),
            durable_names: disk.durable_names.clone(),
            pending: disk.pending.clone(),
            random: disk.random,
            capacity: disk.capacity,
            lies: disk.lies,
            ..Disk::default()
        };
        disk.is_dead = true;
        found.random = split_mix(found.random);
        Self {
            disk: Arc::new(Mutex::new(found)),
            prefix: String::new(),
        }
    }

    /// Changes a file's bytes behind everybody's back, on disk and in the cache; the length may change.
    pub fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut disk = self.disk.lock();
        let Some(id) = disk.names.get(name).copied() else {
            return;
        };
        let file = &mut disk.files[id];
        change(&mut file.cached);
        file.durable = file.cached.clone();
        file.dirty.clear();
    }

    /// Puts a file there, or takes it away, behind everybody's back.
    pub fn place(&self, name: &str, bytes: Option<Vec<u8>>) {
        let mut disk = self.disk.lock();
        match bytes {
            None => {
                disk.names.remove(name);
                disk.durable_names.remove(name);
            }
            Some(bytes) => {
                disk.files.push(FileState {
                    durable: bytes.clone(),
                    cached: bytes,
                    dirty: BTreeMap::new(),
                });
                let id = disk.files.len() - 1;
                disk.names.insert(name.to_owned(), id);
                disk.durable_names.insert(name.to_owned(), id);
            }
        }
    }

    /// Names of all files as they are seen now.
    pub fn names(&self) -> Vec<String> {
        self.disk.lock().names.keys().cloned().collect()
    }

    /// A file's bytes as they are seen now.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let disk = self.disk.lock();
        disk.names
            .get(name)
            .map(|id| disk.files[*id].cached.clone())
    }

    /// A second disk with the same content, to be changed independently.
    pub fn copy(&self) -> Self {
        let disk = self.disk.lock();
        let copy = Disk {
            files: disk.files.clone(),
            names: disk.names.clone(),
            durable_names: disk.durable_names.clone(),
            pending: disk.pending.clone(),
            random: disk.random,
            capacity: disk.capacity,
            ..Disk::default()
        };
        Self {
            disk: Arc::new(Mutex::new(copy)),
            prefix: String::new(),
        }
    }

    /// The name as the disk knows it.
    fn named(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn with<R>(&self, act: impl FnOnce(&mut Disk) -> io::Result<R>) -> io::Result<R> {
        let mut disk = self.disk.lock();
        disk.count()?;
        act(&mut disk)
    }

    fn file(&self, id: usize, access: Access) -> Arc<dyn StorageFile> {
        Arc::new(MemFile {
            disk: Arc::clone(&self.disk),
            id,
            access,
        })
    }
}

impl Storage for MemStorage {
    fn list(&self) -> io::Result<Vec<Entry>> {
        self.with(|disk| {
            let entry = |(name, id): (&String, &usize)| {
                let name = name.strip_prefix(&self.prefix)?;
                (!name.contains('/')).then(|| Entry {
                    name: name.to_owned(),
                    len: disk.files[*id].cached.len() as u64,
                    allocated: disk.files[*id].cached.len() as u64,
                })
            };
            Ok(disk.names.iter().filter_map(entry).collect())
        })
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        let name = self.named(name);
        let id = self.with(|disk| {
            disk.names
                .get(&name)
                .copied()
                .ok_or_else(|| io::ErrorKind::NotFound.into())
        })?;
        Ok(self.file(id, access))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        let name = self.named(name);
        let id = self.with(|disk| {
            if disk.names.contains_key(&name) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            disk.files.push(FileState::default());
            let id = disk.files.len() - 1;
            disk.names.insert(name.clone(), id);
            disk.pending.push(Change::Create(name, id));
            Ok(id)
        })?;
        Ok(self.file(id, Access::Write))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.named(from), self.named(to));
        self.with(|disk| {
            let id = disk.names.remove(&from).ok_or(io::ErrorKind::NotFound)?;
            disk.names.insert(to.clone(), id);
            disk.pending.push(Change::Rename(from, to, id));
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let name = self.named(name);
        self.with(|disk| {
            disk.names.remove(&name).ok_or(io::ErrorKind::NotFound)?;
            disk.pending.push(Change::Remove(name));
            Ok(())
        })
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.with(|disk| {
            if !disk.lies {
                disk.sync_names(&self.prefix);
            }
            Ok(())
        })
    }

    fn lock(&self) -> Result<Held, JournalError> {
        let mut disk = self.disk.lock();
        if disk.locked {
            return Err(JournalError::Locked {
                dir: "memory".into(),
                holder: "this process".to_owned(),
            });
        }
        disk.locked = true;
        Ok(Box::new(MemLock {
            disk: Arc::clone(&self.disk),
        }))
    }

    fn folder(&self, name: &str) -> io::Result<Arc<dyn Storage>> {
        Ok(Arc::new(Self {
            disk: Arc::clone(&self.disk),
            prefix: format!("{}{name}/", self.prefix),
        }))
    }

    fn existing_folder(&self, name: &str) -> io::Result<Option<Arc<dyn Storage>>> {
        self.folder(name).map(Some)
    }
}

impl MemFile {
    fn with<R>(&self, act: impl FnOnce(&mut FileState) -> R) -> io::Result<R> {
        let mut disk = self.disk.lock();
        disk.count()?;
        Ok(act(&mut disk.files[self.id]))
    }
}

impl StorageFile for MemFile {
    fn size(&self) -> io::Result<u64> {
        self.with(|file| file.cached.len() as u64)
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let direct = self.access == Access::ReadDirect;
        self.with(|file| {
            let on_disk = if direct {
                file.past_cache()
            } else {
                Vec::new()
            };
            let seen = if direct { &on_disk } else { &file.cached };
            let rest = seen.get(offset..).unwrap_or(&[]);
            let count = rest.len().min(buf.len());
            buf[..count].copy_from_slice(&rest[..count]);
            count
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let mut disk = self.disk.lock();
        let was_dead = disk.is_dead;
        let counted = disk.count();
        if was_dead {
            return counted;
        }
        let grown = (offset + bytes.len()).saturating_sub(disk.files[self.id].cached.len()) as u64;
        if disk
            .capacity
            .is_some_and(|capacity| grown > 0 && disk.used() + grown > capacity)
        {
            return Err(io::ErrorKind::StorageFull.into());
        }
        // A write that fails, or during which the power goes, may have been done in part.
        disk.files[self.id].write(bytes, offset);
        if self.access == Access::WriteDirect && counted.is_ok() && !disk.lies {
            disk.files[self.id].sync();
        }
        counted
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut disk = self.disk.lock();
        let counted = disk.count();
        if disk.is_dead || disk.lies {
            return counted;
        }
        let mut random = disk.random;
        let file = &mut disk.files[self.id];
        if counted.is_err() {
            // The kernel gives up on these pages: what has not arrived stays in the cache, marked clean.
            file.durable = file.after_crash(&mut random);
            file.dirty.clear();
        } else {
            file.sync();
        }
        disk.random = random;
        counted
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn punch(&self, offset: u64, len: u64) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let zeros = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
        self.with(|file| file.write(&zeros, offset))
    }

    fn forget_cache(&self) -> io::Result<()> {
        self.with(|file| {
            if file.dirty.is_empty() {
                file.cached = file.durable.clone();
            }
        })
    }

    fn map(&self) -> Option<MappedSegment> {
        None
    }
}

impl Drop for MemLock {
    fn drop(&mut self) {
        self.disk.lock().locked = false;
    }
}
