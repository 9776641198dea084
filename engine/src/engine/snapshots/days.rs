//! Reports and settlements of a log that begins later: as they were, or said to be gone, whatever became of the index.

use super::stage::*;
use crate::api::{DailyRow, Refusal, Request, Settle};
use crate::clock::Clock;
use crate::domain::{
    Amount, ChangeSettings, Command, CompanyId, CreateCompany, CreateWallet, Day, DayFlow,
    Description, Event, Expiry, Grant, Owner, SettlementClosed, SomeTerms, Span, Timestamp,
    WalletId, Zone,
};
use crate::engine::Engine;
use crate::journal::sim::MemStorage;
use crate::open::EngineOptions;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Days of a store.
const DAYS: i64 = 14;

/// Commands of a day: some segments full. Every other day is quiet.
const COMMANDS: i64 = 90;

const DAY_US: i64 = 24 * 3600 * 1_000_000;

/// 2025-06-01, morning in Seoul.
const MORNING_US: i64 = 1_748_736_000_000_000;

/// What is older is deleted in the end.
const KEPT: Duration = Duration::from_secs(6 * 24 * 3600);

/// Wallets of people: the last one is quiet behind the first day.
const PEOPLE: u64 = 4;

/// Periods of the first company that are closed on the way, on the day they end: the log forgets the first one.
const SETTLED: [(i64, i64); 2] = [(0, 1), (1, DAYS - 5)];

/// Companies: settled early, never settled, quiet.
const COMPANIES: [u64; 3] = [10, 11, 12];

/// Shows what it was set to.
#[derive(Default)]
struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now_us(&self) -> i64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

impl SetClock {
    fn set(&self, at: i64) {
        self.0.fetch_max(at, Ordering::SeqCst);
    }
}

/// What is seen of a day: of one wallet, or of all of them with their sums.
type Seen = Result<(Vec<DailyRow>, Option<(DayFlow, u64)>), Refusal>;

fn at(day: i64) -> i64 {
    MORNING_US + day * DAY_US
}

fn day(number: i64) -> Day {
    Zone::default().day_of(Timestamp(at(number)))
}

fn plain(command: Command) -> Request {
    Request { command, key: None }
}

fn grant(id: u64, points: i64, paid: bool) -> Request {
    let grant = Grant {
        wallet: WalletId::new(id).unwrap(),
        amount: Amount::new(points.cast_unsigned()).unwrap(),
        expiry: Expiry::Never,
        description: Description::default(),
    };
    plain(if paid {
        Command::Charge(grant)
    } else {
        Command::Earn(grant)
    })
}

async fn open_at(disk: &MemStorage, clock: &Arc<SetClock>, retain: Option<Duration>) -> Engine {
    let options = EngineOptions {
        retain,
        ..options()
    };
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let prepared = Engine::prepare_on(options, Arc::new(disk.clone()), clock).unwrap();
    prepared.open().await.unwrap()
}

fn settle(company: u64, from: i64, to: i64) -> Settle {
    Settle {
        company: CompanyId::new(company).unwrap(),
        span: Span::new(Timestamp(from), Timestamp(to)).unwrap(),
        zone: "Asia/Seoul".into(),
        terms: SomeTerms::default(),
        by: Description::new("accounting").unwrap(),
    }
}

