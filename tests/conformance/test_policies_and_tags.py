"""Contact policies, tags of contacts, tags of replication sets."""

from __future__ import annotations

import json

import pytest

from make import channel, contact, refused, tags


def policy(account, arn, principal="111122223333"):
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "share",
                    "Effect": "Allow",
                    "Principal": {"AWS": principal},
                    "Action": ["ssm-contacts:GetContact", "ssm-contacts:StartEngagement"],
                    "Resource": [arn, f"arn:aws:ssm-contacts:us-east-1:{account.id}:engagement/ana/*"],
                }
            ],
        }
    )


def test_contact_policy(account):
    client = account.contacts()
    arn = contact(account)
    assert "Policy" not in client.get_contact_policy(ContactArn=arn)

    first = policy(account, arn)
    client.put_contact_policy(ContactArn=arn, Policy=first)
    got = client.get_contact_policy(ContactArn=arn)
    assert got["ContactArn"] == arn
    assert json.loads(got["Policy"]) == json.loads(first)

    second = policy(account, arn, "444455556666")
    client.put_contact_policy(ContactArn=arn, Policy=second)
    assert json.loads(client.get_contact_policy(ContactArn=arn)["Policy"]) == json.loads(second)

    client.delete_contact(ContactId=arn)
    contact(account)
    assert "Policy" not in client.get_contact_policy(ContactArn=arn), "the policy went with the contact"


def test_contact_policy_that_is_no_policy(account):
    arn = contact(account)
    for text in ("not json", "[]", '{"Version": "2012-10-17"'):
        refused("ValidationException", account.contacts().put_contact_policy, ContactArn=arn, Policy=text)
    assert "Policy" not in account.contacts().get_contact_policy(ContactArn=arn)


def test_policy_of_a_missing_contact(account):
    client = account.contacts()
    arn = account.arn("nobody")
    refused("ResourceNotFoundException", client.get_contact_policy, ContactArn=arn)
    refused("ResourceNotFoundException", client.put_contact_policy, ContactArn=arn, Policy=policy(account, arn))


def test_contact_tags(account):
    client = account.contacts()
    arn = contact(account)
    assert tags(account, arn) == {}
    client.tag_resource(ResourceARN=arn, Tags=[{"Key": "team", "Value": "ops"}, {"Key": "tier", "Value": "1"}])
    client.tag_resource(ResourceARN=arn, Tags=[{"Key": "team", "Value": "dev"}, {"Key": "Team", "Value": "x"}])
    assert tags(account, arn) == {"team": "dev", "tier": "1", "Team": "x"}
    client.untag_resource(ResourceARN=arn, TagKeys=["tier", "never-there"])
    assert tags(account, arn) == {"team": "dev", "Team": "x"}
    client.untag_resource(ResourceARN=arn, TagKeys=[])
    client.tag_resource(ResourceARN=arn, Tags=[])
    assert tags(account, arn) == {"team": "dev", "Team": "x"}


def test_contact_tags_are_limited_to_fifty(account):
    client = account.contacts()
    arn = contact(account, Tags=[{"Key": f"k{n}", "Value": "v"} for n in range(50)])
    client.tag_resource(ResourceARN=arn, Tags=[{"Key": "k1", "Value": "w"}])
    refused(
        {"ServiceQuotaExceededException", "ValidationException"},
        client.tag_resource,
        ResourceARN=arn,
        Tags=[{"Key": "one-more", "Value": "v"}],
    )
    got = tags(account, arn)
    assert len(got) == 50
    assert got["k1"] == "w"


def test_tags_of_what_is_missing_or_cannot_have_any(account):
    client = account.contacts()
    for arn in account.arn("nobody"), f"arn:aws:ssm-contacts:us-east-1:{account.id}:rotation/nothing":
        refused("ResourceNotFoundException", client.list_tags_for_resource, ResourceARN=arn)
        refused("ResourceNotFoundException", client.tag_resource, ResourceARN=arn, Tags=[{"Key": "a", "Value": "b"}])
        refused("ResourceNotFoundException", client.untag_resource, ResourceARN=arn, TagKeys=["a"])
    phone = channel(account, contact(account))
    wrong = {"ValidationException", "ResourceNotFoundException"}
    refused(wrong, client.tag_resource, ResourceARN=phone, Tags=[{"Key": "a", "Value": "b"}])
    refused(wrong, client.list_tags_for_resource, ResourceARN=phone)


