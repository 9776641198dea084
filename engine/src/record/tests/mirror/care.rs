//! Mirrors of what only wallets with something special to them meet.

use wincode::{SchemaRead, SchemaWrite};

use super::{Bucket, Run, Standing, runs, text};
use crate::domain as ours;
use crate::domain::{Amount, EntryRef, Timestamp, TransactionId};

#[derive(SchemaRead, SchemaWrite)]
pub(super) enum LapsedPolicy {
    StayExpired,
    Regrant { days: u16 },
    Grace { days: u16 },
}

#[derive(SchemaRead, SchemaWrite)]
pub(super) enum TakeBackPolicy {
    Deny,
    TakeRest,
    Debt,
}

#[derive(SchemaRead, SchemaWrite)]
pub(super) enum Status {
    Open,
    Frozen,
    Closed,
}

#[derive(SchemaRead, SchemaWrite)]
pub(super) struct StatusChanged {
    standing: Standing,
    status: Status,
    description: String,
}

#[derive(SchemaRead, SchemaWrite)]
pub(super) struct AdjustedUp {
    standing: Standing,
    amount: u64,
    bucket: Bucket,
    lot: u64,
    repaid: u64,
    reason: String,
}

#[derive(SchemaRead, SchemaWrite)]
pub(super) struct AdjustedDown {
    standing: Standing,
    runs: Vec<Run>,
    reason: String,
}

#[derive(SchemaRead, SchemaWrite)]
pub(super) struct TakenBack {
    standing: Standing,
    transaction: u64,
    granted_at: i64,
    bucket: Bucket,
    lot: u64,
    taken: u64,
    owed: u64,
    returned: u64,
    forget_before: i64,
    description: String,
}

#[derive(SchemaRead, SchemaWrite)]
pub(super) struct HoldPlaced {
    standing: Standing,
    number: u64,
    expires_at: i64,
    runs: Vec<Run>,
    description: String,
}

#[derive(SchemaRead, SchemaWrite)]
pub(super) struct HoldCaptured {
    standing: Standing,
    number: u64,
    runs: Vec<Run>,
    description: String,
}

#[derive(SchemaRead, SchemaWrite)]
pub(super) struct HoldReleased {
    standing: Standing,
    number: u64,
    expired: bool,
    runs: Vec<Run>,
    description: String,
}

impl StatusChanged {
    pub(super) fn ours(self) -> ours::StatusChanged {
        ours::StatusChanged {
            standing: self.standing.ours(),
            status: match self.status {
                Status::Open => ours::Status::Open,
                Status::Frozen => ours::Status::Frozen,
                Status::Closed => ours::Status::Closed,
            },
            description: text(&self.description),
        }
    }
}

impl AdjustedUp {
    pub(super) fn ours(self) -> ours::AdjustedUp {
        ours::AdjustedUp {
            standing: self.standing.ours(),
            amount: Amount::new(self.amount).unwrap(),
            bucket: self.bucket.ours(),
            lot: self.lot,
            repaid: self.repaid,
            reason: text(&self.reason),
        }
    }
}

impl AdjustedDown {
    pub(super) fn ours(self) -> ours::AdjustedDown {
        ours::AdjustedDown {
            standing: self.standing.ours(),
            runs: runs(self.runs),
            reason: text(&self.reason),
        }
    }
}

impl TakenBack {
    pub(super) fn ours(self) -> ours::TakenBack {
        ours::TakenBack {
            standing: self.standing.ours(),
            entry: EntryRef::new(TransactionId(self.transaction), 0),
            granted_at: Timestamp(self.granted_at),
            bucket: self.bucket.ours(),
            lot: self.lot,
            taken: self.taken,
            owed: self.owed,
            returned: self.returned,
            forget_before: Timestamp(self.forget_before),
            description: text(&self.description),
            aside: None,
        }
    }
}

impl HoldPlaced {
    pub(super) fn ours(self) -> ours::HoldPlaced {
        ours::HoldPlaced {
            standing: self.standing.ours(),
            number: self.number,
            expires_at: Timestamp(self.expires_at),
            runs: runs(self.runs),
            description: text(&self.description),
            aside: None,
        }
    }
}

impl HoldCaptured {
    pub(super) fn ours(self) -> ours::HoldCaptured {
        ours::HoldCaptured {
            standing: self.standing.ours(),
            number: self.number,
            runs: runs(self.runs),
            description: text(&self.description),
            aside: None,
        }
    }
}

impl HoldReleased {
    pub(super) fn ours(self) -> ours::HoldReleased {
        ours::HoldReleased {
            standing: self.standing.ours(),
            number: self.number,
            expired: self.expired,
            runs: runs(self.runs),
            description: text(&self.description),
            aside: None,
        }
    }
}
