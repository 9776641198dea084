//! Batches: what one comes to is what its items come to one after the other, or nothing.

use proptest::prelude::*;

use super::history::{cases, command, steps};
use super::*;

impl World {
    /// All of these commands, or none.
    fn submit_batch(&mut self, commands: &[Command]) -> Result<Arc<Event>, Denial> {
        let items: Vec<BatchItem> = commands
            .iter()
            .map(|command| BatchItem {
                command: command.clone(),
                facts: self.facts(command),
            })
            .collect();
        let ids = batch_participants(&items);
        self.lapse(&ids);
        let states: Vec<_> = ids
            .iter()
            .map(|id| Participant {
                id: *id,
                entity: self.wallets.get(id).and_then(Option::as_ref),
            })
            .collect();
        let at = Circumstances {
            now: self.now,
            settings: &self.settings,
        };
        let event = decide_batch(Participants(&states), &items, &at)?;
        Ok(self.record(event))
    }

    /// What is true of the wallets, without those that were only asked for.
    fn standing(&self) -> Vec<(EntityId, &Entity)> {
        let there = self.wallets.iter();
        there
            .filter_map(|(id, state)| Some((*id, state.as_ref()?)))
            .collect()
    }
}

/// Whether a batch may have it as an item.
fn is_about_wallets(command: &Command) -> bool {
    !matches!(
        command,
        Command::ChangeSettings(_)
            | Command::CreateCompany(_)
            | Command::JoinCompany(_)
            | Command::LeaveCompany(_)
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(300)))]

    #[test]
    fn a_batch_comes_to_what_its_items_come_to(steps in steps(), size in 1..8_usize) {
        let mut world = World::default();
        for steps in steps.chunks(size) {
            let asked = steps.iter().filter_map(|step| command(&mut world, step));
            let (commands, apart): (Vec<_>, Vec<_>) = asked.partition(is_about_wallets);
            for command in apart {
                let _ = world.submit(&command);
            }
            if commands.is_empty() {
                continue;
            }
            let mut alone = world.clone();
            let refused = commands.iter().enumerate().find_map(|(at, command)| {
                // A batch looks everything up before anything is decided.
                let known = world.facts(command) == alone.facts(command);
                let outcome = match known {
                    true => alone.submit(command).err(),
                    false => command.refers_to().map(|transaction| {
                        Rejection::TransactionNotFound { transaction }
                    }),
                };
                outcome.map(|rejection| Denial { item: Some(at as u8), rejection })
            });
            let before = world.acts.len();
            match (world.submit_batch(&commands), refused) {
                (Ok(event), None) => {
                    prop_assert_eq!(world.standing(), alone.standing());
                    let legs = event.entries();
                    prop_assert!(legs.iter().enumerate().all(|(at, entry)| usize::from(entry.leg) == at));
                    for entry in &legs {
                        prop_assert_eq!(event.entity_of(entry.leg), Some(entry.standing.wallet.entity()));
                    }
                    prop_assert_eq!(event.entity_of(legs.len() as u8), None);
                }
                (Err(denial), Some(expected)) => {
                    prop_assert_eq!(denial, expected);
                    let by_time = |(_, event): &(Timestamp, Arc<Event>)| matches!(
                        **event,
                        Event::Lapsed(_) | Event::GrantActivated(_) | Event::HoldReleased(_)
                    );
                    prop_assert!(world.acts[before..].iter().all(by_time));
                }
                (outcome, expected) => prop_assert!(false, "{:?} but alone {:?}", outcome, expected),
            }
        }
        let (mut by_events, mut by_states) = (Digest::default(), Digest::default());
        world.acts.iter().for_each(|(_, event)| by_events.fold(event));
        for (id, state) in &world.wallets {
            state.iter().for_each(|entity| by_states.add_entity(*id, entity));
        }
        prop_assert_eq!(by_events, by_states);
    }
}

#[test]
fn legs_beyond_what_a_byte_counts_are_refused() {
    let mut world = World::default();
    world.submit(&create(1)).unwrap();
    world.fill(1, Fund::Free, BATCH_LEGS_MAX, |at| Some(10 + at as i64));
    world.submit(&use_points(1, BATCH_LEGS_MAX as u64)).unwrap();
    let used = world.acts.len() as u64;
    world.now = Timestamp(1_000);
    // All points come back lapsed, and lapse before the next item looks: as many legs as there are buckets.
    let denial = world.submit_batch(&[cancel(used, None), use_points(1, 1)]);
    let rejection = Rejection::InsufficientBalance {
        available: 0,
        requested: 1,
    };
    assert_eq!(
        denial.unwrap_err(),
        Denial {
            item: Some(1),
            rejection
        }
    );
    let denial = world.submit_batch(&[cancel(used, None), grant(Fund::Paid, 1, 1, None)]);
    let legs = BATCH_LEGS_MAX as u64 + 2;
    assert_eq!(denial.unwrap_err(), Rejection::TooManyLegs { legs }.into());
}

#[test]
fn a_batch_holds_something_and_no_batch() {
    let mut world = World::default();
    let event = world.submit_batch(&[create(1), create(2)]).unwrap();
    let Event::Batched(batch) = &*event else {
        panic!("{event:?}")
    };
    assert_eq!(event.check(), Ok(()));
    let of = |events: &[Event]| {
        let events = events.into();
        Event::Batched(Batched { events }).check()
    };
    assert_eq!(of(&[]), Err(Inconsistency::Legs));
    assert_eq!(
        of(&[Event::Batched(batch.clone())]),
        Err(Inconsistency::Legs)
    );
    let many = vec![batch.events[0].clone(); BATCH_LEGS_MAX + 1];
    assert_eq!(of(&many), Err(Inconsistency::Legs));
}

#[test]
fn of_a_batch_a_use_is_cancelled_by_its_leg() {
    let mut world = World::default();
    world.submit(&create(1)).unwrap();
    world.submit(&grant(Fund::Paid, 1, 100, None)).unwrap();
    world
        .submit_batch(&[use_points(1, 10), use_points(1, 20)])
        .unwrap();
    let transaction = TransactionId(3);
    let mut cancel = |leg, points: Option<u64>| {
        let amount = points.map(amount);
        let description = Description::default();
        world.submit(&Command::Cancel(Cancel {
            transaction,
            leg,
            amount,
            lapsed: None,
            policy: None,
            description,
        }))
    };
    let not_cancellable = Rejection::NotCancellable { transaction };
    assert_eq!(cancel(None, None).unwrap_err(), not_cancellable);
    assert_eq!(cancel(Some(2), None).unwrap_err(), not_cancellable);
    assert!(cancel(Some(1), Some(15)).is_ok());
    assert!(cancel(Some(0), None).is_ok());
    assert!(cancel(Some(0), None).is_err());
    assert!(cancel(Some(1), None).is_ok());
    assert_eq!(world.wallet(1).balance(), 100);
    let entry = |leg| EntryRef::new(transaction, leg);
    let returned = [0, 1].map(|leg| world.wallet(1).returned(entry(leg)));
    assert_eq!(returned, [10, 20]);
}
