//! `POST /admin/compact`: old segments into the archive, now.

use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use engine::domain::Timestamp;
use engine::journal::Expired;

use super::{Call, Task};
use crate::answer;
use crate::moment::Moment;
use crate::problem::{Code, Problem};

/// What came of asking for it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Compacted {
    /// Segments moved. 0: no segment is sealed and within two snapshots.
    #[schema(example = 7)]
    segments: u64,
    /// First LSN of what was moved; 0 = nothing was.
    #[schema(example = 1)]
    first_lsn: u64,
    /// Last LSN of what was moved; 0 = nothing was.
    #[schema(example = 91310)]
    last_lsn: u64,
    /// What the segments took on disk.
    #[schema(example = 469762048)]
    bytes_before: u64,
    /// What their archive files take.
    #[schema(example = 2310144)]
    bytes_after: u64,
    /// The archive files made, below the store.
    files: Vec<String>,
    /// Archive files that were past their retention.
    deleted: Vec<Deleted>,
}

/// History that is gone now.
#[derive(Serialize, ToSchema)]
pub(crate) struct Deleted {
    /// Its name, below the store.
    file: String,
    /// Of its first record.
    #[schema(minimum = 1, example = 1)]
    first_lsn: u64,
    /// Of its last record.
    #[schema(minimum = 1, example = 91310)]
    last_lsn: u64,
    /// When its first record was written.
    #[schema(value_type = String, format = DateTime)]
    from: Moment,
    /// When its last record was written.
    #[schema(value_type = String, format = DateTime)]
    to: Moment,
    /// Its size.
    #[schema(example = 2310144)]
    bytes: u64,
}

/// `POST /admin/compact`: answers when it is done. Whoever goes away does not stop it.
pub(crate) fn compact(call: Call) -> Task {
    Box::pin(async move {
        let engine = call.app.engine()?;
        let done = engine.compact().await;
        let done = done.map_err(|reason| Problem::new(Code::CompactionFailed, reason))?;
        let body = Compacted {
            segments: done.segments,
            first_lsn: done.first_lsn.0,
            last_lsn: done.last_lsn.0,
            bytes_before: done.bytes_before,
            bytes_after: done.bytes_after,
            files: done.files,
            deleted: done.deleted.into_iter().map(Deleted::from).collect(),
        };
        Ok(answer::json(StatusCode::OK, &body))
    })
}

// === impl Deleted ===

impl From<Expired> for Deleted {
    fn from(expired: Expired) -> Self {
        Self {
            file: expired.file,
            first_lsn: expired.first_lsn.0,
            last_lsn: expired.last_lsn.0,
            from: Moment(Timestamp(expired.first_us)),
            to: Moment(Timestamp(expired.last_us)),
            bytes: expired.bytes,
        }
    }
}
