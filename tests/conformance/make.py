"""Things most tests need in an account, and how an answer is expected to be refused."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

PHONE = "+12025550123"
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


def tags(account, arn, region="us-east-1"):
    """A contact's tags as a dictionary."""
    listed = account.contacts(region).list_tags_for_resource(ResourceARN=arn)["Tags"]
    return {tag["Key"]: tag["Value"] for tag in listed}


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
