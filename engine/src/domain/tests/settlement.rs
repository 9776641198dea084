//! Settlement: counts against a plain fold, what is paid, states, and what a statement must be to be believed.

mod runs;
mod table;

use super::*;

const HOUR: i64 = 3_600_000_000;

const TAXED: Terms = Terms {
    rate_ppm: 1_000_000,
    fee_ppm: 100_000,
    vat_ppm: 100_000,
};

fn company(id: u64) -> CompanyId {
    CompanyId::new(id).unwrap()
}

fn by() -> Description {
    Description::new("accounting").unwrap()
}

fn span(from: i64, to: i64) -> Span {
    Span::new(Timestamp(from * HOUR), Timestamp(to * HOUR)).unwrap()
}

fn terms(rate_ppm: u64, fee_ppm: u32, vat_ppm: u32) -> Terms {
    Terms {
        rate_ppm,
        fee_ppm,
        vat_ppm,
    }
}

fn some(terms: Terms) -> SomeTerms {
    SomeTerms {
        rate_ppm: Some(terms.rate_ppm),
        fee_ppm: Some(terms.fee_ppm),
        vat_ppm: Some(terms.vat_ppm),
    }
}

/// A world with company 1 and wallet 2, at hour 1.
fn world() -> World {
    let mut world = World {
        now: Timestamp(HOUR),
        ..World::default()
    };
    let create_company = Command::CreateCompany(CreateCompany {
        company: company(1),
        name: Description::new("Acme").unwrap(),
    });
    world.submit(&create_company).unwrap();
    world.submit(&create(2)).unwrap();
    world
}

impl World {
    fn books(&self) -> &Books {
        match &self.wallets[&company(1).entity()] {
            Some(Entity::Company(company)) => &company.books,
            other => panic!("{other:?}"),
        }
    }

    /// What the entries of a period come to, counted as the engine does.
    fn tally(&self, span: Span) -> Option<Tally> {
        let books = self.books();
        let wallet = company(1).wallet();
        let mut tally = Tallying::new(wallet, books.wallet_version, books.closing);
        for (at, (time, event)) in self.acts.iter().enumerate() {
            if span.has(*time) {
                tally.count(at as u64 + 1, *time, event).ok()?;
            }
        }
        tally.finish()
    }

    fn close(&mut self, span: Span, terms: Terms) -> Result<Box<SettlementClosed>, Rejection> {
        let command = Command::CloseSettlement(Box::new(CloseSettlement {
            company: company(1),
            span,
            zone: "Asia/Seoul".into(),
            terms: some(terms),
            by: by(),
            created_at: Timestamp(HOUR),
            tally: self.tally(span).map(Box::new),
        }));
        let event = self.submit(&command)?;
        let Event::SettlementClosed(closed) = &*event else {
            panic!("{event:?}")
        };
        Ok(closed.clone())
    }

    fn step(&mut self, span: Span, step: Step) -> Result<(), Rejection> {
        let command = Command::MoveSettlement(MoveSettlement {
            company: company(1),
            span,
            step,
            by: by(),
        });
        self.submit(&command).map(drop)
    }

    fn at(&mut self, hour: i64) -> &mut Self {
        self.now = Timestamp(hour * HOUR);
        self
    }

    fn give(&mut self, command: &Command) -> u64 {
        self.submit(command).unwrap();
        self.acts.len() as u64
    }
}

fn points(paid: i64, free: i64) -> Points {
    Points { paid, free }
}

/// A period with a bit of everything: closed, with the acts of a use and of a grant that can be undone.
fn first_period(world: &mut World) -> (Box<SettlementClosed>, u64, u64) {
    world.at(2).give(&grant(Fund::Paid, 1, 1_000, None));
    world.give(&grant(Fund::Free, 1, 300, None));
    let earned = world.give(&grant(Fund::Free, 1, 50, None));
    // Free before paid: 350 free and 150 paid.
    let used = world.at(3).give(&use_points(1, 500));
    world.give(&cancel(used, Some(60)));
    world.give(&transfer(1, &[(2, 40)]));
    world.at(10);
    let first = world.close(span(0, 5), TAXED).unwrap();
    (first, used, earned)
}

#[test]
fn every_entry_is_counted_in_its_line() {
    let (first, _, _) = first_period(&mut world());
    let figures = [
        (Line::Charged, points(1_000, 0)),
        (Line::Earned, points(0, 350)),
        (Line::Used, points(150, 350)),
        (Line::Cancelled, points(60, 0)),
        (Line::TransferredOut, points(40, 0)),
        (Line::Adjusted, points(0, 0)),
    ];
    for (line, expected) in figures {
        assert_eq!(first.tally.figure(line), expected, "{line:?}");
    }
    assert_eq!(first.tally.opening, Points::ZERO);
    assert_eq!(first.tally.closing(), points(870, 0));
    assert_eq!((first.bill.sold, first.bill.payable), (90, 90 - 9));
    assert_eq!((first.tally.entries, first.tally.corrections), (6, 0));
}

