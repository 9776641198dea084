//! The log of a directory as commands walk over it.
//!
//! Every walk ends with the journal's own word on how the log ends, so a torn, corrupt or suspect tail is met
//! by whoever reads that far, and a damage in the middle where it lies.

use std::ops::ControlFlow;
use std::path::Path;

use engine::journal::segment::GROUP_ALIGN;
use engine::journal::{
    ACT_BYTES_MAX, ActItem, BODY_BYTES_MAX, Class, Follow, Item, LogReader, Lsn, Order, Position,
    Problem, Range, Tail, TailVerdict,
};

use crate::acts::{Act, Damage, Found, Joining, Origin};
use crate::exit::Stop;
use crate::gaps::Gaps;
use crate::output::talk;

/// Most records of one act. A walk that starts in the middle of an act starts so much earlier.
const ACT_RECORDS_MAX: u64 = ACT_BYTES_MAX.div_ceil(BODY_BYTES_MAX) as u64;

/// A directory, open for reading.
pub(crate) struct Log {
    reader: LogReader,
    tail: Option<Tail>,
    gaps: Gaps,
    /// In the order of their numbers.
    places: Vec<SegmentPlace>,
    bytes: u64,
}

/// A growing log: only what is known to be on disk, across segments and restarts.
pub(crate) struct Following {
    follow: Follow,
}

/// A segment among the others.
struct SegmentPlace {
    seq: u64,
    origin: Origin,
    /// Bytes in the segments before it.
    bytes_before: u64,
}

/// Whether there is more to look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    GoOn,
    Enough,
}

/// What becomes of each thing found.
pub(crate) type Look<'l> = dyn FnMut(Found<'_>) -> Result<Next, Stop> + 'l;

// === impl Log ===

impl Log {
    pub(crate) fn open(dir: &Path) -> Result<Self, Stop> {
        let reader = LogReader::open(dir)?;
        let catalog = reader.catalog();
        if catalog.segments.is_empty() && catalog.meta.is_none() {
            // A wrong path must not pass for a clean store.
            return Err(Stop::Usage(format!("{} holds no store", dir.display())));
        }
        let log = Self::of(reader)?;
        if log.begins() > 1 {
            talk(format_args!(
                "the log begins at LSN {}: what was before it has been deleted",
                log.begins()
            ));
        }
        Ok(log)
    }

    /// Its lowest LSN: later than 1 where what was before has been deleted. What is only missing is damage, not this.
    pub(crate) fn begins(&self) -> u64 {
        let later = self.reader.catalog().begins_later();
        later.map_or(1, |lsn| lsn.0)
    }

    /// The log of a directory that is no real one, or that was looked into already.
    pub(crate) fn of(reader: LogReader) -> Result<Self, Stop> {
        let tail = reader.tail()?;
        let gaps = Gaps::of(&reader);
        let mut log = Self {
            reader,
            tail,
            gaps,
            places: Vec::new(),
            bytes: 0,
        };
        log.index();
        Ok(log)
    }

    fn index(&mut self) {
        self.places.clear();
        self.bytes = 0;
        for segment in &self.reader.catalog().segments {
            let alignment = segment
                .header()
                .map_or(GROUP_ALIGN, |header| header.alignment);
            let origin = Origin {
                file: segment.name.as_str().into(),
                alignment: u64::from(alignment),
            };
            self.places.push(SegmentPlace {
                seq: segment.seq,
                origin,
                bytes_before: self.bytes,
            });
            self.bytes += segment.len;
        }
    }

    /// The journal's reader.
    pub(crate) fn reader(&self) -> &LogReader {
        &self.reader
    }

    /// The first gap, for those who can do nothing with a part of the log.
    pub(crate) fn check_whole(&self) -> Result<(), Stop> {
        match self.gaps.between(0, u64::MAX, 0).next() {
            Some(problem) => Err(Stop::Journal(problem.clone().into())),
            None => Ok(()),
        }
    }

    /// Bytes in all segments.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of the log that lie before a place.
    pub(crate) fn bytes_before(&self, position: Position) -> u64 {
        let seq = u64::from(position.segment);
        let at = self.places.binary_search_by_key(&seq, |place| place.seq);
        at.map_or(0, |at| self.places[at].bytes_before) + u64::from(position.offset)
    }

