//! Random histories: whatever is asked, in whatever order, with retries, lapses and restarts in between,
//! the engine answers what a plain map answers. A failing run prints its seed; `SCRIP_TEST_SEED` repeats it.

use jiff::{SignedDuration, Timestamp};
use tests::random::Random;
use tests::scale;
use tests::scenario::{Ask, Door, EngineDoor, HttpDoor, Oracle};

/// Few wallets, so that commands meet often.
const WALLETS: u64 = 6;

/// Ids go a little beyond the wallets that are created, so that some are missing.
const WALLETS_ASKED: u64 = WALLETS + 1;

/// Every so many asks everything that can be read is compared.
const ASKS_PER_AUDIT: usize = 100;

/// Chooses what to ask.
struct Asker {
    random: Random,
    now: Timestamp,
    /// Keyed commands that may be asked again. They are dropped long before their window ends.
    keyed: Vec<(Timestamp, Ask)>,
    next_key: u64,
}

#[test]
fn the_engine_answers_as_a_plain_map_does() {
    for _ in 0..scale::times(25) {
        let seed = Random::seed();
        run(&mut EngineDoor::open(seed), seed, 1_500);
    }
}

#[test]
fn http_answers_as_a_plain_map_does() {
    for _ in 0..scale::times(6) {
        let seed = Random::seed();
        run(&mut HttpDoor::open(seed), seed, 1_000);
    }
}

fn run(door: &mut dyn Door, seed: u64, asks: usize) {
    let mut oracle = Oracle::default();
    let mut asker = Asker::new(seed);
    compare(door, &mut oracle, &Ask::At(asker.now), seed, 0);
    for at in 0..asks {
        let ask = asker.ask(&oracle);
        compare(door, &mut oracle, &ask, seed, at);
        if at % ASKS_PER_AUDIT == ASKS_PER_AUDIT - 1 {
            for ask in audit(&oracle, &mut asker.random) {
                compare(door, &mut oracle, &ask, seed, at);
            }
        }
    }
}

fn compare(door: &mut dyn Door, oracle: &mut Oracle, ask: &Ask, seed: u64, at: usize) {
    // The plain map has no lots: what is left of a grant it cannot say.
    if oracle.takes_back(ask) {
        return;
    }
    let (answered, due) = (door.answer(ask).lines(), oracle.answer(ask).lines());
    // A history has hundreds of lines: the first that differs says enough.
    let differs = answered
        .iter()
        .zip(&due)
        .find(|(answered, due)| answered != due);
    let same = differs.is_none() && answered.len() == due.len();
    assert!(
        same,
        "ask {at} of seed {seed}: {ask:?}\nanswered {} lines, {} are due, first difference {differs:#?}",
        answered.len(),
        due.len()
    );
}

/// Everything that can be read.
fn audit(oracle: &Oracle, random: &mut Random) -> Vec<Ask> {
    let mut asks = Vec::new();
    for wallet in oracle.wallets() {
        asks.push(Ask::Wallet(wallet));
        asks.push(Ask::History {
            wallet,
            kinds: Vec::new(),
            from: None,
            to: None,
            oldest_first: random.chance(50),
            limit: Some(random.between(1, 500) as usize),
        });
    }
    asks
}

// === impl Asker ===

