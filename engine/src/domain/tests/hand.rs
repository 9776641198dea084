//! What the operator does by hand.

use super::*;

fn down(fund: Fund, points: u64) -> Command {
    Command::Adjust(Adjust {
        wallet: wallet(1),
        change: Change::Down,
        fund,
        amount: amount(points),
        reason: Description::new("counted again").unwrap(),
    })
}

/// A wallet whose free points are spent, taken back as a debt, and sent to it by another: it has as many as it owes.
fn even_in_free_points() -> World {
    let mut world = World::default();
    world.submit(&create(1)).unwrap();
    world.submit(&grant(Fund::Free, 1, 50, None)).unwrap();
    world.submit(&use_points(1, 50)).unwrap();
    let Command::Cancel(back) = cancel(2, None) else {
        unreachable!("a cancel")
    };
    let policy = Some(TakeBackPolicy::Debt);
    world
        .submit(&Command::Cancel(Cancel { policy, ..back }))
        .unwrap();
    world.submit(&create(2)).unwrap();
    world.submit(&grant(Fund::Free, 2, 50, None)).unwrap();
    world.submit(&transfer(2, &[(1, 50)])).unwrap();
    let standing = world.wallet(1);
    assert_eq!((standing.free, standing.special().debt.free), (0, 50));
    world
}

#[test]
fn a_correction_never_takes_what_the_fund_owes() {
    let mut world = even_in_free_points();
    world.submit(&grant(Fund::Paid, 1, 80, None)).unwrap();
    for (fund, points, available) in [(Fund::Free, 1, 0), (Fund::Paid, 81, 80)] {
        let refused = Rejection::InsufficientBalance {
            available,
            requested: points,
        };
        assert_eq!(world.submit(&down(fund, points)).unwrap_err(), refused);
    }
    world.submit(&grant(Fund::Free, 1, 60, None)).unwrap();
    // 50 of them paid the debt, so all that is there is the wallet's own.
    world.submit(&down(Fund::Free, 60)).unwrap();
    world.submit(&down(Fund::Paid, 80)).unwrap();
    let standing = world.wallet(1);
    assert_eq!((standing.free, standing.paid), (0, 0));
}
