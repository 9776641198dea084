//! `repair`: what can be made good again, exactly what that changes, and the way back.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgGroup, Args};
use engine::journal::repair::{Choice, Left, Plan, plan as make_plan};
use engine::journal::{
    Class, FileLock, FileStorage, JournalError, LogReader, Lsn, Problem, Storage, snapshot_lsn,
};
use serde::Serialize;

use crate::checking::check;
use crate::exit::{Stop, Verdict};
use crate::instant::{now, rfc3339};
use crate::log::Log;
use crate::output::{Output, talk};
use crate::place::Place;
use crate::repair::{ASIDE, Manifest, Repairs, State};
use crate::rows::ProblemRow;

const EXAMPLES: &str = "\
Examples:
  wal-tool repair --plan                                  what is wrong, and what would allow it to be repaired
  wal-tool repair --restore-header --plan                 what that would change, byte by byte
  wal-tool repair --restore-header --yes                  does it; the old bytes lie in aside/
  wal-tool repair --accept-tail --yes                     ends a suspect log where it seems to end
  wal-tool repair --skip-range 91402..91402 --i-accept-loss --yes
  wal-tool repair --undo                                  brings the last repair's bytes back";

/// A key used twice within this is wrong under every setting of the server; what its real window is cannot be told
/// from the log.
pub(super) const KEY_WINDOW_MIN: Duration = Duration::from_secs(60);

/// Repairs a damaged directory, or says what that would take.
///
/// Nothing is deleted: bytes that change are copied to aside/ first, with a manifest. The result is checked like
/// `verify --deep` before anything is changed; if it does not pass, nothing is.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
#[command(group = ArgGroup::new("what").required(true).args(["plan", "yes", "undo"]))]
pub(crate) struct Repair {
    /// Print what would happen, and change nothing.
    #[arg(long)]
    plan: bool,
    /// Do it.
    #[arg(long)]
    yes: bool,
    /// Bring back, byte for byte, what the last repair changed, or what an interrupted one had begun to change.
    #[arg(long, conflicts_with_all = ["restore_header", "accept_tail", "skip_range"])]
    undo: bool,
    /// Write anew what the format holds twice or knows: header copies, copies of store.meta, marks, zeros behind a group.
    /// Snapshots that are bad go aside: the log says what they should.
    #[arg(long)]
    restore_header: bool,
    /// End a suspect log where it seems to end.
    #[arg(long)]
    accept_tail: bool,
    /// Give acknowledged records up: FIRST..LAST by LSN, both included. The log says so for ever.
    #[arg(long, value_name = "A..B", value_parser = parse_range, requires = "i_accept_loss")]
    skip_range: Vec<RangeInclusive<u64>>,
    /// Acknowledged records given up are lost: whoever was told of them was told the truth then.
    #[arg(long, requires = "skip_range")]
    i_accept_loss: bool,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// One stretch that changes.
#[derive(Serialize)]
struct StepRow<'a> {
    file: &'a str,
    offset: u64,
    len: u64,
    says: &'a str,
}

/// What is wrong and stays so.
#[derive(Serialize)]
struct LeftRow<'a> {
    #[serde(flatten)]
    problem: ProblemRow<'a>,
    /// What would allow it; none when only a backup helps.
    needs: Option<&'a str>,
}

/// How it ended.
#[derive(Serialize)]
struct RepairRow {
    /// `nothing_to_do`, `planned`, `refused`, `done` or `undone`.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u32>,
    files: usize,
    bytes: u64,
    /// What `verify --deep` says of the result, or would.
    verdict: &'static str,
    code: u8,
}

fn parse_range(text: &str) -> Result<RangeInclusive<u64>, String> {
    let ends = text.split_once("..");
    let ends = ends.and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    match ends {
        Some((from, to)) if from >= 1 && from <= to => Ok(from..=to),
        _ => Err("a range is FIRST..LAST, like 91402..91404".to_owned()),
    }
}

// === impl Repair ===

