//! `man`: one page for the tool and one for each command, also those inside a command.

use std::fs;
use std::path::PathBuf;

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man as Page;

use crate::cli::Cli;
use crate::exit::{Stop, Verdict};
use crate::output::Output;

const EXAMPLES: &str = "\
Examples:
  wal-tool man /usr/local/share/man/man1
  wal-tool man ./man1 && man -l ./man1/wal-tool-repair.1";

/// Writes man pages into a directory, over older ones.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Man {
    /// Where to, like /usr/local/share/man/man1; made if it is not there.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

// === impl Man ===

impl Man {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        fs::create_dir_all(&self.dir).map_err(|source| Stop::of_file(&self.dir, source))?;
        let mut root = Cli::command();
        root.build();
        let name = root.get_name().to_owned();
        self.write_all(&name, &root, output)?;
        Ok(Verdict::default())
    }

    /// A command's page, and those of the commands in it.
    fn write_all(&self, title: &str, command: &Command, output: &mut Output) -> Result<(), Stop> {
        self.write(title, command, output)?;
        let commands = command.get_subcommands();
        for command in commands.filter(|command| command.get_name() != "help") {
            let title = format!("{title}-{}", command.get_name());
            self.write_all(&title, command, output)?;
        }
        Ok(())
    }

    fn write(&self, title: &str, command: &Command, output: &mut Output) -> Result<(), Stop> {
        let path = self.dir.join(format!("{title}.1"));
        let mut page = Vec::new();
        Page::new(command.clone()).title(title).render(&mut page)?;
        fs::write(&path, page).map_err(|source| Stop::of_file(&path, source))?;
        output.text(format_args!("{}", path.display()))?;
        Ok(())
    }
}
