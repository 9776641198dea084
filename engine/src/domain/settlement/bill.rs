//! What is paid for the paid points that were spent: integers only, every rounding named.
//!
//! ```text
//! gross = sold × rate     fee = gross × fee rate     vat = fee × VAT rate       each towards zero
//! gross − fee − vat + carried in = payable, or, below zero, what is carried into the next period
//! ```
//! Rounding towards zero is rounding down for what was sold, and makes a period in which nothing happened but the return of
//! one sale give back exactly what that sale alone brought.

use serde::{Deserialize, Serialize};

use crate::domain::types::NUMBER_MAX;

/// One whole, in millionths.
const WHOLE_PPM: i128 = 1_000_000;

/// Highest price of a point, in millionths: a thousand.
pub const RATE_PPM_MAX: u64 = 1_000_000_000;

/// Highest fee and VAT, in millionths: all of it.
pub const SHARE_PPM_MAX: u32 = 1_000_000;

/// What is paid for a point, and what is kept of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Terms {
    /// Money for a point, in millionths of the unit: 0…[`RATE_PPM_MAX`].
    pub rate_ppm: u64,
    /// Fee, in millionths of the gross: 0…[`SHARE_PPM_MAX`].
    pub fee_ppm: u32,
    /// Value added tax, in millionths of the fee: 0…[`SHARE_PPM_MAX`].
    pub vat_ppm: u32,
}

/// Some of it, where not all is said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SomeTerms {
    /// Money for a point, in millionths of the unit.
    pub rate_ppm: Option<u64>,
    /// Fee, in millionths of the gross.
    pub fee_ppm: Option<u32>,
    /// Value added tax, in millionths of the fee.
    pub vat_ppm: Option<u32>,
}

/// What is paid, in whole units of money.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Bill {
    /// Paid points spent, less those that came back; below zero when more came back.
    pub sold: i64,
    /// What they are worth.
    pub gross: i64,
    /// What is kept of it.
    pub fee: i64,
    /// Tax on what is kept.
    pub vat: i64,
    /// What earlier periods left: below zero what they owe, above zero what a reversed one would have paid.
    pub carried_in: i64,
    /// What is paid; never below zero.
    pub payable: i64,
    /// What is left to the next period; never above zero.
    pub carried_out: i64,
}

// === impl Terms ===

impl Default for Terms {
    /// A point is worth one unit, and nothing is kept.
    fn default() -> Self {
        Self {
            rate_ppm: 1_000_000,
            fee_ppm: 0,
            vat_ppm: 0,
        }
    }
}

impl Terms {
    /// Whether they are in range.
    pub fn is_sound(&self) -> bool {
        self.rate_ppm <= RATE_PPM_MAX
            && self.fee_ppm <= SHARE_PPM_MAX
            && self.vat_ppm <= SHARE_PPM_MAX
    }
}

// === impl SomeTerms ===

impl From<Terms> for SomeTerms {
    fn from(terms: Terms) -> Self {
        Self {
            rate_ppm: Some(terms.rate_ppm),
            fee_ppm: Some(terms.fee_ppm),
            vat_ppm: Some(terms.vat_ppm),
        }
    }
}

impl SomeTerms {
    /// What is said, and for the rest what holds otherwise.
    pub fn over(self, otherwise: Terms) -> Terms {
        Terms {
            rate_ppm: self.rate_ppm.unwrap_or(otherwise.rate_ppm),
            fee_ppm: self.fee_ppm.unwrap_or(otherwise.fee_ppm),
            vat_ppm: self.vat_ppm.unwrap_or(otherwise.vat_ppm),
        }
    }
}

// === impl Bill ===

impl Bill {
    /// `None`: a number would pass 2^53 − 1.
    pub fn of(sold: i64, terms: Terms, carried_in: i64) -> Option<Self> {
        // Integer division rounds towards zero.
        let gross = i128::from(sold) * i128::from(terms.rate_ppm) / WHOLE_PPM;
        let fee = gross * i128::from(terms.fee_ppm) / WHOLE_PPM;
        let vat = fee * i128::from(terms.vat_ppm) / WHOLE_PPM;
        let left = gross - fee - vat + i128::from(carried_in);
        Some(Self {
            sold: number(sold.into())?,
            gross: number(gross)?,
            fee: number(fee)?,
            vat: number(vat)?,
            carried_in: number(carried_in.into())?,
            payable: number(left.max(0))?,
            carried_out: number(left.min(0))?,
        })
    }
}

/// A number that every reader of JSON keeps exact.
pub(super) fn number(number: i128) -> Option<i64> {
    let in_range = number.unsigned_abs() <= u128::from(NUMBER_MAX);
    in_range.then(|| i64::try_from(number).ok()).flatten()
}
