//! The holes of every segment, and what is allowed to be written over each.

use super::super::error::{Class, JournalError, Problem};
use super::super::log_reader::LogReader;
use super::super::loss::Loss;
use super::super::segment::{FEATURE_LOSS, HEADER_COPY_BYTES, SegmentHeader};
use super::super::tail::sealed_problem;
use super::super::view::{Item, SegmentView};
use super::super::walk::{Link, SegmentKey};
use super::fill::Place;
use super::holes::{Hole, Search};
use super::{Choice, Drafts, Left};
use std::ops::RangeInclusive;

/// A segment that is gone through.
pub(super) struct Segment<'a> {
    pub(super) view: &'a SegmentView,
    pub(super) header: SegmentHeader,
    pub(super) choice: &'a Choice,
    /// Header time of the last record before this segment.
    time_before: i64,
}

/// Goes through all segments, oldest first.
pub(super) fn repair(
    reader: &LogReader,
    choice: &Choice,
    drafts: &mut Drafts,
    left: &mut Vec<Left>,
) -> Result<(), JournalError> {
    let catalog = reader.catalog();
    let mut time_before = 0;
    for (index, file) in catalog.segments.iter().enumerate() {
        let Some(header) = file.header().cloned() else {
            continue;
        };
        let view = reader.view(index)?;
        if file.archived {
            // Its blocks carry their own checksums, and only a backup has them twice.
            left.extend(view.lost.iter().map(|lost| Left {
                problem: lost.problem.clone(),
                needs: None,
            }));
            time_before = last_time(&view).unwrap_or(time_before).max(time_before);
            continue;
        }
        let segment = Segment {
            view: &view,
            header,
            choice,
            time_before,
        };
        let newest = index + 1 == catalog.segments.len();
        let stated = catalog.successor(index);
        match stated {
            Some(next) => segment.sealed(next, drafts, left)?,
            // Where a segment is missing behind it, its end is not known: only a backup helps.
            None if !newest => {}
            None => segment.newest(reader, drafts, left)?,
        }
        time_before = segment.last_time();
    }
    Ok(())
}

