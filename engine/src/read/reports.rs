//! Daily reports: of one wallet over many days, and of all wallets on one.

use std::sync::Arc;

use tokio::time::timeout;

use super::{HISTORY_WAIT, behind};
use crate::api::{DailyRow, DayReport, Refusal, WalletReport, WalletView};
use crate::domain::{Day, DayFlow, Entity, Points, Timestamp, WalletId};
use crate::engine::{Engine, Inner};
use crate::entities::{EntityState, view};

/// Days of a wallet's report when no first one is given.
const DAYS_DEFAULT: u32 = 30;

impl Engine {
    /// One wallet on each day of a range, both ends included: up to today, and from 30 days before its end unless said
    /// otherwise. A day before the wallet's creation has no row.
    pub async fn wallet_report(
        &self,
        id: WalletId,
        from: Option<Day>,
        to: Option<Day>,
    ) -> Result<WalletReport, Refusal> {
        let seen = self.seen(id, |id, state, now| {
            Some((view(id, state, now)?, held(state)?))
        });
        let seen = seen.await?;
        let today = self.settle_days().await?;
        let inner = Arc::clone(&self.inner);
        // Reading years of days may touch the disk: not on a thread that serves others.
        let report =
            tokio::task::spawn_blocking(move || inner.wallet_report(seen, (from, to), today));
        report.await.unwrap_or(Err(Refusal::Unreadable))
    }

    /// A page of all wallets on one day, from a wallet on: today unless said otherwise.
    pub async fn day_report(
        &self,
        day: Option<Day>,
        from: Option<WalletId>,
        limit: usize,
    ) -> Result<DayReport, Refusal> {
        let today = self.settle_days().await?;
        let inner = Arc::clone(&self.inner);
        let day = day.unwrap_or(today);
        let report = tokio::task::spawn_blocking(move || inner.day_report(day, from, limit, today));
        report.await.unwrap_or(Err(Refusal::Unreadable))
    }

    /// Waits until everything that was decided by now is counted; gives the day that runs. What comes later is of this
    /// day, so those before it never change any more.
    pub(crate) async fn settle_days(&self) -> Result<Day, Refusal> {
        let now = Timestamp(self.inner.core.clock.now_us());
        // Who looked at the clock before midnight may append behind it: not with that time.
        let appended = self.inner.core.journal.no_sooner(now.0).0;
        let settled = async {
            self.inner.position.reached(appended).await;
            self.inner.daily.whole().await;
        };
        if timeout(HISTORY_WAIT, settled).await.is_err() {
            return Err(Refusal::HistoryBehind);
        }
        Ok(self.inner.daily.today(now))
    }
}

// === impl Inner ===

impl Inner {
    fn wallet_report(
        &self,
        (view, held): (WalletView, Points),
        (from, to): (Option<Day>, Option<Day>),
        today: Day,
    ) -> Result<WalletReport, Refusal> {
        let zone = self.daily.zone();
        let created = zone.day_of(view.created_at);
        // Days may have been counted in another zone when it was created.
        let earliest = created.previous();
        let to = to.unwrap_or(today).min(today);
        // Days that nobody asked for by name may be left out.
        let first = self.daily.first_day();
        let from = from.unwrap_or_else(|| to.minus_days(DAYS_DEFAULT - 1).max(first.min(to)));
        let from = from.max(earliest);
        let (flows, lsn) = self.daily.of_wallet(view.id, from, to).map_err(behind)?;
        let from = match flows.first() {
            Some((day, _)) => from.max(created.min(*day)),
            None => from.max(created),
        };
        let opening = match flows.first() {
            Some((_, flow)) => flow.opening,
            None => {
                let before = self.daily.last_before(view.id, from, earliest);
                match before.map_err(behind)? {
                    Some(flow) => flow.closing(),
                    None => self.held_after(&view, to, today, held)?,
                }
            }
        };
        if from < self.daily.first_day() {
            return Err(Refusal::Gone);
        }
        Ok(WalletReport {
            rows: each_day(view.id, from, to, &flows, opening),
            zone: zone.name().to_owned(),
            today,
            lsn,
        })
    }

    /// What a wallet without an entry on any known day up to one held then: what its next entry found, or what it holds,
    /// if it has no other.
    fn held_after(
        &self,
        view: &WalletView,
        day: Day,
        today: Day,
        held: Points,
    ) -> Result<Points, Refusal> {
        if self.daily.first_day() <= self.daily.zone().day_of(view.created_at).previous() {
            // Before its first entry.
            return Ok(Points::ZERO);
        }
        let later = self
            .daily
            .of_wallet(view.id, day.next(), today.max(day.next()));
        let (later, _) = later.map_err(behind)?;
        Ok(later.first().map_or(held, |(_, flow)| flow.opening))
    }

    fn day_report(
        &self,
        day: Day,
        from: Option<WalletId>,
        limit: usize,
        today: Day,
    ) -> Result<DayReport, Refusal> {
        let first = from.map_or(0, WalletId::get);
        let page = self.daily.of_day(day, first, limit).map_err(behind)?;
        if day < self.daily.first_day() {
            return Err(Refusal::Gone);
        }
        let rows = page.rows.iter().filter_map(|(wallet, flow)| {
            let (wallet, flow) = (WalletId::new(*wallet)?, *flow);
            Some(DailyRow { wallet, day, flow })
        });
        Ok(DayReport {
            rows: rows.collect(),
            next: page.next.and_then(WalletId::new),
            day,
            sum: page.sum,
            wallets: page.wallets,
            zone: self.daily.zone().name().to_owned(),
            today,
            lsn: page.lsn,
        })
    }
}

/// What stands in a wallet's account, lapsed points that are not recorded yet included.
fn held(state: &EntityState) -> Option<Points> {
    match &state.entity {
        Some(Entity::Wallet(wallet)) => Some(Points {
            paid: wallet.paid,
            free: wallet.free,
        }),
        Some(Entity::Company(_) | Entity::Program(_)) | None => None,
    }
}

/// A row for each day: what flowed, or that nothing did.
fn each_day(
    wallet: WalletId,
    from: Day,
    to: Day,
    flows: &[(Day, DayFlow)],
    mut held: Points,
) -> Vec<DailyRow> {
    let (mut rows, mut flows, mut day) = (Vec::new(), flows.iter().peekable(), from);
    while day <= to {
        let flow = match flows.next_if(|(found, _)| *found == day) {
            Some((_, flow)) => *flow,
            None => DayFlow::opening_with(held),
        };
        held = flow.closing();
        rows.push(DailyRow { wallet, day, flow });
        if day == Day::MAX {
            break;
        }
        day = day.next();
    }
    rows
}
