"""Contact channels and their activation."""

from __future__ import annotations

import re
import uuid

import pytest

from make import PHONE, activated, channel, contact, message, refused

CHANNEL = re.compile(r"arn:aws:ssm-contacts:us-east-1:\d{12}:contact-channel/ana/[0-9a-f-]{36}")
MISSING = "arn:aws:ssm-contacts:us-east-1:{}:contact-channel/ana/4e1fd62d-3dd5-4c60-a0a0-0a4e60a5a8b1"


def status(account, arn):
    return account.contacts().get_contact_channel(ContactChannelId=arn)["ActivationStatus"]


def last_code(account, arn):
    return account.codes(arn)[-1]["code"]


def test_create_get_update_delete(account):
    client = account.contacts()
    owner = contact(account)
    arn = channel(account, owner, "Ana's phone".replace("'", "-"))
    assert CHANNEL.fullmatch(arn)

    got = client.get_contact_channel(ContactChannelId=arn)
    del got["ResponseMetadata"]
    assert got == {
        "ContactArn": owner,
        "ContactChannelArn": arn,
        "Name": "Ana-s phone",
        "Type": "SMS",
        "DeliveryAddress": {"SimpleAddress": PHONE},
        "ActivationStatus": "NOT_ACTIVATED",
    }
    [listed] = client.list_contact_channels(ContactId=owner)["ContactChannels"]
    assert listed == got

    client.update_contact_channel(ContactChannelId=arn, Name="mobile")
    client.update_contact_channel(ContactChannelId=arn, DeliveryAddress={"SimpleAddress": "+491711234567"})
    got = client.get_contact_channel(ContactChannelId=arn)
    assert (got["Name"], got["DeliveryAddress"]["SimpleAddress"]) == ("mobile", "+491711234567")

    client.delete_contact_channel(ContactChannelId=arn)
    error = refused("ResourceNotFoundException", client.get_contact_channel, ContactChannelId=arn)
    assert arn in error["ResourceId"]
    refused("ResourceNotFoundException", client.delete_contact_channel, ContactChannelId=arn)
    assert client.list_contact_channels(ContactId=owner)["ContactChannels"] == []


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("get_contact_channel", {}),
        ("update_contact_channel", {"Name": "x"}),
        ("delete_contact_channel", {}),
        ("send_activation_code", {}),
        ("activate_contact_channel", {"ActivationCode": "123456"}),
        ("deactivate_contact_channel", {}),
    ],
)
def test_missing_channel(account, operation, more):
    contact(account)
    arn = MISSING.format(account.id)
    error = refused(
        "ResourceNotFoundException", getattr(account.contacts(), operation), ContactChannelId=arn, **more
    )
    assert arn in error["ResourceId"]


def test_channel_of_a_missing_contact(account):
    # CreateContactChannel models no ResourceNotFoundException.
    refused(
        "ValidationException",
        account.contacts().create_contact_channel,
        ContactId=account.arn("nobody"),
        Name="phone",
        Type="SMS",
        DeliveryAddress={"SimpleAddress": PHONE},
    )


@pytest.mark.parametrize(
    ("kind", "address", "fits"),
    [
        ("SMS", "+12025550123", True),
        ("VOICE", "+4930123456", True),
        ("EMAIL", "ana@example.com", True),
        ("EMAIL", "ana.b+on-call@mail.example.co.uk", True),
        ("SMS", "12025550123", False),
        ("SMS", "+1 202 555 0123", False),
        ("VOICE", "+1202555O123", False),
        ("VOICE", "+", False),
        ("SMS", "ana@example.com", False),
        ("EMAIL", "ana", False),
        ("EMAIL", "@example.com", False),
        ("EMAIL", "+12025550123", False),
    ],
)
def test_address_formats(account, kind, address, fits):
    owner = contact(account)
    wish = {"ContactId": owner, "Name": "c", "Type": kind, "DeliveryAddress": {"SimpleAddress": address}}
    if fits:
        arn = account.contacts().create_contact_channel(**wish)["ContactChannelArn"]
        got = account.contacts().get_contact_channel(ContactChannelId=arn)
        assert (got["Type"], got["DeliveryAddress"]) == (kind, {"SimpleAddress": address})
    else:
        error = refused("ValidationException", account.contacts().create_contact_channel, **wish)
        assert message(error).startswith("Invalid value provided - ")
        assert account.contacts().list_contact_channels(ContactId=owner)["ContactChannels"] == []


def test_bad_address_on_update(account):
    arn = channel(account, contact(account))
    refused(
        "ValidationException",
        account.contacts().update_contact_channel,
        ContactChannelId=arn,
        DeliveryAddress={"SimpleAddress": "nobody"},
    )
    got = account.contacts().get_contact_channel(ContactChannelId=arn)
    assert got["DeliveryAddress"]["SimpleAddress"] == PHONE


def test_update_without_anything_changes_nothing(account):
    arn = activated(account, contact(account))
    before = account.contacts().get_contact_channel(ContactChannelId=arn)
    account.contacts().update_contact_channel(ContactChannelId=arn)
    after = account.contacts().get_contact_channel(ContactChannelId=arn)
    del before["ResponseMetadata"], after["ResponseMetadata"]
    assert after == before