impl Segment<'_> {
    fn key(&self) -> SegmentKey {
        SegmentKey::of(&self.header)
    }

    /// What is to be gone through, up to `end`; `stated` is the last record that it must have.
    pub(super) fn search(&self, end: u64, stated: Option<Link>) -> Search<'_> {
        Search {
            bytes: &self.view.bytes,
            key: self.key(),
            start: Link::stated_by(&self.header),
            end,
            stated,
            skip: &self.choice.give_up,
        }
    }

    /// Header time of its last record, or of the last one before it.
    fn last_time(&self) -> i64 {
        let own = last_time(self.view).unwrap_or(self.time_before);
        own.max(self.time_before)
    }

    fn sealed(
        &self,
        next: &SegmentHeader,
        drafts: &mut Drafts,
        left: &mut Vec<Left>,
    ) -> Result<(), JournalError> {
        let search = self.search(next.prev_bytes, Some(Link::stated_by(next)));
        for hole in search.holes() {
            self.close(&search, &hole, drafts, left)?;
        }
        Ok(())
    }

    /// Writes over a hole with something sound, or says what would allow it.
    pub(super) fn close(
        &self,
        search: &Search<'_>,
        hole: &Hole,
        drafts: &mut Drafts,
        left: &mut Vec<Left>,
    ) -> Result<(), JournalError> {
        let name = &self.view.file.name;
        let Some(missing) = hole.missing() else {
            if !self.choice.restore {
                left.push(restorable(name, hole));
                return Ok(());
            }
            if hole.is_gap {
                let zeros = vec![0; usize::try_from(hole.to - hole.from).unwrap_or(0)];
                let says = "write zeros behind the group".to_owned();
                return self.put(hole, &zeros, says, false, drafts);
            }
            return match self.place(hole).marks(false) {
                Some(bytes) => {
                    let says = "write the mark anew: no act is missing".to_owned();
                    self.put(hole, &bytes, says, false, drafts)
                }
                None => {
                    left.push(too_short(name, hole, None));
                    Ok(())
                }
            };
        };
        let covered = self
            .choice
            .give_up
            .iter()
            .any(|range| range.contains(missing.start()) && range.contains(missing.end()));
        if !covered {
            left.push(Left {
                problem: self.problem(hole),
                needs: self
                    .advised(search, hole, &missing)
                    .map(|range| give_up_words(&range)),
            });
            return Ok(());
        }
        let next_crc = hole.next.map_or(0, |next| next.crc);
        let loss = self.loss(hole, *missing.end(), next_crc);
        let Some(bytes) = self.place(hole).loss(&loss) else {
            let wider = self.advised(search, hole, &missing);
            left.push(too_short(name, hole, wider));
            return Ok(());
        };
        let says = format!(
            "give LSN {}..{} up for good: the record of their loss",
            missing.start(),
            missing.end()
        );
        self.put(hole, &bytes, says, true, drafts)
    }

    fn problem(&self, hole: &Hole) -> Problem {
        let name = &self.view.file.name;
        match &hole.flaw {
            Some(flaw) => sealed_problem(name, flaw),
            None => Problem::new(Class::Corrupt, name, "records are missing")
                .at(hole.from)
                .lsn(hole.link.lsn + 1),
        }
    }

    pub(super) fn loss(&self, hole: &Hole, to_lsn: u64, next_crc: u32) -> Loss {
        Loss {
            from_lsn: hole.link.lsn + 1,
            to_lsn,
            at_us: self.choice.now_us,
            next_crc,
        }
    }

    pub(super) fn place(&self, hole: &Hole) -> Place {
        // As late as what stands in front: never after what stands behind.
        let time_us = hole.link.time_us.max(self.time_before);
        Place {
            key: self.key(),
            from: hole.from,
            to: hole.to,
            link: hole.link,
            time_us,
        }
    }

    pub(super) fn put(
        &self,
        hole: &Hole,
        bytes: &[u8],
        says: String,
        is_loss: bool,
        drafts: &mut Drafts,
    ) -> Result<(), JournalError> {
        let draft = drafts.of(&self.view.file.name, || Ok(self.view.bytes.clone()))?;
        draft.put(hole.from, bytes, says);
        if is_loss {
            let lost = hole.link.lsn + 1;
            drafts.lost_from = Some(drafts.lost_from.map_or(lost, |from| from.min(lost)));
            let draft = drafts.of(&self.view.file.name, || Ok(self.view.bytes.clone()))?;
            let header = SegmentHeader {
                incompatible: self.header.incompatible | FEATURE_LOSS,
                ..self.header.clone()
            };
            let says = "say in the header that records were given up here";
            for index in 0..2 {
                let at = (index * HEADER_COPY_BYTES) as u64;
                draft.put(at, &header.encode(), format!("header copy {index}: {says}"));
            }
        }
        Ok(())
    }
}

/// The latest header time in a segment.
fn last_time(view: &SegmentView) -> Option<i64> {
    let times = view.items().filter_map(|item| match item {
        Item::Record(record) => Some(record.header.time_us),
        Item::Bad(_) => None,
    });
    times.max()
}

pub(super) fn give_up_words(range: &RangeInclusive<u64>) -> String {
    format!(
        "--skip-range {}..{} --i-accept-loss",
        range.start(),
        range.end()
    )
}

pub(super) fn restorable(name: &str, hole: &Hole) -> Left {
    let what = match hole.is_gap {
        true => "the gap behind a group is not zero; no act is missing",
        false => "a mark is damaged; no act is missing",
    };
    let problem = Problem::new(Class::Corrupt, name, what);
    Left {
        problem: problem.at(hole.from).lsn(hole.link.lsn),
        needs: Some("--restore-header".to_owned()),
    }
}

/// A hole without room for what is to be written there; `wider` would leave it.
pub(super) fn too_short(name: &str, hole: &Hole, wider: Option<RangeInclusive<u64>>) -> Left {
    let what = format!(
        "bytes {}..{} are too few for the record of a loss: more has to be given up",
        hole.from, hole.to
    );
    let problem = Problem::new(Class::Corrupt, name, what);
    Left {
        problem: problem.at(hole.from).lsn(hole.link.lsn + 1),
        needs: wider.map(|range| give_up_words(&range)),
    }
}
