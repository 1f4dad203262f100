"""Rotations: create, get, update, delete, list, and the schedules that use them."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone

import pytest

from make import (
    DAILY,
    DAY,
    HOUR,
    at,
    bare_call,
    channel,
    contact,
    message,
    now,
    override,
    recurrence,
    refused,
    rotation,
    stage,
    tags,
    to_channel,
    to_contact,
)

START = datetime(2030, 3, 15, 13, 30, tzinfo=timezone.utc)
NOT_FOUND = "ResourceNotFoundException"
INVALID = "ValidationException"
WEEKLY = {"WeeklySettings": [{"DayOfWeek": "MON", "HandOffTime": at(9, 30)}]}
MONTHLY = {"MonthlySettings": [{"DayOfMonth": 31, "HandOffTime": at(23, 59)}]}
HOURS = {"MON": [{"Start": at(8, 30), "End": at(17)}], "SUN": [{"Start": at(22), "End": at(6)}]}


def get(account, arn):
    got = account.contacts().get_rotation(RotationId=arn)
    del got["ResponseMetadata"]
    return got


def missing(account):
    return f"arn:aws:ssm-contacts:us-east-1:{account.id}:rotation/{uuid.UUID(int=7)}"


@pytest.mark.parametrize(
    "settings",
    [
        recurrence(at(9)),
        recurrence(at(21), at(9), at(9), length=100),
        recurrence(on_calls=2, coverage=HOURS, **WEEKLY),
        recurrence(length=3, coverage={}, **MONTHLY),
        # Empty lists beside the one that counts, as some clients send them.
        recurrence(at(9), WeeklySettings=[], MonthlySettings=[]),
    ],
)
def test_round_trip(account, settings):
    ana, ben = contact(account, "ana"), contact(account, "ben")
    wish = {"Name": "Week end 2.0", "StartTime": START, "TimeZoneId": "Asia/Seoul", "Recurrence": settings}
    arn = rotation(account, ben, ana, **wish)
    assert arn.startswith(f"arn:aws:ssm-contacts:us-east-1:{account.id}:rotation/")
    assert get(account, arn) == {
        "RotationArn": arn,
        "ContactIds": [ben, ana],
        **wish,
    }
    assert account.contacts().list_rotations()["Rotations"] == [get(account, arn)]


def test_update_keeps_what_is_left_out(account):
    ana, ben = contact(account, "ana"), contact(account, "ben")
    arn = rotation(account, ana, StartTime=START)
    before = get(account, arn)
    client = account.contacts()
    weekly = recurrence(**WEEKLY)
    client.update_rotation(RotationId=arn, Recurrence=weekly)
    assert get(account, arn) == {**before, "Recurrence": weekly}
    client.update_rotation(RotationId=arn, Recurrence=weekly, ContactIds=[ben, ana])
    assert get(account, arn) == {**before, "Recurrence": weekly, "ContactIds": [ben, ana]}
    client.update_rotation(RotationId=arn, Recurrence=DAILY, TimeZoneId="Europe/Berlin", StartTime=START + DAY)
    changed = {"TimeZoneId": "Europe/Berlin", "StartTime": START + DAY, "ContactIds": [ben, ana]}
    assert get(account, arn) == {**before, **changed}


def test_the_name_cannot_be_changed(account):
    arn = rotation(account, contact(account), Name="first")
    # The model has no such member, so no client sends it and the service ignores it.
    status, _ = bare_call(account, "UpdateRotation", {"RotationId": arn, "Name": "second", "Recurrence": DAILY})
    assert status == 200
    assert get(account, arn)["Name"] == "first"


def test_a_start_that_is_not_given(account):
    ana = contact(account)
    arn = rotation(account, ana)
    start = get(account, arn)["StartTime"]
    assert abs(start - now()) < 2 * HOUR / 60
    account.contacts().update_rotation(RotationId=arn, Recurrence=DAILY)
    assert get(account, arn)["StartTime"] == start


def test_fractions_of_a_second_are_kept(account):
    arn = rotation(account, contact(account), StartTime=START.replace(microsecond=250_000))
    assert get(account, arn)["StartTime"] == START.replace(microsecond=250_000)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"DailySettings": []},
        {"DailySettings": [at(9)], **WEEKLY},
        {**MONTHLY, **WEEKLY},
        {"DailySettings": [at(9)], "NumberOfOnCalls": 3},
        {"DailySettings": [at(9)], "ShiftCoverages": {"MON": []}},
        {"DailySettings": [at(9)], "ShiftCoverages": {"MON": [{"Start": at(9)}]}},
        {"DailySettings": [at(9)], "ShiftCoverages": {"MON": [{"End": at(9)}]}},
        {"DailySettings": [at(9)], "ShiftCoverages": {"MON": [{"Start": at(9), "End": at(9, 29)}]}},
        {"DailySettings": [at(9)], "ShiftCoverages": {"MON": [{"Start": at(23, 45), "End": at(0, 14)}]}},
    ],
    ids=str,
)
def test_recurrences_that_make_no_sense(account, settings):
    ana, ben = contact(account, "ana"), contact(account, "ben")
    arn = rotation(account, ana, ben)
    wrong = {"NumberOfOnCalls": 1, "RecurrenceMultiplier": 1, **settings}
    client = account.contacts()
    wish = {"Name": "r", "ContactIds": [ana, ben], "TimeZoneId": "UTC", "Recurrence": wrong}
    error = refused(INVALID, client.create_rotation, **wish)
    assert message(error).startswith("Invalid value provided - ")
    refused(INVALID, client.update_rotation, RotationId=arn, Recurrence=wrong)
    preview = {"Members": [ana, ben], "TimeZoneId": "UTC", "Recurrence": wrong, "EndTime": START}
    refused(INVALID, client.list_preview_rotation_shifts, **preview)
    assert get(account, arn)["Recurrence"] == DAILY


@pytest.mark.parametrize("window", [(at(9), at(9, 30)), (at(9), at(9)), (at(23, 45), at(0, 15))], ids=str)
def test_coverage_of_half_an_hour_is_enough(account, window):
    coverage = {"MON": [{"Start": window[0], "End": window[1]}]}
    rotation(account, contact(account), Recurrence=recurrence(at(9), coverage=coverage))


NO_ZONES = ["PST", "EST", "MST", "HST", "EDT", "CEST", "utc", "europe/berlin", "Europe/Atlantis", "Eastern Time"]
ZONES = ["UTC", "America/Los_Angeles", "America/Argentina/Ushuaia", "US/Eastern", "Etc/GMT-14"]


@pytest.mark.parametrize("zone", NO_ZONES)
def test_what_is_no_zone(account, zone):
    client = account.contacts()
    ana = contact(account)
    arn = rotation(account, ana)
    refused(INVALID, client.create_rotation, Name="r", ContactIds=[ana], TimeZoneId=zone, Recurrence=DAILY)
    refused(INVALID, client.update_rotation, RotationId=arn, TimeZoneId=zone, Recurrence=DAILY)
    wish = {"Members": [ana], "TimeZoneId": zone, "Recurrence": DAILY, "EndTime": START}
    refused(INVALID, client.list_preview_rotation_shifts, **wish)


@pytest.mark.parametrize("zone", ZONES)
def test_zones(account, zone):
    arn = rotation(account, contact(account), TimeZoneId=zone)
    assert get(account, arn)["TimeZoneId"] == zone


def test_who_can_be_a_member(simulator, number):
    account = simulator.account(number(), onboard=("us-east-1", "eu-west-1"))
    other = simulator.account(number())
    ana = contact(account)
    arn = rotation(account, ana)
    client = account.contacts()
    for stranger, code in [
        (account.arn("nobody"), NOT_FOUND),
        (contact(account, "all", kind="ESCALATION"), INVALID),
        (contact(account, "week", kind="ONCALL_SCHEDULE"), INVALID),
        (contact(account, "ben", region="eu-west-1"), INVALID),
        (contact(other, "cem"), INVALID),
        (channel(account, ana), INVALID),
        (arn, INVALID),
    ]:
        wish = {"Name": "r", "ContactIds": [ana, stranger], "TimeZoneId": "UTC", "Recurrence": DAILY}
        error = refused(code, client.create_rotation, **wish)
        if code == NOT_FOUND:
            assert (error["ResourceId"], error["ResourceType"]) == (stranger, "CONTACT")
        refused(code, client.update_rotation, RotationId=arn, ContactIds=[stranger], Recurrence=DAILY)
    assert get(account, arn)["ContactIds"] == [ana]
    assert len(client.list_rotations()["Rotations"]) == 1


def test_a_missing_rotation(account):
    client, arn = account.contacts(), missing(account)
    uid = str(uuid.UUID(int=8))
    window = {"StartTime": START, "EndTime": START + DAY}
    for call, rest in [
        (client.get_rotation, {}),
        (client.delete_rotation, {}),
        (client.update_rotation, {"Recurrence": DAILY}),
        (client.create_rotation_override, {"NewContactIds": [], **window}),
        (client.get_rotation_override, {"RotationOverrideId": uid}),
        (client.delete_rotation_override, {"RotationOverrideId": uid}),
        (client.list_rotation_overrides, window),
    ]:
        error = refused(NOT_FOUND, call, RotationId=arn, **rest)
        assert (error["ResourceId"], error["ResourceType"]) == (arn, "ROTATION")
    error = refused(INVALID, client.list_rotation_shifts, RotationId=arn, **window)
    assert "Invalid resource Arn" in message(error)


def test_rotations_of_others(simulator, number):
    account = simulator.account(number(), onboard=("us-east-1", "eu-west-1"))
    other = simulator.account(number())
    arn = rotation(account, contact(account))
    refused("AccessDeniedException", other.contacts().get_rotation, RotationId=arn)
    refused(NOT_FOUND, account.contacts("eu-west-1").get_rotation, RotationId=arn)
    refused(INVALID, account.contacts().get_rotation, RotationId=account.arn("ana"))
    assert account.contacts("eu-west-1").list_rotations()["Rotations"] == []
    assert other.contacts().list_rotations()["Rotations"] == []


def test_delete(account):
    arn = rotation(account, contact(account))
    account.contacts().delete_rotation(RotationId=arn)
    refused(NOT_FOUND, account.contacts().delete_rotation, RotationId=arn)
    assert account.contacts().list_rotations()["Rotations"] == []


def test_lists(account):
    people = [contact(account, f"p{index}") for index in range(30)]
    made = {rotation(account, people[0], Name=f"team {index}") for index in range(5)}
    big = rotation(account, *people, Name="big")
    client = account.contacts()

    def names(**filters):
        return sorted(each["Name"] for each in client.list_rotations(**filters)["Rotations"])

    assert names(RotationNamePrefix="team 3") == ["team 3"]
    assert names(RotationNamePrefix="Team") == []
    assert names(RotationNamePrefix="b") == ["big"]
    pages = client.get_paginator("list_rotations").paginate(PaginationConfig={"PageSize": 2})
    found = [each["RotationArn"] for page in pages for each in page["Rotations"]]
    assert len(found) == 6 and set(found) == made | {big}
    assert get(account, big)["ContactIds"] == people, "the order is the order of shifts"
    [listed] = client.list_rotations(RotationNamePrefix="big")["Rotations"]
    assert listed["ContactIds"] == people[:25], "lists hold 25"
    token = client.list_rotations(MaxResults=2)["NextToken"]
    refused(INVALID, client.list_rotations, NextToken=token, RotationNamePrefix="team")
    refused(INVALID, client.list_contacts, NextToken=token)
    refused(INVALID, client.list_rotations, NextToken="abc")


def test_deleting_between_pages_skips_nobody(account):
    client = account.contacts()
    ana = contact(account)
    made = {rotation(account, ana) for _ in range(4)}
    first = client.list_rotations(MaxResults=2)
    gone = first["Rotations"][1]["RotationArn"]
    client.delete_rotation(RotationId=gone)
    rest = client.list_rotations(NextToken=first["NextToken"])["Rotations"]
    assert {each["RotationArn"] for each in first["Rotations"] + rest} == made


def test_names_need_not_be_unique(account):
    ana = contact(account)
    assert rotation(account, ana) != rotation(account, ana)


def test_idempotency_token(account):
    ana, token = contact(account), str(uuid.uuid4())
    wish = {"StartTime": START, "IdempotencyToken": token}
    arn = rotation(account, ana, **wish)
    assert rotation(account, ana, **wish) == arn
    other = {"Name": "other", "ContactIds": [ana], "TimeZoneId": "UTC", "Recurrence": DAILY, **wish}
    refused(INVALID, account.contacts().create_rotation, **other)
    assert len(account.contacts().list_rotations()["Rotations"]) == 1
    # No client makes one up for this operation.
    assert rotation(account, ana) != rotation(account, ana)
    calls = account.calls(operation="CreateRotation")
    assert [call["token"] for call in calls] == [token, token, token, None, None]


def test_tags(account):
    ana = contact(account)
    arn = rotation(account, ana, Tags=[{"Key": "team", "Value": "ops"}])
    assert tags(account, arn) == {"team": "ops"}
    client = account.contacts()
    client.tag_resource(ResourceARN=arn, Tags=[{"Key": "tier", "Value": "1"}, {"Key": "team", "Value": "web"}])
    client.untag_resource(ResourceARN=arn, TagKeys=["nothing"])
    assert tags(account, arn) == {"team": "web", "tier": "1"}
    client.update_rotation(RotationId=arn, Recurrence=DAILY)
    assert tags(account, arn) == {"team": "web", "tier": "1"}
    client.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert tags(account, arn) == {"tier": "1"}
    fifty = [{"Key": f"k{index}", "Value": "v"} for index in range(50)]
    refused("ServiceQuotaExceededException", client.tag_resource, ResourceARN=arn, Tags=fifty)
    twice = [{"Key": "k", "Value": "v"}] * 2
    wish = {"Name": "r", "ContactIds": [ana], "TimeZoneId": "UTC", "Recurrence": DAILY}
    refused(INVALID, client.create_rotation, **wish, Tags=twice)
    client.delete_rotation(RotationId=arn)
    refused(NOT_FOUND, client.list_tags_for_resource, ResourceARN=arn)


def test_tags_are_for_the_first_region(simulator, number):
    account = simulator.account(number(), onboard=("us-east-1", "eu-west-1"))
    ana = contact(account, region="eu-west-1")
    client = account.contacts("eu-west-1")
    wish = {"Name": "r", "ContactIds": [ana], "TimeZoneId": "UTC", "Recurrence": DAILY}
    tag = [{"Key": "team", "Value": "ops"}]
    refused(INVALID, client.create_rotation, **wish, Tags=tag)
    arn = client.create_rotation(**wish, Tags=[])["RotationArn"]
    refused(INVALID, client.tag_resource, ResourceARN=arn, Tags=tag)
    refused(INVALID, client.list_tags_for_resource, ResourceARN=arn)
    account.knobs(tags_outside_first_region="work")
    client.tag_resource(ResourceARN=arn, Tags=tag)
    assert tags(account, arn, "eu-west-1") == {"team": "ops"}


def test_schedules(account):
    client = account.contacts()
    ana = contact(account)
    arns = [rotation(account, ana, Name=f"r{index}") for index in range(3)]
    schedule = contact(account, "week", kind="ONCALL_SCHEDULE", plan={"RotationIds": arns[:2]})
    assert client.get_contact(ContactId=schedule)["Plan"] == {"RotationIds": arns[:2]}
    plan = {"RotationIds": [arns[2], arns[0]]}
    client.update_contact(ContactId=schedule, Plan=plan)
    assert client.get_contact(ContactId=schedule)["Plan"] == plan
    for wrong in missing(account), ana, schedule:
        error = refused(INVALID, client.update_contact, ContactId=schedule, Plan={"RotationIds": [arns[0], wrong]})
        assert "Invalid resource Arn" in message(error)
        wish = {"Alias": "other", "Type": "ONCALL_SCHEDULE", "Plan": {"RotationIds": [wrong]}}
        refused(INVALID, client.create_contact, **wish)
    refused(INVALID, client.update_contact, ContactId=schedule, Plan={"Stages": [stage(to_contact(ana))], **plan})
    assert client.get_contact(ContactId=schedule)["Plan"] == plan
    for kind in "PERSONAL", "ESCALATION":
        wish = {"Alias": "other", "Type": kind, "Plan": {"Stages": [], "RotationIds": arns}}
        refused(INVALID, client.create_contact, **wish)
    client.delete_contact(ContactId=schedule)
    assert len(client.list_rotations()["Rotations"]) == 3


def test_a_schedule_is_a_target_of_escalation(account):
    client = account.contacts()
    ana = contact(account)
    week = contact(account, "week", kind="ONCALL_SCHEDULE", plan={"RotationIds": [rotation(account, ana)]})
    plan = {"Stages": [stage(to_contact(week, True), to_contact(ana), minutes=0), stage(minutes=30)]}
    team = contact(account, "all", kind="ESCALATION", plan=plan)
    assert client.get_contact(ContactId=team)["Plan"] == plan
    for wrong in [
        {"Stages": [stage(to_contact(team))]},
        {"Stages": [stage(to_contact(account.arn("nobody")))]},
        {"Stages": [stage(to_channel(channel(account, ana)))]},
        {"Stages": [stage(minutes=0)]},
        {"Stages": [stage({"ContactTargetInfo": {"IsEssential": True}})]},
    ]:
        refused(INVALID, client.update_contact, ContactId=team, Plan=wrong)
    quota = "ServiceQuotaExceededException"
    refused(quota, client.update_contact, ContactId=team, Plan={"Stages": [stage()] * 11})
    refused(quota, client.update_contact, ContactId=team, Plan={"Stages": [stage(*[to_contact(ana)] * 11)]})
    assert client.get_contact(ContactId=team)["Plan"] == plan


def test_an_escalation_plan_stays_in_its_account(simulator, number, account):
    other = simulator.account(number())
    stranger = contact(other, "stranger")
    wish = {"Alias": "all", "Type": "ESCALATION", "Plan": {"Stages": [stage(to_contact(stranger))]}}
    refused(INVALID, account.contacts().create_contact, **wish)


@pytest.mark.parametrize("value", ["unlink", "conflict"])
def test_rotation_delete_in_schedule(account, value):
    account.knobs(rotation_delete_in_schedule=value)
    client = account.contacts()
    ana = contact(account)
    gone, stays = rotation(account, ana, Name="gone"), rotation(account, ana, Name="stays")
    week = contact(account, "week", kind="ONCALL_SCHEDULE", plan={"RotationIds": [gone, stays]})
    night = contact(account, "night", kind="ONCALL_SCHEDULE", plan={"RotationIds": [gone]})
    if value == "conflict":
        error = refused("ConflictException", client.delete_rotation, RotationId=gone)
        assert (error["ResourceId"], error["ResourceType"]) == (gone, "ROTATION")
        [entity] = error["DependentEntities"]
        assert set(entity["DependentResourceIds"]) == {week, night}
        client.update_contact(ContactId=week, Plan={"RotationIds": [stays]})
        client.update_contact(ContactId=night, Plan={"RotationIds": []})
    client.delete_rotation(RotationId=gone)
    assert client.get_contact(ContactId=week)["Plan"] == {"RotationIds": [stays]}
    assert client.get_contact(ContactId=night)["Plan"] == {"RotationIds": []}


@pytest.mark.parametrize("value", ["conflict", "succeed"])
def test_delete_contact_in_rotation(account, value):
    account.knobs(delete_contact_in_rotation=value)
    client = account.contacts()
    ana, ben = contact(account, "ana"), contact(account, "ben")
    one, two = rotation(account, ana, ben), rotation(account, ben)
    if value == "succeed":
        client.delete_contact(ContactId=ben)
        assert get(account, one)["ContactIds"] == [ana, ben]
        return
    error = refused("ConflictException", client.delete_contact, ContactId=ben)
    assert (error["ResourceId"], error["ResourceType"]) == (ben, "CONTACT")
    [entity] = error["DependentEntities"]
    assert set(entity["DependentResourceIds"]) == {one, two}
    assert client.get_contact(ContactId=ben)["Alias"] == "ben"
    client.update_rotation(RotationId=one, ContactIds=[ana], Recurrence=DAILY)
    refused("ConflictException", client.delete_contact, ContactId=ben)
    client.delete_rotation(RotationId=two)
    client.delete_contact(ContactId=ben)


@pytest.mark.parametrize("value", ["accept", "conflict"])
def test_duplicate_rotation_name(account, value):
    account.knobs(duplicate_rotation_name=value)
    ana = contact(account)
    first = rotation(account, ana)
    if value == "accept":
        assert rotation(account, ana) != first
        return
    # The operation does not model it, hence the client that does not mind.
    client = account.contacts(check=False)
    wish = {"Name": "week days", "ContactIds": [ana], "TimeZoneId": "UTC", "Recurrence": DAILY}
    error = refused("ConflictException", client.create_rotation, **wish)
    assert error["ResourceId"] == first
    rotation(account, ana, Name="other")


@pytest.mark.parametrize("value", ["accept", "refuse", "move"])
def test_past_rotation_start(account, value):
    ana = contact(account)
    past = now() - 10 * DAY
    old = rotation(account, ana, StartTime=past)
    account.knobs(past_rotation_start=value)
    client = account.contacts()
    near = HOUR / 60
    rotation(account, ana, StartTime=now() - near / 2)
    wish = {"Name": "r", "ContactIds": [ana], "TimeZoneId": "UTC", "Recurrence": DAILY}
    if value == "refuse":
        refused(INVALID, client.create_rotation, **wish, StartTime=past)
        refused(INVALID, client.create_rotation, **wish, StartTime=now() - 2 * near)
        refused(INVALID, client.update_rotation, RotationId=old, Recurrence=DAILY, StartTime=past + HOUR)
    else:
        arn = client.create_rotation(**wish, StartTime=past)["RotationArn"]
        kept = past if value == "accept" else now()
        assert abs(get(account, arn)["StartTime"] - kept) < near
    client.update_rotation(RotationId=old, Recurrence=DAILY, StartTime=past)
    client.update_rotation(RotationId=old, Recurrence=DAILY)
    assert get(account, old)["StartTime"] == past, "it did not change"
    if value != "refuse":
        client.update_rotation(RotationId=old, Recurrence=DAILY, StartTime=past + HOUR)
        kept = past + HOUR if value == "accept" else now()
        assert abs(get(account, old)["StartTime"] - kept) < near
    client.update_rotation(RotationId=old, Recurrence=DAILY, StartTime=START)
    assert get(account, old)["StartTime"] == START


def test_rotations_quota(account):
    account.knobs(rotations_quota=2)
    ana = contact(account)
    arns = [rotation(account, ana), rotation(account, ana)]
    wish = {"Name": "r", "ContactIds": [ana], "TimeZoneId": "UTC", "Recurrence": DAILY}
    error = refused("ServiceQuotaExceededException", account.contacts().create_rotation, **wish)
    assert error["QuotaCode"] and error["ServiceCode"]
    account.contacts().delete_rotation(RotationId=arns[0])
    rotation(account, ana)


def test_consistency_delay(own, number):
    simulator = own("--knob", "consistency_delay_ms=5000")
    account = simulator.account(number())
    client = account.contacts()
    ana = contact(account)
    simulator.advance(6)
    arn = rotation(account, ana)
    refused(NOT_FOUND, client.get_rotation, RotationId=arn)
    assert client.list_rotations()["Rotations"] == []
    window = {"RotationId": arn, "StartTime": now(), "EndTime": now() + DAY}
    refused(INVALID, client.list_rotation_shifts, **window)
    made = override(account, arn, ana, start=HOUR)
    simulator.advance(6)
    assert get(account, arn)["ContactIds"] == [ana]
    hidden = override(account, arn, start=5 * HOUR)
    refused(NOT_FOUND, client.get_rotation_override, RotationId=arn, RotationOverrideId=hidden)
    listed = client.list_rotation_overrides(**window)["RotationOverrides"]
    assert [each["RotationOverrideId"] for each in listed] == [made]


def test_permissions(account):
    client = account.contacts()
    ana = contact(account)
    tag = [{"Key": "team", "Value": "ops"}]
    account.iam(deny=["ssm-contacts:TagResource"])
    wish = {"Name": "r", "ContactIds": [ana], "TimeZoneId": "UTC", "Recurrence": DAILY}
    error = refused("AccessDeniedException", client.create_rotation, **wish, Tags=tag)
    assert "ssm-contacts:TagResource" in message(error)
    arn = rotation(account, ana)
    account.iam(deny=["ssm-contacts:*Rotation*"])
    window = {"StartTime": START, "EndTime": START + DAY}
    named, one = {"RotationId": arn}, {"RotationId": arn, "RotationOverrideId": str(uuid.UUID(int=8))}
    for call, parameters in [
        (client.create_rotation, wish),
        (client.get_rotation, named),
        (client.update_rotation, {**named, "Recurrence": DAILY}),
        (client.delete_rotation, named),
        (client.list_rotations, {}),
        (client.create_rotation_override, {**named, **window, "NewContactIds": []}),
        (client.get_rotation_override, one),
        (client.delete_rotation_override, one),
        (client.list_rotation_overrides, {**named, **window}),
        (client.list_rotation_shifts, {**named, **window}),
        (
            client.list_preview_rotation_shifts,
            {"Members": [ana], "TimeZoneId": "UTC", "Recurrence": DAILY, "EndTime": START},
        ),
    ]:
        error = refused("AccessDeniedException", call, **parameters)
        logged = account.calls()[-1]
        assert logged["iamActions"] == [f"ssm-contacts:{logged['operation']}"]
        assert f"is not authorized to perform: {logged['iamActions'][0]}" in message(error)
        assert logged["mutating"] != logged["operation"].startswith(("Get", "List"))
        if "RotationId" in parameters:
            assert logged["resources"] == [arn]


def test_what_an_account_holds(account, simulator):
    ana = contact(account)
    arn = rotation(account, ana, StartTime=START)
    made = override(account, arn, ana)
    state = simulator.control("GET", f"/accounts/{account.id}")["contacts"]["us-east-1"]
    [held] = state["rotations"].values()
    assert (held["contactIds"], held["timeZone"]) == ([ana], "UTC")
    assert list(held["overrides"]) == [made]
    account.contacts().delete_rotation(RotationId=arn)
    assert simulator.control("GET", f"/accounts/{account.id}")["contacts"]["us-east-1"]["rotations"] == {}


def test_rotations_survive_a_restart(own, number, tmp_path):
    file = str(tmp_path / "state.json")
    simulator = own("--state", file)
    account = simulator.account(number())
    ana = contact(account)
    arn = rotation(account, ana, Recurrence=recurrence(coverage=HOURS, **WEEKLY), Tags=[{"Key": "a", "Value": "b"}])
    made = override(account, arn, ana)
    before = get(account, arn)
    simulator.stop()
    account = type(account)(own("--state", file), account.id)
    assert get(account, arn) == before
    assert tags(account, arn) == {"a": "b"}
    got = account.contacts().get_rotation_override(RotationId=arn, RotationOverrideId=made)
    assert got["NewContactIds"] == [ana]


@pytest.mark.parametrize("moment", ["2026-11-22T06:00:00Z", "x", True, [], 1e30])
def test_a_time_that_is_none(account, moment):
    ana = contact(account)
    body = {"Name": "r", "ContactIds": [ana], "TimeZoneId": "UTC", "Recurrence": DAILY, "StartTime": moment}
    status, answer = bare_call(account, "CreateRotation", body)
    assert (status, answer["__type"]) == (400, "SerializationException")
