//! One table a command.

use super::table::check;

#[test]
fn create_makes_an_empty_wallet_once() {
    check(
        "
        create 1                   → #1 v1 paid 0 free 0
        create 2                   → #2 v1 paid 0 free 0
        create 1                   → wallet-exists { wallet: 1 }
        create 9007199254740991    → #3 v1 paid 0 free 0
        ",
    );
}

#[test]
fn charge_and_earn_make_a_lot_each() {
    check(
        "
        charge 1 5                 → wallet-not-found { wallet: 1 }
        create 1                   → #1 v1 paid 0 free 0
        charge 1 100               → #2 v2 paid 100 free 0 | #0:100
        charge 1 100               → #3 v3 paid 200 free 0 | #1:100
        earn 1 7                   → #4 v4 paid 200 free 7 | #2:7
        earn 1 7 until 60          → #5 v5 paid 200 free 14 | #3:7
        at 59
        earn 1 1 until 60          → #6 v6 paid 200 free 15 | #4:1
        at 60
        + #7 v7 paid 200 free 7 | free until 60 8
        charge 1 1 until 60        → expires-at-past { expires_at: 60 }
        charge 1 1 until 59        → expires-at-past { expires_at: 59 }
        charge 1 1 until 61        → #8 v8 paid 201 free 7 | #5:1
        ",
    );
}

#[test]
fn use_spends_free_first_then_the_earliest_expiry_then_the_earliest_grant() {
    check(
        "
        use 1 5                    → wallet-not-found { wallet: 1 }
        create 1                   → #1 v1 paid 0 free 0
        use 1 5                    → insufficient-balance { available: 0, requested: 5 }
        charge 1 10                → #2 v2 paid 10 free 0 | #0:10
        charge 1 10 until 80       → #3 v3 paid 20 free 0 | #1:10
        charge 1 10 until 70       → #4 v4 paid 30 free 0 | #2:10
        earn 1 10                  → #5 v5 paid 30 free 10 | #3:10
        earn 1 10 until 90         → #6 v6 paid 30 free 20 | #4:10
        earn 1 10 until 70         → #7 v7 paid 30 free 30 | #5:10
        earn 1 10 until 70         → #8 v8 paid 30 free 40 | #6:10
        use 1 81                   → insufficient-balance { available: 70, requested: 81 }
        use 1 5                    → #9 v9 paid 30 free 35 | free until 70 #5:5
        use 1 6                    → #10 v10 paid 30 free 29 | free until 70 #5:5 #6:1
        use 1 12                   → #11 v11 paid 30 free 17 | free until 70 #6:9, free until 90 #4:3
        use 1 40                   → #12 v12 paid 7 free 0 | free until 90 #4:7, free #3:10, paid until 70 #2:10, paid until 80 #1:10, paid #0:3
        use 1 17                   → insufficient-balance { available: 7, requested: 17 }
        use 1 1                    → #13 v13 paid 6 free 0 | paid #0:1
        ",
    );
}

#[test]
fn use_never_takes_what_has_lapsed() {
    check(
        "
        create 1                   → #1 v1 paid 0 free 0
        earn 1 10 until 50         → #2 v2 paid 0 free 10 | #0:10
        earn 1 20 until 60         → #3 v3 paid 0 free 30 | #1:20
        charge 1 30                → #4 v4 paid 30 free 30 | #2:30
        at 49
        use 1 1                    → #5 v5 paid 30 free 29 | free until 50 #0:1
        at 50
        + #6 v6 paid 30 free 20 | free until 50 9
        use 1 51                   → insufficient-balance { available: 50, requested: 51 }
        use 1 50                   → #7 v7 paid 0 free 0 | free until 60 #1:20, paid #2:30
        ",
    );
}

#[test]
fn transfer_keeps_fund_and_expiry() {
    check(
        "
        transfer 1 5>2             → wallet-not-found { wallet: 1 }
        create 1                   → #1 v1 paid 0 free 0
        transfer 1 5>2             → wallet-not-found { wallet: 2 }
        create 2                   → #2 v1 paid 0 free 0
        transfer 1 5>1             → same-wallet { wallet: 1 }
        transfer 1 5>2             → insufficient-balance { available: 0, requested: 5 }
        earn 1 10 until 50         → #3 v2 paid 0 free 10 | #0:10
        earn 1 10 until 50         → #4 v3 paid 0 free 20 | #1:10
        charge 1 10 until 60       → #5 v4 paid 10 free 20 | #2:10
        charge 1 10                → #6 v5 paid 20 free 20 | #3:10
        transfer 1 41>2            → insufficient-balance { available: 40, requested: 41 }
        transfer 1 35>2            → #7 v6 paid 5 free 0 | free until 50 #0:10 #1:10, paid until 60 #2:10, paid #3:5 || v2 paid 15 free 20 | free until 50 #0:20, paid until 60 #1:10, paid #2:5
        transfer 2 15>1            → #8 v3 paid 15 free 5 | free until 50 #0:15 || v7 paid 5 free 15 | free until 50 #4:15
        use 1 20                   → #9 v8 paid 0 free 0 | free until 50 #4:15, paid #3:5
        ",
    );
}

