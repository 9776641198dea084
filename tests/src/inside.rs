//! The engine, and the server around it, inside this process: over a disk in memory that can lose its power,
//! with a clock that only the test moves. What depends on time, an expiry or a window, can then be met to the
//! microsecond.

mod http;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use engine::journal::sim::MemStorage;
use engine::{Clock, Engine, EngineOptions};

pub use self::http::InsideServer;

/// Small segments, so that histories of a few thousand acts span many.
const SEGMENT_BYTES: u64 = 256 * 1024;

/// A clock that stands still until it is set.
#[derive(Debug, Default)]
pub struct SetClock(AtomicI64);

/// A disk and a clock: what an engine is opened over, again and again.
pub struct Inside {
    /// Its time.
    pub clock: Arc<SetClock>,
    disk: MemStorage,
    snapshot_every_bytes: u64,
}

// === impl SetClock ===

impl SetClock {
    /// Moves it, forwards only: the engine's clock is monotone.
    pub fn set(&self, now_us: i64) {
        let before = self.0.swap(now_us, Ordering::SeqCst);
        assert!(before <= now_us, "the clock would go back");
    }
}

impl Clock for SetClock {
    fn now_us(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

// === impl Inside ===

impl Inside {
    /// An empty disk at the start of 1970. The seed decides what a power cut leaves.
    pub fn new(seed: u64) -> Self {
        Self {
            clock: Arc::default(),
            disk: MemStorage::new(seed),
            // Half of all histories know no snapshots, the others make one whenever a segment is full.
            snapshot_every_bytes: seed % 2,
        }
    }

    /// Opens the engine over what is there.
    pub async fn open(&self) -> Engine {
        let options = EngineOptions {
            segment_bytes: SEGMENT_BYTES,
            replay_workers: 2,
            snapshot_every_bytes: self.snapshot_every_bytes,
            // The clock stands still; whoever wants a sweep asks for it.
            sweep_every: Duration::ZERO,
            ..EngineOptions::new("in-memory")
        };
        let disk = Arc::new(self.disk.clone());
        let prepared = Engine::prepare_on(options, disk, Arc::clone(&self.clock) as Arc<dyn Clock>);
        let prepared = prepared.expect("a log that can be served");
        prepared.open().await.expect("a log that replays")
    }

    /// Writes the disk's files as they are seen now.
    pub fn save(&self, directory: &Path) {
        for name in self.disk.names() {
            let path = directory.join(&name);
            let folder = path.parent().expect("a file lies in a folder");
            std::fs::create_dir_all(folder).expect("a folder");
            if let Some(bytes) = self.disk.bytes(&name) {
                std::fs::write(&path, bytes).expect("a file");
            }
        }
    }

    /// Cuts the power: what is open over the disk is dead, and the next one finds what had reached it.
    pub fn crash(&mut self, seed: u64) {
        self.disk = self.disk.crash(seed);
    }
}
