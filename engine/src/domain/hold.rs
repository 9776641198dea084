//! Sets points aside, spends them later whole or in parts, or lets go of them.
//!
//! ```text
//! lots ──hold──► hold #n ──capture──► gone          hold #n ──release, or its expiry──► the same lots
//! ```
//! A hold takes definite lots: they are neither spent nor lapse while they are held. What comes back goes to the lots it
//! came from, with their original expiry, and what has expired meanwhile lapses at once; but where their fund owes, they pay
//! first. Held points count in the balance and not in what is available.

use serde::{Deserialize, Serialize};

use super::aside::{Aside, Asides};
use super::calendar::Day;
use super::inconsistency::Inconsistency;
use super::limits;
use super::rejection::Rejection;
use super::repay;
use super::runs::{Runs, amount_of, cut, read_list, rest, taken_last};
use super::types::{Amount, Description, Timestamp, TransactionId, WalletId};
use super::wallet::{Standing, Wallet};
use super::{Circumstances, Event, Facts, Participants};

/// Most holds of a wallet: bounds what is looked through to find one.
pub const HOLDS_MAX: usize = 256;

/// Points that are set aside.
#[derive(Clone, Eq, Debug, Serialize, Deserialize)]
pub struct Hold {
    /// From the wallet's counter of lots.
    pub number: u64,
    /// The wallet's version after it was placed; zero where an older program wrote the row. On disk it stands beside the
    /// rest.
    #[serde(skip)]
    pub version: u64,
    /// When it is let go of.
    pub expires_at: Timestamp,
    /// What is left of it, in spending order.
    pub runs: Runs,
    /// The day that it was counted for as a use. On disk it stands beside the wallet's turnover.
    #[serde(skip)]
    pub counted_on: Option<Day>,
}

/// Asks to set points aside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlaceHold {
    /// Whose.
    pub wallet: WalletId,
    /// How many points.
    pub amount: Amount,
    /// When they are let go of if nobody does before.
    pub expires_at: Timestamp,
    /// Free text.
    pub description: Description,
}

/// Asks to spend what was set aside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaptureHold {
    /// The act that set it aside.
    pub transaction: TransactionId,
    /// How many points; `None` = all that is left.
    pub amount: Option<Amount>,
    /// Free text.
    pub description: Description,
}

/// Asks to let go of what is left of a hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReleaseHold {
    /// The act that set it aside.
    pub transaction: TransactionId,
    /// Free text.
    pub description: Description,
}

/// Points were set aside.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HoldPlaced {
    /// How the wallet stands now.
    pub standing: Standing,
    /// The hold's number.
    pub number: u64,
    /// When it is let go of.
    pub expires_at: Timestamp,
    /// What was set aside, lot by lot, in spending order.
    #[serde(deserialize_with = "read_list")]
    pub runs: Runs,
    /// Free text.
    pub description: Description,
    /// What few of them carry.
    #[serde(skip)]
    pub aside: Asides,
}

/// Points of a hold were spent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HoldCaptured {
    /// How the wallet stands now.
    pub standing: Standing,
    /// The hold's number.
    pub number: u64,
    /// What was spent, lot by lot, in spending order.
    #[serde(deserialize_with = "read_list")]
    pub runs: Runs,
    /// Free text.
    pub description: Description,
    /// What few of them carry.
    #[serde(skip)]
    pub aside: Asides,
}

/// What was left of a hold went back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HoldReleased {
    /// How the wallet stands now.
    pub standing: Standing,
    /// The hold's number.
    pub number: u64,
    /// Whether its time was over; nobody asked then.
    pub expired: bool,
    /// What came back, lot by lot; the last ones of each fund paid what it owed.
    #[serde(deserialize_with = "read_list")]
    pub runs: Runs,
    /// Free text.
    pub description: Description,
    /// What few of them carry.
    #[serde(skip)]
    pub aside: Asides,
}

pub(super) fn decide_place(
    participants: Participants<'_>,
    command: &PlaceHold,
    at: &Circumstances<'_>,
) -> Result<Event, Rejection> {
    let (id, now) = (command.wallet, at.now);
    let wallet = participants.open_wallet(id)?;
    let expires_at = command.expires_at;
    if expires_at <= now {
        return Err(Rejection::ExpiresAtPast { expires_at });
    }
    let allowed = limits::going_out(wallet, command.amount, at)?;
    let available = wallet.spendable(now);
    if available < allowed.amount {
        return Err(Rejection::InsufficientBalance {
            available,
            requested: command.amount.get(),
        });
    }
    if wallet.special().holds.len() >= HOLDS_MAX {
        return Err(Rejection::HoldLimit { wallet: id });
    }
    Ok(Event::HoldPlaced(Box::new(HoldPlaced {
        standing: wallet.next_standing(id),
        number: wallet.lots.next_number(),
        expires_at,
        runs: wallet.lots.plan_take(now, 0, allowed.amount),
        description: command.description.clone(),
        aside: allowed.aside.boxed(),
    })))
}

/// The hold that an act placed, as it is now, and its wallet.
fn find<'a>(
    participants: Participants<'a>,
    facts: &Facts,
    transaction: TransactionId,
) -> Result<(WalletId, &'a Wallet, &'a Hold), Rejection> {
    let Facts::Act { event, .. } = facts else {
        return Err(Rejection::TransactionNotFound { transaction });
    };
    let Event::HoldPlaced(placed) = &**event else {
        return Err(Rejection::NotHeld { transaction });
    };
    let id = placed.standing.wallet;
    let wallet = participants.wallet(id)?;
    let found = wallet.special().hold(placed.number);
    let hold = found.ok_or(Rejection::HoldOver { transaction })?;
    Ok((id, wallet, hold))
}

