//! What each command shows of a sound store.

use engine::domain::{Command as Act, Description, Fund, GrantLater, PlaceHold, Timestamp};
use serde_json::Value;

use crate::stage::{
    SECOND_US, START_US, Store, amount, charge, create, earn, grant, key, lsns, run, send, spend,
    wallet,
};

/// Two wallets and one act of each kind, a second apart; LSNs 1…10.
///
/// ```text
/// 1 create 1   2 create 2   3 charge 1 +1000 (key 0xA)   4 earn 1 +200, expires at +20 s   5 use 1 -250
/// 6 transfer 1→2 100   7 refused use 1 99999 (key 0xB)   [at +30 s] nothing lapsed, the 200 were used
/// 8 earn 1 +50, expires at +40 s   [at +50 s] 9 lapse 1 -50   10 earn 1 +1
/// ```
fn business() -> Store {
    let mut store = Store::new();
    let expiring = |store: &Store, points: u64, after_s: i64| {
        let at = Timestamp(START_US + after_s * SECOND_US);
        assert!(at > store.now());
        Act::Earn(grant(1, points, Some(at)))
    };
    store.act(&create(1), None);
    store.pass(SECOND_US);
    store.act(&create(2), None);
    store.pass(SECOND_US);
    store.act(&charge(1, 1000), key(0xA));
    store.pass(SECOND_US);
    store.act(&expiring(&store, 200, 20), None);
    store.pass(SECOND_US);
    store.act(&spend(1, 250), None);
    store.pass(SECOND_US);
    store.act(&send(1, 2, 100), None);
    store.pass(SECOND_US);
    store.act(&spend(1, 99_999), key(0xB));
    store.pass(24 * SECOND_US);
    store.act(&expiring(&store, 50, 40), None);
    store.pass(20 * SECOND_US);
    let last = store.act(&earn(1, 1), None);
    assert_eq!(last, 10);
    store.close()
}

