//! A business day in small: many wallets, few of them busy, single requests and bulks, every request under a
//! key, and two kills on the way. In the end every balance is what a plain map says, and the tool finds the
//! log sound. `scrip-bench day` is the same at full size.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tests::http::{Connection, Reply};
use tests::launch::{Launch, Server};
use tests::random::Random;
use tests::scale;
use tests::scenario::{Answer, Ask, Door, Oracle};
use tests::wal_tool::WalTool;

const WALLETS: u64 = 1_000;

/// Operations of an everyday run.
const OPERATIONS: usize = 15_000;

/// Operations of one bulk request; every so often one is sent alone.
const BATCH: usize = 300;

/// The day with its plain map.
struct Day {
    random: Random,
    oracle: Oracle,
    asked: u64,
}

#[test]
fn a_business_day_with_two_kills_ends_as_the_plain_map_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let points = folder.path().join("points");
    let launch = Launch::new(&points);
    let mut day = Day::new(Random::seed());
    let mut server = launch.start();
    create_wallets(&server, &mut day.oracle);
    let batches = scale::times(OPERATIONS) / BATCH;
    for batch in 0..batches {
        let asks: Vec<Ask> = (0..BATCH).map(|_| day.ask()).collect();
        if batch == batches / 3 || batch == batches * 2 / 3 {
            // It is not waited for: the kill meets it wherever it is.
            let mut connection = server.connect();
            let request = connection.render("POST", "/v1/bulk", &[], Some(&bulk(&asks)));
            connection.send(&request).expect("sent");
            server.kill();
            server = launch.start();
        }
        let mut connection = server.connect();
        match batch % 10 {
            9 => singly(&mut connection, &asks, &mut day.oracle),
            _ => together(&mut connection, &asks, &mut day.oracle),
        }
    }
    let mut connection = server.connect();
    for wallet in 1..=WALLETS {
        let seen = connection
            .get(&format!("/v1/wallets/{wallet}"))
            .expect(200)
            .json();
        let Answer::Wallet { wallet: due, .. } = day.oracle.answer(&Ask::Wallet(wallet)) else {
            unreachable!("every wallet was created");
        };
        let stands = ["paid", "free", "version"].map(|name| seen[name].as_u64());
        let due = [
            due.standing.paid.cast_unsigned(),
            due.standing.free.cast_unsigned(),
            due.standing.version,
        ];
        assert_eq!(stands, due.map(Some), "wallet {wallet}");
    }
    let ended = server.stop();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    WalTool::on(&points).run(&["verify", "--deep"]).expect(0);
}

// === impl Day ===

impl Day {
    fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            oracle: Oracle::default(),
            asked: 0,
        }
    }

    /// One operation: 5 % transfers, about 2 % of all refused, the rest grants and uses of what is there.
    fn ask(&mut self) -> Ask {
        self.asked += 1;
        let key = Some(format!("day-{}", self.asked));
        let wallet = self.wallet();
        let note = None;
        match self.random.below(100) {
            0..5 => Ask::Transfer {
                from: wallet,
                to: wallet % WALLETS + 1,
                amount: self.random.between(1, 20),
                note,
                key,
            },
            5..7 => Ask::Use {
                wallet,
                amount: 1 << 40,
                note,
                key,
            },
            7..40 => Ask::Use {
                wallet,
                amount: self.random.between(1, 40),
                note,
                key,
            },
            choice => Ask::Grant {
                paid: choice % 2 == 0,
                wallet,
                amount: self.random.between(10, 100),
                until: None::<Timestamp>,
                note,
                key,
            },
        }
    }

    /// Skewed: each halving of the range is as busy as the rest of it.
    fn wallet(&mut self) -> u64 {
        let halvings = self.random.below(10);
        self.random.between(1, (WALLETS >> halvings).max(1))
    }
}

fn create_wallets(server: &Server, oracle: &mut Oracle) {
    let operations: Vec<Value> = (1..=WALLETS)
        .map(|id| json!({"op": "create", "id": id}))
        .collect();
    let reply = server
        .connect()
        .post("/v1/bulk", &json!({"operations": operations}))
        .expect(200);
    for result in reply.json()["results"].as_array().expect("results") {
        assert_eq!(result["status"], 201);
    }
    for wallet in 1..=WALLETS {
        oracle.answer(&Ask::Create {
            wallet,
            owner: None,
            key: None,
        });
    }
}

