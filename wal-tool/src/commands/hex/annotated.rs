//! A structure cut into fields, as it is shown.

use std::fmt::Write;
use std::io;

use engine::journal::{Class, Field};
use serde::Serialize;

use crate::exit::Stop;
use crate::output::Output;

/// Bytes shown on one line of a hex listing.
const LINE_BYTES: usize = 16;

/// A structure cut into fields.
pub(super) struct Annotated {
    pub(super) title: String,
    /// Place of its first byte in the file.
    pub(super) base: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) fields: Vec<Field>,
    /// What does not hold, with its class.
    pub(super) flaws: Vec<(Class, String)>,
    /// What it means, where that can be told.
    pub(super) says: Option<String>,
}

#[derive(Serialize)]
struct FieldRow<'a> {
    offset: u64,
    length: usize,
    name: &'a str,
    bytes: String,
    value: &'a str,
}

#[derive(Serialize)]
struct StructureRow<'a> {
    structure: &'a str,
    offset: u64,
    sound: bool,
    flaws: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    says: Option<&'a str>,
}

// === impl Annotated ===

impl Annotated {
    /// Bytes without a meaning yet.
    pub(super) fn new(title: String, base: u64, bytes: Vec<u8>) -> Self {
        Self {
            title,
            base,
            bytes,
            fields: Vec::new(),
            flaws: Vec::new(),
            says: None,
        }
    }

    /// Something that acknowledged bytes would not show.
    pub(super) fn object(&mut self, what: &str) {
        self.flaws.push((Class::Corrupt, what.to_owned()));
    }

    /// As text or as JSON lines.
    pub(super) fn write(&self, json: bool, output: &mut Output) -> Result<(), Stop> {
        let flaws: Vec<_> = self.flaws.iter().map(|(_, flaw)| flaw.as_str()).collect();
        if json {
            let sound = flaws.is_empty();
            let says = self.says.as_deref();
            let row = StructureRow {
                structure: &self.title,
                offset: self.base,
                sound,
                flaws,
                says,
            };
            output.json("structure", &row)?;
        } else {
            let state = if flaws.is_empty() {
                "sound"
            } else {
                "NOT SOUND"
            };
            output.text(format_args!(
                "{} at offset {}: {state}",
                self.title, self.base
            ))?;
        }
        for field in &self.fields {
            let end = (field.offset + field.len).min(self.bytes.len());
            let bytes = self.bytes.get(field.offset..end).unwrap_or(&[]);
            let offset = self.base + field.offset as u64;
            if json {
                let row = FieldRow {
                    offset,
                    length: field.len,
                    name: field.name,
                    bytes: hex(bytes),
                    value: &field.value,
                };
                output.json("field", &row)?;
            } else {
                write_field(offset, field, bytes, output)?;
            }
        }
        if let Some(says) = self.says.as_ref().filter(|_| !json) {
            output.text(format_args!("{:>10}  {says}", ""))?;
        }
        if self.fields.is_empty() && !json {
            let whole = Field {
                offset: 0,
                len: self.bytes.len(),
                name: "bytes",
                value: String::new(),
            };
            write_field(self.base, &whole, &self.bytes, output)?;
        }
        Ok(())
    }
}

fn write_field(offset: u64, field: &Field, bytes: &[u8], output: &mut Output) -> io::Result<()> {
    let mut lines = bytes.chunks(LINE_BYTES);
    let first = hex_spaced(lines.next().unwrap_or(&[]));
    output.text(format_args!(
        "{offset:>10}  {first:<47}  {:<14} {}",
        field.name, field.value
    ))?;
    let mut at = offset;
    let mut skipped = 0;
    for line in lines {
        at += LINE_BYTES as u64;
        if line.iter().all(|byte| *byte == 0) {
            skipped += line.len();
            continue;
        }
        output.text(format_args!(
            "{at:>10}  {:<47}  {}",
            hex_spaced(line),
            printable(line)
        ))?;
    }
    if skipped > 0 {
        output.text(format_args!(
            "{:>10}  ... {skipped} zero bytes not shown",
            ""
        ))?;
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn hex_spaced(bytes: &[u8]) -> String {
    let pairs: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(" ")
}

fn printable(bytes: &[u8]) -> String {
    let shown = |byte: u8| {
        if byte.is_ascii_graphic() || byte == b' ' {
            char::from(byte)
        } else {
            '.'
        }
    };
    bytes.iter().map(|byte| shown(*byte)).collect()
}
