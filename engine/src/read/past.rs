//! A wallet as it stood at a past moment: its acts up to then, applied again.
//!
//! ```text
//! created ─ act ─ act ─ … ─ act ≤ moment │ act …
//! ```
//! The index says which acts touched the wallet, the log says what they did, and the rules are those of replay.

use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::time::timeout;

use super::{HISTORY_WAIT, behind};
use crate::api::{Moment, PastWallet, Refusal, WalletView};
use crate::domain::{self, Allocation, Entity, Event, Rejection, Role, Timestamp, WalletId};
use crate::engine::{Engine, Inner};
use crate::journal::{ActReader, JournalError, Lsn};
use crate::projections::Place;
use crate::record::{self, Content};

/// Records of one act at most: how far before an LSN its act may begin.
const ACT_RECORDS_MAX: u64 = 64;

/// Where a wallet's past ends.
#[derive(Clone, Copy)]
struct Edge {
    lsn: u64,
    at: Timestamp,
}

impl Engine {
    /// A wallet as it stood at a past moment, with its lots.
    pub async fn wallet_at(&self, id: WalletId, moment: Moment) -> Result<PastWallet, Refusal> {
        let now = Timestamp(self.inner.core.clock.now_us());
        let ahead = match moment {
            Moment::At(at) => at > now,
            Moment::AtLsn(lsn) => lsn > self.inner.core.journal.appended().0,
        };
        if ahead {
            return Err(Refusal::MomentAhead);
        }
        let view = self.wallet(id).await?;
        // What is on its way may belong to that moment: it has to be known what becomes of it. And nothing more may
        // come to belong to it.
        let journal = &self.inner.core.journal;
        let appended = match moment {
            Moment::At(at) => journal.no_sooner(at.0.saturating_add(1)).0,
            Moment::AtLsn(_) => journal.appended().0,
        };
        let settled = async {
            self.inner.position.reached(appended).await;
            self.inner.history.whole().await;
        };
        if timeout(HISTORY_WAIT, settled).await.is_err() {
            return Err(Refusal::HistoryBehind);
        }
        let inner = Arc::clone(&self.inner);
        let past = tokio::task::spawn_blocking(move || inner.past(&view, moment)).await;
        past.unwrap_or(Err(Refusal::Unreadable))
    }
}

// === impl Inner ===

impl Inner {
    fn past(&self, view: &WalletView, moment: Moment) -> Result<PastWallet, Refusal> {
        let rejection = Rejection::WalletNotFound { wallet: view.id };
        let unborn = Refusal::Rejected {
            rejection,
            replayed: false,
        };
        if matches!(moment, Moment::AtLsn(lsn) if self.is_gone(lsn)) {
            return Err(Refusal::Gone);
        }
        let edge = match moment {
            Moment::At(at) => Edge {
                lsn: u64::MAX >> 8,
                at,
            },
            Moment::AtLsn(lsn) => Edge {
                lsn,
                at: Timestamp(time_of(&self.reader, lsn).map_err(unreadable)?),
            },
        };
        let (lsn, created, role) = self.creation(view)?;
        if lsn > edge.lsn || view.created_at > edge.at {
            return Err(unborn);
        }
        let mut state = None;
        apply(&mut state, role, &created, lsn)?;
        // A batch has several entries of one wallet, and is applied once.
        let (mut applied, mut last_lsn, mut failure) = (lsn, lsn, None);
        let walked = self
            .history
            .until(view.id.get(), edge.lsn, edge.at.0, |place| {
                if place.lsn() == applied {
                    return ControlFlow::Continue(());
                }
                applied = place.lsn();
                match self.apply_at(&mut state, view.id, place) {
                    Ok(lsn) => {
                        last_lsn = lsn;
                        ControlFlow::Continue(())
                    }
                    Err(refusal) => {
                        failure = Some(refusal);
                        ControlFlow::Break(())
                    }
                }
            });
        walked.map_err(behind)?;
        if let Some(refusal) = failure {
            return Err(refusal);
        }
        let Some(Entity::Wallet(wallet)) = state else {
            return Err(Refusal::Unreadable);
        };
        // What had come due by then counts, whether a record of it had been written or not.
        let settled = domain::settled(view.id, &wallet, edge.at);
        let open = settled.as_ref().unwrap_or(&wallet).lots.buckets().iter();
        let open = open.filter(|bucket| !bucket.key.is_lapsed(edge.at));
        let lots = open.map(|bucket| Allocation {
            bucket: bucket.key,
            amount: bucket.lots.iter().map(|lot| lot.remaining).sum(),
        });
        Ok(PastWallet {
            lots: lots.collect(),
            view: WalletView::new(view.id, &wallet, edge.at, last_lsn, view.created_at),
        })
    }