/// One bulk request; every result is what the plain map answers.
fn together(connection: &mut Connection, asks: &[Ask], oracle: &mut Oracle) {
    let reply = connection.request("POST", "/v1/bulk", &[], Some(&bulk(asks)));
    let reply = reply.expect("an answer").expect(200).json();
    let results = reply["results"].as_array().expect("results");
    assert_eq!(results.len(), asks.len());
    for (ask, result) in asks.iter().zip(results) {
        same(ask, result["status"].as_u64() == Some(201), result, oracle);
    }
}

/// One request each.
fn singly(connection: &mut Connection, asks: &[Ask], oracle: &mut Oracle) {
    for ask in asks {
        let (path, key, body) = single(ask);
        let reply: Reply = connection.post_keyed(&path, &key, &body);
        let body = reply.json();
        let own = if body["entries"].is_array() {
            &body["entries"][0]
        } else {
            &body
        };
        let mut result = own.clone();
        result["code"] = body["code"].clone();
        same(ask, reply.status == 201, &result, oracle);
    }
}

/// Balance and version after it, or the code of the refusal.
fn same(ask: &Ask, done: bool, result: &Value, oracle: &mut Oracle) {
    match oracle.answer(ask) {
        Answer::Act { legs, .. } => {
            assert!(done, "{ask:?}: {result}");
            let standing = &legs[0].standing;
            let seen = ["balance", "version"].map(|name| result[name].as_u64());
            assert_eq!(
                seen,
                [standing.balance.cast_unsigned(), standing.version].map(Some),
                "{ask:?}: {result}"
            );
        }
        Answer::Refused { code, .. } => {
            assert!(!done, "{ask:?}: {result}");
            assert_eq!(result["code"].as_str(), Some(code.as_str()), "{ask:?}");
        }
        other @ (Answer::Done | Answer::Wallet { .. } | Answer::History { .. }) => {
            unreachable!("{other:?} answers no command")
        }
    }
}

fn bulk(asks: &[Ask]) -> Vec<u8> {
    let operations: Vec<Value> = asks.iter().map(operation).collect();
    json!({"operations": operations}).to_string().into_bytes()
}

/// The operation with its name and key, as a bulk takes it.
fn operation(ask: &Ask) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    match ask {
        Ask::Transfer {
            from,
            to,
            amount,
            key,
            ..
        } => {
            put("op", json!("transfer"));
            put("from", json!(from));
            put("to", json!(to));
            put("amount", json!(amount));
            put("key", json!(key));
        }
        Ask::Use {
            wallet,
            amount,
            key,
            ..
        } => {
            put("op", json!("use"));
            put("wallet", json!(wallet));
            put("amount", json!(amount));
            put("key", json!(key));
        }
        Ask::Grant {
            paid,
            wallet,
            amount,
            key,
            ..
        } => {
            put("op", json!(if *paid { "charge" } else { "earn" }));
            put("wallet", json!(wallet));
            put("amount", json!(amount));
            put("key", json!(key));
        }
        Ask::At(_)
        | Ask::Create { .. }
        | Ask::Cancel { .. }
        | Ask::Batch { .. }
        | Ask::Wallet(_)
        | Ask::Transaction(_)
        | Ask::History { .. }
        | Ask::Sweep
        | Ask::Restart
        | Ask::Crash(_) => unreachable!("the day has no {ask:?}"),
    }
    Value::Object(fields)
}

/// The same operation alone: path, key, body.
fn single(ask: &Ask) -> (String, String, Value) {
    let mut fields = operation(ask);
    let fields = fields.as_object_mut().expect("an operation is an object");
    let op = fields.remove("op").expect("it has a name");
    let key = fields.remove("key").expect("it has a key");
    let path = match fields.remove("wallet") {
        Some(wallet) => format!("/v1/wallets/{wallet}/{}", op.as_str().unwrap_or_default()),
        None => "/v1/transfers".to_owned(),
    };
    let key = key.as_str().expect("a key is text").to_owned();
    (path, key, Value::Object(fields.clone()))
}
