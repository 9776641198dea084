//! Runs the fold over a stretch of the log, with progress, and says what did not add up.

use engine::journal::Problem;
use engine::record::Content;
use engine::snapshot::Snapshot;

use crate::acts::Found;
use crate::exit::{Stop, Verdict};
use crate::filter::Span;
use crate::fold::Fold;
use crate::log::{Log, Next};
use crate::output::{Output, talk};
use crate::snapshots;

/// Most contradictions told on stderr; `verify --deep` lists all of them.
const TOLD_MAX: u64 = 20;

/// The state after a stretch of the log.
pub(crate) struct Replayed {
    pub(crate) fold: Fold,
    pub(crate) verdict: Verdict,
}

/// The snapshot that a log begins behind that no longer goes back to LSN 1. Nobody can tell what was before that.
fn begin(log: &Log, span: &Span) -> Result<Option<Snapshot>, Stop> {
    if log.begins() <= 1 {
        return Ok(None);
    }
    let mut sound = snapshots::look(log.reader(), true)?.sound;
    let found = snapshots::beginning(log.reader(), &mut sound);
    let Some(snapshot) = found.map_err(|problem| Stop::Journal(problem.into()))? else {
        return Ok(None);
    };
    let base = snapshot.base();
    let early = span.to_lsn.is_some_and(|lsn| lsn < base.lsn.0)
        || span.to_time.is_some_and(|at| at.0 < base.time_us);
    match early {
        true => Err(Stop::Usage(format!(
            "what led to LSN {} has been deleted: the state is known from there on",
            base.lsn
        ))),
        false => Ok(Some(snapshot)),
    }
}

/// Folds every act of the log from its beginning to the end of `span`.
pub(crate) fn replay(log: &Log, span: &Span, output: &Output) -> Result<Replayed, Stop> {
    let beginning = begin(log, span)?;
    let (mut fold, known) = match &beginning {
        None => (Fold::default(), 0),
        Some(snapshot) => (Fold::beginning_with(snapshot)?, snapshot.lsn().0),
    };
    let bar = output.progress(log.bytes(), true);
    let mut verdict = Verdict::default();
    let mut told = 0_u64;
    let mut tell = |problem: &Problem| {
        verdict.meet(problem.class);
        told += 1;
        if told <= TOLD_MAX {
            bar.suspend(|| talk(format_args!("{problem}")));
        }
    };
    log.forward(Some(known + 1), &mut |found| {
        let act = match found {
            Found::Act(act) if act.last_lsn <= known => return Ok(Next::GoOn),
            Found::Act(act) if span.is_behind(&act) => return Ok(Next::Enough),
            Found::Act(act) => act,
            Found::Damage(damage) => {
                // Behind a gap nothing adds up any more.
                tell(&damage.problem);
                return Ok(Next::Enough);
            }
        };
        bar.set_position(log.bytes_before(act.position));
        if act.is_journal_own() {
            return Ok(Next::GoOn);
        }
        match act.decode() {
            Ok(record) => match &record.content {
                Content::Event(event) => {
                    for found in fold.apply(act.moment(), event) {
                        tell(&act.contradiction(&found));
                    }
                }
                Content::Refused(_) => fold.pass(act.moment()),
            },
            Err(problem) => tell(&problem),
        }
        Ok(Next::GoOn)
    })?;
    bar.finish_and_clear();
    if told > TOLD_MAX {
        talk(format_args!(
            "... and {} more: see verify --deep",
            told - TOLD_MAX
        ));
    }
    Ok(Replayed { fold, verdict })
}
