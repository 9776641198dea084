//! Pages, totals and searches over a wallet's marks.

use super::*;
use crate::domain::{Amount, Description, Fund, Granted, Owner, Standing, WalletCreated, WalletId};

const WALLET: u64 = 7;

fn standing() -> Standing {
    let Some(wallet) = WalletId::new(WALLET) else {
        unreachable!()
    };
    Standing {
        wallet,
        version: 2,
        paid: 1,
        free: 0,
    }
}

fn grant(fund: Fund) -> Event {
    let Some(amount) = Amount::new(1) else {
        unreachable!()
    };
    let description = Description::default();
    let granted = Granted {
        standing: standing(),
        amount,
        expires_at: None,
        lot: 0,
        description,
    };
    match fund {
        Fund::Paid => Event::Charged(granted),
        Fund::Free => Event::Earned(granted),
    }
}

/// LSNs 10, 20, … 100; every third is paid.
fn ten() -> History {
    let history = History::new();
    for at in 1..=10 {
        history.apply(
            [(
                at * 10,
                &grant(if at % 3 == 0 { Fund::Paid } else { Fund::Free }),
            )]
            .into_iter(),
        );
    }
    history
}

const ALL: (u64, u64) = (0, u64::MAX);

#[test]
fn a_creation_is_no_entry() {
    let history = History::new();
    let owner = Owner::user(WALLET);
    let created = Event::WalletCreated(WalletCreated {
        standing: standing(),
        owner,
    });
    history.apply([(1, &created)].into_iter());
    let page = history.page(WALLET, &[], ALL, false, 10);
    assert!(page.lsns.is_empty() && !page.more && page.last.is_none());
}

#[test]
fn pages_follow_each_other_in_both_orders() {
    let history = ten();
    let page = history.page(WALLET, &[], ALL, false, 4);
    assert_eq!(
        (page.lsns, page.more, page.last),
        (vec![100, 90, 80, 70], true, Some(70))
    );
    let page = history.page(WALLET, &[], (0, 40), false, 4);
    assert_eq!((page.lsns, page.more), (vec![30, 20, 10], false));
    let page = history.page(WALLET, &[], (70, u64::MAX), true, 3);
    assert_eq!((page.lsns, page.more), (vec![80, 90, 100], false));
}

#[test]
fn types_filter_pages_and_totals() {
    let history = ten();
    let page = history.page(WALLET, &[EntryType::Charge], ALL, true, 2);
    assert_eq!(
        (page.lsns, page.more, page.last),
        (vec![30, 60], true, Some(60))
    );
    assert_eq!(
        history.total(WALLET, &[EntryType::Charge], 0, u64::MAX),
        Total::Exactly(3)
    );
    assert_eq!(history.total(WALLET, &[], 10, 100), Total::Exactly(8));
}

#[test]
fn a_page_looks_at_no_more_than_its_bound() {
    let history = History::new();
    let entries = LOOKED_AT_MAX as u64 + 5;
    for lsn in 1..=entries {
        history.apply([(lsn, &grant(Fund::Free))].into_iter());
    }
    let page = history.page(WALLET, &[EntryType::Use], ALL, true, 10);
    assert_eq!(
        (page.lsns.len(), page.more, page.last),
        (0, true, Some(LOOKED_AT_MAX as u64))
    );
    let counted = history.total(WALLET, &[EntryType::Earn], 0, u64::MAX);
    assert_eq!(counted, Total::AtLeast(COUNTED_MAX));
}

#[test]
fn halving_finds_the_first_late_entry() {
    let history = ten();
    assert_eq!(history.first_where(WALLET, |lsn| lsn >= 45), Some(50));
    assert_eq!(history.first_where(WALLET, |lsn| lsn >= 10), Some(10));
    assert_eq!(history.first_where(WALLET, |lsn| lsn > 100), None);
    assert_eq!(history.first_where(WALLET + 1, |_| true), None);
}
