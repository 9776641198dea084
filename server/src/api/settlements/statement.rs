//! A statement as clients see it. Whatever stands in it stands in the record that closed the period.

use engine::domain::{Correction, Event, Line, Points, SettlementClosed, Tally, Zone};
use engine::{Act, SettlementView};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::views::{dry_run, id_of};
use crate::moment::Moment;

/// What a company's points came to within a period, and what is paid for it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Statement<'a> {
    /// The transaction that closed the period; a dry run has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 42)]
    pub(super) id: Option<u64>,
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 7)]
    pub(super) company: u64,
    /// The name of the period.
    #[schema(example = "2026-10")]
    pub(super) period: String,
    /// The first instant in it.
    #[schema(value_type = String, format = DateTime, example = "2026-09-30T15:00:00.000000Z")]
    pub(super) from: Moment,
    /// The first instant behind it.
    #[schema(value_type = String, format = DateTime, example = "2026-10-31T15:00:00.000000Z")]
    pub(super) to: Moment,
    /// The zone in which the period was named.
    #[schema(example = "Asia/Seoul")]
    pub(super) zone: &'a str,
    pub(super) paid: Lines,
    pub(super) free: Lines,
    #[serde(flatten)]
    pub(super) bill: Bill,
    /// Entries counted.
    #[schema(example = 12)]
    pub(super) entries: u64,
    /// The first transaction counted; null without entries.
    #[schema(example = 17)]
    pub(super) first_lsn: Option<u64>,
    /// The last transaction counted; null without entries.
    #[schema(example = 40)]
    pub(super) last_lsn: Option<u64>,
    /// SHA-256 over all entries: a line `LSN,leg,type,time in µs,paid,free,original` for each.
    #[schema(example = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    pub(super) hash: String,
    /// Entries that undo one of an earlier period.
    #[schema(example = 1)]
    pub(super) corrections: u64,
    /// The first hundred of them.
    pub(super) corrected: Vec<CorrectionRow>,
    /// Who closed it.
    #[schema(example = "accounting")]
    pub(super) by: &'a str,
    /// The company's version after it.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 2)]
    pub(super) version: u64,
    #[schema(value_type = String, format = DateTime, example = "2026-11-01T01:00:00.000000Z")]
    pub(super) created_at: Moment,
    /// Only there when it was a dry run: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dry_run: Option<bool>,
}

/// Points of one fund. opening + charged + earned + transferred_in + cancelled − used − expired − transferred_out −
/// taken_back + adjusted = closing, which is the opening of the next period.
#[derive(Serialize, ToSchema)]
pub(crate) struct Lines {
    #[schema(example = 0)]
    pub(super) opening: i64,
    #[schema(example = 1000)]
    pub(super) charged: i64,
    #[schema(example = 0)]
    pub(super) earned: i64,
    #[schema(example = 0)]
    pub(super) transferred_in: i64,
    /// Points of uses of this period that came back.
    #[schema(example = 20)]
    pub(super) cancelled: i64,
    /// Points spent, those captured of holds too.
    #[schema(example = 320)]
    pub(super) used: i64,
    #[schema(example = 0)]
    pub(super) expired: i64,
    #[schema(example = 0)]
    pub(super) transferred_out: i64,
    /// Points of grants of this period that were taken back.
    #[schema(example = 0)]
    pub(super) taken_back: i64,
    /// Corrections by hand, and what undoes an entry of an earlier period; below zero when points went.
    #[schema(example = 30)]
    pub(super) adjusted: i64,
    #[schema(example = 730)]
    pub(super) closing: i64,
}

/// What is paid.
#[derive(Serialize, ToSchema)]
pub(crate) struct Bill {
    /// Paid points spent, less those that came back, whenever they were spent.
    #[schema(example = 270)]
    pub(super) sold: i64,
    /// Money for a point, in millionths.
    #[schema(example = 1000000)]
    pub(super) rate_ppm: u64,
    /// Fee, in millionths of the gross.
    #[schema(example = 33000)]
    pub(super) fee_ppm: u32,
    /// Value added tax, in millionths of the fee.
    #[schema(example = 100000)]
    pub(super) vat_ppm: u32,
    /// sold × rate, rounded towards zero.
    #[schema(example = 270)]
    pub(super) gross: i64,
    /// gross × fee rate, rounded towards zero.
    #[schema(example = 8)]
    pub(super) fee: i64,
    /// fee × VAT rate, rounded towards zero.
    #[schema(example = 0)]
    pub(super) vat: i64,
    /// What earlier periods left.
    #[schema(example = 0)]
    pub(super) carried_in: i64,
    /// gross − fee − vat + carried_in, if that is above zero.
    #[schema(example = 262)]
    pub(super) payable: i64,
    /// The same, if it is below zero: the next period takes it over.
    #[schema(example = 0)]
    pub(super) carried_out: i64,
}

