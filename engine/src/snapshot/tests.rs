//! The tests of the format; those of a whole engine with snapshots lie beside the engine.

mod golden;

use super::Snapshot;
use super::format::BlockKind;
use super::write::SnapshotWriter;
use crate::domain::EntityId;
use crate::journal::Storage;
use crate::journal::sim::MemStorage;

/// Writes a snapshot anew without one entity: sound in itself, and not what the log leads to.
pub(crate) fn leave_out(disk: &MemStorage, name: &str, left_out: EntityId) {
    let snapshot = Snapshot::open(disk, name).unwrap();
    let mut writer = SnapshotWriter::create(disk, "another", *snapshot.header()).unwrap();
    for block in snapshot.blocks(BlockKind::Rows) {
        let body = snapshot.body(block).unwrap();
        let rows = snapshot.rows(&body).unwrap();
        for row in rows.iter().filter(|row| row.id != left_out) {
            writer.push_row(row.id, &row.state, row.row).unwrap();
        }
    }
    writer.finish().unwrap();
    disk.rename("another", name).unwrap();
}
