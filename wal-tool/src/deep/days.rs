//! What the daily report makes of the log: the nets of all days are the movement of the ledger, wallet by wallet.

use engine::DayAudit;
use engine::journal::{Class, Problem};

use crate::fold::Fold;

/// Days whose balances do not join, that are not on disk as the log has them, or that do not add up to the state.
pub(super) fn problems(days: DayAudit, fold: &Fold) -> Vec<Problem> {
    let (differences, held) = days.finish();
    let mut problems: Vec<Problem> = differences
        .into_iter()
        .map(|difference| Problem {
            class: Class::Meta,
            what: format!("the day {}: {}", difference.day, difference.what),
            file: difference.file,
            offset: None,
            lsn: None,
        })
        .collect();
    let (paid, free) = fold.points();
    let same = (paid, free) == (held.paid.into(), held.free.into());
    if problems.is_empty() && !same {
        problems.push(Problem {
            class: Class::Meaning,
            file: "the whole log".to_owned(),
            offset: None,
            lsn: None,
            what: format!(
                "wallets hold {paid} paid and {free} free points, but the nets of all days add up to {} and {}",
                held.paid, held.free
            ),
        });
    }
    problems
}
