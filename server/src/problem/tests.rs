//! The catalogue against itself.

use super::{Code, Problem};

#[test]
fn every_code_stands_in_its_place() {
    for (at, code) in Code::ALL.iter().copied().enumerate() {
        assert_eq!(code as usize, at);
        let mut word = String::new();
        for letter in format!("{code:?}").chars() {
            if letter.is_uppercase() && !word.is_empty() {
                word.push('-');
            }
            word.extend(letter.to_lowercase());
        }
        let facts = code.facts();
        assert_eq!(facts.code, word);
        assert_eq!(Code::from_word(&word), Some(code));
        assert!(facts.status.is_client_error() || facts.status.is_server_error());
        let comes_back =
            matches!(facts.status.as_u16(), 429 | 503) || word == "idempotency-running";
        assert_eq!(facts.retry_after.is_some(), comes_back, "{word}");
    }
    assert_eq!(Code::from_word("colour"), None);
}

#[test]
fn faults_of_parameters_are_not_pointers() {
    let problem = Problem::of_parameter("limit", "must be an integer");
    let text = String::from_utf8(problem.to_body()).unwrap();
    assert!(
        text.contains(r#""errors":[{"parameter":"limit","detail":"must be an integer"}]"#),
        "{text}"
    );
}
