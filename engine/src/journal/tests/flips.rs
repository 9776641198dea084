//! Every bit of a small store flipped, one at a time: each flip is found and classed, or lies where nothing was ever
//! written, and then it is at least named.

use super::damage::{End, log};
use crate::journal::meta::META_FILE;
use crate::journal::repair::Overlay;
use crate::journal::segment::HEADER_PAGE_BYTES;
use crate::journal::sim::MemStorage;
use crate::journal::{Class, LogReader, Storage};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const PAGE: usize = 4096;

/// Bits tried at a time by one thread.
const BATCH: usize = 4096;

/// Where a bit lies, and so what its flip must be found as.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Region {
    HeaderCopy,
    Meta,
    /// Records, their padding and gaps, up to the end that the next header or the clean flag states.
    Acknowledged,
    /// The last group of a run that was killed: nothing attests it.
    Unattested,
    /// Behind the end of the newest segment.
    NeverWritten,
    /// Behind the end of a sealed segment: evidence, judged by nobody.
    BehindSealed,
}

/// A file of the store under test, with its regions by the offset at which they end.
struct Target {
    name: String,
    bytes: Vec<u8>,
    regions: Vec<(usize, Region)>,
}

fn targets(disk: &MemStorage, end: End) -> Vec<Target> {
    let reader = LogReader::of(Arc::new(disk.clone())).unwrap();
    let tail = reader.tail().unwrap().unwrap();
    let segments = &reader.catalog().segments;
    let mut targets: Vec<Target> = segments
        .iter()
        .enumerate()
        .map(|(index, segment)| {
            let header = (HEADER_PAGE_BYTES as usize, Region::HeaderCopy);
            let len = segment.len as usize;
            let regions = match reader.catalog().successor(index) {
                Some(next) => vec![
                    header,
                    (next.prev_bytes as usize, Region::Acknowledged),
                    (len, Region::BehindSealed),
                ],
                None => {
                    let unattested = if end == End::Killed { PAGE } else { 0 };
                    let log = tail.end as usize;
                    vec![
                        header,
                        (log - unattested, Region::Acknowledged),
                        (log, Region::Unattested),
                        (len, Region::NeverWritten),
                    ]
                }
            };
            let name = segment.name.clone();
            let bytes = disk.bytes(&name).unwrap();
            Target {
                name,
                bytes,
                regions,
            }
        })
        .collect();
    let bytes = disk.bytes(META_FILE).unwrap();
    targets.push(Target {
        name: META_FILE.to_owned(),
        regions: vec![(bytes.len(), Region::Meta)],
        bytes,
    });
    targets
}

/// What verifying says of one flip: the class of the worst problem, or whether it was at least named. Headers and the
/// meta are judged without any record, records without any other segment.
fn verdict(
    base: &Arc<dyn Storage>,
    target: &Target,
    region: Region,
    bit: usize,
) -> (Option<Class>, bool) {
    let mut bytes = target.bytes.clone();
    bytes[bit / 8] ^= 1 << (bit % 8);
    let seen = Overlay::new(Arc::clone(base), [(target.name.clone(), Some(bytes))]);
    let reader = LogReader::of(Arc::new(seen)).unwrap();
    let of_records = !matches!(region, Region::HeaderCopy | Region::Meta);
    let report = reader
        .verify_where(1, &|_, _| {}, &|file| {
            of_records && file.name == target.name
        })
        .unwrap();
    let warned = report
        .tail
        .as_ref()
        .is_some_and(|tail| !tail.warnings.is_empty());
    (report.worst(), warned)
}

fn is_right(region: Region, end: End, found: (Option<Class>, bool)) -> bool {
    match (region, found) {
        (Region::HeaderCopy | Region::Acknowledged, (class, _)) => class == Some(Class::Corrupt),
        (Region::Meta, (class, _)) => class == Some(Class::Meta),
        // Killed before anything attested it: it may be dropped, nobody was told.
        (Region::Unattested, (class, _)) => class == Some(Class::Torn),
        // Inside one group's length it counts as torn, or as a record that cannot be there.
        (Region::NeverWritten, (class, warned)) => {
            class == Some(Class::Torn)
                || (end == End::Closed && class == Some(Class::Corrupt))
                || warned
        }
        (Region::BehindSealed, found) => found == (None, false),
    }
}

fn flip_all(end: End) {
    let disk = log(end);
    let base: Arc<dyn Storage> = Arc::new(disk.clone());
    let tried: parking_lot::Mutex<BTreeMap<Region, u64>> = parking_lot::Mutex::default();
    for target in targets(&disk, end) {
        let bits = target.bytes.len() * 8;
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    let mut counts: BTreeMap<Region, u64> = BTreeMap::new();
                    loop {
                        let from = next.fetch_add(BATCH, Relaxed);
                        if from >= bits {
                            break;
                        }
                        for bit in from..(from + BATCH).min(bits) {
                            let at = target.regions.iter().find(|(to, _)| bit / 8 < *to);
                            let region = at.unwrap().1;
                            if !is_wanted(region, end, bit) {
                                continue;
                            }
                            let found = verdict(&base, &target, region, bit);
                            let (name, offset) = (&target.name, bit / 8);
                            assert!(
                                is_right(region, end, found),
                                "{end:?}: bit {} of {name}:{offset} ({region:?}) is {found:?}",
                                bit % 8
                            );
                            *counts.entry(region).or_default() += 1;
                        }
                    }
                    for (region, count) in counts {
                        *tried.lock().entry(region).or_default() += count;
                    }
                });
            }
        });
    }
    let tried = tried.into_inner();
    let bits = |region: Region, bytes: u64| {
        assert!(tried[&region] >= 8 * bytes, "{region:?} of {tried:?}");
    };
    match end {
        End::Closed => {
            bits(Region::HeaderCopy, 2 * HEADER_PAGE_BYTES);
            bits(Region::Acknowledged, 6 * PAGE as u64);
            bits(Region::Meta, 4 * PAGE as u64);
        }
        End::Killed | End::Marked => bits(Region::Unattested, PAGE as u64),
    }
}

/// Every bit that was ever written; where nothing was, one bit a page is as good as another. A killed store differs from a
/// closed one only in its last group and behind it.
fn is_wanted(region: Region, end: End, bit: usize) -> bool {
    match region {
        Region::Unattested => true,
        Region::HeaderCopy | Region::Meta | Region::Acknowledged => end == End::Closed,
        Region::NeverWritten | Region::BehindSealed => bit.is_multiple_of(997),
    }
}

#[test]
fn every_bit_of_a_closed_store() {
    flip_all(End::Closed);
}

#[test]
fn every_bit_of_a_store_that_was_killed() {
    flip_all(End::Killed);
}
