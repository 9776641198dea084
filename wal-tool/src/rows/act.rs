//! A record of the log as a row.

use std::collections::BTreeMap;
use std::fmt::Write;

use engine::domain::{
    Aside, CompanyCreated, DayClosed, Event, Limit, Membership, Rejection, Settings, Timestamp,
};
use engine::record::{Content, IdempotencyKey, Record};
use serde::Serialize;

use super::fork::ForkRow;
use super::settlement::{RunRow, SettlementRow};
use super::{EntryRow, OwnerRow};
use crate::acts::Act;
use crate::instant::rfc3339;

/// A record of the log, decoded as far as it can be.
#[derive(Serialize)]
pub(crate) struct ActRow<'a> {
    lsn: u64,
    last_lsn: u64,
    segment: u32,
    offset: u32,
    bytes: u64,
    created_at: String,
    kind: &'a str,
    schema: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<KeyRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<OwnerRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    company: Option<CompanyRow<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancels: Option<u64>,
    /// The leg of the use; left out: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancels_leg: Option<u8>,
    /// From when on the points count: of a grant that counts later.
    #[serde(skip_serializing_if = "Option::is_none")]
    active_at: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    entries: Vec<EntryRow>,
    /// What few events carry beside.
    #[serde(skip_serializing_if = "Option::is_none")]
    aside: Option<Aside>,
    /// All settings as they are in force from here on.
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<Settings>,
    /// The day that was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed: Option<ClosedRow>,
    /// The limits among them, by kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    limits: BTreeMap<&'static str, Limit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settlement: Option<SettlementRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<RunRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejection: Option<serde_json::Value>,
    /// Which item of a batch was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<u8>,
    /// Records up to here were given up by a repair.
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_to_lsn: Option<u64>,
    /// Whom a restored store descends from.
    #[serde(skip_serializing_if = "Option::is_none")]
    fork: Option<ForkRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// A company that came to be, or whose members changed.
#[derive(Serialize)]
pub(crate) struct CompanyRow<'a> {
    id: u64,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// Who joined or left; the kind says which.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<u64>,
}

/// What a day was closed with.
#[derive(Serialize)]
struct ClosedRow {
    day: String,
    watermark: u64,
    wallets: u64,
    entries: u64,
    opening: i64,
    net: i64,
    closing: i64,
}

impl From<&DayClosed> for ClosedRow {
    fn from(event: &DayClosed) -> Self {
        let sum = &event.sum;
        Self {
            day: event.day.to_string(),
            watermark: event.watermark,
            wallets: event.wallets,
            entries: sum.entries,
            opening: sum.opening.sum(),
            net: sum.net().sum(),
            closing: sum.closing().sum(),
        }
    }
}

/// The hashed idempotency key.
#[derive(Serialize)]
pub(crate) struct KeyRow {
    id: String,
    fingerprint: String,
}

/// Columns of an act in CSV: one row an entry, one row without an entry for everything else.
pub(crate) const ACT_COLUMNS: [&str; 20] = [
    "lsn",
    "last_lsn",
    "segment",
    "offset",
    "bytes",
    "created_at",
    "kind",
    "key",
    "fingerprint",
    "leg",
    "type",
    "wallet",
    "amount",
    "balance",
    "paid",
    "free",
    "version",
    "counterparty",
    "rejection",
    "description",
];

// === impl ActRow ===

impl<'a> ActRow<'a> {
    /// An act that decodes.
    pub(crate) fn new(act: &'a Act<'_>, record: &'a Record) -> Self {
        let mut row = Self::bare(act);
        row.key = record.key.map(KeyRow::from);
        match &record.content {
            Content::Event(event) => {
                row.aside = event.aside().cloned();
                row.entries = event.entries().iter().map(EntryRow::from).collect();
                row.description = event.description();
                match event {
                    Event::WalletCreated(event) => row.owner = Some(event.owner.into()),
                    Event::UseCancelled(event) => {
                        row.cancels = Some(event.entry.transaction().0);
                        row.cancels_leg = event.entry.leg().filter(|leg| *leg > 0);
                    }
                    Event::TakenBack(event) => {
                        row.cancels = Some(event.entry.transaction().0);
                        row.cancels_leg = event.entry.leg().filter(|leg| *leg > 0);
                    }
                    Event::Batched(_) => row.tell_parts(event),
                    Event::Charged(_)
                    | Event::Earned(_)
                    | Event::Used(_)
                    | Event::Transferred(_)
                    | Event::Lapsed(_)
                    | Event::StatusChanged(_)
                    | Event::AdjustedUp(_)
                    | Event::AdjustedDown(_)
                    | Event::HoldPlaced(_)
                    | Event::HoldCaptured(_)
                    | Event::HoldReleased(_)
                    | Event::GrantVoided(_) => {}
                    Event::GrantPending(event) => row.active_at = event.active_at.map(rfc3339),
                    Event::GrantActivated(event) => row.active_at = Some(rfc3339(event.active_at)),
                    Event::SettingsChanged(event) => {
                        row.settings = Some(event.settings.clone());
                        let limits = event.settings.limits.iter();
                        row.limits = limits.map(|(kind, limit)| (kind.as_str(), limit)).collect();
                    }
                    Event::CompanyCreated(event) => {
                        row.owner = Some(event.owner().into());
                        row.company = Some(CompanyRow::created(event));
                    }
                    Event::MemberJoined(event) | Event::MemberLeft(event) => {
                        row.company = Some(CompanyRow::changed(event));
                    }
                    Event::DayClosed(event) => row.closed = Some(ClosedRow::from(&**event)),
                    Event::SettlementClosed(event) => {
                        row.settlement = Some(SettlementRow::closed(event));
                    }
                    Event::SettlementMoved(event) => {
                        row.settlement = Some(SettlementRow::moved(event));
                    }
                    Event::SettlementRun(event) => row.run = Some(RunRow::new(event)),
                }
            }
            Content::Refused(denial) => {
                row.rejection = Some(rejection_words(&denial.rejection));
                row.item = denial.item;
            }
        }
        row
    }

