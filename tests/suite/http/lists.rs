//! Histories in pages: cursors that later entries never shift, links, filters, and reads that see every
//! write acknowledged before them.

use serde_json::{Value, json};
use tests::http::Connection;

use super::stand;

/// Entries beyond the one that every stand has.
const EARNED: u64 = 23;

#[test]
fn pages_join_without_gap_or_double_whatever_their_size() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    earn(&mut connection, EARNED);
    for order in ["asc", "desc"] {
        let mut whole = acts(&pages(
            &mut connection,
            &format!("?order={order}&limit=500"),
        ));
        assert_eq!(whole.len() as u64, EARNED + 1);
        for limit in [1, 2, 7, 23, 24, 25] {
            let read = pages(&mut connection, &format!("?order={order}&limit={limit}"));
            assert!(read.iter().all(|page| page.len() <= limit));
            assert_eq!(acts(&read), whole, "{order} by {limit}");
        }
        if order == "desc" {
            whole.reverse();
        }
        assert!(whole.is_sorted(), "{whole:?}");
    }
}

#[test]
fn entries_that_come_later_shift_no_page() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    earn(&mut connection, EARNED);
    let before = acts(&pages(&mut connection, "?limit=500"));
    let first = connection
        .get("/v1/wallets/1/transactions?limit=10")
        .expect(200)
        .json();
    earn(&mut connection, 5);
    let cursor = first["next_cursor"].as_str().expect("a second page");
    let path = format!("/v1/wallets/1/transactions?limit=10&cursor={cursor}");
    let second = connection.get(&path).expect(200).json();
    let joined: Vec<u64> = [&first, &second].into_iter().flat_map(acts_of).collect();
    assert_eq!(joined, before[..20]);
}

#[test]
fn a_page_links_to_the_next_one() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    earn(&mut connection, EARNED);
    let mut path = "/v1/wallets/1/transactions?type=earn&limit=10".to_owned();
    let mut seen = Vec::new();
    loop {
        let reply = connection.get(&path).expect(200);
        let body = reply.json();
        seen.extend(acts_of(&body));
        let Some(link) = reply.header("link") else {
            assert!(body["next_cursor"].is_null(), "{body}");
            break;
        };
        assert!(body["next_cursor"].is_string(), "{body}");
        let target = link
            .strip_prefix('<')
            .and_then(|link| link.split_once(">; rel=\"next\""));
        let (target, _) = target.unwrap_or_else(|| panic!("{link}"));
        let at = target.find("/v1/").expect("a path of this API");
        path = target[at..].to_owned();
    }
    assert_eq!(seen.len() as u64, EARNED + 1);
}

#[test]
fn a_bad_cursor_is_refused() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    earn(&mut connection, EARNED);
    let first = connection
        .get("/v1/wallets/1/transactions?limit=10")
        .expect(200)
        .json();
    let good = first["next_cursor"]
        .as_str()
        .expect("a second page")
        .to_owned();
    let cut = &good[..good.len() - 1];
    let mut turned = good.clone();
    let last = turned.pop().expect("a cursor has letters");
    turned.push(if last == 'A' { 'B' } else { 'A' });
    let long = "A".repeat(4_000);
    for cursor in ["", "1", "x", "%00", "null", "0", "-1", cut, long.as_str()] {
        let reply = connection.get(&format!(
            "/v1/wallets/1/transactions?limit=10&cursor={cursor}"
        ));
        assert_eq!(reply.status, 400, "{cursor}: {}", reply.text());
        reply.expect_problem(400, "invalid-cursor");
    }
    // A letter turned is refused, or leads to some other page of the same wallet: never to a fault.
    let reply = connection.get(&format!(
        "/v1/wallets/1/transactions?limit=10&cursor={turned}"
    ));
    assert!(matches!(reply.status, 200 | 400), "{}", reply.text());
}

