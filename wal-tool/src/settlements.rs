//! Statements held against the entries that they are about, from the log alone.
//!
//! ```text
//! first walk    settlement_closed ──► what each statement says of each period
//! second walk   entries, oldest first ──► counted into the period that their time lies in ──► the same, or a finding
//! ```
//! Counts by the engine's own function. A count begins where the statement says that it begins, which is where the one
//! before it ended; an entry that is missing, doubled or another one does not go on there.

use std::collections::HashMap;

use engine::domain::{
    Event, Line, Points, SettlementClosed, Span, Tally, Tallying, Untallied, WalletId, Zone,
};
use engine::journal::{Class, Problem};
use engine::record::Content;

use crate::acts::Act;

/// All statements of a log.
#[derive(Default)]
pub(crate) struct Statements {
    /// Statements before the first that is met may have been deleted.
    begins_later: bool,
    of_wallets: HashMap<WalletId, Vec<Statement>>,
}

/// One statement on its way.
pub(crate) struct Statement {
    /// LSN of the record.
    pub(crate) lsn: u64,
    pub(crate) event: SettlementClosed,
    /// Where it stands, without words.
    problem: Problem,
    count: Option<Tallying>,
    /// What does not add up.
    pub(crate) fault: Option<String>,
    /// Entries of it lie before the beginning of the log.
    pub(crate) gone: bool,
    ended: bool,
}

// === impl Statements ===

impl Statements {
    /// Those of a log that no longer goes back to its beginning, or is walked from a known state on.
    pub(crate) fn behind_others() -> Self {
        Self {
            begins_later: true,
            ..Self::default()
        }
    }

    /// Takes an act of the first walk in.
    pub(crate) fn take(&mut self, act: &Act<'_>, event: &Event) {
        let Event::SettlementClosed(event) = event else {
            return;
        };
        let wallet = event.company.wallet();
        let (since, opening) = (event.tally.since_version, event.tally.opening);
        let of_wallet = self.of_wallets.entry(wallet).or_default();
        let before = of_wallet.last().map(|before| &before.event);
        let fault = match before {
            None if self.begins_later => None,
            before => does_not_join(before, event),
        };
        of_wallet.push(Statement {
            lsn: act.lsn,
            event: (**event).clone(),
            problem: act.problem(Class::Meaning, String::new()),
            count: Some(Tallying::new(wallet, since, opening)),
            fault,
            gone: false,
            ended: false,
        });
    }

    /// Leaves those that a question is about.
    pub(crate) fn retain(&mut self, wanted: impl Fn(&SettlementClosed) -> bool) {
        for of_wallet in self.of_wallets.values_mut() {
            of_wallet.retain(|statement| wanted(&statement.event));
        }
        self.of_wallets.retain(|_, of_wallet| !of_wallet.is_empty());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.of_wallets.is_empty()
    }

    /// The first LSN that any of them is about; `None` without statements.
    pub(crate) fn first(&self) -> Option<u64> {
        let all = self.of_wallets.values().flatten();
        // A quiet period is looked at from the first entry behind it on, wherever that is.
        let first = |one: &Statement| one.event.tally.first_lsn;
        all.map(first).min()
    }

    /// Takes an act of the second walk in.
    pub(crate) fn count(&mut self, act: &Act<'_>) {
        if self.is_empty() || act.is_journal_own() {
            return;
        }
        // An act that does not decode has been told.
        let Ok(record) = act.decode() else { return };
        let Content::Event(event) = record.content else {
            return;
        };
        for (id, _) in event.roles() {
            let wallet = WalletId::new(id.id).filter(|wallet| wallet.entity() == id);
            let statements = wallet.and_then(|wallet| self.of_wallets.get_mut(&wallet));
            for statement in statements.into_iter().flatten() {
                statement.count(act, &event);
            }
        }
    }

