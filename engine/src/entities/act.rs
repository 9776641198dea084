//! One act: from the states of all who take part to bytes in the journal.
//!
//! ```text
//! due → decide → encode → reserve → apply → append      (no await, no disk, no way back after apply)
//! ```

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use smallvec::SmallVec;

use super::agenda::is_sooner;
use super::rehearsal::rehearse;
use super::ticket::{Reply, Ticket, Token};
use super::{Core, EntityState, Order};
use crate::api::Refusal;
use crate::domain::{
    self, Circumstances, Denial, EntityId, Event, Participant, Participants, Rejection, Role,
    Timestamp,
};
use crate::journal::{NewAct, Reservation, Unavailable};
use crate::record::{self, IdempotencyKey};

/// A command on its way, with everything that is needed to carry it out and to answer.
pub(crate) struct Work {
    pub(crate) order: Order,
    /// Nothing is to be carried out: only what would come of it is asked.
    pub(crate) dry_run: bool,
    pub(crate) reply: Reply,
    pub(crate) token: Token,
}

/// One participant's state during an act.
pub(crate) struct Facet<'a> {
    pub(crate) id: EntityId,
    pub(crate) state: &'a mut EntityState,
}

/// Most records of one entity that nobody asked for before others get their turn: some 0.2 ms of work.
const SETTLED_MAX: usize = 64;

