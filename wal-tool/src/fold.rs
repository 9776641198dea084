//! The replay fold: events in LSN order → wallets, by the same `apply` as in the live engine.
//!
//! `apply` stops at the first contradiction of a wallet. The fold reports it, takes over what the event
//! states, and from then on holds that wallet's events only against each other (version + 1, balance
//! before ± amount), so one lost record is one finding and later ones are still found.

mod others;

use std::collections::HashMap;

use engine::domain::{
    Entity, EntityId, EntityKind, Entry, Event, Fund, Inconsistency, NUMBER_MAX, Role, Standing,
    Timestamp, Wallet, WalletId, apply,
};
use engine::journal::JournalError;
use engine::snapshot::{KeptEntity, Snapshot};
use smallvec::SmallVec;

pub(crate) use self::others::Other;
use self::others::Others;

/// What became of all wallets.
#[derive(Default)]
pub(crate) struct Fold {
    wallets: HashMap<u64, Held>,
    others: Others,
    last: Option<Moment>,
    acts: u64,
    flow: Flow,
}

/// Place of an act in the log and in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Moment {
    /// LSN of its first record.
    pub(crate) lsn: u64,
    /// LSN of its last record.
    pub(crate) last_lsn: u64,
    /// Header time.
    pub(crate) at: Timestamp,
}

/// One wallet with where it came from.
pub(crate) struct Held {
    entity: Option<Entity>,
    /// What the last event states; all that is known once the wallet contradicted itself.
    standing: Standing,
    sound: bool,
    created: Moment,
    touched: Moment,
}

/// What all entries add up to, by fund: points that came into wallets less those that left them.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Flow {
    pub(crate) paid: i128,
    pub(crate) free: i128,
}

/// Contradictions found in one act.
pub(crate) type Contradictions = SmallVec<[Inconsistency; 1]>;

// === impl Fold ===

impl Fold {
    /// Everything as a snapshot has it: where a log begins that no longer goes back to LSN 1.
    pub(crate) fn beginning_with(snapshot: &Snapshot) -> Result<Self, JournalError> {
        let mut fold = Self::default();
        snapshot.each_entity(|kept| {
            let id = kept.id.id;
            if kept.id.kind == EntityKind::Wallet {
                fold.wallets.extend(Held::of(kept).map(|held| (id, held)));
            } else {
                fold.others.keep(kept);
            }
        })?;
        let (paid, free) = fold.points();
        fold.flow = Flow { paid, free };
        let base = snapshot.base();
        fold.last = Some(Moment {
            lsn: base.lsn.0,
            last_lsn: base.lsn.0,
            at: Timestamp(base.time_us),
        });
        Ok(fold)
    }

    /// Carries one act out.
    pub(crate) fn apply(&mut self, moment: Moment, event: &Event) -> Contradictions {
        let mut found = Contradictions::new();
        for part in event.parts() {
            self.apply_part(moment, part.event, &mut found);
        }
        self.pass(moment);
        found
    }

    /// One event of a batch, or the only one.
    fn apply_part(&mut self, moment: Moment, event: &Event, found: &mut Contradictions) {
        // Only wallets have entries, in the order of their roles.
        let mut entries = event.entries().into_iter();
        for (id, role) in event.roles() {
            if id.kind != EntityKind::Wallet {
                found.extend(self.others.apply(moment, id, role, event));
            } else if let Some(entry) = entries.next() {
                found.extend(self.apply_role(moment, id, role, event, &entry));
                found.extend(self.others.check_by(&entry));
                self.flow.add(&entry);
            }
        }
    }

    /// An act that touches no entity.
    pub(crate) fn pass(&mut self, moment: Moment) {
        self.acts += 1;
        self.last = Some(moment);
    }

    /// A wallet, if it exists.
    pub(crate) fn wallet(&self, id: u64) -> Option<&Held> {
        self.wallets.get(&id)
    }

    /// Anything else, if it exists.
    pub(crate) fn other(&self, id: EntityId) -> Option<&Other> {
        self.others.get(id)
    }

