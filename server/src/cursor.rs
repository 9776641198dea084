//! Cursors: where the next page of one list starts.
//!
//! ```text
//! hex( LSN u64 BE · leg u8 · first 4 bytes of SHA-256 over (list and filters, LSN, leg) )
//! ```
//! The check ties a cursor to its list: with another wallet or other filters it would silently skip entries.

use engine::HistoryPosition;
use sha2::{Digest, Sha256};

use crate::problem::{Code, Outcome, Problem};

const POSITION_BYTES: usize = 9;
const CHECK_BYTES: usize = 4;
const CURSOR_BYTES: usize = POSITION_BYTES + CHECK_BYTES;

/// One list with its filters.
pub(crate) struct Scope(Sha256);

// === impl Scope ===

impl Scope {
    /// The list that these words tell apart from every other one.
    pub(crate) fn new(words: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for word in words {
            hash.update((word.len() as u64).to_le_bytes());
            hash.update(word);
        }
        Self(hash)
    }

    /// The cursor behind which the next page starts.
    pub(crate) fn encode(&self, position: HistoryPosition) -> String {
        self.bytes(position)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Where to go on.
    pub(crate) fn decode(&self, cursor: &str) -> Outcome<HistoryPosition> {
        let position = parse(cursor).filter(|position| self.encode(*position) == cursor);
        position.ok_or_else(|| {
            let detail = "the cursor is damaged or belongs to another list";
            Problem::new(Code::InvalidCursor, detail)
        })
    }

    fn bytes(&self, position: HistoryPosition) -> [u8; CURSOR_BYTES] {
        let mut bytes = [0; CURSOR_BYTES];
        bytes[..8].copy_from_slice(&position.lsn.to_be_bytes());
        bytes[8] = position.leg;
        let mut hash = self.0.clone();
        hash.update(&bytes[..POSITION_BYTES]);
        bytes[POSITION_BYTES..].copy_from_slice(&hash.finalize()[..CHECK_BYTES]);
        bytes
    }
}

fn parse(cursor: &str) -> Option<HistoryPosition> {
    if cursor.len() != 2 * CURSOR_BYTES || !cursor.is_ascii() {
        return None;
    }
    let lsn = u64::from_str_radix(&cursor[..16], 16).ok()?;
    let leg = u8::from_str_radix(&cursor[16..18], 16).ok()?;
    Some(HistoryPosition { lsn, leg })
}

#[cfg(test)]
mod tests {
    use super::Scope;
    use engine::HistoryPosition;

    #[test]
    fn comes_back_in_its_own_list_only() {
        let scope = Scope::new(&["history", "7", "", "desc"]);
        for position in [
            HistoryPosition { lsn: 1, leg: 0 },
            HistoryPosition {
                lsn: u64::MAX,
                leg: u8::MAX,
            },
        ] {
            let cursor = scope.encode(position);
            assert_eq!(scope.decode(&cursor).unwrap(), position);
            let others = [
                ["history", "8", "", "desc"],
                ["history", "7", "earn", "desc"],
                ["history", "", "7", "desc"],
            ];
            for words in others {
                assert!(Scope::new(&words).decode(&cursor).is_err(), "{words:?}");
            }
        }
    }

    #[test]
    fn refuses_every_damage() {
        let scope = Scope::new(&["history"]);
        let cursor = scope.encode(HistoryPosition { lsn: 77, leg: 1 });
        for at in 0..cursor.len() {
            let mut damaged = cursor.clone().into_bytes();
            damaged[at] = if damaged[at] == b'0' { b'1' } else { b'0' };
            let damaged = String::from_utf8(damaged).unwrap();
            assert!(scope.decode(&damaged).is_err(), "{damaged}");
        }
        for text in [
            "",
            "x",
            &cursor[1..],
            &cursor.to_uppercase(),
            &format!("{cursor}0"),
            "+000000000000000000000000z",
            "ééééééééééééé",
        ] {
            assert!(scope.decode(text).is_err(), "{text}");
        }
    }
}
