//! The operator's listener: `/metrics`, `/admin/status` and `/admin/snapshot`.

use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::health::{Opening, Snapshots};
use super::{Call, Task};
use crate::answer;
use crate::problem::{Code, Problem};

/// The format that Prometheus asks for and prometheus-client writes.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How the server does, for people.
#[derive(Serialize, ToSchema)]
pub(crate) struct Status {
    /// Of the server.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// Time since its start.
    uptime_seconds: u64,
    /// Whether it takes commands.
    ready: bool,
    /// Wallets, companies and the settings.
    entities: u64,
    /// Those of them that are being worked on.
    active_entities: u64,
    /// Commands that were taken and are not answered.
    in_flight: u64,
    /// Keys that are remembered.
    idempotency_keys: u64,
    /// Everything up to here is on disk.
    durable_lsn: u64,
    /// Everything up to here was handed to the log.
    appended_lsn: u64,
    /// Whether the disk failed: nothing is acknowledged any more, and the process ends.
    poisoned: bool,
    /// Whether commands are refused because the disk is full.
    storage_full: bool,
    opening: Opening,
    snapshots: Snapshots,
}

/// What came of asking for a snapshot.
#[derive(Serialize, ToSchema)]
pub(crate) struct SnapshotMade {
    /// False: everything that is sealed was covered already, and nothing else is said.
    made: bool,
    /// Last LSN that the newest snapshot covers; 0 = there is none.
    #[schema(example = 91310)]
    lsn: u64,
    /// Its name, below the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    file: Option<String>,
    /// Its size.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 40960)]
    bytes: Option<u64>,
    /// Wallets, companies and the settings in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 3)]
    entities: Option<u64>,
    /// Idempotency keys in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 2)]
    keys: Option<u64>,
    /// Whether its digest was compared with that of what is being served.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    compared: Option<bool>,
}

/// `GET /metrics`
pub(crate) fn metrics(call: Call) -> Task {
    Box::pin(async move {
        let text = call.app.metrics.to_text();
        Ok(answer::with_body(StatusCode::OK, OPEN_METRICS, text))
    })
}

/// `GET /admin/status`
pub(crate) fn status(call: Call) -> Task {
    Box::pin(async move {
        let engine = call.app.engine()?;
        let metrics = engine.metrics();
        let body = Status {
            version: env!("CARGO_PKG_VERSION"),
            uptime_seconds: call.app.epoch.elapsed().as_secs(),
            ready: engine.is_ready(),
            entities: metrics.entities,
            active_entities: metrics.active_entities,
            in_flight: metrics.in_flight,
            idempotency_keys: metrics.keys,
            durable_lsn: metrics.durable_lsn,
            appended_lsn: metrics.appended_lsn,
            poisoned: metrics.poisoned,
            storage_full: metrics.storage_full,
            opening: Opening::of(engine),
            snapshots: Snapshots::of(engine),
        };
        Ok(answer::json(StatusCode::OK, &body))
    })
}

/// `POST /admin/snapshot`: answers when it is made. Whoever goes away does not stop it.
pub(crate) fn snapshot(call: Call) -> Task {
    Box::pin(async move {
        let engine = call.app.engine()?;
        let made = engine.snapshot().await;
        let made = made.map_err(|reason| Problem::new(Code::SnapshotFailed, reason))?;
        let body = SnapshotMade {
            made: made.is_some(),
            lsn: engine.metrics().snapshots.lsn,
            bytes: made.as_ref().map(|made| made.bytes),
            entities: made.as_ref().map(|made| made.tally.rows),
            keys: made.as_ref().map(|made| made.tally.keys),
            compared: made.as_ref().map(|made| made.compared),
            file: made.map(|made| made.name),
        };
        Ok(answer::json(StatusCode::OK, &body))
    })
}
