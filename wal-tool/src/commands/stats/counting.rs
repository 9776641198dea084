//! The counting behind `stats`: one pass, memory by what is counted and not by the length of the log.

use std::collections::{BTreeMap, HashMap};

use engine::domain::{Effect, Entry, Timestamp};
use engine::journal::Problem;
use engine::record::{Content, kind};
use serde::Serialize;

use super::By;
use crate::acts::Act;
use crate::exit::Verdict;
use crate::filter::kind_name;

use crate::instant::{minute, rfc3339};
use crate::output::talk;

/// The whole in figures.
#[derive(Serialize, Default)]
pub(super) struct Totals {
    pub(super) acts: u64,
    pub(super) records: u64,
    pub(super) first_lsn: u64,
    pub(super) last_lsn: u64,
    pub(super) first_at: Option<String>,
    pub(super) last_at: Option<String>,
    pub(super) body_bytes: u64,
    pub(super) header_bytes: u64,
    pub(super) padding_bytes: u64,
    pub(super) log_bytes: u64,
    pub(super) groups: u64,
    pub(super) marks_and_closes: u64,
    pub(super) group_records_p50: u64,
    pub(super) group_records_p99: u64,
    pub(super) group_records_max: u64,
    pub(super) padding_share: f64,
}

/// One group of acts that have something in common.
#[derive(Clone, Copy, Default)]
struct Tally {
    acts: u64,
    bytes: u64,
    credited: u128,
    debited: u128,
}

/// What went to the disk in one minute.
#[derive(Default)]
struct Flushes {
    /// How many groups have so many records.
    group_sizes: BTreeMap<u64, u64>,
    groups: u64,
    padding_bytes: u64,
    log_bytes: u64,
}

/// The flushes of a minute in figures.
#[derive(Serialize)]
pub(super) struct FlushRow {
    groups: u64,
    group_records_p50: u64,
    group_records_p99: u64,
    group_records_max: u64,
    padding_bytes: u64,
    padding_share: f64,
}

/// A tally as a row.
#[derive(Serialize)]
pub(super) struct TallyRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wallet: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minute: Option<String>,
    acts: u64,
    bytes: u64,
    credited: u128,
    debited: u128,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    flushes: Option<FlushRow>,
}

/// Everything counted so far.
#[derive(Default)]
pub(super) struct Counting {
    totals: Totals,
    kinds: BTreeMap<u8, Tally>,
    wallets: HashMap<u64, Tally>,
    minutes: BTreeMap<i64, Tally>,
    flushes: BTreeMap<i64, Flushes>,
    /// How many groups have so many records.
    group_sizes: BTreeMap<u64, u64>,
    open_group: u64,
    verdict: Verdict,
}

/// Microseconds in a minute.
const MINUTE_US: i64 = 60_000_000;

// === impl Counting ===

impl Counting {
    /// Takes an act in.
    pub(super) fn count(&mut self, act: &Act<'_>, by: By) {
        let totals = &mut self.totals;
        totals.log_bytes += act.framed_bytes;
        totals.body_bytes += act.body.len() as u64;
        totals.header_bytes += act.header_bytes();
        let gap = act.group_gap.unwrap_or(0);
        totals.log_bytes += gap;
        let flushes = self.flushes.entry(minute_of(act)).or_default();
        flushes.log_bytes += act.framed_bytes + gap;
        flushes.padding_bytes +=
            act.framed_bytes + gap - act.body.len() as u64 - act.header_bytes();
        if act.is_journal_own() {
            totals.marks_and_closes += 1;
            return;
        }
        totals.acts += 1;
        totals.records += act.records;
        totals.last_lsn = act.last_lsn;
        totals.last_at = Some(rfc3339(act.at));
        if totals.acts == 1 {
            totals.first_lsn = act.lsn;
            totals.first_at = Some(rfc3339(act.at));
        }
        self.open_group += act.records;
        if act.group_gap.is_some() {
            totals.groups += 1;
            flushes.groups += 1;
            *self.group_sizes.entry(self.open_group).or_default() += 1;
            *flushes.group_sizes.entry(self.open_group).or_default() += 1;
            self.open_group = 0;
        }
        self.tally(act, by);
    }

    fn tally(&mut self, act: &Act<'_>, by: By) {
        let entries = match act.decode() {
            Ok(record) => match record.content {
                Content::Event(event) => event.entries(),
                Content::Refused(_) => Default::default(),
            },
            Err(problem) => {
                self.object(&problem);
                Default::default()
            }
        };
        match by {
            By::Kind => self
                .kinds
                .entry(kind::base(act.kind))
                .or_default()
                .add(act, &entries),
            By::Minute => {
                self.minutes
                    .entry(minute_of(act))
                    .or_default()
                    .add(act, &entries);
            }
            By::Wallet => {
                for entry in &entries {
                    let tally = self.wallets.entry(entry.standing.wallet.get()).or_default();
                    tally.add(act, std::slice::from_ref(entry));
                }
            }
        }
    }

