//! HTTP as a door: the same asks as requests over a socket, the same answers read from JSON.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Door;
use super::answer::{Answer, Leg, NUMBERS, Standing, WalletSeen};
use super::ask::Ask;
use crate::http::{Connection, Reply};
use crate::inside::InsideServer;

/// Statuses of the refusals that scenarios meet, as the HTTP pages state them.
const STATUSES: [(&str, u16); 13] = [
    ("wallet-not-found", 404),
    ("transaction-not-found", 404),
    ("wallet-exists", 409),
    ("same-wallet", 422),
    ("not-cancellable", 422),
    ("cancel-window-over", 409),
    ("over-cancel", 409),
    ("expires-at-past", 422),
    ("insufficient-balance", 422),
    ("balance-limit", 422),
    ("lot-limit", 422),
    ("act-too-large", 422),
    ("idempotency-mismatch", 422),
];

/// A server in this process with a connection to it.
pub struct HttpDoor {
    server: InsideServer,
    connection: Connection,
}

// === impl HttpDoor ===

impl HttpDoor {
    /// A server over an empty engine at the start of 1970. The seed decides what power cuts leave.
    pub fn open(seed: u64) -> Self {
        let server = InsideServer::start(seed);
        let connection = server.connect();
        Self { server, connection }
    }

    fn command(&mut self, path: &str, key: Option<&String>, body: &Value) -> Answer {
        let reply = match key {
            Some(key) => self.connection.post_keyed(path, key, body),
            None => self.connection.post(path, body),
        };
        let replayed = reply.header("idempotent-replayed") == Some("true");
        if reply.status != 201 {
            return refused(&reply, replayed);
        }
        let body = reply.json();
        if path == "/v1/wallets" {
            let location = format!("/v1/wallets/{}", body["id"]);
            assert_eq!(reply.header("location"), Some(location.as_str()));
            let wallet = wallet_seen(&body);
            return Answer::Wallet { wallet, replayed };
        }
        if path == "/v1/bulk" {
            check_results(&body);
        }
        let legs = legs_of(&body, false);
        Answer::Act { legs, replayed }
    }

    fn history(&mut self, first: &str) -> Answer {
        let mut pages = Vec::new();
        let mut total = None;
        let mut path = first.to_owned();
        loop {
            let reply = self.connection.get(&path);
            if reply.status != 200 {
                return refused(&reply, false);
            }
            let body = reply.json();
            let items = body["items"].as_array().expect("items");
            pages.push(items.iter().map(|item| leg(item, item, true)).collect());
            let told = total.get_or_insert_with(|| total_told(&body));
            match body["next_cursor"].as_str() {
                Some(cursor) => {
                    let link = reply.header("link").expect("a next page has a link");
                    assert!(
                        link.contains("rel=\"next\"") && link.contains(cursor),
                        "{link}"
                    );
                    let mark = if first.contains('?') { '&' } else { '?' };
                    path = format!("{first}{mark}cursor={cursor}");
                }
                None => {
                    let total = told.clone();
                    return Answer::History { pages, total };
                }
            }
        }
    }

    fn read(&mut self, ask: &Ask) -> Answer {
        match ask {
            Ask::Wallet(id) => {
                let reply = self.connection.get(&format!("/v1/wallets/{id}"));
                if reply.status != 200 {
                    return refused(&reply, false);
                }
                let wallet = wallet_seen(&reply.json());
                Answer::Wallet {
                    wallet,
                    replayed: false,
                }
            }
            Ask::Transaction(id) => {
                let reply = self.connection.get(&format!("/v1/transactions/{id}"));
                if reply.status != 200 {
                    return refused(&reply, false);
                }
                let legs = legs_of(&reply.json(), true);
                Answer::Act {
                    legs,
                    replayed: false,
                }
            }
            Ask::History { .. } => self.history(&history_path(ask)),
            Ask::At(_)
            | Ask::Sweep
            | Ask::Restart
            | Ask::Crash(_)
            | Ask::Create { .. }
            | Ask::Grant { .. }
            | Ask::Use { .. }
            | Ask::Transfer { .. }
            | Ask::Cancel { .. }
            | Ask::Batch { .. } => unreachable!("{ask:?} is no read"),
        }
    }
}