#[test]
fn what_was_acknowledged_is_read() {
    let (_folder, server) = stand();
    let mut writer = server.connect();
    let mut reader = server.connect();
    for amount in 1..=200_u64 {
        let act = writer
            .post("/v1/wallets/1/earn", &json!({"amount": amount}))
            .expect(201)
            .json();
        let newest = reader
            .get("/v1/wallets/1/transactions?limit=1")
            .expect(200)
            .json();
        assert_eq!(newest["items"][0]["transaction"], act["id"]);
        let wallet = reader.get("/v1/wallets/1").expect(200).json();
        assert_eq!(
            (&wallet["balance"], &wallet["lsn"]),
            (&act["balance"], &act["id"])
        );
        let again = reader
            .get(&format!("/v1/transactions/{}", act["id"]))
            .expect(200)
            .json();
        assert_eq!(again["entries"][0]["amount"], amount);
    }
}

#[test]
fn long_allocations_have_a_list_of_their_own() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let operations: Vec<Value> = (0..150)
        .map(|day| {
            let expires = format!("2999-01-01T00:00:{:02}.{:06}Z", day % 60, day);
            json!({"op": "earn", "wallet": 1, "amount": 1, "expires_at": expires})
        })
        .collect();
    let body = json!({"operations": operations});
    connection.post("/v1/bulk", &body).expect(200);
    let used = connection
        .post("/v1/wallets/1/use", &json!({"amount": 250}))
        .expect(201)
        .json();
    assert_eq!(
        used["allocations"].as_array().map(Vec::len),
        Some(100),
        "{used}"
    );
    let mut path = format!("/v1/transactions/{}/allocations?limit=60", used["id"]);
    let (mut sum, mut count) = (0, 0);
    loop {
        let page = connection.get(&path).expect(200).json();
        let items = page["items"].as_array().expect("items");
        count += items.len();
        sum += items
            .iter()
            .filter_map(|item| item["amount"].as_u64())
            .sum::<u64>();
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!(
            "/v1/transactions/{}/allocations?limit=60&cursor={cursor}",
            used["id"]
        );
    }
    assert_eq!((sum, count), (250, 151));
}

fn earn(connection: &mut Connection, times: u64) {
    for _ in 0..times {
        connection
            .post("/v1/wallets/1/earn", &json!({"amount": 1}))
            .expect(201);
    }
}

/// All pages of wallet 1.
fn pages(connection: &mut Connection, query: &str) -> Vec<Vec<u64>> {
    let first = format!("/v1/wallets/1/transactions{query}");
    let mut path = first.clone();
    let mut pages = Vec::new();
    loop {
        let page = connection.get(&path).expect(200).json();
        pages.push(acts_of(&page));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("{first}&cursor={cursor}"),
            None => return pages,
        }
    }
}

fn acts(pages: &[Vec<u64>]) -> Vec<u64> {
    pages.concat()
}

fn acts_of(page: &Value) -> Vec<u64> {
    let items = page["items"].as_array().expect("items");
    items
        .iter()
        .map(|item| item["transaction"].as_u64().expect("an act"))
        .collect()
}

#[test]
fn every_filter_leaves_out_what_it_should() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    connection
        .post("/v1/wallets", &json!({"id": 2}))
        .expect(201);
    for amount in 1..=20_u64 {
        let fund = if amount % 2 == 0 { "charge" } else { "earn" };
        let path = format!("/v1/wallets/2/{fund}");
        connection
            .post(&path, &json!({"amount": amount}))
            .expect(201);
    }
    let moved = json!({"from": 2, "to": 1, "amount": 5});
    connection.post("/v1/transfers", &moved).expect(201);
    let table = [
        ("?fund=paid", 10),
        ("?fund=free", 11),
        ("?counterparty=1", 1),
        ("?counterparty=3", 0),
        ("?min_amount=11", 10),
        ("?max_amount=5", 6),
        ("?min_amount=5&max_amount=5", 2),
        ("?type=charge&min_amount=15&order=asc", 3),
        ("?type=charge,transfer_out&max_amount=6", 4),
        ("?from=2000-01-01T00:00:00Z&to=2001-01-01T00:00:00Z", 0),
    ];
    for (query, count) in table {
        let path = format!("/v1/wallets/2/transactions{query}");
        let page = connection.get(&path).expect(200).json();
        assert_eq!(acts_of(&page).len(), count, "{query}");
        assert_eq!(page["total"], count, "{query}");
        assert!(page["next_cursor"].is_null(), "{query}: {page}");
    }
}

