//! A thread that works while others are served, and what they and the thread say to each other.
//!
//! ```text
//! callers ── ask, change what is kept ──► desk ◄── wait until asked or due, rest in proportion ── thread, nice 19
//!         ◄───────────── answer ───────────────────────────────────────────────────────────────────┘
//! ```
//! It owns the waiting, the resting, the asking and the end: a thread is called off and joined within a rest, whatever it
//! does. It refuses to know what the work is.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, MappedMutexGuard, Mutex, MutexGuard};
use tokio::sync::oneshot;

/// Longest rest at once: however long a slow disk kept it, the thread goes on.
const REST_MAX: Duration = Duration::from_millis(200);

/// Work that is done at once. It is less than what the scheduler leaves a thread of the lowest priority to finish while
/// somebody who has just woken waits for its core.
const SLICE: Duration = Duration::from_micros(500);

/// The least that Linux knows; it counts niceness by thread.
const LOWEST_PRIORITY: i32 = 19;

/// Who asked for the work, and hears of its outcome.
pub(crate) struct Askers<A>(Vec<oneshot::Sender<A>>);

/// When there is something to do for a thread that nobody asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    Now,
    /// Look again at this instant, or when called.
    At(Instant),
    /// Look again when called.
    Never,
}

/// What the thread shares with everybody else: state `S`, and answers `A` to those who ask. Cheap to clone.
pub(crate) struct Desk<S, A> {
    shared: Arc<Shared<S, A>>,
}

struct Shared<S, A> {
    kept: Mutex<Kept<S, A>>,
    wake: Condvar,
    closing: AtomicBool,
}

struct Kept<S, A> {
    state: S,
    asked: Vec<oneshot::Sender<A>>,
}

/// The thread. It ends when this goes away.
pub(crate) struct Worker<S, A> {
    desk: Desk<S, A>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Rests between pieces of work, so that the thread takes its share of a core and no more.
pub(crate) struct Throttle<S, A> {
    desk: Desk<S, A>,
    /// Rest for each moment of work.
    rest_for_work: u32,
    since: Mutex<Instant>,
}

// === impl Askers ===

impl<A: Clone> Askers<A> {
    /// Whether nobody asked: the work is the thread's own idea.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn answer(self, answer: &A) {
        for sender in self.0 {
            // Whoever asked may have gone away.
            drop(sender.send(answer.clone()));
        }
    }
}

// === impl Desk ===

