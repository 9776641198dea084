//! Tests of the rules. [`World`] is the engine without actors and disk: it asks `due`, decides and
//! applies, and holds every wallet against what must always be true.

mod allowances;
mod batch;
mod check;
mod commands;
mod company;
mod hand;
mod history;
mod limits;
mod oracle;
mod pending;
mod ranking;
mod repaid;
mod roles;
mod settlement;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;

/// Wallets and the acts that made them; an act's id is its place in `acts`, from 1.
#[derive(Clone, Default)]
pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) settings: Settings,
    pub(super) wallets: BTreeMap<EntityId, Option<Entity>>,
    pub(super) acts: Vec<(Timestamp, Arc<Event>)>,
}

impl World {
    /// One command: lapses that are due, then the decision, then its effects.
    pub(super) fn submit(&mut self, command: &Command) -> Result<Arc<Event>, Rejection> {
        let facts = self.facts(command);
        let ids = command.participants(&facts);
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
        self.lapse(&ids);
        let states: Vec<_> = ids
            .iter()
            .map(|id| Participant {
                id: *id,
                entity: self.wallets.get(id).and_then(Option::as_ref),
            })
            .collect();
        let at = Circumstances {
            now: self.now,
            settings: &self.settings,
        };
        let event = decide(Participants(&states), command, &facts, &at)?;
        Ok(self.record(event))
    }

    /// Records what is due for these entities, until nothing is.
    pub(super) fn lapse(&mut self, ids: &[EntityId]) {
        for id in ids {
            loop {
                let state = self.wallets.get(id).and_then(Option::as_ref);
                let Some(event) = state.and_then(|state| due(*id, state, self.now)) else {
                    break;
                };
                self.record(event);
            }
        }
    }

    /// Applies an event in all its roles.
    pub(super) fn record(&mut self, event: Event) -> Arc<Event> {
        assert_eq!(event.check(), Ok(()), "{event:?}");
        for (id, role) in event.roles() {
            let state = self.wallets.entry(id).or_default();
            assert_eq!(apply(state, role, &event), Ok(()), "{event:?} {role:?}");
            if let Some(entity) = state {
                entity.mark(self.acts.len() as u64 + 1);
            }
            assert_sound(state.as_ref());
            if let Some(standing) = event.standing(role) {
                assert_eq!(standing.wallet.entity(), id);
            }
        }
        if let Event::SettingsChanged(changed) = &event {
            self.settings = changed.settings.clone();
        }
        let event = Arc::new(event);
        self.acts.push((self.now, event.clone()));
        event
    }

    pub(super) fn facts(&self, command: &Command) -> Facts {
        let Some(TransactionId(id)) = command.refers_to() else {
            return Facts::Nothing;
        };
        let found = (id as usize)
            .checked_sub(1)
            .and_then(|at| self.acts.get(at));
        found.map_or(Facts::Nothing, |(at, event)| Facts::Act {
            event: event.clone(),
            at: *at,
        })
    }

    pub(super) fn wallet(&self, id: u64) -> &Wallet {
        match &self.wallets[&wallet(id).entity()] {
            Some(Entity::Wallet(wallet)) => wallet,
            Some(Entity::Program(_) | Entity::Company(_)) | None => {
                panic!("wallet {id} does not exist")
            }
        }
    }

    /// Many grants of one point, held against what must be true only at the end.
    pub(super) fn fill(
        &mut self,
        id: u64,
        fund: Fund,
        lots: usize,
        until: fn(usize) -> Option<i64>,
    ) {
        let entity = wallet(id).entity();
        for at in 0..lots {
            let command = grant(fund, id, 1, until(at));
            let state = self.wallets.get_mut(&entity).unwrap();
            let participant = Participant {
                id: entity,
                entity: state.as_ref(),
            };
            let decided = decide(
                Participants(&[participant]),
                &command,
                &Facts::Nothing,
                &Circumstances {
                    now: self.now,
                    settings: &Settings::default(),
                },
            );
            let event = decided.unwrap();
            apply(state, Role::Sole, &event).unwrap();
            self.acts.push((self.now, Arc::new(event)));
        }
        assert_sound(self.wallets[&entity].as_ref());
    }

