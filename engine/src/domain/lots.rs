//! The lots of one wallet, in spending order.
//!
//! ```text
//! buckets  [ free 01-31 | free 03-31 | free never | paid never ]   spend from the left
//! lots       #4:50 #7:10   #5:100       #1:5         #2:900 #9:40   grant order inside a bucket
//! ```
//! A bucket holds the lots of equal fund and expiry. A lot keeps the number its grant got from the
//! wallet's counter, so a cancelled use can fill the very lots it emptied.

use std::cmp::Ordering;
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::types::{Fund, Timestamp};

/// Most buckets in a wallet: bounds the allocations of one act and the walk that finds a bucket.
pub const BUCKETS_MAX: usize = 1_024;

/// Most lots in a wallet. A use that empties all of them names each one and still fits into one act
/// (16,384 pieces of at most 14 bytes against 256 KiB). A grant above it joins the newest lot of its
/// bucket, so a busy wallet is never refused for having been paid often.
pub const LOTS_MAX: usize = 16_384;

/// Fund and expiry: what makes points of two lots interchangeable. Ordered as they are spent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct BucketKey {
    /// Free before paid.
    pub fund: Fund,
    /// Earliest first, never last. A lot is spendable strictly before this instant.
    pub expires_at: Option<Timestamp>,
}

/// Points from one grant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lot {
    /// From the wallet's counter, in grant order.
    pub number: u64,
    /// Points left, ≥1.
    pub remaining: u64,
}

/// Points taken from, or given back to, one lot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Piece {
    /// The lot's number.
    pub lot: u64,
    /// Points, ≥1.
    pub amount: u64,
}

/// The pieces of one bucket, in the order they are taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Run {
    /// The bucket.
    pub bucket: BucketKey,
    /// Its pieces.
    pub pieces: SmallVec<[Piece; 1]>,
}

/// Runs in spending order.
pub type Runs = SmallVec<[Run; 1]>;

/// The lots of one bucket in grant order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bucket {
    /// Fund and expiry.
    pub key: BucketKey,
    /// By number, ascending; never empty.
    pub lots: VecDeque<Lot>,
}

/// All lots of a wallet.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Lots {
    buckets: Vec<Bucket>,
    count: usize,
    next: u64,
}

/// An event asks a lot for more than it holds, or for a lot that is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LotMissing {
    /// The lot's number.
    pub lot: u64,
}

// === impl BucketKey ===

impl Ord for BucketKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let instant = |key: &Self| key.expires_at.map_or(i64::MAX, |at| at.0);
        let never = |key: &Self| key.expires_at.is_none();
        (self.fund, instant(self), never(self)).cmp(&(other.fund, instant(other), never(other)))
    }
}

impl PartialOrd for BucketKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl BucketKey {
    /// Whether its points are lost at `now`.
    pub fn is_lapsed(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

// === impl Run ===

impl Run {
    /// Points in all pieces.
    pub fn amount(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.amount).sum()
    }
}

/// Points in all runs.
pub fn amount_of(runs: &[Run]) -> u64 {
    runs.iter().map(Run::amount).sum()
}

/// Points of one fund in all runs.
pub(super) fn amount_of_fund(runs: &[Run], fund: Fund) -> u64 {
    runs.iter()
        .filter(|run| run.bucket.fund == fund)
        .map(Run::amount)
        .sum()
}

// === impl Lots ===

impl Lots {
    /// Buckets in spending order.
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// How many lots there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The number the next new lot gets.
    pub fn next_number(&self) -> u64 {
        self.next
    }

    /// Points in lots of either fund that can be spent at `now`: (free, paid).
    pub fn spendable(&self, now: Timestamp) -> (u64, u64) {
        let mut sums = (0, 0);
        for bucket in self
            .buckets
            .iter()
            .filter(|bucket| !bucket.key.is_lapsed(now))
        {
            let points: u64 = bucket.lots.iter().map(|lot| lot.remaining).sum();
            match bucket.key.fund {
                Fund::Free => sums.0 += points,
                Fund::Paid => sums.1 += points,
            }
        }
        sums
    }

    /// The bucket that lapsed first, if one has at `now`.
    pub fn lapsed(&self, now: Timestamp) -> Option<&Bucket> {
        let first_paid = self
            .buckets
            .partition_point(|bucket| bucket.key.fund == Fund::Free);
        let heads = [self.buckets.first(), self.buckets.get(first_paid)];
        let lapsed = heads
            .into_iter()
            .flatten()
            .filter(|bucket| bucket.key.is_lapsed(now));
        lapsed.min_by_key(|bucket| (bucket.key.expires_at, bucket.key.fund))
    }

