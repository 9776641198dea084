//! Answers that are not problems.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// What every handler gives back. One kind of body, never boxed.
pub(crate) type Answer = Response<Full<Bytes>>;

/// Marks the remembered answer to an earlier request.
pub(crate) const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A typical answer, bytes: what its buffer starts with.
const BODY_BYTES: usize = 448;

/// Headers of an answer: content type, request id, and room for the two that some have.
const HEADERS: usize = 4;

/// An answer with a body.
pub(crate) fn with_body(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let mut headers = HeaderMap::with_capacity(HEADERS);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    *response.headers_mut() = headers;
    response
}

/// An answer with JSON that is written already.
pub(crate) fn written(status: StatusCode, body: Vec<u8>) -> Answer {
    with_body(status, "application/json", body)
}

/// An answer with JSON.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    let mut out = Vec::with_capacity(BODY_BYTES);
    let encoded = serde_json::to_writer(&mut out, body);
    assert!(
        encoded.is_ok(),
        "views have string keys only and memory takes them: {encoded:?}"
    );
    written(status, out)
}
