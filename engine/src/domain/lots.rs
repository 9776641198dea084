//! The lots of one wallet, in spending order.
//!
//! ```text
//! buckets  [ free 01-31 | free 03-31 | free never | paid never ]   spend from the left
//! lots       #4:50 #7:10   #5:100       #1:5         #2:900 #9:40   grant order inside a bucket
//! ```
//! A bucket holds the lots of equal fund and expiry. A lot keeps the number its grant got from the
//! wallet's counter, so a cancelled use can fill the very lots it emptied.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::lot_queue::{LotQueue, Taken};
use super::runs::{BucketKey, Piece, Run};
use super::types::{Fund, Timestamp};

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
    pub lots: LotQueue,
}

/// All lots of a wallet.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Lots {
    /// Most wallets have points of one kind, and those lie in the wallet itself.
    buckets: SmallVec<[Bucket; 1]>,
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

    /// Points in one lot; 0 when it is not there.
    pub fn remaining(&self, key: BucketKey, number: u64) -> u64 {
        let lots = self.bucket(key).map(|bucket| &bucket.lots);
        let found = lots.and_then(|lots| lots.iter().find(|lot| lot.number == number));
        found.map_or(0, |lot| lot.remaining)
    }

    /// Numbers that something else than a lot got from the counter are not given to a lot any more.
    pub fn count_to(&mut self, number: u64) {
        self.next = self.next.max(number + 1);
    }

    /// Points in lots of either fund that can be spent at `now`: (free, paid).
    pub fn spendable(&self, now: Timestamp) -> (u64, u64) {
        self.points_where(|key| !key.is_lapsed(now))
    }

    /// Points in lots of either fund that have lapsed at `now`: (free, paid).
    pub fn lapsed_points(&self, now: Timestamp) -> (u64, u64) {
        self.points_where(|key| key.is_lapsed(now))
    }

    fn points_where(&self, counts: impl Fn(&BucketKey) -> bool) -> (u64, u64) {
        let mut sums = (0, 0);
        for bucket in self.buckets.iter().filter(|bucket| counts(&bucket.key)) {
            let points = bucket.lots.points();
            match bucket.key.fund {
                Fund::Free => sums.0 += points,
                Fund::Paid => sums.1 += points,
            }
        }
        sums
    }

    /// The bucket that lapsed first, if one has at `now`.
    pub fn lapsed(&self, now: Timestamp) -> Option<&Bucket> {
        let lapsed = self
            .heads()
            .into_iter()
            .flatten()
            .filter(|bucket| bucket.key.is_lapsed(now));
        lapsed.min_by_key(|bucket| (bucket.key.expires_at, bucket.key.fund))
    }

    /// When the first lot lapses, if one ever does.
    pub fn next_expiry(&self) -> Option<Timestamp> {
        let [free, paid] = self.heads();
        let expiry = |head: Option<&Bucket>| head.and_then(|bucket| bucket.key.expires_at);
        match (expiry(free), expiry(paid)) {
            (Some(free), Some(paid)) => Some(free.min(paid)),
            (free, paid) => free.or(paid),
        }
    }

    /// Points in lots that lapse later than `from` and no later than `until`.
    pub fn expiring(&self, from: Timestamp, until: Timestamp) -> u64 {
        let lapses = |bucket: &&Bucket| {
            let at = bucket.key.expires_at;
            at.is_some_and(|at| from < at && at <= until)
        };
        let expiring = self.buckets.iter().filter(lapses);
        expiring.map(|bucket| bucket.lots.points()).sum()
    }

    /// The lots behind a place, or all of them, in spending order.
    pub fn behind(
        &self,
        place: Option<(BucketKey, u64)>,
    ) -> impl Iterator<Item = (BucketKey, Lot)> {
        let first = self
            .buckets
            .partition_point(|bucket| place.is_some_and(|(key, _)| bucket.key < key));
        let lots = self.buckets[first..].iter().flat_map(|bucket| {
            let lots = bucket.lots.iter();
            lots.map(|lot| (bucket.key, *lot))
        });
        lots.skip_while(move |(key, lot)| place.is_some_and(|place| (*key, lot.number) <= place))
    }

    /// Puts points into a lot, opening lot and bucket where they are missing. A number that no grant
    /// has reached yet is refused.
    pub fn give(&mut self, key: BucketKey, number: u64, amount: u64) -> Result<(), LotMissing> {
        if number > self.next {
            return Err(LotMissing { lot: number });
        }
        let found = self.buckets.binary_search_by(|bucket| bucket.key.cmp(&key));
        let opened = match found {
            Ok(at) => self.buckets[at].lots.give(number, amount),
            Err(at) => {
                let lots = LotQueue::new(Lot {
                    number,
                    remaining: amount,
                });
                self.buckets.insert(at, Bucket { key, lots });
                true
            }
        };
        self.count += usize::from(opened);
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
        bucket.lots.points()
    }

    /// The lots of one fund and expiry.
    pub fn bucket(&self, key: BucketKey) -> Option<&Bucket> {
        let at = self
            .buckets
            .binary_search_by(|bucket| bucket.key.cmp(&key))
            .ok()?;
        self.buckets.get(at)
    }

    /// The first bucket, and the first one of paid points: of each fund the one that lapses first is among them.
    fn heads(&self) -> [Option<&Bucket>; 2] {
        let first_paid = self
            .buckets
            .partition_point(|bucket| bucket.key.fund == Fund::Free);
        [self.buckets.first(), self.buckets.get(first_paid)]
    }

    fn take_piece(&mut self, key: BucketKey, piece: Piece) -> Result<(), LotMissing> {
        let missing = LotMissing { lot: piece.lot };
        let found = self.buckets.binary_search_by(|bucket| bucket.key.cmp(&key));
        let at = found.map_err(|_| missing)?;
        let lots = &mut self.buckets[at].lots;
        let taken = lots.take(piece.lot, piece.amount).ok_or(missing)?;
        self.count -= usize::from(taken != Taken::Part);
        if taken == Taken::LastLot {
            self.buckets.remove(at);
        }
        Ok(())
    }
}
