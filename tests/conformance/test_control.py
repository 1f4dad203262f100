"""The program and its control endpoint: ready line, call log, clock, latency, accounts, state file."""

from __future__ import annotations

import os
import re
import signal
import time
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from dateutil.parser import isoparse

from make import EMPTY, PHONE, activated, channel, contact, message, refused, stage, tags, to_channel, to_contact
from simulator import ControlError


def now(simulator):
    return isoparse(simulator.control("GET", "/clock")["now"])


def test_ready_line(own):
    simulator = own()
    assert re.fullmatch(r"listening http://127\.0\.0\.1:\d+\n", simulator.ready_line)
    assert simulator.raw("GET", "/_control/health")[0] == 200
    assert simulator.more_output() == []


def test_ends_with_its_standard_input(own):
    simulator = own()
    assert simulator.stop() == 0


def test_ends_on_sigterm(own):
    simulator = own()
    os.kill(simulator.process.pid, signal.SIGTERM)
    assert simulator.process.wait(timeout=10) in (0, -signal.SIGTERM)


@pytest.mark.parametrize(
    "arguments", [["--knob", "nonsense=1"], ["--knob", "oncall_empty_stages=maybe"], ["--quotas", "some"], ["--what"]]
)
def test_bad_arguments(own, arguments):
    with pytest.raises(RuntimeError):
        own(*arguments)


def test_onboarded_at_start(own, number):
    simulator = own("--onboarded", "us-east-1,eu-west-1")
    account = simulator.account(number(), onboard=())
    contact(account)
    contact(account, region="eu-west-1")
    refused("ValidationException", account.contacts("ap-south-1").list_contacts)
    [arn] = account.incidents().list_replication_sets()["replicationSetArns"]
    got = account.incidents().get_replication_set(arn=arn)["replicationSet"]
    assert (got["status"], set(got["regionMap"])) == ("ACTIVE", {"us-east-1", "eu-west-1"})


def test_onboarded_at_start_where_the_caller_is(own, number):
    simulator = own("--onboarded")
    account = simulator.account(number(), onboard=())
    contact(account, region="eu-central-1")
    assert len(account.incidents("eu-central-1").list_replication_sets()["replicationSetArns"]) == 1


def test_off_boarded_stays_off_boarded(own, number):
    simulator = own("--onboarded", "us-east-1")
    account = simulator.account(number(), onboard=())
    simulator.control("POST", f"/accounts/{account.id}/offboard")
    refused("ValidationException", account.contacts().list_contacts)
    assert account.incidents().list_replication_sets()["replicationSetArns"] == []


def test_call_log(account, simulator):
    ana = contact(account, "ana")
    token = str(uuid.uuid4())
    account.contacts().create_contact(
        Alias="all",
        Type="ESCALATION",
        Plan={"Stages": [stage(to_contact(ana))]},
        Tags=[{"Key": "team", "Value": "ops"}],
        IdempotencyToken=token,
    )
    refused("ResourceNotFoundException", account.contacts().get_contact, ContactId=account.arn("nobody"))
    account.incidents().list_replication_sets()

    calls = account.calls()
    assert [call["operation"] for call in calls] == [
        "CreateContact",
        "CreateContact",
        "GetContact",
        "ListReplicationSets",
    ]
    assert [call["seq"] for call in calls] == sorted({call["seq"] for call in calls})
    assert {call["account"] for call in calls} == {account.id}
    assert {call["region"] for call in calls} == {"us-east-1"}
    assert [call["service"] for call in calls] == ["ssm-contacts"] * 3 + ["ssm-incidents"]
    assert [call["mutating"] for call in calls] == [True, True, False, False]
    assert [call["httpStatus"] for call in calls] == [200, 200, 400, 200]
    assert [call["error"] for call in calls] == [None, None, "ResourceNotFoundException", None]
    create, missing = calls[1], calls[2]
    assert set(create["iamActions"]) == {
        "ssm-contacts:CreateContact",
        "ssm-contacts:TagResource",
        "ssm-contacts:AssociateContact",
    }
    assert calls[0]["iamActions"] == ["ssm-contacts:CreateContact"]
    assert missing["iamActions"] == ["ssm-contacts:GetContact"]
    assert account.arn("nobody") in missing["resources"]
    assert create["token"] == token
    assert create["request"]["Alias"] == "all"
    assert create["request"]["Plan"]["Stages"][0]["Targets"][0]["ContactTargetInfo"]["ContactId"] == ana
    assert f":{account.id}:" in create["principal"]
    assert "conformance" in create["userAgent"]
    assert abs(datetime.now(timezone.utc) - isoparse(create["time"])) < timedelta(minutes=2)
    assert len({call["requestId"] for call in calls}) == 4

    only = account.calls(operation="CreateContact")
    assert [call["seq"] for call in only] == [calls[0]["seq"], calls[1]["seq"]]
    assert account.calls(service="ssm-incidents") == [calls[3]]
    assert account.calls(since=calls[1]["seq"]) == calls[2:]
    simulator.control("DELETE", "/calls", account=account.id)
    assert account.calls() == []


