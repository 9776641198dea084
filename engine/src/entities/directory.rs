//! Which companies there are, in the order of their ids.
//!
//! ```text
//! start   rows of companies ──► directory ◄── creations, once they are durable
//! ```
//! The table finds an entity whose id is known and walks in no order; a list of companies must neither walk over all
//! wallets nor wake anybody. So what never changes of a company stands here: its name, and since when there is one.

use std::collections::BTreeMap;
use std::ops::Bound;

use parking_lot::Mutex;

use super::EntityState;
use crate::api::Listed;
use crate::domain::{CompanyId, Entity, EntityId, Event, Timestamp};

/// All companies whose creation is durable.
#[derive(Default)]
pub(crate) struct Directory {
    companies: Mutex<BTreeMap<CompanyId, Listed>>,
}

// === impl Directory ===

impl Directory {
    /// Takes in an entity as it was restored; of companies alone there is anything to note.
    pub(super) fn restore(&self, id: EntityId, state: &EntityState) {
        let Some(Entity::Company(company)) = &state.entity else {
            return;
        };
        if let Some(id) = CompanyId::of_entity(id) {
            let listed = Listed {
                name: company.name.as_str().into(),
                created_at: state.created_at,
            };
            self.companies.lock().insert(id, listed);
        }
    }

    /// Takes in a durable act.
    pub(crate) fn apply(&self, event: &Event, at: Timestamp) {
        if let Event::CompanyCreated(event) = event {
            let listed = Listed {
                name: event.name.as_str().into(),
                created_at: at,
            };
            self.companies.lock().insert(event.company(), listed);
        }
    }

    /// How many companies came to be before an instant.
    pub(crate) fn count_before(&self, at: Timestamp) -> u64 {
        let companies = self.companies.lock();
        let early = companies.values().filter(|listed| listed.created_at < at);
        early.count() as u64
    }

    /// At most so many companies behind one, and whether more follow.
    pub(crate) fn page(
        &self,
        after: Option<CompanyId>,
        most: usize,
    ) -> (Vec<(CompanyId, Listed)>, bool) {
        let companies = self.companies.lock();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = companies.range((from, Bound::Unbounded));
        let page = rest.by_ref().take(most);
        let page = page.map(|(id, listed)| (*id, listed.clone())).collect();
        (page, rest.next().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CompanyCreated, Description, Standing};

    fn id(id: u64) -> CompanyId {
        CompanyId::new(id).unwrap()
    }

    fn created(id: u64) -> Event {
        let wallet = CompanyId::new(id).unwrap().wallet();
        Event::CompanyCreated(CompanyCreated {
            standing: Standing {
                wallet,
                version: 1,
                paid: 0,
                free: 0,
            },
            name: Description::new(&format!("company {id}")).unwrap(),
        })
    }

    #[test]
    fn lists_in_order_whatever_the_order_of_creation() {
        let directory = Directory::default();
        for number in [9, 2, 1 << 52, 5] {
            directory.apply(&created(number), Timestamp(number.cast_signed()));
        }
        let ids = |after: Option<u64>, most| {
            let (page, more) = directory.page(after.map(id), most);
            let ids: Vec<u64> = page.iter().map(|(id, _)| id.get()).collect();
            (ids, more)
        };
        assert_eq!(ids(None, 2), (vec![2, 5], true));
        assert_eq!(ids(Some(5), 2), (vec![9, 1 << 52], false));
        assert_eq!(ids(Some(6), 1), (vec![9], true));
        assert_eq!(ids(Some(1 << 52), 5), (vec![], false));
        let (page, _) = directory.page(Some(id(2)), 1);
        let listed = Listed {
            name: "company 5".into(),
            created_at: Timestamp(5),
        };
        assert_eq!(page, [(id(5), listed)]);
    }
}
