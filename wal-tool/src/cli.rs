//! The command line: one flat list of commands, each with a file of its own.

use clap::{Parser, Subcommand};

use crate::commands::{
    backup, balance, compact, completions, diff, doctor, dump, export, hex, history, import, index,
    inspect, man, repair, replay, restore, settlement, snapshot, stats, verify, why,
};
use crate::exit::{Stop, Verdict};
use crate::output::Output;

const EXIT_CODES: &str = "\
Exit codes (the most severe finding wins):
  0 clean             10 torn tail only        14 meaning violated
  1 I/O error         11 corrupt               15 unknown format
  2 usage             12 segment missing,      16 lock held
                         doubled, swapped      17 suspect tail
                         or foreign            18 differs
                      13 snapshot or meta bad

The answer goes to stdout, talk to stderr. --json prints one object a line.";

/// Inspects, verifies, replays, backs up and restores a Scrip journal.
///
/// Reads take no lock and change nothing: they also work beside a running server.
#[derive(Parser, Debug)]
#[command(name = "wal-tool", version, after_help = EXIT_CODES, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Inspect(inspect::Inspect),
    Dump(dump::Dump),
    Hex(hex::Hex),
    Verify(verify::Verify),
    Replay(replay::Replay),
    History(history::History),
    Balance(balance::Balance),
    Stats(stats::Stats),
    Why(why::Why),
    Diff(diff::Diff),
    Doctor(doctor::Doctor),
    Compact(compact::Compact),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Repair(repair::Repair),
    Export(export::Export),
    Import(import::Import),
    Index(index::Index),
    Completions(completions::Completions),
    Man(man::Man),
    Snapshot(snapshot::SnapshotCommand),
    Settlement(settlement::Settlement),
}

// === impl Cli ===

impl Cli {
    /// Runs the command and hands over the rest of its answer.
    pub(crate) fn run(self) -> Result<Verdict, Stop> {
        let mut output = Output::stdout();
        let verdict = match self.command {
            Command::Inspect(command) => command.run(&mut output),
            Command::Dump(command) => command.run(&mut output),
            Command::Hex(command) => command.run(&mut output),
            Command::Verify(command) => command.run(&mut output),
            Command::Replay(command) => command.run(&mut output),
            Command::History(command) => command.run(&mut output),
            Command::Balance(command) => command.run(&mut output),
            Command::Stats(command) => command.run(&mut output),
            Command::Why(command) => command.run(&mut output),
            Command::Diff(command) => command.run(&mut output),
            Command::Doctor(command) => command.run(&mut output),
            Command::Compact(command) => command.run(&mut output),
            Command::Backup(command) => command.run(&mut output),
            Command::Restore(command) => command.run(&mut output),
            Command::Repair(command) => command.run(&mut output),
            Command::Export(command) => command.run(&mut output),
            Command::Import(command) => command.run(&mut output),
            Command::Index(command) => command.run(&mut output),
            Command::Completions(command) => command.run(&mut output),
            Command::Man(command) => command.run(&mut output),
            Command::Snapshot(command) => command.run(&mut output),
            Command::Settlement(command) => command.run(&mut output),
        };
        // Rows that came before a failure are true and wanted.
        let flushed = output.flush();
        let verdict = verdict?;
        flushed?;
        Ok(verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_every_command_shows_examples() {
        let mut cli = Cli::command();
        cli.build();
        cli.clone().debug_assert();
        for command in cli.get_subcommands() {
            shows_examples(command, "wal-tool");
        }
    }

    fn shows_examples(command: &clap::Command, above: &str) {
        if command.get_name() == "help" {
            return;
        }
        let shown = format!("{above} {}", command.get_name());
        let help = command.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        assert!(help.contains(&shown), "no example in the help of {shown}");
        for verb in command.get_subcommands() {
            shows_examples(verb, &shown);
        }
    }
}
