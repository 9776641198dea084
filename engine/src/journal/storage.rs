//! What the journal asks of a disk: two small traits, and the real files behind them.
//!
//! Everything goes through these few calls, so a simulated disk can lose, tear and refuse at each of them.

use super::archive::RunFile;
use super::error::JournalError;
use super::map::MappedSegment;
use crate::clock::wall_us;
use rustix::fs::{Advice, FallocateFlags, OFlags, fadvise, fallocate, major, minor};
use std::any::Any;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the system counts allocated space in, whatever the file system uses.
const BLOCK_BYTES: u64 = 512;
/// Held for the life of a serving process.
pub const LOCK_FILE: &str = "LOCK";

/// A file inside the directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub name: String,
    pub len: u64,
    /// Bytes on disk.
    pub allocated: u64,
}

/// How a file is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    Read,
    /// Reads past the page cache where the file system can.
    ReadDirect,
    Write,
    /// Every write reaches the disk before it returns (`O_DIRECT|O_DSYNC`).
    WriteDirect,
}

/// A lock on the whole directory; dropping it lets go.
pub type Held = Box<dyn Any + Send + Sync>;

/// One directory with a flat set of files.
pub trait Storage: Send + Sync {
    fn list(&self) -> io::Result<Vec<Entry>>;
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn StorageFile>>;
    /// A new empty file for reading and writing; fails when the name is taken.
    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>>;
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes creations, renames and removals durable.
    fn sync_dir(&self) -> io::Result<()>;
    fn lock(&self) -> Result<Held, JournalError>;
    /// A folder inside it, made when it is not there. Its files are its own: listing the directory does not show them.
    fn folder(&self, name: &str) -> io::Result<Arc<dyn Storage>>;
    /// As `folder`, for those who only look: None when it is not there.
    fn existing_folder(&self, name: &str) -> io::Result<Option<Arc<dyn Storage>>>;
}

/// One open file.
pub trait StorageFile: Send + Sync {
    fn size(&self) -> io::Result<u64>;
    /// Fills `buf` as far as the file reaches; the count is short only at its end.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Bytes and what is needed to find them again are on disk.
    fn sync_data(&self) -> io::Result<()>;
    /// As `sync_data`, with every piece of metadata.
    fn sync_all(&self) -> io::Result<()>;
    /// Gives the blocks of a range back; it reads as zeros and the length stays.
    fn punch(&self, offset: u64, len: u64) -> io::Result<()>;
    /// Drops clean pages from the page cache, so that the next read asks the disk.
    fn forget_cache(&self) -> io::Result<()>;
    /// The whole file mapped for reading; None where that cannot be.
    fn map(&self) -> Option<MappedSegment>;
    /// The archived segment that this shows, if it shows one.
    fn archived(&self) -> Option<&RunFile> {
        None
    }
    /// Where the pieces begin that can only be read as a whole, behind a first one; none: any byte can be read by itself.
    fn seams(&self) -> Vec<u64> {
        Vec::new()
    }
}

/// A real directory.
#[derive(Debug)]
pub struct FileStorage {
    dir: PathBuf,
}

/// The lock file of a directory, held.
#[derive(Debug)]
pub struct FileLock {
    file: File,
}

