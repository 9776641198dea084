//! Grants that count later: when they count, how long, and that a place is always left for them.

use super::*;

/// Half a year into 1970, in the morning: days are counted from midnight in Seoul.
const MORNING: i64 = 180 * Timestamp::DAY_US;

fn later(fund: Fund, points: u64, expiry: Expiry, active_at: Option<i64>) -> Command {
    Command::GrantLater(Box::new(GrantLater {
        grant: Grant {
            wallet: wallet(1),
            amount: amount(points),
            expiry,
            description: Description::new("a prize").unwrap(),
        },
        fund,
        active_at: active_at.map(Timestamp),
    }))
}

fn activate(transaction: u64) -> Command {
    let transaction = TransactionId(transaction);
    let leg = None;
    Command::ActivateGrant(ActivateGrant { transaction, leg })
}

fn void(transaction: u64) -> Command {
    Command::VoidGrant(VoidGrant {
        transaction: TransactionId(transaction),
        leg: None,
        description: Description::default(),
    })
}

fn hold(points: u64, expires_at: i64) -> Command {
    Command::PlaceHold(PlaceHold {
        wallet: wallet(1),
        amount: amount(points),
        expires_at: Timestamp(expires_at),
        description: Description::default(),
    })
}

fn status(status: Status) -> Command {
    Command::ChangeStatus(ChangeStatus {
        wallet: wallet(1),
        status,
        description: Description::default(),
    })
}

fn world() -> World {
    let mut world = World {
        now: Timestamp(MORNING),
        ..World::default()
    };
    world.submit(&create(1)).unwrap();
    world
}

fn activated(event: &Event) -> &GrantActivated {
    let Event::GrantActivated(event) = event else {
        panic!("{event:?}")
    };
    event
}

/// Balance, points that can be spent, pending points.
fn stand(world: &World) -> (i64, u64, u64) {
    let wallet = world.wallet(1);
    let pending = wallet.special().pending_points();
    (wallet.balance(), wallet.spendable(world.now), pending)
}

#[test]
fn what_is_pending_is_no_part_of_the_balance() {
    let mut world = world();
    world
        .submit(&later(Fund::Paid, 30, Expiry::Never, None))
        .unwrap();
    let instant = Some(MORNING + 5);
    world
        .submit(&later(Fund::Free, 12, Expiry::Never, instant))
        .unwrap();
    assert_eq!(stand(&world), (0, 0, 42));
    let refused = world.submit(&use_points(1, 1)).unwrap_err();
    assert_eq!(refused.code(), "insufficient-balance");
    assert_eq!(
        world.submit(&status(Status::Closed)).unwrap_err().code(),
        "wallet-not-empty"
    );
    world.now = Timestamp(MORNING + 5);
    world.submit(&use_points(1, 2)).unwrap();
    assert_eq!(stand(&world), (10, 10, 30));
    let event = world.submit(&activate(2)).unwrap();
    assert_eq!(activated(&event).description.as_str(), "a prize");
    assert_eq!(stand(&world), (40, 40, 0));
    assert_eq!(
        (world.wallet(1).free, world.wallet(1).paid),
        (10, 30),
        "each in its fund"
    );
}

#[test]
fn the_term_begins_when_the_points_begin_to_count() {
    let term = Expiry::After(Term::Days(1));
    let mut world = world();
    let instant = MORNING + 10 * Timestamp::DAY_US;
    world
        .submit(&later(Fund::Free, 5, term, Some(instant)))
        .unwrap();
    world.submit(&later(Fund::Free, 7, term, None)).unwrap();
    world
        .submit(&later(Fund::Free, 9, term, Some(instant)))
        .unwrap();
    // One of them is asked for before its instant.
    world.now.0 += Timestamp::DAY_US;
    let zone = Zone::default();
    let end = |of: Timestamp| zone.end_of(zone.day_of(of).plus_days(1));
    for transaction in [3, 4] {
        let event = world.submit(&activate(transaction)).unwrap();
        let event = activated(&event);
        assert_eq!(event.active_at, world.now);
        assert_eq!(event.bucket.expires_at, Some(end(world.now)));
    }
    world.now.0 = instant;
    world.lapse(&[wallet(1).entity()]);
    // What was activated early has lapsed by then.
    let last = world.acts[world.acts.len() - 2].1.clone();
    assert_eq!(activated(&last).active_at, Timestamp(instant));
    assert_eq!(
        activated(&last).bucket.expires_at,
        Some(end(Timestamp(instant)))
    );
}

