//! One customer's connection: sends, waits, and after a crash sends the same again.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::ledger::Leg;
use super::operation::{Change, Operation, Planner};
use crate::failure::Failure;
use crate::http::Asker;
use crate::traffic::bulk_request;

/// How long a lane goes on trying when the server does not answer: longer than any restart.
const GIVE_UP: Duration = Duration::from_secs(120);

/// Pause between two tries.
const TRY_EVERY: Duration = Duration::from_millis(5);

/// Surprises kept for the report; the rest is only counted.
const SURPRISES_MAX: usize = 20;

/// Where the server is at the moment, and how far the day has come.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) address: Mutex<SocketAddr>,
    pub(crate) done: AtomicU64,
}

/// What one lane saw.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) legs: Vec<Leg>,
    pub(crate) transactions: Vec<u64>,
    pub(crate) refused: u64,
    /// Requests that had to be sent more than once.
    pub(crate) retried: u64,
    /// Answers that must not be.
    pub(crate) surprises: Vec<String>,
}

/// One connection's share of the day.
pub(crate) struct Lane<'a> {
    pub(crate) name: String,
    pub(crate) planner: Planner,
    /// Operations in a request; 1 = single requests.
    pub(crate) batch: u64,
    pub(crate) target: &'a Target,
    connection: Option<Asker>,
    record: Record,
    /// The last use that may be given back: its transaction, and what it did.
    spent: Option<(u64, Change)>,
    numbered: u64,
}

/// What an answer, or an item of one, says; members that the bench does not judge are left out.
#[derive(Debug, Default, Deserialize)]
struct Said {
    #[serde(default)]
    status: u16,
    #[serde(default)]
    id: u64,
    #[serde(default)]
    balance: i64,
    #[serde(default)]
    version: u64,
    #[serde(default)]
    code: String,
    #[serde(default)]
    entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    wallet: u64,
    balance: i64,
    version: u64,
}

#[derive(Debug, Deserialize)]
struct BulkSaid {
    results: Vec<Said>,
}

// === impl Lane ===

impl<'a> Lane<'a> {
    pub(crate) fn new(name: String, planner: Planner, batch: u64, target: &'a Target) -> Self {
        Self {
            name,
            planner,
            batch,
            target,
            connection: None,
            record: Record::default(),
            spent: None,
            numbered: 0,
        }
    }

    /// Does so many operations.
    pub(crate) fn run(mut self, operations: u64) -> Result<Record, Failure> {
        let mut left = operations;
        while left > 0 {
            let count = self.batch.min(left);
            if self.batch == 1 {
                self.single()?;
            } else {
                self.bulk(count)?;
            }
            left -= count;
            self.target.done.fetch_add(count, Ordering::Relaxed);
        }
        Ok(self.record)
    }

    fn single(&mut self) -> Result<(), Failure> {
        let operation = self.planner.next(&mut self.spent);
        let key = self.key();
        let (status, body) = self.ask(&operation.request(&key))?;
        match serde_json::from_slice::<Said>(&body) {
            Ok(said) => self.judge(&operation, &Said { status, ..said }),
            Err(error) => self.surprise(format!("{operation:?}: {status}, {error}")),
        }
        Ok(())
    }

    fn bulk(&mut self, count: u64) -> Result<(), Failure> {
        // Whether the server takes a cancel of a use in the same bulk is nobody's business here.
        let plan = |lane: &mut Self| (lane.planner.next(&mut None), lane.key());
        let planned: Vec<(Operation, String)> = (0..count).map(|_| plan(self)).collect();
        let items = planned.iter().map(|(operation, key)| operation.item(key));
        let (status, body) = self.ask(&bulk_request(items))?;
        let said = match serde_json::from_slice::<BulkSaid>(&body) {
            Ok(said) if status == 200 && said.results.len() == planned.len() => said,
            Ok(said) => {
                let results = said.results.len();
                self.surprise(format!("a bulk of {count}: {status}, {results} results"));
                return Ok(());
            }
            Err(error) => {
                self.surprise(format!("a bulk of {count}: {status}, {error}"));
                return Ok(());
            }
        };
        for ((operation, _), said) in planned.iter().zip(&said.results) {
            self.judge(operation, said);
        }
        Ok(())
    }

    fn key(&mut self) -> String {
        self.numbered += 1;
        format!("{}-{}", self.name, self.numbered)
    }

    /// Asks until there is an answer. An answer that says "not now" is none.
    fn ask(&mut self, request: &[u8]) -> Result<(u16, Vec<u8>), Failure> {
        let begun = Instant::now();
        for tries in 0_u64.. {
            if tries > 0 {
                self.record.retried += u64::from(tries == 1);
                std::thread::sleep(TRY_EVERY);
            }
            if self.connection.is_none() {
                let address = match self.target.address.lock() {
                    Ok(address) => *address,
                    Err(poisoned) => *poisoned.into_inner(),
                };
                self.connection = Asker::open(address).ok();
            }
            if let Some(connection) = &mut self.connection {
                match connection.ask(request) {
                    Ok((429 | 503, _)) => {}
                    Ok((status, body)) => return Ok((status, body.to_vec())),
                    Err(_) => self.connection = None,
                }
            }
            if begun.elapsed() > GIVE_UP {
                break;
            }
        }
        Err(Failure::Server(format!("did not answer for {GIVE_UP:?}")))
    }

    /// Enters an answer into the record.
    fn judge(&mut self, operation: &Operation, said: &Said) {
        if operation.is_too_much() {
            if said.status == 422 && said.code == "insufficient-balance" {
                self.record.refused += 1;
            } else {
                self.surprise(format!("{operation:?} was not refused: {said:?}"));
            }
            return;
        }
        if said.status != 201 || said.id == 0 {
            self.surprise(format!("{operation:?} was not carried out: {said:?}"));
            return;
        }
        self.record.transactions.push(said.id);
        let (first, second) = operation.changes();
        for (wallet, change) in std::iter::once(first).chain(second) {
            let entry = said.entries.iter().find(|entry| entry.wallet == wallet);
            let after = match entry {
                Some(entry) => Some((entry.version, entry.balance)),
                None if wallet == first.0 && said.version > 0 => Some((said.version, said.balance)),
                None => None,
            };
            self.record.legs.push(Leg {
                wallet,
                change,
                after,
            });
        }
        if matches!(operation, Operation::Use { .. }) {
            self.spent = Some((said.id, first));
        }
    }

    fn surprise(&mut self, what: String) {
        if self.record.surprises.len() < SURPRISES_MAX {
            self.record.surprises.push(what);
        }
    }
}

// === impl Record ===

impl Record {
    /// Adds what another lane saw.
    pub(crate) fn add(&mut self, other: Self) {
        self.legs.extend(other.legs);
        self.transactions.extend(other.transactions);
        self.refused += other.refused;
        self.retried += other.retried;
        self.surprises.extend(other.surprises);
    }
}