    /// Points in all wallets.
    pub(super) fn total(&self) -> u64 {
        let states = self.wallets.values().flatten();
        let points = states.map(|entity| match entity {
            Entity::Wallet(wallet) => wallet.balance().unsigned_abs(),
            Entity::Program(_) | Entity::Company(_) => 0,
        });
        points.sum()
    }
}

/// What is true of every wallet at every step.
pub(super) fn assert_sound(state: Option<&Entity>) {
    let state = state.expect("applying an event leaves an entity");
    let Entity::Wallet(wallet) = state else {
        return;
    };
    let (mut free, mut paid, mut count) = (0, 0, 0);
    let debt = wallet.special().debt;
    let held = |fund| {
        let runs = wallet.special().holds.iter().flat_map(|hold| &hold.runs);
        let of_fund = runs.filter(|run| run.bucket.fund == fund);
        of_fund.map(Run::amount).sum::<u64>().cast_signed()
    };
    free += held(Fund::Free);
    paid += held(Fund::Paid);
    for bucket in wallet.lots.buckets() {
        let numbers = bucket.lots.iter().map(|lot| lot.number);
        assert!(numbers.clone().is_sorted_by(|a, b| a < b), "{wallet:?}");
        let mut numbers = numbers;
        assert!(numbers.all(|number| number < wallet.lots.next_number()));
        assert!(
            bucket.lots.iter().all(|lot| lot.remaining > 0),
            "{wallet:?}"
        );
        let sum = bucket.lots.points().cast_signed();
        match bucket.key.fund {
            Fund::Free => free += sum,
            Fund::Paid => paid += sum,
        }
        count += bucket.lots.len();
    }
    let keys = wallet.lots.buckets().iter().map(|bucket| bucket.key);
    assert!(keys.is_sorted_by(|a, b| a < b), "{wallet:?}");
    assert_eq!(
        (free, paid, count),
        (
            wallet.free + debt.free.cast_signed(),
            wallet.paid + debt.paid.cast_signed(),
            wallet.lots.count()
        )
    );
    assert!(wallet.balance() <= NUMBER_MAX.cast_signed() && count <= LOTS_MAX);
    assert!(wallet.lots.buckets().len() <= BUCKETS_MAX);
    assert!(wallet.returns.is_sorted_by(|a, b| a.entry < b.entry));
}

pub(super) fn wallet(id: u64) -> WalletId {
    WalletId::new(id).unwrap()
}

pub(super) fn amount(points: u64) -> Amount {
    Amount::new(points).unwrap()
}

pub(super) fn create(id: u64) -> Command {
    Command::CreateWallet(CreateWallet {
        wallet: wallet(id),
        owner: Owner::user(id),
    })
}

pub(super) fn grant(fund: Fund, id: u64, points: u64, until: Option<i64>) -> Command {
    let grant = Grant {
        wallet: wallet(id),
        amount: amount(points),
        expiry: until.map(Timestamp).into(),
        description: Description::default(),
    };
    match fund {
        Fund::Paid => Command::Charge(grant),
        Fund::Free => Command::Earn(grant),
    }
}

pub(super) fn use_points(id: u64, points: u64) -> Command {
    Command::Use(Use {
        wallet: wallet(id),
        amount: amount(points),
        description: Description::default(),
    })
}

pub(super) fn transfer(from: u64, to: &[(u64, u64)]) -> Command {
    let to = to.iter().map(|(id, points)| (wallet(*id), amount(*points)));
    Command::Transfer(Transfer {
        from: wallet(from),
        to: to.collect(),
        description: Description::default(),
    })
}

pub(super) fn cancel(transaction: u64, points: Option<u64>) -> Command {
    Command::Cancel(Cancel {
        transaction: TransactionId(transaction),
        leg: None,
        amount: points.map(amount),
        lapsed: None,
        policy: None,
        description: Description::default(),
    })
}
