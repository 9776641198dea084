//! The way out: durable groups leave the writer, strictly in LSN order.
//!
//! The writer calls the publisher itself. A publisher that has much to do hands the group on and
//! gives an empty vector back, so that the writer is at the next group at once.

use super::group::Delivered;
use super::place::Lsn;
use parking_lot::Mutex;

/// Takes what has become durable, or has failed.
pub trait Publish<T>: Send + 'static {
    /// Everything up to `durable` is on disk. `group` holds the tickets in LSN order; whoever merely waited stands
    /// behind the acts it waited for. The writer waits for the return: take the tickets out, or swap the vector for
    /// an empty one, and be quick.
    fn publish(&mut self, durable: Lsn, group: &mut Vec<Delivered<T>>);
    /// A segment was sealed: `last` is its last LSN, `bytes` its length. Comes behind the groups that are in it, and
    /// before those that are not.
    fn sealed(&mut self, _last: Lsn, _bytes: u64) {}
    /// A write failed: whether these acts are on disk is decided by the next start.
    fn fail(&mut self, group: &mut Vec<Delivered<T>>);
}

/// The writer's end.
pub(crate) struct Lane<T> {
    publisher: Mutex<Box<dyn Publish<T>>>,
    /// Emptied vector for the tickets of a coming group.
    spare: Mutex<Vec<Delivered<T>>>,
}

impl<T: Send + 'static> Lane<T> {
    pub(crate) fn new(publisher: Box<dyn Publish<T>>) -> Self {
        Self {
            publisher: Mutex::new(publisher),
            spare: Mutex::new(Vec::new()),
        }
    }

    /// An empty vector for the tickets of a coming group.
    pub(crate) fn spare(&self) -> Vec<Delivered<T>> {
        std::mem::take(&mut *self.spare.lock())
    }

    pub(crate) fn deliver(&self, durable: Lsn, mut group: Vec<Delivered<T>>) {
        self.publisher.lock().publish(durable, &mut group);
        self.keep(group);
    }

    pub(crate) fn sealed(&self, last: Lsn, bytes: u64) {
        self.publisher.lock().sealed(last, bytes);
    }

    pub(crate) fn fail(&self, mut group: Vec<Delivered<T>>) {
        self.publisher.lock().fail(&mut group);
        self.keep(group);
    }

    fn keep(&self, mut group: Vec<Delivered<T>>) {
        group.clear();
        *self.spare.lock() = group;
    }
}
