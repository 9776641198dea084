//! Daily reports on real files, with a clock that is set: midnights, corrections, restarts, losses; and against a plain
//! fold of the histories.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicI64;

use super::*;
use crate::api::{DailyRow, DayReport, Moment};
use crate::clock::Clock;
use crate::domain::{Column, Day, DayFlow, Event, Points, Timestamp, Zone};
use crate::journal::{FileStorage, Storage};

/// Shows what it was set to.
struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now_us(&self) -> i64 {
        self.0.load(Ordering::Acquire)
    }
}

/// A store and its clock.
struct Stand {
    directory: TempDir,
    clock: Arc<SetClock>,
    engine: Engine,
}

impl Stand {
    async fn new(at: i64) -> Self {
        let directory = TempDir::new().unwrap();
        let clock = Arc::new(SetClock(AtomicI64::new(at)));
        let engine = open_at(directory.path(), &clock).await;
        Self {
            directory,
            clock,
            engine,
        }
    }

    fn set(&self, at: i64) {
        self.clock.0.store(at, Ordering::Release);
    }

    async fn act(&self, request: Request) -> Act {
        self.engine.submit(request).await.unwrap().act
    }

    /// Ends the engine in order, and opens it again.
    async fn restart(self) -> Self {
        self.engine.shutdown().await;
        drop(self.engine);
        let engine = open_at(self.directory.path(), &self.clock).await;
        Self { engine, ..self }
    }

    /// Goes on with what lies on the disk at this moment, as after a kill.
    async fn kill(self) -> Self {
        let directory = TempDir::new().unwrap();
        copy(self.directory.path(), directory.path());
        let engine = open_at(directory.path(), &self.clock).await;
        Self {
            directory,
            engine,
            clock: self.clock,
        }
    }

    async fn of(&self, id: u64, from: &str, to: &str) -> Vec<DailyRow> {
        let report = self
            .engine
            .wallet_report(wallet(id), Some(day(from)), Some(day(to)));
        report.await.unwrap().rows
    }

    async fn on(&self, day: Day) -> DayReport {
        self.engine.day_report(Some(day), None, 500).await.unwrap()
    }
}

