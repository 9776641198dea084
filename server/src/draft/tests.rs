//! Bodies, right and wrong, and every fault with its place.

use engine::domain::{Expiry, Owner, OwnerKind, Period, Term, Timestamp};

use super::{Draft, FAULTS_MAX, Field, Fields, Malformed, parse};

const GRANT: Fields = Fields::of(&[
    Field::Amount,
    Field::Description,
    Field::ExpiresAt,
    Field::ExpiresIn,
]);
const CREATE: Fields = Fields::of(&[Field::Id, Field::Owner, Field::OwnerType, Field::OwnerId]);

fn grant_faults(body: &str) -> Vec<(String, String)> {
    let mut draft = parse(body.as_bytes()).unwrap();
    draft.allow(GRANT);
    draft.amount();
    draft.expiry();
    draft.description();
    list(draft)
}

fn create_faults(body: &str) -> Vec<(String, String)> {
    let mut draft = parse(body.as_bytes()).unwrap();
    draft.allow(CREATE);
    draft.wallet_if_given(Field::Id);
    draft.owner();
    list(draft)
}

fn list(draft: Draft<'_>) -> Vec<(String, String)> {
    let faults = draft.into_faults().into_iter();
    faults
        .map(|fault| (fault.pointer, fault.detail.into_owned()))
        .collect()
}

#[track_caller]
fn assert_pointers(faults: &[(String, String)], expected: &[&str], body: &str) {
    let pointers: Vec<&str> = faults.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(pointers, expected, "{body}: {faults:?}");
}

#[test]
fn a_sound_body_has_its_values() {
    let body = r#" {"amount" : 9007199254740991, "description":"a \"b\" 점수","expires_at":"2030-01-01T00:00:00Z"} "#;
    let mut draft = parse(body.as_bytes()).unwrap();
    draft.allow(GRANT);
    assert_eq!(
        draft.amount().map(|amount| amount.get()),
        Some((1 << 53) - 1)
    );
    assert_eq!(draft.description().as_str(), "a \"b\" 점수");
    assert_eq!(draft.expiry(), Expiry::At(Timestamp(1_893_456_000_000_000)));
    assert!(draft.is_sound());
}

