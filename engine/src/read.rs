//! Reads: wallets from their entities, acts and history from the log. Nothing that is not durable
//! leaves the engine.

mod begun;
mod companies;
mod lots;
mod past;
mod periods;
mod reports;
mod settlements;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::api::{
    Act, HistoryPage, HistoryPosition, HistoryQuery, HistoryRow, Refusal, WalletView,
};
use crate::domain::{
    Entity, EntityId, PROGRAM, Program, Rejection, Timestamp, TransactionId, WalletId,
};
use crate::engine::{Engine, Inner};
use crate::entities::{EntityState, Lookup, view};
use crate::journal::Lsn;
use crate::journal::frame::KIND_JOURNAL_MIN;
use crate::projections::{Ask, Behind, Filter, Place};
use crate::record::{self, Content, Record};

pub(crate) use self::settlements::{Footing, Pace};

/// How long a reader waits for a history index that is not whole: after a kill it takes a fraction
/// of a second to be so again, after a loss of the whole index some seconds for a million entries.
pub(crate) const HISTORY_WAIT: Duration = Duration::from_secs(5);

impl Engine {
    /// A wallet as it can be spent from now.
    pub async fn wallet(&self, id: WalletId) -> Result<WalletView, Refusal> {
        self.seen(id, view).await
    }

    /// What `show` tells of a wallet, once all that it rests on is durable.
    async fn seen<T: Send + 'static>(
        &self,
        id: WalletId,
        show: impl FnOnce(EntityId, &EntityState, Timestamp) -> Option<T> + Send + 'static,
    ) -> Result<T, Refusal> {
        let absent = Rejection::WalletNotFound { wallet: id };
        self.looked_at(id.entity(), absent, show).await
    }

    /// What `show` tells of an entity, once all that it rests on is durable.
    async fn looked_at<T: Send + 'static>(
        &self,
        id: EntityId,
        absent: Rejection,
        show: impl FnOnce(EntityId, &EntityState, Timestamp) -> Option<T> + Send + 'static,
    ) -> Result<T, Refusal> {
        let seen = self.look(id, show).await?;
        seen.ok_or(Refusal::Rejected {
            rejection: absent,
            replayed: false,
        })
    }

    /// The same; `None` if there is nothing to tell of.
    async fn look<T: Send + 'static>(
        &self,
        id: EntityId,
        show: impl FnOnce(EntityId, &EntityState, Timestamp) -> Option<T> + Send + 'static,
    ) -> Result<Option<T>, Refusal> {
        let now = Timestamp(self.inner.core.clock.now_us());
        match self.inner.core.table.look(id, now, show) {
            Lookup::Row(seen) => Ok(seen),
            Lookup::Asked(answer) => answer.await.unwrap_or(Err(Refusal::OutcomeUnknown)),
            Lookup::Refused(refusal) => Err(refusal),
        }
    }

    /// What the operator decided, as it is in force now.
    pub async fn program(&self) -> Result<Program, Refusal> {
        // The program itself is asked: what decisions go by changes a moment after the act is on its way, and whoever has the
        // answer to a change sees it.
        let show = |_, state: &EntityState, _| match &state.entity {
            Some(Entity::Program(program)) => Some(Program::clone(program)),
            Some(Entity::Wallet(_) | Entity::Company(_)) | None => None,
        };
        Ok(self.look(PROGRAM, show).await?.unwrap_or_default())
    }

    /// An act by its id; `None` if there is none. A remembered refusal is no act.
    pub async fn transaction(&self, id: TransactionId) -> Result<Option<Act>, Refusal> {
        self.inner.act(id)
    }

    /// A page of a wallet's history, never older than what was durable when it was asked for.
    pub async fn history(&self, query: HistoryQuery) -> Result<HistoryPage, Refusal> {
        // Up to its last act, whatever others do meanwhile.
        let seen = self.wallet(query.wallet).await?.lsn;
        self.history_reaches(seen).await?;
        let inner = Arc::clone(&self.inner);
        // Reading thousands of records may touch the disk: not on a thread that serves others.
        let page = tokio::task::spawn_blocking(move || inner.page(&query)).await;
        page.unwrap_or(Err(Refusal::Unreadable))
    }

    /// Waits until the index of histories has an act, and all before it.
    async fn history_reaches(&self, lsn: u64) -> Result<(), Refusal> {
        self.inner.position.reached(lsn).await;
        let whole = timeout(HISTORY_WAIT, self.inner.history.whole()).await;
        whole.map_err(|_| Refusal::HistoryBehind)
    }
}

// === impl Inner ===

impl Inner {
    /// An act by its id.
    pub(crate) fn act(&self, id: TransactionId) -> Result<Option<Act>, Refusal> {
        match self.record_at(id.0)? {
            Some((
                Record {
                    content: Content::Event(event),
                    ..
                },
                at,
            )) => Ok(Some(Act {
                transaction: id,
                at,
                event: Arc::new(event),
            })),
            None if self.is_gone(id.0) => Err(Refusal::Gone),
            Some((
                Record {
                    content: Content::Refused(_),
                    ..
                },
                _,
            ))
            | None => Ok(None),
        }
    }

    /// Whether an LSN lies before the beginning of the log. Asked after a look, which may have met the moment of change.
    pub(crate) fn is_gone(&self, lsn: u64) -> bool {
        lsn < self.reader.first().0
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
        let amounts = (query.amount_min, query.amount_max);
        let ask = Ask {
            wallet,
            filter: Filter::new(&query.kinds, query.fund, query.counterparty, amounts),
            from_us: query.from.map_or(i64::MIN, |from| from.0),
            to_us: query.to.map(|to| to.0),
            ascending: query.ascending,
            limit: query.limit,
            offset: query.offset,
            after: query.after.map(|after| Place::new(after.lsn, after.leg)),
        };
        let begins = self.reader.first().0;
        let page = self.history.page(&ask, begins).map_err(behind)?;
        if !page.begun {
            return Err(Refusal::OffsetTooDeep);
        }
        let mut rows = Vec::with_capacity(page.found.len());
        for place in page.found {
            rows.push(self.row(wallet, place)?);
        }
        let next = page.next.map(|place| HistoryPosition {
            lsn: place.lsn(),
            leg: place.leg(),
        });
        let total = page.total;
        let begins = (begins > 1).then_some(TransactionId(begins));
        Ok(HistoryPage {
            rows,
            next,
            total,
            begins,
        })
    }

    /// An entry as the log has it. The log decides what happened: an entry that it does not have
    /// costs the index its trust.
    fn row(&self, wallet: u64, place: Place) -> Result<HistoryRow, Refusal> {
        let leg = place.leg();
        if let Some(act) = self.act(TransactionId(place.lsn()))? {
            let found = act.event.entity_of(leg);
            if WalletId::new(wallet).map(WalletId::entity) == found {
                return Ok(HistoryRow { act, leg });
            }
        }
        self.history.distrust();
        Err(Refusal::HistoryBehind)
    }
}

fn behind(_: Behind) -> Refusal {
    Refusal::HistoryBehind
}
