//! P4, P5, P6 and P8: everything that needs no HTTP to be measured, or no load.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::command::Timing;
use super::ratio::{Ratios, median};
use crate::failure::Failure;
use crate::inside::{self, Figures, Load, Scenario};
use crate::memory::{self, Rest};
use crate::replay;
use crate::report::say;
use crate::scratch;

/// Callers in process.
const CALLERS: usize = 1_024;

/// Most live actors of the server whose memory is weighed: its default.
const MAX_ACTIVE: u64 = 100_000;

/// One hot wallet against many, single commands, meetings.
pub(crate) fn loads(
    directory: &Path,
    cores: usize,
    timing: Timing,
    ratios: &mut Ratios,
) -> Result<Value, Failure> {
    say("in process: 10 000 wallets, one hot wallet, hot meetings, in turn");
    let load = |scenario: Scenario| Load {
        scenario,
        callers: CALLERS,
        workers: cores,
        warmup: timing.warmup,
        duration: timing.in_process,
    };
    let scenarios = [Scenario::Wallets, Scenario::HotWallet, Scenario::HotMeeting];
    let mut runs: [Vec<Figures>; 3] = Default::default();
    for _ in 0..timing.rounds {
        for (scenario, runs) in scenarios.iter().zip(&mut runs) {
            runs.push(inside::measure(directory, load(*scenario))?);
        }
    }
    let middle = |runs: &[Figures]| {
        let rates: Vec<f64> = runs.iter().map(|run| run.per_second).collect();
        median(&rates)
    };
    let [wallets, hot, meetings] = [&runs[0], &runs[1], &runs[2]].map(|runs| middle(runs));
    ratios.add("P6", hot / wallets);
    ratios.add("P8_single", wallets);
    ratios.add("P8_meeting", meetings);
    Ok(json!({
        "callers": CALLERS,
        "wallets_per_second": wallets,
        "hot_wallet_per_second": hot,
        "meetings_per_second": meetings,
        "runs": runs.concat(),
    }))
}

/// Replay of a store that is written for the purpose.
pub(crate) fn replayed(
    directory: &Path,
    cores: usize,
    timing: Timing,
    ratios: &mut Ratios,
) -> Result<Value, Failure> {
    say("replay");
    let scratch = scratch::directory(directory)?;
    let store = scratch.path().join("store");
    replay::write(&store, timing.records, cores)?;
    let openings = replay::measure(&store, scratch.path(), timing.rounds as usize, cores)?;
    let per_core: Vec<f64> = openings.iter().map(|opening| opening.per_core).collect();
    ratios.add("P4_records_per_core", median(&per_core));
    Ok(json!({"cores": cores, "openings": openings}))
}

/// Memory of a server whose wallets rest.
pub(crate) fn weighed(
    directory: &Path,
    program: PathBuf,
    timing: Timing,
    ratios: &mut Ratios,
) -> Result<Value, Failure> {
    say("memory of wallets at rest");
    let rest = Rest {
        wallets: timing.wallets,
        funding: 0,
        settle: timing.settle,
        max_active: MAX_ACTIVE,
    };
    let memory = memory::measure(directory, program, rest)?;
    if memory.active_seen > memory.active_allowed {
        let seen = memory.active_seen;
        return Err(Failure::Server(format!(
            "had {seen} live actors, {MAX_ACTIVE} are allowed"
        )));
    }
    ratios.add("P5_bytes", memory.bytes_per_wallet);
    Ok(json!(memory))
}
