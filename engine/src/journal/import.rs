//! Importing: acts that were told in words become the log of a new store.
//!
//! The store is a new one, with an id of its own; acts keep their LSNs and times. What is no whole and gapless log is
//! refused act by act.

use super::NewAct;
use super::error::JournalError;
use super::frame::KIND_LOSS;
use super::loss::Loss;
use super::meta::Meta;
use super::options::Entropy;
use super::rewrite::{Identity, Rewrite};
use super::storage::Storage;

/// A store that is being imported into an empty directory.
pub struct Import<'a> {
    into: Rewrite<'a>,
    last_time_us: i64,
}

impl<'a> Import<'a> {
    /// `created_us` is written into the new headers.
    pub fn new(
        storage: &'a dyn Storage,
        entropy: &'a Entropy,
        created_us: i64,
        segment_bytes: u64,
    ) -> Result<Self, JournalError> {
        let identity = Identity {
            store_id: entropy
                .draw()
                .map_err(JournalError::io("draw", "a store id"))?,
            timeline: 0,
            created_us,
        };
        Ok(Self {
            into: Rewrite::new(storage, identity, entropy, segment_bytes),
            last_time_us: i64::MIN,
        })
    }

    /// Appends the act that bore `lsn`: the next one, and not earlier than the one before.
    pub fn append(&mut self, lsn: u64, act: NewAct<'_>) -> Result<(), JournalError> {
        let next = self.into.next_lsn();
        if lsn != next {
            return Err(JournalError::Options(format!(
                "LSN {lsn} where LSN {next} should come"
            )));
        }
        if act.now_us < self.last_time_us {
            return Err(JournalError::Options(format!(
                "LSN {lsn} is earlier than the act before it"
            )));
        }
        self.last_time_us = act.now_us;
        if act.kind != KIND_LOSS {
            return self.into.append(act).map(drop);
        }
        let loss = Loss::parse(act.body).filter(|loss| loss.from_lsn == lsn);
        let Some(loss) = loss.filter(|loss| loss.to_lsn >= lsn) else {
            let what = format!("LSN {lsn} is no record of a loss");
            return Err(JournalError::Options(what));
        };
        self.into.append_loss(loss, act.now_us).map(drop)
    }

    /// The last LSN appended.
    pub fn last_lsn(&self) -> u64 {
        self.into.next_lsn() - 1
    }

    /// Closes the log in order and makes it a store.
    pub fn finish(self) -> Result<Meta, JournalError> {
        self.into.finish()
    }
}
