//! The bytes of the format as released, written out.

use crate::domain::{Entity, EntityId, EntityKind, Owner, Timestamp, Wallet};
use crate::entities::EntityState;
use crate::journal::Lsn;
use crate::journal::sim::MemStorage;
use crate::record::IdempotencyKey;
use crate::snapshot::format::Header;
use crate::snapshot::write::SnapshotWriter;
use crate::snapshot::{KeptKey, Snapshot};

const GOLDEN: &str = include_str!("golden.hex");

fn header() -> Header {
    Header {
        store_id: 0x0011_2233_4455_6677_8899_AABB_CCDD_EEFF,
        lsn: Lsn(42),
        time_us: 1_700_000_000_000_000,
        crc: 0xDEAD_BEEF,
        timeline: 3,
        keys_from_us: 1_699_913_600_000_000,
        previous: Lsn(17),
    }
}

fn state(id: u64, paid: u64) -> EntityState {
    let mut wallet = Wallet::new(Owner::user(id));
    wallet.version = 5;
    wallet.paid = paid.cast_signed();
    EntityState {
        entity: Some(Entity::Wallet(wallet)),
        last_lsn: Lsn(40 + id),
        last_at: Timestamp(1_700_000_000_000_000),
        created_at: Timestamp(1_600_000_000_000_000),
        noted: None,
    }
}

#[test]
fn a_snapshot_has_its_golden_bytes() {
    let disk = MemStorage::new(1);
    let mut writer = SnapshotWriter::create(&disk, "golden", header()).unwrap();
    let key = IdempotencyKey {
        id: 0x0F1E_2D3C_4B5A_6978,
        fingerprint: 0x1234_5678,
    };
    let (lsn, at_us) = (41, 1_700_000_000_000_000);
    writer.push_key(&KeptKey { key, lsn, at_us }).unwrap();
    let kind = EntityKind::Wallet;
    for id in [1, 2] {
        let state = state(id, 100 * id);
        writer.push_state(EntityId { kind, id }, &state).unwrap();
    }
    writer.finish().unwrap();
    let hex = |bytes: &[u8]| -> String {
        let lines = bytes.chunks(32).map(|line| {
            let line: String = line.iter().map(|byte| format!("{byte:02x}")).collect();
            line + "\n"
        });
        lines.collect()
    };
    let written = disk.bytes("golden").unwrap();
    assert_eq!(hex(&written), GOLDEN, "{}", hex(&written));
    let read = Snapshot::open(&disk, "golden").unwrap();
    assert_eq!(*read.header(), header());
    let tally = read.verify().unwrap();
    assert_eq!((tally.rows, tally.keys, tally.paid), (2, 1, 300));
}
