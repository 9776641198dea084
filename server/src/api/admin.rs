//! The operator's listener: `/metrics`, `/admin/status` and `/admin/snapshot`.

use hyper::StatusCode;
use serde::Serialize;

use super::health::{Opening, Snapshots};
use super::{Call, Task};
use crate::answer;
use crate::problem::{Code, Problem};

/// The format that Prometheus asks for and prometheus-client writes.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How the server does, for people.
#[derive(Serialize)]
struct Status {
    version: &'static str,
    uptime_seconds: u64,
    ready: bool,
    entities: u64,
    active_entities: u64,
    in_flight: u64,
    idempotency_keys: u64,
    durable_lsn: u64,
    appended_lsn: u64,
    poisoned: bool,
    storage_full: bool,
    opening: Opening,
    snapshots: Snapshots,
}

/// What came of asking for a snapshot.
#[derive(Serialize)]
struct Made {
    /// False: everything that is sealed was covered already.
    made: bool,
    /// Last LSN that the newest snapshot covers.
    lsn: u64,
    #[serde(flatten)]
    snapshot: Option<MadeSnapshot>,
}

#[derive(Serialize)]
struct MadeSnapshot {
    file: String,
    bytes: u64,
    entities: u64,
    keys: u64,
    /// Whether its digest was compared with that of what is being served.
    compared: bool,
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
        let body = Made {
            made: made.is_some(),
            lsn: engine.metrics().snapshots.lsn,
            snapshot: made.map(|made| MadeSnapshot {
                file: made.name,
                bytes: made.bytes,
                entities: made.tally.rows,
                keys: made.tally.keys,
                compared: made.compared,
            }),
        };
        Ok(answer::json(StatusCode::OK, &body))
    })
}
