"""Faults, holds, denied actions and throttling."""

from __future__ import annotations

import time

import pytest
from botocore.exceptions import BotoCoreError, ConnectionClosedError

from make import EMPTY, channel, contact, message, refused, stage, tags, to_contact
from simulator import Background, ControlError, eventually

CONTACTS = [
    ("throttle", "ThrottlingException", 400),
    ("internal", "InternalServerException", 500),
    ("access-denied", "AccessDeniedException", 400),
    ("quota", "ServiceQuotaExceededException", 400),
    ("validation", "ValidationException", 400),
    ("data-encryption", "DataEncryptionException", 400),
]
INCIDENTS = [
    ("throttle", "ThrottlingException", 429),
    ("internal", "InternalServerException", 500),
    ("access-denied", "AccessDeniedException", 403),
    ("quota", "ServiceQuotaExceededException", 402),
    ("validation", "ValidationException", 400),
]
STS = [("throttle", "Throttling", 400), ("internal", "InternalFailure", 500), ("access-denied", "AccessDenied", 403)]


def create(account, alias="ana"):
    return account.contacts().create_contact(Alias=alias, Type="PERSONAL", Plan=EMPTY)


def aliases(account):
    return {each["Alias"] for each in account.contacts().list_contacts()["Contacts"]}


def status(error):
    return error["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("kind", "code", "http"), CONTACTS, ids=[kind for kind, *_ in CONTACTS])
def test_contacts_fault(account, kind, code, http, when):
    account.fault(kind, operation="CreateContact", when=when)
    error = refused(code, account.contacts().create_contact, Alias="ana", Type="PERSONAL", Plan=EMPTY)
    assert status(error) == http
    assert message(error)
    assert aliases(account) == ({"ana"} if when == "after" else set())
    create(account, "ben")
    assert "ben" in aliases(account), "once is the default"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("kind", "code", "http"), INCIDENTS, ids=[kind for kind, *_ in INCIDENTS])
def test_incidents_fault(bare, kind, code, http, when):
    client = bare.incidents()
    bare.fault(kind, service="ssm-incidents", operation="CreateReplicationSet", when=when)
    error = refused(code, client.create_replication_set, regions={"us-east-1": {}})
    assert status(error) == http
    made = client.list_replication_sets()["replicationSetArns"]
    assert len(made) == (1 if when == "after" else 0)


@pytest.mark.parametrize(("kind", "code", "http"), STS, ids=[kind for kind, *_ in STS])
def test_sts_fault(account, kind, code, http):
    account.fault(kind, service="sts")
    error = refused(code, account.sts().get_caller_identity)
    assert status(error) == http
    assert account.sts().get_caller_identity()["Account"] == account.id


