//! A mirror of the refusals.

use wincode::{SchemaRead, SchemaWrite};

use super::limits::LimitKind;
use super::settlement::SettlementState;
use super::wallet;
use crate::domain as ours;
use crate::domain::{CompanyId, Timestamp, TransactionId};

#[derive(SchemaRead, SchemaWrite)]
pub(super) enum Rejection {
    WalletNotFound {
        wallet: u64,
    },
    TransactionNotFound {
        transaction: u64,
    },
    WalletExists {
        wallet: u64,
    },
    SameWallet {
        wallet: u64,
    },
    NotCancellable {
        transaction: u64,
    },
    CancelWindowOver {
        transaction: u64,
    },
    OverCancel {
        transaction: u64,
        cancellable: u64,
        requested: u64,
    },
    ExpiresAtPast {
        expires_at: i64,
    },
    InsufficientBalance {
        available: u64,
        requested: u64,
    },
    BalanceLimit {
        wallet: u64,
    },
    LotLimit {
        wallet: u64,
    },
    ActTooLarge {
        bytes: u64,
    },
    TooManyLegs {
        legs: u64,
    },
    WalletFrozen {
        wallet: u64,
    },
    WalletClosed {
        wallet: u64,
    },
    StatusUnchanged {
        wallet: u64,
    },
    WalletNotEmpty {
        wallet: u64,
    },
    GrantSpent {
        transaction: u64,
        available: u64,
        requested: u64,
    },
    NotHeld {
        transaction: u64,
    },
    HoldOver {
        transaction: u64,
    },
    OverCapture {
        transaction: u64,
        held: u64,
        requested: u64,
    },
    HoldLimit {
        wallet: u64,
    },
    VersionMismatch {
        wallet: u64,
        version: u64,
    },
    MinBalance {
        balance_after: i64,
        min_balance_after: u64,
    },
    CompanyNotFound {
        company: u64,
    },
    CompanyExists {
        company: u64,
    },
    NotMember {
        company: u64,
        user: u64,
    },
    MemberExists {
        company: u64,
        user: u64,
    },
    MemberLimit {
        company: u64,
    },
    DayNotOpen {
        day: i32,
    },
    NotPending {
        transaction: u64,
    },
    PendingOver {
        transaction: u64,
    },
    PendingLimit {
        wallet: u64,
    },
    ActiveAtPast {
        active_at: i64,
    },
    SettlementNotFound {
        company: u64,
    },
    SettlementState {
        state: SettlementState,
    },
    PeriodNotOver {
        ends: i64,
    },
    PeriodNotNext {
        begins: i64,
    },
    SettlementLimit {
        company: u64,
    },
    LimitExceeded {
        limit: LimitKind,
        allowed: u64,
        requested: u64,
    },
}

fn company(id: u64) -> CompanyId {
    CompanyId::of(wallet(id))
}