def test_duplicate_channel(account):
    owner = contact(account)
    first = channel(account, owner)
    wish = {
        "ContactId": owner,
        "Name": "phone",
        "Type": "SMS",
        "DeliveryAddress": {"SimpleAddress": PHONE},
        "DeferActivation": True,
    }
    error = refused("ConflictException", account.contacts().create_contact_channel, **wish)
    assert first in error["ResourceId"]
    assert len(account.contacts().list_contact_channels(ContactId=owner)["ContactChannels"]) == 1


def test_the_same_address_of_two_contacts(account):
    channel(account, contact(account, "ana"))
    channel(account, contact(account, "ben"))


def test_idempotency_token(account):
    client = account.contacts()
    owner, token = contact(account), str(uuid.uuid4())
    arn = channel(account, owner, IdempotencyToken=token)
    assert channel(account, owner, IdempotencyToken=token) == arn
    assert len(client.list_contact_channels(ContactId=owner)["ContactChannels"]) == 1


def test_a_repeated_create_sends_no_second_code(account):
    owner, token = contact(account), str(uuid.uuid4())
    arn = channel(account, owner, defer=False, IdempotencyToken=token)
    channel(account, owner, defer=False, IdempotencyToken=token)
    assert len(account.codes(arn)) == 1


def test_a_code_is_sent_at_creation_unless_deferred(account):
    owner = contact(account)
    deferred = channel(account, owner, "a", address="+12025550101")
    assert account.codes(deferred) == []
    at_once = channel(account, owner, "b", address="+12025550102", defer=False)
    [sent] = account.codes(at_once)
    assert sent["channelArn"] == at_once
    assert re.fullmatch(r"[0-9]{6,10}", sent["code"])
    assert sent["sentAt"]
    # Absent means not deferred.
    third = account.contacts().create_contact_channel(
        ContactId=owner, Name="c", Type="SMS", DeliveryAddress={"SimpleAddress": "+12025550103"}
    )["ContactChannelArn"]
    assert len(account.codes(third)) == 1
    assert status(account, at_once) == "NOT_ACTIVATED"


def test_activation(account):
    client = account.contacts()
    arn = channel(account, contact(account))
    client.send_activation_code(ContactChannelId=arn)
    client.activate_contact_channel(ContactChannelId=arn, ActivationCode=last_code(account, arn))
    assert status(account, arn) == "ACTIVATED"
    client.deactivate_contact_channel(ContactChannelId=arn)
    assert status(account, arn) == "NOT_ACTIVATED"
    client.send_activation_code(ContactChannelId=arn)
    assert len(account.codes(arn)) == 2
    client.activate_contact_channel(ContactChannelId=arn, ActivationCode=last_code(account, arn))
    assert status(account, arn) == "ACTIVATED"


def test_wrong_code(account):
    client = account.contacts()
    arn = channel(account, contact(account), defer=False)
    right = last_code(account, arn)
    wrong = "".join(str((int(digit) + 1) % 10) for digit in right)
    error = refused(
        "ValidationException", client.activate_contact_channel, ContactChannelId=arn, ActivationCode=wrong
    )
    assert message(error).startswith("Invalid value provided - ")
    assert right not in str(error)
    assert status(account, arn) == "NOT_ACTIVATED"
    client.activate_contact_channel(ContactChannelId=arn, ActivationCode=right)
    assert status(account, arn) == "ACTIVATED"


def test_a_fresh_code_replaces_the_old_one(account):
    client = account.contacts()
    arn = channel(account, contact(account), defer=False)
    for _ in range(20):
        client.send_activation_code(ContactChannelId=arn)
        codes = [each["code"] for each in account.codes(arn)]
        if codes[-1] != codes[0]:
            break
    refused(
        "ValidationException", client.activate_contact_channel, ContactChannelId=arn, ActivationCode=codes[0]
    )
    client.activate_contact_channel(ContactChannelId=arn, ActivationCode=codes[-1])


def test_code_of_another_channel(account):
    client = account.contacts()
    owner = contact(account)
    one = channel(account, owner, "one", address="+12025550101", defer=False)
    two = channel(account, owner, "two", address="+12025550102", defer=False)
    if last_code(account, one) != last_code(account, two):
        refused(
            "ValidationException",
            client.activate_contact_channel,
            ContactChannelId=one,
            ActivationCode=last_code(account, two),
        )
    assert status(account, one) == "NOT_ACTIVATED"


def test_without_a_code_ever_sent_nothing_activates(account):
    arn = channel(account, contact(account))
    refused(
        "ValidationException",
        account.contacts().activate_contact_channel,
        ContactChannelId=arn,
        ActivationCode="000000",
    )


def test_deactivating_a_channel_that_is_not_active(account):
    arn = channel(account, contact(account))
    account.contacts().deactivate_contact_channel(ContactChannelId=arn)
    assert status(account, arn) == "NOT_ACTIVATED"


