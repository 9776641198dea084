//! Points that come back to a fund that owes: they pay first, and only the rest of them goes into lots.
//!
//! ```text
//! owed: free 60        what comes back, the last one spent first        free 03-31 #5:100    free 01-31 #1:50
//!                      goes into its lot                                free 03-31 #5:90
//!                      pays                                             free 03-31 #5:10     free 01-31 #1:50
//! ```
//! The points that lapse first pay, as if they were spent. In an event those that pay stand behind the others of their fund,
//! and beside it stands how many they are: what was written when nothing but new points paid says nothing there.

use super::inconsistency::Inconsistency;
use super::runs::{Run, Runs, amount_of, amount_of_fund, pieces_where};
use super::special::Debt;
use super::types::Fund;
use super::wallet::{Standing, Wallet};

/// How many of the points that come back pay nothing, by fund. They stand before those that pay.
struct Kept {
    free: u64,
    paid: u64,
}

/// What of points that come back, the last one spent first, goes into lots, and what pays.
pub(super) fn split(back: Runs, debt: Debt) -> (Runs, Runs) {
    if debt.sum() == 0 {
        return (back, Runs::new());
    }
    let mut kept = Kept::of(&back, debt);
    let lots = pieces_where(&back, |fund, piece| kept.next(fund, piece.amount));
    let mut kept = Kept::of(&back, debt);
    let paying = pieces_where(&back, |fund, piece| {
        piece.amount - kept.next(fund, piece.amount)
    });
    (lots, paying)
}

/// Both in one list, those that pay behind the others of their fund.
pub(super) fn join(mut lots: Runs, paying: Runs) -> Runs {
    for run in paying {
        let fund = run.bucket.fund;
        let last = lots.iter_mut().rfind(|other| other.bucket.fund == fund);
        match last.filter(|last| last.bucket == run.bucket) {
            Some(last) => last.append(run.pieces),
            None => lots.push(run),
        }
    }
    lots
}

// === impl Kept ===

impl Kept {
    fn of(back: &[Run], debt: Debt) -> Self {
        let kept = |fund| amount_of_fund(back, fund).saturating_sub(debt.of(fund));
        Self {
            free: kept(Fund::Free),
            paid: kept(Fund::Paid),
        }
    }

    /// How many of the next so many points go into a lot.
    fn next(&mut self, fund: Fund, amount: u64) -> u64 {
        let left = match fund {
            Fund::Free => &mut self.free,
            Fund::Paid => &mut self.paid,
        };
        let kept = amount.min(*left);
        *left -= kept;
        kept
    }
}

// === impl Wallet ===

impl Wallet {
    /// Puts points back into lots, but for so many of them that pay what is owed. Says nothing of the balance.
    pub(super) fn put_back(
        &mut self,
        standing: &Standing,
        back: &[Run],
        repaid: u64,
    ) -> Result<(), Inconsistency> {
        let wallet = standing.wallet;
        let debt = match repaid {
            0 => Debt::default(),
            _ => self.special().debt,
        };
        let mut kept = Kept::of(back, debt);
        if kept.free + kept.paid + repaid != amount_of(back) {
            return Err(Inconsistency::Debt { wallet });
        }
        for run in back {
            for piece in &run.pieces {
                let into = kept.next(run.bucket.fund, piece.amount);
                if into > 0 {
                    let given = self.lots.give(run.bucket, piece.lot, into);
                    given.map_err(|missing| Inconsistency::Lot {
                        wallet,
                        lot: missing.lot,
                    })?;
                }
                if into < piece.amount {
                    self.pay(standing, run.bucket.fund, piece.amount - into)?;
                }
            }
        }
        Ok(())
    }
}
