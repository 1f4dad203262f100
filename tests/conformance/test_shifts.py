"""Who is on call when: cases by hand, and random rotations against a slow computation of the same rule."""

from __future__ import annotations

import random
import time
from datetime import datetime, timedelta, timezone

import pytest

import roster
from make import DAY, HOUR, at, contact, message, recurrence, refused, rotation

INVALID = "ValidationException"
ZONES = """UTC Europe/Berlin America/New_York America/Sao_Paulo Australia/Lord_Howe Pacific/Apia Asia/Kathmandu
Africa/Casablanca America/Havana Asia/Beirut America/St_Johns Pacific/Auckland""".split()


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def person(account, name):
    """The ARN of a member; a preview does not ask whether there is such a contact."""
    return account.arn(name)


def preview(account, members, start, begin, until, settings, zone="UTC", overrides=()):
    """All pieces of a rotation that need not exist."""
    wish = {
        "Members": members,
        "RotationStartTime": start,
        "StartTime": begin,
        "EndTime": until,
        "TimeZoneId": zone,
        "Recurrence": settings,
        "Overrides": [{"NewMembers": people, "StartTime": a, "EndTime": b} for people, a, b in overrides],
    }
    pages = account.contacts().get_paginator("list_preview_rotation_shifts").paginate(**wish)
    return [shift for page in pages for shift in page["RotationShifts"]]


def told(shifts):
    """The same in short: people, and the time in UTC."""
    return [
        "+".join(arn.rsplit("/", 1)[1] for arn in shift["ContactIds"])
        + f" {shift['StartTime'].astimezone(timezone.utc):%m-%d %H:%M}"
        + f" {shift['EndTime'].astimezone(timezone.utc):%m-%d %H:%M}"
        for shift in shifts
    ]


@pytest.fixture
def abc(account):
    return [person(account, name) for name in "abc"]


def test_clocks_go_forward(account, abc):
    shifts = preview(
        *(account, abc, utc("2026-03-07T00:00"), utc("2026-03-07T12:00"), utc("2026-03-10T00:00")),
        *(recurrence(at(2, 30)), "America/New_York"),
    )
    assert told(shifts) == [
        "b 03-07 07:30 03-08 07:30",
        # 02:30 does not exist and is taken as 03:30, daylight saving time.
        "c 03-08 07:30 03-09 06:30",
        "a 03-09 06:30 03-10 06:30",
    ]


def test_clocks_go_back(account, abc):
    shifts = preview(
        *(account, abc, utc("2026-10-31T00:00"), utc("2026-10-31T12:00"), utc("2026-11-02T12:00")),
        *(recurrence(at(1, 30)), "America/New_York"),
    )
    assert told(shifts) == ["b 10-31 05:30 11-01 05:30", "c 11-01 05:30 11-02 06:30", "a 11-02 06:30 11-03 06:30"]


def test_months_end(account, abc):
    settings = recurrence(MonthlySettings=[{"DayOfMonth": 31, "HandOffTime": at(9)}])
    start = utc("2027-01-31T09:00")
    shifts = preview(account, abc, start, start, utc("2027-04-30T09:00"), settings)
    assert told(shifts) == ["a 01-31 09:00 02-28 09:00", "b 02-28 09:00 03-31 09:00", "c 03-31 09:00 04-30 09:00"]


def test_coverage_over_midnight(account, abc):
    nights = {"FRI": [{"Start": at(22), "End": at(6)}]}
    settings = recurrence(at(0), coverage=nights)
    start = utc("2026-11-20T00:00")
    shifts = preview(account, abc, start, start, start + 10 * DAY, settings)
    assert told(shifts) == [
        "a 11-20 22:00 11-21 00:00",
        "b 11-21 00:00 11-21 06:00",
        "b 11-27 22:00 11-28 00:00",
        "c 11-28 00:00 11-28 06:00",
    ]


def test_overrides_that_overlap(account, abc):
    start = utc("2026-11-20T00:00")
    x, y = person(account, "x"), person(account, "y")
    overrides = [
        ([x], start + 6 * HOUR, start + 30 * HOUR),
        ([y], start + 12 * HOUR, start + 18 * HOUR),
        ([], start + 40 * HOUR, start + 41 * HOUR),
    ]
    shifts = preview(account, abc, start, start, start + 2 * DAY, recurrence(at(0)), overrides=overrides)
    assert told(shifts) == [
        "a 11-20 00:00 11-20 06:00",
        "x 11-20 06:00 11-20 12:00",
        "y 11-20 12:00 11-20 18:00",
        "x 11-20 18:00 11-21 00:00",
        "x 11-21 00:00 11-21 06:00",
        "b 11-21 06:00 11-21 16:00",
        " 11-21 16:00 11-21 17:00",
        "b 11-21 17:00 11-22 00:00",
    ]
    assert [shift["Type"] for shift in shifts] == ["REGULAR", *["OVERRIDDEN"] * 4, "REGULAR", "OVERRIDDEN", "REGULAR"]
    replaced = [shift["ShiftDetails"]["OverriddenContactIds"] for shift in shifts]
    a, b, _ = abc
    assert replaced == [[], [a], [a], [a], [b], [], [b], []]