#[test]
fn dump_filters_are_anded() {
    let store = business();
    let rows: [(&[&str], &[u64]); 16] = [
        (&[], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (&["--wallet", "2"], &[2, 6]),
        (
            &["--wallet", "1,2", "--kind", "transferred,wallet_created"],
            &[1, 2, 6],
        ),
        (&["--kind", "refused"], &[7]),
        (&["--kind", "close"], &[10]),
        (&["--from-lsn", "4", "--to-lsn", "6"], &[4, 5, 6]),
        (
            &[
                "--from-time",
                "2026-07-31T00:00:03Z",
                "--to-time",
                "2026-07-31T09:00:05+09:00",
            ],
            &[4, 5, 6],
        ),
        (&["--min-amount", "200"], &[3, 4, 5]),
        (&["--min-amount", "200", "--wallet", "2"], &[]),
        (&["--key", "0000000000000000000000000000000a"], &[3]),
        (&["--key", "0000000000000000000000000000000B"], &[7]),
        (&["--limit", "3"], &[1, 2, 3]),
        (&["--reverse", "--limit", "2"], &[10, 9]),
        (
            &["--reverse", "--from-lsn", "3", "--to-lsn", "5"],
            &[5, 4, 3],
        ),
        (&["--tail", "2"], &[9, 10]),
        (&["--tail", "1", "--wallet", "2", "--to-lsn", "5"], &[2]),
    ];
    for (filters, expected) in rows {
        let answer = store.rows(&[&["dump"], filters].concat(), 0);
        assert_eq!(lsns(&answer), expected, "{filters:?}");
    }
}

#[test]
fn dump_shows_an_act_in_every_shape() {
    let store = business();
    let rows = store.rows(&["dump", "--from-lsn", "5", "--to-lsn", "7"], 0);
    let used = &rows[0];
    assert_eq!(used["kind"], "used");
    assert_eq!(used["created_at"], "2026-07-31T00:00:04.000000Z");
    assert_eq!(used["description"], "coffee, \"large\"");
    let entry = &used["entries"][0];
    assert_eq!(
        (entry["wallet"].as_u64(), entry["amount"].as_u64()),
        (Some(1), Some(250))
    );
    assert_eq!(
        (entry["type"].as_str(), entry["balance"].as_u64()),
        (Some("use"), Some(950))
    );
    assert_eq!(entry["allocations"][0]["fund"], "free");
    assert_eq!(
        entry["allocations"][0]["expires_at"],
        "2026-07-31T00:00:20.000000Z"
    );
    let transfer = &rows[1]["entries"];
    assert_eq!(
        (transfer[0]["type"].as_str(), transfer[1]["type"].as_str()),
        (Some("transfer_out"), Some("transfer_in"))
    );
    assert_eq!(transfer[1]["counterparty"], 1);
    let rejection = &rows[2]["rejection"];
    assert_eq!(rejection["code"], "insufficient-balance");
    assert_eq!(
        (
            rejection["available"].as_u64(),
            rejection["requested"].as_u64()
        ),
        (Some(850), Some(99_999))
    );

    let csv = store
        .tool(&[
            "dump",
            "--format",
            "csv",
            "--from-lsn",
            "5",
            "--to-lsn",
            "6",
        ])
        .out;
    let lines: Vec<_> = csv.lines().collect();
    assert!(
        lines[0].starts_with("lsn,last_lsn,segment,offset,bytes,created_at,kind,key"),
        "{csv}"
    );
    assert!(
        lines[1].ends_with(",0,use,1,250,950,950,0,4,,,\"coffee, \"\"large\"\"\""),
        "{csv}"
    );
    assert_eq!(lines.len(), 4, "a transfer has a row for each leg: {csv}");

    let text = store.tool(&["dump", "--tail", "6"]).out;
    assert!(
        text.contains("wallet 1 -250 = 950 (paid 950, free 0) v4"),
        "{text}"
    );
    assert!(text.contains(r#""coffee, \"large\"""#), "{text}");
    assert!(text.contains("wallet 1 -50 = 850"), "the lapse: {text}");
}

#[test]
fn replay_gives_the_state_at_any_point() {
    let store = business();
    let balances = |args: &[&str]| -> Vec<(u64, u64)> {
        let rows = store.rows(&[&["replay"], args].concat(), 0);
        let wallets = rows.iter().filter(|row| row["row"] == "wallet");
        wallets
            .map(|row| {
                (
                    row["id"].as_u64().unwrap(),
                    row["balance"].as_u64().unwrap(),
                )
            })
            .collect()
    };
    assert_eq!(balances(&[]), [(1, 851), (2, 100)]);
    assert_eq!(balances(&["--wallet", "2"]), [(2, 100)]);
    assert_eq!(balances(&["--to-lsn", "4"]), [(1, 1200), (2, 0)]);
    assert_eq!(
        balances(&["--to-time", "2026-07-31T00:00:03Z"]),
        [(1, 1200), (2, 0)]
    );
    assert_eq!(balances(&["--to-lsn", "1"]), [(1, 0)]);

    let rows = store.rows(&["replay", "--to-lsn", "4", "--wallet", "1"], 0);
    assert_eq!(rows[0]["lots"][0]["fund"], "free");
    assert_eq!(rows[0]["lots"][1]["remaining"], 1000);
    assert_eq!(rows[0]["version"], 3);
    assert_eq!(rows[1]["acts"], 4);
    assert_eq!(rows[1]["balance"], 1200);

    let csv = store.tool(&["replay", "--format", "csv"]);
    assert_eq!(
        csv.out.lines().nth(1),
        Some("1,user,1,851,850,1,8,10,2026-07-31T00:00:00.000000Z"),
        "{}",
        csv.out
    );
    assert_eq!(store.tool(&["replay", "--wallet", "77"]).code, 2);
}

#[test]
fn history_is_a_statement_that_adds_up() {
    let store = business();
    let rows = store.rows(&["history", "1"], 0);
    let entries: Vec<_> = rows.iter().filter(|row| row["row"] == "entry").collect();
    let seen: Vec<_> = entries
        .iter()
        .map(|row| {
            (
                row["transaction"].as_u64().unwrap(),
                row["type"].as_str().unwrap(),
                row["balance"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (1, "create", 0),
            (3, "charge", 1000),
            (4, "earn", 1200),
            (5, "use", 950),
            (6, "transfer_out", 850),
            (8, "earn", 900),
            (9, "lapse", 850),
            (10, "earn", 851),
        ]
    );
    let summary = rows.last().unwrap();
    assert_eq!(
        (summary["opening"].as_u64(), summary["closing"].as_u64()),
        (Some(0), Some(851))
    );

    let late = store.rows(&["history", "1", "--from-lsn", "6", "--to-lsn", "8"], 0);
    let summary = late.last().unwrap();
    assert_eq!(
        (summary["opening"].as_u64(), summary["closing"].as_u64()),
        (Some(950), Some(900))
    );
    assert_eq!(
        (summary["credited"].as_u64(), summary["debited"].as_u64()),
        (Some(50), Some(100))
    );

    let text = store.tool(&["history", "1"]).out;
    assert!(
        text.contains("use") && text.contains("-250") && text.contains("950"),
        "{text}"
    );
    assert_eq!(store.tool(&["history", "3"]).code, 2);
    assert_eq!(store.tool(&["history", "0"]).code, 2);
}

#[test]
fn balance_leaves_lapsed_points_out_before_the_lapse_is_recorded() {
    let store = business();
    let at = |time: &str| {
        let rows = store.rows(&["balance", "1", "--at", time], 0);
        (
            rows[0]["balance"].as_u64().unwrap(),
            rows[0]["ledger"].as_u64().unwrap(),
        )
    };
    assert_eq!(at("2026-07-31T00:00:31Z"), (900, 900));
    assert_eq!(
        at("2026-07-31T00:00:45Z"),
        (850, 900),
        "lapsed at 40 s, recorded at 50 s"
    );
    assert_eq!(at("2026-07-31T00:00:50Z"), (851, 851));
    assert_eq!(store.rows(&["balance", "2"], 0)[0]["balance"], 100);
    let before = store.tool(&["balance", "2", "--at", "2026-07-31T00:00:00Z"]);
    assert_eq!(before.code, 2);
    assert!(before.err.contains("did not exist"), "{}", before.err);
}

#[test]
fn balance_settles_what_time_has_brought_about_before_it_is_recorded() {
    let mut store = Store::new();
    store.act(&create(1), None);
    store.act(&charge(1, 100), None);
    let soon = Timestamp(store.now().0 + SECOND_US);
    let hold = PlaceHold {
        wallet: wallet(1),
        amount: amount(80),
        expires_at: soon,
        description: Description::default(),
    };
    store.act(&Act::PlaceHold(hold), None);
    let later = GrantLater {
        grant: grant(1, 7, None),
        fund: Fund::Free,
        active_at: Some(soon),
    };
    store.act(&Act::GrantLater(Box::new(later)), None);
    let store = store.crash();
    let at = |time: &str| {
        let row = store.rows(&["balance", "1", "--at", time], 0).remove(0);
        let number = |name: &str| row[name].as_i64().unwrap();
        [
            "balance",
            "available",
            "held",
            "pending",
            "ledger",
            "version",
        ]
        .map(number)
    };
    assert_eq!(at("2026-07-31T00:00:00.9Z"), [100, 20, 80, 7, 100, 4]);
    assert_eq!(at("2026-07-31T00:00:01.5Z"), [107, 107, 0, 0, 100, 4]);
    let said = store.tool(&["balance", "1"]).out;
    assert!(said.contains("available 107, held 0"), "{said}");
}

#[test]
fn stats_add_up() {
    let store = business();
    let rows = store.rows(&["stats"], 0);
    let totals = &rows[0];
    let number = |name: &str| totals[name].as_u64().unwrap();
    assert_eq!(
        (number("acts"), number("records"), number("groups")),
        (10, 10, 10)
    );
    assert_eq!(
        number("log_bytes"),
        number("body_bytes") + number("header_bytes") + number("padding_bytes")
    );
    assert_eq!(number("header_bytes"), 48 * 11, "ten acts and CLOSE");
    let kinds: Vec<_> = rows[1..]
        .iter()
        .map(|row| (row["kind"].as_str().unwrap(), row["acts"].as_u64().unwrap()))
        .collect();
    assert!(
        kinds.contains(&("earned", 3)) && kinds.contains(&("refused", 1)),
        "{kinds:?}"
    );

    let wallets = store.rows(&["stats", "--by", "wallet", "--top", "1"], 0);
    assert_eq!(
        (wallets[1]["wallet"].as_u64(), wallets[1]["acts"].as_u64()),
        (Some(1), Some(8))
    );
    assert_eq!(
        (
            wallets[1]["credited"].as_u64(),
            wallets[1]["debited"].as_u64()
        ),
        (Some(1251), Some(400))
    );
    let minutes = store.rows(&["stats", "--by", "minute"], 0);
    assert_eq!(
        (minutes[1]["minute"].as_str(), minutes[1]["acts"].as_u64()),
        (Some("2026-07-31T00:00Z"), Some(10))
    );
    let text = store.tool(&["stats"]).out;
    assert!(
        text.contains("padding") && text.contains("earned"),
        "{text}"
    );
}

#[test]
fn inspect_and_verify_agree_that_all_is_well() {
    let store = business();
    let rows = store.rows(&["inspect"], 0);
    let of = |row: &str| rows.iter().find(|found| found["row"] == row).unwrap();
    assert_eq!(of("store")["last_lsn"], 10);
    assert_eq!(of("store")["held_by"], Value::Null);
    assert_eq!(of("meta")["sound_copies"], 4);
    assert_eq!(of("meta")["clean_lsn"], 10);
    assert_eq!(of("segment")["sound_copies"], 2);
    assert_eq!(of("tail")["verdict"], "clean");
    assert!(rows.iter().all(|row| row["row"] != "problem"));

    let verified = store.rows(&["verify", "--deep", "--jobs", "2"], 0);
    assert_eq!(verified.len(), 1, "no problem: {verified:?}");
    assert_eq!(
        (
            verified[0]["verdict"].as_str(),
            verified[0]["acts"].as_u64()
        ),
        (Some("clean"), Some(10))
    );
    assert_eq!(
        (
            verified[0]["wallets"].as_u64(),
            verified[0]["points"].as_u64()
        ),
        (Some(2), Some(951))
    );
}

#[test]
fn hex_names_every_byte() {
    let store = business();
    let file = store.segments()[0].to_str().unwrap().to_owned();
    let header = run(&["hex", &file, "--json"]);
    assert_eq!(header.code, 0, "{}", header.err);
    let field = |rows: &[Value], name: &str| {
        rows.iter()
            .find(|row| row["name"] == name)
            .cloned()
            .unwrap()
    };
    assert_eq!(field(&header.rows(), "first_lsn")["value"], "1");
    // Any byte of the first record leads to it, and so do the zeros behind its group.
    for at in ["4096", "4100", "0x1030", "8191"] {
        let record = run(&["hex", &file, "--at", at, "--json"]);
        assert_eq!(record.code, 0, "{}", record.err);
        let rows = record.rows();
        assert_eq!(
            (rows[0]["sound"].as_bool(), rows[0]["offset"].as_u64()),
            (Some(true), Some(4096))
        );
        assert_eq!(field(&rows, "lsn")["value"], "1");
        assert!(rows[0]["says"].as_str().unwrap().contains("WalletCreated"));
        let covered: u64 = rows[1..]
            .iter()
            .map(|row| row["length"].as_u64().unwrap())
            .sum();
        assert!(covered.is_multiple_of(8) && covered > 48);
    }
    let meta = run(&["hex", store.dir().join("store.meta").to_str().unwrap()]);
    assert!(
        meta.out.contains("active_seq") && meta.code == 0,
        "{}",
        meta.out
    );
}

#[test]
fn an_act_of_many_records_is_one_act_in_both_directions() {
    let mut store = Store::new();
    store.act(&create(1), None);
    for at in 0..1200 {
        let expires = Timestamp(START_US + SECOND_US * (1_000_000 + at % 1000));
        store.act(&Act::Earn(grant(1, 3, Some(expires))), None);
    }
    // Takes from a thousand buckets: some 20 KiB, three records.
    let lsn = store.act(&spend(1, 3 * 1100), None);
    store.act(&earn(1, 5), None);
    let store = store.close();
    let number = lsn.to_string();
    let middle = (lsn + 1).to_string();
    let ways: [&[&str]; 4] = [
        &["--kind", "used"],
        &["--kind", "used", "--reverse"],
        &["--from-lsn", &middle, "--limit", "1"],
        &["--to-lsn", &number, "--tail", "1"],
    ];
    for way in ways {
        let rows = store.rows(&[&["dump"], way].concat(), 0);
        assert_eq!(lsns(&rows), [lsn], "{way:?}");
        assert!(rows[0]["last_lsn"].as_u64().unwrap() > lsn, "{way:?}");
        assert_eq!(rows[0]["entries"][0]["amount"], 3300);
    }
    let ends_inside = store.rows(
        &["dump", "--reverse", "--to-lsn", &middle, "--limit", "2"],
        0,
    );
    assert_eq!(lsns(&ends_inside), [lsn, lsn - 1]);
    store.rows(&["verify", "--deep"], 0);
    assert!(store.segments().len() > 10, "the log has rolled");
    let backward = lsns(&store.rows(&["dump", "--reverse"], 0));
    let mut forward = lsns(&store.rows(&["dump"], 0));
    forward.reverse();
    assert_eq!(backward, forward);
}
