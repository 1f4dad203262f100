//! Two programs that share no code read docs/shifts.md alike: the operator's schedule engine and the simulated AWS, asked over HTTP with the
//! real SDK, give the same shifts for random rotations.
//!
//! Every run draws other cases and prints its seed; `AGREEMENT_SEED=<seed>` draws the same again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, and says why"
)]

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::LazyLock;

use aws_sdk_ssmcontacts::Client;
use aws_sdk_ssmcontacts::primitives::DateTime;
use aws_sdk_ssmcontacts::types::{
    ContactType, CoverageTime, DayOfWeek, HandOffTime, MonthlySetting, Plan, PreviewOverride,
    RecurrenceSettings, RotationShift, ShiftType, WeeklySetting,
};
use futures::StreamExt as _;
use harness::{Simulator, SimulatorOptions};
use incident_operator::schedule::{
    CoverageWindow, Interval, Kind, Override, Piece, Recurrence, Rotation, RotationSettings,
    TimeOfDay, Weekday, ZoneError, zone,
};
use jiff::tz::TimeZoneDatabase;
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

/// Rotations that are only asked about.
const PREVIEWS: usize = 4000;
/// Rotations that are made, with overrides, each asked about three times.
const REAL: usize = 300;
/// AWS shows so many people of a shift.
const SHOWN: usize = 25;
/// Days of a window in which the busiest rotation has a few hundred pieces.
const LONGEST_WINDOW: i64 = 70;

const ACCOUNT: &str = "314159265358";
const REGION: &str = "eu-west-1";

/// Every name that the time zone database has.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let database = TimeZoneDatabase::bundled();
    database.available().map(|name| name.to_string()).collect()
});

/// Those that are zones.
static ZONES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let names = NAMES.iter().map(String::as_str);
    names.filter(|name| zone(name).is_ok()).collect()
});

/// Zones whose clocks do what few others do.
const AWKWARD: [&str; 15] = [
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
    "America/Scoresbysund",
    "Asia/Beirut",
    "Pacific/Kwajalein",
    "America/Sao_Paulo",
    "Antarctica/Troll",
    "America/Havana",
    "America/St_Johns",
    // AWS may have them; users cannot write them.
    "CET",
    "EST5EDT",
    "Etc/GMT-9",
];

