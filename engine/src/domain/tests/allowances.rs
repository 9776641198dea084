//! Limits: against a table, and against a plain list of what was earned and used.

mod counted;

use super::*;

/// 2026-01-31 09:00 in Seoul.
const MORNING: i64 = 1_769_817_600_000_000;

fn limited(limits: &[(LimitKind, u64, LimitMode)]) -> World {
    let mut world = World {
        now: Timestamp(MORNING),
        ..World::default()
    };
    for (kind, most, mode) in limits {
        let limit = Limit {
            most: *most,
            mode: *mode,
        };
        world.settings.limits.set(*kind, Some(limit));
    }
    world.submit(&create(1)).unwrap();
    world
}

/// Points that moved, and those asked for where it was more.
fn moved(world: &mut World, command: &Command) -> Result<(u64, Option<u64>), Rejection> {
    let event = world.submit(command)?;
    let requested = event.aside().and_then(|aside| aside.requested);
    Ok((event.entries()[0].amount, requested))
}

fn exceeded(limit: LimitKind, allowed: u64, requested: u64) -> Rejection {
    Rejection::LimitExceeded {
        limit,
        allowed,
        requested,
    }
}

fn earn(points: u64) -> Command {
    grant(Fund::Free, 1, points, None)
}

fn charge(points: u64) -> Command {
    grant(Fund::Paid, 1, points, None)
}

#[test]
fn a_limit_trims_or_rejects() {
    use LimitKind::{EarnAtOnce, UseAtOnce};
    use LimitMode::{Reject, Trim};
    let mut world = limited(&[(EarnAtOnce, 100, Trim), (UseAtOnce, 30, Reject)]);
    assert_eq!(moved(&mut world, &earn(100)), Ok((100, None)));
    assert_eq!(moved(&mut world, &earn(101)), Ok((100, Some(101))));
    // Points that were bought are not earned.
    assert_eq!(moved(&mut world, &charge(101)), Ok((101, None)));
    assert_eq!(moved(&mut world, &use_points(1, 30)), Ok((30, None)));
    let refused = exceeded(UseAtOnce, 30, 31);
    assert_eq!(moved(&mut world, &use_points(1, 31)), Err(refused));
    // Nothing is counted by the day, so the wallet keeps nothing for it.
    assert!(world.wallet(1).special.is_none());
}

#[test]
fn the_strictest_limit_wins_and_the_first_refusal_ends_it() {
    use LimitKind::{EarnAtOnce, EarnDaily, EarnMonthly};
    use LimitMode::{Reject, Trim};
    let mut world = limited(&[
        (EarnAtOnce, 100, Trim),
        (EarnDaily, 150, Trim),
        (EarnMonthly, 160, Reject),
    ]);
    assert_eq!(moved(&mut world, &earn(120)), Ok((100, Some(120))));
    assert_eq!(moved(&mut world, &earn(120)), Ok((50, Some(120))));
    // No room at all is a refusal, whatever the mode.
    assert_eq!(moved(&mut world, &earn(1)), Err(exceeded(EarnDaily, 0, 1)));
    world.now = world.now.minus_days(1);
    let refused = exceeded(EarnMonthly, 10, 120);
    assert_eq!(moved(&mut world, &earn(120)), Err(refused));
    assert_eq!(moved(&mut world, &earn(10)), Ok((10, None)));
}

#[test]
fn days_and_months_end_in_the_zone() {
    use LimitKind::{UseDaily, UseMonthly};
    use LimitMode::Reject;
    let mut world = limited(&[(UseDaily, 60, Reject), (UseMonthly, 80, Reject)]);
    moved(&mut world, &charge(1_000)).unwrap();
    assert_eq!(moved(&mut world, &use_points(1, 60)), Ok((60, None)));
    let one = use_points(1, 1);
    // The last microsecond of January in Seoul, and the first of February.
    world.now = Timestamp(MORNING + 15 * 3_600_000_000 - 1);
    assert_eq!(moved(&mut world, &one), Err(exceeded(UseDaily, 0, 1)));
    world.now.0 += 1;
    assert_eq!(moved(&mut world, &use_points(1, 60)), Ok((60, None)));
    world.now = world.now.plus_days(1);
    let refused = exceeded(UseMonthly, 20, 21);
    assert_eq!(moved(&mut world, &use_points(1, 21)), Err(refused));
    assert_eq!(moved(&mut world, &use_points(1, 20)), Ok((20, None)));
}

