//! Midnights, month ends and clocks that are put back: what a day is, held against the calendar.

use super::*;

fn at(text: &str) -> Timestamp {
    let instant: jiff::Timestamp = text.parse().unwrap();
    Timestamp(instant.as_microsecond())
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn zone(name: &str) -> Zone {
    Zone::new(name).unwrap()
}

#[test]
fn zones_are_known_by_their_names_only() {
    assert_eq!(Zone::default().name(), "Asia/Seoul");
    assert_eq!(zone("UTC").name(), "UTC");
    assert_eq!(Zone::new("Asia/Atlantis"), None);
    assert_eq!(Zone::new(""), None);
}

#[test]
fn days_are_read_and_written_one_way() {
    for text in ["1970-01-01", "2024-02-29", "0001-01-01", "9999-12-31"] {
        assert_eq!(day(text).to_string(), text);
        assert_eq!(Day::from_number(day(text).number()), Some(day(text)));
    }
    for text in [
        "2023-02-29",
        "2024-2-29",
        "20240229",
        "2024-W09-4",
        "+2024-02-2",
        "2024-02-30 ",
        "",
    ] {
        assert_eq!(Day::parse(text), None, "{text:?}");
    }
    assert_eq!(Day::new(2024, 2, 29), Some(day("2024-02-29")));
    assert_eq!(Day::new(2023, 2, 29), None);
    assert_eq!(Day::of(Date::MIN), Day::MIN);
    assert_eq!(Day::of(Date::MAX), Day::MAX);
    assert_eq!(Day::MAX.next(), Day::MAX);
    assert_eq!(Day::MIN.previous(), Day::MIN);
    assert_eq!(Day::from_number(Day::MAX.number() + 1), None);
}

#[test]
fn the_last_microsecond_and_the_first_are_in_two_days() {
    let seoul = Zone::default();
    let midnight = at("2024-03-01T00:00:00+09:00");
    assert_eq!(seoul.day_of(midnight), day("2024-03-01"));
    assert_eq!(seoul.day_of(Timestamp(midnight.0 - 1)), day("2024-02-29"));
    assert_eq!(seoul.start_of(day("2024-03-01")), midnight);
    assert_eq!(seoul.end_of(day("2024-02-29")), midnight);
}

/// Forward at midnight, back over midnight, a minute past midnight, half an hour, a day left out, a day twice.
const ODD: [(&str, &str, &str); 8] = [
    ("America/Sao_Paulo", "2018-11-01", "2018-11-08"),
    ("America/Sao_Paulo", "2018-02-15", "2018-02-20"),
    ("America/St_Johns", "2010-11-05", "2010-11-10"),
    ("America/Havana", "2023-11-03", "2023-11-08"),
    ("Australia/Lord_Howe", "2024-04-05", "2024-04-09"),
    ("Pacific/Apia", "2011-12-28", "2012-01-02"),
    ("Pacific/Kwajalein", "1969-09-28", "1969-10-03"),
    ("Asia/Seoul", "1988-05-06", "1988-05-11"),
];

#[test]
fn every_instant_falls_in_exactly_one_day() {
    for (name, from, to) in ODD {
        let zone = zone(name);
        let (mut finder, mut today) = (DayFinder::new(zone.clone()), day(from));
        let mut now = zone.start_of(today);
        while today < day(to) {
            let found = zone.day_of(now);
            assert!(today <= found, "{name}: {today} came after {found}");
            today = found;
            assert!(zone.start_of(today) <= now, "{name} {today} {now:?}");
            assert!(now < zone.end_of(today), "{name} {today} {now:?}");
            assert_eq!(finder.day_of(now), today);
            now = Timestamp(now.0 + 10 * 60_000_000);
        }
        let mut each = day(from);
        while each < day(to) {
            let (start, end) = (zone.start_of(each), zone.end_of(each));
            assert!(start <= end, "{name} {each}");
            if start < end {
                assert_eq!(zone.day_of(start), each, "{name}");
                assert_eq!(zone.day_of(Timestamp(end.0 - 1)), each, "{name}");
            }
            each = each.next();
        }
    }
}

#[test]
fn a_day_left_out_is_empty() {
    let apia = zone("Pacific/Apia");
    let gone = day("2011-12-30");
    assert_eq!(apia.start_of(gone), apia.end_of(gone));
    assert_eq!(apia.day_of(apia.start_of(gone)), gone.next());
}

#[test]
fn instants_beyond_the_calendar_have_its_first_and_last_day() {
    for name in ["Asia/Seoul", "America/St_Johns", "UTC"] {
        let zone = zone(name);
        for edge in [i64::MIN, i64::MAX] {
            let found = zone.day_of(Timestamp(edge));
            assert_eq!(found.number() < 0, edge < 0, "{name}");
            assert_eq!(DayFinder::new(zone.clone()).day_of(Timestamp(edge)), found);
        }
    }
}

#[test]
fn months_end_where_they_end() {
    for (start, months, end) in [
        ("2023-01-31", 1, "2023-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2024-01-31", 2, "2024-03-31"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-08-31", 6, "2025-02-28"),
        ("2024-01-15", 0, "2024-01-15"),
    ] {
        assert_eq!(
            day(start).plus_months(months),
            day(end),
            "{start} + {months}"
        );
    }
    assert_eq!(day("2024-02-28").plus_days(2), day("2024-03-01"));
    assert_eq!(day("2024-02-28").plus_days(u32::MAX), Day::MAX);
    assert_eq!(day("2024-02-28").plus_months(u32::MAX), Day::MAX);
    assert_eq!(day("2024-02-10").month_start(), day("2024-02-01"));
    assert_eq!(day("2024-02-10").month_end(), day("2024-02-29"));
    for (within, end) in [
        ("2024-01-01", "2024-03-31"),
        ("2024-03-31", "2024-03-31"),
        ("2024-05-31", "2024-06-30"),
        ("2024-07-01", "2024-09-30"),
        ("2024-11-30", "2024-12-31"),
    ] {
        assert_eq!(day(within).quarter_end(), day(end), "{within}");
    }
    assert_eq!(day("2024-11-30").year_end(), day("2024-12-31"));
}

#[test]
fn a_month_later_is_the_same_time_of_day() {
    let seoul = Zone::default();
    let granted = at("2024-01-31T23:30:00+09:00");
    assert_eq!(
        seoul.plus_months(granted, 1),
        at("2024-02-29T23:30:00+09:00")
    );
    assert_eq!(seoul.plus_days(granted, 1), at("2024-02-01T23:30:00+09:00"));
    let york = zone("America/New_York");
    let winter = at("2024-02-10T12:00:00-05:00");
    assert_eq!(york.plus_months(winter, 1), at("2024-03-10T12:00:00-04:00"));
    assert_eq!(york.plus_days(winter, 29), at("2024-03-10T12:00:00-04:00"));
    assert!(seoul.plus_months(granted, u32::MAX) > seoul.plus_months(granted, 1));
}
