//! The driver against a server of a few lines: what it counts must be what was done.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::traffic::{Deliveries, Noop};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

/// What the server does with its n-th request.
type Behaviour = fn(u64) -> Act;

enum Act {
    Answer(&'static [u8]),
    Stall(Duration),
    Hang,
    Close,
}

/// Answers each connection on a thread of its own; gives its address and the requests it saw.
fn server(behaviour: Behaviour) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&seen);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let count = Arc::clone(&count);
            std::thread::spawn(move || {
                let mut request = [0; 4_096];
                while matches!(stream.read(&mut request), Ok(1..)) {
                    match behaviour(count.fetch_add(1, Ordering::Relaxed)) {
                        Act::Answer(answer) => drop(stream.write_all(answer)),
                        Act::Stall(time) => {
                            std::thread::park_timeout(time);
                            drop(stream.write_all(ANSWER));
                        }
                        Act::Hang => {}
                        Act::Close => return,
                    }
                }
            });
        }
    });
    (address, seen)
}

fn plan(address: SocketAddr, connections: usize, pace: Pace, ms: u64) -> Plan {
    Plan {
        address,
        connections,
        pace,
        warmup: Duration::ZERO,
        duration: Duration::from_millis(ms),
    }
}

#[test]
fn a_closed_loop_counts_every_answer() {
    let (address, seen) = server(|_| Act::Answer(ANSWER));
    let plan = plan(address, 4, Pace::Closed, 100);
    let outcome = drive(plan, &mut Noop::new(), &ProgressBar::hidden()).unwrap();
    let seen = seen.load(Ordering::Relaxed);
    assert!(outcome.requests > 100, "{outcome:?}");
    assert!(
        seen - outcome.requests <= 4,
        "{seen} seen, {} counted",
        outcome.requests
    );
    assert_eq!(outcome.operations, outcome.requests);
    assert!(outcome.refused.is_empty());
}

#[test]
fn an_open_loop_keeps_its_rate() {
    let (address, seen) = server(|_| Act::Answer(ANSWER));
    let plan = plan(address, 4, Pace::Open(1_000.0), 200);
    let outcome = drive(plan, &mut Noop::new(), &ProgressBar::hidden()).unwrap();
    let sent = seen.load(Ordering::Relaxed);
    assert_eq!(sent + outcome.unsent, 200, "{outcome:?}");
}

#[test]
fn a_stall_is_felt_by_every_request_that_should_have_started_meanwhile() {
    let (address, _) = server(|count| match count {
        50 => Act::Stall(Duration::from_millis(100)),
        _ => Act::Answer(ANSWER),
    });
    let plan = plan(address, 1, Pace::Open(1_000.0), 200);
    let outcome = drive(plan, &mut Noop::new(), &ProgressBar::hidden()).unwrap();
    let median = outcome.latency.quantiles().p50_us;
    assert!(
        median > 1_000.0,
        "half of the requests waited for the stall, but the median is {median} µs"
    );
}

#[test]
fn refusals_and_lost_connections_are_counted_by_code() {
    let (address, _) = server(|count| {
        match count % 10 {
        3 => Act::Close,
        5 => Act::Answer(
            b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 19\r\n\r\n{\"code\":\"draining\"}",
        ),
        _ => Act::Answer(ANSWER),
    }
    });
    let plan = plan(address, 2, Pace::Closed, 50);
    let outcome = drive(plan, &mut Noop::new(), &ProgressBar::hidden()).unwrap();
    assert!(outcome.refused["draining"] > 0, "{outcome:?}");
    assert!(outcome.refused["connection-lost"] > 0, "{outcome:?}");
    assert!(outcome.operations > 0, "{outcome:?}");
}

#[test]
fn a_run_ends_when_its_traffic_is_done() {
    let (address, seen) = server(|_| Act::Answer(ANSWER));
    let requests = (0..7).map(|_| b"GET /x HTTP/1.1\r\n\r\n".to_vec());
    let mut deliveries = Deliveries::new(requests);
    let plan = plan(address, 3, Pace::Closed, 60_000);
    let outcome = drive(plan, &mut deliveries, &ProgressBar::hidden()).unwrap();
    assert_eq!(seen.load(Ordering::Relaxed), 7);
    assert_eq!(outcome.requests, 7);
}

#[test]
fn a_server_that_drops_every_connection_ends_the_run() {
    let (address, _) = server(|_| Act::Close);
    let plan = plan(address, 1, Pace::Closed, 60_000);
    let failure = drive(plan, &mut Noop::new(), &ProgressBar::hidden()).unwrap_err();
    assert!(
        failure.to_string().contains("drops connections"),
        "{failure}"
    );
}

#[test]
fn what_is_never_answered_has_waited_at_least_until_the_end() {
    let (address, _) = server(|count| match count {
        0 => Act::Hang,
        _ => Act::Answer(ANSWER),
    });
    let mut plan = plan(address, 1, Pace::Open(100.0), 100);
    plan.warmup = Duration::from_millis(1);
    let drain = Duration::from_millis(20);
    let outcome = drive_until(plan, drain, &mut Noop::new(), &ProgressBar::hidden()).unwrap();
    assert_eq!(outcome.refused["unanswered"], 1);
    assert!(outcome.unsent >= 8, "{outcome:?}");
    assert!(outcome.latency.quantiles().max_us >= 100_000.0);
}
