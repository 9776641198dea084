//! Records that a repair gave up, as a row.

use engine::domain::Timestamp;
use engine::journal::Loss;
use serde::Serialize;

use crate::instant::rfc3339;

/// Which records were given up, when, and where that stands.
#[derive(Serialize)]
pub(crate) struct LossRow<'a> {
    file: &'a str,
    from_lsn: u64,
    to_lsn: u64,
    given_up_at: String,
}

// === impl LossRow ===

impl<'a> LossRow<'a> {
    pub(crate) fn new(file: &'a str, loss: &Loss) -> Self {
        Self {
            file,
            from_lsn: loss.from_lsn,
            to_lsn: loss.to_lsn,
            given_up_at: rfc3339(Timestamp(loss.at_us)),
        }
    }

    /// One line for people.
    pub(crate) fn line(&self) -> String {
        format!(
            "LOST     {}: LSN {}..{} were given up by a repair at {}",
            self.file, self.from_lsn, self.to_lsn, self.given_up_at
        )
    }
}
