//! Whatever may be decided comes back as it was.

use proptest::collection::vec;
use proptest::prelude::*;
use smallvec::SmallVec;

use super::*;
use crate::domain::*;

fn standing() -> impl Strategy<Value = Standing> {
    let number = || prop_oneof![1..300_u64, 1..=NUMBER_MAX];
    let half = || prop_oneof![0..300_u64, 0..=NUMBER_MAX / 2];
    (number(), number(), half(), half()).prop_map(|(wallet, version, paid, free)| Standing {
        wallet: WalletId::new(wallet).unwrap(),
        version,
        paid: paid.cast_signed(),
        free: free.cast_signed(),
    })
}

fn bucket() -> impl Strategy<Value = BucketKey> {
    (any::<bool>(), any::<Option<i64>>()).prop_map(|(paid, expires_at)| BucketKey {
        fund: if paid { Fund::Paid } else { Fund::Free },
        expires_at: expires_at.map(Timestamp),
    })
}

fn runs() -> impl Strategy<Value = Runs> {
    // 8 runs of 8 pieces stay within 2^53 − 1 together, four times over.
    let amount = prop_oneof![1..300_u64, 1..=NUMBER_MAX / 256];
    let piece = (0..=NUMBER_MAX, amount).prop_map(|(lot, amount)| Piece { lot, amount });
    let run = (bucket(), vec(piece, 1..=8)).prop_map(|(bucket, pieces)| Run {
        bucket,
        pieces: pieces.into(),
    });
    vec(run, 1..=8).prop_map(Runs::from)
}

fn description() -> impl Strategy<Value = Description> {
    "\\PC{0,60}".prop_map(|text| Description::new(&text).unwrap_or_default())
}

fn aside() -> impl Strategy<Value = Asides> {
    let number = || prop::option::of(1..=NUMBER_MAX);
    prop_oneof![
        Just(None),
        (number(), number(), prop::option::of(-9_999..99_999_i32)).prop_map(
            |(requested, by, day)| {
                let aside = Aside {
                    requested,
                    by,
                    counted_on: day.and_then(Day::from_number),
                    ..Aside::default()
                };
                aside.boxed()
            }
        )
    ]
}

fn granted() -> impl Strategy<Value = Granted> {
    let numbers = (1..=NUMBER_MAX, any::<Option<i64>>(), 0..=NUMBER_MAX);
    (standing(), numbers, description(), aside()).prop_map(
        |(standing, (amount, expires_at, lot), description, aside)| Granted {
            standing,
            amount: Amount::new(amount).unwrap(),
            expires_at: expires_at.map(Timestamp),
            lot,
            description,
            aside,
        },
    )
}

fn transferred() -> impl Strategy<Value = Event> {
    let received = (standing(), runs(), any::<u32>());
    (standing(), vec(received, 1..=4), description()).prop_filter_map(
        "a wallet takes one role",
        |(from, to, description)| {
            let to = to.into_iter().map(|(standing, runs, lot)| {
                let lots: SmallVec<[u64; 1]> = runs.iter().map(|_| u64::from(lot)).collect();
                Received {
                    standing,
                    runs,
                    lots,
                }
            });
            let event = Event::Transferred(Box::new(Transferred {
                from,
                to: to.collect(),
                description,
            }));
            event.check().is_ok().then_some(event)
        },
    )
}

fn use_cancelled() -> impl Strategy<Value = Event> {
    let times = (any::<i64>(), any::<i64>());
    let entry = (1..=NUMBER_MAX, any::<u8>());
    (standing(), runs(), entry, times, description()).prop_map(
        |(standing, runs, (transaction, leg), (used_at, forget_before), description)| {
            Event::UseCancelled(Box::new(UseCancelled {
                standing,
                entry: EntryRef::new(TransactionId(transaction), leg),
                used_at: Timestamp(used_at),
                returned: amount_of(&runs),
                runs,
                forget_before: Timestamp(forget_before),
                description,
                aside: None,
            }))
        },
    )
}

fn membership() -> impl Strategy<Value = Membership> {
    let number = || 1..=NUMBER_MAX;
    (number(), 2..=NUMBER_MAX, number()).prop_map(|(company, version, user)| Membership {
        company: CompanyId::new(company).unwrap(),
        version,
        user,
    })
}

