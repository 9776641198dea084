//! Periods keep the names that they were closed under, whatever becomes of the zone.

use super::*;
use crate::api::Settle;
use crate::domain::{CompanyId, CreateCompany, Rejection, RunSettlement, SomeTerms, Span, Zone};

const NAME: &str = "2000-01";

fn company(id: u64) -> CompanyId {
    CompanyId::new(id).unwrap()
}

fn span(name: &str, zone: &str) -> Span {
    Span::parse(name, &Zone::new(zone).unwrap()).unwrap()
}

async fn found(engine: &Engine, id: u64) {
    let create = Command::CreateCompany(CreateCompany {
        company: company(id),
        name: Description::new("Acme").unwrap(),
    });
    engine.submit(plain(create)).await.unwrap();
}

async fn close(engine: &Engine, id: u64, name: &str, zone: &str) {
    let settle = Settle {
        company: company(id),
        span: span(name, zone),
        zone: zone.into(),
        terms: SomeTerms::default(),
        by: Description::new("accounting").unwrap(),
    };
    engine.close_settlement(settle, None).await.unwrap();
}

async fn run(engine: &Engine, name: &str, zone: &str) {
    let ask = RunSettlement {
        span: span(name, zone),
        zone: zone.into(),
        terms: SomeTerms::default(),
        by: Description::new("accounting").unwrap(),
        ended: None,
    };
    engine.run_settlement(ask, None).await.unwrap();
}

async fn move_to(engine: &Engine, zone: &str) {
    let change = ChangeSettings {
        zone: Zone::new(zone),
        ..ChangeSettings::default()
    };
    let change = Command::ChangeSettings(Box::new(change));
    engine.submit(plain(change)).await.unwrap();
}

/// The zone of the period that a name means.
async fn meant(engine: &Engine, id: u64, name: &str) -> String {
    let period = engine.settlement_period(company(id), name).await;
    let period = period.unwrap().unwrap();
    assert_eq!(period.span, span(name, period.zone.name()));
    period.zone.name().to_owned()
}

async fn meant_run(engine: &Engine, name: &str) -> String {
    let period = engine.run_period(name).await.unwrap().unwrap();
    assert_eq!(period.span, span(name, period.zone.name()));
    period.zone.name().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_means_the_period_that_was_closed_under_it() {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory).await;
    for id in 1..=3 {
        found(&engine, id).await;
    }
    close(&engine, 1, NAME, "Asia/Seoul").await;
    assert_eq!(meant(&engine, 1, NAME).await, "Asia/Seoul");
    move_to(&engine, "UTC").await;
    close(&engine, 2, NAME, "UTC").await;
    assert_eq!(meant(&engine, 1, NAME).await, "Asia/Seoul");
    assert_eq!(meant(&engine, 2, NAME).await, "UTC");
    assert_eq!(meant(&engine, 3, NAME).await, "UTC");
    // What nobody closed is of today's zone.
    assert_eq!(meant(&engine, 1, "2000-02").await, "UTC");
    let part = "2000-01-01..2000-01-31";
    assert_eq!(meant(&engine, 1, part).await, "UTC");
    // Instants are the same everywhere.
    let told = span(NAME, "Asia/Seoul").name(&Zone::new("UTC").unwrap());
    assert_eq!(meant(&engine, 1, &told).await, "Asia/Seoul");
    engine.shutdown().await;
    drop(engine);
    let engine = open(&directory).await;
    assert_eq!(meant(&engine, 1, NAME).await, "Asia/Seoul");
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_periods_of_a_name_the_zone_in_force_decides() {
    const DAY: &str = "2000-01-01..2000-01-02";
    const EAST: &str = "Pacific/Kiritimati";
    const WEST: &str = "Etc/GMT+12";
    let directory = TempDir::new().unwrap();
    let engine = open(&directory).await;
    found(&engine, 1).await;
    close(&engine, 1, DAY, EAST).await;
    close(
        &engine,
        1,
        "2000-01-01T10:00:00Z..2000-01-01T12:00:00Z",
        "UTC",
    )
    .await;
    close(&engine, 1, DAY, WEST).await;
    for (zone, expected) in [(EAST, EAST), (WEST, WEST), ("UTC", WEST)] {
        move_to(&engine, zone).await;
        assert_eq!(meant(&engine, 1, DAY).await, expected);
    }
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_keeps_its_name_too() {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory).await;
    run(&engine, NAME, "Asia/Seoul").await;
    move_to(&engine, "UTC").await;
    assert_eq!(meant_run(&engine, NAME).await, "Asia/Seoul");
    assert_eq!(meant_run(&engine, "2000-02").await, "UTC");
    run(&engine, NAME, "UTC").await;
    assert_eq!(meant_run(&engine, NAME).await, "UTC");
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_nobody_can_read_mean_nothing() {
    let directory = TempDir::new().unwrap();
    let engine = open(&directory).await;
    found(&engine, 1).await;
    for name in [
        "",
        "x",
        "2000-13",
        "2000-10..2000-11",
        "2000-01-02..2000-01-01",
    ] {
        let period = engine.settlement_period(company(1), name).await.unwrap();
        assert!(period.is_none(), "{name}");
        assert!(engine.run_period(name).await.unwrap().is_none(), "{name}");
    }
    let absent = engine.settlement_period(company(2), NAME).await;
    let Err(Refusal::Rejected { rejection, .. }) = absent else {
        panic!("{absent:?}")
    };
    let company = company(2);
    assert_eq!(rejection, Rejection::CompanyNotFound { company });
    engine.shutdown().await;
}
