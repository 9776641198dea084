//! `scrip-server`: reads the set-up, serves, and tells by its exit code how it ended.

mod banner;
mod config;
mod logs;
mod memory;
mod notify;
mod start;

use std::process::ExitCode;

use anyhow::{Context, Result};
use engine::OpenError;

use self::config::{Config, ConfigError};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The command line or the set-up is not right.
const EXIT_USAGE: u8 = 2;

/// Anything that has no code of its own.
const EXIT_FAILURE: u8 = 1;

/// The disk failed while serving; what was kept is decided by the next start.
const EXIT_POISONED: u8 = 70;

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
        Err(error) => fail(&error, exit_code(&error)),
    }
}

/// The exit code that names the class of a failure.
fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<OpenError>() {
        Some(error) => error.exit_code(),
        None if error.is::<start::DiskFailed>() => EXIT_POISONED,
        None => EXIT_FAILURE,
    }
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
    let served = runtime.block_on(async { tokio::spawn(start::serve(config)).await });
    // What still runs (a replay that was interrupted) holds nothing that must be put away.
    runtime.shutdown_background();
    served.context("the server's own task failed")?
}
