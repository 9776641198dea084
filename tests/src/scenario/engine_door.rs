//! The engine itself as a door: in this process, over a disk in inside, with a clock that a scenario sets.

use engine::Engine;
use engine::domain::{
    Amount, Cancel, Command, CreateWallet, Description, Entry, EntryType, Event, Grant, Owner,
    OwnerKind, Rejection, Status, Timestamp, TransactionId, Transfer, Use, WalletId,
};
use engine::record::IdempotencyKey;
use engine::{Act, HistoryQuery, Receipt, Refusal, Request, Total, WalletView};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use tokio::runtime::Runtime;

use super::Door;
use super::answer::{Answer, Leg, Standing, WalletSeen};
use super::ask::Ask;
use crate::inside::Inside;

/// A page of history when the scenario names no limit.
const PAGE_ENTRIES: usize = 50;

/// The engine, its disk and its clock.
pub struct EngineDoor {
    runtime: Runtime,
    inside: Inside,
    engine: Engine,
}

// === impl EngineDoor ===

impl EngineDoor {
    /// An empty engine at the start of 1970. The seed decides what power cuts leave.
    pub fn open(seed: u64) -> Self {
        let runtime = Runtime::new().expect("a runtime starts");
        let inside = Inside::new(seed);
        let engine = runtime.block_on(inside.open());
        Self {
            runtime,
            inside,
            engine,
        }
    }

    /// Writes the store as it would lie on a disk.
    pub fn save(&self, directory: &Path) {
        self.inside.save(directory);
    }

    fn submit(&self, command: Command, route: &str, key: Option<&String>) -> Answer {
        let key = key.map(|key| hashed(route, key, &format!("{command:?}")));
        let request = Request { command, key };
        match self.runtime.block_on(self.engine.submit(request)) {
            Ok(receipt) => receipt_seen(&receipt),
            Err(refusal) => refused(refusal),
        }
    }

    fn submit_batch(&self, items: &[Ask], key: Option<&String>) -> Answer {
        let commands: Vec<Command> = items.iter().map(command).collect();
        let key = key.map(|key| hashed("batch", key, &format!("{commands:?}")));
        match self
            .runtime
            .block_on(self.engine.submit_batch(commands, key))
        {
            Ok(receipt) => receipt_seen(&receipt),
            Err(refusal) => refused(refusal),
        }
    }

    fn history(&self, mut query: HistoryQuery) -> Answer {
        let mut pages = Vec::new();
        let mut told = None;
        loop {
            let page = match self.runtime.block_on(self.engine.history(query.clone())) {
                Ok(page) => page,
                Err(refusal) => return refused(refusal),
            };
            let rows = page.rows.iter().map(|row| {
                let entries = row.act.event.entries();
                leg(&row.act, &entries[usize::from(row.leg)], true)
            });
            pages.push(rows.collect());
            let total = match page.total {
                Total::Exactly(count) => format!("{count} in all"),
                Total::AtLeast(count) => format!("{count} or more"),
            };
            let told = told.get_or_insert(total);
            match page.next {
                Some(next) => query.after = Some(next),
                None => {
                    let total = told.clone();
                    return Answer::History { pages, total };
                }
            }
        }
    }

    fn restart(&mut self) {
        self.runtime.block_on(self.engine.shutdown());
        self.engine = self.runtime.block_on(self.inside.open());
    }
}

impl Door for EngineDoor {
    fn answer(&mut self, ask: &Ask) -> Answer {
        match ask {
            Ask::At(instant) => {
                self.inside.clock.set(instant.as_microsecond());
                Answer::Done
            }
            Ask::Sweep => {
                self.runtime.block_on(self.engine.sweep());
                Answer::Done
            }
            Ask::Restart => {
                self.restart();
                Answer::Done
            }
            Ask::Crash(seed) => {
                self.inside.crash(*seed);
                self.engine = self.runtime.block_on(self.inside.open());
                Answer::Done
            }
            Ask::Wallet(id) => match self.runtime.block_on(self.engine.wallet(wallet(*id))) {
                Ok(view) => Answer::Wallet {
                    wallet: wallet_seen(&view),
                    replayed: false,
                },
                Err(refusal) => refused(refusal),
            },
            Ask::Transaction(id) => self.transaction(*id),
            Ask::History {
                wallet: id,
                kinds,
                from,
                to,
                oldest_first,
                limit,
            } => self.history(HistoryQuery {
                kinds: kinds.iter().map(|kind| entry_type(kind)).collect(),
                from: from.map(instant),
                to: to.map(instant),
                ascending: *oldest_first,
                limit: limit.unwrap_or(PAGE_ENTRIES),
                ..HistoryQuery::of(wallet(*id))
            }),
            Ask::Create { key, .. } => self.submit(command(ask), "create", key.as_ref()),
            Ask::Grant {
                paid: true, key, ..
            } => self.submit(command(ask), "charge", key.as_ref()),
            Ask::Grant { key, .. } => self.submit(command(ask), "earn", key.as_ref()),
            Ask::Use { key, .. } => self.submit(command(ask), "use", key.as_ref()),
            Ask::Transfer { key, .. } => self.submit(command(ask), "transfer", key.as_ref()),
            Ask::Cancel { key, .. } => self.submit(command(ask), "cancel", key.as_ref()),
            Ask::Batch { items, key } => self.submit_batch(items, key.as_ref()),
        }
    }
}

