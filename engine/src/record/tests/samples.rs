//! One record of every kind, with numbers that make every field tell itself apart.

mod pending;
mod repaid;
pub(super) mod settlement;

use smallvec::smallvec;

use self::pending::{grant_activated, grant_pending, grant_pending_on_call, grant_voided};
use self::repaid::{hold_released_repaid, use_cancelled_repaid};
use super::*;
use crate::domain::*;

pub(super) const KEY: IdempotencyKey = IdempotencyKey {
    id: 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210,
    fingerprint: 0x1122_3344_5566_7788,
};

/// Events with their names, every variant at least once.
pub(super) fn events() -> Vec<(&'static str, Event)> {
    vec![
        ("wallet_created", wallet_created(OwnerKind::User)),
        ("wallet_created_company", wallet_created(OwnerKind::Company)),
        ("charged", Event::Charged(granted(None))),
        (
            "earned",
            Event::Earned(granted(Some(1_767_225_600_000_000))),
        ),
        ("used", used()),
        ("transferred", transferred()),
        ("use_cancelled", use_cancelled()),
        ("lapsed", lapsed()),
        ("settings_changed", settings_changed()),
        ("status_changed", status_changed()),
        ("adjusted_up", adjusted_up()),
        ("adjusted_down", adjusted_down()),
        ("taken_back", taken_back()),
        ("hold_placed", hold_placed()),
        ("hold_captured", hold_captured()),
        ("hold_released", hold_released()),
        ("day_closed", day_closed()),
        ("charged_aside", beside(Event::Charged(granted(None)))),
        ("earned_aside", beside(Event::Earned(granted(Some(1))))),
        ("used_aside", beside(used())),
        ("batched", batched()),
        ("use_cancelled_leg", use_cancelled_leg()),
        ("settings_changed_limits", settings_changed_limits()),
        ("used_counted", counted(used())),
        ("use_cancelled_counted", counted(use_cancelled())),
        ("taken_back_counted", counted(taken_back())),
        ("hold_placed_counted", counted(hold_placed())),
        ("hold_captured_counted", counted(hold_captured())),
        ("hold_released_counted", counted(hold_released())),
        ("use_cancelled_repaid", use_cancelled_repaid()),
        ("hold_released_repaid", hold_released_repaid()),
        ("grant_pending_counted", counted(grant_pending())),
        ("grant_activated_counted", counted(grant_activated())),
        ("grant_voided_counted", counted(grant_voided())),
        ("company_created", company_created()),
        ("member_joined", Event::MemberJoined(membership())),
        ("member_left", Event::MemberLeft(membership())),
        ("grant_pending", grant_pending()),
        ("grant_pending_on_call", grant_pending_on_call()),
        ("grant_activated", grant_activated()),
        ("grant_activated_aside", beside(grant_activated())),
        ("grant_voided", grant_voided()),
        ("settlement_closed", settlement::closed()),
        ("settlement_moved", settlement::moved()),
        ("settlement_run", settlement::run(RunStage::Started)),
        ("settlement_run_joined", settlement::run_joined()),
        ("settlement_run_ended", settlement::run_ended()),
    ]
}

