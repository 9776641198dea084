//! `POST /v1/bulk`: many operations in one request, each carried out or refused by itself.
//!
//! ```text
//! {"operations":[ {"op":"earn",…}, {"op":"use","amount":-1} ]}   ──►   wanted [earn] · plan [0, fault]
//! {"results":[ {"status":201,…}, {"status":422,"code":"invalid-field",…} ]}
//! ```
//! Ten thousand items share one request, so what an item costs decides the speed: items are read in
//! one pass without a tree, and results are written by hand into one buffer.

mod atomic;
mod operation;
mod read;
#[cfg(test)]
mod tests;

use engine::Outcome as EngineOutcome;
use engine::domain::{Event, Role};
use hyper::StatusCode;

pub(crate) use self::atomic::AtomicBulk;
pub(crate) use self::operation::OPERATIONS;
pub(crate) use self::read::OPERATIONS_MAX;
use self::read::{Bulk, PATH, TEMPLATE};
use super::views::requested;
use super::{Call, Task};
use crate::answer::{self, Answer};
use crate::app::App;
use crate::body::{self, BULK_BYTES_MAX};
use crate::error;
use crate::exchange::check_media_type;
use crate::json;
use crate::key;
use crate::problem::{Code, Outcome, Problem};

/// A typical result, bytes: `{"status":201,"id":12345678,"balance":1234567,"version":1234}`.
const RESULT_BYTES: usize = 72;

/// Runs a bulk request.
pub(crate) fn run(call: Call) -> Task {
    Box::pin(async move {
        let (head, incoming) = call.request.into_parts();
        check_media_type(&head.headers)?;
        let key = key::from_headers(&head.headers)?;
        let app = &*call.app;
        let time = app.options.body;
        let gathered = body::read(incoming, BULK_BYTES_MAX, time, &app.gathering).await?;
        let turn = app.bulk_turns.acquire().await;
        let _turn = turn.map_err(|_| Code::Draining.plain())?;
        let engine = app.engine()?;
        if call.query.dry_run()? {
            let bulk = Bulk::read(&gathered.bytes, &engine.wallet_ids_to_come())?;
            drop(gathered);
            return rehearse(app, bulk).await;
        }
        let bulk = Bulk::read(&gathered.bytes, &|| engine.allot_wallet_id())?;
        if bulk.atomic {
            let key = key.map(|key| key::digest(TEMPLATE, key, PATH, &gathered.bytes));
            drop(gathered);
            return atomic::carry_out(app, bulk, key).await;
        }
        if key.is_some() {
            return Err(Code::IdempotencyKeyPerItem.plain());
        }
        drop(gathered);
        carry_out(app, bulk).await
    })
}

/// Reads a body and writes out what is wrong with it; gives the number of items without a fault.
#[cfg(feature = "sim")]
pub(crate) fn read_body(body: &[u8], allot: &dyn Fn() -> engine::domain::WalletId) -> usize {
    Bulk::read(body, allot).map_or(0, |bulk| {
        let faults = bulk.faults.into_iter().map(|(_, problem)| (0, problem));
        write_results(&[], faults.take(1).collect(), false);
        bulk.wanted.len()
    })
}

async fn carry_out(app: &App, bulk: Bulk) -> Outcome<Answer> {
    let Bulk { wanted, faults, .. } = bulk;
    let outcomes = app.engine()?.submit_bulk(wanted).await;
    Ok(answer::written(
        StatusCode::OK,
        write_results(&outcomes, faults, false),
    ))
}

/// What it would come to. Keys are neither claimed nor compared.
async fn rehearse(app: &App, bulk: Bulk) -> Outcome<Answer> {
    if bulk.atomic {
        return atomic::rehearse(app, bulk).await;
    }
    let commands = bulk.wanted.into_iter().map(|request| request.command);
    let outcomes = app.engine()?.rehearse_bulk(commands.collect()).await;
    Ok(answer::written(
        StatusCode::OK,
        write_results(&outcomes, bulk.faults, true),
    ))
}

/// Results in the order of the items: refused ones where they stood, the others in between.
fn write_results(
    outcomes: &[EngineOutcome],
    faults: Vec<(usize, Box<Problem>)>,
    dry_run: bool,
) -> Vec<u8> {
    let count = outcomes.len() + faults.len();
    let mut out = Vec::with_capacity(RESULT_BYTES * count + 16);
    out.extend_from_slice(b"{\"results\":[");
    let mut outcomes = outcomes.iter();
    let mut faults = faults.into_iter().peekable();
    for at in 0..count {
        if at > 0 {
            out.push(b',');
        }
        if let Some((_, problem)) = faults.next_if(|(place, _)| *place == at) {
            write_problem(&mut out, &problem, at);
        } else if let Some(outcome) = outcomes.next() {
            write_outcome(&mut out, outcome, at);
        }
    }
    out.push(b']');
    if dry_run {
        out.extend_from_slice(b",\"dry_run\":true");
    }
    out.push(b'}');
    out
}

fn write_outcome(out: &mut Vec<u8>, outcome: &EngineOutcome, at: usize) {
    let act = match outcome {
        Ok(receipt) => &receipt.act,
        Err(refusal) => return write_problem(out, &error::refused(*refusal), at),
    };
    let result = Done::of(&act.event);
    match act.is_rehearsal() {
        true => out.extend_from_slice(b"{\"status\":200"),
        false => {
            out.extend_from_slice(b"{\"status\":201");
            json::member(out, "id", act.transaction.0);
        }
    }
    if let Some(wallet) = result.wallet {
        json::member(out, "wallet", wallet);
    }
    if let Some((amount, requested)) = result.fewer {
        json::member(out, "amount", amount);
        json::member(out, "requested", requested);
    }
    json::member(out, "balance", result.balance);
    json::member(out, "version", result.version);
    out.push(b'}');
}

/// What an item that was carried out is told.
struct Done {
    /// The wallet, where it was created.
    wallet: Option<u64>,
    /// Points that moved and points asked for, where these are more.
    fewer: Option<(u64, u64)>,
    /// Of the paying wallet in a transfer.
    balance: i64,
    version: u64,
}

impl Done {
    fn of(event: &Event) -> Self {
        let created = matches!(event, Event::WalletCreated(_));
        // Who pays stands first.
        let Some(standing) = event.standing(Role::From) else {
            unreachable!("the operations of a bulk are about wallets")
        };
        Self {
            wallet: created.then(|| standing.wallet.get()),
            fewer: requested(event).map(|requested| (event.entries()[0].amount, requested)),
            balance: standing.balance(),
            version: standing.version,
        }
    }
}

fn write_problem(out: &mut Vec<u8>, problem: &Problem, at: usize) {
    let facts = problem.code.facts();
    out.extend_from_slice(b"{\"status\":");
    json::number(out, u64::from(facts.status.as_u16()));
    out.extend_from_slice(b",\"code\":\"");
    out.extend_from_slice(facts.code.as_bytes());
    out.push(b'"');
    let prefix = if problem.faults.is_empty() {
        String::new()
    } else {
        format!("/operations/{at}")
    };
    problem.write_members(out, &prefix);
    out.push(b'}');
}
