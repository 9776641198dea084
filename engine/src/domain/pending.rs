//! Grants that count only later: from an instant on, or once somebody says so.
//!
//! ```text
//! granted ──► pending ──activate, or its instant──► a lot, paid or free          pending ──void──► nothing
//! ```
//! Pending points are no part of any balance and cannot be spent, held or owed. How long they can be spent is counted from
//! their activation. A place for their lot, and room in the balance, is kept from the grant on, so that an activation
//! never fails. One whose instant has come is activated before anything else is decided, and before what has lapsed is
//! recorded: points that were active for an hour and lapsed while nobody looked are recorded as both.
//!
//! A pending grant is known by the version that it gave the wallet.

use serde::{Deserialize, Serialize};

use super::aside::{Aside, Asides};
use super::calendar::Day;
use super::cancel::target;
use super::expiry::{Expiry, Term};
use super::grant::Grant;
use super::inconsistency::Inconsistency;
use super::limits;
use super::plan::Reserved;
use super::rejection::Rejection;
use super::runs::BucketKey;
use super::types::{Amount, Description, Fund, Timestamp, TransactionId, WalletId};
use super::wallet::{Standing, Wallet};
use super::{Circumstances, Event, Facts, Participants};

/// Most pending grants of a wallet: bounds what is looked through to find one, and what a wallet weighs.
pub const PENDING_MAX: usize = 256;

/// A grant that does not count yet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pending {
    /// The wallet's version after the grant.
    pub number: u64,
    /// Paid or free.
    pub fund: Fund,
    /// How many points.
    pub amount: Amount,
    /// When it counts by itself; `None` = when it is activated.
    pub active_at: Option<Timestamp>,
    /// How long the points can be spent from then on.
    pub lifetime: Lifetime,
    /// Free text of the grant.
    pub description: Description,
    /// The day that it was counted for as an earn. On disk it stands beside the wallet's turnover.
    #[serde(skip)]
    pub counted_on: Option<Day>,
}

/// How long points can be spent once they are active.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Lifetime {
    /// When they lapse, if they are activated at their own instant or have no term; `None` = never.
    pub expires_at: Option<Timestamp>,
    /// The term that is counted anew when somebody activates them.
    pub term: Option<Term>,
}

/// Asks for points to be given later.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GrantLater {
    /// What is given, and to whom.
    pub grant: Grant,
    /// Paid or free.
    pub fund: Fund,
    /// When it counts by itself; `None` = when it is activated.
    pub active_at: Option<Timestamp>,
}

/// Asks for a pending grant to count from now on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ActivateGrant {
    /// The act that granted it.
    pub transaction: TransactionId,
    /// Which leg of it, in a batch.
    pub leg: Option<u8>,
}

/// Asks for a pending grant to be dropped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VoidGrant {
    /// The act that granted it.
    pub transaction: TransactionId,
    /// Which leg of it, in a batch.
    pub leg: Option<u8>,
    /// Free text.
    pub description: Description,
}

/// Points were given that do not count yet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GrantPending {
    /// How the wallet stands now; its version names the grant.
    pub standing: Standing,
    /// Paid or free.
    pub fund: Fund,
    /// How many points.
    pub amount: Amount,
    /// When they count by themselves.
    pub active_at: Option<Timestamp>,
    /// How long they can be spent from then on.
    pub lifetime: Lifetime,
    /// Free text.
    pub description: Description,
    /// What few of them carry.
    #[serde(skip)]
    pub aside: Asides,
}

/// A pending grant counts from now on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GrantActivated {
    /// How the wallet stands now.
    pub standing: Standing,
    /// The grant: the wallet's version after it.
    pub number: u64,
    /// How many points.
    pub amount: Amount,
    /// Since when: the instant of the grant, or that at which somebody asked for it.
    pub active_at: Timestamp,
    /// Fund and expiry.
    pub bucket: BucketKey,
    /// The lot they went into.
    pub lot: u64,
    /// Free text of the grant.
    pub description: Description,
    /// What few of them carry.
    #[serde(skip)]
    pub aside: Asides,
}

/// A pending grant was dropped.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GrantVoided {
    /// How the wallet stands now.
    pub standing: Standing,
    /// The grant: the wallet's version after it.
    pub number: u64,
    /// Paid or free.
    pub fund: Fund,
    /// How many points.
    pub amount: Amount,
    /// Free text.
    pub description: Description,
    /// What few of them carry.
    #[serde(skip)]
    pub aside: Asides,
}

