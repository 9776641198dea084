//! The harness of the test suite: starts the real binaries, speaks HTTP to them from raw sockets, and
//! remembers what they acknowledged. It owns no test, trusts nothing that the server's own code says
//! about itself, and so shares with it neither an HTTP client nor a rule of the points business.
//!
//! ```text
//! suite/*.rs ──► Launch ──► scrip-server (a child, port 0) ◄── Connection (raw HTTP/1.1)
//!                  │                                              │
//!                  └── kill -9, SIGTERM, exit code, output        └── Ledger: what was sent, what was acknowledged
//! ```

pub mod audit;
pub mod binaries;
pub mod fuzzing;
pub mod http;
pub mod inside;
pub mod launch;
pub mod ledger;
pub mod orders;
pub mod random;
pub mod scale;
pub mod scenario;
pub mod segments;
pub mod source;
pub mod wal_tool;
