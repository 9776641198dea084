//! `/openapi.json`: the API described, from the same tables that serve it.
//!
//! Paths, methods and parameters come from the router's rows, request bodies from the fields that a
//! route takes, answers from the views, problems from the catalogue of codes; only the words about
//! them stand in `openapi/words/`. Each listener describes its own routes. The results are also committed as
//! `docs/openapi.json` and `docs/openapi-admin.json`.

mod bodies;
mod problems;
mod words;

use std::sync::LazyLock;

use bytes::Bytes;
use hyper::StatusCode;
use serde_json::json;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{
    Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{Components, ComponentsBuilder, ObjectBuilder, Type};
use utoipa::openapi::server::ServerBuilder;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ContentBuilder, HttpMethod, InfoBuilder, License, OpenApi, OpenApiBuilder, PathItem,
    PathsBuilder, Ref, RefOr, Required, ResponseBuilder, Schema,
};
use utoipa::{PartialSchema, ToSchema};

use self::words::{Answers, Words};
use crate::api::bulk::AtomicBulk;
use crate::api::{
    admin, archive, companies, health, history, holds, lots, pending, reports, settings,
    settlement_runs, settlements, transactions, views,
};
use crate::router::{Row, Verb, admin_rows, public_rows};

/// The document of the main listener, written once.
static TEXT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(to_text(&document())));

/// That of the operator's listener.
static ADMIN_TEXT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(to_text(&admin_document())));

/// Nearly all answers are JSON.
const JSON: &str = "application/json";

const PROBLEM_JSON: &str = "application/problem+json";

const ABOUT: &str = "Scrip keeps points: every owner's balance in a wallet, every change on disk before it is acknowledged.\n\nNumbers are JSON integers up to 2^53 − 1, times are RFC 3339 in UTC with microseconds. Every answer carries `X-Request-Id`. A POST may carry an `Idempotency-Key`: for 24 hours the same key with the same body gives the first answer again, byte for byte, and nothing happens twice.\n\nThe operator's routes (settings, limits, upkeep, metrics) are on a listener of their own, `--admin-listen`, whose `/openapi.json` describes them.";

const ADMIN_ABOUT: &str = "The operator's routes of Scrip. They are served on a listener of their own (`--admin-listen`, 127.0.0.1:8081 unless said otherwise), ask for no password, and belong on no public network; the main listener knows none of them and describes its own at its `/openapi.json`.\n\nA change of settings or limits is a command like any other: it is on disk before it is acknowledged, and may carry an `Idempotency-Key`. Points are whole numbers up to 2^53 − 1, shares and prices millionths (`_ppm`), times RFC 3339 in UTC with microseconds.";

const PERIOD: &str = "A month as 2026-10, or FROM..TO with days, as 2026-10-01..2026-10-16, or RFC 3339 times. It finds what was closed under this name, whatever the zone was then; otherwise it is told in the zone of the settings.";

/// Where the operator's listener is, unless it was told otherwise.
const ADMIN_URL: &str = "http://127.0.0.1:8081";

/// The text of `/openapi.json` on the main listener.
pub(crate) fn text() -> Bytes {
    TEXT.clone()
}

/// The text of `/openapi.json` on the operator's listener.
pub(crate) fn admin_text() -> Bytes {
    ADMIN_TEXT.clone()
}

/// As it is committed: indented, so that a change shows in a diff.
fn to_text(document: &OpenApi) -> String {
    let text = document.to_pretty_json();
    let text = text.unwrap_or_else(|error| unreachable!("a tree of plain values: {error}"));
    format!("{text}\n")
}

fn document() -> OpenApi {
    assemble("Scrip", ABOUT, public_rows(), components())
}

fn admin_document() -> OpenApi {
    let text = "The listener of --admin-listen.";
    let server = ServerBuilder::new()
        .url(ADMIN_URL)
        .description(Some(text))
        .build();
    let components = admin_components();
    let mut document = assemble(
        "Scrip, for operators",
        ADMIN_ABOUT,
        admin_rows(),
        components,
    );
    document.servers = Some(vec![server]);
    document
}

