//! Acts in words: the lines of an export, and acts made of such lines again.
//!
//! ```text
//! {"v":1,"row":"export","format":1,…}      once, first
//! {"v":1,"row":"act","lsn":3,"last_lsn":3,"at_us":…,"kind":"charged","schema":1,"key":{…},"event":{…}}
//! {"v":1,"row":"end","acts":…,"last_lsn":…,"wallets":…,"points":…,"sha256":…}      once, last: without it the file was cut
//! ```
//! A body whose words would not give the very same bytes again stands there as hex instead.

use engine::domain::{Aside, Event, Rejection};
use engine::record::{
    Content, IdempotencyKey, Record, SCHEMA, decode, encode_event, encode_refusal, kind,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, from_value, to_value};

use crate::acts::Act;
use crate::filter::{kind_name, parse_kind};

/// Version of the lines; one that is not known is refused.
pub(crate) const EXPORT_FORMAT: u32 = 1;

/// The first line.
#[derive(Serialize, Deserialize)]
pub(crate) struct HeadLine {
    pub(crate) format: u32,
    pub(crate) store_id: String,
    pub(crate) last_lsn: u64,
    pub(crate) segment_bytes: u64,
}

/// The last line: what everything before it must come to.
#[derive(Serialize, Deserialize, PartialEq, Eq, Debug)]
pub(crate) struct EndLine {
    pub(crate) acts: u64,
    pub(crate) last_lsn: u64,
    pub(crate) wallets: usize,
    pub(crate) points: i128,
    /// SHA-256 of all lines before this one; none where an older version wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<String>,
}

/// One act.
#[derive(Serialize, Deserialize)]
pub(crate) struct ActLine {
    pub(crate) lsn: u64,
    pub(crate) last_lsn: u64,
    /// Header time, microseconds since the Unix epoch.
    pub(crate) at_us: i64,
    kind: String,
    schema: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<KeyLine>,
    /// What was decided, or the refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<Value>,
    /// What few events carry beside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aside: Option<Aside>,
    /// The body in hex, where words would not do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

/// The hashed idempotency key, in hex.
#[derive(Serialize, Deserialize)]
struct KeyLine {
    id: String,
    fingerprint: String,
}

/// An act as the journal takes it.
pub(crate) struct Plain {
    pub(crate) kind: u8,
    pub(crate) schema: u16,
    pub(crate) body: Vec<u8>,
}

// === impl ActLine ===

impl ActLine {
    /// The line of an act.
    pub(crate) fn new(act: &Act<'_>) -> Self {
        let name = match kind_name(act.kind) {
            "" => act.kind.to_string(),
            name => name.to_owned(),
        };
        let mut line = Self {
            lsn: act.lsn,
            last_lsn: act.last_lsn,
            at_us: act.at.0,
            kind: name,
            schema: act.schema,
            key: None,
            event: None,
            aside: None,
            body: None,
        };
        if let Ok(record) = decode(act.kind, act.schema, &act.body) {
            line.key = record.key.map(KeyLine::from);
            line.event = words(&record);
            line.aside = aside(&record);
        }
        // Only what gives the same bytes again is an export.
        let same = line.event.is_some()
            && line
                .plain()
                .is_ok_and(|plain| plain.body == *act.body && plain.kind == act.kind);
        if !same {
            // The bits of what stands beside are in no name.
            if kind::base(act.kind) != act.kind {
                line.kind = act.kind.to_string();
            }
            line.key = None;
            line.event = None;
            line.aside = None;
            line.body = Some(act.body.iter().map(|byte| format!("{byte:02x}")).collect());
        }
        line
    }

    /// The act again.
    pub(crate) fn plain(&self) -> Result<Plain, String> {
        let mut kind = parse_kind(&self.kind)?;
        if let Some(aside) = &self.aside {
            kind |= kind::ASIDE;
            if aside.counted_on.is_some() {
                kind |= kind::COUNTED;
            }
        }
        let body = match (&self.event, &self.body) {
            (Some(event), None) if self.schema == SCHEMA => self.encode(kind, event)?,
            (None, Some(hex)) => bytes(hex).ok_or("the body is not hex")?,
            _ => return Err("an act has an event of a known schema, or a body".to_owned()),
        };
        Ok(Plain {
            kind,
            schema: self.schema,
            body,
        })
    }