pub(super) fn decide_capture(
    participants: Participants<'_>,
    command: &CaptureHold,
    facts: &Facts,
) -> Result<Event, Rejection> {
    let transaction = command.transaction;
    let (id, wallet, hold) = find(participants, facts, transaction)?;
    participants.open_wallet(id)?;
    let held = hold.amount();
    let requested = command.amount.map_or(held, Amount::get);
    if requested > held {
        return Err(Rejection::OverCapture {
            transaction,
            held,
            requested,
        });
    }
    let runs = cut(&hold.runs, requested);
    Ok(Event::HoldCaptured(Box::new(HoldCaptured {
        standing: wallet.standing_minus_runs(id, &runs),
        number: hold.number,
        runs,
        description: command.description.clone(),
        aside: hold.aside(),
    })))
}

pub(super) fn decide_release(
    participants: Participants<'_>,
    command: &ReleaseHold,
    facts: &Facts,
) -> Result<Event, Rejection> {
    let (id, wallet, hold) = find(participants, facts, command.transaction)?;
    Ok(release(
        wallet,
        id,
        hold,
        false,
        command.description.clone(),
    ))
}

fn release(
    wallet: &Wallet,
    id: WalletId,
    hold: &Hold,
    expired: bool,
    description: Description,
) -> Event {
    let back = taken_last(&hold.runs, 0, hold.amount());
    let (rest, paying) = repay::split(back, wallet.special().debt);
    let repaid = amount_of(&paying);
    let runs = match repaid {
        0 => wallet.plan_unhold(hold, hold.runs.clone()),
        _ => repay::join(wallet.plan_unhold(hold, rest), paying),
    };
    Event::HoldReleased(Box::new(HoldReleased {
        standing: wallet.next_standing(id),
        number: hold.number,
        expired,
        runs,
        description,
        aside: Aside {
            counted_on: hold.counted_on,
            repaid,
            ..Aside::default()
        }
        .boxed(),
    }))
}

/// The hold whose time was over first, if there is one at `now`.
pub(super) fn due(id: WalletId, wallet: &Wallet, now: Timestamp) -> Option<Event> {
    let holds = wallet.special.as_ref()?.holds.iter();
    let over = holds.filter(|hold| hold.expires_at <= now);
    let first = over.min_by_key(|hold| (hold.expires_at, hold.number))?;
    Some(release(wallet, id, first, true, Description::default()))
}

pub(super) fn apply_placed(wallet: &mut Wallet, event: &HoldPlaced) -> Result<(), Inconsistency> {
    let id = event.standing.wallet;
    for run in &event.runs {
        let taken = wallet.lots.take(run);
        taken.map_err(|missing| Inconsistency::Lot {
            wallet: id,
            lot: missing.lot,
        })?;
    }
    wallet.lots.count_to(event.number);
    let counted_on = event.aside.as_ref().and_then(|aside| aside.counted_on);
    wallet.change_special(|special| {
        special.holds.push(Hold {
            number: event.number,
            version: event.standing.version,
            expires_at: event.expires_at,
            runs: event.runs.clone(),
            counted_on,
        });
    });
    wallet.count(
        |turnover| &mut turnover.used,
        counted_on,
        amount_of(&event.runs),
    );
    wallet.settle(&event.standing)
}

pub(super) fn apply_captured(
    wallet: &mut Wallet,
    event: &HoldCaptured,
) -> Result<(), Inconsistency> {
    let amount = amount_of(&event.runs);
    wallet.unhold(&event.standing, event.number, amount)?;
    for run in &event.runs {
        *wallet.ledger_mut(run.bucket.fund) -= run.amount().cast_signed();
    }
    wallet.settle(&event.standing)
}

pub(super) fn apply_released(
    wallet: &mut Wallet,
    event: &HoldReleased,
) -> Result<(), Inconsistency> {
    let amount = event.amount();
    wallet.unhold(&event.standing, event.number, amount)?;
    // Held points are in the balance all the time, and so is the debt that they pay.
    wallet.put_back(&event.standing, &event.runs, event.repaid())?;
    let counted_on = event.aside.as_ref().and_then(|aside| aside.counted_on);
    wallet.count_back(|turnover| &mut turnover.used, counted_on, amount);
    wallet.settle(&event.standing)
}

// === impl HoldReleased ===

impl HoldReleased {
    /// Points that came back.
    pub fn amount(&self) -> u64 {
        amount_of(&self.runs)
    }

    /// Points of them that paid what the wallet owed.
    pub fn repaid(&self) -> u64 {
        self.aside.as_ref().map_or(0, |aside| aside.repaid)
    }
}

// === impl Hold ===

impl PartialEq for Hold {
    /// The version is no part of what is held: who has it from an old row does not know it.
    fn eq(&self, other: &Self) -> bool {
        let known = |hold: &Self| (hold.number, hold.expires_at, hold.counted_on);
        known(self) == known(other) && self.runs == other.runs
    }
}

impl Hold {
    /// What its captures carry: the day that it was counted for, so that what comes back makes room there.
    fn aside(&self) -> Asides {
        let counted_on = self.counted_on;
        let aside = Aside {
            counted_on,
            ..Aside::default()
        };
        aside.boxed()
    }

    /// Points that are left.
    pub fn amount(&self) -> u64 {
        amount_of(&self.runs)
    }

    /// Takes the first points out; whether there were as many.
    pub(super) fn spend(&mut self, amount: u64) -> bool {
        let all = self.amount();
        if amount > all {
            return false;
        }
        self.runs = rest(&self.runs, amount);
        true
    }
}
