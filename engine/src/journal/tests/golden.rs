//! Golden bytes: what is on disk today must be read for ever.

use crate::journal::frame::{
    FLAG_BARE, FLAG_END, FLAG_MORE, HEADER_BYTES, KIND_CLOSE, KIND_MARK, RecordHeader,
    act_framed_len, body_crc, framed_len, lay_act, stamp_group,
};
use crate::journal::meta::{META_COPY_BYTES, Meta, MetaCopies};
use crate::journal::segment::{HEADER_COPY_BYTES, SegmentHeader, parse_segment_name, segment_name};
use crate::journal::{BODY_BYTES_MAX, Field};

fn hex(bytes: &[u8]) -> String {
    bytes
        .chunks(16)
        .map(|row| {
            row.iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
                + "\n"
        })
        .collect()
}

fn header() -> SegmentHeader {
    SegmentHeader {
        major: 1,
        minor: 0,
        incompatible: 0,
        store_id: 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff,
        seq: 3,
        first_lsn: 1_000,
        epoch: 2,
        salt: 0x1234_5678_9abc_def0,
        created_us: 1_700_000_000_000_000,
        prev_bytes: 65_536,
        prev_lsn: 999,
        prev_crc: 0xdead_beef,
        timeline: 1,
        root: [0; 32],
        codec: 1,
        alignment: 4096,
        capacity: 67_108_864,
    }
}

#[test]
fn a_segment_header_has_its_golden_bytes() {
    let copy = header().encode();
    let golden = "\
89534357 0d0a1a0a 01000000 00000000
ffeeddcc bbaa9988 77665544 33221100
03000000 00000000 e8030000 00000000
02000000 00000000 f0debc9a 78563412
00401e18 240a0600 00000100 00000000
e7030000 00000000 efbeadde 01000000
00000000 00000000 00000000 00000000
00000000 00000000 00000000 00000000
01000000 00100000 00000004 00000000
";
    assert_eq!(hex(&copy[..144]), golden.replace(' ', ""));
    assert!(copy[144..2044].iter().all(|byte| *byte == 0));
    assert_eq!(hex(&copy[2044..]), "ff0f8baf\n");
    assert_eq!(format!("{:08x}", header().seed()), "495e2431");
    assert_eq!(SegmentHeader::decode(&copy), Ok(header()));
    assert_eq!(copy.len(), HEADER_COPY_BYTES);
}

#[test]
fn a_meta_copy_has_its_golden_bytes() {
    let meta = Meta {
        store_id: 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff,
        seq: 9,
        epoch: 2,
        timeline: 1,
        clean_lsn: Some(77),
        active_seq: 3,
        active_first_lsn: 70,
        oldest_seq: 1,
        snapshots: [60, 50],
        archive_seq: 0,
    };
    let copy = meta.encode();
    let golden = "\
8953434d 0d0a1a0a 01000000 00000000
ffeeddcc bbaa9988 77665544 33221100
09000000 00000000 02000000 00000000
01000000 01000000 4d000000 00000000
03000000 00000000 46000000 00000000
01000000 00000000 3c000000 00000000
32000000 00000000 00000000 00000000
";
    assert_eq!(hex(&copy[..112]), golden.replace(' ', ""));
    assert_eq!(hex(&copy[META_COPY_BYTES - 4..]), "78a7df40\n");
    assert_eq!(Meta::decode(&copy), Ok(meta.clone()));
    // Of four copies the sound one that was written last counts.
    let older = Meta {
        seq: 8,
        ..meta.clone()
    }
    .encode();
    let mut file = [older, older, copy, copy].concat();
    file[2 * META_COPY_BYTES + 20] ^= 1;
    let copies = MetaCopies::parse(&file);
    assert_eq!(copies.newest(), Some(&meta));
    assert_eq!(copies.problems().len(), 1);
}

