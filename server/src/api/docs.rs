//! `/openapi.json`, and `/docs`: a page that reads that of its own listener, with nothing from elsewhere.

use hyper::StatusCode;

use super::{Call, Task};
use crate::answer;
use crate::openapi;

/// One file: markup, style and script.
const PAGE: &str = include_str!("docs.html");

/// `GET /openapi.json`
pub(crate) fn openapi(_: Call) -> Task {
    Box::pin(async {
        let text = openapi::text();
        Ok(answer::with_body(StatusCode::OK, "application/json", text))
    })
}

/// `GET /openapi.json` of the operator's listener
pub(crate) fn admin_openapi(_: Call) -> Task {
    Box::pin(async {
        let text = openapi::admin_text();
        Ok(answer::with_body(StatusCode::OK, "application/json", text))
    })
}

/// `GET /docs`
pub(crate) fn page(_: Call) -> Task {
    Box::pin(async {
        let kind = "text/html; charset=utf-8";
        Ok(answer::with_body(StatusCode::OK, kind, PAGE))
    })
}
