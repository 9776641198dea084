//! A period closed for all companies, on real files: each once, the quiet ones too, and on with it after a cut.

use super::*;
use crate::api::{RunFilter, RunOutcome, RunProgress, Settle};
use crate::domain::{
    CompanyId, CreateCompany, Event, Rejection, RunSettlement, RunStage, SomeTerms, Span, Timestamp,
};

/// Companies that there are before the end of the period.
const COMPANIES: u64 = 30;

fn company(id: u64) -> CompanyId {
    CompanyId::new(id).unwrap()
}

fn found(id: u64) -> Request {
    plain(Command::CreateCompany(CreateCompany {
        company: company(id),
        name: Description::new("Acme").unwrap(),
    }))
}

fn ask(span: Span) -> RunSettlement {
    RunSettlement {
        span,
        zone: "Asia/Seoul".into(),
        terms: SomeTerms::default(),
        by: Description::new("accounting").unwrap(),
        ended: None,
    }
}

/// From the beginning of 1970 up to now.
fn until_now(engine: &Engine) -> Span {
    let now = Timestamp(engine.inner.core.clock.now_us() + 1);
    Span::new(Timestamp(0), now).unwrap()
}

/// Companies of which a third each is quiet, has been busy before the end, and only after it; the first one is settled
/// differently by hand. One comes too late.
async fn busy(engine: &Engine) -> Span {
    for id in 1..=COMPANIES {
        engine.submit(found(id)).await.unwrap();
        if id % 3 == 1 {
            engine.submit(charge(id, 100 * id)).await.unwrap();
            engine.submit(spend(id, id)).await.unwrap();
        }
    }
    let first = until_now(engine);
    let settle = Settle {
        company: company(1),
        span: first,
        zone: "Asia/Seoul".into(),
        terms: SomeTerms::default(),
        by: Description::new("by hand").unwrap(),
    };
    while until_now(engine).to <= first.to {
        tokio::task::yield_now().await;
    }
    engine.close_settlement(settle, None).await.unwrap();
    let period = until_now(engine);
    while until_now(engine).to <= period.to {
        tokio::task::yield_now().await;
    }
    // Whoever is created from now on comes behind the period, as a run sees to.
    engine.inner.core.journal.no_sooner(period.to.0);
    for id in (1..=COMPANIES).filter(|id| id % 3 == 2) {
        engine.submit(charge(id, 7)).await.unwrap();
    }
    engine.submit(found(COMPANIES + 1)).await.unwrap();
    period
}

async fn ended(engine: &Engine, span: Span) -> RunProgress {
    loop {
        let progress = engine.settlement_run(span).await.unwrap().unwrap();
        if progress.ended.is_some() {
            return progress;
        }
        tokio::task::yield_now().await;
    }
}

async fn check(engine: &Engine, period: Span) {
    let progress = ended(engine, period).await;
    let counts = (progress.total, progress.closed, progress.failed);
    assert_eq!(counts, (COMPANIES, COMPANIES - 1, 1));
    for id in 2..=COMPANIES {
        let statements = engine.settlements(company(id), None, 500).await.unwrap();
        let [statement] = &statements.rows[..] else {
            panic!("{statements:?}")
        };
        let Event::SettlementClosed(closed) = &*statement.closed.event else {
            panic!("{statement:?}")
        };
        assert_eq!(closed.span, period);
        let (entries, sold) = if id % 3 == 1 { (2, id) } else { (0, 0) };
        assert_eq!(
            (closed.tally.entries, closed.bill.sold),
            (entries, sold as i64)
        );
    }
    let late = engine.settlements(company(COMPANIES + 1), None, 1).await;
    assert!(late.unwrap().rows.is_empty());
}

/// All companies of an outcome, page by page.
async fn listed(engine: &Engine, span: Span, filter: Option<RunFilter>) -> Vec<(u64, RunOutcome)> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page = engine.settlement_run_page(span, filter, after, 4).await;
        let page = page.unwrap().unwrap();
        let row = |row: &crate::api::RunRow| (row.company.get(), row.outcome);
        rows.extend(page.rows.iter().map(row));
        after = page.next;
        if after.is_none() {
            return rows;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_closes_each_company_once() {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory).await;
    let period = busy(&engine).await;
    assert_eq!(engine.settlement_run(period).await.unwrap(), None);
    let (one, two) = tokio::join!(
        engine.run_settlement(ask(period), None),
        engine.run_settlement(ask(period), None)
    );
    let mut joined = 0;
    for receipt in [one.unwrap(), two.unwrap()] {
        let Event::SettlementRun(run) = &*receipt.act.event else {
            panic!("{receipt:?}")
        };
        joined += usize::from(matches!(run.stage, RunStage::Joined { .. }));
    }
    // The second one may have come when all was done.
    assert!(joined <= 1);
    check(&engine, period).await;

    let all: Vec<u64> = (1..=COMPANIES).collect();
    let ids =
        |rows: Vec<(u64, RunOutcome)>| -> Vec<u64> { rows.into_iter().map(|(id, _)| id).collect() };
    assert_eq!(ids(listed(&engine, period, None).await), all);
    let closed = listed(&engine, period, Some(RunFilter::Closed)).await;
    assert_eq!(ids(closed), all[1..]);
    let failed = listed(&engine, period, Some(RunFilter::Failed)).await;
    let [(1, RunOutcome::Failed(Some(Refusal::Rejected { rejection, .. })))] = failed[..] else {
        panic!("{failed:?}")
    };
    assert!(matches!(rejection, Rejection::PeriodNotNext { .. }));
    assert_eq!(listed(&engine, period, Some(RunFilter::Open)).await, []);
    // Looked at again, nobody gets a second one.
    engine.run_settlement(ask(period), None).await.unwrap();
    check(&engine, period).await;

    engine.shutdown().await;
    drop(engine);
    let engine = open(&directory).await;
    check(&engine, period).await;
    // What is only in memory is told from the books.
    assert_eq!(
        listed(&engine, period, Some(RunFilter::Failed)).await,
        failed
    );
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_was_cut_off_goes_on_at_the_next_start() {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory).await;
    let period = busy(&engine).await;
    // On record, and nobody told: as if the program had ended right then.
    let command = Command::RunSettlement(Box::new(ask(period)));
    engine.submit(plain(command)).await.unwrap();
    let open_ones = listed(&engine, period, Some(RunFilter::Open)).await;
    assert_eq!(open_ones.len() as u64, COMPANIES);
    engine.shutdown().await;
    drop(engine);
    let engine = open(&directory).await;
    check(&engine, period).await;
    engine.shutdown().await;
}
