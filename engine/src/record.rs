//! Event ↔ bytes: the only file that knows both worlds.
//!
//! ```text
//! body = flag u8 (0 no key, 1 key) [ key id u128 LE · fingerprint u64 LE ] payload
//! ```
//! The payload is the event's struct in bincode 2 (standard configuration: little-endian, variable
//! integers); which struct is told by the record's kind, never by the payload. A kind and the layout
//! of its payload never change once released: a change takes a new schema version, and every decoder
//! stays. A refusal that was asked for under a key is an act of its own and touches no entity.

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::error::DecodeError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::domain::{Aside, Denial, Event, Inconsistency, Limits, Rejection};

mod batch;
mod key;
mod senseless;
#[cfg(test)]
mod tests;

pub use key::{CALLER_ANONYMOUS, hash_parts, key_id};
pub use senseless::Senseless;

/// Schema version written today.
pub const SCHEMA: u16 = 1;

/// Schema version of a refusal of one item of a batch: its place, then the refusal.
const SCHEMA_OF_ITEM: u16 = 2;

/// No act is larger than 256 KiB, and the decoder counts an integer at its full width (up to 8 bytes)
/// even where one byte holds it.
const DECODE_BYTES_MAX: usize = 8 * 256 * 1024;

const WIRE: Configuration<LittleEndian, Varint, Limit<DECODE_BYTES_MAX>> =
    bincode::config::standard().with_limit::<DECODE_BYTES_MAX>();

/// Record kinds. Numbers are never reused; those from 0xF0 on belong to the journal.
pub mod kind {
    /// [`crate::domain::WalletCreated`]
    pub const WALLET_CREATED: u8 = 1;
    /// [`crate::domain::Granted`] of paid points
    pub const CHARGED: u8 = 2;
    /// [`crate::domain::Granted`] of free points
    pub const EARNED: u8 = 3;
    /// [`crate::domain::Used`]
    pub const USED: u8 = 4;
    /// [`crate::domain::Transferred`]
    pub const TRANSFERRED: u8 = 5;
    /// [`crate::domain::UseCancelled`]
    pub const USE_CANCELLED: u8 = 6;
    /// [`crate::domain::Lapsed`]
    pub const LAPSED: u8 = 7;
    /// [`crate::domain::Rejection`] of a keyed command; schema 2: of an item of a batch
    pub const REFUSED: u8 = 8;
    /// [`crate::domain::SettingsChanged`]
    pub const SETTINGS_CHANGED: u8 = 9;
    /// [`crate::domain::StatusChanged`]
    pub const STATUS_CHANGED: u8 = 10;
    /// [`crate::domain::AdjustedUp`]
    pub const ADJUSTED_UP: u8 = 11;
    /// [`crate::domain::AdjustedDown`]
    pub const ADJUSTED_DOWN: u8 = 12;
    /// [`crate::domain::TakenBack`]
    pub const TAKEN_BACK: u8 = 13;
    /// [`crate::domain::HoldPlaced`]
    pub const HOLD_PLACED: u8 = 14;
    /// [`crate::domain::HoldCaptured`]
    pub const HOLD_CAPTURED: u8 = 15;
    /// [`crate::domain::HoldReleased`]
    pub const HOLD_RELEASED: u8 = 16;
    /// [`crate::domain::Batched`]
    pub const BATCHED: u8 = 21;
    /// [`crate::domain::CompanyCreated`]
    pub const COMPANY_CREATED: u8 = 22;
    /// [`crate::domain::Membership`] that begins
    pub const MEMBER_JOINED: u8 = 23;
    /// [`crate::domain::Membership`] that ends
    pub const MEMBER_LEFT: u8 = 24;
    /// [`crate::domain::DayClosed`]
    pub const DAY_CLOSED: u8 = 20;
    /// [`crate::domain::GrantPending`]
    pub const GRANT_PENDING: u8 = 28;
    /// [`crate::domain::GrantActivated`]
    pub const GRANT_ACTIVATED: u8 = 29;
    /// [`crate::domain::GrantVoided`]
    pub const GRANT_VOIDED: u8 = 30;
    /// [`crate::domain::SettlementClosed`]
    pub const SETTLEMENT_CLOSED: u8 = 25;
    /// [`crate::domain::SettlementMoved`]
    pub const SETTLEMENT_MOVED: u8 = 26;
    /// [`crate::domain::SettlementRun`]
    pub const SETTLEMENT_RUN: u8 = 27;

