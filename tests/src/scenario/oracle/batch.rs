//! All or nothing, in the plain map: one command after the other, and everything as it was should one be refused.

use super::{Decision, Oracle, of_item};
use crate::scenario::answer::Leg;
use crate::scenario::ask::Ask;

/// A batch on its way.
#[derive(Clone, Debug)]
pub(super) struct OpenBatch {
    /// The last act when it was asked: what came later cannot be referred to.
    pub(super) known: u64,
    pub(super) legs: Vec<Leg>,
}

// === impl Oracle ===

impl Oracle {
    /// Whose leg it is; of a leg that is not there, whose the first one is.
    pub(super) fn wallet_of(&self, act: u64, leg: Option<u8>) -> Option<u64> {
        let known = self.batch.as_ref().is_none_or(|open| act <= open.known);
        let legs = self.acts.get(&act).filter(|_| known)?;
        let named = legs.get(usize::from(leg.unwrap_or(0)));
        Some(named.unwrap_or(&legs[0]).standing.wallet)
    }

    /// One command after the other, as if nothing happened should one be refused.
    pub(super) fn batch(&mut self, items: &[Ask]) -> Decision {
        let mut wallets = Vec::new();
        for item in items {
            match item {
                Ask::Create { wallet, .. }
                | Ask::Grant { wallet, .. }
                | Ask::Use { wallet, .. } => wallets.push(*wallet),
                Ask::Transfer { from, to, .. } => wallets.extend([*from, *to]),
                Ask::Cancel {
                    transaction, leg, ..
                } => wallets.extend(self.wallet_of(*transaction, *leg)),
                Ask::Batch { .. }
                | Ask::At(_)
                | Ask::Wallet(_)
                | Ask::Transaction(_)
                | Ask::History { .. }
                | Ask::Sweep
                | Ask::Restart
                | Ask::Crash(_) => unreachable!("{item:?} is no item"),
            }
        }
        wallets.retain(|wallet| self.purses.contains_key(wallet));
        let known = self.last_act;
        self.due(&wallets);
        let before = self.clone();
        let legs = Vec::new();
        self.batch = Some(OpenBatch { known, legs });
        for (at, item) in items.iter().enumerate() {
            if let Err(refusal) = self.decide(item) {
                *self = before;
                return Err(of_item(refusal, at as u64));
            }
        }
        let legs = self.batch.take().map_or(Vec::new(), |open| open.legs);
        self.batches.insert(self.last_act + 1);
        Ok(self.write(legs))
    }
}
