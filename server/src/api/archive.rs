//! `POST /admin/compact`: old segments into the archive, now.

use hyper::StatusCode;
use serde::Serialize;

use engine::domain::Timestamp;
use engine::journal::Expired;

use super::{Call, Task};
use crate::answer;
use crate::moment::Moment;
use crate::problem::{Code, Problem};

/// What came of asking for it.
#[derive(Serialize)]
struct Compacted {
    /// 0: no segment is sealed and within two snapshots.
    segments: u64,
    first_lsn: u64,
    last_lsn: u64,
    /// On disk, before and after.
    bytes_before: u64,
    bytes_after: u64,
    files: Vec<String>,
    /// Archive files that were past their retention.
    deleted: Vec<Deleted>,
}

/// History that is gone now.
#[derive(Serialize)]
struct Deleted {
    file: String,
    first_lsn: u64,
    last_lsn: u64,
    /// Of its first and last record.
    from: Moment,
    to: Moment,
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
