//! Repeatable randomness: a seed gives the same numbers on every machine and in every version.

/// SplitMix64: a full-period mixer of a counter. Good enough to choose wallets, and one
/// multiplication cheap, which matters because the load generator shares the cores with the server.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

/// Draws ranks 0…n−1 with a probability proportional to 1 / (rank + 1)^skew.
#[derive(Clone, Debug)]
pub(crate) struct Zipf {
    /// Probability of a rank up to this one.
    cumulated: Vec<f64>,
}

// === impl Random ===

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// 0…bound−1.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// 0 ≤ x < 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

// === impl Zipf ===

impl Zipf {
    pub(crate) fn new(count: usize, skew: f64) -> Self {
        let mut sum = 0.0;
        let mut cumulated: Vec<f64> = (1..=count)
            .map(|rank| {
                sum += (rank as f64).powf(-skew);
                sum
            })
            .collect();
        for share in &mut cumulated {
            *share /= sum;
        }
        Self { cumulated }
    }

    pub(crate) fn draw(&self, random: &mut Random) -> usize {
        let at = random.fraction();
        let rank = self.cumulated.partition_point(|share| *share <= at);
        rank.min(self.cumulated.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_for_ever() {
        let mut random = Random::new(1);
        let first = [random.next(), random.next()];
        assert_eq!(first, [0x910A_2DEC_8902_5CC1, 0xBEEB_8DA1_658E_EC67]);
    }

    #[test]
    fn zipf_prefers_low_ranks_by_the_stated_law() {
        let zipf = Zipf::new(1_000, 1.0);
        let mut random = Random::new(7);
        let mut drawn = vec![0_u32; 1_000];
        for _ in 0..200_000 {
            drawn[zipf.draw(&mut random)] += 1;
        }
        let ratio = f64::from(drawn[0]) / f64::from(drawn[9]);
        assert!(
            (8.5..11.5).contains(&ratio),
            "rank 1 : rank 10 was {ratio}, not 10"
        );
        assert!(drawn.iter().all(|count| *count < drawn[0] + 1));
    }
}
