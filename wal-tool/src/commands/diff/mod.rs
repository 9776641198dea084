//! `diff`: whether two logs tell the same, where they part, and what that means for each wallet.

mod parting;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use engine::journal::{Class, LogReader};
use serde::Serialize;

use self::parting::{Parting, find};
use crate::exit::{Stop, Verdict};
use crate::filter::Span;
use crate::fold::Held;
use crate::log::Log;
use crate::output::{Output, talk};
use crate::replaying::replay;

const EXAMPLES: &str = "\
Examples:
  wal-tool diff /var/lib/scrip /mnt/scrip               two directories: first differing LSN, wallets that differ
  wal-tool diff /var/lib/scrip --lsn-a 100 --lsn-b 200  one directory at two places: what 101…200 changed
  wal-tool diff /var/lib/scrip /mnt/scrip --lsn-a 91402 --lsn-b 91402   both up to the same act";

/// Compares two directories, or one directory at two LSNs.
///
/// Ends with 18 when anything differs. What a store is called (its id, its segments) is not compared: only acts. Where one
/// log begins later, acts are compared from there on.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Diff {
    /// First directory.
    #[arg(value_name = "A")]
    a: PathBuf,
    /// Second directory; the first one again if left out.
    #[arg(value_name = "B", required_unless_present_any = ["lsn_a", "lsn_b"])]
    b: Option<PathBuf>,
    /// Compare the first only up to this LSN.
    #[arg(long, value_name = "LSN")]
    lsn_a: Option<u64>,
    /// Compare the second only up to this LSN.
    #[arg(long, value_name = "LSN")]
    lsn_b: Option<u64>,
    /// Show only so many wallets that differ; 0 = all.
    #[arg(long, value_name = "N", default_value_t = 100)]
    top: usize,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// One side of a comparison.
#[derive(Clone, Copy)]
struct Side<'a> {
    dir: &'a Path,
    to_lsn: Option<u64>,
}

/// A wallet as one side has it.
#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
struct WalletSide {
    balance: i64,
    paid: i64,
    free: i64,
    version: u64,
    lots: usize,
}

/// A wallet that is not the same on both sides.
#[derive(Serialize)]
struct WalletDiffRow {
    wallet: u64,
    a: Option<WalletSide>,
    b: Option<WalletSide>,
    /// Points of b less those of a.
    change: i128,
}

/// What the comparison came to.
#[derive(Serialize)]
struct DiffRow {
    same: bool,
    /// Acts before this LSN are not in both, since one log begins here.
    from_lsn: u64,
    first_differing_lsn: Option<u64>,
    says: String,
    a_last_lsn: u64,
    b_last_lsn: u64,
    wallets_differing: usize,
    points_a: i128,
    points_b: i128,
}

// === impl Diff ===

impl Diff {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let a = Side {
            dir: &self.a,
            to_lsn: self.lsn_a,
        };
        let b = Side {
            dir: self.b.as_deref().unwrap_or(&self.a),
            to_lsn: self.lsn_b,
        };
        let mut verdict = Verdict::default();
        let from_lsn = begins(a)?.max(begins(b)?);
        let parting = find(a, b, from_lsn)?;
        let (wallets_a, points_a, last_a) = state(a, output, &mut verdict)?;
        let (wallets_b, points_b, last_b) = state(b, output, &mut verdict)?;
        let rows = differing(&wallets_a, &wallets_b);
        if parting.is_some() || !rows.is_empty() {
            verdict.meet(Class::Differs);
        }
        let row = DiffRow {
            same: parting.is_none() && rows.is_empty(),
            from_lsn,
            first_differing_lsn: parting.as_ref().map(|parting| parting.lsn),
            says: parting.map_or_else(|| same_from(from_lsn), Parting::into_words),
            a_last_lsn: last_a,
            b_last_lsn: last_b,
            wallets_differing: rows.len(),
            points_a,
            points_b,
        };
        let shown = if self.top == 0 { usize::MAX } else { self.top };
        self.write(&rows[..rows.len().min(shown)], &row, output)?;
        if rows.len() > shown {
            talk(format_args!("... and {} wallets more", rows.len() - shown));
        }
        Ok(verdict)
    }

    fn write(
        &self,
        rows: &[WalletDiffRow],
        row: &DiffRow,
        output: &mut Output,
    ) -> Result<(), Stop> {
        if self.json {
            for wallet in rows {
                output.json("wallet_diff", wallet)?;
            }
            output.json("diff", row)?;
            return Ok(());
        }
        for wallet in rows {
            output.text(format_args!("{}", wallet.line()))?;
        }
        let first = row
            .first_differing_lsn
            .map_or_else(String::new, |lsn| format!("first at LSN {lsn}: "));
        output.text(format_args!(
            "{}: {first}{}; A ends at LSN {} with {} points, B at LSN {} with {}; {} wallets differ",
            if row.same { "same" } else { "differs" },
            row.says,
            row.a_last_lsn,
            row.points_a,
            row.b_last_lsn,
            row.points_b,
            row.wallets_differing
        ))?;
        Ok(())
    }
}

