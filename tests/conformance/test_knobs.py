"""Each setting of each knob shows in what a client sees, for its account alone."""

from __future__ import annotations

import uuid

import pytest

from make import EMPTY, PHONE, activated, channel, contact, message, refused, stage, tags, to_contact
from simulator import ControlError

DEFAULTS = {
    "contacts_error_http_status": "400",
    "address_change_resets_activation": "yes",
    "delete_contact_in_rotation": "conflict",
    "oncall_empty_stages": "accept",
    "second_replication_set_error": "ServiceQuotaExceeded",
    "replication_region_24h_rule": "off",
    "onboarding": "open",
    "consistency_delay_ms": 0,
    "state_delay_ms": 0,
    "idempotency_window_seconds": 600,
    "duplicate_rotation_name": "accept",
    "duplicate_channel": "conflict",
    "token_after_delete": "original-arn",
    "empty_validation_message": "no",
    "tags_outside_first_region": "fail",
    "not_onboarded_read": "validation",
    "activation_codes_per_hour": 5,
    "contacts_quota": 1000,
    "rotations_quota": 500,
    "past_rotation_start": "accept",
    "past_override_start": "accept",
    "non_member_override": "refuse",
    "rotation_update_drops_overrides": "no",
    "rotation_delete_in_schedule": "unlink",
    "delete_missing_response_plan": "204",
    "response_plan_checks_engagement_exists": "no",
    "chat_channel_empty_on_get": "empty",
    "automation_defaults_on_get": "absent",
    "sns_publish_check": "off",
    "reopen_incident": "allow",
    "resolve_stops_engagements": "yes",
    "remove_missing_related_item": "204",
    "duplicate_related_item": "replace",
    "replication_set_elsewhere": "seen",
    "assume_role_external_id": "",
    "page_per": "contact",
    "engagement_without_plan": "accept",
    "page_delivery": "delivered",
    "accept_code_default": "enforce",
    "engagement_stop_time": "when-over",
    "private_dns_default": "true",
    "modify_noop_entries": "tolerate",
    "vpce_state_case": "camel",
    "vpce_deleted_visible_ms": 0,
    "interface_endpoints_quota": 50,
    "gateway_endpoints_quota": 20,
    "vpcs_quota": 5,
    "ec2_page_items": 1000,
}


def test_defaults(simulator, account):
    knobs = simulator.control("GET", "/knobs", account=account.id)
    assert {name: str(value) for name, value in knobs.items()} == {name: str(v) for name, v in DEFAULTS.items()}


def test_knobs_are_per_account(simulator, account, number):
    account.knobs(oncall_empty_stages="reject")
    account.knobs(duplicate_channel="accept")
    mine = simulator.control("GET", "/knobs", account=account.id)
    assert (mine["oncall_empty_stages"], mine["duplicate_channel"]) == ("reject", "accept"), "PUT merges"
    theirs = simulator.control("GET", "/knobs", account=number())
    assert theirs["oncall_empty_stages"] == "accept"
    assert simulator.control("GET", "/knobs")["oncall_empty_stages"] == "accept"


@pytest.mark.parametrize("wrong", [{"no_such_knob": "yes"}, {"oncall_empty_stages": "perhaps"}, {"state_delay_ms": "x"}])
def test_unknown_knobs_and_values_are_refused(account, wrong):
    with pytest.raises(ControlError) as caught:
        account.knobs(**wrong)
    assert 400 <= caught.value.status < 500
    assert "error" in caught.value.body


def test_knobs_on_the_command_line(own, number):
    simulator = own("--knob", "duplicate_channel=accept", "--knob", "oncall_empty_stages=reject")
    account = simulator.account(number())
    knobs = simulator.control("GET", "/knobs", account=account.id)
    assert (knobs["duplicate_channel"], knobs["oncall_empty_stages"]) == ("accept", "reject")
    owner = contact(account)
    assert channel(account, owner) != channel(account, owner)
    account.knobs(duplicate_channel="conflict")
    refused(
        "ConflictException",
        account.contacts().create_contact_channel,
        ContactId=owner,
        Name="phone",
        Type="SMS",
        DeliveryAddress={"SimpleAddress": PHONE},
    )


