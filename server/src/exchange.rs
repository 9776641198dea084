//! One request from its header to its answer; the same way for every route.
//!
//! ```text
//! header ─► route ─► query ─► body ─► draft ─► command ─► engine ─► act ─► answer
//! ```

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use engine::Request as EngineRequest;
use engine::domain::{Command, WalletId};
use engine::record::IdempotencyKey;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{
    ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, LOCATION,
};
use hyper::{Request, Response, StatusCode, Version};

use crate::answer::{Answer, IDEMPOTENT_REPLAYED};
use crate::api::{Action, Call, CommandRoute, Setting};
use crate::app::App;
use crate::body::{self, BODY_BYTES_MAX};
use crate::draft::{self, Draft};
use crate::error;
use crate::key;
use crate::metrics::UNROUTED;
use crate::problem::{Code, Outcome, Problem};
use crate::query::Query;
use crate::request_id::X_REQUEST_ID;
use crate::router::{Found, Pieces, Router, Row};

/// Which listener a request came in by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Door {
    /// The main one.
    Public,
    /// The operator's.
    Admin,
}

/// Answers one request, and tells when. Whatever goes wrong, there is an answer.
pub(crate) async fn exchange(
    app: &Arc<App>,
    door: Door,
    request: Request<Incoming>,
) -> (Answer, Instant) {
    let begun = Instant::now();
    let request_id = app.request_ids.of(request.headers());
    let router = match door {
        Door::Public => &app.public,
        Door::Admin => &app.admin,
    };
    let (mut number, mut name) = (UNROUTED, "none");
    let outcome = match find(router, &request) {
        Err(problem) => Err(problem),
        Ok(Found::Options(allow)) => Ok(answer_options(allow)),
        Ok(Found::Row(row, at, pieces)) => {
            (number, name) = (at, row.name);
            run(app, row, pieces, request).await
        }
    };
    let mut answer = match outcome {
        Ok(answer) => answer,
        Err(problem) => {
            app.metrics.count_problem(problem.code);
            report(&problem, name, &request_id);
            problem.into_response()
        }
    };
    let ended = Instant::now();
    let elapsed = ended.duration_since(begun);
    app.metrics.observe(number, answer.status(), elapsed);
    tracing::debug!(
        route = name,
        status = answer.status().as_u16(),
        us = elapsed.as_micros() as u64,
        ?request_id,
        "answered"
    );
    answer.headers_mut().insert(X_REQUEST_ID, request_id);
    (answer, ended)
}

/// Problems that are the server's own fault stand in the log, once.
fn report(problem: &Problem, route: &str, request_id: &HeaderValue) {
    if problem.code.facts().status == StatusCode::INTERNAL_SERVER_ERROR {
        let code = problem.code.facts().code;
        tracing::error!(code, route, ?request_id, "request failed");
    }
}

fn find<'a>(router: &'a Router, request: &Request<Incoming>) -> Outcome<Found<'a>> {
    check_host(request.version(), request.headers())?;
    router.find(request.method(), request.uri().path())
}

/// RFC 9112 §3.2: exactly one Host in HTTP/1.1, at most one before.
fn check_host(version: Version, headers: &HeaderMap) -> Outcome<()> {
    let mut hosts = headers.get_all(HOST).iter();
    let first = hosts.next();
    let detail = match (first, hosts.next()) {
        (_, Some(_)) => "the Host header comes more than once",
        (None, None) if version == Version::HTTP_11 => "the Host header is missing",
        _ => return Ok(()),
    };
    Err(Problem::new(Code::MalformedRequest, detail))
}

async fn run(
    app: &Arc<App>,
    row: &Row,
    pieces: Pieces,
    request: Request<Incoming>,
) -> Outcome<Answer> {
    let Pieces { id, word } = pieces;
    let query = Query::parse(request.uri().query(), row.query)?;
    match row.action {
        Action::Command(route) => match query.dry_run()? {
            false => run_command(app, row.name, route, id, request).await,
            true => rehearse(app, route, id, request).await,
        },
        Action::Task(task) => {
            task(Call {
                app: Arc::clone(app),
                id,
                word,
                query,
                request,
            })
            .await
        }
    }
}

/// A body with the key under which it was sent.
pub(crate) struct Taken {
    pub(crate) bytes: Bytes,
    pub(crate) key: Option<IdempotencyKey>,
}

