//! `hex`: one header or record, byte by byte, whether or not it can be believed.

use std::fmt::Write;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use clap::Args;
use engine::journal::frame::{HEADER_BYTES, HeaderFlaw, KIND_JOURNAL_MIN, RecordHeader, body_crc};
use engine::journal::meta::{META_COPIES, META_COPY_BYTES, META_FILE, Meta};
use engine::journal::segment::{HEADER_COPY_BYTES, HEADER_PAGE_BYTES, SegmentHeader};
use engine::journal::{BODY_BYTES_MAX, Class, Field};
use engine::record::decode;
use serde::Serialize;

use crate::exit::{Stop, Verdict};
use crate::filter::kind_name;
use crate::output::{Output, talk};

const EXAMPLES: &str = "\
Examples:
  wal-tool hex scrip-data/seg-0000000001-00000000000000000001.wal              its header
  wal-tool hex scrip-data/seg-0000000001-00000000000000000001.wal --at 4096    the first record
  wal-tool hex scrip-data/store.meta --at 4096                                 the second copy of the meta";

/// Bytes shown on one line of a hex listing.
const LINE_BYTES: usize = 16;

/// Shows a header or record field by field, with what each byte means and whether the checksums hold.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Hex {
    /// A segment file, or store.meta.
    #[arg(value_name = "SEGMENT")]
    file: PathBuf,
    /// Any offset, also as 0x…: within the first 4,096 bytes of a segment it means the header copy there, behind
    /// them the record that holds it.
    #[arg(long, value_name = "OFFSET", default_value = "0", value_parser = parse_offset)]
    at: u64,
    /// One JSON object a field.
    #[arg(long)]
    json: bool,
}

/// A structure cut into fields.
struct Annotated {
    title: String,
    /// Place of its first byte in the file.
    base: u64,
    bytes: Vec<u8>,
    fields: Vec<Field>,
    /// What does not hold, with its class.
    flaws: Vec<(Class, String)>,
    /// What it means, where that can be told.
    says: Option<String>,
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

fn parse_offset(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|error| error.to_string())
}

// === impl Hex ===

impl Hex {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let file = OpenFile::open(&self.file)?;
        let is_meta = self.file.file_name().is_some_and(|name| name == META_FILE);
        let annotated = match (is_meta, self.at) {
            (true, at) => meta_copy(&file, at)?,
            (false, at) if at < HEADER_PAGE_BYTES => segment_copy(&file, at)?,
            (false, at) => record(&file, at)?,
        };
        annotated.write(self.json, output)?;
        let mut verdict = Verdict::default();
        for (class, flaw) in &annotated.flaws {
            verdict.meet(*class);
            talk(format_args!("{}: {flaw}", annotated.title));
        }
        Ok(verdict)
    }
}

fn meta_copy(file: &OpenFile, at: u64) -> Result<Annotated, Stop> {
    let index = at / META_COPY_BYTES as u64;
    if index >= META_COPIES as u64 {
        return Err(Stop::Usage(format!(
            "{META_FILE} has {META_COPIES} copies of {META_COPY_BYTES} bytes"
        )));
    }
    let base = index * META_COPY_BYTES as u64;
    let bytes = file.read(base, META_COPY_BYTES)?;
    let mut flaws = Vec::new();
    let fields = match Meta::decode(&bytes) {
        Ok(meta) => meta.fields(),
        Err(flaw) => {
            flaws.push((Class::Meta, format!("not a sound copy ({flaw:?})")));
            Vec::new()
        }
    };
    Ok(Annotated {
        title: format!("{META_FILE} copy {index}"),
        base,
        bytes,
        fields,
        flaws,
        says: None,
    })
}

fn segment_copy(file: &OpenFile, at: u64) -> Result<Annotated, Stop> {
    let index = at / HEADER_COPY_BYTES as u64;
    let base = index * HEADER_COPY_BYTES as u64;
    let bytes = file.read(base, HEADER_COPY_BYTES)?;
    let mut flaws = Vec::new();
    let mut fields = Vec::new();
    if bytes.len() == HEADER_COPY_BYTES {
        // As they stand: a damaged copy is what one wants to look at.
        let header = SegmentHeader::parse(&bytes);
        fields = header.fields();
        match SegmentHeader::decode(&bytes) {
            Ok(header) => {
                let objection = header.objection(&file.name);
                flaws.extend(objection.map(|problem| (problem.class, problem.what)));
            }
            Err(flaw) => flaws.push((Class::Corrupt, format!("not a sound copy ({flaw:?})"))),
        }
    } else {
        flaws.push((Class::Corrupt, "the file ends inside it".to_owned()));
    }
    Ok(Annotated {
        title: format!("segment header copy {index}"),
        base,
        bytes,
        fields,
        flaws,
        says: None,
    })
}

