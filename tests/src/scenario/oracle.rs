//! A door with nothing behind it but maps: the rules of the points business written a second time, as
//! plainly as they can be, to hold the engine against.
//!
//! It knows neither lots nor logs. Points of equal fund and expiry are a number in a map; acts are a
//! list; ids are counted. What the engine answers must be what this answers, word for word.

mod batch;
mod purse;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use self::batch::OpenBatch;
use self::purse::{Bucket, Purse, cut};
use super::Door;
use super::answer::{Answer, Leg};
use super::ask::Ask;

/// Largest balance.
const BALANCE_MAX: u64 = (1 << 53) - 1;

/// How long a use can be given back.
const CANCEL_WINDOW: SignedDuration = SignedDuration::from_hours(400 * 24);

/// A page of history when nobody names a limit.
const PAGE_ENTRIES: usize = 50;

/// The plain map.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    now: Timestamp,
    last_act: u64,
    purses: BTreeMap<u64, Purse>,
    /// Legs of every act, by act.
    acts: BTreeMap<u64, Vec<Leg>>,
    /// By act and leg.
    uses: BTreeMap<(u64, u8), Spent>,
    /// Legs of the batch that is being decided.
    batch: Option<OpenBatch>,
    /// Acts that are batches.
    batches: BTreeSet<u64>,
    /// Route and key → what was asked, what was answered.
    keys: BTreeMap<(&'static str, String), (Ask, Answer)>,
}

#[derive(Clone, Debug)]
struct Spent {
    at: Timestamp,
    /// In the order they were taken.
    parts: Vec<(Bucket, u64)>,
    returned: u64,
}

/// What came of a command: the legs to record, or a refusal.
type Decision = Result<Answer, Answer>;

// === impl Oracle ===

impl Door for Oracle {
    fn answer(&mut self, ask: &Ask) -> Answer {
        match ask {
            Ask::At(now) => {
                self.now = *now;
                Answer::Done
            }
            Ask::Sweep => {
                self.due(&self.wallets_due());
                Answer::Done
            }
            // Whatever was answered is there afterwards, however it ended.
            Ask::Restart | Ask::Crash(_) => Answer::Done,
            Ask::Wallet(id) => match self.purses.get(id) {
                Some(purse) => Answer::Wallet {
                    wallet: purse.seen(*id, self.now),
                    replayed: false,
                },
                None => refused("wallet-not-found"),
            },
            Ask::Transaction(id) => match self.acts.get(id) {
                Some(legs) => Answer::Act {
                    legs: legs.clone(),
                    replayed: false,
                },
                None => refused("transaction-not-found"),
            },
            Ask::History { .. } => self.history(ask),
            Ask::Create { key, .. }
            | Ask::Grant { key, .. }
            | Ask::Use { key, .. }
            | Ask::Transfer { key, .. }
            | Ask::Cancel { key, .. }
            | Ask::Batch { key, .. } => self.command(ask, key.as_ref()),
        }
    }
}

impl Oracle {
    /// Whether a grant would be taken back.
    pub fn takes_back(&self, ask: &Ask) -> bool {
        if let Ask::Batch { items, .. } = ask {
            return items.iter().any(|item| self.takes_back(item));
        }
        let Ask::Cancel {
            transaction, leg, ..
        } = ask
        else {
            return false;
        };
        let named = leg.is_some() || !self.batches.contains(transaction);
        let legs = self.acts.get(transaction).filter(|_| named);
        let leg = legs.and_then(|legs| legs.get(usize::from(leg.unwrap_or(0))));
        leg.is_some_and(|leg| leg.kind == "charge" || leg.kind == "earn")
    }

    /// The wallets there are.
    pub fn wallets(&self) -> BTreeSet<u64> {
        self.purses.keys().copied().collect()
    }

    /// Wallets with points that have lapsed although no act says so yet.
    pub fn wallets_due(&self) -> Vec<u64> {
        let due = self.purses.iter().filter(|(_, purse)| {
            let mut buckets = purse.points.keys();
            buckets.any(|bucket| bucket.2.is_some_and(|until| until <= self.now))
        });
        due.map(|(wallet, _)| *wallet).collect()
    }

