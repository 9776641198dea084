//! A dry run: what an act would come to, decided on copies of the states, with nothing written.
//!
//! ```text
//! states ── copy ──► due → decide → encode → (would it fit?) ──► the event that was not carried out
//! ```
//! It goes through the same mailboxes as the act itself and rests on the same states, so its answer waits, like that of
//! a read, until those are durable. It takes no space in the log, no LSN and no key.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use smallvec::SmallVec;

use super::act::{Facet, answer, deliver_once_durable, encoded_bytes};
use super::ticket::{Rehearsal, Reply, Ticket, Token};
use super::{Core, Order};
use crate::api::Refusal;
use crate::domain::{
    Entity, EntityId, Participant, Participants, Rejection, Timestamp, apply, due,
};

/// Decides without carrying anything out, and tells what was decided.
pub(super) fn rehearse(
    core: &Core,
    facets: &[Facet<'_>],
    order: &Order,
    now: Timestamp,
    reply: Reply,
    token: Token,
) {
    let decided = catch_unwind(AssertUnwindSafe(|| {
        let mut copies: SmallVec<[(EntityId, Option<Entity>); 2]> = facets
            .iter()
            .map(|facet| (facet.id, facet.state.entity.clone()))
            .collect();
        for (id, entity) in &mut copies {
            lapse(*id, entity, now);
        }
        let participants: SmallVec<[Participant<'_>; 2]> = copies
            .iter()
            .map(|(id, entity)| Participant {
                id: *id,
                entity: entity.as_ref(),
            })
            .collect();
        core.decide(order, Participants(&participants), now)
    }));
    let refusal = match decided {
        Ok(Ok(event)) => {
            let bytes = encoded_bytes(&event);
            if bytes <= core.journal.act_bytes_max() {
                let event = Arc::new(event);
                let rehearsal = Box::new(Rehearsal { event, at: now });
                let ticket = Ticket::Rehearsed {
                    rehearsal,
                    reply,
                    token,
                };
                return deliver_once_durable(core, facets, ticket);
            }
            let bytes = bytes as u64;
            Refusal::of(Rejection::ActTooLarge { bytes }.into(), false)
        }
        Ok(Err(denial)) => Refusal::of(denial, false),
        Err(_) => Refusal::Panicked,
    };
    answer(core, facets, refusal, reply, token);
}

/// What time alone would bring about first.
fn lapse(id: EntityId, entity: &mut Option<Entity>, now: Timestamp) {
    while let Some(event) = entity.as_ref().and_then(|entity| due(id, entity, now)) {
        for (_, role) in event.roles() {
            let applied = apply(entity, role, &event);
            assert!(applied.is_ok(), "what is due does not apply: {applied:?}");
        }
    }
}
