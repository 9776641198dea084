//! What an act would take from lots or put into them. Plans only; changes nothing.

use std::collections::BTreeSet;

use smallvec::SmallVec;

use super::lots::{BUCKETS_MAX, Bucket, LOTS_MAX, Lots};
use super::runs::{BucketKey, Piece, Run, Runs};
use super::types::Timestamp;

/// Places that are kept for what is set aside, which must find its way back, and for what is pending.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reserved {
    /// Lots.
    pub lots: usize,
    /// Buckets.
    pub buckets: usize,
}

/// Lots and buckets that are not there and must find a place when what is set aside comes back. One whose rest is still
/// there has its place, and one of which several holds took has only one.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) lots: BTreeSet<(BucketKey, u64)>,
    pub(super) buckets: BTreeSet<BucketKey>,
}

/// How full a wallet gets while an act is planned.
struct Room {
    lots: usize,
    buckets: usize,
}

// === impl Lots ===

impl Lots {
    /// Which pieces a use of `amount` takes at `now`, after skipping the first `skip` points. The
    /// caller has made sure that there are enough.
    pub fn plan_take(&self, now: Timestamp, skip: u64, amount: u64) -> Runs {
        let (mut skip, mut left) = (skip, amount);
        let mut runs = Runs::new();
        let spendable = |bucket: &&Bucket| !bucket.key.is_lapsed(now);
        for bucket in self.buckets().iter().filter(spendable) {
            let mut pieces = SmallVec::new();
            for lot in bucket.lots.iter() {
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

    /// Whether so many more lots and buckets fit in.
    pub fn have_room_for(&self, more: Reserved) -> bool {
        self.count() + more.lots <= LOTS_MAX && self.buckets().len() + more.buckets <= BUCKETS_MAX
    }

    /// The lots that grants to these buckets (no bucket twice) go into, in their order; `None` when
    /// the wallet is full.
    pub fn plan_give(
        &self,
        keys: impl IntoIterator<Item = BucketKey>,
        reserved: Reserved,
    ) -> Option<SmallVec<[u64; 1]>> {
        let mut room = Room::of(self, reserved);
        let mut next = self.next_number();
        let lot = |key| {
            let bucket = self.bucket(key);
            if room.opens(bucket.is_some()) {
                next += 1;
                Some(next - 1)
            } else {
                bucket.map(|bucket| bucket.lots.back().number)
            }
        };
        keys.into_iter().map(lot).collect()
    }

    /// Where pieces that were once taken go when they come back: into their own lots. In a wallet
    /// that is full the points of a lot that is gone join the next lot of their bucket, so giving
    /// back is refused only where fund and expiry themselves find no place any more.
    pub fn plan_restore(&self, taken: Runs, reserved: Reserved) -> Option<Runs> {
        let mut room = Room::of(self, reserved);
        let mut runs = Runs::with_capacity(taken.len());
        for run in taken {
            let bucket = self.bucket(run.bucket);
            let mut pieces: SmallVec<[Piece; 1]> = SmallVec::new();
            for piece in run.pieces {
                let found = bucket.map_or(Err(0), |bucket| bucket.lots.position(piece.lot));
                let known = bucket.is_some() || !pieces.is_empty();
                if found.is_ok() || room.opens(known) {
                    pieces.push(piece);
                } else if let Some(last) = pieces.last_mut() {
                    last.amount += piece.amount;
                } else {
                    let lot = bucket?.lots.next_from(piece.lot).number;
                    let amount = piece.amount;
                    pieces.push(Piece { lot, amount });
                }
            }
            let bucket = run.bucket;
            runs.push(Run { bucket, pieces });
        }
        Some(runs)
    }
}

// === impl Kept ===

impl Kept {
    /// Keeps the places that a run will need.
    pub(super) fn keep(&mut self, lots: &Lots, run: &Run) {
        let bucket = lots.bucket(run.bucket);
        if bucket.is_none() {
            self.buckets.insert(run.bucket);
        }
        for piece in &run.pieces {
            let found = bucket.is_some_and(|bucket| bucket.lots.position(piece.lot).is_ok());
            if !found {
                self.lots.insert((run.bucket, piece.lot));
            }
        }
    }

    /// Gives up the places that a run is about to take.
    pub(super) fn open(&mut self, run: &Run) {
        self.buckets.remove(&run.bucket);
        for piece in &run.pieces {
            self.lots.remove(&(run.bucket, piece.lot));
        }
    }
}

// === impl Room ===

impl Room {
    fn of(lots: &Lots, reserved: Reserved) -> Self {
        Self {
            lots: lots.count() + reserved.lots,
            buckets: lots.buckets().len() + reserved.buckets,
        }
    }

    /// Opens one more lot, and its bucket unless that one is there, if both fit.
    fn opens(&mut self, bucket_is_there: bool) -> bool {
        let buckets = self.buckets + usize::from(!bucket_is_there);
        let fits = self.lots < LOTS_MAX && buckets <= BUCKETS_MAX;
        if fits {
            self.lots += 1;
            self.buckets = buckets;
        }
        fits
    }
}