    /// Everything up to here is known to be on disk.
    pub(crate) fn attested(&self) -> u64 {
        self.tail.as_ref().map_or(0, |tail| tail.attested.0)
    }

    /// Walks from LSN `from` on, then meets the tail. A few acts before `from` may be met too.
    pub(crate) fn forward(&self, from: Option<u64>, look: &mut Look<'_>) -> Result<(), Stop> {
        let range = Range {
            from: before(from.unwrap_or(0)),
            ..Range::default()
        };
        if self.walk(range, look)? == Next::GoOn
            && let Some(damage) = self.tail_damage()
        {
            look(Found::Damage(damage))?;
        }
        Ok(())
    }

    /// Meets the tail, then walks from LSN `from` back to the beginning. A few acts behind `from` may be met too.
    pub(crate) fn backward(&self, from: Option<u64>, look: &mut Look<'_>) -> Result<(), Stop> {
        if from.is_none()
            && let Some(damage) = self.tail_damage()
            && look(Found::Damage(damage))? == Next::Enough
        {
            return Ok(());
        }
        let to = Lsn(from.unwrap_or(u64::MAX).saturating_add(ACT_RECORDS_MAX));
        self.walk(
            Range {
                order: Order::Backward,
                from: Lsn(0),
                to,
            },
            look,
        )?;
        Ok(())
    }

    /// Goes on behind LSN `after` as the log grows.
    pub(crate) fn follow(self, after: u64) -> Following {
        Following {
            follow: Follow::new(self.reader, Lsn(after)),
        }
    }

    /// Sound records behind a damaged tail: evidence, not part of the log.
    pub(crate) fn behind_tail(&self, look: &mut Look<'_>) -> Result<(), Stop> {
        let Some(newest) = self.places.last().map(|place| place.seq) else {
            return Ok(());
        };
        let known = self.tail.as_ref().and_then(Tail::blocking);
        let (Some(known), Some(view)) = (known, self.reader.segment(newest)?) else {
            return Ok(());
        };
        let mut joining = Joining::default();
        for item in view.items_to(view.bytes.len() as u64) {
            let told = match &item {
                Item::Record(record) => u64::from(record.position.offset) < view.end,
                Item::Bad(span) => span.problem.offset == known.offset,
            };
            let item = match item {
                // Whatever lies there, it is as suspect, or as corrupt, as the end itself.
                Item::Bad(mut span) => {
                    span.problem.class = known.class;
                    Item::Bad(span)
                }
                Item::Record(record) => Item::Record(record),
            };
            if !told && self.step(Order::Forward, &mut joining, item, look)? == Next::Enough {
                break;
            }
        }
        Ok(())
    }

    fn walk(&self, range: Range, look: &mut Look<'_>) -> Result<Next, Stop> {
        let mut joining = Joining::default();
        let mut outcome = Ok(Next::GoOn);
        // Number of the segment that was met last; none yet.
        let mut at = None;
        self.reader.each_record(range, |item| {
            outcome = match &item {
                Item::Record(record) => {
                    let seq = u64::from(record.position.segment);
                    let before = at.replace(seq);
                    self.pass_gaps(&range, before, seq, &mut joining, look)
                }
                Item::Bad(_) => Ok(Next::GoOn),
            };
            if matches!(outcome, Ok(Next::GoOn)) {
                outcome = self.step(range.order, &mut joining, item, look);
            }
            match outcome {
                Ok(Next::GoOn) => ControlFlow::Continue(()),
                Ok(Next::Enough) | Err(_) => ControlFlow::Break(()),
            }
        })?;
        if outcome? == Next::Enough {
            return Ok(Next::Enough);
        }
        if range.order == Order::Backward
            && let Some(act) = joining.end()
            && look(Found::Act(act))? == Next::Enough
        {
            return Ok(Next::Enough);
        }
        match range.order {
            Order::Forward => {
                let from = wanted(&range);
                tell(self.gaps.between(at.unwrap_or(0), u64::MAX, from), look)
            }
            Order::Backward => {
                let to = at.unwrap_or(u64::MAX);
                tell(self.gaps.between(0, to, 0).rev(), look)
            }
        }
    }

