//! What the rows and keys of a snapshot add up to: sums that the footer states and every reader takes again.

use super::format::Footer;
use crate::domain::{Digest, Entity, EntityId};
use crate::entities::EntityState;

/// Sums over rows and keys; parts summed on several threads are added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    pub rows: u64,
    pub keys: u64,
    pub paid: i128,
    pub free: i128,
    pub digest: Digest,
    /// Largest entity id; 0 without entities.
    pub largest_id: u64,
}

// === impl Tally ===

impl Tally {
    pub(crate) fn add_key(&mut self) {
        self.keys += 1;
    }

    pub(crate) fn add_row(&mut self, id: EntityId, state: &EntityState) {
        self.rows += 1;
        self.largest_id = self.largest_id.max(id.id);
        if let Some(entity) = &state.entity {
            if let Entity::Wallet(wallet) = entity {
                self.paid += i128::from(wallet.paid);
                self.free += i128::from(wallet.free);
            }
            self.digest.add_entity(id, entity);
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.keys += other.keys;
        self.paid += other.paid;
        self.free += other.free;
        self.digest.add(other.digest);
        self.largest_id = self.largest_id.max(other.largest_id);
    }

    /// The part of the footer that states these sums.
    pub(crate) fn footer(&self) -> Footer {
        Footer {
            rows: self.rows,
            keys: self.keys,
            paid: self.paid.cast_unsigned(),
            free: self.free.cast_unsigned(),
            digest: self.digest.0,
            largest_id: self.largest_id,
            ..Footer::default()
        }
    }

    /// What a footer states.
    pub(crate) fn stated_by(footer: &Footer) -> Self {
        Self {
            rows: footer.rows,
            keys: footer.keys,
            paid: footer.paid.cast_signed(),
            free: footer.free.cast_signed(),
            digest: Digest(footer.digest),
            largest_id: footer.largest_id,
        }
    }
}
