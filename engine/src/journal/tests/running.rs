//! A running journal on real files: append, wait, reopen, read back, run out of space.

use super::stage::*;
use crate::journal::{JournalError, JournalOptions, Lsn, SyncMode, TailVerdict, Unavailable, open};
use std::sync::Arc;

#[test]
fn acts_come_back_after_a_clean_close() {
    for sync in [SyncMode::Fdatasync, SyncMode::Direct] {
        let dir = tempfile::tempdir().unwrap();
        let storage = files(dir.path());
        let (journal, memory, acts) = serve(&storage, JournalOptions { sync, ..small() }).unwrap();
        assert!(acts.is_empty());
        let mut expected = Vec::new();
        for ticket in 1..=500u64 {
            let body = body(ticket, (ticket as usize * 37) % 900);
            let lsn = append(&journal, &body, ticket);
            expected.push((lsn, body));
        }
        let seen = memory.until(|seen| seen.published.len() == 500);
        assert!(seen.published.is_sorted());
        assert_eq!(journal.durable(), Lsn(500));
        journal.close().unwrap();
        assert!(matches!(journal.close(), Err(JournalError::Closed)));

        let recovered = open(Arc::clone(&storage), small()).unwrap();
        assert_eq!(
            recovered.report().verdict,
            TailVerdict::Clean { closed: true }
        );
        assert_eq!(recovered.report().last_lsn, Lsn(500));
        assert_eq!(recovered.report().unknown_from, None);
        assert_eq!(recovered.report().last_time_us, 500);
        let acts = replay(&recovered).unwrap();
        let found: Vec<_> = acts
            .iter()
            .map(|act| (act.lsn.0, act.body.clone()))
            .collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn acts_come_back_after_an_abandoned_run_and_are_read_by_lsn() {
    let dir = tempfile::tempdir().unwrap();
    let storage = files(dir.path());
    let (journal, memory, _) = serve(&storage, small()).unwrap();
    let long = body(1, 20_000);
    let mut firsts = Vec::new();
    for ticket in 1..=60u64 {
        let body = if ticket % 5 == 0 {
            long.clone()
        } else {
            body(ticket, 300)
        };
        firsts.push((append(&journal, &body, ticket), body));
    }
    memory.until(|seen| seen.published.len() == 60);
    let check = |reader: &crate::journal::ActReader| {
        let last = firsts.last().unwrap().0;
        for lsn in 0..last + 40 {
            let found = reader.act_at(Lsn(lsn)).unwrap();
            let expected = firsts.iter().find(|(first, _)| *first == lsn);
            assert_eq!(
                found.as_ref().map(|act| &act.body),
                expected.map(|(_, body)| body),
                "LSN {lsn}"
            );
            if let Some(act) = found {
                assert_eq!(
                    act.last_lsn.0 - act.lsn.0,
                    (act.body.len() as u64).div_ceil(8192).max(1) - 1
                );
            }
        }
    };
    check(&journal.reader());
    drop(journal);
    let (journal, _, acts) = serve(&storage, small()).unwrap();
    assert_eq!(acts.len(), 60);
    check(&journal.reader());
    let next = append(&journal, &[1], 1);
    assert_eq!(next, acts.last().unwrap().last_lsn.0 + 1);
}

#[test]
fn a_wait_is_answered_at_once_or_with_its_group() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, memory, _) = serve(&files(dir.path()), small()).unwrap();
    for ticket in 1..200u64 {
        let lsn = append(&journal, b"x", ticket);
        if journal.wait(Lsn(lsn), 1_000 + ticket).is_some() {
            assert!(journal.durable() >= Lsn(lsn));
        } else {
            memory.until(|seen| {
                seen.published
                    .iter()
                    .any(|(_, seen)| *seen == 1_000 + ticket)
            });
        }
        assert!(journal.durable() >= Lsn(lsn));
    }
    assert_eq!(journal.wait(Lsn(1), 9), Some(9));
    assert_eq!(journal.wait(Lsn(0), 8), Some(8));
}

#[test]
fn header_times_never_decrease() {
    let dir = tempfile::tempdir().unwrap();
    let storage = files(dir.path());
    let (journal, _, _) = serve(&storage, small()).unwrap();
    for now in [50, 10, 70, 20] {
        append(&journal, b"t", now);
    }
    journal.close().unwrap();
    let (journal, _, acts) = serve(&storage, small()).unwrap();
    assert_eq!(
        acts.iter().map(|act| act.time_us).collect::<Vec<_>>(),
        [50, 50, 70, 70]
    );
    let reservation = journal.reserve(0).unwrap();
    let act = crate::journal::NewAct {
        kind: 1,
        schema: 0,
        now_us: 5,
        body: &[],
    };
    assert_eq!(journal.append(reservation, act, 0).time_us, 70);
}

#[test]
fn a_second_opener_is_told_who_holds_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let storage = files(dir.path());
    let (journal, _, _) = serve(&storage, small()).unwrap();
    let error = open(Arc::clone(&storage), small()).map(|_| ()).unwrap_err();
    assert_eq!(error.exit_code(), 16);
    assert!(
        error
            .to_string()
            .contains(&format!("pid {}", std::process::id())),
        "{error}"
    );
    journal.close().unwrap();
    assert!(open(storage, small()).is_ok());
}