@pytest.mark.parametrize(("value", "missing", "conflict"), [("400", 400, 400), ("smithy", 404, 409)])
def test_contacts_error_http_status(account, value, missing, conflict):
    account.knobs(contacts_error_http_status=value)
    client = account.contacts()
    contact(account)
    error = refused("ResourceNotFoundException", client.get_contact, ContactId=account.arn("nobody"))
    assert error["ResponseMetadata"]["HTTPStatusCode"] == missing
    error = refused("ConflictException", client.create_contact, Alias="ana", Type="PERSONAL", Plan=EMPTY)
    assert error["ResponseMetadata"]["HTTPStatusCode"] == conflict
    for kind, code, documented, smithy in [
        ("throttle", "ThrottlingException", 400, 429),
        ("access-denied", "AccessDeniedException", 400, 403),
        ("quota", "ServiceQuotaExceededException", 400, 402),
        ("data-encryption", "DataEncryptionException", 400, 400),
        ("validation", "ValidationException", 400, 400),
        ("internal", "InternalServerException", 500, 500),
    ]:
        account.fault(kind, operation="CreateContact")
        error = refused(code, client.create_contact, Alias="ben", Type="PERSONAL", Plan=EMPTY)
        expected = documented if value == "400" else smithy
        assert error["ResponseMetadata"]["HTTPStatusCode"] == expected, kind


@pytest.mark.parametrize(("value", "after"), [("yes", "NOT_ACTIVATED"), ("no", "ACTIVATED")])
def test_address_change_resets_activation(account, value, after):
    account.knobs(address_change_resets_activation=value)
    arn = activated(account, contact(account))
    client = account.contacts()
    client.update_contact_channel(ContactChannelId=arn, DeliveryAddress={"SimpleAddress": "+12025550199"})
    assert client.get_contact_channel(ContactChannelId=arn)["ActivationStatus"] == after


@pytest.mark.parametrize("value", ["accept", "reject"])
def test_oncall_empty_stages(account, value):
    account.knobs(oncall_empty_stages=value)
    client = account.contacts()
    wish = {"Alias": "week", "Type": "ONCALL_SCHEDULE"}
    if value == "reject":
        error = refused("ValidationException", client.create_contact, **wish, Plan={"Stages": []})
        assert "ONCALL SCHEDULE contact cannot have stages in plan" in message(error)
        refused("ValidationException", client.create_contact, **wish, Plan={"Stages": [], "RotationIds": []})
        arn = client.create_contact(**wish, Plan={"RotationIds": []})["ContactArn"]
        refused("ValidationException", client.update_contact, ContactId=arn, Plan={"Stages": []})
    else:
        arn = client.create_contact(**wish, Plan={"Stages": []})["ContactArn"]
        client.update_contact(ContactId=arn, Plan={"Stages": [], "RotationIds": []})
    assert client.get_contact(ContactId=arn)["Type"] == "ONCALL_SCHEDULE"
    full = {"Stages": [stage(to_contact(contact(account)))]}
    refused("ValidationException", client.update_contact, ContactId=arn, Plan=full)


@pytest.mark.parametrize(
    ("value", "code"),
    [("ServiceQuotaExceeded", "ServiceQuotaExceededException"), ("Conflict", "ConflictException")],
)
def test_second_replication_set_error(account, value, code):
    account.knobs(second_replication_set_error=value)
    refused(code, account.incidents().create_replication_set, regions={"us-east-1": {}})
    assert len(account.incidents().list_replication_sets()["replicationSetArns"]) == 1


