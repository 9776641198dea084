//! The ranking of refusals: a command with every fault it can have is healed one fault at a time, and
//! each time the next fault in the order of [`Rejection`] is named.

use super::*;

/// The codes in the order in which they win. Part of the API: nothing here may ever change place.
const CODES: [&str; 39] = [
    "wallet-not-found",
    "transaction-not-found",
    "wallet-exists",
    "same-wallet",
    "not-cancellable",
    "cancel-window-over",
    "over-cancel",
    "expires-at-past",
    "insufficient-balance",
    "balance-limit",
    "lot-limit",
    "act-too-large",
    "wallet-frozen",
    "wallet-closed",
    "status-unchanged",
    "wallet-not-empty",
    "grant-spent",
    "not-held",
    "hold-over",
    "over-capture",
    "hold-limit",
    "company-not-found",
    "company-exists",
    "not-member",
    "member-exists",
    "member-limit",
    "day-not-open",
    "version-mismatch",
    "min-balance",
    "not-pending",
    "pending-over",
    "pending-limit",
    "active-at-past",
    "settlement-not-found",
    "settlement-state",
    "period-not-over",
    "period-not-next",
    "settlement-limit",
    "limit-exceeded",
];

fn every_rejection() -> Vec<Rejection> {
    let (wallet, transaction) = (wallet(1), TransactionId(2));
    let company = CompanyId::of(wallet);
    let others = [
        Rejection::WalletNotFound { wallet },
        Rejection::TransactionNotFound { transaction },
        Rejection::WalletExists { wallet },
        Rejection::SameWallet { wallet },
        Rejection::NotCancellable { transaction },
        Rejection::CancelWindowOver { transaction },
        Rejection::OverCancel {
            transaction,
            cancellable: 3,
            requested: 4,
        },
        Rejection::ExpiresAtPast {
            expires_at: Timestamp(5),
        },
        Rejection::InsufficientBalance {
            available: 6,
            requested: 7,
        },
        Rejection::BalanceLimit { wallet },
        Rejection::LotLimit { wallet },
        Rejection::ActTooLarge { bytes: 8 },
        Rejection::WalletFrozen { wallet },
        Rejection::WalletClosed { wallet },
        Rejection::StatusUnchanged { wallet },
        Rejection::WalletNotEmpty { wallet },
        Rejection::GrantSpent {
            transaction,
            available: 9,
            requested: 10,
        },
        Rejection::NotHeld { transaction },
        Rejection::HoldOver { transaction },
        Rejection::OverCapture {
            transaction,
            held: 11,
            requested: 12,
        },
        Rejection::HoldLimit { wallet },
        Rejection::CompanyNotFound { company },
        Rejection::CompanyExists { company },
        Rejection::NotMember { company, user: 13 },
        Rejection::MemberExists { company, user: 14 },
        Rejection::MemberLimit { company },
        Rejection::DayNotOpen {
            day: Day::default(),
        },
        Rejection::VersionMismatch {
            wallet,
            version: 13,
        },
        Rejection::MinBalance {
            balance_after: 14,
            min_balance_after: 15,
        },
        Rejection::NotPending { transaction },
        Rejection::PendingOver { transaction },
        Rejection::PendingLimit { wallet },
        Rejection::ActiveAtPast {
            active_at: Timestamp(16),
        },
    ];
    others.into_iter().chain(of_settlement(company)).collect()
}

fn of_settlement(company: CompanyId) -> [Rejection; 6] {
    [
        Rejection::SettlementNotFound { company },
        Rejection::SettlementState {
            state: SettlementState::Paid,
        },
        Rejection::PeriodNotOver {
            ends: Timestamp(15),
        },
        Rejection::PeriodNotNext {
            begins: Timestamp(16),
        },
        Rejection::SettlementLimit { company },
        Rejection::LimitExceeded {
            limit: LimitKind::UseDaily,
            allowed: 15,
            requested: 16,
        },
    ]
}

fn rank(rejection: Rejection) -> usize {
    let code = rejection.code();
    CODES.iter().position(|known| *known == code).unwrap()
}

/// What takes one fault away, from the world or from the command.
type Cure = fn(&mut World, &mut Command);

/// Heals one fault after the other; the refusals must come in their order and end in success.
fn heal(mut command: Command, faults: &[(&str, Cure)]) {
    let mut world = World::default();
    let mut last = 0;
    for (code, cure) in faults {
        let before = world.wallets.clone();
        let refused = world.submit(&command).unwrap_err();
        assert_eq!(refused.code(), *code);
        assert!(last <= rank(refused), "{code} after {}", CODES[last]);
        assert!(before == world.wallets, "a refusal changes nothing");
        last = rank(refused);
        cure(&mut world, &mut command);
    }
    world.submit(&command).unwrap();
}