/// An entry that undoes one of an earlier period.
#[derive(Serialize, ToSchema)]
pub(crate) struct CorrectionRow {
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 31)]
    pub(super) transaction: u64,
    #[schema(example = 0)]
    pub(super) leg: u8,
    /// The transaction that it undoes.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 9)]
    pub(super) original: u64,
    #[schema(example = 0)]
    pub(super) original_leg: u8,
    /// Change of the paid points.
    #[schema(example = 30)]
    pub(super) paid: i64,
    /// Change of the free points.
    #[schema(example = 0)]
    pub(super) free: i64,
}

/// A statement and where it stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct Settlement<'a> {
    #[serde(flatten)]
    pub(super) statement: Statement<'a>,
    /// closed, confirmed, paid, held or reversed.
    #[schema(example = "confirmed")]
    pub(super) state: &'static str,
    /// What became of it, oldest first; of very many the last hundred.
    pub(super) changes: Vec<ChangeRow<'a>>,
}

/// A statement went on.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChangeRow<'a> {
    /// The transaction.
    #[schema(minimum = 1, maximum = 9007199254740991u64, example = 43)]
    pub(super) id: u64,
    /// Where it stood from then on.
    #[schema(example = "confirmed")]
    pub(super) state: &'a str,
    /// Who asked.
    #[schema(example = "accounting")]
    pub(super) by: &'a str,
    #[schema(value_type = String, format = DateTime, example = "2026-11-02T01:00:00.000000Z")]
    pub(super) created_at: Moment,
}

// === impl Statement ===

impl<'a> Statement<'a> {
    /// `None` for an act that closed no period.
    pub(crate) fn of(act: &'a Act) -> Option<Self> {
        let Event::SettlementClosed(closed) = &*act.event else {
            return None;
        };
        let SettlementClosed {
            company,
            version,
            span,
            zone,
            by,
            tally,
            ..
        } = &**closed;
        let counted = |lsn: u64| (tally.entries > 0).then_some(lsn);
        Some(Self {
            id: id_of(act),
            company: company.get(),
            period: span.name(&Zone::new(zone).unwrap_or_default()),
            from: Moment(span.from),
            to: Moment(span.to),
            zone,
            paid: Lines::new(tally, |points| points.paid),
            free: Lines::new(tally, |points| points.free),
            bill: Bill::of(closed),
            entries: tally.entries,
            first_lsn: counted(tally.first_lsn),
            last_lsn: counted(tally.last_lsn),
            hash: tally
                .hash
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            corrections: tally.corrections,
            corrected: tally.named.iter().map(CorrectionRow::from).collect(),
            by: by.as_str(),
            version: *version,
            created_at: Moment(act.at),
            dry_run: dry_run(act),
        })
    }

    /// Where it is found.
    pub(super) fn path(&self) -> String {
        format!("/v1/companies/{}/settlements/{}", self.company, self.period)
    }
}

// === impl Lines ===

impl Lines {
    fn new(tally: &Tally, part: fn(Points) -> i64) -> Self {
        let of = |line| part(tally.figure(line));
        Self {
            opening: part(tally.opening),
            charged: of(Line::Charged),
            earned: of(Line::Earned),
            transferred_in: of(Line::TransferredIn),
            cancelled: of(Line::Cancelled),
            used: of(Line::Used),
            expired: of(Line::Expired),
            transferred_out: of(Line::TransferredOut),
            taken_back: of(Line::TakenBack),
            adjusted: of(Line::Adjusted),
            closing: part(tally.closing()),
        }
    }
}

// === impl Bill ===

impl Bill {
    fn of(closed: &SettlementClosed) -> Self {
        let (bill, terms) = (closed.bill, closed.terms);
        Self {
            sold: bill.sold,
            rate_ppm: terms.rate_ppm,
            fee_ppm: terms.fee_ppm,
            vat_ppm: terms.vat_ppm,
            gross: bill.gross,
            fee: bill.fee,
            vat: bill.vat,
            carried_in: bill.carried_in,
            payable: bill.payable,
            carried_out: bill.carried_out,
        }
    }
}

// === impl CorrectionRow ===

impl From<&Correction> for CorrectionRow {
    fn from(one: &Correction) -> Self {
        Self {
            transaction: one.entry.transaction().0,
            leg: one.entry.leg().unwrap_or_default(),
            original: one.original.transaction().0,
            original_leg: one.original.leg().unwrap_or_default(),
            paid: one.change.paid,
            free: one.change.free,
        }
    }
}

// === impl Settlement ===

impl<'a> Settlement<'a> {
    /// `None` where the log has something else in the place of a statement.
    pub(crate) fn of(view: &'a SettlementView) -> Option<Self> {
        let changes = view.changes.iter().map(|act| {
            let Event::SettlementMoved(moved) = &*act.event else {
                return None;
            };
            Some(ChangeRow {
                id: act.transaction.0,
                state: moved.state.as_str(),
                by: moved.by.as_str(),
                created_at: Moment(act.at),
            })
        });
        Some(Self {
            statement: Statement::of(&view.closed)?,
            state: view.state.as_str(),
            changes: changes.collect::<Option<_>>()?,
        })
    }
}