/// Every refusal that there is.
pub(super) fn rejections() -> Vec<Rejection> {
    let wallet = wallet(9_007_199_254_740_991);
    let transaction = TransactionId(70_000);
    let mut all = vec![
        Rejection::WalletNotFound { wallet },
        Rejection::TransactionNotFound { transaction },
        Rejection::WalletExists { wallet },
        Rejection::SameWallet { wallet },
        Rejection::NotCancellable { transaction },
        Rejection::CancelWindowOver { transaction },
        Rejection::OverCancel {
            transaction,
            cancellable: 250,
            requested: 251,
        },
        Rejection::ExpiresAtPast {
            expires_at: Timestamp(-1),
        },
        Rejection::InsufficientBalance {
            available: 65_535,
            requested: 65_536,
        },
        Rejection::BalanceLimit { wallet },
        Rejection::LotLimit { wallet },
        Rejection::ActTooLarge {
            bytes: 4_294_967_296,
        },
        Rejection::TooManyLegs { legs: 256 },
        Rejection::WalletFrozen { wallet },
        Rejection::WalletClosed { wallet },
        Rejection::StatusUnchanged { wallet },
        Rejection::WalletNotEmpty { wallet },
        Rejection::GrantSpent {
            transaction,
            available: 250,
            requested: 251,
        },
        Rejection::NotHeld { transaction },
        Rejection::HoldOver { transaction },
        Rejection::OverCapture {
            transaction,
            held: 250,
            requested: 251,
        },
        Rejection::HoldLimit { wallet },
        Rejection::VersionMismatch {
            wallet,
            version: 70_000,
        },
        Rejection::MinBalance {
            balance_after: 250,
            min_balance_after: 251,
        },
        Rejection::DayNotOpen {
            day: Day::new(2025, 6, 1).unwrap(),
        },
    ];
    all.extend(of_companies());
    all.extend(settlement::rejections());
    all
}

fn of_companies() -> Vec<Rejection> {
    let wallet = wallet(9_007_199_254_740_991);
    let company = CompanyId::of(wallet);
    vec![
        Rejection::CompanyNotFound { company },
        Rejection::CompanyExists { company },
        Rejection::NotMember {
            company,
            user: 70_000,
        },
        Rejection::MemberExists {
            company,
            user: 70_000,
        },
        Rejection::MemberLimit { company },
    ]
    .into_iter()
    .chain(later_rejections())
    .collect()
}

/// Those that came later.
fn later_rejections() -> [Rejection; 6] {
    let transaction = TransactionId(70_000);
    [
        Rejection::DayNotOpen {
            day: Day::new(2025, 6, 1).unwrap(),
        },
        Rejection::NotPending { transaction },
        Rejection::PendingOver { transaction },
        Rejection::PendingLimit {
            wallet: wallet(9_007_199_254_740_991),
        },
        Rejection::ActiveAtPast {
            active_at: Timestamp(1_767_225_600_000_000),
        },
        Rejection::LimitExceeded {
            limit: LimitKind::UseMonthly,
            allowed: 250,
            requested: 251,
        },
    ]
}

/// A refusal of one item of a batch.
pub(super) fn refused_item() -> Denial {
    Denial {
        item: Some(99),
        rejection: Rejection::InsufficientBalance {
            available: 3,
            requested: 300,
        },
    }
}

fn wallet(id: u64) -> WalletId {
    WalletId::new(id).unwrap()
}

fn standing(id: u64, version: u64, paid: u64, free: u64) -> Standing {
    Standing {
        wallet: wallet(id),
        version,
        paid: paid.cast_signed(),
        free: free.cast_signed(),
    }
}

fn wallet_created(kind: OwnerKind) -> Event {
    let owner = Owner { kind, id: 77_777 };
    let standing = standing(1 << 52, 1, 0, 0);
    Event::WalletCreated(WalletCreated { standing, owner })
}

fn granted(expires_at: Option<i64>) -> Granted {
    Granted {
        standing: standing(42, 3, 300, 70_000),
        amount: Amount::new(250).unwrap(),
        expires_at: expires_at.map(Timestamp),
        lot: 1,
        description: Description::new("봄 세일 — 5 %").unwrap(),
        aside: None,
    }
}

fn run(fund: Fund, expires_at: Option<i64>, pieces: &[(u64, u64)]) -> Run {
    let pieces = pieces.iter().map(|(lot, amount)| Piece {
        lot: *lot,
        amount: *amount,
    });
    Run {
        bucket: BucketKey {
            fund,
            expires_at: expires_at.map(Timestamp),
        },
        pieces: pieces.collect(),
    }
}

