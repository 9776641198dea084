//! Sound bytes that contradict each other: code 14.

use engine::domain::{
    BucketKey, Description, EntryRef, Event, Fund, Granted, Owner, Piece, Run, Standing, Timestamp,
    TransactionId, UseCancelled, WalletCreated,
};

use crate::damage::{PAGE, check, flip, written};
use crate::stage::{SECOND_US, START_US, Store, amount, create, earn, key, spend, wallet};

fn earned(version: u64, free: u64, points: u64) -> Event {
    earned_into(4, version, free, points)
}

fn earned_into(lot: u64, version: u64, free: u64, points: u64) -> Event {
    let standing = Standing {
        wallet: wallet(1),
        version,
        paid: 0,
        free: free.cast_signed(),
    };
    Event::Earned(Granted {
        standing,
        amount: amount(points),
        expires_at: None,
        lot,
        description: Description::default(),
        aside: None,
    })
}

#[test]
fn sound_bytes_that_contradict_each_other_are_14() {
    let again = Standing {
        wallet: wallet(1),
        version: 1,
        paid: 0,
        free: 0,
    };
    let created = Event::WalletCreated(WalletCreated {
        standing: again,
        owner: Owner::user(1),
    });
    // The wallet stands at version 5 with 4 free points.
    let lies: [(Event, &str); 5] = [
        (earned(7, 14, 10), "version 7 is stated where 6 is due"),
        (earned(6, 99, 10), "paid 0 and free 99 are stated"),
        (earned(5, 14, 10), "version 5 is stated where 6 is due"),
        (earned_into(9, 6, 14, 10), "lot 9"),
        (created, "created twice"),
    ];
    for (lie, expected) in lies {
        let store = written(5);
        store.write_event(&lie, None);
        let store = store.close();
        let answer = check(&store, 14, "meaning");
        assert!(answer.out.contains(expected), "{}", answer.out);
        assert_eq!(store.tool(&["verify"]).code, 0, "the bytes are sound");
        assert_eq!(store.tool(&["replay"]).code, 14);
        // A statement knows amounts and versions, no lots.
        let code = if expected == "lot 9" { 0 } else { 14 };
        assert_eq!(store.tool(&["history", "1"]).code, code, "{expected}");
    }
}

#[test]
fn after_a_contradiction_only_new_ones_are_told() {
    let store = written(5);
    store.write_event(&earned(7, 14, 10), None);
    store.write_event(&earned(8, 24, 10), None);
    store.write_event(&earned(9, 99, 10), None);
    let answer = check(&store.close(), 14, "meaning");
    let problems: Vec<_> = answer
        .rows()
        .into_iter()
        .filter(|row| row["row"] == "problem")
        .collect();
    let lsns: Vec<_> = problems
        .iter()
        .map(|row| row["lsn"].as_u64().unwrap())
        .collect();
    assert_eq!(lsns, [6, 8], "{}", answer.out);
}

#[test]
fn a_key_used_twice_is_14_within_its_window() {
    let mut store = written(2);
    store.act(&earn(1, 1), key(9));
    store.pass(2 * 3600 * 1_000_000);
    store.act(&earn(1, 1), key(9));
    let store = store.close();
    let answer = check(&store, 14, "meaning");
    assert!(
        answer.out.contains("used before, at LSN 3"),
        "{}",
        answer.out
    );
    assert_eq!(
        store.tool(&["verify", "--deep", "--key-window", "1h"]).code,
        0
    );
}

#[test]
fn more_given_back_than_was_used_is_14() {
    // LSN 1 create, 2 earn 100, 3 use 30; the cancel is 4.
    let given_back = |of: u64, points: u64, used_at: i64| {
        let mut store = Store::new();
        store.act(&create(1), None);
        store.act(&earn(1, 100), None);
        store.pass(SECOND_US);
        store.act(&spend(1, 30), None);
        let bucket = BucketKey {
            fund: Fund::Free,
            expires_at: None,
        };
        let piece = Piece {
            lot: 0,
            amount: points,
        };
        let run = Run {
            bucket,
            pieces: [piece].into_iter().collect(),
        };
        let lie = UseCancelled {
            standing: Standing {
                wallet: wallet(1),
                version: 4,
                paid: 0,
                free: (70 + points).cast_signed(),
            },
            entry: EntryRef::new(TransactionId(of), 0),
            used_at: Timestamp(START_US + used_at),
            returned: points,
            runs: [run].into_iter().collect(),
            forget_before: Timestamp(0),
            description: Description::default(),
            aside: None,
        };
        store.write_event(&Event::UseCancelled(Box::new(lie)), None);
        store.close()
    };
    assert_eq!(
        given_back(3, 30, SECOND_US)
            .tool(&["verify", "--deep"])
            .code,
        0
    );
    let lies = [
        (
            3,
            31,
            SECOND_US,
            "31 points went back of LSN 3, which used 30",
        ),
        (3, 30, 0, "states another time for LSN 3"),
        (2, 30, 0, "gives back LSN 2, which is no use"),
        (99, 30, 0, "gives back LSN 99, which is no act"),
    ];
    for (of, points, used_at, says) in lies {
        let answer = check(&given_back(of, points, used_at), 14, "meaning");
        assert!(
            answer.out.contains(says) && answer.out.contains("\"lsn\":4"),
            "{}",
            answer.out
        );
    }
}

#[test]
fn the_worst_finding_names_the_code() {
    let store = written(5);
    store.write_event(&earned(7, 14, 10), None);
    let store = store.close();
    flip(&store.dir().join("store.meta"), 20);
    check(&store, 14, "meta");
    flip(&store.segments()[0], 2 * PAGE + 50);
    check(&store, 11, "meta");
}
