"""Engagements and pages: who is engaged, what is sent, and what humans answer."""

from __future__ import annotations

import os
import re
import time
import uuid
from collections import Counter
from datetime import datetime, timedelta, timezone
from random import Random

import pytest

import paging

from make import (
    activated,
    at,
    channel,
    contact,
    engage,
    message,
    override,
    person,
    recurrence,
    refused,
    rotation,
    stage,
    to_channel,
    to_contact,
)
from simulator import ControlError

NOT_FOUND = "ResourceNotFoundException"
INVALID = "ValidationException"
UUID = "[0-9a-f-]{36}"
TEXTS = {
    "Sender": "me@example.com",
    "Subject": "Payments\nare down",
    "Content": "☃ " * 4096,
    "PublicSubject": "P",
    "PublicContent": "See the console",
}


def plain(answer):
    del answer["ResponseMetadata"]
    return answer


def incident(account, number=1):
    return f"arn:aws:ssm-incidents::{account.id}:incident-record/plan/{uuid.UUID(int=number)}"


def escalation(account, *stages, alias="team"):
    return contact(account, alias, kind="ESCALATION", plan={"Stages": list(stages)})


def missing(account, kind):
    return f"arn:aws:ssm-contacts:us-east-1:{account.id}:{kind}/ana/{uuid.UUID(int=7)}"


def page_of(account, arn):
    [page] = account.pages(contact=arn)
    return page


def accept(account, page, **rest):
    wish = {"AcceptType": "READ", "AcceptCode": page["acceptCode"], **rest}
    return account.contacts().accept_page(PageId=page["pageArn"], **wish)


def receipts(account, page):
    return account.contacts().list_page_receipts(PageId=page["pageArn"])["Receipts"]


def kinds(account, page):
    return [receipt["ReceiptType"] for receipt in receipts(account, page)]


def another(code):
    return f"{(int(code) + 1) % 1_000_000:06}"


def test_round_trip(account):
    client = account.contacts()
    ana = person(account)
    arn = engage(account, ana, IncidentId=incident(account), **TEXTS)
    assert re.fullmatch(rf"arn:aws:ssm-contacts:us-east-1:{account.id}:engagement/ana/{UUID}", arn)
    got = plain(client.describe_engagement(EngagementId=arn))
    started = got.pop("StartTime")
    assert abs(datetime.now(timezone.utc) - started) < timedelta(minutes=1)
    summary = {"EngagementArn": arn, "ContactArn": ana, "Sender": "me@example.com", "IncidentId": incident(account)}
    assert got == {**summary, **TEXTS}
    [listed] = client.list_engagements()["Engagements"]
    assert listed == {**summary, "StartTime": started}

    [page] = client.list_pages_by_engagement(EngagementId=arn)["Pages"]
    assert client.list_pages_by_contact(ContactId=ana)["Pages"] == [page]
    assert re.fullmatch(rf"arn:aws:ssm-contacts:us-east-1:{account.id}:page/ana/{UUID}", page["PageArn"])
    assert started <= page.pop("SentTime") < started + timedelta(seconds=1)
    page.pop("DeliveryTime", None)
    assert page == {"PageArn": page["PageArn"], **summary}
    got = plain(client.describe_page(PageId=page["PageArn"]))
    got.pop("SentTime"), got.pop("DeliveryTime", None)
    assert got == {**page, **TEXTS}


def test_what_is_optional(account):
    arn = engage(account, person(account))
    got = plain(account.contacts().describe_engagement(EngagementId=arn))
    assert set(got) == {"EngagementArn", "ContactArn", "Sender", "Subject", "Content", "StartTime"}
    # An empty sender and an empty incident are within the model.
    arn = engage(account, account.arn("ana"), Sender="", IncidentId="")
    got = account.contacts().describe_engagement(EngagementId=arn)
    assert (got["Sender"], got["IncidentId"]) == ("", "")


def test_the_control_endpoint_shows_pages(account):
    ana = person(account)
    arn = engage(account, ana, IncidentId=incident(account))
    [page] = account.pages()
    [sent] = page.pop("channels")
    assert (set(sent), sent["type"]) == ({"channelArn", "type", "at"}, "EMAIL")
    assert sent["at"] == page["sentAt"] >= page.pop("engagedAt")
    assert re.fullmatch(r"\d{6}", page["acceptCode"])
    assert isinstance(page.pop("seq"), int)
    assert page == {
        "pageArn": page["pageArn"],
        "engagementArn": arn,
        "contactArn": ana,
        "incidentId": incident(account),
        "sentAt": page["sentAt"],
        "failedAt": None,
        "acceptCode": page["acceptCode"],
        "acknowledgedAt": None,
        "stoppedAt": None,
    }
    assert "example.com" not in str(account.pages()), "addresses stay where they are"
    [first] = account.pages()
    engage(account, ana)
    [second] = account.pages(since=first["seq"])
    assert second["pageArn"] != first["pageArn"]
    assert account.pages(incident=incident(account)) == [first]
    assert account.pages(contact=account.arn("ben")) == []