/// A closed store of some days with a snapshot every other one, and everything but the last of it archived.
async fn filled(zone_on: Option<i64>) -> (MemStorage, Arc<SetClock>) {
    let (disk, clock) = (MemStorage::new(7), Arc::<SetClock>::default());
    clock.set(at(0));
    let engine = open_at(&disk, &clock, None).await;
    for id in 1..=PEOPLE {
        let (wallet, owner) = (WalletId::new(id).unwrap(), Owner::user(id));
        let create = Command::CreateWallet(CreateWallet { wallet, owner });
        engine.submit(plain(create)).await.unwrap();
    }
    for id in COMPANIES {
        let create = Command::CreateCompany(CreateCompany {
            company: CompanyId::new(id).unwrap(),
            name: Description::new("Acme").unwrap(),
        });
        engine.submit(plain(create)).await.unwrap();
    }
    engine.submit(grant(PEOPLE, 77, false)).await.unwrap();
    for day in 0..DAYS {
        clock.set(at(day));
        engine.close_days().await.unwrap();
        if zone_on == Some(day) {
            let zone = Zone::new("America/New_York");
            let settings = Box::new(ChangeSettings {
                zone,
                ..ChangeSettings::default()
            });
            engine
                .submit(plain(Command::ChangeSettings(settings)))
                .await
                .unwrap();
        }
        let commands = if day % 2 == 0 { COMMANDS } else { 0 };
        for number in 0..commands {
            clock.set(at(day) + number * 1_000_000);
            let wallet = 1 + number.cast_unsigned() % (PEOPLE - 1);
            engine
                .submit(grant(wallet, 1 + day + number, number % 2 == 0))
                .await
                .unwrap();
            if number % 5 == 0 {
                engine.submit(grant(COMPANIES[0], 3, true)).await.unwrap();
                engine.submit(grant(COMPANIES[1], 2, true)).await.unwrap();
            }
        }
        if let Some(from) = SETTLED.iter().find(|(_, to)| *to == day) {
            let early = settle(COMPANIES[0], at(from.0), at(day));
            engine.close_settlement(early, None).await.unwrap();
        }
        if day % 2 == 0 {
            engine.snapshot().await.unwrap().expect("segments are full");
            engine.compact().await.unwrap();
        }
    }
    clock.set(at(DAYS));
    engine.close_days().await.unwrap();
    engine.shutdown().await;
    (disk, clock)
}

/// The same store after retention, and the day on which its log begins.
async fn retained(disk: &MemStorage, clock: &Arc<SetClock>) -> (MemStorage, Day) {
    let disk = disk.copy();
    let engine = open_at(&disk, clock, Some(KEPT)).await;
    engine.compact().await.unwrap();
    let first = engine.metrics().first_lsn;
    assert!(first > 1);
    let act = engine
        .transaction(crate::domain::TransactionId(first))
        .await;
    let begins = Zone::default().day_of(act.unwrap().unwrap().at);
    assert!(day(2) < begins && begins < day(DAYS - 3), "{begins}");
    engine.shutdown().await;
    (disk, begins)
}

fn without_index(disk: &MemStorage, lost: impl Fn(&str) -> bool) -> MemStorage {
    let disk = disk.copy();
    for entry in disk_index(&disk) {
        if lost(&entry) {
            disk.place(&format!("index/{entry}"), None);
        }
    }
    disk
}

fn disk_index(disk: &MemStorage) -> Vec<String> {
    use crate::journal::Storage;
    let entries = disk.folder("index").unwrap().list().unwrap();
    entries.into_iter().map(|entry| entry.name).collect()
}

/// Every day of all wallets, and of each.
async fn reports(engine: &Engine) -> Vec<(Day, Seen)> {
    let mut seen = Vec::new();
    for number in 0..=DAYS {
        let day = day(number);
        let all = engine.day_report(Some(day), None, 500).await;
        seen.push((
            day,
            all.map(|page| (page.rows, Some((page.sum, page.wallets)))),
        ));
        for id in (1..=PEOPLE).chain(COMPANIES) {
            let of = WalletId::new(id).unwrap();
            let own = engine.wallet_report(of, Some(day), Some(day)).await;
            seen.push((day, own.map(|report| (report.rows, None))));
        }
    }
    seen
}

