//! `why`: what became of an idempotency key.
//!
//! A caller knows the key it sent, not the hash that the log keeps. So a text is hashed under every route that takes
//! keys, and 32 hex digits are also looked for as they are.

use clap::Args;
use engine::journal::Class;
use engine::record::{CALLER_ANONYMOUS, Content, key_id};
use serde::Serialize;

use crate::acts::{Act, Found};
use crate::exit::{Stop, Verdict};
use crate::filter::parse_key;
use crate::instant::rfc3339;
use crate::log::{Log, Next};
use crate::output::{Output, talk};
use crate::place::Place;
use crate::rows::ActRow;

const EXAMPLES: &str = "\
Examples:
  wal-tool why order-4711                                       the key as the caller sent it, under any route
  wal-tool why order-4711 --route 'POST /v1/transfers'          under this route only
  wal-tool why dc4b362c9c5685dbb8f41c7e6ee8002f /var/lib/scrip  the hash that dump shows";

/// Routes under which a key may have been sent: the server's commands. A test holds them against its routes.
pub(crate) const KEYED_ROUTES: [&str; 29] = [
    "POST /v1/wallets",
    "POST /v1/wallets/{id}/charge",
    "POST /v1/wallets/{id}/earn",
    "POST /v1/wallets/{id}/use",
    "POST /v1/wallets/{id}/holds",
    "POST /v1/wallets/{id}/adjust",
    "POST /v1/wallets/{id}/freeze",
    "POST /v1/wallets/{id}/unfreeze",
    "POST /v1/wallets/{id}/close",
    "POST /v1/companies",
    "POST /v1/companies/{id}/members",
    "POST /v1/companies/{id}/members/remove",
    "POST /v1/companies/{id}/use",
    "POST /v1/companies/{id}/settlements",
    "POST /v1/companies/{id}/settlements/{period}/confirm",
    "POST /v1/companies/{id}/settlements/{period}/pay",
    "POST /v1/companies/{id}/settlements/{period}/hold",
    "POST /v1/companies/{id}/settlements/{period}/release",
    "POST /v1/companies/{id}/settlements/{period}/reverse",
    "POST /v1/settlements/{period}/run",
    "POST /v1/holds/{id}/capture",
    "POST /v1/holds/{id}/release",
    "POST /v1/transfers",
    "POST /v1/transactions/{id}/cancel",
    "POST /v1/transactions/{id}/activate",
    "POST /v1/transactions/{id}/void",
    "POST /v1/bulk",
    "POST /admin/settings",
    "POST /admin/limits",
];

/// Tells what became of an idempotency key.
///
/// Whether it was carried out or refused, whether that is durable, and which bytes of which file say so.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Why {
    /// The key as it was sent, or the 32 hex digits of its hash.
    #[arg(value_name = "KEY")]
    key: String,
    /// Method and path template of the request, like 'POST /v1/transfers'; every route if left out.
    #[arg(long, value_name = "ROUTE")]
    route: Option<String>,
    /// Who sent it.
    #[arg(long, value_name = "NAME", default_value = CALLER_ANONYMOUS)]
    caller: String,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// A hash that is looked for, and the route that makes it of the key.
struct Wanted {
    id: u128,
    route: Option<String>,
}

/// What became of it.
#[derive(Serialize)]
struct WhyRow<'a> {
    key: &'a str,
    found: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    /// `carried_out`, `refused` or `absent`; `unknown` where it may lie in what is gone or damaged.
    outcome: &'static str,
    /// Whether a crash can no longer undo it; none when it was not found.
    #[serde(skip_serializing_if = "Option::is_none")]
    durable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lsn: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    /// Where the search began: what is older was not looked at.
    from_lsn: u64,
}

/// A search and what it has met.
struct Search<'a> {
    why: &'a Why,
    wanted: Vec<Wanted>,
    attested: u64,
    from_lsn: u64,
    found: u64,
    /// Where acts are gone that may have borne the key.
    gone: Vec<String>,
    verdict: Verdict,
    output: &'a mut Output,
}

// === impl Why ===

