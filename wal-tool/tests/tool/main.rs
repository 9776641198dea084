//! The tool from outside: real logs, written through the engine's journal, read by the real binary.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop here"
)]

mod archived;
mod asking;
mod backup;
mod damage;
mod damage_table;
mod drills;
mod exit_codes;
mod forgery;
mod index;
mod killed;
mod live;
mod manual;
mod meaning;
mod pages;
mod porting;
mod reading;
mod repairing;
mod retaining;
mod settling;
mod snapshots;
mod stage;
