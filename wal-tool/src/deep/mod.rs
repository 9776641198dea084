//! The deep checks: what sound bytes say must also make sense.
//!
//! Replays with the live engine's own rules and holds every event against the state before it: balances,
//! versions, lots, wallets created twice, more given back of a use than was used, keys used twice, time that
//! runs backwards, and points that came from nowhere.

mod returns;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use engine::domain::{Event, Timestamp};
use engine::journal::{Class, Problem};
use engine::record::{Content, IdempotencyKey, Record};

pub(crate) use self::returns::Returns;
use crate::acts::Act;
use crate::fold::Fold;

/// The checks, as far as the log was read.
pub(crate) struct Deep {
    fold: Fold,
    keys: Keys,
    returns: Returns,
    last_at: Option<Timestamp>,
    problems: Vec<Problem>,
    /// Acts may be missing, so the sums need not hold.
    broken: bool,
}

/// Keys that may not be used again yet.
struct Keys {
    window_us: i64,
    used: HashMap<u128, u64>,
    by_age: VecDeque<(Timestamp, u128)>,
}

// === impl Deep ===

impl Deep {
    /// `key_window`: how long a key is remembered, as the server was told.
    pub(crate) fn new(key_window: Duration) -> Self {
        let window_us = i64::try_from(key_window.as_micros()).unwrap_or(i64::MAX);
        Self {
            fold: Fold::default(),
            keys: Keys {
                window_us,
                used: HashMap::new(),
                by_age: VecDeque::new(),
            },
            returns: Returns::default(),
            last_at: None,
            problems: Vec::new(),
            broken: false,
        }
    }

    /// Takes the next act in.
    pub(crate) fn take(&mut self, act: &Act<'_>) {
        if act.is_journal_own() {
            return;
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
    }

    /// The bytes are damaged here. A torn tail holds nothing that ever counted.
    pub(crate) fn pass_damage(&mut self, class: Class) {
        self.broken |= class != Class::Torn;
    }

    fn take_record(&mut self, act: &Act<'_>, record: &Record) {
        if let Some(first) = record.key.and_then(|key| self.keys.claim(act, key)) {
            let what = format!("its idempotency key was used before, at LSN {first}");
            self.problems.push(act.problem(Class::Meaning, what));
        }
        match &record.content {
            Content::Event(event) => {
                for found in self.fold.apply(act.moment(), event) {
                    self.problems.push(act.contradiction(&found));
                }
                if let Event::UseCancelled(event) = event {
                    self.returns.take(act, event);
                }
            }
            Content::Refused(_) => self.fold.pass(act.moment()),
        }
    }

    /// The uses that were given back, if any: a second walk has to find them. Not asked behind a damage,
    /// which may have taken them.
    pub(crate) fn open_returns(&self) -> Option<&Returns> {
        Some(&self.returns).filter(|returns| !self.broken && !returns.is_empty())
    }

    /// The next act of the second walk.
    pub(crate) fn take_again(&mut self, act: &Act<'_>) {
        self.problems.extend(self.returns.settle(act));
    }

    /// The state and everything that was found.
    pub(crate) fn finish(mut self) -> (Fold, Vec<Problem>) {
        if !self.broken {
            self.problems.extend(self.returns.unsettled());
        }
        let (paid, free) = self.fold.points();
        let due = self.fold.flow().balance();
        // With a contradiction already told, the sums only repeat it.
        if self.problems.is_empty() && !self.broken && due != Some(paid + free) {
            self.problems.push(Problem {
                class: Class::Meaning,
                file: "the whole log".to_owned(),
                offset: None,
                lsn: None,
                what: format!(
                    "wallets hold {} points, but grants less uses are {due:?}",
                    paid + free
                ),
            });
        }
        (self.fold, self.problems)
    }
}

// === impl Keys ===

impl Keys {
    /// Remembers a key; gives the LSN of its earlier use inside the window.
    fn claim(&mut self, act: &Act<'_>, key: IdempotencyKey) -> Option<u64> {
        let oldest = Timestamp(act.at.0.saturating_sub(self.window_us));
        while let Some((_, id)) = self.by_age.pop_front_if(|(at, _)| *at <= oldest) {
            self.used.remove(&id);
        }
        let first = self.used.get(&key.id).copied();
        if first.is_none() {
            self.used.insert(key.id, act.lsn);
            self.by_age.push_back((act.at, key.id));
        }
        first
    }
}