fn record(file: &OpenFile, asked: u64) -> Result<Annotated, Stop> {
    let header = file.header()?;
    let at = match &header {
        Some(header) => file.record_holding(header, asked)?,
        None => asked,
    };
    let mut bytes = file.read(at, HEADER_BYTES + BODY_BYTES_MAX)?;
    let title = match at == asked {
        true => "record".to_owned(),
        false => format!("record that holds offset {asked}"),
    };
    let mut flaws = Vec::new();
    let mut flaw = |what: String| flaws.push((Class::Corrupt, what));
    let Some(raw) = bytes.first_chunk::<HEADER_BYTES>() else {
        flaw("the file ends here".to_owned());
        return Ok(Annotated {
            title,
            base: at,
            bytes,
            fields: Vec::new(),
            flaws,
            says: None,
        });
    };
    let parsed = RecordHeader::parse(raw);
    match header.map(|header| RecordHeader::decode(&bytes, header.seed())) {
        Some(Ok(_)) => {}
        Some(Err(HeaderFlaw::Blank)) => {
            bytes.truncate(HEADER_BYTES);
            let title = "zeros, no record".to_owned();
            return Ok(Annotated {
                title,
                base: at,
                bytes,
                fields: Vec::new(),
                flaws,
                says: None,
            });
        }
        Some(Err(found)) => flaw(format!("not a sound header ({found:?})")),
        None => flaw("no sound segment header to check it against".to_owned()),
    }
    let mut fields = parsed.fields();
    let body_len = parsed.body_len as usize;
    let end = HEADER_BYTES.saturating_add(body_len);
    let mut says = None;
    match bytes
        .get(HEADER_BYTES..end)
        .filter(|_| body_len <= BODY_BYTES_MAX)
    {
        Some(body) => {
            fields.extend(body_fields(&parsed, body));
            match body_crc(body) == parsed.body_crc {
                true => says = said(&parsed, body),
                false => flaw("the CRC of the body does not match".to_owned()),
            }
            bytes.truncate(parsed.framed_len());
        }
        None => {
            flaw(format!("a body of {body_len} bytes cannot be there"));
            bytes.truncate(HEADER_BYTES);
        }
    }
    Ok(Annotated {
        title,
        base: at,
        bytes,
        fields,
        flaws,
        says,
    })
}

fn body_fields(header: &RecordHeader, body: &[u8]) -> Vec<Field> {
    let end = HEADER_BYTES + body.len();
    let pad = header.framed_len() - end;
    let mut fields = Vec::new();
    if !body.is_empty() {
        let value = format!("{} bytes", body.len());
        fields.push(Field {
            offset: HEADER_BYTES,
            len: body.len(),
            name: "body",
            value,
        });
    }
    if pad > 0 {
        let value = "zeros to a multiple of eight".to_owned();
        fields.push(Field {
            offset: end,
            len: pad,
            name: "padding",
            value,
        });
    }
    fields
}

/// What the body means, when one record holds the whole act.
fn said(header: &RecordHeader, body: &[u8]) -> Option<String> {
    if header.is_more() || header.kind >= KIND_JOURNAL_MIN {
        return None;
    }
    let says = match decode(header.kind, header.schema, body) {
        Ok(record) => format!("{} {:?}", kind_name(header.kind), record.content),
        Err(error) => error.to_string(),
    };
    Some(says)
}

// === impl Annotated ===

impl Annotated {
    fn write(&self, json: bool, output: &mut Output) -> Result<(), Stop> {
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

/// A file to look into.
struct OpenFile {
    name: String,
    file: File,
}

// === impl OpenFile ===

impl OpenFile {
    fn open(path: &Path) -> Result<Self, Stop> {
        let name = path.display().to_string();
        match File::open(path) {
            Ok(file) => Ok(Self { name, file }),
            Err(source) => Err(Stop::Read { file: name, source }),
        }
    }

    /// As many bytes as there are, up to `len`.
    fn read(&self, at: u64, len: usize) -> Result<Vec<u8>, Stop> {
        let mut bytes = vec![0; len];
        let mut filled = 0;
        while filled < len {
            match self.file.read_at(&mut bytes[filled..], at + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(Stop::Read {
                        file: self.name.clone(),
                        source,
                    });
                }
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// The segment's header; `None` without a sound copy.
    fn header(&self) -> Result<Option<SegmentHeader>, Stop> {
        let page = self.read(0, 2 * HEADER_COPY_BYTES)?;
        let mut copies = page.chunks(HEADER_COPY_BYTES).map(SegmentHeader::decode);
        Ok(copies.find_map(Result::ok))
    }

    /// Where the record begins that holds an offset, or the gap behind it. Behind the first header that
    /// cannot be believed nobody knows, and the offset itself is taken.
    fn record_holding(&self, header: &SegmentHeader, asked: u64) -> Result<u64, Stop> {
        let mut at = HEADER_PAGE_BYTES;
        while at <= asked {
            let raw = self.read(at, HEADER_BYTES)?;
            let Ok(record) = RecordHeader::decode(&raw, header.seed()) else {
                break;
            };
            let mut end = at + record.framed_len() as u64;
            if record.is_end() {
                end = end.next_multiple_of(u64::from(header.alignment));
            }
            if asked < end {
                return Ok(at);
            }
            at = end;
        }
        Ok(asked)
    }
}
