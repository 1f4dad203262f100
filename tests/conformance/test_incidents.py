"""Incidents: from the start to the resolution, their timelines, related items and findings."""

from __future__ import annotations

import json
import re
import uuid
from datetime import datetime, timedelta, timezone

import pytest

from make import activated, contact, message, now, refused, response_plan, stage, started, to_channel, to_contact
from simulator import ControlError
from test_response_plans import ACTION, topic

MISSING = "ResourceNotFoundException"
CUSTOM = "aws.ssm-incidents.custom"
TRIGGER = "SSM Incident Trigger"


def get(account, arn):
    return account.incidents().get_incident_record(arn=arn)["incidentRecord"]


def records(account, **rest):
    return account.incidents().list_incident_records(**rest)["incidentRecordSummaries"]


def items(account, arn):
    return account.incidents().list_related_items(incidentRecordArn=arn)["relatedItems"]


def events(account, arn, **rest):
    return account.incidents().list_timeline_events(incidentRecordArn=arn, **rest)["eventSummaries"]


def data(account, arn, event):
    got = account.incidents().get_timeline_event(incidentRecordArn=arn, eventId=event["eventId"])["event"]
    return json.loads(got["eventData"])


def resolve(account, arn):
    account.incidents().update_incident_record(arn=arn, status="RESOLVED")


def equals(key, *values):
    kind = "integerValues" if isinstance(values[0], int) else "stringValues"
    return {"key": key, "condition": {"equals": {kind: list(values)}}}


def url(text):
    return {"type": "OTHER", "value": {"url": text}}


def test_life(account):
    client = account.incidents()
    template = {
        "summary": "It is down.",
        "incidentTags": {"team": "ops"},
        "notificationTargets": [{"snsTopicArn": topic(account, "all")}],
    }
    chat = {"chatbotSns": [topic(account)]}
    plan = response_plan(account, template=template, chatChannel=chat, actions=[ACTION])
    arn = started(account, plan)
    assert re.fullmatch(rf"arn:aws:ssm-incidents::{account.id}:incident-record/shop/[0-9a-f-]{{36}}", arn)
    got = get(account, arn)
    me = account.sts().get_caller_identity()["Arn"]
    assert got["incidentRecordSource"] == {"createdBy": me, "invokedBy": me, "source": CUSTOM}
    assert (got["title"], got["impact"], got["summary"]) == ("Down", 2, "It is down.")
    assert (got["status"], got["chatChannel"]) == ("OPEN", chat)
    assert got["notificationTargets"] == template["notificationTargets"]
    assert got["creationTime"] == got["lastModifiedTime"]
    assert abs(got["creationTime"] - datetime.now(timezone.utc)) < timedelta(seconds=10)
    uuid.UUID(got["dedupeString"])
    [run] = got["automationExecutions"]
    assert run["ssmExecutionArn"].startswith(f"arn:aws:ssm:us-east-1:{account.id}:automation-execution/")
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "ops"}
    [parent] = items(account, arn)
    assert (parent["identifier"]["type"], parent["title"]) == ("PARENT", "parentItem")
    assert re.fullmatch(
        rf"arn:aws:ssm:us-east-1:{account.id}:opsitem/oi-[0-9a-f]{{12}}", parent["identifier"]["value"]["arn"]
    )
    [trigger] = events(account, arn)
    assert trigger["eventType"] == TRIGGER
    assert data(account, arn, trigger)["source"] == CUSTOM
    [listed] = records(account)
    assert listed == {name: got[name] for name in listed}
    assert set(listed) == {"arn", "title", "status", "impact", "creationTime", "incidentRecordSource"}

    resolve(account, arn)
    assert get(account, arn)["status"] == "RESOLVED"
    assert get(account, arn)["resolvedTime"] >= got["creationTime"]
    client.delete_incident_record(arn=arn)
    assert records(account) == []
    refused(MISSING, client.get_incident_record, arn=arn)


