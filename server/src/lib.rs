//! Scrip's HTTP front end: from bytes on a socket to a command, from an act to bytes on a socket.
//!
//! ```text
//! serve ─► connection ─► exchange ─► router ─► api/<noun> ─► engine
//!                            └─► body ─► draft        └─► views, problem
//! ```
//! Holds no balance and no rule: whatever is decided is decided by the engine.

mod accept;
mod answer;
mod api;
mod app;
mod body;
mod connection;
mod cursor;
mod draft;
mod error;
mod exchange;
#[cfg(feature = "sim")]
pub mod fuzzing;
mod json;
mod key;
mod line;
mod metrics;
mod moment;
mod openapi;
mod problem;
mod query;
mod request_id;
mod router;
mod serve;

pub use self::app::{CONNECTIONS_MAX, EngineSlot, ServeOptions};
pub use self::serve::{Listeners, Shutdown, serve};
