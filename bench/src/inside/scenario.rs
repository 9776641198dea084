//! What is asked of the engine.

use clap::ValueEnum;
use engine::domain::{Amount, Command, Description, Expiry, Grant, Transfer, Use, WalletId};
use serde::Serialize;
use smallvec::{SmallVec, smallvec};

use crate::random::Random;

/// Wallets of every scenario that spreads its load.
pub(crate) const WALLETS: u64 = 10_000;

/// Wallets in the transfers that go round in a circle.
const CIRCLE: u64 = 5;

/// In the scenario of meetings these two wallets stand for the product and the coupon that every
/// order includes.
const PRODUCT: u64 = 1;
const COUPON: u64 = 2;

/// The shape of a load.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scenario {
    /// Earn and use on 10,000 wallets at random.
    Wallets,
    /// Earn and use on one wallet.
    HotWallet,
    /// Transfers between 10,000 wallets at random.
    Transfers,
    /// Meetings of three: every one includes the same two wallets and one of 10,000.
    HotMeeting,
    /// Transfers between two wallets, both ways at once.
    Opposite,
    /// Transfers round a circle of five wallets.
    Circle,
}

/// One caller's place in its scenario.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    scenario: Scenario,
    wallets: u64,
    random: Random,
    step: u64,
    /// The wallet of the act that is under way.
    wallet: u64,
}

// === impl Scenario ===

impl Scenario {
    pub(crate) const ALL: [Self; 6] = [
        Self::Wallets,
        Self::HotWallet,
        Self::Transfers,
        Self::HotMeeting,
        Self::Opposite,
        Self::Circle,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Wallets => "earn/use, 10 000 wallets",
            Self::HotWallet => "earn/use, one hot wallet",
            Self::Transfers => "transfers, 10 000 wallets",
            Self::HotMeeting => "meetings of three, two of them hot",
            Self::Opposite => "opposite transfers, two wallets",
            Self::Circle => "transfers round a circle of five",
        }
    }
}

// === impl Script ===

impl Script {
    pub(crate) fn new(scenario: Scenario, seed: u64) -> Self {
        let mut random = Random::new(seed);
        Self {
            step: random.below(CIRCLE),
            random,
            scenario,
            wallets: WALLETS,
            wallet: 1,
        }
    }

    /// Earn and use on so many wallets at random.
    pub(crate) fn over(wallets: u64, seed: u64) -> Self {
        Self {
            wallets,
            ..Self::new(Scenario::Wallets, seed)
        }
    }

    /// The next command. However long it runs, no wallet runs empty and none gathers lots: whatever
    /// is given is taken again by the same script.
    pub(crate) fn next(&mut self) -> Command {
        self.step += 1;
        match self.scenario {
            Scenario::Wallets => {
                if self.step.is_multiple_of(2) {
                    return use_points(self.wallet);
                }
                self.wallet = 1 + self.random.below(self.wallets);
                earn(self.wallet)
            }
            Scenario::HotWallet if self.step.is_multiple_of(2) => use_points(1),
            Scenario::HotWallet => earn(1),
            Scenario::Transfers => {
                let from = self.random.below(WALLETS);
                let apart = 1 + self.random.below(WALLETS - 1);
                transfer(1 + from, &[1 + (from + apart) % WALLETS])
            }
            Scenario::HotMeeting => self.meet(),
            Scenario::Opposite => {
                let from = self.step % 2;
                transfer(1 + from, &[2 - from])
            }
            Scenario::Circle => {
                let from = self.step % CIRCLE;
                transfer(1 + from, &[1 + (from + 1) % CIRCLE])
            }
        }
    }

    /// Wallet pays both, product pays both others, coupon pays both others: after three meetings
    /// everyone has what they had.
    fn meet(&mut self) -> Command {
        match self.step % 3 {
            0 => {
                self.wallet = COUPON + 1 + self.random.below(WALLETS - COUPON);
                transfer(self.wallet, &[PRODUCT, COUPON])
            }
            1 => transfer(PRODUCT, &[COUPON, self.other()]),
            _ => transfer(COUPON, &[PRODUCT, self.other()]),
        }
    }

    /// The wallet of the last order; a script that starts in the middle has none yet.
    fn other(&self) -> u64 {
        self.wallet.max(COUPON + 1)
    }
}

/// A wallet that exists in every scenario; ids are 1…[`WALLETS`].
pub(crate) fn wallet(id: u64) -> WalletId {
    let Some(id) = WalletId::new(id) else {
        unreachable!("a script names wallets from 1 on")
    };
    id
}

pub(crate) fn points(points: u64) -> Amount {
    let Some(points) = Amount::new(points) else {
        unreachable!("a script asks for 1 point or more")
    };
    points
}

fn earn(id: u64) -> Command {
    Command::Earn(Grant {
        wallet: wallet(id),
        amount: points(1),
        expiry: Expiry::Never,
        description: Description::default(),
    })
}

fn use_points(id: u64) -> Command {
    Command::Use(Use {
        wallet: wallet(id),
        amount: points(1),
        description: Description::default(),
    })
}

fn transfer(from: u64, to: &[u64]) -> Command {
    let receivers: SmallVec<[(WalletId, Amount); 1]> = match to {
        [one] => smallvec![(wallet(*one), points(1))],
        all => all.iter().map(|id| (wallet(*id), points(1))).collect(),
    };
    Command::Transfer(Transfer {
        from: wallet(from),
        to: receivers,
        description: Description::default(),
    })
}

#[cfg(test)]
mod tests {
    use engine::domain::Facts;

    use super::*;

    #[test]
    fn every_meeting_includes_the_product_and_the_coupon() {
        let mut script = Script::new(Scenario::HotMeeting, 11);
        for _ in 0..300 {
            let ids = script.next().participants(&Facts::Nothing);
            assert_eq!(ids.len(), 3);
            assert_eq!((ids[0].id, ids[1].id), (PRODUCT, COUPON));
            assert!(ids[2].id <= WALLETS);
        }
    }

    #[test]
    fn every_transfer_is_between_two_wallets_that_exist() {
        for scenario in [Scenario::Transfers, Scenario::Opposite, Scenario::Circle] {
            let mut script = Script::new(scenario, 2);
            for _ in 0..1_000 {
                let ids = script.next().participants(&Facts::Nothing);
                assert_eq!(ids.len(), 2, "{scenario:?}");
                assert!(
                    ids.iter().all(|id| (1..=WALLETS).contains(&id.id)),
                    "{scenario:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_earned_is_used() {
        for scenario in [Scenario::Wallets, Scenario::HotWallet] {
            let mut script = Script::new(scenario, 4);
            let commands: Vec<Command> = (0..1_000).map(|_| script.next()).collect();
            let earned = commands
                .iter()
                .filter(|command| matches!(command, Command::Earn(_)))
                .count();
            assert_eq!(earned, 500, "{scenario:?}");
        }
    }
}
