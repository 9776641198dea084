//! `doctor`: whether a directory and the machine below it can be trusted with points.

mod disk;
mod store;

use std::path::Path;

use clap::Args;
use engine::journal::Class;
use serde::Serialize;

use crate::exit::{Stop, Verdict};
use crate::output::Output;
use crate::place::Place;

const EXAMPLES: &str = "\
Examples:
  wal-tool doctor                       ./scrip-data, or $SCRIP_DATA
  wal-tool doctor /var/lib/scrip        before the first start, or beside a running server
  wal-tool doctor --json | jq 'select(.state!=\"good\")'";

/// Checks mount, free space, clock, sync latency, and the store's files.
///
/// Writes into a file without a name, which is gone when the command ends. Warnings do not change the exit code.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Doctor {
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// How a check ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Good,
    /// Works, but somebody should know.
    Warn,
    /// Do not serve from here.
    Bad,
}

/// One check.
#[derive(Serialize, Debug)]
struct CheckRow {
    check: &'static str,
    state: State,
    says: String,
    #[serde(skip)]
    class: Option<Class>,
}

// === impl Doctor ===

impl Doctor {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let dir: &Path = self.place.dir();
        // Whatever else is asked, it must be a directory that can be read.
        engine::journal::FileStorage::existing(dir)?;
        let mut rows = vec![disk::mount(dir), disk::space(dir), disk::sync_latency(dir)];
        rows.extend(store::check(dir)?);
        let mut verdict = Verdict::default();
        for row in &rows {
            if let (State::Bad, Some(class)) = (row.state, row.class) {
                verdict.meet(class);
            }
            match self.json {
                true => output.json("check", row)?,
                false => output.text(format_args!("{}", row.line()))?,
            }
        }
        Ok(verdict)
    }
}

// === impl CheckRow ===

impl CheckRow {
    fn good(check: &'static str, says: String) -> Self {
        let (state, class) = (State::Good, None);
        Self {
            check,
            state,
            says,
            class,
        }
    }

    fn warn(check: &'static str, says: String) -> Self {
        let state = State::Warn;
        Self {
            state,
            ..Self::good(check, says)
        }
    }

    fn bad(check: &'static str, class: Class, says: String) -> Self {
        let (state, class) = (State::Bad, Some(class));
        Self {
            check,
            state,
            says,
            class,
        }
    }

    fn line(&self) -> String {
        let state = match self.state {
            State::Good => "good",
            State::Warn => "WARN",
            State::Bad => "BAD",
        };
        format!("{state:<5} {:<9} {}", self.check, self.says)
    }
}
