//! The operator's listener: `/metrics` and `/admin/status`.

use hyper::StatusCode;
use serde::Serialize;

use super::health::Opening;
use super::{Call, Task};
use crate::answer;

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
        };
        Ok(answer::json(StatusCode::OK, &body))
    })
}