def test_the_call_overrides_the_plan(account):
    plan = response_plan(account)
    when = now() - timedelta(hours=1)
    trigger = {"source": "com.example.probe", "timestamp": when, "triggerArn": topic(account), "rawData": '{"a": 1}'}
    given = [{"identifier": url("https://example.com"), "title": "wiki"}]
    arn = started(account, plan, title="Slow", impact=5, triggerDetails=trigger, relatedItems=given)
    got = get(account, arn)
    assert (got["title"], got["impact"]) == ("Slow", 5)
    assert got["incidentRecordSource"]["source"] == "com.example.probe"
    assert got["incidentRecordSource"]["resourceArn"] == topic(account)
    assert {item["identifier"]["type"] for item in items(account, arn)} == {"OTHER", "PARENT"}
    [event] = events(account, arn)
    assert event["eventTime"] == when
    assert json.loads(data(account, arn, event)["rawData"]) == {"a": 1}


def test_sources_of_aws_are_not_for_others(account):
    plan = response_plan(account)
    start = account.incidents().start_incident
    trigger = {"source": "aws.cloudwatch", "timestamp": now()}
    refused("ValidationException", start, responsePlanArn=plan, triggerDetails=trigger)
    started(account, plan, triggerDetails={"source": "awesome", "timestamp": now()})
    assert len(records(account)) == 1


def test_tokens(account):
    plan = response_plan(account)
    token = str(uuid.uuid4())
    arn = started(account, plan, clientToken=token)
    assert started(account, plan, clientToken=token) == arn
    refused("ConflictException", account.incidents().start_incident, responsePlanArn=plan, clientToken=token, impact=1)
    assert started(account, plan) != arn, "every call of boto3 has a token of its own"
    account.knobs(idempotency_window_seconds=0)
    assert started(account, plan, clientToken=token) != arn
    assert len(records(account)) == 3


def test_an_open_incident_absorbs_starts(account, simulator, number):
    template = {"dedupeString": "same"}
    one, two = response_plan(account, "one", template=template), response_plan(account, "two", template=template)
    arn = started(account, one)
    assert get(account, arn)["dedupeString"] == "same"
    assert started(account, one, title="x") == arn
    assert started(account, two) == arn
    assert get(account, arn)["title"] == "Down"
    other = simulator.account(number())
    assert started(other, response_plan(other, template=template)) != arn, "accounts are apart"
    resolve(account, arn)
    assert started(account, two) != arn
    assert len(records(account)) == 2


def test_a_plan_that_goes_leaves_its_incidents(account):
    plan = response_plan(account)
    arn = started(account, plan)
    account.incidents().delete_response_plan(arn=plan)
    error = refused(MISSING, account.incidents().start_incident, responsePlanArn=plan)
    assert (error["resourceIdentifier"], error["resourceType"]) == (plan, "RESPONSE_PLAN")
    resolve(account, arn)
    assert get(account, arn)["status"] == "RESOLVED"


def test_updates(account):
    client = account.incidents()
    plan = response_plan(account, chatChannel={"chatbotSns": [topic(account)]})
    arn = started(account, plan)
    before = get(account, arn)
    client.update_incident_record(arn=arn, title="Down", impact=2, status="OPEN")
    assert get(account, arn) == before, "nothing changed"
    client.update_incident_record(
        arn=arn, title="Slow", summary="Better.", chatChannel={"empty": {}}, notificationTargets=[]
    )
    got = get(account, arn)
    assert (got["title"], got["summary"], got["impact"]) == ("Slow", "Better.", 2)
    assert got["chatChannel"] == {"empty": {}}
    assert got["lastModifiedTime"] >= before["lastModifiedTime"]
    [update] = events(account, arn, filters=[equals("eventType", "SSM Incident Record Update")])
    assert data(account, arn, update)["title"] == "Slow"
    client.update_incident_record(arn=arn, notificationTargets=[{"snsTopicArn": topic(account)}])
    assert get(account, arn)["notificationTargets"] == [{"snsTopicArn": topic(account)}]
    refused(MISSING, client.update_incident_record, arn=arn + "x", title="x")


