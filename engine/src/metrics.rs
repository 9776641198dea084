//! Counters and gauges of an engine at one moment.

use std::sync::atomic::Ordering::Relaxed;

use crate::compaction::CompactionFigures;
use crate::engine::Engine;
use crate::journal::BucketCounts;
use crate::projections::{DailyMetrics, HistoryMetrics};
use crate::snapshot::SnapshotFigures;
use crate::sweeper::SweeperFigures;

/// Microseconds in a second.
const MICROS: f64 = 1e6;

/// A histogram as Prometheus has it.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    /// Upper bound and cumulative count; the last bound is infinite.
    pub buckets: Vec<(f64, u64)>,
    /// Sum of all observations.
    pub sum: f64,
}

/// Counters and gauges at one moment.
#[derive(Clone, Debug, Default)]
pub struct EngineMetrics {
    /// Acts between admission and publication.
    pub in_flight: u64,
    /// Live actors.
    pub active_entities: u64,
    /// Entities that exist.
    pub entities: u64,
    /// Remembered or running idempotency keys.
    pub keys: u64,
    /// First LSN in the log: later than 1 where a retention setting has deleted what was before.
    pub first_lsn: u64,
    /// Last LSN on disk.
    pub durable_lsn: u64,
    /// Last LSN given out.
    pub appended_lsn: u64,
    /// Groups written.
    pub groups: u64,
    /// Records written.
    pub records: u64,
    /// Bytes written, padding included.
    pub bytes: u64,
    /// Bytes of padding.
    pub padding_bytes: u64,
    /// Time from write to durable, seconds.
    pub flush_seconds: Histogram,
    /// Records per group.
    pub group_records: Histogram,
    /// What the worker that makes snapshots has done.
    pub snapshots: SnapshotFigures,
    /// What the thread that archives segments has done.
    pub compaction: CompactionFigures,
    /// Whether the disk failed.
    pub poisoned: bool,
    /// Whether commands are refused for want of space.
    pub storage_full: bool,
    /// The history index.
    pub history: HistoryMetrics,
    /// The daily report.
    pub daily: DailyMetrics,
    /// What lapses, and what is to.
    pub sweeper: SweeperFigures,
}

// === impl Engine ===

impl Engine {
    /// Counters and gauges.
    pub fn metrics(&self) -> EngineMetrics {
        let core = &self.inner.core;
        let journal = core.journal.metrics();
        let padding_bytes = journal.padding_bytes.load(Relaxed);
        EngineMetrics {
            in_flight: self.inner.admission.in_flight() as u64,
            active_entities: core.table.live() as u64,
            entities: core.table.entities() as u64,
            keys: self.inner.keys.count() as u64,
            first_lsn: self.inner.reader.first().0,
            durable_lsn: core.journal.durable().0,
            appended_lsn: core.journal.appended().0,
            groups: journal.groups.load(Relaxed),
            records: journal.records.load(Relaxed),
            bytes: journal.record_bytes.load(Relaxed) + padding_bytes,
            padding_bytes,
            flush_seconds: histogram(&journal.sync_us.read(), MICROS),
            group_records: histogram(&journal.group_records.read(), 1.0),
            snapshots: self.inner.snapshots.figures(),
            compaction: self.inner.compaction.figures(),
            poisoned: self.is_poisoned(),
            storage_full: core.is_full(),
            history: self.inner.history.metrics(),
            daily: self.inner.daily.metrics(),
            sweeper: self.inner.sweeper.figures(),
        }
    }
}

fn histogram(counts: &BucketCounts, unit: f64) -> Histogram {
    let mut below = 0;
    let cumulative = counts.buckets.iter().map(|(bound, count)| {
        below += count;
        let bound = if *bound == u64::MAX {
            f64::INFINITY
        } else {
            *bound as f64 / unit
        };
        (bound, below)
    });
    Histogram {
        buckets: cumulative.collect(),
        sum: counts.sum as f64 / unit,
    }
}
