//! A company: a name, its members, and a wallet of the same number that they spend from.
//!
//! ```text
//! company 7   members 3, 9, 12      wallet 7, of company 7: points, lots and history like any other
//! ```
//! Both come to be in one act. The company knows no points and the wallet no members; only a use by a member asks both.

use serde::{Deserialize, Serialize};

use super::create;
use super::event::Role;
use super::inconsistency::Inconsistency;
use super::rejection::Rejection;
use super::settlement::Books;
use super::types::{CompanyId, Description, EntityKind, NUMBER_MAX, Owner, OwnerKind};
use super::wallet::Standing;
use super::{Entity, EntityIds, Event, Participants};

/// Most members of a company. As many as all but the largest employers have; a row of so many takes some 50 KiB, and
/// reading it when a company is woken a tenth of a millisecond.
pub const MEMBERS_MAX: usize = 10_000;

/// State of one company. Changes only by applying events.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Company {
    /// +1 with every event that touches the company; 1 after its creation. The wallet has a version of its own.
    pub version: u64,
    /// What it is called; never empty.
    pub name: Description,
    /// Users who may spend from its wallet, ascending.
    pub members: Vec<u64>,
    /// Its settlements.
    pub books: Books,
}

/// Asks for a new company with its wallet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateCompany {
    /// Its id, and its wallet's.
    pub company: CompanyId,
    /// What it is called; whoever builds the command sees to it that it is not empty.
    pub name: Description,
}

/// Asks for a user to become a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JoinCompany {
    /// Of which company.
    pub company: CompanyId,
    /// Who: 1…2^53−1.
    pub user: u64,
}

/// Asks for a user to be a member no longer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LeaveCompany {
    /// Of which company.
    pub company: CompanyId,
    /// Who.
    pub user: u64,
}

/// A company and its wallet came to be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CompanyCreated {
    /// How the wallet stands: empty, version 1. Its number is the company's too.
    pub standing: Standing,
    /// What the company is called.
    pub name: Description,
}

/// A user became a member, or is one no longer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Membership {
    /// Of which company.
    pub company: CompanyId,
    /// The company's version after the event.
    pub version: u64,
    /// Who.
    pub user: u64,
}

pub(super) fn decide_create(
    participants: Participants<'_>,
    command: &CreateCompany,
) -> Result<Event, Rejection> {
    let company = command.company;
    if participants.company(company).is_ok() {
        return Err(Rejection::CompanyExists { company });
    }
    let standing = create::standing(participants, company.wallet())?;
    Ok(Event::CompanyCreated(CompanyCreated {
        standing,
        name: command.name.clone(),
    }))
}

pub(super) fn decide_join(
    participants: Participants<'_>,
    command: &JoinCompany,
) -> Result<Event, Rejection> {
    let JoinCompany { company: id, user } = *command;
    let company = participants.company(id)?;
    if company.has(user) {
        return Err(Rejection::MemberExists { company: id, user });
    }
    if company.members.len() >= MEMBERS_MAX {
        return Err(Rejection::MemberLimit { company: id });
    }
    Ok(Event::MemberJoined(company.next(id, user)))
}

pub(super) fn decide_leave(
    participants: Participants<'_>,
    command: &LeaveCompany,
) -> Result<Event, Rejection> {
    let LeaveCompany { company: id, user } = *command;
    let company = participants.company(id)?;
    if !company.has(user) {
        return Err(Rejection::NotMember { company: id, user });
    }
    Ok(Event::MemberLeft(company.next(id, user)))
}

pub(super) fn apply_created(
    entity: &mut Option<Entity>,
    role: Role,
    event: &CompanyCreated,
) -> Result<(), Inconsistency> {
    if role != Role::Company {
        return create::open(entity, event.standing.wallet, event.owner());
    }
    if entity.is_some() {
        return Err(event.company().contradicts("is created twice"));
    }
    let name = event.name.clone();
    *entity = Some(Entity::Company(Box::new(Company::new(name))));
    Ok(())
}

pub(super) fn apply_joined(
    entity: &mut Option<Entity>,
    event: &Membership,
) -> Result<(), Inconsistency> {
    let company = event.company.state_in(entity)?;
    match company.members.binary_search(&event.user) {
        Ok(_) => return Err(event.company.contradicts("a member joins")),
        Err(at) => company.members.insert(at, event.user),
    }
    event.company.settle(company, event.version)
}

pub(super) fn apply_left(
    entity: &mut Option<Entity>,
    event: &Membership,
) -> Result<(), Inconsistency> {
    let company = event.company.state_in(entity)?;
    match company.members.binary_search(&event.user) {
        Ok(at) => company.members.remove(at),
        Err(_) => {
            return Err(event
                .company
                .contradicts("somebody leaves who is no member"));
        }
    };
    event.company.settle(company, event.version)
}

// === impl Company ===

impl Company {
    /// A company as its creation leaves it.
    pub fn new(name: Description) -> Self {
        Self {
            version: 1,
            name,
            members: Vec::new(),
            books: Books::default(),
        }
    }

    /// Whether a user may spend from its wallet.
    pub fn has(&self, user: u64) -> bool {
        self.members.binary_search(&user).is_ok()
    }

    fn next(&self, company: CompanyId, user: u64) -> Membership {
        Membership {
            company,
            version: self.version + 1,
            user,
        }
    }
}

// === impl CompanyId ===

impl CompanyId {
    /// The company and its wallet.
    pub(super) fn with_wallet(self) -> EntityIds {
        smallvec::smallvec![self.wallet().entity(), self.entity()]
    }

    /// The state of this company.
    pub(super) fn state_in(
        self,
        entity: &mut Option<Entity>,
    ) -> Result<&mut Company, Inconsistency> {
        match entity {
            Some(Entity::Company(company)) => Ok(company),
            Some(Entity::Wallet(_) | Entity::Program(_)) | None => {
                Err(self.contradicts("does not exist"))
            }
        }
    }

    /// Ends an event: counts the version up and holds it against the one stated.
    pub(super) fn settle(self, company: &mut Company, stated: u64) -> Result<(), Inconsistency> {
        company.version += 1;
        if company.version == stated {
            return Ok(());
        }
        Err(Inconsistency::EntityVersion {
            kind: EntityKind::Company.as_str(),
            id: self.get(),
            expected: company.version,
            stated,
        })
    }

    /// The log contradicts itself about this company.
    pub(super) fn contradicts(self, what: &'static str) -> Inconsistency {
        Inconsistency::Entity {
            kind: EntityKind::Company.as_str(),
            id: self.get(),
            what,
        }
    }
}

// === impl CompanyCreated ===

impl CompanyCreated {
    /// The company.
    pub fn company(&self) -> CompanyId {
        CompanyId::of(self.standing.wallet)
    }

    /// Who owns the wallet.
    pub fn owner(&self) -> Owner {
        Owner {
            kind: OwnerKind::Company,
            id: self.standing.wallet.get(),
        }
    }

    /// Whether it could have been decided.
    pub(super) fn is_sound(&self) -> bool {
        let name = self.name.as_str();
        (self.standing.version, self.standing.balance()) == (1, 0)
            && !name.is_empty()
            && Description::is_allowed(name)
    }
}

// === impl Membership ===

impl Membership {
    /// Whether it could have been decided.
    pub(super) fn check(&self) -> Result<(), Inconsistency> {
        let numbers = [self.company.get(), self.user, self.version];
        let sound = numbers
            .iter()
            .all(|number| (1..=NUMBER_MAX).contains(number))
            && self.version > 1;
        let unsound = self.company.contradicts("a number is out of range");
        sound.then_some(()).ok_or(unsound)
    }
}
