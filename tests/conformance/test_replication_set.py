"""The replication set: what everything else depends on."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone

import pytest

from make import EMPTY, contact, message, refused

MISSING = "arn:aws:ssm-incidents::{}:replication-set/4e1fd62d-3dd5-4c60-a0a0-0a4e60a5a8b1"
NOT_ONBOARDED = "Invalid value provided - Account not found for the request"


def create(account, *regions, **rest):
    regions = {name: {} for name in regions or ("us-east-1",)}
    return account.incidents().create_replication_set(regions=regions, **rest)["arn"]


def get(account, arn, region="us-east-1"):
    return account.incidents(region).get_replication_set(arn=arn)["replicationSet"]


def update(account, arn, **action):
    account.incidents().update_replication_set(arn=arn, actions=[action])


def key(account, region):
    return f"arn:aws:kms:{region}:{account.id}:key/{uuid.uuid4()}"


def test_life(bare):
    client = bare.incidents()
    assert client.list_replication_sets()["replicationSetArns"] == []
    before = datetime.now(timezone.utc) - timedelta(seconds=2)
    arn = create(bare)
    assert arn.startswith(f"arn:aws:ssm-incidents::{bare.id}:replication-set/")
    uuid.UUID(arn.rsplit("/", 1)[1])
    assert client.list_replication_sets()["replicationSetArns"] == [arn]

    got = get(bare, arn)
    assert got["arn"] == arn
    assert got["status"] == "ACTIVE"
    assert got["deletionProtected"] is False
    assert f":{bare.id}:" in got["createdBy"]
    assert f":{bare.id}:" in got["lastModifiedBy"]
    assert before <= got["createdTime"] <= got["lastModifiedTime"] <= datetime.now(timezone.utc) + timedelta(seconds=2)
    assert set(got["regionMap"]) == {"us-east-1"}
    region = got["regionMap"]["us-east-1"]
    assert region["status"] == "ACTIVE"
    assert region["sseKmsKeyId"] == "DefaultKey"
    assert "statusUpdateDateTime" in region

    contact(bare)
    client.delete_replication_set(arn=arn)
    refused("ResourceNotFoundException", client.get_replication_set, arn=arn)
    assert client.list_replication_sets()["replicationSetArns"] == []
    refused("ValidationException", bare.contacts().list_contacts)

    second = create(bare)
    assert second != arn
    assert bare.contacts().list_contacts()["Contacts"] == [], "all data went with the first set"


def test_not_onboarded(bare):
    arn = bare.arn("ana")
    phone = f"arn:aws:ssm-contacts:us-east-1:{bare.id}:contact-channel/ana/{uuid.uuid4()}"
    client = bare.contacts()
    for call, parameters in [
        (client.list_contacts, {}),
        (client.get_contact, {"ContactId": arn}),
        (client.create_contact, {"Alias": "ana", "Type": "PERSONAL", "Plan": EMPTY}),
        (client.update_contact, {"ContactId": arn, "DisplayName": "A"}),
        (client.delete_contact, {"ContactId": arn}),
        (
            client.create_contact_channel,
            {"ContactId": arn, "Name": "p", "Type": "SMS", "DeliveryAddress": {"SimpleAddress": "+12025550123"}},
        ),
        (client.list_contact_channels, {"ContactId": arn}),
        (client.get_contact_channel, {"ContactChannelId": phone}),
        (client.update_contact_channel, {"ContactChannelId": phone, "Name": "q"}),
        (client.delete_contact_channel, {"ContactChannelId": phone}),
        (client.send_activation_code, {"ContactChannelId": phone}),
        (client.activate_contact_channel, {"ContactChannelId": phone, "ActivationCode": "123456"}),
        (client.deactivate_contact_channel, {"ContactChannelId": phone}),
        (client.get_contact_policy, {"ContactArn": arn}),
        (client.put_contact_policy, {"ContactArn": arn, "Policy": "{}"}),
        (client.list_tags_for_resource, {"ResourceARN": arn}),
        (client.tag_resource, {"ResourceARN": arn, "Tags": []}),
        (client.untag_resource, {"ResourceARN": arn, "TagKeys": []}),
    ]:
        assert message(refused("ValidationException", call, **parameters)) == NOT_ONBOARDED, call


def test_missing(account):
    client = account.incidents()
    arn = MISSING.format(account.id)
    refused("ResourceNotFoundException", client.get_replication_set, arn=arn)
    refused("ResourceNotFoundException", client.delete_replication_set, arn=arn)
    refused("ResourceNotFoundException", client.update_deletion_protection, arn=arn, deletionProtected=True)
    action = {"addRegionAction": {"regionName": "eu-west-1"}}
    refused("ResourceNotFoundException", client.update_replication_set, arn=arn, actions=[action])


def test_missing_without_a_set(bare):
    refused("ResourceNotFoundException", bare.incidents().get_replication_set, arn=MISSING.format(bare.id))


def test_of_another_account(account, simulator, number):
    [arn] = account.incidents().list_replication_sets()["replicationSetArns"]
    other = simulator.account(number())
    legal = {"ResourceNotFoundException", "AccessDeniedException"}
    refused(legal, other.incidents().get_replication_set, arn=arn)
    refused(legal, other.incidents().delete_replication_set, arn=arn)
    assert get(account, arn)["status"] == "ACTIVE"


def test_only_one(bare):
    arn = create(bare)
    error = refused("ServiceQuotaExceededException", bare.incidents().create_replication_set, regions={"us-east-1": {}})
    assert error["serviceCode"] == "ssm-incidents"
    assert error["quotaCode"]
    assert bare.incidents().list_replication_sets()["replicationSetArns"] == [arn]


def test_the_callers_region_must_be_one_of_the_regions(bare):
    error = refused("ValidationException", bare.incidents().create_replication_set, regions={"eu-west-1": {}})
    assert message(error)
    assert bare.incidents().list_replication_sets()["replicationSetArns"] == []


def test_regions_that_are_none(bare):
    refused(
        "ValidationException",
        bare.incidents().create_replication_set,
        regions={"us-east-1": {}, "mars-north-1": {}},
    )


def test_idempotency_token(bare):
    token = str(uuid.uuid4())
    arn = create(bare, clientToken=token)
    assert create(bare, clientToken=token) == arn


def test_regions_come_and_go(bare):
    arn = create(bare, "us-east-1", "eu-west-1")
    update(bare, arn, addRegionAction={"regionName": "ap-south-1"})
    got = get(bare, arn)
    assert (got["status"], set(got["regionMap"])) == ("ACTIVE", {"us-east-1", "eu-west-1", "ap-south-1"})
    contact(bare, region="ap-south-1")

    error = refused(
        {"ValidationException", "ConflictException"},
        bare.incidents().update_replication_set,
        arn=arn,
        actions=[{"addRegionAction": {"regionName": "eu-north-1"}}],
    )
    assert message(error), "three are the most"
    refused(
        {"ValidationException", "ConflictException"},
        bare.incidents().update_replication_set,
        arn=arn,
        actions=[{"addRegionAction": {"regionName": "eu-west-1"}}],
    )

    update(bare, arn, deleteRegionAction={"regionName": "ap-south-1"})
    assert set(get(bare, arn)["regionMap"]) == {"us-east-1", "eu-west-1"}
    error = refused("ValidationException", bare.contacts("ap-south-1").list_contacts)
    assert message(error) == NOT_ONBOARDED
    refused(
        {"ValidationException", "ResourceNotFoundException"},
        bare.incidents().update_replication_set,
        arn=arn,
        actions=[{"deleteRegionAction": {"regionName": "ap-south-1"}}],
    )


def test_the_set_is_seen_from_each_of_its_regions(bare):
    arn = create(bare, "us-east-1", "eu-west-1")
    assert get(bare, arn, "eu-west-1")["arn"] == arn
    assert bare.incidents("eu-west-1").list_replication_sets()["replicationSetArns"] == [arn]


def test_a_region_outside_the_set(account):
    contact(account)
    error = refused("ValidationException", account.contacts("eu-west-1").list_contacts)
    assert message(error) == NOT_ONBOARDED
    error = refused(
        "ValidationException",
        account.contacts("eu-west-1").create_contact,
        Alias="ana",
        Type="PERSONAL",
        Plan=EMPTY,
    )
    assert message(error) == NOT_ONBOARDED


def test_deletion_protection(bare):
    client = bare.incidents()
    arn = create(bare, "us-east-1", "eu-west-1")
    client.update_deletion_protection(arn=arn, deletionProtected=True)
    assert get(bare, arn)["deletionProtected"] is True
    refused("ValidationException", client.delete_replication_set, arn=arn)
    update(bare, arn, deleteRegionAction={"regionName": "eu-west-1"})
    assert set(get(bare, arn)["regionMap"]) == {"us-east-1"}, "protection is for the last Region"
    refused(
        "ValidationException",
        client.update_replication_set,
        arn=arn,
        actions=[{"deleteRegionAction": {"regionName": "us-east-1"}}],
    )
    client.update_deletion_protection(arn=arn, deletionProtected=False)
    assert get(bare, arn)["deletionProtected"] is False
    client.delete_replication_set(arn=arn)
    assert client.list_replication_sets()["replicationSetArns"] == []


def test_keys(bare):
    home, abroad = key(bare, "us-east-1"), key(bare, "eu-west-1")
    client = bare.incidents()
    for regions in (
        {"us-east-1": {"sseKmsKeyId": home}, "eu-west-1": {}},
        {"us-east-1": {"sseKmsKeyId": abroad}},
    ):
        refused("ValidationException", client.create_replication_set, regions=regions)
    arn = client.create_replication_set(regions={"us-east-1": {"sseKmsKeyId": home}})["arn"]
    assert get(bare, arn)["regionMap"]["us-east-1"]["sseKmsKeyId"] == home
    refused(
        "ValidationException",
        client.update_replication_set,
        arn=arn,
        actions=[{"addRegionAction": {"regionName": "eu-west-1"}}],
    )
    update(bare, arn, addRegionAction={"regionName": "eu-west-1", "sseKmsKeyId": abroad})
    assert get(bare, arn)["regionMap"]["eu-west-1"]["sseKmsKeyId"] == abroad


def test_transitions_take_their_time(own, number):
    simulator = own("--knob", "state_delay_ms=60000")
    account = simulator.account(number(), onboard=())
    client = account.incidents()
    arn = create(account)
    assert get(account, arn)["status"] == "CREATING"
    assert get(account, arn)["regionMap"]["us-east-1"]["status"] == "CREATING"
    assert message(refused("ValidationException", account.contacts().list_contacts)) == NOT_ONBOARDED
    legal = {"ConflictException", "ValidationException"}
    action = {"addRegionAction": {"regionName": "eu-west-1"}}
    refused(legal, client.update_replication_set, arn=arn, actions=[action])
    simulator.advance(30)
    assert get(account, arn)["status"] == "CREATING"
    simulator.advance(31)
    assert get(account, arn)["status"] == "ACTIVE"
    client.get_waiter("wait_for_replication_set_active").wait(arn=arn, WaiterConfig={"Delay": 0, "MaxAttempts": 1})
    contact(account)
    assert client.list_replication_sets()["replicationSetArns"] == [arn]

    update(account, arn, **action)
    got = get(account, arn)
    assert (got["status"], got["regionMap"]["eu-west-1"]["status"]) == ("UPDATING", "CREATING")
    contact(account, "during")
    error = refused("ValidationException", account.contacts("eu-west-1").list_contacts)
    assert message(error) == NOT_ONBOARDED, "not before the Region is there"
    refused(legal, client.update_replication_set, arn=arn, actions=[action])
    refused(legal, client.delete_replication_set, arn=arn)
    simulator.advance(61)
    got = get(account, arn)
    assert (got["status"], got["regionMap"]["eu-west-1"]["status"]) == ("ACTIVE", "ACTIVE")

    update(account, arn, deleteRegionAction={"regionName": "eu-west-1"})
    got = get(account, arn)
    assert (got["status"], got["regionMap"]["eu-west-1"]["status"]) == ("UPDATING", "DELETING")
    refused("ValidationException", account.contacts("eu-west-1").list_contacts)
    simulator.advance(61)
    assert set(get(account, arn)["regionMap"]) == {"us-east-1"}

    client.delete_replication_set(arn=arn)
    assert get(account, arn)["status"] == "DELETING"
    assert message(refused("ValidationException", account.contacts().list_contacts)) == NOT_ONBOARDED
    simulator.advance(61)
    refused("ResourceNotFoundException", client.get_replication_set, arn=arn)
    waiter = client.get_waiter("wait_for_replication_set_deleted")
    waiter.wait(arn=arn, WaiterConfig={"Delay": 0, "MaxAttempts": 1})


def test_pagination_and_bad_token(account):
    client = account.incidents()
    page = client.list_replication_sets(maxResults=1)
    assert len(page["replicationSetArns"]) == 1
    assert "nextToken" not in page
    refused("ValidationException", client.list_replication_sets, nextToken="nonsense")


@pytest.mark.parametrize(
    "action",
    [{}, {"addRegionAction": {"regionName": "eu-west-1"}, "deleteRegionAction": {"regionName": "us-east-1"}}],
    ids=["none", "both"],
)
def test_an_action_is_a_union(account, action):
    [arn] = account.incidents().list_replication_sets()["replicationSetArns"]
    client = account.incidents(validate=False)
    refused("ValidationException", client.update_replication_set, arn=arn, actions=[action])
    assert set(get(account, arn)["regionMap"]) == {"us-east-1"}


def test_the_last_region_takes_the_set_along(bare):
    arn = create(bare)
    contact(bare)
    update(bare, arn, deleteRegionAction={"regionName": "us-east-1"})
    refused("ResourceNotFoundException", bare.incidents().get_replication_set, arn=arn)
    create(bare)
    assert bare.contacts().list_contacts()["Contacts"] == []


def test_removing_a_region_takes_its_contacts_along(bare):
    arn = create(bare, "us-east-1", "eu-west-1")
    contact(bare)
    contact(bare, region="eu-west-1")
    update(bare, arn, deleteRegionAction={"regionName": "eu-west-1"})
    update(bare, arn, addRegionAction={"regionName": "eu-west-1"})
    assert bare.contacts("eu-west-1").list_contacts()["Contacts"] == []
    assert len(bare.contacts().list_contacts()["Contacts"]) == 1


def test_idempotency_tokens_of_updates(bare):
    client = bare.incidents()
    arn, token = create(bare), str(uuid.uuid4())
    add = {"arn": arn, "actions": [{"addRegionAction": {"regionName": "eu-west-1"}}], "clientToken": token}
    client.update_replication_set(**add)
    client.update_replication_set(**add)
    assert set(get(bare, arn)["regionMap"]) == {"us-east-1", "eu-west-1"}
    remove = {**add, "actions": [{"deleteRegionAction": {"regionName": "eu-west-1"}}]}
    refused("ConflictException", client.update_replication_set, **remove)
    protect = {"arn": arn, "clientToken": str(uuid.uuid4())}
    client.update_deletion_protection(**protect, deletionProtected=True)
    client.update_deletion_protection(**protect, deletionProtected=True)
    refused("ValidationException", client.update_deletion_protection, **protect, deletionProtected=False)
    assert get(bare, arn)["deletionProtected"] is True


def test_the_same_token_with_other_regions(bare):
    token = str(uuid.uuid4())
    arn = create(bare, clientToken=token)
    legal = {"ConflictException", "ServiceQuotaExceededException"}
    regions = {"us-east-1": {}, "eu-west-1": {}}
    refused(legal, bare.incidents().create_replication_set, regions=regions, clientToken=token)
    assert set(get(bare, arn)["regionMap"]) == {"us-east-1"}


def test_what_it_takes_to_create_one(bare):
    bare.iam(deny=["iam:CreateServiceLinkedRole"])
    error = refused("AccessDeniedException", bare.incidents().create_replication_set, regions={"us-east-1": {}})
    assert "iam:CreateServiceLinkedRole" in message(error)
    bare.iam(deny=["ssm-incidents:TagResource"])
    error = refused(
        "AccessDeniedException", bare.incidents().create_replication_set, regions={"us-east-1": {}}, tags={"a": "b"}
    )
    assert "ssm-incidents:TagResource" in message(error)
    create(bare)


def test_modification_is_noted(own, number):
    simulator = own()
    account = simulator.account(number(), onboard=())
    arn = create(account)
    created = get(account, arn)["createdTime"]
    simulator.advance(3600)
    account.incidents().update_deletion_protection(arn=arn, deletionProtected=True)
    got = get(account, arn)
    assert got["createdTime"] == created
    assert timedelta(minutes=59) < got["lastModifiedTime"] - created < timedelta(minutes=61)


def test_a_set_out_of_sight(simulator, number):
    account = simulator.account(number(), onboard=("us-east-1", "eu-west-1"))
    [arn] = account.incidents().list_replication_sets()["replicationSetArns"]
    elsewhere = account.incidents("us-west-2")
    assert elsewhere.list_replication_sets()["replicationSetArns"] == [arn]
    account.knobs(replication_set_elsewhere="missing")
    assert elsewhere.list_replication_sets()["replicationSetArns"] == []
    refused("ResourceNotFoundException", elsewhere.get_replication_set, arn=arn)
    refused("ResourceNotFoundException", elsewhere.delete_replication_set, arn=arn)
    refused("ServiceQuotaExceededException", elsewhere.create_replication_set, regions={"us-west-2": {}})
    second = account.incidents("eu-west-1")
    second.update_replication_set(arn=arn, actions=[{"deleteRegionAction": {"regionName": "eu-west-1"}}])
    refused("ResourceNotFoundException", second.get_replication_set, arn=arn)
    assert set(get(account, arn)["regionMap"]) == {"us-east-1"}


def test_a_set_that_failed(account, simulator):
    [arn] = account.incidents().list_replication_sets()["replicationSetArns"]
    state = {"status": "FAILED", "regions": {"us-east-1": "FAILED"}, "statusMessage": "The key is disabled"}
    simulator.control("PUT", f"/accounts/{account.id}/replication-set", state)
    got = get(account, arn)
    assert (got["status"], got["regionMap"]["us-east-1"]["status"]) == ("FAILED", "FAILED")
    assert got["regionMap"]["us-east-1"]["statusMessage"] == "The key is disabled"
    refused("ValidationException", account.contacts().list_contacts)
    action = {"addRegionAction": {"regionName": "eu-west-1"}}
    refused("ConflictException", account.incidents().update_replication_set, arn=arn, actions=[action])
    account.incidents().delete_replication_set(arn=arn)
    refused("ResourceNotFoundException", account.incidents().get_replication_set, arn=arn)


def test_keys_that_cannot_be_used(bare, simulator):
    client = bare.incidents()
    mine = key(bare, "us-east-1")
    simulator.control("PUT", "/unusable", {"keys": [mine]}, account=bare.id)
    refused("ValidationException", client.create_replication_set, regions={"us-east-1": {"sseKmsKeyId": mine}})
    simulator.control("PUT", "/unusable", {}, account=bare.id)
    arn = client.create_replication_set(regions={"us-east-1": {"sseKmsKeyId": mine}})["arn"]
    simulator.control("PUT", "/unusable", {"keys": [mine]}, account=bare.id)
    refused("ValidationException", client.delete_replication_set, arn=arn)
    last = {"deleteRegionAction": {"regionName": "us-east-1"}}
    refused("ValidationException", client.update_replication_set, arn=arn, actions=[last])
    simulator.control("PUT", "/unusable", {}, account=bare.id)
    client.delete_replication_set(arn=arn)
    refused("ResourceNotFoundException", client.get_replication_set, arn=arn)
