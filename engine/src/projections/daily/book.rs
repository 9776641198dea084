//! The days at one moment: those that are over, one after the other, and the one that runs.
//!
//! ```text
//! day (0, 900]   day (900, 1400]   day (1400, 1460]   open (1460, folded]
//! ```
//! A day begins behind the last entry of the one before, so a day that is missing shows as a gap, and its opening
//! balance is the closing one of the day before. A day without entries takes no room.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use super::file::DayFile;
use super::leg::{DayLeg, Turn};
use crate::domain::{Day, DayFinder, DayFlow, Points, Timestamp, Zone};
use crate::projections::reread::Span;

/// A day that is over, in memory.
#[derive(Clone, Debug)]
pub(super) struct Closed {
    pub(super) day: Day,
    pub(super) span: Span,
    pub(super) last_at_us: i64,
    pub(super) sum: DayFlow,
    /// The last day that was closed by a record.
    pub(super) closed: Option<Day>,
    pub(super) zone: Zone,
    /// By wallet, ascending.
    pub(super) rows: Vec<(u64, DayFlow)>,
}

/// A day that is over.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// Waits to be written.
    Memory(Arc<Closed>),
    /// Is on disk.
    File(Arc<DayFile>),
}

/// Folds legs into days.
#[derive(Debug)]
pub(super) struct Folder {
    finder: DayFinder,
    /// The day that runs.
    pub(super) day: Day,
    pub(super) span: Span,
    last_at_us: i64,
    pub(super) sum: DayFlow,
    rows: HashMap<u64, DayFlow>,
    /// The wallets that have rows.
    order: BTreeSet<u64>,
    /// The last day that was closed by a record.
    pub(super) closed_day: Option<Day>,
    /// Days that ended while folding.
    pub(super) ended: Vec<Arc<Closed>>,
    /// Legs that did not follow from the wallet's row.
    pub(super) contradictions: u64,
}

/// Days that are missing between others.
pub(super) struct Gap {
    pub(super) span: Span,
    /// What all wallets together held before it.
    pub(super) held: Points,
    /// The zone in which days were counted before it.
    pub(super) zone: Zone,
    /// The last day that was closed by a record before it.
    pub(super) closed: Option<Day>,
}

/// All days.
pub(super) struct Book {
    /// By day, ascending.
    pub(super) parts: Vec<Part>,
    pub(super) open: Folder,
    /// Everything up to here has been folded.
    pub(super) folded: u64,
    /// The log has nothing up to here any more: days before are either on disk or forgotten.
    pub(super) begins_above: u64,
    /// The first day that is known, with all days behind it. What flowed before it was deleted.
    pub(super) first_day: Day,
    /// There is nothing to go on from: where the days begin has to be found out first.
    pub(super) unfounded: bool,
    /// Whether the folder has been read.
    pub(super) loaded: bool,
}

// === impl Part ===

impl Part {
    pub(super) fn day(&self) -> Day {
        match self {
            Self::Memory(closed) => closed.day,
            Self::File(file) => file.header.day,
        }
    }

    pub(super) fn span(&self) -> Span {
        match self {
            Self::Memory(closed) => closed.span,
            Self::File(file) => file.header.span,
        }
    }

    pub(super) fn sum(&self) -> DayFlow {
        match self {
            Self::Memory(closed) => closed.sum,
            Self::File(file) => file.header.sum,
        }
    }

    pub(super) fn wallets(&self) -> u64 {
        match self {
            Self::Memory(closed) => closed.rows.len() as u64,
            Self::File(file) => file.header.wallets,
        }
    }
}

// === impl Gap ===

impl Gap {
    fn behind(part: Option<&Part>, span: Span) -> Self {
        let (held, zone, closed) = match part {
            None => (Points::ZERO, Zone::default(), None),
            Some(Part::Memory(day)) => (day.sum.closing(), day.zone.clone(), day.closed),
            Some(Part::File(file)) => {
                let header = &file.header;
                (header.sum.closing(), header.zone.clone(), header.closed)
            }
        };
        Self {
            span,
            held,
            zone,
            closed,
        }
    }
}

// === impl Folder ===

impl Folder {
    /// Nothing has flowed yet above an LSN, where all wallets together held so much.
    pub(super) fn starting_above(zone: &Zone, lsn: u64, held: Points) -> Self {
        Self {
            finder: DayFinder::new(zone.clone()),
            day: Day::MIN,
            span: Span {
                above: lsn,
                to: lsn,
            },
            last_at_us: i64::MIN,
            sum: DayFlow::opening_with(held),
            rows: HashMap::new(),
            order: BTreeSet::new(),
            closed_day: None,
            ended: Vec::new(),
            contradictions: 0,
        }
    }

    /// Goes on with a day that was folded before.
    pub(super) fn resume(closed: Closed) -> Self {
        let mut folder = Self::starting_above(&closed.zone, closed.span.above, closed.sum.opening);
        folder.closed_day = closed.closed;
        folder.day = closed.day;
        folder.span = closed.span;
        folder.last_at_us = closed.last_at_us;
        folder.sum = closed.sum;
        folder.order = closed.rows.iter().map(|(wallet, _)| *wallet).collect();
        folder.rows = closed.rows.into_iter().collect();
        folder
    }

    /// The zone in which days are counted.
    pub(super) fn zone(&self) -> &Zone {
        self.finder.zone()
    }