def test_two_of_three(account, abc):
    start = utc("2026-11-20T00:00")
    shifts = preview(account, abc, start, start, start + 4 * DAY, recurrence(at(0), on_calls=2))
    assert [each.split()[0] for each in told(shifts)] == ["a+b", "c+a", "b+c", "a+b"]


def test_a_rotation_on_call(account):
    client = account.contacts()
    ana, ben = contact(account, "ana"), contact(account, "ben")
    start = utc("2026-01-01T00:00")
    arn = rotation(account, ana, ben, StartTime=start, Recurrence=recurrence(at(0)))
    window = {"RotationId": arn, "StartTime": start + 36 * HOUR, "EndTime": start + 37 * HOUR}
    [shift] = client.list_rotation_shifts(**window)["RotationShifts"]
    assert (shift["ContactIds"], shift["StartTime"], shift["Type"]) == ([ben], start + DAY, "REGULAR")
    assert client.list_rotation_shifts(RotationId=arn, EndTime=start)["RotationShifts"] == []
    assert told(client.list_rotation_shifts(RotationId=arn, EndTime=start + HOUR)["RotationShifts"]) == [
        "ana 01-01 00:00 01-02 00:00"
    ], "from the start on, when it is not said from when"
    wish = {"RotationId": arn, "NewContactIds": [ana], "StartTime": start + 30 * HOUR, "EndTime": start + 36 * HOUR}
    first = client.create_rotation_override(**wish)["RotationOverrideId"]
    wish["NewContactIds"] = []
    wish["StartTime"] += 3 * HOUR
    client.create_rotation_override(**wish)
    day = {"RotationId": arn, "StartTime": start + DAY, "EndTime": start + 2 * DAY}
    expected = ["ben 01-02 00:00 01-02 06:00", "ana 01-02 06:00 01-02 09:00", " 01-02 09:00 01-02 12:00"]
    expected.append("ben 01-02 12:00 01-03 00:00")
    assert told(client.list_rotation_shifts(**day)["RotationShifts"]) == expected
    pages = client.get_paginator("list_rotation_shifts").paginate(**day, PaginationConfig={"PageSize": 1})
    pages = [page["RotationShifts"] for page in pages]
    assert [len(page) for page in pages] == [1] * 4
    assert told([page[0] for page in pages]) == expected
    token = client.list_rotation_shifts(**day, MaxResults=1)["NextToken"]
    refused(INVALID, client.list_rotation_shifts, **window, NextToken=token)
    client.delete_rotation_override(RotationId=arn, RotationOverrideId=first)
    assert told(client.list_rotation_shifts(**day)["RotationShifts"])[0] == "ben 01-02 00:00 01-02 09:00"
    backwards = {"RotationId": arn, "StartTime": start + DAY, "EndTime": start}
    error = refused(INVALID, client.list_rotation_shifts, **backwards)
    assert message(error).startswith("Invalid value provided - ")
    account.fault("error", operation="ListRotationShifts", code="ConflictException")
    client = account.contacts(check=False)
    refused("ConflictException", client.list_rotation_shifts, **day)


def test_the_last_override_holds_also_when_made_at_once(own, number):
    simulator = own()
    account = simulator.account(number())
    client = account.contacts()
    ana, ben = contact(account, "ana"), contact(account, "ben")
    start = utc("2030-01-01T00:00")
    simulator.control("PUT", "/clock", {"now": "2030-01-01T12:00:00Z"})
    arn = rotation(account, ana, ben, StartTime=start, Recurrence=recurrence(at(0)))
    wish = {"RotationId": arn, "StartTime": start + DAY, "EndTime": start + 2 * DAY}
    client.create_rotation_override(**wish, NewContactIds=[ana])
    simulator.advance(1)
    client.create_rotation_override(**wish, NewContactIds=[ana, ben])
    [shift] = client.list_rotation_shifts(**wish)["RotationShifts"]
    assert shift["ContactIds"] == [ana, ben]


def test_pages_of_a_preview_without_end(account, abc):
    client = account.contacts()
    end = utc("2099-01-01T00:00")
    wish = {"Members": abc, "TimeZoneId": "Europe/Berlin", "Recurrence": recurrence(at(9)), "EndTime": end}
    first = client.list_preview_rotation_shifts(**wish)
    assert len(first["RotationShifts"]) == 100
    assert abs(first["RotationShifts"][0]["StartTime"] - datetime.now(timezone.utc)) < HOUR, "it starts now"
    one = client.list_preview_rotation_shifts(**wish, RotationStartTime=utc("2026-01-01T00:00"), MaxResults=1024)
    assert len(one["RotationShifts"]) == 1024


