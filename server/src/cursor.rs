//! Cursors: where the next page of one list starts.
//!
//! ```text
//! hex( place · first 4 bytes of SHA-256 over (list and filters, place) )      place of a history: LSN u64 BE · leg u8
//! ```
//! The check ties a cursor to its list: with another wallet or other filters it would silently skip entries.

use engine::HistoryPosition;
use sha2::{Digest, Sha256};

use crate::problem::{Code, Outcome, Problem};

const POSITION_BYTES: usize = 9;
const CHECK_BYTES: usize = 4;

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
        let mut place = [0; POSITION_BYTES];
        place[..8].copy_from_slice(&position.lsn.to_be_bytes());
        place[8] = position.leg;
        self.seal(&place)
    }

    /// Where to go on.
    pub(crate) fn decode(&self, cursor: &str) -> Outcome<HistoryPosition> {
        let [lsn @ .., leg] = self.open::<POSITION_BYTES>(cursor)?;
        let lsn = u64::from_be_bytes(lsn);
        Ok(HistoryPosition { lsn, leg })
    }

    /// The place of a cursor that is one number.
    pub(crate) fn number(&self, cursor: &str) -> Outcome<u64> {
        self.open(cursor).map(u64::from_be_bytes)
    }

    /// The cursor of a place in a list of another kind.
    pub(crate) fn seal(&self, place: &[u8]) -> String {
        let mut hash = self.0.clone();
        hash.update(place);
        let check = hash.finalize();
        let bytes = place.iter().chain(&check[..CHECK_BYTES]);
        bytes.map(|byte| format!("{byte:02x}")).collect()
    }

    /// The place of a cursor.
    pub(crate) fn open<const N: usize>(&self, cursor: &str) -> Outcome<[u8; N]> {
        let place = parse(cursor).filter(|place| self.seal(place) == cursor);
        place.ok_or_else(|| {
            let detail = "the cursor is damaged or belongs to another list";
            Problem::new(Code::InvalidCursor, detail)
        })
    }
}

fn parse<const N: usize>(cursor: &str) -> Option<[u8; N]> {
    if cursor.len() != 2 * (N + CHECK_BYTES) || !cursor.is_ascii() {
        return None;
    }
    let mut place = [0; N];
    for (at, byte) in place.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&cursor[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(place)
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
