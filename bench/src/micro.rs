//! What single steps of an act cost, without anything around them.
//!
//! ```text
//! decide ─► encode ─► apply ─► append           the live path, step by step
//!           decode ─► apply                     the way back, in replay
//! ```
//! `cargo test` runs each of them a few times, so that none of them rots.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use clap::Args;
use engine::SystemClock;
use engine::domain::{
    Circumstances, Command, CreateWallet, Entity, Event, Facts, Owner, Participant, Participants,
    Rejection, Role, Settings, Timestamp, apply, decide,
};
use engine::journal::{
    self, Delivered, FileStorage, Journal, JournalOptions, Lsn, NewAct, Publish, Unavailable,
};
use engine::record::{self, SCHEMA};
use serde::Serialize;

use crate::failure::Failure;
use crate::inside::{Scenario, Script};
use crate::machine::Machine;
use crate::report::{self, Table, count};
use crate::scratch;

/// How long an append may wait for the next segment to be filled.
const SPACE_WAIT: Duration = Duration::from_secs(10);

/// Measures decide, apply, encode, decode and append one by one.
#[derive(Args, Debug)]
pub(crate) struct MicroArgs {
    /// How often each step is done.
    #[arg(long, default_value_t = 1_000_000)]
    times: u64,
    /// Directory for the journal.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// One step.
#[derive(Clone, Copy, Debug, Serialize)]
struct Step {
    step: &'static str,
    times: u64,
    nanoseconds: f64,
}

/// One wallet and the acts that are decided on it.
struct Bench {
    entity: Option<Entity>,
    script: Script,
    now: Timestamp,
    settings: Settings,
}

/// Tells when the last act is on disk.
struct Watch {
    last: Lsn,
    tell: Sender<()>,
}

pub(crate) fn run(args: &MicroArgs) -> Result<(), Failure> {
    let steps = measure(args.times, &args.dir)?;
    let machine = Machine::look(&args.dir);
    if args.json {
        report::print_json(&serde_json::json!({"machine": machine, "micro": steps}));
        return Ok(());
    }
    let mut table = Table::new(&["step", "times", "ns each"]);
    for step in steps {
        table.row(vec![
            step.step.to_owned(),
            count(step.times as f64),
            format!("{:.1}", step.nanoseconds),
        ]);
    }
    report::print(&format!("{machine}\n{table}"));
    Ok(())
}

fn measure(times: u64, directory: &Path) -> Result<Vec<Step>, Failure> {
    let mut bench = Bench::new()?;
    let mut steps = Vec::new();
    let mut step = |step, elapsed: Duration| {
        steps.push(Step {
            step,
            times,
            nanoseconds: elapsed.as_nanos() as f64 / times as f64,
        });
    };
    let command = bench.script.next();
    step("decide", clocked(times, || bench.decide(&command).is_ok()));
    let event = bench.decide(&command).map_err(refused)?;
    let mut body = Vec::new();
    let encode = || {
        body.clear();
        record::encode_event(&event, None, &mut body)
    };
    step("encode", clocked(times, encode));
    let kind = record::encode_event(&event, None, &mut Vec::new());
    let decode = || record::decode(kind, SCHEMA, &body).is_ok();
    step("decode", clocked(times, decode));
    step("decide + apply", bench.live(times)?);
    step("append", appended(times, directory, kind, &body)?);
    Ok(steps)
}

/// Time of doing something again and again.
fn clocked<T>(times: u64, mut act: impl FnMut() -> T) -> Duration {
    let begun = Instant::now();
    for _ in 0..times {
        black_box(act());
    }
    begun.elapsed()
}

fn refused(rejection: Rejection) -> Failure {
    Failure::Engine(format!("refused a command: {}", rejection.code()))
}

/// Appends as one caller can, and waits once, for the last act: what the journal takes for each.
fn appended(times: u64, directory: &Path, kind: u8, body: &[u8]) -> Result<Duration, Failure> {
    let scratch = scratch::directory(directory)?;
    let failed = |error: journal::JournalError| Failure::Engine(format!("journal: {error}"));
    let storage = FileStorage::open(scratch.path()).map_err(failed)?;
    let (tell, told) = channel();
    let last = Lsn(times);
    let opened = journal::open(Arc::new(storage), JournalOptions::default()).map_err(failed)?;
    let journal = opened
        .start(Arc::new(SystemClock::start()), Watch { last, tell })
        .map_err(failed)?;
    let begun = Instant::now();
    for _ in 0..times {
        append(&journal, kind, body)?;
    }
    told.recv()
        .map_err(|_| Failure::Engine("stopped writing".to_owned()))?;
    let elapsed = begun.elapsed();
    journal.close().map_err(failed)?;
    Ok(elapsed)
}

fn append(journal: &Journal<()>, kind: u8, body: &[u8]) -> Result<(), Failure> {
    let act = NewAct {
        kind,
        schema: SCHEMA,
        now_us: 0,
        body,
    };
    loop {
        match journal.reserve(body.len()) {
            Ok(reservation) => {
                journal.append(reservation, act, ());
                return Ok(());
            }
            Err(Unavailable::StorageFull) => {
                journal.wait_for_space(body.len() as u64, SPACE_WAIT);
            }
            Err(gone) => return Err(Failure::Engine(format!("takes no more acts: {gone:?}"))),
        }
    }
}

// === impl Bench ===

impl Bench {
    fn new() -> Result<Self, Failure> {
        let mut bench = Self {
            entity: None,
            script: Script::new(Scenario::HotWallet, 1),
            now: Timestamp(1),
            settings: Settings::default(),
        };
        let Command::Earn(first) = bench.earn() else {
            unreachable!("a script of earns and uses soon earns")
        };
        let create = Command::CreateWallet(CreateWallet {
            wallet: first.wallet,
            owner: Owner::user(first.wallet.get()),
        });
        bench.act(&create)?;
        // A lot that lasts, so that no use is ever refused.
        bench.act(&Command::Charge(first))?;
        bench.earn();
        Ok(bench)
    }

