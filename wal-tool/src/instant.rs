//! Instants as people write and read them: RFC 3339 outside, microseconds inside.

use engine::domain::Timestamp;

/// An instant with six digits of fraction, so that columns line up and nothing is rounded. One that no
/// calendar holds is shown as its number.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    match jiff::Timestamp::from_microsecond(at.0) {
        Ok(instant) => format!("{instant:.6}"),
        Err(_) => format!("{}us", at.0),
    }
}

/// This instant, for questions about now. The tool decides nothing by it.
pub(crate) fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_microsecond())
}

/// The minute an instant lies in, in UTC.
pub(crate) fn minute(at: Timestamp) -> String {
    let text = rfc3339(at);
    // "2026-07-31T09:12:44.123456Z" cut behind the minutes.
    match text.rmatch_indices(':').next() {
        Some((colon, _)) => format!("{}Z", &text[..colon]),
        None => text,
    }
}

/// An instant from the command line: RFC 3339 with its offset, or a plain date, which is midnight UTC.
pub(crate) fn parse(text: &str) -> Result<Timestamp, String> {
    let instant = match text.parse::<jiff::Timestamp>() {
        Ok(instant) => instant,
        Err(error) => {
            let date = text.parse::<jiff::civil::Date>();
            let midnight = date.ok().filter(|_| text.len() == "2026-07-31".len());
            let zoned = midnight.and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok());
            zoned
                .map(|zoned| zoned.timestamp())
                .ok_or_else(|| format!("not RFC 3339, like 2026-07-31T09:00:00Z: {error}"))?
        }
    };
    Ok(Timestamp(instant.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let rows = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01T09:00:00+09:00", Some(0)),
            ("1970-01-01T00:00:00.000001Z", Some(1)),
            ("1970-01-02", Some(86_400_000_000)),
            ("1970-01-01T00:00:00", None),
            ("yesterday", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parse(text).ok(), expected.map(Timestamp), "{text}");
        }
    }

    #[test]
    fn writes_six_digits_and_cuts_to_the_minute() {
        let at = Timestamp(86_400_000_000 + 61_000_000);
        assert_eq!(rfc3339(at), "1970-01-02T00:01:01.000000Z");
        assert_eq!(minute(at), "1970-01-02T00:01Z");
        assert_eq!(rfc3339(Timestamp(i64::MAX)), "9223372036854775807us");
    }
}