def test_the_call_log_of_others_stays(account, simulator, number):
    other = simulator.account(number())
    contact(account)
    contact(other)
    simulator.control("DELETE", "/calls", account=account.id)
    assert (len(account.calls()), len(other.calls())) == (0, 1)


def test_every_call_has_its_iam_action(account):
    client = account.contacts()
    owner = contact(account)
    phone = activated(account, owner)
    client.deactivate_contact_channel(ContactChannelId=phone)
    client.send_activation_code(ContactChannelId=phone)
    client.update_contact_channel(ContactChannelId=phone, Name="n")
    client.get_contact_channel(ContactChannelId=phone)
    client.list_contact_channels(ContactId=owner)
    client.list_contacts()
    client.get_contact(ContactId=owner)
    client.tag_resource(ResourceARN=owner, Tags=[])
    client.untag_resource(ResourceARN=owner, TagKeys=[])
    client.list_tags_for_resource(ResourceARN=owner)
    client.get_contact_policy(ContactArn=owner)
    client.delete_contact_channel(ContactChannelId=phone)
    client.delete_contact(ContactId=owner)
    account.sts().get_caller_identity()
    for call in account.calls():
        # Who one is may be asked without any permission.
        needed = [] if call["service"] == "sts" else [f"{call['service']}:{call['operation']}"]
        assert call["iamActions"] == needed, call
        reads = call["operation"].startswith(("Get", "List"))
        assert call["mutating"] != reads, call


def test_clock(own, number):
    simulator = own()
    clock = simulator.control("GET", "/clock")
    assert abs(clock["offsetSeconds"]) < 1
    assert abs(now(simulator) - datetime.now(timezone.utc)) < timedelta(seconds=15)

    simulator.control("PUT", "/clock", {"now": "2030-06-01T12:00:00Z"})
    assert abs(now(simulator) - datetime(2030, 6, 1, 12, tzinfo=timezone.utc)) < timedelta(seconds=15)
    simulator.control("POST", "/clock/advance", {"seconds": 3600})
    assert abs(now(simulator) - datetime(2030, 6, 1, 13, tzinfo=timezone.utc)) < timedelta(seconds=15)
    account = simulator.account(number())
    [arn] = account.incidents().list_replication_sets()["replicationSetArns"]
    created = account.incidents().get_replication_set(arn=arn)["replicationSet"]["createdTime"]
    assert abs(created - datetime(2030, 6, 1, 13, tzinfo=timezone.utc)) < timedelta(seconds=15)

    simulator.control("PUT", "/clock", {"offsetSeconds": -60})
    assert abs(now(simulator) - datetime.now(timezone.utc) + timedelta(seconds=60)) < timedelta(seconds=15)
    with pytest.raises(ControlError):
        simulator.control("PUT", "/clock", {"now": "yesterday"})


def test_latency(own, number):
    simulator = own("--latency-ms", "150")
    account = simulator.account(number())
    client = account.contacts()
    client.list_contacts()

    def seconds(call, **parameters):
        """The quickest of a few, for machines with other things to do."""
        taken = []
        for _ in range(4):
            started = time.monotonic()
            call(**parameters)
            taken.append(time.monotonic() - started)
        return min(taken)

    assert 0.15 <= seconds(client.list_contacts) < 1
    simulator.control("PUT", "/latency", {"milliseconds": 0})
    assert seconds(client.list_contacts) < 0.12
    simulator.control("PUT", "/latency", {"milliseconds": 300, "operation": "GetContactPolicy"})
    owner = contact(account)
    assert seconds(client.list_contacts) < 0.12
    assert 0.3 <= seconds(client.get_contact_policy, ContactArn=owner) < 1


