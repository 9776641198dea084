//! `X-Request-Id`: the client's own if it sends a sound one, else one that no other request has.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id taken from a client: it is repeated in the answer and in log lines.
const CLIENT_ID_CHARS_MAX: usize = 128;

/// Hexadecimal digits of the part that differs from process to process.
const PREFIX_DIGITS: usize = 8;

/// Hexadecimal digits of the part that counts.
const COUNT_DIGITS: usize = 10;

/// Where fresh ids come from.
pub(crate) struct RequestIds {
    prefix: u64,
    next: AtomicU64,
}

// === impl RequestIds ===

impl RequestIds {
    pub(crate) fn new() -> Self {
        Self {
            prefix: RandomState::new().build_hasher().finish(),
            next: AtomicU64::new(1),
        }
    }

    /// The id of a request with these headers.
    pub(crate) fn of(&self, headers: &HeaderMap) -> HeaderValue {
        let given = headers
            .get(X_REQUEST_ID)
            .filter(|value| is_sound(value.as_bytes()));
        given.cloned().unwrap_or_else(|| self.fresh())
    }

    fn fresh(&self) -> HeaderValue {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        let mut text = [b'-'; PREFIX_DIGITS + 1 + COUNT_DIGITS];
        write_hex(&mut text[..PREFIX_DIGITS], self.prefix);
        write_hex(&mut text[PREFIX_DIGITS + 1..], count);
        let value = HeaderValue::from_bytes(&text);
        value.unwrap_or_else(|_| unreachable!("hexadecimal digits make a header"))
    }
}

fn is_sound(id: &[u8]) -> bool {
    (1..=CLIENT_ID_CHARS_MAX).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

/// Fills the slice with the low digits of a number.
fn write_hex(out: &mut [u8], mut number: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::{RequestIds, X_REQUEST_ID};
    use hyper::header::{HeaderMap, HeaderValue};

    #[test]
    fn makes_ids_that_differ() {
        let ids = RequestIds::new();
        let (first, second) = (ids.of(&HeaderMap::new()), ids.of(&HeaderMap::new()));
        assert_ne!(first, second);
        assert_eq!(first.len(), 19);
        assert!(first.to_str().unwrap().ends_with("-0000000001"));
        assert_eq!(first.as_bytes()[..9], second.as_bytes()[..9]);
    }

    #[test]
    fn takes_a_sound_id_and_replaces_any_other() {
        let ids = RequestIds::new();
        let long = "x".repeat(129);
        for (given, taken) in [
            ("abc-1", true),
            ("a b", false),
            ("", false),
            (long.as_str(), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID, HeaderValue::from_str(given).unwrap());
            assert_eq!(ids.of(&headers) == given, taken, "{given}");
        }
    }
}
