//! The checks behind `verify`, for everybody who has to be sure: every byte, and on request every meaning.

use std::time::Duration;

use engine::journal::{Problem, VerifyReport};

use crate::acts::Found;
use crate::deep::{Deep, Returns};
use crate::exit::{Stop, Verdict};
use crate::log::{Log, Next};
use crate::output::Output;

/// What was checked and found.
pub(crate) struct Checked {
    pub(crate) report: VerifyReport,
    /// All of them, those of the bytes first.
    pub(crate) problems: Vec<Problem>,
    /// Wallets and the points in them, where meaning was checked.
    pub(crate) state: Option<(usize, u128)>,
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
    let state = match key_window {
        Some(window) => Some(check_meaning(log, window, output, &mut problems)?),
        None => None,
    };
    Ok(Checked {
        report,
        problems,
        state,
    })
}

/// Replays; gives the number of wallets and the points in them.
pub(crate) fn check_meaning(
    log: &Log,
    key_window: Duration,
    output: &Output,
    problems: &mut Vec<Problem>,
) -> Result<(usize, u128), Stop> {
    let bar = output.progress(log.bytes(), true);
    let mut deep = Deep::new(key_window);
    log.forward(None, &mut |found| {
        match found {
            Found::Act(act) => {
                bar.set_position(log.bytes_before(act.position));
                deep.take(&act);
                Ok(Next::GoOn)
            }
            // Told already. Behind it the replay goes on: what does not add up there shows who was hit.
            Found::Damage(damage) => {
                deep.pass_damage(damage.problem.class);
                Ok(Next::GoOn)
            }
        }
    })?;
    let first = deep.open_returns().and_then(Returns::first);
    if let Some(first) = first {
        log.forward(Some(first), &mut |found| {
            if let Found::Act(act) = found {
                bar.set_position(log.bytes_before(act.position));
                deep.take_again(&act);
            }
            Ok(Next::GoOn)
        })?;
    }
    bar.finish_and_clear();
    let (fold, found) = deep.finish();
    problems.extend(found);
    let (paid, free) = fold.points();
    Ok((fold.count(), paid + free))
}
