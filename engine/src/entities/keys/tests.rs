//! Claims, their ends, the window and the bound.

use super::*;

const WINDOW_US: i64 = 60_000_000;

fn key(id: u128) -> IdempotencyKey {
    IdempotencyKey { id, fingerprint: 1 }
}

fn table(keys_max: usize) -> Arc<KeyTable> {
    Arc::new(KeyTable::new(keys_max, WINDOW_US))
}

fn claim(table: &Arc<KeyTable>, id: u128) -> Claim {
    let Claimed::Free(claim) = table.claim(key(id), 0) else {
        panic!("the key should be free")
    };
    claim
}

#[test]
fn a_settled_key_names_its_record_and_refuses_another_request() {
    let table = table(10);
    claim(&table, 5).settle(42, 0);
    assert!(matches!(table.claim(key(5), 0), Claimed::Done(42)));
    let other = IdempotencyKey {
        id: 5,
        fingerprint: 2,
    };
    assert!(matches!(table.claim(other, 0), Claimed::Mismatch));
}

#[tokio::test]
async fn a_duplicate_is_woken_when_the_first_one_ends() {
    let table = table(10);
    let first = claim(&table, 5);
    let Claimed::Running(mut ended) = table.claim(key(5), 0) else {
        panic!("running")
    };
    first.settle(42, 0);
    assert!(ended.changed().await.is_err(), "the sender is gone");
    assert!(matches!(table.claim(key(5), 0), Claimed::Done(42)));
}

#[test]
fn a_claim_dropped_without_a_record_is_free_again() {
    let table = table(10);
    drop(claim(&table, 5));
    assert_eq!(table.count(), 0);
    assert!(matches!(table.claim(key(5), 0), Claimed::Free(_)));
}

#[test]
fn nothing_is_dropped_inside_its_window_and_everything_after_it() {
    let table = table(1_000);
    for id in 0..100 {
        claim(&table, id * SHARDS as u128).settle(id as u64 + 1, id as i64 * 1_000_000);
    }
    let inside = table.claim(key(99 * SHARDS as u128), 99_000_000 + WINDOW_US);
    assert!(matches!(inside, Claimed::Done(100)));
    let after = table.claim(key(0), 115_000_000 + 2 * WINDOW_US);
    assert!(matches!(after, Claimed::Free(_)));
    drop(after);
    assert_eq!(table.count(), 0, "everything past its window is gone");
}

#[test]
fn a_full_table_takes_no_new_key_but_keeps_what_the_log_holds() {
    let table = table(2);
    claim(&table, 1).settle(1, 0);
    let running = claim(&table, 2);
    assert!(matches!(table.claim(key(3), 0), Claimed::Full));
    table.restore(key(4), 9, 0);
    assert!(matches!(table.claim(key(4), 0), Claimed::Done(9)));
    drop(running);
    assert_eq!(table.count(), 2);
}
