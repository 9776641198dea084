//! Random histories: against the oracle, against the sums, and backwards.

use proptest::collection::vec;
use proptest::prelude::*;

use super::oracle::{Holder, Oracle, Points};
use super::*;

/// What may happen next; the numbers are made to fit when it does.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Ask(Command),
    /// Cancel one of the acts so far, counted from the newest.
    Cancel(
        usize,
        Option<u64>,
        Option<TakeBackPolicy>,
        Option<LapsedPolicy>,
    ),
    /// Time passes, µs.
    Pass(i64),
    /// Grant that lapses so long after now, µs.
    Grant(Fund, u64, u64, Option<i64>),
    /// Correction upwards that lapses so long after now, µs.
    Correct(Fund, u64, u64, Option<i64>),
    /// Grant that counts so long after now, µs, or once it is activated, and lapses so long after now.
    Later(Fund, u64, u64, Option<i64>, Option<i64>),
    /// Activate one of the acts so far, counted from the newest, or void it.
    Settle(usize, bool),
    /// Hold that ends so long after now, µs.
    Hold(u64, u64, i64),
    /// Capture one of the acts so far, counted from the newest.
    Capture(usize, Option<u64>),
    /// Release one of them.
    Release(usize),
}

const WALLETS: u64 = 4;

/// An act is named by its place among those that fit, from the newest, below this; from here on by its place among all.
const FITTING: usize = 6;

/// The first wallets more often, so that much happens in them.
fn id() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 1..=2_u64, 1 => 1..=WALLETS]
}

/// An act so far.
fn act() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 0..FITTING, 1 => FITTING..2 * FITTING]
}

/// Points that are given: more than are spent at once.
fn gift() -> impl Strategy<Value = u64> {
    prop_oneof![
        40 => 1..200_u64,
        1 => NUMBER_MAX - 60..=NUMBER_MAX,
    ]
}

fn points() -> impl Strategy<Value = u64> {
    prop_oneof![
        20 => 1..60_u64,
        1 => NUMBER_MAX - 60..=NUMBER_MAX,
    ]
}

fn fund() -> impl Strategy<Value = Fund> {
    prop_oneof![Just(Fund::Free), Just(Fund::Paid)]
}

/// Wallets are unfrozen more often than frozen, so that something goes on.
fn status() -> impl Strategy<Value = Status> {
    prop_oneof![
        2 => Just(Status::Frozen),
        6 => Just(Status::Open),
        1 => Just(Status::Closed),
    ]
}

fn policy() -> impl Strategy<Value = Option<TakeBackPolicy>> {
    prop::option::of(prop::sample::select(&TakeBackPolicy::ALL[..]))
}

/// How long until something lapses, µs.
fn after() -> impl Strategy<Value = i64> {
    prop_oneof![
        3 => (1..8_i64).prop_map(|tens| tens * 10),
        1 => (1..40_i64).prop_map(|days| days * Timestamp::DAY_US),
    ]
}

fn lapsed() -> impl Strategy<Value = LapsedPolicy> {
    prop_oneof![
        Just(LapsedPolicy::StayExpired),
        (1..40_u16).prop_map(|days| LapsedPolicy::Regrant { days }),
        (1..40_u16).prop_map(|days| LapsedPolicy::Grace { days }),
    ]
}

fn settings() -> impl Strategy<Value = ChangeSettings> {
    let window = prop::option::of(prop::sample::select(&[1, 30, 400_u16][..]));
    let all = (window, prop::option::of(lapsed()), policy());
    all.prop_map(
        |(cancel_window_days, lapsed_policy, take_back_policy)| ChangeSettings {
            cancel_window_days,
            lapsed_policy,
            take_back_policy,
            ..ChangeSettings::default()
        },
    )
}

