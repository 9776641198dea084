//! `/v1/companies/{id}/settlements`: periods closed, their statements, and what becomes of them.

mod page;
mod sheet;
mod statement;

use engine::domain::{Command, Event};
use engine::domain::{
    CompanyId, MoveSettlement, RATE_PPM_MAX, SHARE_PPM_MAX, Settings, SomeTerms, Span, Step,
    Timestamp, Zone,
};
use engine::{Request as EngineRequest, Settle};
use hyper::StatusCode;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue, LOCATION};
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use self::statement::{Settlement, Statement};
use super::history::link_next;
use super::views::{dry_run as dry_run_of, id_of};
use super::{Call, Task};
use crate::accept;
use crate::answer::{self, IDEMPOTENT_REPLAYED};
use crate::cursor::Scope;
use crate::draft::{Draft, Field, Fields};
use crate::error;
use crate::exchange::{self, Taken};
use crate::moment::Moment;
use crate::problem::{Code, Outcome, Problem};

/// Parameters of the list.
pub(crate) const PARAMETERS: &[&str] = &["limit", "cursor"];

/// The body of a period that is to be closed.
const CLOSE_FIELDS: Fields = Fields::of(&[
    Field::Period,
    Field::From,
    Field::To,
    Field::RatePpm,
    Field::FeePpm,
    Field::VatPpm,
    Field::By,
]);

/// The body of a statement that is to go on.
const MOVE_FIELDS: Fields = Fields::of(&[Field::By]);

const PERIOD: &str = "must be a month as \"2026-10\", or FROM..TO with days or instants";
const EDGE: &str = "must be a day as \"2026-10-01\", or an RFC 3339 time";

/// A page of statements, the last period first.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettlementPage<'a> {
    items: Vec<Settlement<'a>>,
    /// Give it as `cursor` to get the next page; null at the end.
    next_cursor: Option<String>,
}

/// A statement has gone on.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettlementChange<'a> {
    /// The transaction; a dry run has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 43)]
    id: Option<u64>,
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 7)]
    company: u64,
    #[schema(value_type = String, format = DateTime, example = "2026-09-30T15:00:00.000000Z")]
    from: Moment,
    #[schema(value_type = String, format = DateTime, example = "2026-10-31T15:00:00.000000Z")]
    to: Moment,
    /// Where the statement stands now: closed, confirmed, paid, held or reversed.
    #[schema(example = "confirmed")]
    state: &'a str,
    /// Money that goes into the next statement: what a reversed one would have paid.
    #[schema(example = 0)]
    carried: i64,
    /// Who asked.
    #[schema(example = "accounting")]
    by: &'a str,
    /// The company's version after the act.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 3)]
    version: u64,
    #[schema(value_type = String, format = DateTime, example = "2026-11-02T01:00:00.000000Z")]
    created_at: Moment,
    /// Only there when it was a dry run: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    dry_run: Option<bool>,
}

