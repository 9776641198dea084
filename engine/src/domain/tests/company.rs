//! Companies: they come to be with their wallet, members join and leave, and members alone spend.

use proptest::collection::vec;
use proptest::prelude::*;

use super::history::cases;
use super::*;

fn company(id: u64) -> CompanyId {
    CompanyId::new(id).unwrap()
}

fn found(id: u64) -> Command {
    Command::CreateCompany(CreateCompany {
        company: company(id),
        name: Description::new("Acme").unwrap(),
    })
}

fn join(id: u64, user: u64) -> Command {
    let company = company(id);
    Command::JoinCompany(JoinCompany { company, user })
}

fn leave(id: u64, user: u64) -> Command {
    let company = company(id);
    Command::LeaveCompany(LeaveCompany { company, user })
}

fn spend(id: u64, user: u64, points: u64, fund: Option<Fund>) -> Command {
    Command::CompanyUse(CompanyUse {
        company: company(id),
        user,
        amount: amount(points),
        fund,
        description: Description::default(),
    })
}

impl World {
    pub(super) fn company(&self, id: u64) -> &Company {
        match &self.wallets[&company(id).entity()] {
            Some(Entity::Company(company)) => company,
            other => panic!("company {id} does not exist: {other:?}"),
        }
    }
}

/// A world with company 7, whose only member is user 3.
fn acme() -> World {
    let mut world = World::default();
    world.submit(&found(7)).unwrap();
    world.submit(&join(7, 3)).unwrap();
    world
}

#[test]
fn conditions_are_put_on_no_other_wallet_than_a_companys() {
    let mut world = World::default();
    let missing = Rejection::CompanyNotFound {
        company: company(7),
    };
    let asked = Command::Conditional(Box::new(Conditional {
        command: spend(7, 3, 5, None),
        if_version: Some(9),
        min_balance_after: None,
    }));
    assert_eq!(world.submit(&asked), Err(missing));
    // Neither is there a company where somebody has a wallet of its number.
    world.submit(&create(7)).unwrap();
    assert_eq!(world.submit(&asked), Err(missing));
    let mut world = acme();
    let version = Rejection::VersionMismatch {
        wallet: wallet(7),
        version: 1,
    };
    assert_eq!(world.submit(&asked), Err(version));
}

#[test]
fn a_company_comes_to_be_with_its_wallet() {
    let mut world = World::default();
    let event = world.submit(&found(7)).unwrap();
    assert_eq!(event.entries().len(), 1);
    let wallet = world.wallet(7);
    let owner = Owner {
        kind: OwnerKind::Company,
        id: 7,
    };
    assert_eq!(
        (wallet.owner, wallet.version, wallet.balance()),
        (owner, 1, 0)
    );
    assert_eq!(
        world.company(7),
        &Company::new(Description::new("Acme").unwrap())
    );
    let exists = Rejection::CompanyExists {
        company: company(7),
    };
    assert_eq!(world.submit(&found(7)), Err(exists));
    let wallet_exists = Rejection::WalletExists {
        wallet: wallet_id(),
    };
    assert_eq!(world.submit(&create(7)), Err(wallet_exists));
}

fn wallet_id() -> WalletId {
    wallet(7)
}

#[test]
fn a_wallet_of_that_number_leaves_no_room_for_a_company() {
    let mut world = World::default();
    world.submit(&create(7)).unwrap();
    let exists = Rejection::WalletExists {
        wallet: wallet_id(),
    };
    assert_eq!(world.submit(&found(7)), Err(exists));
    assert!(!world.wallets.contains_key(&company(7).entity()));
}

#[test]
fn members_join_and_leave() {
    let mut world = acme();
    for user in [9, 1, 5] {
        world.submit(&join(7, user)).unwrap();
    }
    world.submit(&leave(7, 3)).unwrap();
    assert_eq!(world.company(7).members, [1, 5, 9]);
    assert_eq!(world.company(7).version, 6);
    // The wallet knows nothing of it.
    assert_eq!(world.wallet(7).version, 1);
    let (company, other) = (company(7), company(8));
    let refused = [
        (join(7, 5), Rejection::MemberExists { company, user: 5 }),
        (leave(7, 3), Rejection::NotMember { company, user: 3 }),
        (join(8, 5), Rejection::CompanyNotFound { company: other }),
    ];
    for (command, rejection) in refused {
        assert_eq!(world.submit(&command), Err(rejection));
    }
}

#[test]
fn a_full_company_takes_nobody_in() {
    let mut world = acme();
    let Some(Some(Entity::Company(state))) = world.wallets.get_mut(&company(7).entity()) else {
        panic!("there is a company");
    };
    state.members = (1..=MEMBERS_MAX as u64).collect();
    let refused = Rejection::MemberLimit {
        company: company(7),
    };
    assert_eq!(world.submit(&join(7, 1 << 40)), Err(refused));
    world.submit(&leave(7, 500)).unwrap();
    world.submit(&join(7, 1 << 40)).unwrap();
}

