//! Text tables: a line is a command and what comes of it.
//!
//! ```text
//! at 50                     sets the clock
//! earn 1 100 until 60     → #2 v2 paid 0 free 100 | free until 60 #0:100
//! use 1 101               → insufficient-balance { available: 100, requested: 101 }
//! ```
//! `#2` is the act's id; after the bar stands what went in or out, lot by lot. Lapses that come
//! before a command stand on lines of their own, behind a `+`.

use super::*;

/// Runs a table in a world of its own; a difference prints the table as it should stand.
pub(super) fn check(table: &str) {
    let mut world = World::default();
    check_in(&mut world, table);
}

/// The same in a world that is there already.
pub(super) fn check_in(world: &mut World, table: &str) {
    let lines = table.lines().map(str::trim);
    let expected: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    let mut actual = Vec::new();
    for line in expected.iter().filter(|line| !line.starts_with('+')) {
        let asked = line.split('→').next().unwrap().trim();
        let words: Vec<_> = asked.split_whitespace().collect();
        if let ["at", now] = words[..] {
            world.now = Timestamp(now.parse().unwrap());
            actual.push(asked.to_owned());
            continue;
        }
        let before = world.acts.len();
        let outcome = world.submit(&parse(&words));
        let lapses = world.acts[before..].iter().enumerate();
        for (at, (_, event)) in lapses.filter(|(_, (_, event))| is_lapse(event)) {
            actual.push(format!("+ {}", show(before + at + 1, event)));
        }
        let outcome = match outcome {
            Ok(event) => show(world.acts.len(), &event),
            Err(rejection) => refused(rejection),
        };
        actual.push(format!("{asked:<26} → {outcome}"));
    }
    let squeeze = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let same = expected.iter().map(|line| squeeze(line));
    assert!(
        same.eq(actual.iter().map(|line| squeeze(line))),
        "the table should read\n{}\n",
        actual.join("\n")
    );
}

fn is_lapse(event: &Event) -> bool {
    matches!(event, Event::Lapsed(_))
}

fn parse(words: &[&str]) -> Command {
    let number = |at: usize| words[at].parse::<u64>().unwrap();
    let until = || words.get(4).map(|until| until.parse().unwrap());
    match words[0] {
        "create" => create(number(1)),
        "charge" => grant(Fund::Paid, number(1), number(2), until()),
        "earn" => grant(Fund::Free, number(1), number(2), until()),
        "use" => use_points(number(1), number(2)),
        "cancel" => cancel(
            number(1),
            words.get(2).map(|points| points.parse().unwrap()),
        ),
        "transfer" => {
            let pair = |word: &&str| {
                let (points, to) = word.split_once('>').unwrap();
                (to.parse().unwrap(), points.parse().unwrap())
            };
            let to: Vec<(u64, u64)> = words[2..].iter().map(pair).collect();
            transfer(number(1), &to)
        }
        other => panic!("{other} is no command"),
    }
}

/// A refusal by its code, with what it says.
fn refused(rejection: Rejection) -> String {
    let text = format!("{rejection:?}");
    let (_, members) = text.split_once(' ').unwrap();
    let plain = ["WalletId", "TransactionId", "Timestamp"];
    let plain = plain
        .iter()
        .fold(members.to_owned(), |text, name| text.replace(name, ""));
    let plain = plain.replace(['(', ')'], "");
    format!("{} {plain}", rejection.code())
}

fn show(id: usize, event: &Event) -> String {
    let entries = event.entries();
    let legs = entries.iter().zip(event.roles()).map(|(entry, (_, role))| {
        let Standing {
            version,
            paid,
            free,
            ..
        } = entry.standing;
        let moved = moved(event, role);
        let leg = format!("v{version} paid {paid} free {free} | {moved}");
        leg.trim_end_matches([' ', '|']).to_owned()
    });
    format!("#{id} {}", legs.collect::<Vec<_>>().join(" || "))
}

fn moved(event: &Event, role: Role) -> String {
    let piece = |lot: u64, amount: u64| format!("#{lot}:{amount}");
    let runs = |runs: &mut dyn Iterator<Item = &Run>| {
        let run = |run: &Run| {
            let pieces = run.pieces.iter().map(|one| piece(one.lot, one.amount));
            let pieces: Vec<_> = pieces.collect();
            format!("{} {}", bucket(run.bucket), pieces.join(" "))
        };
        runs.map(run).collect::<Vec<_>>().join(", ")
    };
    match event {
        Event::WalletCreated(_)
        | Event::SettingsChanged(_)
        | Event::CompanyCreated(_)
        | Event::DayClosed(_)
        | Event::MemberJoined(_)
        | Event::MemberLeft(_)
        | Event::SettlementClosed(_)
        | Event::SettlementMoved(_)
        | Event::SettlementRun(_) => String::new(),
        Event::StatusChanged(event) => event.status.as_str().to_owned(),
        Event::AdjustedUp(event) => piece(event.lot, event.amount.get()),
        Event::AdjustedDown(event) => runs(&mut event.runs.iter()),
        Event::TakenBack(event) => format!("#{}:{} owed {}", event.lot, event.taken, event.owed),
        Event::HoldPlaced(event) => runs(&mut event.runs.iter()),
        Event::HoldCaptured(event) => runs(&mut event.runs.iter()),
        Event::HoldReleased(event) => runs(&mut event.runs.iter()),
        Event::GrantPending(event) => format!("{} {}", event.fund.as_str(), event.amount),
        Event::GrantActivated(event) => piece(event.lot, event.amount.get()),
        Event::GrantVoided(event) => format!("{} {}", event.fund.as_str(), event.amount),
        Event::Charged(event) | Event::Earned(event) => piece(event.lot, event.amount.get()),
        Event::Used(event) => runs(&mut event.runs.iter()),
        Event::UseCancelled(event) => runs(&mut event.runs.iter()),
        Event::Batched(_) => panic!("no table asks for a batch"),
        Event::Lapsed(event) => format!("{} {}", bucket(event.bucket), event.amount),
        Event::Transferred(event) => match role {
            Role::Sole | Role::From | Role::Member(_) | Role::Company => runs(&mut event.runs()),
            Role::To(at) => {
                let received = &event.to[usize::from(at)];
                let into = received.runs.iter().zip(&received.lots);
                let into = into.map(|(run, lot)| {
                    format!("{} {}", bucket(run.bucket), piece(*lot, run.amount()))
                });
                into.collect::<Vec<_>>().join(", ")
            }
        },
    }
}

fn bucket(key: BucketKey) -> String {
    match key.expires_at {
        Some(Timestamp(at)) => format!("{} until {at}", key.fund.as_str()),
        None => key.fund.as_str().to_owned(),
    }
}
