//! What a client asked for and what it was told, each in a file of its own, line by line, as it happened.
//!
//! ```text
//! sent          c3-w7-41  /v1/wallets/2/use  keyed
//! acknowledged  c3-w7-41  1893
//! sent          c3-w7-42  /v1/transfers      bare
//! unknown       c3-w7-42
//! ```
//! The tag travels to the server as the description of the act, so that the log can be held against these
//! files without trusting anything the server remembers about its callers.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::Value;

use crate::http::{Connection, Reply};

/// A request that changes something.
#[derive(Clone, Debug)]
pub struct Job {
    /// Names it for ever: description and, when keyed, idempotency key.
    pub tag: String,
    pub path: String,
    pub body: Value,
    pub keyed: bool,
}

/// What is known of a request that was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    /// Carried out as this act.
    Acknowledged(u64),
    /// Refused with this code.
    Refused(String),
    /// Nobody answered, or the answer was that nobody knows.
    Unknown,
}

/// One client's file.
#[derive(Debug)]
pub struct Ledger {
    file: BufWriter<File>,
}

// === impl Job ===

impl Job {
    /// A request whose body names its tag.
    pub fn new(tag: String, path: String, mut body: Value, keyed: bool) -> Self {
        body["description"] = Value::from(tag.as_str());
        Self {
            tag,
            path,
            body,
            keyed,
        }
    }

    /// Sends it and waits for the answer. An error means that there was none.
    pub fn send(&self, connection: &mut Connection) -> std::io::Result<Reply> {
        let body = self.body.to_string();
        let keyed = [("idempotency-key", self.tag.as_str())];
        let headers: &[(&str, &str)] = if self.keyed { &keyed } else { &[] };
        connection.request("POST", &self.path, headers, Some(body.as_bytes()))
    }
}

// === impl Fate ===

impl Fate {
    /// What a reply says. Anything that no honest server sends stops the test.
    pub fn of(reply: &Reply) -> Self {
        match reply.status {
            201 => Self::Acknowledged(reply.json()["id"].as_u64().expect("an act has an id")),
            500 => {
                assert_eq!(reply.code(), "outcome-unknown", "{}", reply.text());
                Self::Unknown
            }
            400..500 | 503 => {
                assert!(
                    !reply.code().is_empty(),
                    "{}: {}",
                    reply.status,
                    reply.text()
                );
                Self::Refused(reply.code())
            }
            status => panic!("{status}: {}", reply.text()),
        }
    }
}

// === impl Ledger ===

impl Ledger {
    /// A new file.
    pub fn create(path: &Path) -> Self {
        let file = File::create_new(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        Self {
            file: BufWriter::new(file),
        }
    }

    /// Sends a job, writing down both what is sent and what came of it.
    pub fn carry_out(&mut self, job: &Job, connection: &mut Connection) -> Fate {
        let keyed = if job.keyed { "keyed" } else { "bare" };
        self.write(&["sent", &job.tag, &job.path, keyed]);
        let fate = match job.send(connection) {
            Ok(reply) => Fate::of(&reply),
            Err(_) => Fate::Unknown,
        };
        match &fate {
            Fate::Acknowledged(act) => {
                self.write(&["acknowledged", &job.tag, &act.to_string()]);
            }
            Fate::Refused(code) => self.write(&["refused", &job.tag, code]),
            Fate::Unknown => self.write(&["unknown", &job.tag]),
        }
        fate
    }

    fn write(&mut self, words: &[&str]) {
        writeln!(self.file, "{}", words.join("\t")).expect("the ledger can be written");
    }
}

/// What a ledger's file says in the end: the last fate of everything that was sent.
pub fn read(path: &Path) -> BTreeMap<String, Fate> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let mut fates = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split('\t').collect();
        let fate = match words.as_slice() {
            ["sent", _, _, _] | ["unknown", _] => Fate::Unknown,
            ["acknowledged", _, act] => {
                Fate::Acknowledged(act.parse().expect("an act is a number"))
            }
            ["refused", _, code] => Fate::Refused((*code).to_owned()),
            _ => panic!("{path:?}: {line:?}"),
        };
        fates.insert(words[1].to_owned(), fate);
    }
    fates
}
