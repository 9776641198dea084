//! Companies: one with its wallet and members, or a page of all of them.

use crate::api::{CompanyPage, CompanyView, Refusal};
use crate::domain::{CompanyId, Entity, Rejection};
use crate::engine::Engine;
use crate::entities::EntityState;

impl Engine {
    /// A company with its wallet, which is asked right behind it.
    pub async fn company(&self, id: CompanyId) -> Result<CompanyView, Refusal> {
        let absent = Rejection::CompanyNotFound { company: id };
        let show = |_, state: &EntityState, _| match &state.entity {
            Some(Entity::Company(company)) => {
                Some((company.clone(), state.last_lsn.0, state.created_at))
            }
            Some(Entity::Wallet(_) | Entity::Program(_)) | None => None,
        };
        let seen = self.looked_at(id.entity(), absent, show).await?;
        let (company, lsn, created_at) = seen;
        Ok(CompanyView {
            id,
            name: company.name,
            members: company.members,
            wallet: self.wallet(id.wallet()).await?,
            version: company.version,
            lsn,
            created_at,
        })
    }

    /// At most `limit` companies behind one, by id; never fewer than were durable when they were asked for.
    pub async fn companies(&self, after: Option<CompanyId>, limit: usize) -> CompanyPage {
        let durable = self.inner.reader.durable().0;
        self.inner.position.reached(durable).await;
        let (rows, more) = self.inner.core.table.directory.page(after, limit);
        let next = rows.last().filter(|_| more).map(|(id, _)| *id);
        CompanyPage { rows, next }
    }
}
