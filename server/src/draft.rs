//! A request body between JSON and command: which fields came, with which values, and every fault found.
//!
//! ```text
//! {"amount":5,"colour":1,"amount":6}  ──►  amount = 5 · faults: /colour unknown, /amount twice
//! ```
//! One pass over the text, nothing copied that can be borrowed, and all faults at once with their
//! JSON pointers. Knows the names of fields and their ranges; refuses to know routes, commands and HTTP.

mod conditions;
mod expiry;
mod field;
mod parse;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use engine::domain::{Amount, Description, NUMBER_MAX, Owner, OwnerKind, WalletId};

use self::field::FIELDS;
pub(crate) use self::field::{Field, Fields};
pub(crate) use self::parse::{DraftSeed, Malformed, Name, Skip, parse, parse_root};

/// Most faults listed in one answer: enough to mend a body in one go, and a hostile body of
/// thousands of unknown fields cannot make a large answer.
pub(crate) const FAULTS_MAX: usize = 32;

/// Longest unknown field name repeated in a pointer, in characters.
const UNKNOWN_NAME_CHARS_MAX: usize = 64;

const AMOUNT_RANGE: &str = "must be an integer from 1 to 9007199254740991";
const REQUIRED: &str = "is required";
const UNKNOWN: &str = "unknown field";
const TWICE: &str = "is given twice";

/// One value of a body, as far as any field cares.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Value<'de> {
    /// Not given.
    #[default]
    Absent,
    /// `null`: the same as not given, for a field that may be left out.
    Null,
    /// A whole number without sign.
    Number(u64),
    /// `true` or `false`.
    Flag(bool),
    /// A string.
    Text(Cow<'de, str>),
    /// Anything else; no field takes it.
    Other,
}

/// Something wrong with one field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    /// JSON pointer, relative to the object that the draft was read from.
    pub(crate) pointer: String,
    /// What is wrong.
    pub(crate) detail: Cow<'static, str>,
}

/// All that is wrong with a body; never empty.
pub(crate) type Faults = Vec<Fault>;

/// The fields of one JSON object.
#[derive(Debug)]
pub(crate) struct Draft<'de> {
    values: [Value<'de>; FIELDS],
    seen: Fields,
    faults: Faults,
    current: Option<Field>,
}

// === impl Draft ===

impl Default for Draft<'_> {
    fn default() -> Self {
        Self {
            values: [const { Value::Absent }; FIELDS],
            seen: Fields::default(),
            faults: Faults::new(),
            current: None,
        }
    }
}

