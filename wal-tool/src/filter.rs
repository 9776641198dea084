//! Which acts are wanted: every filter that is given must hold.

use clap::Args;
use engine::domain::{Entry, Timestamp, WalletId};
use engine::journal::frame::{KIND_CLOSE, KIND_FORK, KIND_LOSS, KIND_MARK};
use engine::record::{Content, Record, kind};

use crate::acts::Act;
use crate::instant;

/// A stretch of the log, by place or by time; all four ends are included.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    /// Only acts from this LSN on.
    #[arg(long, value_name = "LSN")]
    pub(crate) from_lsn: Option<u64>,
    /// Only acts up to this LSN.
    #[arg(long, value_name = "LSN")]
    pub(crate) to_lsn: Option<u64>,
    /// Only acts from this instant on (RFC 3339, or a date = midnight UTC).
    #[arg(long, value_name = "TIME", value_parser = instant::parse)]
    pub(crate) from_time: Option<Timestamp>,
    /// Only acts up to this instant.
    #[arg(long, value_name = "TIME", value_parser = instant::parse)]
    pub(crate) to_time: Option<Timestamp>,
}

/// What an act must be about.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Subject {
    /// Only acts that touch one of these wallets.
    #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = parse_wallet)]
    pub(crate) wallet: Vec<WalletId>,
    /// Only records of these kinds, like used,transferred,refused; mark and close are shown only on demand.
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = parse_kind)]
    pub(crate) kind: Vec<u8>,
    /// Only acts in which so many points move at once (together with --wallet: in one of these wallets).
    #[arg(long, value_name = "POINTS")]
    pub(crate) min_amount: Option<u64>,
    /// Only the act asked for under this key: 32 hex digits of the hashed key.
    #[arg(long, value_name = "HEX", value_parser = parse_key)]
    pub(crate) key: Option<u128>,
}

/// Kinds that the journal writes for itself, with the names that tools print and filter by.
pub(crate) const JOURNAL_KINDS: [(u8, &str); 4] = [
    (KIND_MARK, "mark"),
    (KIND_CLOSE, "close"),
    (KIND_FORK, "fork"),
    (KIND_LOSS, "loss"),
];

/// Hex digits of a key's 128 bits.
const KEY_DIGITS: usize = 32;

/// The name of a record kind; empty for one that this version does not know.
pub(crate) fn kind_name(kind: u8) -> &'static str {
    let known = kind::NAMES.iter().chain(&JOURNAL_KINDS);
    known
        .copied()
        .find(|(number, _)| *number == kind::base(kind))
        .map_or("", |(_, name)| name)
}

/// The number of a kind, by its name or as it is.
pub(crate) fn parse_kind(text: &str) -> Result<u8, String> {
    let known = || kind::NAMES.iter().chain(&JOURNAL_KINDS);
    let found = known()
        .find(|(_, name)| *name == text)
        .map(|(number, _)| *number);
    found.or_else(|| text.parse().ok()).ok_or_else(|| {
        let names: Vec<_> = known().map(|(_, name)| *name).collect();
        format!("no such kind; there are {}", names.join(", "))
    })
}

/// The hash of a key, as `dump` shows it.
pub(crate) fn parse_key(text: &str) -> Result<u128, String> {
    let digits = text.len() == KEY_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let key = u128::from_str_radix(text, 16).ok().filter(|_| digits);
    key.ok_or_else(|| format!("a key is {KEY_DIGITS} hex digits"))
}

/// A wallet id from the command line.
pub(crate) fn parse_wallet(text: &str) -> Result<WalletId, String> {
    let id = text.parse().ok().and_then(WalletId::new);
    id.ok_or_else(|| "a wallet id is 1…9007199254740991".to_owned())
}

// === impl Span ===

impl Span {
    /// Whether an act lies before the span, so that later ones may still be in it.
    pub(crate) fn is_ahead_of(&self, act: &Act<'_>) -> bool {
        self.from_lsn.is_some_and(|from| act.last_lsn < from)
            || self.from_time.is_some_and(|from| act.at < from)
    }

    /// Whether an act lies behind the span; so do all later ones.
    pub(crate) fn is_behind(&self, act: &Act<'_>) -> bool {
        self.to_lsn.is_some_and(|to| act.lsn > to) || self.to_time.is_some_and(|to| act.at > to)
    }
}

// === impl Subject ===

impl Subject {
    /// Whether the kind alone lets an act pass, before its body is decoded.
    pub(crate) fn takes_kind(&self, kind: u8) -> bool {
        match self.kind.is_empty() {
            // That something was given up is never left out.
            true => kind == KIND_LOSS || !JOURNAL_KINDS.iter().any(|(own, _)| *own == kind),
            false => self.kind.contains(&kind) || self.kind.contains(&kind::base(kind)),
        }
    }

    /// Whether only the kind decides.
    pub(crate) fn is_about_anything(&self) -> bool {
        self.wallet.is_empty() && self.min_amount.is_none() && self.key.is_none()
    }

    /// Whether a decoded act passes.
    pub(crate) fn takes(&self, record: &Record) -> bool {
        let key = self
            .key
            .is_none_or(|id| record.key.is_some_and(|key| key.id == id));
        if !key || (self.wallet.is_empty() && self.min_amount.is_none()) {
            return key;
        }
        match &record.content {
            Content::Event(event) => event.entries().iter().any(|entry| self.takes_entry(entry)),
            Content::Refused(_) => false,
        }
    }

    /// Whether an entry lets its act pass.
    fn takes_entry(&self, entry: &Entry) -> bool {
        let wallet = self.wallet.is_empty() || self.wallet.contains(&entry.standing.wallet);
        wallet && self.min_amount.is_none_or(|least| entry.amount >= least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_kinds_keys_and_wallets() {
        assert_eq!(parse_kind("used"), Ok(kind::USED));
        assert_eq!(parse_kind("mark"), Ok(KIND_MARK));
        assert_eq!(parse_kind("200"), Ok(200));
        assert!(parse_kind("spent").is_err_and(|error| error.contains("used")));
        assert_eq!(parse_key("000000000000000000000000000000ff"), Ok(255));
        assert!(parse_key("ff").is_err());
        assert!(parse_key("+00000000000000000000000000000ff").is_err());
        assert!(parse_wallet("0").is_err());
        assert_eq!(parse_wallet("7").map(WalletId::get), Ok(7));
    }
}