def test_previews_that_make_no_sense(account, abc):
    client = account.contacts()
    wish = {"Members": abc, "TimeZoneId": "UTC", "Recurrence": recurrence(at(9)), "EndTime": utc("2027-01-01T00:00")}
    client.list_preview_rotation_shifts(**wish)
    for wrong in [
        {"Overrides": [{"NewMembers": abc, "EndTime": utc("2026-12-01T00:00")}]},
        {"Overrides": [{"NewMembers": abc, "StartTime": utc("2026-12-01T00:00")}]},
        {"StartTime": utc("2027-02-01T00:00")},
        {"TimeZoneId": "PST"},
        {"Recurrence": recurrence()},
    ]:
        refused(INVALID, client.list_preview_rotation_shifts, **{**wish, **wrong})


def _times(rng, most):
    hours = [0, 1, 2, 3, 23, rng.randrange(24)]
    return [at(rng.choice(hours), rng.choice([0, 30, 45])) for _ in range(rng.randint(1, most))]


def _recurrence(rng, members):
    kind = rng.choice(["DailySettings", "WeeklySettings", "MonthlySettings"])
    times = _times(rng, 3)
    if kind == "WeeklySettings":
        times = [{"DayOfWeek": rng.choice(roster.DAYS), "HandOffTime": each} for each in times]
    elif kind == "MonthlySettings":
        times = [{"DayOfMonth": rng.choice([1, 15, 28, 29, 30, 31]), "HandOffTime": each} for each in times]
    settings = {
        kind: times,
        "NumberOfOnCalls": rng.randint(1, members),
        "RecurrenceMultiplier": rng.choice([1, 1, 2, 3, rng.randint(1, 30)]),
    }
    if rng.random() < 0.5:
        settings["ShiftCoverages"] = {
            day: [{"Start": a, "End": b} for a, b in zip(_times(rng, 2), _times(rng, 2)) if _long(a, b)]
            for day in rng.sample(roster.DAYS, rng.randint(1, 7))
        }
        if not any(settings["ShiftCoverages"].values()):
            del settings["ShiftCoverages"]
    return settings


def _long(a, b):
    minutes = (b["HourOfDay"] - a["HourOfDay"]) * 60 + b["MinuteOfHour"] - a["MinuteOfHour"]
    return minutes == 0 or minutes % 1440 >= 30


@pytest.mark.parametrize("seed", range(40))
def test_random_rotations(account, seed):
    rng = random.Random(seed)
    pieces = 0
    for _ in range(10):
        members = [person(account, f"m{index}") for index in range(rng.randint(1, 7))]
        zone = rng.choice(ZONES)
        start = utc("2010-01-01T00:00") + timedelta(minutes=rng.randrange(3 * 365 * 1440))
        begin = start + timedelta(days=rng.randrange(-20, 700), hours=rng.randrange(24))
        until = begin + timedelta(days=rng.randrange(1, 50))
        settings = _recurrence(rng, len(members))
        overrides = []
        for index in range(rng.randrange(4)):
            a = begin + timedelta(hours=rng.randrange(-50, 900))
            people = rng.sample([*members, person(account, f"x{index}")], rng.randint(0, 2) if len(members) > 1 else 1)
            overrides.append((people, a, a + timedelta(hours=rng.randint(1, 100))))
        found = preview(account, members, start, begin, until, settings, zone, overrides)
        expected = roster.shifts(members, start, zone, settings, overrides, begin, until)
        assert found == expected, (start, begin, until, zone, settings, overrides)
        pieces += len(found)
    assert pieces > 10, "there is something to compare"


def test_twenty_years_are_no_burden(account, abc):
    settings = recurrence(at(9), at(21), coverage={day: [{"Start": at(8), "End": at(17)}] for day in roster.DAYS})
    begin = utc("2026-11-22T00:00")
    wish = {
        "Members": abc,
        "RotationStartTime": utc("2006-01-31T07:00"),
        "StartTime": begin,
        "EndTime": begin + 60 * DAY,
        "TimeZoneId": "Europe/Berlin",
        "Recurrence": settings,
        "MaxResults": 1000,
    }
    took = []
    for _ in range(10):
        started = time.perf_counter()
        found = account.contacts().list_preview_rotation_shifts(**wish)["RotationShifts"]
        took.append(time.perf_counter() - started)
    assert len(found) == 120
    # Most of this is the client; what the computation takes is measured in the simulator's own tests.
    assert min(took) < 0.5, took
    future = {**wish, "RotationStartTime": utc("2080-01-01T00:00")}
    assert account.contacts().list_preview_rotation_shifts(**future)["RotationShifts"] == []
