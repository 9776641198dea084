//! `GET /v1/wallets/{id}/transactions`: the history of one wallet, filtered and in pages.

use engine::domain::{Entry, EntryType, Fund, NUMBER_MAX, Timestamp, WalletId};
use engine::{HistoryQuery, Total};
use hyper::StatusCode;
use hyper::header::{HeaderValue, LINK};
use serde::Serialize;
use smallvec::SmallVec;
use utoipa::ToSchema;

use super::views::Row;
use super::{Call, Task};
use crate::answer::{self, Answer};
use crate::cursor::Scope;
use crate::error;
use crate::moment;
use crate::problem::{Code, Outcome, Problem};
use crate::query::Query;

/// Parameters of the history.
pub(crate) const PARAMETERS: &[&str] = &[
    "type",
    "fund",
    "counterparty",
    "min_amount",
    "max_amount",
    "from",
    "to",
    "order",
    "limit",
    "offset",
    "cursor",
];

/// Filters beyond type and time.
const NARROWING: [&str; 4] = ["fund", "counterparty", "min_amount", "max_amount"];

/// A page of a wallet's history.
#[derive(Serialize, ToSchema)]
pub(crate) struct History<'a> {
    items: Vec<Row<'a>>,
    /// Give it as `cursor` to get the next page; null at the end.
    next_cursor: Option<String>,
    /// Entries that match the filters in all, when that is known exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    total: Option<u64>,
    /// Entries that match the filters in all, at least: with a filter other than from and to only the newest 20,000 entries
    /// are looked at for it, and the count ends at 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    total_at_least: Option<u64>,
    /// Only where the operator has older history deleted: the log begins with this transaction, and entries before it
    /// are neither shown nor counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    begins_with: Option<u64>,
}

/// `GET /v1/wallets/{id}/transactions`
pub(crate) fn history(call: Call) -> Task {
    Box::pin(async move {
        let id = WalletId::new(call.id).ok_or_else(|| Code::WalletNotFound.plain())?;
        let (wanted, scope) = read_history(id, &call.query)?;
        let page = call.app.engine()?.history(wanted).await;
        let page = page.map_err(error::refused)?;
        let entries: Vec<Option<Entry>> = page
            .rows
            .iter()
            .map(|row| {
                row.act
                    .event
                    .entries()
                    .into_iter()
                    .nth(usize::from(row.leg))
            })
            .collect();
        let rows = page.rows.iter().zip(&entries);
        let items = rows.filter_map(|(row, entry)| Some(Row::new(row, entry.as_ref()?)));
        let next_cursor = page.next.map(|next| scope.encode(next));
        let (total, total_at_least) = match page.total {
            Total::Exactly(count) => (Some(count), None),
            Total::AtLeast(count) => (None, Some(count)),
        };
        let body = History {
            items: items.collect(),
            next_cursor,
            total,
            total_at_least,
            begins_with: page.begins.map(|begins| begins.0),
        };
        let mut answer = answer::json(StatusCode::OK, &body);
        link_next(&mut answer, &call, body.next_cursor.as_deref());
        Ok(answer)
    })
}

/// Adds `Link: <…>; rel="next"` with the same filters.
pub(crate) fn link_next(answer: &mut Answer, call: &Call, cursor: Option<&str>) {
    let Some(cursor) = cursor else { return };
    let query = call.query.with("cursor", cursor);
    let link = format!("<{}?{query}>; rel=\"next\"", call.request.uri().path());
    if let Ok(link) = HeaderValue::try_from(link) {
        answer.headers_mut().insert(LINK, link);
    }
}

fn read_history(wallet: WalletId, query: &Query) -> Outcome<(HistoryQuery, Scope)> {
    let kinds = match query.get("type") {
        None => SmallVec::new(),
        Some(words) => read_kinds(words)?,
    };
    let fund = match query.get("fund") {
        None => None,
        Some("paid") => Some(Fund::Paid),
        Some("free") => Some(Fund::Free),
        Some(_) => return Err(Problem::of_parameter("fund", "must be paid or free")),
    };
    let counterparty = read_number(query, "counterparty")?.and_then(WalletId::new);
    let amount_min = read_number(query, "min_amount")?;
    let amount_max = read_number(query, "max_amount")?;
    let (from, to) = (read_instant(query, "from")?, read_instant(query, "to")?);
    let ascending = match query.get("order") {
        None | Some("desc") => false,
        Some("asc") => true,
        Some(_) => return Err(Problem::of_parameter("order", "must be asc or desc")),
    };
    let wallet_word = wallet.to_string();
    let times = format!("{from:?} {to:?} {ascending}");
    let mut words = vec![
        "history",
        &wallet_word,
        query.get("type").unwrap_or(""),
        &times,
    ];
    let narrow = format!("{fund:?} {counterparty:?} {amount_min:?} {amount_max:?}");
    // Cursors given out before these filters came to be stay good.
    if NARROWING.iter().any(|name| query.get(name).is_some()) {
        words.push(&narrow);
    }
    let scope = Scope::new(&words);
    let after = query.get("cursor").map(|text| scope.decode(text));
    let after = after.transpose()?;
    let offset = read_offset(query)?;
    let limit = query.limit()?;
    let wanted = HistoryQuery {
        wallet,
        kinds,
        fund,
        counterparty,
        amount_min,
        amount_max,
        from,
        to,
        ascending,
        limit,
        offset,
        after,
    };
    Ok((wanted, scope))
}

pub(super) fn read_instant(query: &Query, name: &'static str) -> Outcome<Option<Timestamp>> {
    const INSTANT: &str = "must be an RFC 3339 time with an offset; write + as %2B";
    let Some(text) = query.get(name) else {
        return Ok(None);
    };
    match moment::parse(text) {
        None => Err(Problem::of_parameter(name, INSTANT)),
        parsed => Ok(parsed),
    }
}

/// An amount or an id.
pub(super) fn read_number(query: &Query, name: &'static str) -> Outcome<Option<u64>> {
    const NUMBER: &str = "must be an integer from 1 to 9007199254740991";
    let Some(text) = query.get(name) else {
        return Ok(None);
    };
    let number = text
        .parse()
        .ok()
        .filter(|number: &u64| number.to_string() == text);
    match number.filter(|number| (1..=NUMBER_MAX).contains(number)) {
        None => Err(Problem::of_parameter(name, NUMBER)),
        found => Ok(found),
    }
}

fn read_offset(query: &Query) -> Outcome<usize> {
    const OFFSET: &str = "must be an integer from 0 to 4294967295";
    let Some(text) = query.get("offset") else {
        return Ok(0);
    };
    if query.get("cursor").is_some() {
        let detail = "cannot be given together with a cursor, which says where to go on by itself";
        return Err(Problem::of_parameter("offset", detail));
    }
    let offset = text
        .parse()
        .ok()
        .filter(|offset: &u32| offset.to_string() == text);
    let offset = offset.ok_or_else(|| Problem::of_parameter("offset", OFFSET))?;
    Ok(offset as usize)
}

fn read_kinds(words: &str) -> Outcome<SmallVec<[EntryType; 2]>> {
    let mut kinds = SmallVec::new();
    for word in words.split(',') {
        let mut known = EntryType::ALL.into_iter();
        let kind = known.find(|kind| kind.as_str() == word);
        let kind = kind.ok_or_else(|| {
            let known = EntryType::ALL.map(EntryType::as_str).join(", ");
            let detail = format!("must be one or more of {known}, with commas between");
            Problem::of_parameter("type", detail)
        })?;
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    Ok(kinds)
}
