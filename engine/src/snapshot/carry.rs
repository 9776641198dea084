//! A snapshot under another store's name, for a copy of a log that no longer goes back to its beginning.

use super::format::{BlockKind, Header};
use super::read::Snapshot;
use super::write::SnapshotWriter;
use crate::journal::{Base, JournalError, Lsn, Storage, snapshot_name};

// === impl Snapshot ===

impl Snapshot {
    /// Writes the same keys and rows as a snapshot of the store with this id and timeline, where the last record that it
    /// covers is `base`, makes them durable and reads them back. The directory is not synced.
    pub fn carry_over(
        &self,
        into: &dyn Storage,
        store_id: u128,
        timeline: u32,
        base: Base,
    ) -> Result<(), JournalError> {
        let name = snapshot_name(base.lsn);
        let header = Header {
            store_id,
            timeline,
            lsn: base.lsn,
            time_us: base.time_us,
            crc: base.crc,
            previous: Lsn(0),
            ..*self.header()
        };
        let mut writer = SnapshotWriter::create(into, &name, header)?;
        for block in self.blocks(BlockKind::Keys) {
            let body = self.body(block)?;
            self.each_key(&body, |kept| writer.push_key(&kept))?;
        }
        for block in self.blocks(BlockKind::Rows) {
            let body = self.body(block)?;
            for row in self.rows(&body)? {
                writer.push_row(row.id, &row.state, row.row)?;
            }
        }
        let (_, tally) = writer.finish()?;
        self.check_tally(&tally)?;
        Self::open_past_cache(into, &name)?.verify().map(drop)
    }
}
