//! `/livez` and `/readyz`: whether the process lives, and whether it takes commands.

use std::sync::atomic::Ordering;

use engine::Engine;
use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, Task};
use crate::answer;
use crate::problem::{Code, Outcome};

/// Parameters of `/readyz`.
pub(crate) const READY_PARAMETERS: &[&str] = &["verbose"];

/// Whether the process lives or takes commands.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// live or ready.
    #[schema(example = "ready")]
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    opening: Option<Opening>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    snapshots: Option<Snapshots>,
}

/// What has been done about snapshots since the start.
#[derive(Serialize, ToSchema)]
pub(crate) struct Snapshots {
    /// Last LSN that the newest one covers; 0 = there is none.
    lsn: u64,
    /// Whether one is being made.
    running: bool,
    /// Made since the start.
    made: u64,
    /// Attempts that failed; the older ones stayed.
    failures: u64,
    /// Attempts in which two foldings of the log came to different states. Anything but 0 is an alarm.
    mismatches: u64,
    /// Sealed bytes of log that none covers.
    behind_bytes: u64,
}

/// The snapshot that the server started from.
#[derive(Serialize, ToSchema)]
pub(crate) struct OpenedSnapshot {
    /// Last LSN that it covers.
    lsn: u64,
    /// Wallets in it.
    entities: u64,
    /// Idempotency keys in it.
    keys: u64,
    /// Time that loading and checking it took, seconds.
    seconds: f64,
}

/// What recovery found when the server started.
#[derive(Serialize, ToSchema)]
pub(crate) struct Opening {
    /// Null: the whole log was replayed.
    snapshot: Option<OpenedSnapshot>,
    /// Records replayed.
    records: u64,
    /// Time that took, seconds.
    seconds: f64,
    /// Records replayed in a second.
    records_per_second: f64,
    /// Last LSN found.
    last_lsn: u64,
    /// Where and how the log ended.
    tail: String,
    /// Things an operator should know.
    warnings: Vec<String>,
}

/// `GET /livez`
pub(crate) fn live(_: Call) -> Task {
    Box::pin(async {
        let body = Health {
            status: "live",
            opening: None,
            snapshots: None,
        };
        Ok(answer::json(StatusCode::OK, &body))
    })
}

/// `GET /readyz`
pub(crate) fn ready(call: Call) -> Task {
    Box::pin(async move {
        let engine = check_ready(&call)?;
        let verbose = call.query.get("verbose").is_some();
        let body = Health {
            status: "ready",
            opening: verbose.then(|| Opening::of(engine)),
            snapshots: verbose.then(|| Snapshots::of(engine)),
        };
        Ok(answer::json(StatusCode::OK, &body))
    })
}

fn check_ready(call: &Call) -> Outcome<&Engine> {
    let engine = call.app.engine()?;
    if call.app.draining.load(Ordering::Relaxed) {
        return Err(Code::Draining.plain());
    }
    if engine.is_ready() {
        return Ok(engine);
    }
    let failed = engine.metrics().poisoned;
    Err(if failed {
        Code::StorageFailed
    } else {
        Code::Draining
    }
    .plain())
}

// === impl Opening ===

impl Opening {
    /// What an engine found.
    pub(crate) fn of(engine: &Engine) -> Self {
        let opening = engine.opening();
        let seconds = opening.elapsed.as_secs_f64();
        let rate = opening.records as f64 / seconds;
        let from = opening.snapshot.as_ref().map(|snapshot| OpenedSnapshot {
            lsn: snapshot.lsn,
            entities: snapshot.entities,
            keys: snapshot.keys,
            seconds: snapshot.elapsed.as_secs_f64(),
        });
        Self {
            snapshot: from,
            records: opening.records,
            seconds,
            records_per_second: if rate.is_finite() { rate.round() } else { 0.0 },
            last_lsn: opening.last_lsn,
            tail: opening.tail.clone(),
            warnings: opening.warnings.clone(),
        }
    }
}

// === impl Snapshots ===

impl Snapshots {
    /// Of a running engine.
    pub(crate) fn of(engine: &Engine) -> Self {
        let figures = engine.metrics().snapshots;
        Self {
            lsn: figures.lsn,
            running: figures.running,
            made: figures.made,
            failures: figures.failures,
            mismatches: figures.mismatches,
            behind_bytes: figures.behind_bytes,
        }
    }
}
