//! Which of several forms of an answer the client likes best.
//!
//! Knows media types with their weights, as `Accept` lists them; refuses to know what the forms are.

use hyper::header::{ACCEPT, HeaderMap};

/// Whoever asks for nothing else gets this.
const JSON: &str = "application/json";

/// The form that is liked best of those offered beside JSON, the first one of several; `None`: JSON. A type counts if it
/// is named itself: whoever takes anything gets JSON.
pub(crate) fn preferred<'a>(headers: &HeaderMap, offered: &[&'a str]) -> Option<&'a str> {
    let (mut best, mut most) = (None, weight(headers, JSON));
    for kind in offered {
        let weight = weight(headers, kind);
        // JSON gives way to its equals, and nobody else does.
        let is_better = weight > most || (best.is_none() && weight == most);
        if weight > 0.0 && is_better {
            (best, most) = (Some(*kind), weight);
        }
    }
    best
}

/// From 0, for what is not named, to 1.
fn weight(headers: &HeaderMap, kind: &str) -> f32 {
    let accepted = headers.get_all(ACCEPT).iter();
    let accepted = accepted.filter_map(|value| value.to_str().ok());
    let ranges = accepted.flat_map(|value| value.split(','));
    let named = ranges.filter_map(|range| {
        let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
        let weight = parameters.split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            (name.trim().eq_ignore_ascii_case("q")).then(|| value.trim().parse().ok())?
        });
        (name.trim().eq_ignore_ascii_case(kind)).then(|| weight.unwrap_or(1.0))
    });
    named.fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn the_form_that_is_liked_best_is_chosen() {
        let chosen = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
            preferred(&headers, &["text/csv", "text/html"])
        };
        for (accept, due) in [
            ("*/*", None),
            ("application/json", None),
            ("text/csv", Some("text/csv")),
            ("application/json;q=0.5, Text/CSV", Some("text/csv")),
            ("application/json, text/csv", Some("text/csv")),
            ("application/json, text/csv;q=0.1", None),
            ("text/csv;q=0", None),
            ("text/csv;q=0.5,text/html", Some("text/html")),
            ("text/csv;q=0.5,text/html;q=0.5", Some("text/csv")),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                Some("text/html"),
            ),
            ("text/csv;q=much", Some("text/csv")),
        ] {
            assert_eq!(chosen(accept), due, "{accept}");
        }
        assert_eq!(preferred(&HeaderMap::new(), &["text/csv"]), None);
    }
}
