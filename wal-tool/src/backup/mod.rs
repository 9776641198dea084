//! Backups: a directory of generations, each of them a complete data directory with a manifest.
//!
//! ```text
//! TO/backup-00000000000000004711/   seg-….wal  seg-….wal  store.meta  MANIFEST
//! TO/backup-00000000000000009000/   seg-….wal (the same file, a second name)  seg-….wal  …  MANIFEST
//! ```
//! It owns copying and hashing. Which bytes belong to a backup is the journal's affair.

mod check;
mod create;
mod manifest;

pub(crate) use self::check::{Checked, check};
pub(crate) use self::create::Plan;
pub(crate) use self::manifest::{MANIFEST_FILE, generations};
