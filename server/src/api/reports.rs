//! Daily reports: `GET /v1/wallets/{id}/reports` and `GET /v1/reports/daily`, as JSON or as CSV; `POST /admin/close-days`.

use engine::domain::{Column, Day, DayFlow, Points, WalletId};
use engine::{DailyRow, HistoryPosition};
use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::history::link_next;
use super::{Call, Task};
use crate::accept;
use crate::answer::{self, Answer};
use crate::cursor::Scope;
use crate::error;
use crate::problem::{Code, Outcome, Problem};
use crate::query::Query;

/// Parameters of a wallet's report.
pub(crate) const WALLET_PARAMETERS: &[&str] = &["from", "to"];

/// Parameters of a day's report.
pub(crate) const DAY_PARAMETERS: &[&str] = &["date", "limit", "cursor"];

/// Most days of one report: a leap year, so that a year is one request.
const DAYS_MAX: u32 = 366;

/// Columns of the CSV; a report is read by its header.
const CSV_HEADER: &str = "date,wallet,entries,opening,earn,use,cancel,expire,transfer_in,transfer_out,take_back,adjust,net,closing,\
opening_paid,earn_paid,use_paid,cancel_paid,expire_paid,transfer_in_paid,transfer_out_paid,\
take_back_paid,adjust_paid,net_paid,closing_paid\n";

/// What flowed in and out of a balance. opening + net = closing, and net = earn − use + cancel − expire + transfer_in −
/// transfer_out − take_back + adjust.
#[derive(Serialize, ToSchema)]
pub(crate) struct Flow {
    /// Points before the day.
    #[schema(example = 100)]
    opening: i64,
    /// Points given: charged and earned.
    #[schema(example = 50)]
    earn: i64,
    /// Points spent.
    #[serde(rename = "use")]
    #[schema(example = 30)]
    used: i64,
    /// Points of uses that came back on this day, whenever they were spent.
    #[schema(example = 10)]
    cancel: i64,
    /// Points that lapsed.
    #[schema(example = 0)]
    expire: i64,
    /// Points from other wallets.
    #[schema(example = 0)]
    transfer_in: i64,
    /// Points that went to other wallets.
    #[schema(example = 0)]
    transfer_out: i64,
    /// Points of grants that were taken back.
    #[schema(example = 0)]
    take_back: i64,
    /// Corrections by hand, up less down.
    #[schema(example = 0)]
    adjust: i64,
    /// By how much the balance changed.
    #[schema(example = 30)]
    net: i64,
    /// Points after the day, or by now.
    #[schema(example = 130)]
    closing: i64,
}

/// One wallet on one day.
#[derive(Serialize, ToSchema)]
pub(crate) struct DailyItem {
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 1)]
    wallet: u64,
    /// The day, in the zone of the report.
    #[schema(value_type = String, format = Date, example = "2025-06-01")]
    date: String,
    /// Entries of the wallet on this day.
    #[schema(example = 3)]
    entries: u64,
    #[serde(flatten)]
    flow: Flow,
    /// The part of it in paid points.
    paid: Flow,
    /// The part of it in free points.
    free: Flow,
}

/// All wallets on one day.
#[derive(Serialize, ToSchema)]
pub(crate) struct DailyTotals {
    /// Wallets that had entries.
    #[schema(example = 2)]
    wallets: u64,
    /// Entries of all wallets.
    #[schema(example = 7)]
    entries: u64,
    #[serde(flatten)]
    flow: Flow,
    /// The part of it in paid points.
    paid: Flow,
    /// The part of it in free points.
    free: Flow,
}

/// A wallet, day by day.
#[derive(Serialize, ToSchema)]
pub(crate) struct WalletReport {
    /// A row for each day since the wallet was created, up to today, quiet ones too.
    items: Vec<DailyItem>,
    /// The zone in which days are counted.
    #[schema(example = "Asia/Seoul")]
    zone: String,
    /// The day that still runs; those before it never change.
    #[schema(value_type = String, format = Date, example = "2025-06-01")]
    today: String,
    /// Everything up to this LSN is counted.
    #[schema(example = 42)]
    lsn: u64,
}