def test_throttling_tells_when_to_come_back(account):
    account.fault("throttle", operation="ListContacts", retryAfterSeconds=7)
    error = refused("ThrottlingException", account.contacts().list_contacts)
    assert error["RetryAfterSeconds"] == 7
    assert error["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "7"


def test_code_and_message_of_ones_own(account):
    account.fault("error", operation="ListContacts", code="ConflictException", message="so it is")
    error = refused("ConflictException", account.contacts(check=False).list_contacts)
    assert message(error) == "so it is"
    account.fault("internal", operation="ListContacts", message="our fault")
    assert message(refused("InternalServerException", account.contacts().list_contacts)) == "our fault"


@pytest.mark.parametrize("when", ["before", "after"])
def test_cut(account, when):
    account.fault("cut", operation="CreateContact", when=when)
    with pytest.raises(ConnectionClosedError):
        create(account)
    assert aliases(account) == ({"ana"} if when == "after" else set())


def test_cut_of_rest_json_and_query(bare):
    bare.fault("cut", service="ssm-incidents", operation="CreateReplicationSet", when="after")
    with pytest.raises(ConnectionClosedError):
        bare.incidents().create_replication_set(regions={"us-east-1": {}})
    assert len(bare.incidents().list_replication_sets()["replicationSetArns"]) == 1
    bare.fault("cut", service="sts")
    with pytest.raises(ConnectionClosedError):
        bare.sts().get_caller_identity()


def test_slow(account):
    account.fault("slow", operation="CreateContact", delayMs=400)
    started = time.monotonic()
    create(account)
    assert 0.4 <= time.monotonic() - started < 3
    started = time.monotonic()
    for index in range(5):
        create(account, f"c{index}")
    assert time.monotonic() - started < 5 * 0.4, "once only"


def test_a_client_that_does_not_wait(account):
    account.fault("slow", operation="CreateContact", delayMs=1500)
    hasty = account.contacts(timeout=0.3)
    with pytest.raises(BotoCoreError):
        hasty.create_contact(Alias="ana", Type="PERSONAL", Plan=EMPTY)
    eventually(lambda: aliases(account) == {"ana"})


def test_nth_and_times(account):
    account.fault("internal", operation="CreateContact", nth=3, times=2)
    outcomes = []
    for index in range(6):
        try:
            create(account, f"c{index}")
            outcomes.append("ok")
        except account.contacts().exceptions.InternalServerException:
            outcomes.append("error")
    assert outcomes == ["ok", "ok", "error", "error", "ok", "ok"]
    assert aliases(account) == {"c0", "c1", "c4", "c5"}


def test_for_ever_until_removed(account):
    fault = account.fault("throttle", operation="*", times=0)
    for _ in range(5):
        refused("ThrottlingException", account.contacts().list_contacts)
    refused("ThrottlingException", account.incidents().list_replication_sets)
    assert str(fault) in str(account.simulator.control("GET", "/faults"))
    account.simulator.control("DELETE", f"/faults/{fault}")
    assert aliases(account) == set()


def test_a_fault_meets_only_what_it_names(account, simulator, number):
    other = simulator.account(number())
    account.fault("internal", operation="CreateContact", times=0)
    create(other)
    assert aliases(account) == set()
    account.incidents().list_replication_sets()
    account.fault("throttle", service="ssm-incidents", times=0)
    refused("ThrottlingException", account.incidents().list_replication_sets)
    assert aliases(account) == set()


def test_a_fault_of_one_region(simulator, number):
    account = simulator.account(number(), onboard=("us-east-1", "eu-west-1"))
    account.fault("internal", operation="ListContacts", region="eu-west-1", times=0)
    account.contacts().list_contacts()
    refused("InternalServerException", account.contacts("eu-west-1").list_contacts)


def test_probability(account):
    account.fault("internal", operation="ListContacts", probability=0.5, times=0)
    failed = 0
    for _ in range(60):
        try:
            account.contacts().list_contacts()
        except account.contacts().exceptions.InternalServerException:
            failed += 1
    assert 8 <= failed <= 52


def test_faults_are_checked(simulator, account):
    for wrong in ({"kind": "earthquake"}, {}, {"kind": "slow", "when": "sometimes"}):
        with pytest.raises(ControlError):
            simulator.control("POST", "/faults", {"account": account.id, **wrong})


def test_faults_are_logged(account):
    account.fault("throttle", operation="ListContacts")
    refused("ThrottlingException", account.contacts().list_contacts)
    [call] = account.calls(operation="ListContacts")
    assert (call["httpStatus"], call["error"]) == (400, "ThrottlingException")


@pytest.mark.parametrize("when", ["before", "after"])
def test_hold_and_release(account, when):
    hold = account.hold("CreateContact", when)
    assert hold.state() == "armed"
    call = Background(create, account)
    assert hold.state(wait=5000) == "held"
    assert aliases(account) == ({"ana"} if when == "after" else set())
    time.sleep(0.1)
    assert call.running()
    hold.release()
    assert call.result()["ContactArn"] == account.arn("ana")
    assert hold.state() == "released"
    assert aliases(account) == {"ana"}
    create(account, "ben")


def test_hold_the_second(account):
    hold = account.hold("CreateContact", "before", nth=2)
    create(account, "one")
    call = Background(create, account, "two")
    assert hold.state(wait=5000) == "held"
    create(account, "three")
    assert aliases(account) == {"one", "three"}
    hold.release()
    call.result()
    assert aliases(account) == {"one", "two", "three"}


@pytest.mark.parametrize(("drop", "after"), [(None, {"ana"}), ("true", set())])
def test_hold_whose_client_goes_away(account, drop, after):
    hold = account.hold("CreateContact", "before")
    hasty = account.contacts(timeout=0.5)
    with pytest.raises(BotoCoreError):
        hasty.create_contact(Alias="ana", Type="PERSONAL", Plan=EMPTY)
    assert hold.state(wait=5000) == "held"
    assert aliases(account) == set()
    hold.release(drop=drop)
    if after:
        eventually(lambda: aliases(account) == after)
    else:
        time.sleep(0.3)
        assert aliases(account) == set()


def test_hold_removed_is_released(account, simulator):
    hold = account.hold("CreateContact", "before")
    call = Background(create, account)
    assert hold.state(wait=5000) == "held"
    simulator.control("DELETE", f"/holds/{hold.id}")
    call.result()
    with pytest.raises(ControlError):
        hold.state()


def test_waiting_for_a_hold_ends_by_itself(account):
    hold = account.hold("DeleteContact", "before")
    started = time.monotonic()
    assert hold.state(wait=300) == "armed"
    assert 0.25 <= time.monotonic() - started < 3


def test_holds_of_a_read_and_of_rest_json(account):
    hold = account.hold("ListReplicationSets", "after", service="ssm-incidents")
    call = Background(account.incidents().list_replication_sets)
    assert hold.state(wait=5000) == "held"
    hold.release()
    assert len(call.result()["replicationSetArns"]) == 1


def test_denied_action(account, simulator, number):
    other = simulator.account(number())
    account.iam(deny=["ssm-contacts:CreateContact"])
    error = refused("AccessDeniedException", account.contacts().create_contact, Alias="a", Type="PERSONAL", Plan=EMPTY)
    assert message(error).startswith("User: arn:aws:")
    assert "is not authorized to perform: ssm-contacts:CreateContact on resource: arn:aws:ssm-contacts:" in message(error)
    assert account.contacts().list_contacts()["Contacts"] == []
    create(other)
    account.iam(deny=[])
    create(account)


def test_denied_actions_that_ride_along(account):
    client = account.contacts()
    ana = contact(account, "ana")
    account.iam(deny=["ssm-contacts:TagResource"])
    create(account, "ben")
    error = refused(
        "AccessDeniedException",
        client.create_contact,
        Alias="cy",
        Type="PERSONAL",
        Plan=EMPTY,
        Tags=[{"Key": "team", "Value": "ops"}],
    )
    assert "ssm-contacts:TagResource" in message(error)

    account.iam(deny=["ssm-contacts:AssociateContact"])
    plan = {"Stages": [stage(to_contact(ana))]}
    error = refused("AccessDeniedException", client.create_contact, Alias="all", Type="ESCALATION", Plan=plan)
    assert "ssm-contacts:AssociateContact" in message(error)
    team = contact(account, "all", kind="ESCALATION")
    error = refused("AccessDeniedException", client.update_contact, ContactId=team, Plan=plan)
    assert "ssm-contacts:AssociateContact" in message(error)
    client.update_contact(ContactId=team, DisplayName="All")
    assert aliases(account) == {"ana", "ben", "all"}


def test_allowed_actions_only(account):
    arn = contact(account)
    account.iam(allow=["ssm-contacts:Get*", "sts:*"])
    assert account.contacts().get_contact(ContactId=arn)["Alias"] == "ana"
    error = refused("AccessDeniedException", account.contacts().list_contacts)
    assert "ssm-contacts:ListContacts" in message(error)
    error = refused("AccessDeniedException", account.incidents().list_replication_sets)
    assert "ssm-incidents:ListReplicationSets" in message(error)
    assert status(error) == 403
    account.sts().get_caller_identity()


def test_wildcards(account):
    arn = contact(account)
    account.iam(deny=["ssm-contacts:*Tag*"])
    refused("AccessDeniedException", account.contacts().list_tags_for_resource, ResourceARN=arn)
    account.contacts().get_contact(ContactId=arn)
    account.iam(deny=["*"])
    refused("AccessDeniedException", account.contacts().get_contact, ContactId=arn)
    refused("AccessDeniedException", account.incidents().list_replication_sets)


# A twentieth of the published budgets: one change in 20 seconds, so that no slow machine earns a token meanwhile.
SCARCE = ("--quotas", "published", "--quota-multiplier", "0.05", "--burst", "1")


def _created(account, alias):
    try:
        create(account, alias)
    except account.contacts().exceptions.ThrottlingException:
        return False
    return True


def test_published_quotas(own, number):
    simulator = own(*SCARCE)
    account, other = simulator.account(number()), simulator.account(number())
    create(account, "one")
    error = refused("ThrottlingException", account.contacts().create_contact, Alias="two", Type="PERSONAL", Plan=EMPTY)
    assert status(error) == 400
    assert 1 <= error["RetryAfterSeconds"] <= 20
    assert error["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == str(error["RetryAfterSeconds"])
    create(other, "one")
    assert aliases(account) == {"one"}, "reads have a budget of their own"
    error = refused("ThrottlingException", account.contacts().delete_contact, ContactId=account.arn("one"))
    assert error["Error"]["Code"] == "ThrottlingException", "all changes share one budget"
    account.contacts().get_contact(ContactId=account.arn("one"))
    account.contacts().list_rotations()
    refused("ThrottlingException", account.contacts().list_rotations)


def test_a_budget_fills_up_again(own, number):
    account = own("--quotas", "published", "--burst", "1").account(number())
    started, made, refusals = time.monotonic(), 0, 0
    while made < 3:
        if _created(account, f"c{made}"):
            made += 1
        else:
            refusals += 1
            time.sleep(0.02)
        assert time.monotonic() - started < 20
    assert time.monotonic() - started >= 2, "one a second, the first at once"
    assert refusals


def test_quotas_are_per_region(own, number):
    account = own(*SCARCE).account(number(), onboard=("us-east-1", "eu-west-1"))
    create(account)
    account.contacts("eu-west-1").create_contact(Alias="ana", Type="PERSONAL", Plan=EMPTY)
    assert not _created(account, "ben")


def test_quota_multiplier_and_none(own, number):
    simulator = own("--quotas", "published", "--quota-multiplier", "50", "--burst", "50")
    account = simulator.account(number())
    for index in range(20):
        create(account, f"c{index}")
    simulator.control("PUT", "/quotas", {"mode": "published", "multiplier": 0.05, "burst": 2})
    quotas = simulator.control("GET", "/quotas")
    assert (quotas["mode"], quotas["multiplier"], quotas["burst"]) == ("published", 0.05, 2)
    assert [_created(account, f"d{index}") for index in range(5)] == [True, True, False, False, False]
    simulator.control("PUT", "/quotas", {"mode": "none"})
    for index in range(20):
        create(account, f"e{index}")


def test_quotas_of_incidents_and_reads(own, number):
    account = own(*SCARCE).account(number())
    client = account.incidents()
    [arn] = client.list_replication_sets()["replicationSetArns"]
    client.update_deletion_protection(arn=arn, deletionProtected=True)
    error = refused("ThrottlingException", client.update_deletion_protection, arn=arn, deletionProtected=True)
    assert status(error) == 429
    assert (error["serviceCode"], bool(error["quotaCode"])) == ("ssm-incidents", True)
    account.contacts().list_contacts()
    throttled = 0
    for _ in range(30):
        try:
            account.contacts().list_contacts()
        except account.contacts().exceptions.ThrottlingException:
            throttled += 1
    assert throttled, "one read a second is not thirty at once"


def test_quotas_of_incidents_by_operation(own, number):
    account = own("--quotas", "published", "--quota-multiplier", "0.2").account(number())
    client = account.incidents()

    def at_once(call, **parameters):
        """How many calls pass before one is refused."""
        for passed in range(100):
            try:
                call(**parameters)
            except client.exceptions.ThrottlingException:
                return passed
        return None

    arn = client.create_response_plan(name="p", incidentTemplate={"title": "t", "impact": 1})["arn"]
    record = client.start_incident(responsePlanArn=arn)["incidentRecordArn"]
    reads = at_once(client.get_response_plan, arn=arn)
    timeline = at_once(client.list_timeline_events, incidentRecordArn=record)
    writes = at_once(client.update_response_plan, arn=arn, displayName="x")
    assert writes and writes < reads < timeline


def test_no_quotas_by_default(account):
    owner = contact(account)
    for index in range(30):
        channel(account, owner, f"c{index}", address=f"+120255501{index:02}")
    assert tags(account, owner) == {}


def test_hold_after_the_effect_dropped(account):
    hold = account.hold("CreateContact", "after")
    call = Background(create, account)
    assert hold.state(wait=5000) == "held"
    hold.release(drop="true")
    with pytest.raises(ConnectionClosedError):
        call.result()
    assert aliases(account) == {"ana"}


def test_faults_and_holds_of_everybody_can_be_removed_at_once(own, number):
    simulator = own()
    account = simulator.account(number())
    simulator.control("POST", "/faults", {"kind": "internal", "times": 0})
    simulator.control("POST", "/faults", {"kind": "throttle", "times": 0, "operation": "ListContacts"})
    refused({"InternalServerException", "ThrottlingException"}, account.contacts().list_contacts)
    refused("InternalServerException", account.incidents().list_replication_sets)
    simulator.control("DELETE", "/faults")
    assert simulator.control("GET", "/faults")["faults"] == []
    account.contacts().list_contacts()

    simulator.control("POST", "/holds", {"operation": "ListContacts"})
    held = simulator.control("POST", "/holds", {"operation": "CreateContact"})["id"]
    call = Background(create, account)
    assert simulator.control("GET", f"/holds/{held}", wait=5000)["state"] == "held"
    simulator.control("DELETE", "/holds")
    call.result()
    assert aliases(account) == {"ana"}


def test_every_fault_counts_every_call(account):
    account.fault("throttle", operation="ListContacts", nth=2)
    account.fault("internal", operation="ListContacts", nth=3)
    client = account.contacts()
    client.list_contacts()
    refused("ThrottlingException", client.list_contacts)
    refused("InternalServerException", client.list_contacts)
    client.list_contacts()


def test_slow_and_failing_at_once(account):
    account.fault("slow", operation="ListContacts", delayMs=300)
    account.fault("throttle", operation="ListContacts")
    started = time.monotonic()
    refused("ThrottlingException", account.contacts().list_contacts)
    assert time.monotonic() - started >= 0.3
