//! The façade: open, submit, read, shut down.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::api::{Act, HistoryPage, HistoryQuery, Outcome, Refusal, Request, WalletView};
use crate::domain::{TransactionId, WalletId};

/// How an engine is set up.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Where the log lives.
    pub directory: PathBuf,
    /// Bytes of a segment: a multiple of 4,096, at least 64 KiB.
    pub segment_bytes: u64,
    /// `O_DIRECT|O_DSYNC` instead of fdatasync.
    pub direct: bool,
    /// Most live actors.
    pub max_active: usize,
    /// How long an actor may idle before its entity is put to rest.
    pub idle: Duration,
    /// Most remembered idempotency keys.
    pub max_keys: usize,
    /// How long a key is remembered.
    pub key_window: Duration,
}

/// What opening found.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Acts replayed.
    pub records: u64,
    /// Time that took.
    pub elapsed: Duration,
    /// Last LSN found.
    pub last_lsn: u64,
    /// Where and how the log ended, in words.
    pub tail: String,
    /// Things an operator should know, in words.
    pub warnings: Vec<String>,
}

/// Why an engine did not open. `exit_code` gives the process exit code that names the class.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The journal refuses.
    #[error("{message}")]
    Journal {
        /// What and where.
        message: String,
        /// Exit code of its class.
        exit_code: i32,
    },
}

/// A running engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {}

/// Counters and gauges at one moment.
#[derive(Clone, Debug, Default)]
pub struct EngineMetrics {
    /// Acts between admission and publication.
    pub in_flight: u64,
    /// Live actors.
    pub active_entities: u64,
    /// Entities that exist.
    pub entities: u64,
    /// Remembered idempotency keys.
    pub keys: u64,
    /// Last LSN on disk.
    pub durable_lsn: u64,
    /// Last LSN given out.
    pub appended_lsn: u64,
    /// Groups written.
    pub groups: u64,
    /// Records written.
    pub records: u64,
    /// Bytes written, padding included.
    pub bytes: u64,
    /// Bytes of padding.
    pub padding_bytes: u64,
    /// Flush latency: upper bound in microseconds and count, cumulative as Prometheus has it, with the sum of all.
    pub fsync_us: (Vec<(f64, u64)>, f64),
    /// Records per group: likewise.
    pub group_records: (Vec<(f64, u64)>, f64),
    /// Whether the disk failed.
    pub poisoned: bool,
    /// Whether commands are refused for want of space.
    pub storage_full: bool,
}

impl Engine {
    /// Replays the log and starts. Must be called within a tokio runtime.
    pub async fn open(_options: EngineOptions) -> Result<Self, OpenError> {
        unreachable!()
    }
    /// What opening found.
    pub fn opening(&self) -> &Opening {
        unreachable!()
    }
    /// Carries out one command; answers when it is durable. Dropping the future loses only the answer.
    pub async fn submit(&self, _request: Request) -> Outcome {
        unreachable!()
    }
    /// Carries out many commands; one outcome each, in their order. Effects on one wallet are in their order.
    pub async fn submit_bulk(&self, _requests: Vec<Request>) -> Vec<Outcome> {
        unreachable!()
    }
    /// A fresh wallet id from 2^52 on.
    pub fn allot_wallet_id(&self) -> WalletId {
        unreachable!()
    }
    /// A wallet as it stands.
    pub async fn wallet(&self, _id: WalletId) -> Result<WalletView, Refusal> {
        unreachable!()
    }
    /// An act by its id; `None` if there is none (a remembered refusal is no act).
    pub async fn transaction(&self, _id: TransactionId) -> Result<Option<Act>, Refusal> {
        unreachable!()
    }
    /// A page of a wallet's history, never older than what was durable when asked.
    pub async fn history(&self, _query: HistoryQuery) -> Result<HistoryPage, Refusal> {
        unreachable!()
    }
    /// Counters and gauges.
    pub fn metrics(&self) -> EngineMetrics {
        unreachable!()
    }
    /// Whether commands are accepted.
    pub fn is_ready(&self) -> bool {
        unreachable!()
    }
    /// Stops taking commands, finishes what is in flight, closes the journal.
    pub async fn shutdown(&self) {
        unreachable!()
    }
}
