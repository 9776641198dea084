//! The manifest of a repair: what was there, what is there now.

use engine::journal::repair::Plan;
use serde::{Deserialize, Serialize};

use crate::sha256::of_bytes as hash;

/// Version of this layout.
const MANIFEST_VERSION: u8 = 1;

/// How far a repair has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Everything is aside; some files may be switched.
    Prepared,
    Done,
    Undone,
}

/// What one repair changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    v: u8,
    pub(crate) number: u32,
    pub(crate) state: State,
    pub(crate) created_at: String,
    pub(crate) store_id: String,
    /// In the order in which they were switched.
    pub(crate) files: Vec<FileEntry>,
}

/// One file that was changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    pub(crate) name: String,
    /// Where the old bytes lie; the zeros at their end are left out.
    pub(crate) aside: String,
    pub(crate) old_bytes: u64,
    /// None when there was no such file.
    pub(crate) old_sha256: Option<String>,
    pub(crate) new_bytes: u64,
    /// None when there is to be no such file.
    pub(crate) new_sha256: Option<String>,
    pub(crate) steps: Vec<StepEntry>,
}

/// One stretch that was changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct StepEntry {
    pub(crate) offset: u64,
    pub(crate) len: u64,
    pub(crate) says: String,
}

// === impl Manifest ===

impl Manifest {
    pub(super) fn prepared(number: u32, store_id: String, created_at: String, plan: &Plan) -> Self {
        let files = plan.changes.iter().map(|change| FileEntry {
            name: change.name.clone(),
            aside: format!("{number:04}.{}", change.name),
            old_bytes: change.old.len() as u64,
            old_sha256: (!change.old.is_empty()).then(|| hash(&change.old)),
            new_bytes: change.new.len() as u64,
            new_sha256: (!change.gone).then(|| hash(&change.new)),
            steps: change.steps.iter().map(StepEntry::from).collect(),
        });
        Self {
            v: MANIFEST_VERSION,
            number,
            state: State::Prepared,
            created_at,
            store_id,
            files: files.collect(),
        }
    }

    pub(super) fn file_name(&self) -> String {
        format!("{:04}.json", self.number)
    }
}

impl From<&engine::journal::repair::Step> for StepEntry {
    fn from(step: &engine::journal::repair::Step) -> Self {
        Self {
            offset: step.offset,
            len: step.len,
            says: step.says.clone(),
        }
    }
}