/// `POST /v1/companies/{id}/settlements`
pub(crate) fn close(call: Call) -> Task {
    Box::pin(async move {
        let company = company_of(&call)?;
        let engine = call.app.engine()?;
        let zone = zone_of(&call).await?;
        let dry_run = call.query.dry_run()?;
        let template = "POST /v1/companies/{id}/settlements";
        let Taken { bytes, key } = exchange::take(&call.app, template, call.request).await?;
        let mut draft = exchange::read_draft(false, &bytes)?;
        draft.allow(CLOSE_FIELDS);
        let settle = read_close(company, &zone, &mut draft).filter(|_| draft.is_sound());
        let settle = settle.ok_or_else(|| Problem::of_fields(draft.into_faults()))?;
        let settled = match dry_run {
            false => engine.close_settlement(settle, key).await,
            true => engine.rehearse_settlement(settle).await,
        };
        let settled = settled.map_err(error::refused)?;
        let statement =
            Statement::of(&settled.act).ok_or_else(|| Code::RecordUnreadable.plain())?;
        let status = match settled.fresh && !dry_run {
            true => StatusCode::CREATED,
            false => StatusCode::OK,
        };
        let mut answer = answer::json(status, &statement);
        let headers = answer.headers_mut();
        if settled.replayed {
            headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        if !dry_run && let Ok(place) = HeaderValue::from_str(&statement.path()) {
            headers.insert(LOCATION, place);
        }
        Ok(answer)
    })
}

/// `POST /v1/companies/{id}/settlements/{period}/…`
pub(crate) fn confirm(call: Call) -> Task {
    go_on(call, Step::Confirm)
}

/// `POST /v1/companies/{id}/settlements/{period}/pay`
pub(crate) fn pay(call: Call) -> Task {
    go_on(call, Step::Pay)
}

/// `POST /v1/companies/{id}/settlements/{period}/hold`
pub(crate) fn hold(call: Call) -> Task {
    go_on(call, Step::Hold)
}

/// `POST /v1/companies/{id}/settlements/{period}/release`
pub(crate) fn release(call: Call) -> Task {
    go_on(call, Step::Release)
}

/// `POST /v1/companies/{id}/settlements/{period}/reverse`
pub(crate) fn reverse(call: Call) -> Task {
    go_on(call, Step::Reverse)
}

fn go_on(call: Call, step: Step) -> Task {
    Box::pin(async move {
        let company = company_of(&call)?;
        let engine = call.app.engine()?;
        let span = span_of(&call, company).await?;
        let dry_run = call.query.dry_run()?;
        let template = format!(
            "POST /v1/companies/{{id}}/settlements/{{period}}/{}",
            step.as_str()
        );
        let Taken { bytes, key } = exchange::take(&call.app, &template, call.request).await?;
        let mut draft = exchange::read_draft(false, &bytes)?;
        draft.allow(MOVE_FIELDS);
        let by = draft.phrase(Field::By).filter(|_| draft.is_sound());
        let by = by.ok_or_else(|| Problem::of_fields(draft.into_faults()))?;
        let command = Command::MoveSettlement(MoveSettlement {
            company,
            span,
            step,
            by,
        });
        let outcome = match dry_run {
            false => engine.submit(EngineRequest { command, key }).await,
            true => engine.rehearse(command).await,
        };
        let receipt = outcome.map_err(error::refused)?;
        let Event::SettlementMoved(moved) = &*receipt.act.event else {
            unreachable!("a step of a statement is answered by its own event");
        };
        let change = SettlementChange {
            id: id_of(&receipt.act),
            company: moved.company.get(),
            from: Moment(moved.span.from),
            to: Moment(moved.span.to),
            state: moved.state.as_str(),
            carried: moved.carried,
            by: moved.by.as_str(),
            version: moved.version,
            created_at: Moment(receipt.act.at),
            dry_run: dry_run_of(&receipt.act),
        };
        let status = match dry_run {
            false => StatusCode::CREATED,
            true => StatusCode::OK,
        };
        let mut answer = answer::json(status, &change);
        if receipt.replayed {
            let headers = answer.headers_mut();
            headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(answer)
    })
}

/// `GET /v1/companies/{id}/settlements/{period}`
pub(crate) fn show(call: Call) -> Task {
    Box::pin(async move {
        let company = company_of(&call)?;
        let span = span_of(&call, company).await?;
        let view = call.app.engine()?.settlement(company, span).await;
        let view = view.map_err(error::refused)?;
        let settlement = Settlement::of(&view).ok_or_else(|| Code::RecordUnreadable.plain())?;
        let headers = call.request.headers();
        Ok(
            match accept::preferred(headers, &[sheet::KIND, page::KIND]) {
                Some(sheet::KIND) => {
                    let text = sheet::text(&settlement);
                    answer::with_body(StatusCode::OK, sheet::CONTENT_TYPE, text)
                }
                Some(_) => {
                    let company = call.app.engine()?.company(company).await;
                    let company = company.map_err(error::refused)?;
                    let text = page::text(&company.name, &settlement);
                    let mut answer = answer::with_body(StatusCode::OK, page::CONTENT_TYPE, text);
                    let policy = HeaderValue::from_static(page::POLICY);
                    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
                    answer
                }
                None => answer::json(StatusCode::OK, &settlement),
            },
        )
    })
}

/// `GET /v1/companies/{id}/settlements`
pub(crate) fn list(call: Call) -> Task {
    Box::pin(async move {
        let company = company_of(&call)?;
        let limit = call.query.limit()?;
        let scope = Scope::new(&["settlements", &call.id.to_string()]);
        let before = call.query.get("cursor").map(|text| scope.open(text));
        let before = before.transpose()?.map(i64::from_be_bytes).map(Timestamp);
        let page = call.app.engine()?.settlements(company, before, limit).await;
        let page = page.map_err(error::refused)?;
        let next = page.next.map(|span| span.from.0.to_be_bytes());
        let next_cursor = next.map(|next| scope.seal(&next));
        let cursor = next_cursor.clone();
        let items = page.rows.iter().map(Settlement::of);
        let items: Option<Vec<_>> = items.collect();
        let items = items.ok_or_else(|| Code::RecordUnreadable.plain())?;
        let body = SettlementPage { items, next_cursor };
        let mut answer = answer::json(StatusCode::OK, &body);
        link_next(&mut answer, &call, cursor.as_deref());
        Ok(answer)
    })
}

fn company_of(call: &Call) -> Outcome<CompanyId> {
    CompanyId::new(call.id).ok_or_else(|| Code::CompanyNotFound.plain())
}

/// The zone in force: periods are named in it.
async fn zone_of(call: &Call) -> Outcome<Zone> {
    let program = call.app.engine()?.program().await.map_err(error::refused)?;
    let Settings { zone, .. } = program.settings;
    Ok(zone)
}

/// The period in the path: what the company has closed under that name, or else what it names in the zone in force.
async fn span_of(call: &Call, company: CompanyId) -> Outcome<Span> {
    let engine = call.app.engine()?;
    let named = engine.settlement_period(company, &call.word).await;
    let named = named.map_err(error::refused)?.map(|named| named.span);
    named.ok_or_else(unreadable_period)
}

/// The period in the path cannot be one.
pub(super) fn unreadable_period() -> Box<Problem> {
    Problem::of_path("period", PERIOD)
}

fn read_close(company: CompanyId, zone: &Zone, draft: &mut Draft<'_>) -> Option<Settle> {
    let span = read_span(zone, draft);
    let terms = read_terms(draft);
    let by = draft.phrase(Field::By);
    Some(Settle {
        company,
        span: span?,
        zone: zone.name().into(),
        terms,
        by: by?,
    })
}

/// `period`, or `from` and `to`.
fn read_span(zone: &Zone, draft: &mut Draft<'_>) -> Option<Span> {
    const BOTH: &str = "cannot be given together with period";
    const BACKWARDS: &str = "must lie behind from";
    let named = draft.text(Field::Period, PERIOD).map(str::to_owned);
    if let Some(period) = named {
        for field in [Field::From, Field::To] {
            if draft.text(field, EDGE).is_some() {
                draft.fault(field.pointer(), BOTH);
            }
        }
        let span = Span::parse(&period, zone);
        if span.is_none() {
            draft.fault(Field::Period.pointer(), PERIOD);
        }
        return span;
    }
    let [from, to] = [Field::From, Field::To].map(|field| {
        draft.require(field);
        let text = draft.text(field, EDGE)?.to_owned();
        let edge = Span::edge(&text, zone);
        if edge.is_none() {
            draft.fault(field.pointer(), EDGE);
        }
        edge
    });
    let span = Span::new(from?, to?);
    if span.is_none() {
        draft.fault(Field::To.pointer(), BACKWARDS);
    }
    span
}

/// What is paid; what is not named stays as it is otherwise.
pub(super) fn read_terms(draft: &mut Draft<'_>) -> SomeTerms {
    SomeTerms {
        rate_ppm: draft.number_to(Field::RatePpm, RATE_PPM_MAX),
        fee_ppm: draft.share(Field::FeePpm),
        vat_ppm: draft.share(Field::VatPpm),
    }
}

impl Draft<'_> {
    /// Millionths of a whole, which may be left out.
    fn share(&mut self, field: Field) -> Option<u32> {
        let share = self.number_to(field, SHARE_PPM_MAX.into())?;
        u32::try_from(share).ok()
    }
}
