//! `/problems` and `/problems/<code>`: what a code means, where its `type` points to.

use std::fmt::Write;

use hyper::StatusCode;

use super::{Call, Task};
use crate::answer;
use crate::problem::Code;

const HTML: &str = "text/html; charset=utf-8";

const STYLE: &str = "body{font:16px/1.6 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem;color:#1c2430;background:#fff}code{font:14px ui-monospace,monospace;background:#eef1f5;padding:.1em .4em;border-radius:4px}a{color:#0b5cad}td{padding:.3rem 1rem .3rem 0;vertical-align:top}@media(prefers-color-scheme:dark){body{background:#12161c;color:#dde3ea}code{background:#232a34}a{color:#7db8f5}}";

/// `GET /problems`
pub(crate) fn list(_: Call) -> Task {
    Box::pin(async {
        let mut rows = String::new();
        for facts in Code::ALL.iter().copied().map(Code::facts) {
            let written = write!(
                rows,
                "<tr><td>{}</td><td><a href=\"/problems/{}\"><code>{}</code></a></td><td>{}</td></tr>",
                facts.status.as_u16(),
                facts.code,
                facts.code,
                facts.title
            );
            assert!(written.is_ok(), "a string takes every text");
        }
        let page = page("Problems", &format!("<table>{rows}</table>"));
        Ok(answer::with_body(StatusCode::OK, HTML, page))
    })
}

/// `GET /problems/{code}`
pub(crate) fn show(call: Call) -> Task {
    Box::pin(async move {
        let code = Code::from_word(&call.word).ok_or_else(|| Code::RouteNotFound.plain())?;
        let facts = code.facts();
        let again = match facts.retry_after {
            Some(seconds) => {
                format!("<p>The answer carries <code>Retry-After: {seconds}</code>.</p>")
            }
            None => String::new(),
        };
        let text = format!(
            "<p><code>{}</code>, status <code>{}</code></p><p>{}</p>{again}<p><a href=\"/problems\">All problems</a></p>",
            facts.code, facts.status, facts.meaning
        );
        Ok(answer::with_body(
            StatusCode::OK,
            HTML,
            page(facts.title, &text),
        ))
    })
}

fn page(title: &str, text: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title} · Scrip</title><style>{STYLE}</style></head><body><h1>{title}</h1>{text}</body></html>"
    )
}