    /// Which pieces a use of `amount` takes, after skipping the first `skip` points. The caller has
    /// made sure that there are enough and that nothing is lapsed.
    pub fn plan_take(&self, skip: u64, amount: u64) -> Runs {
        let (mut skip, mut left) = (skip, amount);
        let mut runs = Runs::new();
        for bucket in &self.buckets {
            let mut pieces = SmallVec::new();
            for lot in &bucket.lots {
                let passed = skip.min(lot.remaining);
                skip -= passed;
                let taken = left.min(lot.remaining - passed);
                if taken > 0 {
                    pieces.push(Piece {
                        lot: lot.number,
                        amount: taken,
                    });
                    left -= taken;
                }
                if left == 0 {
                    break;
                }
            }
            if !pieces.is_empty() {
                runs.push(Run {
                    bucket: bucket.key,
                    pieces,
                });
            }
            if left == 0 {
                break;
            }
        }
        runs
    }

    /// The lot that a grant to `key` goes into when `opened` grants of the same act have already
    /// opened a lot here; `None` when the wallet is full.
    pub fn plan_give(&self, key: BucketKey, opened: u64) -> Option<u64> {
        let room = self.count + (opened as usize) < LOTS_MAX;
        match self.bucket(key) {
            Some(_) if room => Some(self.next + opened),
            Some(bucket) => bucket.lots.back().map(|lot| lot.number),
            None => {
                let fits = room && self.buckets.len() + (opened as usize) < BUCKETS_MAX;
                fits.then_some(self.next + opened)
            }
        }
    }

    /// Whether all pieces can be put back without passing a limit.
    pub fn can_restore(&self, runs: &[Run]) -> bool {
        let mut lots = self.count;
        let mut buckets = self.buckets.len();
        for run in runs {
            let bucket = self.bucket(run.bucket);
            buckets += usize::from(bucket.is_none());
            let held = |lot: u64| bucket.is_some_and(|bucket| bucket.position(lot).is_ok());
            lots += run.pieces.iter().filter(|piece| !held(piece.lot)).count();
        }
        lots <= LOTS_MAX && buckets <= BUCKETS_MAX
    }

    /// Puts points into a lot, opening lot and bucket where they are missing.
    pub fn give(&mut self, key: BucketKey, number: u64, amount: u64) {
        let at = match self.buckets.binary_search_by(|bucket| bucket.key.cmp(&key)) {
            Ok(at) => at,
            Err(at) => {
                self.buckets.insert(
                    at,
                    Bucket {
                        key,
                        lots: VecDeque::new(),
                    },
                );
                at
            }
        };
        let bucket = &mut self.buckets[at];
        match bucket.position(number) {
            Ok(lot) => bucket.lots[lot].remaining += amount,
            Err(lot) => {
                bucket.lots.insert(
                    lot,
                    Lot {
                        number,
                        remaining: amount,
                    },
                );
                self.count += 1;
            }
        }
        self.next = self.next.max(number + 1);
    }

    /// Takes the pieces of a run out.
    pub fn take(&mut self, run: &Run) -> Result<(), LotMissing> {
        for piece in &run.pieces {
            self.take_piece(run.bucket, *piece)?;
        }
        Ok(())
    }

    /// Removes a whole bucket and says what was in it.
    pub fn remove(&mut self, key: BucketKey) -> u64 {
        let Ok(at) = self.buckets.binary_search_by(|bucket| bucket.key.cmp(&key)) else {
            return 0;
        };
        let bucket = self.buckets.remove(at);
        self.count -= bucket.lots.len();
        bucket.lots.iter().map(|lot| lot.remaining).sum()
    }

    fn bucket(&self, key: BucketKey) -> Option<&Bucket> {
        let at = self
            .buckets
            .binary_search_by(|bucket| bucket.key.cmp(&key))
            .ok()?;
        self.buckets.get(at)
    }

    fn take_piece(&mut self, key: BucketKey, piece: Piece) -> Result<(), LotMissing> {
        let missing = LotMissing { lot: piece.lot };
        let found = self.buckets.binary_search_by(|bucket| bucket.key.cmp(&key));
        let at = found.map_err(|_| missing)?;
        let bucket = &mut self.buckets[at];
        let lot = bucket.position(piece.lot).map_err(|_| missing)?;
        let held = bucket.lots[lot].remaining;
        let left = held.checked_sub(piece.amount).ok_or(missing)?;
        bucket.lots[lot].remaining = left;
        if left == 0 {
            bucket.lots.remove(lot);
            self.count -= 1;
        }
        if bucket.lots.is_empty() {
            self.buckets.remove(at);
        }
        Ok(())
    }
}

impl Bucket {
    fn position(&self, number: u64) -> Result<usize, usize> {
        // A use empties a bucket from the front, so the front is looked at before the search.
        match self.lots.front() {
            Some(lot) if lot.number == number => Ok(0),
            _ => self.lots.binary_search_by_key(&number, |lot| lot.number),
        }
    }
}
