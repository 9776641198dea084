//! What comes back to a fund that owes.

use super::*;

const LAPSE: i64 = 1_000;

/// Of each lot its expiry, its number and its points.
type Listed = Vec<(i64, u64, u64)>;

fn hold(points: u64, until: i64) -> Command {
    Command::PlaceHold(PlaceHold {
        wallet: wallet(1),
        amount: amount(points),
        expires_at: Timestamp(until),
        description: Description::default(),
    })
}

fn capture(act: usize, points: u64) -> Command {
    Command::CaptureHold(CaptureHold {
        transaction: TransactionId(act as u64),
        amount: Some(amount(points)),
        description: Description::default(),
    })
}

fn release(act: usize) -> Command {
    Command::ReleaseHold(ReleaseHold {
        transaction: TransactionId(act as u64),
        description: Description::default(),
    })
}

impl World {
    fn given(grants: &[(Fund, u64, Option<i64>)]) -> Self {
        let mut world = Self::default();
        world.submit(&create(1)).unwrap();
        for (fund, points, until) in grants {
            world.submit(&grant(*fund, 1, *points, *until)).unwrap();
        }
        world
    }

    /// Carries a command out and tells the number of its act.
    fn carry_out(&mut self, command: &Command) -> usize {
        self.submit(command).unwrap();
        self.acts.len()
    }

    /// Takes so much of a grant back, as a debt where it is not there.
    fn owe(&mut self, act: u64, points: Option<u64>) {
        let Command::Cancel(back) = cancel(act, points) else {
            unreachable!("a cancel")
        };
        let policy = Some(TakeBackPolicy::Debt);
        self.carry_out(&Command::Cancel(Cancel { policy, ..back }));
    }

    fn back(&mut self, act: usize, points: Option<u64>) {
        self.carry_out(&cancel(act as u64, points));
    }

    fn back_anew(&mut self, act: usize, lapsed: LapsedPolicy) {
        let Command::Cancel(back) = cancel(act as u64, None) else {
            unreachable!("a cancel")
        };
        let lapsed = Some(lapsed);
        self.carry_out(&Command::Cancel(Cancel { lapsed, ..back }));
    }

    /// What the last act let pay.
    fn repaid(&self) -> u64 {
        let aside = self.acts.last().and_then(|(_, event)| event.aside());
        aside.map_or(0, |aside| aside.repaid)
    }

    /// Balance, what is owed of free and paid points, and the lots; an expiry of 0 is none.
    fn stands(&self) -> (i64, (u64, u64), Listed) {
        let wallet = self.wallet(1);
        let Debt { free, paid } = wallet.special().debt;
        let lots = wallet.lots.behind(None).map(|(key, lot)| {
            let until = key.expires_at.map_or(0, |at| at.0);
            (until, lot.number, lot.remaining)
        });
        (wallet.balance(), (free, paid), lots.collect())
    }

    fn later(&mut self, now: i64) {
        self.now = Timestamp(now);
        self.lapse(&[wallet(1).entity()]);
    }
}

#[test]
fn a_use_that_comes_back_pays_the_debt_of_its_grant() {
    let mut world = World::given(&[(Fund::Free, 100, Some(LAPSE))]);
    let used = world.carry_out(&use_points(1, 100));
    world.owe(2, None);
    assert_eq!(world.stands(), (-100, (100, 0), vec![]));
    world.back(used, None);
    assert_eq!(world.repaid(), 100);
    assert_eq!(world.stands(), (0, (0, 0), vec![]));
    world.later(LAPSE);
    assert_eq!(world.stands(), (0, (0, 0), vec![]));
    assert!(world.wallet(1).is_empty() && world.wallet(1).special.is_none());
}

#[test]
fn a_hold_that_is_let_go_of_pays_the_debt_of_its_grant() {
    for expires in [false, true] {
        let mut world = World::given(&[(Fund::Free, 100, Some(LAPSE))]);
        let held = world.carry_out(&hold(70, 500));
        world.owe(2, None);
        assert_eq!(world.stands(), (0, (70, 0), vec![]));
        if expires {
            world.later(500);
        } else {
            world.carry_out(&release(held));
        }
        assert_eq!(world.repaid(), 70);
        assert_eq!(world.stands(), (0, (0, 0), vec![]));
        world.later(LAPSE);
        assert_eq!(world.stands(), (0, (0, 0), vec![]));
    }
}

#[test]
fn parts_of_a_hold_pay_as_they_come_back() {
    let mut world = World::given(&[(Fund::Free, 100, Some(LAPSE))]);
    let held = world.carry_out(&hold(70, 500));
    let captured = world.carry_out(&capture(held, 30));
    world.owe(2, None);
    assert_eq!(world.stands(), (-30, (70, 0), vec![]));
    world.carry_out(&release(held));
    assert_eq!(world.stands(), (-30, (30, 0), vec![]));
    world.back(captured, Some(10));
    assert_eq!(world.stands(), (-20, (20, 0), vec![]));
    world.back(captured, None);
    assert_eq!(world.stands(), (0, (0, 0), vec![]));
}

#[test]
fn what_is_more_than_the_debt_goes_into_its_lot_and_is_taken_back_from_there() {
    let mut world = World::given(&[(Fund::Free, 100, Some(LAPSE))]);
    let used = world.carry_out(&use_points(1, 100));
    world.owe(2, Some(40));
    world.back(used, None);
    assert_eq!(world.repaid(), 40);
    assert_eq!(world.stands(), (60, (0, 0), vec![(LAPSE, 0, 60)]));
    let (_, event) = world.acts.last().unwrap();
    assert_eq!(event.entries()[0].amount, 100);
    assert_eq!(event.entries()[0].allocations.len(), 1);
    let over = world.submit(&cancel(used as u64, None)).unwrap_err();
    assert_eq!(over.code(), "over-cancel");
    // What is left of the grant is there again, so nobody owes it.
    world.back(2, None);
    assert_eq!(world.stands(), (0, (0, 0), vec![]));
}