    /// The last act.
    pub fn last_act(&self) -> u64 {
        self.last_act
    }

    fn command(&mut self, ask: &Ask, key: Option<&String>) -> Answer {
        let named = key.map(|key| (route(ask), key.clone()));
        if let Some((asked, answer)) = named.as_ref().and_then(|named| self.keys.get(named)) {
            return match asked == ask {
                true => replayed(answer.clone()),
                false => refused("idempotency-mismatch"),
            };
        }
        let decision = self.decide(ask);
        if let Some(named) = named {
            match &decision {
                Ok(answer) => {
                    self.keys.insert(named, (ask.clone(), answer.clone()));
                }
                Err(answer) if !is_not_found(answer) => {
                    // A refusal that is remembered takes a place in the log.
                    self.last_act += 1;
                    self.keys.insert(named, (ask.clone(), answer.clone()));
                }
                Err(_) => {}
            }
        }
        decision.unwrap_or_else(|refusal| refusal)
    }

    fn decide(&mut self, ask: &Ask) -> Decision {
        match ask {
            Ask::Create { wallet, owner, .. } => self.create(*wallet, owner.as_ref()),
            Ask::Grant {
                paid,
                wallet,
                amount,
                until,
                note,
                ..
            } => self.grant(*paid, *wallet, *amount, *until, note.as_ref()),
            Ask::Use {
                wallet,
                amount,
                note,
                ..
            } => self.spend(*wallet, *amount, note.as_ref()),
            Ask::Transfer {
                from,
                to,
                amount,
                note,
                ..
            } => self.transfer(*from, *to, *amount, note.as_ref()),
            Ask::Cancel {
                transaction,
                leg,
                amount,
                note,
                ..
            } => self.cancel(*transaction, *leg, *amount, note.as_ref()),
            Ask::Batch { items, .. } => self.batch(items),
            Ask::At(_)
            | Ask::Wallet(_)
            | Ask::Transaction(_)
            | Ask::History { .. }
            | Ask::Sweep
            | Ask::Restart
            | Ask::Crash(_) => {
                unreachable!("{ask:?} is no command")
            }
        }
    }

    fn create(&mut self, wallet: u64, owner: Option<&(String, u64)>) -> Decision {
        if self.purses.contains_key(&wallet) {
            self.due(&[wallet]);
            return Err(refused("wallet-exists"));
        }
        let purse = Purse {
            owner: owner.cloned().unwrap_or(("user".to_owned(), wallet)),
            created_at: self.now,
            points: BTreeMap::new(),
            version: 1,
            last_act: self.last_act + 1,
        };
        let seen = purse.seen(wallet, self.now);
        let leg = purse.leg(wallet, "create", 0, &[], None, self.now);
        self.purses.insert(wallet, purse);
        self.record(vec![leg], None);
        Ok(Answer::Wallet {
            wallet: seen,
            replayed: false,
        })
    }

    fn grant(
        &mut self,
        paid: bool,
        wallet: u64,
        amount: u64,
        until: Option<Timestamp>,
        note: Option<&String>,
    ) -> Decision {
        self.meet(&[wallet])?;
        if until.is_some_and(|until| until <= self.now) {
            return Err(refused("expires-at-past"));
        }
        if self.purses[&wallet].balance() + amount > BALANCE_MAX {
            return Err(refused("balance-limit"));
        }
        let parts = [((paid, until.is_none(), until), amount)];
        let kind = if paid { "charge" } else { "earn" };
        let act = self.last_act + 1;
        let leg = self.change(wallet, act, kind, &parts, None, true);
        Ok(self.record(vec![leg], note))
    }

