"""Contacts and their plans."""

from __future__ import annotations

import uuid

import pytest

from make import EMPTY, channel, contact, message, refused, stage, tags, to_channel, to_contact

MISSING = "arn:aws:ssm-contacts:us-east-1:{}:contact/nobody"


def test_create_get_update_delete(account):
    client = account.contacts()
    arn = contact(account, "ana", DisplayName="Ana Müller")
    assert arn == account.arn("ana")

    got = client.get_contact(ContactId=arn)
    del got["ResponseMetadata"]
    assert got == {
        "ContactArn": arn,
        "Alias": "ana",
        "DisplayName": "Ana Müller",
        "Type": "PERSONAL",
        "Plan": {"Stages": []},
    }

    client.update_contact(ContactId=arn, DisplayName="Ana")
    got = client.get_contact(ContactId=arn)
    assert got["DisplayName"] == "Ana"
    assert got["Plan"] == {"Stages": []}

    client.delete_contact(ContactId=arn)
    error = refused("ResourceNotFoundException", client.get_contact, ContactId=arn)
    assert arn in error["ResourceId"]
    assert error["ResourceType"]
    assert contact(account, "ana", kind="ESCALATION") == arn, "the alias is free again"
    assert client.get_contact(ContactId=arn)["Type"] == "ESCALATION"


def test_absent_members_of_update_stay(account):
    client = account.contacts()
    arn = contact(account, DisplayName="Ana")
    phone = channel(account, arn)
    plan = {"Stages": [stage(to_channel(phone, retry=7), minutes=3)]}

    client.update_contact(ContactId=arn, Plan=plan)
    got = client.get_contact(ContactId=arn)
    assert (got["DisplayName"], got["Plan"]) == ("Ana", plan)

    client.update_contact(ContactId=arn, DisplayName="")
    got = client.get_contact(ContactId=arn)
    assert got.get("DisplayName", "") == ""
    assert got["Plan"] == plan

    client.update_contact(ContactId=arn, Plan=EMPTY)
    assert client.get_contact(ContactId=arn)["Plan"] == EMPTY, "a plan replaces the whole plan"


def test_update_without_anything_changes_nothing(account):
    arn = contact(account, DisplayName="Ana")
    account.contacts().update_contact(ContactId=arn)
    assert account.contacts().get_contact(ContactId=arn)["DisplayName"] == "Ana"


def test_alias_is_unique(account):
    arn = contact(account, "ana")
    error = refused("ConflictException", account.contacts().create_contact, Alias="ana", Type="PERSONAL", Plan=EMPTY)
    assert arn in error["ResourceId"]
    assert error["ResourceType"]
    assert len(account.contacts().list_contacts()["Contacts"]) == 1


@pytest.mark.parametrize("operation", ["get_contact", "update_contact", "delete_contact", "list_contact_channels"])
def test_missing_contact(account, operation):
    arn = MISSING.format(account.id)
    error = refused("ResourceNotFoundException", getattr(account.contacts(), operation), ContactId=arn)
    assert arn in error["ResourceId"]


def test_delete_twice(account):
    arn = contact(account)
    account.contacts().delete_contact(ContactId=arn)
    refused("ResourceNotFoundException", account.contacts().delete_contact, ContactId=arn)


def test_list_filters(account):
    made = {
        contact(account, "ops-ana", DisplayName="Ana"): "PERSONAL",
        contact(account, "ops-ben"): "PERSONAL",
        contact(account, "ops-all", kind="ESCALATION"): "ESCALATION",
        contact(account, "dev-cy", kind="ONCALL_SCHEDULE"): "ONCALL_SCHEDULE",
    }
    client = account.contacts()

    def listed(**query):
        return {each["ContactArn"]: each["Type"] for each in client.list_contacts(**query)["Contacts"]}

    assert listed() == made
    assert listed(AliasPrefix="ops-") == {arn: kind for arn, kind in made.items() if "/ops-" in arn}
    assert listed(AliasPrefix="ops-a") == {arn: kind for arn, kind in made.items() if "/ops-a" in arn}
    assert listed(AliasPrefix="ops-ana") == {account.arn("ops-ana"): "PERSONAL"}
    assert listed(AliasPrefix="ana") == {}, "a prefix, not a substring"
    assert listed(Type="ESCALATION") == {account.arn("ops-all"): "ESCALATION"}
    assert listed(Type="PERSONAL", AliasPrefix="dev") == {}
    ana = next(each for each in client.list_contacts(AliasPrefix="ops-ana")["Contacts"])
    assert (ana["Alias"], ana["DisplayName"]) == ("ops-ana", "Ana")