def test_accounts_and_regions_are_apart(simulator, number):
    one = simulator.account(number(), onboard=("us-east-1", "eu-west-1"))
    two = simulator.account(number())
    contact(one, "ana")
    contact(one, "ben", region="eu-west-1")
    contact(two, "cy")
    for account, region, alias in ((one, "us-east-1", "ana"), (one, "eu-west-1", "ben"), (two, "us-east-1", "cy")):
        [listed] = account.contacts(region).list_contacts()["Contacts"]
        assert listed["ContactArn"] == account.arn(alias, region)


def test_onboard_and_offboard(simulator, bare):
    simulator.control("POST", f"/accounts/{bare.id}/onboard", {"regions": ["us-east-1"]})
    contact(bare)
    [arn] = bare.incidents().list_replication_sets()["replicationSetArns"]
    assert bare.incidents().get_replication_set(arn=arn)["replicationSet"]["status"] == "ACTIVE"
    simulator.control("POST", f"/accounts/{bare.id}/offboard")
    error = refused("ValidationException", bare.contacts().list_contacts)
    assert message(error) == "Invalid value provided - Account not found for the request"
    assert bare.incidents().list_replication_sets()["replicationSetArns"] == []


def test_onboarding_takes_time(own, number):
    simulator = own()
    account = simulator.account(number(), onboard=())
    body = {"regions": ["us-east-1"], "delaySeconds": 60}
    simulator.control("POST", f"/accounts/{account.id}/onboard", body)
    refused("ValidationException", account.contacts().list_contacts)
    simulator.advance(61)
    assert account.contacts().list_contacts()["Contacts"] == []


def test_looking_into_an_account_and_forgetting_it(simulator, account):
    contact(account, "ana")
    state = simulator.control("GET", f"/accounts/{account.id}")
    assert "ana" in str(state["contacts"])
    assert account.id in simulator.control("GET", "/accounts")["accounts"]
    simulator.control("DELETE", f"/accounts/{account.id}")
    assert account.id not in simulator.control("GET", "/accounts")["accounts"]
    refused("ValidationException", account.contacts().list_contacts)


def test_unknown_members_are_refused(simulator, account):
    for method, path, body in (
        ("POST", "/faults", {"kind": "throttle", "operatoin": "GetContact"}),
        ("POST", "/holds", {"operation": "GetContact", "wen": "before"}),
        ("PUT", "/clock", {"offset": 3}),
        ("POST", "/pages/accept", {"pageArn": "a", "at": "2026-01-01T00:00:00Z"}),
        ("PUT", "/iam", {"denied": []}),
        ("POST", f"/accounts/{account.id}/onboard", {"region": "us-east-1"}),
    ):
        with pytest.raises(ControlError) as caught:
            simulator.control(method, path, body, account=account.id if path == "/iam" else None)
        assert 400 <= caught.value.status < 500, path


def test_bad_control_calls(simulator):
    for method, path, body in (
        ("GET", "/nothing", None),
        ("POST", "/faults", {"kind": "?"}),
        ("GET", "/holds/unknown", None),
        ("POST", "/unsubscribe", {"channelArn": "arn:aws:ssm-contacts:us-east-1:1:contact-channel/a/b"}),
        ("PUT", "/quotas", {"mode": "some"}),
        ("GET", "/pages?since=x", None),
        ("POST", "/pages/accept", {"pageArn": "arn:aws:ssm-contacts:us-east-1:1:page/a/b"}),
        ("POST", "/pages/accept", {"pageArn": "a", "acceptedAt": "now"}),
    ):
        with pytest.raises(ControlError) as caught:
            simulator.control(method, path, body)
        assert 400 <= caught.value.status < 500, path
        assert '"error"' in caught.value.body, path


