//! One file per command; a new one is a file here and a line in `cli.rs`.

pub(crate) mod backup;
pub(crate) mod balance;
pub(crate) mod compact;
pub(crate) mod completions;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod dump;
pub(crate) mod export;
pub(crate) mod hex;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod index;
pub(crate) mod inspect;
pub(crate) mod man;
pub(crate) mod repair;
pub(crate) mod replay;
pub(crate) mod restore;
pub(crate) mod settlement;
pub(crate) mod snapshot;
pub(crate) mod stats;
pub(crate) mod verify;
pub(crate) mod why;
