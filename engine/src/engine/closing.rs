//! Closes days by records: each once, in their order, as soon as it is over.
//!
//! ```text
//! midnight ── wait until all that was decided before is counted ── sums of the day ──► CloseDay ──► DAY_CLOSED
//! ```

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::Engine;
use crate::api::{Refusal, Request};
use crate::domain::{CloseDay, Command, Day};

/// Between two looks at the clock: a day is closed within seconds of its end, and looking costs next to nothing.
const PERIOD: Duration = Duration::from_secs(5);

impl Engine {
    /// Closes all days that are over; gives the days that were closed.
    pub async fn close_days(&self) -> Result<Vec<Day>, Refusal> {
        let mut closed = Vec::new();
        while let Some(day) = self.close_next_day().await? {
            closed.push(day);
        }
        Ok(closed)
    }

    /// Closes one day, or says why it cannot be closed.
    pub async fn close_day(&self, day: Day) -> Result<(), Refusal> {
        self.settle_days().await?;
        self.close_summed(day).await
    }

    /// Closes the first day that is over and not closed yet. `None`: there is none.
    async fn close_next_day(&self) -> Result<Option<Day>, Refusal> {
        let daily = &self.inner.daily;
        let today = self.settle_days().await?;
        let next = daily.next_to_close().map_err(|_| Refusal::HistoryBehind)?;
        let Some(day) = next.filter(|day| *day < today) else {
            return Ok(None);
        };
        match self.close_summed(day).await {
            Ok(()) => Ok(Some(day)),
            // Somebody else closed it meanwhile.
            Err(Refusal::Rejected { .. }) => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// Closes a day, as everything that is counted has it.
    async fn close_summed(&self, day: Day) -> Result<(), Refusal> {
        let summed = self.inner.daily.summed(day);
        let (watermark, wallets, sum) = summed.map_err(|_| Refusal::HistoryBehind)?;
        if day < self.inner.daily.first_day() {
            return Err(Refusal::Gone);
        }
        let command = Command::CloseDay(Box::new(CloseDay {
            day,
            watermark,
            wallets,
            sum,
        }));
        self.submit(Request { command, key: None }).await.map(drop)
    }

    /// Closes days until the engine shuts down.
    pub(crate) async fn keep_closing(self) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.inner.background.cancelled() => return,
                _ = ticks.tick() => {}
            }
            match self.close_days().await {
                Ok(closed) => {
                    for day in closed {
                        tracing::info!(%day, "day closed");
                    }
                }
                Err(refusal) => tracing::warn!(%refusal, "a day cannot be closed yet"),
            }
        }
    }
}
