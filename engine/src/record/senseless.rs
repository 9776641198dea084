//! An act whose checksums hold and that still cannot be.

use thiserror::Error;

use super::RecordError;
use crate::domain::Inconsistency;

/// Why an act of the log cannot be folded into a state.
#[derive(Debug, Error)]
pub enum Senseless {
    /// A record makes no sense although its checksums hold.
    #[error("the record at lsn {lsn} makes no sense: {error}")]
    Record {
        /// Where.
        lsn: u64,
        /// Why.
        error: RecordError,
    },
    /// An event does not follow from the state before it.
    #[error("the record at lsn {lsn} does not follow from those before it: {error}")]
    Meaning {
        /// Where.
        lsn: u64,
        /// Why.
        error: Inconsistency,
    },
}

// === impl Senseless ===

impl Senseless {
    /// Where.
    pub fn lsn(&self) -> u64 {
        match self {
            Self::Record { lsn, .. } | Self::Meaning { lsn, .. } => *lsn,
        }
    }

    /// Exit code of its class: a format that this version does not know, or meaning violated.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Record {
                error: RecordError::Unknown { .. },
                ..
            } => 15,
            Self::Record { .. } | Self::Meaning { .. } => 14,
        }
    }
}