#[test]
fn what_is_undone_on_its_day_makes_room_again() {
    use LimitKind::{EarnDaily, EarnMonthly, UseDaily, UseMonthly};
    use LimitMode::Reject;
    let all = [EarnDaily, EarnMonthly, UseDaily, UseMonthly].map(|kind| (kind, 100, Reject));
    let mut world = limited(&all);
    // Two days before the end of the month.
    world.now = world.now.minus_days(2);
    moved(&mut world, &earn(100)).unwrap();
    let earned = world.acts.len() as u64;
    moved(&mut world, &use_points(1, 60)).unwrap();
    let used = world.acts.len() as u64;
    assert_eq!(moved(&mut world, &earn(1)), Err(exceeded(EarnDaily, 0, 1)));
    world.submit(&cancel(used, Some(20))).unwrap();
    world.submit(&cancel(earned, Some(30))).unwrap();
    assert_eq!(
        moved(&mut world, &earn(31)),
        Err(exceeded(EarnDaily, 30, 31))
    );
    assert_eq!(moved(&mut world, &earn(30)), Ok((30, None)));
    assert_eq!(moved(&mut world, &use_points(1, 60)), Ok((60, None)));
    // The day after, the same makes room in the month alone.
    world.now = world.now.plus_days(1);
    world.submit(&cancel(used, Some(10))).unwrap();
    let refused = exceeded(UseMonthly, 10, 11);
    assert_eq!(moved(&mut world, &use_points(1, 11)), Err(refused));
    // And in the next month nowhere.
    world.now = world.now.plus_days(2);
    moved(&mut world, &charge(100)).unwrap();
    moved(&mut world, &use_points(1, 100)).unwrap();
    world.submit(&cancel(used, Some(10))).unwrap();
    let refused = exceeded(UseDaily, 0, 1);
    assert_eq!(moved(&mut world, &use_points(1, 1)), Err(refused));
}

#[test]
fn a_balance_is_trimmed_for_gifts_and_refused_for_money() {
    use LimitKind::Balance;
    let mut world = limited(&[(Balance, 100, LimitMode::Trim)]);
    assert_eq!(moved(&mut world, &earn(150)), Ok((100, Some(150))));
    moved(&mut world, &use_points(1, 10)).unwrap();
    assert_eq!(
        moved(&mut world, &charge(11)),
        Err(exceeded(Balance, 10, 11))
    );
    assert_eq!(moved(&mut world, &charge(10)), Ok((10, None)));
    assert_eq!(moved(&mut world, &earn(5)), Err(exceeded(Balance, 0, 5)));
}

fn hold(points: u64) -> Command {
    Command::PlaceHold(PlaceHold {
        wallet: wallet(1),
        amount: amount(points),
        expires_at: Timestamp(MORNING).plus_days(40),
        description: Description::default(),
    })
}

fn capture(act: u64, points: u64) -> Command {
    Command::CaptureHold(CaptureHold {
        transaction: TransactionId(act),
        amount: Amount::new(points),
        description: Description::default(),
    })
}

fn release(act: u64) -> Command {
    Command::ReleaseHold(ReleaseHold {
        transaction: TransactionId(act),
        description: Description::default(),
    })
}

fn earn_later(points: u64, days: Option<i64>) -> Command {
    let Command::Earn(grant) = earn(points) else {
        unreachable!("an earn")
    };
    Command::GrantLater(Box::new(GrantLater {
        grant,
        fund: Fund::Free,
        active_at: days.map(|days| Timestamp(MORNING).plus_days(days)),
    }))
}

