//! What is asked of the server, rendered in advance: on the hot path only digits are patched.
//!
//! ```text
//! POST /v1/wallets/1000042/earn HTTP/1.1 … {"amount":5}
//!                  └─────┘ patched for each request; ids of a run have equally many digits
//! ```

mod bulk;
mod mix;
mod single;

use std::collections::BTreeMap;

pub(crate) use self::bulk::{Bulk, Deliveries, bulk_request};
pub(crate) use self::mix::{Mix, Operation};
pub(crate) use self::single::{Noop, Single, render};

use crate::random::{Random, Zipf};

/// Wallets of a run are numbered from here on: every id has seven digits.
pub(crate) const WALLET_BASE: u64 = 1_000_000;

/// Most wallets of a run: the numbers that are left below eight digits.
pub(crate) const WALLETS_MAX: u64 = 8_999_999;

/// Most items of one bulk request: the server takes no more.
pub(crate) const BULK_ITEMS: usize = 10_000;

/// Points in one earn, use or transfer.
pub(crate) const AMOUNT: u64 = 5;

/// Points that each wallet is given first, so that no use of a run is refused: more than any run
/// can spend from one wallet.
pub(crate) const FUNDING: u64 = 1_000_000_000_000;

/// Where requests come from and answers go to. A lane is one connection.
pub(crate) trait Traffic: Send {
    /// The next request of this lane, whole; `None` = it is done.
    fn request(&mut self, lane: usize) -> Option<&[u8]>;
    /// Judges an answer.
    fn settle(&mut self, lane: usize, status: u16, body: &[u8], tally: &mut Tally);
}

/// What came of one or many requests.
#[derive(Clone, Default, Debug)]
pub(crate) struct Tally {
    pub(crate) carried_out: u64,
    pub(crate) refused: BTreeMap<String, u64>,
}

/// Which wallets a run touches, and how evenly.
#[derive(Clone, Debug)]
pub(crate) struct Wallets {
    count: u64,
    skewed: Option<Zipf>,
}

// === impl Tally ===

impl Tally {
    pub(crate) fn refuse(&mut self, code: &str) {
        match self.refused.get_mut(code) {
            Some(times) => *times += 1,
            None => {
                self.refused.insert(code.to_owned(), 1);
            }
        }
    }

    /// Counts the answer to a request for one operation.
    pub(crate) fn count(&mut self, status: u16, body: &[u8]) {
        if (200..300).contains(&status) {
            self.carried_out += 1;
        } else {
            self.refuse(&code(status, body));
        }
    }
}

/// The problem's code, or the bare status where there is none.
pub(crate) fn code(status: u16, body: &[u8]) -> String {
    match crate::http::text_member(body, "\"code\"") {
        Some(code) => code.to_owned(),
        None => format!("status-{status}"),
    }
}

// === impl Wallets ===

impl Wallets {
    /// `count` wallets; `skew` 0 = all alike, 1 = Zipf's own law.
    pub(crate) fn new(count: u64, skew: f64) -> Self {
        let skewed = (skew > 0.0).then(|| Zipf::new(count as usize, skew));
        Self { count, skewed }
    }

    pub(crate) fn draw(&self, random: &mut Random) -> u64 {
        let index = match &self.skewed {
            None => random.below(self.count),
            Some(zipf) => zipf.draw(random) as u64,
        };
        WALLET_BASE + index
    }

    /// Two different ones.
    pub(crate) fn draw_pair(&self, random: &mut Random) -> (u64, u64) {
        let from = self.draw(random);
        let to = self.draw(random);
        if from != to || self.count < 2 {
            return (from, to);
        }
        (from, WALLET_BASE + (from - WALLET_BASE + 1) % self.count)
    }
}

/// Overwrites decimal digits; the number must have exactly as many as there are.
fn patch(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_never_one_wallet_twice() {
        let wallets = Wallets::new(2, 0.0);
        let mut random = Random::new(3);
        for _ in 0..100 {
            let (from, to) = wallets.draw_pair(&mut random);
            assert_ne!(from, to);
            assert!((WALLET_BASE..WALLET_BASE + 2).contains(&to));
        }
    }

    #[test]
    fn a_refusal_is_counted_by_its_code() {
        let mut tally = Tally::default();
        tally.count(201, b"{}");
        tally.count(422, br#"{"code":"insufficient-balance"}"#);
        tally.count(422, br#"{"code":"insufficient-balance"}"#);
        tally.count(503, b"");
        assert_eq!(tally.carried_out, 1);
        assert_eq!(tally.refused["insufficient-balance"], 2);
        assert_eq!(tally.refused["status-503"], 1);
    }
}
