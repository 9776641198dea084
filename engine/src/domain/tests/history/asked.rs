//! What is asked in random histories: steps whose numbers are made to fit when their turn comes.

use super::*;

/// What may happen next; the numbers are made to fit when it does.
#[derive(Clone, Debug)]
pub(in super::super) enum Step {
    Ask(Command),
    /// Cancel one of the acts so far, counted from the newest.
    Cancel(
        usize,
        Option<u64>,
        Option<TakeBackPolicy>,
        Option<LapsedPolicy>,
    ),
    /// Time passes, µs.
    Pass(i64),
    /// Grant that lapses so long after now, µs.
    Grant(Fund, u64, u64, Option<i64>),
    /// Correction upwards that lapses so long after now, µs.
    Correct(Fund, u64, u64, Option<i64>),
    /// Grant that counts so long after now, µs, or once it is activated, and lapses so long after now.
    Later(Fund, u64, u64, Option<i64>, Option<i64>),
    /// Activate one of the acts so far, counted from the newest, or void it.
    Settle(usize, bool),
    /// Hold that ends so long after now, µs.
    Hold(u64, u64, i64),
    /// Capture one of the acts so far, counted from the newest.
    Capture(usize, Option<u64>),
    /// Release one of them.
    Release(usize),
    /// Any of these about a wallet that is there, if it has a version and so much is left.
    OnConditions(Box<Step>, IfVersion, Option<u64>),
}

/// What version a wallet must have.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum IfVersion {
    Any,
    /// The one that it has before what is due is recorded.
    AsSeen,
    Is(u64),
}

const WALLETS: u64 = 4;

/// An act is named by its place among those that fit, from the newest, below this; from here on by its place among all.
const FITTING: usize = 6;

/// The first wallets more often, so that much happens in them.
fn id() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 1..=2_u64, 1 => 1..=WALLETS]
}

/// An act so far.
fn act() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 0..FITTING, 1 => FITTING..2 * FITTING]
}

/// Points that are given: more than are spent at once.
fn gift() -> impl Strategy<Value = u64> {
    prop_oneof![
        40 => 1..200_u64,
        1 => NUMBER_MAX - 60..=NUMBER_MAX,
    ]
}

fn points() -> impl Strategy<Value = u64> {
    prop_oneof![
        20 => 1..60_u64,
        1 => NUMBER_MAX - 60..=NUMBER_MAX,
    ]
}

pub(super) fn fund() -> impl Strategy<Value = Fund> {
    prop_oneof![Just(Fund::Free), Just(Fund::Paid)]
}

/// Wallets are unfrozen more often than frozen, so that something goes on.
fn status() -> impl Strategy<Value = Status> {
    prop_oneof![
        2 => Just(Status::Frozen),
        6 => Just(Status::Open),
        1 => Just(Status::Closed),
    ]
}

fn policy() -> impl Strategy<Value = Option<TakeBackPolicy>> {
    prop::option::of(prop::sample::select(&TakeBackPolicy::ALL[..]))
}

/// How long until something lapses, µs.
fn after() -> impl Strategy<Value = i64> {
    prop_oneof![
        3 => (1..8_i64).prop_map(|tens| tens * 10),
        1 => (1..40_i64).prop_map(|days| days * Timestamp::DAY_US),
    ]
}

fn lapsed() -> impl Strategy<Value = LapsedPolicy> {
    prop_oneof![
        Just(LapsedPolicy::StayExpired),
        (1..40_u16).prop_map(|days| LapsedPolicy::Regrant { days }),
        (1..40_u16).prop_map(|days| LapsedPolicy::Grace { days }),
    ]
}

fn settings() -> impl Strategy<Value = ChangeSettings> {
    let window = prop::option::of(prop::sample::select(&[1, 30, 400_u16][..]));
    let all = (window, prop::option::of(lapsed()), policy());
    all.prop_map(
        |(cancel_window_days, lapsed_policy, take_back_policy)| ChangeSettings {
            cancel_window_days,
            lapsed_policy,
            take_back_policy,
            ..ChangeSettings::default()
        },
    )
}

/// What companies and their members do. The first wallet, where there is none yet, mostly comes to be with a company.
fn by_company() -> impl Strategy<Value = Command> {
    let company =
        || prop_oneof![4 => Just(1), 1 => 1..=WALLETS].prop_map(|id| CompanyId::new(id).unwrap());
    let user = || 1..4_u64;
    let used = (company(), user(), points(), prop::option::of(fund()));
    prop_oneof![
        1 => company().prop_map(found),
        2 => (company(), user())
            .prop_map(|(company, user)| Command::JoinCompany(JoinCompany { company, user })),
        1 => (company(), user())
            .prop_map(|(company, user)| Command::LeaveCompany(LeaveCompany { company, user })),
        6 => used.prop_map(|(company, user, points, fund)| Command::CompanyUse(CompanyUse {
            company,
            user,
            amount: amount(points),
            fund,
            description: Description::default(),
        })),
    ]
}

