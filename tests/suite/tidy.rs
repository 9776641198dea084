//! Style as a test: what the design draws, forbids and asks for, held against the source itself.

use std::collections::{BTreeMap, BTreeSet};

use tests::source::{self, Source};

/// A file that needs scrolling hides a second noun. Aim below 300.
const FILE_LINES_MAX: usize = 500;

/// A function that does not fit a screen decides too much.
const FUNCTION_LINES_MAX: usize = 70;

/// A reader sees the whole package at a glance.
const ROOT_LINES_MAX: usize = 60;

/// Words that name nothing: every drawer is called by one of them.
const WORDS_BANNED: [&str; 10] = [
    "manager", "helper", "helpers", "util", "utils", "common", "service", "info", "process", "data",
];

/// What the façade is made of: it alone sees all, and nobody else may name it.
const FACADE: [&str; 4] = ["engine", "open", "read", "metrics"];

/// What the way out and the way back may name.
const SHELL: &[&str] = &[
    "domain",
    "record",
    "journal",
    "clock",
    "api",
    "entities",
    "projections",
];

/// As the shell, and the thread that folds the log.
const FOLDED: &[&str] = &[
    "domain",
    "record",
    "journal",
    "clock",
    "api",
    "entities",
    "projections",
    "background",
];

/// As the shell, and what folds the log a second time.
const AUDITED: &[&str] = &[
    "domain",
    "record",
    "journal",
    "clock",
    "api",
    "entities",
    "projections",
    "snapshot",
];

/// Inside the engine, below the façade: who may name whom. What is not drawn here is not allowed.
const ARROWS: [(&str, &[&str]); 13] = [
    ("domain", &[]),
    ("clock", &[]),
    ("background", &[]),
    ("journal", &["clock"]),
    ("record", &["domain"]),
    ("api", &["domain", "record"]),
    ("projections", &["domain", "record", "api", "journal"]),
    ("entities", &["domain", "record", "journal", "clock", "api"]),
    ("publish", AUDITED),
    ("sweeper", &["domain", "entities"]),
    ("replay", SHELL),
    (
        "compaction",
        &["background", "clock", "journal", "snapshot"],
    ),
    ("snapshot", FOLDED),
];

/// Between packages.
const PACKAGE_ARROWS: [(&str, &[&str]); 5] = [
    ("engine", &[]),
    ("server", &["engine"]),
    ("wal-tool", &["engine"]),
    ("tests", &["engine", "server"]),
    ("bench", &["engine", "server"]),
];

