//! Damage: no flipped byte goes unnoticed, and a start makes do with an older snapshot or refuses.

use std::sync::Arc;

use super::stage::*;
use crate::api::Request;
use crate::domain::{Command, CreateWallet, Owner, WalletId};
use crate::journal::sim::MemStorage;
use crate::snapshot::Snapshot;
use crate::snapshot::tests::leave_out;

/// A closed store with two snapshots.
async fn store(seed: u64) -> (MemStorage, Arc<TickClock>) {
    let (disk, clock) = (MemStorage::new(seed), Arc::default());
    let mut dice = Dice(seed);
    let engine = open(&disk, &clock).await.unwrap();
    let mut made = 0;
    while made < 2 {
        fill(&engine, &mut dice, 150).await;
        made += usize::from(engine.snapshot().await.unwrap().is_some());
    }
    fill(&engine, &mut dice, 50).await;
    engine.shutdown().await;
    (disk, clock)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_byte_of_a_snapshot_is_covered() {
    let (disk, _) = store(11).await;
    let name = snapshots(&disk).pop().unwrap();
    let sound = disk.bytes(&name).unwrap();
    Snapshot::open(&disk, &name).unwrap().verify().unwrap();
    for at in 0..sound.len() {
        disk.damage(&name, |bytes| bytes[at] ^= 1 << (at % 8));
        let read = Snapshot::open(&disk, &name).and_then(|snapshot| snapshot.verify());
        let error = read.expect_err("damage is found");
        assert_eq!(error.exit_code(), 13, "byte {at}: {error}");
        disk.damage(&name, |bytes| bytes[at] ^= 1 << (at % 8));
    }
    for len in (0..sound.len()).step_by(97) {
        disk.damage(&name, |bytes| bytes.truncate(len));
        let read = Snapshot::open(&disk, &name).and_then(|snapshot| snapshot.verify());
        assert_eq!(read.expect_err("a cut is found").exit_code(), 13);
        disk.place(&name, Some(sound.clone()));
    }
    disk.damage(&name, |bytes| bytes.push(0));
    assert!(Snapshot::open(&disk, &name).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_snapshot_is_passed_over_loudly() {
    let (disk, clock) = store(12).await;
    let whole = see_without_snapshots(&disk, &clock).await;
    let names = snapshots(&disk);
    let lsn = |name: &str| crate::journal::snapshot_lsn(name).unwrap().0;
    for (damaged, expected) in [
        (&names[1..], Some(lsn(&names[0]))),
        (&names[..1], Some(lsn(&names[1]))),
        (&names[..], None),
    ] {
        let disk = disk.copy();
        for name in damaged {
            disk.damage(name, |bytes| {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 4;
            });
        }
        let engine = open(&disk, &clock).await.unwrap();
        let opening = engine.opening();
        assert_eq!(opening.snapshot.as_ref().map(|from| from.lsn), expected);
        let newest_is_bad = damaged.contains(&names[1]);
        let told = opening.warnings.iter().any(|text| text.contains(&names[1]));
        assert_eq!(told, newest_is_bad, "{:?}", opening.warnings);
        let named = engine.inner.core.journal.meta().read().snapshots;
        assert!(!newest_is_bad || !named.contains(&lsn(&names[1])));
        assert_eq!(see(&engine).await, whole);
        engine.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_the_log_does_not_know_is_not_used() {
    let (disk, clock) = store(13).await;
    let (other, _) = store(14).await;
    let names = snapshots(&disk);
    // Of another store, under a name that fits.
    let foreign = other.bytes(&snapshots(&other)[1]).unwrap();
    let mixed = disk.copy();
    mixed.place(&names[1], Some(foreign));
    let engine = open(&mixed, &clock).await.unwrap();
    assert!(engine.opening().warnings[0].contains("another store"));
    engine.shutdown().await;
    // The older one under the name of the newer.
    let mixed = disk.copy();
    mixed.place(&names[1], disk.bytes(&names[0]));
    let engine = open(&mixed, &clock).await.unwrap();
    assert!(engine.opening().warnings[0].contains("another LSN"));
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_without_its_beginning_needs_a_sound_snapshot() {
    let (disk, clock) = store(15).await;
    let names = snapshots(&disk);
    let first = disk.names().into_iter().find(|name| name.ends_with(".wal"));
    let meta = disk.bytes("store.meta").unwrap();
    let mut copy = crate::journal::meta::MetaCopies::parse(&meta)
        .newest()
        .unwrap()
        .clone();
    copy.oldest_seq += 1;
    copy.archive_seq = copy.oldest_seq;
    copy.seq += 1;
    disk.place("store.meta", Some(copy.encode().repeat(4)));
    disk.place(&first.unwrap(), None);
    let engine = open(&disk, &clock).await.unwrap();
    assert!(engine.opening().snapshot.is_some());
    engine.shutdown().await;
    for name in &names {
        disk.damage(name, |bytes| bytes[300] ^= 1);
    }
    let Err(error) = open(&disk, &clock).await else {
        panic!("nobody knows what was before")
    };
    assert_eq!(error.exit_code(), 13, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_is_not_what_is_served_never_counts() {
    let (disk, clock) = (MemStorage::new(16), Arc::default());
    let mut dice = Dice(16);
    let engine = open(&disk, &clock).await.unwrap();
    // Nobody asks anything of it again.
    let wallet = WalletId::new(WALLETS + 1).unwrap();
    let owner = Owner::user(wallet.get());
    let command = Command::CreateWallet(CreateWallet { wallet, owner });
    let create = Request { command, key: None };
    engine.submit(create).await.unwrap();
    let mut made = 0;
    while made < 2 {
        fill(&engine, &mut dice, 150).await;
        made += usize::from(engine.snapshot().await.unwrap().is_some());
    }
    let names = snapshots(&disk);
    let sound = disk.bytes(&names[1]).unwrap();
    leave_out(&disk, &names[1], wallet.entity());
    let meta = || engine.inner.core.journal.meta().read().snapshots;
    let named = meta();
    let refused = loop {
        fill(&engine, &mut dice, 150).await;
        match engine.snapshot().await {
            Ok(None) => {}
            Ok(Some(made)) => panic!("{made:?}"),
            Err(refused) => break refused,
        }
    };
    assert!(refused.contains("of what is served"), "{refused}");
    assert_eq!(engine.metrics().snapshots.mismatches, 1);
    assert_eq!((snapshots(&disk), meta()), (names.clone(), named));
    // With the right one to begin from it is made.
    disk.place(&names[1], Some(sound));
    assert!(engine.snapshot().await.unwrap().is_some());
    engine.shutdown().await;
}