fn found(company: CompanyId) -> Command {
    let name = Description::new("Acme").unwrap();
    Command::CreateCompany(CreateCompany { company, name })
}

/// Sets a limit or lifts it.
fn limit() -> impl Strategy<Value = ChangeSettings> {
    let kind = prop::sample::select(&LimitKind::ALL[..]);
    let mode = prop::sample::select(&[LimitMode::Trim, LimitMode::Reject][..]);
    let limit = (1..400_u64, mode).prop_map(|(most, mode)| Limit { most, mode });
    let limit = (kind, prop::option::of(limit));
    limit.prop_map(|limit| ChangeSettings {
        limit: Some(limit),
        ..ChangeSettings::default()
    })
}

/// Steps of every kind, over a few wallets, so that they meet; most of these are there from the start, and the first one is a
/// company's as often as not.
pub(in super::super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let least = prop::option::of(0..80_u64);
    let on_conditions = (step(), if_version(), least).prop_map(|(step, if_version, least)| {
        Step::OnConditions(Box::new(step), if_version, least)
    });
    let step = prop_oneof![8 => step(), 1 => on_conditions];
    let there = prop_oneof![4 => Just(WALLETS - 1), 1 => 0..=WALLETS];
    (there, any::<bool>(), vec(step, 1..100)).prop_map(|(there, company, steps)| {
        let created = (1..=there).map(|id| match CompanyId::new(id) {
            Some(first) if company && id == 1 => Step::Ask(found(first)),
            Some(_) | None => Step::Ask(create(id)),
        });
        created.chain(steps).collect()
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => id().prop_map(|id| Step::Ask(create(id))),
        8 => (fund(), id(), gift(), prop::option::of(after()))
            .prop_map(|(fund, id, points, after)| Step::Grant(fund, id, points, after)),
        2 => (fund(), id(), gift(), prop::option::of(after()))
            .prop_map(|(fund, id, points, after)| Step::Correct(fund, id, points, after)),
        3 => (fund(), id(), points())
            .prop_map(|(fund, id, points)| Step::Ask(adjust(fund, id, points, Change::Down))),
        9 => by_company().prop_map(Step::Ask),
        2 => limit().prop_map(|limit| Step::Ask(Command::ChangeSettings(Box::new(limit)))),
        3 => (id(), status()).prop_map(|(id, status)| Step::Ask(turn(id, status))),
        // The one that is there and has little.
        1 => Just(Step::Ask(turn(WALLETS - 1, Status::Closed))),
        6 => (id(), points()).prop_map(|(id, points)| Step::Ask(use_points(id, points))),
        5 => (id(), vec((1..=WALLETS, points()), 1..3)).prop_map(|(from, to)| Step::Ask(transfer(from, &to))),
        3 => (id(), points()).prop_map(|(id, points)| Step::Ask(up_to(id, points))),
        8 => (act(), prop::option::of(points()), policy(), prop::option::of(lapsed()))
            .prop_map(|(back, points, policy, lapsed)| Step::Cancel(back, points, policy, lapsed)),
        2 => settings().prop_map(|settings| Step::Ask(Command::ChangeSettings(Box::new(settings)))),
        4 => (fund(), id(), gift(), prop::option::of(0..6_i64), prop::option::of(1..8_i64))
            .prop_map(|(fund, id, points, from, until)| {
                let tens = |after: i64| after * 10;
                Step::Later(fund, id, points, from.map(tens), until.map(tens))
            }),
        4 => (act(), any::<bool>()).prop_map(|(back, void)| Step::Settle(back, void)),
        5 => (id(), points(), 0..8_i64).prop_map(|(id, points, after)| Step::Hold(id, points, after * 10)),
        4 => (act(), prop::option::of(points())).prop_map(|(back, points)| Step::Capture(back, points)),
        3 => act().prop_map(Step::Release),
        4 => (0..25_i64).prop_map(Step::Pass),
        1 => (1..20_i64).prop_map(|days| Step::Pass(days * Timestamp::DAY_US)),
        1 => (1..300_i64).prop_map(|days| Step::Pass(days * Timestamp::DAY_US)),
    ]
}

fn up_to(id: u64, points: u64) -> Command {
    let Command::Use(command) = use_points(id, points) else {
        unreachable!("a use")
    };
    Command::UseUpTo(command)
}

fn turn(id: u64, status: Status) -> Command {
    Command::ChangeStatus(ChangeStatus {
        wallet: wallet(id),
        status,
        description: Description::default(),
    })
}

fn adjust(fund: Fund, id: u64, points: u64, change: Change) -> Command {
    Command::Adjust(Adjust {
        wallet: wallet(id),
        change,
        fund,
        amount: amount(points),
        reason: Description::new("counted again").unwrap(),
    })
}

fn if_version() -> impl Strategy<Value = IfVersion> {
    prop_oneof![
        2 => Just(IfVersion::Any),
        3 => Just(IfVersion::AsSeen),
        1 => (1..12_u64).prop_map(IfVersion::Is),
    ]
}

/// The command of a step; `None` when only time passes.
pub(in super::super) fn command(world: &mut World, step: &Step) -> Option<Command> {
    let now = world.now.0;
    let after = |after: i64| Timestamp(now / 10 * 10 + after);
    let back = |fits: fn(&Event) -> bool, at: usize| act_back(world, fits, at);
    let (leg, description) = (None, Description::default());
    Some(match step {
        Step::Ask(command) => command.clone(),
        Step::Cancel(at, points, policy, lapsed) => Command::Cancel(Cancel {
            transaction: back(can_be_cancelled, *at),
            leg,
            amount: points.map(amount),
            lapsed: *lapsed,
            policy: *policy,
            description,
        }),
        Step::Grant(fund, id, points, until) => {
            grant(*fund, *id, *points, until.map(|until| after(until).0))
        }
        Step::Correct(fund, id, points, until) => {
            let expires_at = until.map(after);
            adjust(*fund, *id, *points, Change::Up { expires_at })
        }
        Step::Later(fund, id, points, from, until) => Command::GrantLater(Box::new(GrantLater {
            grant: Grant {
                wallet: wallet(*id),
                amount: amount(*points),
                expiry: until.map(after).into(),
                description,
            },
            fund: *fund,
            active_at: from.map(after),
        })),
        Step::Settle(at, true) => Command::VoidGrant(VoidGrant {
            transaction: back(is_pending, *at),
            leg,
            description,
        }),
        Step::Settle(at, false) => {
            let transaction = back(is_pending, *at);
            Command::ActivateGrant(ActivateGrant { transaction, leg })
        }
        Step::Hold(id, points, until) => Command::PlaceHold(PlaceHold {
            wallet: wallet(*id),
            amount: amount(*points),
            expires_at: after(*until),
            description,
        }),
        Step::Capture(at, points) => Command::CaptureHold(CaptureHold {
            transaction: back(is_hold, *at),
            amount: points.map(amount),
            description,
        }),
        Step::Release(at) => Command::ReleaseHold(ReleaseHold {
            transaction: back(is_hold, *at),
            description,
        }),
        Step::Pass(time) => {
            world.now.0 += time;
            return None;
        }
        Step::OnConditions(step, if_version, min_balance_after) => {
            let command = command(world, step)?;
            on_conditions(world, command, *if_version, *min_balance_after)
        }
    })
}

/// The act of this place, from the newest: mostly of those that can be meant, and at times of all.
fn act_back(world: &World, fits: fn(&Event) -> bool, back: usize) -> TransactionId {
    let acts = world.acts.iter().enumerate().rev();
    let fitting = acts.filter(|(_, (_, event))| back >= FITTING || fits(event));
    let fitting: Vec<_> = fitting.map(|(at, _)| at as u64 + 1).collect();
    let found = fitting.get(back % FITTING % fitting.len().max(1));
    TransactionId(found.copied().unwrap_or(0))
}

/// The command with conditions, if it is one that may have them.
fn on_conditions(
    world: &World,
    command: Command,
    if_version: IfVersion,
    min_balance_after: Option<u64>,
) -> Command {
    let Some(version) = seen(world, &command) else {
        return command;
    };
    Command::Conditional(Box::new(Conditional {
        command,
        if_version: match if_version {
            IfVersion::Any => None,
            IfVersion::AsSeen => Some(version),
            IfVersion::Is(version) => Some(version),
        },
        min_balance_after,
    }))
}

/// The version of the wallet that a command is about, zero if it is not there; `None` where no conditions are put on it.
fn seen(world: &World, command: &Command) -> Option<u64> {
    if matches!(
        command,
        Command::CreateWallet(_) | Command::CreateCompany(_)
    ) {
        return None;
    }
    let ids = command.participants(&world.facts(command));
    let subject = if let Command::Transfer(transfer) = command {
        Some(transfer.from.entity())
    } else {
        ids.iter().copied().find(|id| id.wallet().is_some())
    };
    if subject.is_none() && command.refers_to().is_none() {
        return None;
    }
    let there = subject.and_then(|id| world.wallets.get(&id)?.as_ref());
    Some(match there {
        Some(Entity::Wallet(wallet)) => wallet.version,
        Some(Entity::Program(_) | Entity::Company(_)) | None => 0,
    })
}

fn can_be_cancelled(event: &Event) -> bool {
    matches!(
        event,
        Event::Used(_)
            | Event::HoldCaptured(_)
            | Event::Charged(_)
            | Event::Earned(_)
            | Event::GrantActivated(_)
    )
}

fn is_pending(event: &Event) -> bool {
    matches!(event, Event::GrantPending(_))
}

fn is_hold(event: &Event) -> bool {
    matches!(event, Event::HoldPlaced(_))
}
