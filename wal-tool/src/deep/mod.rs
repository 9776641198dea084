//! The deep checks: what sound bytes say must also make sense.
//!
//! Replays with the live engine's own rules and holds every event against the state before it: balances,
//! versions, lots, wallets created twice, more given back of a use than was used, keys used twice, time that
//! runs backwards, points that came from nowhere, snapshots that hold something else, statements of companies that
//! the entries do not come to, and days whose balances do not join or are not on disk as the log has them.

mod comparison;
mod days;
mod returns;

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::time::Duration;

use engine::DayAudit;
use engine::domain::{Digest, Timestamp};
use engine::journal::{Class, JournalError, Problem};
use engine::record::{Content, IdempotencyKey, Record};
use engine::snapshot::Snapshot;

use self::comparison::{Comparison, Reached};
use self::returns::Returns;
use crate::acts::Act;
use crate::exit::Stop;
use crate::fold::Fold;
use crate::settlements::{Statement, Statements};

/// The checks, as far as the log was read.
pub(crate) struct Deep {
    fold: Fold,
    keys: Keys,
    returns: Returns,
    statements: Statements,
    comparison: Comparison,
    /// What the events lead to, by their own account.
    digest: Digest,
    /// Not asked of a log that begins later: what wallets held before is no day's business.
    days: Option<DayAudit>,
    last_at: Option<Timestamp>,
    /// Of the journal's own acts too.
    last_lsn: u64,
    problems: Vec<Problem>,
    /// Acts may be missing, so the sums need not hold.
    broken: bool,
    /// Where the log begins: uses before it cannot be looked for.
    begins_lsn: u64,
    /// Up to here a snapshot stands for the log.
    known_lsn: u64,
}

/// What came of it.
pub(crate) struct Judged {
    pub(crate) fold: Fold,
    /// Snapshots that were held against it.
    pub(crate) snapshots: usize,
    pub(crate) problems: Vec<Problem>,
}

/// Keys that may not be used again yet.
struct Keys {
    window_us: i64,
    used: HashMap<u128, u64>,
    by_age: VecDeque<(Timestamp, u128)>,
}

// === impl Deep ===

impl Deep {
    /// `key_window`: how long a key is remembered, as the server was told. `dir`: where the log lies.
    pub(crate) fn new(key_window: Duration, dir: Option<&Path>) -> Self {
        let window_us = i64::try_from(key_window.as_micros()).unwrap_or(i64::MAX);
        Self {
            fold: Fold::default(),
            keys: Keys {
                window_us,
                used: HashMap::new(),
                by_age: VecDeque::new(),
            },
            returns: Returns::default(),
            statements: Statements::default(),
            comparison: Comparison::default(),
            digest: Digest::default(),
            days: Some(DayAudit::new(dir)),
            last_at: None,
            last_lsn: 0,
            problems: Vec::new(),
            broken: false,
            begins_lsn: 1,
            known_lsn: 0,
        }
    }

    /// A log that begins with `begins_lsn` and is replayed behind a snapshot that stands for what was before.
    pub(crate) fn behind(self, snapshot: &Snapshot, begins_lsn: u64) -> Result<Self, JournalError> {
        let base = snapshot.base();
        let mut deep = Self {
            fold: Fold::beginning_with(snapshot)?,
            digest: snapshot.stated().digest,
            last_at: Some(Timestamp(base.time_us)),
            last_lsn: base.lsn.0,
            days: None,
            statements: Statements::behind_others(),
            begins_lsn,
            known_lsn: base.lsn.0,
            ..self
        };
        snapshot.each_kept_key(|kept| {
            let at = Timestamp(kept.at_us);
            deep.comparison.take_key(kept.key, kept.lsn, at);
            deep.keys.claim(kept.lsn, at, kept.key);
        })?;
        Ok(deep)
    }

    /// Snapshots to be compared on the way: sound in themselves, oldest first.
    pub(crate) fn comparing(self, snapshots: Vec<Snapshot>) -> Self {
        Self {
            comparison: Comparison::with(snapshots),
            ..self
        }
    }

    /// Takes the next act in.
    pub(crate) fn take(&mut self, act: &Act<'_>) -> Result<(), Stop> {
        if act.last_lsn <= self.known_lsn {
            return Ok(());
        }
        if !act.is_bare() {
            self.compare_before(act.lsn)?;
            let last_lsn = act.loss().map_or(act.last_lsn, |loss| loss.to_lsn);
            self.last_lsn = self.last_lsn.max(last_lsn);
        }
        if act.is_journal_own() {
            return Ok(());
        }
        if let Some(last) = self.last_at.filter(|last| act.at < *last) {
            let what = format!("time runs backwards by {} µs", last.0 - act.at.0);
            self.problems.push(act.problem(Class::Meaning, what));
        }
        self.last_at = self.last_at.max(Some(act.at));
        match act.decode() {
            Ok(record) => self.take_record(act, &record),
            Err(problem) => self.problems.push(problem),
        }
        Ok(())
    }

