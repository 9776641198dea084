//! Reads: wallets from their entities, acts and history from the log. Nothing that is not durable
//! leaves the engine.

use std::sync::Arc;

use crate::api::{
    Act, HistoryPage, HistoryPosition, HistoryQuery, HistoryRow, Refusal, WalletView,
};
use crate::domain::{Rejection, Timestamp, TransactionId, WalletId};
use crate::engine::{Engine, Inner};
use crate::entities::Lookup;
use crate::journal::Lsn;
use crate::journal::frame::KIND_JOURNAL_MIN;
use crate::record::{self, Content, Record};

impl Engine {
    /// A wallet as it can be spent from now.
    pub async fn wallet(&self, id: WalletId) -> Result<WalletView, Refusal> {
        let now = Timestamp(self.inner.core.clock.now_us());
        let view = match self.inner.core.table.look(id.entity(), now) {
            Lookup::Row(view) => view,
            Lookup::Asked(answer) => answer.await.unwrap_or(Err(Refusal::OutcomeUnknown))?,
            Lookup::Refused(refusal) => return Err(refusal),
        };
        let rejection = Rejection::WalletNotFound { wallet: id };
        view.ok_or(Refusal::Rejected {
            rejection,
            replayed: false,
        })
    }

    /// An act by its id; `None` if there is none. A remembered refusal is no act.
    pub async fn transaction(&self, id: TransactionId) -> Result<Option<Act>, Refusal> {
        self.inner.act(id)
    }

    /// A page of a wallet's history, never older than what was durable when it was asked for.
    pub async fn history(&self, query: HistoryQuery) -> Result<HistoryPage, Refusal> {
        self.wallet(query.wallet).await?;
        self.inner
            .position
            .reached(self.inner.reader.durable().0)
            .await;
        let inner = Arc::clone(&self.inner);
        // Reading thousands of records may touch the disk: not on a thread that serves others.
        let page = tokio::task::spawn_blocking(move || inner.page(&query)).await;
        page.unwrap_or(Err(Refusal::Unreadable))
    }
}

// === impl Inner ===

impl Inner {
    /// An act by its id.
    pub(crate) fn act(&self, id: TransactionId) -> Result<Option<Act>, Refusal> {
        Ok(match self.record_at(id.0)? {
            Some((
                Record {
                    content: Content::Event(event),
                    ..
                },
                at,
            )) => Some(Act {
                transaction: id,
                at,
                event: Arc::new(event),
            }),
            Some((
                Record {
                    content: Content::Refused(_),
                    ..
                },
                _,
            ))
            | None => None,
        })
    }

    pub(crate) fn record_at(&self, lsn: u64) -> Result<Option<(Record, Timestamp)>, Refusal> {
        let decoded = self.reader.with_act(Lsn(lsn), |act| {
            // What the journal writes for itself is nobody's act.
            (act.kind < KIND_JOURNAL_MIN).then(|| {
                record::decode(act.kind, act.schema, act.body)
                    .map(|record| (record, Timestamp(act.time_us)))
            })
        });
        match decoded.map(Option::flatten) {
            Ok(None) => Ok(None),
            Ok(Some(Ok(found))) => Ok(Some(found)),
            Ok(Some(Err(error))) => {
                tracing::error!(%error, lsn, "record does not decode");
                Err(Refusal::Unreadable)
            }
            Err(error) => {
                tracing::error!(%error, lsn, "record cannot be read back");
                Err(Refusal::Unreadable)
            }
        }
    }

    fn page(&self, query: &HistoryQuery) -> Result<HistoryPage, Refusal> {
        let wallet = query.wallet.get();
        let above = match query.from {
            None => 0,
            Some(from) => self.first_at(wallet, from)?.map_or(u64::MAX, |lsn| lsn - 1),
        };
        let below = match query.to {
            None => u64::MAX,
            Some(to) => self.first_at(wallet, to)?.unwrap_or(u64::MAX),
        };
        let total = self.history.total(wallet, &query.kinds, above, below);
        let bounds = match query.after {
            None => (above, below),
            Some(after) if query.ascending => (above.max(after.lsn), below),
            Some(after) => (above, below.min(after.lsn)),
        };
        let page = self
            .history
            .page(wallet, &query.kinds, bounds, query.ascending, query.limit);
        let mut rows = Vec::with_capacity(page.lsns.len());
        for lsn in page.lsns {
            let act = self.act(TransactionId(lsn))?.ok_or(Refusal::Unreadable)?;
            let roles = act.event.roles();
            let leg = roles
                .iter()
                .position(|(id, _)| id.id == wallet)
                .unwrap_or_default() as u8;
            rows.push(HistoryRow { act, leg });
        }
        let next = page.last.filter(|_| page.more);
        let next = next.map(|lsn| HistoryPosition {
            lsn,
            leg: rows
                .last()
                .filter(|row| row.act.transaction.0 == lsn)
                .map_or(0, |row| row.leg),
        });
        Ok(HistoryPage { rows, next, total })
    }

    /// The first entry of a wallet at or after an instant. Header times never decrease in LSN order.
    fn first_at(&self, wallet: u64, instant: Timestamp) -> Result<Option<u64>, Refusal> {
        let mut failure = None;
        let first = self.history.first_where(wallet, |lsn| {
            let time = self.reader.with_act(Lsn(lsn), |act| act.time_us);
            match time {
                Ok(Some(time)) => time >= instant.0,
                Ok(None) | Err(_) => {
                    failure = Some(Refusal::Unreadable);
                    true
                }
            }
        });
        failure.map_or(Ok(first), Err)
    }
}