def test_control_refuses_malformed_json(simulator):
    headers = {"content-type": "application/json"}
    status, _, text = simulator.raw("POST", "/_control/faults", "{", headers)
    assert status == 400
    assert '"error"' in text


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_state_survives_a_restart(own, number, tmp_path, end):
    state = str(tmp_path / "state.json")
    first = own("--state", state)
    account = first.account(number())
    owner = contact(account, DisplayName="Ana", Tags=[{"Key": "team", "Value": "ops"}])
    client = account.contacts()
    phone = activated(account, owner)
    mail = channel(account, owner, "mail", "EMAIL", "ana@example.com", defer=False)
    client.update_contact(ContactId=owner, Plan={"Stages": [stage(to_channel(phone))]})
    policy = '{"Version":"2012-10-17","Statement":[]}'
    client.put_contact_policy(ContactArn=owner, Policy=policy)
    codes = account.codes()
    account.knobs(oncall_empty_stages="reject")
    account.iam(deny=["ssm-contacts:PutContactPolicy"])
    role = f"arn:aws:iam::{account.id}:role/operator"
    credentials = account.sts().assume_role(RoleArn=role, RoleSessionName="session-1")["Credentials"]
    first.advance(86_400)
    clock = now(first)
    gone = contact(account, "gone")
    client.delete_contact(ContactId=gone)
    [replication_set] = account.incidents().list_replication_sets()["replicationSetArns"]

    def seen(account):
        client = account.contacts()
        answers = [
            client.get_contact(ContactId=owner),
            client.list_contacts(),
            client.list_contact_channels(ContactId=owner),
            client.get_contact_policy(ContactArn=owner),
            account.incidents().get_replication_set(arn=replication_set),
        ]
        for answer in answers:
            del answer["ResponseMetadata"]
        return [*answers, tags(account, owner)]

    before = seen(account)
    if end == "stop":
        assert first.stop() == 0
    else:
        # The file is written a moment after the change.
        time.sleep(1)
        first.kill()

    second = own("--state", state)
    again = second.account(account.id, onboard=())
    assert seen(again) == before
    assert again.codes() == codes
    assert timedelta() <= now(second) - clock < timedelta(minutes=2), "the simulated time goes on"
    assert second.control("GET", "/knobs", account=again.id)["oncall_empty_stages"] == "reject"
    refused("AccessDeniedException", again.contacts().put_contact_policy, ContactArn=owner, Policy=policy)
    session = again.sts(key=credentials["AccessKeyId"], token=credentials["SessionToken"])
    assert session.get_caller_identity()["Arn"] == f"arn:aws:sts::{again.id}:assumed-role/operator/session-1"
    again.contacts().activate_contact_channel(ContactChannelId=mail, ActivationCode=again.codes(mail)[-1]["code"])
    refused("ConflictException", again.contacts().create_contact, Alias="ana", Type="PERSONAL", Plan=EMPTY)


def test_idempotency_tokens_survive_a_restart(own, number, tmp_path):
    state = str(tmp_path / "state.json")
    first = own("--state", state)
    account = first.account(number())
    token = str(uuid.uuid4())
    owner = contact(account, IdempotencyToken=token)
    first.stop()
    again = own("--state", state).account(account.id, onboard=())
    assert contact(again, IdempotencyToken=token) == owner


def test_without_a_state_file_nothing_survives(own, number):
    first = own()
    account = first.account(number())
    contact(account)
    first.stop()
    again = own().account(account.id)
    assert again.contacts().list_contacts()["Contacts"] == []


def test_the_log_tells_no_address_and_no_code(own, number):
    simulator = own()
    account = simulator.account(number())
    owner = contact(account)
    phone = activated(account, owner)
    channel(account, owner, "mail", "EMAIL", "ana.private@example.com")
    refused(
        "ConflictException",
        account.contacts().create_contact_channel,
        ContactId=owner,
        Name="phone",
        Type="SMS",
        DeliveryAddress={"SimpleAddress": PHONE},
    )
    refused(
        "ValidationException",
        account.contacts().create_contact_channel,
        ContactId=owner,
        Name="phone",
        Type="SMS",
        DeliveryAddress={"SimpleAddress": "wrong-address-4711"},
    )
    code = account.codes(phone)[-1]["code"]
    simulator.stop()
    text = "".join(simulator.log)
    for secret in (PHONE, "ana.private@example.com", "wrong-address-4711", code):
        assert secret not in text