fn give(world: &mut World, command: Command) {
    world.submit(&command).unwrap();
}

/// So late that nothing in these tests lapses before.
const LATE: i64 = 1 << 60;

/// Fills a wallet to the last bucket and the last point: a first bucket that holds one point and
/// [`REST`], and others with a point each.
fn fill_up(world: &mut World, id: u64) {
    world.fill(id, Fund::Paid, BUCKETS_MAX, |at| Some(LATE + at as i64));
    give(world, grant(Fund::Paid, id, REST, Some(LATE)));
    assert_eq!(world.wallet(id).balance().unsigned_abs(), NUMBER_MAX);
}

const REST: u64 = NUMBER_MAX - BUCKETS_MAX as u64;

#[test]
fn codes_stand_in_the_order_of_the_enum() {
    let codes: Vec<&str> = every_rejection().iter().map(Rejection::code).collect();
    assert_eq!(codes, CODES);
}

#[test]
fn only_what_may_come_to_exist_is_judged_afresh() {
    for rejection in every_rejection() {
        let not_found = rejection.code().ends_with("-not-found");
        assert_eq!(rejection.is_remembered(), !not_found, "{rejection:?}");
    }
}

#[test]
fn create_is_refused_for_one_reason() {
    let mut world = World::default();
    give(&mut world, create(1));
    let refused = world.submit(&create(1)).unwrap_err();
    assert_eq!(refused, Rejection::WalletExists { wallet: wallet(1) });
}

#[test]
fn charge_and_earn_heal_fault_by_fault() {
    for fund in [Fund::Free, Fund::Paid] {
        let faults: [(&str, Cure); 4] = [
            ("wallet-not-found", |world, _| {
                world.now = Timestamp(10);
                give(world, create(1));
                fill_up(world, 1);
            }),
            ("expires-at-past", |_, command| {
                let (Command::Charge(grant) | Command::Earn(grant)) = command else {
                    panic!("{command:?}");
                };
                grant.expiry = Expiry::At(Timestamp(11));
            }),
            ("balance-limit", |world, _| give(world, use_points(1, REST))),
            ("lot-limit", |world, _| give(world, use_points(1, 1))),
        ];
        heal(grant(fund, 1, 5, Some(10)), &faults);
    }
}

#[test]
fn use_heals_fault_by_fault() {
    let faults: [(&str, Cure); 2] = [
        ("wallet-not-found", |world, _| give(world, create(1))),
        ("insufficient-balance", |world, _| {
            give(world, grant(Fund::Free, 1, 10, None));
        }),
    ];
    heal(use_points(1, 10), &faults);
}

#[test]
fn transfer_heals_fault_by_fault() {
    let faults: [(&str, Cure); 6] = [
        ("wallet-not-found", |world, _| give(world, create(1))),
        ("wallet-not-found", |world, _| {
            give(world, create(2));
            fill_up(world, 2);
        }),
        ("same-wallet", |_, command| {
            *command = transfer(1, &[(2, 7)])
        }),
        ("insufficient-balance", |world, _| {
            give(world, grant(Fund::Free, 1, 7, None));
        }),
        ("balance-limit", |world, _| give(world, use_points(2, REST))),
        ("lot-limit", |world, _| give(world, use_points(2, 1))),
    ];
    heal(transfer(1, &[(2, 7), (2, 7)]), &faults);
}

#[test]
fn cancel_heals_fault_by_fault() {
    let faults: [(&str, Cure); 6] = [
        ("transaction-not-found", |world, command| {
            give(world, create(1));
            give(world, grant(Fund::Free, 1, 10, None));
            give(world, use_points(1, 10));
            fill_up(world, 1);
            world.now = Timestamp(401 * Timestamp::DAY_US);
            *command = cancel(1, Some(11));
        }),
        ("not-cancellable", |_, command| {
            *command = cancel(3, Some(11))
        }),
        ("cancel-window-over", |world, _| {
            world.now = Timestamp(400 * Timestamp::DAY_US);
        }),
        ("over-cancel", |_, command| *command = cancel(3, Some(10))),
        ("balance-limit", |world, _| give(world, use_points(1, REST))),
        ("lot-limit", |world, _| give(world, use_points(1, 1))),
    ];
    heal(cancel(900, Some(11)), &faults);
}
