//! A failing disk and a full one.

use super::stage::*;
use crate::journal::sim::{Fault, MemStorage};
use crate::journal::{JournalError, JournalOptions, Lsn, Storage, TailVerdict, Unavailable, open};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

fn shared(disk: &MemStorage) -> Arc<dyn Storage> {
    Arc::new(disk.clone())
}

#[test]
fn a_failed_sync_poisons_for_good() {
    let disk = MemStorage::new(1);
    let calls = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&calls);
    let on_poison = Box::new(move || {
        counted.fetch_add(1, SeqCst);
    });
    let (journal, memory, _) = serve(
        &shared(&disk),
        JournalOptions {
            on_poison,
            ..small()
        },
    )
    .unwrap();
    append(&journal, b"one", 1);
    memory.until(|seen| seen.published.len() == 1);
    let promised = journal.reserve(10).unwrap();
    // One of the next two calls of the writer is a write or a sync, whatever the filler does meanwhile.
    for ahead in 1..40 {
        disk.fail_at(ahead, Fault::Eio);
        if memory_failed(&journal, &memory, ahead) {
            break;
        }
    }
    assert!(journal.poisoned());
    assert_eq!(journal.reserve(1).map(|_| ()), Err(Unavailable::Poisoned));
    let durable = journal.durable();
    let late = crate::journal::NewAct {
        kind: 1,
        schema: 0,
        now_us: 0,
        body: b"late",
    };
    let lsn = journal.append(promised, late, 900).lsn;
    assert_eq!(journal.wait(lsn, 901), None);
    let seen = memory.until(|seen| seen.failed.contains(&900) && seen.failed.contains(&901));
    assert_eq!(
        seen.durable, durable.0,
        "nothing is acknowledged after the failure"
    );
    assert_eq!(journal.wait(durable, 902), Some(902));
    assert_eq!(calls.load(SeqCst), 1, "the hook is called once");
    assert!(matches!(journal.close(), Err(JournalError::Poisoned)));

    let found = disk.crash(5);
    let recovered = open(shared(&found), small()).unwrap();
    assert!(recovered.report().last_lsn >= durable);
}

/// Appends one act; true when it failed.
fn memory_failed(journal: &crate::journal::Journal<u64>, memory: &Memory, ticket: u64) -> bool {
    let Ok(reservation) = journal.reserve(3) else {
        memory.until(|_| journal.poisoned());
        return true;
    };
    let act = crate::journal::NewAct {
        kind: 1,
        schema: 0,
        now_us: 0,
        body: b"act",
    };
    journal.append(reservation, act, 100 + ticket);
    let told = |seen: &Seen| seen.published.iter().any(|(_, seen)| *seen == 100 + ticket);
    let seen = memory.until(|seen| told(seen) || seen.failed.contains(&(100 + ticket)));
    !told(&seen)
}

#[test]
fn a_full_disk_refuses_acts_reads_on_and_recovers() {
    let disk = MemStorage::new(2);
    let options = || JournalOptions {
        full_retry: Duration::from_millis(1),
        ..small()
    };
    let (journal, memory, _) = serve(&shared(&disk), options()).unwrap();
    disk.set_capacity(Some(0));
    let mut lsns = Vec::new();
    let refused = loop {
        match journal.reserve(3_000) {
            Ok(reservation) => {
                let body = body(lsns.len() as u64, 3_000);
                let act = crate::journal::NewAct {
                    kind: 1,
                    schema: 0,
                    now_us: 0,
                    body: &body,
                };
                lsns.push(journal.append(reservation, act, 1).lsn);
            }
            Err(Unavailable::Filling) => {
                let _ = journal.wait_for_space(4_096, PATIENCE);
            }
            Err(other) => break other,
        }
    };
    assert_eq!(refused, Unavailable::StorageFull);
    assert!(journal.space().disk_full);
    memory.until(|seen| seen.published.len() == lsns.len());
    for (index, lsn) in lsns.iter().enumerate() {
        let act = journal.reader().act_at(*lsn).unwrap().unwrap();
        assert_eq!(act.body, body(index as u64, 3_000));
    }
    // Even now it closes in order: CLOSE and the clean flag have their own room.
    let full = disk.copy();
    disk.set_capacity(None);
    // A full disk is said at once, so waiting for its end is looking again.
    while journal.wait_for_space(4_096, PATIENCE).disk_full {
        std::thread::yield_now();
    }
    append(&journal, b"room again", 2);
    journal.close().unwrap();
    assert!(open(shared(&full), options()).is_ok());
}

