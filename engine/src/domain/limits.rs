//! How much may come into a wallet and go out of it: at once, on one day, in one month, and in all.
//!
//! ```text
//! asked 120 ── per transaction 100, trim ──► 100 ── per day 150, of which 80 are gone, trim ──► 70, and 120 stand beside
//! ```
//! Limits on earning are about free points that are given by an earn; points that were bought are bought, so a charge meets
//! the largest balance alone and is never trimmed. Limits on using are about uses, whoever acts. Whatever is promised is
//! judged when it is promised: a hold is a use of the day on which it is placed, and its capture is not judged again; a grant
//! that counts later is an earn of the day on which it is given, and its activation is not. A transfer that would pass the
//! receiver's largest balance is refused. Corrections and what is given back are left alone.
//!
//! What a wallet earned and used today and this month is counted only while a limit on that is in force. The day that an
//! event counts for stands in it, so carrying it out needs neither clock nor zone; a cancel names the day of what it
//! undoes, and gives room back if that is the day, or the month, being counted.

use serde::{Deserialize, Serialize};

use super::Circumstances;
use super::aside::Aside;
use super::calendar::Day;
use super::rejection::Rejection;
use super::types::{Amount, Fund, NUMBER_MAX};
use super::wallet::Wallet;

/// What is limited.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum LimitKind {
    /// Points in a wallet, of both funds.
    Balance,
    /// Points of one earn.
    EarnAtOnce,
    /// Points earned on one day of the program's zone.
    EarnDaily,
    /// Points earned in one month.
    EarnMonthly,
    /// Points of one use.
    UseAtOnce,
    /// Points used on one day.
    UseDaily,
    /// Points used in one month.
    UseMonthly,
}

/// What becomes of a command that asks for more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum LimitMode {
    /// It is refused.
    Reject,
    /// As much is moved as may be; with no room at all it is refused.
    Trim,
}

/// One limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Limit {
    /// Points: 1…2^53−1.
    pub most: u64,
    /// What becomes of a command that asks for more.
    pub mode: LimitMode,
}

/// All limits, by kind; `None` = there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Limits([Option<Limit>; LimitKind::ALL.len()]);

/// What was earned and used on a day, and in its month so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Turnover {
    /// The day of the last event that was counted.
    pub day: Day,
    /// Free points that were earned.
    pub earned: Counted,
    /// Points that were used.
    pub used: Counted,
}

/// Points of one day and of its month.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counted {
    /// On the day.
    pub today: u64,
    /// In the month up to that day.
    pub this_month: u64,
}

/// What a command may move, and what its event says beside.
pub(super) struct Allowed {
    pub(super) amount: u64,
    pub(super) aside: Aside,
}

/// Which side of a wallet is counted.
type Side = fn(&mut Turnover) -> &mut Counted;

/// A command on its way through the limits.
struct Passage<'a> {
    limits: &'a Limits,
    requested: u64,
    left: u64,
}

/// How much of an earn or a charge may come in.
pub(super) fn coming_in(
    wallet: &Wallet,
    fund: Fund,
    amount: Amount,
    at: &Circumstances<'_>,
) -> Result<Allowed, Rejection> {
    use LimitKind::{Balance, EarnAtOnce, EarnDaily, EarnMonthly};
    let mut passage = Passage::new(&at.settings.limits, amount);
    let mut counted_on = None;
    if fund == Fund::Free {
        let kinds = [EarnAtOnce, EarnDaily, EarnMonthly];
        counted_on = passage.pass_all(kinds, wallet, |turnover| &mut turnover.earned, at)?;
    }
    let there = owned(wallet);
    match fund {
        Fund::Free => passage.pass(Balance, there)?,
        Fund::Paid => passage.pass_whole(Balance, there)?,
    }
    Ok(passage.end(counted_on))
}

/// Whether points of another wallet may come in.
pub(super) fn moving_in(
    wallet: &Wallet,
    amount: Amount,
    at: &Circumstances<'_>,
) -> Result<(), Rejection> {
    let passage = Passage::new(&at.settings.limits, amount);
    passage.pass_whole(LimitKind::Balance, owned(wallet))
}

/// What is in a wallet or promised to it. Below zero if it owes: what pays a debt raises no balance above zero.
fn owned(wallet: &Wallet) -> i128 {
    i128::from(wallet.balance()) + i128::from(wallet.special().pending_points())
}

/// How much of a use may go out.
pub(super) fn going_out(
    wallet: &Wallet,
    amount: Amount,
    at: &Circumstances<'_>,
) -> Result<Allowed, Rejection> {
    use LimitKind::{UseAtOnce, UseDaily, UseMonthly};
    let mut passage = Passage::new(&at.settings.limits, amount);
    let kinds = [UseAtOnce, UseDaily, UseMonthly];
    let counted_on = passage.pass_all(kinds, wallet, |turnover| &mut turnover.used, at)?;
    Ok(passage.end(counted_on))
}

// === impl Passage ===

impl<'a> Passage<'a> {
    fn new(limits: &'a Limits, amount: Amount) -> Self {
        Self {
            limits,
            requested: amount.get(),
            left: amount.get(),
        }
    }

    /// At once, by day and by month. Gives the day, if it counts.
    fn pass_all(
        &mut self,
        [at_once, daily, monthly]: [LimitKind; 3],
        wallet: &Wallet,
        side: Side,
        at: &Circumstances<'_>,
    ) -> Result<Option<Day>, Rejection> {
        if self.limits.is_empty() {
            return Ok(None);
        }
        self.pass(at_once, 0)?;
        if self.limits.of(daily).or(self.limits.of(monthly)).is_none() {
            return Ok(None);
        }
        let day = at.settings.zone.day_of(at.now);
        let mut turnover = wallet.special().turnover.unwrap_or_default().as_of(day);
        let counted = *side(&mut turnover);
        self.pass(daily, counted.today.into())?;
        self.pass(monthly, counted.this_month.into())?;
        Ok(Some(day))
    }

