//! A statement as CSV: a header, and one line, so that many of them put together are a table.

use super::statement::{Bill, Lines, Settlement};
use crate::moment;

/// The type under which it is asked for.
pub(super) const KIND: &str = "text/csv";

/// The type under which it is given.
pub(super) const CONTENT_TYPE: &str = "text/csv; charset=utf-8; header=present";

/// The header and the line.
pub(super) fn text(settlement: &Settlement<'_>) -> String {
    let statement = &settlement.statement;
    let lsn = |lsn: Option<u64>| lsn.map_or_else(String::new, |lsn| lsn.to_string());
    let instant = |at: moment::Moment| {
        let mut text = String::new();
        moment::append(&mut text, at.0);
        text
    };
    let mut cells = vec![
        ("company".to_owned(), statement.company.to_string()),
        ("period".to_owned(), statement.period.clone()),
        ("from".to_owned(), instant(statement.from)),
        ("to".to_owned(), instant(statement.to)),
        ("zone".to_owned(), quoted(statement.zone)),
        ("state".to_owned(), settlement.state.to_owned()),
    ];
    for (fund, lines) in [("paid", &statement.paid), ("free", &statement.free)] {
        let of_fund = lines.figures().into_iter();
        cells.extend(of_fund.map(|(name, figure)| (format!("{name}_{fund}"), figure.to_string())));
    }
    let bill = statement.bill.figures().into_iter();
    cells.extend(bill.map(|(name, figure)| (name.to_owned(), figure.to_string())));
    cells.extend([
        ("entries".to_owned(), statement.entries.to_string()),
        ("first_lsn".to_owned(), lsn(statement.first_lsn)),
        ("last_lsn".to_owned(), lsn(statement.last_lsn)),
        ("hash".to_owned(), statement.hash.clone()),
        ("corrections".to_owned(), statement.corrections.to_string()),
        ("by".to_owned(), quoted(statement.by)),
        ("id".to_owned(), lsn(statement.id)),
        ("created_at".to_owned(), instant(statement.created_at)),
    ]);
    let (names, values): (Vec<_>, Vec<_>) = cells.into_iter().unzip();
    format!("{}\n{}\n", names.join(","), values.join(","))
}

/// A text in quotes if it needs them.
fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

// === impl Lines ===

impl Lines {
    /// All figures with their names, in the order in which they are added up.
    pub(super) fn figures(&self) -> [(&'static str, i64); 11] {
        [
            ("opening", self.opening),
            ("charged", self.charged),
            ("earned", self.earned),
            ("transferred_in", self.transferred_in),
            ("cancelled", self.cancelled),
            ("used", self.used),
            ("expired", self.expired),
            ("transferred_out", self.transferred_out),
            ("taken_back", self.taken_back),
            ("adjusted", self.adjusted),
            ("closing", self.closing),
        ]
    }
}

// === impl Bill ===

impl Bill {
    /// All figures with their names, in the order in which they follow from each other.
    fn figures(&self) -> [(&'static str, i64); 10] {
        let of_rate = |rate: u64| i64::try_from(rate).unwrap_or(i64::MAX);
        [
            ("sold", self.sold),
            ("rate_ppm", of_rate(self.rate_ppm)),
            ("fee_ppm", self.fee_ppm.into()),
            ("vat_ppm", self.vat_ppm.into()),
            ("gross", self.gross),
            ("fee", self.fee),
            ("vat", self.vat),
            ("carried_in", self.carried_in),
            ("payable", self.payable),
            ("carried_out", self.carried_out),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_text_with_signs_of_csv_stands_in_quotes() {
        for (text, due) in [
            ("accounting", "accounting"),
            ("a,b", "\"a,b\""),
            ("a \"b\"", "\"a \"\"b\"\"\""),
            ("a\nb", "\"a\nb\""),
            ("회계팀", "회계팀"),
        ] {
            assert_eq!(quoted(text), due);
        }
    }
}
