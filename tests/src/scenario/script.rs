//! Scenarios in plain HTTP: what a client sends and what comes back, against a server in this process.
//!
//! ```text
//! > at 2026-01-01T00:00:00Z                             time stands still until the next `at`
//! > POST /v1/wallets {"id":1}
//! 201 {"id":1,"owner":{"type":"user","id":1},...}
//! > POST /v1/wallets/1/use {"amount":5} key again       with an idempotency key
//! 422 insufficient-balance {"available":0,"requested":5}
//! > admin GET /admin/settings                           on the operator's listener
//! > ended GET /v1/settlements/2026-01                 as soon as that says that it has ended
//! > sweep                                             quiet wallets record what has lapsed
//! > restart
//! > crash 7
//! ```
//! For everything whose words a client sees only as JSON; what every door can say stands in the other files.

use std::path::Path;

use serde_json::Value;

use crate::http::{Connection, Reply};
use crate::inside::InsideServer;

/// Members of a problem that its code already says.
const OF_EVERY_PROBLEM: [&str; 5] = ["type", "title", "status", "detail", "code"];

/// A server with one client at each of its doors.
pub struct Script {
    server: InsideServer,
    public: Connection,
    admin: Connection,
}

// === impl Script ===

impl Script {
    /// Over an empty store at the start of 1970. The seed decides what power cuts leave.
    pub fn open(seed: u64) -> Self {
        let server = InsideServer::start(seed);
        let (public, admin) = (server.connect(), server.connect_admin());
        Self {
            server,
            public,
            admin,
        }
    }

    /// Writes the store as it would lie on a disk.
    pub fn save(&self, directory: &Path) {
        self.server.inside.save(directory);
    }

    /// Carries out one line and gives the lines that answer it.
    pub fn answer(&mut self, line: &str) -> Vec<String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "at" => {
                let instant: jiff::Timestamp = rest.parse().expect("an instant");
                self.server.inside.clock.set(instant.as_microsecond());
                return Vec::new();
            }
            "sweep" => {
                self.server.sweep();
                return Vec::new();
            }
            "ended" => return shown(&self.ended(rest)),
            "restart" => self.server.restart(),
            "crash" => self.server.crash(rest.parse().expect("a seed")),
            "admin" => return shown(&ask(&mut self.admin, rest)),
            _ => return shown(&ask(&mut self.public, line)),
        }
        self.public = self.server.connect();
        self.admin = self.server.connect_admin();
        Vec::new()
    }
}

impl Script {
    /// Asks until what is asked for has ended: it goes on in the background.
    fn ended(&mut self, line: &str) -> Reply {
        loop {
            let reply = ask(&mut self.public, line);
            if reply.status >= 400 || reply.json()["state"] == "ended" {
                return reply;
            }
            std::thread::yield_now();
        }
    }
}

fn ask(connection: &mut Connection, line: &str) -> Reply {
    let (line, key) = match line.rsplit_once(" key ") {
        Some((line, key)) if !key.contains('"') => (line, Some(key)),
        _ => (line, None),
    };
    let mut parts = line.splitn(3, ' ');
    let method = parts.next().expect("a method");
    let path = parts.next().expect("a path");
    let body = parts.next().unwrap_or_default();
    let headers: Vec<_> = key
        .map(|key| ("idempotency-key", key))
        .into_iter()
        .collect();
    let body = (!body.is_empty()).then_some(body.as_bytes());
    let reply = connection.request(method, path, &headers, body);
    reply.unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// Status, `replayed` where the answer is a remembered one, and the body; a problem by its code and its own members.
fn shown(reply: &Reply) -> Vec<String> {
    let mut line = reply.status.to_string();
    if reply.header("idempotent-replayed").is_some() {
        line += " replayed";
    }
    if reply.status < 400 {
        let mut lines = reply.text();
        while lines.ends_with('\n') {
            lines.pop();
        }
        let mut lines = lines.lines().map(str::to_owned);
        if let Some(first) = lines.next() {
            line = format!("{line} {first}");
        }
        return std::iter::once(line).chain(lines).collect();
    }
    let mut body = reply.json();
    line = format!("{line} {}", reply.code());
    if let Value::Object(members) = &mut body {
        members.retain(|name, _| !OF_EVERY_PROBLEM.contains(&name.as_str()));
        if !members.is_empty() {
            line = format!("{line} {body}");
        }
    }
    vec![line]
}
