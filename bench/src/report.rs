//! What a run shows: tables and JSON on stdout, talk and progress on stderr.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program speaks through them; only this file does"
)]

use std::fmt;
use std::time::Duration;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, ContentArrangement};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// How often a bar redraws by itself.
const TICK: Duration = Duration::from_millis(200);

/// Columns of text; all but the first are right-aligned. Shown as Markdown, so that a page can quote it.
pub(crate) struct Table(comfy_table::Table);

/// Prints to stdout.
pub(crate) fn print(text: &str) {
    println!("{text}");
}

/// Prints one JSON value to stdout.
pub(crate) fn print_json<T: Serialize>(value: &T) {
    match serde_json::to_string(value) {
        Ok(text) => println!("{text}"),
        Err(error) => eprintln!("scrip-bench: a result cannot be written as JSON: {error}"),
    }
}

/// Prints to stderr.
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}

/// A bar on stderr that counts to `length`, or without an end when that is 0; nothing when stderr is
/// not a terminal.
pub(crate) fn progress(what: &str, length: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    let template = match length {
        0 => "{msg:28} {spinner} {human_pos}, {per_sec}",
        _ => "{msg:28} {wide_bar} {human_pos} of {human_len}, {per_sec}",
    };
    let style = ProgressStyle::with_template(template);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(TICK);
    bar
}

/// A whole number with its thousands apart; a small one keeps a digit behind the point.
pub(crate) fn count(number: f64) -> String {
    if number.abs() < 100.0 && number.fract() != 0.0 {
        return format!("{number:.2}");
    }
    let digits = format!("{:.0}", number.abs());
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    if number <= -0.5 {
        grouped.insert(0, '-');
    }
    grouped
}

/// A time in the unit that suits it.
pub(crate) fn micros(us: f64) -> String {
    match us {
        ..1_000.0 => format!("{us:.1} µs"),
        ..1_000_000.0 => format!("{:.2} ms", us / 1_000.0),
        _ => format!("{:.2} s", us / 1_000_000.0),
    }
}

// === impl Table ===

impl Table {
    pub(crate) fn new(header: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(ASCII_MARKDOWN);
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(header.iter().copied());
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        Self(table)
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.0.add_row(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let table = [
            (0.0, "0"),
            (7.5, "7.50"),
            (999.0, "999"),
            (1_000.0, "1 000"),
            (1_234_567.4, "1 234 567"),
            (-1_234.0, "-1 234"),
        ];
        for (number, text) in table {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn a_time_is_shown_in_the_unit_that_suits_it() {
        let table = [
            (0.0, "0.0 µs"),
            (87.25, "87.2 µs"),
            (1_500.0, "1.50 ms"),
            (2_000_000.0, "2.00 s"),
        ];
        for (us, text) in table {
            assert_eq!(micros(us), text);
        }
    }
}
