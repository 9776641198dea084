//! Counters of the journal, cheap enough to be bumped on every group.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Upper bounds of the sync-time buckets, µs; the last bucket is open.
pub const SYNC_US_BOUNDS: [u64; 15] = [
    25, 50, 75, 100, 150, 250, 400, 650, 1_000, 2_000, 5_000, 10_000, 50_000, 250_000, 1_000_000,
];
/// Upper bounds of the records-per-group buckets; the last bucket is open.
pub const GROUP_RECORDS_BOUNDS: [u64; 13] =
    [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 4_096, 16_384];

/// A histogram with fixed bounds.
#[derive(Debug)]
pub struct Buckets<const N: usize> {
    bounds: [u64; N],
    counts: [AtomicU64; N],
    above: AtomicU64,
    sum: AtomicU64,
}

/// What a histogram held when it was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BucketCounts {
    /// Upper bound and number of values up to it that no lower bucket took; the open bucket has `u64::MAX`.
    pub buckets: Vec<(u64, u64)>,
    pub sum: u64,
    pub count: u64,
}

#[derive(Debug)]
pub struct JournalMetrics {
    pub groups: AtomicU64,
    pub records: AtomicU64,
    /// Framed bytes of records, padding to eight included.
    pub record_bytes: AtomicU64,
    /// Zeros behind groups, up to the next boundary.
    pub padding_bytes: AtomicU64,
    pub marks: AtomicU64,
    pub rolls: AtomicU64,
    pub segments_filled: AtomicU64,
    pub appended_lsn: AtomicU64,
    pub durable_lsn: AtomicU64,
    /// One write with its sync, µs.
    pub sync_us: Buckets<15>,
    pub group_records: Buckets<13>,
}

impl<const N: usize> Buckets<N> {
    fn new(bounds: [u64; N]) -> Self {
        Self {
            bounds,
            counts: [const { AtomicU64::new(0) }; N],
            above: AtomicU64::new(0),
            sum: AtomicU64::new(0),
        }
    }

    pub(crate) fn add(&self, value: u64) {
        let index = self.bounds.partition_point(|bound| *bound < value);
        self.counts
            .get(index)
            .unwrap_or(&self.above)
            .fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    pub fn read(&self) -> BucketCounts {
        let mut buckets: Vec<(u64, u64)> = self
            .bounds
            .iter()
            .zip(&self.counts)
            .map(|(bound, count)| (*bound, count.load(Relaxed)))
            .collect();
        buckets.push((u64::MAX, self.above.load(Relaxed)));
        let count = buckets.iter().map(|(_, count)| count).sum();
        BucketCounts {
            buckets,
            sum: self.sum.load(Relaxed),
            count,
        }
    }
}

impl JournalMetrics {
    pub(crate) fn new(last_lsn: u64) -> Self {
        Self {
            groups: AtomicU64::new(0),
            records: AtomicU64::new(0),
            record_bytes: AtomicU64::new(0),
            padding_bytes: AtomicU64::new(0),
            marks: AtomicU64::new(0),
            rolls: AtomicU64::new(0),
            segments_filled: AtomicU64::new(0),
            appended_lsn: AtomicU64::new(last_lsn),
            durable_lsn: AtomicU64::new(last_lsn),
            sync_us: Buckets::new(SYNC_US_BOUNDS),
            group_records: Buckets::new(GROUP_RECORDS_BOUNDS),
        }
    }
}
