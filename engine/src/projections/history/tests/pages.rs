//! Bounds of a page.

use super::*;
use crate::api::Total;
use crate::projections::history::page::LOOKED_AT_MAX;

const WALLET: u64 = 7;

/// So many grants of one point, each its own act, partly on disk. Every thousandth is paid.
fn grants(count: u64) -> History {
    let history = fresh(&MemStorage::new(1));
    for lsn in 1..=count {
        let granted = granted(WALLET, 1);
        let event = if lsn % 1_000 == 0 {
            Event::Charged(granted)
        } else {
            Event::Earned(granted)
        };
        history.apply(lsn, [(lsn, lsn as i64, &event)].into_iter());
        if lsn == count / 2 {
            history.shared.step(true).unwrap();
        }
    }
    history
}

fn of_type(kind: EntryType, limit: usize) -> Ask {
    Ask {
        filter: Filter::new(&[kind], None, None, (None, None)),
        limit,
        ..ask(WALLET)
    }
}

fn lsns(page: &Page) -> Vec<u64> {
    page.found.iter().map(|place| place.lsn()).collect()
}

#[test]
fn a_page_looks_at_no_more_than_its_bound() {
    let entries = LOOKED_AT_MAX as u64 + 500;
    let history = grants(entries);
    let none = of_type(EntryType::Use, 10);
    let page = history.page(&none, 1).unwrap();
    assert!(page.found.is_empty());
    assert_eq!(page.next, Some(Place::new(LOOKED_AT_MAX as u64, 0)));
    assert_eq!(page.total, Total::AtLeast(0));
    let rest = history
        .page(
            &Ask {
                after: page.next,
                ..none
            },
            1,
        )
        .unwrap();
    assert_eq!((rest.found, rest.next), (vec![], None));
    let earned = history.page(&of_type(EntryType::Earn, 10), 1).unwrap();
    assert_eq!(earned.total, Total::AtLeast(10_000));
    assert_eq!(
        history.page(&ask(WALLET), 1).unwrap().total,
        Total::Exactly(entries)
    );
}

#[test]
fn a_page_that_ends_with_the_last_match_has_no_cursor() {
    let history = grants(3_500);
    let two = of_type(EntryType::Charge, 2);
    let page = history.page(&two, 1).unwrap();
    assert_eq!(lsns(&page), [1_000, 2_000]);
    // Behind the match, as far as it was looked at.
    assert_eq!(page.next, Some(Place::new(2_999, 0)));
    let page = history
        .page(
            &Ask {
                after: page.next,
                ..two
            },
            1,
        )
        .unwrap();
    assert_eq!((lsns(&page), page.next), (vec![3_000], None));
    let three = history.page(&of_type(EntryType::Charge, 3), 1).unwrap();
    assert_eq!((three.found.len(), three.next), (3, None));
}

#[test]
fn an_offset_passes_over_any_number_of_entries_but_looks_at_few() {
    let entries = LOOKED_AT_MAX as u64 * 2;
    let history = grants(entries);
    let deep = Ask {
        offset: entries as usize - 3,
        ..ask(WALLET)
    };
    let page = history.page(&deep, 1).unwrap();
    assert_eq!(lsns(&page), [entries - 2, entries - 1, entries]);
    let page = history
        .page(
            &Ask {
                ascending: false,
                ..deep
            },
            1,
        )
        .unwrap();
    assert_eq!(lsns(&page), [3, 2, 1]);
    let beyond = history
        .page(
            &Ask {
                offset: usize::MAX,
                ..deep
            },
            1,
        )
        .unwrap();
    assert!(beyond.found.is_empty() && beyond.begun && beyond.next.is_none());
    let passed = Ask {
        offset: 19,
        ..of_type(EntryType::Charge, 1)
    };
    assert_eq!(lsns(&history.page(&passed, 1).unwrap()), [20_000]);
    let too_deep = Ask {
        offset: 21,
        ..passed
    };
    assert!(!history.page(&too_deep, 1).unwrap().begun);
}

#[test]
fn entries_that_come_later_shift_no_page() {
    let history = grants(100);
    let newest = Ask {
        ascending: false,
        limit: 10,
        ..ask(WALLET)
    };
    let first = history.page(&newest, 1).unwrap();
    for lsn in 101..=5_000 {
        let event = Event::Earned(granted(WALLET, 1));
        history.apply(lsn, [(lsn, lsn as i64, &event)].into_iter());
    }
    history.shared.step(true).unwrap();
    let second = history
        .page(
            &Ask {
                after: first.next,
                ..newest
            },
            1,
        )
        .unwrap();
    assert_eq!(lsns(&second), (81..=90).rev().collect::<Vec<_>>());
}
