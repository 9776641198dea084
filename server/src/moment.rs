//! Instants as JSON shows them: RFC 3339, UTC, always six decimals.

use jiff::fmt::temporal::DateTimePrinter;
use serde::{Serialize, Serializer};

use engine::domain::Timestamp;

/// `2025-06-01T12:00:00.000000Z`, with room for the years of five characters.
const TEXT_BYTES: usize = 32;

const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

/// An instant on its way out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Moment(pub(crate) Timestamp);

/// Reads RFC 3339. `None` for anything else, for finer than microseconds, and outside the calendar.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"-+:.TtZz".contains(&byte));
    let dated = text.len() >= 20 && matches!(text.as_bytes()[10], b'T' | b't');
    let zoned = text.ends_with(['Z', 'z'])
        || text.as_bytes().get(text.len().wrapping_sub(3)) == Some(&b':');
    if !(plain && dated && zoned) {
        return None;
    }
    let instant: jiff::Timestamp = text.parse().ok()?;
    let fine = instant.subsec_nanosecond() % 1_000 != 0;
    (!fine).then(|| Timestamp(instant.as_microsecond()))
}

/// Appends an instant. One outside the calendar, which only a damaged log can hold, is clamped to it.
pub(crate) fn append(out: &mut String, at: Timestamp) {
    let clamped = jiff::Timestamp::from_microsecond(at.0);
    let edge = if at.0 < 0 {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    };
    let instant = clamped.unwrap_or(edge);
    let printed = PRINTER.print_timestamp(&instant, &mut *out);
    assert!(printed.is_ok(), "a string takes every text");
}

/// An instant as a text.
pub(crate) fn text(at: Timestamp) -> String {
    Moment(at).text()
}

impl Moment {
    fn text(self) -> String {
        let mut text = String::with_capacity(TEXT_BYTES);
        append(&mut text, self.0);
        text
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::{Moment, parse};
    use engine::domain::Timestamp;

    #[test]
    fn reads_rfc_3339_and_nothing_else() {
        let noon = Some(Timestamp(1_748_779_200_000_000));
        let table = [
            ("2025-06-01T12:00:00Z", noon),
            ("2025-06-01t12:00:00z", noon),
            ("2025-06-01T12:00:00.000000Z", noon),
            ("2025-06-01T21:00:00+09:00", noon),
            (
                "2025-06-01T12:00:00.000001Z",
                Some(Timestamp(1_748_779_200_000_001)),
            ),
            ("2025-06-01T12:00:00.0000001Z", None),
            ("2025-06-01 12:00:00Z", None),
            ("2025-06-01T12:00:00", None),
            ("2025-06-01T12:00:00+09", None),
            ("2025-06-01T12:00:00+09:00[Asia/Tokyo]", None),
            ("2025-06-01", None),
            ("2025-02-30T12:00:00Z", None),
            ("20250601T120000Z", None),
            ("99999-06-01T12:00:00Z", None),
            ("", None),
            ("now", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn prints_what_it_reads() {
        for text in ["2025-06-01T12:00:00.000000Z", "1969-12-31T23:59:59.999999Z"] {
            assert_eq!(
                parse(text).map(|at| Moment(at).text()).as_deref(),
                Some(text)
            );
        }
        assert_eq!(
            Moment(Timestamp(i64::MAX)).text(),
            "9999-12-30T22:00:00.999999Z"
        );
    }
}