impl Door for HttpDoor {
    fn answer(&mut self, ask: &Ask) -> Answer {
        match ask {
            Ask::At(instant) => {
                self.server.inside.clock.set(instant.as_microsecond());
                Answer::Done
            }
            Ask::Sweep => {
                self.server.sweep();
                Answer::Done
            }
            Ask::Restart => {
                self.server.restart();
                self.connection = self.server.connect();
                Answer::Done
            }
            Ask::Crash(seed) => {
                self.server.crash(*seed);
                self.connection = self.server.connect();
                Answer::Done
            }
            Ask::Wallet(_) | Ask::Transaction(_) | Ask::History { .. } => self.read(ask),
            Ask::Create { key, .. }
            | Ask::Grant { key, .. }
            | Ask::Use { key, .. }
            | Ask::Transfer { key, .. }
            | Ask::Cancel { key, .. }
            | Ask::Batch { key, .. } => {
                let (path, body) = request(ask);
                self.command(&path, key.as_ref(), &body)
            }
        }
    }
}

/// Path and body of a command.
fn request(ask: &Ask) -> (String, Value) {
    let mut body = Map::new();
    let path = match ask {
        Ask::Create { wallet, owner, .. } => {
            body = create(*wallet, owner.as_ref());
            "/v1/wallets".to_owned()
        }
        Ask::Grant {
            paid,
            wallet,
            amount,
            until,
            note,
            ..
        } => {
            body = grant(*amount, *until);
            describe(&mut body, note.as_ref());
            format!("/v1/wallets/{wallet}/{}", verb(*paid))
        }
        Ask::Use {
            wallet,
            amount,
            note,
            ..
        } => {
            body.insert("amount".to_owned(), json!(amount));
            describe(&mut body, note.as_ref());
            format!("/v1/wallets/{wallet}/use")
        }
        Ask::Transfer {
            from,
            to,
            amount,
            note,
            ..
        } => {
            body.insert("from".to_owned(), json!(from));
            body.insert("to".to_owned(), json!(to));
            body.insert("amount".to_owned(), json!(amount));
            describe(&mut body, note.as_ref());
            "/v1/transfers".to_owned()
        }
        Ask::Cancel {
            transaction,
            leg,
            amount,
            note,
            ..
        } => {
            let given = |name: &str, number: Option<u64>| Some((name.to_owned(), json!(number?)));
            body.extend(given("leg", leg.map(u64::from)));
            body.extend(given("amount", *amount));
            describe(&mut body, note.as_ref());
            format!("/v1/transactions/{transaction}/cancel")
        }
        Ask::Batch { items, .. } => {
            body = batch(items);
            "/v1/bulk".to_owned()
        }
        Ask::At(_)
        | Ask::Wallet(_)
        | Ask::Transaction(_)
        | Ask::History { .. }
        | Ask::Sweep
        | Ask::Restart
        | Ask::Crash(_) => unreachable!("{ask:?} is no command"),
    };
    (path, Value::Object(body))
}

fn verb(paid: bool) -> &'static str {
    if paid { "charge" } else { "earn" }
}

fn grant(amount: u64, until: Option<Timestamp>) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("amount".to_owned(), json!(amount));
    if let Some(until) = until {
        body.insert("expires_at".to_owned(), json!(until.to_string()));
    }
    body
}

fn batch(items: &[Ask]) -> Map<String, Value> {
    let operations: Vec<Value> = items.iter().map(operation).collect();
    let mut body = Map::new();
    body.insert("atomic".to_owned(), json!(true));
    body.insert("operations".to_owned(), json!(operations));
    body
}

/// A command as an operation of a bulk.
fn operation(ask: &Ask) -> Value {
    let (_, mut body) = request(ask);
    let (op, place) = match ask {
        Ask::Create { .. } => ("create", None),
        Ask::Grant { paid, wallet, .. } => (verb(*paid), Some(("wallet", *wallet))),
        Ask::Use { wallet, .. } => ("use", Some(("wallet", *wallet))),
        Ask::Transfer { .. } => ("transfer", None),
        Ask::Cancel { transaction, .. } => ("cancel", Some(("transaction", *transaction))),
        Ask::Batch { .. }
        | Ask::At(_)
        | Ask::Wallet(_)
        | Ask::Transaction(_)
        | Ask::History { .. }
        | Ask::Sweep
        | Ask::Restart
        | Ask::Crash(_) => unreachable!("{ask:?} is no operation"),
    };
    body["op"] = json!(op);
    if let Some((name, number)) = place {
        body[name] = json!(number);
    }
    body
}

/// Each operation of a batch is told how its first entry left the wallet.
fn check_results(body: &Value) {
    let results = body["results"].as_array().expect("results");
    let mut legs = results.iter().map(|result| {
        let leg = number(&result["leg"]) as usize;
        let entry = &body["entries"][leg];
        assert_eq!(result["status"], 201, "{body}");
        assert_eq!(result["balance"], entry["balance"], "{body}");
        assert_eq!(result["version"], entry["version"], "{body}");
        leg
    });
    assert!(legs.by_ref().is_sorted_by(|a, b| a < b), "{body}");
}

