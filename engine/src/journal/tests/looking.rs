//! Looking at a directory from outside: views, walks in both directions, verify, follow.

use super::stage::*;
use crate::journal::{
    ActItem, FileLock, Follow, Item, JournalOptions, LogReader, Lsn, Order, Range, frame,
};
use std::ops::ControlFlow;

fn acts(reader: &LogReader, range: Range) -> Vec<(u64, Vec<u8>)> {
    let mut found = Vec::new();
    reader
        .each_act(range, |item| {
            match item {
                ActItem::Act(act) => found.push((act.lsn.0, act.body.to_vec())),
                ActItem::Bad(problem) => panic!("{problem}"),
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    found
}

#[test]
fn walks_go_both_ways_and_keep_to_their_range() {
    let dir = tempfile::tempdir().unwrap();
    let storage = files(dir.path());
    let (journal, _, _) = serve(&storage, small()).unwrap();
    let mut expected = Vec::new();
    for ticket in 1..=200u64 {
        let body = body(ticket, if ticket % 20 == 0 { 20_000 } else { 500 });
        expected.push((append(&journal, &body, ticket), body));
    }
    journal.close().unwrap();
    let reader = LogReader::open(dir.path()).unwrap();
    assert!(reader.catalog().segments.len() > 3);
    assert_eq!(acts(&reader, Range::default()), expected);
    let backward = acts(
        &reader,
        Range {
            order: Order::Backward,
            ..Range::default()
        },
    );
    assert!(backward.iter().eq(expected.iter().rev()));
    let part = acts(
        &reader,
        Range {
            from: Lsn(50),
            to: Lsn(120),
            ..Range::default()
        },
    );
    assert!(
        part.iter()
            .eq(expected.iter().filter(|(lsn, _)| (50..=120).contains(lsn)))
    );
    let report = reader.verify(2, &|_, _| {}).unwrap();
    assert_eq!(report.problems, []);
    assert_eq!((report.acts, report.first_lsn), (200, Lsn(1)));
    assert_eq!(report.last_lsn.0, report.records);
    let mut bare = 0;
    reader
        .each_record(Range::default(), |item| {
            bare += u64::from(matches!(item, Item::Record(record) if record.header.is_bare()));
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(bare, report.bare);
}

#[test]
fn a_segment_of_several_windows_is_counted_once_and_any_damage_in_it_is_found() {
    const SEGMENT: u64 = 4 << 20;
    let dir = tempfile::tempdir().unwrap();
    let options = JournalOptions {
        segment_bytes: SEGMENT,
        ..JournalOptions::default()
    };
    let (journal, _, _) = serve(&files(dir.path()), options).unwrap();
    for ticket in 1..=400 {
        append(&journal, &body(ticket, 15_000), ticket);
    }
    journal.close().unwrap();
    let reader = LogReader::open(dir.path()).unwrap();
    let report = reader.verify(1, &|_, _| {}).unwrap();
    assert_eq!((report.problems, report.acts), (Vec::new(), 400));
    let (mut records, mut bare, mut groups, mut framed) = (0, 0, 0, 0);
    let counted = |item: Item<'_>| {
        if let Item::Record(record) = item {
            let header = record.header;
            framed += header.framed_len() as u64;
            groups += u64::from(header.is_end());
            *(if header.is_bare() {
                &mut bare
            } else {
                &mut records
            }) += 1;
        }
        ControlFlow::Continue(())
    };
    reader.each_record(Range::default(), counted).unwrap();
    assert_eq!(
        (report.records, report.bare, report.groups),
        (records, bare, groups)
    );
    assert_eq!(report.bytes - report.padding_bytes, framed);
    let [first, newest] = &reader.catalog().segments[..] else {
        panic!("not two segments");
    };
    let end = judged_alike(&reader).unwrap() as usize;
    assert!(end > 1 << 20, "{end}");
    let near_end = SEGMENT as usize - 200_000;
    let places = [
        (first, 5_000),
        (first, SEGMENT as usize / 2),
        (first, near_end),
        (newest, 5_000),
        (newest, end / 2),
        (newest, end - 1),
        (newest, end),
        (newest, near_end),
    ];
    for (segment, at) in places {
        let path = dir.path().join(&segment.name);
        let sound = std::fs::read(&path).unwrap();
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let damaged = LogReader::open(dir.path()).unwrap();
        let report = damaged.verify(1, &|_, _| {}).unwrap();
        // Noise far behind the end is no damage, but is named.
        let warned = report.tail.is_some_and(|tail| !tail.warnings.is_empty());
        assert!(!report.problems.is_empty() || warned, "byte {at}");
        assert_eq!(judged_alike(&damaged).is_some(), segment.seq == first.seq);
        std::fs::write(&path, sound).unwrap();
    }
}

#[test]
fn a_running_server_shows_what_is_attested_and_who_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let storage = files(dir.path());
    let (journal, memory, _) = serve(&storage, small()).unwrap();
    assert!(FileLock::holder(dir.path()).unwrap().contains("pid"));
    let mut follow = Follow::new(LogReader::open(dir.path()).unwrap(), Lsn(0));
    let mut seen = Vec::new();
    let mut poll = |follow: &mut Follow| {
        follow
            .poll(|item| {
                if let ActItem::Act(act) = item {
                    seen.push(act.lsn.0);
                }
                ControlFlow::Continue(())
            })
            .unwrap();
        seen.len() as u64
    };
    for ticket in 1..=300u64 {
        append(&journal, &body(ticket, 700), ticket);
        if ticket % 10 == 0 {
            memory.until(|seen| seen.durable >= ticket);
            let shown = poll(&mut follow);
            assert!(shown <= journal.durable().0 && shown + 10 >= ticket - 10);
        }
    }
    let verified = LogReader::open(dir.path())
        .unwrap()
        .verify(2, &|_, _| {})
        .unwrap();
    assert_eq!(verified.problems, []);
    journal.close().unwrap();
    assert_eq!(FileLock::holder(dir.path()), None);
    assert_eq!(poll(&mut follow), 300);
    assert_eq!(seen, (1..=300).collect::<Vec<_>>());
}

#[test]
fn every_byte_of_a_segment_can_be_annotated() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _, _) = serve(&files(dir.path()), small()).unwrap();
    append(&journal, b"twelve bytes", 1);
    journal.close().unwrap();
    let reader = LogReader::open(dir.path()).unwrap();
    let view = reader.segment(1).unwrap().unwrap();
    let copy = view.annotate(2_100).unwrap();
    assert_eq!(
        (copy.what, copy.offset, copy.flaw),
        ("segment header, copy 1", 2_048, None)
    );
    let record = view.annotate(4_096 + 50).unwrap();
    assert_eq!(
        (record.what, record.offset, record.len),
        ("record", 4_096, 64)
    );
    let mut next = 0;
    for field in &record.fields {
        assert_eq!(field.offset, next, "{} follows on", field.name);
        next += field.len;
    }
    assert_eq!(next, frame::framed_len(12));
    assert_eq!(view.annotate(30_000).unwrap().what, "no record");
    assert_eq!(view.annotate(65_536), None);
}
