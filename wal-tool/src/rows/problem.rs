//! A finding as a row.

use engine::journal::Problem;
use serde::Serialize;

/// What is wrong, where, and which exit code says so.
#[derive(Serialize)]
pub(crate) struct ProblemRow<'a> {
    class: &'static str,
    code: u8,
    file: &'a str,
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<u64>,
    lsn: Option<u64>,
    what: &'a str,
}

/// Columns of a finding in CSV.
pub(crate) const PROBLEM_COLUMNS: [&str; 6] = ["class", "code", "file", "offset", "lsn", "what"];

// === impl ProblemRow ===

impl<'a> ProblemRow<'a> {
    pub(crate) fn new(problem: &'a Problem) -> Self {
        Self {
            class: problem.class.name(),
            code: problem.class.exit_code(),
            file: &problem.file,
            offset: problem.offset,
            to: None,
            lsn: problem.lsn.map(|lsn| lsn.0),
            what: &problem.what,
        }
    }

    /// With the first byte behind the damage.
    pub(crate) fn until(self, to: Option<u64>) -> Self {
        Self { to, ..self }
    }

    /// One line for people.
    pub(crate) fn line(&self) -> String {
        let offset = self
            .offset
            .map_or_else(|| "-".to_owned(), |offset| offset.to_string());
        let to = self.to.map_or_else(String::new, |to| format!("..{to}"));
        let lsn = self
            .lsn
            .map_or_else(|| "-".to_owned(), |lsn| lsn.to_string());
        format!(
            "{:<8} {}:{offset}{to}:{lsn}  {}",
            self.class.to_uppercase(),
            self.file,
            self.what
        )
    }

    /// The cells of [`PROBLEM_COLUMNS`].
    pub(crate) fn cells(&self) -> [String; PROBLEM_COLUMNS.len()] {
        let number =
            |number: Option<u64>| number.map_or_else(String::new, |number| number.to_string());
        [
            self.class.to_owned(),
            self.code.to_string(),
            self.file.to_owned(),
            number(self.offset),
            number(self.lsn),
            self.what.to_owned(),
        ]
    }
}
