//! One entity at rest: its state and the shell's marks in a few dozen bytes.

use bincode::config::{Configuration, LittleEndian, NoLimit, Varint};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::domain::{
    self, Company, Entity, EntityKind, Event, Inconsistency, Limits, Program, Role, Timestamp,
};
use crate::journal::Lsn;

const WIRE: Configuration<LittleEndian, Varint, NoLimit> = bincode::config::standard();

/// What an actor owns: the entity and the marks that the shell keeps beside it.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct EntityState {
    /// `None` until it is created.
    pub(crate) entity: Option<Entity>,
    /// Last record that touched it.
    pub(crate) last_lsn: Lsn,
    /// Header time of that record; no later decision is given an earlier now.
    pub(crate) last_at: Timestamp,
    /// Header time of the record that created it.
    pub(crate) created_at: Timestamp,
    /// Where it stands in the agenda; never later than when something comes due of it. Not in the row: an entity at
    /// rest stands where its state says.
    pub(crate) noted: Option<Timestamp>,
}

// === impl EntityState ===

impl EntityState {
    /// Carries out what an event says about the entity in this role. The act is marked with `mark` once it is known
    /// where in the log it stands.
    pub(crate) fn apply(&mut self, role: Role, event: &Event) -> Result<(), Inconsistency> {
        domain::apply(&mut self.entity, role, event)
    }

    /// Notes where the act that was just applied stands. The first one of all is the creation.
    pub(crate) fn mark(&mut self, last_lsn: Lsn, at: Timestamp) {
        if self.last_lsn == Lsn(0) {
            self.created_at = at;
        }
        self.last_lsn = last_lsn;
        self.last_at = at;
        if let Some(entity) = &mut self.entity {
            entity.mark(last_lsn.0);
        }
    }

    /// When something comes due of it.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.entity.as_ref().and_then(domain::next_due)
    }
}

/// Layout of a row. The kind of entity is part of the id and not repeated here.
#[derive(Serialize, Deserialize)]
struct Row<W> {
    last_lsn: u64,
    created_at: i64,
    since_created: u64,
    entity: W,
}

/// The row of an entity; `None` if it does not exist.
pub(crate) fn encode(state: &EntityState) -> Option<Box<[u8]>> {
    let mut row = Vec::new();
    encode_into(state, &mut row).then(|| row.into_boxed_slice())
}

/// Appends the row of an entity. `false`: it does not exist.
pub(crate) fn encode_into(state: &EntityState, bytes: &mut Vec<u8>) -> bool {
    match &state.entity {
        Some(Entity::Wallet(wallet)) => append(state, wallet, bytes),
        // The limits and the runs came later, and stand behind what there was before.
        Some(Entity::Program(program)) => {
            let later = (program.settings.limits, &program.runs);
            append(state, (program, later), bytes);
        }
        Some(Entity::Company(company)) => append(state, company, bytes),
        None => return false,
    }
    true
}

fn append<W: Serialize>(state: &EntityState, entity: W, bytes: &mut Vec<u8>) {
    let row = Row {
        last_lsn: state.last_lsn.0,
        created_at: state.created_at.0,
        since_created: state.last_at.0.abs_diff(state.created_at.0),
        entity,
    };
    let written = bincode::serde::encode_into_std_write(&row, bytes, WIRE);
    assert!(
        written.is_ok(),
        "a plain struct always encodes into memory: {written:?}"
    );
}

/// The entity of a row in memory.
pub(crate) fn decode(kind: EntityKind, row: &[u8]) -> EntityState {
    let Some(state) = read(kind, row) else {
        unreachable!("a row is only ever written by encode, or read when it came from a file")
    };
    state
}

/// The entity of a row that comes from a file; `None` if the bytes are no row.
pub(crate) fn read(kind: EntityKind, bytes: &[u8]) -> Option<EntityState> {
    match kind {
        EntityKind::Wallet => state_of(bytes, Entity::Wallet),
        EntityKind::Program => {
            let entity = |mut program: Program, limits, runs| {
                program.settings.limits = limits;
                program.runs = runs;
                Entity::Program(Box::new(program))
            };
            let whole = |(program, (limits, runs))| entity(program, limits, runs);
            let limited = |(program, limits)| entity(program, limits, Vec::new());
            let bare = |program| entity(program, Limits::default(), Vec::new());
            state_of(bytes, whole)
                .or_else(|| state_of(bytes, limited))
                .or_else(|| state_of(bytes, bare))
        }
        EntityKind::Company => {
            state_of(bytes, |company: Company| Entity::Company(Box::new(company)))
        }
    }
}

fn state_of<W: DeserializeOwned>(
    bytes: &[u8],
    entity: impl FnOnce(W) -> Entity,
) -> Option<EntityState> {
    let read = bincode::serde::decode_from_slice::<Row<W>, _>(bytes, WIRE);
    let (row, _) = read.ok().filter(|(_, used)| *used == bytes.len())?;
    let entity = entity(row.entity);
    Some(EntityState {
        noted: domain::next_due(&entity),
        entity: Some(entity),
        last_lsn: Lsn(row.last_lsn),
        last_at: Timestamp(row.created_at.saturating_add_unsigned(row.since_created)),
        created_at: Timestamp(row.created_at),
    })
}