/// Steps of every kind, over a few wallets, so that they meet; most of these are there from the start.
pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => id().prop_map(|id| Step::Ask(create(id))),
        8 => (fund(), id(), gift(), prop::option::of(after()))
            .prop_map(|(fund, id, points, after)| Step::Grant(fund, id, points, after)),
        2 => (fund(), id(), gift(), prop::option::of(after()))
            .prop_map(|(fund, id, points, after)| Step::Correct(fund, id, points, after)),
        3 => (fund(), id(), points())
            .prop_map(|(fund, id, points)| Step::Ask(adjust(fund, id, points, Change::Down))),
        3 => (id(), status()).prop_map(|(id, status)| Step::Ask(turn(id, status))),
        // The one that is there and has little.
        1 => Just(Step::Ask(turn(WALLETS - 1, Status::Closed))),
        6 => (id(), points()).prop_map(|(id, points)| Step::Ask(use_points(id, points))),
        5 => (id(), vec((1..=WALLETS, points()), 1..3)).prop_map(|(from, to)| Step::Ask(transfer(from, &to))),
        3 => (id(), points()).prop_map(|(id, points)| Step::Ask(up_to(id, points))),
        4 => (conditioned(), prop::option::of(1..12_u64), prop::option::of(0..80_u64))
            .prop_map(|(command, if_version, min_balance_after)| {
                Step::Ask(Command::Conditional(Box::new(Conditional {
                    command,
                    if_version,
                    min_balance_after,
                })))
            }),
        8 => (act(), prop::option::of(points()), policy(), prop::option::of(lapsed()))
            .prop_map(|(back, points, policy, lapsed)| Step::Cancel(back, points, policy, lapsed)),
        2 => settings().prop_map(|settings| Step::Ask(Command::ChangeSettings(Box::new(settings)))),
        4 => (fund(), id(), gift(), prop::option::of(0..6_i64), prop::option::of(1..8_i64))
            .prop_map(|(fund, id, points, from, until)| {
                let tens = |after: i64| after * 10;
                Step::Later(fund, id, points, from.map(tens), until.map(tens))
            }),
        4 => (act(), any::<bool>()).prop_map(|(back, void)| Step::Settle(back, void)),
        5 => (id(), points(), 0..8_i64).prop_map(|(id, points, after)| Step::Hold(id, points, after * 10)),
        4 => (act(), prop::option::of(points())).prop_map(|(back, points)| Step::Capture(back, points)),
        3 => act().prop_map(Step::Release),
        4 => (0..25_i64).prop_map(Step::Pass),
        1 => (1..20_i64).prop_map(|days| Step::Pass(days * Timestamp::DAY_US)),
        1 => (1..300_i64).prop_map(|days| Step::Pass(days * Timestamp::DAY_US)),
    ];
    let there = prop_oneof![4 => Just(WALLETS - 1), 1 => 0..=WALLETS];
    (there, vec(step, 1..100)).prop_map(|(there, steps)| {
        let created = (1..=there).map(|id| Step::Ask(create(id)));
        created.chain(steps).collect()
    })
}

fn up_to(id: u64, points: u64) -> Command {
    let Command::Use(command) = use_points(id, points) else {
        unreachable!("a use")
    };
    Command::UseUpTo(command)
}

fn turn(id: u64, status: Status) -> Command {
    Command::ChangeStatus(ChangeStatus {
        wallet: wallet(id),
        status,
        description: Description::default(),
    })
}

fn adjust(fund: Fund, id: u64, points: u64, change: Change) -> Command {
    Command::Adjust(Adjust {
        wallet: wallet(id),
        change,
        fund,
        amount: amount(points),
        reason: Description::new("counted again").unwrap(),
    })
}

/// What conditions are put on.
fn conditioned() -> impl Strategy<Value = Command> {
    prop_oneof![
        (fund(), id(), gift()).prop_map(|(fund, id, points)| grant(fund, id, points, None)),
        (id(), points()).prop_map(|(id, points)| use_points(id, points)),
        (id(), points()).prop_map(|(id, points)| up_to(id, points)),
        (id(), id(), points()).prop_map(|(from, to, points)| transfer(from, &[(to, points)])),
    ]
}

