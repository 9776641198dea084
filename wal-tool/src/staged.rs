//! A directory that is seen whole or not at all: written beside its place, then renamed into it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::exit::Stop;

/// Behind the name while it is being written.
const PARTIAL_SUFFIX: &str = ".partial";

/// A directory that is being written. Without `publish` it stays beside its place, under another name.
pub(crate) struct Staged {
    partial: PathBuf,
    target: PathBuf,
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
                return Err(Stop::Usage(format!(
                    "{} was left by a run that did not finish: remove it first",
                    partial.display()
                )));
            }
            Err(source) => return Err(Stop::of_file(&partial, source)),
        }
        Ok(Self {
            partial,
            target: target.to_owned(),
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
