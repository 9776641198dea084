//! A statement as a page to print: markup and style in one, nothing from elsewhere, every text escaped.

use std::fmt::Write;

use engine::domain::{Description, Zone};

use super::statement::{Bill, Settlement};
use crate::moment::{self, Moment};

/// The type under which it is asked for.
pub(super) const KIND: &str = "text/html";

/// The type under which it is given.
pub(super) const CONTENT_TYPE: &str = "text/html; charset=utf-8";

/// Nothing may be loaded or run, whatever stands in a text.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = include_str!("page.css");

/// What stands in front of each figure of points.
const SIGNS: [(&str, &str, &str); 11] = [
    ("", "Opening", "기초 잔액"),
    ("+", "Charged", "충전"),
    ("+", "Earned", "적립"),
    ("+", "Transferred in", "이체 받음"),
    ("+", "Cancelled", "사용 취소"),
    ("−", "Used", "사용"),
    ("−", "Expired", "소멸"),
    ("−", "Transferred out", "이체 보냄"),
    ("−", "Taken back", "회수"),
    ("±", "Adjusted", "조정"),
    ("=", "Closing", "기말 잔액"),
];

/// A whole page.
pub(super) fn text(name: &Description, settlement: &Settlement<'_>) -> String {
    let statement = &settlement.statement;
    let period = escaped(&statement.period);
    let name = escaped(name.as_str());
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{name} · {period}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>Statement <small lang=\"ko\">정산서</small></h1>\n"
    );
    let facts = [
        ("Company", "회사", format!("{name} ({})", statement.company)),
        ("Period", "정산 기간", period),
        ("From", "시작", instant(statement.from, statement.zone)),
        (
            "Up to, without",
            "종료(미포함)",
            instant(statement.to, statement.zone),
        ),
        ("State", "상태", escaped(settlement.state)),
        (
            "Closed",
            "마감",
            instant(statement.created_at, statement.zone),
        ),
        ("By", "담당", escaped(statement.by)),
        (
            "Transaction",
            "거래 번호",
            statement.id.map_or_else(String::new, |id| id.to_string()),
        ),
    ];
    list(&mut page, facts);
    points(&mut page, settlement);
    money(&mut page, &statement.bill);
    corrections(&mut page, settlement);
    changes(&mut page, settlement);
    proof(&mut page, settlement);
    page += "</body>\n</html>\n";
    page
}

fn points(page: &mut String, settlement: &Settlement<'_>) {
    let statement = &settlement.statement;
    heading(page, "Points", "포인트");
    let (paid, free) = (titled("Paid", "유료"), titled("Free", "무료"));
    line(
        page,
        &format!(
            "<table>\n<thead><tr><th></th><th class=\"n\">{paid}</th><th class=\"n\">{free}</th></tr></thead>\n<tbody>"
        ),
    );
    let figures = statement
        .paid
        .figures()
        .into_iter()
        .zip(statement.free.figures());
    for ((sign, label, korean), ((_, paid), (_, free))) in SIGNS.into_iter().zip(figures) {
        let class = if sign == "=" { " class=\"sum\"" } else { "" };
        let label = titled(&format!("{sign} {label}"), korean);
        let (paid, free) = (grouped(paid), grouped(free));
        line(
            page,
            &format!(
                "<tr{class}><th>{label}</th><td class=\"n\">{paid}</td><td class=\"n\">{free}</td></tr>"
            ),
        );
    }
    line(page, "</tbody>\n</table>");
}

fn money(page: &mut String, bill: &Bill) {
    heading(page, "Payable", "지급액");
    line(page, "<table>\n<tbody>");
    let rows = [
        (
            "",
            "Paid points sold",
            "판매된 유료 포인트",
            bill.sold,
            None,
        ),
        ("", "Gross", "총액", bill.gross, Some(bill.rate_ppm)),
        ("−", "Fee", "수수료", bill.fee, Some(bill.fee_ppm.into())),
        (
            "−",
            "VAT on the fee",
            "수수료 부가세",
            bill.vat,
            Some(bill.vat_ppm.into()),
        ),
        ("+", "Carried in", "이월 받음", bill.carried_in, None),
        ("=", "Payable", "지급액", bill.payable, None),
        (
            "",
            "Carried out",
            "다음 기간으로 이월",
            bill.carried_out,
            None,
        ),
    ];
    for (sign, label, korean, figure, rate) in rows {
        let class = if sign == "=" { " class=\"sum\"" } else { "" };
        let label = titled(&format!("{sign} {label}"), korean);
        let rate = rate.map_or_else(String::new, |rate| format!("× {}", millionths(rate)));
        let figure = grouped(figure);
        line(
            page,
            &format!(
                "<tr{class}><th>{label}</th><td class=\"n\">{rate}</td><td class=\"n\">{figure}</td></tr>"
            ),
        );
    }
    line(page, "</tbody>\n</table>");
}

