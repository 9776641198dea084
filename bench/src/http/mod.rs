//! The HTTP side of the bench: a client that costs little, and the subcommand that uses it.

mod asker;
mod child;
mod command;
mod connection;
mod drive;
mod response;
mod store;

pub(crate) use self::asker::Asker;
pub(crate) use self::child::{Child, ChildOptions, NOOP_FLAG, exchange, program};
pub(crate) use self::command::{HttpArgs, run};
pub(crate) use self::drive::{Outcome, Pace, Plan, drive};
pub(crate) use self::response::text_member;
pub(crate) use self::store::{create_wallets, drive_threads};
