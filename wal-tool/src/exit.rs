//! How a run ends: with which exit code, and why a command had to stop.
//!
//! ```text
//! 0 clean · 1 I/O · 2 usage · 10 torn tail only · 11 corrupt · 12 segment missing, doubled, swapped, foreign
//! 13 snapshot or meta bad · 14 meaning violated · 15 unknown format · 16 lock held · 17 suspect tail · 18 differs
//! ```
//! A command collects what it comes across; the most severe finding names the exit code.

use std::io;
use std::path::Path;

use engine::journal::{Class, JournalError, Problem};
use engine::snapshot::CreateError;
use thiserror::Error;

/// The worst thing a run has met so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Verdict(Option<Class>);

/// Why a command could not go on.
#[derive(Debug, Error)]
pub(crate) enum Stop {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The question makes no sense here.
    #[error("{0}")]
    Usage(String),
    /// A file that was named cannot be read.
    #[error("cannot read {file}: {source}")]
    Read {
        /// Which file.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// A file or directory that was to be read or made.
    #[error("{file}: {source}")]
    File {
        /// Which.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// A file of the store cannot be changed.
    #[error("cannot change {file}: {source}")]
    Change {
        /// Which file.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// No snapshot was made.
    #[error(transparent)]
    Snapshot(#[from] CreateError),
    /// The answer cannot be written.
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}

// === impl Verdict ===

impl Verdict {
    /// Takes a finding in.
    pub(crate) fn meet(&mut self, class: Class) {
        let worse = self
            .0
            .is_none_or(|worst| worst.severity() < class.severity());
        if worse {
            self.0 = Some(class);
        }
    }

    /// Takes another verdict in.
    pub(crate) fn absorb(&mut self, other: Self) {
        if let Some(class) = other.0 {
            self.meet(class);
        }
    }

    /// Takes many findings in.
    pub(crate) fn of(problems: &[Problem]) -> Self {
        let mut verdict = Self::default();
        for problem in problems {
            verdict.meet(problem.class);
        }
        verdict
    }

    /// Exit code of the worst finding, 0 without one.
    pub(crate) fn exit_code(self) -> u8 {
        self.0.map_or(0, Class::exit_code)
    }

    /// Name of the worst finding.
    pub(crate) fn name(self) -> &'static str {
        self.0.map_or("clean", Class::name)
    }
}

// === impl Stop ===

impl Stop {
    /// A file or directory that the system refuses.
    pub(crate) fn of_file(path: &Path, source: io::Error) -> Self {
        Self::File {
            file: path.display().to_string(),
            source,
        }
    }

    /// For an error in reading a file.
    pub(crate) fn read(file: &str) -> impl FnOnce(io::Error) -> Self {
        let file = file.to_owned();
        move |source| Self::Read { file, source }
    }

    /// For an error in changing a file.
    pub(crate) fn write(file: &str) -> impl FnOnce(io::Error) -> Self {
        let file = file.to_owned();
        move |source| Self::Change { file, source }
    }

    /// Exit code; `None` when the reader of the answer went away, which is nobody's fault.
    pub(crate) fn exit_code(&self) -> Option<u8> {
        match self {
            Self::Journal(error) => Some(error.exit_code()),
            Self::Snapshot(error) => Some(error.exit_code()),
            Self::Usage(_) => Some(Class::Usage.exit_code()),
            Self::Read { .. } | Self::Change { .. } | Self::File { .. } => {
                Some(Class::Io.exit_code())
            }
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => None,
            Self::Output(_) => Some(Class::Io.exit_code()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From harmless to fatal, with the code each one shows alone.
    const BY_SEVERITY: [(Class, u8); 11] = [
        (Class::Torn, 10),
        (Class::Differs, 18),
        (Class::Suspect, 17),
        (Class::Meta, 13),
        (Class::Meaning, 14),
        (Class::Chain, 12),
        (Class::Corrupt, 11),
        (Class::Format, 15),
        (Class::Locked, 16),
        (Class::Usage, 2),
        (Class::Io, 1),
    ];

    #[test]
    fn each_class_has_its_code_and_the_most_severe_wins() {
        assert_eq!(Verdict::default().exit_code(), 0);
        for (worse, (class, code)) in BY_SEVERITY.iter().enumerate() {
            let mut verdict = Verdict::default();
            verdict.meet(*class);
            assert_eq!(verdict.exit_code(), *code, "{class:?} alone");
            for (milder, _) in &BY_SEVERITY[..worse] {
                let mut before = Verdict::default();
                before.meet(*milder);
                before.meet(*class);
                assert_eq!(before.exit_code(), *code, "{class:?} after {milder:?}");
                let mut after = verdict;
                after.meet(*milder);
                assert_eq!(after.exit_code(), *code, "{class:?} before {milder:?}");
            }
        }
    }
}