    fn encode(&self, number: u8, event: &Value) -> Result<Vec<u8>, String> {
        let key = self.key.as_ref().map(KeyLine::key).transpose()?;
        let mut body = Vec::new();
        let mut event = match kind::base(number) {
            kind::WALLET_CREATED => Event::WalletCreated(of(event)?),
            kind::CHARGED => Event::Charged(of(event)?),
            kind::EARNED => Event::Earned(of(event)?),
            kind::USED => Event::Used(of(event)?),
            kind::TRANSFERRED => Event::Transferred(of(event)?),
            kind::USE_CANCELLED => Event::UseCancelled(of(event)?),
            kind::LAPSED => Event::Lapsed(of(event)?),
            kind::SETTINGS_CHANGED => Event::SettingsChanged(of(event)?),
            kind::STATUS_CHANGED => Event::StatusChanged(of(event)?),
            kind::ADJUSTED_UP => Event::AdjustedUp(of(event)?),
            kind::ADJUSTED_DOWN => Event::AdjustedDown(of(event)?),
            kind::TAKEN_BACK => Event::TakenBack(of(event)?),
            kind::HOLD_PLACED => Event::HoldPlaced(of(event)?),
            kind::HOLD_CAPTURED => Event::HoldCaptured(of(event)?),
            kind::HOLD_RELEASED => Event::HoldReleased(of(event)?),
            kind::COMPANY_CREATED => Event::CompanyCreated(of(event)?),
            kind::MEMBER_JOINED => Event::MemberJoined(of(event)?),
            kind::MEMBER_LEFT => Event::MemberLeft(of(event)?),
            kind::DAY_CLOSED => Event::DayClosed(of(event)?),
            kind::GRANT_PENDING => Event::GrantPending(of(event)?),
            kind::GRANT_ACTIVATED => Event::GrantActivated(of(event)?),
            kind::GRANT_VOIDED => Event::GrantVoided(of(event)?),
            kind::SETTLEMENT_CLOSED => Event::SettlementClosed(of(event)?),
            kind::SETTLEMENT_MOVED => Event::SettlementMoved(of(event)?),
            kind::SETTLEMENT_RUN => Event::SettlementRun(of(event)?),
            kind::REFUSED => {
                let key = key.ok_or("a refusal bears a key")?;
                encode_refusal(&of::<Rejection>(event)?.into(), key, &mut body);
                return Ok(body);
            }
            _ => return Err(format!("kind {number} has no words")),
        };
        if let Some(aside) = &self.aside {
            event.carry(aside.clone());
        }
        encode_event(&event, key, &mut body);
        Ok(body)
    }
}

/// What a record says, in words.
fn words(record: &Record) -> Option<Value> {
    let value = match &record.content {
        // The place of an item has no words: the body stands for it.
        Content::Refused(denial) if denial.item.is_some() => return None,
        Content::Refused(denial) => to_value(denial.rejection),
        Content::Event(event) => match event {
            Event::WalletCreated(event) => to_value(event),
            Event::Charged(event) | Event::Earned(event) => to_value(event),
            Event::Used(event) => to_value(event),
            Event::Transferred(event) => to_value(event),
            Event::UseCancelled(event) => to_value(event),
            Event::Lapsed(event) => to_value(event),
            Event::SettingsChanged(event) => to_value(event),
            // Several events: the body stands for them.
            Event::Batched(_) => return None,
            Event::StatusChanged(event) => to_value(event),
            Event::AdjustedUp(event) => to_value(event),
            Event::AdjustedDown(event) => to_value(event),
            Event::TakenBack(event) => to_value(event),
            Event::HoldPlaced(event) => to_value(event),
            Event::HoldCaptured(event) => to_value(event),
            Event::HoldReleased(event) => to_value(event),
            Event::CompanyCreated(event) => to_value(event),
            Event::MemberJoined(event) | Event::MemberLeft(event) => to_value(event),
            Event::DayClosed(event) => to_value(event),
            Event::GrantPending(event) => to_value(event),
            Event::GrantActivated(event) => to_value(event),
            Event::GrantVoided(event) => to_value(event),
            Event::SettlementClosed(event) => to_value(event),
            Event::SettlementMoved(event) => to_value(event),
            Event::SettlementRun(event) => to_value(event),
        },
    };
    value.ok()
}

fn aside(record: &Record) -> Option<Aside> {
    match &record.content {
        Content::Event(event) => event.aside().cloned(),
        Content::Refused(_) => None,
    }
}

fn of<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    from_value(value.clone()).map_err(|error| error.to_string())
}

/// The bytes of a hex text.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let pair = std::str::from_utf8(pair)
                .ok()
                .filter(|pair| pair.len() == 2)?;
            u8::from_str_radix(pair, 16).ok()
        })
        .collect()
}

// === impl KeyLine ===

impl From<IdempotencyKey> for KeyLine {
    fn from(key: IdempotencyKey) -> Self {
        Self {
            id: format!("{:032x}", key.id),
            fingerprint: format!("{:016x}", key.fingerprint),
        }
    }
}

impl KeyLine {
    fn key(&self) -> Result<IdempotencyKey, String> {
        let id = u128::from_str_radix(&self.id, 16);
        let fingerprint = u64::from_str_radix(&self.fingerprint, 16);
        match (id, fingerprint) {
            (Ok(id), Ok(fingerprint)) => Ok(IdempotencyKey { id, fingerprint }),
            _ => Err("a key is hex".to_owned()),
        }
    }
}
