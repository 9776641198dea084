//! Scrip's load driver and measurements.
//!
//! `scrip-bench compare` takes every ratio that the project promises in one run; the other
//! subcommands take one measurement each. The load generator shares the machine with the server it
//! measures, so everything on its hot path is as plain as it can be.

mod archive;
mod compare;
mod day;
mod disk;
mod expiry;
mod failure;
mod growth;
mod history;
mod http;
mod inside;
mod latency;
mod machine;
mod memory;
mod micro;
mod others;
mod plot;
mod random;
mod replay;
mod report;
mod scratch;
mod settlement;
mod snapshot;
mod steady;
mod traffic;
mod versions;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tikv_jemallocator::Jemalloc;

use self::failure::Failure;

// The engine is measured in process with the allocator that the server ships with.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Measures Scrip, and what it stands on, on this machine.
#[derive(Parser, Debug)]
#[command(name = "scrip-bench", version, about)]
struct Cli {
    #[command(subcommand)]
    measurement: Measurement,
}

#[derive(Subcommand, Debug)]
enum Measurement {
    Archive(archive::ArchiveArgs),
    Compare(compare::CompareArgs),
    Day(day::DayArgs),
    Disk(disk::DiskArgs),
    Engine(inside::EngineArgs),
    Expiry(expiry::ExpiryArgs),
    History(history::HistoryArgs),
    Http(http::HttpArgs),
    Memory(memory::MemoryArgs),
    Micro(micro::MicroArgs),
    Replay(replay::ReplayArgs),
    Settlement(settlement::SettlementArgs),
    Snapshot(snapshot::SnapshotArgs),
    Versions(versions::VersionsArgs),
}

fn main() -> ExitCode {
    match measure(Cli::parse().measurement) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report::say(&format!("scrip-bench: {failure}"));
            failure.exit_code()
        }
    }
}

fn measure(measurement: Measurement) -> Result<(), Failure> {
    match measurement {
        Measurement::Archive(args) => archive::run(&args),
        Measurement::Compare(args) => compare::run(&args),
        Measurement::Day(args) => day::run(&args),
        Measurement::Disk(args) => disk::run(&args),
        Measurement::Engine(args) => inside::run(&args),
        Measurement::Expiry(args) => expiry::run(&args),
        Measurement::History(args) => history::run(&args),
        Measurement::Http(args) => http::run(&args),
        Measurement::Memory(args) => memory::run(&args),
        Measurement::Micro(args) => micro::run(&args),
        Measurement::Replay(args) => replay::run(&args),
        Measurement::Settlement(args) => settlement::run(&args),
        Measurement::Snapshot(args) => snapshot::run(&args),
        Measurement::Versions(args) => versions::run(&args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn senseless_arguments_and_failures_have_their_own_exit_codes() {
        let usage = Failure::Usage("x".to_owned()).exit_code();
        let differences = Failure::Differences(1).exit_code();
        assert_eq!(format!("{usage:?}"), format!("{:?}", ExitCode::from(2)));
        assert_eq!(
            format!("{differences:?}"),
            format!("{:?}", ExitCode::from(1))
        );
    }
}