fn event() -> impl Strategy<Value = Event> {
    let of_wallets = single().prop_filter("of no wallet", |event| {
        !matches!(
            event,
            Event::SettingsChanged(_)
                | Event::DayClosed(_)
                | Event::MemberJoined(_)
                | Event::MemberLeft(_)
        )
    });
    let batched = vec(of_wallets, 1..6).prop_map(|events| {
        let events = events.into_boxed_slice();
        Event::Batched(Batched { events })
    });
    prop_oneof![4 => single(), 1 => batched]
}

fn day_closed() -> impl Strategy<Value = Event> {
    (
        1..=NUMBER_MAX,
        any::<u16>(),
        any::<u64>(),
        any::<[i64; 4]>(),
    )
        .prop_map(|(version, day, watermark, points)| {
            let mut sum = DayFlow::opening_with(Points {
                paid: points[0],
                free: points[1],
            });
            sum.changes[usize::from(day) % COLUMNS] = Points {
                paid: points[2],
                free: points[3],
            };
            Event::DayClosed(Box::new(DayClosed {
                version,
                day: Day::default().plus_days(day.into()),
                watermark,
                wallets: version,
                sum,
            }))
        })
}

fn single() -> impl Strategy<Value = Event> {
    let created = (standing(), any::<bool>(), 1..=NUMBER_MAX).prop_map(|(standing, user, id)| {
        let kind = if user {
            OwnerKind::User
        } else {
            OwnerKind::Company
        };
        let owner = Owner { kind, id };
        let (version, paid, free) = (1, 0, 0);
        let wallet = standing.wallet;
        let standing = Standing {
            wallet,
            version,
            paid,
            free,
        };
        Event::WalletCreated(WalletCreated { standing, owner })
    });
    let used = (standing(), runs(), description(), aside()).prop_map(
        |(standing, runs, description, aside)| {
            Event::Used(Used {
                standing,
                runs,
                description,
                aside,
            })
        },
    );
    let settings = (1..=NUMBER_MAX, 1..=CANCEL_WINDOW_DAYS_MAX, any::<bool>()).prop_map(
        |(version, cancel_window_days, seoul)| {
            let zone = if seoul { "Asia/Seoul" } else { "UTC" };
            let zone = Zone::new(zone).unwrap();
            let settings = Settings {
                zone,
                cancel_window_days,
                ..Settings::default()
            };
            Event::SettingsChanged(Box::new(SettingsChanged { version, settings }))
        },
    );
    let lapsed = (standing(), bucket(), any::<i64>(), 1..=NUMBER_MAX).prop_map(
        |(standing, bucket, at, amount)| {
            let expires_at = Some(Timestamp(at));
            let bucket = BucketKey {
                expires_at,
                ..bucket
            };
            let amount = Amount::new(amount).unwrap();
            Event::Lapsed(Lapsed {
                standing,
                bucket,
                amount,
            })
        },
    );
    prop_oneof![
        created,
        granted().prop_map(Event::Charged),
        granted().prop_map(Event::Earned),
        used,
        transferred(),
        use_cancelled(),
        lapsed,
        settings,
        membership().prop_map(Event::MemberJoined),
        membership().prop_map(Event::MemberLeft),
        day_closed(),
    ]
}

fn key() -> impl Strategy<Value = Option<IdempotencyKey>> {
    let key = any::<(u128, u64)>().prop_map(|(id, fingerprint)| IdempotencyKey { id, fingerprint });
    prop::option::of(key)
}

proptest! {
    #[test]
    fn what_is_written_is_read(event in event(), key in key(), before in vec(any::<u8>(), 0..9)) {
        prop_assert_eq!(event.check(), Ok(()));
        // Encoding appends: what stands before it stays.
        let mut bytes = before.clone();
        let kind = encode_event(&event, key, &mut bytes);
        prop_assert_eq!(&bytes[..before.len()], &before[..]);
        let read = decode(kind, SCHEMA, &bytes[before.len()..]).unwrap();
        prop_assert_eq!(read, Record { key, content: Content::Event(event) });
    }

    #[test]
    fn bytes_that_are_read_say_the_same_when_written_again(event in event(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = Vec::new();
        let kind = encode_event(&event, None, &mut bytes);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = decode(kind, SCHEMA, &bytes) {
            let (kind, schema, again) = encoded(&read);
            prop_assert_eq!(decode(kind, schema, &again).unwrap(), read);
        }
    }
}
