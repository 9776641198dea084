//! `POST /noop`: the HTTP stack without the engine, so that a bench can tell the two apart.

use hyper::StatusCode;

use super::{Call, Task};
use crate::answer;
use crate::body::{self, BODY_BYTES_MAX};
use crate::exchange::check_media_type;

/// As large as the receipt of a charge.
const BODY: &[u8] = br#"{"id":1234567,"wallet":1234,"type":"charge","amount":100,"balance":123456,"paid":123456,"free":0,"version":4321,"allocations":[{"fund":"paid","expires_at":null,"amount":100}],"description":"","created_at":"2025-06-01T12:00:00.000000Z"}"#;

/// Reads the body and answers what every request is answered.
pub(crate) fn run(call: Call) -> Task {
    Box::pin(async move {
        let app = call.app;
        let (head, incoming) = call.request.into_parts();
        check_media_type(&head.headers)?;
        let time = app.options.body;
        body::read(incoming, BODY_BYTES_MAX, time, &app.gathering).await?;
        Ok(answer::with_body(
            StatusCode::CREATED,
            "application/json",
            BODY,
        ))
    })
}
