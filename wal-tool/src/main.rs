//! `wal-tool`: looks into a Scrip data directory, offline or beside a running server.
//!
//! It owns how findings are asked for and shown. What bytes mean is the journal's affair, what events mean
//! the domain's: nothing here knows a field offset or a rule. Most commands only read; `backup` and `restore` write new
//! directories and change no existing one; `repair` alone changes a store.

mod acts;
mod backup;
mod checking;
mod cli;
mod commands;
mod deep;
mod exit;
mod filter;
mod fold;
mod gaps;
mod instant;
mod log;
mod output;
mod place;
mod portable;
mod repair;
mod replaying;
mod rows;
mod settlements;
mod sha256;
mod snapshots;
mod staged;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(verdict) => ExitCode::from(verdict.exit_code()),
        Err(stop) => match stop.exit_code() {
            // Whoever read the answer has seen enough.
            None => ExitCode::SUCCESS,
            Some(code) => {
                output::talk(format_args!("wal-tool: {stop}"));
                ExitCode::from(code)
            }
        },
    }
}
