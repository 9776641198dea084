//! Drives many connections from one thread and takes the times.
//!
//! ```text
//! closed loop   send → answer → send → answer → …            as fast as the server answers
//! open loop     intended start k = begin + k / rate           as fast as it was told, whatever the
//!               |--- waits for a free connection ---|--- server ---|                    server does
//!               └────────────────── latency ──────────────────────┘
//! ```
//! In the open loop a request that finds no free connection waits, and its waiting counts, so a
//! stall of the server is seen by every request that should have started meanwhile.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use rustix::event::{Timespec, epoll};

use super::connection::Connection;
use crate::failure::{Doing, Failure};
use crate::latency::Latencies;
use crate::traffic::{Tally, Traffic};

/// Events fetched by one system call: all connections of any sensible run.
const EVENTS_MAX: usize = 1_024;

/// Connections lost in a run before it is given up: one that dies once in a while is counted, a
/// server that answers nothing ends the run.
const LOST_MAX: u64 = 1_000;

/// How long answers may be outstanding when the time is over.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// How requests follow each other.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Pace {
    /// Each connection sends when its last answer is there.
    Closed,
    /// So many requests start in a second, whatever the server does.
    Open(f64),
}

/// How often the progress bar is told.
const SHOW_EVERY: Duration = Duration::from_millis(100);

/// One run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) pace: Pace,
    /// Time before the first request that counts.
    pub(crate) warmup: Duration,
    /// Time that counts.
    pub(crate) duration: Duration,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) elapsed: Duration,
    /// Requests answered within the time, by whatever status.
    pub(crate) requests: u64,
    /// Operations carried out: one a request, or the items of a bulk that succeeded.
    pub(crate) operations: u64,
    pub(crate) latency: Latencies,
    /// Everything that did not succeed, by code.
    pub(crate) refused: BTreeMap<String, u64>,
    /// Requests of an open loop that should have started and never did.
    pub(crate) unsent: u64,
}

/// State of one run.
struct Drive<'a> {
    plan: Plan,
    drain: Duration,
    traffic: &'a mut dyn Traffic,
    lanes: Vec<Lane>,
    /// Connections without a request, for the open loop.
    free: Vec<usize>,
    started: Instant,
    /// Requests without an answer.
    outstanding: usize,
    /// Requests sent, for the open loop's schedule.
    sent: u64,
    lost: u64,
    /// What is counted whenever it happened.
    tally: Tally,
    outcome: Outcome,
}

struct Lane {
    connection: Connection,
    /// When the request under way should have started.
    intended: Option<Instant>,
}

/// Runs the plan to its end.
///
/// A closed loop also ends when its traffic has no more requests.
pub(crate) fn drive(
    plan: Plan,
    traffic: &mut dyn Traffic,
    progress: &ProgressBar,
) -> Result<Outcome, Failure> {
    drive_until(plan, DRAIN_MAX, traffic, progress)
}

fn drive_until(
    plan: Plan,
    drain: Duration,
    traffic: &mut dyn Traffic,
    progress: &ProgressBar,
) -> Result<Outcome, Failure> {
    if plan.pace != Pace::Closed {
        // The default slack of 50 µs would be counted as latency. Without the right to change it
        // the run is only less exact.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    }
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).doing(|| "create an epoll".to_owned())?;
    let mut lanes = Vec::with_capacity(plan.connections);
    for index in 0..plan.connections {
        let lane = Lane::open(plan.address, &poll, index)?;
        lanes.push(lane);
    }
    let mut drive = Drive {
        plan,
        drain,
        traffic,
        free: (0..lanes.len()).collect(),
        lanes,
        started: Instant::now(),
        outstanding: 0,
        sent: 0,
        lost: 0,
        tally: Tally::default(),
        outcome: Outcome::new(),
    };
    drive.run(&poll, progress)?;
    Ok(drive.close())
}

// === impl Drive ===