    /// In a batch each entry says for itself what is elsewhere said once.
    fn tell_parts(&mut self, event: &Event) {
        for entry in &mut self.entries {
            if let Some(part) = event.part(entry.leg) {
                entry.tell(part.event);
            }
        }
    }

    /// An act whose body does not decode.
    pub(crate) fn undecodable(act: &'a Act<'_>, error: String) -> Self {
        let mut row = Self::bare(act);
        row.error = Some(error);
        row
    }

    /// A record of the journal's own: it carries no act.
    pub(crate) fn bare(act: &'a Act<'_>) -> Self {
        Self {
            lsn: act.lsn,
            last_lsn: act.last_lsn,
            segment: act.position.segment,
            offset: act.position.offset,
            bytes: act.framed_bytes,
            created_at: rfc3339(act.at),
            kind: act.kind_name(),
            schema: act.schema,
            key: None,
            owner: None,
            company: None,
            cancels: None,
            cancels_leg: None,
            active_at: None,
            description: "",
            entries: Vec::new(),
            settings: None,
            closed: None,
            settlement: None,
            limits: BTreeMap::new(),
            run: None,
            aside: None,
            rejection: None,
            item: None,
            lost_to_lsn: act.loss().map(|loss| loss.to_lsn),
            fork: act.fork().map(ForkRow::from),
            error: None,
        }
    }

    /// One line for people.
    pub(crate) fn line(&self) -> String {
        let mut line = format!("{:>10}  {}  {:<14}", self.lsn, self.created_at, self.kind);
        self.tell_entries(&mut line);
        if let Some(to) = self.lost_to_lsn {
            let _ = write!(line, "  LSN {}..{to} were given up by a repair", self.lsn);
        }
        if let Some(fork) = &self.fork {
            line += &fork.line();
        }
        self.tell_settings(&mut line);
        if let Some(owner) = &self.owner {
            let _ = write!(line, "  owner {} {}", owner.kind, owner.id);
        }
        if let Some(company) = &self.company {
            line.push_str(&company.words());
        }
        if let Some(cancels) = self.cancels {
            let _ = write!(line, "  cancels {cancels}");
            if let Some(leg) = self.cancels_leg {
                let _ = write!(line, " leg {leg}");
            }
        }
        if let Some(settlement) = &self.settlement {
            line += &settlement.line();
        }
        if let Some(run) = &self.run {
            line += &run.line();
        }
        if let Some(at) = &self.active_at {
            let _ = write!(line, "  active at {at}");
        }
        if let Some(item) = self.item {
            let _ = write!(line, "  item {item}");
        }
        if let Some(rejection) = &self.rejection {
            let _ = write!(line, "  {}", rejection["code"].as_str().unwrap_or_default());
            let members = rejection.as_object().into_iter().flatten();
            for (name, value) in members.filter(|(name, _)| *name != "code") {
                let _ = write!(line, " {name}={value}");
            }
        }
        if !self.description.is_empty() {
            // Quoted and escaped: no text of a caller reaches the terminal raw.
            let _ = write!(line, "  {:?}", self.description);
        }
        if let Some(key) = &self.key {
            let _ = write!(line, "  key {}", key.id);
        }
        if let Some(error) = &self.error {
            let _ = write!(line, "  UNREADABLE: {error}");
        }
        line
    }

