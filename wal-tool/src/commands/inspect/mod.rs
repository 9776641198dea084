//! `inspect`: what lies in a data directory and whether it fits together, from names, headers and the tail.

mod rows;

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use clap::Args;
use engine::domain::Timestamp;
use engine::journal::segment::FEATURE_LOSS;
use engine::journal::{Problem, SegmentFile};

use self::rows::{CompactionRow, FileRow, MetaRow, SegmentRow, StoreRow, TailRow};
use crate::exit::{Stop, Verdict};
use crate::instant::rfc3339;
use crate::log::Log;
use crate::output::Output;
use crate::place::Place;
use crate::rows::ProblemRow;

const EXAMPLES: &str = "\
Examples:
  wal-tool inspect                       ./scrip-data, or $SCRIP_DATA
  wal-tool inspect /var/lib/scrip        files, headers, chain, meta, tail, space
  wal-tool inspect --json | jq 'select(.row==\"segment\")'";

/// Bytes of a block as file systems count them.
const BLOCK_BYTES: u64 = 512;

/// Shows files, headers, meta, the end of the log, and space.
///
/// Reads headers and the newest segment only: `verify` reads everything.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Inspect {
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

// === impl Inspect ===

impl Inspect {
    pub(crate) fn run(&self, output: &mut Output) -> Result<Verdict, Stop> {
        let dir = self.place.dir();
        let log = Log::open(dir)?;
        let mut problems = log.reader().catalog().problems();
        problems.extend(log.tail_damage().map(|damage| damage.problem));
        let verdict = Verdict::of(&problems);
        let view = View {
            dir,
            log: &log,
            problems: &problems,
        };
        match self.json {
            true => view.write_json(output)?,
            false => view.write_text(output)?,
        }
        Ok(verdict)
    }
}

/// Everything there is to show.
struct View<'a> {
    dir: &'a Path,
    log: &'a Log,
    problems: &'a [Problem],
}

// === impl View ===