    /// Takes notice of what changes how later legs are counted. In another zone it may be an earlier day: the one that
    /// runs goes on until its next one begins there, and one that is closed stays closed.
    pub(super) fn turn(&mut self, turn: Turn) {
        match turn {
            Turn::Zone(zone) => self.finder = DayFinder::new(zone),
            Turn::Closed(day) => self.closed_day = self.closed_day.max(Some(day)),
        }
    }

    pub(super) fn fold(&mut self, leg: &DayLeg) {
        let day = self.finder.day_of(Timestamp(leg.at_us));
        let day = self.closed_day.map_or(day, |closed| day.max(closed.next()));
        if day > self.day {
            self.end_day();
            self.day = day;
        }
        let before = leg.after - leg.change;
        let row = self.rows.entry(leg.wallet).or_insert_with(|| {
            self.order.insert(leg.wallet);
            DayFlow::opening_with(before)
        });
        row.count(leg.column, leg.change);
        self.sum.count(leg.column, leg.change);
        if row.closing() != leg.after {
            self.contradictions += 1;
        }
        self.span.to = leg.lsn;
        self.last_at_us = leg.at_us;
    }

    /// Ends the running day, if there was anything on it.
    pub(super) fn end_day(&mut self) {
        let above = self.span.to;
        if let Some(closed) = self.closed() {
            self.ended.push(Arc::new(closed));
        }
        let held = self.sum.closing();
        self.sum = DayFlow::opening_with(held);
        self.span.above = above;
        self.rows = HashMap::new();
        self.order = BTreeSet::new();
    }

    /// The running day as it stands; `None` when there was nothing on it.
    pub(super) fn closed(&self) -> Option<Closed> {
        (self.sum.entries > 0).then(|| Closed {
            day: self.day,
            span: self.span,
            last_at_us: self.last_at_us,
            sum: self.sum,
            closed: self.closed_day,
            zone: self.zone().clone(),
            rows: self.rows_from(0, usize::MAX),
        })
    }

    pub(super) fn row(&self, wallet: u64) -> Option<DayFlow> {
        self.rows.get(&wallet).copied()
    }

    /// So many rows from a wallet on, ascending.
    pub(super) fn rows_from(&self, wallet: u64, limit: usize) -> Vec<(u64, DayFlow)> {
        let wallets = self.order.range(wallet..).take(limit);
        wallets
            .filter_map(|wallet| Some((*wallet, *self.rows.get(wallet)?)))
            .collect()
    }

    pub(super) fn wallets(&self) -> u64 {
        self.rows.len() as u64
    }
}

// === impl Book ===

impl Book {
    pub(super) fn new() -> Self {
        Self {
            parts: Vec::new(),
            open: Folder::starting_above(&Zone::default(), 0, Points::ZERO),
            folded: 0,
            begins_above: 0,
            first_day: Day::MIN,
            unfounded: false,
            loaded: false,
        }
    }

    /// Takes over the days that ended while folding, as far as they are whole.
    pub(super) fn take_ended(&mut self) {
        for ended in std::mem::take(&mut self.open.ended) {
            match ended.day < self.first_day {
                true => self.begins_above = self.begins_above.max(ended.span.to),
                false => self.parts.push(Part::Memory(ended)),
            }
        }
    }

    /// What all wallets held before the first entry that is known.
    pub(super) fn opening(&self) -> Points {
        let first = self.parts.first();
        first.map_or(self.open.sum.opening, |part| part.sum().opening)
    }

    /// The running day, if all of it is known.
    pub(super) fn running(&self) -> Option<&Folder> {
        (self.open.day >= self.first_day).then_some(&self.open)
    }

    /// The log has nothing up to an LSN any more: days behind which one is missing that it does not give back are
    /// forgotten, too, so that those that are left follow one another.
    pub(super) fn begin_above(&mut self, lsn: u64) {
        self.begins_above = self.begins_above.max(lsn);
        if self.begins_above == 0 {
            return;
        }
        let (mut ends, mut last) = (0, None);
        for (at, part) in self.parts.iter().enumerate() {
            if part.span().above > ends && ends < self.begins_above {
                last = Some(at);
            }
            ends = ends.max(part.span().to);
        }
        if let Some(first) = last {
            self.parts.drain(..first);
            self.first_day = self.parts[0].day();
            self.begins_above = self.begins_above.max(self.parts[0].span().above);
        }
        if self.open.span.above > ends && ends < self.begins_above {
            self.parts.clear();
            self.first_day = self.open.day.max(self.first_day);
            self.begins_above = self.begins_above.max(self.open.span.above);
        }
    }

    /// Puts a day in its place.
    pub(super) fn put(&mut self, part: Part) {
        let day = part.day();
        self.parts.retain(|old| old.day() != day);
        let at = self.parts.partition_point(|old| old.day() < day);
        self.parts.insert(at, part);
    }

    /// The first days below the running one that are not here.
    pub(super) fn gap(&self) -> Option<Gap> {
        let (mut above, mut before) = (self.begins_above, None);
        let spans = self.parts.iter().map(|part| (part.span(), Some(part)));
        for (span, part) in spans.chain([(self.open.span, None)]) {
            if span.above > above {
                let to = span.above;
                return Some(Gap::behind(before, Span { above, to }));
            }
            (above, before) = (above.max(span.to), part);
        }
        None
    }

    /// Whether no day is missing.
    pub(super) fn is_whole(&self) -> bool {
        self.loaded && self.gap().is_none()
    }

    /// The first day that waits to be written.
    pub(super) fn unwritten(&self) -> Option<Arc<Closed>> {
        self.parts.iter().find_map(|part| match part {
            Part::Memory(closed) => Some(Arc::clone(closed)),
            Part::File(_) => None,
        })
    }
}
