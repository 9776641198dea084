//! `frame`: bytes as headers, and as the records of a segment whose checksums are set right, so that
//! what lies behind the checksums is reached.

use std::ops::ControlFlow;
use std::sync::Arc;

use engine::journal::frame::{
    BODY_BYTES_MAX, FLAG_BARE, FLAG_END, HEADER_BYTES, RecordHeader, body_crc, framed_len,
};
use engine::journal::meta::{META_COPIES, META_COPY_BYTES, META_FILE, Meta};
use engine::journal::segment::{
    CODEC_BINCODE_2, FORMAT_MAJOR, GROUP_ALIGN, HEADER_COPY_BYTES, SEGMENT_BYTES_MIN,
    SegmentHeader, parse_segment_name,
};
use engine::journal::sim::MemStorage;
use engine::journal::{JournalOptions, LogReader, Range, open};

use super::Bytes;

/// Records begin behind the header page.
const FIRST_RECORD: usize = 2 * HEADER_COPY_BYTES;

/// Makes one segment of the bytes and reads it in every way there is.
pub fn frame(bytes: &[u8]) {
    headers(bytes);
    let header = SegmentHeader {
        major: FORMAT_MAJOR,
        minor: 0,
        incompatible: 0,
        store_id: 7,
        seq: 1,
        first_lsn: 1,
        epoch: 1,
        salt: 9,
        created_us: 0,
        prev_bytes: 0,
        prev_lsn: 0,
        prev_crc: 0,
        timeline: 0,
        root: [0; 32],
        codec: CODEC_BINCODE_2,
        alignment: GROUP_ALIGN,
        capacity: SEGMENT_BYTES_MIN,
    };
    let storage = MemStorage::new(1);
    storage.place(&header.file_name(), Some(segment(&header, bytes)));
    let meta = Meta {
        store_id: header.store_id,
        seq: 1,
        epoch: header.epoch,
        active_seq: header.seq,
        active_first_lsn: header.first_lsn,
        oldest_seq: header.seq,
        ..Meta::default()
    };
    storage.place(META_FILE, Some(meta.encode().repeat(META_COPIES)));
    read(storage);
}

/// Each parser on the bytes as they are.
fn headers(bytes: &[u8]) {
    for seed in [0, 1] {
        if let Ok(header) = RecordHeader::decode(bytes, seed) {
            assert_eq!(header.encode(seed), bytes[..HEADER_BYTES]);
        }
    }
    let raw = Bytes(bytes).take::<HEADER_BYTES>();
    assert!(!RecordHeader::parse(&raw).fields().is_empty());
    let copy = Bytes(bytes).slice(HEADER_COPY_BYTES);
    let header = SegmentHeader::parse(&copy);
    assert!(!header.fields().is_empty());
    let _ = header.objection("file");
    assert_eq!(
        SegmentHeader::decode(&header.encode()).as_ref(),
        Ok(&header)
    );
    drop(SegmentHeader::decode(bytes));
    let copy = Bytes(bytes).slice(META_COPY_BYTES);
    drop(Meta::decode(&copy));
    let name = String::from_utf8_lossy(bytes);
    if let Some((seq, first_lsn)) = parse_segment_name(&name) {
        assert!(name.contains(&seq.to_string()) && name.contains(&first_lsn.to_string()));
    }
}

/// A segment file: the first byte says which fields of each record are set right.
fn segment(header: &SegmentHeader, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = Bytes(bytes);
    let mode = bytes.byte();
    let (seed, mut lsn, mut link) = (header.seed(), 0, 0);
    let capacity = SEGMENT_BYTES_MIN as usize;
    let mut image = vec![0; capacity];
    image[..FIRST_RECORD].copy_from_slice(&header.page());
    let mut at = FIRST_RECORD;
    while !bytes.is_empty() {
        let mut record = RecordHeader::parse(&bytes.take());
        let len = record.body_len as usize % (BODY_BYTES_MAX + 64);
        let len = len.min(bytes.0.len());
        let body = bytes.slice(len);
        if mode & 1 == 0 {
            record.body_len = len as u32;
            record.body_crc = body_crc(&body);
        }
        if mode & 2 == 0 {
            lsn += u64::from(record.flags & FLAG_BARE == 0);
            (record.lsn, record.prev_crc, record.zero) = (lsn, link, 0);
            record.durable_lsn = record.durable_lsn.min(lsn);
            record.time_us = record.time_us.max(0) >> 8;
        }
        if mode & 4 == 0 {
            record.kind &= 0x0f;
        }
        if at + framed_len(len) > capacity {
            break;
        }
        let raw = record.encode(seed);
        if record.flags & FLAG_BARE == 0 {
            let crc = raw.last_chunk::<4>().copied().unwrap_or_default();
            link = u32::from_le_bytes(crc);
        }
        image[at..at + HEADER_BYTES].copy_from_slice(&raw);
        image[at + HEADER_BYTES..at + HEADER_BYTES + len].copy_from_slice(&body);
        at += framed_len(len);
        if record.flags & FLAG_END != 0 {
            at = at.next_multiple_of(GROUP_ALIGN as usize);
        }
    }
    image
}

/// As the tool reads it, and as the server does.
fn read(storage: MemStorage) {
    let storage = Arc::new(storage);
    if let Ok(reader) = LogReader::of(storage.clone()) {
        drop(reader.verify(1, &|_, _| {}));
        drop(reader.tail());
        let look = |_: engine::journal::Item<'_>| ControlFlow::Continue(());
        drop(reader.each_record(Range::default(), look));
        let mut last = 0;
        let look = |item: engine::journal::ActItem<'_>| {
            if let engine::journal::ActItem::Act(act) = item {
                assert!(
                    act.lsn.0 > last && act.last_lsn >= act.lsn,
                    "acts come in order"
                );
                last = act.last_lsn.0;
            }
            ControlFlow::Continue(())
        };
        drop(reader.each_act(Range::default(), look));
    }
    let options = JournalOptions {
        segment_bytes: SEGMENT_BYTES_MIN,
        ..JournalOptions::default()
    };
    let Ok(recovered) = open(storage, options) else {
        return;
    };
    let mut next = 1;
    for chunk in recovered.chunks() {
        let ends = chunk.scan(|act| {
            assert_eq!(act.lsn.0, next, "no LSN is missing or doubled");
            next = act.last_lsn.0 + 1;
            Ok::<_, std::convert::Infallible>(())
        });
        if ends.is_err() {
            return;
        }
    }
    assert_eq!(next, recovered.report().last_lsn.0 + 1);
}