    /// Tells what is missing between the segment met last and the next one.
    fn pass_gaps(
        &self,
        range: &Range,
        before: Option<u64>,
        now: u64,
        joining: &mut Joining,
        look: &mut Look<'_>,
    ) -> Result<Next, Stop> {
        if before == Some(now) {
            return Ok(Next::GoOn);
        }
        match range.order {
            Order::Forward => {
                let passed = self.gaps.between(before.unwrap_or(0), now, wanted(range));
                tell(passed, look)
            }
            Order::Backward => {
                let to = match before {
                    Some(before) => before,
                    None if range.to.0 == u64::MAX => u64::MAX,
                    None => return Ok(Next::GoOn),
                };
                let mut passed = self.gaps.between(now, to, 0).rev().peekable();
                if passed.peek().is_some()
                    && let Some(act) = joining.end()
                    && look(Found::Act(act))? == Next::Enough
                {
                    return Ok(Next::Enough);
                }
                tell(passed, look)
            }
        }
    }

    fn step(
        &self,
        order: Order,
        joining: &mut Joining,
        item: Item<'_>,
        look: &mut Look<'_>,
    ) -> Result<Next, Stop> {
        let act: Option<Act<'_>> = match (&item, order) {
            (Item::Record(record), Order::Forward) => {
                joining.forward(record, self.origin(record.position))
            }
            (Item::Record(record), Order::Backward) => {
                joining.backward(record, self.origin(record.position))
            }
            (Item::Bad(span), _) => {
                let before = match order {
                    Order::Forward => None,
                    Order::Backward => joining.end(),
                };
                joining.drop_open();
                if let Some(act) = before
                    && look(Found::Act(act))? == Next::Enough
                {
                    return Ok(Next::Enough);
                }
                return look(Found::Damage(Damage::from(span)));
            }
        };
        act.map_or(Ok(Next::GoOn), |act| look(Found::Act(act)))
    }

    fn origin(&self, position: Position) -> &Origin {
        let seq = u64::from(position.segment);
        let at = self.places.partition_point(|place| place.seq < seq);
        &self.places[at.min(self.places.len() - 1)].origin
    }

    /// How the log ends; `None` without a readable segment.
    pub(crate) fn tail(&self) -> Option<&Tail> {
        self.tail.as_ref()
    }

    /// What the end of the log amounts to, when it is not clean.
    pub(crate) fn tail_damage(&self) -> Option<Damage> {
        match &self.tail.as_ref()?.verdict {
            TailVerdict::Clean { .. } => None,
            TailVerdict::Torn {
                file,
                from,
                to,
                lsn,
            } => {
                let what = format!(
                    "bytes {from}..{to} were never acknowledged; the next start drops them"
                );
                let problem = Problem {
                    class: Class::Torn,
                    file: file.clone(),
                    offset: Some(*from),
                    lsn: Some(*lsn),
                    what,
                };
                Some(Damage {
                    problem,
                    to: Some(*to),
                })
            }
            TailVerdict::Corrupt(problem) | TailVerdict::Suspect(problem) => Some(Damage {
                problem: problem.clone(),
                to: None,
            }),
        }
    }
}

// === impl Following ===

impl Following {
    /// Walks over what became attested since the last time. Cheap when nothing did.
    pub(crate) fn poll(&mut self, look: &mut Look<'_>) -> Result<Next, Stop> {
        let mut outcome = Ok(Next::GoOn);
        self.follow.poll(|item| {
            outcome = look(match item {
                ActItem::Act(act) => Found::Act(Act::of_act(&act)),
                ActItem::Bad(problem) => Found::Damage(Damage { problem, to: None }),
            });
            match outcome {
                Ok(Next::GoOn) => ControlFlow::Continue(()),
                Ok(Next::Enough) | Err(_) => ControlFlow::Break(()),
            }
        })?;
        outcome
    }
}

fn tell<'p>(
    problems: impl Iterator<Item = &'p Problem>,
    look: &mut Look<'_>,
) -> Result<Next, Stop> {
    for problem in problems {
        let problem = problem.clone();
        if look(Found::Damage(Damage { problem, to: None }))? == Next::Enough {
            return Ok(Next::Enough);
        }
    }
    Ok(Next::GoOn)
}

/// The first LSN that a walk is about: it may begin a little before.
fn wanted(range: &Range) -> u64 {
    match range.from.0 {
        0 => 0,
        from => from.saturating_add(ACT_RECORDS_MAX),
    }
}

fn before(from: u64) -> Lsn {
    Lsn(from.saturating_sub(ACT_RECORDS_MAX))
}