    /// A kind with this bit: the event's own bytes are followed by its [`crate::domain::Aside`].
    pub const ASIDE: u8 = 0x40;

    /// A kind with this bit too: the aside is followed by the day that the event is counted for. With both bits a kind below
    /// 0x30 stays below the journal's own.
    pub const COUNTED: u8 = 0x80;

    /// All kinds with the names that tools print and filter by.
    pub const NAMES: [(u8, &str); 27] = [
        (WALLET_CREATED, "wallet_created"),
        (CHARGED, "charged"),
        (EARNED, "earned"),
        (USED, "used"),
        (TRANSFERRED, "transferred"),
        (USE_CANCELLED, "use_cancelled"),
        (LAPSED, "lapsed"),
        (REFUSED, "refused"),
        (SETTINGS_CHANGED, "settings_changed"),
        (STATUS_CHANGED, "status_changed"),
        (ADJUSTED_UP, "adjusted_up"),
        (ADJUSTED_DOWN, "adjusted_down"),
        (TAKEN_BACK, "taken_back"),
        (HOLD_PLACED, "hold_placed"),
        (HOLD_CAPTURED, "hold_captured"),
        (HOLD_RELEASED, "hold_released"),
        (BATCHED, "batched"),
        (COMPANY_CREATED, "company_created"),
        (MEMBER_JOINED, "member_joined"),
        (MEMBER_LEFT, "member_left"),
        (DAY_CLOSED, "day_closed"),
        (GRANT_PENDING, "grant_pending"),
        (GRANT_ACTIVATED, "grant_activated"),
        (GRANT_VOIDED, "grant_voided"),
        (SETTLEMENT_CLOSED, "settlement_closed"),
        (SETTLEMENT_MOVED, "settlement_moved"),
        (SETTLEMENT_RUN, "settlement_run"),
    ];

    /// The kind without the bit that announces an aside; the journal's own kinds are as they are.
    pub const fn base(kind: u8) -> u8 {
        if kind >= 0xF0 {
            kind
        } else {
            kind & !(ASIDE | COUNTED)
        }
    }
}

/// What a caller's idempotency key is reduced to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct IdempotencyKey {
    /// Hash of caller, method, route template and key.
    pub id: u128,
    /// Hash of path and raw body (for a bulk item, of the item's bytes).
    pub fingerprint: u64,
}

/// What one act of the journal says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// The key under which it was asked for.
    pub key: Option<IdempotencyKey>,
    /// What came of it.
    pub content: Content,
}

/// What came of a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// It was carried out.
    Event(Event),
    /// It was refused, and the refusal is remembered under its key.
    Refused(Denial),
}