impl View<'_> {
    fn store(&self) -> Result<StoreRow, Stop> {
        let catalog = self.log.reader().catalog();
        let files = self.log.reader().files()?;
        let newest = catalog.segments.last().and_then(SegmentFile::header);
        let meta = catalog.newest_meta();
        let store_id = meta
            .map(|meta| meta.store_id)
            .or(newest.map(|header| header.store_id));
        Ok(StoreRow {
            dir: self.dir.display().to_string(),
            store_id: store_id.map(|id| format!("{id:032x}")),
            format: newest.map(|header| format!("{}.{}", header.major, header.minor)),
            epoch: newest
                .map(|header| header.epoch)
                .or(meta.map(|meta| meta.epoch)),
            timeline: newest.map(|header| header.timeline),
            segments: catalog.segments.len(),
            first_lsn: catalog
                .segments
                .first()
                .map_or(0, |segment| segment.first_lsn),
            last_lsn: self.log.tail().map_or(0, |tail| tail.link.lsn),
            files: files.len(),
            bytes: files.iter().map(|file| file.len).sum(),
            allocated_bytes: files.iter().map(|file| self.allocated(&file.name)).sum(),
            held_by: self.log.reader().holder(),
        })
    }

    fn segments(&self) -> Vec<SegmentRow<'_>> {
        let segments = &self.log.reader().catalog().segments;
        let rows = segments.iter().enumerate().map(|(at, segment)| {
            let next = segments.get(at + 1).and_then(SegmentFile::header);
            let tail = self.log.tail().filter(|_| at + 1 == segments.len());
            let header = segment.header();
            SegmentRow {
                file: &segment.name,
                seq: segment.seq,
                first_lsn: segment.first_lsn,
                last_lsn: next
                    .map(|next| next.prev_lsn)
                    .or(tail.map(|tail| tail.link.lsn)),
                used_bytes: next
                    .map(|next| next.prev_bytes)
                    .or(tail.map(|tail| tail.end)),
                bytes: segment.len,
                allocated_bytes: match segment.archived {
                    true => segment.allocated,
                    false => self.allocated(&segment.name),
                },
                epoch: header.map(|header| header.epoch),
                created_at: header.map(|header| rfc3339(Timestamp(header.created_us))),
                sound_copies: segment.copies.iter().filter(|copy| copy.is_ok()).count(),
                sealed: at + 1 < segments.len(),
                archived: segment.archived,
                has_losses: header.is_some_and(|header| header.incompatible & FEATURE_LOSS != 0),
            }
        });
        rows.collect()
    }

    fn compaction(&self) -> CompactionRow {
        let meta = self.log.reader().catalog().newest_meta();
        let older = meta.map_or(0, |meta| meta.snapshots[1]);
        CompactionRow::new(&self.segments(), (older > 0).then_some(older))
    }

    /// Files that are no segments.
    fn others(&self) -> Result<Vec<(String, u64, &'static str)>, Stop> {
        let catalog = self.log.reader().catalog();
        let files = self.log.reader().files()?.into_iter();
        let others = files.filter_map(|file| {
            let is_segment = catalog
                .segments
                .iter()
                .any(|segment| segment.name == file.name);
            let is_superseded = catalog.superseded.iter().any(|old| old.name == file.name);
            let kind = match catalog.unknown.contains(&file.name) {
                true => "unknown, never touched",
                false if catalog.next.contains(&file.name) => "prepared segment",
                false if is_superseded => "archived, to be removed",
                false if catalog.forgotten.contains(&file.name) => {
                    "past its retention, to be removed"
                }
                false if file.name.ends_with(".arc") => "archive file",
                false => "of the store",
            };
            (!is_segment).then_some((file.name, file.len, kind))
        });
        Ok(others.collect())
    }

    /// Bytes that the disk really holds for a file: holes do not count.
    fn allocated(&self, name: &str) -> u64 {
        let metadata = std::fs::metadata(self.dir.join(name));
        metadata.map_or(0, |metadata| metadata.blocks() * BLOCK_BYTES)
    }

    fn write_json(&self, output: &mut Output) -> Result<(), Stop> {
        output.json("store", &self.store()?)?;
        if let Some(copies) = &self.log.reader().catalog().meta {
            output.json("meta", &MetaRow::new(copies))?;
        }
        for row in self.segments() {
            output.json("segment", &row)?;
        }
        for (file, bytes, kind) in &self.others()? {
            output.json(
                "file",
                &FileRow {
                    file,
                    bytes: *bytes,
                    kind,
                },
            )?;
        }
        if let Some(tail) = self.log.tail() {
            output.json("tail", &TailRow::new(tail))?;
        }
        output.json("compaction", &self.compaction())?;
        for problem in self.problems {
            output.json("problem", &ProblemRow::new(problem))?;
        }
        Ok(())
    }

    fn write_segments(&self, output: &mut Output) -> Result<(), Stop> {
        let number = |number: Option<u64>| {
            number.map_or_else(|| "-".to_owned(), |number| number.to_string())
        };
        let head = [
            "segment",
            "first LSN",
            "last LSN",
            "used",
            "bytes",
            "on disk",
            "epoch",
            "copies",
            "created",
        ];
        let rows = self.segments().into_iter().map(|row| {
            vec![
                row.seq.to_string(),
                row.first_lsn.to_string(),
                number(row.last_lsn),
                number(row.used_bytes),
                row.bytes.to_string(),
                row.allocated_bytes.to_string(),
                number(row.epoch),
                match row.archived {
                    true => "archive".to_owned(),
                    false => format!("{}/2", row.sound_copies),
                },
                row.created_at.unwrap_or_else(|| "-".to_owned()),
            ]
        });
        output.table(&head, rows.collect())?;
        Ok(())
    }

    fn write_text(&self, output: &mut Output) -> Result<(), Stop> {
        let store = self.store()?;
        let unknown = || "unknown".to_owned();
        let number = |number: Option<u64>| {
            number.map_or_else(|| "-".to_owned(), |number| number.to_string())
        };
        output.text(format_args!("directory  {}", store.dir))?;
        output.text(format_args!(
            "store      {}, format {}, epoch {}",
            store.store_id.unwrap_or_else(unknown),
            store.format.unwrap_or_else(unknown),
            number(store.epoch)
        ))?;
        output.text(format_args!(
            "log        {} segments, LSN {}…{}",
            store.segments, store.first_lsn, store.last_lsn
        ))?;
        output.text(format_args!(
            "space      {} bytes in {} files, {} on disk",
            store.bytes, store.files, store.allocated_bytes
        ))?;
        let holder = store
            .held_by
            .map_or_else(|| "no".to_owned(), |holder| format!("yes ({holder})"));
        output.text(format_args!("in use     {holder}"))?;
        if let Some(copies) = &self.log.reader().catalog().meta {
            output.text(format_args!("meta       {}", MetaRow::new(copies).line()))?;
        }
        if let Some(tail) = self.log.tail() {
            output.text(format_args!("tail       {}", TailRow::new(tail).line()))?;
            for warning in &tail.warnings {
                output.text(format_args!("warning    {warning}"))?;
            }
        }
        output.text(format_args!("compaction {}", self.compaction().line()))?;
        for loss in self.log.reader().catalog().losses() {
            output.text(format_args!("lost       {loss}"))?;
        }
        self.write_segments(output)?;
        for (file, bytes, kind) in self.others()? {
            output.text(format_args!("{file}  {bytes} bytes, {kind}"))?;
        }
        for problem in self.problems {
            output.text(format_args!("{}", ProblemRow::new(problem).line()))?;
        }
        Ok(())
    }
}
