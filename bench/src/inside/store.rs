//! An engine in this process, with wallets that have points.

use std::path::Path;

use engine::Request;
use engine::domain::{Command, CreateWallet, Description, Expiry, Grant, Owner};
use engine::{Engine, EngineOptions};
use tokio::runtime::Runtime;

use super::scenario::{points, wallet};
use crate::failure::{Doing, Failure};

/// Commands submitted together while a store is prepared.
const BATCH: usize = 8_192;

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
    let ids: Vec<u64> = (1..=count).collect();
    for ids in ids.chunks(BATCH) {
        let create = |id: &u64| {
            Command::CreateWallet(CreateWallet {
                wallet: wallet(*id),
                owner: Owner::user(*id),
            })
        };
        let charge = |id: &u64| {
            Command::Charge(Grant {
                wallet: wallet(*id),
                amount: points(FUNDING),
                expiry: Expiry::Never,
                description: Description::default(),
            })
        };
        submit(engine, ids.iter().map(create)).await?;
        submit(engine, ids.iter().map(charge)).await?;
    }
    Ok(())
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
