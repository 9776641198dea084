//! What a snapshot holds, piece by piece, for whoever holds it against the log.

use super::format::BlockKind;
use super::read::Snapshot;
use super::{KeptKey, entity_key};
use crate::domain::{Entity, EntityId, PROGRAM, Program, Timestamp};
use crate::journal::{JournalError, Lsn};

/// An entity as a snapshot has it.
#[derive(Clone, PartialEq, Debug)]
pub struct KeptEntity {
    pub id: EntityId,
    pub entity: Entity,
    /// Last record that touched it.
    pub last_lsn: Lsn,
    /// Header time of that record.
    pub last_at: Timestamp,
    /// Header time of the record that created it.
    pub created_at: Timestamp,
    /// Where the block that it lies in begins, bytes.
    pub offset: u64,
}

// === impl Snapshot ===

impl Snapshot {
    /// Keys of records before this instant are past their window and not in here.
    pub fn keys_from(&self) -> Timestamp {
        Timestamp(self.header().keys_from_us)
    }

    /// What the operator had decided. Reads the one block that it is in.
    pub fn program(&self) -> Result<Program, JournalError> {
        let key = entity_key(PROGRAM);
        let blocks = self.blocks(BlockKind::Rows);
        let Some(block) = blocks.take_while(|block| block.first <= key).last() else {
            return Ok(Program::default());
        };
        let body = self.body(block)?;
        let row = self.rows(&body)?.into_iter().find(|row| row.id == PROGRAM);
        Ok(match row.and_then(|row| row.state.entity) {
            Some(Entity::Program(program)) => Program::clone(&program),
            Some(Entity::Wallet(_) | Entity::Company(_)) | None => Program::default(),
        })
    }

    /// Every entity, ascending. Checks every byte on the way.
    pub fn each_entity(&self, mut look: impl FnMut(KeptEntity)) -> Result<(), JournalError> {
        for block in self.blocks(BlockKind::Rows) {
            let body = self.body(block)?;
            for row in self.rows(&body)? {
                let Some(entity) = row.state.entity else {
                    continue;
                };
                look(KeptEntity {
                    id: row.id,
                    entity,
                    last_lsn: row.state.last_lsn,
                    last_at: row.state.last_at,
                    created_at: row.state.created_at,
                    offset: block.offset,
                });
            }
        }
        Ok(())
    }

    /// Every idempotency key, in the order of the log. Checks every byte on the way.
    pub fn each_kept_key(&self, mut look: impl FnMut(KeptKey)) -> Result<(), JournalError> {
        for block in self.blocks(BlockKind::Keys) {
            let body = self.body(block)?;
            self.each_key(&body, |kept| {
                look(kept);
                Ok(())
            })?;
        }
        Ok(())
    }
}
