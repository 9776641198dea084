//! JSON text → [`Draft`], through serde_json's streaming side.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Draft, Field, Value};

const NOT_AN_OBJECT: &str = "must be an object";

/// Text that is not JSON, or that cannot be looked into.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Malformed {
    /// Not JSON: what and where.
    Syntax {
        /// From 1.
        line: usize,
        /// From 1, in bytes.
        column: usize,
        /// What the parser says.
        detail: String,
    },
    /// A number beyond every range, so long that the parser gave up on it.
    NumberTooLarge,
    /// JSON, but neither the object nor the list that must stand there.
    Type,
}

/// Reads one object into a draft.
pub(crate) struct DraftSeed<'a, 'de> {
    draft: &'a mut Draft<'de>,
    level: Level,
}

/// The name of a field as it stands in the text.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Name<'de>(pub(crate) Cow<'de, str>);

/// Any value, looked through and forgotten. Unlike `serde::de::IgnoredAny` it counts the nesting, so
/// that a body of a hundred thousand brackets is refused as every other one.
pub(crate) struct Skip;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Outer,
    Owner,
    Term,
}

struct NameVisitor;

struct SkipVisitor;

struct ValueVisitor;

/// Reads a whole body into a draft. An error is about the text; faults of fields are in the draft.
pub(crate) fn parse<'de>(body: &'de [u8]) -> Result<Draft<'de>, (Malformed, Option<Field>)> {
    let mut draft = Draft::default();
    let outcome = parse_root(body, DraftSeed::new(&mut draft));
    match outcome {
        Ok(()) => Ok(draft),
        Err(malformed) => Err((malformed, draft.current())),
    }
}

/// Reads a whole body through any seed.
pub(crate) fn parse_root<'de, S: DeserializeSeed<'de>>(
    body: &'de [u8],
    seed: S,
) -> Result<S::Value, Malformed> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let (line, column) = locate(body, error.valid_up_to());
        let detail = "the body is not UTF-8".to_owned();
        Malformed::Syntax {
            line,
            column,
            detail,
        }
    })?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = seed.deserialize(&mut deserializer).map_err(Malformed::from);
    let value = value?;
    deserializer.end().map_err(Malformed::from)?;
    Ok(value)
}

/// Line and column, both from 1, of a byte.
pub(crate) fn locate(body: &[u8], at: usize) -> (usize, usize) {
    let before = &body[..at.min(body.len())];
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let column = 1 + before
        .iter()
        .rev()
        .take_while(|byte| **byte != b'\n')
        .count();
    (line, column)
}

// === impl Malformed ===

impl From<serde_json::Error> for Malformed {
    fn from(error: serde_json::Error) -> Self {
        let detail = error.to_string();
        // serde_json has no category of its own for it; a test pins the wording.
        if detail.starts_with("number out of range") {
            return Self::NumberTooLarge;
        }
        if error.is_data() {
            return Self::Type;
        }
        let detail = match detail.rsplit_once(" at line ") {
            Some((cause, _)) => cause.to_owned(),
            None => detail,
        };
        Self::Syntax {
            line: error.line(),
            column: error.column(),
            detail,
        }
    }
}

// === impl DraftSeed ===

impl<'a, 'de> DraftSeed<'a, 'de> {
    pub(crate) fn new(draft: &'a mut Draft<'de>) -> Self {
        Self {
            draft,
            level: Level::Outer,
        }
    }

    fn refuse(self) {
        self.draft.fault(self.level.pointer(), NOT_AN_OBJECT);
        if let Some(field) = self.level.whole() {
            self.draft.put(field, Value::Absent);
        }
    }
}

impl<'de> DeserializeSeed<'de> for DraftSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for DraftSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { draft, level } = self;
        while let Some(Name(name)) = map.next_key()? {
            match level.field(&name) {
                None => {
                    map.next_value::<Skip>()?;
                    draft.fault_unknown(level.pointer(), &name);
                }
                Some(field) if !draft.meet(field) => {
                    map.next_value::<Skip>()?;
                }
                Some(field) if let Some(level) = Level::inside(field) => {
                    draft.put(field, Value::Other);
                    map.next_value_seed(DraftSeed { draft, level })?;
                }
                Some(field) => {
                    let value = map.next_value()?;
                    draft.put(field, value);
                }
            }
        }
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.refuse();
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.refuse();
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.refuse();
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.refuse();
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.refuse();
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        match self.level.whole() {
            None => self.refuse(),
            Some(field) => self.draft.put(field, Value::Null),
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<Skip>()?.is_some() {}
        self.refuse();
        Ok(())
    }
}

impl Level {
    fn pointer(self) -> &'static str {
        match self {
            Self::Outer => "",
            Self::Owner => "/owner",
            Self::Term => "/expires_in",
        }
    }

    fn field(self, name: &str) -> Option<Field> {
        match self {
            Self::Outer => Field::outer(name),
            Self::Owner => Field::of_owner(name),
            Self::Term => Field::of_term(name),
        }
    }

    /// The object that is the value of a field.
    fn inside(field: Field) -> Option<Self> {
        let mut inner = [Self::Owner, Self::Term].into_iter();
        inner.find(|level| level.whole() == Some(field))
    }

    /// The field that an inner object is the value of.
    fn whole(self) -> Option<Field> {
        match self {
            Self::Outer => None,
            Self::Owner => Some(Field::Owner),
            Self::Term => Some(Field::ExpiresIn),
        }
    }
}

// === impl Name ===

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(name.to_owned())))
    }
}

// === impl Value ===

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value<'de>, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(number))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E: Error>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Value<'de>, A::Error> {
        SkipVisitor.visit_seq(seq).map(|Skip| Value::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value<'de>, A::Error> {
        SkipVisitor.visit_map(map).map(|Skip| Value::Other)
    }
}

// === impl Skip ===

impl<'de> Deserialize<'de> for Skip {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SkipVisitor)
    }
}

impl<'de> Visitor<'de> for SkipVisitor {
    type Value = Skip;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Skip, E> {
        Ok(Skip)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Skip, E> {
        Ok(Skip)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Skip, E> {
        Ok(Skip)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Skip, E> {
        Ok(Skip)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Skip, E> {
        Ok(Skip)
    }

    fn visit_unit<E: Error>(self) -> Result<Skip, E> {
        Ok(Skip)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Skip, A::Error> {
        while seq.next_element::<Skip>()?.is_some() {}
        Ok(Skip)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Skip, A::Error> {
        while map.next_key::<Name<'de>>()?.is_some() {
            map.next_value::<Skip>()?;
        }
        Ok(Skip)
    }
}
