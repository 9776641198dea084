//! How much more memory a server takes while it works in the background.

use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::failure::{Doing, Failure};
use crate::http::{Child, exchange};

/// A server that has just started may still be busy with its index.
const SETTLES: Duration = Duration::from_secs(3);

/// How often its memory is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Whoever works a tenth of the time may need minutes; by then it has long had all the memory that it will have.
const WATCHED_MAX: Duration = Duration::from_secs(60);

/// Memory of its own, without pages of files.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Growth {
    pub(crate) before_bytes: u64,
    pub(crate) peak_bytes: u64,
    pub(crate) ratio: f64,
    /// Until it was done, or until nobody looked any more.
    pub(crate) seconds: f64,
}

/// Has the server do what a path of its administration asks for, and watches its memory.
pub(crate) fn growth(child: &Child, path: &'static str) -> Result<Growth, Failure> {
    thread::sleep(SETTLES);
    let before_bytes = child.own_bytes()?;
    let admin = child.admin;
    let begun = Instant::now();
    let asked = thread::spawn(move || exchange(admin, "POST", path));
    let mut peak_bytes = before_bytes;
    while !asked.is_finished() && begun.elapsed() < WATCHED_MAX {
        peak_bytes = peak_bytes.max(child.own_bytes()?);
        thread::sleep(LOOK_EVERY);
    }
    let seconds = begun.elapsed().as_secs_f64();
    if asked.is_finished() {
        let answer = asked.join().unwrap_or_else(|_| Ok(String::new()));
        let answer = answer.doing(|| format!("ask for {path}"))?;
        if !answer.starts_with("HTTP/1.1 200") {
            let line = answer.lines().next().unwrap_or_default();
            return Err(Failure::Server(format!("answered {path} with {line:?}")));
        }
    }
    Ok(Growth {
        before_bytes,
        peak_bytes,
        ratio: peak_bytes as f64 / before_bytes as f64,
        seconds,
    })
}