/// A seed of this run, or the one asked for.
fn seed() -> u64 {
    let asked = std::env::var("AGREEMENT_SEED").ok();
    let seed = asked.map_or_else(rand::random, |text| text.parse().expect("a number"));
    println!("AGREEMENT_SEED={seed}");
    seed
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn sent(at: Timestamp) -> DateTime {
    DateTime::from_secs(at.as_second())
}

/// What a case is about: a rotation as both sides are told of it, its overrides and the time asked for.
#[derive(Debug, Clone)]
struct Case {
    settings: RotationSettings<String>,
    overrides: Vec<Override<String>>,
    window: Interval,
}

/// Draws cases.
struct Dice(StdRng);

impl Dice {
    fn of(&mut self, one_in: u32) -> bool {
        self.0.random_ratio(1, one_in)
    }

    fn time(&mut self) -> TimeOfDay {
        let hour = if self.of(2) {
            *[0, 1, 2, 3, 22, 23].choose(&mut self.0).unwrap()
        } else {
            self.0.random_range(0..24)
        };
        let minute = if self.of(3) {
            self.0.random_range(0..60)
        } else {
            *[0, 15, 30].choose(&mut self.0).unwrap()
        };
        TimeOfDay::new(hour, minute).unwrap()
    }

    fn day(&mut self) -> Weekday {
        Weekday::from_monday_one_offset(self.0.random_range(1..=7)).unwrap()
    }

    fn recurrence(&mut self) -> Recurrence {
        let count = self.0.random_range(1..=3);
        match self.0.random_range(0..3) {
            0 => Recurrence::Daily((0..count).map(|_| self.time()).collect()),
            1 => Recurrence::Weekly((0..count).map(|_| (self.day(), self.time())).collect()),
            _ => Recurrence::Monthly(
                (0..count)
                    .map(|_| {
                        let first = if self.of(2) { 28 } else { 1 };
                        (self.0.random_range(first..=31), self.time())
                    })
                    .collect(),
            ),
        }
    }

    /// Windows as AWS takes them: half an hour or longer.
    fn coverage(&mut self) -> Vec<CoverageWindow> {
        if self.of(3) {
            return vec![];
        }
        let count = self.0.random_range(1..8);
        let windows = (0..count).map(|_| {
            let (day, start) = (self.day(), self.time());
            let end = if self.of(6) { start } else { self.time() };
            CoverageWindow { day, start, end }
        });
        let windows: Vec<_> = windows.filter(|window| window.minutes() >= 30).collect();
        windows
    }

    /// A rotation of these people.
    fn settings(
        &mut self,
        people: &[String],
        zone: &str,
        start: Timestamp,
    ) -> RotationSettings<String> {
        let members: Vec<String> = if self.of(4) {
            // The same person may be there twice.
            people
                .iter()
                .map(|_| people.choose(&mut self.0).unwrap().clone())
                .collect()
        } else {
            people.to_vec()
        };
        let most = u32::try_from(members.len()).unwrap();
        RotationSettings {
            number_on_call: if self.of(2) {
                1
            } else {
                self.0.random_range(1..=most)
            },
            shift_length: match self.0.random_range(0..7) {
                0..3 => 1,
                3..6 => self.0.random_range(2..5),
                _ => self.0.random_range(1..=100),
            },
            members,
            start,
            zone: zone.to_owned(),
            recurrence: self.recurrence(),
            coverage: self.coverage(),
        }
    }

    fn zone(&mut self) -> &'static str {
        if self.of(3) {
            AWKWARD.choose(&mut self.0).unwrap()
        } else {
            ZONES.choose(&mut self.0).unwrap()
        }
    }

    fn people(&mut self) -> Vec<String> {
        let most = if self.of(10) { 30 } else { 6 };
        let count = self.0.random_range(1..=most);
        (0..count).map(|n| format!("person-{n}")).collect()
    }

    /// A moment around one, often near a change of the zone's clocks.
    fn around(&mut self, moment: Timestamp, zone_name: &str, hours: i64) -> Timestamp {
        let by = SignedDuration::from_mins(self.0.random_range(-hours * 60..=hours * 60));
        let far = moment + by;
        if self.of(2) {
            let zone = TimeZoneDatabase::bundled().get(zone_name).unwrap();
            let near = SignedDuration::from_mins(self.0.random_range(-36 * 60..36 * 60));
            if let Some(change) = zone.following(far).next()
                && change.timestamp().duration_since(far).as_hours() < 300 * 24
            {
                return change.timestamp() + near;
            }
        }
        far
    }

    fn window(&mut self, start: Timestamp) -> Interval {
        let minutes = self.0.random_range(1..LONGEST_WINDOW * 1440);
        Interval::lasting(start, SignedDuration::from_mins(minutes))
    }

    /// Overrides of half an hour to three weeks near a moment, made one second after the other.
    fn overrides(&mut self, near: Timestamp, people: &[String]) -> Vec<Override<String>> {
        let count = self.0.random_range(0..=5);
        (0..count)
            .map(|number| {
                let start =
                    near + SignedDuration::from_mins(self.0.random_range(-5 * 1440..40 * 1440));
                let minutes = if self.of(2) {
                    self.0.random_range(30..300)
                } else {
                    self.0.random_range(30..21 * 1440)
                };
                let count = self.0.random_range(0..=people.len().min(3));
                Override {
                    id: format!("{number}"),
                    start,
                    end: start + SignedDuration::from_mins(minutes),
                    members: people
                        .choose_multiple(&mut self.0, count)
                        .cloned()
                        .collect(),
                    created: at(number),
                }
            })
            .collect()
    }

    /// Any rotation of 1971 to 2060, a window near its start or years after it, overrides near that.
    fn preview(&mut self) -> Case {
        let zone = self.zone();
        let second = if self.of(5) {
            self.0.random_range(40_000_000..2_800_000_000)
        } else {
            self.0.random_range(700_000..46_000_000) * 60
        };
        let start = self.around(at(second), zone, 24 * 30);
        let people = self.people();
        let settings = self.settings(&people, zone, start);
        let years = if self.of(2) {
            0
        } else {
            self.0.random_range(0..4)
        };
        let later = start + SignedDuration::from_hours(years * 365 * 24);
        let begin = self.around(later, zone, 24 * 60);
        let window = self.window(begin);
        let overrides = self.overrides(begin, &people);
        Case {
            settings,
            overrides,
            window,
        }
    }
}

