//! Events that nobody can have decided are found by `check`, or by applying them.

use super::*;

fn standing(id: u64, version: u64, paid: u64, free: u64) -> Standing {
    Standing {
        wallet: wallet(id),
        version,
        paid: paid.cast_signed(),
        free: free.cast_signed(),
    }
}

fn run(fund: Fund, pieces: &[(u64, u64)]) -> Run {
    let expires_at = None;
    let pieces = pieces.iter().map(|(lot, amount)| Piece {
        lot: *lot,
        amount: *amount,
    });
    Run {
        bucket: BucketKey { fund, expires_at },
        pieces: pieces.collect(),
    }
}

fn used(runs: &[Run]) -> Used {
    Used {
        standing: standing(1, 3, 0, 5),
        runs: runs.iter().cloned().collect(),
        description: Description::default(),
        aside: None,
    }
}

fn transferred(to: &[u64]) -> Transferred {
    let received = |id: &u64| Received {
        standing: standing(*id, 2, 0, 3),
        runs: [run(Fund::Free, &[(0, 3)])].into_iter().collect(),
        lots: [0].into_iter().collect(),
    };
    Transferred {
        from: standing(1, 3, 0, 5),
        to: to.iter().map(received).collect(),
        description: Description::default(),
    }
}

fn returned(returned: u64) -> UseCancelled {
    UseCancelled {
        standing: standing(1, 4, 0, 10),
        entry: EntryRef::new(TransactionId(3), 0),
        used_at: Timestamp(0),
        returned,
        runs: [run(Fund::Free, &[(0, 5)])].into_iter().collect(),
        forget_before: Timestamp(-1),
        description: Description::default(),
        aside: None,
    }
}

const RANGE: Result<(), Inconsistency> = Err(Inconsistency::Range {
    wallet: match WalletId::new(1) {
        Some(wallet) => wallet,
        None => unreachable!(),
    },
});

fn checked(event: Event) -> Result<(), Inconsistency> {
    event.check()
}

#[test]
fn runs_hold_points_and_sums_stay_in_range() {
    let sound = run(Fund::Free, &[(0, 5)]);
    let rows = [
        (vec![sound.clone()], Ok(())),
        (vec![], RANGE),
        (vec![run(Fund::Free, &[])], RANGE),
        (vec![sound, run(Fund::Paid, &[])], RANGE),
        (vec![run(Fund::Free, &[(0, 0)])], RANGE),
        (vec![run(Fund::Free, &[(NUMBER_MAX, 1)])], Ok(())),
        (vec![run(Fund::Free, &[(NUMBER_MAX + 1, 1)])], RANGE),
        (
            vec![run(Fund::Free, &[(0, NUMBER_MAX - 1), (1, 1)])],
            Ok(()),
        ),
        (vec![run(Fund::Free, &[(0, NUMBER_MAX), (1, 1)])], RANGE),
        (
            vec![run(Fund::Free, &[(0, u64::MAX), (1, u64::MAX)])],
            RANGE,
        ),
    ];
    for (runs, expected) in rows {
        assert_eq!(checked(Event::Used(used(&runs))), expected, "{runs:?}");
    }
    for (given_back, expected) in [(4, RANGE), (5, Ok(())), (NUMBER_MAX + 1, RANGE)] {
        let event = Event::UseCancelled(Box::new(returned(given_back)));
        assert_eq!(event.check(), expected, "{given_back}");
    }
    // No more points pay than come back.
    for (repaid, expected) in [(5, Ok(())), (6, RANGE)] {
        let cancelled = returned(5);
        let released = HoldReleased {
            standing: cancelled.standing,
            number: 0,
            expired: false,
            runs: cancelled.runs.clone(),
            description: Description::default(),
            aside: None,
        };
        let events = [
            Event::UseCancelled(Box::new(cancelled)),
            Event::HoldReleased(Box::new(released)),
        ];
        for mut event in events {
            event.carry(Aside {
                repaid,
                ..Aside::default()
            });
            assert_eq!(event.check(), expected, "{event:?}");
        }
    }
}