#[test]
fn null_is_as_if_left_out() {
    assert_pointers(
        &grant_faults(r#"{"amount":1,"description":null,"expires_at":null}"#),
        &[],
        "",
    );
    assert_pointers(&create_faults(r#"{"id":null,"owner":null}"#), &[], "");
    assert_pointers(&grant_faults(r#"{"amount":null}"#), &["/amount"], "");
}

#[test]
fn numbers_are_whole_and_in_range() {
    for value in [
        "0",
        "-1",
        "-0",
        "1.0",
        "1e3",
        "9007199254740992",
        "18446744073709551615",
        "18446744073709551616",
        "\"5\"",
        "true",
        "[5]",
        "{\"amount\":5}",
        "[[[]]]",
    ] {
        let body = format!("{{\"amount\":{value}}}");
        let faults = grant_faults(&body);
        assert_pointers(&faults, &["/amount"], &body);
        assert_eq!(faults[0].1, "must be an integer from 1 to 9007199254740991");
    }
}

#[test]
fn every_fault_is_told_at_once() {
    let body = r#"{"colour":1,"amount":0,"description":5,"expires_at":"soon","a/b~c":{"x":[1]}}"#;
    let expected = [
        "/colour",
        "/a~1b~0c",
        "/amount",
        "/expires_at",
        "/description",
    ];
    assert_pointers(&grant_faults(body), &expected, body);
}

#[test]
fn a_field_comes_once() {
    let body = r#"{"amount":1,"amount":2}"#;
    let faults = grant_faults(body);
    assert_pointers(&faults, &["/amount"], body);
    assert_eq!(faults[0].1, "is given twice");
    let body = r#"{"owner":{"type":"user","id":1,"type":"user"},"owner":{}}"#;
    assert_pointers(&create_faults(body), &["/owner/type", "/owner"], body);
}

#[test]
fn a_field_of_another_body_is_unknown_here() {
    let body = r#"{"amount":1,"owner":{"type":"user","id":1},"from":3}"#;
    assert_pointers(&grant_faults(body), &["/owner", "/from"], body);
}

#[test]
fn owners_are_read_whole() {
    let mut draft = parse(br#"{"owner":{"id":7,"type":"company"}}"#).unwrap();
    let expected = Owner {
        kind: OwnerKind::Company,
        id: 7,
    };
    assert_eq!(draft.owner(), Some(expected));
    let table: [(&str, &[&str]); 6] = [
        (r#"{"owner":{}}"#, &["/owner/type", "/owner/id"]),
        (r#"{"owner":5}"#, &["/owner"]),
        (r#"{"owner":[]}"#, &["/owner"]),
        (r#"{"owner":{"type":"robot","id":1}}"#, &["/owner/type"]),
        (
            r#"{"owner":{"type":1,"id":0}}"#,
            &["/owner/type", "/owner/id"],
        ),
        (
            r#"{"owner":{"type":"user","id":1,"name":"x"}}"#,
            &["/owner/name"],
        ),
    ];
    for (body, expected) in table {
        assert_pointers(&create_faults(body), expected, body);
    }
}

#[test]
fn only_an_object_is_a_body() {
    for body in ["[5]", "5", "\"x\"", "null", "true", "-1", "1.5", "[]"] {
        let faults = list(parse(body.as_bytes()).unwrap());
        assert_eq!(
            faults,
            [(String::new(), "must be an object".to_owned())],
            "{body}"
        );
    }
}

#[test]
fn descriptions_are_bounded_in_characters() {
    let body = |text: &str| format!("{{\"amount\":1,\"description\":{text}}}");
    let fits = body(&format!("\"{}\"", "점".repeat(255)));
    assert_pointers(&grant_faults(&fits), &[], "255 characters");
    let long = body(&format!("\"{}\"", "x".repeat(256)));
    assert_pointers(&grant_faults(&long), &["/description"], "256 characters");
    assert_pointers(
        &grant_faults(&body(r#""a\u0007b""#)),
        &["/description"],
        "a bell",
    );
    assert_pointers(
        &grant_faults(&body(r#""a\nb""#)),
        &["/description"],
        "a line end",
    );
}

#[test]
fn text_that_is_no_json_is_told_by_place() {
    let table = [
        ("", 1, 0),
        ("{", 1, 1),
        ("{\"amount\":1", 1, 11),
        ("{\"amount\":1}}", 1, 13),
        ("{\n \"amount\": 01}", 2, 13),
        ("{\"amount\":1,}", 1, 13),
        ("{'amount':1}", 1, 2),
        ("{\"amount\":NaN}", 1, 11),
        ("{\"amount\":1} x", 1, 14),
        ("{\"description\":\"a\u{1}\"}", 1, 18),
        ("{\"description\":\"\\ud800\"}", 1, 23),
    ];
    for (body, line, column) in table {
        let Err((
            Malformed::Syntax {
                line: l,
                column: c,
                detail,
            },
            _,
        )) = parse(body.as_bytes())
        else {
            panic!("{body} was taken");
        };
        assert_eq!((l, c), (line, column), "{body}: {detail}");
        assert!(!detail.contains(" at line "), "{detail}");
    }
}

#[test]
fn bytes_that_are_no_text_are_told_by_place() {
    let Err((Malformed::Syntax { line, column, .. }, _)) = parse(b"{\n\"x\":\"\xff\"}") else {
        panic!("taken");
    };
    assert_eq!((line, column), (2, 6));
}

#[test]
fn nesting_is_bounded_wherever_it_stands() {
    for (open, close) in [
        ("{\"amount\":", "}"),
        ("{\"colour\":", "}"),
        ("{\"owner\":", "}"),
        ("", ""),
    ] {
        for (left, right) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = format!(
                "{open}{}1{}{close}",
                left.repeat(100_000),
                right.repeat(100_000)
            );
            let Err((Malformed::Syntax { .. }, _)) = parse(deep.as_bytes()) else {
                panic!("{open}{left}… was taken");
            };
        }
    }
}

#[test]
fn a_number_beyond_every_range_is_told_by_field() {
    let body = format!("{{\"description\":\"x\",\"amount\":1{}}}", "0".repeat(400));
    let error = parse(body.as_bytes()).unwrap_err();
    assert_eq!(error, (Malformed::NumberTooLarge, Some(Field::Amount)));
}

#[test]
fn a_hostile_body_makes_a_short_answer() {
    let many: Vec<String> = (0..5_000).map(|at| format!("\"f{at}\":1")).collect();
    let body = format!("{{{}}}", many.join(","));
    assert_eq!(grant_faults(&body).len(), FAULTS_MAX);
    let name = "x".repeat(60_000);
    let faults = grant_faults(&format!("{{\"{name}\":1,\"amount\":1}}"));
    assert_eq!(faults[0].0.len(), 65);
}

#[test]
fn a_term_is_one_of_its_kinds() {
    let expiry = |body: &str| {
        let mut draft = parse(body.as_bytes()).unwrap();
        draft.allow(GRANT);
        let expiry = draft.expiry();
        assert!(draft.is_sound(), "{body}");
        expiry
    };
    let table = [
        (r#"{"expires_in":{"days":30}}"#, Term::Days(30)),
        (
            r#"{"expires_in":{"months":1,"days":null}}"#,
            Term::Months(1),
        ),
        (
            r#"{"expires_in":{"end_of":"month"}}"#,
            Term::EndOf(Period::Month, 0),
        ),
        (
            r#"{"expires_in":{"plus":0,"end_of":"quarter"}}"#,
            Term::EndOf(Period::Quarter, 0),
        ),
        (
            r#"{"expires_in":{"end_of":"year","plus":2}}"#,
            Term::EndOf(Period::Year, 2),
        ),
    ];
    for (body, term) in table {
        assert_eq!(expiry(body), Expiry::After(term));
    }
    assert_eq!(expiry(r#"{"expires_in":null}"#), Expiry::Never);
}

#[test]
fn a_term_names_its_faults() {
    let table: [(&str, &[&str]); 14] = [
        (r#"{}"#, &["/expires_in"]),
        (r#"5"#, &["/expires_in"]),
        (r#"[{"days":1}]"#, &["/expires_in"]),
        (r#"{"days":1,"months":1}"#, &["/expires_in"]),
        (r#"{"plus":1}"#, &["/expires_in"]),
        (r#"{"days":0}"#, &["/expires_in/days"]),
        (r#"{"days":36601}"#, &["/expires_in/days"]),
        (r#"{"days":"1"}"#, &["/expires_in/days"]),
        (r#"{"months":1201}"#, &["/expires_in/months"]),
        (r#"{"months":1,"plus":1}"#, &["/expires_in/plus"]),
        (r#"{"end_of":"week"}"#, &["/expires_in/end_of"]),
        (r#"{"end_of":1}"#, &["/expires_in/end_of"]),
        (r#"{"end_of":"year","plus":101}"#, &["/expires_in/plus"]),
        (
            r#"{"days":1,"days":2,"weeks":1}"#,
            &["/expires_in/days", "/expires_in/weeks"],
        ),
    ];
    for (term, pointers) in table {
        let body = format!(r#"{{"amount":1,"expires_in":{term}}}"#);
        assert_pointers(&grant_faults(&body), pointers, &body);
    }
    let body = r#"{"amount":1,"expires_at":"2030-01-01T00:00:00Z","expires_in":{"days":1}}"#;
    assert_pointers(&grant_faults(body), &["/expires_in"], body);
}