fn create(wallet: u64, owner: Option<&(String, u64)>) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("id".to_owned(), json!(wallet));
    if let Some((kind, id)) = owner {
        body.insert("owner".to_owned(), json!({"type": kind, "id": id}));
    }
    body
}

fn describe(body: &mut Map<String, Value>, note: Option<&String>) {
    if let Some(note) = note {
        body.insert("description".to_owned(), json!(note));
    }
}

fn history_path(ask: &Ask) -> String {
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
    let mut query: Vec<String> = Vec::new();
    if !kinds.is_empty() {
        query.push(format!("type={}", kinds.join(",")));
    }
    query.extend(from.map(|at| format!("from={at}")));
    query.extend(to.map(|at| format!("to={at}")));
    if *oldest_first {
        query.push("order=asc".to_owned());
    }
    query.extend(limit.map(|limit| format!("limit={limit}")));
    let mark = if query.is_empty() { "" } else { "?" };
    format!("/v1/wallets/{wallet}/transactions{mark}{}", query.join("&"))
}

fn total_told(body: &Value) -> String {
    match (body["total"].as_u64(), body["total_at_least"].as_u64()) {
        (Some(total), None) => format!("{total} in all"),
        (None, Some(total)) => format!("{total} or more"),
        _ => panic!("no total in {body}"),
    }
}

fn refused(reply: &Reply, replayed: bool) -> Answer {
    let code = reply.code();
    let stated = STATUSES.iter().find(|(known, _)| *known == code);
    let (_, status) = stated.unwrap_or_else(|| panic!("{}: {}", reply.status, reply.text()));
    let reply = reply.clone().expect_problem(*status, &code);
    let body = reply.json();
    let numbers = NUMBERS.iter().filter_map(|name| {
        let number = body[*name].as_u64()?;
        Some(((*name).to_owned(), number))
    });
    Answer::Refused {
        code,
        numbers: numbers.collect(),
        replayed,
    }
}

fn wallet_seen(body: &Value) -> WalletSeen {
    let mut standing = body.clone();
    standing["wallet"] = body["id"].clone();
    WalletSeen {
        standing: standing_seen(&standing),
        owner: (text(&body["owner"]["type"]), number(&body["owner"]["id"])),
        held: number(&body["held"]),
        available: number(&body["available"]),
        expiring_30d: number(&body["expiring_30d"]),
        lsn: number(&body["lsn"]),
        created_at: instant(&body["created_at"]),
    }
}

/// The legs of a transaction, or the one that a wallet's route flattens into it.
fn legs_of(body: &Value, dated: bool) -> Vec<Leg> {
    match body["entries"].as_array() {
        Some(entries) => {
            let legs = entries.iter().enumerate();
            legs.map(|(at, entry)| {
                assert_eq!(entry["leg"], at, "{body}");
                leg(body, entry, dated)
            })
            .collect()
        }
        None => vec![leg(body, body, dated)],
    }
}

/// One leg; what belongs to the whole act stands in `act`.
fn leg(act: &Value, entry: &Value, dated: bool) -> Leg {
    let id = if act["id"].is_null() {
        &act["transaction"]
    } else {
        &act["id"]
    };
    // In a batch each entry has its own.
    let note = entry.get("description").unwrap_or(&act["description"]);
    let at = instant(&act["created_at"]);
    let allocations = entry["allocations"].as_array().expect("allocations");
    let allocations = allocations.iter().map(|part| {
        let until = &part["expires_at"];
        let until = (!until.is_null()).then(|| instant(until));
        (text(&part["fund"]), until, number(&part["amount"]))
    });
    Leg {
        act: number(id),
        kind: text(&entry["type"]),
        amount: number(&entry["amount"]),
        standing: standing_seen(entry),
        counterparty: entry["counterparty"].as_u64(),
        allocations: allocations.collect(),
        note: note.as_str().unwrap_or_default().to_owned(),
        at: dated.then_some(at),
    }
}

fn standing_seen(body: &Value) -> Standing {
    Standing {
        wallet: number(&body["wallet"]),
        paid: points(&body["paid"]),
        free: points(&body["free"]),
        balance: points(&body["balance"]),
        version: number(&body["version"]),
    }
}

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

fn points(value: &Value) -> i64 {
    value
        .as_i64()
        .unwrap_or_else(|| panic!("{value} is no number of points"))
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

fn instant(value: &Value) -> Timestamp {
    let text = text(value);
    assert!(
        text.ends_with('Z') && text.len() == "2026-01-01T00:00:00.000000Z".len(),
        "{text}"
    );
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}