#[test]
fn transfer_gives_to_several_in_their_order() {
    check(
        "
        create 1                   → #1 v1 paid 0 free 0
        create 2                   → #2 v1 paid 0 free 0
        create 3                   → #3 v1 paid 0 free 0
        create 4                   → #4 v1 paid 0 free 0
        earn 1 10                  → #5 v2 paid 0 free 10 | #0:10
        charge 1 100               → #6 v3 paid 100 free 10 | #1:100
        transfer 1 4>2 4>3 4>2     → same-wallet { wallet: 2 }
        transfer 1 4>2 4>3 4>1     → same-wallet { wallet: 1 }
        transfer 1 4>2 4>3 9>9     → wallet-not-found { wallet: 9 }
        transfer 1 50>2 50>3 11>4  → insufficient-balance { available: 110, requested: 111 }
        transfer 1 4>2 16>3 30>4   → #7 v4 paid 60 free 0 | free #0:4, free #0:6, paid #1:10, paid #1:30 || v2 paid 0 free 4 | free #0:4 || v2 paid 10 free 6 | free #0:6, paid #1:10 || v2 paid 30 free 0 | paid #0:30
        use 1 60                   → #8 v5 paid 0 free 0 | paid #1:60
        ",
    );
}

#[test]
fn cancel_gives_back_from_the_end_to_the_same_lots() {
    check(
        "
        cancel 1                   → transaction-not-found { transaction: 1 }
        create 1                   → #1 v1 paid 0 free 0
        cancel 1                   → not-cancellable { transaction: 1 }
        charge 1 10                → #2 v2 paid 10 free 0 | #0:10
        earn 1 10 until 70         → #3 v3 paid 10 free 10 | #1:10
        earn 1 10 until 70         → #4 v4 paid 10 free 20 | #2:10
        use 1 25                   → #5 v5 paid 5 free 0 | free until 70 #1:10 #2:10, paid #0:5
        cancel 5 26                → over-cancel { transaction: 5, cancellable: 25, requested: 26 }
        cancel 5 3                 → #6 v6 paid 8 free 0 | paid #0:3
        cancel 5 7                 → #7 v7 paid 10 free 5 | paid #0:2, free until 70 #2:5
        cancel 5 16                → over-cancel { transaction: 5, cancellable: 15, requested: 16 }
        cancel 5                   → #8 v8 paid 10 free 20 | free until 70 #2:5 #1:10
        cancel 5                   → over-cancel { transaction: 5, cancellable: 0, requested: 0 }
        cancel 5 1                 → over-cancel { transaction: 5, cancellable: 0, requested: 1 }
        cancel 6                   → not-cancellable { transaction: 6 }
        use 1 30                   → #9 v9 paid 0 free 0 | free until 70 #1:10 #2:10, paid #0:10
        ",
    );
}

#[test]
fn cancel_gives_back_points_whose_time_is_over_and_they_lapse_again() {
    check(
        "
        create 1                   → #1 v1 paid 0 free 0
        earn 1 10 until 50         → #2 v2 paid 0 free 10 | #0:10
        charge 1 10                → #3 v3 paid 10 free 10 | #1:10
        use 1 15                   → #4 v4 paid 5 free 0 | free until 50 #0:10, paid #1:5
        at 60
        cancel 4                   → #5 v5 paid 10 free 10 | paid #1:5, free until 50 #0:10
        + #6 v6 paid 10 free 0 | free until 50 10
        use 1 11                   → insufficient-balance { available: 10, requested: 11 }
        use 1 10                   → #7 v7 paid 0 free 0 | paid #1:10
        ",
    );
}

#[test]
fn cancel_ends_with_its_window() {
    check(
        "
        at 1000
        create 1                   → #1 v1 paid 0 free 0
        earn 1 10                  → #2 v2 paid 0 free 10 | #0:10
        use 1 6                    → #3 v3 paid 0 free 4 | free #0:6
        at 34560000001000
        cancel 3 1                 → #4 v4 paid 0 free 5 | free #0:1
        at 34560000001001
        cancel 3 1                 → cancel-window-over { transaction: 3 }
        ",
    );
}

#[test]
fn lapses_come_by_date_with_free_before_paid() {
    check(
        "
        create 1                   → #1 v1 paid 0 free 0
        charge 1 1 until 50        → #2 v2 paid 1 free 0 | #0:1
        earn 1 2 until 50          → #3 v3 paid 1 free 2 | #1:2
        earn 1 3 until 60          → #4 v4 paid 1 free 5 | #2:3
        charge 1 4 until 40        → #5 v5 paid 5 free 5 | #3:4
        charge 1 5                 → #6 v6 paid 10 free 5 | #4:5
        earn 1 6 until 70          → #7 v7 paid 10 free 11 | #5:6
        at 39
        use 1 1                    → #8 v8 paid 10 free 10 | free until 50 #1:1
        at 60
        + #9 v9 paid 6 free 10 | paid until 40 4
        + #10 v10 paid 6 free 9 | free until 50 1
        + #11 v11 paid 5 free 9 | paid until 50 1
        + #12 v12 paid 5 free 6 | free until 60 3
        use 1 1                    → #13 v13 paid 5 free 5 | free until 70 #5:1
        ",
    );
}
