//! The quick way against a walk over every single day.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed expectation is a failed test"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::{Enough, Piece, Replacement, Roster};
use crate::clock::Millis;
use crate::services::contacts::recurrence::{self, HandOffs, Minute, Recurrence, Window};

/// More than any window here has shifts to confuse, and prime.
const MEMBERS: i64 = 997;
const ZONES: [&str; 12] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Nuuk",
    "Asia/Beirut",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "America/Havana",
    "Asia/Pyongyang",
];

fn roster(zone: &str, start: Millis, hand_offs: HandOffs, multiplier: i64) -> Roster {
    Roster {
        people: (0..MEMBERS).map(|index| index.to_string()).collect(),
        start,
        zone: recurrence::zone(zone).unwrap(),
        recurrence: Recurrence {
            hand_offs,
            multiplier,
            on_calls: 1,
            coverage: None,
        },
        replacements: Vec::new(),
    }
}

fn at(text: &str) -> Millis {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn all(roster: &Roster, from: Millis, until: Millis) -> Vec<Piece> {
    let mut pieces = Vec::new();
    roster.pieces(from, until, |piece| {
        pieces.push(piece);
        Enough::NotYet
    });
    pieces
}

fn instant(zone: &TimeZone, date: Date, minute: Minute) -> Millis {
    let (hour, minute) = (minute / 60, minute % 60);
    let wall = date.at(hour.try_into().unwrap(), minute.try_into().unwrap(), 0, 0);
    let found = zone.to_ambiguous_timestamp(wall).compatible().unwrap();
    found.as_millisecond()
}

/// What a date lists, and the period it belongs to.
fn listed(hand_offs: &HandOffs, date: Date) -> (i64, Vec<Minute>) {
    let days = date.duration_since(Date::constant(1900, 1, 1)).as_hours() / 24;
    match hand_offs {
        HandOffs::Daily(times) => (days, times.clone()),
        HandOffs::Weekly(times) => {
            let weekday = i64::from(date.weekday().to_monday_zero_offset());
            let today = times.iter().filter(|(day, _)| *day == weekday);
            // 1900 began on a Monday.
            (days / 7, today.map(|(_, time)| *time).collect())
        }
        HandOffs::Monthly(times) => {
            let today = times
                .iter()
                .filter(|(day, _)| date.day() == (*day).min(date.days_in_month()));
            let month = i64::from(date.year()) * 12 + i64::from(date.month());
            (month, today.map(|(_, time)| *time).collect())
        }
    }
}

/// Every hand-off up to `until`, found day by day.
fn walk(roster: &Roster, until: Millis) -> Vec<Millis> {
    let day_of = |instant: Millis| {
        let timestamp = Timestamp::from_millisecond(instant).unwrap();
        roster.zone.to_datetime(timestamp).date()
    };
    let last = day_of(until) + (40 + 32 * roster.recurrence.multiplier).days();
    let mut day = day_of(roster.start) - 40.days();
    let mut by_instant: BTreeMap<Millis, Vec<i64>> = BTreeMap::new();
    while day <= last {
        let (period, times) = listed(&roster.recurrence.hand_offs, day);
        for time in times {
            let found = instant(&roster.zone, day, time);
            by_instant.entry(found).or_default().push(period);
        }
        day = day.tomorrow().unwrap();
    }
    let mut from_start = by_instant.range(roster.start..).peekable();
    let first = from_start.peek().unwrap().1.iter().min().copied().unwrap();
    from_start
        .filter(|(_, periods)| {
            let mut counts = periods.iter().map(|period| period - first);
            counts.any(|count| count.rem_euclid(roster.recurrence.multiplier) == 0)
        })
        .map(|(instant, _)| *instant)
        .collect()
}

/// The shifts of a window as rule 4 has them.
fn expected(roster: &Roster, from: Millis, until: Millis) -> Vec<Piece> {
    let mut edges = walk(roster, until);
    if edges[0] != roster.start {
        edges.insert(0, roster.start);
    }
    edges
        .windows(2)
        .enumerate()
        .map(|(number, edge)| Piece {
            start: edge[0],
            end: edge[1],
            people: vec![(i64::try_from(number).unwrap() % MEMBERS).to_string()],
            overridden: None,
        })
        .filter(|piece| piece.start < until && piece.end > from)
        .collect()
}

fn random_times(random: &mut StdRng) -> Vec<Minute> {
    let number = random.random_range(1..4);
    // Mostly at night, where clock changes are, and on round times, so that some fall together.
    (0..number)
        .map(|_| {
            if random.random_bool(0.7) {
                random.random_range(-4..12i32).rem_euclid(48) * 30
            } else {
                random.random_range(0..1440)
            }
        })
        .collect()
}

fn random_hand_offs(random: &mut StdRng) -> HandOffs {
    let times = random_times(random);
    match random.random_range(0..3) {
        0 => HandOffs::Daily(times),
        1 => HandOffs::Weekly(
            times
                .into_iter()
                .map(|time| (random.random_range(0..7), time))
                .collect(),
        ),
        _ => HandOffs::Monthly(
            times
                .into_iter()
                .map(|time| (random.random_range(24..38i8).min(31), time))
                .collect(),
        ),
    }
}

#[test]
fn jumps_lead_where_walks_do() {
    let mut random = StdRng::seed_from_u64(3);
    let zones: Vec<String> = jiff::tz::db()
        .available()
        .map(|name| name.to_string())
        .filter(|name| recurrence::zone(name).is_ok())
        .collect();
    assert!(zones.len() > 400, "{}", zones.len());
    for round in 0..400 {
        // Every other of those that are known for their clock changes.
        let zone = if random.random_bool(0.5) {
            ZONES[random.random_range(0..ZONES.len())]
        } else {
            zones[random.random_range(0..zones.len())].as_str()
        };
        let hand_offs = random_hand_offs(&mut random);
        let multiplier = match random.random_range(0..3) {
            0 => 1,
            1 => random.random_range(1..5),
            _ => random.random_range(1..=100),
        };
        let start = at("2009-06-01T00:00:00Z")
            + random.random_range(0..3 * 365 * 24 * 60) * 60_000
            + if random.random_bool(0.2) { 1234 } else { 0 };
        let roster = roster(zone, start, hand_offs, multiplier);
        let from = start + random.random_range(-10..3000) * 86_400_000;
        let until = from + random.random_range(1..90) * 86_400_000;
        let found = all(&roster, from, until);
        let wanted = expected(&roster, from, until);
        assert_eq!(found, wanted, "{round}: {roster:?} {from} {until}");
    }
}

#[test]
fn jumps_around_a_skipped_day() {
    let mut random = StdRng::seed_from_u64(4);
    for round in 0..200 {
        let hand_offs = random_hand_offs(&mut random);
        let multiplier = random.random_range(1..4);
        let start = at("2011-12-24T00:00:00Z") + random.random_range(0..10 * 24 * 60) * 60_000;
        let roster = roster("Pacific/Apia", start, hand_offs, multiplier);
        let from = start + random.random_range(0..400) * 86_400_000;
        let found = all(&roster, from, from + 30 * 86_400_000);
        let wanted = expected(&roster, from, from + 30 * 86_400_000);
        assert_eq!(found, wanted, "{round}: {roster:?} {from}");
    }
}

#[test]
fn decades_are_quick() {
    for (start, hand_offs, multiplier) in [
        ("2006-01-31T07:00:00Z", HandOffs::Daily(vec![540, 1260]), 1),
        ("2006-01-31T07:00:00Z", HandOffs::Weekly(vec![(0, 540)]), 1),
        (
            "2006-01-31T07:00:00Z",
            HandOffs::Monthly(vec![(31, 540)]),
            3,
        ),
        ("1971-01-31T07:00:00Z", HandOffs::Daily(vec![540]), 100),
        ("2300-01-31T07:00:00Z", HandOffs::Daily(vec![540]), 1),
    ] {
        let mut roster = roster("Europe/Berlin", at(start), hand_offs, multiplier);
        let windows: [Vec<Window>; 7] = std::array::from_fn(|_| {
            vec![Window {
                start: 480,
                end: 1020,
            }]
        });
        roster.recurrence.coverage = Some(windows);
        let from = at("2026-11-22T00:00:00Z");
        let began = Instant::now();
        let pieces = all(&roster, from, from + 60 * 86_400_000);
        let took = began.elapsed();
        assert_eq!(pieces.is_empty(), start.starts_with("2300"));
        // An optimised build takes a fraction of it.
        assert!(took < Duration::from_millis(50), "{start}: {took:?}");
        println!("{start} times {multiplier}: {took:?}, {}", pieces.len());
    }
    // The end of all calendars is no trouble either.
    let late = at("9999-11-01T00:00:00Z");
    let roster = roster("Europe/Berlin", late, HandOffs::Daily(vec![540]), 1);
    assert!(all(&roster, late, Millis::MAX).len() > 30);
}

#[test]
fn coverage_is_what_the_windows_cover() {
    let mut random = StdRng::seed_from_u64(5);
    for round in 0..100 {
        let zone = ZONES[random.random_range(0..ZONES.len())];
        let start = at("2011-09-01T00:00:00Z") + random.random_range(0..100_000) * 60_000;
        let hand_offs = random_hand_offs(&mut random);
        let mut roster = roster(zone, start, hand_offs, 1);
        let windows: [Vec<Window>; 7] = std::array::from_fn(|_| {
            (0..random.random_range(0..3))
                .map(|_| Window {
                    start: random.random_range(0..48) * 30,
                    end: random.random_range(0..48) * 30,
                })
                .collect()
        });
        let until = start + 200 * 86_400_000;
        let shifts = all(&roster, start, until);
        let mut covered = Vec::new();
        let mut day = date(2011, 8, 20);
        while day < date(2012, 8, 1) {
            let weekday = day.weekday().to_monday_zero_offset();
            for window in &windows[usize::try_from(weekday).unwrap()] {
                let ends = if window.end <= window.start {
                    day.tomorrow().unwrap()
                } else {
                    day
                };
                covered.push((
                    instant(&roster.zone, day, window.start),
                    instant(&roster.zone, ends, window.end),
                ));
            }
            day = day.tomorrow().unwrap();
        }
        roster.recurrence.coverage = Some(windows);
        let pieces = all(&roster, start, until);
        for pair in pieces.windows(2) {
            assert!(pair[0].end <= pair[1].start, "{round}");
            let touch = pair[0].end == pair[1].start;
            let handed_off = shifts.iter().any(|shift| shift.end == pair[0].end);
            assert!(!touch || handed_off, "{round}: not joined");
        }
        for piece in &pieces {
            assert!(piece.start < piece.end, "{round}");
            let within = shifts.iter().any(|shift| {
                shift.start <= piece.start && piece.end <= shift.end && shift.people == piece.people
            });
            assert!(within, "{round}");
        }
        for _ in 0..300 {
            let moment = random.random_range(start..until - 86_400_000);
            let is = pieces
                .iter()
                .any(|piece| piece.start <= moment && moment < piece.end);
            let should = covered.iter().any(|(a, b)| *a <= moment && moment < *b);
            assert_eq!(is, should, "{round}: {roster:?} {moment}");
        }
    }
}

#[test]
fn the_last_override_holds() {
    let mut random = StdRng::seed_from_u64(6);
    for round in 0..200 {
        let start = at("2026-03-01T00:00:00Z");
        let mut roster = roster("Europe/Berlin", start, HandOffs::Daily(vec![540]), 1);
        let until = start + 10 * 86_400_000;
        let plain = all(&roster, start, until);
        roster.replacements = (0..random.random_range(1..6))
            .map(|index| {
                let begin = start + random.random_range(-24..240) * 3_600_000;
                Replacement {
                    people: vec![format!("instead {}", index % 2)],
                    start: begin,
                    end: begin + random.random_range(-1..60) * 3_600_000,
                    rank: (random.random_range(0..2), format!("id {index}")),
                }
            })
            .collect();
        let pieces = all(&roster, start, until);
        let mut end = plain[0].start;
        for piece in &pieces {
            assert_eq!(piece.start, end, "{round}: no more and no fewer hours");
            end = piece.end;
            let shift = plain
                .iter()
                .find(|shift| shift.start <= piece.start && piece.end <= shift.end)
                .expect("cut at hand-offs");
            for moment in [
                piece.start,
                i64::midpoint(piece.start, piece.end),
                piece.end - 1,
            ] {
                let holds = roster
                    .replacements
                    .iter()
                    .filter(|each| each.start <= moment && moment < each.end)
                    .max_by_key(|each| each.rank.clone());
                let people = holds.map_or(&shift.people, |each| &each.people);
                assert_eq!(&piece.people, people, "{round}");
                assert_eq!(piece.overridden.is_some(), holds.is_some(), "{round}");
                if let Some(instead) = &piece.overridden {
                    assert_eq!(instead, &shift.people);
                }
            }
        }
        for pair in pieces.windows(2) {
            let (a, b) = (&pair[0], &pair[1]);
            let effective = |moment: Millis| {
                let there = |each: &&Replacement| each.start <= moment && moment < each.end;
                let holds = roster.replacements.iter().filter(there);
                holds.map(|each| each.rank.clone()).max()
            };
            let handed_off = plain.iter().any(|shift| shift.end == a.end);
            let changed = effective(a.end - 1) != effective(b.start);
            assert!(handed_off || changed, "{round}: {roster:?} {a:?} {b:?}");
        }
    }
}

#[test]
fn the_next_of_the_order() {
    let mut roster = roster("UTC", 0, HandOffs::Daily(vec![0]), 1);
    roster.people = ["a", "b", "c"].map(str::to_owned).to_vec();
    roster.recurrence.on_calls = 2;
    let turns: Vec<String> = all(&roster, 0, 4 * 86_400_000)
        .iter()
        .map(|piece| piece.people.concat())
        .collect();
    assert_eq!(turns, ["ab", "ca", "bc", "ab"]);
}
