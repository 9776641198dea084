//! Dry runs: what a command, a bulk or a batch would come to now.
//!
//! The outcome is that of the command itself, decided by the same rules at the same place, with an act that has no
//! transaction. What holds the command up (room, a wallet's queue) holds the dry run up; space in the log does not.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;

use super::{BULK_BURST, Engine, Manner};
use crate::api::{Outcome, Refusal};
use crate::domain::{Command, WalletId};
use crate::entities::{BulkReply, Order, Reply};

impl Engine {
    /// What a command would come to.
    pub async fn rehearse(&self, command: Command) -> Outcome {
        self.rehearse_order(|engine| engine.resolve(command)).await
    }

    /// What a batch would come to. At most [`crate::domain::BATCH_ITEMS_MAX`] commands.
    pub async fn rehearse_batch(&self, commands: Vec<Command>) -> Outcome {
        self.rehearse_order(|engine| engine.resolve_batch(commands))
            .await
    }

    /// What each of many commands would come to by itself, as if there were none of the others.
    pub async fn rehearse_bulk(&self, commands: Vec<Command>) -> Vec<Outcome> {
        let bulk = Arc::new(BulkReply::new(commands.len()));
        for (at, command) in commands.into_iter().enumerate() {
            if at % BULK_BURST == BULK_BURST - 1 {
                tokio::task::yield_now().await;
            }
            let reply = Reply::Item(Arc::clone(&bulk), at);
            let sent = self
                .send_when_possible(Manner::DryRun, reply, |engine| engine.resolve(command))
                .await;
            if let Err(outcome) = sent {
                bulk.put(at, outcome);
            }
        }
        bulk.collect().await
    }

    /// Wallet ids as they may be allotted next. Dry runs take from here, so that they use none up.
    pub fn wallet_ids_to_come(&self) -> impl Fn() -> WalletId + use<> {
        let next = Cell::new(self.inner.next_wallet.load(Ordering::Relaxed));
        move || {
            let id = next.get();
            next.set(id + 1);
            let Some(id) = WalletId::new(id) else {
                unreachable!("2^52 ids are not used up")
            };
            id
        }
    }

    async fn rehearse_order(
        &self,
        resolve: impl FnOnce(&Self) -> Result<Order, Refusal>,
    ) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        let sent = self
            .send_when_possible(Manner::DryRun, Reply::One(reply), resolve)
            .await;
        match sent {
            Ok(()) => outcome.await.unwrap_or(Err(Refusal::OutcomeUnknown)),
            Err(decided) => decided,
        }
    }
}