pub(super) fn decide_later(
    participants: Participants<'_>,
    command: &GrantLater,
    at: &Circumstances<'_>,
) -> Result<Event, Rejection> {
    let GrantLater {
        grant,
        fund,
        active_at,
    } = command;
    let id = grant.wallet;
    let wallet = participants.open_wallet(id)?;
    if let Some(active_at) = active_at.filter(|instant| *instant <= at.now) {
        return Err(Rejection::ActiveAtPast { active_at });
    }
    let lifetime = Lifetime::of(grant.expiry, *active_at, at);
    let first = active_at.unwrap_or(at.now);
    if let Some(expires_at) = lifetime.expires_at.filter(|expiry| *expiry <= first) {
        return Err(Rejection::ExpiresAtPast { expires_at });
    }
    let allowed = limits::coming_in(wallet, *fund, grant.amount, at)?;
    let amount = allowed.amount();
    if !wallet.has_room_for(amount) {
        return Err(Rejection::BalanceLimit { wallet: id });
    }
    if wallet.special().pending.len() >= PENDING_MAX {
        return Err(Rejection::PendingLimit { wallet: id });
    }
    // Whatever bucket it comes to lie in: a place for one of its own is kept.
    if !wallet.has_place_for_pending() {
        return Err(Rejection::LotLimit { wallet: id });
    }
    Ok(Event::GrantPending(Box::new(GrantPending {
        standing: wallet.next_standing(id),
        fund: *fund,
        amount,
        active_at: *active_at,
        lifetime,
        description: grant.description.clone(),
        aside: allowed.aside.boxed(),
    })))
}

/// The grant that an act made, as it is now, and its wallet.
fn find<'a>(
    participants: Participants<'a>,
    facts: &Facts,
    (transaction, leg): (TransactionId, Option<u8>),
) -> Result<(WalletId, &'a Wallet, &'a Pending), Rejection> {
    let Facts::Act { event, .. } = facts else {
        return Err(Rejection::TransactionNotFound { transaction });
    };
    let Some(Event::GrantPending(granted)) = target(event, leg).1 else {
        return Err(Rejection::NotPending { transaction });
    };
    let Standing {
        wallet: id,
        version,
        ..
    } = granted.standing;
    let wallet = participants.wallet(id)?;
    let found = wallet.special().pending(version);
    let pending = found.ok_or(Rejection::PendingOver { transaction })?;
    Ok((id, wallet, pending))
}

pub(super) fn decide_activate(
    participants: Participants<'_>,
    command: &ActivateGrant,
    facts: &Facts,
    at: &Circumstances<'_>,
) -> Result<Event, Rejection> {
    let (id, wallet, pending) = find(participants, facts, (command.transaction, command.leg))?;
    participants.open_wallet(id)?;
    let Lifetime { expires_at, term } = pending.lifetime;
    let expires_at = match term {
        Some(term) => Expiry::After(term).instant(at.now, &at.settings.zone),
        None => expires_at,
    };
    if let Some(expires_at) = expires_at.filter(|expiry| *expiry <= at.now) {
        return Err(Rejection::ExpiresAtPast { expires_at });
    }
    Ok(activate(wallet, id, pending, at.now, expires_at))
}

fn activate(
    wallet: &Wallet,
    id: WalletId,
    pending: &Pending,
    active_at: Timestamp,
    expires_at: Option<Timestamp>,
) -> Event {
    let (fund, amount) = (pending.fund, pending.amount);
    let bucket = BucketKey { fund, expires_at };
    Event::GrantActivated(Box::new(GrantActivated {
        standing: wallet.standing_plus(id, fund, amount.get()),
        number: pending.number,
        amount,
        active_at,
        bucket,
        // Its place was kept from the grant on.
        lot: wallet.lots.next_number(),
        description: pending.description.clone(),
        aside: Aside {
            repaid: wallet.special().debt.of(fund).min(amount.get()),
            counted_on: pending.counted_on,
            ..Aside::default()
        }
        .boxed(),
    }))
}

