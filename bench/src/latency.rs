//! Latencies as an HDR histogram of nanoseconds.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longer than any latency that a run would wait for; longer ones are counted as this.
const LATENCY_MAX: Duration = Duration::from_secs(120);

/// Two digits would already do for a table; three keep ratios of medians exact to 0.1 %.
const DIGITS: u8 = 3;

/// How long things took.
#[derive(Clone, Debug)]
pub(crate) struct Latencies(Histogram<u64>);

/// The usual quantiles, in microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    pub(crate) max_us: f64,
}

// === impl Latencies ===

impl Latencies {
    pub(crate) fn new() -> Self {
        let bounded = Histogram::new_with_bounds(1, LATENCY_MAX.as_nanos() as u64, DIGITS);
        match bounded {
            Ok(histogram) => Self(histogram),
            Err(error) => unreachable!("the bounds are constants: {error}"),
        }
    }

    pub(crate) fn record(&mut self, took: Duration) {
        self.0.saturating_record((took.as_nanos() as u64).max(1));
    }

    pub(crate) fn add(&mut self, others: &Self) {
        let added = self.0.add(&others.0);
        assert!(added.is_ok(), "all histograms have the same bounds");
    }

    pub(crate) fn quantiles(&self) -> Quantiles {
        let at = |quantile: f64| self.0.value_at_quantile(quantile) as f64 / 1_000.0;
        Quantiles {
            p50_us: at(0.5),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: self.0.max() as f64 / 1_000.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_thousandth() {
        let mut latencies = Latencies::new();
        for us in 1..=10_000 {
            latencies.record(Duration::from_micros(us));
        }
        let Quantiles {
            p50_us,
            p99_us,
            max_us,
            ..
        } = latencies.quantiles();
        for (found, wanted) in [(p50_us, 5_000.0), (p99_us, 9_900.0), (max_us, 10_000.0)] {
            assert!((found / wanted - 1.0).abs() < 0.001, "{found} for {wanted}");
        }
    }

    #[test]
    fn a_latency_beyond_the_bound_is_counted_at_the_bound() {
        let mut latencies = Latencies::new();
        latencies.record(Duration::from_secs(1_000));
        assert!(latencies.quantiles().max_us >= 119_000_000.0);
    }
}
