//! What an event must be to have been decided at all, told without any state.
//!
//! Checksums say that bytes are the ones that were written; this says that they make sense: numbers
//! within 2^53 − 1 (so that sums over them cannot overflow), no empty leg, no wallet in two roles.
//! What a transfer takes is what it gives, lot by lot: a leg that gains or loses cannot be written.

use smallvec::SmallVec;

use super::aside::Aside;
use super::calendar::Day;
use super::inconsistency::Inconsistency;
use super::runs::Run;
use super::special::Status;
use super::transfer::{RECEIVERS_MAX, Transferred};
use super::types::{Amount, Description, NUMBER_MAX, WalletId};
use super::wallet::Standing;
use super::{Event, GrantActivated, Role, TakenBack};

impl Event {
    /// Whether the event could have been decided for some state.
    pub fn check(&self) -> Result<(), Inconsistency> {
        if let Some(checked) = self.check_apart() {
            return checked;
        }
        if let Self::SettlementRun(event) = self {
            return event.check();
        }
        let standing = self.standing(Role::From).ok_or(Inconsistency::Legs)?;
        let wallet = standing.wallet;
        standing.check()?;
        if !Description::is_allowed(self.description()) {
            return Err(Inconsistency::Text { wallet });
        }
        let beside = self.aside().is_none_or(Aside::is_sound);
        let sound = beside
            && match self {
                Self::WalletCreated(event) => {
                    let empty = (standing.version, standing.balance()) == (1, 0);
                    empty && is_number(event.owner.id)
                }
                Self::Charged(event) | Self::Earned(event) => {
                    is_amount(event.amount)
                        && is_lot(event.lot)
                        && event.repaid() <= event.amount.get()
                }
                Self::Used(event) => are_sound(&event.runs),
                Self::UseCancelled(event) => {
                    are_sound(&event.runs)
                        && event.repaid() <= event.amount()
                        && is_number(event.entry.transaction().0)
                        && event.entry.leg().is_some()
                        && (event.amount()..=NUMBER_MAX).contains(&event.returned)
                }
                Self::Lapsed(event) => is_amount(event.amount) && event.bucket.expires_at.is_some(),
                Self::Transferred(event) => return check_legs(event),
                Self::SettingsChanged(_)
                | Self::Batched(_)
                | Self::DayClosed(_)
                | Self::MemberJoined(_)
                | Self::MemberLeft(_)
                | Self::SettlementClosed(_)
                | Self::SettlementMoved(_)
                | Self::SettlementRun(_) => unreachable!("handled above"),
                Self::CompanyCreated(event) => event.is_sound(),
                Self::StatusChanged(event) => {
                    event.status != Status::Closed || event.standing.balance() == 0
                }
                Self::AdjustedUp(event) => {
                    is_amount(event.amount)
                        && is_lot(event.lot)
                        && event.repaid <= event.amount.get()
                }
                Self::AdjustedDown(event) => are_sound(&event.runs),
                Self::TakenBack(event) => event.is_sound(),
                Self::HoldPlaced(event) => is_lot(event.number) && are_sound(&event.runs),
                Self::HoldCaptured(event) => is_lot(event.number) && are_sound(&event.runs),
                Self::HoldReleased(event) => {
                    is_lot(event.number)
                        && are_sound(&event.runs)
                        && event.repaid() <= event.amount()
                }
                Self::GrantPending(event) => is_amount(event.amount),
                Self::GrantActivated(event) => event.is_sound(),
                Self::GrantVoided(event) => is_amount(event.amount) && is_number(event.number),
            };
        sound.then_some(()).ok_or(Inconsistency::Range { wallet })
    }

