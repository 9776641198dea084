//! Verifying a whole directory: every CRC, padding, link, number and name, and all problems instead of the first.

mod sound;

use super::catalog::SegmentFile;
use super::counts::Counts;
use super::error::{Class, JournalError, Problem};
use super::frame::KIND_LOSS;
use super::log_reader::{LogReader, unreadable};
use super::loss::Loss;
use super::place::Lsn;
use super::segment::HEADER_PAGE_BYTES;
use super::tail::{Tail, TailVerdict, stops_early};
use super::view::{Item, SegmentView};
use super::walk::Link;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Problems kept of one segment: a file of noise would otherwise fill the memory with findings.
const SEGMENT_PROBLEMS_MAX: usize = 10_000;

/// What verifying found.
#[derive(Clone, Debug, Default)]
pub struct VerifyReport {
    pub segments: u64,
    pub groups: u64,
    pub acts: u64,
    pub records: u64,
    /// MARK and CLOSE.
    pub bare: u64,
    pub bytes: u64,
    /// Zeros behind groups.
    pub padding_bytes: u64,
    pub first_lsn: Lsn,
    pub last_lsn: Lsn,
    pub tail: Option<Tail>,
    /// Acknowledged records that a repair gave up: no problem any more, and never forgotten.
    pub losses: Vec<(String, Loss)>,
    /// By file and offset.
    pub problems: Vec<Problem>,
}

impl VerifyReport {
    /// The class of the worst problem.
    pub fn worst(&self) -> Option<Class> {
        self.problems
            .iter()
            .map(|problem| problem.class)
            .max_by_key(|class| class.severity())
    }

    pub fn exit_code(&self) -> u8 {
        self.worst().map_or(0, Class::exit_code)
    }

    fn add(&mut self, other: Self) {
        self.segments += other.segments;
        self.groups += other.groups;
        self.acts += other.acts;
        self.records += other.records;
        self.bare += other.bare;
        self.bytes += other.bytes;
        self.padding_bytes += other.padding_bytes;
        if other.first_lsn > Lsn(0)
            && (self.first_lsn == Lsn(0) || other.first_lsn < self.first_lsn)
        {
            self.first_lsn = other.first_lsn;
        }
        self.last_lsn = self.last_lsn.max(other.last_lsn);
        self.tail = self.tail.take().or(other.tail);
        self.losses.extend(other.losses);
        self.problems.extend(other.problems);
    }
}