#[test]
fn a_group_of_records_has_its_golden_bytes() {
    let seed = header().seed();
    let head = RecordHeader {
        kind: 7,
        schema: 2,
        lsn: 1_000,
        time_us: 1_700_000_000_000_001,
        ..RecordHeader::default()
    };
    let mut group = vec![0xFF; framed_len(5) + framed_len(0)];
    let (first, second) = group.split_at_mut(framed_len(5));
    assert_eq!(
        lay_act(first, &head, b"hello", &[body_crc(b"hello")]),
        1_000
    );
    let bare = RecordHeader {
        kind: KIND_MARK,
        flags: FLAG_BARE,
        lsn: 1_000,
        ..head
    };
    lay_act(second, &bare, &[], &[body_crc(&[])]);
    let link = stamp_group(&mut group, 2, 999, 0xdead_beef, seed);
    let golden = "\
a15c0700 05000000 e8030000 00000000
01401e18 240a0600 e7030000 00000000
02000000 efbeadde 1db513ff 3ef1d41d
68656c6c 6f000000 a15cf005 00000000
e8030000 00000000 01401e18 240a0600
e7030000 00000000 02000000 3ef1d41d
00000000 c599a37a
";
    assert_eq!(hex(&group), golden.replace(' ', ""));
    let record = RecordHeader::decode(&group, seed).unwrap();
    assert_eq!(
        (
            record.lsn,
            record.body_len,
            record.flags,
            record.durable_lsn
        ),
        (1_000, 5, 0, 999)
    );
    assert_eq!(record.hdr_crc, link, "a bare record is not linked to");
    let mark = RecordHeader::decode(&group[framed_len(5)..], seed).unwrap();
    assert_eq!(
        (mark.lsn, mark.flags, mark.prev_crc),
        (1_000, FLAG_BARE | FLAG_END, link)
    );
    assert_eq!(record.encode(seed), group[..HEADER_BYTES]);
    assert!(
        RecordHeader::decode(&group, seed + 1).is_err(),
        "another segment's record is none of ours"
    );
}

#[test]
fn a_long_act_is_cut_into_records_with_their_own_lsns() {
    let body: Vec<u8> = (0..20_000u32).map(|index| index as u8).collect();
    let crcs: Vec<u32> = body.chunks(BODY_BYTES_MAX).map(body_crc).collect();
    let head = RecordHeader {
        kind: 1,
        lsn: 5,
        ..RecordHeader::default()
    };
    let mut out = vec![0; act_framed_len(body.len())];
    assert_eq!(lay_act(&mut out, &head, &body, &crcs), 7);
    stamp_group(&mut out, 3, 4, 0, 9);
    let mut at = 0;
    let mut joined = Vec::new();
    for (lsn, flags) in [(5, FLAG_MORE), (6, FLAG_MORE), (7, FLAG_END)] {
        let record = RecordHeader::decode(&out[at..], 9).unwrap();
        assert_eq!((record.lsn, record.flags), (lsn, flags));
        joined.extend_from_slice(
            &out[at + HEADER_BYTES..at + HEADER_BYTES + record.body_len as usize],
        );
        at += record.framed_len();
    }
    assert_eq!((at, joined), (out.len(), body));
}

#[test]
fn framed_lengths_are_exact() {
    for (body, framed) in [
        (0, 48),
        (1, 56),
        (8, 56),
        (9, 64),
        (8192, 8240),
        (8193, 8240 + 56),
        (16_384, 16_480),
    ] {
        assert_eq!(act_framed_len(body), framed, "{body}");
    }
}

#[test]
fn names_and_kinds_are_fixed() {
    let name = "seg-0000000003-00000000000000001000.wal";
    assert_eq!(segment_name(3, 1_000), name);
    assert_eq!(parse_segment_name(name), Some((3, 1_000)));
    for wrong in [
        "seg-3-1000.wal",
        "seg-0000000003-00000000000000001000.wal.bak",
        "seg-+000000003-00000000000000001000.wal",
    ] {
        assert_eq!(parse_segment_name(wrong), None);
    }
    assert_eq!((KIND_MARK, KIND_CLOSE), (0xF0, 0xF1));
}

#[test]
fn field_tables_have_no_gap_up_to_their_crc() {
    let tables: [(Vec<Field>, usize); 2] = [
        (RecordHeader::default().fields(), 48),
        (header().fields(), HEADER_COPY_BYTES),
    ];
    for (fields, len) in tables {
        let mut next = 0;
        for field in &fields {
            let hole = field.offset - next;
            assert!(
                hole == 0 || field.name == "crc",
                "{} follows on",
                field.name
            );
            next = field.offset + field.len;
        }
        assert_eq!(next, len);
    }
}
