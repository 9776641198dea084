//! Many operations a request.

use std::collections::VecDeque;
use std::ops::Range;

use super::single::render;
use super::{AMOUNT, Mix, Operation, Tally, Traffic, Wallets, code};
use crate::random::Random;

/// Different bodies that a run of bulk requests cycles through: enough that no cache learns them,
/// few enough to be rendered in advance.
const BODIES: usize = 24;

/// Bulk requests of operations on wallets drawn at random, again and again.
pub(crate) struct Bulk {
    requests: Vec<Vec<u8>>,
    next: usize,
}

/// Requests that are sent once each, whichever lane is free; used to prepare a store.
pub(crate) struct Deliveries {
    left: VecDeque<Vec<u8>>,
    /// The request that a lane sends now.
    current: Vec<u8>,
}

/// Renders a bulk request from the JSON of its items.
pub(crate) fn bulk_request<I: AsRef<str>>(items: impl IntoIterator<Item = I>) -> Vec<u8> {
    let mut body = String::from("{\"operations\":[");
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            body.push(',');
        }
        body.push_str(item.as_ref());
    }
    body.push_str("]}");
    render("POST", "/v1/bulk", None, &body)
}

/// The items of a bulk answer in array order, each with its status and its JSON text.
pub(crate) fn items(body: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    const MARK: &[u8] = b"{\"status\":";
    // No item is shorter than its mark, a status and a closing brace.
    const SHORTEST: usize = MARK.len() + 4;
    let start = find(body, MARK, 0);
    let mut next = start;
    std::iter::from_fn(move || {
        let at = next?;
        let digits = body.get(at + MARK.len()..at + MARK.len() + 3)?;
        let status = digits.iter().fold(0, |sum, digit| {
            sum * 10 + u16::from(digit.wrapping_sub(b'0'))
        });
        next = find(body, MARK, at + SHORTEST);
        Some((status, &body[at..next.unwrap_or(body.len())]))
    })
}

fn find(body: &[u8], mark: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let brace = body.get(at..)?.iter().position(|byte| *byte == mark[0])?;
        if body[at + brace..].starts_with(mark) {
            return Some(at + brace);
        }
        at += brace + 1;
    }
}

// === impl Bulk ===

impl Bulk {
    pub(crate) fn new(wallets: &Wallets, mix: &Mix, size: usize, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut request = || {
            let items = (0..size).map(|_| item(wallets, mix, &mut random));
            bulk_request(items.collect::<Vec<_>>())
        };
        Self {
            requests: (0..BODIES).map(|_| request()).collect(),
            next: 0,
        }
    }
}

fn item(wallets: &Wallets, mix: &Mix, random: &mut Random) -> String {
    let operation = mix.draw(random);
    let word = operation.as_str();
    match operation {
        Operation::Transfer => {
            let (from, to) = wallets.draw_pair(random);
            format!(r#"{{"op":"{word}","from":{from},"to":{to},"amount":{AMOUNT}}}"#)
        }
        Operation::Charge | Operation::Earn | Operation::Use | Operation::Read => {
            let wallet = wallets.draw(random);
            format!(r#"{{"op":"{word}","wallet":{wallet},"amount":{AMOUNT}}}"#)
        }
    }
}

impl Traffic for Bulk {
    fn request(&mut self, _lane: usize) -> Option<&[u8]> {
        self.next = (self.next + 1) % self.requests.len();
        Some(&self.requests[self.next])
    }

    fn settle(&mut self, _lane: usize, status: u16, body: &[u8], tally: &mut Tally) {
        settle(status, body, tally);
    }
}

fn settle(status: u16, body: &[u8], tally: &mut Tally) {
    if status != 200 {
        tally.refuse(&code(status, body));
        return;
    }
    for (status, item) in items(body) {
        if (200..300).contains(&status) {
            tally.carried_out += 1;
        } else {
            tally.refuse(&code(status, item));
        }
    }
}

// === impl Deliveries ===

impl Deliveries {
    pub(crate) fn new(requests: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self {
            left: requests.into_iter().collect(),
            current: Vec::new(),
        }
    }

    /// Creates wallets, as many to a request as a bulk may hold, and gives each its first points.
    pub(crate) fn wallets(numbers: Range<u64>, funding: u64) -> Self {
        let mut requests = Vec::new();
        let numbers: Vec<u64> = numbers.collect();
        for chunk in numbers.chunks(super::BULK_ITEMS / 2) {
            let mut items = Vec::with_capacity(chunk.len() * 2);
            for wallet in chunk {
                items.push(format!(r#"{{"op":"create","id":{wallet}}}"#));
                if funding > 0 {
                    let charge = r#"{"op":"charge","wallet":"#;
                    items.push(format!(r#"{charge}{wallet},"amount":{funding}}}"#));
                }
            }
            requests.push(bulk_request(items));
        }
        Self::new(requests)
    }
}

impl Traffic for Deliveries {
    fn request(&mut self, _lane: usize) -> Option<&[u8]> {
        self.current = self.left.pop_front()?;
        Some(&self.current)
    }

    fn settle(&mut self, _lane: usize, status: u16, body: &[u8], tally: &mut Tally) {
        settle(status, body, tally);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_items_of_an_answer_are_told_apart() {
        let body = br#"{"results":[{"status":201,"id":7,"balance":5,"version":2},{"status":422,"code":"insufficient-balance","available":0},{"status":201,"id":8,"balance":1,"version":3}]}"#;
        let found: Vec<u16> = items(body).map(|(status, _)| status).collect();
        assert_eq!(found, [201, 422, 201]);
        let mut tally = Tally::default();
        settle(200, body, &mut tally);
        assert_eq!(tally.carried_out, 2);
        assert_eq!(tally.refused["insufficient-balance"], 1);
    }

    #[test]
    fn a_refused_bulk_is_one_refusal() {
        let mut tally = Tally::default();
        settle(413, br#"{"code":"body-too-large"}"#, &mut tally);
        assert_eq!(tally.refused["body-too-large"], 1);
        assert_eq!(items(b"{\"results\":[]}").count(), 0);
    }

    #[test]
    fn a_bulk_body_is_json_with_as_many_items_as_asked() {
        let wallets = Wallets::new(10, 1.0);
        let mix = "earn,use,transfer".parse().unwrap();
        let mut bulk = Bulk::new(&wallets, &mix, 50, 9);
        let request = bulk.request(0).unwrap();
        let text = str::from_utf8(request).unwrap();
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["operations"].as_array().unwrap().len(), 50);
    }

    #[test]
    fn every_wallet_is_created_once_and_funded_behind_its_creation() {
        let mut deliveries = Deliveries::wallets(1_000_000..1_007_000, 9);
        let mut created = 0;
        while let Some(request) = deliveries.request(0) {
            let text = str::from_utf8(request).unwrap();
            created += text.matches("\"create\"").count();
            assert!(text.find("create") < text.find("charge"));
        }
        assert_eq!(created, 7_000);
    }
}
