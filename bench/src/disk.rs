//! What one durable write costs on this disk, without anything of ours around it.
//!
//! Three ways to write the same 4 KiB pages one after another, each made durable before the next:
//! appending to a growing file, overwriting a file that was zero-filled and synced before (what the
//! journal does), and the same through `O_DIRECT|O_DSYNC`.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use rustix::fs::OFlags;
use serde::Serialize;

use crate::failure::{Doing, Failure};
use crate::latency::{Latencies, Quantiles};
use crate::machine::Machine;
use crate::report::{Table, count, micros};
use crate::scratch;

/// What the journal writes at least: one alignment unit.
const PAGE_BYTES: usize = 4_096;

/// How much a run may write before it starts over: the journal's segment size.
const FILE_BYTES: u64 = 64 << 20;

/// Writes before the first that counts: the first ones allocate blocks and wake the device.
const WARMUP_WRITES: u32 = 50;

/// Measures raw fsync: appending, overwriting zero-filled blocks, O_DIRECT.
#[derive(Args, Debug)]
pub(crate) struct DiskArgs {
    /// Directory on the disk to measure.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Seconds for each way of writing.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// A way to make a page durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Way {
    /// `pwrite` at the end of a growing file + `fdatasync`.
    Append,
    /// `pwrite` over zero-filled, synced blocks + `fdatasync`.
    Overwrite,
    /// `pwrite` over zero-filled, synced blocks through `O_DIRECT|O_DSYNC`.
    Direct,
}

/// What one way of writing came to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Flushes {
    pub(crate) way: Way,
    pub(crate) bytes: usize,
    pub(crate) per_second: f64,
    pub(crate) latency: Quantiles,
}

/// A buffer that starts on a page boundary, as `O_DIRECT` wants it.
struct Aligned {
    bytes: Vec<u8>,
    start: usize,
    length: usize,
}

pub(crate) fn run(args: &DiskArgs) -> Result<(), Failure> {
    let mut rows = Vec::new();
    let time = Duration::from_secs_f64(args.seconds);
    for way in [Way::Append, Way::Overwrite, Way::Direct] {
        for bytes in [PAGE_BYTES, 16 * PAGE_BYTES, 256 * PAGE_BYTES] {
            match measure(&args.dir, way, bytes, time) {
                Ok(flushes) => rows.push(flushes),
                Err(failure) if way == Way::Direct => {
                    crate::report::say(&format!("no O_DIRECT here: {failure}"));
                    break;
                }
                Err(failure) => return Err(failure),
            }
        }
    }
    let machine = Machine::look(&args.dir);
    if args.json {
        crate::report::print_json(&serde_json::json!({"machine": machine, "disk": rows}));
    } else {
        crate::report::print(&format!("{machine}\n{}", table(&rows)));
    }
    Ok(())
}

/// Writes `bytes` again and again for the given time, each write durable before the next.
pub(crate) fn measure(
    directory: &Path,
    way: Way,
    bytes: usize,
    time: Duration,
) -> Result<Flushes, Failure> {
    let scratch = scratch::directory(directory)?;
    let path = scratch.path().join("pages");
    let file = prepare(&path, way).doing(|| format!("prepare {}", path.display()))?;
    let page = Aligned::new(bytes);
    let mut latencies = Latencies::new();
    let (mut offset, mut writes, mut warm) = (0, 0_u64, 0);
    let mut started = Instant::now();
    while started.elapsed() < time || warm <= WARMUP_WRITES {
        if offset + bytes as u64 > FILE_BYTES {
            offset = 0;
        }
        let begun = Instant::now();
        let written = file.write_all_at(page.get(), offset);
        let synced = written.and_then(|()| match way {
            Way::Append | Way::Overwrite => file.sync_data(),
            Way::Direct => Ok(()),
        });
        synced.doing(|| format!("write {}", path.display()))?;
        offset += bytes as u64;
        warm += 1;
        match warm {
            ..WARMUP_WRITES => {}
            WARMUP_WRITES => started = Instant::now(),
            _ => {
                latencies.record(begun.elapsed());
                writes += 1;
            }
        }
        if way == Way::Append && offset >= FILE_BYTES {
            file.set_len(0)
                .doing(|| format!("cut {}", path.display()))?;
        }
    }
    Ok(Flushes {
        way,
        bytes,
        per_second: writes as f64 / started.elapsed().as_secs_f64(),
        latency: latencies.quantiles(),
    })
}

fn prepare(path: &Path, way: Way) -> std::io::Result<File> {
    let file = File::create(path)?;
    if way == Way::Append {
        return Ok(file);
    }
    let zeros = vec![0; 1 << 20];
    for offset in (0..FILE_BYTES).step_by(zeros.len()) {
        file.write_all_at(&zeros, offset)?;
    }
    file.sync_all()?;
    if way == Way::Overwrite {
        return Ok(file);
    }
    let flags = OFlags::DIRECT | OFlags::DSYNC;
    OpenOptions::new()
        .write(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

fn table(rows: &[Flushes]) -> String {
    let mut table = Table::new(&["way", "bytes", "writes/s", "p50", "p99", "p99.9", "max"]);
    for row in rows {
        let way = match row.way {
            Way::Append => "append + fdatasync",
            Way::Overwrite => "zero-filled + fdatasync",
            Way::Direct => "zero-filled, O_DIRECT + O_DSYNC",
        };
        let Quantiles {
            p50_us,
            p99_us,
            p999_us,
            max_us,
        } = row.latency;
        table.row(vec![
            way.to_owned(),
            count(row.bytes as f64),
            count(row.per_second),
            micros(p50_us),
            micros(p99_us),
            micros(p999_us),
            micros(max_us),
        ]);
    }
    table.to_string()
}

// === impl Aligned ===

impl Aligned {
    fn new(length: usize) -> Self {
        let bytes = vec![0xA5; length + PAGE_BYTES];
        let start = bytes.as_ptr().addr().wrapping_neg() % PAGE_BYTES;
        Self {
            bytes,
            start,
            length,
        }
    }

    fn get(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_is_measured() {
        let directory = tempfile::tempdir_in(".").unwrap();
        for way in [Way::Append, Way::Overwrite] {
            let flushes =
                measure(directory.path(), way, PAGE_BYTES, Duration::from_millis(1)).unwrap();
            assert!(flushes.per_second > 0.0, "{way:?}");
            assert!(flushes.latency.max_us >= flushes.latency.p50_us, "{way:?}");
        }
    }

    #[test]
    fn a_direct_buffer_starts_on_a_page() {
        for length in [PAGE_BYTES, 16 * PAGE_BYTES] {
            let aligned = Aligned::new(length);
            assert_eq!(aligned.get().as_ptr().addr() % PAGE_BYTES, 0);
            assert_eq!(aligned.get().len(), length);
        }
    }
}
