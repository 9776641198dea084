//! `import`: a new store from an export.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;

use clap::Args;
use engine::journal::{
    Entropy, FileStorage, Import as NewStore, JournalOptions, LogReader, NewAct, Problem,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::repair::KEY_WINDOW_MIN;
use crate::checking::check;
use crate::exit::{Stop, Verdict};
use crate::instant::now;
use crate::log::Log;
use crate::output::{Output, talk};
use crate::portable::{ActLine, EXPORT_FORMAT, EndLine, HeadLine};
use crate::sha256::Sum;
use crate::staged::Staged;

const EXAMPLES: &str = "\
Examples:
  wal-tool import points.ndjson --out /var/lib/scrip-new
  zstd -d < points.ndjson.zst | wal-tool import - --out /var/lib/scrip-new";

/// Makes a new store of an export.
///
/// The directory must not exist, or be empty. It gets its name only when everything is written, synced, and
/// verified like `verify --deep`; the store's id is new.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Import {
    /// What `export` wrote; - is standard input.
    #[arg(value_name = "FILE")]
    from: PathBuf,
    /// The new data directory.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// What was imported.
#[derive(Serialize)]
struct ImportRow {
    out: String,
    store_id: String,
    #[serde(flatten)]
    end: EndLine,
}

/// What a reading error is about.
const EXPORT: &str = "the export";

#[derive(Deserialize)]
struct Tag {
    v: u8,
    row: String,
}

/// The lines of an export as they come.
struct Lines<'a> {
    from: Box<dyn BufRead + 'a>,
    text: String,
    number: u64,
    /// Of the lines taken so far.
    sum: Sum,
}

/// On which line each act stands: only where the lines get out of step with the LSNs, since nearly all acts take one.
#[derive(Default)]
struct Steps(Vec<Step>);

struct Step {
    lsn: u64,
    line: u64,
}

// === impl Import ===

impl Import {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let mut lines = Lines::open(&self.from)?;
        let Some(head) = lines.next::<HeadLine>("export")? else {
            return Err(lines.wrong("this is no export"));
        };
        if head.format != EXPORT_FORMAT {
            return Err(lines.wrong(&format!("export format {} is not known here", head.format)));
        }
        let staged = Staged::new(&self.out)?;
        let imported = self.fill(&mut lines, &head, &staged, output);
        let (store_id, end) = match imported {
            Ok(imported) => imported,
            Err(stop) => {
                staged.discard();
                return Err(stop);
            }
        };
        staged.publish()?;
        let row = ImportRow {
            out: self.out.display().to_string(),
            store_id: format!("{store_id:032x}"),
            end,
        };
        match self.json {
            true => output.json("import", &row)?,
            false => output.text(format_args!(
                "{}: {} acts up to LSN {}, {} wallets hold {} points; store {}",
                row.out,
                row.end.acts,
                row.end.last_lsn,
                row.end.wallets,
                row.end.points,
                row.store_id
            ))?,
        }
        Ok(Verdict::default())
    }

    /// Writes everything, then holds it against the last line.
    fn fill(
        &self,
        lines: &mut Lines<'_>,
        head: &HeadLine,
        staged: &Staged,
        output: &Output,
    ) -> Result<(u128, EndLine), Stop> {
        let storage = FileStorage::existing(staged.dir())?;
        let capacity = match head.segment_bytes {
            0 => JournalOptions::default().segment_bytes,
            bytes => bytes,
        };
        let mut store = NewStore::new(&storage, &Entropy::System, now().0, capacity)?;
        let mut acts = 0;
        let mut steps = Steps::default();
        while let Some(line) = lines.next::<ActLine>("act")? {
            let plain = line.plain().map_err(|what| lines.wrong(&what))?;
            let act = NewAct {
                kind: plain.kind,
                schema: plain.schema,
                now_us: line.at_us,
                body: &plain.body,
            };
            store
                .append(line.lsn, act)
                .map_err(|error| lines.wrong(&error.to_string()))?;
            steps.add(line.lsn, lines.number);
            acts += 1;
        }
        let Some(told) = lines.last::<EndLine>("end")? else {
            return Err(lines.wrong("it stops before its end"));
        };
        let (told, sum) = told;
        match &told.sha256 {
            Some(stated) if *stated != sum => {
                return Err(lines.wrong("its sha256 is not that of the lines before it"));
            }
            Some(_) => {}
            None => talk(format_args!(
                "the export has no checksum: whether a line of it was changed cannot be told"
            )),
        }
        let last_lsn = store.last_lsn();
        let meta = store.finish()?;
        let log = Log::of(LogReader::open(staged.dir())?)?;
        let checked = check(&log, 1, Some(KEY_WINDOW_MIN), output)?;
        if let Some(problem) = checked.problems.first() {
            return Err(Stop::Journal(steps.told(problem).into()));
        }
        let (wallets, points) = checked
            .meaning
            .map_or((0, 0), |meaning| (meaning.wallets, meaning.points));
        let end = EndLine {
            acts,
            last_lsn,
            wallets,
            points,
            sha256: told.sha256.clone(),
        };
        if end != told {
            return Err(lines.wrong(&format!("it comes to {end:?}, but says {told:?}")));
        }
        Ok((meta.store_id, end))
    }
}

