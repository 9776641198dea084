//! Many operations in one request: one result each, in their order, durable or refused one by one.

use serde_json::{Value, json};
use tests::audit::Audit;

use super::stand;

/// Most operations of one request.
const OPERATIONS_MAX: usize = 10_000;

#[test]
fn results_stand_in_the_order_of_the_operations() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let operations = json!({"operations": [
        {"op": "create", "id": 2},
        {"op": "earn", "wallet": 2, "amount": 10},
        {"op": "charge", "wallet": 2, "amount": 20, "description": "in one go"},
        {"op": "use", "wallet": 2, "amount": 40},
        {"op": "use", "wallet": 2, "amount": 25},
        {"op": "transfer", "from": 1, "to": 2, "amount": 50},
        {"op": "earn", "wallet": 9, "amount": 1},
        {"op": "create", "id": 2},
        {"op": "earn", "wallet": 2, "amount": 0},
        {"op": "dance", "wallet": 2},
        {"wallet": 2, "amount": 5},
        {"op": "earn", "wallet": 2, "amount": 5, "colour": 1},
        7,
        {"op": "earn", "wallet": 2, "amount": 5}
    ]});
    let results = results(&connection.post("/v1/bulk", &operations).expect(200).json());
    let seen: Vec<(u64, &str)> = results.iter().map(status_and_code).collect();
    let due = [
        (201, ""),
        (201, ""),
        (201, ""),
        (422, "insufficient-balance"),
        (201, ""),
        (201, ""),
        (404, "wallet-not-found"),
        (409, "wallet-exists"),
        (422, "invalid-field"),
        (422, "invalid-field"),
        (422, "invalid-field"),
        (422, "invalid-field"),
        (422, "invalid-field"),
        (201, ""),
    ];
    assert_eq!(seen, due);
    assert_eq!(
        (&results[4]["balance"], &results[4]["version"]),
        (&json!(5), &json!(4))
    );
    assert_eq!(results[3]["available"], 30);
    assert_eq!(results[3]["requested"], 40);
    let wallet = connection.get("/v1/wallets/2").expect(200).json();
    assert_eq!(
        (&wallet["balance"], &wallet["version"]),
        (&json!(60), &json!(6))
    );
    let act = connection
        .get(&format!("/v1/transactions/{}", results[2]["id"]))
        .expect(200)
        .json();
    assert_eq!(act["description"], "in one go");
}

#[test]
fn effects_on_one_wallet_are_in_array_order() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    // Each use needs the very grant before it, so any other order would refuse some.
    connection
        .post("/v1/wallets/1/use", &json!({"amount": 100}))
        .expect(201);
    let operations: Vec<Value> = (1..=OPERATIONS_MAX as u64 / 2)
        .flat_map(|amount| {
            [
                json!({"op": "earn", "wallet": 1, "amount": amount}),
                json!({"op": "use", "wallet": 1, "amount": amount}),
            ]
        })
        .collect();
    assert_eq!(operations.len(), OPERATIONS_MAX);
    let reply = connection
        .post("/v1/bulk", &json!({"operations": operations}))
        .expect(200);
    let results = results(&reply.json());
    assert!(results.iter().all(|result| result["status"] == 201));
    let versions: Vec<u64> = results
        .iter()
        .filter_map(|result| result["version"].as_u64())
        .collect();
    assert_eq!(
        versions,
        (4..4 + OPERATIONS_MAX as u64).collect::<Vec<u64>>()
    );
    let mut audit = Audit::default();
    audit.read_on(&mut connection, [1]);
    assert_eq!(
        (audit.balance(1), audit.version(1)),
        (0, 3 + OPERATIONS_MAX as u64)
    );
}

#[test]
fn keys_stand_at_the_operations() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let operations = json!({"operations": [
        {"op": "earn", "wallet": 1, "amount": 5, "key": "b1"},
        {"op": "use", "wallet": 1, "amount": 500, "key": "b2"},
        {"op": "earn", "wallet": 1, "amount": 7}
    ]});
    let first = results(&connection.post("/v1/bulk", &operations).expect(200).json());
    let second = results(&connection.post("/v1/bulk", &operations).expect(200).json());
    assert_eq!(first[0]["id"], second[0]["id"]);
    assert_eq!(first[0]["version"], second[0]["version"]);
    assert_eq!(status_and_code(&second[1]), (422, "insufficient-balance"));
    assert_eq!(first[1]["available"], second[1]["available"]);
    assert_ne!(
        first[2]["id"], second[2]["id"],
        "without a key it is another operation"
    );
    let other = json!({"operations": [{"op": "earn", "wallet": 1, "amount": 6, "key": "b1"}]});
    let third = results(&connection.post("/v1/bulk", &other).expect(200).json());
    assert_eq!(status_and_code(&third[0]), (422, "idempotency-mismatch"));
    let headed = connection.post_keyed("/v1/bulk", "b3", &operations);
    headed.expect_problem(422, "idempotency-key-per-item");
    let bad = json!({"operations": [{"op": "earn", "wallet": 1, "amount": 6, "key": "a b"}]});
    let bad = results(&connection.post("/v1/bulk", &bad).expect(200).json());
    assert_eq!(bad[0]["status"], 422);
    let wallet = connection.get("/v1/wallets/1").expect(200).json();
    assert_eq!(wallet["balance"], 100 + 5 + 7 + 7);
}

#[test]
fn one_key_twice_in_one_request_is_one_operation() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let operation = json!({"op": "earn", "wallet": 1, "amount": 5, "key": "same"});
    let body = json!({"operations": [operation, operation, operation]});
    let results = results(&connection.post("/v1/bulk", &body).expect(200).json());
    assert!(
        results
            .iter()
            .all(|result| result["id"] == results[0]["id"]),
        "{results:?}"
    );
    let wallet = connection.get("/v1/wallets/1").expect(200).json();
    assert_eq!(
        (&wallet["balance"], &wallet["version"]),
        (&json!(105), &json!(3))
    );
}

#[test]
fn the_number_of_operations_is_bounded() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let none = connection.post("/v1/bulk", &json!({"operations": []}));
    assert!(matches!(none.status, 200 | 422), "{}", none.text());
    let operation = json!({"op": "earn", "wallet": 1, "amount": 1});
    let many = vec![operation; OPERATIONS_MAX + 1];
    let reply = connection.post("/v1/bulk", &json!({"operations": many}));
    assert!(matches!(reply.status, 413 | 422), "{}", reply.text());
    let wallet = connection.get("/v1/wallets/1").expect(200).json();
    assert_eq!(
        wallet["version"], 2,
        "a request that is too long does nothing"
    );
    let body = br#"{"operations":[{"op":"earn","wallet":1,"amount":1},"#;
    let reply = connection
        .request("POST", "/v1/bulk", &[], Some(body))
        .expect("an answer");
    reply.expect_problem(400, "malformed-json");
}

fn results(body: &Value) -> Vec<Value> {
    body["results"].as_array().expect("results").clone()
}

fn status_and_code(result: &Value) -> (u64, &str) {
    let code = result["code"].as_str().unwrap_or_default();
    (result["status"].as_u64().expect("a status"), code)
}
