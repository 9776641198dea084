//! The body of a bulk request → engine requests, in one pass.

use std::fmt;

use engine::Request as EngineRequest;
use engine::domain::{BATCH_ITEMS_MAX, WalletId};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::operation::read_command;
use crate::api::Setting;
use crate::draft::{
    Draft, DraftSeed, FAULTS_MAX, Fault, Faults, Field, Malformed, Name, Skip, Value, parse_root,
};
use crate::error;
use crate::key;
use crate::problem::{Outcome, Problem};

/// Most operations in one request: bounds the memory of one request and how long one may keep a wallet busy.
pub(crate) const OPERATIONS_MAX: usize = 10_000;

/// The route and path under which keys of items are remembered.
pub(super) const TEMPLATE: &str = "POST /v1/bulk";
pub(super) const PATH: &str = "/v1/bulk";

/// What a bulk request asks for.
pub(crate) struct Bulk {
    /// Requests in the order of their items, without those that have faults.
    pub(crate) wanted: Vec<EngineRequest>,
    /// Items that have faults, by place, ascending.
    pub(crate) faults: Vec<(usize, Box<Problem>)>,
    /// All or nothing.
    pub(crate) atomic: bool,
}

/// What one pass over the body gathers.
struct Pass<'a> {
    allot: &'a dyn Fn() -> WalletId,
    wanted: Vec<EngineRequest>,
    faults: Vec<(usize, Box<Problem>)>,
    /// Place of the item, place of its request, and its key.
    keys: Vec<(usize, usize, String)>,
    count: usize,
    outer: Faults,
    met: bool,
    atomic: Option<bool>,
    /// Where the reader stands, for a number that is too large to be read.
    current: Option<Field>,
}

struct RootSeed<'p, 'a>(&'p mut Pass<'a>);

struct ListSeed<'p, 'a>(&'p mut Pass<'a>);

struct ItemSeed<'p, 'a>(&'p mut Pass<'a>);

/// The body once more, this time for the bytes of its items.
#[derive(Deserialize)]
struct RawBody<'b> {
    #[serde(borrow)]
    operations: Vec<&'b RawValue>,
}

// === impl Bulk ===

impl Bulk {
    /// Reads a body. Faults of single items are theirs alone; everything else is about the whole.
    pub(crate) fn read(body: &[u8], allot: &dyn Fn() -> WalletId) -> Outcome<Self> {
        let mut pass = Pass::new(allot);
        if let Err(malformed) = parse_root(body, RootSeed(&mut pass)) {
            return Err(pass.malformed(malformed));
        }
        if !pass.met && pass.outer.is_empty() {
            pass.fault_outer("/operations", "is required");
        }
        if pass.count > OPERATIONS_MAX {
            pass.fault_outer("/operations", "must have at most 10000 items");
        }
        let atomic = pass.atomic == Some(true);
        if atomic {
            pass.check_atomic();
        }
        if !pass.outer.is_empty() {
            return Err(Problem::of_fields(pass.outer));
        }
        pass.digest_keys(body)?;
        Ok(Self {
            wanted: pass.wanted,
            faults: pass.faults,
            atomic,
        })
    }
}

// === impl Pass ===

impl<'a> Pass<'a> {
    fn new(allot: &'a dyn Fn() -> WalletId) -> Self {
        Self {
            allot,
            wanted: Vec::new(),
            faults: Vec::new(),
            keys: Vec::new(),
            count: 0,
            outer: Faults::new(),
            met: false,
            atomic: None,
            current: None,
        }
    }

    fn malformed(self, malformed: Malformed) -> Box<Problem> {
        if malformed == Malformed::Type && self.met {
            let pointer = "/operations".to_owned();
            let detail = "must be an array".into();
            return Problem::of_fields(vec![Fault { pointer, detail }]);
        }
        let mut problem = error::malformed(malformed, self.current);
        for fault in problem.faults.iter_mut().filter(|_| self.met) {
            fault.pointer = format!("/operations/{}{}", self.count, fault.pointer);
        }
        problem
    }