impl Why {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let log = Log::open(self.place.dir())?;
        let bar = output.progress(log.bytes(), true);
        let first = log.reader().catalog().segments.first();
        let mut search = Search {
            why: self,
            wanted: self.wanted(),
            attested: log.attested(),
            from_lsn: first.map_or(0, |segment| segment.first_lsn),
            found: 0,
            gone: Vec::new(),
            verdict: Verdict::default(),
            output,
        };
        if log.begins() > 1 {
            let before = format!("what was before LSN {} has been deleted", log.begins());
            search.gone.push(before);
        }
        log.forward(None, &mut |found| {
            match found {
                Found::Act(act) => {
                    bar.set_position(log.bytes_before(act.position));
                    search.take(&act)?;
                }
                Found::Damage(damage) => {
                    // It may hide the very act: the answer is only as good as what can be read.
                    search.meet(damage.problem.class);
                    bar.suspend(|| talk(format_args!("{}", damage.problem)));
                }
            }
            Ok(Next::GoOn)
        })?;
        bar.finish_and_clear();
        search.finish()
    }

    /// Every hash that the key may have in the log.
    fn wanted(&self) -> Vec<Wanted> {
        let routes: Vec<&str> = match &self.route {
            Some(route) => vec![route],
            None => KEYED_ROUTES.to_vec(),
        };
        let hashed = routes.into_iter().map(|route| Wanted {
            id: key_id(&self.caller, route, &self.key),
            route: Some(route.to_owned()),
        });
        let as_it_is = parse_key(&self.key).ok().filter(|_| self.route.is_none());
        let as_it_is = as_it_is.map(|id| Wanted { id, route: None });
        as_it_is.into_iter().chain(hashed).collect()
    }
}

// === impl Search ===

impl Search<'_> {
    /// Damage: only a torn end is known to hide nothing that anybody was told.
    fn meet(&mut self, class: Class) {
        self.verdict.meet(class);
        let what = "the log is damaged, and damage may hide it";
        if class != Class::Torn && !self.gone.iter().any(|gone| gone == what) {
            self.gone.push(what.to_owned());
        }
    }

    fn take(&mut self, act: &Act<'_>) -> Result<(), Stop> {
        if let Some(loss) = act.loss() {
            let (from, to) = (loss.from_lsn, loss.to_lsn);
            let what = format!("LSN {from}..{to} were given up by a repair");
            self.gone.push(what);
        }
        if act.is_journal_own() {
            return Ok(());
        }
        let Some(id) = act.key_id() else {
            return Ok(());
        };
        let Some(wanted) = self.wanted.iter().find(|wanted| wanted.id == id) else {
            return Ok(());
        };
        self.found += 1;
        let record = act.decode();
        let outcome = match record.as_ref().map(|record| &record.content) {
            Ok(Content::Event(_)) => "carried_out",
            Ok(Content::Refused(_)) => "refused",
            Err(_) => "undecodable",
        };
        let durable = act.last_lsn <= self.attested;
        if self.why.json {
            let row = WhyRow {
                hash: Some(format!("{id:032x}")),
                route: wanted.route.as_deref(),
                outcome,
                durable: Some(durable),
                file: Some(act.file.to_string()),
                offset: Some(act.position.offset),
                bytes: Some(act.framed_bytes),
                lsn: Some(act.lsn),
                created_at: Some(rfc3339(act.at)),
                found: true,
                key: &self.why.key,
                from_lsn: self.from_lsn,
            };
            self.output.json("why", &row)?;
        } else {
            let route = wanted.route.as_deref().unwrap_or("asked for by its hash");
            let durable = match durable {
                true => "durable",
                false => "durability unknown: nothing behind it attests it yet",
            };
            let outcome = outcome.replace('_', " ");
            self.output.text(format_args!(
                "{outcome}, {durable}: LSN {}, {} bytes {}..{}  ({route}, hash {id:032x})",
                act.lsn,
                act.file,
                act.position.offset,
                u64::from(act.position.offset) + act.framed_bytes
            ))?;
        }
        match &record {
            Ok(record) => self.show(&ActRow::new(act, record)),
            Err(problem) => {
                self.verdict.meet(problem.class);
                self.show(&ActRow::undecodable(act, problem.what.clone()))
            }
        }
    }

    fn show(&mut self, row: &ActRow<'_>) -> Result<(), Stop> {
        match self.why.json {
            true => self.output.json("act", row)?,
            false => self.output.text(format_args!("{}", row.line()))?,
        }
        Ok(())
    }

    fn absent(&self) -> WhyRow<'static> {
        WhyRow {
            key: "",
            found: false,
            hash: None,
            route: None,
            outcome: match self.gone.is_empty() {
                true => "absent",
                false => "unknown",
            },
            durable: None,
            file: None,
            offset: None,
            bytes: None,
            lsn: None,
            created_at: None,
            from_lsn: self.from_lsn,
        }
    }

    fn finish(self) -> Result<Verdict, Stop> {
        if self.found > 0 {
            return Ok(self.verdict);
        }
        if self.why.json {
            let row = WhyRow {
                key: &self.why.key,
                ..self.absent()
            };
            self.output.json("why", &row)?;
            return Ok(self.verdict);
        }
        let from = self.from_lsn;
        match self.gone.is_empty() {
            true => self.output.text(format_args!(
                "not carried out and not refused: no act from LSN {from} on bears this key"
            ))?,
            false => self.output.text(format_args!(
                "cannot be told: no act that is left from LSN {from} on bears this key, but {}",
                self.gone.join("; ")
            ))?,
        }
        Ok(self.verdict)
    }
}