/// Days from `first` on are as they were; those before are said to be gone. Quiet days in between may be gone later on: no
/// file tells of them.
async fn check(disk: &MemStorage, clock: &Arc<SetClock>, whole: &[(Day, Seen)], first: Day) {
    // As it comes up, as it goes on in order, and after a kill.
    let engine = open_at(disk, clock, None).await;
    let found = reports(&engine).await;
    let killed = disk.copy();
    engine.shutdown().await;
    let mut answers = vec![found];
    for disk in [disk.copy(), killed] {
        let engine = open_at(&disk, clock, None).await;
        answers.push(reports(&engine).await);
        assert_eq!(engine.close_days().await, Ok(Vec::new()));
        assert_eq!(engine.metrics().daily.failures, 0);
        engine.shutdown().await;
    }
    for (again, found) in answers.into_iter().enumerate() {
        assert_eq!(found.len(), whole.len());
        for ((day, found), (_, whole)) in found.into_iter().zip(whole) {
            let may_be_gone = again > 0 && day == first;
            match found {
                found if day < first => assert_eq!(found, Err(Refusal::Gone), "{day}"),
                Err(Refusal::Gone) if may_be_gone => {}
                found => assert_eq!(&found, whole, "{day}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_are_as_they_were_or_said_to_be_gone() {
    let (disk, clock) = filled(None).await;
    let engine = open_at(&disk, &clock, None).await;
    let whole = reports(&engine).await;
    engine.shutdown().await;
    assert!(whole.iter().all(|(_, seen)| seen.is_ok()));
    let (disk, begins) = retained(&disk, &clock).await;
    // The files of days outlive their part of the log.
    check(&disk, &clock, &whole, Day::MIN).await;
    // Nobody knows whether all of the day is there on which the log begins.
    let lost = without_index(&disk, |_| true);
    check(&lost, &clock, &whole, begins.next()).await;
    // Behind a day that can be made again by nobody, all are there.
    let deleted = format!("day-{}.rows", day(2));
    let holed = without_index(&disk, |name| name == deleted);
    check(&holed, &clock, &whole, day(4)).await;
    let within = format!("day-{}.rows", begins.next().next());
    assert!(disk_index(&disk).contains(&within), "{within}");
    let mended = without_index(&disk, |name| name == within);
    check(&mended, &clock, &whole, Day::MIN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_a_change_of_the_zone_nobody_knows_which_day_it_was() {
    let turned = DAYS - 4;
    let (disk, clock) = filled(Some(turned)).await;
    let engine = open_at(&disk, &clock, None).await;
    let whole = reports(&engine).await;
    engine.shutdown().await;
    let (disk, begins) = retained(&disk, &clock).await;
    assert!(begins < day(turned));
    check(&disk, &clock, &whole, Day::MIN).await;
    let lost = without_index(&disk, |_| true);
    let engine = open_at(&lost, &clock, None).await;
    let found = reports(&engine).await;
    engine.shutdown().await;
    let mut gone = 0;
    for ((day, found), (_, whole)) in found.into_iter().zip(&whole) {
        match found {
            Err(Refusal::Gone) => gone += 1,
            found => assert_eq!(&found, whole, "{day}"),
        }
    }
    assert!(
        gone > 0 && gone < whole.len() - 8,
        "{gone} of {}",
        whole.len()
    );
}

async fn closed(engine: &Engine, ask: Settle) -> Result<SettlementClosed, Refusal> {
    let settled = engine.close_settlement(ask, None).await?;
    let Event::SettlementClosed(closed) = &*settled.act.event else {
        panic!("{settled:?}");
    };
    Ok((**closed).clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_period_whose_entries_were_deleted_is_not_closed_and_others_are() {
    let (disk, clock) = filled(None).await;
    let [early, open, quiet] = COMPANIES;
    let next = settle(early, at(DAYS - 5), at(DAYS));
    let engine = open_at(&disk.copy(), &clock, None).await;
    let expected = closed(&engine, next.clone()).await.unwrap();
    assert!(expected.tally.entries > 0);
    engine.shutdown().await;
    let (disk, begins) = retained(&disk, &clock).await;
    for lost in [false, true] {
        let disk = without_index(&disk, |_| lost);
        let engine = open_at(&disk, &clock, None).await;
        for to in [at(1), Zone::default().start_of(begins).0, at(DAYS)] {
            for _ in 0..2 {
                let refused = closed(&engine, settle(open, 0, to)).await;
                assert_eq!(refused.err(), Some(Refusal::Gone), "{lost} {to}");
            }
        }
        let found = closed(&engine, next.clone()).await.unwrap();
        assert_eq!(found.tally, expected.tally);
        let early = next.company;
        let page = engine.settlements(early, None, 10).await.unwrap();
        let Event::SettlementClosed(newest) = &*page.rows[0].closed.event else {
            panic!("{page:?}");
        };
        assert_eq!(newest.span, next.span);
        assert!(page.rows.len() <= SETTLED.len(), "one was deleted");
        let last = page.next.expect("there were earlier ones");
        let behind = engine.settlements(early, Some(last.from), 10).await;
        assert_eq!(behind.err(), Some(Refusal::Gone));
        let found = closed(&engine, settle(quiet, 0, at(DAYS))).await.unwrap();
        assert_eq!(found.tally.entries, 0);
        assert_eq!(
            engine.metrics().history.failures,
            0,
            "nothing was distrusted"
        );
        engine.shutdown().await;
    }
}
