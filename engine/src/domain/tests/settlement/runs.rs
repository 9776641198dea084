//! Runs of a period, as the program remembers them.

use super::*;

fn ask(span: Span, fee_ppm: u32, ended: Option<(u64, u64)>) -> Command {
    Command::RunSettlement(Box::new(RunSettlement {
        span,
        zone: "Asia/Seoul".into(),
        terms: SomeTerms {
            fee_ppm: Some(fee_ppm),
            ..SomeTerms::default()
        },
        by: by(),
        ended,
    }))
}

impl World {
    fn runs(&self) -> &[PeriodRun] {
        match &self.wallets[&PROGRAM] {
            Some(Entity::Program(program)) => &program.runs,
            other => panic!("{other:?}"),
        }
    }

    fn run(&mut self, span: Span, fee_ppm: u32) -> RunStage {
        let event = self.submit(&ask(span, fee_ppm, None)).unwrap();
        let Event::SettlementRun(run) = &*event else {
            panic!("{event:?}")
        };
        run.stage
    }

    fn end(&mut self, span: Span) {
        self.submit(&ask(span, 0, Some((4, 1)))).unwrap();
    }
}

#[test]
fn a_run_is_one_however_often_it_is_asked_for() {
    let mut world = world();
    world.at(9);
    let period = span(0, 5);
    assert_eq!(world.run(period, 1_000), RunStage::Started);
    let lsn = world.acts.len() as u64;
    assert_eq!(world.run(period, 2_000), RunStage::Joined { lsn });
    let [run] = world.runs() else {
        panic!("{:?}", world.runs())
    };
    // Whoever joins joins it as it is.
    assert_eq!((run.lsn, run.terms.fee_ppm, run.ended), (lsn, 1_000, None));
    world.end(period);
    let end = RunEnd {
        closed: 4,
        failed: 1,
        lsn: lsn + 2,
    };
    assert_eq!(world.runs()[0].ended, Some(end));
    // What is over can be asked for again, and is then the run of the period.
    assert_eq!(world.run(period, 2_000), RunStage::Started);
    let [run] = world.runs() else {
        panic!("{:?}", world.runs())
    };
    assert_eq!(
        (run.lsn, run.terms.fee_ppm, run.ended),
        (lsn + 3, 2_000, None)
    );
}

#[test]
fn only_what_is_over_can_be_run() {
    let mut world = world();
    world.at(4);
    let ends = Timestamp(5 * HOUR);
    assert_eq!(
        world.submit(&ask(span(0, 5), 0, None)),
        Err(Rejection::PeriodNotOver { ends })
    );
}

#[test]
fn runs_that_go_on_are_never_forgotten() {
    let mut world = world();
    world.at(1_000);
    let first = span(0, 1);
    world.run(first, 0);
    for hour in 1..=RUNS_MAX as i64 {
        let period = span(hour, hour + 1);
        world.run(period, 0);
        world.end(period);
    }
    assert_eq!(world.runs().len(), RUNS_MAX);
    assert_eq!(world.runs()[0].span, first);
    // The first of those that are over had to go.
    assert!(world.runs().iter().all(|run| run.span != span(1, 2)));
}

#[test]
fn a_run_with_a_number_out_of_range_does_not_decode() {
    let mut world = world();
    world.at(9);
    let event = world.submit(&ask(span(0, 5), 0, None)).unwrap();
    let Event::SettlementRun(sound) = &*event else {
        panic!("{event:?}")
    };
    let changes: [fn(&mut SettlementRun); 7] = [
        |run| run.version = 0,
        |run| run.span.to = run.span.from,
        |run| run.zone = "Nowhere".into(),
        |run| run.terms.vat_ppm = SHARE_PPM_MAX + 1,
        |run| run.by = Description::default(),
        |run| run.stage = RunStage::Joined { lsn: 0 },
        |run| {
            run.stage = RunStage::Ended {
                lsn: 1,
                closed: 0,
                failed: NUMBER_MAX + 1,
            };
        },
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut changed = sound.clone();
        change(&mut changed);
        let checked = Event::SettlementRun(changed).check();
        assert!(checked.is_err(), "change {at}");
    }
}

#[test]
fn a_run_that_does_not_follow_does_not_apply() {
    let mut world = world();
    world.at(9);
    let started = world.submit(&ask(span(0, 5), 0, None)).unwrap();
    let Event::SettlementRun(started) = &*started else {
        panic!("{started:?}")
    };
    let state = world.wallets[&PROGRAM].clone();
    let ended = |lsn| RunStage::Ended {
        lsn,
        closed: 1,
        failed: 0,
    };
    let lsn = world.acts.len() as u64;
    for (stage, hours, follows) in [
        (RunStage::Started, 5, false),
        (RunStage::Started, 6, true),
        (RunStage::Joined { lsn: lsn + 1 }, 5, false),
        (RunStage::Joined { lsn }, 6, false),
        (RunStage::Joined { lsn }, 5, true),
        (ended(lsn + 1), 5, false),
        (ended(lsn), 6, false),
        (ended(lsn), 5, true),
    ] {
        let mut event = started.clone();
        event.version += 1;
        event.span = span(0, hours);
        event.stage = stage;
        let event = Event::SettlementRun(event);
        let applied = apply(&mut state.clone(), Role::Sole, &event);
        assert_eq!(applied.is_ok(), follows, "{event:?}");
    }
}
