"""The checker of answers itself: what it must not let pass."""

from __future__ import annotations

import copy
import xml.etree.ElementTree as xml

import pytest

import answers
import bounds

CONTACT = {
    "ContactArn": bounds.ANA,
    "Alias": "ana",
    "Type": "PERSONAL",
    "Plan": {"Stages": [{"DurationInMinutes": 5, "Targets": [{"ContactTargetInfo": {"IsEssential": True}}]}]},
}
SET = {
    "replicationSet": {
        "arn": bounds.SET,
        "createdBy": bounds.ROLE,
        "createdTime": 1_790_000_000.5,
        "deletionProtected": False,
        "lastModifiedBy": bounds.ROLE,
        "lastModifiedTime": 1_790_000_000,
        "regionMap": {"us-east-1": {"status": "ACTIVE", "statusUpdateDateTime": 1_790_000_000}},
        "status": "ACTIVE",
    }
}
NOTHING = object()


def named(value):
    """The same on every worker, unlike an object's address."""
    return "absent" if value is NOTHING else str(value)


def output(service, operation):
    return bounds.models()[service].operation_model(operation).output_shape


def changed(document, path, value):
    document = copy.deepcopy(document)
    holder = document
    for step in path[:-1]:
        holder = holder[step]
    if value is NOTHING:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return document


def test_sound_answers_pass():
    answers.check(output("ssm-contacts", "GetContact"), CONTACT, "contact")
    answers.check(output("ssm-incidents", "GetReplicationSet"), SET, "set")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["Alias"], NOTHING),
        (["Plan"], None),
        (["Surprise"], "x"),
        (["DisplayName"], None),
        (["Alias"], 7),
        (["Alias"], "UPPER"),
        (["Alias"], "a" * 256),
        (["Type"], "ROBOT"),
        (["ContactArn"], "ana"),
        (["Plan", "Stages"], {}),
        (["Plan", "Stages", 0, "DurationInMinutes"], "5"),
        (["Plan", "Stages", 0, "DurationInMinutes"], 31),
        (["Plan", "Stages", 0, "DurationInMinutes"], True),
        (["Plan", "Stages", 0, "Targets", 0, "ContactTargetInfo", "IsEssential"], "true"),
        (["Plan", "Stages", 0, "Targets", 0, "Surprise"], {}),
    ],
    ids=named,
)
def test_json_that_does_not_fit(path, value):
    with pytest.raises(AssertionError):
        answers.check(output("ssm-contacts", "GetContact"), changed(CONTACT, path, value), "contact")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["replicationSet", "createdTime"], "2026-01-01T00:00:00Z"),
        (["replicationSet", "createdTime"], 1_790_000_000_000),
        (["replicationSet", "createdTime"], True),
        (["replicationSet", "deletionProtected"], NOTHING),
        (["replicationSet", "status"], "Active"),
        (["replicationSet", "regionMap"], []),
        (["replicationSet", "regionMap", "us-east-1", "status"], NOTHING),
        (["replicationSet", "regionMap", "a" * 21], {"status": "ACTIVE", "statusUpdateDateTime": 1_790_000_000}),
    ],
    ids=named,
)
def test_rest_json_that_does_not_fit(path, value):
    with pytest.raises(AssertionError):
        answers.check(output("ssm-incidents", "GetReplicationSet"), changed(SET, path, value), "set")


@pytest.mark.parametrize(
    ("body", "sound"),
    [
        ("<R><Account>1</Account><Arn>arn:aws:iam::123456789012:user/x</Arn><UserId>u</UserId></R>", True),
        ("<R><Account>1</Account><Account>2</Account></R>", False),
        ("<R><Surprise>1</Surprise></R>", False),
        ("<R><Arn>short</Arn></R>", False),
    ],
)
def test_xml(body, sound):
    shape = output("sts", "GetCallerIdentity")
    if sound:
        answers.check_xml(shape, xml.fromstring(body), "", "identity")
    else:
        with pytest.raises(AssertionError):
            answers.check_xml(shape, xml.fromstring(body), "", "identity")


def test_every_answer_is_judged(account):
    """A client whose answers are tampered with on the wire must notice."""
    client = account.contacts()

    def tamper(http_response, **_):
        http_response._content = http_response.content.replace(b'"Contacts":', b'"Persons":')

    client.meta.events.register_first("after-call.*.*", tamper)
    with pytest.raises(AssertionError, match="unknown to the model"):
        client.list_contacts()
