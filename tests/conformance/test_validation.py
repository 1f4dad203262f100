"""Each bound of each member of each operation, one value inside and one outside, as botocore's models have it."""

from __future__ import annotations

import json
import re

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

import bounds
from make import activated, channel, contact, engage, override, response_plan, rotation, stage, started, to_channel

CASES = bounds.cases()
SENTENCE = "failed to satisfy constraint: "
PART = re.compile(r" at '([^']*)' failed to satisfy constraint: (?:Member|Map keys|Map value) must ")


def prepare(simulator, number, case):
    """An account with what the templates name; the real values of their placeholders."""
    if case.operation == "CreateReplicationSet":
        return simulator.account(number(), onboard=()), {}
    if case.service in ("sts", "account"):
        return simulator.account(number(), onboard=()), {}
    second = "deleteRegionAction" in case.path
    account = simulator.account(number(), onboard=("us-east-1", "eu-north-1") if second else ("us-east-1",))
    if case.service == "ssm-incidents":
        [arn] = account.incidents().list_replication_sets()["replicationSetArns"]
        replacements = {bounds.SET_ID: arn.rsplit("/", 1)[1]}
        if bounds.PLAN in json.dumps(case.template) or bounds.RECORD in json.dumps(case.template):
            replacements.update(incident(account, case))
        return account, replacements
    ana = contact(account, "ana")
    phone = channel(account, ana, defer=False)
    if "Plan" in case.path:
        contact(account, "all", kind="ESCALATION")
        contact(account, "week", kind="ONCALL_SCHEDULE")
    replacements = {bounds.CHANNEL_ID: phone.rsplit("/", 1)[1], bounds.CODE: account.codes(phone)[-1]["code"]}
    if "Rotation" in case.operation or "RotationIds" in case.path:
        weekly = rotation(account, ana)
        replacements[bounds.ROTATION_ID] = weekly.rsplit("/", 1)[1]
        replacements[bounds.OVERRIDE_ID] = override(account, weekly, ana)
    if "Engagement" in case.operation or "Page" in case.operation:
        plan = {"Stages": [stage(to_channel(activated(account, ana, name="other", address="+12025550199")))]}
        account.contacts().update_contact(ContactId=ana, Plan=plan)
        replacements[bounds.ENGAGEMENT_ID] = engage(account, ana).rsplit("/", 1)[1]
        [page] = account.pages()
        replacements[bounds.PAGE_ID] = page["pageArn"].rsplit("/", 1)[1]
        replacements[bounds.CODE] = page["acceptCode"]
    return account, replacements


def incident(account, case):
    """A response plan with a policy or an incident; the real values of their placeholders."""
    plan = response_plan(account, "shop")
    if "ResourcePolic" in case.operation:
        put = account.incidents().put_resource_policy(resourceArn=plan, policy=bounds.POLICY)
        return {bounds.POLICY_ID: put["policyId"]}
    record = started(account, plan)
    made = account.incidents().create_timeline_event(
        incidentRecordArn=record, eventTime=bounds.SOON, eventType="Note", eventData="1"
    )
    return {bounds.RECORD_ID: record.rsplit("/", 1)[1], bounds.EVENT_ID: made["eventId"]}


def send(simulator, number, case):
    """The error of the case's request, or None."""
    account, replacements = prepare(simulator, number, case)
    request = case.request({**replacements, bounds.ACCOUNT: account.id})
    # Previews take any text for a member and give it back, though the model calls it an ARN there.
    free = case.operation == "ListPreviewRotationShifts" and case.member in ("Members", "NewMembers")
    client = account.client(case.service, validate=False, check=not free)
    try:
        getattr(client, xform_name(case.operation))(**request)
    except ClientError as error:
        return error.response
    return None


@pytest.mark.parametrize("case", [case for case in CASES if case.inside], ids=lambda case: case.id)
def test_inside(simulator, number, case):
    error = send(simulator, number, case)
    if error is None:
        return
    assert SENTENCE not in error["Error"]["Message"], error
    # A channel can only be in the plan of a contact that exists already.
    new_with_channel = case.operation == "CreateContact" and "ChannelTargetInfo" in case.path
    legal = {"ValidationException"} if new_with_channel else bounds.MEANING.get(case.member, set())
    assert error["Error"]["Code"] in legal, error


@pytest.mark.parametrize("case", [case for case in CASES if not case.inside], ids=lambda case: case.id)
def test_outside(simulator, number, case):
    error = send(simulator, number, case)
    assert error is not None, "accepted"
    expected = "ValidationError" if case.service == "sts" else "ValidationException"
    assert error["Error"]["Code"] == expected, error
    text = error["Error"]["Message"]
    found = PART.findall(text)
    # An empty value breaks length and pattern at once.
    assert 1 <= len(found) <= 2, text
    assert text.startswith(f"{len(found)} validation error{'s' * (len(found) > 1)} detected: Value "), text
    assert set(found) == {case.coral_path()}, text
    assert expected_words(case) in text, text
    if case.service == "ssm-contacts":
        assert error["Reason"] == "FIELD_VALIDATION_FAILED"
        assert [each["Name"].split(".")[0].lower() for each in error["Fields"]] == [case.path[0].lower()] * len(found)


def expected_words(case):
    """What the sentence must say for the broken rule."""
    number = isinstance(case.value, int)
    return {
        "required": "Member must not be null",
        "min": f"Member must have {'value' if number else 'length'} greater than or equal to ",
        "max": f"Member must have {'value' if number else 'length'} less than or equal to ",
        "pattern": "Member must satisfy regular expression pattern: ",
        "enum": "Member must satisfy enum value set: [",
    }[case.rule]


def test_every_constraint_of_the_models_is_covered():
    covered = {(case.service, case.operation, bounds._plain(case.path), case.rule) for case in CASES if not case.inside}
    missing = set()
    for service, operation, path, rule in bounds.constraints():
        name = f"{'.'.join(path)} {rule}"
        if (service, operation, path, rule) not in covered:
            missing.add((service, operation, name))
    assert missing == bounds.UNTESTABLE


def test_every_length_and_range_has_a_value_inside():
    outside = {(c.service, c.operation, c.path, c.rule) for c in CASES if not c.inside and c.rule in ("min", "max")}
    inside = {(c.service, c.operation, c.path, c.rule) for c in CASES if c.inside}
    assert outside <= inside