/// Where a side begins. What was deleted there cannot be compared, and is no difference.
fn begins(side: Side<'_>) -> Result<u64, Stop> {
    let reader = LogReader::open(side.dir)?;
    Ok(reader.catalog().begins_later().map_or(1, |lsn| lsn.0))
}

fn same_from(lsn: u64) -> String {
    match lsn {
        1 => "every act is the same".to_owned(),
        _ => format!("every act from LSN {lsn} on is the same"),
    }
}

/// Every wallet after one side's acts, all points, and the last LSN.
fn state(
    side: Side<'_>,
    output: &Output,
    verdict: &mut Verdict,
) -> Result<(BTreeMap<u64, WalletSide>, i128, u64), Stop> {
    let log = Log::open(side.dir)?;
    let span = Span {
        to_lsn: side.to_lsn,
        ..Span::default()
    };
    let replayed = replay(&log, &span, output)?;
    verdict.absorb(replayed.verdict);
    let (paid, free) = replayed.fold.points();
    let last = replayed.fold.last().map_or(0, |moment| moment.lsn);
    let wallets = replayed.fold.into_wallets().into_iter();
    let wallets = wallets.map(|(id, held)| (id, WalletSide::of(&held)));
    Ok((wallets.collect(), paid + free, last))
}

fn differing(a: &BTreeMap<u64, WalletSide>, b: &BTreeMap<u64, WalletSide>) -> Vec<WalletDiffRow> {
    let mut ids: Vec<u64> = a.keys().chain(b.keys()).copied().collect();
    ids.sort_unstable();
    ids.dedup();
    let rows = ids.into_iter().filter_map(|wallet| {
        let (a, b) = (a.get(&wallet), b.get(&wallet));
        let points = |side: Option<&WalletSide>| side.map_or(0, |side| i128::from(side.balance));
        (a != b).then(|| WalletDiffRow {
            wallet,
            a: a.copied(),
            b: b.copied(),
            change: points(b) - points(a),
        })
    });
    rows.collect()
}

// === impl WalletSide ===

impl WalletSide {
    fn of(held: &Held) -> Self {
        let standing = held.standing();
        Self {
            balance: standing.balance(),
            paid: standing.paid,
            free: standing.free,
            version: standing.version,
            lots: held.state().map_or(0, |wallet| {
                let buckets = wallet.lots.buckets().iter();
                buckets.map(|bucket| bucket.lots.len()).sum()
            }),
        }
    }

    fn words(&self) -> String {
        let Self {
            balance,
            paid,
            free,
            version,
            lots,
        } = self;
        format!("{balance} (paid {paid}, free {free}) v{version} lots {lots}")
    }
}

// === impl WalletDiffRow ===

impl WalletDiffRow {
    fn line(&self) -> String {
        let side = |side: &Option<WalletSide>| {
            side.as_ref()
                .map_or_else(|| "does not exist".to_owned(), WalletSide::words)
        };
        format!(
            "wallet {}: {} | {}  ({:+})",
            self.wallet,
            side(&self.a),
            side(&self.b),
            self.change
        )
    }
}
