//! Several commands that stand or fall together, as one act.
//!
//! ```text
//! states ── copy ──► decide item 0, apply ──► decide item 1, apply ──► … all of them, or the first refusal
//! batch = [ event, event, … ]      its legs are the legs of its events, numbered through
//! ```
//! Every item is judged with the state that those before it leave, lapses included, as if they had been asked one
//! after the other at one instant. An event of a batch is one that the command alone would have had.

use smallvec::SmallVec;

use super::event::Role;
use super::inconsistency::Inconsistency;
use super::rejection::{Denial, Rejection};
use super::types::{EntityId, EntityKind, Timestamp};
use super::wallet::Standing;
use super::{
    Circumstances, Command, Entity, EntityIds, Event, Facts, Participant, Participants, apply,
    decide, due,
};

/// Most commands in one batch: bounds how many actors one act keeps waiting, and for how long.
pub const BATCH_ITEMS_MAX: usize = 100;

/// Most legs of one batch: a leg has its number in a byte.
pub const BATCH_LEGS_MAX: usize = 255;

/// One command of a batch with what was looked up for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BatchItem {
    /// What is asked.
    pub command: Command,
    /// What was looked up.
    pub facts: Facts,
}

/// Several things happened at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batched {
    /// What, in order: an event for each item, and before it a lapse for each bucket that earlier items let lapse.
    pub events: Box<[Event]>,
}

/// An event within an act, with the place of its first leg among all legs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part<'a> {
    /// Place of its first leg.
    pub leg: u8,
    /// The event.
    pub event: &'a Event,
}

/// Judges all items, or gives the first one that is refused. Changes nothing.
pub fn decide_batch(
    participants: Participants<'_>,
    items: &[BatchItem],
    at: &Circumstances<'_>,
) -> Result<Event, Denial> {
    let mut copies = Copies::new(participants);
    let mut events = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        let decided = copies.decide(item, at, &mut events);
        decided.map_err(|rejection| Denial {
            item: u8::try_from(place).ok(),
            rejection,
        })?;
    }
    let batch = Batched {
        events: events.into_boxed_slice(),
    };
    let legs = batch.legs();
    if legs > BATCH_LEGS_MAX {
        let legs = legs as u64;
        return Err(Rejection::TooManyLegs { legs }.into());
    }
    Ok(Event::Batched(batch))
}

/// States of the participants as the items so far would leave them.
struct Copies(Vec<(EntityId, Option<Entity>)>);

// === impl Copies ===

impl Copies {
    fn new(participants: Participants<'_>) -> Self {
        let copies = participants.0.iter();
        Self(copies.map(|one| (one.id, one.entity.cloned())).collect())
    }

