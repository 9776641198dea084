//! Tables of settlement that need no world: lines, bills, names of periods, states.

use super::*;

#[test]
fn every_type_of_entry_has_its_line() {
    for kind in EntryType::ALL {
        let line = Line::of(kind, false);
        match (kind.effect(), line) {
            (Effect::None, None) => {}
            (Effect::In, Some(line)) => assert!(!line.is_debit(), "{kind:?} {line:?}"),
            (Effect::Out, Some(Line::Adjusted)) => assert_eq!(kind, EntryType::AdjustDown),
            (Effect::Out, Some(line)) => assert!(line.is_debit(), "{kind:?} {line:?}"),
            wrong => panic!("{kind:?}: {wrong:?}"),
        }
        let undoes = matches!(kind, EntryType::Cancel | EntryType::TakeBack);
        let earlier = if undoes { Some(Line::Adjusted) } else { line };
        assert_eq!(Line::of(kind, true), earlier, "{kind:?}");
    }
}

#[test]
fn a_bill_rounds_towards_zero_and_carries_what_is_below_it() {
    // sold, rate, fee, VAT, carried in → gross, fee, vat, payable, carried out
    let table = [
        (0, terms(1_000_000, 0, 0), 0, [0, 0, 0, 0, 0]),
        (
            1_000,
            terms(1_000_000, 33_000, 100_000),
            0,
            [1_000, 33, 3, 964, 0],
        ),
        (
            999,
            terms(1_000_000, 33_000, 100_000),
            0,
            [999, 32, 3, 964, 0],
        ),
        (1, terms(999_999, 0, 0), 0, [0, 0, 0, 0, 0]),
        (
            -1_000,
            terms(1_000_000, 33_000, 100_000),
            0,
            [-1_000, -33, -3, 0, -964],
        ),
        (100, terms(1_000_000, 0, 0), -964, [100, 0, 0, 0, -864]),
        (1_000, terms(1_000_000, 0, 0), -864, [1_000, 0, 0, 136, 0]),
        (10, terms(1_000_000, 0, 0), 964, [10, 0, 0, 974, 0]),
        (
            3,
            terms(1_500_000, 1_000_000, 1_000_000),
            0,
            [4, 4, 4, 0, -4],
        ),
    ];
    for (sold, terms, carried_in, [gross, fee, vat, payable, carried_out]) in table {
        let expected = Bill {
            sold,
            gross,
            fee,
            vat,
            carried_in,
            payable,
            carried_out,
        };
        assert_eq!(Bill::of(sold, terms, carried_in), Some(expected));
    }
    let most = NUMBER_MAX.cast_signed();
    assert!(Bill::of(most, terms(1_000_000, 0, 0), 0).is_some());
    assert_eq!(Bill::of(most, terms(1_000_001, 0, 0), 0), None);
    assert_eq!(Bill::of(1, terms(1_000_000, 0, 0), most), None);
    assert_eq!(Bill::of(-1, terms(1_000_000, 0, 0), -most), None);
}

#[test]
fn a_period_is_its_two_instants_however_it_is_written() {
    let seoul = Zone::default();
    let table = [
        ("2026-10", "2026-10"),
        ("2026-10-01..2026-11-01", "2026-10"),
        ("2026-09-30T15:00:00Z..2026-10-31T15:00:00Z", "2026-10"),
        ("2026-10-01..2026-10-31T15:00:00Z", "2026-10"),
        ("2026-10-01..2026-10-16", "2026-10-01..2026-10-16"),
        ("2026-09-01..2026-11-01", "2026-09-01..2026-11-01"),
        (
            "2026-10-01..2026-10-01T00:00:00.000001+09:00",
            "2026-10-01..2026-09-30T15:00:00.000001Z",
        ),
    ];
    for (text, name) in table {
        let span = Span::parse(text, &seoul).unwrap();
        assert_eq!(span.name(&seoul), name, "{text}");
        assert_eq!(Span::parse(name, &seoul), Some(span), "{text}");
    }
    for text in [
        "",
        "2026",
        "2026-13",
        "2026-1",
        "2026-10-01",
        "2026-10..2026-11",
        "2026-10-02..2026-10-01",
        "2026-10-01..2026-10-01",
        "2026-10-01..",
        "..2026-10-01",
        "2026-10-01...2026-10-02",
        "2026-10-01..2026-10-02T00:00:00.0000001Z",
    ] {
        assert_eq!(Span::parse(text, &seoul), None, "{text}");
    }
    let year = Span::parse("2026-10", &Zone::new("UTC").unwrap()).unwrap();
    assert_ne!(Some(year), Span::parse("2026-10", &seoul));
}

#[test]
fn a_statement_goes_only_where_its_state_leads() {
    use SettlementState::{Closed, Confirmed, HeldClosed, HeldConfirmed, Paid, Reversed};
    let rows = [
        (
            Closed,
            [
                Some(Confirmed),
                None,
                Some(HeldClosed),
                None,
                Some(Reversed),
            ],
        ),
        (
            Confirmed,
            [None, Some(Paid), Some(HeldConfirmed), None, Some(Reversed)],
        ),
        (Paid, [None, None, None, None, Some(Reversed)]),
        (HeldClosed, [None, None, None, Some(Closed), None]),
        (HeldConfirmed, [None, None, None, Some(Confirmed), None]),
        (Reversed, [None; 5]),
    ];
    for (state, leads) in rows {
        let after = Step::ALL.map(|step| state.after(step));
        assert_eq!(after, leads, "{state:?}");
    }
}
