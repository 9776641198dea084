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
}

/// What recovery found when the server started.
#[derive(Serialize, ToSchema)]
pub(crate) struct Opening {
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
        Self {
            records: opening.records,
            seconds,
            records_per_second: if rate.is_finite() { rate.round() } else { 0.0 },
            last_lsn: opening.last_lsn,
            tail: opening.tail.clone(),
            warnings: opening.warnings.clone(),
        }
    }
}