    /// Goes on with the script until it has earned.
    fn earn(&mut self) -> Command {
        loop {
            let command = self.script.next();
            if matches!(command, Command::Earn(_)) {
                return command;
            }
        }
    }

    fn decide(&self, command: &Command) -> Result<Event, Rejection> {
        let ids = command.participants(&Facts::Nothing);
        let participant = Participant {
            id: ids[0],
            entity: self.entity.as_ref(),
        };
        decide(
            Participants(&[participant]),
            command,
            &Facts::Nothing,
            &Circumstances {
                now: self.now,
                settings: &self.settings,
            },
        )
    }

    fn act(&mut self, command: &Command) -> Result<(), Failure> {
        let event = self.decide(command).map_err(refused)?;
        let applied = apply(&mut self.entity, Role::Sole, &event);
        applied.map_err(|error| Failure::Engine(format!("contradicts itself: {error}")))
    }

    fn live(&mut self, times: u64) -> Result<Duration, Failure> {
        let begun = Instant::now();
        for _ in 0..times {
            let command = self.script.next();
            self.act(&command)?;
        }
        Ok(begun.elapsed())
    }
}

// === impl Publish ===

impl Publish<()> for Watch {
    fn publish(&mut self, durable: Lsn, group: &mut Vec<Delivered<()>>) {
        group.clear();
        if durable >= self.last {
            // Nobody listens any more when the run was given up.
            let _ = self.tell.send(());
        }
    }

    fn fail(&mut self, group: &mut Vec<Delivered<()>>) {
        group.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_runs_and_takes_time() {
        let directory = tempfile::tempdir().unwrap();
        let steps = measure(300, directory.path()).unwrap();
        let names: Vec<&str> = steps.iter().map(|step| step.step).collect();
        assert_eq!(
            names,
            ["decide", "encode", "decode", "decide + apply", "append"]
        );
        for step in steps {
            assert!(step.nanoseconds > 0.0 && step.times == 300, "{step:?}");
        }
    }

    #[test]
    fn what_is_encoded_is_decoded_to_the_same_event() {
        let mut bench = Bench::new().unwrap();
        for _ in 0..10 {
            let command = bench.script.next();
            let event = bench.decide(&command).unwrap();
            let mut body = Vec::new();
            let kind = record::encode_event(&event, None, &mut body);
            let read = record::decode(kind, SCHEMA, &body).unwrap();
            assert_eq!(read.content, record::Content::Event(event));
            bench.act(&command).unwrap();
        }
    }

    #[test]
    fn everything_appended_is_on_disk_when_the_time_is_taken() {
        let directory = tempfile::tempdir().unwrap();
        let elapsed = appended(50, directory.path(), record::kind::EARNED, &[0; 40]).unwrap();
        assert!(elapsed > Duration::ZERO);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
