//! One operation a request.

use super::{AMOUNT, Mix, Operation, Tally, Traffic, WALLET_BASE, Wallets, patch};
use crate::random::Random;

/// Hex digits of an idempotency key.
const KEY_DIGITS: usize = 16;

/// Operations on wallets drawn at random, one a request.
pub(crate) struct Single {
    wallets: Wallets,
    mix: Mix,
    random: Random,
    templates: Vec<(Operation, Template)>,
}

/// The same request again and again, to a route that does nothing.
pub(crate) struct Noop(Vec<u8>);

/// A request with the places where its digits stand.
struct Template {
    bytes: Vec<u8>,
    /// The wallet, or who pays.
    first: usize,
    /// Who receives.
    second: Option<usize>,
    key: Option<usize>,
}

/// Renders a request. Only what the server needs stands in it.
pub(crate) fn render(method: &str, path: &str, key: Option<&str>, body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: bench\r\n");
    if let Some(key) = key {
        text.push_str("idempotency-key: ");
        text.push_str(key);
        text.push_str("\r\n");
    }
    if method == "GET" {
        text.push_str("\r\n");
    } else {
        let length = body.len();
        text.push_str("content-type: application/json\r\n");
        text.push_str(&format!("content-length: {length}\r\n\r\n{body}"));
    }
    text.into_bytes()
}

// === impl Single ===

impl Single {
    pub(crate) fn new(wallets: Wallets, mix: Mix, keyed: bool, seed: u64) -> Self {
        let asked = Operation::ALL.into_iter().filter(|op| mix.has(*op));
        Self {
            templates: asked.map(|op| (op, Template::new(op, keyed))).collect(),
            wallets,
            mix,
            random: Random::new(seed),
        }
    }
}

impl Traffic for Single {
    fn request(&mut self, _lane: usize) -> Option<&[u8]> {
        let operation = self.mix.draw(&mut self.random);
        let found = self.templates.iter_mut().find(|(op, _)| *op == operation);
        let (_, template) = found?;
        let (first, second) = match template.second {
            None => (self.wallets.draw(&mut self.random), 0),
            Some(_) => self.wallets.draw_pair(&mut self.random),
        };
        template.fill(first, second, &mut self.random);
        Some(&template.bytes)
    }

    fn settle(&mut self, _lane: usize, status: u16, body: &[u8], tally: &mut Tally) {
        tally.count(status, body);
    }
}

// === impl Noop ===

impl Noop {
    pub(crate) fn new() -> Self {
        let body = format!("{{\"amount\":{AMOUNT}}}");
        Self(render("POST", "/noop", None, &body))
    }
}

impl Traffic for Noop {
    fn request(&mut self, _lane: usize) -> Option<&[u8]> {
        Some(&self.0)
    }

    fn settle(&mut self, _lane: usize, status: u16, body: &[u8], tally: &mut Tally) {
        tally.count(status, body);
    }
}

// === impl Template ===

impl Template {
    fn new(operation: Operation, keyed: bool) -> Self {
        let (first, second) = (WALLET_BASE.to_string(), (WALLET_BASE + 1).to_string());
        let placeholder = "k".repeat(KEY_DIGITS);
        let key = keyed.then_some(placeholder.as_str());
        let amount = format!("{{\"amount\":{AMOUNT}}}");
        let bytes = match operation {
            Operation::Read => render("GET", &format!("/v1/wallets/{first}"), None, ""),
            Operation::Transfer => {
                let body = format!("{{\"from\":{first},\"to\":{second},\"amount\":{AMOUNT}}}");
                render("POST", "/v1/transfers", key, &body)
            }
            Operation::Charge | Operation::Earn | Operation::Use => {
                let path = format!("/v1/wallets/{first}/{}", operation.as_str());
                render("POST", &path, key, &amount)
            }
        };
        let place = |digits: &str| {
            let mut windows = bytes.windows(digits.len());
            windows.position(|window| window == digits.as_bytes())
        };
        let found = (place(&first), place(&second), place(&placeholder));
        Self {
            first: found.0.unwrap_or_default(),
            second: found.1,
            key: found.2,
            bytes,
        }
    }

    fn fill(&mut self, first: u64, second: u64, random: &mut Random) {
        let digits = WALLET_BASE.ilog10() as usize + 1;
        patch(&mut self.bytes[self.first..self.first + digits], first);
        if let Some(at) = self.second {
            patch(&mut self.bytes[at..at + digits], second);
        }
        if let Some(at) = self.key {
            let mut key = random.next();
            for digit in &mut self.bytes[at..at + KEY_DIGITS] {
                *digit = b"0123456789abcdef"[(key % 16) as usize];
                key /= 16;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(traffic: &mut Single) -> String {
        let request = traffic.request(0).unwrap();
        String::from_utf8(request.to_vec()).unwrap()
    }

    #[test]
    fn digits_are_patched_where_they_stand() {
        let wallets = Wallets::new(9, 0.0);
        let mut traffic = Single::new(wallets, "use".parse().unwrap(), false, 1);
        for _ in 0..20 {
            let request = text(&mut traffic);
            assert!(request.starts_with("POST /v1/wallets/100000"), "{request}");
            assert!(request.contains("/use HTTP/1.1\r\n"), "{request}");
            assert!(request.ends_with("\r\n\r\n{\"amount\":5}"), "{request}");
            assert!(!request.contains("idempotency"), "{request}");
        }
    }

    #[test]
    fn a_transfer_names_two_wallets_and_each_key_is_new() {
        let wallets = Wallets::new(2, 0.0);
        let mut traffic = Single::new(wallets, "transfer".parse().unwrap(), true, 1);
        let (one, two) = (text(&mut traffic), text(&mut traffic));
        let names = |request: &str| {
            request.contains("\"from\":1000000,\"to\":1000001")
                || request.contains("\"from\":1000001,\"to\":1000000")
        };
        assert!(names(&one) && names(&two), "{one}{two}");
        let key = |request: &str| {
            let (_, behind) = request.split_once("idempotency-key: ").unwrap();
            behind[..KEY_DIGITS].to_owned()
        };
        assert_ne!(key(&one), key(&two));
        assert!(key(&one).bytes().all(|digit| digit.is_ascii_hexdigit()));
    }

    #[test]
    fn the_stated_length_is_the_length() {
        let request = String::from_utf8(render("POST", "/x", Some("k"), "{\"a\":1}")).unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())));
        assert_eq!(
            render("GET", "/x", None, ""),
            b"GET /x HTTP/1.1\r\nhost: bench\r\n\r\n"
        );
    }
}