fn used() -> Event {
    let soon = Some(1_767_225_600_000_000);
    Event::Used(Used {
        standing: standing(42, 4, 280, 0),
        runs: smallvec![
            run(Fund::Free, soon, &[(2, 250), (7, 251)]),
            run(Fund::Free, None, &[(1, 70_000)]),
            run(Fund::Paid, None, &[(0, 20)]),
        ],
        description: Description::new("order 8").unwrap(),
        aside: None,
    })
}

/// The same event with everything that its kind can carry beside.
fn beside(mut event: Event) -> Event {
    let aside = Aside {
        requested: Some(70_001),
        repaid: 249,
        by: Some(4_294_967_296),
        counted_on: None,
    };
    *event.aside_mut().unwrap() = aside.boxed();
    event
}

/// The same event with the day that it is counted for.
fn counted(mut event: Event) -> Event {
    event.carry(Aside {
        counted_on: Day::new(2026, 2, 28),
        ..Aside::default()
    });
    event
}

fn settings_changed_limits() -> Event {
    let Event::SettingsChanged(mut changed) = settings_changed() else {
        unreachable!("the sample of settings")
    };
    let limits = &mut changed.settings.limits;
    let limit = |most, mode| Some(crate::domain::Limit { most, mode });
    limits.set(LimitKind::Balance, limit(70_000, LimitMode::Trim));
    limits.set(LimitKind::UseMonthly, limit(250, LimitMode::Reject));
    Event::SettingsChanged(changed)
}

fn text(text: &str) -> Description {
    Description::new(text).unwrap()
}

fn status_changed() -> Event {
    Event::StatusChanged(StatusChanged {
        standing: standing(42, 8, 280, 0),
        status: Status::Frozen,
        description: text("fraud?"),
    })
}

fn adjusted_up() -> Event {
    Event::AdjustedUp(AdjustedUp {
        standing: standing(42, 9, 280, 70_000),
        amount: Amount::new(70_100).unwrap(),
        bucket: BucketKey {
            fund: Fund::Free,
            expires_at: Some(Timestamp(1_767_225_600_000_000)),
        },
        lot: 300,
        repaid: 100,
        reason: text("goodwill"),
    })
}

fn adjusted_down() -> Event {
    Event::AdjustedDown(AdjustedDown {
        standing: standing(42, 10, 30, 70_000),
        runs: smallvec![run(Fund::Paid, None, &[(0, 250)])],
        reason: text("charged twice"),
    })
}

fn taken_back() -> Event {
    let mut standing = standing(42, 11, 30, 0);
    standing.free = -250;
    Event::TakenBack(Box::new(TakenBack {
        standing,
        entry: EntryRef::new(TransactionId(70_000), 0),
        granted_at: Timestamp(1_700_000_000_000_000),
        bucket: BucketKey {
            fund: Fund::Free,
            expires_at: None,
        },
        lot: 7,
        taken: 300,
        owed: 250,
        returned: 551,
        forget_before: Timestamp(1_600_000_000_000_000),
        description: text("not earned"),
        aside: None,
    }))
}

fn hold_placed() -> Event {
    let soon = Some(1_767_225_600_000_000);
    Event::HoldPlaced(Box::new(HoldPlaced {
        standing: standing(42, 12, 30, 251),
        number: 301,
        expires_at: Timestamp(1_767_225_600_000_001),
        runs: smallvec![
            run(Fund::Free, soon, &[(2, 250)]),
            run(Fund::Paid, None, &[(0, 20)])
        ],
        description: text("room 7"),
        aside: None,
    }))
}

fn hold_captured() -> Event {
    Event::HoldCaptured(Box::new(HoldCaptured {
        standing: standing(42, 13, 30, 1),
        number: 301,
        runs: smallvec![run(Fund::Free, Some(1_767_225_600_000_000), &[(2, 250)])],
        description: text("one night"),
        aside: None,
    }))
}

