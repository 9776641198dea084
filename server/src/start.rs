//! The order of things: lock, sockets, replay, serve; then sockets, engine, end.

use std::time::Duration;

use anyhow::{Context, Result};
use engine::Engine;
use rustix::process::{Resource, getrlimit, setrlimit};
use server::{EngineSlot, Listeners, Shutdown};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use crate::banner::{self, Bound};
use crate::config::Config;
use crate::{memory, notify};

/// How long answers may still take to leave after the disk failed.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// File descriptors for everything that is no connection: segments, sockets, the runtime.
const DESCRIPTORS_RESERVED: u64 = 256;

/// The disk failed while serving.
#[derive(Debug, Error)]
#[error("the disk failed: what was kept is decided by the next start")]
pub(crate) struct DiskFailed;

/// Serves until asked to end or the disk fails.
pub(crate) async fn serve(config: Config) -> Result<()> {
    raise_descriptors(&config);
    let shutdown = Shutdown::default();
    let (term, interrupt) = (SignalKind::terminate(), SignalKind::interrupt());
    let signals = (signal(term)?, signal(interrupt)?);
    tokio::spawn(watch(signals, shutdown.clone()));
    // The lock on the directory comes before any socket.
    let prepared = Engine::prepare(config.engine.clone())?;
    let (listeners, bound) = bind(&config).await?;
    let slot = EngineSlot::replaying();
    let serving = server::serve(
        listeners,
        slot.clone(),
        config.serve.clone(),
        shutdown.clone(),
    );
    let mut serving = tokio::spawn(serving);
    let engine = tokio::select! {
        opened = prepared.open() => opened?,
        () = shutdown.drain.cancelled() => {
            tracing::info!("stopped while replaying");
            return Ok(());
        }
    };
    memory::give_back();
    slot.fill(engine.clone());
    announce(&config, &engine, bound);
    notify::tell(notify::READY);
    tokio::select! {
        served = &mut serving => served.context("the listener's own task failed")?,
        () = engine.poisoned() => {
            shutdown.drain.cancel();
            // Whoever has not heard by then will not.
            drop(timeout(LAST_WORDS, serving).await);
            return Err(DiskFailed.into());
        }
    }
    notify::tell(notify::STOPPING);
    engine.shutdown().await;
    if engine.is_poisoned() {
        return Err(DiskFailed.into());
    }
    tracing::info!("stopped");
    Ok(())
}

/// Shells hand out few file descriptors by default, and each connection takes one.
fn raise_descriptors(config: &Config) {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "the limit of file descriptors stays as it is");
    }
    let needed = config.serve.connections_max as u64 + DESCRIPTORS_RESERVED;
    let granted = getrlimit(Resource::Nofile).current;
    if let Some(granted) = granted.filter(|granted| *granted < needed) {
        tracing::warn!(
            granted,
            needed,
            "too few file descriptors for all connections"
        );
    }
}

async fn bind(config: &Config) -> Result<(Listeners, Bound)> {
    let listen = async |address| {
        let bound = TcpListener::bind(address).await;
        bound.with_context(|| format!("cannot listen on {address}"))
    };
    let http = listen(config.listen).await?;
    let admin = listen(config.admin_listen).await?;
    let bound = Bound {
        http: http.local_addr()?,
        admin: admin.local_addr()?,
    };
    let admin = Some(admin);
    Ok((Listeners { http, admin }, bound))
}

fn announce(config: &Config, engine: &Engine, bound: Bound) {
    let opening = engine.opening();
    for warning in &opening.warnings {
        tracing::warn!(warning, "found while opening");
    }
    banner::log(config, opening, bound);
    banner::print(config, opening, bound);
}

/// The first signal drains, the second one no longer waits for connections.
async fn watch((mut term, mut interrupt): (Signal, Signal), shutdown: Shutdown) {
    let steps = [
        (shutdown.drain, "draining; a second signal does not wait"),
        (shutdown.hurry, "not waiting for connections any longer"),
    ];
    for (token, text) in steps {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("{text}");
        token.cancel();
    }
}
