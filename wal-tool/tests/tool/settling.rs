//! Statements of companies, taken again from the log alone.

use engine::domain::{
    Bill, BucketKey, CompanyCreated, CompanyId, Description, Event, Fund, Granted, Line, Piece,
    Points, Run, SettlementClosed, Span, Standing, Tallying, Terms, Timestamp, Used,
};

use crate::stage::{SECOND_US, START_US, Store, amount, wallet};

const HOUR_US: i64 = 3_600 * SECOND_US;

/// What is changed in a statement.
type Lie = fn(&mut SettlementClosed);

fn standing(version: u64, paid: i64) -> Standing {
    Standing {
        wallet: wallet(7),
        version,
        paid,
        free: 0,
    }
}

/// Company 7 comes to be, is charged 1,000 points and spends 300, each an hour after the other: LSN 1 to 3.
fn entries() -> [Event; 3] {
    let bucket = BucketKey {
        fund: Fund::Paid,
        expires_at: None,
    };
    let piece = Piece {
        lot: 0,
        amount: 300,
    };
    let run = Run {
        bucket,
        pieces: [piece].into_iter().collect(),
    };
    [
        Event::CompanyCreated(CompanyCreated {
            standing: standing(1, 0),
            name: Description::new("Acme").unwrap(),
        }),
        Event::Charged(Granted {
            standing: standing(2, 1_000),
            amount: amount(1_000),
            expires_at: None,
            lot: 0,
            description: Description::default(),
            aside: None,
        }),
        Event::Used(Used {
            standing: standing(3, 700),
            runs: [run].into_iter().collect(),
            description: Description::default(),
            aside: None,
        }),
    ]
}

/// The log of these, and of a statement over the first so many hours, changed as a liar would.
fn settled(hours: i64, lie: impl FnOnce(&mut SettlementClosed)) -> Store {
    let store = Store::new();
    let span = Span::new(
        Timestamp(START_US),
        Timestamp(START_US + hours * HOUR_US + 1),
    );
    let span = span.unwrap();
    let mut tally = Tallying::new(wallet(7), 1, Points::ZERO);
    for event in &entries() {
        let at = store.now();
        let lsn = store.write_event(event, None);
        if span.has(at) {
            tally.count(lsn, at, event).unwrap();
        }
        store.pass(HOUR_US);
    }
    let tally = tally.finish().unwrap();
    let terms = Terms::default();
    let mut closed = SettlementClosed {
        company: CompanyId::new(7).unwrap(),
        version: 2,
        span,
        zone: "UTC".into(),
        by: Description::new("accounting").unwrap(),
        bill: Bill::of(tally.sold(), terms, 0).unwrap(),
        tally,
        terms,
    };
    lie(&mut closed);
    closed.bill = Bill::of(closed.tally.sold(), terms, closed.bill.carried_in).unwrap();
    store.write_event(&Event::SettlementClosed(Box::new(closed)), None);
    store.close()
}

#[test]
fn a_statement_is_what_its_entries_come_to() {
    let store = settled(2, |_| ());
    let rows = store.rows(&["settlement", "verify"], 0);
    assert_eq!(rows.len(), 2, "{rows:?}");
    let statement = &rows[0];
    assert_eq!(statement["verdict"], "same", "{statement}");
    assert_eq!(statement["company"], 7);
    assert_eq!(
        (&statement["entries"], &statement["payable"]),
        (&2.into(), &300.into())
    );
    assert_eq!(
        (&statement["first_lsn"], &statement["last_lsn"]),
        (&2.into(), &3.into())
    );
    assert_eq!(rows[1]["statements"], 1);
    let period = statement["period"].as_str().unwrap().to_owned();
    let named = [
        "settlement",
        "verify",
        "--company",
        "7",
        "--period",
        &period,
    ];
    assert_eq!(store.rows(&named, 0)[0]["verdict"], "same");
    assert_eq!(
        store.tool(&["settlement", "verify", "--company", "8"]).code,
        2
    );
    assert_eq!(
        store
            .tool(&["settlement", "verify", "--period", "2026-01"])
            .code,
        2
    );
    assert_eq!(store.tool(&["verify", "--deep"]).code, 0);
    let dumped = store.rows(&["dump", "--kind", "settlement_closed"], 0);
    assert_eq!(
        dumped[0]["settlement"]["statement"]["hash"],
        statement["hash"]
    );
    // The first hour alone: what comes behind it is another period's.
    let store = settled(1, |_| ());
    assert_eq!(store.rows(&["settlement", "verify"], 0)[0]["entries"], 1);
}

#[test]
fn a_statement_that_says_otherwise_than_the_log_is_14() {
    let lies: [(Lie, &str); 7] = [
        (|closed| closed.tally.hash[31] ^= 1, "hash"),
        (
            |closed| {
                closed.tally.lines[Line::Used as usize].paid -= 1;
                closed.tally.lines[Line::Charged as usize].paid += 1;
            },
            "states charged 1001 paid, 0 free, the log has 1000 paid, 0 free",
        ),
        (
            |closed| {
                closed.tally.lines[Line::Earned as usize].paid += 5;
            },
            "states earned 5 paid",
        ),
        (
            |closed| closed.tally.entries += 1,
            "states entries 3, the log has 2",
        ),
        (|closed| closed.tally.first_lsn = 1, "states LSN 1..3"),
        // An entry is left out, or a period moved over it.
        (
            |closed| closed.tally.since_version = 2,
            "does not go on where the last period ended",
        ),
        (
            |closed| closed.span.from = Timestamp(START_US + HOUR_US + 1),
            "has version 3 of the wallet where 2 is due",
        ),
    ];
    for (lie, expected) in lies {
        let store = settled(2, lie);
        let answer = store.tool(&["settlement", "verify"]);
        assert_eq!(answer.code, 14, "{expected}: {}{}", answer.out, answer.err);
        assert!(answer.out.contains(expected), "{expected}: {}", answer.out);
        let answer = store.tool(&["verify", "--deep"]);
        assert_eq!(answer.code, 14, "{expected}: {}", answer.out);
        assert_eq!(store.tool(&["verify"]).code, 0, "the bytes are sound");
    }
}