#[test]
fn whoever_looks_late_finds_it_active_and_lapsed() {
    let mut world = world();
    let expiry = Expiry::At(Timestamp(MORNING + 20));
    world
        .submit(&later(Fund::Free, 5, expiry, Some(MORNING + 10)))
        .unwrap();
    world
        .submit(&later(Fund::Free, 6, Expiry::Never, Some(MORNING + 9)))
        .unwrap();
    let due = |world: &World| next_due(world.wallets[&wallet(1).entity()].as_ref().unwrap());
    assert_eq!(due(&world), Some(Timestamp(MORNING + 9)));
    world.now = Timestamp(MORNING + 100);
    let seen = settled(wallet(1), world.wallet(1), world.now).unwrap();
    assert_eq!((seen.balance(), seen.special), (6, None));
    world.submit(&use_points(1, 1)).unwrap();
    let told: Vec<_> = world.acts[3..]
        .iter()
        .map(|(_, event)| event.entries()[0].clone())
        .map(|entry| (entry.kind, entry.amount))
        .collect();
    // In the order of their instants, and before the lapse.
    assert_eq!(
        told,
        [
            (EntryType::Earn, 6),
            (EntryType::Earn, 5),
            (EntryType::Lapse, 5),
            (EntryType::Use, 1),
        ]
    );
    assert_eq!(activated(&world.acts[4].1).active_at.0, MORNING + 10);
    assert_eq!(due(&world), None);
}

#[test]
fn a_grant_is_activated_or_voided_once() {
    let mut world = world();
    let code = |world: &mut World, command: &Command| world.submit(command).unwrap_err().code();
    for points in [5, 6] {
        let command = later(Fund::Free, points, Expiry::Never, None);
        world.submit(&command).unwrap();
    }
    assert_eq!(code(&mut world, &activate(1)), "not-pending");
    assert_eq!(code(&mut world, &void(9)), "transaction-not-found");
    assert_eq!(code(&mut world, &cancel(2, None)), "not-cancellable");
    world.submit(&activate(2)).unwrap();
    world.submit(&void(3)).unwrap();
    for transaction in [2, 3] {
        assert_eq!(code(&mut world, &activate(transaction)), "pending-over");
        assert_eq!(code(&mut world, &void(transaction)), "pending-over");
    }
    assert_eq!(stand(&world), (5, 5, 0));
    // What counts is taken back by the act that made it count.
    world.submit(&cancel(4, None)).unwrap();
    assert_eq!(stand(&world), (0, 0, 0));
    assert_eq!(code(&mut world, &cancel(4, None)), "over-cancel");
    world.submit(&status(Status::Closed)).unwrap();
}

#[test]
fn what_comes_too_late_is_refused() {
    let mut world = world();
    let code = |world: &mut World, command: &Command| world.submit(command).unwrap_err().code();
    let past = later(Fund::Free, 5, Expiry::Never, Some(MORNING));
    assert_eq!(code(&mut world, &past), "active-at-past");
    let gone = Expiry::At(Timestamp(MORNING + 10));
    let command = later(Fund::Free, 5, gone, Some(MORNING + 10));
    assert_eq!(code(&mut world, &command), "expires-at-past");
    world.submit(&later(Fund::Free, 5, gone, None)).unwrap();
    world.now.0 = MORNING + 10;
    assert_eq!(code(&mut world, &activate(2)), "expires-at-past");
    world.submit(&status(Status::Frozen)).unwrap();
    assert_eq!(code(&mut world, &activate(2)), "wallet-frozen");
    world.submit(&void(2)).unwrap();
}

