//! Every ratio that the project promises, taken in one run on one machine.
//!
//! ```text
//! P1 P2 P3  over HTTP: no-op and real in turn, same server, same client     P5  a resting server
//! P4        opening copies of a store                                       P6 P8  in process
//! P7        PostgreSQL and Redis, started for the purpose (--peers)
//! ```
//! A figure is never printed without the one it is divided by.

mod command;
mod in_process;
mod over_http;
mod peer;
mod postgres;
mod ratio;
mod redis;

pub(crate) use self::command::{CompareArgs, run};
pub(crate) use self::ratio::median;
