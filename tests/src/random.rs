//! Randomness that can be had again: a generator whose whole state is the seed that a failing test prints.

/// SplitMix64: small, fast and good enough to choose test cases with.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The same seed gives the same choices.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed from `SCRIP_TEST_SEED`, else one that differs from run to run; said aloud, and shown when the
    /// test fails.
    #[expect(
        clippy::print_stdout,
        reason = "a failing test is repeated by its seed"
    )]
    pub fn seed() -> u64 {
        let seed = match std::env::var("SCRIP_TEST_SEED") {
            Ok(text) => text
                .parse()
                .unwrap_or_else(|_| panic!("SCRIP_TEST_SEED={text} is not a whole number")),
            Err(_) => {
                use std::hash::{BuildHasher, Hasher};
                std::hash::RandomState::new().build_hasher().finish()
            }
        };
        println!("SCRIP_TEST_SEED={seed}");
        seed
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, but not including, `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "nothing is below 0");
        self.number() % bound
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True in `percent` of 100 cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}