#[test]
fn a_use_heals_fault_by_fault() {
    let mut world = World::default();
    let (company, user) = (company(7), 3);
    let command = spend(7, 3, 10, None);
    let refused = |world: &mut World, rejection| {
        let before = world.wallets.clone();
        assert_eq!(world.submit(&command), Err(rejection));
        assert!(before == world.wallets, "a refusal changes nothing");
    };
    refused(&mut world, Rejection::CompanyNotFound { company });
    world.submit(&found(7)).unwrap();
    refused(&mut world, Rejection::NotMember { company, user });
    world.submit(&join(7, 3)).unwrap();
    let status = |status| {
        Command::ChangeStatus(ChangeStatus {
            wallet: wallet_id(),
            status,
            description: Description::default(),
        })
    };
    world.submit(&status(Status::Frozen)).unwrap();
    refused(
        &mut world,
        Rejection::WalletFrozen {
            wallet: wallet_id(),
        },
    );
    world.submit(&status(Status::Open)).unwrap();
    let (available, requested) = (0, 10);
    refused(
        &mut world,
        Rejection::InsufficientBalance {
            available,
            requested,
        },
    );
    world.submit(&grant(Fund::Free, 7, 10, None)).unwrap();
    let event = world.submit(&command).unwrap();
    assert_eq!(event.entries()[0].by, Some(3));
    assert_eq!(world.wallet(7).balance(), 0);
    // It is given back like any other use, to the lots it came from.
    let used = world.acts.len() as u64;
    world.submit(&cancel(used, None)).unwrap();
    assert_eq!(world.wallet(7).free, 10);
}

#[test]
fn a_fund_alone_is_spent_only_as_far_as_it_goes() {
    let mut world = acme();
    world.submit(&grant(Fund::Paid, 7, 100, None)).unwrap();
    world
        .submit(&grant(Fund::Free, 7, 30, Some(1_000)))
        .unwrap();
    let mut spends = |points, fund| -> Result<(i64, i64), Rejection> {
        let event = world.submit(&spend(7, 3, points, fund))?;
        let Standing { paid, free, .. } = event.entries()[0].standing;
        Ok((paid, free))
    };
    let short = |available, requested| {
        Err(Rejection::InsufficientBalance {
            available,
            requested,
        })
    };
    assert_eq!(spends(31, Some(Fund::Free)), short(30, 31));
    assert_eq!(spends(101, Some(Fund::Paid)), short(100, 101));
    assert_eq!(spends(131, None), short(130, 131));
    assert_eq!(spends(10, Some(Fund::Paid)), Ok((90, 30)));
    assert_eq!(spends(10, Some(Fund::Free)), Ok((90, 20)));
    assert_eq!(spends(20, Some(Fund::Free)), Ok((90, 0)));
    assert_eq!(spends(1, Some(Fund::Free)), short(0, 1));
    assert_eq!(spends(90, None), Ok((0, 0)));
}

#[test]
fn what_cannot_be_does_not_apply() {
    let world = acme();
    let mut state = world.wallets[&company(7).entity()].clone();
    let change = |version, user| Membership {
        company: company(7),
        version,
        user,
    };
    let broken = [
        Event::MemberJoined(change(3, 3)),
        Event::MemberLeft(change(3, 4)),
        Event::MemberJoined(change(4, 4)),
    ];
    for event in broken {
        let mut state = state.clone();
        assert!(apply(&mut state, Role::Sole, &event).is_err(), "{event:?}");
        assert!(apply(&mut None, Role::Sole, &event).is_err(), "{event:?}");
    }
    let Event::CompanyCreated(created) = &*world.acts[0].1 else {
        panic!("the first act is the creation");
    };
    let created = Event::CompanyCreated(created.clone());
    assert!(apply(&mut state, Role::Company, &created).is_err());
    for unsound in [
        change(1, 4),
        change(0, 4),
        change(3, 0),
        change(3, NUMBER_MAX + 1),
    ] {
        assert!(Event::MemberJoined(unsound).check().is_err(), "{unsound:?}");
    }
}

/// One thing that may be asked.
#[derive(Clone, Debug)]
enum Step {
    Join(u64),
    Leave(u64),
    Give(Fund, u64),
    Spend(u64, u64, Option<Fund>),
}

fn step() -> impl Strategy<Value = Step> {
    let user = || 1..5_u64;
    let fund = || prop_oneof![Just(Fund::Free), Just(Fund::Paid)];
    prop_oneof![
        2 => user().prop_map(Step::Join),
        1 => user().prop_map(Step::Leave),
        3 => (fund(), 1..50_u64).prop_map(|(fund, points)| Step::Give(fund, points)),
        6 => (user(), 1..40_u64, prop::option::of(fund()))
            .prop_map(|(user, points, fund)| Step::Spend(user, points, fund)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(300)))]

    #[test]
    fn a_random_company_is_what_two_numbers_and_a_set_say(steps in vec(step(), 1..60)) {
        let mut world = World::default();
        world.submit(&found(7)).unwrap();
        let (mut free, mut paid) = (0_u64, 0_u64);
        let mut members = std::collections::BTreeSet::new();
        for step in steps {
            let (command, expected) = match step {
                Step::Join(user) => (join(7, user), members.insert(user)),
                Step::Leave(user) => (leave(7, user), members.remove(&user)),
                Step::Give(fund, points) => {
                    match fund {
                        Fund::Free => free += points,
                        Fund::Paid => paid += points,
                    }
                    (grant(fund, 7, points, None), true)
                }
                Step::Spend(user, points, fund) => {
                    let (of_free, of_paid) = match fund {
                        Some(Fund::Free) => (points, 0),
                        Some(Fund::Paid) => (0, points),
                        None => (points.min(free), points - points.min(free)),
                    };
                    let goes = members.contains(&user) && of_free <= free && of_paid <= paid;
                    if goes {
                        (free, paid) = (free - of_free, paid - of_paid);
                    }
                    (spend(7, user, points, fund), goes)
                }
            };
            prop_assert_eq!(world.submit(&command).is_ok(), expected, "{:?}", command);
            let wallet = world.wallet(7);
            prop_assert_eq!((wallet.free.unsigned_abs(), wallet.paid.unsigned_abs()), (free, paid));
            prop_assert!(world.company(7).members.iter().eq(&members));
        }
    }
}
