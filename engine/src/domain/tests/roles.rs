//! The roles of an event may be applied in any order and anywhere: replay hands each wallet to the
//! thread that has it and never looks back.

use std::thread;

use proptest::prelude::*;

use super::history::{cases, command, steps};
use super::*;

type States = BTreeMap<EntityId, Option<Entity>>;

/// Replays all acts with the roles of each in an order of choice.
fn replay(
    acts: &[(Timestamp, Arc<Event>)],
    turn: impl Fn(usize, &mut [(EntityId, Role)]),
) -> States {
    let mut states = States::new();
    for (at, (_, event)) in acts.iter().enumerate() {
        let mut roles = event.roles();
        turn(at, &mut roles);
        for (id, role) in roles {
            let state = states.entry(id).or_default();
            apply(state, role, event).unwrap();
        }
    }
    states
}

/// Replays on one thread a wallet, each reading the acts by itself.
fn replay_on_threads(acts: &[(Timestamp, Arc<Event>)], ids: &[EntityId]) -> States {
    let one = |id: EntityId| {
        let mut state = None;
        for (_, event) in acts {
            let roles = event.roles();
            for (_, role) in roles.iter().filter(|(whose, _)| *whose == id) {
                apply(&mut state, *role, event).unwrap();
            }
        }
        (id, state)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = ids.iter().map(|id| scope.spawn(move || one(*id))).collect();
        let joined = threads.into_iter().map(|thread| thread.join().unwrap());
        joined.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(120)))]

    #[test]
    fn roles_apply_in_every_order_and_on_separate_threads(steps in steps(), turn in 0..7_usize) {
        let mut world = World::default();
        for step in &steps {
            if let Some(command) = command(&mut world, step) {
                // A refusal changes nothing and leaves no act.
                let _ = world.submit(&command);
            }
        }
        let ids: Vec<_> = world.wallets.keys().copied().collect();
        let reversed = replay(&world.acts, |_, roles| roles.reverse());
        let turned = replay(&world.acts, |at, roles| roles.rotate_left((at + turn) % roles.len()));
        prop_assert_eq!(&reversed, &world.wallets);
        prop_assert_eq!(&turned, &world.wallets);
        prop_assert_eq!(&replay_on_threads(&world.acts, &ids), &world.wallets);
        let (mut by_events, mut by_states) = (Digest::default(), Digest::default());
        world.acts.iter().for_each(|(_, event)| by_events.fold(event));
        for (id, state) in &world.wallets {
            state.iter().for_each(|entity| by_states.add_entity(*id, entity));
        }
        prop_assert_eq!(by_events, by_states);
    }
}