    fn spend(&mut self, wallet: u64, amount: u64, note: Option<&String>) -> Decision {
        self.meet(&[wallet])?;
        let parts = self.purses[&wallet].take(amount)?;
        let act = self.last_act + 1;
        let place = self.batch.as_ref().map_or(0, |open| open.legs.len() as u8);
        let leg = self.change(wallet, act, "use", &parts, None, false);
        let at = self.now;
        let spent = Spent {
            at,
            parts,
            returned: 0,
        };
        self.uses.insert((act, place), spent);
        Ok(self.record(vec![leg], note))
    }

    fn transfer(&mut self, from: u64, to: u64, amount: u64, note: Option<&String>) -> Decision {
        self.meet(&[from, to])?;
        if from == to {
            return Err(refused("same-wallet"));
        }
        let parts = self.purses[&from].take(amount)?;
        if self.purses[&to].balance() + amount > BALANCE_MAX {
            return Err(refused("balance-limit"));
        }
        let act = self.last_act + 1;
        let out = self.change(from, act, "transfer_out", &parts, Some(to), false);
        let into = self.change(to, act, "transfer_in", &parts, Some(from), true);
        Ok(self.record(vec![out, into], note))
    }

    fn cancel(
        &mut self,
        act: u64,
        leg: Option<u8>,
        amount: Option<u64>,
        note: Option<&String>,
    ) -> Decision {
        let wallet = self.wallet_of(act, leg);
        let wallet = wallet.ok_or_else(|| refused("transaction-not-found"))?;
        self.due(&[wallet]);
        let place = (act, leg.unwrap_or(0));
        let named = leg.is_some() || !self.batches.contains(&act);
        let Some(spent) = self.uses.get(&place).filter(|_| named).cloned() else {
            return Err(refused("not-cancellable"));
        };
        if spent.at < self.now - CANCEL_WINDOW {
            return Err(refused("cancel-window-over"));
        }
        let whole: u64 = spent.parts.iter().map(|(_, amount)| amount).sum();
        let cancellable = whole - spent.returned;
        let requested = amount.unwrap_or(cancellable);
        if requested == 0 || requested > cancellable {
            let numbers = [("cancellable", cancellable), ("requested", requested)];
            // Who asked for all of nothing asked for no number.
            let told = if requested > 0 { 2 } else { 1 };
            return Err(refused_with("over-cancel", &numbers[..told]));
        }
        if self.purses[&wallet].balance() + requested > BALANCE_MAX {
            return Err(refused("balance-limit"));
        }
        let backwards = spent.parts.iter().rev().copied();
        let parts = cut(backwards, spent.returned, requested);
        let leg = self.change(wallet, self.last_act + 1, "cancel", &parts, None, true);
        self.uses
            .entry(place)
            .and_modify(|spent| spent.returned += requested);
        Ok(self.record(vec![leg], note))
    }

    /// All of them must be there; then what time has brought about is written for each.
    fn meet(&mut self, wallets: &[u64]) -> Result<(), Answer> {
        if wallets
            .iter()
            .any(|wallet| !self.purses.contains_key(wallet))
        {
            return Err(refused("wallet-not-found"));
        }
        self.due(wallets);
        Ok(())
    }

    fn due(&mut self, wallets: &[u64]) {
        let wallets: BTreeSet<u64> = wallets.iter().copied().collect();
        for wallet in wallets {
            let mut lapsed: Vec<(Bucket, u64)> = self.purses[&wallet]
                .points
                .iter()
                .filter(|(bucket, _)| bucket.2.is_some_and(|until| until <= self.now))
                .map(|(bucket, amount)| (*bucket, *amount))
                .collect();
            lapsed.sort_by_key(|((paid, _, until), _)| (*until, *paid));
            for part in lapsed {
                let act = self.last_act + 1;
                let leg = self.change(wallet, act, "lapse", &[part], None, false);
                self.record(vec![leg], None);
            }
        }
    }