fn activate(act: u64) -> Command {
    Command::ActivateGrant(ActivateGrant {
        transaction: TransactionId(act),
        leg: None,
    })
}

fn void(act: u64) -> Command {
    Command::VoidGrant(VoidGrant {
        transaction: TransactionId(act),
        leg: None,
        description: Description::default(),
    })
}

#[test]
fn a_hold_is_a_use_of_the_day_on_which_it_is_placed() {
    use LimitKind::{UseAtOnce, UseDaily};
    use LimitMode::{Reject, Trim};
    let mut world = limited(&[(UseAtOnce, 60, Trim), (UseDaily, 100, Reject)]);
    moved(&mut world, &charge(1_000)).unwrap();
    let placed = world.submit(&hold(70)).unwrap();
    assert_eq!(placed.aside().unwrap().requested, Some(70));
    let held = world.acts.len() as u64;
    assert_eq!(world.wallet(1).special().held(), 60);
    assert_eq!(
        moved(&mut world, &use_points(1, 41)),
        Err(exceeded(UseDaily, 40, 41))
    );
    // A capture is counted already, a release makes room.
    moved(&mut world, &capture(held, 25)).unwrap();
    let captured = world.acts.len() as u64;
    world.submit(&release(held)).unwrap();
    // What is trimmed to 60 has room in 75.
    assert_eq!(moved(&mut world, &use_points(1, 60)), Ok((60, None)));
    world.submit(&cancel(captured, None)).unwrap();
    assert_eq!(moved(&mut world, &use_points(1, 40)), Ok((40, None)));
    let refused = exceeded(UseDaily, 0, 1);
    assert_eq!(moved(&mut world, &hold(1)), Err(refused));
}

#[test]
fn a_capture_on_a_later_day_is_not_judged_again() {
    use LimitKind::{UseDaily, UseMonthly};
    use LimitMode::Reject;
    let mut world = limited(&[(UseDaily, 60, Reject), (UseMonthly, 80, Reject)]);
    moved(&mut world, &charge(1_000)).unwrap();
    // The last day of January in Seoul.
    moved(&mut world, &hold(60)).unwrap();
    let held = world.acts.len() as u64;
    world.now = world.now.plus_days(1);
    assert_eq!(moved(&mut world, &use_points(1, 60)), Ok((60, None)));
    assert_eq!(moved(&mut world, &capture(held, 50)), Ok((50, None)));
    let captured = world.acts.len() as u64;
    // What comes back of January makes no room in February.
    world.submit(&cancel(captured, None)).unwrap();
    world.submit(&release(held)).unwrap();
    let refused = exceeded(UseDaily, 0, 1);
    assert_eq!(moved(&mut world, &use_points(1, 1)), Err(refused));
    world.now = world.now.plus_days(1);
    let refused = exceeded(UseMonthly, 20, 21);
    assert_eq!(moved(&mut world, &use_points(1, 21)), Err(refused));
}

#[test]
fn a_grant_that_counts_later_is_an_earn_of_the_day_on_which_it_is_given() {
    use LimitKind::{EarnAtOnce, EarnDaily, EarnMonthly};
    use LimitMode::{Reject, Trim};
    let mut world = limited(&[
        (EarnAtOnce, 100, Trim),
        (EarnDaily, 150, Reject),
        (EarnMonthly, 200, Reject),
    ]);
    // Five days before the end of the month.
    world.now = world.now.minus_days(5);
    let granted = world.submit(&earn_later(120, Some(-3))).unwrap();
    assert_eq!(granted.aside().unwrap().requested, Some(120));
    assert_eq!(world.wallet(1).special().pending_points(), 100);
    assert_eq!(
        moved(&mut world, &earn(51)),
        Err(exceeded(EarnDaily, 50, 51))
    );
    world.submit(&earn_later(30, None)).unwrap();
    let on_call = world.acts.len() as u64;
    world.submit(&void(on_call)).unwrap();
    world.submit(&earn_later(50, None)).unwrap();
    let on_call = world.acts.len() as u64;
    assert_eq!(moved(&mut world, &earn(1)), Err(exceeded(EarnDaily, 0, 1)));
    // Their activations, by the instant and by a call, are no earns of their days.
    world.now = world.now.plus_days(3);
    world.submit(&activate(on_call)).unwrap();
    let activated = world.acts.len() as u64;
    assert_eq!(world.wallet(1).free, 150);
    let refused = exceeded(EarnMonthly, 50, 51);
    assert_eq!(moved(&mut world, &earn(51)), Err(refused));
    // One that is taken back in the month of its grant makes room there.
    world.submit(&cancel(activated, None)).unwrap();
    let by_instant = activated - 1;
    world.submit(&cancel(by_instant, Some(10))).unwrap();
    assert_eq!(moved(&mut world, &earn(100)), Ok((100, None)));
    let refused = exceeded(EarnMonthly, 10, 11);
    assert_eq!(moved(&mut world, &earn(11)), Err(refused));
}