pub(super) fn decide_void(
    participants: Participants<'_>,
    command: &VoidGrant,
    facts: &Facts,
) -> Result<Event, Rejection> {
    let (id, wallet, pending) = find(participants, facts, (command.transaction, command.leg))?;
    Ok(Event::GrantVoided(Box::new(GrantVoided {
        standing: wallet.next_standing(id),
        number: pending.number,
        fund: pending.fund,
        amount: pending.amount,
        description: command.description.clone(),
        aside: Aside {
            counted_on: pending.counted_on,
            ..Aside::default()
        }
        .boxed(),
    })))
}

/// The grant whose instant came first, if one's has at `now`.
pub(super) fn due(id: WalletId, wallet: &Wallet, now: Timestamp) -> Option<Event> {
    let pending = wallet.special.as_ref()?.pending.iter();
    let come = pending.filter_map(|grant| {
        let active_at = grant.active_at.filter(|instant| *instant <= now)?;
        Some((active_at, grant))
    });
    let (active_at, grant) = come.min_by_key(|(active_at, grant)| (*active_at, grant.number))?;
    let expires_at = grant.lifetime.expires_at;
    Some(activate(wallet, id, grant, active_at, expires_at))
}

pub(super) fn apply_pending(
    wallet: &mut Wallet,
    event: &GrantPending,
) -> Result<(), Inconsistency> {
    let counted_on = event.aside.as_ref().and_then(|aside| aside.counted_on);
    wallet.change_special(|special| {
        special.pending.push(Pending {
            number: event.standing.version,
            fund: event.fund,
            amount: event.amount,
            active_at: event.active_at,
            lifetime: event.lifetime,
            description: event.description.clone(),
            counted_on,
        });
    });
    wallet.count(
        |turnover| &mut turnover.earned,
        counted_on,
        event.amount.get(),
    );
    wallet.settle(&event.standing)
}

pub(super) fn apply_activated(
    wallet: &mut Wallet,
    event: &GrantActivated,
) -> Result<(), Inconsistency> {
    let standing = &event.standing;
    let amount = event.amount.get();
    wallet.end_pending(standing, event.number, event.bucket.fund, event.amount)?;
    wallet.grant(standing, event.bucket, event.lot, amount, event.repaid())?;
    wallet.settle(standing)
}

pub(super) fn apply_voided(wallet: &mut Wallet, event: &GrantVoided) -> Result<(), Inconsistency> {
    wallet.end_pending(&event.standing, event.number, event.fund, event.amount)?;
    let counted_on = event.aside.as_ref().and_then(|aside| aside.counted_on);
    wallet.count_back(
        |turnover| &mut turnover.earned,
        counted_on,
        event.amount.get(),
    );
    wallet.settle(&event.standing)
}

// === impl Lifetime ===

impl Lifetime {
    /// Of a grant that counts from an instant on, or from an unknown one.
    fn of(expiry: Expiry, active_at: Option<Timestamp>, at: &Circumstances<'_>) -> Self {
        let term = match expiry {
            Expiry::After(term) => Some(term),
            Expiry::Never | Expiry::At(_) => None,
        };
        let expires_at = match (term, active_at) {
            // Nobody knows yet.
            (Some(_), None) => None,
            (_, active_at) => expiry.instant(active_at.unwrap_or(at.now), &at.settings.zone),
        };
        Self { expires_at, term }
    }
}

// === impl Wallet ===

impl Wallet {
    fn has_place_for_pending(&self) -> bool {
        let reserved = self.reserved();
        self.lots.have_room_for(Reserved {
            lots: reserved.lots + 1,
            buckets: reserved.buckets + 1,
        })
    }

    /// Takes a pending grant out.
    fn end_pending(
        &mut self,
        standing: &Standing,
        number: u64,
        fund: Fund,
        amount: Amount,
    ) -> Result<(), Inconsistency> {
        let wallet = standing.wallet;
        self.change_special(|special| {
            let known = |grant: &Pending| {
                (grant.number, grant.fund, grant.amount) == (number, fund, amount)
            };
            let at = special.pending.iter().position(known);
            let at = at.ok_or(Inconsistency::Pending { wallet, number })?;
            special.pending.remove(at);
            Ok(())
        })
    }
}

// === impl GrantActivated ===

impl GrantActivated {
    /// Points of it that paid what the wallet owed.
    pub fn repaid(&self) -> u64 {
        self.aside.as_ref().map_or(0, |aside| aside.repaid)
    }
}