def test_reopening(account):
    client = account.incidents()
    arn = started(account, response_plan(account))
    resolve(account, arn)
    first = get(account, arn)["resolvedTime"]
    resolve(account, arn)
    assert get(account, arn)["resolvedTime"] == first
    account.knobs(reopen_incident="refuse")
    refused("ValidationException", client.update_incident_record, arn=arn, status="OPEN")
    account.knobs(reopen_incident="allow")
    client.update_incident_record(arn=arn, status="OPEN")
    assert get(account, arn)["status"] == "OPEN"
    assert "resolvedTime" not in get(account, arn)


def test_lists_are_filtered(own, number):
    simulator = own()
    account = simulator.account(number())
    plan = response_plan(account)
    arns = []
    for impact in (1, 2, 3):
        arns.append(started(account, plan, impact=impact))
        simulator.advance(60)
    resolve(account, arns[0])
    middle = get(account, arns[1])["creationTime"]
    me = account.sts().get_caller_identity()["Arn"]
    after = {"key": "creationTime", "condition": {"after": middle - timedelta(seconds=1)}}
    before = {"key": "creationTime", "condition": {"before": middle + timedelta(seconds=1)}}
    for filters, found in [
        ([], [2, 1, 0]),
        ([equals("status", "OPEN")], [2, 1]),
        ([equals("status", "OPEN", "RESOLVED")], [2, 1, 0]),
        ([equals("impact", 1, 3)], [2, 0]),
        ([equals("impact", 1, 3), equals("status", "RESOLVED")], [0]),
        ([after], [2, 1]),
        ([before], [1, 0]),
        ([after, before], [1]),
        ([equals("createdBy", me)], [2, 1, 0]),
        ([equals("createdBy", "nobody")], []),
    ]:
        assert [arns.index(each["arn"]) for each in records(account, filters=filters)] == found, filters
    pages = account.incidents().get_paginator("list_incident_records").paginate(PaginationConfig={"PageSize": 2})
    assert [arns.index(each["arn"]) for page in pages for each in page["incidentRecordSummaries"]] == [2, 1, 0]


@pytest.mark.parametrize(
    "wrong",
    [
        equals("title", "x"),
        equals("impact", "1"),
        equals("status", 1),
        equals("creationTime", "x"),
        {"key": "status", "condition": {"after": datetime(2026, 1, 1, tzinfo=timezone.utc)}},
    ],
    ids=str,
)
def test_filters_make_sense(account, wrong):
    refused("ValidationException", account.incidents().list_incident_records, filters=[wrong])


def test_what_is_missing(account):
    client = account.incidents()
    arn = started(account, response_plan(account))
    client.delete_incident_record(arn=arn)
    of = {"incidentRecordArn": arn}
    for call, parameters in [
        (client.get_incident_record, {"arn": arn}),
        (client.update_incident_record, {"arn": arn, "impact": 1}),
        (client.create_timeline_event, {**of, "eventTime": now(), "eventType": "Note", "eventData": "1"}),
        (client.get_timeline_event, {**of, "eventId": "x"}),
        (client.update_timeline_event, {**of, "eventId": "x"}),
        (client.update_related_items, {**of, "relatedItemsUpdate": {"itemToRemove": url("u")}}),
        (client.list_incident_findings, of),
        (client.batch_get_incident_findings, {**of, "findingIds": ["f"]}),
        (client.list_tags_for_resource, {"resourceArn": arn}),
        (client.tag_resource, {"resourceArn": arn, "tags": {"a": "b"}}),
    ]:
        error = refused(MISSING, call, **parameters)
        assert (error["resourceIdentifier"], error["resourceType"]) == (arn, "INCIDENT_RECORD")
    client.delete_incident_record(arn=arn)
    client.delete_timeline_event(eventId="x", **of)
    assert events(account, arn) == []
    assert items(account, arn) == []


