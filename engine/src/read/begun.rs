//! What is set aside in a wallet or does not count yet, each with the act that brought it about.
//!
//! ```text
//! state: version 41, hold since version 38 ──► the entry 3 back in the wallet's history ──► the act
//! ```
//! A state knows no LSNs, but every event gives a wallet one version and its history one entry. So how many versions ago
//! something began says where in the history it stands, however long that is.

use std::sync::Arc;

use crate::api::{HistoryRow, Open, OpenPage, Refusal};
use crate::domain::{self, Entity, Hold, Pending, Role, Special, WalletId};
use crate::engine::{Engine, Inner};
use crate::journal::Lsn;
use crate::projections::{Ask, Filter, Place};

/// What a wallet has open, as it was seen.
struct Sight<T> {
    version: u64,
    last_lsn: Lsn,
    open: Vec<Began<T>>,
    more: bool,
}

/// Something open.
struct Began<T> {
    /// Its number in the wallet: what came later has a higher one.
    number: u64,
    /// The wallet's version after it began; zero: it is not known any more.
    since: u64,
    what: T,
}

impl Engine {
    /// At most `limit` of the holds of a wallet, the oldest first, behind the one with a number.
    pub async fn holds(
        &self,
        id: WalletId,
        after: Option<u64>,
        limit: usize,
    ) -> Result<OpenPage<Hold>, Refusal> {
        let list = |special: &Special| {
            let holds = special.holds.iter();
            let began = holds.map(|hold| Began {
                number: hold.number,
                since: hold.version,
                what: hold.clone(),
            });
            began.collect()
        };
        self.begun_of(id, list, (after, limit)).await
    }

    /// At most `limit` of the pending grants of a wallet, the oldest first, behind the one with a number.
    pub async fn pending(
        &self,
        id: WalletId,
        after: Option<u64>,
        limit: usize,
    ) -> Result<OpenPage<Pending>, Refusal> {
        let list = |special: &Special| {
            let grants = special.pending.iter();
            let began = grants.map(|grant| Began {
                number: grant.number,
                since: grant.number,
                what: grant.clone(),
            });
            began.collect()
        };
        self.begun_of(id, list, (after, limit)).await
    }

    async fn begun_of<T: Send + 'static>(
        &self,
        id: WalletId,
        list: fn(&Special) -> Vec<Began<T>>,
        (after, limit): (Option<u64>, usize),
    ) -> Result<OpenPage<T>, Refusal> {
        let sight = self.seen(id, move |_, state, now| {
            let Some(Entity::Wallet(wallet)) = &state.entity else {
                return None;
            };
            let settled = domain::settled(id, wallet, now.max(state.last_at));
            let as_of_now = settled.as_ref().unwrap_or(wallet);
            let mut open = list(as_of_now.special());
            open.retain(|one| after.is_none_or(|after| one.number > after));
            let more = open.len() > limit;
            open.truncate(limit);
            Some(Sight {
                version: wallet.version,
                last_lsn: state.last_lsn,
                open,
                more,
            })
        });
        let sight = sight.await?;
        if sight.open.is_empty() {
            let (rows, next) = (Vec::new(), None);
            return Ok(OpenPage { rows, next });
        }
        self.history_reaches(sight.last_lsn.0).await?;
        let inner = Arc::clone(&self.inner);
        let found = tokio::task::spawn_blocking(move || inner.begun(id, sight)).await;
        found.unwrap_or(Err(Refusal::Unreadable))
    }
}

// === impl Inner ===

impl Inner {
    fn begun<T>(&self, id: WalletId, sight: Sight<T>) -> Result<OpenPage<T>, Refusal> {
        let seen = (sight.version, sight.last_lsn);
        let last = sight.open.last().map(|one| one.number);
        let mut rows = Vec::with_capacity(sight.open.len());
        for Began { since, what, .. } in sight.open {
            let row = match since {
                0 => None,
                since => self.row_of(id, seen, since)?,
            };
            rows.push(Open { what, row });
        }
        let next = last.filter(|_| sight.more);
        Ok(OpenPage { rows, next })
    }

    /// The entry that gave a wallet a version; `None` if the log no longer goes back that far. `(version, last_lsn)`: of
    /// the wallet, so that what comes in meanwhile shifts nothing.
    fn row_of(
        &self,
        id: WalletId,
        (version, last_lsn): (u64, Lsn),
        since: u64,
    ) -> Result<Option<HistoryRow>, Refusal> {
        let back = version.saturating_sub(since);
        let ask = Ask {
            wallet: id.get(),
            filter: Filter::new(&[], None, None, (None, None)),
            from_us: i64::MIN,
            to_us: None,
            ascending: false,
            limit: 1,
            offset: usize::try_from(back).unwrap_or(usize::MAX),
            after: Some(Place::new(last_lsn.0, u8::MAX)),
        };
        let begins = self.reader.first().0;
        let page = self.history.page(&ask, begins).map_err(super::behind)?;
        let Some(place) = page.found.first() else {
            return Ok(None);
        };
        let row = self.row(id.get(), *place)?;
        let part = row.act.event.part(row.leg);
        let stated = part.and_then(|part| part.event.standing(Role::Sole));
        if stated.is_none_or(|standing| standing.version != since) {
            // The log decides what happened.
            self.history.distrust();
            return Err(Refusal::HistoryBehind);
        }
        Ok(Some(row))
    }
}
