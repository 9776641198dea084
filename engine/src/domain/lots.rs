//! The lots of one wallet, in spending order.
//!
//! ```text
//! buckets  [ free 01-31 | free 03-31 | free never | paid never ]   spend from the left
//! lots       #4:50 #7:10   #5:100       #1:5         #2:900 #9:40   grant order inside a bucket
//! ```
//! A bucket holds the lots of equal fund and expiry. A lot keeps the number its grant got from the
//! wallet's counter, so a cancelled use can fill the very lots it emptied.

use std::collections::VecDeque;

use super::runs::{BucketKey, Piece, Run};
use super::types::{Fund, Timestamp};
use serde::{Deserialize, Serialize};

/// Most buckets in a wallet: bounds the allocations of one act and the walk that finds a bucket.
pub const BUCKETS_MAX: usize = 1_024;

/// Most lots in a wallet. A use that empties all of them names each one and still fits into one act
/// (16,384 pieces of at most 14 bytes against 256 KiB). A grant above it joins the newest lot of its
/// bucket, so a busy wallet is never refused for having been paid often.
pub const LOTS_MAX: usize = 16_384;

/// Points from one grant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lot {
    /// From the wallet's counter, in grant order.
    pub number: u64,
    /// Points left, ≥1.
    pub remaining: u64,
}

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

/// An event asks a lot for more than it holds, or names a lot that cannot be there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LotMissing {
    /// The lot's number.
    pub lot: u64,
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

    /// Puts points into a lot, opening lot and bucket where they are missing. A number that no grant
    /// has reached yet is refused.
    pub fn give(&mut self, key: BucketKey, number: u64, amount: u64) -> Result<(), LotMissing> {
        if number > self.next {
            return Err(LotMissing { lot: number });
        }
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
        Ok(())
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

    /// The lots of one fund and expiry.
    pub fn bucket(&self, key: BucketKey) -> Option<&Bucket> {
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
    /// Where a lot is, or where it would be.
    pub(super) fn position(&self, number: u64) -> Result<usize, usize> {
        // A use empties a bucket from the front, so the front is looked at before the search.
        match self.lots.front() {
            Some(lot) if lot.number == number => Ok(0),
            _ => self.lots.binary_search_by_key(&number, |lot| lot.number),
        }
    }

    /// The first lot that is spent from `number` on, or else the last one.
    pub(super) fn next_from(&self, number: u64) -> Option<u64> {
        let at = self.position(number).unwrap_or_else(|at| at);
        let lot = self.lots.get(at).or(self.lots.back());
        lot.map(|lot| lot.number)
    }
}
