//! `store.meta` while the store is open: whoever changes it takes turns.
//!
//! The writer says in it where the log goes on, others say what they have made of sealed segments. A failed write is
//! the last one: the kernel marks the pages clean after a failed sync, and a second one would lie. The next roll
//! then finds it broken and stops the journal.

use super::catalog::read_meta;
use super::error::{Class, JournalError, Problem};
use super::meta::{META_FILE, Meta};
use super::storage::{Access, Storage, StorageFile};
use parking_lot::Mutex;
use std::fmt;
use std::io;
use std::sync::Arc;

/// What it says and the file, for whoever writes to it first in this process. What a killed process wrote last may be in the
/// page cache only, and its name too: both are made durable now, or a power cut during the next write could cost the copies
/// that are being written and those that never reached the disk, or leave segments without a meta.
pub(super) fn open_settled(
    storage: &dyn Storage,
) -> Result<(Meta, Arc<dyn StorageFile>), JournalError> {
    let found = read_meta(storage)?;
    let file = storage
        .open(META_FILE, Access::Write)
        .map_err(JournalError::io("open", META_FILE))?;
    let meta = found
        .settle(&*file)
        .map_err(JournalError::io("write", META_FILE))?;
    let Some(meta) = meta else {
        return Err(Problem::new(Class::Meta, META_FILE, "no sound copy").into());
    };
    storage
        .sync_dir()
        .map_err(JournalError::io("sync the directory of", META_FILE))?;
    Ok((meta, file))
}

/// The one open handle on the meta. Cheap to share.
pub struct StoreMeta {
    state: Mutex<State>,
}

struct State {
    meta: Meta,
    file: Arc<dyn StorageFile>,
    broken: bool,
}

impl StoreMeta {
    pub(crate) fn new(meta: Meta, file: Arc<dyn StorageFile>) -> Self {
        Self {
            state: Mutex::new(State {
                meta,
                file,
                broken: false,
            }),
        }
    }

    /// Of a directory that is held and not served.
    pub fn open(storage: &dyn Storage) -> Result<Self, JournalError> {
        let (meta, file) = open_settled(storage)?;
        Ok(Self::new(meta, file))
    }

    /// What it says now.
    pub fn read(&self) -> Meta {
        self.state.lock().meta.clone()
    }

    /// Changes it; durable when this returns.
    pub fn update(&self, change: impl FnOnce(&mut Meta)) -> io::Result<()> {
        let mut state = self.state.lock();
        let state = &mut *state;
        if state.broken {
            return Err(io::Error::other("store.meta could not be written before"));
        }
        change(&mut state.meta);
        let written = state.meta.write(&*state.file);
        state.broken = written.is_err();
        written
    }
}

impl fmt::Debug for StoreMeta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoreMeta").field(&self.read()).finish()
    }
}
