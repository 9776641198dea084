//! What an idempotency key is remembered by.
//!
//! ```text
//! id = first 16 bytes of SHA-256 over (caller, route, key), each part behind its length as u64 LE
//! ```
//! The server makes it from a request, the tool from what an operator types: one place, so that the two never part.
//! Knows no headers and no routes.

use sha2::{Digest, Sha256};

/// Who asks, until callers have names.
pub const CALLER_ANONYMOUS: &str = "anonymous";

/// The id of a key that `caller` used on `route` (method and path template).
pub fn key_id(caller: &str, route: &str, key: &str) -> u128 {
    let parts = [caller.as_bytes(), route.as_bytes(), key.as_bytes()];
    u128::from_le_bytes(hash_parts(parts))
}

/// First 16 bytes of SHA-256 over parts that cannot run into each other.
pub fn hash_parts<const N: usize>(parts: [&[u8]; N]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let mut first = [0; 16];
    first.copy_from_slice(&hash.finalize()[..16]);
    first
}

#[cfg(test)]
mod tests {
    use super::key_id;

    #[test]
    fn is_the_same_for_ever() {
        // Stands in logs: another value would forget every key in them.
        let id = key_id("anonymous", "POST /v1/transfers", "k");
        assert_eq!(format!("{id:032x}"), "caeb609581dc9758d534404c3a4c0a35");
    }
}
