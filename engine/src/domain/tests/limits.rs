//! The edges: 2^53 − 1 points, 16,384 lots, 1,024 buckets, 64 receivers.

use super::*;

fn refused(world: &mut World, command: &Command) -> Rejection {
    world.submit(command).unwrap_err()
}

fn given(commands: &[Command]) -> World {
    let mut world = World::default();
    for command in commands {
        world.submit(command).unwrap();
    }
    world
}

#[test]
fn a_balance_reaches_the_largest_number_and_not_one_more() {
    let limit = Rejection::BalanceLimit { wallet: wallet(1) };
    let mut world = given(&[
        create(1),
        create(2),
        grant(Fund::Paid, 1, NUMBER_MAX, None),
        grant(Fund::Free, 2, NUMBER_MAX, None),
    ]);
    assert_eq!(refused(&mut world, &grant(Fund::Paid, 1, 1, None)), limit);
    assert_eq!(
        refused(&mut world, &grant(Fund::Free, 1, NUMBER_MAX, None)),
        limit
    );
    assert_eq!(refused(&mut world, &transfer(2, &[(1, 1)])), limit);

    let used = world.acts.len() as u64 + 1;
    world.submit(&use_points(1, NUMBER_MAX)).unwrap();
    world.submit(&transfer(2, &[(1, 1)])).unwrap();
    assert_eq!(refused(&mut world, &cancel(used, None)), limit);
    world.submit(&cancel(used, Some(NUMBER_MAX - 1))).unwrap();
    assert_eq!(world.wallet(1).balance().unsigned_abs(), NUMBER_MAX);
    world.submit(&transfer(1, &[(2, 1)])).unwrap();
    world.submit(&cancel(used, None)).unwrap();
    assert_eq!(world.wallet(1).paid.unsigned_abs(), NUMBER_MAX);
    assert_eq!(world.total(), 2 * NUMBER_MAX);
}

#[test]
fn what_receivers_ask_together_may_pass_every_number() {
    let to: Vec<_> = (2..=65).map(|id| (id, NUMBER_MAX)).collect();
    let mut world = given(&(1..=65).map(create).collect::<Vec<_>>());
    world
        .submit(&grant(Fund::Paid, 1, NUMBER_MAX, None))
        .unwrap();
    let requested = NUMBER_MAX * 64;
    let available = NUMBER_MAX;
    let expected = Rejection::InsufficientBalance {
        available,
        requested,
    };
    assert_eq!(refused(&mut world, &transfer(1, &to)), expected);

    let to: Vec<_> = (2..=65).map(|id| (id, NUMBER_MAX / 64)).collect();
    world.submit(&transfer(1, &to)).unwrap();
    assert_eq!(world.wallet(65).paid.unsigned_abs(), NUMBER_MAX / 64);
    assert_eq!(world.wallet(1).paid.unsigned_abs(), 63);
}

#[test]
#[should_panic(expected = "1 to 64 receivers")]
fn a_transfer_to_nobody_is_a_defect_of_the_caller() {
    let _ = given(&[create(1)]).submit(&transfer(1, &[]));
}

#[test]
#[should_panic(expected = "1 to 64 receivers")]
fn a_transfer_to_too_many_is_a_defect_of_the_caller() {
    let to: Vec<_> = (2..=66).map(|id| (id, 1)).collect();
    let _ = given(&[create(1)]).submit(&transfer(1, &to));
}

#[test]
fn a_grant_to_a_full_wallet_joins_the_newest_lot_of_its_bucket() {
    let mut world = given(&[create(1), grant(Fund::Free, 1, 1, Some(50))]);
    world.fill(1, Fund::Paid, LOTS_MAX - 1, |_| None);
    assert_eq!(world.wallet(1).lots.count(), LOTS_MAX);

    let limit = Rejection::LotLimit { wallet: wallet(1) };
    assert_eq!(refused(&mut world, &grant(Fund::Free, 1, 5, None)), limit);
    assert_eq!(
        refused(&mut world, &grant(Fund::Paid, 1, 5, Some(50))),
        limit
    );
    world.submit(&grant(Fund::Paid, 1, 5, None)).unwrap();
    world.submit(&grant(Fund::Free, 1, 7, Some(50))).unwrap();

    let state = world.wallet(1);
    let newest: Vec<_> = state
        .lots
        .buckets()
        .iter()
        .map(|bucket| bucket.lots.back())
        .collect();
    let expected =
        [(0, 8), (LOTS_MAX as u64 - 1, 6)].map(|(number, remaining)| Lot { number, remaining });
    assert_eq!(newest, [&expected[0], &expected[1]]);
    assert_eq!(state.lots.count(), LOTS_MAX);

    // One lot less, and a grant opens one again.
    world.submit(&use_points(1, 8)).unwrap();
    world.submit(&grant(Fund::Paid, 1, 5, None)).unwrap();
    assert_eq!(world.wallet(1).lots.next_number(), LOTS_MAX as u64 + 1);
}

