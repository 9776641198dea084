//! `record`: the first byte is the kind, an odd second one asks for the layout after the first, the rest is a body.

use engine::domain::{Entity, EntityKind, Event, NUMBER_MAX, Owner, Wallet, apply};
use engine::record::{Content, SCHEMA, decode, encode_event, encode_refusal};

use super::Bytes;

/// A body decodes to what encodes to the same meaning, or not at all.
pub fn record(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let kind = bytes.byte();
    let schema = SCHEMA + u16::from(bytes.byte() & 1);
    let Ok(record) = decode(kind, schema, bytes.0) else {
        return;
    };
    let mut again = Vec::new();
    let same = match &record.content {
        Content::Event(event) => {
            let entries = event.entries();
            assert!(entries.iter().all(|entry| entry.amount <= NUMBER_MAX));
            for part in event.parts() {
                // An entry for each wallet; what is touched besides, a company or the settings, has no history.
                assert_eq!(part.event.entries().len(), wallets(part.event));
            }
            assert!(entries.len() >= wallets(event));
            for (_, role) in event.roles() {
                // It need not fit a wallet that knows nothing of it; it may not break it either.
                let wallet = Wallet::new(Owner::user(1));
                let _ = apply(&mut Some(Entity::Wallet(wallet)), role, event);
                let _ = apply(&mut None, role, event);
            }
            (encode_event(event, record.key, &mut again), SCHEMA)
        }
        Content::Refused(denial) => {
            assert!(!denial.rejection.code().is_empty());
            let Some(key) = record.key else {
                return;
            };
            encode_refusal(denial, key, &mut again)
        }
    };
    assert_eq!(same, (kind, schema));
    assert!(
        again.len() <= bytes.0.len(),
        "written again it is not longer"
    );
    assert_eq!(decode(kind, schema, &again).ok(), Some(record));
}

fn wallets(event: &Event) -> usize {
    let roles = event.roles();
    let kinds = roles.iter().map(|(id, _)| id.kind);
    kinds.filter(|kind| *kind == EntityKind::Wallet).count()
}
