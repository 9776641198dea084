//! Where the log has gaps: segments or archive files that should be there and are not, or are of a format that is not
//! known here, so that no walk passes over them in silence.

use engine::journal::meta::META_FILE;
use engine::journal::{Catalog, Class, LogReader, Problem};

/// Behind the newest segment.
const BEHIND_ALL: u64 = u64::MAX;

/// The gaps of a log, in its order.
#[derive(Default)]
pub(crate) struct Gaps(Vec<Gap>);

/// Something is missing, or cannot be read, in front of a segment; or its own format is not known.
struct Gap {
    /// Number of that segment.
    before: u64,
    /// Its first LSN.
    until: u64,
    problem: Problem,
}

// === impl Gaps ===

impl Gaps {
    pub(crate) fn of(reader: &LogReader) -> Self {
        let catalog = reader.catalog();
        // Beside a running server the meta may be newer than what was listed.
        let believes_meta = reader.holder().is_none();
        let problems = catalog.blocking_problems().into_iter();
        let problems = problems.filter(|problem| {
            let of_meta = problem.file == META_FILE;
            let of_archive = archived_from(&problem.file).is_some();
            match problem.class {
                // It can be read, but nobody knows what it means.
                Class::Format => true,
                Class::Chain => believes_meta || !of_meta,
                Class::Io
                | Class::Usage
                | Class::Torn
                | Class::Corrupt
                | Class::Meta
                | Class::Meaning
                | Class::Locked
                | Class::Suspect
                | Class::Differs => of_archive,
            }
        });
        let mut gaps: Vec<_> = problems
            .map(|problem| {
                let (before, until) = place(catalog, &problem);
                Gap {
                    before,
                    until,
                    problem,
                }
            })
            .collect();
        gaps.sort_by_key(|gap| gap.before);
        Self(gaps)
    }

    /// What a walk that wants LSN `from` and later passes over on its way from one segment to a later one.
    pub(crate) fn between(
        &self,
        after: u64,
        to: u64,
        from: u64,
    ) -> impl DoubleEndedIterator<Item = &Problem> {
        let passed = self.0.iter();
        passed
            .filter(move |gap| gap.before > after && gap.before <= to && gap.until > from)
            .map(|gap| &gap.problem)
    }
}

/// The segment that comes next after what is missing.
fn place(catalog: &Catalog, problem: &Problem) -> (u64, u64) {
    let segments = &catalog.segments;
    let newest = segments.last().map_or(0, |newest| newest.seq);
    let active = catalog.newest_meta().map_or(0, |meta| meta.active_seq);
    let next = if problem.file == META_FILE {
        segments.first().filter(|_| newest >= active)
    } else if let Some(lsn) = archived_from(&problem.file) {
        segments.iter().find(|segment| segment.first_lsn > lsn)
    } else {
        segments.iter().find(|segment| segment.name == problem.file)
    };
    next.map_or((BEHIND_ALL, u64::MAX), |next| (next.seq, next.first_lsn))
}

/// The first LSN of an archive file, as its name says.
fn archived_from(file: &str) -> Option<u64> {
    let name = file.strip_prefix("archive/arch-")?.strip_suffix(".arc")?;
    name.split_once('-')?.0.parse().ok()
}