fn assemble(title: &str, text: &str, rows: &[Row], components: Components) -> OpenApi {
    let mut licence = License::new("Apache-2.0");
    licence.identifier = Some("Apache-2.0".to_owned());
    let about = InfoBuilder::new()
        .title(title)
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(text))
        .license(Some(licence))
        .build();
    let described = rows
        .iter()
        .filter_map(|row| Some((row, words::of(row.name)?)));
    let used: Vec<&str> = described.clone().map(|(_, words)| words.tag).collect();
    let tags = words::TAGS.iter().filter(|(name, _)| used.contains(name));
    let tags = tags.map(|(name, text)| {
        TagBuilder::new()
            .name(*name)
            .description(Some(*text))
            .build()
    });
    let mut paths = PathsBuilder::new();
    for (row, words) in described {
        let method = match row.method {
            Verb::Get => HttpMethod::Get,
            Verb::Post => HttpMethod::Post,
        };
        paths = paths.path(row.path, PathItem::new(method, operation(row, words)));
    }
    OpenApiBuilder::new()
        .info(about)
        .tags(Some(tags.collect::<Vec<_>>()))
        .paths(paths.build())
        .components(Some(components))
        .build()
}

fn operation(row: &Row, words: &Words) -> Operation {
    let mut operation = OperationBuilder::new()
        .tag(words.tag)
        .operation_id(Some(words.id))
        .summary(Some(words.summary))
        .description(Some(words.text));
    if row.path.contains("{id}") {
        operation = operation.parameter(path_parameter("id", bodies::number()));
    }
    for (name, text) in [("period", PERIOD), ("code", "The code of a problem.")] {
        if row.path.contains(&format!("{{{name}}}")) {
            let word = ObjectBuilder::new().schema_type(Type::String);
            let word = word.description(Some(text)).into();
            operation = operation.parameter(path_parameter(name, word));
        }
    }
    for name in row.query {
        operation = operation.parameter(words::query_parameter(row.name, name));
    }
    if let Some(body) = bodies::of(row) {
        operation = operation.parameter(idempotency_key());
        let content = ContentBuilder::new()
            .schema(Some(reference(body.name)))
            .example(Some(body.example))
            .build();
        let required = if body.bare {
            Required::False
        } else {
            Required::True
        };
        let request = RequestBodyBuilder::new()
            .required(Some(required))
            .content(JSON, content);
        operation = operation.request_body(Some(request.build()));
    }
    let (status, answer) = good_answer(row, words);
    operation = other_answers(operation.response(status.as_str(), answer), row, words);
    for (status, text) in problems::by_status(row, words) {
        let content = ContentBuilder::new()
            .schema(Some(reference("Problem")))
            .build();
        let response = ResponseBuilder::new()
            .description(text)
            .content(PROBLEM_JSON, content);
        operation = operation.response(status.as_str(), with_request_id(response).build());
    }
    operation.build()
}

/// Adds the good answers beside the usual one.
fn other_answers(mut operation: OperationBuilder, row: &Row, words: &Words) -> OperationBuilder {
    if let (Answers::Made(name), true) = (&words.answer, row.query.contains(&"dry_run")) {
        let content = ContentBuilder::new().schema(Some(reference(name))).build();
        let response = ResponseBuilder::new()
            .description("A dry run: what it would come to.")
            .content(JSON, content);
        operation = operation.response("200", with_request_id(response).build());
    }
    if let Answers::Begun(name) = &words.answer {
        let content = ContentBuilder::new().schema(Some(reference(name))).build();
        let response = ResponseBuilder::new()
            .description("It goes on already, and was joined.")
            .content(JSON, content);
        operation = operation.response("200", with_request_id(response).build());
    }
    if words.id == "bulk" {
        let content = ContentBuilder::new()
            .schema(Some(reference("AtomicBulk")))
            .build();
        let response = ResponseBuilder::new()
            .description("Atomic: the one transaction, with what each operation came to.")
            .content(JSON, content)
            .header(
                "Idempotent-Replayed",
                header("true on the remembered answer to an earlier request."),
            );
        operation = operation.response("201", with_request_id(response).build());
    }
    operation
}