def test_timeline(account):
    client = account.incidents()
    arn = started(account, response_plan(account))
    of = {"incidentRecordArn": arn}
    token = str(uuid.uuid4())
    note = {**of, "eventTime": now(), "eventType": "Note", "eventData": '"a note"', "eventReferences": [{"resource": arn}]}
    made = client.create_timeline_event(clientToken=token, **note)
    assert made["incidentRecordArn"] == arn
    assert client.create_timeline_event(clientToken=token, **note)["eventId"] == made["eventId"]
    got = client.get_timeline_event(eventId=made["eventId"], **of)["event"]
    assert {name: got[name] for name in note} == note
    old = {**of, "eventTime": now() - timedelta(days=1), "eventType": "Custom Event", "eventData": "1"}
    client.create_timeline_event(**old)
    assert [event["eventType"] for event in events(account, arn)][-1] == "Custom Event"
    assert [event["eventType"] for event in events(account, arn, sortOrder="ASCENDING")][0] == "Custom Event"
    assert len(events(account, arn, filters=[equals("eventReference", arn)])) == 1
    assert len(events(account, arn, filters=[equals("eventType", "Note", "Custom Event")])) == 2
    before = {"key": "eventTime", "condition": {"before": now() - timedelta(hours=1)}}
    assert len(events(account, arn, filters=[before])) == 1
    pages = client.get_paginator("list_timeline_events").paginate(**of, PaginationConfig={"PageSize": 1})
    assert [event["eventId"] for page in pages for event in page["eventSummaries"]] == [
        event["eventId"] for event in events(account, arn)
    ]

    client.update_timeline_event(eventId=made["eventId"], eventData='"better"', eventReferences=[], **of)
    got = client.get_timeline_event(eventId=made["eventId"], **of)["event"]
    assert (got["eventData"], got["eventReferences"], got["eventType"]) == ('"better"', [], "Note")
    assert got["eventUpdatedTime"] >= got["eventTime"] - timedelta(seconds=1)
    client.delete_timeline_event(eventId=made["eventId"], **of)
    client.delete_timeline_event(eventId=made["eventId"], **of)
    error = refused(MISSING, client.get_timeline_event, eventId=made["eventId"], **of)
    assert error["resourceType"] == "TIMELINE_EVENT"
    refused("ValidationException", client.create_timeline_event, **{**note, "eventData": "no JSON"})


def test_the_services_own_events_stay(account):
    client = account.incidents()
    arn = started(account, response_plan(account))
    [trigger] = events(account, arn)
    named = {"incidentRecordArn": arn, "eventId": trigger["eventId"]}
    refused("ValidationException", client.update_timeline_event, eventType="Note", **named)
    refused("ValidationException", client.delete_timeline_event, **named)
    assert events(account, arn) == [trigger]


def test_related_items(account):
    client = account.incidents()
    arn = started(account, response_plan(account))

    def update(**change):
        return {"incidentRecordArn": arn, "relatedItemsUpdate": change}

    values = [
        url("https://example.com"),
        {"type": "INVOLVED_RESOURCE", "value": {"arn": topic(account)}},
        {"type": "METRIC", "value": {"metricDefinition": "{}"}},
        {"type": "TASK", "value": {"pagerDutyIncidentDetail": {"id": "Q1", "autoResolve": True}}},
    ]
    for value in values:
        client.update_related_items(**update(itemToAdd={"identifier": value, "title": "t"}))
    assert [item["identifier"] for item in items(account, arn) if item["title"] == "t"] == values
    client.update_related_items(**update(itemToAdd={"identifier": values[0], "title": "u"}))
    assert [item["identifier"] for item in items(account, arn) if item["title"] == "u"] == values[:1]
    account.knobs(duplicate_related_item="conflict")
    refused("ConflictException", client.update_related_items, **update(itemToAdd={"identifier": values[0]}))
    client.update_related_items(**update(itemToRemove=values[0]))
    client.update_related_items(**update(itemToRemove=values[0]))
    account.knobs(remove_missing_related_item="404")
    refused(MISSING, client.update_related_items, **update(itemToRemove=values[0]))
    assert len(items(account, arn)) == 4
    for index in range(46):
        client.update_related_items(**update(itemToAdd={"identifier": url(str(index))}))
    refused("ValidationException", client.update_related_items, **update(itemToAdd={"identifier": url("one more")}))
    pages = client.get_paginator("list_related_items").paginate(incidentRecordArn=arn, PaginationConfig={"PageSize": 20})
    assert [len(page["relatedItems"]) for page in pages] == [20, 20, 10]


