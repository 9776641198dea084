//! What the routes do, one file per noun.
//!
//! A command route is two pure functions, from its body to a command and from the act to its answer;
//! everything between them (body, key, engine, errors) is the same for all and lives in `exchange.rs`.

pub(crate) mod admin;
pub(crate) mod archive;
pub(crate) mod bulk;
pub(crate) mod care;
pub(crate) mod companies;
pub(crate) mod docs;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod holds;
pub(crate) mod lots;
pub(crate) mod noop;
pub(crate) mod pending;
pub(crate) mod problems;
pub(crate) mod reports;
pub(crate) mod settings;
pub(crate) mod settlement_runs;
pub(crate) mod settlements;
pub(crate) mod transactions;
pub(crate) mod transfers;
pub(crate) mod views;
pub(crate) mod wallets;

use std::pin::Pin;
use std::sync::Arc;

use engine::Act;
use engine::domain::{Command, WalletId};
use hyper::Request;
use hyper::body::Incoming;

use crate::answer::Answer;
use crate::app::App;
use crate::draft::{Draft, Fields};
use crate::problem::Outcome;
use crate::query::Query;

/// Parameters of every command.
pub(crate) const COMMAND_PARAMETERS: &[&str] = &["dry_run"];

/// A request that found its route.
pub(crate) struct Call {
    /// What all requests share.
    pub(crate) app: Arc<App>,
    /// The id in the path; 0 on a route without one.
    pub(crate) id: u64,
    /// The period or the code in the path; empty on a route without one.
    pub(crate) word: String,
    /// What stands behind the question mark.
    pub(crate) query: Query,
    /// The request.
    pub(crate) request: Request<Incoming>,
}

/// A handler at work. Boxed: only what is not a single command goes this way.
pub(crate) type Task = Pin<Box<dyn Future<Output = Outcome<Answer>> + Send>>;

/// What stands around a body: the id in the path, and where fresh wallet ids come from.
pub(crate) struct Setting<'a> {
    /// The id in the path; 0 on a route without one.
    pub(crate) id: u64,
    /// Allots a wallet id.
    pub(crate) allot: &'a dyn Fn() -> WalletId,
}

/// A route that carries out one command.
pub(crate) struct CommandRoute {
    /// The fields that its body may have.
    pub(crate) fields: Fields,
    /// The fields that its body must have.
    pub(crate) required: Fields,
    /// Whether the body may be left out.
    pub(crate) bare: bool,
    /// From the body to the command; `None` leaves a fault in the draft.
    pub(crate) read: fn(&Setting<'_>, &mut Draft<'_>) -> Option<Command>,
    /// From the act to the answer. The act is all there is: a replay must give the same bytes.
    pub(crate) answer: fn(&Act) -> Answer,
}

/// What a route does.
#[derive(Clone, Copy)]
pub(crate) enum Action {
    /// One command.
    Command(&'static CommandRoute),
    /// Anything else.
    Task(fn(Call) -> Task),
}