def test_escalation_plan_round_trip(account):
    client = account.contacts()
    ana, ben = contact(account, "ana"), contact(account, "ben")
    schedule = contact(account, "week", kind="ONCALL_SCHEDULE")
    plan = {
        "Stages": [
            stage(to_contact(ana, essential=True), to_contact(ben), minutes=0),
            stage(to_contact(schedule), minutes=30),
            stage(minutes=15),
        ]
    }
    arn = contact(account, "all", kind="ESCALATION", plan=plan)
    assert client.get_contact(ContactId=arn)["Plan"] == plan

    client.delete_contact(ContactId=ana)
    assert client.get_contact(ContactId=arn)["Plan"] == plan, "references dangle, they are not stripped"


def test_personal_plan_keeps_a_deleted_channel(account):
    client = account.contacts()
    arn = contact(account)
    phone, mail = channel(account, arn), channel(account, arn, "mail", "EMAIL", "ana@example.com")
    plan = {"Stages": [stage(to_channel(phone, retry=0), to_channel(mail, retry=60), minutes=30)]}
    client.update_contact(ContactId=arn, Plan=plan)
    client.delete_contact_channel(ContactChannelId=phone)
    assert client.get_contact(ContactId=arn)["Plan"] == plan


def test_retry_interval_may_be_absent(account):
    client = account.contacts()
    arn = contact(account)
    target = {"ChannelTargetInfo": {"ContactChannelId": channel(account, arn)}}
    client.update_contact(ContactId=arn, Plan={"Stages": [stage(target)]})
    [got] = client.get_contact(ContactId=arn)["Plan"]["Stages"][0]["Targets"]
    assert got["ChannelTargetInfo"]["ContactChannelId"] == target["ChannelTargetInfo"]["ContactChannelId"]


def test_oncall_schedule_refuses_stages(account):
    client = account.contacts()
    plan = {"Stages": [stage(to_contact(contact(account)))]}
    error = refused("ValidationException", client.create_contact, Alias="week", Type="ONCALL_SCHEDULE", Plan=plan)
    assert message(error) == "Invalid value provided - ONCALL SCHEDULE contact cannot have stages in plan"
    schedule = contact(account, "week", kind="ONCALL_SCHEDULE")
    error = refused("ValidationException", client.update_contact, ContactId=schedule, Plan=plan)
    assert "ONCALL SCHEDULE contact cannot have stages in plan" in message(error)
    assert client.get_contact(ContactId=schedule)["Plan"].get("Stages", []) == []


def test_plans_that_do_not_fit_the_type(account):
    client = account.contacts()
    ana, team = contact(account, "ana"), contact(account, "all", kind="ESCALATION")
    phone = channel(account, ana)
    rotation = f"arn:aws:ssm-contacts:us-east-1:{account.id}:rotation/{uuid.uuid4()}"
    for owner, plan in [
        (ana, {"Stages": [stage(to_contact(team))]}),
        (team, {"Stages": [stage(to_channel(phone))]}),
        (ana, {"RotationIds": [rotation]}),
        (team, {"RotationIds": [rotation]}),
        (ana, {"Stages": [stage({**to_channel(phone), **to_contact(ana)})]}),
        (ana, {"Stages": [stage({})]}),
        (ana, {"Stages": [stage(minutes=0)]}),
    ]:
        before = client.get_contact(ContactId=owner)["Plan"]
        error = refused("ValidationException", client.update_contact, ContactId=owner, Plan=plan)
        assert message(error).startswith("Invalid value provided - "), plan
        assert client.get_contact(ContactId=owner)["Plan"] == before


def test_an_escalation_plan_is_no_target(account):
    client = account.contacts()
    first = contact(account, "first", kind="ESCALATION")
    second = contact(account, "second", kind="ESCALATION")
    refused("ValidationException", client.update_contact, ContactId=first, Plan={"Stages": [stage(to_contact(second))]})


@pytest.mark.parametrize("count", [10, 11])
def test_stages_and_targets_are_limited_to_ten(account, count):
    client = account.contacts()
    arn = contact(account)
    phone = channel(account, arn)
    many_stages = {"Stages": [stage(to_channel(phone)) for _ in range(count)]}
    many_targets = {"Stages": [stage(*[to_channel(phone) for _ in range(count)])]}
    for plan in many_stages, many_targets:
        if count <= 10:
            client.update_contact(ContactId=arn, Plan=plan)
            assert client.get_contact(ContactId=arn)["Plan"] == plan
        else:
            refused(
                {"ValidationException", "ServiceQuotaExceededException"},
                client.update_contact,
                ContactId=arn,
                Plan=plan,
            )
            assert client.get_contact(ContactId=arn)["Plan"] == EMPTY