fn corrections(page: &mut String, settlement: &Settlement<'_>) {
    let statement = &settlement.statement;
    if statement.corrections == 0 {
        return;
    }
    heading(page, "Corrections of earlier periods", "이전 기간 정정");
    let (all, named) = (statement.corrections, statement.corrected.len());
    line(
        page,
        &format!("<p>{all}, of which {named} are named here.</p>"),
    );
    let heads = [
        ("Transaction", "거래"),
        ("Original", "원거래"),
        ("Paid", "유료"),
        ("Free", "무료"),
    ];
    line(
        page,
        &format!("<table>\n<thead><tr>{}</tr></thead>\n<tbody>", head(&heads)),
    );
    for one in &statement.corrected {
        let (entry, original) = (
            format!("{}.{}", one.transaction, one.leg),
            format!("{}.{}", one.original, one.original_leg),
        );
        let (paid, free) = (grouped(one.paid), grouped(one.free));
        line(
            page,
            &format!(
                "<tr><td>{entry}</td><td>{original}</td><td class=\"n\">{paid}</td><td class=\"n\">{free}</td></tr>"
            ),
        );
    }
    line(page, "</tbody>\n</table>");
}

fn changes(page: &mut String, settlement: &Settlement<'_>) {
    if settlement.changes.is_empty() {
        return;
    }
    heading(page, "What became of it", "진행 이력");
    let heads = [
        ("Transaction", "거래"),
        ("State", "상태"),
        ("By", "담당"),
        ("Time", "시각"),
    ];
    line(
        page,
        &format!("<table>\n<thead><tr>{}</tr></thead>\n<tbody>", head(&heads)),
    );
    for change in &settlement.changes {
        let (id, state, by) = (change.id, escaped(change.state), escaped(change.by));
        let at = instant(change.created_at, settlement.statement.zone);
        line(
            page,
            &format!("<tr><td>{id}</td><td>{state}</td><td>{by}</td><td>{at}</td></tr>"),
        );
    }
    line(page, "</tbody>\n</table>");
}

fn proof(page: &mut String, settlement: &Settlement<'_>) {
    let statement = &settlement.statement;
    heading(page, "Proof", "검증");
    let range = match (statement.first_lsn, statement.last_lsn) {
        (Some(first), Some(last)) => format!("{first} – {last}"),
        _ => "–".to_owned(),
    };
    let (entries, hash) = (grouped(statement.entries.cast_signed()), &statement.hash);
    let facts = [
        ("Entries", "기록 수", entries),
        ("Transactions", "거래 범위", range),
        ("SHA-256", "해시", format!("<code>{hash}</code>")),
    ];
    list(page, facts);
}

fn list<const N: usize>(page: &mut String, facts: [(&str, &str, String); N]) {
    line(page, "<dl>");
    for (label, korean, text) in facts {
        let label = titled(label, korean);
        line(page, &format!("<dt>{label}</dt><dd>{text}</dd>"));
    }
    line(page, "</dl>");
}

fn heading(page: &mut String, label: &str, korean: &str) {
    line(page, &format!("<h2>{}</h2>", titled(label, korean)));
}

fn head(heads: &[(&str, &str)]) -> String {
    let cells = heads.iter();
    cells
        .map(|(label, korean)| format!("<th>{}</th>", titled(label, korean)))
        .collect()
}

/// A label in both languages.
fn titled(label: &str, korean: &str) -> String {
    format!("{} <small lang=\"ko\">{korean}</small>", label.trim_start())
}

fn line(page: &mut String, text: &str) {
    page.push_str(text);
    page.push('\n');
}

/// An instant as the zone of the period shows it.
fn instant(at: Moment, zone: &str) -> String {
    let zone = Zone::new(zone).unwrap_or_default();
    let day = zone.day_of(at.0);
    let mut text = String::new();
    moment::append(&mut text, at.0);
    let text = escaped(&text);
    match zone.start_of(day) == at.0 {
        true => format!("{day} 00:00 {} <small>{text}</small>", escaped(zone.name())),
        false => text,
    }
}

/// A number in groups of three.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    if number < 0 {
        text.push('−');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Millionths as a decimal, without zeros at the end.
fn millionths(ppm: u64) -> String {
    let mut text = format!("{}.{:06}", ppm / 1_000_000, ppm % 1_000_000);
    while text.ends_with('0') {
        text.pop();
    }
    text.trim_end_matches('.').to_owned()
}

/// A text in which nothing is markup.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Controls would be invisible, or forbidden.
            sign if sign.is_control() => {
                let _ = write!(out, "\u{fffd}");
            }
            sign => out.push(sign),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        for (number, due) in [
            (0, "0"),
            (999, "999"),
            (-1_000, "−1,000"),
            (9_007_199_254_740_991, "9,007,199,254,740,991"),
        ] {
            assert_eq!(grouped(number), due);
        }
        for (ppm, due) in [
            (1_000_000, "1"),
            (33_000, "0.033"),
            (1_500_001, "1.500001"),
            (0, "0"),
        ] {
            assert_eq!(millionths(ppm), due);
        }
    }

    #[test]
    fn no_text_is_markup() {
        let text = escaped("<b onclick='x'>\"A&B\"\u{7}</b> 회계");
        assert_eq!(
            text,
            "&lt;b onclick=&#39;x&#39;&gt;&quot;A&amp;B&quot;\u{fffd}&lt;/b&gt; 회계"
        );
    }
}