impl<'de> Draft<'de> {
    /// Takes a fault down, unless the list is full.
    pub(crate) fn fault(&mut self, pointer: &str, detail: &'static str) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault {
                pointer: pointer.to_owned(),
                detail: Cow::Borrowed(detail),
            });
        }
    }

    fn fault_owned(&mut self, pointer: &str, detail: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault {
                pointer: pointer.to_owned(),
                detail: Cow::Owned(detail),
            });
        }
    }

    /// Takes down that a field is not known to this body.
    pub(crate) fn fault_unknown(&mut self, prefix: &str, name: &str) {
        let shown: String = name.chars().take(UNKNOWN_NAME_CHARS_MAX).collect();
        let escaped = shown.replace('~', "~0").replace('/', "~1");
        self.fault(&format!("{prefix}/{escaped}"), UNKNOWN);
    }

    fn put(&mut self, field: Field, value: Value<'de>) {
        self.values[field as usize] = value;
    }

    /// Whether this is the first time the field comes; the second time is a fault.
    fn meet(&mut self, field: Field) -> bool {
        self.current = Some(field);
        if self.seen.has(field) {
            self.fault(field.pointer(), TWICE);
            return false;
        }
        self.seen = self.seen.and(Fields::of(&[field]));
        true
    }

    /// Refuses every field that is not one of these.
    pub(crate) fn allow(&mut self, allowed: Fields) {
        let strange = self.seen.without(allowed);
        if strange == Fields::default() {
            return;
        }
        for field in strange.outer() {
            self.fault(field.pointer(), UNKNOWN);
        }
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// What is wrong.
    pub(crate) fn into_faults(self) -> Faults {
        self.faults
    }

    /// The field that was being read last.
    pub(crate) fn current(&self) -> Option<Field> {
        self.current
    }

    /// Points, which must be given.
    pub(crate) fn amount(&mut self) -> Option<Amount> {
        self.number(Field::Amount).and_then(Amount::new)
    }

    /// Points, which may be left out.
    pub(crate) fn amount_if_given(&mut self) -> Option<Amount> {
        self.number_if_given(Field::Amount).and_then(Amount::new)
    }

    /// A wallet, which must be given.
    pub(crate) fn wallet(&mut self, field: Field) -> Option<WalletId> {
        self.number(field).and_then(WalletId::new)
    }

    /// A wallet, which may be left out.
    pub(crate) fn wallet_if_given(&mut self, field: Field) -> Option<WalletId> {
        self.number_if_given(field).and_then(WalletId::new)
    }

    /// An integer of 1…2^53−1, which must be given.
    pub(crate) fn number(&mut self, field: Field) -> Option<u64> {
        self.require(field);
        self.number_if_given(field)
    }

    /// An integer of 1…2^53−1, which may be left out.
    pub(crate) fn number_if_given(&mut self, field: Field) -> Option<u64> {
        match &self.values[field as usize] {
            Value::Absent | Value::Null => None,
            Value::Number(number) if (1..=NUMBER_MAX).contains(number) => Some(*number),
            Value::Number(_) | Value::Flag(_) | Value::Text(_) | Value::Other => {
                self.fault(field.pointer(), AMOUNT_RANGE);
                None
            }
        }
    }

    /// An integer from 0 on, which may be left out.
    pub(crate) fn number_to(&mut self, field: Field, most: u64) -> Option<u64> {
        let number = match &self.values[field as usize] {
            Value::Absent | Value::Null => return None,
            Value::Number(number) => Some(*number).filter(|number| *number <= most),
            Value::Flag(_) | Value::Text(_) | Value::Other => None,
        };
        if number.is_none() {
            self.fault_owned(
                field.pointer(),
                format!("must be an integer from 0 to {most}"),
            );
        }
        number
    }

    /// The place of a leg, which may be left out.
    pub(crate) fn leg(&mut self) -> Option<u8> {
        const DETAIL: &str = "must be an integer from 0 to 254";
        let leg = match &self.values[Field::Leg as usize] {
            Value::Absent | Value::Null => return None,
            Value::Number(leg) => u8::try_from(*leg).ok().filter(|leg| *leg < u8::MAX),
            Value::Flag(_) | Value::Text(_) | Value::Other => None,
        };
        if leg.is_none() {
            self.fault(Field::Leg.pointer(), DETAIL);
        }
        leg
    }

    /// A string, which may be left out; `detail` says what it must be.
    pub(crate) fn text(&mut self, field: Field, detail: &'static str) -> Option<&str> {
        match &self.values[field as usize] {
            Value::Absent | Value::Null => return None,
            Value::Text(_) => {}
            Value::Number(_) | Value::Flag(_) | Value::Other => {
                self.fault(field.pointer(), detail);
                return None;
            }
        }
        match &self.values[field as usize] {
            Value::Text(text) => Some(text),
            Value::Absent | Value::Null | Value::Number(_) | Value::Flag(_) | Value::Other => None,
        }
    }

    /// One of a few words, which may be left out.
    pub(crate) fn choice<T: Copy>(&mut self, field: Field, words: &[(&str, T)]) -> Option<T> {
        const DETAIL: &str = "must be one of the words that it can be";
        let text = self.text(field, DETAIL)?;
        let found = words.iter().find(|(word, _)| *word == text);
        let found = found.map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<_> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
            self.fault_owned(
                field.pointer(),
                format!("must be one of {}", words.join(", ")),
            );
        }
        found
    }

    /// The description; empty when none is given.
    pub(crate) fn description(&mut self) -> Description {
        const DETAIL: &str =
            "must be a string of at most 255 characters, none of them a control character";
        let Some(text) = self.text(Field::Description, DETAIL) else {
            return Description::default();
        };
        match Description::new(text) {
            Some(description) => description,
            None => {
                self.fault(Field::Description.pointer(), DETAIL);
                Description::default()
            }
        }
    }

    /// The owner, which may be left out.
    pub(crate) fn owner(&mut self) -> Option<Owner> {
        const TYPE: &str = "must be \"user\" or \"company\"";
        if self.values[Field::Owner as usize] != Value::Other {
            return None;
        }
        let kind = match self.text(Field::OwnerType, TYPE) {
            Some("user") => Some(OwnerKind::User),
            Some("company") => Some(OwnerKind::Company),
            Some(_) => {
                self.fault(Field::OwnerType.pointer(), TYPE);
                None
            }
            None => {
                self.require(Field::OwnerType);
                None
            }
        };
        let id = self.number(Field::OwnerId);
        Some(Owner {
            kind: kind?,
            id: id?,
        })
    }

    /// A field that is not there is a fault.
    pub(crate) fn require(&mut self, field: Field) {
        if matches!(self.values[field as usize], Value::Absent | Value::Null) {
            self.fault(field.pointer(), REQUIRED);
        }
    }
}
