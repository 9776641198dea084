//! `record`: the first byte is the kind, the rest a body.

use engine::domain::{Entity, NUMBER_MAX, Owner, Wallet, apply};
use engine::record::{Content, SCHEMA, decode, encode_event, encode_refusal};

use super::Bytes;

/// A body decodes to what encodes to the same meaning, or not at all.
pub fn record(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let kind = bytes.byte();
    let Ok(record) = decode(kind, SCHEMA, bytes.0) else {
        return;
    };
    let mut again = Vec::new();
    let same = match &record.content {
        Content::Event(event) => {
            let entries = event.entries();
            assert!(entries.iter().all(|entry| entry.amount <= NUMBER_MAX));
            assert_eq!(entries.len(), event.roles().len());
            for (_, role) in event.roles() {
                // It need not fit a wallet that knows nothing of it; it may not break it either.
                let wallet = Wallet::new(Owner::user(1));
                let _ = apply(&mut Some(Entity::Wallet(wallet)), role, event);
                let _ = apply(&mut None, role, event);
            }
            encode_event(event, record.key, &mut again)
        }
        Content::Refused(rejection) => {
            assert!(!rejection.code().is_empty());
            let Some(key) = record.key else {
                return;
            };
            encode_refusal(rejection, key, &mut again)
        }
    };
    assert_eq!(same, kind);
    assert!(
        again.len() <= bytes.0.len(),
        "written again it is not longer"
    );
    assert_eq!(decode(kind, SCHEMA, &again).ok(), Some(record));
}
