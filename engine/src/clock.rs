//! The engine's one clock: microseconds since the Unix epoch, never going backwards.
//!
//! The wall clock is asked once, at start; from there on a monotone `Instant` carries it forward. A clock that
//! someone sets back while the server runs therefore cannot bring two acts out of order or let a lot lapse twice.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Monotone microseconds since the Unix epoch.
pub trait Clock: Send + Sync {
    fn now_us(&self) -> i64;
}

/// The real clock: anchored once to the wall clock, carried on by a monotone one.
#[derive(Debug)]
pub struct SystemClock {
    anchor: Instant,
    anchor_us: i64,
}

impl SystemClock {
    pub fn start() -> Self {
        Self {
            anchor: Instant::now(),
            anchor_us: wall_us(),
        }
    }
}

impl Clock for SystemClock {
    fn now_us(&self) -> i64 {
        let passed = i64::try_from(self.anchor.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.anchor_us.saturating_add(passed)
    }
}

/// The wall clock as it stands; a date before 1970 reads as 0.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place where the wall clock is read"
)]
pub(crate) fn wall_us() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
        })
}