/// A page of all wallets that had entries on a day.
#[derive(Serialize, ToSchema)]
pub(crate) struct DayReport {
    #[schema(value_type = String, format = Date, example = "2025-06-01")]
    date: String,
    /// Whether the day is over: then it never changes.
    closed: bool,
    /// Wallets that had entries, ascending.
    items: Vec<DailyItem>,
    /// Give it as `cursor` to get the next page; null at the end.
    next_cursor: Option<String>,
    /// All wallets, those without entries too.
    totals: DailyTotals,
    /// The zone in which days are counted.
    #[schema(example = "Asia/Seoul")]
    zone: String,
    /// Everything up to this LSN is counted.
    #[schema(example = 42)]
    lsn: u64,
}

/// `GET /v1/wallets/{id}/reports`
pub(crate) fn of_wallet(call: Call) -> Task {
    Box::pin(async move {
        let id = WalletId::new(call.id).ok_or_else(|| Code::WalletNotFound.plain())?;
        let (from, to) = (read_day(&call.query, "from")?, read_day(&call.query, "to")?);
        check_range(from, to)?;
        let report = call.app.engine()?.wallet_report(id, from, to).await;
        let report = report.map_err(error::refused)?;
        if wants_csv(&call) {
            return Ok(csv(&report.rows));
        }
        let body = WalletReport {
            items: report.rows.iter().map(DailyItem::from).collect(),
            zone: report.zone,
            today: report.today.to_string(),
            lsn: report.lsn,
        };
        Ok(answer::json(StatusCode::OK, &body))
    })
}

/// `GET /v1/reports/daily`
pub(crate) fn of_day(call: Call) -> Task {
    Box::pin(async move {
        let day = read_day(&call.query, "date")?;
        let limit = call.query.limit()?;
        let scope = Scope::new(&["reports/daily", call.query.get("date").unwrap_or("")]);
        let from = call.query.get("cursor").map(|text| scope.decode(text));
        // The first wallet of a page stands where a history has the LSN.
        let from = from.transpose()?;
        let from = from.and_then(|position| WalletId::new(position.lsn));
        let report = call.app.engine()?.day_report(day, from, limit).await;
        let report = report.map_err(error::refused)?;
        let next = report.next.map(|wallet| HistoryPosition {
            lsn: wallet.get(),
            leg: 0,
        });
        let next_cursor = next.map(|next| scope.encode(next));
        let cursor = next_cursor.clone();
        let mut answer = if wants_csv(&call) {
            csv(&report.rows)
        } else {
            let body = DayReport {
                date: report.day.to_string(),
                closed: report.day < report.today,
                items: report.rows.iter().map(DailyItem::from).collect(),
                next_cursor,
                totals: DailyTotals::new(report.wallets, &report.sum),
                zone: report.zone,
                lsn: report.lsn,
            };
            answer::json(StatusCode::OK, &body)
        };
        link_next(&mut answer, &call, cursor.as_deref());
        Ok(answer)
    })
}

/// Days that were closed.
#[derive(Serialize, ToSchema)]
pub(crate) struct DaysClosed {
    /// In their order.
    #[schema(value_type = Vec<String>, example = json!(["2026-10-31"]))]
    closed: Vec<String>,
}

/// Parameters of closing days.
pub(crate) const CLOSE_PARAMETERS: &[&str] = &["day"];

/// `POST /admin/close-days`: closes all days that are over, now; with `day` that one, or says why not.
pub(crate) fn close(call: Call) -> Task {
    Box::pin(async move {
        let engine = call.app.engine()?;
        let closed = match read_day(&call.query, "day")? {
            None => engine.close_days().await,
            Some(day) => engine.close_day(day).await.map(|()| vec![day]),
        };
        let closed = closed.map_err(error::refused)?;
        let body = DaysClosed {
            closed: closed.iter().map(Day::to_string).collect(),
        };
        Ok(answer::json(StatusCode::OK, &body))
    })
}

