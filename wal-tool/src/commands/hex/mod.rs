//! `hex`: one header or record, byte by byte, whether or not it can be believed.

mod annotated;
mod bytes;
mod structures;

use std::path::PathBuf;

use clap::Args;
use engine::journal::meta::META_FILE;
use engine::journal::segment::HEADER_PAGE_BYTES;

use self::bytes::SourceFile;
use self::structures::{meta_copy, record, segment_copy};
use crate::exit::{Stop, Verdict};
use crate::output::{Output, talk};

const EXAMPLES: &str = "\
Examples:
  wal-tool hex scrip-data/seg-0000000001-00000000000000000001.wal              its header
  wal-tool hex scrip-data/seg-0000000001-00000000000000000001.wal --at 4096    the first record
  wal-tool hex scrip-data/store.meta --at 4096                                 the second copy of the meta";

/// Shows a header or record byte by byte.
///
/// Says what each byte means and whether the checksums hold.
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
        let file = SourceFile::open(&self.file)?;
        let is_meta = self.file.file_name().is_some_and(|name| name == META_FILE);
        if !is_meta && !file.may_be_segment(&self.file)? {
            return Err(Stop::Usage(format!(
                "{} is not a segment, nor {META_FILE}",
                file.name
            )));
        }
        let len = file.len()?;
        if self.at > 0 && self.at >= len {
            return Err(Stop::Usage(format!(
                "offset {} is behind the end of {}, which has {len} bytes",
                self.at, file.name
            )));
        }
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
