"""Things most tests need in an account, and how an answer is expected to be refused."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError

PHONE = "+12025550123"
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
EMPTY = {"Stages": []}


def contact(account, alias="ana", kind="PERSONAL", plan=None, region="us-east-1", **rest):
    """Creates a contact; its ARN."""
    if plan is None:
        plan = {"RotationIds": []} if kind == "ONCALL_SCHEDULE" else EMPTY
    client = account.contacts(region)
    return client.create_contact(Alias=alias, Type=kind, Plan=plan, **rest)["ContactArn"]


def channel(account, owner, name="phone", kind="SMS", address=PHONE, defer=True, **rest):
    """Creates a contact channel; its ARN."""
    return account.contacts().create_contact_channel(
        ContactId=owner, Name=name, Type=kind, DeliveryAddress={"SimpleAddress": address}, DeferActivation=defer, **rest
    )["ContactChannelArn"]


def activated(account, owner, **rest):
    """Creates a contact channel and activates it as its owner would."""
    arn = channel(account, owner, defer=False, **rest)
    account.contacts().activate_contact_channel(ContactChannelId=arn, ActivationCode=account.codes(arn)[-1]["code"])
    return arn


def stage(*targets, minutes=5):
    return {"DurationInMinutes": minutes, "Targets": list(targets)}


def to_channel(arn, retry=1):
    return {"ChannelTargetInfo": {"ContactChannelId": arn, "RetryIntervalInMinutes": retry}}


def to_contact(arn, essential=False):
    return {"ContactTargetInfo": {"ContactId": arn, "IsEssential": essential}}


def engage(account, arn, region="us-east-1", **rest):
    """Starts an engagement; its ARN."""
    wish = {"Sender": "conformance", "Subject": "s", "Content": "c", **rest}
    return account.contacts(region).start_engagement(ContactId=arn, **wish)["EngagementArn"]


def person(account, alias="ana", wait=5):
    """Creates a contact who is written to at once, and called so many minutes later; its ARN."""
    arn = contact(account, alias)
    mail = activated(account, arn, name="mail", kind="EMAIL", address=f"{alias}@example.com")
    voice = activated(account, arn, name="voice", kind="VOICE")
    stages = [stage(to_channel(mail, 0), minutes=wait), stage(to_channel(voice, 0), minutes=0)]
    account.contacts().update_contact(ContactId=arn, Plan={"Stages": stages})
    return arn


def at(hour, minute=0):
    """A hand-off time."""
    return {"HourOfDay": hour, "MinuteOfHour": minute}


def recurrence(*times, on_calls=1, length=1, coverage=None, **settings):
    """A daily recurrence, or whatever `settings` say."""
    if times:
        settings["DailySettings"] = list(times)
    if coverage is not None:
        settings["ShiftCoverages"] = coverage
    return {"NumberOfOnCalls": on_calls, "RecurrenceMultiplier": length, **settings}


DAILY = recurrence(at(9))


def now():
    """The time of a simulator whose clock nobody moves, to the second."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def rotation(account, *members, region="us-east-1", **rest):
    """Creates a rotation; its ARN."""
    wish = {"Name": "week days", "TimeZoneId": "UTC", "Recurrence": DAILY, **rest}
    return account.contacts(region).create_rotation(ContactIds=list(members), **wish)["RotationArn"]


def override(account, rotation, *members, start=HOUR, length=2 * HOUR, **rest):
    """Creates an override that begins so much from now; its id."""
    begin = now() + start
    client = account.contacts()
    wish = {"RotationId": rotation, "StartTime": begin, "EndTime": begin + length, **rest}
    return client.create_rotation_override(NewContactIds=list(members), **wish)["RotationOverrideId"]


def response_plan(account, name="shop", title="Down", impact=2, template=None, **rest):
    """Creates a response plan; its ARN."""
    template = {"title": title, "impact": impact, **(template or {})}
    return account.incidents().create_response_plan(name=name, incidentTemplate=template, **rest)["arn"]


def started(account, plan, **rest):
    """Starts an incident; its ARN."""
    return account.incidents().start_incident(responsePlanArn=plan, **rest)["incidentRecordArn"]


def tags(account, arn, region="us-east-1"):
    """A contact's tags as a dictionary."""
    listed = account.contacts(region).list_tags_for_resource(ResourceARN=arn)["Tags"]
    return {tag["Key"]: tag["Value"] for tag in listed}


def bare_call(account, operation, body):
    """A call of ssm-contacts that no client would let pass: its status and answer."""
    headers = {
        "x-amz-target": f"SSMContacts.{operation}",
        "content-type": "application/x-amz-json-1.1",
        "authorization": f"AWS4-HMAC-SHA256 Credential={account.key}/20261122/us-east-1/ssm-contacts/aws4_request,"
        " SignedHeaders=host, Signature=0",
    }
    status, _, text = account.simulator.raw("POST", "/", json.dumps(body), headers)
    return status, json.loads(text)


def refused(codes, call, **parameters):
    """Makes a call that must be refused with this code (or one of these); the parsed error."""
    codes = {codes} if isinstance(codes, str) else set(codes)
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response = caught.value.response
    assert response["Error"]["Code"] in codes, response
    return response


def message(response):
    return response["Error"]["Message"]
