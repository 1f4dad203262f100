//! Random rotations, with a taste for what is awkward: clock changes, midnights, month ends.

use std::sync::LazyLock;

use jiff::tz::TimeZoneDatabase;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use super::super::*;

/// All zones there are.
static ZONES: LazyLock<Vec<String>> = LazyLock::new(|| {
    TimeZoneDatabase::bundled()
        .available()
        .map(|name| name.to_string())
        .filter(|name| zone(name).is_ok())
        .collect()
});

const AWKWARD: [&str; 15] = [
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Pacific/Apia",
    "Africa/Casablanca",
    "America/Nuuk",
    "America/Scoresbysund",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Pacific/Kwajalein",
    "America/Sao_Paulo",
    "Antarctica/Troll",
    "America/Havana",
    "America/St_Johns",
];

pub fn zone_name() -> impl Strategy<Value = String> {
    prop_oneof![
        select(&AWKWARD[..]).prop_map(str::to_owned),
        select(ZONES.as_slice())
    ]
}

pub fn time_of_day() -> impl Strategy<Value = TimeOfDay> {
    let near_changes = prop_oneof![Just(0_u8), Just(1), Just(2), Just(3), Just(22), Just(23)];
    let minute = prop_oneof![Just(0_u8), Just(15), Just(30), 0_u8..60];
    (prop_oneof![near_changes, 0_u8..24], minute)
        .prop_map(|(hour, minute)| TimeOfDay::new(hour, minute).unwrap())
}

fn weekday() -> impl Strategy<Value = Weekday> {
    (1_i8..=7).prop_map(|day| Weekday::from_monday_one_offset(day).unwrap())
}

pub fn recurrence() -> impl Strategy<Value = Recurrence> {
    let day = prop_oneof![1_u8..=31, 28_u8..=31];
    prop_oneof![
        prop::collection::vec(time_of_day(), 1..4).prop_map(Recurrence::Daily),
        prop::collection::vec((weekday(), time_of_day()), 1..4).prop_map(Recurrence::Weekly),
        prop::collection::vec((day, time_of_day()), 1..4).prop_map(Recurrence::Monthly),
    ]
}

pub fn coverage() -> impl Strategy<Value = Vec<CoverageWindow>> {
    let window = (weekday(), time_of_day(), time_of_day())
        .prop_map(|(day, start, end)| CoverageWindow { day, start, end });
    prop_oneof![
        Just(Vec::new()),
        prop::collection::vec(window, 1..8),
        time_of_day().prop_map(|time| (1..=7)
            .map(|day| CoverageWindow {
                day: Weekday::from_monday_one_offset(day).unwrap(),
                start: time,
                end: time
            })
            .collect()),
    ]
}

/// 1971 to 2062, to the minute or the second.
pub fn moment() -> impl Strategy<Value = Timestamp> {
    let minute = (526_000_i64..48_000_000).prop_map(|minute| minute * 60);
    prop_oneof![4 => minute, 1 => 31_600_000_i64..2_900_000_000]
        .prop_map(|second| Timestamp::from_second(second).unwrap())
}

pub fn settings(most_members: u32) -> impl Strategy<Value = RotationSettings<u32>> {
    let people = (1..=most_members).prop_flat_map(|members| {
        (
            prop::collection::vec(0..members, members as usize),
            1..=members,
        )
    });
    let length = prop_oneof![3 => Just(1_u32), 3 => 2_u32..5, 1 => 1_u32..=100];
    (
        people,
        moment(),
        zone_name(),
        recurrence(),
        length,
        coverage(),
        any::<bool>(),
    )
        .prop_map(
            |(
                (repeated, number_on_call),
                start,
                zone,
                recurrence,
                shift_length,
                coverage,
                repeat,
            )| {
                let members = if repeat {
                    repeated
                } else {
                    (0..u32::try_from(repeated.len()).unwrap()).collect()
                };
                RotationSettings {
                    members,
                    start,
                    zone,
                    recurrence,
                    shift_length,
                    number_on_call,
                    coverage,
                }
            },
        )
}

pub fn rotation() -> impl Strategy<Value = Rotation<u32>> {
    settings(6).prop_map(|settings| Rotation::new(settings).unwrap())
}

/// A rotation, and a moment somewhat before or up to `years` after its start, often near a clock change or a hand-off.
pub fn rotation_and_moment(years: i64) -> impl Strategy<Value = (Rotation<u32>, Timestamp)> {
    (
        rotation(),
        -20_i64..years * 365 * 24,
        0_u8..4,
        -60_i64..3 * 24 * 60,
    )
        .prop_map(|(rotation, hours, near, minutes)| {
            let far = rotation.start() + SignedDuration::from_hours(hours);
            let by = SignedDuration::from_mins(minutes);
            let moment = match near {
                0 => rotation
                    .zone()
                    .preceding(far)
                    .next()
                    .map_or(far, |change| change.timestamp() + by)
                    .max(rotation.start() - by.abs()),
                1 => rotation.hand_off_after(far).unwrap(),
                2 => rotation.start() + by,
                _ => far,
            };
            (rotation, moment)
        })
}