#[test]
fn a_page_can_be_asked_for_by_its_number() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    earn(&mut connection, EARNED);
    let whole = acts(&pages(&mut connection, "?limit=500"));
    for offset in [0, 1, 10, 20, 23] {
        let path = format!("/v1/wallets/1/transactions?limit=10&offset={offset}");
        let page = connection.get(&path).expect(200).json();
        let end = (offset + 10).min(whole.len());
        assert_eq!(acts_of(&page), whole[offset..end]);
        assert_eq!(page["total"], EARNED + 1);
    }
    let path = "/v1/wallets/1/transactions?offset=1000000";
    let page = connection.get(path).expect(200).json();
    assert!(acts_of(&page).is_empty() && page["next_cursor"].is_null());
    for query in [
        "offset=-1",
        "offset=x",
        "offset=5000000000",
        "fund=gold",
        "min_amount=0",
        "counterparty=a",
    ] {
        let path = format!("/v1/wallets/1/transactions?{query}");
        connection
            .get(&path)
            .expect_problem(400, "invalid-parameter");
    }
}

#[test]
fn a_wallet_is_shown_as_it_stood() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    let acts: Vec<Value> = (1..=5_u64)
        .map(|amount| {
            let body = json!({"amount": amount, "expires_at": "2999-01-01T00:00:00Z"});
            connection
                .post("/v1/wallets/1/earn", &body)
                .expect(201)
                .json()
        })
        .collect();
    for act in &acts {
        let path = format!("/v1/wallets/1?at_lsn={}", act["id"]);
        let then = connection.get(&path).expect(200).json();
        for member in ["balance", "paid", "free", "version"] {
            assert_eq!(then[member], act[member], "{member}");
        }
        assert_eq!(then["lsn"], act["id"]);
        let lots = then["lots"].as_array().expect("lots");
        let sum: u64 = lots.iter().filter_map(|lot| lot["amount"].as_u64()).sum();
        assert_eq!(act["balance"], sum, "{then}");
    }
    let at = acts[4]["created_at"].as_str().expect("a time");
    let then = connection
        .get(&format!("/v1/wallets/1?at={at}"))
        .expect(200)
        .json();
    assert_eq!(then["balance"], acts[4]["balance"]);
    let now = connection.get("/v1/wallets/1").expect(200).json();
    assert!(now.get("lots").is_none(), "{now}");
    connection
        .get("/v1/wallets/1?at=2999-01-01T00:00:00Z")
        .expect_problem(422, "moment-ahead");
    connection
        .get("/v1/wallets/1?at_lsn=999999")
        .expect_problem(422, "moment-ahead");
    connection
        .get("/v1/wallets/1?at=2001-01-01T00:00:00Z")
        .expect_problem(404, "wallet-not-found");
    connection
        .get("/v1/wallets/1?at=2001-01-01T00:00:00Z&at_lsn=1")
        .expect_problem(400, "invalid-parameter");
}

