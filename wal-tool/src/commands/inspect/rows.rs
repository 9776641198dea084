//! What `inspect` shows, as rows.

use engine::journal::Tail;
use engine::journal::TailVerdict::{Clean, Corrupt, Suspect, Torn};
use engine::journal::meta::{META_COPIES, Meta, MetaCopies};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct StoreRow {
    pub(super) dir: String,
    pub(super) store_id: Option<String>,
    pub(super) format: Option<String>,
    pub(super) epoch: Option<u64>,
    pub(super) timeline: Option<u32>,
    pub(super) segments: usize,
    pub(super) first_lsn: u64,
    pub(super) last_lsn: u64,
    pub(super) files: usize,
    pub(super) bytes: u64,
    pub(super) allocated_bytes: u64,
    pub(super) held_by: Option<String>,
}

#[derive(Serialize)]
pub(super) struct MetaRow {
    pub(super) sound_copies: usize,
    pub(super) copies: usize,
    pub(super) write: Option<u64>,
    pub(super) clean_lsn: Option<u64>,
    pub(super) active_segment: Option<u64>,
    pub(super) oldest_segment: Option<u64>,
    pub(super) snapshots: Vec<u64>,
}

#[derive(Serialize)]
pub(super) struct SegmentRow<'a> {
    pub(super) file: &'a str,
    pub(super) seq: u64,
    pub(super) first_lsn: u64,
    pub(super) last_lsn: Option<u64>,
    pub(super) used_bytes: Option<u64>,
    pub(super) bytes: u64,
    pub(super) allocated_bytes: u64,
    pub(super) epoch: Option<u64>,
    pub(super) created_at: Option<String>,
    pub(super) sound_copies: usize,
    pub(super) sealed: bool,
    /// It lies in an archive file; `allocated_bytes` is what it takes there.
    pub(super) archived: bool,
    /// Whether a repair gave acknowledged records of it up.
    pub(super) has_losses: bool,
}

#[derive(Serialize)]
pub(super) struct FileRow<'a> {
    pub(super) file: &'a str,
    pub(super) bytes: u64,
    pub(super) kind: &'static str,
}

/// What compaction would find to do.
#[derive(Serialize, Default)]
pub(super) struct CompactionRow {
    /// Sealed segments that two snapshots cover.
    pub(super) segments: usize,
    pub(super) first_segment: Option<u64>,
    pub(super) last_segment: Option<u64>,
    pub(super) last_lsn: Option<u64>,
    /// Bytes on disk that it would give back, before what the archive takes.
    pub(super) frees_bytes: u64,
    /// Sealed segments that have to wait for a second snapshot.
    pub(super) waiting_segments: usize,
}

#[derive(Serialize)]
pub(super) struct TailRow {
    pub(super) verdict: &'static str,
    pub(super) says: String,
    pub(super) end: u64,
    pub(super) last_lsn: u64,
    pub(super) attested_lsn: u64,
    pub(super) acknowledgement_unknown_from: Option<u64>,
    pub(super) warnings: Vec<String>,
}

// === impl MetaRow ===

impl MetaRow {
    pub(super) fn new(copies: &MetaCopies) -> Self {
        let newest = copies.newest();
        let snapshots = newest.map_or([0; 2], |meta| meta.snapshots);
        Self {
            sound_copies: copies.copies.iter().filter(|copy| copy.is_ok()).count(),
            copies: META_COPIES,
            write: newest.map(|meta| meta.seq),
            clean_lsn: newest.and_then(|meta| meta.clean_lsn),
            active_segment: newest.map(|meta| meta.active_seq),
            oldest_segment: newest.map(|meta: &Meta| meta.oldest_seq),
            snapshots: snapshots.into_iter().filter(|lsn| *lsn != 0).collect(),
        }
    }

    pub(super) fn line(&self) -> String {
        let clean = match self.clean_lsn {
            Some(lsn) => format!("closed in order at LSN {lsn}"),
            None => "not closed in order".to_owned(),
        };
        format!(
            "{} of {} copies sound, {clean}, segments {}…{}, {} snapshots",
            self.sound_copies,
            self.copies,
            self.oldest_segment.unwrap_or(0),
            self.active_segment.unwrap_or(0),
            self.snapshots.len()
        )
    }
}

// === impl CompactionRow ===

impl CompactionRow {
    /// `covered`: the last LSN of the older of two snapshots, without which nothing may go.
    pub(super) fn new(segments: &[SegmentRow<'_>], covered: Option<u64>) -> Self {
        let mut row = Self::default();
        for segment in segments
            .iter()
            .filter(|segment| segment.sealed && !segment.archived)
        {
            if segment.last_lsn.is_none() || segment.last_lsn > covered {
                row.waiting_segments += 1;
                continue;
            }
            row.segments += 1;
            row.first_segment = row.first_segment.or(Some(segment.seq));
            row.last_segment = Some(segment.seq);
            row.last_lsn = segment.last_lsn;
            row.frees_bytes += segment.allocated_bytes;
        }
        row
    }

    pub(super) fn line(&self) -> String {
        let waiting = format!(
            "{} sealed segments wait for a second snapshot",
            self.waiting_segments
        );
        match (self.first_segment, self.last_segment, self.last_lsn) {
            (Some(first), Some(last), Some(lsn)) => format!(
                "would archive segments {first}…{last} up to LSN {lsn}, {} bytes on disk; {waiting}",
                self.frees_bytes
            ),
            _ => format!("nothing to do; {waiting}"),
        }
    }
}

// === impl TailRow ===

impl TailRow {
    pub(super) fn new(tail: &Tail) -> Self {
        let verdict = match &tail.verdict {
            Clean { .. } => "clean",
            Torn { .. } => "torn",
            Corrupt(_) => "corrupt",
            Suspect(_) => "suspect",
        };
        Self {
            verdict,
            says: tail.verdict.to_string(),
            end: tail.end,
            last_lsn: tail.link.lsn,
            attested_lsn: tail.attested.0,
            acknowledgement_unknown_from: tail.unknown_from.map(|lsn| lsn.0),
            warnings: tail.warnings.clone(),
        }
    }

    pub(super) fn line(&self) -> String {
        let unknown = self.acknowledgement_unknown_from;
        let unknown = unknown.map_or_else(String::new, |lsn| {
            format!("; acknowledgement unknown from LSN {lsn}")
        });
        format!(
            "{}; LSN {} ends at offset {}, attested up to LSN {}{unknown}",
            self.says, self.last_lsn, self.end, self.attested_lsn
        )
    }
}
