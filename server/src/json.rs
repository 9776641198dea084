//! JSON written by hand where every nanosecond counts: numbers, strings, members.

/// Appends a number.
pub(crate) fn number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends a string with its quotes.
pub(crate) fn text(out: &mut Vec<u8>, text: &str) {
    let written = serde_json::to_writer(out, text);
    assert!(written.is_ok(), "memory takes every string");
}

/// Appends `,"name":number`; the name must need no escape.
pub(crate) fn member(out: &mut Vec<u8>, name: &'static str, value: impl itoa::Integer) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    number(out, value);
}