#[test]
fn an_unused_promise_goes_back_and_a_large_act_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _, _) = serve(&files(dir.path()), small()).unwrap();
    let max = journal.act_bytes_max();
    assert_eq!(
        journal.reserve(max + 1).map(|_| ()),
        Err(Unavailable::TooLarge { max })
    );
    let before = journal.wait_for_space(u64::MAX, std::time::Duration::from_millis(200));
    let reservation = journal.reserve(max).unwrap();
    assert!(journal.space().free_bytes < before.free_bytes.max(1));
    drop(reservation);
    assert!(journal.space().free_bytes >= before.free_bytes);
    let largest = body(3, max);
    let lsn = append(&journal, &largest, 1);
    journal.close().unwrap();
    assert_eq!(journal.reserve(1).map(|_| ()), Err(Unavailable::Closed));
    assert_eq!(
        journal.reader().act_at(Lsn(lsn)).unwrap().unwrap().body,
        largest
    );
}

#[test]
fn opening_again_and_again_stays_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let storage = files(dir.path());
    // As many in a long run: each opening looks at all segments before it, and more of them show nothing else.
    let cycles = 100_u64;
    for cycle in 0..cycles {
        let (journal, _, acts) = serve(&storage, small()).unwrap();
        assert_eq!(acts.len() as u64, cycle.div_ceil(2));
        if cycle % 2 == 0 {
            append(&journal, b"one act every other run", cycle);
        }
        match cycle % 3 {
            0 => drop(journal),
            _ => journal.close().unwrap(),
        }
    }
    let blocks: u64 = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| {
            std::os::unix::fs::MetadataExt::blocks(&entry.unwrap().metadata().unwrap()) * 512
        })
        .sum();
    // A run with an act costs its header, its group and what attests it; four whole files stand by, and the last runs may
    // have had no time to give back what they left unused. Were it never given back, it would be three times as much.
    let bound = cycles * 5 * 4096 + 8 * 64 * 1024;
    assert!(
        blocks <= bound,
        "{blocks} bytes on disk after {cycles} runs, at most {bound}"
    );
    assert!(storage.list().unwrap().len() as u64 <= cycles / 2 + 10);
}

#[test]
fn many_threads_keep_one_order() {
    let dir = tempfile::tempdir().unwrap();
    let storage = files(dir.path());
    let options = || JournalOptions {
        segment_bytes: 4 << 20,
        ..JournalOptions::default()
    };
    let (journal, memory, _) = serve(&storage, options()).unwrap();
    let each = scaled(20_000);
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let journal = &journal;
            scope.spawn(move || {
                let mut last = 0;
                for index in 0..each {
                    let lsn = append(journal, &body(index, 40), thread * each + index);
                    assert!(lsn > last);
                    last = lsn;
                }
            });
        }
    });
    let seen = memory.until(|seen| seen.published.len() as u64 == 4 * each);
    assert!(
        seen.published
            .iter()
            .enumerate()
            .all(|(index, (lsn, _))| *lsn == index as u64 + 1)
    );
    drop(journal);
    let (_, _, acts) = serve(&storage, options()).unwrap();
    assert_eq!(acts.len() as u64, 4 * each);
}

#[test]
fn a_segment_left_uncleared_is_cleared_by_a_later_start() {
    let dir = tempfile::tempdir().unwrap();
    let storage = files(dir.path());
    let wide = || JournalOptions {
        segment_bytes: 4 << 20,
        segments_ahead: 1,
        ..JournalOptions::default()
    };
    // Three runs whose fillers never get to clear anything.
    for run in 1..=3u64 {
        let memory = Memory::default();
        let recovered = open(Arc::clone(&storage), wide()).unwrap();
        let mut run_by_hand = Run::of(
            recovered
                .assemble(clock(), Box::new(memory.clone()))
                .unwrap(),
            memory,
        );
        append(&run_by_hand.journal, b"act", run);
        run_by_hand.parts.writer.turn().unwrap();
    }
    let allocated = |storage: &Arc<dyn crate::journal::Storage>| -> u64 {
        let segments = storage
            .list()
            .unwrap()
            .into_iter()
            .filter(|entry| entry.name.ends_with(".wal"));
        segments.map(|entry| entry.allocated).sum()
    };
    assert!(allocated(&storage) >= 12 << 20);
    let recovered = open(Arc::clone(&storage), wide()).unwrap();
    let mut parts = recovered
        .assemble::<u64>(clock(), Box::new(Memory::default()))
        .unwrap();
    while parts.filler.turn(false).unwrap() != crate::journal::filler::FillTurn::Idle {}
    // The segment in use is whole; the three before it are down to what they hold.
    assert!(
        allocated(&storage) < (4 << 20) + 3 * 64 * 1024,
        "{} bytes",
        allocated(&storage)
    );
    let report = crate::journal::LogReader::open(dir.path())
        .unwrap()
        .verify(1, &|_, _| {})
        .unwrap();
    assert_eq!((report.acts, report.problems), (3, vec![]));
}