/// A shift as both sides say it.
#[derive(Clone, PartialEq, Eq)]
struct Said {
    start: i64,
    end: i64,
    people: Vec<String>,
    instead_of: Option<Vec<String>>,
}

impl std::fmt::Debug for Said {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} to {} {:?}",
            at(self.start),
            at(self.end),
            self.people
        )?;
        match &self.instead_of {
            Some(instead) => write!(formatter, " instead of {instead:?}"),
            None => Ok(()),
        }
    }
}

fn shown(people: &[String]) -> Vec<String> {
    people.iter().take(SHOWN).cloned().collect()
}

fn ours(piece: &Piece<String>) -> Said {
    Said {
        start: piece.start.as_second(),
        end: piece.end.as_second(),
        people: shown(&piece.on_call),
        instead_of: match &piece.kind {
            Kind::Regular => None,
            Kind::Overridden { instead_of, .. } => Some(shown(instead_of)),
        },
    }
}

fn theirs(shift: &RotationShift) -> Said {
    let instead = shift
        .shift_details()
        .map(|d| d.overridden_contact_ids().to_vec());
    Said {
        start: shift.start_time().secs(),
        end: shift.end_time().secs(),
        people: shift.contact_ids().to_vec(),
        instead_of: match shift.r#type() {
            Some(ShiftType::Regular) => {
                assert!(instead.unwrap_or_default().is_empty(), "{shift:?}");
                None
            }
            Some(ShiftType::Overridden) => Some(instead.unwrap_or_default()),
            other => panic!("a shift of type {other:?}"),
        },
    }
}

fn hand_off(time: TimeOfDay) -> HandOffTime {
    HandOffTime::builder()
        .hour_of_day(i32::from(time.hour()))
        .minute_of_hour(i32::from(time.minute()))
        .build()
}

fn day(day: Weekday) -> DayOfWeek {
    match day {
        Weekday::Monday => DayOfWeek::Mon,
        Weekday::Tuesday => DayOfWeek::Tue,
        Weekday::Wednesday => DayOfWeek::Wed,
        Weekday::Thursday => DayOfWeek::Thu,
        Weekday::Friday => DayOfWeek::Fri,
        Weekday::Saturday => DayOfWeek::Sat,
        Weekday::Sunday => DayOfWeek::Sun,
    }
}

/// A rotation in the words of the SDK.
fn recurrence(settings: &RotationSettings<String>) -> RecurrenceSettings {
    let mut recurrence = RecurrenceSettings::builder()
        .number_of_on_calls(i32::try_from(settings.number_on_call).unwrap())
        .recurrence_multiplier(i32::try_from(settings.shift_length).unwrap());
    match &settings.recurrence {
        Recurrence::Daily(times) => {
            for time in times {
                recurrence = recurrence.daily_settings(hand_off(*time));
            }
        }
        Recurrence::Weekly(times) => {
            for (on, time) in times {
                let setting = WeeklySetting::builder()
                    .day_of_week(day(*on))
                    .hand_off_time(hand_off(*time));
                recurrence = recurrence.weekly_settings(setting.build().unwrap());
            }
        }
        Recurrence::Monthly(times) => {
            for (on, time) in times {
                let setting = MonthlySetting::builder()
                    .day_of_month(i32::from(*on))
                    .hand_off_time(hand_off(*time));
                recurrence = recurrence.monthly_settings(setting.build().unwrap());
            }
        }
    }
    let mut coverage: HashMap<DayOfWeek, Vec<CoverageTime>> = HashMap::new();
    for window in &settings.coverage {
        let time = CoverageTime::builder()
            .start(hand_off(window.start))
            .end(hand_off(window.end));
        coverage
            .entry(day(window.day))
            .or_default()
            .push(time.build());
    }
    for (day, windows) in coverage {
        recurrence = recurrence.shift_coverages(day, windows);
    }
    recurrence.build().unwrap()
}

/// The first differences, with what both were asked.
fn difference(case: &Case, ours: &[Said], theirs: &[Said]) -> Option<String> {
    if ours == theirs {
        return None;
    }
    let same = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
    let mut text = format!("{case:#?}\n{same} pieces are the same; then\n");
    for (who, all) in [("operator", ours), ("simulator", theirs)] {
        for one in all.iter().skip(same).take(3) {
            writeln!(text, "  {who}: {one:?}").unwrap();
        }
        if all.len() == same {
            writeln!(text, "  {who}: nothing more").unwrap();
        }
    }
    Some(text)
}

