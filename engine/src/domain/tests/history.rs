//! Random histories: against the oracle, against the sums, and backwards.

mod asked;

use proptest::collection::vec;
use proptest::prelude::*;

use self::asked::fund;
pub(super) use self::asked::{command, steps};
use super::oracle::{Holder, Oracle, Points};
use super::*;

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
            let decided = world.submit(&command).map_err(|refused| refused.code());
            if let (Command::CompanyUse(asked), Ok(event)) = (&command, &decided) {
                prop_assert_eq!(event.entries()[0].by, Some(asked.user));
            }
            let decided = decided.map(|_| ());
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
            for (id, members) in &oracle.companies {
                prop_assert!(world.company(*id).members.iter().eq(members));
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
