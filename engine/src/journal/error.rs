//! What can go wrong with a journal, and which exit code says so.

use super::place::Lsn;
use std::fmt;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Class of a finding. The number is the exit code of whoever reports it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Class {
    /// The disk did not answer.
    Io,
    /// Asked for something that cannot be.
    Usage,
    /// An unacknowledged end was dropped; nobody lost anything.
    Torn,
    /// Bytes that were acknowledged are damaged.
    Corrupt,
    /// A segment is missing, doubled, swapped or foreign.
    Chain,
    /// A snapshot or store.meta is bad.
    Meta,
    /// The bytes are sound, what they say is not.
    Meaning,
    /// Written by a version that this one does not know.
    Format,
    /// Somebody else holds the directory.
    Locked,
    /// Damage where nothing should have been written: a human must decide.
    Suspect,
    /// Two things that should be equal are not.
    Differs,
}

impl Class {
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Io => 1,
            Self::Usage => 2,
            Self::Torn => 10,
            Self::Corrupt => 11,
            Self::Chain => 12,
            Self::Meta => 13,
            Self::Meaning => 14,
            Self::Format => 15,
            Self::Locked => 16,
            Self::Suspect => 17,
            Self::Differs => 18,
        }
    }

    /// Higher is worse; of several findings the worst one names the exit code.
    pub fn severity(self) -> u8 {
        match self {
            Self::Torn => 0,
            Self::Differs => 1,
            Self::Suspect => 2,
            Self::Meta => 3,
            Self::Meaning => 4,
            Self::Chain => 5,
            Self::Corrupt => 6,
            Self::Format => 7,
            Self::Locked => 8,
            Self::Usage => 9,
            Self::Io => 10,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Io => "io",
            Self::Usage => "usage",
            Self::Torn => "torn",
            Self::Corrupt => "corrupt",
            Self::Chain => "chain",
            Self::Meta => "meta",
            Self::Meaning => "meaning",
            Self::Format => "format",
            Self::Locked => "locked",
            Self::Suspect => "suspect",
            Self::Differs => "differs",
        }
    }
}

/// One finding: what is wrong, where, and which LSN it concerns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    pub class: Class,
    /// File name inside the directory.
    pub file: String,
    pub offset: Option<u64>,
    pub lsn: Option<Lsn>,
    pub what: String,
}

impl Problem {
    pub(crate) fn new(class: Class, file: &str, what: impl Into<String>) -> Self {
        Self {
            class,
            file: file.to_owned(),
            offset: None,
            lsn: None,
            what: what.into(),
        }
    }

    pub(crate) fn at(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    pub(crate) fn lsn(mut self, lsn: u64) -> Self {
        self.lsn = Some(Lsn(lsn));
        self
    }
}

impl std::error::Error for Problem {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class.name(), self.file)?;
        if let Some(offset) = self.offset {
            write!(f, " at offset {offset}")?;
        }
        if let Some(lsn) = self.lsn {
            write!(f, ", LSN {lsn}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// Why a journal could not be opened, read or closed.
#[derive(Debug, Error)]
pub enum JournalError {
    #[error("cannot {action} {file}: {source}")]
    Io {
        action: &'static str,
        file: String,
        source: io::Error,
    },
    #[error("{0}")]
    Damage(Problem),
    #[error("{dir} is in use by another process ({holder})")]
    Locked { dir: PathBuf, holder: String },
    /// What is asked for stood before the beginning of the log.
    #[error("the log begins at LSN {begins} here: what was before it has been deleted")]
    Gone { begins: Lsn },
    #[error("journal options: {0}")]
    Options(String),
    #[error(
        "the journal stopped after a failed write; what was in flight is decided by the next start"
    )]
    Poisoned,
    #[error("the journal is closed")]
    Closed,
}

impl JournalError {
    pub(crate) fn io(action: &'static str, file: &str) -> impl FnOnce(io::Error) -> Self {
        let file = file.to_owned();
        move |source| {
            // A read from the archive may find damage; what it is and where is known already.
            match source
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<Problem>())
            {
                Some(problem) => Self::Damage(problem.clone()),
                None => Self::Io {
                    action,
                    file,
                    source,
                },
            }
        }
    }

    /// For readers that look like files.
    pub(crate) fn into_io(self) -> io::Error {
        match self {
            Self::Io { source, .. } => source,
            Self::Damage(problem) => io::Error::new(io::ErrorKind::InvalidData, problem),
            other @ (Self::Locked { .. }
            | Self::Gone { .. }
            | Self::Options(_)
            | Self::Poisoned
            | Self::Closed) => io::Error::other(other.to_string()),
        }
    }

    pub fn class(&self) -> Class {
        match self {
            Self::Io { .. } | Self::Poisoned | Self::Closed => Class::Io,
            Self::Damage(problem) => problem.class,
            Self::Locked { .. } => Class::Locked,
            Self::Options(_) | Self::Gone { .. } => Class::Usage,
        }
    }

    pub fn exit_code(&self) -> u8 {
        self.class().exit_code()
    }
}

impl From<super::ScanError<std::convert::Infallible>> for JournalError {
    fn from(error: super::ScanError<std::convert::Infallible>) -> Self {
        match error {
            super::ScanError::Journal(error) => error,
            super::ScanError::Each(never) => match never {},
        }
    }
}

impl From<Problem> for JournalError {
    fn from(problem: Problem) -> Self {
        Self::Damage(problem)
    }
}
