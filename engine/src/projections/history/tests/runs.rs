//! Files: what they hold, what happens to damaged ones, what a crash leaves.

use super::*;
use crate::journal::sim::Fault;
use crate::projections::history::merge::RUN_ENTRIES;
use crate::projections::history::part::Slice;
use crate::projections::history::run::Run;
use crate::projections::history::run_writer::RunWriter;
use crate::projections::reread::Span;

const SPAN: Span = Span { above: 0, to: 900 };

fn leg(lsn: u64, wallet: u64) -> Leg {
    let event = Event::Earned(granted(wallet, lsn));
    let mut legs = Vec::new();
    Leg::of(lsn, lsn as i64 * 10, &event, |leg| legs.push(leg));
    legs[0]
}

/// 900 entries of 300 wallets: several blocks of entries and of the directory.
fn write(storage: &MemStorage) -> String {
    let mut writer = RunWriter::begin(storage, 7, SPAN, 900).unwrap();
    for id in 1..=300 {
        for turn in 0..3 {
            writer.put(id, leg(turn * 300 + id, id).entry).unwrap();
        }
    }
    writer.finish().unwrap()
}

#[test]
fn a_run_gives_back_what_was_written() {
    let storage = MemStorage::new(1);
    let name = write(&storage);
    let run = Run::open(&storage, &name).unwrap();
    run.verify().unwrap();
    assert_eq!((run.span(), run.header.wallets), (SPAN, 300));
    assert_eq!((run.header.first_at_us, run.header.last_at_us), (10, 9_000));
    for id in 0..=301 {
        let range = run.find(id).unwrap();
        let mut found = Vec::new();
        let slice = Slice::File(&run, range);
        let walked = slice.each(true, |entry| {
            found.push(entry.place().lsn());
            ControlFlow::Continue(())
        });
        assert!(walked.unwrap().is_continue());
        let own = if (1..=300).contains(&id) {
            vec![id, 300 + id, 600 + id]
        } else {
            vec![]
        };
        assert_eq!(found, own);
    }
    let bytes = storage.bytes(&name).unwrap().len() as u64;
    assert_eq!(bytes, run.bytes());
}

#[test]
fn every_flipped_byte_of_a_run_is_found() {
    let storage = MemStorage::new(1);
    let name = write(&storage);
    let length = storage.bytes(&name).unwrap().len();
    for at in (0..length).step_by(37) {
        let disk = storage.copy();
        disk.damage(&name, |bytes| bytes[at] ^= 0x10);
        let found = Run::open(&disk, &name).and_then(|run| run.verify());
        assert!(found.is_err(), "byte {at}");
    }
    for cut in [0, 1, 4_095, 4_096, length - 4_096, length - 1] {
        let disk = storage.copy();
        disk.damage(&name, |bytes| bytes.truncate(cut));
        assert!(Run::open(&disk, &name).is_err(), "cut to {cut}");
    }
}

#[test]
fn a_failing_disk_costs_nothing_but_time() {
    for call in 1.. {
        let storage = MemStorage::new(call);
        let history = fresh(&storage);
        for lsn in 1..=3_000 {
            let event = Event::Earned(granted(1 + lsn % 5, lsn));
            history.apply(lsn, [(lsn, lsn as i64, &event)].into_iter());
        }
        storage.fail_at(call, Fault::Eio);
        if history.shared.step(true).is_ok() {
            break;
        }
        let page = history.page(&ask(1), 1).unwrap();
        assert_eq!(page.total, crate::api::Total::Exactly(600));
        history.shared.step(true).unwrap();
        assert_eq!(history.metrics().indexed_lsn, 3_000);
        assert_eq!(history.page(&ask(1), 1).unwrap(), page);
    }
}

#[test]
fn many_small_runs_become_one() {
    let storage = MemStorage::new(1);
    let history = fresh(&storage);
    for turn in 0..40 {
        for lsn in turn * 100 + 1..=turn * 100 + 100 {
            let event = Event::Earned(granted(1 + lsn % 9, lsn));
            history.apply(lsn, [(lsn, lsn as i64, &event)].into_iter());
        }
        history.shared.step(true).unwrap();
        history.shared.step(false).unwrap();
    }
    assert!(names(&storage).len() <= 8, "{:?}", names(&storage));
    let metrics = history.metrics();
    assert_eq!((metrics.entries, metrics.indexed_lsn), (4_000, 4_000));
}

#[test]
fn what_memory_may_not_hold_is_a_gap_and_not_a_lie() {
    let storage = MemStorage::new(1);
    let history = fresh(&storage);
    let event = Event::Earned(granted(1, 1));
    let most = tail::MEMORY_ENTRIES_MAX as u64 + 2_048;
    for group in 0..most / 1_024 {
        let lsns = group * 1_024 + 1..=group * 1_024 + 1_024;
        let last = *lsns.end();
        history.apply(last, lsns.map(|lsn| (lsn, lsn as i64, &event)));
    }
    assert!(history.page(&ask(1), 1).is_err());
    assert!(history.metrics().memory_entries < RUN_ENTRIES as u64);
}
