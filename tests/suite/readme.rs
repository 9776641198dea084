//! The README keeps its word: its curl lines are sent to a fresh server, and what it prints is what comes back.
//! `UPDATE_GOLDEN=1` writes what comes back into it.

use tests::binaries::workspace;
use tests::http::Connection;
use tests::launch::Launch;

/// What stands in the README for an instant of the day it was written.
const INSTANT_LETTERS: usize = "2026-01-01T00:00:00.000000Z".len();

/// A line of a console block that is sent.
struct Call {
    path: String,
    body: Option<String>,
}

#[test]
fn the_readme_shows_what_really_comes_back() {
    let path = workspace().join("README.md");
    let readme = std::fs::read_to_string(&path).expect("there is a README");
    let folder = tempfile::tempdir().expect("a folder");
    let server = Launch::new(&folder.path().join("points")).start();
    let mut connection = server.connect();
    let mut real = Vec::new();
    let mut calls = 0;
    let mut shown = readme.lines().peekable();
    while let Some(line) = shown.next() {
        real.push(line.to_owned());
        let Some(call) = Call::parse(line) else {
            continue;
        };
        calls += 1;
        real.push(call.send(&mut connection));
        // Whatever is shown below a call is its answer.
        while shown
            .next_if(|line| !line.starts_with("$ ") && !line.starts_with("```"))
            .is_some()
        {}
    }
    assert!(calls >= 4, "the README shows {calls} calls");
    let real = real.join("\n") + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() && undated(&real) != undated(&readme) {
        std::fs::write(path, real).expect("the README can be written");
        return;
    }
    assert_eq!(undated(&real), undated(&readme));
}

#[test]
fn the_readme_names_only_what_is_there() {
    let readme = std::fs::read_to_string(workspace().join("README.md")).expect("there is a README");
    for line in readme.lines().filter(|line| line.starts_with("| `")) {
        let folder = line.split('`').nth(1).expect("a name in back-ticks");
        assert!(workspace().join(folder).is_dir(), "{folder} is not there");
    }
    let recipes =
        std::fs::read_to_string(workspace().join("Makefile")).expect("there is a Makefile");
    for (at, _) in readme.match_indices("`make ") {
        let verb = readme[at + "`make ".len()..]
            .split('`')
            .next()
            .unwrap_or_default();
        assert!(
            recipes.contains(&format!("\n{verb}:")),
            "make {verb} is not there"
        );
    }
    for (at, _) in readme.match_indices("`docs/") {
        let page = readme[at + 1..].split('`').next().unwrap_or_default();
        assert!(workspace().join(page).exists(), "{page} is not there");
    }
}

// === impl Call ===

impl Call {
    /// `$ curl -s URL [--json 'BODY']`
    fn parse(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("$ curl -s http://127.0.0.1:8080")?;
        let (path, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let body = rest
            .strip_prefix("--json '")
            .and_then(|rest| rest.strip_suffix('\''));
        assert!(
            rest.is_empty() || body.is_some(),
            "what does this send? {line}"
        );
        Some(Self {
            path: path.to_owned(),
            body: body.map(str::to_owned),
        })
    }

    fn send(&self, connection: &mut Connection) -> String {
        let method = if self.body.is_some() { "POST" } else { "GET" };
        let body = self.body.as_ref().map(|body| body.as_bytes());
        let reply = connection
            .request(method, &self.path, &[], body)
            .expect("an answer");
        assert!(
            reply.status < 300,
            "{} {}: {}",
            self.path,
            reply.status,
            reply.text()
        );
        reply.text()
    }
}

/// The text with every instant replaced by the same one.
fn undated(text: &str) -> String {
    let mut undated = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\"20") {
        let (before, from) = rest.split_at(at + 1);
        undated.push_str(before);
        let instant = from
            .get(..INSTANT_LETTERS)
            .filter(|text| text.parse::<jiff::Timestamp>().is_ok());
        rest = match instant {
            Some(_) => {
                undated.push_str("INSTANT");
                &from[INSTANT_LETTERS..]
            }
            None => from,
        };
    }
    undated + rest
}
