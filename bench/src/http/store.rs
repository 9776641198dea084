//! Prepares what is measured and spreads a run over threads.

use std::net::SocketAddr;
use std::time::Duration;

use indicatif::ProgressBar;

use super::drive::{Outcome, Pace, Plan, drive};
use crate::failure::Failure;
use crate::report::progress;
use crate::traffic::{Deliveries, Traffic, WALLET_BASE};

/// Connections that prepare a store: enough that the server always has the next request.
const CONNECTIONS: usize = 4;

/// No preparation takes longer.
const PREPARATION_MAX: Duration = Duration::from_secs(600);

/// Creates so many wallets and gives each its first points.
pub(crate) fn create_wallets(address: SocketAddr, count: u64, funding: u64) -> Result<(), Failure> {
    let numbers = WALLET_BASE..WALLET_BASE + count;
    let each = 1 + u64::from(funding > 0);
    let bar = progress("creating wallets", count * each);
    let outcome = deliver(address, Deliveries::wallets(numbers, funding), &bar)?;
    bar.finish_and_clear();
    if outcome.operations == count * each {
        return Ok(());
    }
    let refused = outcome.refused;
    Err(Failure::Server(format!(
        "refused to create wallets: {refused:?} (`--no-create` uses those of an earlier run)"
    )))
}

/// Sends each request once.
pub(crate) fn deliver(
    address: SocketAddr,
    mut deliveries: Deliveries,
    progress: &ProgressBar,
) -> Result<Outcome, Failure> {
    let plan = Plan {
        address,
        connections: CONNECTIONS,
        pace: Pace::Closed,
        warmup: Duration::ZERO,
        duration: PREPARATION_MAX,
    };
    drive(plan, &mut deliveries, progress)
}

/// Runs a plan from several threads, each with its share of the connections and of the rate.
pub(crate) fn drive_threads(
    plan: Plan,
    traffics: Vec<Box<dyn Traffic>>,
    progress: &ProgressBar,
) -> Result<Outcome, Failure> {
    let threads = traffics.len();
    let share = |index: usize| Plan {
        connections: plan.connections / threads + usize::from(index < plan.connections % threads),
        pace: match plan.pace {
            Pace::Closed => Pace::Closed,
            Pace::Open(rate) => Pace::Open(rate / threads as f64),
        },
        ..plan
    };
    let outcomes: Vec<Result<Outcome, Failure>> = std::thread::scope(|scope| {
        let start = |(index, mut traffic): (usize, Box<dyn Traffic>)| {
            scope.spawn(move || drive(share(index), &mut *traffic, progress))
        };
        let running: Vec<_> = traffics.into_iter().enumerate().map(start).collect();
        let finish = |thread: std::thread::ScopedJoinHandle<'_, _>| match thread.join() {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        running.into_iter().map(finish).collect()
    });
    let mut all: Option<Outcome> = None;
    for outcome in outcomes {
        let outcome = outcome?;
        match &mut all {
            None => all = Some(outcome),
            Some(all) => all.add(outcome),
        }
    }
    all.ok_or_else(|| Failure::Usage("a run needs at least one thread".to_owned()))
}