impl Asker {
    fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            now: "2026-01-01T00:00:00Z".parse().expect("an instant"),
            keyed: Vec::new(),
            next_key: 0,
        }
    }

    fn ask(&mut self, oracle: &Oracle) -> Ask {
        let choice = self.random.below(100);
        if choice < 8 {
            return self.later();
        }
        // Of several wallets any may be the first.
        if choice < 12 && oracle.wallets_due().len() == 1 {
            return Ask::Sweep;
        }
        if choice < 9 {
            return match self.random.below(2) {
                0 => Ask::Restart,
                _ => Ask::Crash(self.random.number()),
            };
        }
        if choice < 18 && !self.keyed.is_empty() {
            return self.again();
        }
        let ask = self.command(choice, oracle.last_act());
        if has_key(&ask) {
            self.keyed.push((self.now, ask.clone()));
        }
        ask
    }

    /// Time passes, now and then by a lot.
    fn later(&mut self) -> Ask {
        let step = match self.random.below(4) {
            0 => SignedDuration::from_micros(1),
            1 => SignedDuration::from_secs(60 * self.random.between(1, 600) as i64),
            2 => SignedDuration::from_hours(self.random.between(1, 60) as i64),
            _ => SignedDuration::from_hours(24 * self.random.between(1, 20) as i64),
        };
        self.now += step;
        let now = self.now;
        self.keyed
            .retain(|(at, _)| now.duration_since(*at) < SignedDuration::from_hours(23));
        Ask::At(now)
    }

    /// A retry, or the same key for something else.
    fn again(&mut self) -> Ask {
        let (_, ask) = self.random.pick(&self.keyed).clone();
        if self.random.chance(80) {
            return ask;
        }
        if let Ask::Use {
            wallet,
            amount,
            note,
            key,
        } = ask
        {
            let amount = if amount > 1 { amount - 1 } else { 2 };
            return Ask::Use {
                wallet,
                amount,
                note,
                key,
            };
        }
        ask
    }

    fn command(&mut self, choice: u64, last_act: u64) -> Ask {
        let wallet = self.wallet();
        match choice {
            18..24 => Ask::Create {
                wallet: self.random.between(1, WALLETS),
                owner: self.random.chance(30).then(|| ("company".to_owned(), 7)),
                key: self.key(),
            },
            24..58 => Ask::Grant {
                paid: self.random.chance(40),
                wallet,
                amount: self.amount(),
                until: self.until(),
                note: self.note(),
                key: self.key(),
            },
            58..75 => Ask::Use {
                wallet,
                amount: self.amount(),
                note: self.note(),
                key: self.key(),
            },
            75..84 => Ask::Transfer {
                from: wallet,
                to: self.wallet(),
                amount: self.amount(),
                note: self.note(),
                key: self.key(),
            },
            84..88 => self.batch(last_act),
            88..97 => Ask::Cancel {
                transaction: self.transaction(last_act),
                leg: self.leg(),
                amount: self.random.chance(60).then(|| self.random.between(1, 60)),
                note: self.note(),
                key: self.key(),
            },
            97 => Ask::Transaction(self.transaction(last_act)),
            _ => Ask::Wallet(wallet),
        }
    }

    fn batch(&mut self, last_act: u64) -> Ask {
        let mut items = Vec::new();
        for _ in 0..self.random.between(1, 6) {
            // Commands only; and mostly grants, so that some batches go through.
            let choice = match self.random.below(4) {
                0 => self.random.between(18, 83),
                1 => self.random.between(88, 96),
                _ => self.random.between(24, 57),
            };
            items.push(without_key(self.command(choice, last_act)));
        }
        let key = self.key();
        Ask::Batch { items, key }
    }

    /// Now and then which use of a batch is meant.
    fn leg(&mut self) -> Option<u8> {
        let leg = self.random.below(4) as u8;
        self.random.chance(40).then_some(leg)
    }

    fn wallet(&mut self) -> u64 {
        self.random.between(1, WALLETS_ASKED)
    }

    /// Mostly a late one, now and then one that is not there.
    fn transaction(&mut self, last_act: u64) -> u64 {
        let back = self.random.between(0, 40);
        (last_act + 2).saturating_sub(back).max(1)
    }

    fn amount(&mut self) -> u64 {
        match self.random.below(40) {
            0 => (1 << 53) - 1,
            1 => (1 << 53) - self.random.between(2, 500),
            _ => self.random.between(1, 150),
        }
    }

    /// Few instants, so that grants share a bucket; some of them past.
    fn until(&mut self) -> Option<Timestamp> {
        if self.random.chance(40) {
            return None;
        }
        let day = 24 * 60 * 60;
        let start = self.now.as_second() / day * day;
        let days = self.random.between(0, 12) as i64;
        let at = Timestamp::from_second(start + days * day).expect("an instant");
        Some(at)
    }

    fn note(&mut self) -> Option<String> {
        self.random.chance(10).then(|| "a note, 한글 ok".to_owned())
    }

    fn key(&mut self) -> Option<String> {
        self.next_key += 1;
        let key = format!("key-{}", self.next_key);
        self.random.chance(25).then_some(key)
    }
}

fn has_key(ask: &Ask) -> bool {
    match ask {
        Ask::Create { key, .. }
        | Ask::Grant { key, .. }
        | Ask::Use { key, .. }
        | Ask::Transfer { key, .. }
        | Ask::Cancel { key, .. }
        | Ask::Batch { key, .. } => key.is_some(),
        Ask::At(_)
        | Ask::Wallet(_)
        | Ask::Transaction(_)
        | Ask::History { .. }
        | Ask::Sweep
        | Ask::Restart
        | Ask::Crash(_) => false,
    }
}

fn without_key(mut ask: Ask) -> Ask {
    if let Ask::Create { key, .. }
    | Ask::Grant { key, .. }
    | Ask::Use { key, .. }
    | Ask::Transfer { key, .. }
    | Ask::Cancel { key, .. } = &mut ask
    {
        *key = None;
    }
    ask
}
