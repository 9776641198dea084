//! Mirrors of grants that count later.

use wincode::{SchemaRead, SchemaWrite};

use super::{Bucket, Purse, Standing, text};
use crate::domain as ours;
use crate::domain::{Amount, Timestamp};

#[derive(SchemaRead, SchemaWrite)]
enum Period {
    Month,
    Quarter,
    Year,
}

#[derive(SchemaRead, SchemaWrite)]
enum Term {
    Days(u32),
    Months(u32),
    EndOf(Period, u32),
}

#[derive(SchemaRead, SchemaWrite)]
pub(super) struct GrantPending {
    standing: Standing,
    fund: Purse,
    amount: u64,
    active_at: Option<i64>,
    expires_at: Option<i64>,
    term: Option<Term>,
    description: String,
}

#[derive(SchemaRead, SchemaWrite)]
pub(super) struct GrantActivated {
    standing: Standing,
    number: u64,
    amount: u64,
    active_at: i64,
    bucket: Bucket,
    lot: u64,
    description: String,
}

#[derive(SchemaRead, SchemaWrite)]
pub(super) struct GrantVoided {
    standing: Standing,
    number: u64,
    fund: Purse,
    amount: u64,
    description: String,
}

impl Term {
    fn ours(self) -> ours::Term {
        match self {
            Self::Days(days) => ours::Term::Days(days),
            Self::Months(months) => ours::Term::Months(months),
            Self::EndOf(period, plus) => {
                let period = match period {
                    Period::Month => ours::Period::Month,
                    Period::Quarter => ours::Period::Quarter,
                    Period::Year => ours::Period::Year,
                };
                ours::Term::EndOf(period, plus)
            }
        }
    }
}

impl GrantPending {
    pub(super) fn ours(self) -> ours::GrantPending {
        ours::GrantPending {
            standing: self.standing.ours(),
            fund: self.fund.ours(),
            amount: Amount::new(self.amount).unwrap(),
            active_at: self.active_at.map(Timestamp),
            lifetime: ours::Lifetime {
                expires_at: self.expires_at.map(Timestamp),
                term: self.term.map(Term::ours),
            },
            description: text(&self.description),
            aside: None,
        }
    }
}

impl GrantActivated {
    pub(super) fn ours(self) -> ours::GrantActivated {
        ours::GrantActivated {
            standing: self.standing.ours(),
            number: self.number,
            amount: Amount::new(self.amount).unwrap(),
            active_at: Timestamp(self.active_at),
            bucket: self.bucket.ours(),
            lot: self.lot,
            description: text(&self.description),
            aside: None,
        }
    }
}

impl GrantVoided {
    pub(super) fn ours(self) -> ours::GrantVoided {
        ours::GrantVoided {
            standing: self.standing.ours(),
            number: self.number,
            fund: self.fund.ours(),
            amount: Amount::new(self.amount).unwrap(),
            description: text(&self.description),
            aside: None,
        }
    }
}