/// A day of the calendar.
fn read_day(query: &Query, name: &'static str) -> Outcome<Option<Day>> {
    let Some(text) = query.get(name) else {
        return Ok(None);
    };
    match Day::parse(text) {
        None => Err(Problem::of_parameter(
            name,
            "must be a day, written YYYY-MM-DD",
        )),
        day => Ok(day),
    }
}

fn check_range(from: Option<Day>, to: Option<Day>) -> Outcome<()> {
    let (Some(from), Some(to)) = (from, to) else {
        return match from {
            Some(_) => Err(Problem::of_parameter(
                "to",
                "must be given together with from",
            )),
            None => Ok(()),
        };
    };
    if to < from {
        return Err(Problem::of_parameter("to", "lies before from"));
    }
    if from.plus_days(DAYS_MAX) <= to {
        return Err(Problem::of_parameter(
            "to",
            "lies so far behind from that the report had more than 366 days",
        ));
    }
    Ok(())
}

/// Whether the client likes CSV at least as much as JSON.
fn wants_csv(call: &Call) -> bool {
    accept::preferred(call.request.headers(), &["text/csv"]).is_some()
}

fn csv(rows: &[DailyRow]) -> Answer {
    let mut text = String::with_capacity(CSV_HEADER.len() + rows.len() * 96);
    text.push_str(CSV_HEADER);
    for row in rows {
        let flow = [
            Flow::new(&row.flow, Points::sum),
            Flow::new(&row.flow, |points| points.paid),
        ];
        let figures = flow.iter().flat_map(Flow::figures);
        let figures: Vec<String> = figures.map(|figure| figure.to_string()).collect();
        let (day, wallet, entries) = (row.day, row.wallet, row.flow.entries);
        text.push_str(&format!("{day},{wallet},{entries},{}", figures.join(",")));
        text.push('\n');
    }
    answer::with_body(
        StatusCode::OK,
        "text/csv; charset=utf-8; header=present",
        text,
    )
}

// === impl Flow ===

impl Flow {
    fn new(flow: &DayFlow, part: fn(Points) -> i64) -> Self {
        let of = |column| part(flow.figure(column));
        Self {
            opening: part(flow.opening),
            earn: of(Column::Charge) + of(Column::Earn),
            used: of(Column::Use),
            cancel: of(Column::Cancel),
            expire: of(Column::Expire),
            transfer_in: of(Column::TransferIn),
            transfer_out: of(Column::TransferOut),
            take_back: of(Column::TakeBack),
            adjust: of(Column::Adjust),
            net: part(flow.net()),
            closing: part(flow.closing()),
        }
    }

    /// In the order of the CSV.
    fn figures(&self) -> [i64; 11] {
        [
            self.opening,
            self.earn,
            self.used,
            self.cancel,
            self.expire,
            self.transfer_in,
            self.transfer_out,
            self.take_back,
            self.adjust,
            self.net,
            self.closing,
        ]
    }
}

// === impl DailyItem ===

impl From<&DailyRow> for DailyItem {
    fn from(row: &DailyRow) -> Self {
        Self {
            wallet: row.wallet.get(),
            date: row.day.to_string(),
            entries: row.flow.entries,
            flow: Flow::new(&row.flow, Points::sum),
            paid: Flow::new(&row.flow, |points| points.paid),
            free: Flow::new(&row.flow, |points| points.free),
        }
    }
}

// === impl DailyTotals ===

impl DailyTotals {
    fn new(wallets: u64, sum: &DayFlow) -> Self {
        Self {
            wallets,
            entries: sum.entries,
            flow: Flow::new(sum, Points::sum),
            paid: Flow::new(sum, |points| points.paid),
            free: Flow::new(sum, |points| points.free),
        }
    }
}