impl<S, A> Clone for Desk<S, A> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S, A> Desk<S, A> {
    pub(crate) fn new(state: S) -> Self {
        let asked = Vec::new();
        let shared = Shared {
            kept: Mutex::new(Kept { state, asked }),
            wake: Condvar::new(),
            closing: AtomicBool::new(false),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    pub(crate) fn state(&self) -> MappedMutexGuard<'_, S> {
        MutexGuard::map(self.shared.kept.lock(), |kept| &mut kept.state)
    }

    /// Has the thread look whether there is something to do.
    pub(crate) fn call(&self) {
        self.shared.wake.notify_all();
    }

    /// Asks for the work to be done now. The answer is what came of it.
    pub(crate) fn ask(&self) -> oneshot::Receiver<A> {
        let (sender, receiver) = oneshot::channel();
        self.shared.kept.lock().asked.push(sender);
        self.call();
        receiver
    }

    /// Whether the engine ends: nothing new is begun, and what is being done is left.
    pub(crate) fn is_closing(&self) -> bool {
        self.shared.closing.load(Ordering::Acquire)
    }

    /// Sleeps until somebody asks or something is due; `None` when the engine ends.
    pub(crate) fn wait(&self, mut due: impl FnMut(&mut S) -> Due) -> Option<Askers<A>> {
        let mut kept = self.shared.kept.lock();
        loop {
            if self.is_closing() {
                return None;
            }
            let due = due(&mut kept.state);
            if due == Due::Now || !kept.asked.is_empty() {
                return Some(Askers(std::mem::take(&mut kept.asked)));
            }
            match due {
                Due::At(at) => drop(self.shared.wake.wait_until(&mut kept, at)),
                Due::Now | Due::Never => self.shared.wake.wait(&mut kept),
            }
        }
    }

    /// A throttle for work that begins now.
    pub(crate) fn throttle(&self, rest_for_work: u32) -> Throttle<S, A> {
        Throttle {
            desk: self.clone(),
            rest_for_work,
            since: Mutex::new(Instant::now()),
        }
    }
}

// === impl Throttle ===

impl<S, A> Throttle<S, A> {
    /// Rests in proportion to the work since the last rest, once it is a slice. False when the engine ends.
    pub(crate) fn rest(&self) -> bool {
        let mut since = self.since.lock();
        let worked = since.elapsed();
        if worked < SLICE {
            return !self.desk.is_closing();
        }
        let until = Instant::now() + (worked * self.rest_for_work).min(REST_MAX);
        let shared = &*self.desk.shared;
        let mut kept = shared.kept.lock();
        while !self.desk.is_closing() {
            if shared.wake.wait_until(&mut kept, until).timed_out() {
                break;
            }
        }
        *since = Instant::now();
        !self.desk.is_closing()
    }
}

// === impl Worker ===

impl<S: Send + 'static, A: Send + 'static> Worker<S, A> {
    pub(crate) fn start(
        name: &str,
        desk: &Desk<S, A>,
        run: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let named = std::thread::Builder::new().name(name.to_owned());
        let thread = named.spawn(move || {
            if let Err(error) = rustix::process::nice(LOWEST_PRIORITY) {
                tracing::debug!(%error, "a thread for background work has ordinary priority");
            }
            run();
        })?;
        Ok(Self {
            desk: desk.clone(),
            thread: Mutex::new(Some(thread)),
        })
    }
}

impl<S, A> Worker<S, A> {
    /// Calls off what is being done and waits for the thread to end: a few milliseconds at most.
    pub(crate) fn stop(&self) {
        self.desk.shared.closing.store(true, Ordering::Release);
        // Under the lock, so that a thread about to sleep hears it.
        drop(self.desk.shared.kept.lock());
        self.desk.call();
        if let Some(thread) = self.thread.lock().take() {
            // A panic has been reported by its own hook.
            drop(thread.join());
        }
    }
}

impl<S, A> Drop for Worker<S, A> {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thread that counts how often it was given work, and answers with the count.
    fn counting(
        desk: &Desk<u32, u32>,
        due: impl Fn(u32) -> Due + Send + 'static,
    ) -> Worker<u32, u32> {
        let own = desk.clone();
        let run = move || {
            while let Some(asked) = own.wait(|count| due(*count)) {
                *own.state() += 1;
                let count = *own.state();
                asked.answer(&count);
            }
        };
        Worker::start("counting", desk, run).unwrap()
    }

    #[test]
    fn everybody_who_asks_is_answered_and_nobody_after_the_end() {
        let desk = Desk::new(0);
        let worker = counting(&desk, |_| Due::Never);
        let asked = [desk.ask(), desk.ask()];
        for answer in asked {
            assert!((1..=2).contains(&answer.blocking_recv().unwrap()));
        }
        worker.stop();
        let late = desk.ask();
        drop((worker, desk));
        assert!(late.blocking_recv().is_err());
    }

    #[test]
    fn what_is_due_is_done_unasked_and_at_its_time() {
        let desk = Desk::new(0);
        let at = Instant::now() + Duration::from_millis(20);
        let worker = counting(&desk, move |count| match count {
            0 => Due::Now,
            1 if Instant::now() < at => Due::At(at),
            1 => Due::Now,
            _ => Due::Never,
        });
        while *desk.state() < 2 {
            std::thread::yield_now();
        }
        assert!(Instant::now() >= at);
        assert_eq!(desk.ask().blocking_recv(), Ok(3));
        drop(worker);
    }

    #[test]
    fn a_rest_is_in_proportion_and_ends_with_the_engine() {
        let desk: Desk<(), ()> = Desk::new(());
        let throttle = desk.throttle(3);
        let worked = Instant::now();
        while worked.elapsed() < Duration::from_millis(5) {}
        let rested = Instant::now();
        assert!(throttle.rest());
        assert!(rested.elapsed() >= Duration::from_millis(15));
        Worker::start("ends", &desk, || ()).unwrap().stop();
        let throttle = desk.throttle(u32::MAX);
        assert!(!throttle.rest());
    }
}