/// Takes the body of a request that is more than one command.
pub(crate) async fn take(app: &App, template: &str, request: Request<Incoming>) -> Outcome<Taken> {
    let (head, incoming) = request.into_parts();
    check_media_type(&head.headers)?;
    let key = key::from_headers(&head.headers)?;
    let gathered = body::read(incoming, BODY_BYTES_MAX, app.options.body, &app.gathering).await?;
    let bytes = gathered.bytes.clone();
    let key = key.map(|key| key::digest(template, key, head.uri.path(), &bytes));
    Ok(Taken { bytes, key })
}

async fn run_command(
    app: &App,
    name: &'static str,
    route: &CommandRoute,
    id: u64,
    request: Request<Incoming>,
) -> Outcome<Answer> {
    let engine = app.engine()?;
    let (head, incoming) = request.into_parts();
    if !(route.bare && incoming.is_end_stream()) {
        check_media_type(&head.headers)?;
    }
    let key = key::from_headers(&head.headers)?;
    let gathered = body::read(incoming, BODY_BYTES_MAX, app.options.body, &app.gathering).await?;
    let allot = || engine.allot_wallet_id();
    let command = read_command(route, id, &allot, &gathered.bytes)?;
    let key = key.map(|key| key::digest(name, key, head.uri.path(), &gathered.bytes));
    drop(gathered);
    let outcome = engine.submit(EngineRequest { command, key }).await;
    let receipt = outcome.map_err(error::refused)?;
    let mut answer = (route.answer)(&receipt.act);
    if receipt.replayed {
        let headers = answer.headers_mut();
        headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(answer)
}

/// What a command would come to. A key is neither claimed nor compared.
async fn rehearse(
    app: &App,
    route: &CommandRoute,
    id: u64,
    request: Request<Incoming>,
) -> Outcome<Answer> {
    let engine = app.engine()?;
    let (head, incoming) = request.into_parts();
    if !(route.bare && incoming.is_end_stream()) {
        check_media_type(&head.headers)?;
    }
    key::from_headers(&head.headers)?;
    let gathered = body::read(incoming, BODY_BYTES_MAX, app.options.body, &app.gathering).await?;
    let to_come = engine.wallet_ids_to_come();
    let command = read_command(route, id, &to_come, &gathered.bytes)?;
    drop((gathered, to_come));
    let receipt = engine.rehearse(command).await.map_err(error::refused)?;
    let mut answer = (route.answer)(&receipt.act);
    // Nothing was made, so there is no place where it is.
    *answer.status_mut() = StatusCode::OK;
    answer.headers_mut().remove(LOCATION);
    Ok(answer)
}

/// From a body to the command that it asks for.
pub(crate) fn read_command(
    route: &CommandRoute,
    id: u64,
    allot: &dyn Fn() -> WalletId,
    bytes: &[u8],
) -> Outcome<Command> {
    let mut draft = read_draft(route.bare, bytes)?;
    draft.allow(route.fields);
    let setting = Setting { id, allot };
    let command = (route.read)(&setting, &mut draft);
    let command = command.map(|command| draft.conditions(command));
    let command = command.filter(|_| draft.is_sound());
    command.ok_or_else(|| Problem::of_fields(draft.into_faults()))
}

/// Reads a body; an empty one if it may be left out.
pub(crate) fn read_draft(bare: bool, bytes: &[u8]) -> Outcome<Draft<'_>> {
    if bare && bytes.is_empty() {
        return Ok(Draft::default());
    }
    draft::parse(bytes).map_err(|(malformed, field)| error::malformed(malformed, field))
}

/// Only JSON, only as it is.
pub(crate) fn check_media_type(headers: &HeaderMap) -> Outcome<()> {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let json = match kind {
        Some(b"application/json") => true,
        Some(kind) => is_json(kind),
        None => false,
    };
    let plain = headers
        .get(CONTENT_ENCODING)
        .is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if json && plain {
        return Ok(());
    }
    Err(Code::UnsupportedMediaType.plain())
}

/// `application/json`, in any case, with no parameter but `charset=utf-8`.
fn is_json(kind: &[u8]) -> bool {
    let Ok(kind) = std::str::from_utf8(kind) else {
        return false;
    };
    let mut parts = kind.split(';').map(str::trim);
    let essence = parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    essence
        && parts.all(|parameter| {
            parameter.eq_ignore_ascii_case("charset=utf-8")
                || parameter.eq_ignore_ascii_case("charset=\"utf-8\"")
        })
}

fn answer_options(allow: HeaderValue) -> Answer {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(ALLOW, allow);
    response
}

#[cfg(test)]
mod tests;