    /// One limit, of which so much is gone.
    fn pass(&mut self, kind: LimitKind, gone: i128) -> Result<(), Rejection> {
        let Some((limit, allowed)) = self.exceeded(kind, gone) else {
            return Ok(());
        };
        if limit.mode == LimitMode::Reject || allowed == 0 {
            return Err(self.refusal(kind, allowed));
        }
        self.left = allowed;
        Ok(())
    }

    /// The same for what is never trimmed.
    fn pass_whole(&self, kind: LimitKind, gone: i128) -> Result<(), Rejection> {
        match self.exceeded(kind, gone) {
            None => Ok(()),
            Some((_, allowed)) => Err(self.refusal(kind, allowed)),
        }
    }

    /// A limit that does not let all through, and how much it does.
    fn exceeded(&self, kind: LimitKind, gone: i128) -> Option<(Limit, u64)> {
        let limit = self.limits.of(kind)?;
        let left = i128::from(limit.most) - gone;
        let allowed = u64::try_from(left.max(0)).unwrap_or(u64::MAX);
        (allowed < self.left).then_some((limit, allowed))
    }

    fn refusal(&self, limit: LimitKind, allowed: u64) -> Rejection {
        Rejection::LimitExceeded {
            limit,
            allowed,
            requested: self.requested,
        }
    }

    fn end(self, counted_on: Option<Day>) -> Allowed {
        let trimmed = self.left < self.requested;
        let aside = Aside {
            requested: trimmed.then_some(self.requested),
            counted_on,
            ..Aside::default()
        };
        Allowed {
            amount: self.left,
            aside,
        }
    }
}

// === impl Allowed ===

impl Allowed {
    /// Points, of which there is at least one.
    pub(super) fn amount(&self) -> Amount {
        let Some(amount) = Amount::new(self.amount) else {
            unreachable!("no room at all is a refusal")
        };
        amount
    }
}

// === impl LimitKind ===

impl LimitKind {
    /// All of them, by their numbers.
    pub const ALL: [Self; 7] = [
        Self::Balance,
        Self::EarnAtOnce,
        Self::EarnDaily,
        Self::EarnMonthly,
        Self::UseAtOnce,
        Self::UseDaily,
        Self::UseMonthly,
    ];

    /// The word used in JSON, logs and tools.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Balance => "balance",
            Self::EarnAtOnce => "earn_per_transaction",
            Self::EarnDaily => "earn_per_day",
            Self::EarnMonthly => "earn_per_month",
            Self::UseAtOnce => "use_per_transaction",
            Self::UseDaily => "use_per_day",
            Self::UseMonthly => "use_per_month",
        }
    }
}

// === impl LimitMode ===

impl LimitMode {
    /// The word used in JSON, logs and tools.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Trim => "trim",
        }
    }
}

// === impl Limits ===

impl Limits {
    /// The limit of a kind.
    pub fn of(&self, kind: LimitKind) -> Option<Limit> {
        self.0[kind as usize]
    }

    /// Sets or lifts one.
    pub fn set(&mut self, kind: LimitKind, limit: Option<Limit>) {
        self.0[kind as usize] = limit;
    }

    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Those that are in force.
    pub fn iter(&self) -> impl Iterator<Item = (LimitKind, Limit)> {
        let all = LimitKind::ALL.into_iter();
        all.filter_map(|kind| Some((kind, self.of(kind)?)))
    }

    /// Whether they can have been asked for.
    pub(super) fn are_sound(&self) -> bool {
        self.iter()
            .all(|(_, limit)| (1..=NUMBER_MAX).contains(&limit.most))
    }
}

// === impl Turnover ===

impl Turnover {
    /// As it stands on a day, before anything of that day that it does not know.
    pub(super) fn as_of(self, day: Day) -> Self {
        if day == self.day {
            return self;
        }
        let same_month = day.month_start() == self.day.month_start();
        let begun = |counted: Counted| Counted {
            today: 0,
            this_month: if same_month { counted.this_month } else { 0 },
        };
        Self {
            day,
            earned: begun(self.earned),
            used: begun(self.used),
        }
    }
}

// === impl Counted ===

impl Counted {
    fn add(&mut self, points: u64) {
        self.today = self.today.saturating_add(points);
        self.this_month = self.this_month.saturating_add(points);
    }
}

// === impl Wallet ===

impl Wallet {
    /// Counts points of a day.
    pub(super) fn count(&mut self, side: Side, day: Option<Day>, points: u64) {
        if let Some(day) = day {
            self.change_special(|special| {
                let mut turnover = special.turnover.unwrap_or_default().as_of(day);
                side(&mut turnover).add(points);
                special.turnover = Some(turnover);
            });
        }
    }

    /// Gives room back for points of a day that were given or taken back since; of a month that is over there is none.
    pub(super) fn count_back(&mut self, side: Side, day: Option<Day>, points: u64) {
        if let Some(day) = day
            && self.special().turnover.is_some()
        {
            self.change_special(|special| {
                let Some(turnover) = &mut special.turnover else {
                    return;
                };
                let (today, month) = (turnover.day, turnover.day.month_start());
                let counted = side(turnover);
                if day == today {
                    counted.today = counted.today.saturating_sub(points);
                }
                if day.month_start() == month {
                    counted.this_month = counted.this_month.saturating_sub(points);
                }
            });
        }
    }
}
