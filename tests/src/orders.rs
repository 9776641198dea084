//! Orders to a disk: the folder by which a test tells the faulty server's disk to fail, to fill up, or to stall.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::launch::Launch;

/// A folder of orders.
#[derive(Clone, Debug)]
pub struct Orders {
    folder: PathBuf,
}

/// A stall that lasts until this is dropped.
#[derive(Debug)]
pub struct Stall {
    file: File,
    path: PathBuf,
}

// === impl Orders ===

impl Orders {
    /// None yet.
    pub fn none(folder: PathBuf) -> Self {
        fs::create_dir(&folder).expect("the folder of orders is new");
        Self { folder }
    }

    /// The same launch with the faulty binary, which obeys these.
    pub fn given_to(&self, launch: Launch, binary: &Path) -> Launch {
        let folder = self.folder.display();
        launch.binary(binary).variable("SCRIP_FAULTS", folder)
    }

    /// Every sync fails from now on.
    pub fn fail_syncs(&self) {
        File::create(self.folder.join("sync-eio")).expect("an order can be written");
    }

    /// Nothing new fits from now on.
    pub fn fill(&self) {
        File::create(self.folder.join("full")).expect("an order can be written");
    }

    /// There is room again.
    pub fn make_room(&self) {
        fs::remove_file(self.folder.join("full")).expect("it was full");
    }

    /// Every sync waits until the stall is over.
    pub fn stall(&self) -> Stall {
        // Locked before it can be seen by its name: no sync slips through.
        let path = self.folder.join("stall");
        let hidden = self.folder.join("stall-to-be");
        let file = File::create(&hidden).expect("an order can be written");
        file.lock().expect("nobody else knows of the file");
        fs::rename(hidden, &path).expect("an order can be given");
        Stall { file, path }
    }
}

impl Drop for Stall {
    fn drop(&mut self) {
        let removed = fs::remove_file(&self.path);
        let unlocked = self.file.unlock();
        if !std::thread::panicking() {
            removed.and(unlocked).expect("a stall can end");
        }
    }
}
