//! What an act is to decide: one command, or several that stand or fall together.

use crate::api::Refusal;
use crate::domain::{
    self, BatchItem, Circumstances, Command, Denial, EntityId, EntityIds, Event, Facts,
    Participants,
};

/// What is to be decided, with everything that was looked up for it.
pub(crate) enum Order {
    /// One command.
    One { command: Command, facts: Facts },
    /// All of these or none.
    Batch(Box<[BatchItem]>),
}

// === impl Order ===

impl Order {
    /// Who takes part, sorted and without doubles.
    pub(crate) fn participants(&self) -> EntityIds {
        match self {
            Self::One { command, facts } => command.participants(facts),
            Self::Batch(items) => domain::batch_participants(items),
        }
    }

    /// Whether it is one command: all whom it names must exist for it to be judged at all.
    pub(crate) fn is_one(&self) -> bool {
        matches!(self, Self::One { .. })
    }

    /// Whether it brings this entity into being; every other one must exist already.
    pub(crate) fn creates(&self, id: EntityId) -> bool {
        match self {
            Self::One { command, .. } => command.creates().contains(&id),
            Self::Batch(items) => items
                .iter()
                .any(|item| item.command.creates().contains(&id)),
        }
    }

    /// The refusal where an entity that takes part does not exist. The items of a batch tell that themselves.
    pub(crate) fn absence(&self, id: EntityId) -> Option<Refusal> {
        match self {
            Self::One { command, .. } => Some(Refusal::of(command.absence(id).into(), false)),
            Self::Batch(_) => None,
        }
    }

    /// Judges it. Changes nothing.
    pub(crate) fn decide(
        &self,
        participants: Participants<'_>,
        at: &Circumstances<'_>,
    ) -> Result<Event, Denial> {
        match self {
            Self::One { command, facts } => {
                domain::decide(participants, command, facts, at).map_err(Denial::from)
            }
            Self::Batch(items) => domain::decide_batch(participants, items, at),
        }
    }
}
