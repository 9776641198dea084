//! The checks behind `verify`, for everybody who has to be sure: every byte, and on request every meaning.

use std::time::Duration;

use engine::journal::{Class, Problem, VerifyReport};
use engine::snapshot::Snapshot;

use crate::acts::Found;
use crate::deep::{Deep, Judged};
use crate::exit::{Stop, Verdict};
use crate::log::{Log, Next};
use crate::output::Output;
use crate::snapshots::{self, Looked};

/// What was checked and found.
pub(crate) struct Checked {
    pub(crate) report: VerifyReport,
    /// All of them, those of the bytes first.
    pub(crate) problems: Vec<Problem>,
    /// Snapshots that are sound in themselves.
    pub(crate) snapshots: usize,
    /// Where meaning was checked.
    pub(crate) meaning: Option<Meaning>,
}

/// What the log adds up to.
#[derive(Default)]
pub(crate) struct Meaning {
    pub(crate) wallets: usize,
    pub(crate) points: i128,
    /// Snapshots that were held against it.
    pub(crate) snapshots: usize,
}

// === impl Checked ===

impl Checked {
    pub(crate) fn verdict(&self) -> Verdict {
        Verdict::of(&self.problems)
    }
}

/// Checks bytes with `jobs` threads; with a key window, meaning too.
pub(crate) fn check(
    log: &Log,
    jobs: usize,
    key_window: Option<Duration>,
    output: &Output,
) -> Result<Checked, Stop> {
    let bar = output.progress(log.bytes(), true);
    let report = log
        .reader()
        .verify(jobs, &|done, _| bar.set_position(done))?;
    bar.finish_and_clear();
    let mut problems = report.problems.clone();
    let Looked {
        sound,
        problems: found,
    } = snapshots::look(log.reader(), are_harmless(&problems))?;
    problems.extend(found);
    let snapshots = sound.len();
    let meaning = match key_window {
        Some(window) => Some(check_meaning(log, window, sound, output, &mut problems)?),
        None => None,
    };
    Ok(Checked {
        report,
        problems,
        snapshots,
        meaning,
    })
}

/// Whether the headers and the chain of the log can be believed all the same.
pub(crate) fn are_harmless(problems: &[Problem]) -> bool {
    problems.iter().all(|problem| problem.class == Class::Torn)
}

/// Replays, and holds `snapshots`, sound in themselves and oldest first, against it.
pub(crate) fn check_meaning(
    log: &Log,
    key_window: Duration,
    mut snapshots: Vec<Snapshot>,
    output: &Output,
    problems: &mut Vec<Problem>,
) -> Result<Meaning, Stop> {
    let beginning = match snapshots::beginning(log.reader(), &mut snapshots) {
        Ok(beginning) => beginning,
        Err(problem) => {
            problems.push(problem);
            return Ok(Meaning::default());
        }
    };
    let bar = output.progress(log.bytes(), true);
    let mut deep = Deep::new(key_window, log.reader().dir()).comparing(snapshots);
    if let Some(snapshot) = &beginning {
        deep = deep.behind(snapshot, log.begins())?;
    }
    let from = beginning.map(|snapshot| snapshot.lsn().0 + 1);
    log.forward(from, &mut |found| {
        match found {
            Found::Act(act) => {
                bar.set_position(log.bytes_before(act.position));
                deep.take(&act)?;
                Ok(Next::GoOn)
            }
            // Told already. Behind it the replay goes on: what does not add up there shows who was hit.
            Found::Damage(damage) => {
                deep.pass_damage(damage.problem.class);
                Ok(Next::GoOn)
            }
        }
    })?;
    settle_returns(log, &mut deep, &|at| bar.set_position(at))?;
    bar.finish_and_clear();
    let Judged {
        fold,
        snapshots,
        problems: found,
    } = deep.finish()?;
    problems.extend(found);
    let (paid, free) = fold.points();
    Ok(Meaning {
        wallets: fold.count(),
        points: paid + free,
        snapshots,
    })
}

/// Walks a second time where uses were given back or periods were closed: what that is about lies anywhere before. `progress` is told bytes done.
pub(crate) fn settle_returns(
    log: &Log,
    deep: &mut Deep,
    progress: &dyn Fn(u64),
) -> Result<(), Stop> {
    let Some(first) = deep.open_from() else {
        return Ok(());
    };
    log.forward(Some(first), &mut |found| {
        if let Found::Act(act) = found {
            progress(log.bytes_before(act.position));
            deep.take_again(&act);
        }
        Ok(Next::GoOn)
    })
}