// === impl Steps ===

impl Steps {
    fn add(&mut self, lsn: u64, line: u64) {
        let in_step = self
            .0
            .last()
            .is_some_and(|last| lsn - last.lsn == line - last.line);
        if !in_step {
            self.0.push(Step { lsn, line });
        }
    }

    /// A problem with the line that it stands on: of the directory nothing will be left.
    fn told(&self, problem: &Problem) -> Problem {
        let lsn = problem.lsn.map_or(0, |lsn| lsn.0);
        let behind = self.0.partition_point(|step| step.lsn <= lsn);
        let file = match behind.checked_sub(1).map(|at| &self.0[at]) {
            Some(step) => format!("line {}", step.line + (lsn - step.lsn)),
            None => EXPORT.to_owned(),
        };
        Problem {
            file,
            offset: None,
            ..problem.clone()
        }
    }
}

// === impl Lines ===

impl Lines<'_> {
    fn open(path: &PathBuf) -> Result<Self, Stop> {
        let from: Box<dyn BufRead> = if path.as_os_str() == "-" {
            Box::new(BufReader::new(io::stdin()))
        } else {
            let file = File::open(path).map_err(|source| Stop::of_file(path, source))?;
            Box::new(BufReader::new(file))
        };
        Ok(Self {
            from,
            text: String::new(),
            number: 0,
            sum: Sum::default(),
        })
    }

    /// The next line if it is of this kind; otherwise it is kept for whoever asks next.
    fn next<T: DeserializeOwned>(&mut self, row: &str) -> Result<Option<T>, Stop> {
        if self.text.is_empty() {
            self.number += 1;
            self.from
                .read_line(&mut self.text)
                .map_err(Stop::read(EXPORT))?;
        }
        if self.text.is_empty() {
            return Ok(None);
        }
        let tag: Tag =
            serde_json::from_str(&self.text).map_err(|error| self.wrong(&error.to_string()))?;
        if tag.v != 1 || tag.row != row {
            return Ok(None);
        }
        let line =
            serde_json::from_str(&self.text).map_err(|error| self.wrong(&error.to_string()))?;
        self.sum.add(self.text.as_bytes());
        self.text.clear();
        Ok(Some(line))
    }

    /// The next line, which must be the last one, and the SHA-256 of those before it.
    fn last<T: DeserializeOwned>(&mut self, row: &str) -> Result<Option<(T, String)>, Stop> {
        let sum = self.sum.clone().hex();
        let Some(line) = self.next(row)? else {
            return Ok(None);
        };
        let more = self.from.read_line(&mut self.text);
        if more.map_err(Stop::read(EXPORT))? > 0 {
            self.number += 1;
            return Err(self.wrong("it goes on behind its end"));
        }
        Ok(Some((line, sum)))
    }

    fn wrong(&self, what: &str) -> Stop {
        Stop::Usage(format!("line {}: {what}", self.number))
    }
}