#[test]
fn lots_are_listed_in_the_order_in_which_they_are_spent() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    connection
        .post("/v1/wallets", &json!({"id": 2}))
        .expect(201);
    let grants = [
        ("charge", 70, None),
        ("earn", 20, None),
        ("charge", 50, Some("2999-01-01T00:00:00.000000Z")),
        ("earn", 10, Some("2999-02-01T00:00:00.000000Z")),
        ("earn", 5, Some("2999-01-01T00:00:00.000000Z")),
        ("earn", 6, Some("2999-01-01T00:00:00.000000Z")),
    ];
    for (verb, amount, until) in grants {
        let path = format!("/v1/wallets/2/{verb}");
        let body = json!({"amount": amount, "expires_at": until});
        connection.post(&path, &body).expect(201);
    }
    let row = |number: usize| {
        let (verb, amount, until) = grants[number];
        let fund = if verb == "earn" { "free" } else { "paid" };
        json!({"number": number, "fund": fund, "expires_at": until, "remaining": amount})
    };
    let spent: Vec<Value> = [4, 5, 3, 1, 2, 0].map(row).into();
    for limit in 1..=7 {
        assert_eq!(lots(&mut connection, limit), spent, "by {limit}");
    }
    // A use between two pages shifts none of the others.
    let first = "/v1/wallets/2/lots?limit=2";
    let page = connection.get(first).expect(200).json();
    connection
        .post("/v1/wallets/2/use", &json!({"amount": 12}))
        .expect(201);
    let cursor = page["next_cursor"].as_str().expect("a second page");
    let path = format!("{first}&cursor={cursor}");
    let page = connection.get(&path).expect(200).json();
    let rest = json!({"number": 3, "fund": "free", "expires_at": grants[3].2, "remaining": 9});
    assert_eq!(page["items"], json!([rest, row(1)]));
    let other = format!("/v1/wallets/1/lots?limit=2&cursor={cursor}");
    connection.get(&other).expect_problem(400, "invalid-cursor");
    connection
        .get("/v1/wallets/9/lots")
        .expect_problem(404, "wallet-not-found");
}

#[test]
fn holds_and_pending_grants_are_listed_with_what_began_them() {
    let (_folder, server) = stand();
    let mut connection = server.connect();
    connection
        .post("/v1/wallets", &json!({"id": 2}))
        .expect(201);
    connection
        .post("/v1/wallets/2/charge", &json!({"amount": 1_000}))
        .expect(201);
    let (mut holds, mut grants) = (Vec::new(), Vec::new());
    for amount in 1..=5 {
        let hold = json!({"amount": amount, "expires_at": "2999-01-01T00:00:00Z"});
        let hold = connection.post("/v1/wallets/2/holds", &hold).expect(201);
        holds.push((hold.json()["id"].clone(), amount));
        let grant = json!({"amount": amount, "pending": true});
        let grant = connection.post("/v1/wallets/2/earn", &grant).expect(201);
        grants.push((grant.json()["id"].clone(), amount));
    }
    for limit in 1..=6 {
        let told = |items: Vec<Value>| -> Vec<(Value, u64)> {
            let pair = |item: &Value| (item["transaction"].clone(), item["amount"].as_u64());
            let pairs = items.iter().map(pair);
            pairs.map(|(id, amount)| (id, amount.unwrap())).collect()
        };
        let list = all(&mut connection, "/v1/wallets/2/holds", limit);
        assert_eq!(told(list), holds, "by {limit}");
        let list = all(&mut connection, "/v1/wallets/2/pending", limit);
        assert_eq!(told(list), grants, "by {limit}");
    }
    // What ends between two pages shifts none of the others.
    let first = "/v1/wallets/2/holds?limit=2";
    let page = connection.get(first).expect(200).json();
    let path = format!("/v1/holds/{}/release", holds[1].0);
    connection.post(&path, &json!({})).expect(201);
    let cursor = page["next_cursor"].as_str().expect("a second page");
    let page = connection.get(&format!("{first}&cursor={cursor}"));
    let page = page.expect(200).json();
    assert_eq!(page["items"][0]["transaction"], holds[2].0);
    let other = format!("/v1/wallets/2/pending?cursor={cursor}");
    connection.get(&other).expect_problem(400, "invalid-cursor");
}

/// All lots of wallet 2.
fn lots(connection: &mut Connection, limit: usize) -> Vec<Value> {
    all(connection, "/v1/wallets/2/lots", limit)
}

/// All items of a list, page by page.
fn all(connection: &mut Connection, list: &str, limit: usize) -> Vec<Value> {
    let mut path = format!("{list}?limit={limit}");
    let mut all = Vec::new();
    loop {
        let reply = connection.get(&path).expect(200);
        let page = reply.json();
        let items = page["items"].as_array().expect("items");
        assert!(items.len() <= limit);
        all.extend(items.iter().cloned());
        let Some(cursor) = page["next_cursor"].as_str() else {
            return all;
        };
        assert!(
            reply
                .header("link")
                .is_some_and(|link| link.contains(cursor))
        );
        path = format!("{list}?limit={limit}&cursor={cursor}");
    }
}