@pytest.mark.parametrize("value", ["off", "on"])
def test_replication_region_24h_rule(own, number, value):
    simulator = own("--knob", f"replication_region_24h_rule={value}")
    account = simulator.account(number(), onboard=("us-east-1", "eu-west-1"))
    client = account.incidents()
    [arn] = client.list_replication_sets()["replicationSetArns"]
    removal = {"arn": arn, "actions": [{"deleteRegionAction": {"regionName": "eu-west-1"}}]}
    if value == "on":
        legal = {"ValidationException", "ConflictException"}
        refused(legal, client.update_replication_set, **removal)
        simulator.advance(23 * 3600)
        refused(legal, client.update_replication_set, **removal)
        simulator.advance(3700)
    client.update_replication_set(**removal)
    assert set(client.get_replication_set(arn=arn)["replicationSet"]["regionMap"]) == {"us-east-1"}


@pytest.mark.parametrize("value", ["open", "closed"])
def test_onboarding(bare, value):
    bare.knobs(onboarding=value)
    client = bare.incidents()
    if value == "closed":
        refused("UnsupportedOperationException", client.create_replication_set, regions={"us-east-1": {}})
        assert client.list_replication_sets()["replicationSetArns"] == []
        bare.knobs(onboarding="open")
    client.create_replication_set(regions={"us-east-1": {}})
    assert bare.contacts().list_contacts()["Contacts"] == []


@pytest.mark.parametrize("value", ["no", "yes"])
def test_empty_validation_message(bare, value):
    bare.knobs(empty_validation_message=value)
    error = refused("ValidationException", bare.contacts().list_contacts)
    expected = "Invalid value provided - Account not found for the request" if value == "no" else ""
    assert message(error) == expected


def test_consistency_delay(own, number):
    simulator = own("--knob", "consistency_delay_ms=5000")
    account = simulator.account(number())
    client = account.contacts()
    arn = contact(account)
    refused("ResourceNotFoundException", client.get_contact, ContactId=arn)
    assert client.list_contacts()["Contacts"] == []
    refused("ConflictException", client.create_contact, Alias="ana", Type="PERSONAL", Plan=EMPTY)
    simulator.advance(6)
    assert client.get_contact(ContactId=arn)["Alias"] == "ana"
    assert len(client.list_contacts()["Contacts"]) == 1


def test_no_consistency_delay(account):
    arn = contact(account)
    assert account.contacts().get_contact(ContactId=arn)["ContactArn"] == arn


def test_idempotency_window(own, number):
    simulator = own("--knob", "idempotency_window_seconds=60")
    account = simulator.account(number())
    token = str(uuid.uuid4())
    arn = contact(account, IdempotencyToken=token)
    simulator.advance(50)
    assert contact(account, IdempotencyToken=token) == arn
    simulator.advance(61)
    wish = {"Alias": "ana", "Type": "PERSONAL", "Plan": EMPTY, "IdempotencyToken": token}
    refused("ConflictException", account.contacts().create_contact, **wish)


def test_idempotency_off(account):
    account.knobs(idempotency_window_seconds=0)
    token = str(uuid.uuid4())
    owner = contact(account, IdempotencyToken=token)
    wish = {"Alias": "ana", "Type": "PERSONAL", "Plan": EMPTY, "IdempotencyToken": token}
    refused("ConflictException", account.contacts().create_contact, **wish)
    account.knobs(duplicate_channel="accept")
    first = channel(account, owner, IdempotencyToken=token)
    assert channel(account, owner, IdempotencyToken=token) != first


@pytest.mark.parametrize("value", ["conflict", "accept"])
def test_duplicate_channel(account, value):
    account.knobs(duplicate_channel=value)
    owner = contact(account)
    first = channel(account, owner)
    if value == "accept":
        assert channel(account, owner) != first
    else:
        error = refused(
            "ConflictException",
            account.contacts().create_contact_channel,
            ContactId=owner,
            Name="phone",
            Type="SMS",
            DeliveryAddress={"SimpleAddress": PHONE},
        )
        assert first in error["ResourceId"]
    listed = account.contacts().list_contact_channels(ContactId=owner)["ContactChannels"]
    assert len(listed) == (2 if value == "accept" else 1)