def test_receipts(own, number):
    simulator = own()
    account = simulator.account(number())
    ana = person(account, wait=2)
    engage(account, ana)
    simulator.advance(30)
    page = page_of(account, ana)
    assert kinds(account, page) == ["DELIVERED", "SENT"]
    simulator.advance(100)
    mail, voice = (sent["channelArn"] for sent in page_of(account, ana)["channels"])
    accept(account, page, Note="on my way")
    found = receipts(account, page)
    # By type and then by time, as in AWS's example.
    assert [(receipt["ReceiptType"], receipt["ContactChannelArn"]) for receipt in found] == [
        ("DELIVERED", mail),
        ("DELIVERED", voice),
        ("READ", voice),
        ("SENT", mail),
        ("SENT", voice),
    ]
    assert [receipt["ReceiptInfo"] for receipt in found if receipt["ReceiptType"] == "READ"] == ["on my way"]
    sent = [receipt["ReceiptInfo"] for receipt in found if receipt["ReceiptType"] == "SENT"]
    assert all(re.fullmatch(r"SM[0-9a-f]{32}", each) for each in sent) and len(set(sent)) == 2
    times = [receipt["ReceiptTime"] for receipt in found]
    got = account.contacts().describe_page(PageId=page["pageArn"])
    assert (got["DeliveryTime"], got["ReadTime"], got["SentTime"]) == (times[1], times[2], times[4])
    assert times[1] - times[4] == timedelta(seconds=1)
    pages = account.contacts().get_paginator("list_page_receipts")
    walked = pages.paginate(PageId=page["pageArn"], PaginationConfig={"PageSize": 2})
    assert [receipt for each in walked for receipt in each["Receipts"]] == found


def test_the_code_of_a_page(account):
    ana = person(account)
    engage(account, ana)
    page = page_of(account, ana)
    wrong = another(page["acceptCode"])
    client = account.contacts()
    wish = {"PageId": page["pageArn"], "AcceptType": "READ"}
    error = refused(INVALID, client.accept_page, **wish, AcceptCode=wrong, AcceptCodeValidation="ENFORCE")
    assert message(error) == "Invalid value provided - Accept code is not valid"
    refused(INVALID, client.accept_page, **wish, AcceptCode=wrong)
    assert page_of(account, ana)["acknowledgedAt"] is None
    account.knobs(accept_code_default="ignore")
    refused(INVALID, client.accept_page, **wish, AcceptCode=wrong, AcceptCodeValidation="ENFORCE")
    client.accept_page(**wish, AcceptCode=wrong)
    [read] = [receipt for receipt in receipts(account, page) if receipt["ReceiptType"] == "READ"]
    assert read["ReceiptInfo"] == wrong, "without a note the code is the information"

    # The code of another page is none of this one.
    engage(account, ana)
    fresh = account.pages()[-1]
    if fresh["acceptCode"] != page["acceptCode"]:
        code = {"AcceptCode": page["acceptCode"], "AcceptCodeValidation": "ENFORCE"}
        refused(INVALID, client.accept_page, PageId=fresh["pageArn"], AcceptType="READ", **code)
    accept(account, fresh, AcceptCode=wrong, AcceptCodeValidation="IGNORE")
    assert account.pages()[-1]["acknowledgedAt"]


def test_acknowledging_twice(account):
    ana = person(account)
    engage(account, ana)
    page = page_of(account, ana)
    accept(account, page)
    first = receipts(account, page)
    accept(account, page)
    refused(INVALID, accept, account=account, page=page, AcceptCode=another(page["acceptCode"]))
    assert receipts(account, page) == first


def test_delivered_is_no_acknowledgement(own, number):
    simulator = own("--knob", "page_delivery=never")
    account = simulator.account(number())
    ana, ben = person(account), person(account, "ben")
    engage(account, escalation(account, stage(to_contact(ana, True), minutes=3), stage(to_contact(ben))))
    page = page_of(account, ana)
    accept(account, page, AcceptType="DELIVERED")
    assert kinds(account, page) == ["DELIVERED", "SENT"]
    simulator.advance(200)
    assert len(account.pages()) == 2, "the escalation goes on"


