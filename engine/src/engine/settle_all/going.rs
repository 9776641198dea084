//! A run on its way: which company is next, and what became of those before it.
//!
//! ```text
//! directory ── pages of 256 ──► next company, each once ──► closed +1
//!                                                       └─► failed +1, and its reason, for the first ten thousand
//! ```
//! In memory only: it can be had again from the companies.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::api::{Listed, Refusal};
use crate::domain::{CompanyId, PeriodRun, RUNS_MAX, Span};
use crate::entities::Directory;

/// Companies that are read from the directory at once.
const PAGE: usize = 256;

/// Companies that were refused and are remembered with the reason; of the others the books tell it.
const NAMED_MAX: usize = 10_000;

/// Runs of this process.
pub(crate) struct Runs {
    /// Companies that are closed at once.
    pub(super) workers: usize,
    by_span: Mutex<BTreeMap<Span, Arc<Going>>>,
    /// Whoever asks for a run holds it.
    pub(super) asking: tokio::sync::Mutex<()>,
    /// Told when there may be a run to carry out.
    pub(super) wake: Notify,
    /// Statements on their way, which count as in flight and are nobody's calls.
    pub(crate) own: AtomicUsize,
}

/// One run on its way, or carried out since the start.
pub(super) struct Going {
    pub(super) run: PeriodRun,
    pub(super) total: u64,
    closed: AtomicU64,
    failed: AtomicU64,
    named: Mutex<BTreeMap<CompanyId, Refusal>>,
    next: Mutex<Next>,
    /// The engine ends: the next start goes on.
    stopped: AtomicBool,
}

/// Where the directory was read up to.
#[derive(Default)]
struct Next {
    after: Option<CompanyId>,
    page: VecDeque<CompanyId>,
    over: bool,
}

// === impl Runs ===

impl Runs {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            workers: workers.max(1),
            by_span: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            wake: Notify::new(),
            own: AtomicUsize::new(0),
        }
    }

    /// A run of a period, as this process knows it.
    pub(super) fn of(&self, run: &PeriodRun) -> Option<Arc<Going>> {
        let by_span = self.by_span.lock();
        let going = by_span.get(&run.span)?;
        (going.run.lsn == run.lsn).then(|| Arc::clone(going))
    }

    /// Whether a run cannot be carried to its end in this process.
    pub(super) fn has_given_up(&self, run: &PeriodRun) -> bool {
        self.of(run).is_some_and(|going| going.is_stopped())
    }

    /// Begins a run of so many companies.
    pub(super) fn begin(&self, run: PeriodRun, total: u64) -> Arc<Going> {
        let mut by_span = self.by_span.lock();
        while by_span.len() >= RUNS_MAX {
            let oldest = by_span.iter().min_by_key(|(_, going)| going.run.lsn);
            let Some(oldest) = oldest.map(|(span, _)| *span) else {
                break;
            };
            by_span.remove(&oldest);
        }
        let going = Arc::new(Going {
            run,
            total,
            closed: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            named: Mutex::default(),
            next: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        by_span.insert(going.run.span, Arc::clone(&going));
        going
    }
}

// === impl Going ===

impl Going {
    /// The next company that there was before the end of the period.
    pub(super) fn next_company(&self, directory: &Directory) -> Option<CompanyId> {
        let mut next = self.next.lock();
        loop {
            if let Some(company) = next.page.pop_front() {
                return Some(company);
            }
            if next.over {
                return None;
            }
            let (rows, more) = directory.page(next.after, PAGE);
            next.after = rows.last().map(|(id, _)| *id).or(next.after);
            next.over = !more;
            let early = |row: &(CompanyId, Listed)| row.1.created_at < self.run.span.to;
            let early = rows.into_iter().filter(early);
            next.page = early.map(|(id, _)| id).collect();
        }
    }

    pub(super) fn note_closed(&self) {
        self.closed.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn note_failed(&self, company: CompanyId, refusal: Refusal) {
        self.failed.fetch_add(1, Ordering::AcqRel);
        let mut named = self.named.lock();
        if named.len() < NAMED_MAX {
            named.insert(company, refusal);
        }
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    pub(super) fn closed(&self) -> u64 {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Acquire)
    }

    /// Why a company was refused, if it is remembered.
    pub(super) fn refusal(&self, company: CompanyId) -> Option<Refusal> {
        self.named.lock().get(&company).copied()
    }

    /// The first so many companies behind one that were refused; `None` if not all are remembered.
    pub(super) fn refused(&self, after: Option<CompanyId>, most: usize) -> Option<Vec<CompanyId>> {
        let named = self.named.lock();
        if (named.len() as u64) < self.failed() {
            return None;
        }
        let behind = |id: &&CompanyId| after.is_none_or(|after| **id > after);
        Some(named.keys().filter(behind).take(most).copied().collect())
    }
}
