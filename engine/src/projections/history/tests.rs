//! The index against a plain list: whatever order things happen in, and whatever is lost.

mod model;
mod pages;
mod runs;

use std::sync::Arc;

use super::layout::is_run_name;
use super::*;
use crate::domain::{
    Amount, BucketKey, Description, EntryType, Fund, Granted, Lapsed, Piece, Received,
    Run as Taken, Standing, Timestamp, Transferred, Used, WalletId,
};
use crate::journal::sim::MemStorage;

/// An entry as a filter sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Plain {
    wallet: u64,
    place: Place,
    at_us: i64,
    kind: EntryType,
    fund: Fund,
    amount: u64,
    counterparty: u64,
}

fn wallet(id: u64) -> WalletId {
    WalletId::new(id).unwrap()
}

fn standing(id: u64) -> Standing {
    Standing {
        wallet: wallet(id),
        version: 2,
        paid: 1,
        free: 0,
    }
}

fn runs(fund: Fund, amount: u64) -> crate::domain::Runs {
    let bucket = BucketKey {
        fund,
        expires_at: None,
    };
    let pieces = smallvec::smallvec![Piece { lot: 0, amount }];
    smallvec::smallvec![Taken { bucket, pieces }]
}

fn granted(id: u64, amount: u64) -> Granted {
    Granted {
        standing: standing(id),
        amount: Amount::new(amount).unwrap(),
        expires_at: None,
        lot: 0,
        description: Description::default(),
        aside: None,
    }
}

/// An event that makes these entries, and the entries.
fn event(lsn: u64, at_us: i64, draw: u64) -> (Event, Vec<Plain>) {
    let (id, amount) = (1 + draw % 7, 1 + draw / 7 % 50);
    let plain = |leg, wallet, kind, fund, counterparty| Plain {
        wallet,
        place: Place::new(lsn, leg),
        at_us,
        kind,
        fund,
        amount,
        counterparty,
    };
    match draw % 5 {
        0 => {
            let entry = plain(0, id, EntryType::Charge, Fund::Paid, 0);
            (Event::Charged(granted(id, amount)), vec![entry])
        }
        1 => {
            let entry = plain(0, id, EntryType::Earn, Fund::Free, 0);
            (Event::Earned(granted(id, amount)), vec![entry])
        }
        2 => {
            let used = Used {
                standing: standing(id),
                runs: runs(Fund::Paid, amount),
                description: Description::default(),
                aside: None,
            };
            let entry = plain(0, id, EntryType::Use, Fund::Paid, 0);
            (Event::Used(used), vec![entry])
        }
        3 => {
            let lapsed = Lapsed {
                standing: standing(id),
                bucket: BucketKey {
                    fund: Fund::Free,
                    expires_at: Some(Timestamp(at_us)),
                },
                amount: Amount::new(amount).unwrap(),
            };
            let entry = plain(0, id, EntryType::Lapse, Fund::Free, 0);
            (Event::Lapsed(lapsed), vec![entry])
        }
        _ => {
            let other = 8 + draw % 3;
            let moved = Transferred {
                from: standing(id),
                to: smallvec::smallvec![Received {
                    standing: standing(other),
                    runs: runs(Fund::Free, amount),
                    lots: smallvec::smallvec![0],
                }],
                description: Description::default(),
            };
            let out = plain(0, id, EntryType::TransferOut, Fund::Free, other);
            let into = plain(1, other, EntryType::TransferIn, Fund::Free, id);
            (Event::Transferred(Box::new(moved)), vec![out, into])
        }
    }
}

/// An index over a log that is never read: nothing of it gets lost.
fn fresh(storage: &MemStorage) -> History {
    let history = History::new(Arc::new(storage.clone()), Arc::new(MemStorage::new(0)), 0);
    history.shared.store_id.set(7).unwrap();
    history.shared.tail.lock().set_loaded();
    history
}

fn names(storage: &MemStorage) -> Vec<String> {
    let files = storage.list().unwrap().into_iter().map(|entry| entry.name);
    files.filter(|name| is_run_name(name)).collect()
}

fn ask(wallet: u64) -> Ask {
    Ask {
        wallet,
        filter: Filter::ALL,
        from_us: i64::MIN,
        to_us: None,
        ascending: true,
        limit: 500,
        offset: 0,
        after: None,
    }
}
