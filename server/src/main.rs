//! `scrip-server`: reads the set-up, opens the engine, binds the sockets, serves, and ends in order.

mod banner;
mod config;
mod logs;

use std::process::ExitCode;

use anyhow::{Context, Result};
use engine::engine::{Engine, OpenError};
use server::{EngineSlot, Listeners, Shutdown};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use self::banner::Bound;
use self::config::{Config, ConfigError};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The command line or the set-up is not right.
const EXIT_USAGE: u8 = 2;

/// Anything that has no code of its own.
const EXIT_FAILURE: u8 = 1;

fn main() -> ExitCode {
    let config = match Config::load() {
        Ok(config) => config,
        Err(ConfigError::Usage(error)) => {
            // Help and version come this way too, and are no errors.
            drop(error.print());
            let code = u8::try_from(error.exit_code()).unwrap_or(EXIT_USAGE);
            return ExitCode::from(code);
        }
        Err(error) => return fail(&error.into(), EXIT_USAGE),
    };
    if let Err(error) = logs::start(config.log_format, &config.log_level) {
        return fail(&error, EXIT_USAGE);
    }
    for name in &config.unknown_variables {
        tracing::warn!(name, "no setting has this variable");
    }
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = error.downcast_ref().map_or(EXIT_FAILURE, exit_code);
            fail(&error, code)
        }
    }
}

/// The exit code that names the class of what the engine found.
fn exit_code(error: &OpenError) -> u8 {
    let OpenError::Journal { exit_code, .. } = error;
    u8::try_from(*exit_code).unwrap_or(EXIT_FAILURE)
}

fn fail(error: &anyhow::Error, code: u8) -> ExitCode {
    use std::io::Write;
    // Standard error may be closed; the exit code still tells.
    drop(writeln!(std::io::stderr(), "scrip-server: {error:#}"));
    ExitCode::from(code)
}

fn run(config: Config) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.workers)
        .enable_all()
        .build()
        .context("cannot start threads")?;
    // Spawned, so that it runs on a worker: the main thread would have to be woken for every step.
    let served = runtime.block_on(async { tokio::spawn(serve(config)).await });
    served.context("the server's own task failed")?
}

async fn serve(config: Config) -> Result<()> {
    let shutdown = Shutdown::default();
    let (term, interrupt) = (SignalKind::terminate(), SignalKind::interrupt());
    let signals = (signal(term)?, signal(interrupt)?);
    tokio::spawn(watch(signals, shutdown.clone()));
    // The lock on the directory comes before any socket.
    let engine = Engine::open(config.engine.clone()).await?;
    let bind = async |address| {
        TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))
    };
    let listeners = Listeners {
        http: bind(config.listen).await?,
        admin: Some(bind(config.admin_listen).await?),
    };
    let bound = Bound {
        http: listeners.http.local_addr()?,
        admin: match &listeners.admin {
            Some(listener) => listener.local_addr()?,
            None => config.admin_listen,
        },
    };
    let opening = engine.opening();
    for warning in &opening.warnings {
        tracing::warn!(warning, "found while opening");
    }
    banner::log(&config, opening, bound);
    banner::print(&config, opening, bound);
    let slot = EngineSlot::ready(engine.clone());
    server::serve(listeners, slot, config.serve, shutdown).await;
    tracing::info!("closing the journal");
    engine.shutdown().await;
    tracing::info!("stopped");
    Ok(())
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