/// Fails with the first few of them.
fn judge(differences: &[String], seed: u64) {
    assert!(
        differences.is_empty(),
        "{} cases differ (AGREEMENT_SEED={seed}), for example\n{}",
        differences.len(),
        differences
            .iter()
            .take(3)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
}

async fn simulator() -> (Simulator, Client) {
    let simulator = Simulator::start(&SimulatorOptions::default())
        .await
        .unwrap();
    simulator.onboard(ACCOUNT, &[REGION]).await.unwrap();
    let client = simulator.contacts(ACCOUNT, REGION);
    (simulator, client)
}

async fn preview(client: &Client, case: &Case) -> Vec<Said> {
    let overrides = case.overrides.iter().map(|one| {
        PreviewOverride::builder()
            .set_new_members(Some(one.members.clone()))
            .start_time(sent(one.start))
            .end_time(sent(one.end))
            .build()
    });
    let shifts: Result<Vec<_>, _> = client
        .list_preview_rotation_shifts()
        .rotation_start_time(sent(case.settings.start))
        .start_time(sent(case.window.start))
        .end_time(sent(case.window.end))
        .set_members(Some(case.settings.members.clone()))
        .time_zone_id(&case.settings.zone)
        .recurrence(recurrence(&case.settings))
        .set_overrides(Some(overrides.collect()))
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await;
    match shifts {
        Ok(shifts) => shifts.iter().map(theirs).collect(),
        Err(error) => panic!(
            "{case:#?}\n{:?}",
            aws_sdk_ssmcontacts::error::DisplayErrorContext(&error)
        ),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_previews_are_what_the_engine_says() {
    let (_simulator, client) = simulator().await;
    let seed = seed();
    let mut dice = Dice(StdRng::seed_from_u64(seed));
    let cases: Vec<Case> = (0..PREVIEWS).map(|_| dice.preview()).collect();
    let outcomes: Vec<(usize, usize, Option<String>)> = futures::stream::iter(cases)
        .map(|case| {
            let client = &client;
            async move {
                let theirs = preview(client, &case).await;
                let rotation = Rotation::new(case.settings.clone()).unwrap();
                let pieces = rotation.pieces(&case.overrides, case.window);
                let ours: Vec<Said> = pieces.iter().map(ours).collect();
                let overridden = ours.iter().filter(|one| one.instead_of.is_some()).count();
                (ours.len(), overridden, difference(&case, &ours, &theirs))
            }
        })
        .buffered(4)
        .collect()
        .await;
    let pieces: usize = outcomes.iter().map(|(pieces, _, _)| pieces).sum();
    let overridden: usize = outcomes.iter().map(|(_, overridden, _)| overridden).sum();
    println!("{PREVIEWS} previews, {pieces} pieces, {overridden} of them overridden");
    assert!(
        pieces > PREVIEWS && overridden > PREVIEWS / 2,
        "the cases are too plain"
    );
    let differences: Vec<String> = outcomes
        .into_iter()
        .filter_map(|(_, _, text)| text)
        .collect();
    judge(&differences, seed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn made_rotations_with_overrides_have_the_shifts_that_the_engine_says() {
    let (simulator, client) = simulator().await;
    let seed = seed();
    let mut dice = Dice(StdRng::seed_from_u64(seed));
    let mut people = vec![];
    for number in 0..30 {
        let made = client
            .create_contact()
            .alias(format!("person-{number}"))
            .r#type(ContactType::Personal)
            .plan(Plan::builder().set_stages(Some(vec![])).build())
            .send()
            .await
            .unwrap();
        people.push(made.contact_arn);
    }
    let mut differences = vec![];
    let (mut asked, mut pieces) = (0, 0);
    for number in 0..REAL {
        // Overrides may begin half a year ahead at most, so time itself goes to where clocks change.
        let zone = dice.zone();
        let now = dice.around(at(1_790_000_000), zone, 3 * 365 * 24);
        simulator.set_clock(now).await.unwrap();
        let start = dice.around(now, zone, 24 * 200);
        let count = dice.people().len();
        let settings = dice.settings(&people[..count], zone, start);
        let made = client
            .create_rotation()
            .name(format!("rotation {number}"))
            .set_contact_ids(Some(settings.members.clone()))
            .start_time(sent(start))
            .time_zone_id(zone)
            .recurrence(recurrence(&settings))
            .send()
            .await
            .unwrap_or_else(|error| {
                panic!(
                    "{settings:#?}\n{:?}",
                    aws_sdk_ssmcontacts::error::DisplayErrorContext(&error)
                )
            });
        let arn = made.rotation_arn;
        let mut overrides = dice.overrides(now, &settings.members.clone());
        for one in &mut overrides {
            one.members.sort();
            one.members.dedup();
            let made = client
                .create_rotation_override()
                .rotation_id(&arn)
                .set_new_contact_ids(Some(one.members.clone()))
                .start_time(sent(one.start))
                .end_time(sent(one.end))
                .send()
                .await
                .unwrap_or_else(|error| {
                    panic!(
                        "{one:#?}\n{:?}",
                        aws_sdk_ssmcontacts::error::DisplayErrorContext(&error)
                    )
                });
            one.id = made.rotation_override_id;
        }
        let listed: Vec<_> = client
            .list_rotation_overrides()
            .rotation_id(&arn)
            .start_time(DateTime::from_secs(0))
            .end_time(DateTime::from_secs(4_000_000_000))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .unwrap();
        let created: BTreeMap<&str, Timestamp> = listed
            .iter()
            .map(|one| {
                let created = one.create_time().as_nanos();
                (
                    one.rotation_override_id(),
                    Timestamp::from_nanosecond(created).unwrap(),
                )
            })
            .collect();
        for one in &mut overrides {
            one.created = created[one.id.as_str()];
        }
        let rotation = Rotation::new(settings.clone()).unwrap();
        for _ in 0..3 {
            let begin = dice.around(now, zone, 24 * 60);
            let case = Case {
                settings: settings.clone(),
                overrides: overrides.clone(),
                window: dice.window(begin),
            };
            let answered: Vec<_> = client
                .list_rotation_shifts()
                .rotation_id(&arn)
                .start_time(sent(case.window.start))
                .end_time(sent(case.window.end))
                .into_paginator()
                .items()
                .send()
                .try_collect()
                .await
                .unwrap();
            let theirs: Vec<Said> = answered.iter().map(theirs).collect();
            let reckoned = rotation.pieces(&case.overrides, case.window);
            let ours: Vec<Said> = reckoned.iter().map(ours).collect();
            asked += 1;
            pieces += ours.len();
            differences.extend(difference(&case, &ours, &theirs));
        }
        client
            .delete_rotation()
            .rotation_id(&arn)
            .send()
            .await
            .unwrap();
    }
    println!("{REAL} rotations, {asked} answers, {pieces} pieces");
    assert!(pieces > asked, "the cases are too plain");
    judge(&differences, seed);
}

/// A zone that the engine takes and AWS refuses would be a rotation that is never Ready. What the engine alone refuses are codes and offsets.
#[tokio::test]
async fn every_zone_that_the_engine_takes_is_one_to_the_simulator() {
    let (_simulator, client) = simulator().await;
    let mut dice = Dice(StdRng::seed_from_u64(1));
    let strange = [
        "Mars/Olympus",
        "europe/london",
        "UTC+1",
        "+09:00",
        "PST",
        "Etc/Unknown",
        "EST5EDT,M3.2.0,M11.1.0",
        "Europe/London ",
        "posix/UTC",
    ];
    let names = NAMES.iter().map(String::as_str).chain(strange);
    let mut differences = vec![];
    let mut taken = 0;
    for name in names {
        let start = at(1_790_000_000);
        let people = dice.people();
        let settings = dice.settings(&people, "UTC", start);
        let answer = client
            .list_preview_rotation_shifts()
            .rotation_start_time(sent(start))
            .end_time(sent(start + SignedDuration::from_hours(24)))
            .set_members(Some(settings.members.clone()))
            .time_zone_id(name)
            .recurrence(recurrence(&settings))
            .send()
            .await;
        taken += usize::from(answer.is_ok());
        let agree = match zone(name) {
            Ok(_) => answer.is_ok(),
            Err(ZoneError::Code(_)) => true,
            Err(_) => answer.is_err(),
        };
        if !agree {
            let engine = zone(name).map(|_| ());
            let took = answer.is_ok();
            differences.push(format!(
                "{name:?}: the engine says {engine:?}; the simulator takes it: {took}"
            ));
        }
    }
    println!("{taken} zones taken");
    assert!(taken > 400, "{taken}");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