def test_the_channel_of_an_answer(account):
    ana, ben = person(account), person(account, "ben")
    engage(account, ana)
    page = page_of(account, ana)
    [mail, voice] = account.contacts().list_contact_channels(ContactId=ana)["ContactChannels"]
    of_ben = account.contacts().list_contact_channels(ContactId=ben)["ContactChannels"][0]
    refused(INVALID, accept, account=account, page=page, ContactChannelId=of_ben["ContactChannelArn"])
    refused(INVALID, accept, account=account, page=page, ContactChannelId=ana)
    gone = missing(account, "contact-channel")
    refused(NOT_FOUND, accept, account=account, page=page, ContactChannelId=gone)
    assert "READ" not in kinds(account, page)
    accept(account, page, ContactChannelId=voice["ContactChannelArn"])
    [read] = [receipt for receipt in receipts(account, page) if receipt["ReceiptType"] == "READ"]
    assert read["ContactChannelArn"] == voice["ContactChannelArn"] != mail["ContactChannelArn"]


def test_idempotency_token(account):
    ana, token = person(account), str(uuid.uuid4())
    arn = engage(account, ana, IdempotencyToken=token)
    assert engage(account, ana, IdempotencyToken=token) == arn
    assert len(account.pages()) == 1, "nobody is paged twice"
    wish = {"Sender": "conformance", "Subject": "another", "Content": "c", "IdempotencyToken": token}
    refused(INVALID, account.contacts().start_engagement, ContactId=ana, **wish)
    # The client makes up a token of its own otherwise.
    assert engage(account, ana) != arn
    assert len({call["token"] for call in account.calls(operation="StartEngagement")}) == 2
    assert len(account.pages()) == 2


def test_the_token_is_spent_when_the_answer_is_lost(account):
    ana, token = person(account), str(uuid.uuid4())
    account.fault("internal", operation="StartEngagement", when="after")
    wish = {"Sender": "s", "Subject": "s", "Content": "c", "IdempotencyToken": token}
    refused("InternalServerException", account.contacts().start_engagement, ContactId=ana, **wish)
    arn = account.contacts().start_engagement(ContactId=ana, **wish)["EngagementArn"]
    [page] = account.pages()
    assert page["engagementArn"] == arn


def test_nothing_is_sent_when_the_call_is_refused(account):
    ana = person(account)
    account.iam(deny=["ssm-contacts:StartEngagement"])
    wish = {"ContactId": ana, "Sender": "s", "Subject": "s", "Content": "c"}
    refused("AccessDeniedException", account.contacts().start_engagement, **wish)
    account.iam()
    for wrong in {"Sender": "x" * 256}, {"Sender": "Ä"}, {"Subject": ""}, {"Content": "x" * 8193}, {"IncidentId": "<>"}:
        client = account.contacts(validate=False)
        refused(INVALID, client.start_engagement, **{**wish, **wrong})
    assert (account.pages(), account.contacts().list_engagements()["Engagements"]) == ([], [])


def test_what_is_missing(account):
    client = account.contacts()
    nobody = account.arn("nobody")
    error = refused(NOT_FOUND, client.start_engagement, ContactId=nobody, Sender="s", Subject="s", Content="c")
    assert (error["ResourceId"], error["ResourceType"]) == (nobody, "CONTACT")
    arn = missing(account, "engagement")
    for call in client.describe_engagement, client.stop_engagement, client.list_pages_by_engagement:
        error = refused(NOT_FOUND, call, EngagementId=arn)
        assert (error["ResourceId"], error["ResourceType"]) == (arn, "ENGAGEMENT")
    arn = missing(account, "page")
    for call in client.describe_page, client.list_page_receipts, client.list_page_resolutions:
        error = refused(NOT_FOUND, call, PageId=arn)
        assert (error["ResourceId"], error["ResourceType"]) == (arn, "PAGE")
    refused(NOT_FOUND, client.accept_page, PageId=arn, AcceptType="READ", AcceptCode="123456")
    refused(NOT_FOUND, client.list_pages_by_contact, ContactId=nobody)


def test_the_wrong_kind_of_arn(account):
    client = account.contacts()
    ana = person(account)
    engagement = engage(account, ana)
    page = page_of(account, ana)["pageArn"]
    wish = {"Sender": "s", "Subject": "s", "Content": "c"}
    for call, rest in [
        (client.start_engagement, {"ContactId": engagement, **wish}),
        (client.list_pages_by_contact, {"ContactId": page}),
        (client.describe_engagement, {"EngagementId": ana}),
        (client.stop_engagement, {"EngagementId": page}),
        (client.list_pages_by_engagement, {"EngagementId": page}),
        (client.describe_page, {"PageId": engagement}),
        (client.list_page_receipts, {"PageId": ana}),
        (client.list_page_resolutions, {"PageId": engagement}),
        (client.accept_page, {"PageId": engagement, "AcceptType": "READ", "AcceptCode": "123456"}),
    ]:
        assert "Invalid resource Arn" in message(refused(INVALID, call, **rest))
    # The alias is part of the name.
    refused(NOT_FOUND, client.describe_engagement, EngagementId=engagement.replace("/ana/", "/ben/"))
    refused(NOT_FOUND, client.stop_engagement, EngagementId=engagement.replace("/ana/", "/ben/"))
    refused(NOT_FOUND, client.describe_page, PageId=page.replace("/ana/", "/ben/"))