def test_alarms(account, simulator):
    plan = response_plan(account)
    alarm = {
        "account": account.id,
        "region": "us-east-1",
        "responsePlanArn": plan,
        "alarmArn": f"arn:aws:cloudwatch:us-east-1:{account.id}:alarm:cpu",
    }
    made = simulator.control("POST", "/incidents", alarm)
    assert made["created"] is True
    arn = made["incidentRecordArn"]
    got = get(account, arn)
    assert got["title"] == "Down - cpu"
    source = got["incidentRecordSource"]
    assert (source["source"], source["resourceArn"]) == ("aws.cloudwatch", alarm["alarmArn"])
    assert "AWSServiceRoleForCloudWatchAlarms" in source["createdBy"]
    [trigger] = events(account, arn)
    assert "rawData" in data(account, arn, trigger)
    assert simulator.control("POST", "/incidents", alarm) == {"incidentRecordArn": arn, "created": False}
    other = simulator.control("POST", "/incidents", {**alarm, "alarmArn": None, "title": "Disk"})
    assert get(account, other["incidentRecordArn"])["title"] == "Disk"
    resolve(account, arn)
    assert simulator.control("POST", "/incidents", alarm)["created"] is True
    for wrong in ({"region": "us-west-2"}, {"responsePlanArn": plan + "x"}, {"account": "000000000000"}):
        with pytest.raises(ControlError):
            simulator.control("POST", "/incidents", {**alarm, **wrong})


def test_findings(account, simulator):
    client = account.incidents()
    arn = started(account, response_plan(account))
    assert client.list_incident_findings(incidentRecordArn=arn)["findings"] == []
    stack = f"arn:aws:cloudformation:us-east-1:{account.id}:stack/shop/1"
    group = f"arn:aws:codedeploy:us-east-1:{account.id}:deploymentgroup:shop/all"
    seeds = [
        {"id": "f1", "stackArn": stack, "startedSecondsAgo": 60},
        {"deploymentId": "d-1", "deploymentGroupArn": group, "endedSecondsAgo": 5},
    ]
    ids = simulator.control("POST", "/incidents/findings", {"incidentRecordArn": arn, "findings": seeds})["ids"]
    pages = client.get_paginator("list_incident_findings").paginate(
        incidentRecordArn=arn, PaginationConfig={"PageSize": 1}
    )
    assert {finding["id"] for page in pages for finding in page["findings"]} == set(ids)
    got = client.batch_get_incident_findings(incidentRecordArn=arn, findingIds=[*ids, "none"])
    details = {finding["id"]: finding["details"] for finding in got["findings"]}
    assert details["f1"]["cloudFormationStackUpdate"]["stackArn"] == stack
    assert "endTime" not in details["f1"]["cloudFormationStackUpdate"]
    assert "endTime" in details[ids[1]]["codeDeployDeployment"]
    assert [error["findingId"] for error in got["errors"]] == ["none"]


def test_what_cannot_be_started_is_noted(account, simulator):
    action = {"ssmAutomation": {**ACTION["ssmAutomation"], "documentName": "unusable-document"}}
    arn = started(account, response_plan(account, actions=[action], engagements=[account.arn("gone")]))
    assert get(account, arn)["automationExecutions"] == []
    kinds = {event["eventType"]: event for event in events(account, arn)}
    assert "SSM Automation Execution Start Failure for Incident" in kinds
    failure = kinds["SSM Contacts Engagement Start Failure for Incident"]
    assert data(account, arn, failure)["contactArn"] == account.arn("gone")
    simulator.control("PUT", "/unusable", {"documents": ["Restart"]}, account=account.id)
    arn = started(account, response_plan(account, "other", actions=[ACTION]))
    assert get(account, arn)["automationExecutions"] == []


