//! Whether what went back of a use was ever used.
//!
//! A cancel names its use by LSN and states the running total of what went back. The use lies anywhere before
//! it, so the totals are collected on a first walk and held against the uses on a second one: memory goes with
//! the uses that were given back, not with all uses.

use std::collections::HashMap;

use engine::domain::{Event, Timestamp, UseCancelled, WalletId};
use engine::journal::{Class, Problem};
use engine::record::Content;

use crate::acts::Act;

/// Uses that were given back, by LSN.
#[derive(Default)]
pub(crate) struct Returns {
    open: HashMap<u64, Return>,
}

/// The largest running total that a cancel of one use states.
struct Return {
    wallet: WalletId,
    used_at: Timestamp,
    returned: u64,
    /// The cancel that states it, as a finding should there be one.
    cancel: Problem,
}

// === impl Returns ===

impl Returns {
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// LSN of the first use that is looked for.
    pub(crate) fn first(&self) -> Option<u64> {
        self.open.keys().min().copied()
    }

    /// Takes a cancel in.
    pub(super) fn take(&mut self, act: &Act<'_>, event: &UseCancelled) {
        let lsn = event.transaction.0;
        let returned = event.returned;
        let larger = self
            .open
            .get(&lsn)
            .is_none_or(|known| known.returned < returned);
        if larger {
            let cancel = act.problem(Class::Meaning, String::new());
            let (wallet, used_at) = (event.standing.wallet, event.used_at);
            self.open.insert(
                lsn,
                Return {
                    wallet,
                    used_at,
                    returned,
                    cancel,
                },
            );
        }
    }

    /// Holds an act against the cancels that name it.
    pub(super) fn settle(&mut self, act: &Act<'_>) -> Option<Problem> {
        let stated = self.open.remove(&act.lsn)?;
        let what = match act.decode().map(|record| record.content) {
            Ok(Content::Event(Event::Used(used))) => {
                if used.standing.wallet != stated.wallet {
                    format!(
                        "gives back LSN {}, a use of wallet {}",
                        act.lsn, used.standing.wallet
                    )
                } else if used.amount() < stated.returned {
                    let (used, returned) = (used.amount(), stated.returned);
                    format!(
                        "{returned} points went back of LSN {}, which used {used}",
                        act.lsn
                    )
                } else if act.at != stated.used_at {
                    format!("states another time for LSN {} than it has", act.lsn)
                } else {
                    return None;
                }
            }
            Ok(Content::Event(_) | Content::Refused(_)) => {
                format!("gives back LSN {}, which is no use", act.lsn)
            }
            // An act that does not decode has been told.
            Err(_) => return None,
        };
        Some(Problem {
            what,
            ..stated.cancel
        })
    }

    /// Cancels of uses that nobody has seen, in a log that begins with `begins_lsn`.
    pub(super) fn unsettled(&mut self, begins_lsn: u64) -> Vec<Problem> {
        let open = self.open.drain().filter(|(lsn, _)| *lsn >= begins_lsn);
        let lost = open.map(|(lsn, stated)| Problem {
            what: format!("gives back LSN {lsn}, which is no act"),
            ..stated.cancel
        });
        let mut problems: Vec<_> = lost.collect();
        problems.sort_by_key(|problem| problem.lsn);
        problems
    }
}
