//! `completions`: what a shell needs to complete the tool's commands and options.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::cli::Cli;
use crate::exit::{Stop, Verdict};
use crate::output::Output;

const EXAMPLES: &str = "\
Examples:
  wal-tool completions bash > /usr/share/bash-completion/completions/wal-tool
  wal-tool completions zsh > /usr/share/zsh/site-functions/_wal-tool
  wal-tool completions fish > ~/.config/fish/completions/wal-tool.fish";

/// Prints a completion script for a shell.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Completions {
    /// Which shell.
    #[arg(value_enum)]
    shell: Shell,
}

// === impl Completions ===

impl Completions {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let mut command = Cli::command();
        let name = command.get_name().to_owned();
        let mut script = Vec::new();
        generate(self.shell, &mut command, name, &mut script);
        output.raw(&script)?;
        Ok(Verdict::default())
    }
}