#[test]
fn standings_and_owners_stay_in_range() {
    let rows = [
        (1, 0, NUMBER_MAX, Ok(())),
        (NUMBER_MAX, 0, 0, Ok(())),
        (0, 0, 5, RANGE),
        (NUMBER_MAX + 1, 0, 5, RANGE),
        (3, NUMBER_MAX, 1, RANGE),
        (3, 1 << 63, 1, RANGE),
        // Below zero: more was taken back than there was.
        (3, (-5_i64).cast_unsigned(), 1, Ok(())),
        (3, (-1 - NUMBER_MAX.cast_signed()).cast_unsigned(), 1, RANGE),
    ];
    for (version, paid, free, expected) in rows {
        let mut event = used(&[run(Fund::Free, &[(0, 5)])]);
        event.standing = standing(1, version, paid, free);
        assert_eq!(
            checked(Event::Used(event)),
            expected,
            "{version} {paid} {free}"
        );
    }
    for (owner, version, free, expected) in [
        (1, 1, 0, Ok(())),
        (0, 1, 0, RANGE),
        (NUMBER_MAX + 1, 1, 0, RANGE),
        (1, 2, 0, RANGE),
        (1, 1, 1, RANGE),
    ] {
        let standing = standing(1, version, 0, free);
        let owner = Owner::user(owner);
        let event = Event::WalletCreated(WalletCreated { standing, owner });
        assert_eq!(event.check(), expected, "{event:?}");
    }
}

#[test]
fn a_transfer_has_whole_legs_to_different_wallets() {
    let legs = Err(Inconsistency::Legs);
    let crowd: Vec<_> = (2..=66).collect();
    let rows: [(&[u64], _); 8] = [
        (&[2], Ok(())),
        (&[2, 3], Ok(())),
        (&crowd[..64], Ok(())),
        (&crowd, legs),
        (&[], legs),
        (&[1], legs),
        (&[2, 3, 2], legs),
        (&[2, 1], legs),
    ];
    for (to, expected) in rows {
        assert_eq!(
            checked(Event::Transferred(Box::new(transferred(to)))),
            expected,
            "{to:?}"
        );
    }
    let mut event = transferred(&[2]);
    event.to[0].lots.push(1);
    assert_eq!(checked(Event::Transferred(Box::new(event))), legs);
    let mut event = transferred(&[2, 3]);
    event.to[1].runs.clear();
    event.to[1].lots.clear();
    let wallet = event.to[1].standing.wallet;
    assert_eq!(
        checked(Event::Transferred(Box::new(event))),
        Err(Inconsistency::Range { wallet })
    );
    let mut event = transferred(&[2]);
    event.to[0].lots[0] = u64::MAX;
    let wallet = event.to[0].standing.wallet;
    assert_eq!(
        checked(Event::Transferred(Box::new(event))),
        Err(Inconsistency::Range { wallet })
    );
}

#[test]
fn a_bucket_that_never_lapses_cannot_have_lapsed() {
    let lapsed = |expires_at| {
        let bucket = BucketKey {
            fund: Fund::Free,
            expires_at,
        };
        let (standing, amount) = (standing(1, 3, 0, 0), amount(5));
        Event::Lapsed(Lapsed {
            standing,
            bucket,
            amount,
        })
    };
    assert_eq!(lapsed(Some(Timestamp(7))).check(), Ok(()));
    assert!(lapsed(None).check().is_err());
}

/// A wallet with 10 free points in lot 0, at version 2.
fn holder() -> Option<Entity> {
    let mut world = World::default();
    world.submit(&create(1)).unwrap();
    world.submit(&grant(Fund::Free, 1, 10, None)).unwrap();
    world.wallets[&wallet(1).entity()].clone()
}

fn applied(event: &Event, role: Role) -> Result<(), Inconsistency> {
    apply(&mut holder(), role, event)
}

