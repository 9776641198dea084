//! Snapshots held against the replay: at its last LSN each must hold exactly what the log adds up to, every wallet with
//! every lot, every key inside its window, and the digest.

use std::collections::{BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use engine::domain::{Digest, Entity, EntityId, EntityKind, Timestamp, Wallet};
use engine::journal::{Class, JournalError, Problem};
use engine::record::IdempotencyKey;
use engine::snapshot::{KeptEntity, Snapshot};

use crate::exit::Stop;
use crate::fold::{Fold, Held, Other};

/// Differences told of one snapshot: with more, the number of the others says enough.
const TOLD_MAX: usize = 100;

/// Snapshots that the replay has not reached yet, oldest first.
#[derive(Default)]
pub(super) struct Comparison {
    ahead: VecDeque<Ahead>,
    compared: usize,
}

/// A snapshot with what the log says on the way there.
struct Ahead {
    snapshot: Snapshot,
    keys: KeySum,
}

/// Keys in the order of the log.
#[derive(Default)]
struct KeySum {
    count: u64,
    hash: DefaultHasher,
}

/// What a replay knows at the LSN of a snapshot.
pub(super) struct Reached<'a> {
    pub(super) fold: &'a Fold,
    pub(super) digest: Digest,
    /// The log has contradicted itself, so only what it is sure of is compared.
    pub(super) contradicted: bool,
}

/// What is wrong with one snapshot.
struct Differences<'a> {
    snapshot: &'a Snapshot,
    told: Vec<Problem>,
    more: usize,
}

// === impl Comparison ===

impl Comparison {
    /// `snapshots` are sound in themselves, oldest first.
    pub(super) fn with(snapshots: Vec<Snapshot>) -> Self {
        let ahead = snapshots.into_iter().map(|snapshot| Ahead {
            snapshot,
            keys: KeySum::default(),
        });
        Self {
            ahead: ahead.collect(),
            compared: 0,
        }
    }

    /// How many were held against the replay.
    pub(super) fn compared(&self) -> usize {
        self.compared
    }

    /// Takes the key of an act in.
    pub(super) fn take_key(&mut self, key: IdempotencyKey, lsn: u64, at: Timestamp) {
        for ahead in &mut self.ahead {
            if at >= ahead.snapshot.keys_from() {
                ahead.keys.add(key, lsn, at.0);
            }
        }
    }

    /// Whether the next snapshot ends before LSN `lsn`.
    pub(super) fn is_due(&self, lsn: u64) -> bool {
        let next = self.ahead.front();
        next.is_some_and(|next| next.snapshot.lsn().0 < lsn)
    }

    /// Holds the next snapshot against the replay.
    pub(super) fn hold(&mut self, reached: &Reached<'_>) -> Result<Vec<Problem>, Stop> {
        let Some(Ahead { snapshot, keys }) = self.ahead.pop_front() else {
            return Ok(Vec::new());
        };
        self.compared += 1;
        let mut differences = Differences {
            snapshot: &snapshot,
            told: Vec::new(),
            more: 0,
        };
        match differences.find(reached, &keys) {
            Ok(()) => {}
            Err(JournalError::Damage(problem)) => differences.told.push(problem),
            Err(error) => return Err(error.into()),
        }
        Ok(differences.all())
    }

    /// Gives up on the rest: what lies in front of them is damaged.
    pub(super) fn give_up(&mut self) {
        self.ahead.clear();
    }
}

// === impl Differences ===