pub fn overrides(around: Timestamp) -> impl Strategy<Value = Vec<Override<u32>>> {
    let one = (
        -5 * 1440_i64..30 * 1440,
        prop_oneof![-10_i64..300, 30_i64..20 * 1440],
        prop::collection::vec(0_u32..9, 0..3),
        0_i64..4,
    );
    prop::collection::vec(one, 0..6).prop_map(move |list| {
        let numbered = list.into_iter().enumerate();
        numbered
            .map(|(number, (start, length, members, created))| {
                let start = around + SignedDuration::from_mins(start);
                let created = Timestamp::from_second(created).unwrap();
                Override {
                    id: format!("{}", number * 7 % 5),
                    start,
                    end: start + SignedDuration::from_mins(length),
                    members,
                    created,
                }
            })
            .collect()
    })
}

/// A rotation that lists times in a skip of its zone and times on which those fall, and a moment within three years after the skip.
pub fn rotation_and_skip() -> impl Strategy<Value = (Rotation<u32>, Timestamp)> {
    let parts = (
        settings(6),
        select(&AWKWARD[..]),
        moment(),
        prop::collection::vec((0_i64..120, any::<bool>()), 1..4),
        0_u8..3,
    );
    (parts, 1_i64..3 * 365 * 24, 1_i64..3 * 365 * 24).prop_filter_map(
        "no skip",
        |((settings, name, near, minutes, kind), before, after)| {
            let zone = zone(name).unwrap();
            let offset_before =
                |change: Timestamp| zone.to_offset(change - SignedDuration::from_nanos(1));
            let change = zone
                .following(near)
                .take(8)
                .find(|change| change.offset() > offset_before(change.timestamp()))?;
            let (at, old) = (change.timestamp(), offset_before(change.timestamp()));
            let skip =
                SignedDuration::from_secs(i64::from(change.offset().seconds() - old.seconds()));
            let walls = minutes.into_iter().flat_map(|(minute, also_fallen_to)| {
                let wall = old.to_datetime(at) + SignedDuration::from_mins(minute);
                let fallen_to = also_fallen_to.then(|| wall + skip);
                std::iter::once(wall).chain(fallen_to)
            });
            let of = |wall: jiff::civil::DateTime| {
                TimeOfDay::new(wall.hour().unsigned_abs(), wall.minute().unsigned_abs()).unwrap()
            };
            let recurrence = match kind {
                0 => Recurrence::Daily(walls.map(of).collect()),
                1 => Recurrence::Weekly(walls.map(|wall| (wall.weekday(), of(wall))).collect()),
                _ => Recurrence::Monthly(
                    walls
                        .map(|wall| (wall.day().unsigned_abs(), of(wall)))
                        .collect(),
                ),
            };
            // Every other begins around the skip itself.
            let before = if before % 2 == 0 {
                SignedDuration::from_hours(before)
            } else {
                SignedDuration::from_mins(before % 300 - 200)
            };
            let start = at - before;
            let rotation = Rotation::new(RotationSettings {
                start,
                zone: name.to_owned(),
                recurrence,
                ..settings
            })
            .unwrap();
            Some((
                rotation,
                at + SignedDuration::from_hours(after) / if after % 3 == 0 { 500 } else { 1 },
            ))
        },
    )
}

/// One to three rotations with people in common, begun some time before or soon after a moment, to the minute.
pub fn schedule_and_moment() -> impl Strategy<Value = (Schedule<u32>, Timestamp)> {
    let moment = (15_000_000_i64..32_000_000)
        .prop_map(|minute| Timestamp::from_second(minute * 60).unwrap());
    let rotations = prop::collection::vec((settings(4), -3 * 1440_i64..900_000), 0..4);
    (moment, rotations).prop_flat_map(|(moment, rotations)| {
        let overrides = prop::collection::vec(overrides(moment), rotations.len());
        overrides.prop_map(move |overrides| {
            let planned =
                rotations
                    .iter()
                    .zip(overrides)
                    .map(|((settings, minutes_ago), overrides)| {
                        let start = moment - SignedDuration::from_mins(*minutes_ago);
                        Planned {
                            rotation: Rotation::new(RotationSettings {
                                start,
                                ..settings.clone()
                            })
                            .unwrap(),
                            overrides,
                        }
                    });
            (
                Schedule {
                    rotations: planned.collect(),
                },
                moment,
            )
        })
    })
}