impl FileStorage {
    /// A directory that exists or is made, together with its parents.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, JournalError> {
        let dir = dir.into();
        let shown = dir.display().to_string();
        fs::create_dir_all(&dir).map_err(JournalError::io("create the directory", &shown))?;
        if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            let synced = File::open(parent).and_then(|parent| parent.sync_all());
            synced.map_err(JournalError::io("sync the parent of", &shown))?;
        }
        Ok(Self { dir })
    }

    /// A directory that must exist already; nothing is made.
    pub fn existing(dir: impl Into<PathBuf>) -> Result<Self, JournalError> {
        let dir = dir.into();
        let shown = dir.display().to_string();
        fs::read_dir(&dir).map_err(JournalError::io("read the directory", &shown))?;
        Ok(Self { dir })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Storage for FileStorage {
    fn list(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            // A file may be renamed away between the listing and the question; it is then simply not there.
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if metadata.is_file() {
                let name = entry.file_name().to_string_lossy().into_owned();
                entries.push(Entry {
                    name,
                    len: metadata.len(),
                    allocated: metadata.blocks() * BLOCK_BYTES,
                });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        let mut options = OpenOptions::new();
        options.read(true);
        match access {
            Access::Read => {}
            Access::ReadDirect => {
                options.custom_flags(OFlags::DIRECT.bits().cast_signed());
            }
            Access::Write => {
                options.write(true);
            }
            Access::WriteDirect => {
                let flags = OFlags::DIRECT.union(OFlags::DSYNC);
                options.write(true).custom_flags(flags.bits().cast_signed());
            }
        }
        Ok(Arc::new(options.open(self.dir.join(name))?))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        Ok(Arc::new(options.open(self.dir.join(name))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.dir.join(from), self.dir.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.dir.join(name))
    }

    fn sync_dir(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }

    fn lock(&self) -> Result<Held, JournalError> {
        Ok(Box::new(FileLock::take(&self.dir)?))
    }

    fn folder(&self, name: &str) -> io::Result<Arc<dyn Storage>> {
        let dir = self.dir.join(name);
        match fs::create_dir(&dir) {
            Ok(()) => self.sync_dir()?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        Ok(Arc::new(Self { dir }))
    }

    fn existing_folder(&self, name: &str) -> io::Result<Option<Arc<dyn Storage>>> {
        let dir = self.dir.join(name);
        match fs::metadata(&dir) {
            Ok(metadata) if metadata.is_dir() => Ok(Some(Arc::new(Self { dir }))),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl StorageFile for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buf.len() {
            match FileExt::read_at(self, &mut buf[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Past the page cache a read may not even begin at the odd end of a cut file.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput && filled > 0 => {
                    if offset + filled as u64 == self.metadata()?.len() {
                        break;
                    }
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }

    fn sync_all(&self) -> io::Result<()> {
        File::sync_all(self)
    }

    fn punch(&self, offset: u64, len: u64) -> io::Result<()> {
        let flags = FallocateFlags::PUNCH_HOLE.union(FallocateFlags::KEEP_SIZE);
        Ok(fallocate(self, flags, offset, len)?)
    }

    fn forget_cache(&self) -> io::Result<()> {
        Ok(fadvise(self, 0, None, Advice::DontNeed)?)
    }

    fn map(&self) -> Option<MappedSegment> {
        MappedSegment::of(self)
    }
}

impl FileLock {
    /// Takes the directory's lock, or says who holds it.
    pub fn take(dir: &Path) -> Result<Self, JournalError> {
        let path = dir.join(LOCK_FILE);
        let shown = path.display().to_string();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options
            .open(&path)
            .map_err(JournalError::io("open", &shown))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(JournalError::Locked {
                    dir: dir.to_owned(),
                    holder: holder(&mut file),
                });
            }
            Err(TryLockError::Error(source)) => {
                return Err(JournalError::io("lock", &shown)(source));
            }
        }
        let text = format!(
            "pid {} since {} µs after 1970-01-01T00:00:00Z\n",
            std::process::id(),
            wall_us()
        );
        // The lock is what counts; on a full disk the text that names the holder may have to wait.
        let written = file
            .rewind()
            .and_then(|()| file.write_all(text.as_bytes()))
            .and_then(|()| file.set_len(text.len() as u64));
        if let Err(error) = written {
            tracing::warn!(file = shown, %error, "cannot say in the lock file who holds it");
        }
        Ok(Self { file })
    }
}

impl FileLock {
    /// Who holds the directory's lock, without touching it: the kernel's own list is asked.
    pub fn holder(dir: &Path) -> Option<String> {
        let path = dir.join(LOCK_FILE);
        let metadata = fs::metadata(&path).ok()?;
        let device = metadata.dev();
        let id = format!(
            "{:02x}:{:02x}:{}",
            major(device),
            minor(device),
            metadata.ino()
        );
        let locks = fs::read_to_string(KERNEL_LOCKS).ok()?;
        let held = locks.lines().any(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.contains(&"FLOCK") && words.contains(&"WRITE") && words.contains(&id.as_str())
        });
        held.then(|| {
            File::open(&path)
                .map_or_else(|_| HOLDER_UNKNOWN.to_owned(), |mut file| holder(&mut file))
        })
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Closing the file would let go too; an error here changes nothing.
        let _ = self.file.unlock();
    }
}

/// Longest text taken over from a lock file that somebody else wrote.
const HOLDER_TEXT_MAX: u64 = 200;
const HOLDER_UNKNOWN: &str = "holder unknown";
/// Every file lock of the system, one a line.
const KERNEL_LOCKS: &str = "/proc/locks";

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(HOLDER_TEXT_MAX).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        Ok(_) | Err(_) => HOLDER_UNKNOWN.to_owned(),
    }
}