/// The command of a step; `None` when only time passes.
pub(super) fn command(world: &mut World, step: &Step) -> Option<Command> {
    let now = world.now.0;
    let after = |after: i64| Timestamp(now / 10 * 10 + after);
    // Mostly one of the acts that can be meant, and at times any.
    let back = |fits: fn(&Event) -> bool, back: usize| {
        let acts = world.acts.iter().enumerate().rev();
        let fitting = acts.filter(|(_, (_, event))| back >= FITTING || fits(event));
        let fitting: Vec<_> = fitting.map(|(at, _)| at as u64 + 1).collect();
        let found = fitting.get(back % FITTING % fitting.len().max(1));
        TransactionId(found.copied().unwrap_or(0))
    };
    let (leg, description) = (None, Description::default());
    Some(match step {
        Step::Ask(command) => command.clone(),
        Step::Cancel(at, points, policy, lapsed) => Command::Cancel(Cancel {
            transaction: back(can_be_cancelled, *at),
            leg,
            amount: points.map(amount),
            lapsed: *lapsed,
            policy: *policy,
            description,
        }),
        Step::Grant(fund, id, points, until) => {
            grant(*fund, *id, *points, until.map(|until| after(until).0))
        }
        Step::Correct(fund, id, points, until) => {
            let expires_at = until.map(after);
            adjust(*fund, *id, *points, Change::Up { expires_at })
        }
        Step::Later(fund, id, points, from, until) => Command::GrantLater(Box::new(GrantLater {
            grant: Grant {
                wallet: wallet(*id),
                amount: amount(*points),
                expiry: until.map(after).into(),
                description,
            },
            fund: *fund,
            active_at: from.map(after),
        })),
        Step::Settle(at, true) => Command::VoidGrant(VoidGrant {
            transaction: back(is_pending, *at),
            leg,
            description,
        }),
        Step::Settle(at, false) => {
            let transaction = back(is_pending, *at);
            Command::ActivateGrant(ActivateGrant { transaction, leg })
        }
        Step::Hold(id, points, until) => Command::PlaceHold(PlaceHold {
            wallet: wallet(*id),
            amount: amount(*points),
            expires_at: after(*until),
            description,
        }),
        Step::Capture(at, points) => Command::CaptureHold(CaptureHold {
            transaction: back(is_hold, *at),
            amount: points.map(amount),
            description,
        }),
        Step::Release(at) => Command::ReleaseHold(ReleaseHold {
            transaction: back(is_hold, *at),
            description,
        }),
        Step::Pass(time) => {
            world.now.0 += time;
            return None;
        }
    })
}

fn can_be_cancelled(event: &Event) -> bool {
    matches!(
        event,
        Event::Used(_)
            | Event::HoldCaptured(_)
            | Event::Charged(_)
            | Event::Earned(_)
            | Event::GrantActivated(_)
    )
}

fn is_pending(event: &Event) -> bool {
    matches!(event, Event::GrantPending(_))
}

fn is_hold(event: &Event) -> bool {
    matches!(event, Event::HoldPlaced(_))
}

/// Points of a wallet in spending order, as the oracle lists them.
fn listed(wallet: &Wallet) -> Vec<Points> {
    let buckets = wallet.lots.buckets().iter();
    let lots = buckets.flat_map(|bucket| bucket.lots.iter().map(|lot| (bucket.key, *lot)));
    lots.map(|(key, lot)| Points {
        fund: key.fund,
        until: key.expires_at.map_or(i64::MAX, |at| at.0),
        lot: lot.number,
        amount: lot.remaining,
    })
    .collect()
}

/// The same of points that were taken out.
fn points_of(runs: &Runs) -> Vec<Points> {
    let pieces = runs
        .iter()
        .flat_map(|run| run.pieces.iter().map(|piece| (run.bucket, piece)));
    let points = pieces.map(|(bucket, piece)| Points {
        fund: bucket.fund,
        until: bucket.expires_at.map_or(i64::MAX, |at| at.0),
        lot: piece.lot,
        amount: piece.amount,
    });
    points.collect()
}

/// Points that came into being less those that ceased to be, over all entries.
fn balance_of_entries(acts: &[(Timestamp, Arc<Event>)]) -> i128 {
    let entries = acts.iter().flat_map(|(_, event)| event.entries());
    let signed = entries.map(|entry| i128::from(entry.kind.effect().of(entry.amount)));
    signed.sum()
}

/// Fund and expiry with the points that two wallets hold of them together.
fn sums(world: &World, ids: &[u64]) -> BTreeMap<(Fund, i64), u64> {
    let mut sums = BTreeMap::new();
    for points in ids.iter().flat_map(|id| listed(world.wallet(*id))) {
        *sums.entry((points.fund, points.until)).or_default() += points.amount;
    }
    sums
}

fn funded(grants: &[(Fund, u64, Option<i64>)]) -> World {
    let mut world = World::default();
    for id in [1, 2] {
        world.submit(&create(id)).unwrap();
    }
    for (fund, points, until) in grants {
        world.submit(&grant(*fund, 1, *points, *until)).unwrap();
    }
    world
}

