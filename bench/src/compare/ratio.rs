//! What was promised, and how what was measured stands to it.

use serde_json::{Map, Value};

use crate::report::{Table, count};

/// One promise.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Promise {
    pub(crate) id: &'static str,
    pub(crate) work: &'static str,
    /// What must be reached.
    pub(crate) floor: f64,
    /// What is aimed at.
    pub(crate) aim: f64,
}

/// Everything that a run can measure. Where the aim is below the floor, less is better.
pub(crate) const PROMISES: [Promise; 11] = [
    promise(
        "P1_64",
        "durable requests ÷ no-op requests, 64 connections",
        0.5,
        0.8,
    ),
    promise(
        "P1_256",
        "durable requests ÷ no-op requests, 256 connections",
        0.5,
        0.8,
    ),
    promise(
        "P2",
        "p50 of one durable request ÷ (raw flush + no-op), 1 connection",
        1.5,
        1.1,
    ),
    promise(
        "P3_ops",
        "bulk operations/s over HTTP, 10 000 wallets",
        250e3,
        600e3,
    ),
    promise(
        "P4_records_per_core",
        "replay, records/s per core",
        3e6,
        10e6,
    ),
    promise(
        "P5_bytes",
        "bytes of memory per dormant wallet",
        250.0,
        120.0,
    ),
    promise(
        "P6",
        "one hot wallet ÷ 10 000 wallets, in process",
        0.5,
        0.9,
    ),
    promise(
        "P7_postgres",
        "durable requests/s ÷ PostgreSQL transactions/s, 64 connections",
        3.0,
        5.0,
    ),
    promise(
        "P7_redis",
        "durable requests/s ÷ Redis scripts/s, 64 connections",
        1.0,
        1.6,
    ),
    promise(
        "P8_single",
        "single commands/s in process, 1 024 callers",
        400e3,
        1e6,
    ),
    promise(
        "P8_meeting",
        "meetings of three, two of them hot/s, in process, 1 024 callers",
        200e3,
        500e3,
    ),
];

/// How a figure stands to its promise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    BelowFloor,
    Floor,
    Aim,
}

/// What was measured, by the id of its promise.
#[derive(Clone, Default, Debug)]
pub(crate) struct Ratios(Vec<(Promise, f64)>);

const fn promise(id: &'static str, work: &'static str, floor: f64, aim: f64) -> Promise {
    Promise {
        id,
        work,
        floor,
        aim,
    }
}

/// The middle one; of two, the lower.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
        .get(sorted.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or_default()
}

// === impl Promise ===

impl Promise {
    pub(crate) fn standing(&self, value: f64) -> Standing {
        let reached = |bound: f64| match self.aim < self.floor {
            true => value <= bound,
            false => value >= bound,
        };
        if reached(self.aim) {
            Standing::Aim
        } else if reached(self.floor) {
            Standing::Floor
        } else {
            Standing::BelowFloor
        }
    }
}

// === impl Ratios ===

impl Ratios {
    pub(crate) fn add(&mut self, id: &str, value: f64) {
        let found = PROMISES.into_iter().find(|promise| promise.id == id);
        let Some(promise) = found else {
            unreachable!("{id} is not promised")
        };
        self.0.push((promise, value));
    }

    pub(crate) fn below_floor(&self) -> Vec<&'static str> {
        let below =
            |(promise, value): &&(Promise, f64)| promise.standing(*value) == Standing::BelowFloor;
        self.0
            .iter()
            .filter(below)
            .map(|(promise, _)| promise.id)
            .collect()
    }

    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new(&["work", "id", "measured", "floor", "aim", "reached"]);
        for (promise, value) in &self.0 {
            let reached = match promise.standing(*value) {
                Standing::BelowFloor => "below the floor",
                Standing::Floor => "floor",
                Standing::Aim => "aim",
            };
            table.row(vec![
                promise.work.to_owned(),
                promise.id.to_owned(),
                count(*value),
                count(promise.floor),
                count(promise.aim),
                reached.to_owned(),
            ]);
        }
        table
    }

    pub(crate) fn json(&self) -> Value {
        let entry = |(promise, value): &(Promise, f64)| {
            let rounded = (value * 10_000.0).round() / 10_000.0;
            (promise.id.to_owned(), Value::from(rounded))
        };
        Value::Object(self.0.iter().map(entry).collect::<Map<_, _>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_better_unless_the_aim_is_below_the_floor() {
        let table = [
            ("P1_64", 0.4, Standing::BelowFloor),
            ("P1_64", 0.5, Standing::Floor),
            ("P1_64", 0.8, Standing::Aim),
            ("P5_bytes", 251.0, Standing::BelowFloor),
            ("P5_bytes", 250.0, Standing::Floor),
            ("P5_bytes", 119.0, Standing::Aim),
        ];
        for (id, value, expected) in table {
            let promise = PROMISES.iter().find(|promise| promise.id == id).unwrap();
            assert_eq!(promise.standing(value), expected, "{id} {value}");
        }
    }

    #[test]
    fn what_is_measured_is_shown_by_its_id() {
        let mut ratios = Ratios::default();
        ratios.add("P6", 0.123_456);
        ratios.add("P3_ops", 300_000.0);
        assert_eq!(
            ratios.json().to_string(),
            r#"{"P3_ops":300000.0,"P6":0.1235}"#
        );
        assert_eq!(ratios.below_floor(), ["P6"]);
        assert!(ratios.table().to_string().contains("300 000"));
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0]), 1.0);
        assert_eq!(median(&[]), 0.0);
    }
}
