//! Bulk bodies, and results in their order.

use std::cell::Cell;
use std::sync::Arc;

use engine::domain::{
    Amount, Command, Description, Event, Granted, Owner, Rejection, Standing, Timestamp,
    TransactionId, WalletCreated, WalletId,
};
use engine::{Act, Receipt, Refusal};

use super::{Bulk, write_results};
use crate::key;
use crate::problem::{Code, Problem};

fn read(body: &str) -> Result<Bulk, Box<Problem>> {
    let next = Cell::new(1 << 52);
    Bulk::read(body.as_bytes(), &|| {
        let id = next.get();
        next.set(id + 1);
        WalletId::new(id).unwrap()
    })
}

fn problem(body: &str) -> Box<Problem> {
    match read(body) {
        Err(problem) => problem,
        Ok(_) => panic!("{body} was taken"),
    }
}

fn pointers(problem: &Problem) -> Vec<&str> {
    problem
        .faults
        .iter()
        .map(|fault| fault.pointer.as_str())
        .collect()
}

#[test]
fn every_operation_is_read() {
    let bulk = read(
        r#"{"operations":[
            {"op":"create"},
            {"op":"create","id":5,"owner":{"type":"company","id":9}},
            {"amount":1,"wallet":1,"op":"charge"},
            {"op":"earn","wallet":1,"amount":2,"expires_at":"2030-01-01T00:00:00Z","description":"x"},
            {"op":"use","wallet":1,"amount":3},
            {"op":"transfer","from":1,"to":2,"amount":4},
            {"op":"cancel","transaction":6},
            {"op":"cancel","transaction":6,"amount":1}
        ]}"#,
    )
    .unwrap();
    assert!(bulk.faults.is_empty());
    let kinds: Vec<&str> = bulk
        .wanted
        .iter()
        .map(|request| match &request.command {
            Command::CreateWallet(create) if create.wallet.get() == 1 << 52 => "allotted",
            Command::CreateWallet(_) => "create",
            Command::Charge(_) => "charge",
            Command::Earn(_) => "earn",
            Command::Use(_) => "use",
            Command::Transfer(_) => "transfer",
            Command::Cancel(cancel) if cancel.amount.is_none() => "cancel all",
            Command::Cancel(_) => "cancel",
            Command::ChangeSettings(_)
            | Command::CloseDay(_)
            | Command::ChangeStatus(_)
            | Command::Adjust(_)
            | Command::PlaceHold(_)
            | Command::CaptureHold(_)
            | Command::ReleaseHold(_)
            | Command::CreateCompany(_)
            | Command::JoinCompany(_)
            | Command::LeaveCompany(_)
            | Command::CompanyUse(_)
            | Command::ActivateGrant(_)
            | Command::VoidGrant(_)
            | Command::CloseSettlement(_)
            | Command::MoveSettlement(_)
            | Command::RunSettlement(_) => "none of a bulk",
            Command::GrantLater(_) => "grant later",
            Command::Conditional(_) => "conditional",
            Command::UseUpTo(_) => "use_up_to",
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "allotted",
            "create",
            "charge",
            "earn",
            "use",
            "transfer",
            "cancel all",
            "cancel"
        ]
    );
    assert!(bulk.wanted.iter().all(|request| request.key.is_none()));
}

#[test]
fn a_key_is_hashed_with_the_bytes_of_its_item() {
    let item = r#"{"op":"use", "wallet":1,"amount":3,"key":"k"}"#;
    let bulk = read(&format!(
        r#"{{"operations":[{{"op":"no"}} , {{"op":"use","wallet":1,"amount":3}},{item}]}}"#
    ));
    let bulk = bulk.unwrap();
    assert_eq!(bulk.wanted.len(), 2);
    assert_eq!(bulk.wanted[0].key, None);
    let expected = key::digest("POST /v1/bulk", "k", "/v1/bulk", item.as_bytes());
    assert_eq!(bulk.wanted[1].key, Some(expected));
}

#[test]
fn faults_of_an_item_are_its_own() {
    let body = r#"{"operations":[
        {"op":"use","wallet":1,"amount":1},
        {"op":"use","wallet":1},
        5,
        {"op":"fly"},
        {},
        {"op":7},
        {"op":"use","wallet":1,"amount":1,"from":2},
        {"op":"use","wallet":1,"amount":1,"key":""},
        {"op":"use","wallet":1,"amount":1,"key":"a b"},
        {"op":"use","wallet":1,"amount":1,"amount":1},
        {"op":"create","id":4503599627370496}
    ]}"#;
    let bulk = read(body).unwrap();
    assert_eq!(bulk.wanted.len(), 1);
    let faults: Vec<(usize, Vec<&str>)> = bulk
        .faults
        .iter()
        .map(|(at, problem)| (*at, pointers(problem)))
        .collect();
    let expected = [
        (1, vec!["/amount"]),
        (2, vec![""]),
        (3, vec!["/op"]),
        (4, vec!["/op"]),
        (5, vec!["/op"]),
        (6, vec!["/from"]),
        (7, vec!["/key"]),
        (8, vec!["/key"]),
        (9, vec!["/amount"]),
        (10, vec!["/id"]),
    ];
    assert_eq!(faults, expected);
}

