//! The payload of a batch: the records of its events, each as it would be alone.
//!
//! ```text
//! payload = count · ( kind u8 · schema · length · payload )…      integers as everywhere in payloads
//! ```
//! So an event has one layout, in a batch or alone, and one decoder for each version of it. A batch within a batch is
//! unknown here, whatever it holds: no bytes make the decoder call itself.

use super::{RecordError, SCHEMA, WIRE, decode_event, encode_bare, kind, left_over};
use crate::domain::{BATCH_LEGS_MAX, Batched};

/// One event: kind, schema, payload.
type Written<P> = (u8, u16, P);

/// Appends the payload and gives its kind.
pub(super) fn encode(batch: &Batched, payload: &mut Vec<u8>) -> u8 {
    let written = batch.events.iter().map(|event| {
        let mut bytes = Vec::new();
        let kind = encode_bare(event, &mut bytes);
        (kind, SCHEMA, bytes)
    });
    let written: Vec<Written<Vec<u8>>> = written.collect();
    super::encode(kind::BATCHED, &written, payload)
}

/// Reads the payload back.
pub(super) fn decode(payload: &[u8]) -> Result<Batched, RecordError> {
    let malformed = |reason: String| RecordError::Malformed {
        kind: kind::BATCHED,
        reason,
    };
    let read = bincode::serde::borrow_decode_from_slice::<Vec<Written<&[u8]>>, _>(payload, WIRE);
    let (written, used) = read.map_err(|error| malformed(error.to_string()))?;
    if used != payload.len() {
        return Err(left_over(kind::BATCHED, &payload[used..]));
    }
    if written.len() > BATCH_LEGS_MAX {
        return Err(malformed(format!("{} events in one batch", written.len())));
    }
    let events: Result<_, _> = written
        .into_iter()
        .map(|(kind, schema, payload)| decode_event(kind, schema, payload))
        .collect();
    Ok(Batched { events: events? })
}