/// Bytes whose checksums hold but that make no sense.
#[derive(Debug, Error)]
pub enum RecordError {
    /// Written by a newer version.
    #[error("record kind {kind} with schema {schema} is unknown to this version")]
    Unknown {
        /// The record's kind.
        kind: u8,
        /// Its schema version.
        schema: u16,
    },
    /// The body does not decode.
    #[error("record of kind {kind} does not decode: {reason}")]
    Malformed {
        /// The record's kind.
        kind: u8,
        /// What the decoder says.
        reason: String,
    },
    /// The legs do not sum to zero, or a number is out of range.
    #[error(transparent)]
    Meaning(#[from] Inconsistency),
}

/// Appends the body of an event and gives its kind.
pub fn encode_event(event: &Event, key: Option<IdempotencyKey>, body: &mut Vec<u8>) -> u8 {
    encode_key(key, body);
    encode_bare(event, body)
}

/// Appends an event as it stands alone or in a batch, without a key.
fn encode_bare(event: &Event, body: &mut Vec<u8>) -> u8 {
    let kind = encode_own(event, body);
    if let Event::SettingsChanged(event) = event
        && !event.settings.limits.is_empty()
    {
        return encode(kind | kind::ASIDE, &event.settings.limits, body);
    }
    match event.aside() {
        None => kind,
        Some(aside) => encode_aside(kind, aside, body),
    }
}

fn encode_aside(kind: u8, aside: &Aside, body: &mut Vec<u8>) -> u8 {
    let rest = (aside.requested, aside.repaid, aside.by);
    let kind = encode(kind | kind::ASIDE, &rest, body);
    match &aside.counted_on {
        None => kind,
        Some(day) => encode(kind | kind::COUNTED, day, body),
    }
}

fn encode_own(event: &Event, body: &mut Vec<u8>) -> u8 {
    match event {
        Event::WalletCreated(event) => encode(kind::WALLET_CREATED, event, body),
        Event::Charged(event) => encode(kind::CHARGED, event, body),
        Event::Earned(event) => encode(kind::EARNED, event, body),
        Event::Used(event) => encode(kind::USED, event, body),
        Event::Transferred(event) => encode(kind::TRANSFERRED, event, body),
        Event::UseCancelled(event) => encode(kind::USE_CANCELLED, event, body),
        Event::Lapsed(event) => encode(kind::LAPSED, event, body),
        Event::SettingsChanged(event) => encode(kind::SETTINGS_CHANGED, event, body),
        Event::StatusChanged(event) => encode(kind::STATUS_CHANGED, event, body),
        Event::AdjustedUp(event) => encode(kind::ADJUSTED_UP, event, body),
        Event::AdjustedDown(event) => encode(kind::ADJUSTED_DOWN, event, body),
        Event::TakenBack(event) => encode(kind::TAKEN_BACK, event, body),
        Event::HoldPlaced(event) => encode(kind::HOLD_PLACED, event, body),
        Event::HoldCaptured(event) => encode(kind::HOLD_CAPTURED, event, body),
        Event::HoldReleased(event) => encode(kind::HOLD_RELEASED, event, body),
        Event::GrantPending(event) => encode(kind::GRANT_PENDING, event, body),
        Event::GrantActivated(event) => encode(kind::GRANT_ACTIVATED, event, body),
        Event::GrantVoided(event) => encode(kind::GRANT_VOIDED, event, body),
        Event::Batched(event) => batch::encode(event, body),
        Event::CompanyCreated(event) => encode(kind::COMPANY_CREATED, event, body),
        Event::MemberJoined(event) => encode(kind::MEMBER_JOINED, event, body),
        Event::MemberLeft(event) => encode(kind::MEMBER_LEFT, event, body),
        Event::DayClosed(event) => encode(kind::DAY_CLOSED, event, body),
        Event::SettlementClosed(event) => encode(kind::SETTLEMENT_CLOSED, event, body),
        Event::SettlementMoved(event) => encode(kind::SETTLEMENT_MOVED, event, body),
        Event::SettlementRun(event) => encode(kind::SETTLEMENT_RUN, event, body),
    }
}

/// Appends the body of a remembered refusal and gives its kind and schema.
pub fn encode_refusal(denial: &Denial, key: IdempotencyKey, body: &mut Vec<u8>) -> (u8, u16) {
    encode_key(Some(key), body);
    match denial.item {
        None => (encode(kind::REFUSED, &denial.rejection, body), SCHEMA),
        Some(item) => {
            let payload = (item, denial.rejection);
            (encode(kind::REFUSED, &payload, body), SCHEMA_OF_ITEM)
        }
    }
}

/// Reads an act back.
pub fn decode(kind: u8, schema: u16, body: &[u8]) -> Result<Record, RecordError> {
    let (key, payload) = decode_key(kind, body)?;
    let content = match (kind, schema) {
        // Nearly all there is, and read straight into its place: an event is large to hand on.
        (kind::CHARGED, SCHEMA) => Content::Event(Event::Charged(decode_payload(kind, payload)?)),
        (kind::EARNED, SCHEMA) => Content::Event(Event::Earned(decode_payload(kind, payload)?)),
        (kind::USED, SCHEMA) => Content::Event(Event::Used(decode_payload(kind, payload)?)),
        (kind::REFUSED, SCHEMA) => {
            let rejection: Rejection = decode_payload(kind, payload)?;
            Content::Refused(rejection.into())
        }
        (kind::REFUSED, SCHEMA_OF_ITEM) => {
            let (item, rejection) = decode_payload(kind, payload)?;
            let item = Some(item);
            Content::Refused(Denial { item, rejection })
        }
        (kind::BATCHED, SCHEMA) => Content::Event(Event::Batched(batch::decode(payload)?)),
        (_, _) => Content::Event(decode_event(kind, schema, payload)?),
    };
    if let Content::Event(event) = &content {
        event.check()?;
    }
    Ok(Record { key, content })
}

/// Reads an event that may be part of a batch: anything but a batch.
fn decode_event(kind: u8, schema: u16, payload: &[u8]) -> Result<Event, RecordError> {
    if schema != SCHEMA {
        return Err(RecordError::Unknown { kind, schema });
    }
    let (mut event, rest) = decode_own(kind, payload)?;
    let beside = kind & kind::ASIDE != 0;
    if kind & kind::COUNTED != 0 && !beside {
        return Err(RecordError::Unknown { kind, schema });
    }
    if let Event::SettingsChanged(changed) = &mut event
        && kind & !kind::SETTINGS_CHANGED == kind::ASIDE
    {
        changed.settings.limits = decode_payload::<Limits>(kind, rest)?;
        return match changed.settings.limits.is_empty() {
            true => Err(says_nothing(kind)),
            false => Ok(event),
        };
    }
    match event.aside_mut().filter(|_| beside) {
        None if beside => return Err(RecordError::Unknown { kind, schema }),
        None if rest.is_empty() => {}
        None => return Err(left_over(kind, rest)),
        Some(aside) => *aside = decode_aside(kind, rest)?.boxed(),
    }
    if beside && event.aside().is_none() {
        return Err(says_nothing(kind));
    }
    Ok(event)
}

fn decode_aside(kind: u8, bytes: &[u8]) -> Result<Aside, RecordError> {
    let of = |(requested, repaid, by)| Aside {
        requested,
        repaid,
        by,
        counted_on: None,
    };
    let (mut aside, rest) = read(kind, bytes, of)?;
    if kind & kind::COUNTED != 0 {
        aside.counted_on = Some(decode_payload(kind, rest)?);
    } else if !rest.is_empty() {
        return Err(left_over(kind, rest));
    }
    Ok(aside)
}

fn says_nothing(kind: u8) -> RecordError {
    let reason = "it says nothing beside".to_owned();
    RecordError::Malformed { kind, reason }
}

/// An event without what it carries beside, and what follows its own bytes.
fn decode_own(kind: u8, payload: &[u8]) -> Result<(Event, &[u8]), RecordError> {
    Ok(match kind::base(kind) {
        kind::WALLET_CREATED => read(kind, payload, Event::WalletCreated)?,
        kind::CHARGED => read(kind, payload, Event::Charged)?,
        kind::EARNED => read(kind, payload, Event::Earned)?,
        kind::USED => read(kind, payload, Event::Used)?,
        kind::TRANSFERRED => read(kind, payload, Event::Transferred)?,
        kind::USE_CANCELLED => read(kind, payload, Event::UseCancelled)?,
        kind::LAPSED => read(kind, payload, Event::Lapsed)?,
        kind::SETTINGS_CHANGED => read(kind, payload, Event::SettingsChanged)?,
        kind::STATUS_CHANGED => read(kind, payload, Event::StatusChanged)?,
        kind::ADJUSTED_UP => read(kind, payload, Event::AdjustedUp)?,
        kind::ADJUSTED_DOWN => read(kind, payload, Event::AdjustedDown)?,
        kind::TAKEN_BACK => read(kind, payload, Event::TakenBack)?,
        kind::HOLD_PLACED => read(kind, payload, Event::HoldPlaced)?,
        kind::HOLD_CAPTURED => read(kind, payload, Event::HoldCaptured)?,
        kind::HOLD_RELEASED => read(kind, payload, Event::HoldReleased)?,
        kind::COMPANY_CREATED => read(kind, payload, Event::CompanyCreated)?,
        kind::MEMBER_JOINED => read(kind, payload, Event::MemberJoined)?,
        kind::MEMBER_LEFT => read(kind, payload, Event::MemberLeft)?,
        kind::DAY_CLOSED => read(kind, payload, Event::DayClosed)?,
        kind::GRANT_PENDING => read(kind, payload, Event::GrantPending)?,
        kind::GRANT_ACTIVATED => read(kind, payload, Event::GrantActivated)?,
        kind::GRANT_VOIDED => read(kind, payload, Event::GrantVoided)?,
        kind::SETTLEMENT_CLOSED => read(kind, payload, Event::SettlementClosed)?,
        kind::SETTLEMENT_MOVED => read(kind, payload, Event::SettlementMoved)?,
        kind::SETTLEMENT_RUN => read(kind, payload, Event::SettlementRun)?,
        _ => {
            return Err(RecordError::Unknown {
                kind,
                schema: SCHEMA,
            });
        }
    })
}

/// The key alone, without decoding what came of it.
#[inline]
pub fn decode_key(kind: u8, body: &[u8]) -> Result<(Option<IdempotencyKey>, &[u8]), RecordError> {
    let malformed = |reason: &str| RecordError::Malformed {
        kind,
        reason: reason.to_owned(),
    };
    match body.split_first() {
        Some((0, payload)) => Ok((None, payload)),
        Some((1, rest)) => {
            let cut = rest.split_first_chunk::<16>();
            let (id, rest) = cut.ok_or_else(|| malformed("the key is cut short"))?;
            let cut = rest.split_first_chunk::<8>();
            let (fingerprint, payload) = cut.ok_or_else(|| malformed("the key is cut short"))?;
            let id = u128::from_le_bytes(*id);
            let fingerprint = u64::from_le_bytes(*fingerprint);
            Ok((Some(IdempotencyKey { id, fingerprint }), payload))
        }
        Some(_) => Err(malformed("the key flag is neither 0 nor 1")),
        None => Err(malformed("the body is empty")),
    }
}

fn encode_key(key: Option<IdempotencyKey>, body: &mut Vec<u8>) {
    match key {
        None => body.push(0),
        Some(key) => {
            body.push(1);
            body.extend_from_slice(&key.id.to_le_bytes());
            body.extend_from_slice(&key.fingerprint.to_le_bytes());
        }
    }
}

fn encode<T: Serialize>(kind: u8, payload: &T, body: &mut Vec<u8>) -> u8 {
    let written = bincode::serde::encode_into_std_write(payload, body, WIRE);
    assert!(
        written.is_ok(),
        "a plain struct always encodes into memory: {written:?}"
    );
    kind
}

#[inline(always)]
fn decode_payload<T: DeserializeOwned>(kind: u8, payload: &[u8]) -> Result<T, RecordError> {
    match bincode::serde::decode_from_slice(payload, WIRE) {
        Ok((value, read)) if read == payload.len() => Ok(value),
        Ok((_, read)) => Err(left_over(kind, &payload[read..])),
        Err(error) => Err(malformed(kind, &error)),
    }
}

/// Reads a value off the front.
fn read<T: DeserializeOwned, R>(
    kind: u8,
    payload: &[u8],
    wrap: impl FnOnce(T) -> R,
) -> Result<(R, &[u8]), RecordError> {
    let read = bincode::serde::decode_from_slice(payload, WIRE);
    let (value, read) = read.map_err(|error| malformed(kind, &error))?;
    Ok((wrap(value), &payload[read..]))
}

#[cold]
fn malformed(kind: u8, error: &DecodeError) -> RecordError {
    let reason = error.to_string();
    RecordError::Malformed { kind, reason }
}

#[cold]
fn left_over(kind: u8, rest: &[u8]) -> RecordError {
    let reason = format!("{} bytes are left over", rest.len());
    RecordError::Malformed { kind, reason }
}