    /// Where everything stands or falls together, a fault of one item is a fault of the whole.
    fn check_atomic(&mut self) {
        if self.met && !(1..=BATCH_ITEMS_MAX).contains(&self.count) {
            self.fault_outer("/operations", "must have 1 to 100 items to be atomic");
        }
        let keyed: Vec<usize> = self.keys.iter().map(|(item, _, _)| *item).collect();
        for item in keyed {
            let pointer = format!("/operations/{item}/key");
            self.fault_outer(&pointer, "an atomic request has one key, in its header");
        }
        for (item, problem) in std::mem::take(&mut self.faults) {
            for mut fault in problem.faults {
                fault.pointer = format!("/operations/{item}{}", fault.pointer);
                if self.outer.len() < FAULTS_MAX {
                    self.outer.push(fault);
                }
            }
        }
    }

    fn read_atomic(&mut self, value: &Value<'_>) {
        match value {
            Value::Flag(_) if self.atomic.is_some() => {
                self.fault_outer("/atomic", "is given twice")
            }
            Value::Flag(flag) => self.atomic = Some(*flag),
            Value::Absent | Value::Null => {}
            Value::Number(_) | Value::Text(_) | Value::Other => {
                self.fault_outer("/atomic", "must be true or false");
            }
        }
    }

    fn fault_outer(&mut self, pointer: &str, detail: &'static str) {
        if self.outer.len() < FAULTS_MAX {
            self.outer.push(Fault {
                pointer: pointer.to_owned(),
                detail: detail.into(),
            });
        }
    }

    /// Takes an item in, whether it is right or not.
    fn take(&mut self, mut draft: Draft<'_>) {
        let setting = Setting {
            id: 0,
            allot: self.allot,
        };
        let command = read_command(&setting, &mut draft);
        let command = command.map(|command| draft.conditions(command));
        let key = read_key(&mut draft);
        match command.filter(|_| draft.is_sound()) {
            Some(command) => {
                if let Some(key) = key {
                    self.keys.push((self.count, self.wanted.len(), key));
                }
                self.wanted.push(EngineRequest { command, key: None });
            }
            None => {
                let problem = Problem::of_fields(draft.into_faults());
                self.faults.push((self.count, problem));
            }
        }
        self.count += 1;
    }

    /// Hashes the items that have keys; only then are the bytes of items looked for.
    fn digest_keys(&mut self, body: &[u8]) -> Outcome<()> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let raw: Result<RawBody<'_>, _> = serde_json::from_slice(body);
        let raw = raw.map_err(|error| error::malformed(Malformed::from(error), None))?;
        for (item, request, key) in &self.keys {
            let bytes = raw.operations[*item].get().as_bytes();
            self.wanted[*request].key = Some(key::digest(TEMPLATE, key, PATH, bytes));
        }
        Ok(())
    }
}

fn read_key(draft: &mut Draft<'_>) -> Option<String> {
    const DETAIL: &str = "must be a string of 1 to 255 visible ASCII characters";
    let text = draft.text(Field::Key, DETAIL)?;
    if key::is_key(text) {
        return Some(text.to_owned());
    }
    draft.fault(Field::Key.pointer(), DETAIL);
    None
}

// === impl RootSeed ===

impl<'de> DeserializeSeed<'de> for RootSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RootSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with operations")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(pass) = self;
        while let Some(Name(name)) = map.next_key()? {
            if name == "atomic" {
                let value = map.next_value()?;
                pass.read_atomic(&value);
            } else if name != "operations" {
                map.next_value::<Skip>()?;
                let mut draft = Draft::default();
                draft.fault_unknown("", &name);
                for fault in draft.into_faults() {
                    pass.outer.truncate(FAULTS_MAX - 1);
                    pass.outer.push(fault);
                }
            } else if pass.met {
                map.next_value::<Skip>()?;
                pass.fault_outer("/operations", "is given twice");
            } else {
                pass.met = true;
                map.next_value_seed(ListSeed(pass))?;
            }
        }
        Ok(())
    }
}

// === impl ListSeed ===

impl<'de> DeserializeSeed<'de> for ListSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ListSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of operations")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self(pass) = self;
        while pass.count < OPERATIONS_MAX {
            if seq.next_element_seed(ItemSeed(pass))?.is_none() {
                return Ok(());
            }
        }
        while seq.next_element::<Skip>()?.is_some() {
            pass.count += 1;
        }
        Ok(())
    }
}

// === impl ItemSeed ===

impl<'de> DeserializeSeed<'de> for ItemSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let mut draft = Draft::default();
        let outcome = DraftSeed::new(&mut draft).deserialize(deserializer);
        self.0.current = draft.current();
        outcome?;
        self.0.take(draft);
        Ok(())
    }
}
