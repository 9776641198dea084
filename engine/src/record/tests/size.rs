//! The largest acts fit where they must, and come back.

use super::samples::{KEY, settlement};
use super::*;
use crate::domain::*;

/// The journal's limit of an act (`journal::ACT_BYTES_MAX`); the codec knows no journal.
const ACT_BYTES_MAX: usize = 256 * 1024;

/// Lot numbers below 2^32 take five bytes; a wallet reaches them after four thousand million grants.
const LOT: u64 = (1 << 32) - 1;

/// Takes nine bytes, and 16,384 of it stay below 2^53.
const POINTS: u64 = 1 << 38;

fn description() -> Description {
    Description::new(&"🎁".repeat(DESCRIPTION_CHARS_MAX)).unwrap()
}

fn standing(id: u64) -> Standing {
    Standing {
        wallet: WalletId::new(NUMBER_MAX - id).unwrap(),
        version: NUMBER_MAX,
        paid: (NUMBER_MAX - POINTS).cast_signed(),
        free: POINTS.cast_signed(),
    }
}

/// Every lot a wallet may hold, spread over every bucket it may hold.
fn everything() -> Runs {
    let run = |at: usize| Run {
        bucket: BucketKey {
            fund: Fund::Paid,
            expires_at: Some(Timestamp(i64::MAX - at as i64)),
        },
        pieces: (0..LOTS_MAX / BUCKETS_MAX)
            .map(|lot| Piece {
                lot: LOT - lot as u64,
                amount: POINTS,
            })
            .collect(),
    };
    (0..BUCKETS_MAX).map(run).collect()
}

fn check(event: Event) {
    let content = Content::Event(event);
    let record = Record {
        key: Some(KEY),
        content,
    };
    let (kind, schema, body) = encoded(&record);
    assert!(body.len() <= ACT_BYTES_MAX, "{} bytes", body.len());
    assert!(decode(kind, schema, &body).unwrap() == record);
}

#[test]
fn a_statement_is_one_record() {
    // Its company keeps one LSN for it: the first one of an act is the last one then. 8 KiB: `journal::BODY_BYTES_MAX`.
    let event = settlement::longest();
    let mut body = Vec::new();
    encode_event(&event, Some(KEY), &mut body);
    assert!(body.len() <= 8 * 1024, "{} bytes", body.len());
    check(event);
}

#[test]
fn a_use_of_every_lot_fits_into_one_act() {
    check(Event::Used(Used {
        standing: standing(0),
        runs: everything(),
        description: description(),
        aside: None,
    }));
}

#[test]
fn a_cancel_of_every_lot_fits_into_one_act() {
    let runs = everything();
    check(Event::UseCancelled(Box::new(UseCancelled {
        standing: standing(0),
        entry: EntryRef::new(TransactionId(NUMBER_MAX), u8::MAX),
        used_at: Timestamp(i64::MAX),
        returned: amount_of(&runs),
        runs,
        forget_before: Timestamp(i64::MIN),
        description: description(),
        aside: None,
    })));
}

#[test]
fn a_transfer_of_every_lot_to_everyone_fits_into_one_act() {
    let runs = everything();
    let share = BUCKETS_MAX / RECEIVERS_MAX;
    let to = runs.chunks(share).enumerate().map(|(at, runs)| {
        let mut runs: Runs = runs.iter().cloned().collect();
        // A lot that is split between two receivers is named in both.
        let first = &mut runs[0].pieces[0];
        first.amount -= 1;
        Received {
            standing: standing(at as u64 + 1),
            lots: runs.iter().map(|_| LOT).collect(),
            runs,
        }
    });
    check(Event::Transferred(Box::new(Transferred {
        from: standing(0),
        to: to.collect(),
        description: description(),
    })));
}

#[test]
fn a_use_of_every_lot_of_one_small_bucket_is_read_back() {
    // One-byte numbers: the decoder counts each as eight.
    let piece = |_| Piece { lot: 1, amount: 1 };
    let bucket = BucketKey {
        fund: Fund::Free,
        expires_at: None,
    };
    let pieces = (0..LOTS_MAX).map(piece).collect();
    check(Event::Used(Used {
        standing: standing(0),
        runs: [Run { bucket, pieces }].into_iter().collect(),
        description: description(),
        aside: None,
    }));
}
