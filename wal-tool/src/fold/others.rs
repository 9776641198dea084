//! Entities that hold no points: the program and its settings, and whatever else has an actor.
//!
//! They have no balance to go on with after a contradiction: it is told once, and what comes behind it is not judged.

use std::collections::HashMap;

use engine::domain::{
    CompanyId, Entity, EntityId, EntityKind, Entry, Event, Inconsistency, Role, apply,
};
use engine::snapshot::KeptEntity;

use super::Moment;

/// By id.
#[derive(Default)]
pub(super) struct Others(HashMap<EntityId, Other>);

/// One of them.
pub(crate) struct Other {
    entity: Option<Entity>,
    sound: bool,
    created: Moment,
    touched: Moment,
}

// === impl Others ===

impl Others {
    pub(super) fn get(&self, id: EntityId) -> Option<&Other> {
        self.0.get(&id)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = EntityId> {
        self.0.keys().copied()
    }

    /// As a snapshot has it.
    pub(super) fn keep(&mut self, kept: KeptEntity) {
        let at = |lsn: u64, at| Moment {
            lsn,
            last_lsn: lsn,
            at,
        };
        let other = Other {
            sound: true,
            created: at(0, kept.created_at),
            touched: at(kept.last_lsn.0, kept.last_at),
            entity: Some(kept.entity),
        };
        self.0.insert(kept.id, other);
    }

    /// Who acts for a company is a member of it.
    pub(super) fn check_by(&self, entry: &Entry) -> Option<Inconsistency> {
        let (company, user) = (CompanyId::of(entry.standing.wallet), entry.by?);
        let known = self.0.get(&company.entity());
        let what = match known.and_then(|other| other.entity.as_ref()) {
            Some(Entity::Company(state)) if state.has(user) => return None,
            Some(_) => "somebody spends who is no member",
            None => "somebody spends for a company that is not there",
        };
        // What became of it after a contradiction is not known.
        known
            .is_none_or(|other| other.sound)
            .then_some(Inconsistency::Entity {
                kind: EntityKind::Company.as_str(),
                id: company.get(),
                what,
            })
    }

    pub(super) fn apply(
        &mut self,
        moment: Moment,
        id: EntityId,
        role: Role,
        event: &Event,
    ) -> Option<Inconsistency> {
        let other = self.0.entry(id).or_insert_with(|| Other {
            entity: None,
            sound: true,
            created: moment,
            touched: moment,
        });
        other.touched = moment;
        if !other.sound {
            return None;
        }
        let outcome = apply(&mut other.entity, role, event);
        if let Some(entity) = &mut other.entity {
            entity.mark(moment.last_lsn);
        }
        other.sound = outcome.is_ok();
        outcome.err()
    }
}

// === impl Other ===

impl Other {
    /// The state; `None` when the log contradicts itself about it.
    pub(crate) fn state(&self) -> Option<&Entity> {
        self.entity.as_ref().filter(|_| self.sound)
    }

    /// The act that brought it about.
    pub(crate) fn created(&self) -> Moment {
        self.created
    }

    /// The last act that touched it.
    pub(crate) fn touched(&self) -> Moment {
        self.touched
    }
}