@pytest.mark.parametrize("value", ["original-arn", "new"])
def test_token_after_delete(account, value):
    account.knobs(token_after_delete=value)
    client = account.contacts()
    token = str(uuid.uuid4())
    arn = contact(account, IdempotencyToken=token)
    client.delete_contact(ContactId=arn)
    assert contact(account, IdempotencyToken=token) == arn, "the ARN follows from the alias either way"
    exists = [each["ContactArn"] for each in client.list_contacts()["Contacts"]] == [arn]
    assert exists == (value == "new")

    owner = contact(account, "ben")
    first = channel(account, owner, IdempotencyToken=token)
    client.delete_contact_channel(ContactChannelId=first)
    second = channel(account, owner, IdempotencyToken=token)
    assert (second == first) == (value == "original-arn")
    listed = client.list_contact_channels(ContactId=owner)["ContactChannels"]
    assert len(listed) == (1 if value == "new" else 0)


@pytest.mark.parametrize("value", ["fail", "work"])
def test_tags_outside_first_region(simulator, number, value):
    account = simulator.account(number(), onboard=("us-east-1", "eu-west-1"))
    account.knobs(tags_outside_first_region=value)
    client = account.contacts("eu-west-1")
    wish = {"Alias": "ana", "Type": "PERSONAL", "Plan": EMPTY, "Tags": [{"Key": "team", "Value": "ops"}]}
    if value == "work":
        arn = client.create_contact(**wish)["ContactArn"]
        assert tags(account, arn, "eu-west-1") == {"team": "ops"}
    else:
        refused({"ValidationException", "AccessDeniedException"}, client.create_contact, **wish)
        assert client.list_contacts()["Contacts"] == []


def test_not_onboarded_read(bare):
    bare.knobs(not_onboarded_read="validation")
    refused("ValidationException", bare.contacts().get_contact, ContactId=bare.arn("ana"))


def test_activation_codes_per_hour(own, number):
    simulator = own("--knob", "activation_codes_per_hour=2")
    account = simulator.account(number())
    client = account.contacts()
    arn = channel(account, contact(account))
    client.send_activation_code(ContactChannelId=arn)
    client.send_activation_code(ContactChannelId=arn)
    error = refused("ServiceQuotaExceededException", client.send_activation_code, ContactChannelId=arn)
    assert error["QuotaCode"]
    assert error["ServiceCode"]
    assert len(account.codes(arn)) == 2
    simulator.advance(3601)
    client.send_activation_code(ContactChannelId=arn)
    account.knobs(activation_codes_per_hour=0)
    for _ in range(8):
        client.send_activation_code(ContactChannelId=arn)


def test_contacts_quota(account):
    account.knobs(contacts_quota=2)
    contact(account, "one")
    contact(account, "two", kind="ESCALATION")
    wish = {"Alias": "three", "Type": "PERSONAL", "Plan": EMPTY}
    error = refused("ServiceQuotaExceededException", account.contacts().create_contact, **wish)
    assert error["QuotaCode"]
    account.contacts().delete_contact(ContactId=account.arn("one"))
    account.contacts().create_contact(**wish)


def test_assume_role_external_id(account, simulator, number):
    other = simulator.account(number())
    other.knobs(assume_role_external_id="sesame")
    wish = {"RoleArn": f"arn:aws:iam::{other.id}:role/operator", "RoleSessionName": "s-1"}
    refused("AccessDenied", account.sts().assume_role, **wish)
    refused("AccessDenied", account.sts().assume_role, **wish, ExternalId="wrong")
    assert account.sts().assume_role(**wish, ExternalId="sesame")["Credentials"]["AccessKeyId"]


def test_knobs_for_everybody(own, number):
    simulator = own()
    one, two = simulator.account(number()), simulator.account(number())
    two.knobs(contacts_error_http_status="400")
    simulator.control("PUT", "/knobs", {"contacts_error_http_status": "smithy"})
    statuses = []
    for account in one, two:
        arn = account.arn("nobody")
        error = refused("ResourceNotFoundException", account.contacts().get_contact, ContactId=arn)
        statuses.append(error["ResponseMetadata"]["HTTPStatusCode"])
    assert statuses == [404, 400], "an account's own setting goes first"
