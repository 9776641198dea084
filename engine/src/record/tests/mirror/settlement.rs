//! Mirrors of the records of settlement.

use wincode::{SchemaRead, SchemaWrite};

use super::text;
use crate::domain as ours;
use crate::domain::{CompanyId, EntryRef, Timestamp, TransactionId};

#[derive(SchemaRead, SchemaWrite)]
pub(super) struct Terms {
    rate_ppm: u64,
    fee_ppm: u32,
    vat_ppm: u32,
}

#[derive(SchemaRead, SchemaWrite)]
struct Points {
    paid: i64,
    free: i64,
}

#[derive(SchemaRead, SchemaWrite)]
struct Correction {
    entry: u64,
    original: u64,
    change: Points,
}

#[derive(SchemaRead, SchemaWrite)]
struct Tally {
    since_version: u64,
    entries: u64,
    first_lsn: u64,
    last_lsn: u64,
    hash: [u8; 32],
    opening: Points,
    lines: [Points; 9],
    returned: Points,
    corrections: u64,
    named: Vec<Correction>,
}

#[derive(SchemaRead, SchemaWrite)]
struct Bill {
    sold: i64,
    gross: i64,
    fee: i64,
    vat: i64,
    carried_in: i64,
    payable: i64,
    carried_out: i64,
}

#[derive(SchemaRead, SchemaWrite)]
pub(super) struct SettlementClosed {
    company: u64,
    version: u64,
    span: (i64, i64),
    zone: String,
    by: String,
    tally: Tally,
    terms: Terms,
    bill: Bill,
}

#[derive(SchemaRead, SchemaWrite)]
pub(super) enum SettlementState {
    Closed,
    Confirmed,
    Paid,
    HeldClosed,
    HeldConfirmed,
    Reversed,
}

#[derive(SchemaRead, SchemaWrite)]
pub(super) struct SettlementMoved {
    company: u64,
    version: u64,
    span: (i64, i64),
    state: SettlementState,
    carried: i64,
    before_lsn: u64,
    by: String,
}

#[derive(SchemaRead, SchemaWrite)]
enum RunStage {
    Started,
    Joined { lsn: u64 },
    Ended { lsn: u64, closed: u64, failed: u64 },
}

#[derive(SchemaRead, SchemaWrite)]
pub(super) struct SettlementRun {
    version: u64,
    span: (i64, i64),
    zone: String,
    terms: Terms,
    by: String,
    stage: RunStage,
}

impl Terms {
    pub(super) fn ours(self) -> ours::Terms {
        ours::Terms {
            rate_ppm: self.rate_ppm,
            fee_ppm: self.fee_ppm,
            vat_ppm: self.vat_ppm,
        }
    }
}

impl Points {
    fn ours(self) -> ours::Points {
        ours::Points {
            paid: self.paid,
            free: self.free,
        }
    }
}

impl Tally {
    fn ours(self) -> ours::Tally {
        let named = self.named.into_iter().map(|one| ours::Correction {
            entry: entry(one.entry),
            original: entry(one.original),
            change: one.change.ours(),
        });
        ours::Tally {
            since_version: self.since_version,
            entries: self.entries,
            first_lsn: self.first_lsn,
            last_lsn: self.last_lsn,
            hash: self.hash,
            opening: self.opening.ours(),
            lines: self.lines.map(Points::ours),
            returned: self.returned.ours(),
            corrections: self.corrections,
            named: named.collect(),
        }
    }
}

impl SettlementClosed {
    pub(super) fn ours(self) -> ours::SettlementClosed {
        ours::SettlementClosed {
            company: company(self.company),
            version: self.version,
            span: span(self.span),
            zone: self.zone.into(),
            by: text(&self.by),
            tally: self.tally.ours(),
            terms: self.terms.ours(),
            bill: ours::Bill {
                sold: self.bill.sold,
                gross: self.bill.gross,
                fee: self.bill.fee,
                vat: self.bill.vat,
                carried_in: self.bill.carried_in,
                payable: self.bill.payable,
                carried_out: self.bill.carried_out,
            },
        }
    }
}

impl SettlementMoved {
    pub(super) fn ours(self) -> ours::SettlementMoved {
        ours::SettlementMoved {
            company: company(self.company),
            version: self.version,
            span: span(self.span),
            state: self.state.ours(),
            carried: self.carried,
            before_lsn: self.before_lsn,
            by: text(&self.by),
        }
    }
}

impl SettlementRun {
    pub(super) fn ours(self) -> ours::SettlementRun {
        ours::SettlementRun {
            version: self.version,
            span: span(self.span),
            zone: self.zone.into(),
            terms: self.terms.ours(),
            by: text(&self.by),
            stage: match self.stage {
                RunStage::Started => ours::RunStage::Started,
                RunStage::Joined { lsn } => ours::RunStage::Joined { lsn },
                RunStage::Ended {
                    lsn,
                    closed,
                    failed,
                } => ours::RunStage::Ended {
                    lsn,
                    closed,
                    failed,
                },
            },
        }
    }
}

impl SettlementState {
    pub(super) fn ours(self) -> ours::SettlementState {
        match self {
            Self::Closed => ours::SettlementState::Closed,
            Self::Confirmed => ours::SettlementState::Confirmed,
            Self::Paid => ours::SettlementState::Paid,
            Self::HeldClosed => ours::SettlementState::HeldClosed,
            Self::HeldConfirmed => ours::SettlementState::HeldConfirmed,
            Self::Reversed => ours::SettlementState::Reversed,
        }
    }
}

fn span((from, to): (i64, i64)) -> ours::Span {
    ours::Span {
        from: Timestamp(from),
        to: Timestamp(to),
    }
}

fn company(id: u64) -> CompanyId {
    CompanyId::new(id).unwrap()
}

/// The act in the low 53 bits, the leg above.
fn entry(number: u64) -> EntryRef {
    EntryRef::new(TransactionId(number), (number >> 53) as u8)
}
