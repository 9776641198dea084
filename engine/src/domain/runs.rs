//! What moves in and out of lots: runs of pieces, one run a bucket.
//!
//! ```text
//! run   bucket (free, lapses 03-31)   pieces  #4:50 #7:10
//! run   bucket (paid, never)          pieces  #2:40
//! ```
//! A piece names its lot exactly, so a cancelled use can fill the very lots it emptied.

use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};
use smallvec::{Array, SmallVec};

use super::types::{Fund, Timestamp};

/// Elements reserved on the word of a length that is read; a longer list grows as elements really
/// come, so a damaged length cannot ask for memory that its bytes do not fill.
const RESERVED_MAX: usize = 64;

/// Fund and expiry: what makes points of two lots interchangeable. Ordered as they are spent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, DeriveDeserialize)]
pub struct BucketKey {
    /// Free before paid.
    pub fund: Fund,
    /// Earliest first, never last. A lot is spendable strictly before this instant.
    pub expires_at: Option<Timestamp>,
}

/// Points taken from, or given back to, one lot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, DeriveDeserialize)]
pub struct Piece {
    /// The lot's number.
    pub lot: u64,
    /// Points, ≥1.
    pub amount: u64,
}

/// The pieces of one bucket, in the order they are taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, DeriveDeserialize)]
pub struct Run {
    /// The bucket.
    pub bucket: BucketKey,
    /// Its pieces.
    #[serde(deserialize_with = "read_list")]
    pub pieces: SmallVec<[Piece; 1]>,
}

/// Runs in spending order.
pub type Runs = SmallVec<[Run; 1]>;

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

    /// More pieces behind the others; points of one lot that stand side by side are one piece.
    pub(super) fn append(&mut self, pieces: impl IntoIterator<Item = Piece>) {
        for piece in pieces {
            match self.pieces.last_mut() {
                Some(last) if last.lot == piece.lot => last.amount += piece.amount,
                Some(_) | None => self.pieces.push(piece),
            }
        }
    }
}

/// Points in all runs.
pub fn amount_of(runs: &[Run]) -> u64 {
    runs.iter().map(Run::amount).sum()
}

/// Points of one fund in all runs.
pub(super) fn amount_of_fund<'a>(runs: impl IntoIterator<Item = &'a Run>, fund: Fund) -> u64 {
    runs.into_iter()
        .filter(|run| run.bucket.fund == fund)
        .map(Run::amount)
        .sum()
}

/// The first `amount` points.
pub(super) fn cut(runs: &[Run], amount: u64) -> Runs {
    let mut left = amount;
    pieces_where(runs, |_, piece| {
        let taken = left.min(piece.amount);
        left -= taken;
        taken
    })
}

/// What is behind the first `amount` points.
pub(super) fn rest(runs: &[Run], amount: u64) -> Runs {
    let mut skip = amount;
    pieces_where(runs, |_, piece| {
        let passed = skip.min(piece.amount);
        skip -= passed;
        piece.amount - passed
    })
}

/// The pieces from the end backwards: `amount` points after the first `skip`.
pub(super) fn taken_last(runs: &[Run], skip: u64, amount: u64) -> Runs {
    let (mut skip, mut left) = (skip, amount);
    let mut last = Runs::new();
    for run in runs.iter().rev() {
        let mut pieces = SmallVec::new();
        for piece in run.pieces.iter().rev() {
            let passed = skip.min(piece.amount);
            skip -= passed;
            let given = left.min(piece.amount - passed);
            left -= given;
            if given > 0 {
                pieces.push(Piece {
                    lot: piece.lot,
                    amount: given,
                });
            }
        }
        if !pieces.is_empty() {
            last.push(Run {
                bucket: run.bucket,
                pieces,
            });
        }
    }
    last
}

/// As much of each piece as is said, without those that are left empty.
pub(super) fn pieces_where(runs: &[Run], mut keep: impl FnMut(Fund, &Piece) -> u64) -> Runs {
    let mut kept = Runs::new();
    for run in runs {
        let pieces = run.pieces.iter().filter_map(|piece| {
            let amount = keep(run.bucket.fund, piece);
            let lot = piece.lot;
            (amount > 0).then_some(Piece { lot, amount })
        });
        let pieces: SmallVec<[Piece; 1]> = pieces.collect();
        if !pieces.is_empty() {
            let bucket = run.bucket;
            kept.push(Run { bucket, pieces });
        }
    }
    kept
}

// === reading ===

/// Reads a list without reserving what its length claims.
pub(super) fn read_list<'de, D, A>(deserializer: D) -> Result<SmallVec<A>, D::Error>
where
    D: Deserializer<'de>,
    A: Array,
    A::Item: Deserialize<'de>,
{
    deserializer.deserialize_seq(ListVisitor(PhantomData))
}

struct ListVisitor<A>(PhantomData<A>);

impl<'de, A> Visitor<'de> for ListVisitor<A>
where
    A: Array,
    A::Item: Deserialize<'de>,
{
    type Value = SmallVec<A>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        let claimed = seq.size_hint().unwrap_or(0);
        let mut list = SmallVec::with_capacity(claimed.min(RESERVED_MAX));
        while let Some(element) = seq.next_element()? {
            list.push(element);
        }
        Ok(list)
    }
}