async fn open_at(directory: &Path, clock: &Arc<SetClock>) -> Engine {
    let options = EngineOptions {
        segment_bytes: 1 << 20,
        ..EngineOptions::new(directory)
    };
    let storage: Arc<dyn Storage> = Arc::new(FileStorage::open(directory).unwrap());
    let clock: Arc<dyn Clock> = Arc::<SetClock>::clone(clock);
    let prepared = Engine::prepare_on(options, storage, clock).unwrap();
    prepared.open().await.unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if let Err(error) = fs::copy(entry.path(), target) {
            // A file may get its name while this looks.
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        }
    }
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn at(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

fn figures(row: &DailyRow) -> (i64, [i64; 3], u64, i64) {
    let of = |column| row.flow.figure(column).sum();
    let parts = [of(Column::Charge), of(Column::Use), of(Column::Cancel)];
    let (opening, closing) = (row.flow.opening.sum(), row.flow.closing().sum());
    (opening, parts, row.flow.entries, closing)
}

fn give_back(used: &Act, points: u64) -> Request {
    plain(Command::Cancel(Cancel {
        transaction: used.transaction,
        leg: None,
        amount: Some(amount(points)),
        lapsed: None,
        policy: None,
        description: Description::default(),
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_told_of_the_past_is_not_added_to_by_who_looked_at_the_clock_before() {
    let (before, midnight) = (
        at("2026-03-01T23:59:59.999999+09:00"),
        at("2026-03-02T00:00:00+09:00"),
    );
    let stand = Stand::new(before).await;
    stand.act(create(1)).await;
    stand.act(charge(1, 100)).await;
    stand.set(midnight);
    let told = stand.on(day("2026-03-01")).await;
    // A decision that was begun before midnight, and is appended now.
    stand.set(before);
    let late = stand.act(charge(1, 7)).await;
    assert_eq!(late.at, Timestamp(midnight));
    let again = stand.on(day("2026-03-01")).await;
    assert_eq!((told.sum, told.wallets), (again.sum, again.wallets));
    assert_eq!(
        figures(&stand.of(1, "2026-03-02", "2026-03-02").await[0]).3,
        107
    );
    let moment = Moment::At(Timestamp(midnight));
    stand.set(midnight);
    let told = stand.engine.wallet_at(wallet(1), moment).await.unwrap();
    stand.set(before);
    stand.act(charge(1, 1)).await;
    stand.set(midnight + 1);
    let again = stand.engine.wallet_at(wallet(1), moment).await.unwrap();
    assert_eq!(told.view.balance(), again.view.balance());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_microsecond_of_a_day_and_the_first_of_the_next_are_in_one_day_each() {
    let stand = Stand::new(at("2026-03-01T23:59:59.999999+09:00")).await;
    stand.act(create(1)).await;
    stand.act(charge(1, 100)).await;
    stand.set(at("2026-03-02T00:00:00+09:00"));
    stand.act(charge(1, 7)).await;
    stand.act(spend(1, 30)).await;
    let rows = stand.of(1, "2026-02-25", "2026-03-05").await;
    let days: Vec<_> = rows.iter().map(|row| row.day.to_string()).collect();
    assert_eq!(days, ["2026-03-01", "2026-03-02"]);
    assert_eq!(figures(&rows[0]), (0, [100, 0, 0], 1, 100));
    assert_eq!(figures(&rows[1]), (100, [7, 30, 0], 2, 77));
    let first = stand.on(day("2026-03-01")).await;
    let second = stand.on(day("2026-03-02")).await;
    assert_eq!((first.rows, first.wallets), (vec![rows[0]], 1));
    assert_eq!((second.rows, second.sum), (vec![rows[1]], rows[1].flow));
    assert_eq!((first.today, second.today), (second.day, second.day));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correction_falls_into_the_day_it_is_made() {
    let stand = Stand::new(at("2026-03-01T12:00:00+09:00")).await;
    stand.act(create(1)).await;
    stand.act(charge(1, 100)).await;
    let used = stand.act(spend(1, 40)).await;
    let before = stand.of(1, "2026-03-01", "2026-03-01").await;
    stand.set(at("2026-03-03T12:00:00+09:00"));
    stand.act(give_back(&used, 15)).await;
    let rows = stand.of(1, "2026-03-01", "2026-03-04").await;
    assert_eq!(rows[..1], before);
    assert_eq!(figures(&rows[0]), (0, [100, 40, 0], 2, 60));
    assert_eq!(figures(&rows[1]), (60, [0, 0, 0], 0, 60), "a quiet day");
    assert_eq!(figures(&rows[2]), (60, [0, 0, 15], 1, 75));
    assert_eq!(rows.len(), 3, "the future has no rows");
    let quiet = stand.on(day("2026-03-02")).await;
    assert_eq!((quiet.rows.len(), quiet.sum.opening.sum()), (0, 60));
    assert_eq!(quiet.sum.closing().sum(), 60);
    let early = stand.on(day("2026-02-01")).await;
    assert_eq!((early.sum, early.wallets), (DayFlow::default(), 0));
    let late = stand.on(day("2030-01-01")).await;
    assert_eq!(late.sum.opening.sum(), 75);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_day_that_is_over_is_closed_once_with_what_it_had() {
    let stand = Stand::new(at("2026-03-01T12:00:00+09:00")).await;
    let none = stand.engine.close_days().await.unwrap();
    assert_eq!(none, [], "nothing has happened yet");
    stand.act(create(1)).await;
    let last = stand.act(charge(1, 100)).await;
    assert_eq!(stand.engine.close_days().await.unwrap(), []);
    stand.set(at("2026-03-03T00:00:00+09:00"));
    stand.act(spend(1, 30)).await;
    let stand = stand.kill().await;
    let closed = stand.engine.close_days().await.unwrap();
    assert_eq!(closed, [day("2026-03-01"), day("2026-03-02")]);
    assert_eq!(stand.engine.close_days().await.unwrap(), []);
    let mut found = Vec::new();
    for lsn in last.transaction.0 + 2..=last.transaction.0 + 3 {
        let act = stand.engine.transaction(TransactionId(lsn)).await.unwrap();
        let Event::DayClosed(event) = &*act.unwrap().event else {
            panic!("a day was closed at {lsn}")
        };
        found.push((event.day, event.watermark, event.wallets, event.sum));
    }
    let first = stand.on(day("2026-03-01")).await.sum;
    let quiet = stand.on(day("2026-03-02")).await.sum;
    assert_eq!(found[0], (closed[0], last.transaction.0, 1, first));
    assert_eq!(found[1], (closed[1], last.transaction.0, 0, quiet));
    let stand = stand.restart().await;
    assert_eq!(stand.engine.close_days().await.unwrap(), []);
    stand.set(at("2026-03-04T00:00:00+09:00"));
    let twice = tokio::join!(stand.engine.close_days(), stand.engine.close_days());
    let days = [twice.0.unwrap(), twice.1.unwrap()].concat();
    assert_eq!(days, [day("2026-03-03")], "two ask, one closes");
    let settings = Command::ChangeSettings(Box::new(ChangeSettings {
        zone: Zone::new("America/New_York"),
        ..Default::default()
    }));
    stand.act(plain(settings)).await;
    stand.act(charge(1, 1)).await;
    let rows = stand.of(1, "2026-03-01", "2026-03-09").await;
    let counted: Vec<_> = rows.iter().map(|row| row.flow.entries).collect();
    assert_eq!(
        counted,
        [1, 0, 1, 1],
        "a closed day stays closed in another zone"
    );
}

/// What histories say, folded plainly: day → wallet → flow.
async fn folded(engine: &Engine, wallets: u64) -> BTreeMap<Day, BTreeMap<u64, DayFlow>> {
    let zone = Zone::default();
    let mut days: BTreeMap<Day, BTreeMap<u64, DayFlow>> = BTreeMap::new();
    for id in 1..=wallets {
        let mut held = Points::ZERO;
        let mut query = HistoryQuery {
            ascending: true,
            limit: 500,
            ..HistoryQuery::of(wallet(id))
        };
        loop {
            let page = engine.history(query.clone()).await.unwrap();
            for row in &page.rows {
                let entry = &row.act.event.entries()[usize::from(row.leg)];
                let mut change = Points::ZERO;
                for part in &entry.allocations {
                    let points = entry.kind.effect().of(part.amount);
                    match part.bucket.fund {
                        crate::domain::Fund::Paid => change.paid += points,
                        crate::domain::Fund::Free => change.free += points,
                    }
                }
                let day = days.entry(zone.day_of(row.act.at)).or_default();
                let flow = day.entry(id).or_insert_with(|| DayFlow::opening_with(held));
                flow.count(Column::of(entry.kind).unwrap(), change);
                held += change;
            }
            query.after = page.next;
            if page.next.is_none() {
                break;
            }
        }
    }
    days
}

/// Every report says what the histories say.
async fn check(stand: &Stand, wallets: u64) {
    let days = folded(&stand.engine, wallets).await;
    let mut held = Points::ZERO;
    for (day, rows) in &days {
        let report = stand.on(*day).await;
        let found: BTreeMap<_, _> = report
            .rows
            .iter()
            .map(|row| (row.wallet.get(), row.flow))
            .collect();
        assert_eq!(&found, rows, "{day}");
        assert_eq!(found.len(), report.rows.len(), "one row a wallet and day");
        let net = rows.values().fold(Points::ZERO, |net, row| net + row.net());
        assert_eq!((report.sum.opening, report.sum.net()), (held, net), "{day}");
        held += net;
        let mut paged = Vec::new();
        let mut from = None;
        loop {
            let page = stand.engine.day_report(Some(*day), from, 2);
            let page = page.await.unwrap();
            paged.extend(page.rows);
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        assert_eq!(paged, report.rows);
    }
    for id in 1..=wallets {
        let rows = stand.of(id, "2026-01-01", "2026-12-31").await;
        let own = rows.iter().filter(|row| row.flow.entries > 0);
        let own: Vec<_> = own.map(|row| (row.day, row.flow)).collect();
        let wanted = days
            .iter()
            .filter_map(|(day, rows)| Some((*day, *rows.get(&id)?)));
        assert_eq!(own, wanted.collect::<Vec<_>>());
        assert!(
            rows.windows(2)
                .all(|pair| pair[0].flow.closing() == pair[1].flow.opening)
        );
        assert!(
            rows.windows(2)
                .all(|pair| pair[0].day.next() == pair[1].day)
        );
    }
}

/// Days of random acts, some of them quiet; then one thing after another is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_say_what_histories_say_whatever_is_lost() {
    let mut stand = Stand::new(at("2026-03-01T00:00:00+09:00")).await;
    for id in 1..=5 {
        stand.act(create(id)).await;
    }
    let (mut seed, mut now, mut used) = (7_u64, at("2026-03-01T00:00:00+09:00"), Vec::new());
    for turn in 0..400_u64 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let draw = seed >> 33;
        now += i64::try_from(draw % 60).unwrap() * 180_000_000;
        stand.set(now);
        let (id, points) = (1 + draw % 5, 1 + draw / 5 % 90);
        match draw % 7 {
            0..=2 => drop(stand.act(charge(id, 100 + points)).await),
            3 | 4 => used.extend(stand.engine.submit(spend(id, points)).await),
            5 => drop(
                stand
                    .engine
                    .submit(transfer(id, &[1 + id % 5], points))
                    .await,
            ),
            _ => {
                if let Some(receipt) = used.pop() {
                    drop(stand.engine.submit(give_back(&receipt.act, 1)).await);
                }
            }
        }
        if turn % 100 == 99 {
            check(&stand, 5).await;
            stand = if turn % 200 == 99 {
                stand.kill().await
            } else {
                stand.restart().await
            };
            check(&stand, 5).await;
        }
    }
    let index = stand.directory.path().join("index");
    for (change, name) in days(&index).into_iter().enumerate() {
        stand.engine.shutdown().await;
        let file = index.join(&name);
        let mut bytes = fs::read(&file).unwrap();
        match change % 4 {
            0 => fs::remove_file(&file).unwrap(),
            // Its head, a row, its end.
            1 => bytes[60] ^= 1,
            2 => bytes[4_200] ^= 1,
            _ => bytes.truncate(4_096),
        }
        if change % 4 > 0 {
            fs::write(&file, bytes).unwrap();
        }
        stand.engine = open_at(stand.directory.path(), &stand.clock).await;
        // A damaged row is found by whoever reads it, and that report is refused.
        let report = stand.engine.day_report(Day::parse(&name[4..14]), None, 500);
        drop(report.await);
        check(&stand, 5).await;
        let metrics = stand.engine.metrics().daily;
        assert!(metrics.whole && metrics.refilled_acts > 0, "{metrics:?}");
    }
}

/// Files of days.
fn days(index: &Path) -> Vec<String> {
    let names = fs::read_dir(index).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut days: Vec<_> = names.filter(|name| name.starts_with("day-")).collect();
    days.sort();
    assert!(days.len() > 5, "{days:?}");
    days
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_end_leaves_nothing_to_be_read_again() {
    let stand = Stand::new(at("2026-03-01T12:00:00+09:00")).await;
    stand.act(create(1)).await;
    stand.act(charge(1, 100)).await;
    let rows = stand.of(1, "2026-03-01", "2026-03-01").await;
    let stand = stand.restart().await;
    assert_eq!(stand.of(1, "2026-03-01", "2026-03-01").await, rows);
    let metrics = stand.engine.metrics().daily;
    assert_eq!((metrics.open_rows, metrics.failures), (1, 0));
    assert!(metrics.refilled_acts <= 1, "{metrics:?}");
    assert_eq!(
        stand.engine.wallet(wallet(1)).await.unwrap().created_at,
        Timestamp(at("2026-03-01T12:00:00+09:00"))
    );
}