thread_local! {
    /// Bodies are encoded here: no allocation an act.
    static BODY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Carries out one command: due → decide → encode → reserve → apply → append, without an await.
pub(crate) fn carry_out(core: &Core, facets: &mut [Facet<'_>], work: Work) {
    // States arrive as the scheduler pleases; what lapses is written by id, so that the same history
    // gives the same log.
    facets.sort_unstable_by_key(|facet| facet.id);
    let floor = facets
        .iter()
        .map(|facet| facet.state.last_at)
        .max()
        .unwrap_or_default();
    let now = Timestamp(core.clock.now_us()).max(floor);
    let Work {
        order,
        dry_run,
        reply,
        token,
    } = work;
    if dry_run {
        return rehearse(core, facets, &order, now, reply, token);
    }
    // An actor may outlive a creation that was refused. A command that meets one is refused, as it would be without it,
    // and nothing is recorded of the others.
    let absent = |facet: &Facet<'_>| facet.state.entity.is_none() && !order.creates(facet.id);
    let doomed = order.is_one() && facets.iter().any(absent);
    for facet in facets.iter_mut().filter(|_| !doomed) {
        if let Err(refusal) = record_due(core, facet, now, usize::MAX) {
            return answer(core, facets, refusal, reply, token);
        }
    }
    let participants: SmallVec<[Participant<'_>; 2]> = facets
        .iter()
        .map(|facet| Participant {
            id: facet.id,
            entity: facet.state.entity.as_ref(),
        })
        .collect();
    let decided = catch_unwind(AssertUnwindSafe(|| {
        core.decide(&order, Participants(&participants), now)
    }));
    drop(participants);
    match decided {
        Ok(Ok(event)) => record_event(core, facets, event, now, reply, token),
        Ok(Err(denial)) => reject(core, facets, denial, now, reply, token),
        Err(_) => answer(core, facets, Refusal::Panicked, reply, token),
    }
}

/// Records what has come due of an entity that nobody asks anything of. The token comes free once that is durable. What
/// cannot be recorded now stays in the agenda.
pub(crate) fn settle(core: &Core, facet: &mut Facet<'_>, token: Token) {
    let now = Timestamp(core.clock.now_us()).max(facet.state.last_at);
    // Why not is of no use to anybody: it is tried again.
    let _ = record_due(core, facet, now, SETTLED_MAX);
    // Its lots may have been spent, and nothing was due.
    core.table.note(facet.id, facet.state);
    let last_lsn = facet.state.last_lsn;
    if let Some(ticket) = core.journal.wait(last_lsn, Ticket::Settled(token)) {
        ticket.deliver(last_lsn.0, 0);
    }
}

/// Records what time alone has brought about, each thing as an act of its own.
fn record_due(
    core: &Core,
    facet: &mut Facet<'_>,
    now: Timestamp,
    most: usize,
) -> Result<(), Refusal> {
    let id = facet.id;
    let next = |state: &EntityState| domain::due(id, state.entity.as_ref()?, now);
    for at in 0..most {
        let Some(event) = next(facet.state) else {
            if at > 0 {
                core.table.note(facet.id, facet.state);
            }
            break;
        };
        record_one_due(core, facet, Arc::new(event), now)?;
    }
    Ok(())
}

fn record_one_due(
    core: &Core,
    facet: &mut Facet<'_>,
    event: Arc<Event>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let alone = &mut [Facet {
        id: facet.id,
        state: &mut *facet.state,
    }];
    with_body(|body| {
        let staged = stage(core, &event, None, body).map_err(|failure| match failure {
            Failure::TooLarge(_) => unreachable!("a lapse is a few dozen bytes"),
            Failure::Unavailable(refusal) => refusal,
        })?;
        let ticket = Ticket::Due(Arc::clone(&event));
        commit(core, alone, &event, now, staged, body, ticket);
        core.lapses.fetch_add(1, Ordering::Relaxed);
        Ok(())
    })
}

fn record_event(
    core: &Core,
    facets: &mut [Facet<'_>],
    event: Event,
    now: Timestamp,
    reply: Reply,
    token: Token,
) {
    let event = Arc::new(event);
    let key = token.key();
    let failed = with_body(|body| match stage(core, &event, key, body) {
        Ok(staged) => {
            let ticket = Ticket::Act {
                event: Arc::clone(&event),
                reply,
                token,
            };
            commit(core, facets, &event, now, staged, body, ticket);
            None
        }
        Err(failure) => Some((failure, reply, token)),
    });
    match failed {
        None => {}
        Some((Failure::TooLarge(bytes), reply, token)) => {
            let rejection = Rejection::ActTooLarge {
                bytes: bytes as u64,
            };
            reject(core, facets, rejection.into(), now, reply, token);
        }
        Some((Failure::Unavailable(refusal), reply, token)) => {
            answer(core, facets, refusal, reply, token);
        }
    }
}

/// A refusal by the rules. Under a key it is a record of its own, so that a retry gets it again.
fn reject(
    core: &Core,
    facets: &mut [Facet<'_>],
    denial: Denial,
    now: Timestamp,
    reply: Reply,
    token: Token,
) {
    let refusal = Refusal::of(denial, false);
    let key = token.key().filter(|_| denial.rejection.is_remembered());
    let Some(key) = key else {
        return answer(core, facets, refusal, reply, token);
    };
    with_body(|body| {
        let (kind, schema) = record::encode_refusal(&denial, key, body);
        match core.reserve(body.len()) {
            Ok(reservation) => {
                let act = NewAct {
                    kind,
                    schema,
                    now_us: now.0,
                    body,
                };
                // It rests on the participants' state; being the later record, it is durable no
                // sooner than they are.
                core.journal.append(
                    reservation,
                    act,
                    Ticket::Refused {
                        denial,
                        reply,
                        token,
                    },
                );
            }
            Err(refusal) => answer(core, facets, refusal, reply, token),
        }
    });
}

/// An answer without a record. It rests on the participants' state and so waits until that is durable.
pub(super) fn answer(
    core: &Core,
    facets: &[Facet<'_>],
    refusal: Refusal,
    reply: Reply,
    token: Token,
) {
    let ticket = Ticket::Unrecorded {
        refusal,
        reply,
        token,
    };
    deliver_once_durable(core, facets, ticket);
}

/// Answers as soon as what the participants' states rest on is durable.
pub(super) fn deliver_once_durable(core: &Core, facets: &[Facet<'_>], ticket: Ticket) {
    let last_lsn = facets
        .iter()
        .map(|facet| facet.state.last_lsn)
        .max()
        .unwrap_or_default();
    if let Some(ticket) = core.journal.wait(last_lsn, ticket) {
        ticket.deliver(last_lsn.0, 0);
    }
}

/// Why an event could not be recorded.
enum Failure {
    /// Its body has this many bytes.
    TooLarge(usize),
    Unavailable(Refusal),
}

/// What is ready to be appended.
struct Staged<'a> {
    kind: u8,
    reservation: Reservation<'a>,
}

/// Encode → reserve. Nothing is changed yet, so this may fail.
fn stage<'a>(
    core: &'a Core,
    event: &Event,
    key: Option<IdempotencyKey>,
    body: &mut Vec<u8>,
) -> Result<Staged<'a>, Failure> {
    let kind = record::encode_event(event, key, body);
    if body.len() > core.journal.act_bytes_max() {
        return Err(Failure::TooLarge(body.len()));
    }
    let reservation = core.reserve(body.len()).map_err(Failure::Unavailable)?;
    Ok(Staged { kind, reservation })
}

/// Apply → append. Cannot fail any more.
fn commit(
    core: &Core,
    facets: &mut [Facet<'_>],
    event: &Event,
    now: Timestamp,
    staged: Staged<'_>,
    body: &[u8],
    ticket: Ticket,
) {
    let roles = event.roles();
    apply(facets, &roles, event);
    // Before anybody can hear of the act: whoever has an answer finds it in the agenda.
    for facet in &mut *facets {
        if is_sooner(facet.state.next_due(), facet.state.noted) {
            core.table.note(facet.id, facet.state);
        }
    }
    let act = NewAct {
        kind: staged.kind,
        schema: record::SCHEMA,
        now_us: now.0,
        body,
    };
    let shut = event.changes_settings().then(|| core.turnstile.0.lock());
    let appended = core.journal.append(staged.reservation, act, ticket);
    if let Event::SettingsChanged(event) = event {
        core.in_force.store(Arc::new(event.settings.clone()));
    }
    drop(shut);
    let at = Timestamp(appended.time_us);
    for facet in facets {
        // Who was only asked is as it was.
        if roles.iter().any(|(id, _)| *id == facet.id) {
            facet.state.mark(appended.last_lsn, at);
        }
    }
}

/// Every role of the event, each on its own entity. What `decide` made must apply: an inconsistency
/// here is a defect, and the process ends before anything of it reaches the log.
fn apply(facets: &mut [Facet<'_>], roles: &[(EntityId, Role)], event: &Event) {
    for (id, role) in roles {
        let facet = facets.iter_mut().find(|facet| facet.id == *id);
        let applied = facet.map(|facet| facet.state.apply(*role, event));
        assert!(
            matches!(applied, Some(Ok(()))),
            "the event does not apply: {applied:?} {event:?}"
        );
    }
}

/// What an event would take in the log, bytes.
pub(super) fn encoded_bytes(event: &Event) -> usize {
    with_body(|body| {
        record::encode_event(event, None, body);
        body.len()
    })
}

fn with_body<R>(body: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    BODY.with_borrow_mut(|buffer| {
        buffer.clear();
        body(buffer)
    })
}

// === impl Core ===

impl Core {
    /// Judges an order as things stand. Changes nothing.
    pub(crate) fn decide(
        &self,
        order: &Order,
        participants: Participants<'_>,
        now: Timestamp,
    ) -> Result<Event, Denial> {
        let settings = self.in_force.load();
        let at = Circumstances {
            now,
            settings: &settings,
        };
        order.decide(participants, &at)
    }

    fn reserve(&self, bytes: usize) -> Result<Reservation<'_>, Refusal> {
        let reserved = self.journal.reserve(bytes);
        self.note_full(matches!(reserved, Err(Unavailable::StorageFull)));
        reserved.map_err(|why| match why {
            // Admission waits for the filler; who slips past it is asked to come again.
            Unavailable::StorageFull | Unavailable::Filling => Refusal::StorageFull,
            Unavailable::Poisoned | Unavailable::Closed => Refusal::Draining,
            Unavailable::TooLarge { .. } => unreachable!("the size was checked before"),
        })
    }
}