def test_tags_go_with_the_contact(account):
    arn = contact(account, Tags=[{"Key": "team", "Value": "ops"}])
    account.contacts().delete_contact(ContactId=arn)
    refused("ResourceNotFoundException", account.contacts().list_tags_for_resource, ResourceARN=arn)
    contact(account)
    assert tags(account, arn) == {}


@pytest.mark.parametrize("first", [True, False])
def test_tags_outside_the_first_region(simulator, number, first):
    account = simulator.account(number(), onboard=("us-east-1", "eu-west-1"))
    region = "us-east-1" if first else "eu-west-1"
    client = account.contacts(region)
    wish = {"Alias": "ana", "Type": "PERSONAL", "Plan": {"Stages": []}}
    tag = [{"Key": "team", "Value": "ops"}]
    arn = client.create_contact(**wish)["ContactArn"]
    assert arn == account.arn("ana", region)
    if first:
        client.tag_resource(ResourceARN=arn, Tags=tag)
        assert tags(account, arn, region) == {"team": "ops"}
        return
    legal = {"ValidationException", "AccessDeniedException", "ResourceNotFoundException"}
    refused(legal, client.list_tags_for_resource, ResourceARN=arn)
    refused(legal, client.tag_resource, ResourceARN=arn, Tags=tag)
    refused(legal, client.untag_resource, ResourceARN=arn, TagKeys=["team"])
    refused({"ValidationException", "AccessDeniedException"}, client.create_contact, **{**wish, "Alias": "ben"}, Tags=tag)
    refused("ResourceNotFoundException", client.get_contact, ContactId=account.arn("ben", region))
    account.knobs(tags_outside_first_region="work")
    client.tag_resource(ResourceARN=arn, Tags=tag)
    assert tags(account, arn, region) == {"team": "ops"}


def test_replication_set_tags(bare):
    client = bare.incidents()
    arn = client.create_replication_set(regions={"us-east-1": {}}, tags={"team": "ops", "empty": ""})["arn"]
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "ops", "empty": ""}
    client.tag_resource(resourceArn=arn, tags={"team": "dev", "with space": "a/b=c"})
    expected = {"team": "dev", "empty": "", "with space": "a/b=c"}
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == expected
    client.untag_resource(resourceArn=arn, tagKeys=["empty", "with space", "never-there"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "dev"}
    client.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {}


def test_replication_set_tags_are_limited_to_fifty(bare):
    client = bare.incidents()
    many = {f"k{n}": "v" for n in range(50)}
    arn = client.create_replication_set(regions={"us-east-1": {}}, tags=many)["arn"]
    client.tag_resource(resourceArn=arn, tags={"k1": "w"})
    refused(
        {"ServiceQuotaExceededException", "ValidationException"},
        client.tag_resource,
        resourceArn=arn,
        tags={"one-more": "v"},
    )
    assert len(client.list_tags_for_resource(resourceArn=arn)["tags"]) == 50


def test_tags_of_a_missing_replication_set(account):
    client = account.incidents()
    arn = f"arn:aws:ssm-incidents::{account.id}:replication-set/4e1fd62d-3dd5-4c60-a0a0-0a4e60a5a8b1"
    refused("ResourceNotFoundException", client.list_tags_for_resource, resourceArn=arn)
    refused("ResourceNotFoundException", client.tag_resource, resourceArn=arn, tags={"a": "b"})
    refused("ResourceNotFoundException", client.untag_resource, resourceArn=arn, tagKeys=["a"])


def test_a_tag_key_comes_once(account):
    client = account.contacts()
    twice = [{"Key": "team", "Value": "ops"}, {"Key": "team", "Value": "dev"}]
    refused("ValidationException", client.create_contact, Alias="ana", Type="PERSONAL", Plan={"Stages": []}, Tags=twice)
    arn = contact(account)
    refused("ValidationException", client.tag_resource, ResourceARN=arn, Tags=twice)
    assert tags(account, arn) == {}