#[test]
fn the_largest_balance_keeps_room_for_what_is_promised_and_meets_transfers() {
    use LimitKind::Balance;
    let mut world = limited(&[(Balance, 100, LimitMode::Trim)]);
    world.submit(&create(2)).unwrap();
    world.submit(&earn_later(40, None)).unwrap();
    let promised = world.acts.len() as u64;
    assert_eq!(moved(&mut world, &earn(80)), Ok((60, Some(80))));
    let refused = exceeded(Balance, 0, 1);
    assert_eq!(world.submit(&earn_later(1, None)).unwrap_err(), refused);
    world.submit(&activate(promised)).unwrap();
    assert_eq!(world.wallet(1).balance(), 100);
    // A transfer is refused whole, whatever the mode: what the payer sends is the payer's to say.
    world.submit(&grant(Fund::Paid, 2, 50, None)).unwrap();
    assert_eq!(
        world.submit(&transfer(2, &[(1, 1)])).unwrap_err(),
        exceeded(Balance, 0, 1)
    );
    moved(&mut world, &use_points(1, 30)).unwrap();
    world.submit(&transfer(2, &[(1, 30)])).unwrap();
    assert_eq!(world.wallet(1).balance(), 100);
}

#[test]
fn what_pays_a_debt_takes_no_room_of_the_balance() {
    use LimitKind::Balance;
    let mut world = limited(&[]);
    moved(&mut world, &earn(50)).unwrap();
    let earned = world.acts.len() as u64;
    moved(&mut world, &use_points(1, 50)).unwrap();
    let Command::Cancel(back) = cancel(earned, None) else {
        unreachable!("a cancel")
    };
    let policy = Some(TakeBackPolicy::Debt);
    let back = Command::Cancel(Cancel { policy, ..back });
    world.submit(&back).unwrap();
    assert_eq!(world.wallet(1).balance(), -50);
    let (most, mode) = (100, LimitMode::Trim);
    world
        .settings
        .limits
        .set(Balance, Some(Limit { most, mode }));
    assert_eq!(moved(&mut world, &earn(200)), Ok((150, Some(200))));
    assert_eq!(world.wallet(1).balance(), 100);
}

#[test]
fn a_row_keeps_what_is_counted() {
    let mut world = limited(&[
        (LimitKind::UseDaily, 60, LimitMode::Reject),
        (LimitKind::EarnDaily, 90, LimitMode::Reject),
    ]);
    moved(&mut world, &charge(100)).unwrap();
    moved(&mut world, &hold(20)).unwrap();
    world.submit(&earn_later(30, None)).unwrap();
    let wire = bincode::config::standard();
    let wallet = world.wallet(1);
    let row = bincode::serde::encode_to_vec(wallet, wire).unwrap();
    let read: (Wallet, usize) = bincode::serde::decode_from_slice(&row, wire).unwrap();
    assert_eq!(&read.0, wallet);
    let special = read.0.special();
    assert!(special.holds[0].counted_on.is_some() && special.pending[0].counted_on.is_some());
}