impl Drive<'_> {
    fn run(&mut self, poll: &rustix::fd::OwnedFd, progress: &ProgressBar) -> Result<(), Failure> {
        let end = self.started + self.plan.warmup + self.plan.duration;
        let mut events = Vec::with_capacity(EVENTS_MAX);
        if self.plan.pace == Pace::Closed {
            for index in std::mem::take(&mut self.free) {
                self.send(poll, index, Instant::now())?;
            }
        }
        let mut shown = self.started;
        loop {
            let now = Instant::now();
            let pause = if now < end && !self.is_done() {
                self.start_due(poll, now)?.min(end - now)
            } else if self.outstanding > 0 && now < end + self.drain {
                end + self.drain - now
            } else {
                return Ok(());
            };
            let timeout = Timespec {
                tv_sec: pause.as_secs() as i64,
                tv_nsec: i64::from(pause.subsec_nanos()),
            };
            events.clear();
            let spare = rustix::buffer::spare_capacity(&mut events);
            match epoll::wait(poll, spare, Some(&timeout)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error).doing(|| "wait for answers".to_owned()),
            }
            for event in &events {
                self.receive(poll, event.data.u64() as usize, end)?;
            }
            if now >= shown + SHOW_EVERY {
                shown = now;
                progress.set_position(self.outcome.operations);
            }
        }
    }

    /// Whether every lane of a closed loop has sent its last request.
    fn is_done(&self) -> bool {
        self.plan.pace == Pace::Closed && self.outstanding == 0
    }

    /// Starts what should have started by now; tells how long until the next start.
    fn start_due(&mut self, poll: &rustix::fd::OwnedFd, now: Instant) -> Result<Duration, Failure> {
        let Pace::Open(rate) = self.plan.pace else {
            return Ok(Duration::MAX);
        };
        loop {
            let due = self.started + Duration::from_secs_f64(self.sent as f64 / rate);
            if due > now {
                return Ok(due - now);
            }
            let Some(index) = self.free.pop() else {
                return Ok(Duration::MAX);
            };
            self.sent += 1;
            self.send(poll, index, due)?;
        }
    }

    fn send(
        &mut self,
        poll: &rustix::fd::OwnedFd,
        index: usize,
        intended: Instant,
    ) -> Result<(), Failure> {
        let Some(request) = self.traffic.request(index) else {
            return Ok(());
        };
        let lane = &mut self.lanes[index];
        lane.intended = Some(intended);
        self.outstanding += 1;
        match lane.connection.send(request) {
            Ok(()) => Ok(()),
            Err(error) => self.replace(poll, index, &error),
        }
    }

    fn receive(
        &mut self,
        poll: &rustix::fd::OwnedFd,
        index: usize,
        end: Instant,
    ) -> Result<(), Failure> {
        let lane = &mut self.lanes[index];
        let answer = match lane.connection.advance() {
            Ok(None) => return Ok(()),
            Ok(Some(answer)) => answer,
            Err(error) => return self.replace(poll, index, &error),
        };
        let now = Instant::now();
        let body = lane.connection.body(&answer);
        let mut tally = Tally::default();
        self.traffic.settle(index, answer.status, body, &mut tally);
        if let Some(intended) = lane.intended.take() {
            self.outstanding -= 1;
            self.outcome
                .count(&self.plan, self.started, intended, now, tally);
        }
        if answer.closing {
            *lane = Lane::open(self.plan.address, poll, index)?;
        }
        match self.plan.pace {
            Pace::Closed if now < end => self.send(poll, index, now),
            Pace::Closed => Ok(()),
            Pace::Open(_) => {
                self.free.push(index);
                Ok(())
            }
        }
    }

    /// A connection died with or without a request on it: counts that and opens another.
    fn replace(
        &mut self,
        poll: &rustix::fd::OwnedFd,
        index: usize,
        error: &std::io::Error,
    ) -> Result<(), Failure> {
        self.lost += 1;
        if self.lost > LOST_MAX {
            return Err(Failure::Server(format!("drops connections: {error}")));
        }
        self.tally.refuse("connection-lost");
        let waited = self.lanes[index].intended.is_some();
        self.outstanding -= usize::from(waited);
        self.lanes[index] = Lane::open(self.plan.address, poll, index)?;
        match self.plan.pace {
            Pace::Closed if waited => self.send(poll, index, Instant::now()),
            Pace::Closed => Ok(()),
            Pace::Open(_) => {
                if waited {
                    self.free.push(index);
                }
                Ok(())
            }
        }
    }

    /// What never got an answer still has a latency: at least what it waited.
    fn close(mut self) -> Outcome {
        let now = Instant::now();
        let end = self.started + self.plan.warmup + self.plan.duration;
        for lane in &self.lanes {
            if let Some(intended) = lane.intended {
                self.tally.refuse("unanswered");
                self.outcome.latency.record(now - intended);
            }
        }
        if let Pace::Open(rate) = self.plan.pace {
            let all = (self.plan.warmup + self.plan.duration).as_secs_f64() * rate;
            self.outcome.unsent = (all as u64).saturating_sub(self.sent);
            for k in self.sent..all as u64 {
                let due = self.started + Duration::from_secs_f64(k as f64 / rate);
                self.outcome
                    .latency
                    .record(end.saturating_duration_since(due));
            }
        }
        self.outcome.elapsed = self.plan.duration.min(now - self.started);
        self.outcome.merge(self.tally);
        self.outcome
    }
}

// === impl Lane ===

impl Lane {
    fn open(
        address: SocketAddr,
        poll: &rustix::fd::OwnedFd,
        index: usize,
    ) -> Result<Self, Failure> {
        let connection = Connection::open(address).doing(|| format!("connect to {address}"))?;
        let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(poll, connection.stream(), data, flags)
            .doing(|| "watch a connection".to_owned())?;
        Ok(Self {
            connection,
            intended: None,
        })
    }
}

// === impl Outcome ===

impl Outcome {
    fn new() -> Self {
        Self {
            elapsed: Duration::ZERO,
            requests: 0,
            operations: 0,
            latency: Latencies::new(),
            refused: BTreeMap::new(),
            unsent: 0,
        }
    }

    /// Counts one answer if its request started, and it came, within the time that counts. An open
    /// loop counts every request that should have started in that time, however late its answer.
    fn count(
        &mut self,
        plan: &Plan,
        started: Instant,
        intended: Instant,
        now: Instant,
        tally: Tally,
    ) {
        let from = started + plan.warmup;
        let late = now > from + plan.duration;
        let counts = match plan.pace {
            Pace::Closed => now >= from && !late,
            Pace::Open(_) => intended >= from,
        };
        if !counts {
            return;
        }
        self.latency.record(now - intended);
        if !late {
            self.requests += 1;
            self.merge(tally);
        }
    }

    fn merge(&mut self, tally: Tally) {
        self.operations += tally.carried_out;
        for (code, times) in tally.refused {
            *self.refused.entry(code).or_default() += times;
        }
    }

    /// Adds what another thread measured in the same time.
    pub(crate) fn add(&mut self, other: Self) {
        self.elapsed = self.elapsed.max(other.elapsed);
        self.requests += other.requests;
        self.operations += other.operations;
        self.latency.add(&other.latency);
        self.unsent += other.unsent;
        for (code, times) in other.refused {
            *self.refused.entry(code).or_default() += times;
        }
    }

    pub(crate) fn operations_per_second(&self) -> f64 {
        self.operations as f64 / self.elapsed.as_secs_f64()
    }

    pub(crate) fn requests_per_second(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }
}

#[cfg(test)]
mod tests;