def test_a_new_address_needs_a_new_activation(account):
    arn = activated(account, contact(account))
    client = account.contacts()
    client.update_contact_channel(ContactChannelId=arn, Name="renamed")
    assert status(account, arn) == "ACTIVATED", "a name is no address"
    client.update_contact_channel(ContactChannelId=arn, DeliveryAddress={"SimpleAddress": PHONE})
    assert status(account, arn) == "ACTIVATED", "the same address is no new one"
    client.update_contact_channel(ContactChannelId=arn, DeliveryAddress={"SimpleAddress": "+12025550199"})
    assert status(account, arn) == "NOT_ACTIVATED"


def test_unsubscribe_and_subscribe(account, simulator):
    client = account.contacts()
    arn = activated(account, contact(account))
    sent = len(account.codes(arn))
    simulator.control("POST", "/unsubscribe", {"channelArn": arn})
    assert status(account, arn) == "NOT_ACTIVATED"
    client.send_activation_code(ContactChannelId=arn)
    assert len(account.codes(arn)) == sent, "nothing reaches who has opted out"
    simulator.control("POST", "/subscribe", {"channelArn": arn})
    client.send_activation_code(ContactChannelId=arn)
    assert len(account.codes(arn)) == sent + 1
    client.activate_contact_channel(ContactChannelId=arn, ActivationCode=last_code(account, arn))
    assert status(account, arn) == "ACTIVATED"


def test_no_answer_but_those_that_must_holds_an_address(account):
    owner = contact(account)
    channel(account, owner)
    error = refused(
        "ConflictException",
        account.contacts().create_contact_channel,
        ContactId=owner,
        Name="phone",
        Type="SMS",
        DeliveryAddress={"SimpleAddress": PHONE},
    )
    assert PHONE not in message(error)


def test_a_code_to_the_old_address_is_void(account):
    client = account.contacts()
    arn = channel(account, contact(account), defer=False)
    old = last_code(account, arn)
    client.update_contact_channel(ContactChannelId=arn, DeliveryAddress={"SimpleAddress": "+12025550199"})
    refused("ValidationException", client.activate_contact_channel, ContactChannelId=arn, ActivationCode=old)
    assert status(account, arn) == "NOT_ACTIVATED"


def test_a_code_can_be_used_once(account):
    client = account.contacts()
    arn = channel(account, contact(account), defer=False)
    code = last_code(account, arn)
    client.activate_contact_channel(ContactChannelId=arn, ActivationCode=code)
    client.activate_contact_channel(ContactChannelId=arn, ActivationCode=code)
    assert status(account, arn) == "ACTIVATED", "the same call again, as after a lost answer"
    client.deactivate_contact_channel(ContactChannelId=arn)
    refused("ValidationException", client.activate_contact_channel, ContactChannelId=arn, ActivationCode=code)
    assert status(account, arn) == "NOT_ACTIVATED"


def test_channels_belong_to_persons(account):
    for kind in "ESCALATION", "ONCALL_SCHEDULE":
        refused(
            "ValidationException",
            account.contacts().create_contact_channel,
            ContactId=contact(account, kind.lower(), kind=kind),
            Name="phone",
            Type="SMS",
            DeliveryAddress={"SimpleAddress": PHONE},
        )


def test_an_address_there_must_be(account):
    error = refused(
        "ValidationException",
        account.contacts().create_contact_channel,
        ContactId=contact(account),
        Name="phone",
        Type="SMS",
        DeliveryAddress={},
    )
    assert message(error).startswith("Invalid value provided - ")


def test_lists_keep_the_order_of_creation(account):
    owner = contact(account)
    made = [channel(account, owner, f"m{n}", "EMAIL", f"a{n}@example.com") for n in (3, 1, 2)]
    listed = account.contacts().list_contact_channels(ContactId=owner)["ContactChannels"]
    assert [each["ContactChannelArn"] for each in listed] == made


@pytest.mark.parametrize("same", ["Name", "DeliveryAddress"])
def test_name_and_address_are_unique_in_a_contact(account, same):
    client = account.contacts()
    owner = contact(account)
    first = channel(account, owner)
    wish = {
        "ContactId": owner,
        "Name": "other",
        "Type": "SMS",
        "DeliveryAddress": {"SimpleAddress": "+12025550177"},
        "DeferActivation": True,
    }
    taken = {"Name": "phone"} if same == "Name" else {"DeliveryAddress": {"SimpleAddress": PHONE}}
    error = refused("ConflictException", client.create_contact_channel, **{**wish, **taken})
    assert first in error["ResourceId"]
    other = client.create_contact_channel(**wish)["ContactChannelArn"]
    error = refused("ConflictException", client.update_contact_channel, ContactChannelId=other, **taken)
    assert first in error["ResourceId"]
    got = client.get_contact_channel(ContactChannelId=other)
    assert (got["Name"], got["DeliveryAddress"]["SimpleAddress"]) == ("other", "+12025550177")


def test_an_address_is_unique_for_its_type_only(account):
    owner = contact(account)
    channel(account, owner, "text", "SMS")
    channel(account, owner, "call", "VOICE")
