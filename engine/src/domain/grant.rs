//! Charge gives paid points, earn gives free points: one new lot each.

use serde::{Deserialize, Serialize};

use super::aside::{Aside, Asides};
use super::expiry::Expiry;
use super::inconsistency::Inconsistency;
use super::limits;
use super::rejection::Rejection;
use super::runs::BucketKey;
use super::types::{Amount, Description, Fund, Timestamp, WalletId};
use super::wallet::{Standing, Wallet};
use super::{Circumstances, Event, Participants};

/// Asks for points to be given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// To whom.
    pub wallet: WalletId,
    /// How many points.
    pub amount: Amount,
    /// When they lapse.
    pub expiry: Expiry,
    /// Free text.
    pub description: Description,
}

/// Points were given.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Granted {
    /// How the wallet stands now.
    pub standing: Standing,
    /// How many points.
    pub amount: Amount,
    /// When they lapse; `None` = never.
    pub expires_at: Option<Timestamp>,
    /// The lot they went into.
    pub lot: u64,
    /// Free text.
    pub description: Description,
    /// What few of them carry.
    #[serde(skip)]
    pub aside: Asides,
}

pub(super) fn decide(
    participants: Participants<'_>,
    command: &Grant,
    fund: Fund,
    at: &Circumstances<'_>,
) -> Result<Event, Rejection> {
    let Grant {
        wallet: id, expiry, ..
    } = *command;
    let wallet = participants.open_wallet(id)?;
    let expires_at = expiry.instant(at.now, &at.settings.zone);
    let key = BucketKey { fund, expires_at };
    if let Some(expires_at) = expires_at.filter(|_| key.is_lapsed(at.now)) {
        return Err(Rejection::ExpiresAtPast { expires_at });
    }
    let allowed = limits::coming_in(wallet, fund, command.amount, at)?;
    let amount = allowed.amount();
    if !wallet.has_room_for(amount) {
        return Err(Rejection::BalanceLimit { wallet: id });
    }
    let planned = wallet.plan_give([key]);
    let lot = planned.ok_or(Rejection::LotLimit { wallet: id })?[0];
    let granted = Granted {
        standing: wallet.standing_plus(id, fund, amount.get()),
        amount,
        expires_at,
        lot,
        description: command.description.clone(),
        aside: Aside {
            repaid: wallet.special().debt.of(fund).min(amount.get()),
            ..allowed.aside
        }
        .boxed(),
    };
    Ok(match fund {
        Fund::Paid => Event::Charged(granted),
        Fund::Free => Event::Earned(granted),
    })
}

pub(super) fn apply(wallet: &mut Wallet, event: &Granted, fund: Fund) -> Result<(), Inconsistency> {
    let key = BucketKey {
        fund,
        expires_at: event.expires_at,
    };
    let (amount, repaid) = (event.amount.get(), event.repaid());
    wallet.grant(&event.standing, key, event.lot, amount, repaid)?;
    let counted_on = event.aside.as_ref().and_then(|aside| aside.counted_on);
    wallet.count(|turnover| &mut turnover.earned, counted_on, amount);
    wallet.settle(&event.standing)
}

// === impl Granted ===

impl Granted {
    /// Points of it that paid what the wallet owed.
    pub fn repaid(&self) -> u64 {
        self.aside.as_ref().map_or(0, |aside| aside.repaid)
    }
}
