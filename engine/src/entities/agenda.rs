//! When something comes due of which entity, for those that nobody asks anything of.
//!
//! ```text
//! agenda  01-31 wallet 7 │ 03-31 wallet 3 │ 03-31 wallet 9 │ …      one entry an entity, or none
//! ```
//! An entity at rest stands here with the very instant at which it is due next, a live one with that instant or an
//! earlier one: spending a lot does not touch the agenda, opening one that lapses sooner does. An entity of which nothing
//! can come due is not here at all and costs nothing.

use std::collections::BTreeSet;

use crate::domain::Timestamp;

/// The entries of one shard.
#[derive(Default)]
pub(super) struct Agenda {
    entries: BTreeSet<(Timestamp, u64)>,
}

// === impl Agenda ===

impl Agenda {
    /// Moves an entity's entry.
    pub(super) fn move_entry(&mut self, key: u64, from: Option<Timestamp>, to: Option<Timestamp>) {
        if from == to {
            return;
        }
        if let Some(from) = from {
            self.entries.remove(&(from, key));
        }
        if let Some(to) = to {
            self.entries.insert((to, key));
        }
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The instant of the first entry.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.entries.first().map(|(at, _)| *at)
    }

    /// Entities that are due, the longest due first.
    pub(super) fn due(&self, now: Timestamp) -> impl Iterator<Item = u64> {
        self.entries.range(..=(now, u64::MAX)).map(|(_, key)| *key)
    }
}

/// Whether an entry has to be moved forward at once; one that may be later can wait for the rest of its entity.
pub(super) fn is_sooner(next: Option<Timestamp>, noted: Option<Timestamp>) -> bool {
    match (next, noted) {
        (Some(next), Some(noted)) => next < noted,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Agenda, is_sooner};
    use crate::domain::Timestamp;

    #[test]
    fn keeps_one_entry_an_entity() {
        let mut agenda = Agenda::default();
        let at = |us| Some(Timestamp(us));
        agenda.move_entry(7, None, at(30));
        agenda.move_entry(8, None, at(20));
        agenda.move_entry(9, None, at(20));
        assert_eq!(agenda.first(), at(20));
        agenda.move_entry(7, at(30), at(10));
        agenda.move_entry(8, at(20), None);
        agenda.move_entry(9, at(20), at(20));
        assert_eq!(agenda.len(), 2);
        let due = |us| agenda.due(Timestamp(us)).collect::<Vec<_>>();
        assert_eq!(due(9), []);
        assert_eq!(due(10), [7]);
        assert_eq!(due(20), [7, 9]);
    }

    #[test]
    fn only_what_comes_sooner_moves_at_once() {
        let (early, late) = (Some(Timestamp(1)), Some(Timestamp(2)));
        assert!(is_sooner(early, late) && is_sooner(early, None));
        assert!(!is_sooner(late, early) && !is_sooner(early, early) && !is_sooner(None, early));
    }
}
