//! Where two logs part: both are walked at once, act by act, and never held in memory.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::Side;
use crate::acts::{Act, Found};
use crate::exit::Stop;
use crate::instant::rfc3339;
use crate::log::{Log, Next};

/// Acts handed over at once: often enough that neither walk waits long, seldom enough that handing over costs nothing.
const BATCH_ACTS: usize = 256;

/// Batches that one walk may be ahead of the other.
const BATCHES_AHEAD: usize = 4;

/// The first place at which two logs differ.
pub(super) struct Parting {
    pub(super) lsn: u64,
    a: Option<Act<'static>>,
    b: Option<Act<'static>>,
}

/// The acts of one side as they come; none after the last one.
struct Stream {
    from: Receiver<Vec<Act<'static>>>,
    batch: std::vec::IntoIter<Act<'static>>,
}

/// Walks both sides from an LSN on until they part. Damage ends a side, as it ends a replay.
pub(super) fn find(a: Side<'_>, b: Side<'_>, from: u64) -> Result<Option<Parting>, Stop> {
    thread::scope(|scope| {
        let (to_a, from_a) = sync_channel(BATCHES_AHEAD);
        let (to_b, from_b) = sync_channel(BATCHES_AHEAD);
        let walk_a = scope.spawn(move || walk(a, from, &to_a));
        let walk_b = scope.spawn(move || walk(b, from, &to_b));
        let parting = part(Stream::new(from_a), Stream::new(from_b));
        for walk in [walk_a, walk_b] {
            match walk.join() {
                Ok(outcome) => outcome?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(parting)
    })
}

fn part(mut a: Stream, mut b: Stream) -> Option<Parting> {
    loop {
        let (a, b) = (a.next(), b.next());
        let lsn = match (&a, &b) {
            (None, None) => return None,
            (Some(a), Some(b)) if is_same(a, b) => continue,
            (Some(a), Some(b)) => a.lsn.min(b.lsn),
            (Some(act), None) | (None, Some(act)) => act.lsn,
        };
        return Some(Parting { lsn, a, b });
    }
}

/// Whether both say the same, wherever they stand.
fn is_same(a: &Act<'_>, b: &Act<'_>) -> bool {
    (a.lsn, a.last_lsn, a.at, a.kind, a.schema) == (b.lsn, b.last_lsn, b.at, b.kind, b.schema)
        && a.body == b.body
}

fn walk(side: Side<'_>, from: u64, to: &SyncSender<Vec<Act<'static>>>) -> Result<(), Stop> {
    let log = Log::open(side.dir)?;
    let mut batch = Vec::with_capacity(BATCH_ACTS);
    log.forward(Some(from), &mut |found| {
        let act = match found {
            Found::Act(act) if act.lsn < from => return Ok(Next::GoOn),
            Found::Act(act) if side.to_lsn.is_some_and(|to| act.lsn > to) => {
                return Ok(Next::Enough);
            }
            Found::Act(act) => act,
            Found::Damage(_) => return Ok(Next::Enough),
        };
        if act.is_journal_own() {
            return Ok(Next::GoOn);
        }
        batch.push(act.into_owned());
        if batch.len() < BATCH_ACTS {
            return Ok(Next::GoOn);
        }
        let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH_ACTS));
        // Nobody listens any more once the logs have parted.
        Ok(match to.send(full) {
            Ok(()) => Next::GoOn,
            Err(_) => Next::Enough,
        })
    })?;
    // As above: no listener, no need.
    let _ = to.send(batch);
    Ok(())
}

// === impl Stream ===

impl Stream {
    fn new(from: Receiver<Vec<Act<'static>>>) -> Self {
        let batch = Vec::new().into_iter();
        Self { from, batch }
    }

    fn next(&mut self) -> Option<Act<'static>> {
        loop {
            if let Some(act) = self.batch.next() {
                return Some(act);
            }
            self.batch = self.from.recv().ok()?.into_iter();
        }
    }
}

// === impl Parting ===

impl Parting {
    /// What stands there on both sides.
    pub(super) fn into_words(self) -> String {
        let words = |name: &str, act: &Option<Act<'_>>| match act {
            Some(act) => format!(
                "{name} has {} of {} at {}:{}",
                act.kind_name(),
                rfc3339(act.at),
                act.file,
                act.position.offset
            ),
            None => format!("{name} has ended"),
        };
        format!("{}, {}", words("A", &self.a), words("B", &self.b))
    }
}