def test_people_are_paged_and_answer(own, number):
    simulator = own()
    account = simulator.account(number())
    client = account.contacts()
    ana = contact(account)
    mail = activated(account, ana, name="mail", kind="EMAIL", address="ana@example.com")
    client.update_contact(ContactId=ana, Plan={"Stages": [stage(to_channel(mail, 0))]})
    both = contact(account, "all", kind="ESCALATION", plan={"Stages": [stage(), stage(to_contact(ana, True))]})
    arn = started(account, response_plan(account, engagements=[both]))
    [engagement] = client.list_engagements(IncidentId=arn)["Engagements"]
    assert engagement["ContactArn"] == both
    assert [event["eventType"] for event in events(account, arn)] == [TRIGGER]
    simulator.advance(5 * 60 + 1)
    kinds = [event["eventType"] for event in events(account, arn)]
    assert kinds == ["SSM Contacts Page for Incident", TRIGGER]
    [page] = client.list_pages_by_contact(ContactId=ana)["Pages"]
    assert page["IncidentId"] == arn
    code = simulator.control("GET", "/pages", account=account.id)["pages"][0]["acceptCode"]
    client.accept_page(PageId=page["PageArn"], AcceptType="READ", AcceptCode=code)
    first, *rest = events(account, arn)
    assert first["eventType"] == "SSM Contacts Page Acknowledgement for Incident"
    assert data(account, arn, first)["contactArn"] == ana
    assert events(account, arn) == [first, *rest], "events keep their ids"


@pytest.mark.parametrize(("knob", "paged"), [("yes", 0), ("no", 1)])
def test_resolving_and_engagements(own, number, knob, paged):
    simulator = own("--knob", f"resolve_stops_engagements={knob}")
    account = simulator.account(number())
    ana = contact(account)
    both = contact(account, "all", kind="ESCALATION", plan={"Stages": [stage(), stage(to_contact(ana, True))]})
    arn = started(account, response_plan(account, engagements=[both]))
    resolve(account, arn)
    simulator.advance(5 * 60 + 1)
    assert len(account.contacts().list_pages_by_contact(ContactId=ana)["Pages"]) == paged


def test_permissions_are_asked_for_record_and_plan(account):
    plan = response_plan(account, template={"incidentTags": {"team": "ops"}})
    arn = started(account, plan)
    get(account, arn)
    [call] = account.calls(operation="GetIncidentRecord")
    assert call["resources"] == [arn, plan]
    account.iam(deny=["ssm-incidents:TagResource"])
    error = refused("AccessDeniedException", account.incidents().start_incident, responsePlanArn=plan)
    assert "ssm-incidents:TagResource" in message(error)
    account.iam(deny=["ssm-incidents:StartIncident"])
    refused("AccessDeniedException", account.incidents().start_incident, responsePlanArn=plan)


def test_incidents_survive_a_restart(own, number, tmp_path):
    state = str(tmp_path / "state.json")
    first = own("--state", state)
    account = first.account(number())
    plan = response_plan(account, template={"dedupeString": "same"})
    token = str(uuid.uuid4())
    arn = started(account, plan, clientToken=token)
    seen = (get(account, arn), events(account, arn), items(account, arn))
    assert first.stop() == 0
    second = own("--state", state)
    again = second.account(account.id, onboard=())
    assert (get(again, arn), events(again, arn), items(again, arn)) == seen
    assert started(again, plan) == arn
    assert started(again, plan, clientToken=token) == arn


def test_new_incidents_are_seen_late(own, number):
    simulator = own("--knob", "consistency_delay_ms=5000")
    account = simulator.account(number())
    plan = response_plan(account)
    arn = started(account, plan)
    refused(MISSING, account.incidents().get_incident_record, arn=arn)
    assert records(account) == []
    account.incidents().update_incident_record(arn=arn, impact=1)
    simulator.advance(6)
    assert get(account, arn)["impact"] == 1