    /// Holds every snapshot that ends before LSN `lsn` against what was replayed.
    fn compare_before(&mut self, lsn: u64) -> Result<(), Stop> {
        while self.comparison.is_due(lsn) {
            let reached = Reached {
                fold: &self.fold,
                digest: self.digest,
                contradicted: !self.problems.is_empty(),
            };
            let found = self.comparison.hold(&reached)?;
            self.problems.extend(found);
        }
        Ok(())
    }

    /// The bytes are damaged here. A torn tail holds nothing that ever counted.
    pub(crate) fn pass_damage(&mut self, class: Class) {
        if class != Class::Torn {
            self.broken = true;
            self.comparison.give_up();
        }
    }

    fn take_record(&mut self, act: &Act<'_>, record: &Record) {
        if let Some(key) = record.key {
            self.comparison.take_key(key, act.lsn, act.at);
        }
        if let Some(first) = record
            .key
            .and_then(|key| self.keys.claim(act.lsn, act.at, key))
        {
            let what = format!("its idempotency key was used before, at LSN {first}");
            self.problems.push(act.problem(Class::Meaning, what));
        }
        match &record.content {
            Content::Event(event) => {
                for found in self.fold.apply(act.moment(), event) {
                    self.problems.push(act.contradiction(&found));
                }
                self.digest.fold(event);
                if let Some(days) = &mut self.days {
                    days.take(act.lsn, act.at, event);
                }
                for part in event.parts() {
                    self.returns.take(act, part.event);
                }
                self.statements.take(act, event);
            }
            Content::Refused(_) => self.fold.pass(act.moment()),
        }
    }

    /// From where a second walk has to go, if any: to the uses that were given back, and over the entries that are
    /// settled. Not asked behind a damage, which may have taken them.
    pub(crate) fn open_from(&self) -> Option<u64> {
        let firsts = [self.returns.first(), self.statements.first()];
        firsts.into_iter().flatten().min().filter(|_| !self.broken)
    }

    /// The next act of the second walk.
    pub(crate) fn take_again(&mut self, act: &Act<'_>) {
        self.problems.extend(self.returns.settle(act));
        self.statements.count(act);
    }

    /// The state and everything that was found.
    pub(crate) fn finish(mut self) -> Result<Judged, Stop> {
        self.compare_before(self.last_lsn + 1)?;
        if !self.broken {
            self.problems
                .extend(self.returns.unsettled(self.begins_lsn));
            let judged = std::mem::take(&mut self.statements).judge(self.begins_lsn);
            let findings = judged.iter().filter_map(Statement::finding);
            self.problems.extend(findings);
        }
        // With a contradiction already told, the sums only repeat it.
        if self.problems.is_empty() && !self.broken {
            self.problems.extend(self.sums());
        }
        if let Some(days) = self
            .days
            .filter(|_| self.problems.is_empty() && !self.broken)
        {
            self.problems = days::problems(days, &self.fold);
        }
        Ok(Judged {
            snapshots: self.comparison.compared(),
            fold: self.fold,
            problems: self.problems,
        })
    }

    /// All entries of all acts must add up to what the wallets hold, fund by fund.
    fn sums(&self) -> Option<Problem> {
        let (paid, free) = self.fold.points();
        let flow = self.fold.flow();
        let same = (paid, free) == (flow.paid, flow.free);
        (!same).then(|| Problem {
            class: Class::Meaning,
            file: "the whole log".to_owned(),
            offset: None,
            lsn: None,
            what: format!(
                "wallets hold {paid} paid and {free} free points, but all entries add up to {} and {}",
                flow.paid, flow.free
            ),
        })
    }
}

// === impl Keys ===

impl Keys {
    /// Remembers a key; gives the LSN of its earlier use inside the window.
    fn claim(&mut self, lsn: u64, at: Timestamp, key: IdempotencyKey) -> Option<u64> {
        let oldest = Timestamp(at.0.saturating_sub(self.window_us));
        while let Some((_, id)) = self.by_age.pop_front_if(|(at, _)| *at <= oldest) {
            self.used.remove(&id);
        }
        let first = self.used.get(&key.id).copied();
        if first.is_none() {
            self.used.insert(key.id, lsn);
            self.by_age.push_back((at, key.id));
        }
        first
    }
}