#[test]
fn time_goes_on_in_a_frozen_wallet_and_debt_is_paid() {
    let mut world = world();
    world.submit(&grant(Fund::Free, 1, 10, None)).unwrap();
    world.submit(&use_points(1, 10)).unwrap();
    let instant = Some(MORNING + 5);
    world
        .submit(&later(Fund::Free, 12, Expiry::Never, instant))
        .unwrap();
    let take_back = Cancel {
        transaction: TransactionId(2),
        leg: None,
        amount: None,
        lapsed: None,
        policy: Some(TakeBackPolicy::Debt),
        description: Description::default(),
    };
    world.submit(&Command::Cancel(take_back)).unwrap();
    world.submit(&status(Status::Frozen)).unwrap();
    assert_eq!(stand(&world), (-10, 0, 12));
    world.now.0 = MORNING + 5;
    world.submit(&status(Status::Open)).unwrap();
    assert_eq!(stand(&world), (2, 2, 0));
    assert_eq!(activated(&world.acts[6].1).repaid(), 10);
    assert_eq!(world.wallet(1).special, None);
}

#[test]
fn room_is_kept_for_what_is_pending() {
    let mut world = world();
    let most = NUMBER_MAX - 10;
    world
        .submit(&later(Fund::Paid, most, Expiry::Never, None))
        .unwrap();
    let code = |world: &mut World, command: &Command| world.submit(command).unwrap_err().code();
    let more = grant(Fund::Free, 1, 11, None);
    assert_eq!(code(&mut world, &more), "balance-limit");
    let more = later(Fund::Free, 11, Expiry::Never, None);
    assert_eq!(code(&mut world, &more), "balance-limit");
    world.submit(&grant(Fund::Free, 1, 10, None)).unwrap();
    world.submit(&activate(2)).unwrap();
    assert_eq!(world.wallet(1).balance().unsigned_abs(), NUMBER_MAX);
}

#[test]
fn a_wallet_has_so_many_pending_grants_and_not_one_more() {
    let mut world = world();
    let one = later(Fund::Free, 1, Expiry::Never, None);
    for _ in 0..PENDING_MAX {
        world.submit(&one).unwrap();
    }
    assert_eq!(world.submit(&one).unwrap_err().code(), "pending-limit");
    world.submit(&activate(100)).unwrap();
    world.submit(&one).unwrap();
}

/// Every bucket but one is taken; of some of them a part is set aside, so that they come and go.
#[test]
fn a_place_is_left_whatever_is_set_aside() {
    let mut world = world();
    world.fill(1, Fund::Free, 2 * (BUCKETS_MAX - 1), |at| {
        Some(MORNING + 1_000_000 + (at / 2) as i64)
    });
    let entity = wallet(1).entity();
    assert_eq!(world.wallet(1).lots.buckets().len(), BUCKETS_MAX - 1);
    let expiry = Expiry::At(Timestamp(MORNING + 900_000));
    world
        .submit(&later(Fund::Paid, 3, expiry, Some(MORNING + 20)))
        .unwrap();
    let refused = world.submit(&grant(Fund::Paid, 1, 1, None)).unwrap_err();
    assert_eq!(refused.code(), "lot-limit");
    // One point of two: the bucket stays, and a place for what is held is not another one.
    world.submit(&hold(1, MORNING + 10)).unwrap();
    world.submit(&hold(1, MORNING + 30)).unwrap();
    world.submit(&hold(1, MORNING + 30)).unwrap();
    world.submit(&use_points(1, 1)).unwrap();
    for instant in [10, 20, 30] {
        world.now.0 = MORNING + instant;
        world.lapse(&[entity]);
    }
    assert_eq!(world.wallet(1).special, None);
    assert_eq!(world.wallet(1).lots.buckets().len(), BUCKETS_MAX);
}

#[test]
fn one_of_a_batch_is_named_by_its_leg() {
    let mut world = world();
    let items: Vec<_> = [1, 2]
        .into_iter()
        .map(|points| BatchItem {
            command: later(Fund::Free, points, Expiry::Never, None),
            facts: Facts::Nothing,
        })
        .collect();
    let id = wallet(1).entity();
    let state = world.wallets[&id].clone();
    let participant = Participant {
        id,
        entity: state.as_ref(),
    };
    let settings = Settings::default();
    let at = Circumstances {
        now: world.now,
        settings: &settings,
    };
    let event = decide_batch(Participants(&[participant]), &items, &at).unwrap();
    world.record(event);
    let named = |leg| {
        let transaction = TransactionId(2);
        Command::ActivateGrant(ActivateGrant { transaction, leg })
    };
    let refused = world.submit(&named(None)).unwrap_err();
    assert_eq!(refused.code(), "not-pending");
    world.submit(&named(Some(1))).unwrap();
    assert_eq!(stand(&world), (2, 2, 1));
}
