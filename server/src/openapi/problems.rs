//! Problems, described from the catalogue of codes.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde_json::json;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::bodies;
use super::words::Words;
use crate::api::Action;
use crate::draft::Field;
use crate::problem::Code;
use crate::router::Row;

/// What every route may answer.
const EVERYWHERE: &[Code] = &[Code::InvalidParameter, Code::MalformedRequest];

/// What every route that needs the engine may answer.
const WITH_ENGINE: &[Code] = &[Code::Replaying, Code::Overloaded, Code::InternalError];

/// What every route with a body may answer.
const WITH_BODY: &[Code] = &[
    Code::MalformedJson,
    Code::RequestTimeout,
    Code::BodyTooLarge,
    Code::UnsupportedMediaType,
    Code::InvalidField,
    Code::Draining,
];

/// What every command may answer.
const OF_COMMANDS: &[Code] = &[
    Code::InvalidIdempotencyKey,
    Code::IdempotencyMismatch,
    Code::IdempotencyRunning,
    Code::TooManyRequests,
    Code::OutcomeUnknown,
    Code::StorageFull,
    Code::KeyTableFull,
];

/// Status and text of every problem that a route may answer.
pub(super) fn by_status(row: &Row, words: &Words) -> BTreeMap<StatusCode, String> {
    let engine = ["/v1/", "/admin/"].map(|start| row.path.starts_with(start));
    let engine = engine.contains(&true);
    let period = row.path.contains("{period}");
    let body = bodies::of(row).is_some();
    let command = matches!(row.action, Action::Command(_));
    let takes = |field| match row.action {
        Action::Command(route) => route.fields.has(field),
        Action::Task(_) => row.name == "POST /v1/bulk",
    };
    let groups = [
        (true, EVERYWHERE),
        (true, words.codes),
        (engine, WITH_ENGINE),
        (body, WITH_BODY),
        (period && !body, &[Code::InvalidField]),
        (command, OF_COMMANDS),
        (takes(Field::IfVersion), &[Code::VersionMismatch]),
        (takes(Field::MinBalanceAfter), &[Code::MinBalance]),
    ];
    let mut texts = BTreeMap::<StatusCode, Vec<String>>::new();
    for code in groups
        .iter()
        .filter(|(on, _)| *on)
        .flat_map(|(_, codes)| *codes)
    {
        let facts = code.facts();
        let text = format!("- [`{0}`](/problems/{0}): {1}", facts.code, facts.title);
        texts.entry(facts.status).or_default().push(text);
    }
    let joined = texts
        .into_iter()
        .map(|(status, lines)| (status, lines.join("\n")));
    joined.collect()
}

/// The shape of a problem.
pub(super) fn schema() -> RefOr<Schema> {
    let string = || ObjectBuilder::new().schema_type(Type::String);
    let fault = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property(
            "pointer",
            string().description(Some("JSON pointer into the body.")),
        )
        .property(
            "parameter",
            string().description(Some("Name of a parameter of the query or the path.")),
        )
        .property("detail", string())
        .required("detail");
    let codes = Code::words();
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(
            "RFC 9457. Codes have members of their own, such as available and requested.",
        ))
        .property(
            "type",
            string().description(Some("/problems/ and the code: a page that explains it.")),
        )
        .required("type")
        .property("title", string())
        .required("title")
        .property("status", ObjectBuilder::new().schema_type(Type::Integer))
        .required("status")
        .property("detail", string())
        .required("detail")
        .property("code", string().enum_values(Some(codes)))
        .required("code")
        .property("errors", ArrayBuilder::new().items(fault))
        .examples([json!({
            "type": "/problems/insufficient-balance",
            "title": Code::InsufficientBalance.facts().title,
            "status": 422,
            "detail": "70 points can be spent, 3000 were requested",
            "code": "insufficient-balance",
            "available": 70,
            "requested": 3000,
        })])
        .into()
}