    /// The whole in figures.
    pub(super) fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The worst that was met.
    pub(super) fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Takes a finding in, and tells it.
    pub(super) fn object(&mut self, problem: &Problem) {
        self.verdict.meet(problem.class);
        talk(format_args!("{problem}"));
    }

    /// Figures that need the whole.
    pub(super) fn finish(&mut self) {
        let totals = &mut self.totals;
        totals.padding_bytes = totals.log_bytes - totals.body_bytes - totals.header_bytes;
        totals.padding_share = share(totals.padding_bytes, totals.log_bytes);
        totals.group_records_p50 = percentile(&self.group_sizes, totals.groups, 50);
        totals.group_records_p99 = percentile(&self.group_sizes, totals.groups, 99);
        totals.group_records_max = percentile(&self.group_sizes, totals.groups, 100);
    }

    /// The tallies in the order to show them.
    pub(super) fn rows(&self, by: By, top: usize) -> Vec<TallyRow> {
        match by {
            By::Kind => {
                let named = |kind: u8| match kind_name(kind) {
                    "" => kind.to_string(),
                    name => name.to_owned(),
                };
                let kinds = self.kinds.iter();
                kinds
                    .map(|(kind, tally)| TallyRow {
                        kind: Some(named(*kind)),
                        ..tally.row()
                    })
                    .collect()
            }
            By::Minute => {
                let minutes = self.minutes.iter();
                let named = |start: i64| minute(Timestamp(start * MINUTE_US));
                minutes
                    .map(|(start, tally)| TallyRow {
                        minute: Some(named(*start)),
                        flushes: self.flushes.get(start).map(Flushes::row),
                        ..tally.row()
                    })
                    .collect()
            }
            By::Wallet => {
                let mut wallets: Vec<_> = self.wallets.iter().collect();
                wallets.sort_unstable_by_key(|(id, tally)| (std::cmp::Reverse(tally.acts), **id));
                wallets.truncate(if top == 0 { usize::MAX } else { top });
                let wallets = wallets.into_iter();
                wallets
                    .map(|(id, tally)| TallyRow {
                        wallet: Some(*id),
                        ..tally.row()
                    })
                    .collect()
            }
        }
    }
}

/// A part of a whole; of nothing, nothing.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// The minute an act was decided in, counted from 1970.
fn minute_of(act: &Act<'_>) -> i64 {
    act.at.0.div_euclid(MINUTE_US)
}

/// The size that `percent` of all groups do not pass.
fn percentile(sizes: &BTreeMap<u64, u64>, groups: u64, percent: u64) -> u64 {
    let rank = (groups * percent).div_ceil(100);
    let mut seen = 0;
    for (size, count) in sizes {
        seen += count;
        if seen >= rank {
            return *size;
        }
    }
    0
}

// === impl Tally ===

impl Tally {
    fn add(&mut self, act: &Act<'_>, entries: &[Entry]) {
        self.acts += 1;
        self.bytes += act.framed_bytes;
        for entry in entries {
            match entry.kind.effect() {
                Effect::Out => self.debited += u128::from(entry.amount),
                Effect::In => self.credited += u128::from(entry.amount),
                Effect::None => {}
            }
        }
    }

    fn row(&self) -> TallyRow {
        TallyRow {
            kind: None,
            wallet: None,
            minute: None,
            acts: self.acts,
            bytes: self.bytes,
            credited: self.credited,
            debited: self.debited,
            flushes: None,
        }
    }
}

// === impl Flushes ===

impl Flushes {
    fn row(&self) -> FlushRow {
        let records = |percent| percentile(&self.group_sizes, self.groups, percent);
        FlushRow {
            groups: self.groups,
            group_records_p50: records(50),
            group_records_p99: records(99),
            group_records_max: records(100),
            padding_bytes: self.padding_bytes,
            padding_share: share(self.padding_bytes, self.log_bytes),
        }
    }
}

// === impl TallyRow ===

impl TallyRow {
    /// The cells of one CSV row: those of a minute go on with its flushes.
    pub(super) fn cells(&self) -> Vec<String> {
        let wallet = self.wallet.map(|id| id.to_string());
        let name = self.kind.clone().or(self.minute.clone()).or(wallet);
        let mut cells = vec![
            name.unwrap_or_default(),
            self.acts.to_string(),
            self.bytes.to_string(),
            self.credited.to_string(),
            self.debited.to_string(),
        ];
        if let Some(flushes) = &self.flushes {
            cells.extend([
                flushes.groups.to_string(),
                flushes.group_records_p50.to_string(),
                flushes.group_records_p99.to_string(),
                flushes.group_records_max.to_string(),
                flushes.padding_bytes.to_string(),
                format!("{:.3}", flushes.padding_share),
            ]);
        }
        cells
    }
}
