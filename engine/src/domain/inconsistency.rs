//! How a log can contradict itself although its checksums hold.

use thiserror::Error;

use super::types::WalletId;

/// The log contradicts itself: an event does not follow from the state before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Inconsistency {
    /// An event touches a wallet that does not exist.
    #[error("wallet {wallet} does not exist")]
    Absent {
        /// Which wallet.
        wallet: WalletId,
    },
    /// A second creation of one wallet.
    #[error("wallet {wallet} is created twice")]
    CreatedTwice {
        /// Which wallet.
        wallet: WalletId,
    },
    /// An event is missing or doubled.
    #[error("wallet {wallet}: version {stated} is stated where {expected} is due")]
    Version {
        /// Which wallet.
        wallet: WalletId,
        /// Version that follows from the state.
        expected: u64,
        /// Version that the event states.
        stated: u64,
    },
    /// The stated balance does not follow from the state.
    #[error(
        "wallet {wallet}: paid {stated_paid} and free {stated_free} are stated, applying gives {paid} and {free}"
    )]
    Balance {
        /// Which wallet.
        wallet: WalletId,
        /// Paid points that follow from the state.
        paid: i64,
        /// Free points that follow from the state.
        free: i64,
        /// Paid points that the event states.
        stated_paid: i64,
        /// Free points that the event states.
        stated_free: i64,
    },
    /// An event takes more from a lot than the lot holds.
    #[error("wallet {wallet}: lot {lot} does not hold what the event takes from it")]
    Lot {
        /// Which wallet.
        wallet: WalletId,
        /// Which lot.
        lot: u64,
    },
    /// The legs of an event do not add up, or are not the legs that it may have.
    #[error("the legs of the event do not sum to zero")]
    Legs,
    /// What a cancel says was given back of its use does not follow from the cancels before it.
    #[error("wallet {wallet}: transaction {transaction} was not given back as far as stated")]
    Returned {
        /// Which wallet.
        wallet: WalletId,
        /// The use: LSN of its act.
        transaction: u64,
    },
    /// A text that no caller can have given.
    #[error("wallet {wallet}: the description is too long or holds control characters")]
    Text {
        /// Which wallet.
        wallet: WalletId,
    },
    /// An event about an entity that holds no points is missing or doubled.
    #[error("{kind} {id}: version {stated} is stated where {expected} is due")]
    EntityVersion {
        /// What it is.
        kind: &'static str,
        /// Which one of its kind.
        id: u64,
        /// Version that follows from the state.
        expected: u64,
        /// Version that the event states.
        stated: u64,
    },
    /// An event contradicts an entity that holds no points.
    #[error("{kind} {id}: {what}")]
    Entity {
        /// What it is.
        kind: &'static str,
        /// Which one of its kind.
        id: u64,
        /// How.
        what: &'static str,
    },
    /// An event takes more out of a hold than it holds.
    #[error("wallet {wallet}: hold {number} does not hold what the event takes from it")]
    Hold {
        /// Which wallet.
        wallet: WalletId,
        /// Which hold.
        number: u64,
    },
    /// An event names a pending grant that is not there, or is another one.
    #[error("wallet {wallet}: no grant {number} is pending as the event has it")]
    Pending {
        /// Which wallet.
        wallet: WalletId,
        /// Which grant.
        number: u64,
    },
    /// An event pays more than is owed.
    #[error("wallet {wallet}: the event pays more than the wallet owes")]
    Debt {
        /// Which wallet.
        wallet: WalletId,
    },
    /// Settings that nobody can have asked for.
    #[error("the settings are out of range")]
    Settings,
    /// A number that no wallet can reach.
    #[error("wallet {wallet}: the event states a number beyond 2^53 − 1")]
    Range {
        /// Which wallet.
        wallet: WalletId,
    },
}
