//! `export`: the whole log in words, for any other program, and for `import`.

use clap::Args;

use crate::acts::Found;
use crate::checking::settle_returns;
use crate::deep::{Deep, Judged};
use crate::exit::{Stop, Verdict};
use crate::log::{Log, Next};
use crate::output::{Output, talk};
use crate::place::Place;
use crate::portable::{ActLine, EXPORT_FORMAT, EndLine, HeadLine};
use crate::sha256::Sum;

use super::repair::KEY_WINDOW_MIN;

const EXAMPLES: &str = "\
Examples:
  wal-tool export /var/lib/scrip > points.ndjson             everything that is known to be on disk
  wal-tool export /var/lib/scrip | zstd > points.ndjson.zst
  wal-tool export | jq 'select(.kind==\"transferred\").event'";

/// Writes the whole log as NDJSON: acts with their LSNs, times and keys.
///
/// `import` makes a store of it with the same balances, versions and history. A damaged log is not exported.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Export {
    /// Accepted for symmetry: an export is always one JSON object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

// === impl Export ===

impl Export {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let log = Log::open(self.place.dir())?;
        let catalog = log.reader().catalog();
        catalog.check_whole()?;
        let meta = catalog.newest_meta();
        let newest = catalog.segments.last().and_then(|segment| segment.header());
        let head = HeadLine {
            format: EXPORT_FORMAT,
            store_id: meta.map_or_else(String::new, |meta| format!("{:032x}", meta.store_id)),
            last_lsn: log.tail().map_or(0, |tail| tail.link.lsn),
            segment_bytes: newest.map_or(0, |header| header.capacity),
        };
        let mut sum = Sum::default();
        output.json_summed("export", &head, &mut sum)?;
        let bar = output.progress(log.bytes(), false);
        let mut deep = Deep::new(KEY_WINDOW_MIN, None);
        let (mut acts, mut last_lsn) = (0, 0);
        let mut verdict = Verdict::default();
        log.forward(None, &mut |found| {
            let act = match found {
                Found::Act(act) => act,
                Found::Damage(damage) => {
                    verdict.meet(damage.problem.class);
                    bar.suspend(|| talk(format_args!("{}", damage.problem)));
                    return Ok(Next::Enough);
                }
            };
            bar.set_position(log.bytes_before(act.position));
            if act.is_bare() {
                return Ok(Next::GoOn);
            }
            deep.take(&act)?;
            output.json_summed("act", &ActLine::new(&act), &mut sum)?;
            acts += 1;
            last_lsn = act.loss().map_or(act.last_lsn, |loss| loss.to_lsn);
            Ok(Next::GoOn)
        })?;
        bar.finish_and_clear();
        if !matches!(verdict.exit_code(), 0 | 10) {
            // Without its last line nobody takes this for a whole export.
            return Ok(verdict);
        }
        settle_returns(&log, &mut deep, &|_| {})?;
        let Judged { fold, problems, .. } = deep.finish()?;
        for problem in &problems {
            verdict.meet(problem.class);
            talk(format_args!("{problem}"));
        }
        let (paid, free) = fold.points();
        let end = EndLine {
            acts,
            last_lsn,
            wallets: fold.count(),
            points: paid + free,
            sha256: Some(sum.hex()),
        };
        output.json("end", &end)?;
        Ok(verdict)
    }
}