fn hold_released() -> Event {
    Event::HoldReleased(Box::new(HoldReleased {
        standing: standing(42, 14, 30, 1),
        number: 301,
        expired: true,
        runs: smallvec![run(Fund::Paid, None, &[(0, 20)])],
        description: text(""),
        aside: None,
    }))
}

fn company_created() -> Event {
    Event::CompanyCreated(CompanyCreated {
        standing: standing(1 << 52, 1, 0, 0),
        name: text("봄 Acme"),
    })
}

fn membership() -> Membership {
    Membership {
        company: CompanyId::new(70_000).unwrap(),
        version: 300,
        user: 77_777,
    }
}

fn day_closed() -> Event {
    let mut sum = DayFlow::opening_with(Points {
        paid: -1,
        free: 70_000,
    });
    for (at, column) in Column::ALL.into_iter().enumerate() {
        let points = at as i64 * 100;
        let change = Points {
            paid: points,
            free: -points,
        };
        sum.count(column, change);
    }
    Event::DayClosed(Box::new(DayClosed {
        version: 301,
        day: Day::new(2025, 6, 1).unwrap(),
        watermark: 4_294_967_296,
        wallets: 251,
        sum,
    }))
}

fn settings_changed() -> Event {
    Event::SettingsChanged(Box::new(SettingsChanged {
        version: 300,
        settings: Settings {
            zone: Zone::new("America/New_York").unwrap(),
            cancel_window_days: 366,
            lapsed_policy: LapsedPolicy::Regrant { days: 300 },
            take_back_policy: TakeBackPolicy::Debt,
            settlement: Terms {
                rate_ppm: 1_100_000,
                fee_ppm: 33_000,
                vat_ppm: 100_000,
            },
            limits: Limits::default(),
        },
    }))
}

fn transferred() -> Event {
    let soon = Some(1_767_225_600_000_000);
    Event::Transferred(Box::new(Transferred {
        from: standing(42, 5, 270, 0),
        to: smallvec![
            Received {
                standing: standing(43, 2, 0, 8),
                runs: smallvec![run(Fund::Free, soon, &[(2, 5), (3, 3)])],
                lots: smallvec![0],
            },
            Received {
                standing: standing(44, 9, 10, 65_536),
                runs: smallvec![
                    run(Fund::Free, None, &[(1, 65_536)]),
                    run(Fund::Paid, None, &[(0, 10)]),
                ],
                lots: smallvec![6, 7],
            },
        ],
        description: Description::default(),
    }))
}

fn use_cancelled() -> Event {
    Event::UseCancelled(Box::new(UseCancelled {
        standing: standing(42, 6, 280, 100),
        entry: EntryRef::new(TransactionId(70_000), 0),
        used_at: Timestamp(1_767_225_600_000_001),
        returned: 130,
        runs: smallvec![
            run(Fund::Paid, None, &[(0, 10)]),
            run(Fund::Free, None, &[(1, 100)]),
        ],
        forget_before: Timestamp(-1_732_665_600_000_000),
        description: Description::new("returned").unwrap(),
        aside: None,
    }))
}

fn lapsed() -> Event {
    Event::Lapsed(Lapsed {
        standing: standing(42, 7, 280, 0),
        bucket: BucketKey {
            fund: Fund::Free,
            expires_at: Some(Timestamp(1_767_225_600_000_000)),
        },
        amount: Amount::new(100).unwrap(),
    })
}

fn batched() -> Event {
    Event::Batched(Batched {
        events: vec![
            wallet_created(OwnerKind::User),
            Event::Earned(granted(None)),
            transferred(),
            lapsed(),
        ]
        .into(),
    })
}

fn use_cancelled_leg() -> Event {
    let Event::UseCancelled(cancelled) = use_cancelled() else {
        unreachable!("the sample of a cancel")
    };
    Event::UseCancelled(Box::new(UseCancelled {
        entry: EntryRef::new(TransactionId(70_000), 3),
        ..*cancelled
    }))
}
