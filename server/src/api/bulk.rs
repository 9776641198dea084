//! `POST /v1/bulk`: many operations in one request, each carried out or refused by itself.
//!
//! ```text
//! {"operations":[ {"op":"earn",…}, {"op":"use","amount":-1} ]}   ──►   wanted [earn] · plan [0, fault]
//! {"results":[ {"status":201,…}, {"status":422,"code":"invalid-field",…} ]}
//! ```
//! Ten thousand items share one request, so what an item costs decides the speed: items are read in
//! one pass without a tree, and results are written by hand into one buffer.

mod operation;
mod read;
#[cfg(test)]
mod tests;

use engine::Outcome as EngineOutcome;
use engine::domain::{Event, Role};
use hyper::StatusCode;
use hyper::header::HeaderMap;

pub(crate) use self::operation::OPERATIONS;
use self::read::Bulk;
pub(crate) use self::read::OPERATIONS_MAX;
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
        check_headers(&head.headers)?;
        let app = &*call.app;
        let time = app.options.body;
        let gathered = body::read(incoming, BULK_BYTES_MAX, time, &app.gathering).await?;
        let turn = app.bulk_turns.acquire().await;
        let _turn = turn.map_err(|_| Code::Draining.plain())?;
        let engine = app.engine()?;
        let bulk = Bulk::read(&gathered.bytes, &|| engine.allot_wallet_id())?;
        drop(gathered);
        carry_out(app, bulk).await
    })
}

/// Reads a body and writes out what is wrong with it; gives the number of items without a fault.
#[cfg(feature = "sim")]
pub(crate) fn read_body(body: &[u8], allot: &dyn Fn() -> engine::domain::WalletId) -> usize {
    Bulk::read(body, allot).map_or(0, |bulk| {
        let faults = bulk.faults.into_iter().map(|(_, problem)| (0, problem));
        write_results(&[], faults.take(1).collect());
        bulk.wanted.len()
    })
}

fn check_headers(headers: &HeaderMap) -> Outcome<()> {
    check_media_type(headers)?;
    match key::from_headers(headers) {
        Ok(None) => Ok(()),
        Ok(Some(_)) | Err(_) => Err(Code::IdempotencyKeyPerItem.plain()),
    }
}

async fn carry_out(app: &App, bulk: Bulk) -> Outcome<Answer> {
    let Bulk { wanted, faults } = bulk;
    let outcomes = app.engine()?.submit_bulk(wanted).await;
    Ok(answer::written(
        StatusCode::OK,
        write_results(&outcomes, faults),
    ))
}

/// Results in the order of the items: refused ones where they stood, the others in between.
fn write_results(outcomes: &[EngineOutcome], faults: Vec<(usize, Box<Problem>)>) -> Vec<u8> {
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
    out.extend_from_slice(b"]}");
    out
}

fn write_outcome(out: &mut Vec<u8>, outcome: &EngineOutcome, at: usize) {
    let act = match outcome {
        Ok(receipt) => &receipt.act,
        Err(refusal) => return write_problem(out, &error::refused(*refusal), at),
    };
    let created = matches!(*act.event, Event::WalletCreated(_));
    let role = match *act.event {
        Event::Transferred(_) => Role::From,
        Event::WalletCreated(_)
        | Event::Charged(_)
        | Event::Earned(_)
        | Event::Used(_)
        | Event::UseCancelled(_)
        | Event::Lapsed(_)
        | Event::SettingsChanged(_) => Role::Sole,
    };
    let Some(standing) = act.event.standing(role) else {
        unreachable!("the operations of a bulk are about wallets")
    };
    out.extend_from_slice(b"{\"status\":201");
    json::member(out, "id", act.transaction.0);
    if created {
        json::member(out, "wallet", standing.wallet.get());
    }
    json::member(out, "balance", standing.balance());
    json::member(out, "version", standing.version);
    out.push(b'}');
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
