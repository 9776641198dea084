//! What time alone brings about.

use super::event::Role;
use super::types::{EntityId, Timestamp, WalletId};
use super::wallet::Wallet;
use super::{Entity, Event, apply, hold, lapse, pending};

/// What time alone brings about, to be recorded before anything is decided; asked until `None`.
pub fn due(id: EntityId, entity: &Entity, now: Timestamp) -> Option<Event> {
    match entity {
        Entity::Wallet(wallet) => {
            let id = WalletId::new(id.id)?;
            // What comes back from a hold, or counts from an instant on, lapses in the same breath if it has expired.
            let first = hold::due(id, wallet, now).or_else(|| pending::due(id, wallet, now));
            first.or_else(|| lapse::due(id, wallet, now))
        }
        Entity::Program(_) | Entity::Company(_) => None,
    }
}

/// The first instant at which [`due`] has something to tell; `None` = never.
pub fn next_due(entity: &Entity) -> Option<Timestamp> {
    match entity {
        Entity::Wallet(wallet) => {
            let special = wallet.special();
            let holds = special.holds.iter().map(|hold| hold.expires_at);
            let grants = special.pending.iter().filter_map(|grant| grant.active_at);
            let lots = wallet.lots.next_expiry();
            holds.chain(grants).chain(lots).min()
        }
        Entity::Program(_) | Entity::Company(_) => None,
    }
}

/// A wallet as everything that is due would leave it; `None` if no hold is over and no grant has come to count, since lots
/// that have lapsed are left out of what can be spent in any case.
pub fn settled(id: WalletId, wallet: &Wallet, now: Timestamp) -> Option<Wallet> {
    hold::due(id, wallet, now).or_else(|| pending::due(id, wallet, now))?;
    let mut entity = Some(Entity::Wallet(wallet.clone()));
    while let Some(event) = due(id.entity(), entity.as_ref()?, now) {
        apply(&mut entity, Role::Sole, &event).ok()?;
    }
    match entity? {
        Entity::Wallet(wallet) => Some(wallet),
        Entity::Program(_) | Entity::Company(_) => None,
    }
}