    /// The same of what is not about one wallet; `None` for everything else.
    fn check_apart(&self) -> Option<Result<(), Inconsistency>> {
        if let Self::Batched(event) = self {
            return Some(event.check());
        }
        if let Self::SettingsChanged(event) = self {
            return Some(event.check());
        }
        if let Self::DayClosed(event) = self {
            return Some(event.check());
        }
        if let Self::MemberJoined(event) | Self::MemberLeft(event) = self {
            return Some(event.check());
        }
        if let Self::SettlementClosed(event) = self {
            return Some(event.check());
        }
        if let Self::SettlementMoved(event) = self {
            return Some(event.check());
        }
        None
    }
}

fn check_legs(event: &Transferred) -> Result<(), Inconsistency> {
    if !(1..=RECEIVERS_MAX).contains(&event.to.len()) {
        return Err(Inconsistency::Legs);
    }
    for received in &event.to {
        let standing = received.standing;
        let wallet = standing.wallet;
        standing.check()?;
        if received.runs.len() != received.lots.len() {
            return Err(Inconsistency::Legs);
        }
        if !are_sound(&received.runs) || !received.lots.iter().all(|lot| is_lot(*lot)) {
            return Err(Inconsistency::Range { wallet });
        }
    }
    if !are_sound(event.runs()) || !are_distinct(event) {
        return Err(Inconsistency::Legs);
    }
    Ok(())
}

fn are_distinct(event: &Transferred) -> bool {
    if let [received] = &*event.to {
        return received.standing.wallet != event.from.wallet;
    }
    let to = event.to.iter().map(|received| received.standing.wallet);
    let mut wallets: SmallVec<[WalletId; 8]> = to.chain([event.from.wallet]).collect();
    wallets.sort_unstable();
    wallets.windows(2).all(|pair| pair[0] != pair[1])
}

/// At least one run, no run without a piece, no piece without points, and a sum in range.
fn are_sound<'a>(runs: impl IntoIterator<Item = &'a Run>) -> bool {
    let mut sum = 0_u64;
    for run in runs {
        if run.pieces.is_empty() {
            return false;
        }
        for piece in &run.pieces {
            sum = sum.saturating_add(piece.amount);
            if piece.amount == 0 || sum > NUMBER_MAX || !is_lot(piece.lot) {
                return false;
            }
        }
    }
    sum > 0
}

fn is_number(number: u64) -> bool {
    (1..=NUMBER_MAX).contains(&number)
}

fn is_amount(amount: Amount) -> bool {
    is_number(amount.get())
}

/// A lot has the number of a grant, from 0, and no wallet lives to see more than 2^53 − 1 events.
fn is_lot(number: u64) -> bool {
    number <= NUMBER_MAX
}

// === impl TakenBack ===

impl TakenBack {
    fn is_sound(&self) -> bool {
        let amount = self.taken.saturating_add(self.owed);
        is_number(self.entry.transaction().0)
            && self.entry.leg().is_some()
            && is_number(amount)
            && is_lot(self.lot)
            && (amount..=NUMBER_MAX).contains(&self.returned)
    }
}

// === impl GrantActivated ===

impl GrantActivated {
    fn is_sound(&self) -> bool {
        let numbers = is_amount(self.amount) && is_number(self.number) && is_lot(self.lot);
        numbers && self.repaid() <= self.amount.get()
    }
}

// === impl Aside ===

impl Aside {
    fn is_sound(&self) -> bool {
        let asked = self.requested.is_none_or(is_number);
        let of_calendar = |day: Day| Day::from_number(day.number()).is_some();
        asked
            && self.repaid <= NUMBER_MAX
            && self.by.is_none_or(is_number)
            && self.counted_on.is_none_or(of_calendar)
    }
}

// === impl Standing ===

impl Standing {
    fn check(&self) -> Result<(), Inconsistency> {
        let wallet = self.wallet;
        let balance = self.paid.saturating_add(self.free);
        let in_range = |points: i64| points.unsigned_abs() <= NUMBER_MAX;
        let points = [self.paid, self.free, balance].into_iter().all(in_range);
        let sound = is_number(wallet.get()) && is_number(self.version) && points;
        sound.then_some(()).ok_or(Inconsistency::Range { wallet })
    }
}
