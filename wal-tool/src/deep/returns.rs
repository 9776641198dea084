//! Whether what went back of a use was ever used, and what was taken back of a grant ever given.
//!
//! A cancel names its use by LSN and states the running total of what went back. The use lies anywhere before
//! it, so the totals are collected on a first walk and held against the uses on a second one: memory goes with
//! the uses that were given back, not with all uses.

use std::collections::BTreeMap;

use engine::domain::{EntryRef, Event, Timestamp, TransactionId, WalletId, amount_of};
use engine::journal::{Class, Problem};
use engine::record::Content;

use crate::acts::Act;

/// Uses that were given back, by act and leg.
#[derive(Default)]
pub(crate) struct Returns {
    open: BTreeMap<EntryRef, Return>,
}

/// The largest running total that a cancel of one use states.
struct Return {
    wallet: WalletId,
    used_at: Timestamp,
    returned: u64,
    /// Whether a grant is taken back, and not a use given back.
    of_grant: bool,
    /// The cancel that states it, as a finding should there be one.
    cancel: Problem,
}

// === impl Returns ===

impl Returns {
    /// LSN of the first use that is looked for.
    pub(crate) fn first(&self) -> Option<u64> {
        let first = self.open.keys().next();
        first.map(|entry| entry.transaction().0)
    }

    /// Takes a cancel in.
    pub(super) fn take(&mut self, act: &Act<'_>, event: &Event) {
        let (entry, returned, wallet, used_at, of_grant) = if let Event::UseCancelled(event) = event
        {
            let wallet = event.standing.wallet;
            (event.entry, event.returned, wallet, event.used_at, false)
        } else if let Event::TakenBack(event) = event {
            let wallet = event.standing.wallet;
            (event.entry, event.returned, wallet, event.granted_at, true)
        } else {
            return;
        };
        let larger = self
            .open
            .get(&entry)
            .is_none_or(|known| known.returned < returned);
        if larger {
            let cancel = act.problem(Class::Meaning, String::new());
            self.open.insert(
                entry,
                Return {
                    wallet,
                    used_at,
                    returned,
                    of_grant,
                    cancel,
                },
            );
        }
    }

    /// Holds an act against the cancels that name it.
    pub(super) fn settle(&mut self, act: &Act<'_>) -> Vec<Problem> {
        let leg = |leg| EntryRef::new(TransactionId(act.lsn), leg);
        let named: Vec<EntryRef> = self
            .open
            .range(leg(0)..=leg(u8::MAX))
            .map(|(entry, _)| *entry)
            .collect();
        if named.is_empty() {
            return Vec::new();
        }
        // An act that does not decode has been told.
        let content = act.decode().map(|record| record.content).ok();
        let stated = named
            .into_iter()
            .filter_map(|entry| Some((entry, self.open.remove(&entry)?)));
        let held = stated.filter_map(|(entry, stated)| {
            let what = object(act, content.as_ref()?, entry, &stated)?;
            Some(Problem {
                what,
                ..stated.cancel
            })
        });
        held.collect()
    }

    /// Cancels of uses that nobody has seen, in a log that begins with `begins_lsn`.
    pub(super) fn unsettled(&mut self, begins_lsn: u64) -> Vec<Problem> {
        let open = std::mem::take(&mut self.open).into_iter();
        let open = open.filter(|(entry, _)| entry.transaction().0 >= begins_lsn);
        let lost = open.map(|(entry, stated)| Problem {
            what: format!("gives back LSN {}, which is no act", entry.transaction()),
            ..stated.cancel
        });
        let mut problems: Vec<_> = lost.collect();
        problems.sort_by_key(|problem| problem.lsn);
        problems
    }
}

/// What is wrong with the cancels of one use, if anything is.
fn object(act: &Act<'_>, content: &Content, entry: EntryRef, stated: &Return) -> Option<String> {
    let part = match content {
        Content::Event(event) => entry.leg().and_then(|leg| event.part(leg)),
        Content::Refused(_) => None,
    };
    let lsn = act.lsn;
    let event = part.map(|part| part.event);
    let Some((wallet, points)) = event.and_then(|event| returnable(event, stated.of_grant)) else {
        return Some(match stated.of_grant {
            true => format!("takes back LSN {lsn}, which is no grant"),
            false => format!("gives back LSN {lsn}, which is no use"),
        });
    };
    if wallet != stated.wallet {
        return Some(format!("gives back LSN {lsn}, a use of wallet {wallet}"));
    }
    if points < stated.returned {
        let returned = stated.returned;
        return Some(format!(
            "{returned} points went back of LSN {lsn}, which used {points}"
        ));
    }
    (act.at != stated.used_at).then(|| format!("states another time for LSN {lsn} than it has"))
}

/// Wallet and points of an act that can be given back, or taken back.
fn returnable(event: &Event, of_grant: bool) -> Option<(WalletId, u64)> {
    let (standing, points, is_grant) = if let Event::Used(event) = event {
        (event.standing, event.amount(), false)
    } else if let Event::HoldCaptured(event) = event {
        (event.standing, amount_of(&event.runs), false)
    } else if let Event::Charged(event) | Event::Earned(event) = event {
        (event.standing, event.amount.get(), true)
    } else if let Event::GrantActivated(event) = event {
        (event.standing, event.amount.get(), true)
    } else {
        return None;
    };
    (is_grant == of_grant).then_some((standing.wallet, points))
}
