//! Why a measurement could not be taken, or what it found to be wrong.

use std::io;
use std::process::ExitCode;

use thiserror::Error;

/// Ends a run; the message is all the user sees.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The operating system refused.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// What it said.
        source: io::Error,
    },
    /// The server did not start, vanished, or answered something that cannot be read.
    #[error("the server {0}")]
    Server(String),
    /// The engine did not open or refused a command that must succeed.
    #[error("the engine {0}")]
    Engine(String),
    /// Another program failed.
    #[error("{program} failed: {said}")]
    Program {
        /// Its name.
        program: String,
        /// What it wrote.
        said: String,
    },
    /// The server and the client's own record disagree.
    #[error("{0} differences between the server and the client's own record")]
    Differences(usize),
    /// A promise was not kept in a run that was asked to check.
    #[error("below the floor: {0}")]
    BelowFloor(String),
    /// Something asked for on the command line makes no sense.
    #[error("{0}")]
    Usage(String),
}

/// What other programs of the workspace answer to senseless arguments too.
const USAGE: u8 = 2;

/// Adds to an I/O error what was being done.
pub(crate) trait Doing<T> {
    /// What was being done, as the beginning of a sentence.
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Failure>;
}

// === impl Failure ===

impl Failure {
    /// 2 for arguments that make no sense, 1 for everything else.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(USAGE),
            Self::Io { .. }
            | Self::Server(_)
            | Self::Engine(_)
            | Self::Program { .. }
            | Self::Differences(_)
            | Self::BelowFloor(_) => ExitCode::FAILURE,
        }
    }
}

// === impl Doing ===

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|source| Failure::Io {
            doing: what(),
            source: source.into(),
        })
    }
}
