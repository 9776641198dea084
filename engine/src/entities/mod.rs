//! The shell around the rules: actors, their routing table, meetings, idempotency keys.
//!
//! ```text
//! dispatch ── shard lock: exists? bounds? cap? count, send ──► actor mailbox(es)
//! actor    ── due → decide → encode → reserve → apply → append ──► journal (bytes + ticket)
//! publish  ── ticket: projections, keys, reply, token released
//! ```
//! Sees domain, record and journal; knows nothing of HTTP and never waits for the disk.

mod act;
mod actor;
mod admission;
mod agenda;
mod directory;
mod held;
mod keys;
mod meeting;
mod order;
mod rehearsal;
mod rest;
mod row;
mod rows;
mod settling;
mod shard;
mod table;
mod ticket;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::domain::{Entity, PROGRAM, Settings};
use crate::journal::{Clock, Journal};

pub(crate) use self::act::Work;
pub(crate) use self::actor::{AbortOnPanic, view};
pub(crate) use self::admission::Admission;
pub(crate) use self::directory::Directory;
pub(crate) use self::held::{Found, Held, part_of};
pub(crate) use self::keys::{Claim, Claimed, KeyTable};
pub(crate) use self::order::Order;
pub(crate) use self::rest::SWEEPS_IDLE;
pub(crate) use self::row::{
    EntityState, decode as decode_row, encode as encode_row, encode_into as encode_row_into,
    read as read_row,
};
pub(crate) use self::table::{Dispatch, Limits, Lookup, Table};
pub(crate) use self::ticket::{BulkReply, Reply, Ticket, Token};

/// What every actor needs; shared by all of them.
pub(crate) struct Core {
    pub(crate) journal: Journal<Ticket>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) table: Arc<Table>,
    /// Told whenever something that a waiting bulk item needs may have come free.
    pub(crate) capacity: Arc<Notify>,
    /// Each decision reads what is in force when it is made.
    pub(crate) in_force: ArcSwap<Settings>,
    /// Between the append of other settings and their coming into force.
    turnstile: Arc<Turnstile>,
    /// Lapses recorded since the start.
    pub(crate) lapses: AtomicU64,
    full: AtomicBool,
}

/// Shut from the append of other settings until they are in force: the record may be durable before, and whoever hears of it
/// must find them in force with the next decision.
#[derive(Default)]
pub(crate) struct Turnstile(Mutex<()>);

impl Core {
    pub(crate) fn new(
        journal: Journal<Ticket>,
        clock: Arc<dyn Clock>,
        table: Arc<Table>,
        capacity: Arc<Notify>,
        turnstile: Arc<Turnstile>,
    ) -> Self {
        let restored = table.restored(PROGRAM).unwrap_or_default();
        let settings = match restored.entity {
            Some(Entity::Program(program)) => program.settings,
            Some(Entity::Wallet(_) | Entity::Company(_)) | None => Settings::default(),
        };
        Self {
            journal,
            clock,
            table,
            capacity,
            in_force: ArcSwap::from_pointee(settings),
            turnstile,
            lapses: AtomicU64::new(0),
            full: AtomicBool::new(false),
        }
    }

    /// Whether the last attempt to take space from the journal failed.
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    fn note_full(&self, full: bool) {
        if self.full.load(Ordering::Relaxed) != full {
            self.full.store(full, Ordering::Relaxed);
        }
    }
}

// === impl Turnstile ===

impl Turnstile {
    /// Waits, some microseconds at most, until what was appended is in force.
    pub(crate) fn pass(&self) {
        drop(self.0.lock());
    }
}
