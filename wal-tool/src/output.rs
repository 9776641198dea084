//! Where answers go: data to stdout as text, NDJSON or CSV; talk to stderr; progress on a terminal only.
//!
//! Every JSON line starts `{"v":1,"row":"…"`: the version of this layout, then what the line is about.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::time::Duration;

use clap::ValueEnum;
use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::sha256::Sum;

/// Version of the JSON lines. New fields do not raise it; a changed meaning does.
const JSON_VERSION: u8 = 1;

/// Enough for one write a few hundred rows.
const BUFFER_BYTES: usize = 64 * 1024;

/// How often a progress bar is drawn, per second.
const DRAWS_PER_SECOND: u8 = 10;

/// Shape of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
    /// RFC 4180 with a head line.
    Csv,
}

/// Which shape was asked for.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct FormatArgs {
    /// Shape of the answer on stdout.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Short for --format json: one object a line, first field "v":1.
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

/// The answer.
pub(crate) struct Output {
    to: BufWriter<Box<dyn Write>>,
    to_terminal: bool,
    line: Vec<u8>,
}

#[derive(Serialize)]
struct JsonLine<'a, T: Serialize> {
    v: u8,
    row: &'static str,
    #[serde(flatten)]
    value: &'a T,
}

// === impl FormatArgs ===

impl FormatArgs {
    /// The shape asked for.
    pub(crate) fn format(self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

// === impl Output ===

impl Output {
    /// The process's stdout.
    pub(crate) fn stdout() -> Self {
        let stdout = io::stdout();
        Self {
            to_terminal: stdout.is_terminal(),
            to: BufWriter::with_capacity(BUFFER_BYTES, Box::new(stdout)),
            line: Vec::new(),
        }
    }

    /// One line for people.
    pub(crate) fn text(&mut self, line: fmt::Arguments<'_>) -> io::Result<()> {
        self.to.write_fmt(line)?;
        self.to.write_all(b"\n")
    }

    /// Bytes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)
    }

    /// One JSON object.
    pub(crate) fn json<T: Serialize>(&mut self, row: &'static str, value: &T) -> io::Result<()> {
        let v = JSON_VERSION;
        self.line.clear();
        serde_json::to_writer(&mut self.line, &JsonLine { v, row, value })?;
        self.line.push(b'\n');
        self.to.write_all(&self.line)
    }

    /// One JSON object, whose line is added to a sum.
    pub(crate) fn json_summed<T: Serialize>(
        &mut self,
        row: &'static str,
        value: &T,
        sum: &mut Sum,
    ) -> io::Result<()> {
        self.json(row, value)?;
        sum.add(&self.line);
        Ok(())
    }

    /// One CSV row; a cell is quoted when it must be.
    pub(crate) fn csv<C: AsRef<str>>(&mut self, cells: &[C]) -> io::Result<()> {
        for (at, cell) in cells.iter().enumerate() {
            let cell = cell.as_ref();
            if at > 0 {
                self.to.write_all(b",")?;
            }
            if cell.contains([',', '"', '\n', '\r']) {
                write!(self.to, "\"{}\"", cell.replace('"', "\"\""))?;
            } else {
                self.to.write_all(cell.as_bytes())?;
            }
        }
        self.to.write_all(b"\r\n")
    }

    /// A small table for people: the first column left, numbers right.
    pub(crate) fn table(&mut self, head: &[&str], rows: Vec<Vec<String>>) -> io::Result<()> {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(head.iter().copied());
        let numeric: Vec<bool> = (0..head.len())
            .map(|column| {
                rows.iter()
                    .all(|row| row.get(column).is_some_and(|cell| is_numeric(cell)))
            })
            .collect();
        for row in rows {
            table.add_row(row);
        }
        for (column, _) in numeric.iter().enumerate().filter(|(_, numeric)| **numeric) {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        self.text(format_args!("{table}"))
    }

    /// Hands over what is buffered.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }

    /// A bar over `total` bytes of log. It stays away unless stderr is a terminal, and also when the
    /// answer itself scrolls over that terminal.
    pub(crate) fn progress(&self, total: u64, answer_comes_last: bool) -> ProgressBar {
        if self.to_terminal && !answer_comes_last {
            return ProgressBar::hidden();
        }
        // indicatif keeps silent by itself when stderr is not a terminal.
        let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND);
        let bar = ProgressBar::with_draw_target(Some(total), target);
        let style = ProgressStyle::with_template(
            "{wide_bar} {bytes}/{total_bytes}  {binary_bytes_per_sec}  eta {eta}",
        );
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_secs(1));
        bar
    }
}

/// Says something to the person who runs the tool. Nobody listening on stderr is no reason to stop.
pub(crate) fn talk(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn is_numeric(cell: &str) -> bool {
    !cell.is_empty()
        && cell
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b".,-+%".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(write: impl FnOnce(&mut Output)) -> String {
        let page = Page::default();
        let mut output = Output {
            to: BufWriter::new(Box::new(page.clone())),
            to_terminal: false,
            line: Vec::new(),
        };
        write(&mut output);
        output.flush().unwrap();
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[derive(Serialize)]
    struct Point {
        x: u8,
    }

    #[test]
    fn a_json_line_starts_with_its_version() {
        let text = written(|output| output.json("point", &Point { x: 7 }).unwrap());
        assert_eq!(text, "{\"v\":1,\"row\":\"point\",\"x\":7}\n");
    }

    #[test]
    fn csv_quotes_only_what_must_be_quoted() {
        let text = written(|output| {
            output
                .csv(&["plain", "a,b", "say \"hi\"", "two\nlines", ""])
                .unwrap()
        });
        assert_eq!(text, "plain,\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",\r\n");
    }
}