#[test]
fn periods_join_and_corrections_name_what_they_undo() {
    let mut world = world();
    let (first, used, earned) = first_period(&mut world);
    // What undoes a use or a grant of the first period belongs into the second, and names it.
    let cancelled = world.give(&cancel(used, Some(100)));
    let again = world.give(&use_points(1, 30));
    world.give(&cancel(again, Some(10)));
    let taken_back = world.give(&Command::Cancel(Cancel {
        transaction: TransactionId(earned),
        leg: None,
        amount: None,
        lapsed: None,
        policy: Some(TakeBackPolicy::Debt),
        description: Description::default(),
    }));
    world.at(20);
    let second = world.close(span(5, 15), TAXED).unwrap();
    assert_eq!(second.tally.opening, first.tally.closing());
    assert_eq!(second.tally.since_version, first.tally.until_version());
    // 90 paid points and 10 free ones of the first period came back, 50 free ones are taken.
    let adjusted = second.tally.figure(Line::Adjusted);
    assert_eq!(adjusted, points(90, 10 - 50));
    assert_eq!(second.tally.returned, points(90, 10));
    assert_eq!(second.tally.corrections, 2);
    let named = second.tally.named.iter();
    let named: Vec<_> = named.map(|one| (one.entry, one.original)).collect();
    let leg = |lsn| EntryRef::new(TransactionId(lsn), 0);
    let expected = [(cancelled, used), (taken_back, earned)];
    assert_eq!(named, expected.map(|(one, of)| (leg(one), leg(of))));
    let figure = |line| second.tally.figure(line).paid;
    let kept = figure(Line::Used) - figure(Line::Cancelled);
    assert_eq!(second.bill.sold, kept - 90);
    assert!(second.bill.sold < 0 && second.bill.payable == 0);
    // What is below zero is paid by the next one; and a quiet one.
    world.give(&use_points(1, 500));
    world.at(40);
    let third = world.close(span(15, 30), TAXED).unwrap();
    assert_eq!(third.bill.carried_in, second.bill.carried_out);
    assert_eq!(third.tally.opening, second.tally.closing());
    let fourth = world.close(span(30, 31), TAXED).unwrap();
    assert_eq!((fourth.tally.entries, fourth.tally.first_lsn), (0, 0));
    assert_eq!(fourth.tally.opening, fourth.tally.closing());
}

#[test]
fn what_cannot_be_closed_is_refused() {
    let mut world = world();
    let ends = Timestamp(5 * HOUR);
    let plain = Terms::default();
    let refused = world.close(span(0, 5), plain).unwrap_err();
    assert_eq!(refused, Rejection::PeriodNotOver { ends });
    world.at(9);
    let begins = Timestamp(HOUR);
    let refused = world.close(span(2, 5), plain).unwrap_err();
    assert_eq!(refused, Rejection::PeriodNotNext { begins });
    world.close(span(1, 5), plain).unwrap();
    for (from, to) in [(1, 5), (0, 5), (4, 6), (6, 7), (5, 6)] {
        let closed = world.clone().close(span(from, to), plain);
        let expected = if from == 5 {
            None
        } else {
            Some(Rejection::PeriodNotNext { begins: ends })
        };
        assert_eq!(closed.err(), expected, "{from}..{to}");
    }
    world.give(&grant(Fund::Paid, 1, NUMBER_MAX, None));
    world.give(&use_points(1, NUMBER_MAX));
    world.at(20);
    let refused = world
        .close(span(5, 15), terms(1_000_001, 0, 0))
        .unwrap_err();
    assert_eq!(
        refused,
        Rejection::SettlementLimit {
            company: company(1)
        }
    );
    // More than 2^53 − 1 points within one period.
    world.now = Timestamp(14 * HOUR);
    world.give(&grant(Fund::Paid, 1, 1, None));
    world.at(20);
    assert_eq!(world.tally(span(5, 15)), None);
    let refused = world.close(span(5, 15), plain).unwrap_err();
    assert_eq!(
        refused,
        Rejection::SettlementLimit {
            company: company(1)
        }
    );
}

