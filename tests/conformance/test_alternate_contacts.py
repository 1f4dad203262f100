"""Alternate contacts of accounts and of the members of an organization."""

from __future__ import annotations

from functools import partial

import pytest

from make import refused
from simulator import ControlError
from test_cli import Cli

SOMEBODY = {
    "Name": "Security team",
    "Title": "On call",
    "EmailAddress": "sec@example.com",
    "PhoneNumber": "+1 (202) 555-0123",
}
MISSING = "No contact of the inputted alternate contact type found."


def put(account, kind="SECURITY", **rest):
    return account.alternate_contacts().put_alternate_contact(AlternateContactType=kind, **{**SOMEBODY, **rest})


def get(account, kind="SECURITY", **rest):
    return account.alternate_contacts().get_alternate_contact(AlternateContactType=kind, **rest)["AlternateContact"]


def missing(call, *arguments, **wish):
    error = refused("ResourceNotFoundException", partial(call, *arguments, **wish))
    assert error["Error"]["Message"] == MISSING
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert error["ResponseMetadata"]["HTTPHeaders"]["x-amzn-errortype"] == "ResourceNotFoundException"


def denied(call, *arguments, **wish):
    error = refused("AccessDeniedException", partial(call, *arguments, **wish))
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert " is not authorized to perform: account:" in error["Error"]["Message"]
    return error["Error"]["Message"]


def test_life(bare):
    """It needs no Incident Manager, and is the same in every Region."""
    client = bare.alternate_contacts()
    kind = {"AlternateContactType": "SECURITY"}
    missing(client.get_alternate_contact, **kind)
    missing(client.delete_alternate_contact, **kind)
    put(bare)
    assert get(bare) == {"AlternateContactType": "SECURITY", **SOMEBODY}
    missing(client.get_alternate_contact, AlternateContactType="BILLING")
    put(bare, Name="Other team")
    elsewhere = bare.alternate_contacts("eu-west-1").get_alternate_contact(**kind)["AlternateContact"]
    assert elsewhere["Name"] == "Other team"
    put(bare, "BILLING")
    client.delete_alternate_contact(**kind)
    missing(client.get_alternate_contact, **kind)
    missing(client.delete_alternate_contact, **kind)
    assert get(bare, "BILLING")["Name"] == "Security team"


def test_reads_are_late(own, number):
    account = own().account(number(), onboard=())
    account.knobs(consistency_delay_ms=60000)
    put(account)
    missing(account.alternate_contacts().get_alternate_contact, AlternateContactType="SECURITY")
    account.simulator.advance(60)
    assert get(account)["Name"] == "Security team"
    put(account, Name="Other team")
    assert get(account)["Name"] == "Security team"
    account.simulator.advance(60)
    assert get(account)["Name"] == "Other team"
    account.alternate_contacts().delete_alternate_contact(AlternateContactType="SECURITY")
    assert get(account)["Name"] == "Other team"
    missing(account.alternate_contacts().delete_alternate_contact, AlternateContactType="SECURITY")
    account.simulator.advance(60)
    missing(account.alternate_contacts().get_alternate_contact, AlternateContactType="SECURITY")


def test_organization(simulator, number):
    management, one, two, stranger = (simulator.account(number(), onboard=()) for _ in range(4))
    for caller in management, one:
        denied(get, caller, AccountId=one.id)
    management.organization(one, two)
    put(management, AccountId=one.id)
    assert get(management, AccountId=one.id)["Name"] == get(one)["Name"] == "Security team"
    assert "standalone context" in denied(put, management, AccountId=management.id)
    put(management)
    for caller, target in (management, stranger), (one, two), (one, one), (two, management), (stranger, one):
        denied(get, caller, AccountId=target.id)
    management.organization(one, two, delegatedAdministrator=one.id)
    put(one, "OPERATIONS", AccountId=two.id)
    assert get(two, "OPERATIONS")["Name"] == "Security team"
    assert get(one, AccountId=one.id)["Name"] == "Security team"
    denied(get, one, AccountId=management.id)
    one.alternate_contacts().delete_alternate_contact(AlternateContactType="OPERATIONS", AccountId=two.id)
    missing(two.alternate_contacts().get_alternate_contact, AlternateContactType="OPERATIONS")
    management.organization(one, two, trustedAccess=False)
    denied(get, management, AccountId=one.id)
    assert get(one)["Name"] == "Security team"
    simulator.control("DELETE", f"/accounts/{management.id}/organization")


def test_organizations_make_sense(simulator, number):
    management, one, other = (simulator.account(number(), onboard=()) for _ in range(3))
    for members, rest in [
        ((management,), {}),
        ((one,), {"delegatedAdministrator": other.id}),
        ((one,), {"delegatedAdministrator": management.id}),
    ]:
        with pytest.raises(ControlError):
            management.organization(*members, **rest)
    management.organization(one)
    with pytest.raises(ControlError):
        other.organization(one)


def test_permissions(bare):
    bare.iam(deny=["account:PutAlternateContact"])
    text = denied(put, bare)
    assert f"account:PutAlternateContact on resource: arn:aws:account::{bare.id}:account " in text
    missing(bare.alternate_contacts().get_alternate_contact, AlternateContactType="SECURITY")


def test_budgets(own, number):
    account = own("--quotas", "published").account(number(), onboard=())
    put(account)
    client = account.alternate_contacts()
    client.delete_alternate_contact(AlternateContactType="SECURITY")
    error = refused("TooManyRequestsException", client.delete_alternate_contact, AlternateContactType="SECURITY")
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 429


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("throttle", "TooManyRequestsException", 429),
        ("internal", "InternalServerException", 500),
        ("access-denied", "AccessDeniedException", 403),
        ("validation", "ValidationException", 400),
    ],
)
def test_faults(bare, kind, code, status):
    bare.fault(kind, service="account", when="after")
    error = refused(code, partial(put, bare))
    assert error["ResponseMetadata"]["HTTPStatusCode"] == status
    assert get(bare)["Name"] == "Security team"


def test_state_survives(own, number, tmp_path):
    file = ("--state", str(tmp_path / "state.json"))
    first = own(*file)
    management, member = (first.account(number(), onboard=()) for _ in range(2))
    management.organization(member)
    put(management, AccountId=member.id)
    first.stop()
    second = own(*file)
    again = second.account(management.id, onboard=())
    assert get(again, AccountId=member.id)["Name"] == "Security team"


def test_cli(bare):
    cli = Cli(bare)
    kind = ("--alternate-contact-type", "SECURITY")
    words = [word for name, value in SOMEBODY.items() for word in ("--" + DASHES[name], value)]
    assert cli("account", "put-alternate-contact", *kind, *words) is None
    got = cli("account", "get-alternate-contact", *kind)["AlternateContact"]
    assert got == {"AlternateContactType": "SECURITY", **SOMEBODY}
    cli("account", "delete-alternate-contact", *kind)
    failed = cli.run("account", "get-alternate-contact", *kind)
    assert failed.returncode != 0
    assert f"(ResourceNotFoundException) when calling the GetAlternateContact operation: {MISSING}" in failed.stderr


DASHES = {"Name": "name", "Title": "title", "EmailAddress": "email-address", "PhoneNumber": "phone-number"}
