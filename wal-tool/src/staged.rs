//! A directory that is seen whole or not at all: written beside its place, then renamed into it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::exit::Stop;

/// Behind the name while it is being written.
pub(crate) const PARTIAL_SUFFIX: &str = ".partial";

/// A directory that is being written. Without `publish` it stays beside its place, under another name.
pub(crate) struct Staged {
    partial: PathBuf,
    target: PathBuf,
    /// Held while it is written, where the file system has locks: without a holder it was abandoned.
    _lock: Option<File>,
}

/// Whether somebody writes a directory.
enum Holder {
    /// Nobody else: we do.
    Us(File),
    Another,
    /// The file system has no such locks.
    Unknown,
}

// === impl Staged ===

impl Staged {
    /// Refuses a place where something lies already, and what an interrupted run left behind.
    pub(crate) fn new(target: &Path) -> Result<Self, Stop> {
        let Some(name) = target.file_name() else {
            return Err(Stop::Usage(format!(
                "{} is no name for a new directory",
                target.display()
            )));
        };
        match fs::read_dir(target) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(Stop::Usage(format!("{} is not empty", target.display())));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(Stop::of_file(target, source)),
        }
        let mut partial = name.to_owned();
        partial.push(PARTIAL_SUFFIX);
        let partial = target.with_file_name(partial);
        if let Some(parent) = target
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            fs::create_dir_all(parent).map_err(|source| Stop::of_file(parent, source))?;
        }
        match fs::create_dir(&partial) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(match lock(&partial) {
                    Ok(Holder::Another) => in_use(&partial),
                    Ok(Holder::Us(_) | Holder::Unknown) | Err(_) => Stop::Usage(format!(
                        "{} was left by a run that did not finish: remove it first",
                        partial.display()
                    )),
                });
            }
            Err(source) => return Err(Stop::of_file(&partial, source)),
        }
        let lock = match lock(&partial).map_err(|source| Stop::of_file(&partial, source))? {
            Holder::Us(lock) => Some(lock),
            Holder::Unknown => None,
            // A run that clears up may have met it in this very instant.
            Holder::Another => return Err(in_use(&partial)),
        };
        Ok(Self {
            partial,
            target: target.to_owned(),
            _lock: lock,
        })
    }

    /// Where to write.
    pub(crate) fn dir(&self) -> &Path {
        &self.partial
    }

    /// Takes back what was begun.
    pub(crate) fn discard(self) {
        // What cannot be removed is told by the next run.
        let _ = fs::remove_dir_all(&self.partial);
    }

    /// Makes everything in it durable and gives it its name.
    pub(crate) fn publish(self) -> Result<(), Stop> {
        let synced = sync_tree(&self.partial)
            .and_then(|()| fs::rename(&self.partial, &self.target))
            .and_then(|()| match self.target.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
                Some(_) | None => sync_dir(Path::new(".")),
            });
        synced.map_err(|source| Stop::of_file(&self.target, source))
    }
}

/// Removes what a run that was killed left behind; not what is being written, nor where nobody can tell. Says whether it
/// did.
pub(crate) fn clear_abandoned(partial: &Path) -> Result<bool, Stop> {
    let cleared = match lock(partial) {
        Ok(Holder::Us(_lock)) => fs::remove_dir_all(partial).map(|()| true),
        Ok(Holder::Another | Holder::Unknown) => Ok(false),
        // Another run has just cleared or published it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    };
    cleared.map_err(|source| Stop::of_file(partial, source))
}

/// Takes the lock of a directory that is being written, unless somebody has it. It ends with its process.
fn lock(partial: &Path) -> io::Result<Holder> {
    let dir = File::open(partial)?;
    match dir.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(Holder::Another),
        Err(TryLockError::Error(_)) => return Ok(Holder::Unknown),
    }
    // It may have been published, or removed and made anew, between the opening and the lock.
    let (ours, there) = (dir.metadata()?, fs::metadata(partial)?);
    let same = (ours.dev(), ours.ino()) == (there.dev(), there.ino());
    Ok(if same {
        Holder::Us(dir)
    } else {
        Holder::Another
    })
}

fn in_use(partial: &Path) -> Stop {
    Stop::Usage(format!(
        "{} is being written by another run",
        partial.display()
    ))
}

/// The folders in it, then itself.
fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_tree(&path)?;
        }
    }
    sync_dir(dir)
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