impl Rejection {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the functions share the variants out"
    )]
    pub(super) fn ours(self) -> ours::Rejection {
        use ours::Rejection as To;
        match self {
            Self::WalletNotFound { wallet: id } => To::WalletNotFound { wallet: wallet(id) },
            Self::TransactionNotFound { transaction } => To::TransactionNotFound {
                transaction: TransactionId(transaction),
            },
            Self::WalletExists { wallet: id } => To::WalletExists { wallet: wallet(id) },
            Self::SameWallet { wallet: id } => To::SameWallet { wallet: wallet(id) },
            Self::NotCancellable { transaction } => To::NotCancellable {
                transaction: TransactionId(transaction),
            },
            Self::CancelWindowOver { transaction } => To::CancelWindowOver {
                transaction: TransactionId(transaction),
            },
            Self::OverCancel {
                transaction,
                cancellable,
                requested,
            } => To::OverCancel {
                transaction: TransactionId(transaction),
                cancellable,
                requested,
            },
            Self::ExpiresAtPast { expires_at } => To::ExpiresAtPast {
                expires_at: Timestamp(expires_at),
            },
            Self::InsufficientBalance {
                available,
                requested,
            } => To::InsufficientBalance {
                available,
                requested,
            },
            Self::BalanceLimit { wallet: id } => To::BalanceLimit { wallet: wallet(id) },
            Self::LotLimit { wallet: id } => To::LotLimit { wallet: wallet(id) },
            Self::ActTooLarge { bytes } => To::ActTooLarge { bytes },
            Self::TooManyLegs { legs } => To::TooManyLegs { legs },
            other => other.ours_of_special(),
        }
    }

    /// Of wallets with something special to them, and of conditions.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the functions share the variants out"
    )]
    fn ours_of_special(self) -> ours::Rejection {
        use ours::Rejection as To;
        match self {
            Self::WalletFrozen { wallet: id } => To::WalletFrozen { wallet: wallet(id) },
            Self::WalletClosed { wallet: id } => To::WalletClosed { wallet: wallet(id) },
            Self::StatusUnchanged { wallet: id } => To::StatusUnchanged { wallet: wallet(id) },
            Self::WalletNotEmpty { wallet: id } => To::WalletNotEmpty { wallet: wallet(id) },
            Self::GrantSpent {
                transaction,
                available,
                requested,
            } => To::GrantSpent {
                transaction: TransactionId(transaction),
                available,
                requested,
            },
            Self::NotHeld { transaction } => To::NotHeld {
                transaction: TransactionId(transaction),
            },
            Self::HoldOver { transaction } => To::HoldOver {
                transaction: TransactionId(transaction),
            },
            Self::OverCapture {
                transaction,
                held,
                requested,
            } => To::OverCapture {
                transaction: TransactionId(transaction),
                held,
                requested,
            },
            Self::HoldLimit { wallet: id } => To::HoldLimit { wallet: wallet(id) },
            Self::VersionMismatch {
                wallet: id,
                version,
            } => To::VersionMismatch {
                wallet: wallet(id),
                version,
            },
            Self::MinBalance {
                balance_after,
                min_balance_after,
            } => To::MinBalance {
                balance_after,
                min_balance_after,
            },
            other => other.ours_of_companies(),
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the functions share the variants out"
    )]
    fn ours_of_companies(self) -> ours::Rejection {
        use ours::Rejection as To;
        match self {
            Self::CompanyNotFound { company: id } => To::CompanyNotFound {
                company: company(id),
            },
            Self::CompanyExists { company: id } => To::CompanyExists {
                company: company(id),
            },
            Self::NotMember { company: id, user } => To::NotMember {
                company: company(id),
                user,
            },
            Self::MemberExists { company: id, user } => To::MemberExists {
                company: company(id),
                user,
            },
            Self::MemberLimit { company: id } => To::MemberLimit {
                company: company(id),
            },
            Self::DayNotOpen { day } => To::DayNotOpen {
                day: ours::Day::from_number(day).unwrap(),
            },
            Self::NotPending { transaction } => To::NotPending {
                transaction: TransactionId(transaction),
            },
            Self::PendingOver { transaction } => To::PendingOver {
                transaction: TransactionId(transaction),
            },
            Self::PendingLimit { wallet: id } => To::PendingLimit { wallet: wallet(id) },
            Self::ActiveAtPast { active_at } => To::ActiveAtPast {
                active_at: Timestamp(active_at),
            },
            Self::SettlementNotFound { company: id } => To::SettlementNotFound {
                company: company(id),
            },
            Self::SettlementState { state } => To::SettlementState {
                state: state.ours(),
            },
            Self::PeriodNotOver { ends } => To::PeriodNotOver {
                ends: Timestamp(ends),
            },
            Self::PeriodNotNext { begins } => To::PeriodNotNext {
                begins: Timestamp(begins),
            },
            Self::SettlementLimit { company: id } => To::SettlementLimit {
                company: company(id),
            },
            Self::LimitExceeded {
                limit,
                allowed,
                requested,
            } => To::LimitExceeded {
                limit: limit.ours(),
                allowed,
                requested,
            },
            _ => unreachable!("told by the callers"),
        }
    }
}
