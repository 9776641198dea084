//! An engine in this process, with wallets that have points.

use std::ops::Range;
use std::path::Path;

use engine::Request;
use engine::domain::{Command, CreateWallet, Description, Expiry, Grant, Owner};
use engine::journal::Compacted;
use engine::{Engine, EngineOptions};
use tokio::runtime::Runtime;

use super::scenario::{points, wallet};
use crate::failure::{Doing, Failure};
use crate::report::progress;

/// Commands submitted together: enough for groups of thousands, little enough to hold.
const BATCH: u64 = 8_192;

/// Points of each wallet at the start: more than any scenario takes from one.
const FUNDING: u64 = 1_000_000_000;

/// The server's defaults.
pub(crate) fn options(directory: &Path) -> EngineOptions {
    EngineOptions::new(directory)
}

pub(crate) fn runtime(workers: usize) -> Result<Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let built = builder.worker_threads(workers).enable_all().build();
    built.doing(|| "start the runtime".to_owned())
}

pub(crate) async fn open(options: EngineOptions) -> Result<Engine, Failure> {
    let opened = Engine::open(options).await;
    opened.map_err(|error| Failure::Engine(format!("did not open: {error}")))
}

/// Creates wallets 1…count and gives each its first points.
pub(crate) async fn prepare(engine: &Engine, count: u64) -> Result<(), Failure> {
    let create = |id| {
        Command::CreateWallet(CreateWallet {
            wallet: wallet(id),
            owner: Owner::user(id),
        })
    };
    let charge = |id| {
        Command::Charge(Grant {
            wallet: wallet(id),
            amount: points(FUNDING),
            expiry: Expiry::Never,
            description: Description::default(),
        })
    };
    submit_each(engine, "creating wallets", 1..count + 1, create).await?;
    submit_each(engine, "funding wallets", 1..count + 1, charge).await
}

/// Carries out commands of which none may be refused.
pub(crate) async fn submit(
    engine: &Engine,
    commands: impl Iterator<Item = Command>,
) -> Result<(), Failure> {
    let requests = commands.map(|command| Request { command, key: None });
    for outcome in engine.submit_bulk(requests.collect()).await {
        outcome.map_err(|refusal| Failure::Engine(format!("refused a command: {refusal}")))?;
    }
    Ok(())
}

/// Submits a command for each number, and shows how far that is.
pub(crate) async fn submit_each(
    engine: &Engine,
    what: &str,
    numbers: Range<u64>,
    command: impl Fn(u64) -> Command,
) -> Result<(), Failure> {
    let bar = progress(what, numbers.end - numbers.start);
    let mut from = numbers.start;
    while from < numbers.end {
        let to = (from + BATCH).min(numbers.end);
        submit(engine, (from..to).map(&command)).await?;
        bar.inc(to - from);
        from = to;
    }
    bar.finish_and_clear();
    Ok(())
}

/// Has two snapshots cover what is written now. The second one needs a segment of its own: more is written until it has one.
pub(crate) async fn cover_twice(
    engine: &Engine,
    mut more: impl FnMut() -> Command,
) -> Result<(), Failure> {
    let failed = |reason: String| Failure::Engine(format!("made no snapshot: {reason}"));
    engine.snapshot().await.map_err(failed)?;
    let covered = engine.metrics().snapshots.lsn;
    while engine.metrics().snapshots.lsn == covered {
        submit(engine, (0..BATCH).map(|_| more())).await?;
        engine.snapshot().await.map_err(failed)?;
    }
    Ok(())
}

/// Archives all that two snapshots cover.
pub(crate) async fn compact(engine: &Engine) -> Result<Compacted, Failure> {
    let done = engine.compact().await;
    done.map_err(|reason| Failure::Engine(format!("archived nothing: {reason}")))
}
