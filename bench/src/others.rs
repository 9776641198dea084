//! The share of the processors that others use: a figure taken beside a compiler is not quoted.

use std::fs;
use std::time::Duration;

use crate::report::say;

/// How long others are watched before a run.
const WATCH: Duration = Duration::from_millis(500);

/// Others that use more than this share spoil every figure.
const BUSY_MAX: f64 = 0.05;

/// The processors' time at one moment, in ticks since the start of the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Others {
    all: f64,
    idle: f64,
    /// Used by this program and by the children it has waited for.
    own: f64,
}

/// Watches before a run starts anything, and says so when the machine is not quiet.
pub(crate) fn busy_before() -> f64 {
    let before = Others::now();
    std::thread::sleep(WATCH);
    before.busy_since("before the run")
}

/// Sum of some columns of a line of numbers.
fn sum(words: &str, from: usize, count: usize) -> f64 {
    let numbers = words.split_ascii_whitespace().skip(from).take(count);
    numbers.filter_map(|word| word.parse::<f64>().ok()).sum()
}

// === impl Others ===

impl Others {
    pub(crate) fn now() -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = stat.lines().next().unwrap_or_default();
        let own = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // Behind the name, which may hold spaces: user and kernel time, and those of the children.
        let own = own.rsplit_once(") ").map_or("", |(_, rest)| rest);
        Self {
            // Guests, the last two columns, are counted in the first two already.
            all: sum(line, 1, 8),
            idle: sum(line, 4, 2),
            own: sum(own, 11, 4),
        }
    }

    /// The share that others have used since; says so when it is too much. All children must have
    /// ended by now, or they count as others.
    pub(crate) fn busy_since(&self, when: &str) -> f64 {
        let now = Self::now();
        let all = (now.all - self.all).max(1.0);
        let used = all - (now.idle - self.idle) - (now.own - self.own);
        let busy = (used / all).clamp(0.0, 1.0);
        if busy > BUSY_MAX {
            let percent = busy * 100.0;
            say(&format!(
                "{when} others used {percent:.0} % of the processors: the figures are too low"
            ));
        }
        (busy * 1_000.0).round() / 1_000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_summed_from_where_they_stand() {
        assert_eq!(sum("cpu  1 2 3 4 5", 1, 3), 6.0);
        assert_eq!(sum("cpu 1 2", 4, 2), 0.0);
    }

    #[test]
    fn the_share_of_others_is_a_share_and_time_passes() {
        let before = Others::now();
        let busy = busy_before();
        assert!((0.0..=1.0).contains(&busy), "{busy}");
        let now = Others::now();
        assert!(now.all > before.all && now.own >= before.own);
    }
}
