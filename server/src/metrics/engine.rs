//! The engine's own counters, read at the moment of a scrape.

use std::fmt;

use engine::snapshot::SnapshotFigures;
use engine::{EngineMetrics, Histogram, SweeperFigures};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::app::EngineSlot;

/// Reads the engine whenever somebody looks.
#[derive(Debug)]
pub(crate) struct EngineCollector(pub(crate) EngineSlot);

impl fmt::Debug for EngineSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.get().is_some() {
            "ready"
        } else {
            "replaying"
        })
    }
}

impl Collector for EngineCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let ready = self.0.get().is_some_and(|engine| engine.is_ready());
        gauge(
            &mut encoder,
            "ready",
            "Whether commands are taken",
            u64::from(ready),
        )?;
        match self.0.get() {
            None => Ok(()),
            Some(engine) => encode(&mut encoder, &engine.metrics()),
        }
    }
}

fn encode(encoder: &mut DescriptorEncoder<'_>, metrics: &EngineMetrics) -> fmt::Result {
    let lag = metrics.appended_lsn.saturating_sub(metrics.durable_lsn);
    let gauges = [
        (
            "in_flight",
            "Acts between admission and publication",
            metrics.in_flight,
        ),
        (
            "active_entities",
            "Entities with a live actor",
            metrics.active_entities,
        ),
        ("entities", "Entities that exist", metrics.entities),
        (
            "idempotency_keys",
            "Remembered idempotency keys",
            metrics.keys,
        ),
        (
            "journal_first_lsn",
            "First LSN in the log; later than 1 where the retention setting has deleted what was before",
            metrics.first_lsn,
        ),
        (
            "journal_durable_lsn",
            "Last LSN on disk",
            metrics.durable_lsn,
        ),
        (
            "journal_appended_lsn",
            "Last LSN given out",
            metrics.appended_lsn,
        ),
        (
            "journal_lag_records",
            "Records given out but not on disk",
            lag,
        ),
        (
            "journal_poisoned",
            "Whether the disk failed",
            u64::from(metrics.poisoned),
        ),
        (
            "journal_storage_full",
            "Whether commands are refused for want of space",
            u64::from(metrics.storage_full),
        ),
    ];
    for (name, help, value) in gauges {
        gauge(encoder, name, help, value)?;
    }
    encode_snapshots(encoder, &metrics.snapshots)?;
    encode_journal(encoder, metrics)?;
    encode_sweeper(encoder, &metrics.sweeper)?;
    encode_history(encoder, metrics)?;
    encode_daily(encoder, metrics)
}

fn encode_daily(encoder: &mut DescriptorEncoder<'_>, metrics: &EngineMetrics) -> fmt::Result {
    let daily = &metrics.daily;
    let gauges = [
        (
            "daily_whole",
            "Whether no day of the daily report is missing",
            u64::from(daily.whole),
        ),
        (
            "daily_written_lsn",
            "Up to this LSN the daily report is on disk",
            daily.written_lsn,
        ),
        ("daily_days", "Days on disk", daily.days),
        (
            "daily_open_rows",
            "Wallets that had entries today, in memory",
            daily.open_rows,
        ),
    ];
    for (name, help, value) in gauges {
        gauge(encoder, name, help, value)?;
    }
    let counters = [
        (
            "daily_refilled_acts",
            "Acts read from the log because the daily report did not have them",
            daily.refilled_acts,
        ),
        (
            "daily_failures",
            "Failures of the daily report, and entries that did not follow from their row",
            daily.failures,
        ),
    ];
    for (name, help, value) in counters {
        counter(encoder, name, help, value)?;
    }
    Ok(())
}

fn encode_sweeper(encoder: &mut DescriptorEncoder<'_>, figures: &SweeperFigures) -> fmt::Result {
    let gauges = [
        (
            "expiry_wallets",
            "Wallets with points that will lapse some day",
            figures.wallets,
        ),
        (
            "expiry_due_wallets",
            "Wallets with points that have lapsed although no record says so yet, counted up to 10,000",
            figures.due,
        ),
    ];
    for (name, help, value) in gauges {
        gauge(encoder, name, help, value)?;
    }
    let late = "How long the first of them has been due";
    let metric = encoder.encode_descriptor("expiry_lag_seconds", late, None, MetricType::Gauge)?;
    ConstGauge::new(figures.lag_us as f64 / 1e6).encode(metric)?;
    let lapses = "Lapses recorded since the start, by a sweep or before a command";
    counter(encoder, "expiry_lapses", lapses, figures.lapses)?;
    let swept = "Times that a wallet was asked for what has lapsed since the start";
    counter(encoder, "expiry_swept_wallets", swept, figures.swept)
}