#[test]
fn the_whole_is_refused_for_what_is_wrong_around_the_items() {
    let table: [(&str, Code, &[&str]); 9] = [
        ("{}", Code::InvalidField, &["/operations"]),
        ("[]", Code::InvalidField, &[""]),
        ("5", Code::InvalidField, &[""]),
        (r#"{"operations":5}"#, Code::InvalidField, &["/operations"]),
        (
            r#"{"operations":{"op":1}}"#,
            Code::InvalidField,
            &["/operations"],
        ),
        (r#"{"operations":[],"x":1}"#, Code::InvalidField, &["/x"]),
        (
            r#"{"operations":[],"operations":[]}"#,
            Code::InvalidField,
            &["/operations"],
        ),
        (r#"{"operations":[{"op":"use"}"#, Code::MalformedJson, &[]),
        (
            r#"{"operations":[{"op":"use",}]}"#,
            Code::MalformedJson,
            &[],
        ),
    ];
    for (body, code, expected) in table {
        let problem = problem(body);
        assert_eq!(
            (problem.code, pointers(&problem)),
            (code, expected.to_vec()),
            "{body}"
        );
    }
    let huge = format!(
        r#"{{"operations":[{{}},{{"op":"use","amount":1{}}}]}}"#,
        "0".repeat(400)
    );
    assert_eq!(pointers(&problem(&huge)), ["/operations/1/amount"]);
}

#[test]
fn ten_thousand_operations_are_the_limit() {
    let body = |count: usize| {
        let item = r#"{"op":"use","wallet":1,"amount":1}"#;
        format!(r#"{{"operations":[{}]}}"#, vec![item; count].join(","))
    };
    assert_eq!(read(&body(10_000)).unwrap().wanted.len(), 10_000);
    assert_eq!(pointers(&problem(&body(10_001))), ["/operations"]);
    assert!(read(&body(0)).unwrap().wanted.is_empty());
}

fn receipt(event: Event) -> Receipt {
    let act = Act {
        transaction: TransactionId(77),
        at: Timestamp(0),
        event: Arc::new(event),
    };
    Receipt {
        act,
        replayed: false,
    }
}

#[test]
fn results_stand_in_the_order_of_the_items() {
    let wallet = WalletId::new(1).unwrap();
    let standing = Standing {
        wallet,
        version: 2,
        paid: 3,
        free: 4,
    };
    let earned = Event::Earned(Granted {
        standing,
        amount: Amount::new(4).unwrap(),
        expires_at: None,
        lot: 0,
        description: Description::default(),
        aside: None,
    });
    let owner = Owner::user(1);
    let created = Event::WalletCreated(WalletCreated { standing, owner });
    let rejection = Rejection::InsufficientBalance {
        available: 1,
        requested: 5,
    };
    let outcomes = [
        Ok(receipt(earned)),
        Err(Refusal::Rejected {
            rejection,
            replayed: true,
        }),
        Ok(receipt(created)),
        Err(Refusal::Draining),
    ];
    let faults = read(r#"{"operations":[5,{"op":"use","wallet":1}]}"#)
        .unwrap()
        .faults;
    let faults = faults
        .into_iter()
        .map(|(at, problem)| (at * 3, problem))
        .collect();
    let text = String::from_utf8(write_results(&outcomes, faults, false)).unwrap();
    let expected = concat!(
        r#"{"results":[{"status":422,"code":"invalid-field","errors":[{"pointer":"/operations/0","detail":"must be an object"}]},"#,
        r#"{"status":201,"id":77,"balance":7,"version":2},"#,
        r#"{"status":422,"code":"insufficient-balance","available":1,"requested":5},"#,
        r#"{"status":422,"code":"invalid-field","errors":[{"pointer":"/operations/3/amount","detail":"is required"}]},"#,
        r#"{"status":201,"id":77,"wallet":1,"balance":7,"version":2},"#,
        r#"{"status":503,"code":"draining"}]}"#,
    );
    assert_eq!(text, expected);
}
