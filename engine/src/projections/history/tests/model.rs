//! Random entries, moved to disk at random moments, asked for in random ways.

use proptest::prelude::*;

use super::*;
use crate::api::Total;

/// Turns: an act, or a step of the thread, with or without bringing everything to disk.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Acts(u16, u64),
    Step(bool),
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let acts = (1_u16..900, any::<u64>()).prop_map(|(count, seed)| Turn::Acts(count, seed));
    let turn = prop_oneof![2 => acts, 1 => any::<bool>().prop_map(Turn::Step)];
    prop::collection::vec(turn, 1..40)
}

prop_compose! {
    fn asks()(
        wallet in 1_u64..12,
        kinds in prop::collection::vec(prop::sample::select(&EntryType::ALL[..]), 0..3),
        fund in prop::option::of(prop::sample::select(&[Fund::Free, Fund::Paid][..])),
        counterparty in prop::option::weighted(0.2, 1_u64..12),
        amounts in (prop::option::of(1_u64..60), prop::option::of(1_u64..60)),
        times in (prop::option::of(0_i64..20_000), prop::option::of(0_i64..20_000)),
        ascending: bool,
        limit in 1_usize..40,
        offset in 0_usize..60,
    ) -> (Ask, Wanted) {
        let wanted = Wanted { kinds, fund, counterparty, amounts };
        let filter = Filter::new(
            &wanted.kinds,
            wanted.fund,
            wanted.counterparty.map(super::wallet),
            wanted.amounts,
        );
        let ask = Ask {
            wallet,
            filter,
            from_us: times.0.unwrap_or(i64::MIN),
            to_us: times.1,
            ascending,
            limit,
            offset,
            after: None,
        };
        (ask, wanted)
    }
}

#[derive(Clone, Debug)]
struct Wanted {
    kinds: Vec<EntryType>,
    fund: Option<Fund>,
    counterparty: Option<u64>,
    amounts: (Option<u64>, Option<u64>),
}

impl Wanted {
    fn accepts(&self, entry: &Plain) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&entry.kind))
            && self.fund.is_none_or(|fund| fund == entry.fund)
            && self
                .counterparty
                .is_none_or(|other| other == entry.counterparty)
            && self.amounts.0.is_none_or(|least| least <= entry.amount)
            && self.amounts.1.is_none_or(|most| entry.amount <= most)
    }
}

/// What a plain list answers, page after page.
fn expected(list: &[Plain], ask: &Ask, wanted: &Wanted) -> Vec<Place> {
    let own = list.iter().filter(|entry| {
        entry.wallet == ask.wallet
            && entry.at_us >= ask.from_us
            && ask.to_us.is_none_or(|to| entry.at_us < to)
            && wanted.accepts(entry)
    });
    let mut places: Vec<Place> = own.map(|entry| entry.place).collect();
    if !ask.ascending {
        places.reverse();
    }
    places
}

fn check(history: &History, list: &[Plain], ask: &Ask, wanted: &Wanted) {
    let all = expected(list, ask, wanted);
    let mut page = history.page(ask, 1).unwrap();
    assert_eq!(page.total, Total::Exactly(all.len() as u64));
    let mut rest = &all[ask.offset.min(all.len())..];
    loop {
        let (own, behind) = rest.split_at(rest.len().min(ask.limit));
        assert_eq!(page.found, own);
        assert_eq!(
            page.next.is_some(),
            !behind.is_empty(),
            "a cursor leads somewhere"
        );
        rest = behind;
        let Some(next) = page.next else { break };
        let after = Some(next);
        page = history
            .page(
                &Ask {
                    after,
                    offset: 0,
                    ..*ask
                },
                1,
            )
            .unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn is_what_a_plain_list_is(turns in turns(), asks in prop::collection::vec(asks(), 12)) {
        let storage = MemStorage::new(1);
        let history = fresh(&storage);
        let (mut list, mut lsn) = (Vec::new(), 0);
        for turn in turns {
            match turn {
                Turn::Acts(count, seed) => {
                    let mut events = Vec::new();
                    for at in 0..u64::from(count) {
                        lsn += 1 + (seed ^ at) % 2;
                        let draw = seed.wrapping_mul(at * 2 + 1) >> 7;
                        let (event, entries) = event(lsn, (lsn / 3 * 5) as i64, draw);
                        events.push((lsn, (lsn / 3 * 5) as i64, event));
                        list.extend(entries);
                    }
                    let events = events.iter().map(|(lsn, at, event)| (*lsn, *at, event));
                    history.apply(lsn, events);
                }
                Turn::Step(flush) => history.shared.step(flush).unwrap(),
            }
        }
        for (ask, wanted) in &asks {
            check(&history, &list, ask, wanted);
        }
        // Everything on disk, and merged: nothing else comes out.
        history.shared.step(true).unwrap();
        history.shared.step(false).unwrap();
        prop_assert_eq!(history.metrics().memory_entries, 0);
        prop_assert!(names(&storage).len() < 8);
        for (ask, wanted) in &asks {
            check(&history, &list, ask, wanted);
        }
    }
}