impl LogReader {
    /// Checks everything with `jobs` threads. `progress` is told bytes done and bytes in all, from any thread.
    pub fn verify(
        &self,
        jobs: usize,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<VerifyReport, JournalError> {
        self.verify_where(jobs, progress, &|_| true)
    }

    /// As `verify`, but reads only the segments that `wanted` says; names and headers are checked of all.
    pub fn verify_where(
        &self,
        jobs: usize,
        progress: &(dyn Fn(u64, u64) + Sync),
        wanted: &(dyn Fn(&SegmentFile) -> bool + Sync),
    ) -> Result<VerifyReport, JournalError> {
        let mut whole = VerifyReport {
            problems: self.catalog().problems(),
            ..VerifyReport::default()
        };
        let segments = &self.catalog().segments;
        let total: u64 = segments.iter().map(|segment| segment.len).sum();
        let next = AtomicUsize::new(0);
        let done = Mutex::new((0u64, Vec::new()));
        let failed = Mutex::new(None);
        let jobs = jobs.clamp(1, segments.len().max(1));
        std::thread::scope(|scope| {
            for _ in 0..jobs {
                scope.spawn(|| {
                    let mut window = Vec::new();
                    loop {
                        let index = next.fetch_add(1, Relaxed);
                        let Some(segment) = segments.get(index) else {
                            break;
                        };
                        if !wanted(segment) {
                            continue;
                        }
                        match self.verify_segment(index, &mut window) {
                            Ok(report) => {
                                let mut done = done.lock();
                                done.0 += segment.len;
                                done.1.push(report);
                                progress(done.0, total);
                            }
                            Err(error) => {
                                failed.lock().get_or_insert(error);
                            }
                        }
                    }
                });
            }
        });
        if let Some(error) = failed.into_inner() {
            return Err(error);
        }
        for report in done.into_inner().1 {
            whole.add(report);
        }
        whole
            .problems
            .sort_by(|a, b| (&a.file, a.offset).cmp(&(&b.file, b.offset)));
        whole.problems.dedup();
        Ok(whole)
    }

    fn verify_segment(
        &self,
        index: usize,
        window: &mut Vec<u8>,
    ) -> Result<VerifyReport, JournalError> {
        let segments = &self.catalog().segments;
        let newest = index + 1 == segments.len();
        let mut report = VerifyReport {
            segments: 1,
            ..VerifyReport::default()
        };
        if segments[index].header().is_none() {
            report.problems.push(unreadable(&segments[index]));
            return Ok(report);
        }
        if newest {
            if let Some(tail) = self.judge_sound(&segments[index], window)?
                && tail.counts.losses == 0
            {
                report.take(&tail.counts, tail.end);
                report.judge(tail);
                return Ok(report);
            }
            let Some((tail, bytes)) = self.judge(&segments[index])? else {
                return Ok(report);
            };
            if tail.blocking().is_none() && tail.counts.losses == 0 {
                report.take(&tail.counts, tail.end);
                report.judge(tail);
                return Ok(report);
            }
            let view = SegmentView {
                file: segments[index].clone(),
                bytes,
                end: tail.end,
                lost: Vec::new(),
            };
            // A damage that was acknowledged may have sound records behind it: list what is wrong there too.
            let to = if tail.blocking().is_some() {
                view.last_record_end()
            } else {
                tail.end
            };
            report.walk(&view, to);
            report.judge(tail);
            return Ok(report);
        }
        if let Some(sound) = self.verify_sound(index, window)? {
            return Ok(sound);
        }
        let view = self.view(index)?;
        let link = report.walk(&view, view.end);
        let stated = self.catalog().successor(index);
        if let Some(next) = stated
            && report.problems.is_empty()
            && ((next.prev_lsn, next.prev_crc) != (link.lsn, link.crc)
                || next.prev_bytes != view.end)
        {
            report
                .problems
                .push(stops_early(&view.file.name, view.end, link.lsn + 1));
        }
        Ok(report)
    }
}

impl VerifyReport {
    /// Counts and checks the records of one segment.
    fn walk(&mut self, view: &SegmentView, to: u64) -> Link {
        let mut items = view.items_to(to);
        let mut counts = Counts::default();
        for item in items.by_ref() {
            match item {
                Item::Record(record) => {
                    counts.count(&record.header);
                    if record.header.kind == KIND_LOSS
                        && let Some(loss) = Loss::decode(&record.header, record.body)
                    {
                        counts.last_lsn = loss.to_lsn;
                        self.losses.push((view.file.name.clone(), loss));
                    }
                }
                Item::Bad(span) if self.problems.len() < SEGMENT_PROBLEMS_MAX => {
                    self.problems.push(span.problem)
                }
                Item::Bad(_) => {}
            }
        }
        // A walk meets neighbours as one.
        self.problems
            .extend(view.lost.iter().map(|lost| lost.problem.clone()));
        self.take(&counts, to);
        items.link()
    }

    /// Takes over what a walk to the end of a segment has met.
    fn take(&mut self, counts: &Counts, end: u64) {
        let bytes = end.saturating_sub(HEADER_PAGE_BYTES);
        self.add(Self {
            groups: counts.groups,
            acts: counts.acts,
            records: counts.records,
            bare: counts.bare,
            bytes,
            padding_bytes: bytes.saturating_sub(counts.used),
            first_lsn: Lsn(counts.first_lsn),
            last_lsn: Lsn(counts.last_lsn),
            ..Self::default()
        });
    }

    fn judge(&mut self, tail: Tail) {
        match &tail.verdict {
            TailVerdict::Clean { .. } => {}
            TailVerdict::Torn {
                file,
                from,
                to,
                lsn,
            } => {
                let what = format!("bytes {from}..{to} were never acknowledged");
                self.problems
                    .push(Problem::new(Class::Torn, file, what).at(*from).lsn(lsn.0));
            }
            TailVerdict::Corrupt(problem) | TailVerdict::Suspect(problem) => {
                // The walk has met the same place; what the judge says of it is worth more.
                self.problems.retain(|found| found.offset != problem.offset);
                self.problems.push(problem.clone());
            }
        }
        self.tail = Some(tail);
    }
}