    /// All statements, judged, by company and period. The log begins with `begins_lsn`.
    pub(crate) fn judge(self, begins_lsn: u64) -> Vec<Statement> {
        let mut all: Vec<_> = self.of_wallets.into_values().flatten().collect();
        for statement in &mut all {
            statement.judge(begins_lsn);
        }
        all.sort_unstable_by_key(|one| (one.event.company, one.event.span));
        all
    }
}

/// Why a statement does not go on where the one before it ended; the first one begins with an empty wallet.
fn does_not_join(before: Option<&SettlementClosed>, after: &SettlementClosed) -> Option<String> {
    let (from, tally) = (after.span.from, &after.tally);
    let ends = before.map_or((from, Points::ZERO, 1), |before| {
        let tally = &before.tally;
        (before.span.to, tally.closing(), tally.until_version())
    });
    let joins = ends == (from, tally.opening, tally.since_version);
    (!joins).then(|| "it does not go on where the last period ended".to_owned())
}

// === impl Statement ===

impl Statement {
    /// The finding about it, if there is one.
    pub(crate) fn finding(&self) -> Option<Problem> {
        let fault = self.fault.as_ref()?;
        let company = self.event.company;
        Some(Problem {
            what: format!("settlement {} of company {company}: {fault}", self.period()),
            ..self.problem.clone()
        })
    }

    /// The name of its period.
    pub(crate) fn period(&self) -> String {
        name_of(self.event.span, &self.event.zone)
    }

    fn count(&mut self, act: &Act<'_>, event: &Event) {
        let span = self.event.span;
        let Some(count) = self.count.as_mut().filter(|_| !self.ended) else {
            return;
        };
        if act.at < span.from {
            return;
        }
        let counted = if span.has(act.at) {
            count.count(act.lsn, act.at, event)
        } else {
            self.ended = true;
            count.check_next(act.lsn, event)
        };
        if let Err(Untallied {
            lsn,
            expected,
            stated,
        }) = counted
        {
            let fault = format!(
                "the entry at LSN {lsn} has version {stated} of the wallet where {expected} is due"
            );
            self.fault.get_or_insert(fault);
            self.ended = true;
        }
    }

    fn judge(&mut self, begins_lsn: u64) {
        let stated = &self.event.tally;
        // Of a quiet period it is not known where it would have had entries.
        self.gone = begins_lsn > 1 && stated.first_lsn < begins_lsn;
        if self.gone {
            self.fault = None;
            return;
        }
        let counted = self.count.take().map(Tallying::finish);
        if let Some(counted) = counted
            && self.fault.is_none()
        {
            self.fault = match counted {
                Some(counted) => difference(stated, &counted),
                None => Some("the entries come to more than a statement can say".to_owned()),
            };
        }
    }
}

/// The name of a period; the zone was checked when the record was read.
pub(crate) fn name_of(span: Span, zone: &str) -> String {
    span.name(&Zone::new(zone).unwrap_or_default())
}

/// The first thing that a statement says otherwise than the log.
fn difference(stated: &Tally, counted: &Tally) -> Option<String> {
    let differs = |what: &str, stated: String, counted: String| {
        Some(format!("it states {what} {stated}, the log has {counted}"))
    };
    let points = |points: Points| format!("{} paid, {} free", points.paid, points.free);
    if stated.entries != counted.entries {
        let (stated, counted) = (stated.entries.to_string(), counted.entries.to_string());
        return differs("entries", stated, counted);
    }
    for line in Line::ALL {
        let (stated, counted) = (stated.figure(line), counted.figure(line));
        if stated != counted {
            return differs(line.as_str(), points(stated), points(counted));
        }
    }
    let lsns = |tally: &Tally| format!("{}..{}", tally.first_lsn, tally.last_lsn);
    if lsns(stated) != lsns(counted) {
        return differs("LSN", lsns(stated), lsns(counted));
    }
    if stated.hash != counted.hash {
        return differs("hash", hex(&stated.hash), hex(&counted.hash));
    }
    (stated != counted).then(|| "it states other corrections than the log has".to_owned())
}

/// Bytes as people compare them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