    /// Decides one item and carries it out on the copies.
    fn decide(
        &mut self,
        item: &BatchItem,
        at: &Circumstances<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let ids = item.command.participants(&item.facts);
        for id in &ids {
            self.lapse(*id, at.now, events);
        }
        let states: SmallVec<[Participant<'_>; 2]> = self
            .0
            .iter()
            .filter(|(id, _)| ids.contains(id))
            .map(|(id, entity)| Participant {
                id: *id,
                entity: entity.as_ref(),
            })
            .collect();
        let decided = decide(Participants(&states), &item.command, &item.facts, at);
        drop(states);
        let event = decided?;
        self.take(event, events);
        Ok(())
    }

    /// What earlier items gave back may have lapsed long ago.
    fn lapse(&mut self, id: EntityId, now: Timestamp, events: &mut Vec<Event>) {
        let next = |entity: &mut Option<Entity>| due(id, entity.as_ref()?, now);
        while let Some(event) = self.find(id).and_then(next) {
            self.take(event, events);
        }
    }

    fn take(&mut self, event: Event, events: &mut Vec<Event>) {
        for (id, role) in event.roles() {
            let applied = self.find(id).map(|entity| apply(entity, role, &event));
            assert!(
                matches!(applied, Some(Ok(()))),
                "what was decided does not apply: {applied:?} {event:?}"
            );
        }
        events.push(event);
    }

    fn find(&mut self, id: EntityId) -> Option<&mut Option<Entity>> {
        let found = self.0.iter_mut().find(|(known, _)| *known == id);
        found.map(|(_, entity)| entity)
    }
}

/// Carries out everything that a batch says about the entity with this leg.
pub(super) fn apply_batch(
    entity: &mut Option<Entity>,
    role: Role,
    batch: &Batched,
) -> Result<(), Inconsistency> {
    for (part, role) in batch.parts_of(role) {
        apply(entity, role, part.event)?;
    }
    Ok(())
}

// === impl Batched ===

impl Batched {
    /// The events with the places of their legs.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        self.events.iter().scan(0_usize, |legs, event| {
            let leg = u8::try_from(*legs).unwrap_or(u8::MAX);
            *legs += event.roles().len();
            Some(Part { leg, event })
        })
    }

    /// The events that commands asked for, in the order of the items.
    pub fn items(&self) -> impl Iterator<Item = Part<'_>> {
        self.parts()
            .filter(|part| !matches!(part.event, Event::Lapsed(_)))
    }

    /// Who is touched, each once, with the place of its first leg.
    pub(super) fn roles(&self) -> SmallVec<[(EntityId, Role); 2]> {
        let legs = self.events.iter().flat_map(Event::roles).enumerate();
        let mut legs: Vec<(EntityId, usize)> = legs.map(|(leg, (id, _))| (id, leg)).collect();
        legs.sort_unstable();
        legs.dedup_by_key(|(id, _)| *id);
        legs.sort_unstable_by_key(|(_, leg)| *leg);
        let member = |leg| Role::Member(u8::try_from(leg).unwrap_or(u8::MAX));
        legs.into_iter()
            .map(|(id, leg)| (id, member(leg)))
            .collect()
    }

    /// How the entity with this leg stands after all of it.
    pub(super) fn standing(&self, role: Role) -> Option<Standing> {
        let (part, role) = self.parts_of(role).last()?;
        part.event.standing(role)
    }

    /// How the entity with this leg stood before all of it.
    pub(super) fn standing_before(&self, role: Role) -> Option<Standing> {
        let (part, role) = self.parts_of(role).next()?;
        part.event.standing_before(role)
    }

    /// Whether it could have been decided for some state.
    pub(super) fn check(&self) -> Result<(), Inconsistency> {
        // Neither another batch nor what is not about wallets.
        let strange = |event: &Event| {
            let about_wallets = |(id, _): &(EntityId, Role)| id.kind == EntityKind::Wallet;
            matches!(event, Event::Batched(_)) || !event.roles().iter().all(about_wallets)
        };
        if self.events.is_empty() || self.events.iter().any(strange) || self.legs() > BATCH_LEGS_MAX
        {
            return Err(Inconsistency::Legs);
        }
        self.events.iter().try_for_each(Event::check)
    }

    fn legs(&self) -> usize {
        self.events.iter().map(|event| event.roles().len()).sum()
    }

    /// Every event that touches the entity with this leg, with the role that it plays there.
    fn parts_of(&self, role: Role) -> impl Iterator<Item = (Part<'_>, Role)> {
        let leg = match role {
            Role::Member(leg) => usize::from(leg),
            Role::Sole | Role::From | Role::To(_) | Role::Company => 0,
        };
        let mut legs = self.events.iter().flat_map(Event::roles);
        let entity = legs.nth(leg).map(|(id, _)| id);
        self.parts().filter_map(move |part| {
            let roles = part.event.roles();
            let found = roles.iter().find(|(id, _)| Some(*id) == entity);
            found.map(|(_, role)| (part, *role))
        })
    }
}

// === impl Event ===

impl Event {
    /// The events that this act is made of: itself, or those of a batch.
    pub fn parts(&self) -> SmallVec<[Part<'_>; 1]> {
        if let Self::Batched(batch) = self {
            return batch.parts().collect();
        }
        smallvec::smallvec![Part {
            leg: 0,
            event: self
        }]
    }

    /// The event that a leg belongs to.
    pub fn part(&self, leg: u8) -> Option<Part<'_>> {
        let parts = self.parts();
        let part = parts.iter().rfind(|part| part.leg <= leg).copied()?;
        (usize::from(leg - part.leg) < part.event.roles().len()).then_some(part)
    }

    /// The entity of a leg.
    pub fn entity_of(&self, leg: u8) -> Option<EntityId> {
        let part = self.part(leg)?;
        let (id, _) = part.event.roles()[usize::from(leg - part.leg)];
        Some(id)
    }
}

/// Who takes part in a batch, sorted and without doubles.
pub fn batch_participants(items: &[BatchItem]) -> EntityIds {
    let ids = items
        .iter()
        .flat_map(|item| item.command.participants(&item.facts));
    let mut ids: EntityIds = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