fn encode_history(encoder: &mut DescriptorEncoder<'_>, metrics: &EngineMetrics) -> fmt::Result {
    let history = &metrics.history;
    let lag = metrics.durable_lsn.saturating_sub(history.indexed_lsn);
    let gauges = [
        (
            "history_whole",
            "Whether every entry of every history can be found",
            u64::from(history.whole),
        ),
        (
            "history_indexed_lsn",
            "Up to this LSN the history index is on disk",
            history.indexed_lsn,
        ),
        (
            "history_lag_records",
            "Records that the history index does not have on disk yet",
            lag,
        ),
        (
            "history_memory_entries",
            "Entries of the history index in memory",
            history.memory_entries,
        ),
        ("history_runs", "Files of the history index", history.runs),
        (
            "history_entries",
            "Entries of the history index on disk",
            history.entries,
        ),
        (
            "history_bytes",
            "Bytes of the history index on disk",
            history.bytes,
        ),
    ];
    for (name, help, value) in gauges {
        gauge(encoder, name, help, value)?;
    }
    let counters = [
        (
            "history_refilled_acts",
            "Acts read from the log because the history index did not have them",
            history.refilled_acts,
        ),
        (
            "history_failures",
            "Failures of the history index",
            history.failures,
        ),
    ];
    for (name, help, value) in counters {
        counter(encoder, name, help, value)?;
    }
    Ok(())
}

fn encode_snapshots(encoder: &mut DescriptorEncoder<'_>, figures: &SnapshotFigures) -> fmt::Result {
    let gauges = [
        (
            "snapshot_lsn",
            "Last LSN that the newest snapshot covers",
            figures.lsn,
        ),
        (
            "snapshot_bytes",
            "Bytes of the newest snapshot made since the start",
            figures.bytes,
        ),
        (
            "snapshot_running",
            "Whether a snapshot is being made",
            u64::from(figures.running),
        ),
        (
            "snapshot_behind_bytes",
            "Sealed bytes of log that no snapshot covers",
            figures.behind_bytes,
        ),
    ];
    for (name, help, value) in gauges {
        gauge(encoder, name, help, value)?;
    }
    let took = "Time that the newest snapshot took";
    let metric = encoder.encode_descriptor("snapshot_seconds", took, None, MetricType::Gauge)?;
    ConstGauge::new(figures.seconds).encode(metric)
}

fn encode_journal(encoder: &mut DescriptorEncoder<'_>, metrics: &EngineMetrics) -> fmt::Result {
    let counters = [
        ("journal_groups", "Groups written", metrics.groups),
        ("journal_records", "Records written", metrics.records),
        (
            "journal_bytes",
            "Bytes written, padding included",
            metrics.bytes,
        ),
        (
            "journal_padding_bytes",
            "Bytes of padding written",
            metrics.padding_bytes,
        ),
        (
            "snapshots_made",
            "Snapshots made since the start",
            metrics.snapshots.made,
        ),
        (
            "snapshot_failures",
            "Attempts to make a snapshot that failed",
            metrics.snapshots.failures,
        ),
        (
            "snapshot_digest_mismatches",
            "Attempts in which two foldings of the log differed",
            metrics.snapshots.mismatches,
        ),
    ];
    for (name, help, value) in counters {
        counter(encoder, name, help, value)?;
    }
    encode_archive(encoder, metrics)?;
    let flush = "Time from the write of a group to its being on disk";
    histogram(
        encoder,
        "journal_fsync_seconds",
        flush,
        &metrics.flush_seconds,
    )?;
    let group = "Records that one flush covers";
    histogram(
        encoder,
        "journal_group_records",
        group,
        &metrics.group_records,
    )
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let counter = ConstCounter::new(value);
    let metric = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
    counter.encode(metric)
}

fn encode_archive(encoder: &mut DescriptorEncoder<'_>, metrics: &EngineMetrics) -> fmt::Result {
    let figures = &metrics.compaction;
    let running = u64::from(figures.running);
    gauge(
        encoder,
        "compaction_running",
        "Whether segments are being archived",
        running,
    )?;
    let counters = [
        (
            "compaction_segments",
            "Segments archived since the start",
            figures.segments,
        ),
        (
            "compaction_bytes_before",
            "Bytes that they took on disk",
            figures.bytes_before,
        ),
        (
            "compaction_bytes_after",
            "Bytes that they take in the archive",
            figures.bytes_after,
        ),
        (
            "compaction_failures",
            "Attempts to archive segments, or to delete what is past its retention, that failed",
            figures.failures,
        ),
        (
            "retention_files",
            "Archive files deleted by the retention setting",
            figures.deleted_files,
        ),
        (
            "retention_bytes",
            "Bytes of these files",
            figures.deleted_bytes,
        ),
    ];
    for (name, help, value) in counters {
        counter(encoder, name, help, value)?;
    }
    Ok(())
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let gauge = ConstGauge::new(value as f64);
    let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
    gauge.encode(metric)
}

/// The engine counts cumulatively, the encoder wants each bucket for itself.
fn histogram(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    counted: &Histogram,
) -> fmt::Result {
    let mut before = 0;
    let each = counted.buckets.iter().map(|(bound, count)| {
        let alone = count.saturating_sub(before);
        before = *count;
        (*bound, alone)
    });
    let buckets: Vec<(f64, u64)> = each.collect();
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
    metric.encode_histogram::<NoLabelSet>(counted.sum, before, &buckets, None)
}