fn good_answer(row: &Row, words: &Words) -> (StatusCode, utoipa::openapi::Response) {
    let response = ResponseBuilder::new().description(words.answer_text);
    let (status, kind, schema) = match words.answer {
        Answers::Made(name) => (StatusCode::CREATED, JSON, reference(name)),
        Answers::Begun(name) => (StatusCode::ACCEPTED, JSON, reference(name)),
        Answers::Found(name) => (StatusCode::OK, JSON, reference(name)),
        Answers::Text(kind) => (StatusCode::OK, kind, bodies::text()),
    };
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let mut response = with_request_id(response.content(kind, content));
    if row.query.contains(&"cursor") {
        response = response.header("Link", header("The next page, with rel=\"next\"."));
    }
    if words.id == "createWallet" {
        response = response.header("Location", header("Where the wallet is."));
    }
    if bodies::of(row).is_some() && words.id != "bulk" {
        let text = "true on the remembered answer to an earlier request.";
        response = response.header("Idempotent-Replayed", header(text));
    }
    (status, response.build())
}

fn with_request_id(response: ResponseBuilder) -> ResponseBuilder {
    let text = "The request's id: the client's own, or one that no other request has.";
    response.header("X-Request-Id", header(text))
}

fn header(text: &str) -> utoipa::openapi::Header {
    let schema = ObjectBuilder::new().schema_type(Type::String);
    HeaderBuilder::new()
        .schema(Some(schema))
        .description(Some(text))
        .build()
}

fn path_parameter(name: &str, schema: RefOr<Schema>) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(schema))
        .build()
}

fn idempotency_key() -> Parameter {
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(255))
        .pattern(Some("^[!-~]+$"));
    let text = "Names this request, in quotes or bare: sent again, it is answered again and carried out once.";
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(text))
        .schema(Some(schema))
        .example(Some(json!("order-7701")))
        .build()
}

fn reference(name: &str) -> RefOr<Schema> {
    Ref::from_schema_name(name).into()
}

fn components() -> Components {
    let mut components = ComponentsBuilder::new();
    for (name, schema) in bodies::schemas() {
        components = components.schema(name, schema);
    }
    components = components.schema("Problem", problems::schema());
    let mut schemas = Vec::new();
    gather::<views::Wallet>(&mut schemas);
    gather::<views::Receipt<'_>>(&mut schemas);
    gather::<views::Transaction<'_>>(&mut schemas);
    gather::<AtomicBulk<'_>>(&mut schemas);
    gather::<history::History<'_>>(&mut schemas);
    gather::<lots::LotPage>(&mut schemas);
    gather::<holds::HoldPage>(&mut schemas);
    gather::<pending::PendingPage>(&mut schemas);
    gather::<companies::Company<'_>>(&mut schemas);
    gather::<companies::CompanyPage<'_>>(&mut schemas);
    gather::<companies::Member>(&mut schemas);
    gather::<settlements::Statement<'_>>(&mut schemas);
    gather::<settlements::Settlement<'_>>(&mut schemas);
    gather::<settlements::SettlementPage<'_>>(&mut schemas);
    gather::<settlements::SettlementChange<'_>>(&mut schemas);
    gather::<settlement_runs::RunStart<'_>>(&mut schemas);
    gather::<settlement_runs::Progress<'_>>(&mut schemas);
    gather::<settlement_runs::RunItems>(&mut schemas);
    gather::<transactions::AllocationPage>(&mut schemas);
    gather::<reports::WalletReport>(&mut schemas);
    gather::<reports::DayReport>(&mut schemas);
    gather::<health::Health>(&mut schemas);
    // Named by the fields of views that are written by hand.
    gather::<views::Allocation>(&mut schemas);
    for (name, schema) in schemas {
        components = components.schema(name, schema);
    }
    components.build()
}

fn admin_components() -> Components {
    let mut schemas = Vec::from(bodies::operator::schemas());
    schemas.push(("Problem".to_owned(), problems::schema()));
    gather::<admin::Status>(&mut schemas);
    gather::<admin::SnapshotMade>(&mut schemas);
    gather::<archive::Compacted>(&mut schemas);
    gather::<reports::DaysClosed>(&mut schemas);
    gather::<settings::StoreSettings<'_>>(&mut schemas);
    gather::<health::Health>(&mut schemas);
    let mut components = ComponentsBuilder::new();
    for (name, schema) in schemas {
        components = components.schema(name, schema);
    }
    components.build()
}

fn gather<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.push((T::name().into_owned(), <T as PartialSchema>::schema()));
    T::schemas(schemas);
}

#[cfg(test)]
mod tests;
