//! Tests of the codec: bytes that must stay, values that must come back, bytes that make no sense.

mod golden;
mod hostile;
mod mirror;
mod round_trip;
mod samples;
mod size;

use super::*;

/// The body of a record, with its kind and schema.
fn encoded(record: &Record) -> (u8, u16, Vec<u8>) {
    let mut body = Vec::new();
    let (kind, schema) = match &record.content {
        Content::Event(event) => (encode_event(event, record.key, &mut body), SCHEMA),
        Content::Refused(denial) => encode_refusal(denial, record.key.unwrap(), &mut body),
    };
    (kind, schema, body)
}
