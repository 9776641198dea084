//! Scenarios: text files that say what is asked and what must be answered, run through several doors.
//!
//! ```text
//! # Free points are spent before paid ones.        a comment
//! > at 2026-01-01T00:00:00Z                        time stands still until the next `at`
//! > earn 1 100 until 2026-02-01T00:00:00Z          what is asked
//! act 2: earn 100, wallet 1 has 0 paid + 100 free = 100, version 2 [free 100 until 2026-02-01T00:00:00Z]
//! ```
//! A [`Door`] carries the asks out and answers in the same words, whichever door it is. With
//! `UPDATE_GOLDEN=1` the answers in the files are rewritten instead of compared.

mod answer;
mod ask;
mod engine_door;
mod http_door;
mod oracle;
mod script;

use std::path::Path;

pub use self::answer::{Answer, Leg, NUMBERS, Standing, WalletSeen};
pub use self::ask::Ask;
pub use self::engine_door::EngineDoor;
pub use self::http_door::HttpDoor;
pub use self::oracle::Oracle;
pub use self::script::Script;

/// A way into the engine.
pub trait Door {
    /// Carries out one ask at the present moment of the scenario.
    fn answer(&mut self, ask: &Ask) -> Answer;
}

/// One ask of a scenario, with the answer its file states.
#[derive(Clone, Debug)]
struct Step {
    line: usize,
    /// Comments and blank lines that stand before it.
    before: String,
    text: String,
    stated: Vec<String>,
}

/// Runs one file through a door and stops at the first answer that differs.
pub fn run(path: &Path, door: &mut dyn Door) {
    run_lines(path, &mut |text| match Ask::parse(text) {
        Ok(ask) => door.answer(&ask).lines(),
        Err(fault) => panic!("{path:?}: {text}: {fault}"),
    });
}

/// Runs one file of plain HTTP, likewise.
pub fn run_script(path: &Path, script: &mut Script) {
    run_lines(path, &mut |text| script.answer(text));
}

fn run_lines(path: &Path, answer: &mut dyn FnMut(&str) -> Vec<String>) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let (steps, after) = parse(path, &text);
    assert!(!steps.is_empty(), "{path:?} asks nothing");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut rewritten = String::new();
    for step in &steps {
        let place = format!("{}:{}: {}", path.display(), step.line, step.text);
        let answer = answer(&step.text);
        if !update {
            assert_eq!(answer, step.stated, "\nat {place}");
        }
        rewritten.push_str(&step.before);
        rewritten.push_str(&format!("> {}\n", step.text));
        for line in answer {
            rewritten.push_str(&line);
            rewritten.push('\n');
        }
    }
    rewritten.push_str(&after);
    if update && rewritten != text {
        std::fs::write(path, rewritten).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    }
}

fn parse(path: &Path, text: &str) -> (Vec<Step>, String) {
    let mut steps: Vec<Step> = Vec::new();
    let mut before = String::new();
    for (at, line) in text.lines().enumerate() {
        if let Some(ask) = line.strip_prefix("> ") {
            steps.push(Step {
                line: at + 1,
                before: std::mem::take(&mut before),
                text: ask.to_owned(),
                stated: Vec::new(),
            });
        } else if line.is_empty() || line.starts_with('#') {
            before.push_str(line);
            before.push('\n');
        } else {
            let place = format!("{}:{}", path.display(), at + 1);
            let step = steps
                .last_mut()
                .unwrap_or_else(|| panic!("{place}: an answer to nothing"));
            assert!(
                before.is_empty(),
                "{place}: an answer does not follow its ask"
            );
            step.stated.push(line.to_owned());
        }
    }
    (steps, before)
}
