//! Bytes of a day on disk.
//!
//! ```text
//! block 0   magic, version, words of the columns, store, day, LSNs, last time, wallets, closed day, sums of all, zone
//! blocks    a row for each wallet, ascending: wallet u64, entries u64, opening, a change a column; 28 a block
//! ```
//! Little-endian throughout; points are paid, then free, i64 each. Written once and replaced as a whole.

use crate::domain::{COLUMNS, Column, Day, DayFlow, Points, Zone};
use crate::projections::blocks::{AT_CRC, BLOCK_BYTES, TMP, is_sound, seal};
use crate::projections::reread::Span;

/// Bytes of a row.
pub(super) const ROW_BYTES: usize = 8 + FLOW_BYTES;

/// Rows in a block.
pub(super) const ROWS_A_BLOCK: usize = AT_CRC / ROW_BYTES;

const POINTS_BYTES: usize = 16;
const FLOW_BYTES: usize = 8 + POINTS_BYTES * (1 + COLUMNS);

const MAGIC: [u8; 8] = *b"\x89SCDY\r\n\x1a";

/// +1 whenever the bytes change meaning: older files are then built anew.
const VERSION: u32 = 1;

/// The head of a day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct DayHeader {
    pub(super) store_id: u128,
    pub(super) day: Day,
    /// From behind the last entry of the days before to the last entry of this one.
    pub(super) span: Span,
    /// Time of the last entry, µs.
    pub(super) last_at_us: i64,
    pub(super) wallets: u64,
    /// Of all wallets.
    pub(super) sum: DayFlow,
    /// The last day that was closed by a record before the end of this one.
    pub(super) closed: Option<Day>,
    /// The zone in which days are counted at its end.
    pub(super) zone: Zone,
}

/// Bytes as they come.
struct Reader<'a>(&'a [u8]);

// === impl DayHeader ===

impl DayHeader {
    pub(super) fn encode(&self) -> [u8; BLOCK_BYTES] {
        let mut bytes = Vec::with_capacity(BLOCK_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&words_crc().to_le_bytes());
        bytes.extend_from_slice(&self.store_id.to_le_bytes());
        bytes.extend_from_slice(&i64::from(self.day.number()).to_le_bytes());
        for word in [self.span.above, self.span.to, self.wallets] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(&self.last_at_us.to_le_bytes());
        let closed = self.closed.unwrap_or(Day::MIN);
        bytes.extend_from_slice(&i64::from(closed.number()).to_le_bytes());
        encode_flow(&self.sum, &mut bytes);
        let zone = self.zone.name().as_bytes();
        bytes.extend_from_slice(&(zone.len() as u64).to_le_bytes());
        bytes.extend_from_slice(zone);
        let mut block = [0; BLOCK_BYTES];
        block[..bytes.len()].copy_from_slice(&bytes);
        seal(&mut block);
        block
    }

    /// `None` when it is damaged or of another version.
    pub(super) fn decode(block: &[u8; BLOCK_BYTES]) -> Option<Self> {
        let mut reader = Reader(block);
        let known = is_sound(block)
            && reader.take()? == MAGIC
            && u32::from_le_bytes(reader.take()?) == VERSION
            && u32::from_le_bytes(reader.take()?) == words_crc();
        if !known {
            return None;
        }
        let store_id = u128::from_le_bytes(reader.take()?);
        let day = reader.day()?;
        let (above, to) = (reader.u64()?, reader.u64()?);
        Some(Self {
            store_id,
            day,
            span: Span { above, to },
            wallets: reader.u64()?,
            last_at_us: reader.i64()?,
            closed: Some(reader.day()?).filter(|day| *day > Day::MIN),
            sum: reader.flow()?,
            zone: reader.zone()?,
        })
    }

    pub(super) fn row_blocks(&self) -> u64 {
        self.wallets.div_ceil(ROWS_A_BLOCK as u64)
    }

    pub(super) fn file_bytes(&self) -> u64 {
        (1 + self.row_blocks()) * BLOCK_BYTES as u64
    }
}

pub(super) fn encode_row(wallet: u64, flow: &DayFlow) -> [u8; ROW_BYTES] {
    let mut bytes = Vec::with_capacity(ROW_BYTES);
    bytes.extend_from_slice(&wallet.to_le_bytes());
    encode_flow(flow, &mut bytes);
    let mut row = [0; ROW_BYTES];
    row.copy_from_slice(&bytes);
    row
}

/// The rows of a block, at most so many.
pub(super) fn decode_rows(block: &[u8], count: usize) -> Vec<(u64, DayFlow)> {
    let rows = block.chunks_exact(ROW_BYTES).take(count.min(ROWS_A_BLOCK));
    let row = |raw| {
        let mut reader = Reader(raw);
        Some((reader.u64()?, reader.flow()?))
    };
    rows.filter_map(row).collect()
}

fn encode_flow(flow: &DayFlow, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&flow.entries.to_le_bytes());
    for points in [flow.opening].iter().chain(&flow.changes) {
        bytes.extend_from_slice(&points.paid.to_le_bytes());
        bytes.extend_from_slice(&points.free.to_le_bytes());
    }
}

// === impl Reader ===

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }

    fn day(&mut self) -> Option<Day> {
        Day::from_number(i32::try_from(self.i64()?).ok()?)
    }

    fn zone(&mut self) -> Option<Zone> {
        let len = usize::try_from(self.u64()?).ok()?;
        let (name, _) = self.0.split_at_checked(len)?;
        Zone::new(str::from_utf8(name).ok()?)
    }

    fn points(&mut self) -> Option<Points> {
        let (paid, free) = (self.i64()?, self.i64()?);
        Some(Points { paid, free })
    }

    fn flow(&mut self) -> Option<DayFlow> {
        let entries = self.u64()?;
        let mut flow = DayFlow::opening_with(self.points()?);
        flow.entries = entries;
        for change in &mut flow.changes {
            *change = self.points()?;
        }
        Some(flow)
    }
}

/// Name of the file of a day.
pub(super) fn day_name(day: Day) -> String {
    format!("day-{day}.rows")
}

/// Whether a file is a day, whole or on its way.
pub(super) fn is_day_name(name: &str) -> bool {
    name.starts_with("day-") && (name.ends_with(".rows") || name.ends_with(TMP))
}

/// Changes when columns are added or moved.
fn words_crc() -> u32 {
    let words = Column::ALL.map(Column::as_str);
    crc32fast::hash(words.join(" ").as_bytes())
}
