"""Overrides of rotations."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from make import DAILY, DAY, HOUR, contact, message, now, override, refused, rotation

NOT_FOUND = "ResourceNotFoundException"
INVALID = "ValidationException"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def team(account):
    """A rotation of ana and ben."""
    ana, ben = contact(account, "ana"), contact(account, "ben")
    return rotation(account, ana, ben), ana, ben


def listed(account, arn, start, end, **rest):
    """The ids of the overrides between two times."""
    found = account.contacts().list_rotation_overrides(RotationId=arn, StartTime=start, EndTime=end, **rest)
    return [each["RotationOverrideId"] for each in found["RotationOverrides"]]


def test_create_get_list_delete(account, team):
    arn, ana, ben = team
    client = account.contacts()
    begin = now() + HOUR
    made = override(account, arn, ben, ana, StartTime=begin, EndTime=begin + HOUR)
    assert str(uuid.UUID(made)) == made
    got = client.get_rotation_override(RotationId=arn, RotationOverrideId=made)
    del got["ResponseMetadata"]
    assert abs(got.pop("CreateTime") - now()) < MINUTE
    expected = {
        "RotationOverrideId": made,
        "RotationArn": arn,
        "NewContactIds": [ben, ana],
        "StartTime": begin,
        "EndTime": begin + HOUR,
    }
    assert got == expected
    [found] = client.list_rotation_overrides(RotationId=arn, StartTime=begin, EndTime=begin + HOUR)["RotationOverrides"]
    del expected["RotationArn"], found["CreateTime"]
    assert found == expected
    client.delete_rotation_override(RotationId=arn, RotationOverrideId=made)
    for call in client.get_rotation_override, client.delete_rotation_override:
        error = refused(NOT_FOUND, call, RotationId=arn, RotationOverrideId=made)
        assert error["ResourceId"] == made
    assert listed(account, arn, begin, begin + HOUR) == []


def test_an_override_belongs_to_its_rotation(account, team):
    arn, ana, _ = team
    made = override(account, arn, ana)
    other = rotation(account, ana)
    client = account.contacts()
    refused(NOT_FOUND, client.get_rotation_override, RotationId=other, RotationOverrideId=made)
    refused(NOT_FOUND, client.delete_rotation_override, RotationId=other, RotationOverrideId=made)
    client.delete_rotation(RotationId=arn)
    refused(NOT_FOUND, client.get_rotation_override, RotationId=arn, RotationOverrideId=made)


def test_the_time_asked_for(account, team):
    arn, ana, ben = team
    begin = now() + DAY
    late = override(account, arn, ana, StartTime=begin + 5 * HOUR, EndTime=begin + 6 * HOUR)
    early = override(account, arn, ben, StartTime=begin, EndTime=begin + 3 * HOUR)
    second = timedelta(seconds=1)
    assert listed(account, arn, begin, begin + DAY) == [early, late], "by start"
    assert listed(account, arn, begin - DAY, begin) == []
    assert listed(account, arn, begin - DAY, begin + second) == [early]
    assert listed(account, arn, begin + HOUR, begin + 2 * HOUR) == [early], "in the midst of it"
    assert listed(account, arn, begin + 3 * HOUR, begin + 5 * HOUR) == []
    wish = {"RotationId": arn, "StartTime": begin, "EndTime": begin - second}
    refused(INVALID, account.contacts().list_rotation_overrides, **wish)


def test_pages(account, team):
    arn, ana, _ = team
    begin = now() + DAY
    end = begin + 99 * HOUR
    made = [override(account, arn, ana, StartTime=begin + hour * HOUR, EndTime=end) for hour in (3, 1, 1, 2, 0)]
    client = account.contacts()
    window = {"RotationId": arn, "StartTime": begin, "EndTime": end}
    pages = client.get_paginator("list_rotation_overrides").paginate(**window, PaginationConfig={"PageSize": 2})
    found = [each["RotationOverrideId"] for page in pages for each in page["RotationOverrides"]]
    assert found == [made[4], *sorted(made[1:3]), made[3], made[0]]
    first = client.list_rotation_overrides(**window, MaxResults=2)
    client.delete_rotation_override(RotationId=arn, RotationOverrideId=found[1])
    rest = client.list_rotation_overrides(**window, NextToken=first["NextToken"])["RotationOverrides"]
    assert [each["RotationOverrideId"] for each in rest] == found[2:]
    window["EndTime"] += HOUR
    refused(INVALID, client.list_rotation_overrides, **window, NextToken=first["NextToken"])


@pytest.mark.parametrize(
    ("start", "length", "fine"),
    [
        (HOUR, 30 * MINUTE, True),
        (HOUR, 30 * MINUTE - timedelta(seconds=1), False),
        (HOUR, timedelta(0), False),
        (HOUR, -HOUR, False),
        (180 * DAY, 10 * DAY, True),
        (185 * DAY, HOUR, False),
        (-HOUR, 2 * HOUR, True),
        (-3 * HOUR, 2 * HOUR, True),
    ],
    ids=str,
)
def test_times(account, team, start, length, fine):
    arn, ana, _ = team
    begin = now() + start
    wish = {"RotationId": arn, "NewContactIds": [ana], "StartTime": begin, "EndTime": begin + length}
    if fine:
        account.contacts().create_rotation_override(**wish)
    else:
        error = refused(INVALID, account.contacts().create_rotation_override, **wish)
        assert message(error).startswith("Invalid value provided - ")
        assert listed(account, arn, begin - 400 * DAY, begin + 400 * DAY) == []


def test_nobody(account, team):
    arn, *_ = team
    made = override(account, arn)
    got = account.contacts().get_rotation_override(RotationId=arn, RotationOverrideId=made)
    assert got["NewContactIds"] == []


def test_thirty_people_of_whom_25_are_shown(account):
    people = [contact(account, f"p{index}") for index in range(30)]
    arn = rotation(account, *people)
    made = override(account, arn, *people)
    got = account.contacts().get_rotation_override(RotationId=arn, RotationOverrideId=made)
    assert got["NewContactIds"] == people[:25]
    window = {"StartTime": got["StartTime"], "EndTime": got["EndTime"]}
    shift = account.contacts().list_rotation_shifts(RotationId=arn, **window)["RotationShifts"][0]
    assert shift["Type"] == "OVERRIDDEN"
    assert shift["ContactIds"] == people[:25]


@pytest.mark.parametrize("value", ["refuse", "accept"])
def test_non_member_override(account, team, value):
    account.knobs(non_member_override=value)
    arn, ana, _ = team
    cem = contact(account, "cem")
    client = account.contacts()
    wish = {"RotationId": arn, "StartTime": now() + HOUR, "EndTime": now() + 2 * HOUR}
    if value == "refuse":
        error = refused(INVALID, client.create_rotation_override, **wish, NewContactIds=[ana, cem])
        assert cem in message(error)
        return
    override(account, arn, ana, cem)
    refused(NOT_FOUND, client.create_rotation_override, **wish, NewContactIds=[account.arn("nobody")])
    week = contact(account, "week", kind="ONCALL_SCHEDULE")
    refused(INVALID, client.create_rotation_override, **wish, NewContactIds=[week])


@pytest.mark.parametrize("value", ["accept", "refuse"])
def test_past_override_start(account, team, value):
    account.knobs(past_override_start=value)
    arn, ana, _ = team
    override(account, arn, ana, start=-MINUTE / 2)
    wish = {"RotationId": arn, "NewContactIds": [ana], "StartTime": now() - 2 * MINUTE, "EndTime": now() + HOUR}
    if value == "accept":
        account.contacts().create_rotation_override(**wish)
    else:
        refused(INVALID, account.contacts().create_rotation_override, **wish)


@pytest.mark.parametrize("value", ["no", "yes"])
def test_rotation_update_drops_overrides(account, team, value):
    account.knobs(rotation_update_drops_overrides=value)
    arn, ana, _ = team
    running, coming = override(account, arn, ana, start=-HOUR), override(account, arn, ana, start=HOUR)
    account.contacts().update_rotation(RotationId=arn, Recurrence=DAILY)
    left = listed(account, arn, now() - DAY, now() + DAY)
    assert left == ([running] if value == "yes" else [running, coming])


def test_a_member_who_leaves_stays_in_the_override(account, team):
    arn, ana, ben = team
    made = override(account, arn, ben)
    client = account.contacts()
    client.update_rotation(RotationId=arn, ContactIds=[ana], Recurrence=DAILY)
    assert client.get_rotation_override(RotationId=arn, RotationOverrideId=made)["NewContactIds"] == [ben]


def test_idempotency_token(account, team):
    arn, ana, ben = team
    begin = now() + HOUR
    wish = {"StartTime": begin, "EndTime": begin + HOUR, "IdempotencyToken": str(uuid.uuid4())}
    made = override(account, arn, ana, **wish)
    assert override(account, arn, ana, **wish) == made
    call = account.contacts().create_rotation_override
    refused(INVALID, call, RotationId=arn, NewContactIds=[ben], **wish)
    assert listed(account, arn, begin, begin + HOUR) == [made]
    account.contacts().delete_rotation_override(RotationId=arn, RotationOverrideId=made)
    assert override(account, arn, ana, **wish) == made, "the token still stands for the first"
    account.knobs(token_after_delete="new")
    assert override(account, arn, ana, **wish) != made