#[test]
fn files_and_functions_are_short() {
    let mut faults = Vec::new();
    for source in source::all() {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            faults.push(format!("{}: {lines} lines", source.path));
        }
        let root = source.path.ends_with("/src/lib.rs");
        if root && lines > ROOT_LINES_MAX {
            faults.push(format!("{}: {lines} lines in a package root", source.path));
        }
        for function in source.functions() {
            if function.lines > FUNCTION_LINES_MAX {
                faults.push(format!(
                    "{}:{}: {} takes {} lines",
                    source.path, function.line, function.name, function.lines
                ));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn names_say_what_they_name() {
    let mut faults = Vec::new();
    // The standard library says `sync_data`, and the design says "in process".
    let given = ["sync_data", "in_process"];
    for source in source::all() {
        let stem = source.path.trim_end_matches(".rs");
        let file = stem.split('/').map(|part| (0, part.to_owned()));
        for (line, name) in file.chain(source.names()) {
            if given.contains(&name.as_str()) {
                continue;
            }
            let words = words(&name);
            if let Some(word) = words
                .iter()
                .find(|word| WORDS_BANNED.contains(&word.as_str()))
            {
                faults.push(format!("{}:{line}: {name} is called {word}", source.path));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn every_file_says_what_it_owns() {
    let mut faults = Vec::new();
    for source in source::all() {
        let head = source.text.lines().find(|line| !line.starts_with("#!["));
        if !head.is_some_and(|line| line.starts_with("//! ")) {
            faults.push(format!("{}: no head", source.path));
        }
    }
    assert_none(&faults);
}

#[test]
fn nothing_is_left_for_later() {
    // Put together at run time, so that this file does not find itself.
    let words = [
        "TO\u{44}O",
        "FIX\u{4d}E",
        "XX\u{58}",
        "unimplemente\u{64}!(",
        "#[ignor\u{65}",
    ];
    let mut faults = Vec::new();
    for source in source::all() {
        for (number, line) in source.text.lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                faults.push(format!("{}:{}: {word}", source.path, number + 1));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn no_test_waits_by_the_clock() {
    let sleep = ["thread::slee\u{70}(", "time::slee\u{70}("];
    let mut faults = Vec::new();
    for source in source::all() {
        let test = source.path.starts_with("tests/") || source.path.contains("/tests");
        for (number, line) in source.text.lines().enumerate() {
            if test && sleep.iter().any(|word| line.contains(word)) {
                faults.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn arrows_inside_the_engine_point_one_way() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    let mut faults = Vec::new();
    for source in source::below("engine/src", "rs") {
        let module = top_module(&source);
        if module == "lib" || FACADE.contains(&module) {
            continue;
        }
        let Some(drawn) = allowed.get(module) else {
            faults.push(format!(
                "{}: {module} has no place in the drawing",
                source.path
            ));
            continue;
        };
        for (line, target) in crate_targets(&source) {
            if target != module && !drawn.contains(&target.as_str()) {
                faults.push(format!("{}:{line}: {module} -> {target}", source.path));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn arrows_between_packages_point_one_way() {
    let mut faults = Vec::new();
    for (package, drawn) in PACKAGE_ARROWS {
        let path = tests::binaries::workspace()
            .join(package)
            .join("Cargo.toml");
        let manifest = std::fs::read_to_string(path).expect("a package has a manifest");
        for other in source::PACKAGES {
            let depends = manifest.lines().any(|line| {
                let name = line.split(['.', ' ', '=']).next();
                name == Some(other) && line.contains('=')
            });
            if depends && !drawn.contains(&other) {
                faults.push(format!("{package} -> {other}"));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn every_command_has_a_scenario() {
    let scenarios: BTreeSet<String> = scenarios()
        .iter()
        .filter_map(|source| {
            let name = source.path.strip_prefix("tests/scenarios/")?;
            name.split_once('.').map(|(name, _)| name.to_owned())
        })
        .collect();
    let commands = variants("engine/src/domain/mod.rs", "Command");
    assert!(commands.len() >= 6, "{commands:?}");
    let without: Vec<String> = commands
        .iter()
        .map(|command| words(command).join("_"))
        .filter(|file| !scenarios.contains(file))
        .collect();
    assert_none(&without);
}

#[test]
fn every_event_and_refusal_has_golden_bytes() {
    let golden: BTreeSet<String> = source::below("engine/src/record/golden", "hex")
        .iter()
        .map(|source| {
            source
                .path
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    let events = variants("engine/src/domain/mod.rs", "Event");
    assert!(events.len() >= 7, "{events:?}");
    let bare = events
        .iter()
        .map(|event| format!("{}.hex", words(event).join("_")));
    let keyed = events
        .iter()
        .map(|event| format!("{}-keyed.hex", words(event).join("_")));
    let refusals = variants("engine/src/domain/rejection.rs", "Rejection");
    let refused = refusals
        .iter()
        .map(|code| format!("refused-{}.hex", words(code).join("-")));
    let without: Vec<String> = bare
        .chain(keyed)
        .chain(refused)
        .filter(|file| !golden.contains(file))
        .collect();
    assert_none(&without);
}

/// Refusals that no scenario of a readable length meets.
const BUILT_ELSEWHERE: [&str; 7] = [
    "act-too-large",
    "lot-limit",
    "too-many-legs",
    "hold-limit",
    "member-limit",
    "pending-limit",
    "settlement-limit",
];

#[test]
fn every_refusal_is_seen_in_a_scenario() {
    let told = scenarios();
    let told: String = told.iter().map(|source| source.text.as_str()).collect();
    let refusals = variants("engine/src/domain/rejection.rs", "Rejection");
    assert!(refusals.len() >= 10, "{refusals:?}");
    let without: Vec<String> = refusals
        .iter()
        .map(|refusal| words(refusal).join("-"))
        // What takes hundreds of holds or thousands of lots is built by the tests of the domain and of the record.
        .filter(|code| !BUILT_ELSEWHERE.contains(&code.as_str()))
        .filter(|code| !told.contains(&format!("refused {code}")))
        .filter(|code| {
            !told.contains(&format!(" {code}\n")) && !told.contains(&format!(" {code} {{"))
        })
        .collect();
    assert_none(&without);
}

/// Those in words that every door understands, and those in plain HTTP.
fn scenarios() -> Vec<Source> {
    let mut scenarios = source::below("tests/scenarios", "txt");
    scenarios.extend(source::below("tests/scenarios", "http"));
    scenarios
}

#[track_caller]
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// `engine/src/journal/frame.rs` belongs to `journal`.
fn top_module(source: &Source) -> &str {
    let inside = source.path.strip_prefix("engine/src/").unwrap_or_default();
    let first = inside.split('/').next().unwrap_or_default();
    first.trim_end_matches(".rs")
}

/// Modules of the engine that a file names, in `use` lines or in full paths.
fn crate_targets(source: &Source) -> Vec<(usize, String)> {
    let mut targets = Vec::new();
    for (line, text) in source.uses() {
        if let Some(rest) = text.strip_prefix("crate::{") {
            for part in top_level_parts(rest) {
                targets.push((line, first_name(part)));
            }
        }
    }
    for (number, line) in source.product_lines() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        for (at, _) in line.match_indices("crate::") {
            targets.push((number, first_name(&line[at + "crate::".len()..])));
        }
    }
    targets.retain(|(_, target)| {
        target
            .chars()
            .next()
            .is_some_and(|letter| letter.is_ascii_lowercase())
    });
    targets
}

/// Parts of a braced list that belong to its own level.
fn top_level_parts(list: &str) -> Vec<&str> {
    let (mut depth, mut start) = (0_i32, 0);
    let mut parts = Vec::new();
    for (at, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        if depth < 0 {
            parts.push(&list[start..at]);
            break;
        }
    }
    parts
}

fn first_name(path: &str) -> String {
    let path = path.trim();
    let end = path
        .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .unwrap_or(path.len());
    path[..end].to_owned()
}

/// `OverCancel`, `over_cancel` and `over-cancel` are two words: over, cancel.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut before_lower = false;
    for letter in name.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && before_lower) {
            words.push(String::new());
        }
        if letter.is_alphanumeric() {
            let last = words.last_mut().expect("there is always one");
            last.extend(letter.to_lowercase());
        }
        before_lower = letter.is_lowercase() || letter.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Names of the variants of an enum.
fn variants(path: &str, name: &str) -> Vec<String> {
    let path = tests::binaries::workspace().join(path);
    let text = std::fs::read_to_string(path).expect("the file is there");
    let start = format!("pub enum {name} {{\n");
    let body = text.split_once(&start).map(|(_, rest)| rest);
    let body = body
        .and_then(|rest| rest.split_once("\n}\n"))
        .map(|(body, _)| body);
    body.unwrap_or_default()
        .lines()
        .filter(|line| line.starts_with("    ") && !line.starts_with("     "))
        .map(str::trim)
        .filter(|line| line.chars().next().is_some_and(char::is_uppercase))
        .map(first_name)
        .collect()
}

#[test]
fn the_reader_of_source_reads_it_right() {
    let text = "//! Head.\nuse crate::{\n    api::{A, B},\n    domain::C,\n};\n\npub(super) async fn two() {\n    one();\n}\n\ntrait T {\n    fn none(&self);\n    fn one(&self) {}\n}\n";
    let source = Source {
        path: "engine/src/x.rs".to_owned(),
        text: text.to_owned(),
    };
    let functions = source.functions();
    let found: Vec<_> = functions
        .iter()
        .map(|f| (f.name.as_str(), f.lines))
        .collect();
    assert_eq!(found, [("two", 3), ("none", 1), ("one", 1)]);
    let targets: Vec<String> = crate_targets(&source).into_iter().map(|(_, t)| t).collect();
    assert_eq!(targets, ["api", "domain"]);
    assert_eq!(words("HTTPServer_x-Data"), ["httpserver", "x", "data"]);
    assert_eq!(words("OverCancel"), ["over", "cancel"]);
}