    /// Everything that exists, in no order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = EntityId> {
        let wallets = self.wallets.keys().map(|id| EntityId {
            kind: EntityKind::Wallet,
            id: *id,
        });
        wallets.chain(self.others.ids())
    }

    /// All wallets by id.
    pub(crate) fn into_wallets(self) -> Vec<(u64, Held)> {
        let mut wallets: Vec<_> = self.wallets.into_iter().collect();
        wallets.sort_unstable_by_key(|(id, _)| *id);
        wallets
    }

    /// How many wallets there are.
    pub(crate) fn count(&self) -> usize {
        self.wallets.len()
    }

    /// How many acts were folded.
    pub(crate) fn acts(&self) -> u64 {
        self.acts
    }

    /// The last act folded.
    pub(crate) fn last(&self) -> Option<Moment> {
        self.last
    }

    /// What all entries add up to.
    pub(crate) fn flow(&self) -> Flow {
        self.flow
    }

    /// Ledger points in all wallets: (paid, free).
    pub(crate) fn points(&self) -> (i128, i128) {
        let standings = self.wallets.values().map(|held| held.standing);
        standings.fold((0, 0), |(paid, free), standing| {
            (
                paid + i128::from(standing.paid),
                free + i128::from(standing.free),
            )
        })
    }

    fn apply_role(
        &mut self,
        moment: Moment,
        id: EntityId,
        role: Role,
        event: &Event,
        entry: &Entry,
    ) -> Option<Inconsistency> {
        let stated = event.standing(role)?;
        let created = matches!(event, Event::WalletCreated(_) | Event::CompanyCreated(_));
        let known = self.wallets.contains_key(&id.id);
        let held = self.wallets.entry(id.id).or_insert_with(|| Held {
            entity: None,
            standing: Standing {
                version: 0,
                paid: 0,
                free: 0,
                ..stated
            },
            sound: true,
            created: moment,
            touched: moment,
        });
        held.touched = moment;
        let outcome = match held.sound {
            true => check_return(held, event).and_then(|()| apply(&mut held.entity, role, event)),
            false if created => Err(Inconsistency::CreatedTwice {
                wallet: stated.wallet,
            }),
            false => follows(&held.standing, &stated, entry),
        };
        held.standing = stated;
        // A wallet that exists only by a contradiction has no owner to show and is never applied to again.
        held.sound &= outcome.is_ok() && (known || created);
        outcome.err()
    }
}

/// The running total of a partly given back use must grow by exactly what goes back this time.
fn check_return(held: &Held, event: &Event) -> Result<(), Inconsistency> {
    let (Some(Entity::Wallet(wallet)), Event::UseCancelled(event)) = (&held.entity, event) else {
        return Ok(());
    };
    let before = wallet.returned(event.entry);
    let adds_up = before.checked_add(event.amount()) == Some(event.returned);
    adds_up.then_some(()).ok_or(Inconsistency::Legs)
}

/// Whether one standing follows from the one before it by the amounts of an entry.
fn follows(before: &Standing, stated: &Standing, entry: &Entry) -> Result<(), Inconsistency> {
    let wallet = stated.wallet;
    let expected = before.version + 1;
    if expected != stated.version {
        return Err(Inconsistency::Version {
            wallet,
            expected,
            stated: stated.version,
        });
    }
    let moved = |fund: Fund| -> i128 {
        let of_fund = entry
            .allocations
            .iter()
            .filter(|allocation| allocation.bucket.fund == fund);
        let effect = entry.kind.effect();
        of_fund
            .map(|allocation| i128::from(effect.of(allocation.amount)))
            .sum()
    };
    let paid = i128::from(before.paid) + moved(Fund::Paid);
    let free = i128::from(before.free) + moved(Fund::Free);
    if (paid, free) == (i128::from(stated.paid), i128::from(stated.free)) {
        return Ok(());
    }
    let shown = |points: i128| {
        let max = i128::from(NUMBER_MAX);
        i64::try_from(points.clamp(-max, max)).unwrap_or(i64::MAX)
    };
    Err(Inconsistency::Balance {
        wallet,
        paid: shown(paid),
        free: shown(free),
        stated_paid: stated.paid,
        stated_free: stated.free,
    })
}

// === impl Held ===

impl Held {
    /// As a snapshot has it. Which act created it is not known, only when.
    fn of(kept: KeptEntity) -> Option<Self> {
        let Entity::Wallet(wallet) = &kept.entity else {
            return None;
        };
        let at = |lsn: u64, at: Timestamp| Moment {
            lsn,
            last_lsn: lsn,
            at,
        };
        Some(Self {
            standing: Standing {
                wallet: WalletId::new(kept.id.id)?,
                version: wallet.version,
                paid: wallet.paid,
                free: wallet.free,
            },
            sound: true,
            created: at(0, kept.created_at),
            touched: at(kept.last_lsn.0, kept.last_at),
            entity: Some(kept.entity),
        })
    }

    /// The state; `None` when the log contradicts itself about this wallet.
    pub(crate) fn state(&self) -> Option<&Wallet> {
        match &self.entity {
            Some(Entity::Wallet(wallet)) if self.sound => Some(wallet),
            _ => None,
        }
    }

    /// What the last event about it states.
    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The act that created it.
    pub(crate) fn created(&self) -> Moment {
        self.created
    }

    /// The last act that touched it.
    pub(crate) fn touched(&self) -> Moment {
        self.touched
    }
}

// === impl Flow ===

impl Flow {
    fn add(&mut self, entry: &Entry) {
        for allocation in &entry.allocations {
            let signed = i128::from(entry.kind.effect().of(allocation.amount));
            match allocation.bucket.fund {
                Fund::Paid => self.paid += signed,
                Fund::Free => self.free += signed,
            }
        }
    }
}
