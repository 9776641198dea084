//! `Idempotency-Key`: from the header to the two hashes that the journal keeps.
//!
//! ```text
//! id          of caller, route template and key: made where the log is read, too
//! fingerprint first 8 bytes of SHA-256 over (path, raw body)
//! ```

use engine::record::{CALLER_ANONYMOUS, IdempotencyKey, hash_parts, key_id};
use hyper::header::{HeaderMap, HeaderName};

use crate::problem::{Code, Outcome};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Longest key, characters.
const KEY_CHARS_MAX: usize = 255;

/// The key in the header; `None` without one.
pub(crate) fn from_headers(headers: &HeaderMap) -> Outcome<Option<&str>> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let problem = || Code::InvalidIdempotencyKey.plain();
    if values.next().is_some() {
        return Err(problem());
    }
    let text = value.to_str().map_err(|_| problem())?;
    let bare = match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').ok_or_else(problem)?,
        None => text,
    };
    is_key(bare).then_some(Some(bare)).ok_or_else(problem)
}

/// Whether a text can be a key: 1–255 visible ASCII characters.
pub(crate) fn is_key(text: &str) -> bool {
    (1..=KEY_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What the engine remembers a request by.
pub(crate) fn digest(template: &str, key: &str, path: &str, body: &[u8]) -> IdempotencyKey {
    let print = hash_parts([path.as_bytes(), body]);
    let mut first = [0; 8];
    first.copy_from_slice(&print[..8]);
    IdempotencyKey {
        id: key_id(CALLER_ANONYMOUS, template, key),
        fingerprint: u64::from_le_bytes(first),
    }
}

#[cfg(test)]
mod tests {
    use super::{digest, from_headers, is_key};
    use hyper::header::{HeaderMap, HeaderValue};

    #[test]
    fn takes_a_key_in_quotes_or_bare() {
        let long = "k".repeat(255);
        let quoted = format!("\"{long}\"");
        let table = [
            ("abc", Some("abc")),
            ("\"abc\"", Some("abc")),
            ("a\"b", Some("a\"b")),
            (long.as_str(), Some(long.as_str())),
            (quoted.as_str(), Some(long.as_str())),
            ("", None),
            ("\"\"", None),
            ("\"", None),
            ("\"abc", None),
            ("a b", None),
            ("a\tb", None),
        ];
        for (value, expected) in table {
            let mut headers = HeaderMap::new();
            headers.insert("idempotency-key", HeaderValue::from_str(value).unwrap());
            assert_eq!(from_headers(&headers).ok().flatten(), expected, "{value}");
        }
        assert_eq!(from_headers(&HeaderMap::new()).unwrap(), None);
        assert!(!is_key(&"k".repeat(256)));
        assert!(!is_key("schlüssel"));
    }

    #[test]
    fn refuses_two_headers() {
        let mut headers = HeaderMap::new();
        headers.append("idempotency-key", HeaderValue::from_static("a"));
        headers.append("idempotency-key", HeaderValue::from_static("a"));
        assert!(from_headers(&headers).is_err());
    }

    #[test]
    fn tells_every_part_apart() {
        let first = digest("POST /v1/transfers", "k", "/v1/transfers", b"{}");
        let same = digest("POST /v1/transfers", "k", "/v1/transfers", b"{}");
        assert_eq!(first, same);
        let other_key = digest("POST /v1/transfers", "l", "/v1/transfers", b"{}");
        assert_ne!(first.id, other_key.id);
        assert_eq!(first.fingerprint, other_key.fingerprint);
        assert_ne!(first.id, digest("POST /v1/bulk", "k", "", b"").id);
        assert_ne!(first.id, digest("POST /v1/transfersk", "", "", b"").id);
        let other_body = digest("POST /v1/transfers", "k", "/v1/transfers", b"{ }");
        assert_eq!(first.id, other_body.id);
        assert_ne!(first.fingerprint, other_body.fingerprint);
        let shifted = digest("POST /v1/transfers", "k", "/v1/transfers{", b"}");
        assert_ne!(first.fingerprint, shifted.fingerprint);
    }
}
