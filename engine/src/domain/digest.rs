//! A sum over all entities that tells whether two foldings of the log came to the same state.
//!
//! ```text
//! digest = Σ over entities of mix(entity, version, paid, free)   modulo 2^128
//! event:   digest − mix(before) + mix(after)                     O(1) for each leg
//! ```
//! The order of the terms does not matter, so parts summed on several threads are simply added. It finds
//! mistakes, not malice: the mixing spreads well and keeps no secret.

use super::event::Role;
use super::runs::{Run, amount_of_fund};
use super::types::{EntityId, Fund};
use super::wallet::{Standing, Wallet};
use super::{Entity, Event};

/// Odd constants that part the words of one term from each other (fractions of the golden ratio and of π).
const SEEDS: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0x243F_6A88_85A3_08D3];

/// The sum. The one of an empty store is zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Digest(pub u128);

// === impl Digest ===

impl Digest {
    /// Counts what an event changes.
    pub fn fold(&mut self, event: &Event) {
        for part in event.parts() {
            for (_, role) in part.event.roles() {
                self.fold_role(part.event, role);
            }
        }
    }

    /// Counts what an event changes in the entity of one role.
    fn fold_role(&mut self, event: &Event, role: Role) {
        if let Some((id, version)) = event.version_of(role) {
            let before = version.wrapping_sub(1);
            if before > 0 {
                self.0 = self.0.wrapping_sub(term_of(id, before));
            }
            self.0 = self.0.wrapping_add(term_of(id, version));
            return;
        }
        if let Some(before) = event.standing_before(role) {
            self.0 = self.0.wrapping_sub(term(&before));
        }
        if let Some(standing) = event.standing(role) {
            self.0 = self.0.wrapping_add(term(&standing));
        }
    }

    /// Counts an entity as it stands.
    pub fn add_entity(&mut self, id: EntityId, entity: &Entity) {
        let counted = match entity {
            Entity::Wallet(wallet) => standing_of(id, wallet).map_or(0, |standing| term(&standing)),
            Entity::Program(program) => term_of(id, program.version),
            Entity::Company(company) => term_of(id, company.version),
        };
        self.0 = self.0.wrapping_add(counted);
    }

    /// Takes back what [`Self::add_entity`] counted.
    pub fn remove_entity(&mut self, id: EntityId, entity: &Entity) {
        let mut counted = Self::default();
        counted.add_entity(id, entity);
        self.0 = self.0.wrapping_sub(counted.0);
    }

    /// Adds the sum over other entities, or over later events.
    pub fn add(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }
}

// === impl Event ===

impl Event {
    /// How the entity in this role stood before the event, by the event's own account; `None` if it did not
    /// exist.
    pub fn standing_before(&self, role: Role) -> Option<Standing> {
        let after = self.standing(role)?;
        match self {
            Self::WalletCreated(_)
            | Self::SettingsChanged(_)
            | Self::CompanyCreated(_)
            | Self::DayClosed(_)
            | Self::MemberJoined(_)
            | Self::MemberLeft(_)
            | Self::SettlementClosed(_)
            | Self::SettlementMoved(_)
            | Self::SettlementRun(_) => None,
            Self::Charged(event) => Some(before(&after, 0, -signed(event.amount.get()))),
            Self::Earned(event) => Some(before(&after, -signed(event.amount.get()), 0)),
            Self::Used(event) => Some(plus_runs(&after, event.runs.iter())),
            Self::UseCancelled(event) => Some(minus_runs(&after, event.runs.iter())),
            Self::StatusChanged(_)
            | Self::HoldPlaced(_)
            | Self::HoldReleased(_)
            | Self::GrantPending(_)
            | Self::GrantVoided(_) => Some(before(&after, 0, 0)),
            Self::GrantActivated(event) => {
                let amount = signed(event.amount.get());
                Some(before_of(&after, event.bucket.fund, -amount))
            }
            Self::AdjustedUp(event) => {
                let amount = signed(event.amount.get());
                Some(before_of(&after, event.bucket.fund, -amount))
            }
            Self::AdjustedDown(event) => Some(plus_runs(&after, event.runs.iter())),
            Self::TakenBack(event) => {
                let amount = signed(event.amount());
                Some(before_of(&after, event.bucket.fund, amount))
            }
            Self::HoldCaptured(event) => Some(plus_runs(&after, event.runs.iter())),
            Self::Lapsed(event) => {
                let amount = signed(event.amount.get());
                Some(before_of(&after, event.bucket.fund, amount))
            }
            Self::Transferred(event) => Some(match role {
                Role::To(at) => minus_runs(&after, event.to[usize::from(at)].runs.iter()),
                Role::Sole | Role::From | Role::Member(_) | Role::Company => {
                    plus_runs(&after, event.runs())
                }
            }),
            Self::Batched(event) => event.standing_before(role),
        }
    }
}

fn signed(amount: u64) -> i64 {
    amount.cast_signed()
}

/// The standing one version earlier. Wrapping, since a log that contradicts itself is found elsewhere.
fn before(after: &Standing, free: i64, paid: i64) -> Standing {
    Standing {
        wallet: after.wallet,
        version: after.version.wrapping_sub(1),
        paid: after.paid.wrapping_add(paid),
        free: after.free.wrapping_add(free),
    }
}

fn before_of(after: &Standing, fund: Fund, amount: i64) -> Standing {
    match fund {
        Fund::Free => before(after, amount, 0),
        Fund::Paid => before(after, 0, amount),
    }
}

fn plus_runs<'a>(
    after: &Standing,
    runs: impl IntoIterator<Item = &'a Run, IntoIter: Clone>,
) -> Standing {
    let runs = runs.into_iter();
    let free = signed(amount_of_fund(runs.clone(), Fund::Free));
    before(after, free, signed(amount_of_fund(runs, Fund::Paid)))
}

fn minus_runs<'a>(
    after: &Standing,
    runs: impl IntoIterator<Item = &'a Run, IntoIter: Clone>,
) -> Standing {
    let runs = runs.into_iter();
    let free = signed(amount_of_fund(runs.clone(), Fund::Free));
    before(after, -free, -signed(amount_of_fund(runs, Fund::Paid)))
}

fn standing_of(id: EntityId, wallet: &Wallet) -> Option<Standing> {
    Some(Standing {
        wallet: super::WalletId::new(id.id)?,
        version: wallet.version,
        paid: wallet.paid,
        free: wallet.free,
    })
}

/// The term of an entity that holds no points.
fn term_of(id: EntityId, version: u64) -> u128 {
    sum_of([(id.kind as u64) << 56 | id.id, version, 0, 0])
}

fn term(standing: &Standing) -> u128 {
    let words = [
        standing.wallet.get(),
        standing.version,
        standing.paid.cast_unsigned(),
        standing.free.cast_unsigned(),
    ];
    sum_of(words)
}

fn sum_of(words: [u64; 4]) -> u128 {
    let lanes = SEEDS.map(|seed| {
        words.into_iter().fold(seed, |state, word| {
            mix((state ^ word).wrapping_add(seed).rotate_left(23))
        })
    });
    u128::from(lanes[0]) << 64 | u128::from(lanes[1])
}

/// The finishing step of SplitMix64: every bit of the input reaches every bit of the output.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
