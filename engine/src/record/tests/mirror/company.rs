//! Mirrors of what happens to companies.

use wincode::{SchemaRead, SchemaWrite};

use super::{Standing, text};
use crate::domain as ours;
use crate::domain::CompanyId;

#[derive(SchemaRead, SchemaWrite)]
pub(super) struct CompanyCreated {
    standing: Standing,
    name: String,
}

#[derive(SchemaRead, SchemaWrite)]
pub(super) struct Membership {
    company: u64,
    version: u64,
    user: u64,
}

impl CompanyCreated {
    pub(super) fn ours(self) -> ours::CompanyCreated {
        ours::CompanyCreated {
            standing: self.standing.ours(),
            name: text(&self.name),
        }
    }
}

impl Membership {
    pub(super) fn ours(self) -> ours::Membership {
        ours::Membership {
            company: CompanyId::new(self.company).unwrap(),
            version: self.version,
            user: self.user,
        }
    }
}