    fn tell_entries(&self, line: &mut String) {
        for entry in &self.entries {
            let _ = write!(
                line,
                "  wallet {} {}{} = {} (paid {}, free {}) v{}",
                entry.wallet,
                entry.sign(),
                entry.amount,
                entry.balance,
                entry.paid,
                entry.free,
                entry.version
            );
            if let Some(by) = entry.by {
                let _ = write!(line, "  by user {by}");
            }
            if let Some(cancels) = entry.cancels {
                let _ = write!(line, "  cancels {cancels}");
            }
            if let Some(text) = &entry.text {
                let _ = write!(line, "  {text:?}");
            }
        }
    }

    /// What is in force from here on.
    fn tell_settings(&self, line: &mut String) {
        let Some(settings) = &self.settings else {
            return;
        };
        // In the words of the JSON row.
        for (name, value) in [
            ("settings", serde_json::to_value(settings)),
            ("limits", serde_json::to_value(&self.limits)),
        ] {
            if let Ok(value) = value {
                let _ = write!(line, "  {name} {value}");
            }
        }
    }

    /// The rows of [`ACT_COLUMNS`].
    pub(crate) fn cells(&self) -> Vec<[String; ACT_COLUMNS.len()]> {
        if self.entries.is_empty() {
            return vec![self.cells_of(None)];
        }
        let entries = self.entries.iter();
        entries.map(|entry| self.cells_of(Some(entry))).collect()
    }

    fn cells_of(&self, entry: Option<&EntryRow>) -> [String; ACT_COLUMNS.len()] {
        let number = |of: fn(&EntryRow) -> i128| {
            entry.map_or_else(String::new, |entry| of(entry).to_string())
        };
        let key = |of: fn(&KeyRow) -> &String| {
            self.key
                .as_ref()
                .map_or_else(String::new, |key| of(key).clone())
        };
        let counterparty = entry.and_then(|entry| entry.counterparty);
        let rejection = self
            .rejection
            .as_ref()
            .and_then(|rejection| rejection["code"].as_str());
        [
            self.lsn.to_string(),
            self.last_lsn.to_string(),
            self.segment.to_string(),
            self.offset.to_string(),
            self.bytes.to_string(),
            self.created_at.clone(),
            self.kind.to_owned(),
            key(|key| &key.id),
            key(|key| &key.fingerprint),
            number(|entry| entry.leg.into()),
            entry.map_or_else(String::new, |entry| entry.kind.to_owned()),
            number(|entry| entry.wallet.into()),
            number(|entry| entry.amount.into()),
            number(|entry| entry.balance.into()),
            number(|entry| entry.paid.into()),
            number(|entry| entry.free.into()),
            number(|entry| entry.version.into()),
            counterparty.map_or_else(String::new, |id| id.to_string()),
            rejection.unwrap_or_default().to_owned(),
            self.description.to_owned(),
        ]
    }
}

/// A refusal as its stable code with the numbers it carries.
fn rejection_words(rejection: &Rejection) -> serde_json::Value {
    let mut words = serde_json::Map::new();
    words.insert("code".to_owned(), rejection.code().into());
    // The derived form is {"Variant":{members}}; the code already names the variant.
    if let Ok(serde_json::Value::Object(tagged)) = serde_json::to_value(rejection) {
        for members in tagged.into_iter().map(|(_, members)| members) {
            if let serde_json::Value::Object(members) = members {
                words.extend(members);
            }
        }
    }
    if let Rejection::LimitExceeded { limit, .. } = rejection {
        words.insert("limit".to_owned(), limit.as_str().into());
    }
    if let Some(at) = words.get("expires_at").and_then(serde_json::Value::as_i64) {
        words.insert("expires_at".to_owned(), rfc3339(Timestamp(at)).into());
    }
    serde_json::Value::Object(words)
}

// === impl CompanyRow ===

impl<'a> CompanyRow<'a> {
    fn created(event: &'a CompanyCreated) -> Self {
        Self {
            id: event.company().get(),
            version: 1,
            name: Some(event.name.as_str()),
            user: None,
        }
    }

    fn changed(event: &Membership) -> Self {
        Self {
            id: event.company.get(),
            version: event.version,
            name: None,
            user: Some(event.user),
        }
    }

    fn words(&self) -> String {
        let mut words = format!("  company {} v{}", self.id, self.version);
        if let Some(name) = self.name {
            let _ = write!(words, "  {name:?}");
        }
        if let Some(user) = self.user {
            let _ = write!(words, "  user {user}");
        }
        words
    }
}

// === impl KeyRow ===

impl From<IdempotencyKey> for KeyRow {
    fn from(key: IdempotencyKey) -> Self {
        Self {
            id: format!("{:032x}", key.id),
            fingerprint: format!("{:016x}", key.fingerprint),
        }
    }
}
