"""Who is calling, and roles of other accounts."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from make import contact, message, refused

ROLE = "arn:aws:iam::{}:role/{}"


def assume(account, other, name="operator", **rest):
    return account.sts().assume_role(RoleArn=ROLE.format(other.id, name), RoleSessionName="session-1", **rest)


def clients(simulator, credentials, number):
    """The account's clients under temporary credentials."""
    made = simulator.account(number, onboard=())
    options = {"key": credentials["AccessKeyId"], "token": credentials["SessionToken"]}
    return made, options


def test_caller_identity(account):
    got = account.sts().get_caller_identity()
    assert got["Account"] == account.id
    assert got["Arn"].startswith(f"arn:aws:iam::{account.id}:")
    assert got["UserId"]


def test_keys_without_an_account_belong_to_the_default_one(simulator, number):
    account = simulator.account(number(), onboard=())
    assert account.sts(key="AKIAIOSFODNN7EXAMPLE").get_caller_identity()["Account"] == "123456789012"


def test_the_region_does_not_matter(account):
    for region in "us-east-1", "eu-west-1", "aws-global":
        assert account.sts(region).get_caller_identity()["Account"] == account.id


def test_assume_role_of_another_account(account, simulator, number):
    other = simulator.account(number())
    got = assume(account, other)
    credentials = got["Credentials"]
    assert credentials["AccessKeyId"].startswith("ASIA" + other.id)
    assert credentials["SecretAccessKey"]
    assert credentials["SessionToken"]
    lifetime = credentials["Expiration"] - datetime.now(timezone.utc)
    assert timedelta(minutes=55) < lifetime < timedelta(minutes=65)
    arn = f"arn:aws:sts::{other.id}:assumed-role/operator/session-1"
    assert got["AssumedRoleUser"]["Arn"] == arn
    assert got["AssumedRoleUser"]["AssumedRoleId"].endswith(":session-1")

    there, options = clients(simulator, credentials, other.id)
    identity = there.sts(**options).get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == (other.id, arn)
    assert identity["UserId"] == got["AssumedRoleUser"]["AssumedRoleId"]

    made = there.contacts(**options).create_contact(Alias="ana", Type="PERSONAL", Plan={"Stages": []})
    assert made["ContactArn"] == other.arn("ana")
    assert account.contacts().list_contacts()["Contacts"] == []
    assert other.calls(operation="CreateContact")[0]["principal"] == arn


def test_two_sessions_are_two_keys(account, simulator, number):
    other = simulator.account(number())
    keys = {assume(account, other)["Credentials"]["AccessKeyId"] for _ in range(3)}
    assert len(keys) == 3


def test_role_with_a_path(account, simulator, number):
    other = simulator.account(number())
    got = assume(account, other, "teams/ops/operator")
    assert got["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{other.id}:assumed-role/operator/session-1"


def test_duration(account, simulator, number):
    credentials = assume(account, simulator.account(number()), DurationSeconds=900)["Credentials"]
    lifetime = credentials["Expiration"] - datetime.now(timezone.utc)
    assert timedelta(minutes=10) < lifetime < timedelta(minutes=20)


def test_role_chaining(account, simulator, number):
    second, third = simulator.account(number()), simulator.account(number())
    hop, options = clients(simulator, assume(account, second)["Credentials"], second.id)
    role = ROLE.format(third.id, "last")
    got = hop.sts(**options).assume_role(RoleArn=role, RoleSessionName="hop")
    final, options = clients(simulator, got["Credentials"], third.id)
    assert final.sts(**options).get_caller_identity()["Arn"] == f"arn:aws:sts::{third.id}:assumed-role/last/hop"


def test_temporary_credentials_of_its_own_account(account, simulator):
    same, options = clients(simulator, assume(account, account)["Credentials"], account.id)
    arn = contact(account)
    assert same.contacts(**options).get_contact(ContactId=arn)["Alias"] == "ana"


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:s3:::bucket-of-somebody",
        "arn:aws:iam::123456789012:user/somebody",
        "arn:aws:iam::12345678901x:role/operator",
        "arn:aws:iam::1234567890123:role/operator",
        "arn:aws-cn:iam::123456789012:role/operator",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:role/" + "r" * 65,
        "nothing-of-an-arn-at-all",
    ],
)
def test_what_is_no_role(account, arn):
    error = refused(
        {"ValidationError", "AccessDenied"}, account.sts().assume_role, RoleArn=arn, RoleSessionName="session-1"
    )
    assert message(error)


def test_denied(account, simulator, number):
    other = simulator.account(number())
    account.iam(deny=["sts:AssumeRole"])
    error = refused(
        "AccessDenied",
        account.sts().assume_role,
        RoleArn=ROLE.format(other.id, "operator"),
        RoleSessionName="session-1",
    )
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert "is not authorized to perform: sts:AssumeRole" in message(error)


def test_who_one_is_cannot_be_denied(account):
    # AWS answers GetCallerIdentity whatever the policies say.
    account.iam(deny=["*"])
    assert account.sts().get_caller_identity()["Account"] == account.id


def test_session_policy_and_tags_are_taken(account, simulator, number):
    other = simulator.account(number())
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    assume(
        account,
        other,
        Policy=json.dumps(policy),
        Tags=[{"Key": "team", "Value": "ops"}],
        TransitiveTagKeys=["team"],
        ExternalId="external",
    )
    [call] = account.calls(operation="AssumeRole")
    assert call["request"]["RoleArn"] == ROLE.format(other.id, "operator")
    assert call["service"] == "sts"
