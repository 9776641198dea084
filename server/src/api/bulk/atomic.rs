//! `POST /v1/bulk` with `"atomic": true`: all operations or none, as one transaction.
//!
//! ```text
//! {"id":42,"entries":[ …every leg… ],"description":"","created_at":"…","results":[ {"status":201,"leg":0,…}, … ]}
//! ```

use engine::Act;
use engine::domain::{Event, Part};
use engine::record::IdempotencyKey;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Bulk, Done};
use crate::answer::{self, Answer, IDEMPOTENT_REPLAYED};
use crate::api::views::Transaction;
use crate::app::App;
use crate::error;
use crate::problem::Outcome;

/// The transaction of an atomic bulk, with what each operation came to.
#[derive(Serialize, ToSchema)]
pub(crate) struct AtomicBulk<'a> {
    #[serde(flatten)]
    transaction: Transaction<'a>,
    /// One an operation, in array order.
    results: Vec<AtomicResult>,
}

/// What one operation of an atomic bulk came to.
#[derive(Serialize, ToSchema)]
pub(crate) struct AtomicResult {
    /// As it would have been alone.
    #[schema(example = 201)]
    status: u16,
    /// Its first entry in the transaction.
    #[schema(maximum = 254, example = 0)]
    leg: u8,
    /// The wallet, where one was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    wallet: Option<u64>,
    /// Points that were spent, where fewer than asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    amount: Option<u64>,
    /// Points asked for, where fewer were spent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    requested: Option<u64>,
    /// Points after it, of the paying wallet in a transfer.
    #[schema(maximum = 9007199254740991u64, example = 155)]
    balance: i64,
    /// The wallet's version after it.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 4)]
    version: u64,
}

pub(super) async fn carry_out(
    app: &App,
    bulk: Bulk,
    key: Option<IdempotencyKey>,
) -> Outcome<Answer> {
    let commands = bulk.wanted.into_iter().map(|request| request.command);
    let outcome = app.engine()?.submit_batch(commands.collect(), key).await;
    let receipt = outcome.map_err(error::refused)?;
    let mut answer = answer_batch(&receipt.act);
    if receipt.replayed {
        let headers = answer.headers_mut();
        headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(answer)
}

/// What it would come to.
pub(super) async fn rehearse(app: &App, bulk: Bulk) -> Outcome<Answer> {
    let commands = bulk.wanted.into_iter().map(|request| request.command);
    let outcome = app.engine()?.rehearse_batch(commands.collect()).await;
    Ok(answer_batch(&outcome.map_err(error::refused)?.act))
}

fn answer_batch(act: &Act) -> Answer {
    let status = match act.is_rehearsal() {
        true => StatusCode::OK,
        false => StatusCode::CREATED,
    };
    let entries = act.event.entries();
    let body = AtomicBulk {
        transaction: Transaction::new(act, &entries),
        results: results(&act.event, status),
    };
    answer::json(status, &body)
}

fn results(event: &Event, status: StatusCode) -> Vec<AtomicResult> {
    let Event::Batched(batch) = event else {
        unreachable!("a batch is answered by its own event")
    };
    let item = |part| AtomicResult::of(part, status);
    batch.items().map(item).collect()
}

// === impl AtomicResult ===

impl AtomicResult {
    fn of(part: Part<'_>, status: StatusCode) -> Self {
        let done = Done::of(part.event);
        Self {
            status: status.as_u16(),
            leg: part.leg,
            wallet: done.wallet,
            amount: done.fewer.map(|(amount, _)| amount),
            requested: done.fewer.map(|(_, requested)| requested),
            balance: done.balance,
            version: done.version,
        }
    }
}