#[test]
fn apply_finds_a_missing_and_a_doubled_event() {
    let id = wallet(1);
    let mut event = used(&[run(Fund::Free, &[(0, 5)])]);
    assert_eq!(applied(&Event::Used(event.clone()), Role::Sole), Ok(()));
    for stated in [2, 4] {
        event.standing.version = stated;
        let found = applied(&Event::Used(event.clone()), Role::Sole);
        let (wallet, expected) = (id, 3);
        assert_eq!(
            found,
            Err(Inconsistency::Version {
                wallet,
                expected,
                stated
            })
        );
    }
    let created = WalletCreated {
        standing: standing(1, 1, 0, 0),
        owner: Owner::user(1),
    };
    let created = Event::WalletCreated(created);
    assert_eq!(
        applied(&created, Role::Sole),
        Err(Inconsistency::CreatedTwice { wallet: id })
    );
    let absent = apply(&mut None, Role::Sole, &Event::Used(event));
    assert_eq!(absent, Err(Inconsistency::Absent { wallet: id }));
}

#[test]
fn apply_finds_a_balance_that_does_not_follow() {
    for (paid, free) in [(0, 6), (0, 4), (5, 0), (1, 5)] {
        let mut event = used(&[run(Fund::Free, &[(0, 5)])]);
        event.standing = standing(1, 3, paid, free);
        let found = applied(&Event::Used(event), Role::Sole);
        assert!(
            matches!(found, Err(Inconsistency::Balance { .. })),
            "{found:?}"
        );
    }
}

#[test]
fn apply_finds_points_taken_from_nowhere() {
    let nowhere = [
        run(Fund::Paid, &[(0, 5)]),
        run(Fund::Free, &[(1, 5)]),
        run(Fund::Free, &[(0, 11)]),
        run(Fund::Free, &[(0, 5), (0, 6)]),
    ];
    for run in nowhere {
        let found = applied(&Event::Used(used(&[run])), Role::Sole);
        assert!(matches!(found, Err(Inconsistency::Lot { .. })), "{found:?}");
    }
    let mut event = transferred(&[1]);
    event.to[0].standing = standing(1, 3, 0, 13);
    for (lot, expected) in [(0, true), (1, true), (2, false)] {
        event.to[0].lots[0] = lot;
        let found = applied(&Event::Transferred(Box::new(event.clone())), Role::To(0));
        assert_eq!(found.is_ok(), expected, "lot {lot}: {found:?}");
    }
}

#[test]
fn apply_finds_a_lapse_of_more_or_less_than_there_is() {
    let mut world = World::default();
    world.submit(&create(1)).unwrap();
    world.submit(&grant(Fund::Free, 1, 10, Some(50))).unwrap();
    let id = wallet(1).entity();
    let holder = world.wallets[&id].clone().unwrap();
    assert_eq!(due(id, &holder, Timestamp(49)), None);
    let Some(Event::Lapsed(lapsed)) = due(id, &holder, Timestamp(50)) else {
        panic!("nothing is due");
    };
    for points in [9, 11] {
        let mut event = lapsed.clone();
        event.amount = amount(points);
        let found = apply(&mut Some(holder.clone()), Role::Sole, &Event::Lapsed(event));
        assert_eq!(found, Err(Inconsistency::Legs));
    }
}

#[test]
fn apply_finds_a_cancel_that_does_not_follow_from_those_before() {
    let mut world = World::default();
    world.submit(&create(1)).unwrap();
    world.submit(&grant(Fund::Free, 1, 10, None)).unwrap();
    world.submit(&use_points(1, 5)).unwrap();
    let holder = world.wallets[&wallet(1).entity()].clone();
    let try_it = |stated| {
        apply(
            &mut holder.clone(),
            Role::Sole,
            &Event::UseCancelled(Box::new(returned(stated))),
        )
    };
    assert_eq!(try_it(5), Ok(()));
    let (wallet, transaction) = (wallet(1), 3);
    assert_eq!(
        try_it(6),
        Err(Inconsistency::Returned {
            wallet,
            transaction
        })
    );
}
