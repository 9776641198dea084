//! How the newest segment ends: nothing behind it says where, so a hole at its end may be a torn group, a lost CLOSE, or
//! acknowledged records that are gone.

use super::super::error::{Class, JournalError, Problem};
use super::super::frame::HEADER_BYTES;
use super::super::log_reader::LogReader;
use super::super::place::align_up;
use super::super::segment::GROUP_ALIGN;
use super::super::tail::{TailVerdict, judge};
use super::super::view::Item;
use super::fill::Place;
use super::holes::Hole;
use super::segments::{Segment, give_up_words, restorable, too_short};
use super::{Drafts, Left};
use std::ops::RangeInclusive;

impl Segment<'_> {
    /// The newest segment: holes with sound acts behind them first; then what is judged of its end.
    pub(super) fn newest(
        &self,
        reader: &LogReader,
        drafts: &mut Drafts,
        left: &mut Vec<Left>,
    ) -> Result<(), JournalError> {
        let end = self.view.last_record_end();
        let search = self.search(end.min(self.view.bytes.len() as u64), None);
        let holes = search.holes();
        for hole in holes.iter().filter(|hole| hole.next.is_some()) {
            self.close(&search, hole, drafts, left)?;
        }
        if !left.is_empty() {
            return Ok(());
        }
        let name = &self.view.file.name;
        let patched = drafts.of(name, || Ok(self.view.bytes.clone()))?.new.clone();
        let clean_lsn = reader.clean_lsn(&self.header);
        let tail = judge(name, &self.header, &patched, clean_lsn);
        let end_hole = holes.into_iter().find(|hole| hole.next.is_none());
        let asked = end_hole
            .as_ref()
            .is_some_and(|hole| self.granted(hole.link.lsn + 1).is_some());
        match &tail.verdict {
            TailVerdict::Clean { .. } | TailVerdict::Torn { .. } if !asked => Ok(()),
            TailVerdict::Suspect(problem) => self.accept(tail.end, &patched, problem, drafts, left),
            TailVerdict::Clean { .. } | TailVerdict::Torn { .. } | TailVerdict::Corrupt(_) => {
                let blank = Hole {
                    from: tail.end,
                    link: tail.link,
                    to: tail.end,
                    next: None,
                    flaw: None,
                    is_gap: false,
                };
                let hole = end_hole.unwrap_or(blank);
                let known = self.known_to(&hole, clean_lsn);
                self.cut(hole, known, &tail.verdict, drafts, left)
            }
        }
    }

    /// The range that an LSN may be given up with.
    fn granted(&self, lsn: u64) -> Option<&RangeInclusive<u64>> {
        let mut granted = self.choice.give_up.iter();
        granted.find(|range| range.contains(&lsn))
    }

    /// The highest LSN that something says was acknowledged, behind the record before a hole.
    fn known_to(&self, hole: &Hole, clean_lsn: Option<u64>) -> u64 {
        let items = self.view.items_to(self.view.bytes.len() as u64);
        let said = items.filter_map(|item| match item {
            Item::Record(record) => Some(record.header.lsn.max(record.header.durable_lsn)),
            Item::Bad(_) => None,
        });
        said.max().max(clean_lsn).unwrap_or(0).max(hole.link.lsn)
    }

    /// Ends the log at a hole that has nothing sound behind it.
    fn cut(
        &self,
        hole: Hole,
        known: u64,
        verdict: &TailVerdict,
        drafts: &mut Drafts,
        left: &mut Vec<Left>,
    ) -> Result<(), JournalError> {
        let lost = hole.link.lsn + 1..=known;
        let granted = self.granted(*lost.start());
        let to_lsn = granted.map_or(known, |range| known.max(*range.end()));
        if lost.is_empty() && granted.is_none() {
            // Only the last CLOSE is gone.
            return self.reclose(&hole, drafts, left);
        }
        if granted.is_none_or(|range| *range.end() < known) {
            let problem = match verdict {
                TailVerdict::Corrupt(problem) => problem.clone(),
                TailVerdict::Clean { .. } | TailVerdict::Torn { .. } | TailVerdict::Suspect(_) => {
                    Problem::new(
                        Class::Corrupt,
                        &self.view.file.name,
                        "the log ends too early",
                    )
                }
            };
            left.push(Left {
                problem,
                needs: Some(give_up_words(&lost)),
            });
            return Ok(());
        }
        let end = self.view.bytes.len() as u64;
        let page = u64::from(GROUP_ALIGN);
        // Whatever comes next follows on from this very record.
        let loss = self.loss(&hole, to_lsn, 0);
        let place = Place {
            to: align_up(hole.from + page / 2, page).min(end),
            ..self.place(&hole)
        };
        let Some(mut bytes) = place.loss(&loss) else {
            left.push(too_short(&self.view.file.name, &hole, None));
            return Ok(());
        };
        bytes.resize(usize::try_from(end - hole.from).unwrap_or(usize::MAX), 0);
        let says = format!(
            "give LSN {}..{} up for good: the record of their loss, then zeros to the end",
            hole.link.lsn + 1,
            loss.to_lsn
        );
        drafts.cut = true;
        self.put(&hole, &bytes, says, true, drafts)
    }

    /// Writes the CLOSE anew that was damaged.
    fn reclose(
        &self,
        hole: &Hole,
        drafts: &mut Drafts,
        left: &mut Vec<Left>,
    ) -> Result<(), JournalError> {
        let page = u64::from(GROUP_ALIGN);
        if !self.choice.restore {
            left.push(restorable(&self.view.file.name, hole));
            return Ok(());
        }
        let place = Place {
            to: align_up(hole.from + HEADER_BYTES as u64, page),
            ..self.place(hole)
        };
        if let Some(bytes) = place.marks(true) {
            let says = "write the CLOSE anew: no act is missing".to_owned();
            self.put(hole, &bytes, says, false, drafts)?;
        }
        Ok(())
    }

    fn accept(
        &self,
        end: u64,
        bytes: &[u8],
        problem: &Problem,
        drafts: &mut Drafts,
        left: &mut Vec<Left>,
    ) -> Result<(), JournalError> {
        if !self.choice.accept_tail {
            left.push(Left {
                problem: problem.clone(),
                needs: Some("--accept-tail".to_owned()),
            });
            return Ok(());
        }
        let used = bytes
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        let from = usize::try_from(end).unwrap_or(usize::MAX);
        let zeros = vec![0; used.saturating_sub(from)];
        let draft = drafts.of(&self.view.file.name, || Ok(bytes.to_vec()))?;
        draft.put(end, &zeros, "end the log here: zeros behind it".to_owned());
        Ok(())
    }
}
