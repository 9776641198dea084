//! `/v1/settlements/{period}`: a period closed for all companies, how far that is, and what it came to for each.

use engine::domain::{CompanyId, Event, RunSettlement, RunStage, SettlementRun, Terms, Zone};
use engine::{Act, NamedPeriod, RunFilter, RunOutcome, RunPage, RunProgress, RunRow};
use hyper::StatusCode;
use hyper::header::{HeaderValue, LOCATION};
use serde::Serialize;
use utoipa::ToSchema;

use super::history::link_next;
use super::settlements::{read_terms, unreadable_period};
use super::views::{dry_run as dry_run_of, id_of};
use super::{Call, Task};
use crate::answer::{self, IDEMPOTENT_REPLAYED};
use crate::cursor::Scope;
use crate::draft::{Field, Fields};
use crate::error;
use crate::exchange::{self, Taken};
use crate::moment::Moment;
use crate::problem::{Code, Outcome, Problem};

/// Parameters of the list of companies.
pub(crate) const PARAMETERS: &[&str] = &["outcome", "limit", "cursor"];

/// Refused companies that the run itself names; all of them are in the list.
const FAILURES_SHOWN: usize = 100;

/// The body of a run.
const RUN_FIELDS: Fields = Fields::of(&[Field::RatePpm, Field::FeePpm, Field::VatPpm, Field::By]);

const OUTCOME: &str = "must be closed, failed or open";

/// A run was asked for.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunStart<'a> {
    /// The transaction; a dry run has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 42)]
    id: Option<u64>,
    /// The name of the period.
    #[schema(example = "2026-10")]
    period: String,
    #[schema(value_type = String, format = DateTime, example = "2026-09-30T15:00:00.000000Z")]
    from: Moment,
    #[schema(value_type = String, format = DateTime, example = "2026-10-31T15:00:00.000000Z")]
    to: Moment,
    #[schema(example = "Asia/Seoul")]
    zone: &'a str,
    #[serde(flatten)]
    terms: RunTerms,
    /// The transaction of the run that it joined, because that goes on; null if it starts one.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 41)]
    joined: Option<u64>,
    /// Who asked.
    #[schema(example = "accounting")]
    by: &'a str,
    #[schema(value_type = String, format = DateTime, example = "2026-11-01T01:00:00.000000Z")]
    created_at: Moment,
    /// Only there when it was a dry run: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    dry_run: Option<bool>,
}

/// What is paid for points, of companies that are closed by the run as it was asked for last. Those that were closed before
/// keep the terms that stand in their statements.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunTerms {
    /// Money for a point, in millionths; of the latest request, as each statement has its own.
    #[schema(example = 1000000)]
    rate_ppm: u64,
    /// Fee, in millionths of the gross; likewise.
    #[schema(example = 33000)]
    fee_ppm: u32,
    /// Value added tax, in millionths of the fee; likewise.
    #[schema(example = 100000)]
    vat_ppm: u32,
}

/// How far a run is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Progress<'a> {
    /// The transaction that started it.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 42)]
    id: u64,
    /// The name of the period.
    #[schema(example = "2026-10")]
    period: String,
    #[schema(value_type = String, format = DateTime, example = "2026-09-30T15:00:00.000000Z")]
    from: Moment,
    #[schema(value_type = String, format = DateTime, example = "2026-10-31T15:00:00.000000Z")]
    to: Moment,
    #[schema(example = "Asia/Seoul")]
    zone: &'a str,
    #[serde(flatten)]
    terms: RunTerms,
    /// running or ended.
    #[schema(example = "running")]
    state: &'static str,
    /// Companies that there were before the end of the period.
    #[schema(example = 10000)]
    total: u64,
    /// Those that are dealt with.
    #[schema(example = 4107)]
    done: u64,
    /// Those of them that have a statement of the period.
    #[schema(example = 4106)]
    closed: u64,
    /// Those of them that were refused one.
    #[schema(example = 1)]
    failed: u64,
    /// The first hundred of those.
    failures: Vec<RunItem>,
    /// Who asked.
    #[schema(example = "accounting")]
    by: &'a str,
    #[schema(value_type = String, format = DateTime, example = "2026-11-01T01:00:00.000000Z")]
    started_at: Moment,
    /// Null while it runs.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-01T01:00:09.000000Z")]
    ended_at: Option<Moment>,
}