#[test]
fn the_points_that_lapse_first_pay_and_each_fund_for_itself() {
    let grants = [
        (Fund::Free, 20, Some(LAPSE)),
        (Fund::Free, 30, Some(2 * LAPSE)),
        (Fund::Paid, 40, None),
        (Fund::Free, 7, None),
    ];
    for is_held in [false, true] {
        let mut world = World::given(&grants);
        let command = if is_held {
            hold(97, 500)
        } else {
            use_points(1, 97)
        };
        let gone = world.carry_out(&command);
        world.owe(3, Some(25));
        world.owe(4, Some(15));
        if is_held {
            world.carry_out(&release(gone));
        } else {
            world.back(gone, None);
        }
        assert_eq!(world.repaid(), 40);
        let left = vec![(2 * LAPSE, 1, 25), (0, 3, 7), (0, 2, 25)];
        assert_eq!(world.stands(), (57, (0, 0), left), "held: {is_held}");
    }
}

#[test]
fn points_of_another_fund_pay_nothing() {
    let mut world = World::given(&[(Fund::Free, 50, None), (Fund::Paid, 50, Some(LAPSE))]);
    let used = world.carry_out(&use_points(1, 100));
    world.owe(2, None);
    world.back(used, Some(50));
    assert_eq!(world.repaid(), 0);
    assert_eq!(world.stands(), (0, (50, 0), vec![(LAPSE, 1, 50)]));
}

#[test]
fn points_that_have_lapsed_pay_before_they_are_given_anew() {
    let day = Timestamp::DAY_US;
    let policies = [
        (LapsedPolicy::StayExpired, vec![(day, 0, 60)]),
        (LapsedPolicy::Regrant { days: 2 }, vec![(4 * day, 1, 60)]),
        (LapsedPolicy::Grace { days: 5 }, vec![(6 * day, 1, 60)]),
    ];
    for (policy, left) in policies {
        let mut world = World::given(&[(Fund::Free, 100, Some(day))]);
        let used = world.carry_out(&use_points(1, 100));
        world.owe(2, Some(40));
        world.later(2 * day);
        world.back_anew(used, policy);
        assert_eq!(world.repaid(), 40, "{policy:?}");
        assert_eq!(world.stands(), (60, (0, 0), left), "{policy:?}");
    }
}

#[test]
fn what_comes_back_by_grace_stays_behind_what_lapsed_for_good() {
    let day = Timestamp::DAY_US;
    let grants = [(Fund::Free, 30, Some(day)), (Fund::Free, 30, Some(4 * day))];
    let mut world = World::given(&grants);
    let used = world.carry_out(&use_points(1, 60));
    world.owe(2, Some(10));
    world.later(5 * day);
    world.back_anew(used, LapsedPolicy::Grace { days: 3 });
    let left = vec![(day, 0, 20), (7 * day, 2, 30)];
    assert_eq!(world.stands(), (50, (0, 0), left));
}

#[test]
fn a_company_pays_each_fund_out_of_what_its_members_spent() {
    let mut world = World::default();
    let company = CompanyId::of(wallet(1));
    let name = Description::new("Acme").unwrap();
    world.carry_out(&Command::CreateCompany(CreateCompany { company, name }));
    let user = 7;
    world.carry_out(&Command::JoinCompany(JoinCompany { company, user }));
    world.carry_out(&grant(Fund::Free, 1, 30, Some(LAPSE)));
    world.carry_out(&grant(Fund::Paid, 1, 30, None));
    let used = world.carry_out(&Command::CompanyUse(CompanyUse {
        company,
        user,
        amount: amount(50),
        fund: None,
        description: Description::default(),
    }));
    world.owe(3, None);
    world.owe(4, Some(15));
    assert_eq!(world.stands(), (-35, (30, 5), vec![]));
    world.back(used, None);
    assert_eq!(world.repaid(), 35);
    assert_eq!(world.stands(), (15, (0, 0), vec![(0, 1, 15)]));
}

#[test]
fn an_event_that_says_nothing_of_a_debt_pays_none() {
    let mut world = World::given(&[(Fund::Free, 100, None)]);
    let used = world.carry_out(&use_points(1, 100));
    world.owe(2, None);
    let before = world.wallets.clone();
    world.back(used, None);
    let (_, event) = world.acts.pop().unwrap();
    world.wallets = before.clone();
    let Event::UseCancelled(cancelled) = &*event else {
        panic!("{event:?}")
    };
    // As it was once written.
    let mut old = cancelled.clone();
    old.aside = None;
    world.record(Event::UseCancelled(old.clone()));
    assert_eq!(world.stands(), (0, (100, 0), vec![(0, 0, 100)]));
    // More or less than the fund owes cannot have paid.
    for repaid in [99, 101] {
        old.aside = Aside {
            repaid,
            ..Aside::default()
        }
        .boxed();
        let mut state = before[&wallet(1).entity()].clone();
        let applied = apply(&mut state, Role::Sole, &Event::UseCancelled(old.clone()));
        let wallet = wallet(1);
        assert_eq!(applied, Err(Inconsistency::Debt { wallet }), "{repaid}");
    }
}