fn grants() -> impl Strategy<Value = Vec<(Fund, u64, Option<i64>)>> {
    vec((fund(), 1..40_u64, prop::option::of(1..5_i64)), 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(400)))]

    #[test]
    fn a_random_history_is_what_the_oracle_says(steps in steps()) {
        let (mut world, mut oracle) = (World::default(), Oracle::default());
        for step in &steps {
            let Some(command) = command(&mut world, step) else { continue };
            let decided = world.submit(&command).map(|_| ()).map_err(|refused| refused.code());
            oracle.forgets = decided == Err("cancel-window-over");
            let expected = oracle.submit(&command, world.now.0);
            prop_assert_eq!(decided, expected, "{:?} at {:?}", command, world.now);
            for (id, holder) in &mut oracle.holders {
                let wallet = world.wallet(*id);
                holder.points.sort_unstable();
                prop_assert_eq!(&listed(wallet), &holder.points);
                prop_assert_eq!((wallet.version, i128::from(wallet.balance())), (holder.version, holder.balance()));
                let Special { debt, holds, status, .. } = wallet.special();
                prop_assert_eq!(*status, holder.status);
                for fund in [Fund::Free, Fund::Paid] {
                    prop_assert_eq!(debt.of(fund), holder.debts.get(&fund).copied().unwrap_or(0));
                }
                // Lot by lot, hold by hold, in the order in which they were placed.
                let kept: Vec<_> = holder.kept.iter().map(|kept| kept.taken.clone()).collect();
                prop_assert_eq!(holds.iter().map(|hold| points_of(&hold.runs)).collect::<Vec<_>>(), kept);
            }
            let balances = oracle.holders.values().map(Holder::balance);
            prop_assert_eq!(balance_of_entries(&world.acts), balances.sum::<i128>());
        }
    }

    #[test]
    fn a_use_given_back_in_parts_restores_the_very_lots(
        grants in grants(),
        share in 1..=100_u64,
        parts in vec(1..30_u64, 0..10),
    ) {
        let mut world = funded(&grants);
        let before = world.wallet(1).clone();
        let points = (before.balance().unsigned_abs() * share).div_ceil(100);
        world.submit(&use_points(1, points)).unwrap();
        let used = world.acts.len() as u64;
        let mut left = points;
        for part in parts {
            let taken = world.submit(&cancel(used, Some(part)));
            prop_assert_eq!(taken.is_ok(), part <= left);
            left -= if taken.is_ok() { part } else { 0 };
        }
        prop_assert_eq!(world.submit(&cancel(used, None)).is_ok(), left > 0);
        let after = world.wallet(1);
        prop_assert_eq!(&after.lots, &before.lots);
        prop_assert_eq!((after.paid, after.free), (before.paid, before.free));
        prop_assert_eq!(after.returned(EntryRef::new(TransactionId(used), 0)), points);
    }

    #[test]
    fn a_transfer_keeps_the_points_of_each_fund_and_expiry(
        grants in grants(),
        share in 1..=100_u64,
    ) {
        let mut world = funded(&grants);
        let before = sums(&world, &[1, 2]);
        let points = (world.wallet(1).balance().unsigned_abs() * share).div_ceil(100);
        world.submit(&transfer(1, &[(2, points)])).unwrap();
        prop_assert_eq!(sums(&world, &[1, 2]), before);
        prop_assert_eq!(world.wallet(2).balance().unsigned_abs(), points);
    }

    #[test]
    fn lapses_come_in_the_order_of_their_dates_until_nothing_is_due(
        grants in grants(),
        now in 0..6_i64,
    ) {
        let mut world = funded(&grants);
        let before = world.wallet(1).clone();
        world.now = Timestamp(now);
        let acts = world.acts.len();
        world.lapse(&[wallet(1).entity()]);
        let lapsed: Vec<_> = world.acts[acts..].iter().map(|(_, event)| {
            let Event::Lapsed(lapsed) = &**event else { panic!("{event:?}") };
            (lapsed.bucket.expires_at.unwrap().0, lapsed.bucket.fund)
        }).collect();
        prop_assert!(lapsed.is_sorted_by(|a, b| a < b), "{:?}", lapsed);
        let after = world.wallet(1);
        prop_assert!(listed(after).iter().all(|points| points.until > now));
        prop_assert_eq!(before.spendable(world.now), after.balance().unsigned_abs());
        prop_assert_eq!(after.spendable(world.now), after.balance().unsigned_abs());
    }
}

/// Cases of a property, times `SCRIP_TEST_SCALE`.
pub(super) fn cases(base: u32) -> u32 {
    let scale = std::env::var("SCRIP_TEST_SCALE").ok();
    base * scale.and_then(|scale| scale.parse().ok()).unwrap_or(1)
}
