//! What an act would take from lots or put into them. Plans only; changes nothing.

use smallvec::SmallVec;

use super::lots::{BUCKETS_MAX, Bucket, LOTS_MAX, Lots};
use super::runs::{BucketKey, Piece, Run, Runs};
use super::types::Timestamp;

/// Places that are kept for what is set aside: it must find its way back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reserved {
    /// Lots.
    pub lots: usize,
    /// Buckets.
    pub buckets: usize,
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
