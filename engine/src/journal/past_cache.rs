//! Reading a file as the disk has it: what only the page cache holds may be lost yet, and a check that reads it back
//! from there has checked nothing.

use super::buffer::PageBuffer;
use super::place::align_up;
use super::segment::GROUP_ALIGN;
use super::storage::{Access, Storage, StorageFile};
use std::io;
use std::sync::Arc;

/// What is fetched at a time: reading on costs one call per megabyte.
const WINDOW_BYTES: usize = 1024 * 1024;

/// A file read past the page cache, a window at a time. Quick only for reads in ascending order.
pub struct PastCache {
    file: Arc<dyn StorageFile>,
    window: PageBuffer,
    base: u64,
    held: usize,
    /// Whether the file system could not bypass its cache, so that the cache was dropped instead.
    dropped: bool,
}

impl PastCache {
    pub fn open(storage: &dyn Storage, name: &str) -> io::Result<Self> {
        let mut window = PageBuffer::new(WINDOW_BYTES);
        let direct = storage
            .open(name, Access::ReadDirect)
            .and_then(|file| Ok((file.read_at(&mut window, 0)?, file)));
        let (held, file, dropped) = match direct {
            Ok((held, file)) => (held, file, false),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                let file = storage.open(name, Access::Write)?;
                file.sync_data()?;
                file.forget_cache()?;
                (file.read_at(&mut window, 0)?, file, true)
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            file,
            window,
            base: 0,
            held,
            dropped,
        })
    }

    /// Fills `buf` as far as the file reaches.
    pub fn read_at(&mut self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buf.len() {
            let at = offset + filled as u64;
            if at < self.base || at >= self.base + self.held as u64 {
                let page = u64::from(GROUP_ALIGN);
                self.base = align_up(at + 1, page) - page;
                self.held = self.file.read_at(&mut self.window, self.base)?;
                if at >= self.base + self.held as u64 {
                    break;
                }
            }
            let from = usize::try_from(at - self.base).unwrap_or(usize::MAX);
            let count = (self.held - from).min(buf.len() - filled);
            buf[filled..filled + count].copy_from_slice(&self.window[from..from + count]);
            filled += count;
        }
        Ok(filled)
    }

    /// Whether the file system could not bypass its cache.
    pub fn is_dropped(&self) -> bool {
        self.dropped
    }
}
