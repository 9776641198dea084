//! `request`: bytes as the body of every route that reads one.

/// A body that any route takes is a JSON object; none makes a route panic.
pub fn request(bytes: &[u8]) {
    let taken = server::fuzzing::read_bodies(bytes);
    if taken > 0 && !bytes.is_empty() {
        let parsed: Result<serde_json::Value, _> = serde_json::from_slice(bytes);
        assert!(
            parsed.is_ok_and(|value| value.is_object()),
            "a route took what is no JSON object"
        );
    }
}
