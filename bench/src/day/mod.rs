//! A business day against a server that is killed twice, checked against the client's own record.
//!
//! ```text
//! lanes (bulk and single) ──► server ──► kill -9 ──► server again ──► … ──► orderly end
//!    │  every operation has a key and is sent again, the same bytes, until it is answered
//!    └► record: what was answered ──► ledger ══ must equal ══ wal-tool verify --deep, every GET
//! ```
//! Nothing here looks at the engine: the ledger knows only what was asked and what was answered.

mod audit;
mod command;
mod lane;
mod ledger;
mod operation;

pub(crate) use self::command::{DayArgs, run};
