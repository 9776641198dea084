//! Bytes that nobody wrote: decoding says so, and neither panics nor takes memory for them.

use proptest::prelude::*;

use super::golden::{golden, records};
use super::*;
use crate::domain::apply;

/// Decodes, and does with the outcome what a reader would.
fn digest(kind: u8, schema: u16, body: &[u8]) -> bool {
    let Ok(record) = decode(kind, schema, body) else {
        return false;
    };
    if let Content::Event(event) = &record.content {
        for part in event.parts() {
            let entries = part.event.entries();
            let points: u64 = entries.iter().map(|entry| entry.amount).sum();
            assert!(points <= 2 * crate::domain::NUMBER_MAX);
        }
        for (_, role) in event.roles() {
            // Against no wallet and against an empty one: it may not fit, and may not panic.
            let _ = apply(&mut None, role, event);
            let wallet = crate::domain::Wallet::new(crate::domain::Owner::user(1));
            let _ = apply(
                &mut Some(crate::domain::Entity::Wallet(wallet)),
                role,
                event,
            );
        }
    }
    true
}

#[test]
fn every_prefix_and_every_longer_body_is_refused() {
    for (name, record) in records() {
        let (kind, schema, body) = encoded(&record);
        for end in 0..body.len() {
            assert!(
                decode(kind, schema, &body[..end]).is_err(),
                "{name} cut at {end}"
            );
        }
        for byte in [0, 1, 0xff] {
            let mut longer = body.clone();
            longer.push(byte);
            let found = decode(kind, schema, &longer);
            let left_over = matches!(&found, Err(RecordError::Malformed { reason, .. }) if reason == "1 bytes are left over");
            assert!(left_over, "{name}: {found:?}");
        }
    }
}

#[test]
fn every_bit_can_flip_without_a_panic() {
    for (name, _) in records() {
        let body = golden(&name);
        for at in 0..body.len() * 8 {
            let mut flipped = body.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            for (kind, _) in kind::NAMES {
                digest(kind, SCHEMA, &flipped);
                digest(kind, 2, &flipped);
            }
        }
    }
}

#[test]
fn unknown_kinds_and_schemas_are_named() {
    let body = golden("lapsed");
    for (kind, schema) in [
        (0, 1),
        (63, 1),
        (kind::LAPSED | kind::ASIDE, 1),
        (0xf0, 1),
        (255, 1),
        (kind::LAPSED, 0),
        (kind::LAPSED, 2),
    ] {
        let found = decode(kind, schema, &body).unwrap_err();
        let text = format!("record kind {kind} with schema {schema} is unknown to this version");
        assert_eq!(found.to_string(), text);
    }
}

#[test]
fn a_key_is_whole_or_absent() {
    let malformed = |body: &[u8]| decode_key(kind::USED, body).unwrap_err().to_string();
    assert!(malformed(&[]).ends_with("the body is empty"));
    assert!(malformed(&[2]).ends_with("the key flag is neither 0 nor 1"));
    assert!(malformed(&[1; 16]).ends_with("the key is cut short"));
    assert!(malformed(&[1; 24]).ends_with("the key is cut short"));
    assert_eq!(decode_key(kind::USED, &[0]).unwrap(), (None, &[][..]));
}

#[test]
fn a_length_is_not_believed() {
    // The first run list of a use claims 2^60 runs, and its first piece list 2^40 pieces.
    let standing = [42, 4, 100, 0];
    let length = |exponent: u32| {
        let mut bytes = vec![253];
        bytes.extend_from_slice(&(1_u64 << exponent).to_le_bytes());
        bytes
    };
    let runs = [&[0], &standing[..], &length(60)].concat();
    let pieces = [&[0], &standing[..], &[1, 0, 0], &length(40)].concat();
    let text = [&golden("charged")[..7], &length(50)].concat();
    assert!(decode(kind::USED, SCHEMA, &runs).is_err());
    assert!(decode(kind::USED, SCHEMA, &pieces).is_err());
    assert!(decode(kind::CHARGED, SCHEMA, &text).is_err());
}

proptest! {
    #[test]
    fn random_bytes_do_not_panic(
        kind in 0..24_u8,
        schema in 0..3_u16,
        flag in 0..3_u8,
        mut body in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        if let Some(first) = body.first_mut() {
            *first = flag;
        }
        digest(kind, schema, &body);
    }

    #[test]
    fn small_numbers_in_random_order_do_not_panic(
        kind in prop_oneof![1..9_u8, Just(kind::BATCHED)],
        mut body in proptest::collection::vec(0..4_u8, 1..80),
    ) {
        body[0] = 0;
        digest(kind, SCHEMA, &body);
    }

    #[test]
    fn spliced_records_do_not_panic(a in 0..28_usize, b in 0..28_usize, cut in 0..200_usize, other in 0..200_usize) {
        let records = records();
        let (kind, schema, mut body) = encoded(&records[a % records.len()].1);
        let (_, _, tail) = encoded(&records[b % records.len()].1);
        body.truncate(cut);
        body.extend_from_slice(&tail[other.min(tail.len())..]);
        digest(kind, schema, &body);
    }
}
