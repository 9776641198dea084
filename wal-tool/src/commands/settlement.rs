//! `settlement`: statements of companies, taken again from the log alone.

use clap::{Args, Subcommand};
use engine::domain::{CompanyId, Span, Zone};
use engine::journal::Problem;
use engine::record::Content;
use serde::Serialize;

use crate::acts::Found;
use crate::exit::{Stop, Verdict};
use crate::log::{Log, Next};
use crate::output::{Format, FormatArgs, Output, talk};
use crate::place::Place;
use crate::settlements::{Statement, Statements, hex, name_of};

const EXAMPLES: &str = "\
Examples:
  wal-tool settlement verify                          every statement of every company
  wal-tool settlement verify --company 7              those of company 7
  wal-tool settlement verify --period 2026-10 --json  those of one month, one object each";

/// Takes statements of companies again.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Settlement {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    Verify(Verify),
}

/// Recomputes statements from the entries of the log: numbers, LSN range, hash and what is carried from one to the next.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
struct Verify {
    /// Only statements of this company.
    #[arg(long, value_name = "ID", value_parser = parse_company)]
    company: Option<CompanyId>,
    /// Only statements of this period, as a server names it: 2026-10, or FROM..TO with days or instants. Days are those of
    /// the zone in which the period was closed.
    #[arg(long, value_name = "PERIOD")]
    period: Option<String>,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    place: Place,
}

/// One statement.
#[derive(Serialize)]
struct StatementRow {
    company: u64,
    period: String,
    lsn: u64,
    entries: u64,
    first_lsn: u64,
    last_lsn: u64,
    hash: String,
    payable: i64,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
}

/// All of them.
#[derive(Serialize)]
struct SettlementRow {
    verdict: &'static str,
    code: u8,
    statements: usize,
    differing: usize,
    /// Their entries lie before the beginning of the log.
    gone: usize,
}

/// Columns of a statement in CSV.
const COLUMNS: [&str; 9] = [
    "company",
    "period",
    "lsn",
    "entries",
    "first_lsn",
    "last_lsn",
    "hash",
    "payable",
    "verdict",
];

fn parse_company(text: &str) -> Result<CompanyId, String> {
    let id = text.parse().ok().and_then(CompanyId::new);
    id.ok_or_else(|| "an id is an integer from 1 to 9007199254740991".to_owned())
}

// === impl Settlement ===

impl Settlement {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        match &self.action {
            Action::Verify(verify) => verify.run(output),
        }
    }
}

// === impl Verify ===

impl Verify {
    fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let log = Log::open(self.place.dir())?;
        let mut verdict = Verdict::default();
        let mut statements = self.gather(&log, &mut verdict)?;
        if statements.is_empty() && (self.company.is_some() || self.period.is_some()) {
            return Err(Stop::Usage("there is no such statement".to_owned()));
        }
        let bar = output.progress(log.bytes(), true);
        log.forward(None, &mut |found| {
            if let Found::Act(act) = found {
                bar.set_position(log.bytes_before(act.position));
                statements.count(&act);
            }
            Ok(Next::GoOn)
        })?;
        bar.finish_and_clear();
        let judged = statements.judge(log.begins());
        for finding in judged.iter().filter_map(Statement::finding) {
            verdict.meet(finding.class);
        }
        self.show(&judged, verdict, output)?;
        Ok(verdict)
    }

    /// The first walk: what there is. Tells what damage it meets.
    fn gather(&self, log: &Log, verdict: &mut Verdict) -> Result<Statements, Stop> {
        let mut statements = match log.begins() {
            1 => Statements::default(),
            _ => Statements::behind_others(),
        };
        let mut tell = |problem: &Problem| {
            verdict.meet(problem.class);
            talk(format_args!("{problem}"));
        };
        log.forward(None, &mut |found| {
            match found {
                Found::Act(act) if act.is_journal_own() => {}
                Found::Act(act) => match act.decode() {
                    Ok(record) => {
                        if let Content::Event(event) = &record.content {
                            statements.take(&act, event);
                        }
                    }
                    Err(problem) => tell(&problem),
                },
                Found::Damage(damage) => tell(&damage.problem),
            }
            Ok(Next::GoOn)
        })?;
        let (company, period) = (self.company, self.period.as_deref());
        statements.retain(|event| {
            let named = |period| is_named(period, event.span, &event.zone);
            company.is_none_or(|company| event.company == company) && period.is_none_or(named)
        });
        Ok(statements)
    }

    fn show(
        &self,
        judged: &[Statement],
        verdict: Verdict,
        output: &mut Output,
    ) -> Result<(), Stop> {
        let format = self.format.format();
        if format == Format::Csv {
            output.csv(&COLUMNS)?;
        }
        for row in judged.iter().map(StatementRow::new) {
            match format {
                Format::Json => output.json("statement", &row)?,
                Format::Csv => output.csv(&row.cells())?,
                Format::Text => output.text(format_args!("{}", row.line()))?,
            }
        }
        let sum = SettlementRow {
            verdict: verdict.name(),
            code: verdict.exit_code(),
            statements: judged.len(),
            differing: judged.iter().filter(|one| one.fault.is_some()).count(),
            gone: judged.iter().filter(|one| one.gone).count(),
        };
        let line = format!(
            "{}: {} statements, {} differ from the log, {} can no longer be counted",
            sum.verdict, sum.statements, sum.differing, sum.gone
        );
        match format {
            Format::Json => output.json("settlement", &sum)?,
            Format::Csv => talk(format_args!("{line}")),
            Format::Text => output.text(format_args!("{line}"))?,
        }
        Ok(())
    }
}

/// Whether this is the period that was asked for.
fn is_named(asked: &str, span: Span, zone: &str) -> bool {
    let zone_of = Zone::new(zone).unwrap_or_default();
    Span::parse(asked, &zone_of) == Some(span) || name_of(span, zone) == asked
}

// === impl StatementRow ===

impl StatementRow {
    fn new(statement: &Statement) -> Self {
        let tally = &statement.event.tally;
        Self {
            company: statement.event.company.get(),
            period: statement.period(),
            lsn: statement.lsn,
            entries: tally.entries,
            first_lsn: tally.first_lsn,
            last_lsn: tally.last_lsn,
            hash: hex(&tally.hash),
            payable: statement.event.bill.payable,
            verdict: match (statement.gone, &statement.fault) {
                (true, _) => "gone",
                (false, None) => "same",
                (false, Some(_)) => "differs",
            },
            fault: statement.fault.clone(),
        }
    }

    fn line(&self) -> String {
        let mut line = format!(
            "company {} {}  LSN {}  {} entries {}..{}  payable {}  {}  {}",
            self.company,
            self.period,
            self.lsn,
            self.entries,
            self.first_lsn,
            self.last_lsn,
            self.payable,
            self.hash,
            self.verdict
        );
        if let Some(fault) = &self.fault {
            line += &format!(": {fault}");
        }
        line
    }

    fn cells(&self) -> [String; COLUMNS.len()] {
        [
            self.company.to_string(),
            self.period.clone(),
            self.lsn.to_string(),
            self.entries.to_string(),
            self.first_lsn.to_string(),
            self.last_lsn.to_string(),
            self.hash.clone(),
            self.payable.to_string(),
            self.verdict.to_owned(),
        ]
    }
}