#[test]
fn a_full_disk_still_closes_in_order_and_opens_again_on_the_reserve() {
    let disk = MemStorage::new(3);
    let mut run = Run::start(&disk, small()).unwrap();
    while run.parts.filler.turn(false).unwrap() != crate::journal::filler::FillTurn::Idle {}
    assert!(disk.bytes("reserve").is_some());
    disk.set_capacity(Some(0));
    while let Ok(reservation) = run.journal.reserve(2_000) {
        let act = crate::journal::NewAct {
            kind: 1,
            schema: 0,
            now_us: 0,
            body: &[7; 2_000],
        };
        run.journal.append(reservation, act, 1);
        run.parts.writer.turn().unwrap();
        run.parts.writer.mark().unwrap();
    }
    run.parts.writer.close().unwrap();
    // Nothing but the reserve is left to make a segment of.
    let found = disk.kill();
    found.set_capacity(Some(found.used()));
    let recovered = open(shared(&found), small()).unwrap();
    assert_eq!(
        recovered.report().verdict,
        TailVerdict::Clean { closed: true }
    );
    let last = recovered.report().last_lsn;
    let parts = recovered
        .assemble::<u64>(clock(), Box::new(Memory::default()))
        .unwrap();
    assert!(
        found.bytes("reserve").is_none(),
        "it was given up for the segment"
    );
    let mut run = Run::of(parts, Memory::default());
    assert_eq!(run.journal.durable(), last);
    let reservation = run.journal.reserve(10).unwrap();
    let act = crate::journal::NewAct {
        kind: 1,
        schema: 0,
        now_us: 0,
        body: b"after",
    };
    assert_eq!(run.journal.append(reservation, act, 1).lsn, Lsn(last.0 + 1));
    run.parts.writer.turn().unwrap();
}

#[test]
fn chunks_can_be_scanned_at_the_same_time() {
    let disk = MemStorage::new(4);
    let options = || JournalOptions {
        segment_bytes: 8 << 20,
        segments_ahead: 1,
        ..small()
    };
    let mut run = Run::start(&disk, options()).unwrap();
    let mut acts = 0;
    for group in 0..300u64 {
        let bodies: Vec<Vec<u8>> = (0..100)
            .map(|act| body(act, ((group * 100 + act) % 700) as usize))
            .collect();
        acts += bodies.len() as u64;
        run.group(&bodies.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
    let disk = disk.kill();
    let recovered = open(shared(&disk), options()).unwrap();
    let chunks = recovered.chunks();
    assert!(chunks.len() >= 8, "{} chunks", chunks.len());
    let counted = &AtomicU64::new(0);
    std::thread::scope(|scope| {
        for half in chunks.chunks(chunks.len() / 2 + 1) {
            scope.spawn(move || {
                for chunk in half {
                    let ends = chunk.scan(|_| Ok::<(), ()>(())).unwrap();
                    counted.fetch_add(ends.acts, SeqCst);
                }
            });
        }
    });
    assert_eq!(counted.load(SeqCst), acts);
    let journal = Run::of(
        recovered
            .assemble(clock(), Box::new(Memory::default()))
            .unwrap(),
        Memory::default(),
    )
    .journal;
    for lsn in [1, 2, 777, acts / 2, acts] {
        assert_eq!(
            journal.reader().act_at(Lsn(lsn)).unwrap().unwrap().lsn,
            Lsn(lsn)
        );
    }
    assert_eq!(journal.reader().act_at(Lsn(acts + 1)).unwrap(), None);
}
