//! The lane from the writer to the publisher: durable groups, strictly in LSN order.
//!
//! When nothing else waits the writer publishes by itself, which spares a thread switch; under load a thread of its
//! own publishes while the writer is already at the next group. One of them at a time.

use super::group::Delivered;
use super::metrics::JournalMetrics;
use super::place::Lsn;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Groups that may wait for the publishing thread. A few hide its hiccups; more would only hide that it is too slow.
const LANE_GROUPS_MAX: usize = 8;

/// Takes what has become durable, or has failed.
pub trait Publish<T>: Send + 'static {
    /// Everything up to `durable` is on disk. `group` holds the tickets in LSN order; whoever merely waited stands
    /// behind the acts it waited for. The vector is used again: take the tickets out of it.
    fn publish(&mut self, durable: Lsn, group: &mut Vec<Delivered<T>>);
    /// A write failed: whether these acts are on disk is decided by the next start.
    fn fail(&mut self, group: &mut Vec<Delivered<T>>);
}

enum Message<T> {
    Durable(Lsn, Vec<Delivered<T>>),
    Failed(Vec<Delivered<T>>),
}

struct Shared<T> {
    publisher: Mutex<Box<dyn Publish<T>>>,
    metrics: Arc<JournalMetrics>,
    spare: Mutex<Vec<Vec<Delivered<T>>>>,
}

/// The writer's end of the lane.
pub(crate) struct Lane<T> {
    shared: Arc<Shared<T>>,
    sender: Option<SyncSender<Message<T>>>,
    thread: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Lane<T> {
    /// A lane that publishes on the caller's thread only.
    pub(crate) fn inline(publisher: Box<dyn Publish<T>>, metrics: Arc<JournalMetrics>) -> Self {
        let shared = Shared {
            publisher: Mutex::new(publisher),
            metrics,
            spare: Mutex::new(Vec::new()),
        };
        Self {
            shared: Arc::new(shared),
            sender: None,
            thread: None,
        }
    }

    /// Adds the publishing thread.
    pub(crate) fn spawn(&mut self) -> std::io::Result<()> {
        let (sender, receiver) = sync_channel(LANE_GROUPS_MAX);
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new()
            .name("publish".to_owned())
            .spawn(move || shared.run(&receiver))?;
        self.sender = Some(sender);
        self.thread = Some(thread);
        Ok(())
    }

    /// An empty vector for the tickets of a coming group.
    pub(crate) fn spare(&self) -> Vec<Delivered<T>> {
        self.shared.spare.lock().pop().unwrap_or_default()
    }

    /// Publishes a durable group; `more` says that the next one is waiting already.
    pub(crate) fn deliver(&self, durable: Lsn, group: Vec<Delivered<T>>, more: bool) {
        self.send(Message::Durable(durable, group), more);
    }

    pub(crate) fn fail(&self, group: Vec<Delivered<T>>) {
        self.send(Message::Failed(group), false);
    }

    fn send(&self, message: Message<T>, more: bool) {
        let waiting = &self.shared.metrics.publish_waiting;
        let idle = waiting.load(Ordering::Acquire) == 0;
        match &self.sender {
            Some(sender) if more || !idle => {
                waiting.fetch_add(1, Ordering::AcqRel);
                if let Err(unsent) = sender.send(message) {
                    // The thread is gone only after a panic in the publisher; its caller still gets its answer.
                    waiting.fetch_sub(1, Ordering::AcqRel);
                    self.shared.take(unsent.0);
                }
            }
            Some(_) | None => self.shared.take(message),
        }
    }
}

impl<T> Drop for Lane<T> {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by its own hook.
            let _ = thread.join();
        }
    }
}

impl<T: Send + 'static> Shared<T> {
    fn run(&self, receiver: &Receiver<Message<T>>) {
        for message in receiver {
            self.take(message);
            self.metrics.publish_waiting.fetch_sub(1, Ordering::AcqRel);
        }
    }

    fn take(&self, message: Message<T>) {
        let mut publisher = self.publisher.lock();
        let mut group = match message {
            Message::Durable(durable, mut group) => {
                publisher.publish(durable, &mut group);
                group
            }
            Message::Failed(mut group) => {
                publisher.fail(&mut group);
                group
            }
        };
        drop(publisher);
        group.clear();
        let mut spare = self.spare.lock();
        if spare.len() < LANE_GROUPS_MAX {
            spare.push(group);
        }
    }
}