impl EngineDoor {
    fn transaction(&self, id: u64) -> Answer {
        let id = TransactionId(id);
        match self.runtime.block_on(self.engine.transaction(id)) {
            Ok(Some(act)) => {
                let entries = act.event.entries();
                let legs = entries.iter().map(|entry| leg(&act, entry, true)).collect();
                Answer::Act {
                    legs,
                    replayed: false,
                }
            }
            Ok(None) => refused(Refusal::Rejected {
                rejection: Rejection::TransactionNotFound { transaction: id },
                replayed: false,
            }),
            Err(refusal) => refused(refusal),
        }
    }
}

fn command(ask: &Ask) -> Command {
    match ask {
        Ask::Create {
            wallet: id, owner, ..
        } => Command::CreateWallet(CreateWallet {
            wallet: wallet(*id),
            owner: owner.as_ref().map_or(Owner::user(*id), |(kind, id)| Owner {
                kind: owner_kind(kind),
                id: *id,
            }),
        }),
        Ask::Grant { .. } => grant(ask),
        Ask::Use {
            wallet: id,
            amount,
            note,
            ..
        } => Command::Use(Use {
            wallet: wallet(*id),
            amount: points(*amount),
            description: description(note.as_ref()),
        }),
        Ask::Transfer {
            from,
            to,
            amount,
            note,
            ..
        } => Command::Transfer(Transfer {
            from: wallet(*from),
            to: [(wallet(*to), points(*amount))].into_iter().collect(),
            description: description(note.as_ref()),
        }),
        Ask::Cancel {
            transaction,
            leg,
            amount,
            note,
            ..
        } => Command::Cancel(Cancel {
            transaction: TransactionId(*transaction),
            leg: *leg,
            amount: amount.map(points),
            lapsed: None,
            policy: None,
            description: description(note.as_ref()),
        }),
        Ask::Batch { .. }
        | Ask::At(_)
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

fn grant(ask: &Ask) -> Command {
    let Ask::Grant {
        paid,
        wallet: id,
        amount,
        until,
        note,
        ..
    } = ask
    else {
        unreachable!("{ask:?} grants nothing");
    };
    let grant = Grant {
        wallet: wallet(*id),
        amount: points(*amount),
        expiry: until.map(instant).into(),
        description: description(note.as_ref()),
    };
    if *paid {
        Command::Charge(grant)
    } else {
        Command::Earn(grant)
    }
}

/// Route and key name the request, the whole command is what must not differ. The server hashes other
/// bytes; only that they differ where these differ is the same.
fn hashed(route: &str, key: &str, asked: &str) -> IdempotencyKey {
    let mut id = DefaultHasher::new();
    (route, key).hash(&mut id);
    let mut fingerprint = DefaultHasher::new();
    asked.hash(&mut fingerprint);
    IdempotencyKey {
        id: u128::from(id.finish()),
        fingerprint: fingerprint.finish(),
    }
}

fn receipt_seen(receipt: &Receipt) -> Answer {
    let Receipt { act, replayed } = receipt;
    if let Event::WalletCreated(created) = &*act.event {
        let view = WalletView {
            id: created.standing.wallet,
            owner: created.owner,
            paid: 0,
            free: 0,
            available: 0,
            expiring_30d: 0,
            held: 0,
            pending: 0,
            owed: 0,
            status: Status::Open,
            version: created.standing.version,
            lsn: act.transaction.0,
            created_at: act.at,
        };
        return Answer::Wallet {
            wallet: wallet_seen(&view),
            replayed: *replayed,
        };
    }
    let entries = act.event.entries();
    Answer::Act {
        legs: entries.iter().map(|entry| leg(act, entry, false)).collect(),
        replayed: *replayed,
    }
}

fn refused(refusal: Refusal) -> Answer {
    let (code, numbers, replayed) = match refusal {
        Refusal::Rejected {
            rejection,
            replayed,
        } => (rejection.code().to_owned(), numbers(&rejection), replayed),
        Refusal::ItemRejected {
            item,
            rejection,
            replayed,
        } => {
            let mut told = vec![("item".to_owned(), u64::from(item))];
            told.extend(numbers(&rejection));
            (rejection.code().to_owned(), told, replayed)
        }
        Refusal::KeyMismatch => ("idempotency-mismatch".to_owned(), Vec::new(), false),
        Refusal::KeyRunning
        | Refusal::KeyTableFull
        | Refusal::Overloaded
        | Refusal::EntityBusy
        | Refusal::StorageFull
        | Refusal::Draining
        | Refusal::OutcomeUnknown
        | Refusal::Panicked
        | Refusal::Unreadable
        | Refusal::HistoryBehind
        | Refusal::OffsetTooDeep
        | Refusal::MomentAhead
        | Refusal::Gone => panic!("no scenario asks for this: {refusal}"),
    };
    Answer::Refused {
        code,
        numbers,
        replayed,
    }
}

fn numbers(rejection: &Rejection) -> Vec<(String, u64)> {
    let named = |name: &str, number: u64| (name.to_owned(), number);
    if let Rejection::InsufficientBalance {
        available,
        requested,
    } = *rejection
    {
        return vec![named("available", available), named("requested", requested)];
    }
    if let Rejection::OverCancel {
        cancellable,
        requested,
        ..
    } = *rejection
    {
        let mut numbers = vec![named("cancellable", cancellable)];
        if requested > 0 {
            numbers.push(named("requested", requested));
        }
        return numbers;
    }
    Vec::new()
}

fn wallet_seen(view: &WalletView) -> WalletSeen {
    WalletSeen {
        standing: Standing {
            wallet: view.id.get(),
            paid: view.paid,
            free: view.free,
            balance: view.balance(),
            version: view.version,
        },
        owner: (view.owner.kind.as_str().to_owned(), view.owner.id),
        held: view.held,
        available: view.available,
        expiring_30d: view.expiring_30d,
        lsn: view.lsn,
        created_at: moment(view.created_at),
    }
}

fn leg(act: &Act, entry: &Entry, dated: bool) -> Leg {
    let standing = &entry.standing;
    let part = act.event.part(entry.leg);
    let allocations = entry.allocations.iter().map(|part| {
        let fund = part.bucket.fund.as_str().to_owned();
        (fund, part.bucket.expires_at.map(moment), part.amount)
    });
    Leg {
        act: act.transaction.0,
        kind: entry.kind.as_str().to_owned(),
        amount: entry.amount,
        standing: Standing {
            wallet: standing.wallet.get(),
            paid: standing.paid,
            free: standing.free,
            balance: standing.balance(),
            version: standing.version,
        },
        counterparty: entry.counterparty.map(WalletId::get),
        allocations: allocations.collect(),
        note: part.map_or("", |part| part.event.description()).to_owned(),
        at: dated.then(|| moment(act.at)),
    }
}

fn wallet(id: u64) -> WalletId {
    WalletId::new(id).expect("a scenario names wallets in range")
}

fn points(amount: u64) -> Amount {
    Amount::new(amount).expect("a scenario names amounts in range")
}

fn description(note: Option<&String>) -> Description {
    let text = note.map_or("", String::as_str);
    Description::new(text).expect("a scenario's notes are short")
}

fn owner_kind(kind: &str) -> OwnerKind {
    match kind {
        "user" => OwnerKind::User,
        "company" => OwnerKind::Company,
        _ => panic!("no such owner: {kind}"),
    }
}

fn entry_type(kind: &str) -> EntryType {
    let found = EntryType::ALL
        .into_iter()
        .find(|known| known.as_str() == kind);
    found.unwrap_or_else(|| panic!("no such type: {kind}"))
}

fn instant(at: jiff::Timestamp) -> Timestamp {
    Timestamp(at.as_microsecond())
}

fn moment(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(at.0).expect("instants are in range")
}
