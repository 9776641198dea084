//! Random earns, uses, holds and grants that count later, and what undoes them: the room that is left is what a plain list
//! adds up to.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::history::cases;
use super::*;

/// One thing that may be asked.
#[derive(Clone, Debug)]
enum Step {
    Earn(u64),
    /// An earn that counts once it is activated.
    Later(u64),
    Use(u64),
    /// A hold that ends after so many days.
    Hold(u64, i64),
    /// Takes back what the n-th of the acts so far did, in part.
    Undo(usize, u64),
    /// Captures of the n-th of them, in part, if it is a hold.
    Capture(usize, u64),
    /// Releases the n-th, if it is a hold; activates it or voids it, if it is pending.
    End(usize, bool),
    Days(i64),
}

/// What the list knows of an act.
#[derive(Clone, Copy, Default)]
struct Known {
    act: u64,
    is_use: bool,
    day: Day,
    /// Points that count.
    left: u64,
    /// Points that are held, and until when.
    held: (u64, Timestamp),
    pending: bool,
    /// Place of the hold that this is a capture of.
    of: Option<usize>,
}

/// The world, and beside it a plain list.
struct Ledger {
    world: World,
    known: Vec<Known>,
    daily: u64,
    monthly: u64,
    trims: bool,
}

impl Ledger {
    /// How much more may be earned or used now.
    fn room(&self, is_use: bool) -> u64 {
        let day = self.world.settings.zone.day_of(self.world.now);
        let gone = |counts: &dyn Fn(Day) -> bool| -> u64 {
            let side = self.known.iter().filter(|one| one.is_use == is_use);
            side.filter(|one| counts(one.day)).map(|one| one.left).sum()
        };
        let today = self.daily.saturating_sub(gone(&|other| other == day));
        let month = gone(&|other| other.month_start() == day.month_start());
        today.min(self.monthly.saturating_sub(month))
    }

    /// Asks for points, and says whether as many moved as the list says.
    fn ask(&mut self, command: &Command, points: u64, is_use: bool) -> bool {
        let room = self.room(is_use);
        let expected = match points <= room {
            true => Some(points),
            false => Some(room).filter(|room| self.trims && *room > 0),
        };
        let came = moved(&mut self.world, command).ok();
        let came = came.map(|(amount, _)| amount);
        if let Some(left) = came {
            self.known.push(Known {
                act: self.world.acts.len() as u64,
                is_use,
                day: self.world.settings.zone.day_of(self.world.now),
                left,
                ..Known::default()
            });
        }
        came == expected
    }

    /// Lets go of holds that are over.
    fn pass(&mut self, days: i64) {
        self.world.now = self.world.now.plus_days(days);
        for one in &mut self.known {
            let (points, until) = one.held;
            if until <= self.world.now {
                one.left -= points;
                one.held.0 = 0;
            }
        }
    }

    fn undo(&mut self, at: usize, points: u64) {
        let one = self.known[at];
        let done = self.world.submit(&cancel(one.act, Some(points)));
        if done.is_ok() {
            self.known[one.of.unwrap_or(at)].left -= points;
        }
    }

    fn capture(&mut self, at: usize, points: u64) {
        if self
            .world
            .submit(&capture(self.known[at].act, points))
            .is_ok()
        {
            self.known[at].held.0 -= points;
            let act = self.world.acts.len() as u64;
            let of = Some(at);
            self.known.push(Known {
                act,
                of,
                ..Known::default()
            });
        }
    }

    fn end(&mut self, at: usize, kindly: bool) {
        let one = self.known[at];
        if one.pending && kindly {
            self.world.submit(&activate(one.act)).unwrap();
            self.known[at].act = self.world.acts.len() as u64;
        } else if one.pending {
            self.world.submit(&void(one.act)).unwrap();
            self.known[at].left = 0;
        } else if one.held.0 > 0 {
            self.world.submit(&release(one.act)).unwrap();
            self.known[at].left -= one.held.0;
            self.known[at].held.0 = 0;
        }
        self.known[at].pending = false;
    }

    /// Whether a step came to what the list says.
    fn step(&mut self, step: &Step) -> bool {
        let count = self.known.len();
        let place = |at: usize| (count > 0).then(|| at % count);
        match *step {
            Step::Earn(points) => return self.ask(&earn(points), points, false),
            Step::Use(points) => return self.ask(&use_points(1, points), points, true),
            Step::Later(points) => {
                let same = self.ask(&earn_later(points, None), points, false);
                if let Some(one) = self.known.get_mut(count) {
                    one.pending = true;
                }
                return same;
            }
            Step::Hold(points, days) => {
                let expires_at = self.world.now.plus_days(days);
                let Command::PlaceHold(place) = hold(points) else {
                    unreachable!("a hold")
                };
                let place = PlaceHold {
                    expires_at,
                    ..place
                };
                let same = self.ask(&Command::PlaceHold(place), points, true);
                if let Some(one) = self.known.get_mut(count) {
                    one.held = (one.left, expires_at);
                }
                return same;
            }
            Step::Days(days) => self.pass(days),
            Step::Undo(at, points) => {
                if let Some(at) = place(at) {
                    self.undo(at, points);
                }
            }
            Step::Capture(at, points) => {
                if let Some(at) = place(at) {
                    self.capture(at, points);
                }
            }
            Step::End(at, kindly) => {
                if let Some(at) = place(at) {
                    self.end(at, kindly);
                }
            }
        }
        true
    }
}

fn step() -> impl Strategy<Value = Step> {
    let points = || 1..60_u64;
    let part = || (any::<usize>(), 1..30_u64);
    prop_oneof![
        4 => points().prop_map(Step::Earn),
        3 => points().prop_map(Step::Later),
        4 => points().prop_map(Step::Use),
        4 => (points(), 1..9_i64).prop_map(|(points, days)| Step::Hold(points, days)),
        3 => part().prop_map(|(at, points)| Step::Undo(at, points)),
        3 => part().prop_map(|(at, points)| Step::Capture(at, points)),
        3 => (any::<usize>(), any::<bool>()).prop_map(|(at, kindly)| Step::End(at, kindly)),
        3 => (1..12_i64).prop_map(Step::Days),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(200)))]

    #[test]
    fn counters_are_what_a_list_adds_up_to(
        steps in vec(step(), 1..60),
        daily in 20..120_u64,
        monthly in 60..200_u64,
        trims in any::<bool>(),
    ) {
        use LimitKind::{EarnDaily, EarnMonthly, UseDaily, UseMonthly};
        let mode = if trims { LimitMode::Trim } else { LimitMode::Reject };
        let mut world = limited(&[
            (EarnDaily, daily, mode),
            (EarnMonthly, monthly, mode),
            (UseDaily, daily, mode),
            (UseMonthly, monthly, mode),
        ]);
        moved(&mut world, &charge(100_000)).unwrap();
        let known = Vec::new();
        let mut ledger = Ledger { world, known, daily, monthly, trims };
        for step in &steps {
            prop_assert!(ledger.step(step), "{:?}", step);
        }
    }
}
