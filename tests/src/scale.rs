//! How much of a test is run: `SCRIP_TEST_SCALE` multiplies the counts of model and crash tests.

/// The multiplier, 1 when unset. A value that is no number is a mistake worth stopping for.
pub fn factor() -> usize {
    match std::env::var("SCRIP_TEST_SCALE") {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("SCRIP_TEST_SCALE={text} is not a whole number")),
        Err(_) => 1,
    }
}

/// `count` times the multiplier.
pub fn times(count: usize) -> usize {
    count * factor()
}