impl Repair {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let dir = self.place.dir();
        let storage: Arc<dyn Storage> = Arc::new(FileStorage::existing(dir)?);
        holds_store(&storage, dir)?;
        if self.plan {
            if let Some(holder) = FileLock::holder(dir) {
                let dir = dir.to_owned();
                return Err(JournalError::Locked { dir, holder }.into());
            }
            return self.repair(&storage, output);
        }
        let _held = storage.lock()?;
        match self.undo {
            true => self.undo(&storage, output),
            false => self.repair(&storage, output),
        }
    }

    fn choice(&self) -> Choice {
        Choice {
            restore: self.restore_header,
            accept_tail: self.accept_tail,
            give_up: self.skip_range.clone(),
            retire: Vec::new(),
            now_us: now().0,
        }
    }

    fn repair(&self, storage: &Arc<dyn Storage>, output: &mut Output) -> Result<Verdict, Stop> {
        // Where nothing was ever moved aside there is no folder, and none is made before something is.
        if self.place.dir().join(ASIDE).is_dir()
            && let Some(begun) = Repairs::of(storage)?.interrupted()?
        {
            return Err(Stop::Usage(format!(
                "repair {} was interrupted: undo it first",
                begun.number
            )));
        }
        let (plan, problems) = self.planned(storage, output)?;
        self.show(&plan, output)?;
        let verdict = Verdict::of(&problems);
        let passes = problems.iter().all(|problem| problem.class == Class::Torn);
        let bytes = plan.changes.iter().flat_map(|change| &change.steps);
        let mut row = RepairRow {
            outcome: "planned",
            number: None,
            files: plan.changes.len(),
            bytes: bytes.map(|step| step.len).sum(),
            verdict: verdict.name(),
            code: verdict.exit_code(),
        };
        if !passes {
            row.outcome = "refused";
            for problem in problems
                .iter()
                .filter(|problem| !is_told(problem, &plan.left))
            {
                self.tell(problem, output)?;
            }
        } else if plan.changes.is_empty() {
            row.outcome = "nothing_to_do";
        } else if self.yes {
            let done = carry_out(storage, &plan)?;
            row.outcome = "done";
            row.number = Some(done.number);
        }
        self.close(&row, output)?;
        Ok(verdict)
    }

    /// What would change, and everything that would still be wrong. Which snapshots are bad is known only once the log
    /// has been replayed as it would be: then they go aside, and the rest is looked at again.
    fn planned(
        &self,
        storage: &Arc<dyn Storage>,
        output: &Output,
    ) -> Result<(Plan, Vec<Problem>), Stop> {
        let mut choice = self.choice();
        let mut plan = make_plan(storage, &choice)?;
        let mut problems = self.problems_of(&plan, storage, output)?;
        let bad = problems
            .iter()
            .filter(|problem| problem.class == Class::Meta);
        let bad: BTreeMap<Lsn, &Problem> = bad
            .filter_map(|problem| Some((snapshot_lsn(&problem.file)?, problem)))
            .collect();
        if bad.is_empty() {
            return Ok((plan, problems));
        }
        if choice.restore {
            choice.retire = bad.into_keys().collect();
            plan = make_plan(storage, &choice)?;
            problems = self.problems_of(&plan, storage, output)?;
        } else {
            plan.left.extend(bad.into_values().map(|problem| Left {
                problem: problem.clone(),
                needs: Some("--restore-header".to_owned()),
            }));
        }
        Ok((plan, problems))
    }

    /// Everything that would still be wrong.
    fn problems_of(
        &self,
        plan: &Plan,
        storage: &Arc<dyn Storage>,
        output: &Output,
    ) -> Result<Vec<Problem>, Stop> {
        let log = Log::of(LogReader::of(plan.overlay(storage))?)?;
        Ok(check(&log, 1, Some(KEY_WINDOW_MIN), output)?.problems)
    }

    fn undo(&self, storage: &Arc<dyn Storage>, output: &mut Output) -> Result<Verdict, Stop> {
        let nothing = || Stop::Usage("there is no repair to undo".to_owned());
        if !self.place.dir().join(ASIDE).is_dir() {
            return Err(nothing());
        }
        let repairs = Repairs::of(storage)?;
        let manifests = repairs.manifests()?.into_iter();
        let last = manifests
            .rev()
            .find(|manifest| manifest.state != State::Undone);
        let last = last.ok_or_else(nothing)?;
        let back = repairs.way_back(last)?;
        for (name, bytes) in back.files() {
            match bytes {
                Some(bytes) => talk(format_args!("{name}: {bytes} bytes come back")),
                None => talk(format_args!("{name}: goes, there was none")),
            }
        }
        let undone = repairs.undo(back)?;
        let row = RepairRow {
            outcome: "undone",
            number: Some(undone.number),
            files: undone.files.len(),
            bytes: undone.files.iter().map(|file| file.old_bytes).sum(),
            verdict: Verdict::default().name(),
            code: 0,
        };
        self.close(&row, output)?;
        Ok(Verdict::default())
    }

    fn show(&self, plan: &Plan, output: &mut Output) -> Result<(), Stop> {
        for change in &plan.changes {
            for step in &change.steps {
                let row = StepRow {
                    file: &change.name,
                    offset: step.offset,
                    len: step.len,
                    says: &step.says,
                };
                match self.json {
                    true => output.json("step", &row)?,
                    false => output.text(format_args!(
                        "CHANGE   {}:{}..{}  {}",
                        row.file,
                        row.offset,
                        row.offset + row.len,
                        row.says
                    ))?,
                }
            }
        }
        for left in &plan.left {
            let row = LeftRow {
                problem: ProblemRow::new(&left.problem),
                needs: left.needs.as_deref(),
            };
            match self.json {
                true => output.json("left", &row)?,
                false => output.text(format_args!(
                    "{}; {}",
                    row.problem.line(),
                    match row.needs {
                        Some(needs) => format!("needs {needs}"),
                        None => "needs a backup".to_owned(),
                    }
                ))?,
            }
        }
        Ok(())
    }

    fn tell(&self, problem: &Problem, output: &mut Output) -> Result<(), Stop> {
        let row = ProblemRow::new(problem);
        match self.json {
            true => output.json("problem", &row)?,
            false => output.text(format_args!("{}", row.line()))?,
        }
        Ok(())
    }

    fn close(&self, row: &RepairRow, output: &mut Output) -> Result<(), Stop> {
        if self.json {
            output.json("repair", row)?;
            return Ok(());
        }
        let changes = format!("{} bytes in {} files", row.bytes, row.files);
        let number = row.number.unwrap_or(0);
        let line = match row.outcome {
            "nothing_to_do" => format!("nothing to repair: {}", row.verdict),
            "planned" => format!("would change {changes}; the result is {}", row.verdict),
            "done" => format!(
                "changed {changes}; the result is {}; the old bytes are in aside/, repair {number}",
                row.verdict
            ),
            "undone" => format!(
                "undid repair {number}: {} files are as they were",
                row.files
            ),
            _ => format!("nothing was changed: the result would be {}", row.verdict),
        };
        output.text(format_args!("{line}"))?;
        Ok(())
    }
}

fn carry_out(storage: &Arc<dyn Storage>, plan: &Plan) -> Result<Manifest, Stop> {
    let reader = LogReader::of(plan.overlay(storage))?;
    let meta = reader.catalog().newest_meta();
    let store_id = meta.map_or_else(String::new, |meta| format!("{:032x}", meta.store_id));
    Repairs::of(storage)?.carry_out(plan, store_id, rfc3339(now()))
}

/// A wrong path must not get a folder, nor pass for a store.
fn holds_store(storage: &Arc<dyn Storage>, dir: &Path) -> Result<(), Stop> {
    let reader = LogReader::of(Arc::clone(storage))?;
    let catalog = reader.catalog();
    match catalog.segments.is_empty() && catalog.meta.is_none() {
        true => Err(Stop::Usage(format!("{} holds no store", dir.display()))),
        false => Ok(()),
    }
}

fn is_told(problem: &Problem, left: &[Left]) -> bool {
    left.iter()
        .any(|left| left.problem.file == problem.file && left.problem.offset == problem.offset)
}