    /// Moves points of one wallet and gives the leg that tells of it.
    fn change(
        &mut self,
        wallet: u64,
        act: u64,
        kind: &str,
        parts: &[(Bucket, u64)],
        counterparty: Option<u64>,
        into: bool,
    ) -> Leg {
        let now = self.now;
        let purse = self.purses.get_mut(&wallet).expect("it was looked for");
        for (bucket, amount) in parts {
            let held = purse.points.entry(*bucket).or_default();
            *held = if into { *held + amount } else { *held - amount };
        }
        purse.points.retain(|_, amount| *amount > 0);
        purse.version += 1;
        purse.last_act = act;
        let amount = parts.iter().map(|(_, amount)| amount).sum();
        purse.leg(wallet, kind, amount, parts, counterparty, now)
    }

    fn record(&mut self, mut legs: Vec<Leg>, note: Option<&String>) -> Answer {
        for leg in &mut legs {
            assert_eq!(leg.act, self.last_act + 1, "a leg of another act");
            leg.note = note.cloned().unwrap_or_default();
        }
        if let Some(batch) = &mut self.batch {
            batch.legs.append(&mut legs);
            return Answer::Done;
        }
        self.write(legs)
    }

    fn write(&mut self, mut legs: Vec<Leg>) -> Answer {
        self.last_act += 1;
        self.acts.insert(self.last_act, legs.clone());
        for leg in &mut legs {
            leg.at = None;
        }
        Answer::Act {
            legs,
            replayed: false,
        }
    }

    fn history(&self, ask: &Ask) -> Answer {
        let Ask::History {
            wallet,
            kinds,
            from,
            to,
            oldest_first,
            limit,
        } = ask
        else {
            unreachable!("{ask:?} is no history");
        };
        if !self.purses.contains_key(wallet) {
            return refused("wallet-not-found");
        }
        let mut legs: Vec<Leg> = self.acts.values().flatten().cloned().collect();
        legs.retain(|leg| {
            // A creation moves no points, so it is no entry of a history.
            leg.standing.wallet == *wallet
                && leg.kind != "create"
                && (kinds.is_empty() || kinds.contains(&leg.kind))
                && from.is_none_or(|from| leg.at >= Some(from))
                && to.is_none_or(|to| leg.at < Some(to))
        });
        if !oldest_first {
            legs.reverse();
        }
        let total = format!("{} in all", legs.len());
        let pages = legs.chunks(limit.unwrap_or(PAGE_ENTRIES));
        let mut pages: Vec<Vec<Leg>> = pages.map(<[Leg]>::to_vec).collect();
        if pages.is_empty() {
            pages.push(Vec::new());
        }
        Answer::History { pages, total }
    }
}

fn route(ask: &Ask) -> &'static str {
    match ask {
        Ask::Create { .. } => "create",
        Ask::Grant { paid: true, .. } => "charge",
        Ask::Grant { .. } => "earn",
        Ask::Use { .. } => "use",
        Ask::Transfer { .. } => "transfer",
        Ask::Cancel { .. } => "cancel",
        Ask::Batch { .. } => "batch",
        Ask::At(_)
        | Ask::Wallet(_)
        | Ask::Transaction(_)
        | Ask::History { .. }
        | Ask::Sweep
        | Ask::Restart
        | Ask::Crash(_) => {
            unreachable!("{ask:?} is no command")
        }
    }
}

fn refused(code: &str) -> Answer {
    refused_with(code, &[])
}

fn refused_with(code: &str, numbers: &[(&str, u64)]) -> Answer {
    let numbers = numbers
        .iter()
        .map(|(name, number)| ((*name).to_owned(), *number));
    Answer::Refused {
        code: code.to_owned(),
        numbers: numbers.collect(),
        replayed: false,
    }
}

fn of_item(mut refusal: Answer, item: u64) -> Answer {
    if let Answer::Refused { numbers, .. } = &mut refusal {
        numbers.insert(0, ("item".to_owned(), item));
    }
    refusal
}

fn is_not_found(answer: &Answer) -> bool {
    matches!(answer, Answer::Refused { code, .. } if code.ends_with("-not-found"))
}

fn replayed(mut answer: Answer) -> Answer {
    if let Answer::Act { replayed, .. }
    | Answer::Wallet { replayed, .. }
    | Answer::Refused { replayed, .. } = &mut answer
    {
        *replayed = true;
    }
    answer
}