def test_deleting_a_contact_takes_its_channels_along(account):
    client = account.contacts()
    arn = contact(account)
    phone = channel(account, arn)
    client.delete_contact(ContactId=arn)
    refused("ResourceNotFoundException", client.get_contact_channel, ContactChannelId=phone)
    contact(account)
    assert client.list_contact_channels(ContactId=arn)["ContactChannels"] == [], "nor does it get them back"


def test_tags_at_creation(account):
    arn = contact(account, Tags=[{"Key": "team", "Value": "ops"}, {"Key": "a/b", "Value": "x y"}])
    assert tags(account, arn) == {"team": "ops", "a/b": "x y"}


def test_pagination(account):
    client = account.contacts()
    made = {contact(account, f"c{index}") for index in range(5)}

    seen, query, pages = [], {"MaxResults": 1}, 0
    while True:
        page = client.list_contacts(**query)
        assert len(page["Contacts"]) <= 1
        seen += [each["ContactArn"] for each in page["Contacts"]]
        pages += 1
        assert pages <= 6, "the walk does not end"
        if "NextToken" not in page:
            break
        query["NextToken"] = page["NextToken"]
    assert sorted(seen) == sorted(made)
    assert pages >= 5

    walk = client.get_paginator("list_contacts").paginate(PaginationConfig={"PageSize": 2})
    assert sorted(each["ContactArn"] for page in walk for each in page["Contacts"]) == sorted(made)
    assert "NextToken" not in client.list_contacts(MaxResults=1024)
    assert len(client.list_contacts(MaxResults=0)["Contacts"]) > 0, "zero is legal and means no wish"

    first = client.list_contacts(MaxResults=2, AliasPrefix="c")
    rest = client.list_contacts(AliasPrefix="c", NextToken=first["NextToken"])
    both = [each["ContactArn"] for each in first["Contacts"] + rest["Contacts"]]
    assert sorted(both) == sorted(made)


def test_pagination_of_channels(account):
    client = account.contacts()
    arn = contact(account)
    made = {channel(account, arn, f"mail {n}", "EMAIL", f"ana{n}@example.com") for n in range(4)}
    walk = client.get_paginator("list_contact_channels").paginate(ContactId=arn, PaginationConfig={"PageSize": 1})
    pages = [[each["ContactChannelArn"] for each in page["ContactChannels"]] for page in walk]
    assert all(len(page) <= 1 for page in pages)
    assert sorted(arn for page in pages for arn in page) == sorted(made)


def test_deleting_between_pages_skips_nobody(account):
    client = account.contacts()
    made = [contact(account, f"c{index}") for index in range(6)]
    page = client.list_contacts(MaxResults=2)
    seen = [each["ContactArn"] for each in page["Contacts"]]
    for arn in seen:
        client.delete_contact(ContactId=arn)
    walk = client.list_contacts(NextToken=page["NextToken"])
    seen += [each["ContactArn"] for each in walk["Contacts"]]
    assert sorted(seen) == sorted(made)


@pytest.mark.parametrize("operation", ["list_contacts", "list_contact_channels"])
def test_bad_next_token(account, operation):
    arn = contact(account)
    query = {"ContactId": arn} if operation == "list_contact_channels" else {}
    error = refused("ValidationException", getattr(account.contacts(), operation), NextToken="nonsense", **query)
    assert message(error)


def test_idempotency_token(account):
    client = account.contacts()
    token = str(uuid.uuid4())
    wish = {"Alias": "ana", "Type": "PERSONAL", "Plan": EMPTY, "DisplayName": "Ana"}
    arn = client.create_contact(**wish, IdempotencyToken=token)["ContactArn"]
    assert client.create_contact(**wish, IdempotencyToken=token)["ContactArn"] == arn
    refused("ConflictException", client.create_contact, **wish, IdempotencyToken=str(uuid.uuid4()))
    changed = {**wish, "DisplayName": "Other"}
    refused(
        {"ConflictException", "ValidationException"}, client.create_contact, **changed, IdempotencyToken=token
    )
    listed = client.list_contacts()["Contacts"]
    assert [(each["Alias"], each["DisplayName"]) for each in listed] == [("ana", "Ana")]


def test_idempotency_tokens_belong_to_an_account(account, simulator, number):
    other = simulator.account(number())
    token = str(uuid.uuid4())
    assert contact(account, IdempotencyToken=token) == account.arn("ana")
    assert contact(other, IdempotencyToken=token) == other.arn("ana")


def test_contacts_of_another_account(account, simulator, number):
    other = simulator.account(number())
    arn = contact(account)
    refused(
        {"ResourceNotFoundException", "AccessDeniedException"}, other.contacts().get_contact, ContactId=arn
    )
    assert other.contacts().list_contacts()["Contacts"] == []