#[test]
fn a_reversed_statement_is_paid_by_the_next_one() {
    let mut world = world();
    world.give(&grant(Fund::Paid, 1, 1_000, None));
    world.give(&use_points(1, 700));
    world.at(9);
    let first = span(0, 5);
    let absent = Rejection::SettlementNotFound {
        company: company(1),
    };
    assert_eq!(world.step(first, Step::Confirm), Err(absent));
    world.close(first, Terms::default()).unwrap();
    let closed_lsn = world.acts.len() as u64;
    for step in [
        Step::Hold,
        Step::Release,
        Step::Confirm,
        Step::Hold,
        Step::Release,
        Step::Pay,
    ] {
        world.step(first, step).unwrap();
    }
    let state = SettlementState::Paid;
    assert_eq!(
        world.step(first, Step::Pay),
        Err(Rejection::SettlementState { state })
    );
    assert_eq!(world.books().carry, 0);
    world.step(first, Step::Reverse).unwrap();
    assert_eq!(world.books().carry, 700);
    let booked = *world.books().find(first).unwrap();
    let lsn = world.acts.len() as u64;
    assert_eq!((booked.closed_lsn, booked.last_lsn), (closed_lsn, lsn));
    // Each record about it names the one before, back to the one that closed it.
    let (mut lsn, mut steps) = (booked.last_lsn, 0);
    while let Event::SettlementMoved(moved) = &*world.acts[lsn as usize - 1].1 {
        (lsn, steps) = (moved.before_lsn, steps + 1);
    }
    assert_eq!((lsn, steps), (closed_lsn, 7));
    let next = world.close(span(5, 6), Terms::default()).unwrap();
    assert_eq!((next.bill.carried_in, next.bill.payable), (700, 700));
    assert_eq!(world.books().carry, 0);
    let again = world.close(first, Terms::default()).unwrap_err();
    assert_eq!(
        again,
        Rejection::PeriodNotNext {
            begins: Timestamp(6 * HOUR)
        }
    );
}

#[test]
fn a_count_that_misses_an_entry_does_not_go_on() {
    let mut world = world();
    for points in 1..=3 {
        world.give(&grant(Fund::Paid, 1, points, None));
    }
    let wallet = company(1).wallet();
    for missing in 3..=5 {
        let mut tally = Tallying::new(wallet, 1, Points::ZERO);
        let acts = world.acts.iter().enumerate().skip(2);
        let counted: Result<(), Untallied> = acts
            .filter(|(at, _)| at + 1 != missing)
            .try_for_each(|(at, (time, event))| tally.count(at as u64 + 1, *time, event));
        let last = missing == 5;
        assert_eq!(counted.is_ok(), last, "{missing}");
    }
}

#[test]
fn a_statement_with_a_number_changed_does_not_decode() {
    let mut world = world();
    world.give(&grant(Fund::Paid, 1, 1_000, None));
    let used = world.give(&use_points(1, 700));
    world.at(9);
    world.close(span(0, 5), Terms::default()).unwrap();
    world.give(&cancel(used, Some(1)));
    world.at(19);
    let sound = world
        .close(span(5, 15), terms(1_000_000, 100_000, 100_000))
        .unwrap();
    assert_eq!(Event::SettlementClosed(sound.clone()).check(), Ok(()));
    let changes: [fn(&mut SettlementClosed); 14] = [
        |closed| closed.version = 1,
        |closed| closed.span.to = closed.span.from,
        |closed| closed.zone = "Nowhere".into(),
        |closed| closed.by = Description::default(),
        |closed| closed.tally.lines[Line::Used as usize].paid += 1,
        |closed| closed.tally.returned.paid += 1,
        |closed| closed.tally.first_lsn = 0,
        |closed| closed.tally.corrections += 1,
        |closed| closed.tally.named.clear(),
        |closed| closed.tally.opening.paid = i64::MAX,
        |closed| closed.terms.fee_ppm = SHARE_PPM_MAX + 1,
        |closed| closed.terms.rate_ppm += 1_000_000,
        |closed| closed.bill.payable += 1,
        |closed| closed.bill.carried_out -= 1,
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut changed = sound.clone();
        change(&mut changed);
        let checked = Event::SettlementClosed(changed).check();
        assert!(checked.is_err(), "change {at}");
    }
}

#[test]
fn a_statement_that_does_not_join_does_not_apply() {
    let mut world = world();
    world.give(&grant(Fund::Paid, 1, 1_000, None));
    world.at(9);
    let changes: [fn(&mut SettlementClosed); 4] = [
        |closed| closed.version += 1,
        |closed| closed.tally.since_version += 1,
        |closed| closed.tally.opening.paid += 1,
        |closed| closed.bill.carried_in += 1,
    ];
    let closed = world.clone().close(span(0, 5), Terms::default()).unwrap();
    let state = world.wallets[&company(1).entity()].clone();
    for change in changes {
        let (mut changed, mut state) = (closed.clone(), state.clone());
        change(&mut changed);
        let event = Event::SettlementClosed(changed);
        assert!(apply(&mut state, Role::Sole, &event).is_err(), "{event:?}");
    }
}
