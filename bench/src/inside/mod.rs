//! The engine without HTTP: tasks in this process submit commands and wait until they are durable.
//!
//! ```text
//! caller task 1…n:  command ── submit ──► receipt ── next command ──► …      (closed loop)
//! ```
//! What is measured here is the engine's own ceiling: no socket, no JSON, the same journal and disk.

mod alternate;
mod caller;
mod command;
mod run;
mod scenario;
mod store;

pub(crate) use self::alternate::round;
pub(crate) use self::command::{EngineArgs, run};
pub(crate) use self::run::{Figures, Load, measure};
pub(crate) use self::scenario::{Scenario, Script, points, wallet};
pub(crate) use self::store::{
    compact, cover_twice, open, options, prepare, runtime, submit, submit_each,
};
