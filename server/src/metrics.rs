//! What the server counts, in Prometheus' text format.
//!
//! Every series is found once and then held: a request touches three atomics and one histogram, and
//! never a label. No wallet, key or address is ever a label.

mod engine;

use std::sync::OnceLock;
use std::time::Duration;

use hyper::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use self::engine::EngineCollector;
use crate::app::EngineSlot;
use crate::problem::Code;

/// Number of the route of requests that found none.
pub(crate) const UNROUTED: usize = usize::MAX;

/// Status classes, 1xx…5xx.
const CLASSES: usize = 5;

/// Upper bounds of request latency, seconds: fine around one flush of a disk (0.1–10 ms).
const LATENCY_BOUNDS: [f64; 17] = [
    0.000_05, 0.000_1, 0.000_2, 0.000_3, 0.000_5, 0.000_75, 0.001, 0.002, 0.003, 0.005, 0.01,
    0.025, 0.05, 0.1, 0.5, 1.0, 5.0,
];

/// Everything that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    labels: Vec<&'static str>,
    requests: Family<RouteLabels, Counter>,
    seconds: Family<RouteLabels, Histogram>,
    problems: Family<ProblemLabels, Counter>,
    unparsed: [Counter; 3],
    silent: Counter,
    turned_away: Counter,
    /// Open connections of the main listener.
    pub(crate) connections: Gauge,
    by_route: Vec<[OnceLock<Series>; CLASSES]>,
    by_code: Vec<OnceLock<Counter>>,
}

/// What one route and status class counts.
struct Series {
    requests: Counter,
    seconds: Histogram,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
    status: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct ProblemLabels {
    code: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct StatusLabels {
    status: &'static str,
}

// === impl Metrics ===

impl Metrics {
    /// For routes with these names, by number.
    pub(crate) fn new(labels: Vec<&'static str>, slot: EngineSlot) -> Self {
        let mut registry = Registry::with_prefix("scrip");
        let requests = Family::default();
        let seconds = Family::new_with_constructor(histogram as fn() -> Histogram);
        let problems = Family::default();
        let unparsed = Family::<StatusLabels, Counter>::default();
        let (silent, turned_away, connections) =
            (Counter::default(), Counter::default(), Gauge::default());
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register(
            "http_request_seconds",
            "Time from the header of a request to its answer",
            seconds.clone(),
        );
        registry.register(
            "problems",
            "Requests answered by a problem",
            problems.clone(),
        );
        registry.register(
            "http_unparsed",
            "Requests that were no HTTP and got an empty answer",
            unparsed.clone(),
        );
        registry.register(
            "http_silent",
            "Connections closed for saying nothing for too long",
            silent.clone(),
        );
        registry.register(
            "http_turned_away",
            "Connections answered 503 because there were too many",
            turned_away.clone(),
        );
        registry.register("http_connections", "Open connections", connections.clone());
        registry.register_collector(Box::new(EngineCollector(slot)));
        let counter = |status| unparsed.get_or_create_owned(&StatusLabels { status });
        let unparsed = [counter("400"), counter("414"), counter("431")];
        let by_route = (0..=labels.len()).map(|_| Default::default()).collect();
        Self {
            registry,
            labels,
            requests,
            seconds,
            problems,
            unparsed,
            silent,
            turned_away,
            connections,
            by_route,
            by_code: Code::ALL.iter().map(|_| OnceLock::new()).collect(),
        }
    }

    /// Counts an answer.
    pub(crate) fn observe(&self, route: usize, status: StatusCode, elapsed: Duration) {
        let at = route.min(self.labels.len());
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES) - 1;
        let series = self.by_route[at][class].get_or_init(|| self.series(at, class));
        series.requests.inc();
        series.seconds.observe(elapsed.as_secs_f64());
    }

    /// Counts a problem.
    pub(crate) fn count_problem(&self, code: Code) {
        let labels = || ProblemLabels {
            code: code.facts().code,
        };
        let counter = &self.by_code[code as usize];
        counter
            .get_or_init(|| self.problems.get_or_create_owned(&labels()))
            .inc();
    }

    /// Counts a connection that hyper gave up on.
    pub(crate) fn count_unparsed(&self, error: &hyper::Error) {
        let at = match error {
            error if error.is_parse_too_large() && error.to_string().contains("URI") => 1,
            error if error.is_parse_too_large() => 2,
            error if error.is_parse() => 0,
            _ => return,
        };
        self.unparsed[at].inc();
    }

    /// Counts a connection that said nothing for too long.
    pub(crate) fn count_silent(&self) {
        self.silent.inc();
    }

    /// Counts a connection above the cap.
    pub(crate) fn count_turned_away(&self) {
        self.turned_away.inc();
    }

    /// All of it as text.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        let encoded = encode(&mut text, &self.registry);
        assert!(encoded.is_ok(), "a string takes every text");
        text
    }

    fn series(&self, route: usize, class: usize) -> Series {
        let labels = RouteLabels {
            route: self.labels.get(route).copied().unwrap_or("none"),
            status: ["1xx", "2xx", "3xx", "4xx", "5xx"][class],
        };
        Series {
            requests: self.requests.get_or_create_owned(&labels),
            seconds: self.seconds.get_or_create_owned(&labels),
        }
    }
}

fn histogram() -> Histogram {
    Histogram::new(LATENCY_BOUNDS)
}
