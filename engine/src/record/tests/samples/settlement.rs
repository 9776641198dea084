//! Records of settlement, with numbers that make every field tell itself apart.

use super::*;

const SPAN: Span = Span {
    from: Timestamp(1_790_780_400_000_000),
    to: Timestamp(1_793_458_800_000_000),
};

fn points(paid: i64, free: i64) -> Points {
    Points { paid, free }
}

fn tally() -> Tally {
    Tally {
        since_version: 12,
        entries: 9,
        first_lsn: 70_001,
        last_lsn: 70_900,
        hash: std::array::from_fn(|at| at as u8),
        opening: points(1_000, 70),
        lines: [
            points(500, 0),
            points(0, 65_536),
            points(3, 0),
            points(20, 1),
            points(-300, -2),
            points(0, -4),
            points(-5, -6),
            points(-7, 0),
            points(31, -8),
        ],
        returned: points(30, 0),
        corrections: 2,
        named: vec![
            Correction {
                entry: EntryRef::new(TransactionId(70_100), 0),
                original: EntryRef::new(TransactionId(900), 0),
                change: points(30, 0),
            },
            Correction {
                entry: EntryRef::new(TransactionId(70_200), 1),
                original: EntryRef::new(TransactionId(901), 2),
                change: points(0, -8),
            },
        ],
    }
}

pub(super) fn closed() -> Event {
    let terms = Terms {
        rate_ppm: 1_500_000,
        fee_ppm: 33_000,
        vat_ppm: 100_000,
    };
    let tally = tally();
    Event::SettlementClosed(Box::new(SettlementClosed {
        company: CompanyId::new(77).unwrap(),
        version: 5,
        span: SPAN,
        zone: "Asia/Seoul".into(),
        by: Description::new("accounting").unwrap(),
        bill: Bill::of(tally.sold(), terms, -40).unwrap(),
        tally,
        terms,
    }))
}

pub(super) fn moved() -> Event {
    Event::SettlementMoved(Box::new(SettlementMoved {
        company: CompanyId::new(77).unwrap(),
        version: 6,
        span: SPAN,
        state: SettlementState::Reversed,
        carried: 322,
        before_lsn: 71_000,
        by: Description::new("accounting").unwrap(),
    }))
}

pub(super) fn run(stage: RunStage) -> Event {
    Event::SettlementRun(Box::new(SettlementRun {
        version: 9,
        span: SPAN,
        zone: "Asia/Seoul".into(),
        terms: Terms {
            rate_ppm: 1_500_000,
            fee_ppm: 33_000,
            vat_ppm: 100_000,
        },
        by: Description::new("accounting").unwrap(),
        stage,
    }))
}

pub(super) fn run_joined() -> Event {
    run(RunStage::Joined { lsn: 72_000 })
}

pub(super) fn run_ended() -> Event {
    run(RunStage::Ended {
        lsn: 72_000,
        closed: 41,
        failed: 2,
    })
}

pub(super) fn rejections() -> [Rejection; 5] {
    let company = CompanyId::of(wallet(9_007_199_254_740_991));
    [
        Rejection::SettlementNotFound { company },
        Rejection::SettlementState {
            state: SettlementState::HeldConfirmed,
        },
        Rejection::PeriodNotOver {
            ends: Timestamp(1_793_458_800_000_000),
        },
        Rejection::PeriodNotNext {
            begins: Timestamp(1_790_780_400_000_000),
        },
        Rejection::SettlementLimit { company },
    ]
}

/// The longest statement there can be: all corrections that it names, with the longest numbers and texts.
pub(in crate::record::tests) fn longest() -> Event {
    let Event::SettlementClosed(mut closed) = closed() else {
        unreachable!("the sample of a statement")
    };
    let most = NUMBER_MAX.cast_signed();
    closed.version = NUMBER_MAX;
    closed.by = Description::new(&"\u{1F600}".repeat(DESCRIPTION_CHARS_MAX)).unwrap();
    closed.zone = "America/Argentina/ComodRivadavia".into();
    let named = (0..NAMED_MAX as u64).map(|at| Correction {
        entry: EntryRef::new(TransactionId(NUMBER_MAX - at), 255),
        original: EntryRef::new(TransactionId(1 << 52), 255),
        change: points(most, -most),
    });
    closed.tally = Tally {
        since_version: NUMBER_MAX - 200,
        entries: 200,
        first_lsn: NUMBER_MAX - 200,
        last_lsn: NUMBER_MAX,
        opening: points(most, most),
        lines: [
            points(most, most),
            points(most, most),
            points(most, most),
            points(most, most),
            points(-most, -most),
            points(-most, -most),
            points(-most, -most),
            points(-most, -most),
            points(-most, -most),
        ],
        returned: points(most, most),
        corrections: 200,
        named: named.collect(),
        ..closed.tally
    };
    closed.terms.rate_ppm = 1_000_000;
    closed.bill = Bill::of(closed.tally.sold(), closed.terms, 0).unwrap();
    Event::SettlementClosed(closed)
}