#[test]
fn a_cancel_into_a_full_wallet_joins_the_next_lot_of_its_bucket() {
    let mut world = given(&[create(1)]);
    world.fill(1, Fund::Paid, LOTS_MAX, |_| None);
    let used = world.acts.len() as u64 + 1;
    world.submit(&use_points(1, 3)).unwrap();
    world.fill(1, Fund::Paid, 2, |_| None);
    world.submit(&cancel(used, None)).unwrap();

    // Of lots 0, 1 and 2 there is room for one: the last taken has its lot back, the others join it.
    let state = world.wallet(1);
    let first = state.lots.buckets()[0].lots.front();
    let (number, remaining) = (2, 3);
    assert_eq!(first, &Lot { number, remaining });
    assert_eq!(state.balance().unsigned_abs(), LOTS_MAX as u64 + 2);

    // Not even room for one: all join the lot that is spent next.
    let used = world.acts.len() as u64 + 1;
    world.submit(&use_points(1, 4)).unwrap();
    world.fill(1, Fund::Paid, 2, |_| None);
    world.submit(&cancel(used, Some(2))).unwrap();
    let first = world.wallet(1).lots.buckets()[0].lots.front();
    let (number, remaining) = (4, 3);
    assert_eq!(first, &Lot { number, remaining });
    world.submit(&cancel(used, None)).unwrap();
    assert_eq!(
        world.wallet(1).balance().unsigned_abs(),
        LOTS_MAX as u64 + 4
    );
}

#[test]
fn a_cancel_needs_a_place_for_its_fund_and_expiry() {
    let mut world = given(&[create(1), grant(Fund::Free, 1, 5, None), use_points(1, 5)]);
    world.fill(1, Fund::Paid, LOTS_MAX, |_| None);
    let limit = Rejection::LotLimit { wallet: wallet(1) };
    assert_eq!(refused(&mut world, &cancel(3, None)), limit);
    world.submit(&use_points(1, 1)).unwrap();
    world.submit(&cancel(3, None)).unwrap();
    assert_eq!(world.wallet(1).free.unsigned_abs(), 5);
}

#[test]
fn a_transfer_fills_the_last_bucket_and_no_more() {
    let mut world = given(&[create(1), create(2)]);
    world.fill(2, Fund::Paid, BUCKETS_MAX - 1, |at| Some(1_000 + at as i64));
    // Two runs: one into a bucket that is there, one that opens the last bucket.
    world.submit(&grant(Fund::Paid, 1, 1, Some(1_000))).unwrap();
    world.submit(&grant(Fund::Paid, 1, 1, None)).unwrap();
    world.submit(&transfer(1, &[(2, 2)])).unwrap();
    assert_eq!(world.wallet(2).lots.buckets().len(), BUCKETS_MAX);

    world.submit(&grant(Fund::Free, 1, 1, None)).unwrap();
    let limit = Rejection::LotLimit { wallet: wallet(2) };
    assert_eq!(refused(&mut world, &transfer(1, &[(2, 1)])), limit);
    assert_eq!(refused(&mut world, &grant(Fund::Free, 2, 1, None)), limit);
    world.submit(&grant(Fund::Paid, 2, 1, Some(1_001))).unwrap();
}

#[test]
fn a_use_of_every_lot_and_its_cancel_restore_all_of_them() {
    let mut world = given(&[create(1)]);
    world.fill(1, Fund::Paid, LOTS_MAX, |at| {
        Some(1_000 + at as i64 % 1_024)
    });
    let before = world.wallet(1).lots.clone();
    world.submit(&use_points(1, LOTS_MAX as u64)).unwrap();
    assert_eq!(world.wallet(1).lots.count(), 0);
    let used = world.acts.len() as u64;
    world.submit(&cancel(used, None)).unwrap();
    assert_eq!(world.wallet(1).lots, before);
}