def test_engagements_of_others(simulator, number):
    account = simulator.account(number(), onboard=("us-east-1", "eu-west-1"))
    other = simulator.account(number())
    ana = person(account)
    engagement = engage(account, ana)
    page = page_of(account, ana)["pageArn"]
    denied = "AccessDeniedException"
    refused(denied, other.contacts().start_engagement, ContactId=ana, Sender="s", Subject="s", Content="c")
    refused(denied, other.contacts().stop_engagement, EngagementId=engagement)
    refused(denied, other.contacts().describe_page, PageId=page)
    far = account.contacts("eu-west-1")
    refused(NOT_FOUND, far.start_engagement, ContactId=ana, Sender="s", Subject="s", Content="c")
    refused(NOT_FOUND, far.describe_engagement, EngagementId=engagement)
    refused(NOT_FOUND, far.describe_page, PageId=page)
    assert far.list_engagements()["Engagements"] == []
    assert other.contacts().list_engagements()["Engagements"] == []
    assert len(account.pages()) == 1


def test_without_a_replication_set(bare):
    error = refused(INVALID, bare.contacts().list_engagements)
    assert "Account not found" in message(error)


def test_lists(own, number):
    simulator = own()
    account = simulator.account(number())
    client = account.contacts()
    ana, ben = person(account), person(account, "ben")
    made = []
    for index in range(4):
        made.append(engage(account, [ana, ben][index % 2], IncidentId=incident(account, index // 2)))
        simulator.advance(600)

    def listed(**filters):
        return [each["EngagementArn"] for each in client.list_engagements(**filters)["Engagements"]]

    newest_first = made[::-1]
    assert listed() == newest_first
    assert listed(IncidentId=incident(account, 1)) == [made[3], made[2]]
    assert listed(IncidentId=incident(account, 9)) == []
    starts = [client.describe_engagement(EngagementId=arn)["StartTime"] for arn in made]
    assert listed(TimeRangeValue={"StartTime": starts[1], "EndTime": starts[2]}) == [made[2], made[1]]
    assert listed(TimeRangeValue={"StartTime": starts[3]}) == [made[3]]
    assert listed(TimeRangeValue={"EndTime": starts[1], "StartTime": starts[1]}) == [made[1]]
    assert listed(TimeRangeValue={}) == newest_first
    assert listed(IncidentId=incident(account, 0), TimeRangeValue={"StartTime": starts[1]}) == [made[1]]
    refused(INVALID, client.list_engagements, TimeRangeValue={"StartTime": starts[1], "EndTime": starts[0]})

    pages = client.get_paginator("list_engagements").paginate(PaginationConfig={"PageSize": 3})
    assert [each["EngagementArn"] for page in pages for each in page["Engagements"]] == newest_first
    pages = client.get_paginator("list_pages_by_contact").paginate(ContactId=ana, PaginationConfig={"PageSize": 1})
    assert [each["EngagementArn"] for page in pages for each in page["Pages"]] == [made[2], made[0]]
    token = client.list_engagements(MaxResults=1)["NextToken"]
    refused(INVALID, client.list_engagements, NextToken=token, IncidentId=incident(account, 1))
    refused(INVALID, client.list_pages_by_contact, NextToken=token, ContactId=ana)
    # What comes in between changes nothing for who is walking.
    engage(account, ana)
    rest = client.list_engagements(NextToken=token)["Engagements"]
    assert [each["EngagementArn"] for each in rest] == newest_first[1:]


def test_pages_of_an_engagement(own, number):
    simulator = own()
    account = simulator.account(number())
    client = account.contacts()
    people = [person(account, f"p{index}") for index in range(5)]
    arn = engage(account, escalation(account, stage(*map(to_contact, people))))
    pages = client.get_paginator("list_pages_by_engagement")
    walked = pages.paginate(EngagementId=arn, PaginationConfig={"PageSize": 2})
    found = [page["ContactArn"] for each in walked for page in each["Pages"]]
    assert found == people[::-1]
    token = client.list_pages_by_engagement(EngagementId=arn, MaxResults=2)["NextToken"]
    refused(INVALID, client.list_pages_by_engagement, EngagementId=engage(account, people[0]), NextToken=token)


def test_engagements_outlive_their_contact(own, number):
    simulator = own()
    account = simulator.account(number())
    client = account.contacts()
    ana = person(account)
    arn = engage(account, ana)
    page = page_of(account, ana)
    client.delete_contact(ContactId=ana)
    assert client.describe_engagement(EngagementId=arn)["ContactArn"] == ana
    assert client.describe_page(PageId=page["pageArn"])["ContactArn"] == ana
    refused(NOT_FOUND, client.list_pages_by_contact, ContactId=ana)
    simulator.advance(3600)
    assert len(page_of(account, ana)["channels"]) == 1, "who is gone is not called"
    client.stop_engagement(EngagementId=arn)


def test_stop(own, number):
    simulator = own()
    account = simulator.account(number())
    client = account.contacts()
    ana, ben = person(account), person(account, "ben")
    arn = engage(account, escalation(account, stage(to_contact(ana, True)), stage(to_contact(ben))))
    simulator.advance(60)
    client.stop_engagement(EngagementId=arn, Reason="wrong button")
    stopped = client.describe_engagement(EngagementId=arn)["StopTime"]
    page = page_of(account, ana)
    [stop] = [receipt for receipt in receipts(account, page) if receipt["ReceiptType"] == "STOP"]
    assert (stop["ReceiptInfo"], stop["ReceiptTime"]) == ("wrong button", stopped)
    simulator.advance(3600)
    client.stop_engagement(EngagementId=arn)
    assert client.describe_engagement(EngagementId=arn)["StopTime"] == stopped
    assert len(account.pages()) == 1 and page_of(account, ana) == page


@pytest.mark.parametrize("value", ["when-over", "when-stopped"])
def test_engagement_stop_time(own, number, value):
    simulator = own("--knob", f"engagement_stop_time={value}")
    account = simulator.account(number())
    client = account.contacts()
    ana = person(account)
    arn = engage(account, ana)
    assert "StopTime" not in client.describe_engagement(EngagementId=arn)
    simulator.advance(3600)
    assert ("StopTime" in client.describe_engagement(EngagementId=arn)) == (value == "when-over")
    client.stop_engagement(EngagementId=arn)
    got = client.describe_engagement(EngagementId=arn)
    assert (got["StopTime"] - got["StartTime"] < timedelta(minutes=6)) == (value == "when-over")


@pytest.mark.parametrize(
    ("value", "sent", "read"),
    [
        ("delivered", ["DELIVERED", "SENT"], ["DELIVERED", "READ", "SENT"]),
        ("on-read", ["SENT"], ["DELIVERED", "READ", "SENT"]),
        ("never", ["SENT"], ["READ", "SENT"]),
    ],
)
def test_page_delivery(own, number, value, sent, read):
    simulator = own("--knob", f"page_delivery={value}")
    account = simulator.account(number())
    ana = person(account)
    engage(account, ana)
    simulator.advance(10)
    page = page_of(account, ana)
    assert kinds(account, page) == sent
    accept(account, page)
    assert kinds(account, page) == read


def test_page_per_channel(own, number):
    simulator = own("--knob", "page_per=channel")
    account = simulator.account(number())
    client = account.contacts()
    ana, ben = person(account, wait=2), person(account, "ben")
    arn = engage(account, escalation(account, stage(to_contact(ana, True), minutes=10), stage(to_contact(ben))))
    [mail] = account.pages()
    simulator.advance(180)
    [same, voice] = account.pages()
    assert (same["pageArn"], [each["type"] for each in same["channels"]]) == (mail["pageArn"], ["EMAIL"])
    assert [each["type"] for each in voice["channels"]] == ["VOICE"]
    assert {mail["contactArn"], voice["contactArn"]} == {ana}
    listed = client.list_pages_by_engagement(EngagementId=arn)["Pages"]
    assert [each["PageArn"] for each in listed] == [voice["pageArn"], mail["pageArn"]]
    assert [each["PageArn"] for each in client.list_pages_by_contact(ContactId=ana)["Pages"]] == [
        voice["pageArn"],
        mail["pageArn"],
    ]
    if mail["acceptCode"] != voice["acceptCode"]:
        refused(INVALID, accept, account=account, page=voice, AcceptCode=mail["acceptCode"])
    accept(account, mail)
    assert (kinds(account, mail), kinds(account, voice)) == (["DELIVERED", "READ", "SENT"], ["DELIVERED", "SENT"])
    assert {each["ContactChannelArn"] for each in receipts(account, mail)} == {mail["channels"][0]["channelArn"]}
    got = client.describe_page(PageId=voice["pageArn"])
    assert "ReadTime" not in got and got["SentTime"] - listed[1]["SentTime"] == timedelta(minutes=2)
    assert len(client.list_page_resolutions(PageId=voice["pageArn"])["PageResolutions"]) == 2
    simulator.advance(3600)
    assert len(account.pages()) == 2, "one acknowledgement is enough"
    accept(account, voice)
    assert "READ" in kinds(account, voice)
    # Nobody to reach: a page without a channel.
    engage(account, contact(account, "cem"))
    assert kinds(account, account.pages()[-1]) == ["ERROR"]


def test_nobody_to_reach(account):
    ana = contact(account)
    idle = channel(account, ana, "idle")
    account.contacts().update_contact(ContactId=ana, Plan={"Stages": [stage(to_channel(idle), minutes=0)]})
    arn = engage(account, ana)
    page = page_of(account, ana)
    assert (page["channels"], page["sentAt"]) == ([], None)
    [receipt] = receipts(account, page)
    assert receipt["ReceiptType"] == "ERROR" and "ContactChannelArn" not in receipt
    assert "SentTime" not in account.contacts().describe_page(PageId=page["pageArn"])
    assert "StopTime" in account.contacts().describe_engagement(EngagementId=arn)
    # So it is without a plan.
    engage(account, contact(account, "ben"))
    assert kinds(account, account.pages()[-1]) == ["ERROR"]


@pytest.mark.parametrize("value", ["accept", "refuse"])
def test_engagement_without_plan(account, value):
    account.knobs(engagement_without_plan=value)
    bare = [
        contact(account, "ana"),
        contact(account, "ben", plan={"Stages": [stage()]}),
        contact(account, "week", kind="ONCALL_SCHEDULE"),
        contact(account, "team", kind="ESCALATION"),
    ]
    for arn in bare:
        if value == "accept":
            engage(account, arn)
        else:
            wish = {"ContactId": arn, "Sender": "s", "Subject": "s", "Content": "c"}
            refused(INVALID, account.contacts().start_engagement, **wish)
    assert len(account.contacts().list_engagements()["Engagements"]) == (4 if value == "accept" else 0)
    engage(account, person(account, "cem"))


def test_from_the_plan_to_the_person(account):
    client = account.contacts()
    ana, ben, cem = (person(account, alias) for alias in ("ana", "ben", "cem"))
    both = rotation(account, ana, ben, Recurrence=recurrence(at(0), on_calls=2))
    alone = rotation(account, cem, ana, Recurrence=recurrence(at(0), length=100))
    week = contact(account, "week", kind="ONCALL_SCHEDULE", plan={"RotationIds": [both, alone]})
    team = escalation(account, stage(to_contact(week, True)))

    def way(page):
        found = client.list_page_resolutions(PageId=page["pageArn"])["PageResolutions"]
        return [(step["ContactArn"], step["Type"], step.get("StageIndex")) for step in found]

    arn = engage(account, team)
    pages = account.pages()
    assert [page["contactArn"] for page in pages] == [ana, ben, cem]
    assert {page["engagementArn"] for page in pages} == {arn}
    for page in pages:
        chain = [(team, "ESCALATION", None), (week, "ONCALL_SCHEDULE", 0), (page["contactArn"], "PERSONAL", 0)]
        assert way(page) == chain
    engage(account, week)
    assert way(account.pages()[3]) == [(week, "ONCALL_SCHEDULE", None), (ana, "PERSONAL", None)]
    engage(account, ben)
    assert way(account.pages()[-1]) == [(ben, "PERSONAL", None)]
    refused(INVALID, client.list_page_resolutions, PageId=pages[0]["pageArn"], NextToken="abc")


def test_an_override_takes_over(own, number):
    simulator = own()
    account = simulator.account(number())
    ana, ben = person(account), person(account, "ben")
    every_day = rotation(account, ana, ben, Recurrence=recurrence(at(0), length=100))
    week = contact(account, "week", kind="ONCALL_SCHEDULE", plan={"RotationIds": [every_day]})
    override(account, every_day, ben)
    engage(account, week)
    simulator.advance(2 * 3600)
    engage(account, week)
    assert [page["contactArn"] for page in account.pages()] == [ana, ben]


def test_a_schedule_without_anybody(account):
    week = contact(account, "week", kind="ONCALL_SCHEDULE")
    arn = engage(account, week)
    got = account.contacts().describe_engagement(EngagementId=arn)
    assert got["StopTime"] == got["StartTime"]
    assert account.contacts().list_pages_by_engagement(EngagementId=arn)["Pages"] == []
    assert account.pages() == []


def test_a_human_answers(account, simulator):
    ana = person(account)
    engage(account, ana)
    page = page_of(account, ana)
    simulator.control("POST", "/pages/accept", {"pageArn": page["pageArn"]})
    assert page_of(account, ana)["acknowledgedAt"]
    [read] = [receipt for receipt in receipts(account, page) if receipt["ReceiptType"] == "READ"]
    assert read["ReceiptInfo"] == page["acceptCode"]
    with pytest.raises(ControlError) as caught:
        simulator.control("POST", "/pages/accept", {"pageArn": missing(account, "page")})
    assert caught.value.status == 404


def test_every_call_has_its_iam_action_and_resource(account):
    client = account.contacts()
    ana = person(account)
    engagement = engage(account, ana)
    page = page_of(account, ana)
    before = account.calls()[-1]["seq"]
    client.describe_engagement(EngagementId=engagement)
    client.list_engagements()
    client.list_pages_by_contact(ContactId=ana)
    client.list_pages_by_engagement(EngagementId=engagement)
    client.describe_page(PageId=page["pageArn"])
    client.list_page_receipts(PageId=page["pageArn"])
    client.list_page_resolutions(PageId=page["pageArn"])
    accept(account, page)
    client.stop_engagement(EngagementId=engagement)
    calls = account.calls(since=before)
    assert [call["iamActions"] for call in calls] == [[f"ssm-contacts:{call['operation']}"] for call in calls]
    assert [call["resources"] for call in calls] == [
        *([engagement], [], [ana], [engagement]),
        *([page["pageArn"]],) * 4,
        [engagement],
    ]
    assert [call["mutating"] for call in calls] == [False] * 7 + [True] * 2
    [start] = account.calls(operation="StartEngagement")
    assert (start["iamActions"], start["resources"]) == (["ssm-contacts:StartEngagement"], [ana, engagement])


# A hundredth of the published rates, and one call at a time.
RATES = [("describe_engagement", 5), ("list_engagements", 2), ("list_pages_by_engagement", 2), ("describe_page", 5)]
RATES += [("list_pages_by_contact", 1), ("list_page_receipts", 1), ("start_engagement", 20), ("stop_engagement", 10)]
RATES += [("accept_page", 20), ("list_page_resolutions", 20)]


@pytest.mark.parametrize(("operation", "rate"), RATES, ids=[name for name, _ in RATES])
def test_budgets(own, number, operation, rate):
    simulator = own()
    account = simulator.account(number())
    ana = person(account)
    arn = engage(account, ana)
    page = page_of(account, ana)["pageArn"]
    wish = {
        "describe_page": {"PageId": page},
        "list_page_receipts": {"PageId": page},
        "list_page_resolutions": {"PageId": page},
        "accept_page": {
            "PageId": page,
            "AcceptType": "READ",
            "AcceptCode": "123456",
            "AcceptCodeValidation": "IGNORE",
        },
        "list_pages_by_contact": {"ContactId": ana},
        "list_engagements": {},
        "start_engagement": {"ContactId": ana, "Sender": "s", "Subject": "s", "Content": "c"},
    }.get(operation, {"EngagementId": arn})
    simulator.control("PUT", "/quotas", {"mode": "published", "multiplier": 0.01, "burst": 1})
    call = getattr(account.contacts(), operation)
    call(**wish)
    error = refused("ThrottlingException", call, **wish)
    # One call in so many seconds; a slow machine may have waited for one of them.
    assert 100 / rate - 2 <= error["RetryAfterSeconds"] <= 100 / rate


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_an_escalation_survives_a_restart(own, number, tmp_path, end):
    state = str(tmp_path / "state.json")
    first = own("--state", state)
    account = first.account(number())
    ana, ben, cem = (person(account, alias) for alias in ("ana", "ben", "cem"))
    arn = engage(account, escalation(account, *(stage(to_contact(each, True), minutes=10) for each in (ana, ben, cem))))
    before = account.pages()
    if end == "stop":
        assert first.stop() == 0
    else:
        # The file is written a moment after the change.
        time.sleep(1)
        first.kill()
    second = own("--state", state)
    again = second.account(account.id, onboard=())
    assert [page["pageArn"] for page in again.pages()] == [page["pageArn"] for page in before]
    second.advance(660)
    found = again.pages()
    assert [page["contactArn"] for page in found] == [ana, ben]
    assert [sent["type"] for sent in found[0]["channels"]] == ["EMAIL", "VOICE"]
    assert found[1]["seq"] > found[0]["seq"], "numbers go on"
    accept(again, found[1])
    second.advance(3600)
    assert len(again.pages()) == 2
    assert "StopTime" in again.contacts().describe_engagement(EngagementId=arn)


def test_the_log_tells_no_code_of_a_page(own, number):
    simulator = own()
    account = simulator.account(number())
    ana = person(account)
    engage(account, ana, Content="a secret content")
    page = page_of(account, ana)
    refused(INVALID, accept, account=account, page=page, AcceptCode=another(page["acceptCode"]))
    accept(account, page)
    simulator.stop()
    log = "".join(simulator.log)
    assert page["acceptCode"] not in log and "secret content" not in log


def test_retries(own, number):
    simulator = own()
    account = simulator.account(number())
    ana = contact(account)
    sms = activated(account, ana, name="sms")
    account.contacts().update_contact(ContactId=ana, Plan={"Stages": [stage(to_channel(sms, retry=2), minutes=7)]})
    engage(account, ana)
    simulator.advance(3600)
    page = page_of(account, ana)
    sent = [datetime.fromisoformat(each["at"][:19]) for each in page["channels"]]
    assert [round((each - sent[0]) / timedelta(minutes=1)) for each in sent] == [0, 2, 4, 6]
    assert len({each["channelArn"] for each in page["channels"]}) == 1


SEED = int(os.environ.get("ENGAGEMENTS_SEED", "5"))
ROUNDS = int(os.environ.get("ENGAGEMENTS_ROUNDS", "60"))


def some_plan(random, channels):
    """A plan of a person that AWS takes: only stages with targets may last 0 minutes."""
    stages = []
    for _ in range(random.choice([0, 1, 1, 2, 2, 3, 4])):
        targets = [(random.choice(channels), random.choice([0, 0, 1, 2, 3, 7])) for _ in range(random.randrange(3))]
        stages.append((random.randrange(0 if targets else 1, 8), targets))
    return stages


def some_escalation(random, names):
    stages = []
    for _ in range(random.randrange(1, 6)):
        targets = [(random.choice(names), random.random() < 0.5) for _ in range(random.randrange(4))]
        stages.append((random.choice([0, 1, 5, 8, 30]) if targets else random.randrange(1, 9), targets))
    return stages


def test_random_escalations(own, number):
    """Against the closed form of paging.py. ENGAGEMENTS_SEED and ENGAGEMENTS_ROUNDS choose others, and more."""
    simulator = own()
    names, clock = ["ana", "ben", "cem"], datetime(2031, 1, 1, tzinfo=timezone.utc)
    seen = Counter()
    for turn in range(ROUNDS):
        random = Random(SEED * 1_000_000 + turn)
        account = simulator.account(number())
        client = account.contacts()
        people, arns, channels = {}, {}, {}
        for name in names:
            arns[name] = contact(account, name)
            made = {
                "mail": channel(account, arns[name], "mail", "EMAIL", f"{name}@example.com"),
                "sms": channel(account, arns[name], "sms"),
            }
            usable = {each for each in made if random.random() < 0.7}
            for each in usable:
                client.send_activation_code(ContactChannelId=made[each])
                code = account.codes(made[each])[-1]["code"]
                client.activate_contact_channel(ContactChannelId=made[each], ActivationCode=code)
            channels |= {arn: each for each, arn in made.items()}
            people[name] = paging.Person(some_plan(random, list(made)), usable)
            stages = [
                stage(*(to_channel(made[each], retry) for each, retry in targets), minutes=minutes)
                for minutes, targets in people[name].stages
            ]
            client.update_contact(ContactId=arns[name], Plan={"Stages": stages})
        plan = some_escalation(random, names)
        team = escalation(
            account,
            *(stage(*(to_contact(arns[n], e) for n, e in targets), minutes=minutes) for minutes, targets in plan),
        )
        clock += timedelta(days=1)
        simulator.control("PUT", "/clock", {"now": clock.isoformat()})
        arn = engage(account, team)
        started = client.describe_engagement(EngagementId=arn)["StartTime"]
        answers = sorted((random.randrange(20) + 0.5, name) for name in names if random.random() < 0.7)
        for minute, name in answers:
            simulator.control("PUT", "/clock", {"now": (started + timedelta(minutes=minute)).isoformat()})
            for page in account.pages(contact=arns[name]):
                people[name].answer = minute
                if random.random() < 0.5:
                    accept(account, page)
                else:
                    simulator.control("POST", "/pages/accept", {"pageArn": page["pageArn"]})
        simulator.control("PUT", "/clock", {"now": (started + timedelta(hours=5)).isoformat()})
        paging.play(plan, people)

        def minute(text):
            at = datetime.fromisoformat(f"{text.rstrip('Z'):0<23}"[:23]).replace(tzinfo=timezone.utc)
            return round((at - started) / timedelta(minutes=1))

        pages = {page["contactArn"]: page for page in account.pages()}
        for name, person in people.items():
            page = pages.get(arns[name], {"channels": [], "failedAt": None, "acknowledgedAt": None})
            found = sorted((minute(each["at"]), channels[each["channelArn"]]) for each in page["channels"])
            what = f"turn {turn}: {plan}, {name}: {person}"
            assert found == paging.sent(person), what
            assert (page["failedAt"] and minute(page["failedAt"])) == paging.failed(person), what
            assert (arns[name] in pages) == bool(person.engaged), what
            assert bool(page["acknowledgedAt"]) == (person.answer is not None), what
            seen.update(
                engaged=bool(person.engaged),
                again=len({when for when, _ in person.engaged}) > 1,
                sent=len(found) > 2,
                failed=page["failedAt"] is not None,
                answered=person.answer is not None,
            )
        seen["stopped"] += sum(1 for _, targets in plan for _ in targets) > sum(len(p.engaged) for p in people.values())
    # Nothing of this is worth much if it never came about.
    assert ROUNDS < 60 or min(seen.values()) >= 5, seen
