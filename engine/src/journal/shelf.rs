//! The shelf between the writer and the filler: filled segments one way, unused ranges the other.

use super::storage::StorageFile;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// A filled segment that has no header yet.
pub(crate) struct ReadyFile {
    pub(crate) name: String,
    pub(crate) file: Arc<dyn StorageFile>,
}

/// A range of a sealed segment that was never written.
pub(crate) struct Unused {
    pub(crate) name: String,
    pub(crate) file: Arc<dyn StorageFile>,
    pub(crate) from: u64,
    pub(crate) len: u64,
}

/// What passes between the writer and the filler.
#[derive(Default)]
pub(crate) struct Shelf {
    state: Mutex<ShelfState>,
    wake: Condvar,
}

#[derive(Default)]
struct ShelfState {
    ready: VecDeque<ReadyFile>,
    unused: VecDeque<Unused>,
    /// Something changed since the filler last looked.
    called: bool,
    stop: bool,
}

impl Shelf {
    /// The segment that was promised longest ago.
    pub(crate) fn take(&self) -> Option<ReadyFile> {
        let mut state = self.state.lock();
        state.called = true;
        self.wake.notify_all();
        state.ready.pop_front()
    }

    pub(crate) fn put(&self, ready: ReadyFile) {
        self.state.lock().ready.push_back(ready);
    }

    /// The next range to give back.
    pub(crate) fn take_unused(&self) -> Option<Unused> {
        self.state.lock().unused.pop_front()
    }

    pub(crate) fn give_back(&self, unused: Unused) {
        let mut state = self.state.lock();
        state.called = true;
        state.unused.push_back(unused);
        self.wake.notify_all();
    }

    pub(crate) fn stop(&self) {
        self.state.lock().stop = true;
        self.wake.notify_all();
    }

    /// Waits for a call that came since the last rest, or for the time to pass; true when the filler is to stop.
    pub(crate) fn rest(&self, time: Option<Duration>) -> bool {
        let mut state = self.state.lock();
        while !state.stop && !state.called {
            match time {
                Some(time) => {
                    let _ = self.wake.wait_for(&mut state, time);
                    break;
                }
                None => self.wake.wait(&mut state),
            }
        }
        state.called = false;
        state.stop
    }
}