def test_an_arn_of_another_kind(account):
    phone = channel(account, contact(account))
    refused(
        {"ValidationException", "ResourceNotFoundException"}, account.contacts().get_contact, ContactId=phone
    )


def test_a_token_belongs_to_its_list(account, simulator, number):
    client = account.contacts()
    owner = contact(account, "a0")
    for index in range(1, 4):
        contact(account, f"a{index}")
        channel(account, owner, f"mail {index}", "EMAIL", f"ana{index}@example.com")
    token = client.list_contacts(MaxResults=1)["NextToken"]
    channels = client.list_contact_channels(ContactId=owner, MaxResults=1)["NextToken"]
    refused("ValidationException", client.list_contacts, NextToken=token, AliasPrefix="a")
    refused("ValidationException", client.list_contacts, NextToken=channels)
    refused("ValidationException", client.list_contact_channels, ContactId=owner, NextToken=token)
    other = simulator.account(number())
    refused("ValidationException", other.contacts().list_contacts, NextToken=token)
    assert client.list_contacts(NextToken=token)["Contacts"]


def test_pages_are_full_by_default(account):
    client = account.contacts()
    for index in range(101):
        contact(account, f"c{index:03}")
    first = client.list_contacts()
    assert [each["Alias"] for each in first["Contacts"]] == [f"c{index:03}" for index in range(100)]
    second = client.list_contacts(NextToken=first["NextToken"])
    assert [each["Alias"] for each in second["Contacts"]] == ["c100"]
    assert "NextToken" not in second
    assert len(client.list_contacts(MaxResults=1024)["Contacts"]) == 101


def test_a_refused_create_uses_up_no_token(account):
    token = str(uuid.uuid4())
    account.fault("throttle", operation="CreateContact")
    wish = {"Alias": "ana", "Type": "PERSONAL", "Plan": EMPTY, "IdempotencyToken": token}
    refused("ThrottlingException", account.contacts().create_contact, **wish)
    arn = account.contacts().create_contact(**wish)["ContactArn"]
    assert account.contacts().get_contact(ContactId=arn)["Alias"] == "ana"


def test_a_create_whose_answer_was_lost_is_repeated_by_its_token(account):
    token = str(uuid.uuid4())
    account.fault("internal", operation="CreateContact", when="after")
    wish = {"Alias": "ana", "Type": "PERSONAL", "Plan": EMPTY, "IdempotencyToken": token}
    refused("InternalServerException", account.contacts().create_contact, **wish)
    assert account.contacts().create_contact(**wish)["ContactArn"] == account.arn("ana")


@pytest.mark.parametrize(("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_partitions(simulator, number, region, partition):
    account = simulator.account(number(), onboard=(region,))
    arn = contact(account, region=region)
    assert arn == f"arn:{partition}:ssm-contacts:{region}:{account.id}:contact/ana"
    assert account.contacts(region).get_contact(ContactId=arn)["ContactArn"] == arn
    [arn] = account.incidents(region).list_replication_sets()["replicationSetArns"]
    assert arn.startswith(f"arn:{partition}:ssm-incidents::{account.id}:replication-set/")
    assert account.sts(region).get_caller_identity()["Arn"].startswith(f"arn:{partition}:iam::{account.id}:")


def test_regions_of_a_set_do_not_see_each_others_contacts(simulator, number):
    account = simulator.account(number(), onboard=("us-east-1", "eu-west-1"))
    arn = contact(account)
    assert account.contacts("eu-west-1").list_contacts()["Contacts"] == []
    refused("ResourceNotFoundException", account.contacts("eu-west-1").get_contact, ContactId=arn)
    contact(account, region="eu-west-1")


def test_a_plan_holds_only_channels_of_its_contact(account):
    ana, ben = contact(account, "ana"), contact(account, "ben")
    phone = channel(account, ben)
    plan = {"Stages": [stage(to_channel(phone))]}
    error = refused("ValidationException", account.contacts().update_contact, ContactId=ana, Plan=plan)
    assert message(error) == f"Invalid value provided - Invalid resource Arn {phone}"
    account.contacts().update_contact(ContactId=ben, Plan=plan)


def test_a_plan_holds_only_what_exists(account):
    team = contact(account, "all", kind="ESCALATION")
    plan = {"Stages": [stage(to_contact(account.arn("nobody")))]}
    error = refused("ValidationException", account.contacts().update_contact, ContactId=team, Plan=plan)
    assert message(error) == f"Invalid value provided - Invalid resource Arn {account.arn('nobody')}"