#[test]
fn descriptions_are_counted_in_characters() {
    let text = |characters: usize| "é".repeat(characters);
    assert!(Description::new(&text(255)).is_some());
    assert!(Description::new(&text(256)).is_none());
    for control in ["\0", "a\nb", "\u{7f}", "\u{85}"] {
        assert!(Description::new(control).is_none(), "{control:?}");
    }
    assert_eq!(Description::new("점수 🎁").unwrap().as_str(), "점수 🎁");
}

#[test]
fn numbers_are_checked_on_the_way_in() {
    assert!(WalletId::new(0).is_none() && Amount::new(0).is_none());
    assert!(WalletId::new(NUMBER_MAX + 1).is_none() && Amount::new(NUMBER_MAX + 1).is_none());
    assert_eq!(WalletId::new(NUMBER_MAX).unwrap().get(), NUMBER_MAX);
    assert_eq!(Amount::new(NUMBER_MAX).unwrap().get(), NUMBER_MAX);
}

#[test]
fn what_was_given_back_is_forgotten_in_bulk_after_the_window() {
    let mut world = given(&[create(1), grant(Fund::Free, 1, 1_000, None)]);
    for day in 0..=900 {
        world.now = Timestamp(day * Timestamp::DAY_US);
        world.submit(&use_points(1, 1)).unwrap();
        let used = world.acts.len() as u64;
        world.submit(&cancel(used, None)).unwrap();
        let returns = &world.wallet(1).returns;
        let stale = (day - i64::from(CANCEL_WINDOW_DAYS)).max(0) as usize;
        let kept = day as usize + 1 - stale;
        assert!(
            returns.len() >= kept && returns.len() <= 2 * kept + 2,
            "day {day}"
        );
    }
    let oldest = world.acts[2 + 2 * 500].1.clone();
    assert!(matches!(&*oldest, Event::Used(_)));
    let again = world.submit(&cancel(3 + 2 * 500, None)).unwrap_err();
    assert_eq!(again.code(), "over-cancel");
    let again = world.submit(&cancel(3 + 2 * 499, None)).unwrap_err();
    assert_eq!(again.code(), "cancel-window-over");
}

#[test]
fn a_longer_window_brings_nothing_back_that_was_forgotten() {
    let mut world = given(&[
        create(1),
        grant(Fund::Free, 1, 100, None),
        use_points(1, 10),
    ]);
    world.submit(&cancel(3, None)).unwrap();
    world.settings.cancel_window_days = 1;
    world.now = Timestamp(0).plus_days(30);
    // With the second cancel the first one is forgotten: it is too old to be asked about.
    world.submit(&use_points(1, 10)).unwrap();
    world.submit(&cancel(5, Some(4))).unwrap();
    world.settings.cancel_window_days = 400;
    let over = Rejection::CancelWindowOver {
        transaction: TransactionId(3),
    };
    assert_eq!(refused(&mut world, &cancel(3, None)), over);
    assert_eq!(
        refused(&mut world, &cancel(2, None)).code(),
        "cancel-window-over"
    );
    assert_eq!(world.wallet(1).balance(), 94);
    world.submit(&cancel(5, None)).unwrap();
    assert_eq!(refused(&mut world, &cancel(5, None)).code(), "over-cancel");
    assert_eq!(world.wallet(1).balance(), 100);
}

#[test]
fn a_wallet_has_so_many_holds_and_not_one_more() {
    let mut world = World::default();
    world.submit(&create(1)).unwrap();
    world.submit(&grant(Fund::Paid, 1, 1_000, None)).unwrap();
    let hold = Command::PlaceHold(PlaceHold {
        wallet: wallet(1),
        amount: amount(1),
        expires_at: Timestamp(10),
        description: Description::default(),
    });
    for _ in 0..HOLDS_MAX {
        world.submit(&hold).unwrap();
    }
    let full = Rejection::HoldLimit { wallet: wallet(1) };
    assert_eq!(world.submit(&hold).unwrap_err(), full);
    assert_eq!(world.wallet(1).special().held(), HOLDS_MAX as u64);
    // Their time comes for all of them at once, and the points are where they were.
    world.now = Timestamp(10);
    world.submit(&use_points(1, 1_000)).unwrap();
    assert_eq!(world.wallet(1).special, None);
}