impl Differences<'_> {
    fn find(&mut self, reached: &Reached<'_>, keys: &KeySum) -> Result<(), JournalError> {
        self.find_entities(reached)?;
        let mut kept = KeySum::default();
        self.snapshot
            .each_kept_key(|key| kept.add(key.key, key.lsn, key.at_us))?;
        if (kept.count, kept.hash.finish()) != (keys.count, keys.hash.finish()) {
            let (kept, log) = (kept.count, keys.count);
            let what = format!(
                "its {kept} idempotency keys are not the {log} that the log has in their window"
            );
            self.tell(None, what);
        }
        let stated = self.snapshot.stated().digest;
        if !reached.contradicted && stated != reached.digest {
            let (stated, log) = (stated.0, reached.digest.0);
            let what =
                format!("its digest is {stated:032x}, the events of the log lead to {log:032x}");
            self.tell(None, what);
        }
        Ok(())
    }

    fn find_entities(&mut self, reached: &Reached<'_>) -> Result<(), JournalError> {
        let snapshot = self.snapshot;
        let fold = reached.fold;
        let mut ids = BTreeSet::new();
        snapshot.each_entity(|kept| {
            ids.insert(kept.id);
            let what = if let Some(held) = fold.wallet(kept.id.id).filter(|_| is_wallet(kept.id)) {
                difference(&kept, held)
            } else if let Some(other) = fold.other(kept.id) {
                other_difference(&kept, other)
            } else {
                let absent = !reached.contradicted;
                let what = || format!("holds {}, which the log does not have", name(kept.id));
                absent.then(what)
            };
            if let Some(what) = what {
                self.tell(Some(kept.offset), what);
            }
        })?;
        if !reached.contradicted {
            let missing: BTreeSet<_> = fold.ids().filter(|id| !ids.contains(id)).collect();
            for id in missing {
                self.tell(None, format!("{} of the log is missing in it", name(id)));
            }
        }
        Ok(())
    }

    fn tell(&mut self, offset: Option<u64>, what: String) {
        if self.told.len() >= TOLD_MAX {
            self.more += 1;
            return;
        }
        self.told.push(Problem {
            class: Class::Meta,
            file: self.snapshot.name().to_owned(),
            offset,
            lsn: Some(self.snapshot.lsn()),
            what,
        });
    }

    fn all(mut self) -> Vec<Problem> {
        if let (Some(last), more @ 1..) = (self.told.last_mut(), self.more) {
            last.what += &format!("; and {more} differences more");
        }
        self.told
    }
}

fn is_wallet(id: EntityId) -> bool {
    id.kind == EntityKind::Wallet
}

fn name(id: EntityId) -> String {
    format!("{:?} {}", id.kind, id.id).to_lowercase()
}

/// As `difference`, of what is no wallet.
fn other_difference(kept: &KeptEntity, other: &Other) -> Option<String> {
    let state = other.state()?;
    let same = *state == kept.entity
        && (kept.last_lsn.0, kept.last_at) == (other.touched().last_lsn, other.touched().at)
        && kept.created_at == other.created().at;
    (!same).then(|| format!("{} is not what the log leads to", name(kept.id)))
}

/// What a snapshot says of a wallet that the log does not; `None` too where the log contradicts itself about it.
fn difference(kept: &KeptEntity, held: &Held) -> Option<String> {
    let state = held.state()?;
    let Entity::Wallet(wallet) = &kept.entity else {
        return None;
    };
    let id = kept.id.id;
    let shown = |wallet: &Wallet| {
        let (version, paid, free) = (wallet.version, wallet.paid, wallet.free);
        format!("version {version} with {paid} paid and {free} free points")
    };
    let (kept_shown, log_shown) = (shown(wallet), shown(state));
    if kept_shown != log_shown {
        return Some(format!(
            "wallet {id} stands at {kept_shown}, the log leads to {log_shown}"
        ));
    }
    let part = if wallet.lots != state.lots {
        "its lots"
    } else if wallet.returns != state.returns {
        "what was given back of its uses"
    } else if wallet != state {
        "its owner"
    } else if (kept.last_lsn.0, kept.last_at) != (held.touched().last_lsn, held.touched().at) {
        "the act that touched it last"
    } else if kept.created_at != held.created().at {
        "the time of its creation"
    } else {
        return None;
    };
    Some(format!("wallet {id}: {part} is not what the log leads to"))
}

// === impl KeySum ===

impl KeySum {
    fn add(&mut self, key: IdempotencyKey, lsn: u64, at_us: i64) {
        self.count += 1;
        (key.id, key.fingerprint, lsn, at_us).hash(&mut self.hash);
    }
}