/// What a run came to for a company.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunItem {
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 7)]
    company: u64,
    /// closed, failed or open.
    #[schema(example = "closed")]
    outcome: &'static str,
    /// The transaction that closed the period.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 43)]
    id: Option<u64>,
    /// Where the statement stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "closed")]
    state: Option<&'static str>,
    /// What it pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 262)]
    payable: Option<i64>,
    /// Why there is none: the code of a problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "period-not-next")]
    code: Option<&'static str>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "the next period begins at 2026-08-31T15:00:00Z")]
    detail: Option<String>,
}

/// Companies of a run, by id.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunItems {
    /// May be fewer than asked for although there are more.
    items: Vec<RunItem>,
    /// Give it as `cursor` to get the next page; null at the end.
    next_cursor: Option<String>,
}

/// `POST /v1/settlements/{period}/run`
pub(crate) fn run(call: Call) -> Task {
    Box::pin(async move {
        let engine = call.app.engine()?;
        let NamedPeriod { span, zone } = period_of(&call).await?;
        let dry_run = call.query.dry_run()?;
        let template = "POST /v1/settlements/{period}/run";
        let Taken { bytes, key } = exchange::take(&call.app, template, call.request).await?;
        let mut draft = exchange::read_draft(false, &bytes)?;
        draft.allow(RUN_FIELDS);
        let (terms, by) = (read_terms(&mut draft), draft.phrase(Field::By));
        let by = by.filter(|_| draft.is_sound());
        let by = by.ok_or_else(|| Problem::of_fields(draft.into_faults()))?;
        let ask = RunSettlement {
            span,
            zone: zone.name().into(),
            terms,
            by,
            ended: None,
        };
        let outcome = match dry_run {
            false => engine.run_settlement(ask, key).await,
            true => engine.rehearse_run(ask).await,
        };
        let receipt = outcome.map_err(error::refused)?;
        let start = RunStart::of(&receipt.act).ok_or_else(|| Code::RecordUnreadable.plain())?;
        let status = match start.joined {
            None if !dry_run => StatusCode::ACCEPTED,
            None | Some(_) => StatusCode::OK,
        };
        let mut answer = answer::json(status, &start);
        let headers = answer.headers_mut();
        if receipt.replayed {
            headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        let path = format!("/v1/settlements/{}", start.period);
        if let Ok(place) = HeaderValue::from_str(&path) {
            headers.insert(LOCATION, place);
        }
        Ok(answer)
    })
}

/// `GET /v1/settlements/{period}`
pub(crate) fn show(call: Call) -> Task {
    Box::pin(async move {
        let engine = call.app.engine()?;
        let NamedPeriod { span, .. } = period_of(&call).await?;
        let progress = engine.settlement_run(span).await.map_err(error::refused)?;
        let progress = progress.ok_or_else(never_asked)?;
        let failed = Some(RunFilter::Failed);
        let failures = engine.settlement_run_page(span, failed, None, FAILURES_SHOWN);
        let failures = failures.await.map_err(error::refused)?;
        let failures = failures.map_or_else(Vec::new, |page| page.rows);
        Ok(answer::json(
            StatusCode::OK,
            &Progress::new(&progress, &failures),
        ))
    })
}

/// `GET /v1/settlements/{period}/companies`
pub(crate) fn companies(call: Call) -> Task {
    Box::pin(async move {
        let engine = call.app.engine()?;
        let NamedPeriod { span, .. } = period_of(&call).await?;
        let filter = read_filter(&call)?;
        let limit = call.query.limit()?;
        let [from, to] = [span.from, span.to].map(|edge| edge.0.to_string());
        let outcome = call.query.get("outcome").unwrap_or_default();
        let scope = Scope::new(&["settlements/companies", &from, &to, outcome]);
        let after = call.query.get("cursor").map(|text| scope.open(text));
        let after = after.transpose()?.map(u64::from_be_bytes);
        let after = after.and_then(CompanyId::new);
        let page = engine.settlement_run_page(span, filter, after, limit).await;
        let RunPage { rows, next } = page.map_err(error::refused)?.ok_or_else(never_asked)?;
        let next = next.map(|next| scope.seal(&next.get().to_be_bytes()));
        let body = RunItems {
            items: rows.iter().map(RunItem::from).collect(),
            next_cursor: next,
        };
        let mut answer = answer::json(StatusCode::OK, &body);
        link_next(&mut answer, &call, body.next_cursor.as_deref());
        Ok(answer)
    })
}

/// The period in the path: what was asked for under that name, or else what it names in the zone in force.
async fn period_of(call: &Call) -> Outcome<NamedPeriod> {
    let named = call.app.engine()?.run_period(&call.word).await;
    let named = named.map_err(error::refused)?;
    named.ok_or_else(unreadable_period)
}

fn never_asked() -> Box<Problem> {
    let detail = "nobody has asked for a run of this period";
    Problem::new(Code::SettlementNotFound, detail)
}

fn read_filter(call: &Call) -> Outcome<Option<RunFilter>> {
    Ok(match call.query.get("outcome") {
        None => None,
        Some("closed") => Some(RunFilter::Closed),
        Some("failed") => Some(RunFilter::Failed),
        Some("open") => Some(RunFilter::Open),
        Some(_) => return Err(Problem::of_parameter("outcome", OUTCOME)),
    })
}

// === impl RunStart ===

impl<'a> RunStart<'a> {
    /// `None` for an act that started no run.
    fn of(act: &'a Act) -> Option<Self> {
        let Event::SettlementRun(event) = &*act.event else {
            return None;
        };
        let SettlementRun {
            span,
            zone,
            terms,
            by,
            stage,
            ..
        } = &**event;
        Some(Self {
            id: id_of(act),
            period: span.name(&Zone::new(zone).unwrap_or_default()),
            from: Moment(span.from),
            to: Moment(span.to),
            zone,
            terms: RunTerms::from(*terms),
            joined: match stage {
                RunStage::Joined { lsn } => Some(*lsn),
                RunStage::Started | RunStage::Ended { .. } => None,
            },
            by: by.as_str(),
            created_at: Moment(act.at),
            dry_run: dry_run_of(act),
        })
    }
}

// === impl RunTerms ===

impl From<Terms> for RunTerms {
    fn from(terms: Terms) -> Self {
        Self {
            rate_ppm: terms.rate_ppm,
            fee_ppm: terms.fee_ppm,
            vat_ppm: terms.vat_ppm,
        }
    }
}

// === impl Progress ===

impl<'a> Progress<'a> {
    fn new(progress: &'a RunProgress, failures: &[RunRow]) -> Self {
        let run = &progress.run;
        Self {
            id: run.lsn,
            period: run.span.name(&Zone::new(&run.zone).unwrap_or_default()),
            from: Moment(run.span.from),
            to: Moment(run.span.to),
            zone: &run.zone,
            terms: RunTerms::from(run.terms),
            state: match run.ended {
                None => "running",
                Some(_) => "ended",
            },
            total: progress.total,
            done: progress.closed + progress.failed,
            closed: progress.closed,
            failed: progress.failed,
            failures: failures.iter().map(RunItem::from).collect(),
            by: run.by.as_str(),
            started_at: Moment(progress.started.at),
            ended_at: progress.ended.as_ref().map(|act| Moment(act.at)),
        }
    }
}

// === impl RunItem ===

impl From<&RunRow> for RunItem {
    fn from(row: &RunRow) -> Self {
        let (outcome, booked, refusal) = match row.outcome {
            RunOutcome::Closed(booked) => ("closed", Some(booked), None),
            RunOutcome::Failed(refusal) => ("failed", None, refusal),
            RunOutcome::Open => ("open", None, None),
        };
        let problem = refusal.map(error::refused);
        Self {
            company: row.company.get(),
            outcome,
            id: booked.map(|booked| booked.closed_lsn),
            state: booked.map(|booked| booked.state.as_str()),
            payable: booked.map(|booked| booked.payable),
            code: problem.as_ref().map(|problem| problem.code.facts().code),
            detail: problem.map(|problem| problem.detail.into_owned()),
        }
    }
}
