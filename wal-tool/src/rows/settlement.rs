//! What an act did to a settlement, as a row.

use engine::domain::{RunStage, SettlementClosed, SettlementMoved, SettlementRun};
use serde::Serialize;

use crate::settlements::{hex, name_of};

/// A period that was closed, or a statement that went on.
#[derive(Serialize)]
pub(crate) struct SettlementRow {
    company: u64,
    /// As the server names it; of a statement that goes on its instants, since its zone stands where it was closed.
    period: String,
    state: &'static str,
    /// The company's version.
    version: u64,
    by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<NumbersRow>,
    /// Money that goes into the next statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    carried: Option<i64>,
    /// The record about it before this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    before_lsn: Option<u64>,
}

/// What a statement comes to; `settlement verify` takes all of it again.
#[derive(Serialize)]
struct NumbersRow {
    entries: u64,
    first_lsn: u64,
    last_lsn: u64,
    hash: String,
    sold: i64,
    payable: i64,
    carried_in: i64,
    carried_out: i64,
}

/// A period that is to be closed for every company, or was.
#[derive(Serialize)]
pub(crate) struct RunRow {
    period: String,
    by: String,
    /// The program's version.
    version: u64,
    /// started, joined or ended.
    stage: &'static str,
    /// Where it started, if that is not here.
    #[serde(skip_serializing_if = "Option::is_none")]
    since_lsn: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<u64>,
}

// === impl RunRow ===

impl RunRow {
    pub(super) fn new(event: &SettlementRun) -> Self {
        let (stage, since_lsn, counts) = match event.stage {
            RunStage::Started => ("started", None, None),
            RunStage::Joined { lsn } => ("joined", Some(lsn), None),
            RunStage::Ended {
                lsn,
                closed,
                failed,
            } => ("ended", Some(lsn), Some((closed, failed))),
        };
        Self {
            period: name_of(event.span, &event.zone),
            by: event.by.as_str().to_owned(),
            version: event.version,
            stage,
            since_lsn,
            closed: counts.map(|(closed, _)| closed),
            failed: counts.map(|(_, failed)| failed),
        }
    }

    /// The same for people, behind two blanks.
    pub(super) fn line(&self) -> String {
        let (period, by, stage) = (&self.period, &self.by, self.stage);
        match (self.closed, self.failed) {
            (Some(closed), Some(failed)) => {
                format!("  run of {period} ended: {closed} closed, {failed} refused")
            }
            _ => format!("  run of {period} {stage} by {by:?}"),
        }
    }
}

// === impl SettlementRow ===

impl SettlementRow {
    pub(super) fn closed(event: &SettlementClosed) -> Self {
        Self {
            company: event.company.get(),
            period: name_of(event.span, &event.zone),
            state: "closed",
            version: event.version,
            by: event.by.as_str().to_owned(),
            statement: Some(NumbersRow {
                entries: event.tally.entries,
                first_lsn: event.tally.first_lsn,
                last_lsn: event.tally.last_lsn,
                hash: hex(&event.tally.hash),
                sold: event.bill.sold,
                payable: event.bill.payable,
                carried_in: event.bill.carried_in,
                carried_out: event.bill.carried_out,
            }),
            carried: None,
            before_lsn: None,
        }
    }

    pub(super) fn moved(event: &SettlementMoved) -> Self {
        Self {
            company: event.company.get(),
            period: name_of(event.span, "UTC"),
            state: event.state.as_str(),
            version: event.version,
            by: event.by.as_str().to_owned(),
            statement: None,
            carried: Some(event.carried).filter(|carried| *carried != 0),
            before_lsn: Some(event.before_lsn),
        }
    }

    /// The same for people, behind two blanks.
    pub(super) fn line(&self) -> String {
        let mut line = format!(
            "  settlement {} of company {} {} by {:?}",
            self.period, self.company, self.state, self.by
        );
        if let Some(numbers) = &self.statement {
            line += &format!("  {} entries, payable {}", numbers.entries, numbers.payable);
        }
        if let Some(carried) = self.carried {
            line += &format!("  carries {carried}");
        }
        line
    }
}
