//! The structures that can be looked at: copies of the meta, copies of a segment header, records.

use engine::journal::frame::{HEADER_BYTES, HeaderFlaw, KIND_JOURNAL_MIN, RecordHeader, body_crc};
use engine::journal::meta::{META_COPIES, META_COPY_BYTES, META_FILE, Meta};
use engine::journal::segment::{HEADER_COPY_BYTES, SegmentHeader};
use engine::journal::{BODY_BYTES_MAX, Class, Field};
use engine::record::decode;

use super::annotated::Annotated;
use super::bytes::SourceFile;
use crate::exit::Stop;
use crate::filter::kind_name;

pub(super) fn meta_copy(file: &SourceFile, at: u64) -> Result<Annotated, Stop> {
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

pub(super) fn segment_copy(file: &SourceFile, at: u64) -> Result<Annotated, Stop> {
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

pub(super) fn record(file: &SourceFile, asked: u64) -> Result<Annotated, Stop> {
    let header = file.header()?;
    let at = match &header {
        Some(header) => file.record_holding(header, asked)?,
        None => asked,
    };
    let bytes = file.read(at, HEADER_BYTES + BODY_BYTES_MAX)?;
    let title = match at == asked {
        true => "record".to_owned(),
        false => format!("record that holds offset {asked}"),
    };
    let mut shown = Annotated::new(title, at, bytes);
    let Some(raw) = shown.bytes.first_chunk::<HEADER_BYTES>() else {
        shown.object("the file ends here");
        return Ok(shown);
    };
    let parsed = RecordHeader::parse(raw);
    match header.map(|header| RecordHeader::decode(&shown.bytes, header.seed())) {
        Some(Ok(_)) => {}
        Some(Err(HeaderFlaw::Blank)) => {
            shown.title = "zeros, no record".to_owned();
            shown.bytes.truncate(HEADER_BYTES);
            return Ok(shown);
        }
        Some(Err(found)) => shown.object(&format!("not a sound header ({found:?})")),
        None => shown.object("no sound segment header to check it against"),
    }
    shown.fields = parsed.fields();
    add_body(&mut shown, &parsed);
    Ok(shown)
}

/// The body behind a header, as far as one can be there.
fn add_body(shown: &mut Annotated, header: &RecordHeader) {
    let body_len = header.body_len as usize;
    let end = HEADER_BYTES.saturating_add(body_len);
    let body = shown.bytes.get(HEADER_BYTES..end);
    let Some(body) = body.filter(|_| body_len <= BODY_BYTES_MAX) else {
        shown.object(&format!("a body of {body_len} bytes cannot be there"));
        shown.bytes.truncate(HEADER_BYTES);
        return;
    };
    shown.fields.extend(body_fields(header, body));
    match body_crc(body) == header.body_crc {
        true => shown.says = said(header, body),
        false => shown.object("the CRC of the body does not match"),
    }
    shown.bytes.truncate(header.framed_len());
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