    /// Applies one act; gives the LSN of its last record.
    fn apply_at(
        &self,
        state: &mut Option<Entity>,
        wallet: WalletId,
        place: Place,
    ) -> Result<u64, Refusal> {
        let lsn = place.lsn();
        let read = self.reader.with_act(Lsn(lsn), |act| {
            record::decode(act.kind, act.schema, act.body).map(|read| (read, act.last_lsn.0))
        });
        let Some(Ok((read, last_lsn))) = read.map_err(unreadable)? else {
            return Err(Refusal::Unreadable);
        };
        let Content::Event(event) = read.content else {
            return Err(Refusal::Unreadable);
        };
        match role_of(&event, wallet) {
            Some(role) => apply(state, role, &event, lsn)?,
            None => {
                self.history.distrust();
                return Err(Refusal::HistoryBehind);
            }
        }
        Ok(last_lsn)
    }

    /// The act that created a wallet, found by its time: it moved no points, so the index does not have it.
    fn creation(&self, view: &WalletView) -> Result<(u64, Event, Role), Refusal> {
        let begins = self.reader.first().0;
        let (mut low, mut high) = (begins.max(1), self.reader.durable().0);
        while low < high {
            let middle = low + (high - low) / 2;
            if time_of(&self.reader, middle).map_err(unreadable)? < view.created_at.0 {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        for lsn in low..=self.reader.durable().0 {
            let Some((record, at)) = self.record_at(lsn)? else {
                continue;
            };
            if let Content::Event(event) = record.content
                && let Some(role) = role_of(&event, view.id)
                && event.standing_before(role).is_none()
            {
                return Ok((lsn, event, role));
            }
            if at > view.created_at {
                break;
            }
        }
        if self.reader.first().0 > 1 {
            return Err(Refusal::Gone);
        }
        tracing::error!(wallet = %view.id, "the log does not have the creation of a wallet");
        Err(Refusal::Unreadable)
    }
}

/// The role that a wallet plays in an event.
fn role_of(event: &Event, wallet: WalletId) -> Option<Role> {
    let roles = event.roles();
    let found = roles.iter().find(|(id, _)| *id == wallet.entity());
    found.map(|(_, role)| *role)
}

/// Time of the act that an LSN belongs to.
pub(super) fn time_of(reader: &ActReader, lsn: u64) -> Result<i64, JournalError> {
    for lsn in (lsn.saturating_sub(ACT_RECORDS_MAX)..=lsn).rev() {
        if let Some(time) = reader.with_act(Lsn(lsn), |act| act.time_us)? {
            return Ok(time);
        }
    }
    Ok(i64::MIN)
}

fn apply(state: &mut Option<Entity>, role: Role, event: &Event, lsn: u64) -> Result<(), Refusal> {
    domain::apply(state, role, event).map_err(|error| {
        tracing::error!(%error, lsn, "an act does not follow from those before it");
        Refusal::Unreadable
    })
}

pub(super) fn unreadable(error: JournalError) -> Refusal {
    tracing::error!(%error, "the log cannot be read back");
    Refusal::Unreadable
}
