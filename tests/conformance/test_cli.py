"""The AWS CLI: every operation once as it should be, and once as it should not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from datetime import datetime, timedelta, timezone

import pytest

from make import DAILY, channel, contact, person, response_plan, rotation, stage, tags, to_contact

PLAN = json.dumps({"Stages": []})


class Cli:
    """Runs the AWS CLI of this environment as a user of an account."""

    def __init__(self, account, region="us-east-1"):
        self.environment = {
            name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "PYTHONPATH", "LANG")
        }
        self.environment.update(
            AWS_ENDPOINT_URL=account.simulator.url,
            AWS_ACCESS_KEY_ID=account.key,
            AWS_SECRET_ACCESS_KEY="secret",
            AWS_REGION=region,
            AWS_DEFAULT_REGION=region,
            AWS_MAX_ATTEMPTS="1",
            AWS_CONFIG_FILE=os.devnull,
            AWS_SHARED_CREDENTIALS_FILE=os.devnull,
            AWS_EC2_METADATA_DISABLED="true",
            PYTHONDONTWRITEBYTECODE="1",
        )

    def run(self, *words):
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "awscli", *words, "--output", "json"],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def __call__(self, *words):
        """The JSON a command prints, or None."""
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return json.loads(done.stdout) if done.stdout.strip() else None

    def contacts(self, *words):
        return self("ssm-contacts", *words)

    def incidents(self, *words):
        return self("ssm-incidents", *words)

    def refused(self, code, *words):
        """Runs a command that must be refused with a code; its standard error."""
        done = self.run(*words)
        assert done.returncode != 0
        assert done.stdout.strip() == ""
        operation = "".join(word.capitalize() for word in words[1].split("-"))
        assert f"An error occurred ({code}) when calling the {operation} operation" in done.stderr, done.stderr
        return done.stderr


@pytest.fixture
def cli(account):
    return Cli(account)


def test_contacts(cli, account):
    arn = cli.contacts(
        *("create-contact", "--alias", "ana", "--display-name", "Ana", "--type", "PERSONAL"),
        *("--plan", PLAN, "--tags", "Key=team,Value=ops", "Key=tier,Value=1"),
    )["ContactArn"]
    assert arn == account.arn("ana")
    cli.contacts("update-contact", "--contact-id", arn, "--display-name", "Ana B.")
    got = cli.contacts("get-contact", "--contact-id", arn)
    expected = {"ContactArn": arn, "Alias": "ana", "DisplayName": "Ana B.", "Type": "PERSONAL", "Plan": {"Stages": []}}
    assert got == expected
    cli.contacts("delete-contact", "--contact-id", arn)
    assert cli.contacts("list-contacts") == {"Contacts": []}


def test_listing_walks_the_pages(cli, account):
    made = {contact(account, f"c{index}") for index in range(3)}
    listed = cli.contacts("list-contacts", "--page-size", "1")
    assert {each["ContactArn"] for each in listed["Contacts"]} == made
    assert len(account.calls(operation="ListContacts")) >= 3
    query = ("list-contacts", "--alias-prefix", "c1", "--type", "PERSONAL", "--query", "Contacts[].Alias")
    assert cli.contacts(*query) == ["c1"]


def test_channels(cli, account):
    owner = contact(account)
    arn = cli.contacts(
        *("create-contact-channel", "--contact-id", owner, "--name", "phone", "--type", "SMS"),
        *("--delivery-address", "SimpleAddress=+12025550123", "--defer-activation"),
    )["ContactChannelArn"]
    cli.contacts("update-contact-channel", "--contact-channel-id", arn, "--name", "mobile")
    got = cli.contacts("get-contact-channel", "--contact-channel-id", arn)
    assert got == {
        "ContactArn": owner,
        "ContactChannelArn": arn,
        "Name": "mobile",
        "Type": "SMS",
        "DeliveryAddress": {"SimpleAddress": "+12025550123"},
        "ActivationStatus": "NOT_ACTIVATED",
    }
    assert cli.contacts("list-contact-channels", "--contact-id", owner) == {"ContactChannels": [got]}
    cli.contacts("delete-contact-channel", "--contact-channel-id", arn)
    assert cli.contacts("list-contact-channels", "--contact-id", owner) == {"ContactChannels": []}


def test_activation(cli, account):
    arn = channel(account, contact(account))
    get = ("get-contact-channel", "--contact-channel-id", arn, "--query", "ActivationStatus")
    cli.contacts("send-activation-code", "--contact-channel-id", arn)
    code = account.codes(arn)[-1]["code"]
    cli.contacts("activate-contact-channel", "--contact-channel-id", arn, "--activation-code", code)
    assert cli.contacts(*get) == "ACTIVATED"
    cli.contacts("deactivate-contact-channel", "--contact-channel-id", arn)
    assert cli.contacts(*get) == "NOT_ACTIVATED"


def test_rotations(cli, account):
    ana, ben = contact(account, "ana"), contact(account, "ben")
    arn = cli.contacts(
        *("create-rotation", "--name", "week days", "--contact-ids", ana, ben, "--start-time", "2026-01-01T00:00:00Z"),
        *("--time-zone-id", "Asia/Seoul", "--recurrence", json.dumps(DAILY), "--tags", "Key=team,Value=ops"),
    )["RotationArn"]
    assert tags(account, arn) == {"team": "ops"}
    recurrence = (
        "NumberOfOnCalls=1,RecurrenceMultiplier=2,"
        "WeeklySettings=[{DayOfWeek=MON,HandOffTime={HourOfDay=9,MinuteOfHour=30}}],"
        "ShiftCoverages={MON=[{Start={HourOfDay=8,MinuteOfHour=30},End={HourOfDay=17,MinuteOfHour=0}}]}"
    )
    cli.contacts(
        *("update-rotation", "--rotation-id", arn, "--contact-ids", ben, ana, "--time-zone-id", "UTC"),
        *("--start-time", "2026-01-05T09:30:00Z", "--recurrence", recurrence),
    )
    got = cli.contacts("get-rotation", "--rotation-id", arn)
    assert got.pop("StartTime") == datetime(2026, 1, 5, 9, 30, tzinfo=timezone.utc).timestamp()
    assert got == {
        "RotationArn": arn,
        "Name": "week days",
        "ContactIds": [ben, ana],
        "TimeZoneId": "UTC",
        "Recurrence": {
            "NumberOfOnCalls": 1,
            "RecurrenceMultiplier": 2,
            "WeeklySettings": [{"DayOfWeek": "MON", "HandOffTime": {"HourOfDay": 9, "MinuteOfHour": 30}}],
            "ShiftCoverages": {
                "MON": [
                    {"Start": {"HourOfDay": 8, "MinuteOfHour": 30}, "End": {"HourOfDay": 17, "MinuteOfHour": 0}},
                ]
            },
        },
    }
    names = ("--rotation-name-prefix", "week", "--page-size", "1", "--query", "Rotations[].RotationArn")
    assert cli.contacts("list-rotations", *names) == [arn]
    cli.contacts("delete-rotation", "--rotation-id", arn)
    assert cli.contacts("list-rotations") == {"Rotations": []}


def test_overrides_and_shifts(cli, account):
    ana, ben = contact(account, "ana"), contact(account, "ben")
    midnight = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    settings = {**DAILY, "DailySettings": [{"HourOfDay": 0, "MinuteOfHour": 0}]}
    arn = rotation(account, ana, ben, StartTime=midnight, Recurrence=settings)
    times = [(midnight + timedelta(hours=hours)).isoformat() for hours in (0, 30, 36, 48)]
    made = cli.contacts(
        *("create-rotation-override", "--rotation-id", arn, "--new-contact-ids", ana),
        *("--start-time", times[1], "--end-time", times[2]),
    )["RotationOverrideId"]
    named = ("--rotation-id", arn, "--rotation-override-id", made)
    got = cli.contacts("get-rotation-override", *named)
    assert (got["RotationArn"], got["NewContactIds"]) == (arn, [ana])
    window = ("--start-time", times[0], "--end-time", times[3])
    ids = ("--rotation-id", arn, *window, "--query", "RotationOverrides[].RotationOverrideId")
    assert cli.contacts("list-rotation-overrides", *ids) == [made]
    people = ("--page-size", "1", "--query", "RotationShifts[].[Type, ContactIds[0]]")
    expected = [["REGULAR", ana], ["REGULAR", ben], ["OVERRIDDEN", ana], ["REGULAR", ben]]
    assert cli.contacts("list-rotation-shifts", "--rotation-id", arn, *window, *people) == expected
    planned = cli.contacts(
        *("list-preview-rotation-shifts", "--members", ana, ben, "--time-zone-id", "UTC", "--recurrence"),
        *(json.dumps(settings), "--rotation-start-time", times[0], *window, *people),
        *("--overrides", f"NewMembers={ana},StartTime={times[1]},EndTime={times[2]}"),
    )
    assert planned == expected
    cli.contacts("delete-rotation-override", *named)
    assert cli.contacts("list-rotation-overrides", "--rotation-id", arn, *window) == {"RotationOverrides": []}


def test_engagements(cli, account):
    ana = person(account)
    team = contact(account, "team", kind="ESCALATION", plan={"Stages": [stage(to_contact(ana, True))]})
    incident = f"arn:aws:ssm-incidents::{account.id}:incident-record/plan/1"
    arn = cli.contacts(
        *("start-engagement", "--contact-id", team, "--sender", "cli", "--subject", "s", "--content", "Some content"),
        *("--public-subject", "p", "--public-content", "Some public content", "--incident-id", incident),
    )["EngagementArn"]
    got = cli.contacts("describe-engagement", "--engagement-id", arn)
    started = got.pop("StartTime")
    listed = {"EngagementArn": arn, "ContactArn": team, "Sender": "cli", "IncidentId": incident}
    texts = {"Subject": "s", "Content": "Some content", "PublicSubject": "p", "PublicContent": "Some public content"}
    assert got == {**listed, **texts}
    after = datetime.fromtimestamp(started - 1, timezone.utc).isoformat()
    query = ("--incident-id", incident, "--time-range-value", f"StartTime={after}", "--page-size", "1")
    assert cli.contacts("list-engagements", *query) == {"Engagements": [{**listed, "StartTime": started}]}

    [page] = cli.contacts("list-pages-by-engagement", "--engagement-id", arn, "--page-size", "1")["Pages"]
    assert page["ContactArn"] == ana
    assert cli.contacts("list-pages-by-contact", "--contact-id", ana, "--query", "Pages[].PageArn") == [page["PageArn"]]
    named = ("--page-id", page["PageArn"])
    assert cli.contacts("describe-page", *named, "--query", "Content") == "Some content"
    chain = cli.contacts("list-page-resolutions", *named)["PageResolutions"]
    assert [(step["Type"], step.get("StageIndex")) for step in chain] == [("ESCALATION", None), ("PERSONAL", 0)]
    [seen] = account.pages()
    cli.contacts(
        *("accept-page", *named, "--accept-type", "READ", "--accept-code", seen["acceptCode"]),
        *("--note", "on my way", "--accept-code-validation", "ENFORCE"),
    )
    kinds = "Receipts[?ReceiptType!='DELIVERED'].[ReceiptType, ContactChannelArn]"
    sent = seen["channels"][0]["channelArn"]
    assert cli.contacts("list-page-receipts", *named, "--page-size", "1", "--query", kinds) == [
        ["READ", sent],
        ["SENT", sent],
    ]
    cli.contacts("stop-engagement", "--engagement-id", arn, "--reason", "over")
    assert cli.contacts("describe-engagement", "--engagement-id", arn, "--query", "StopTime") >= started


def test_policy_and_tags(cli, account):
    arn = contact(account)
    policy = {"Version": "2012-10-17", "Statement": []}
    cli.contacts("put-contact-policy", "--contact-arn", arn, "--policy", json.dumps(policy))
    got = cli.contacts("get-contact-policy", "--contact-arn", arn)
    assert (got["ContactArn"], json.loads(got["Policy"])) == (arn, policy)
    cli.contacts("tag-resource", "--resource-arn", arn, "--tags", "Key=team,Value=ops", "Key=tier,Value=1")
    assert {"Key": "tier", "Value": "1"} in cli.contacts("list-tags-for-resource", "--resource-arn", arn)["Tags"]
    cli.contacts("untag-resource", "--resource-arn", arn, "--tag-keys", "tier")
    assert tags(account, arn) == {"team": "ops"}


def test_replication_set(bare):
    cli = Cli(bare)
    arn = cli.incidents("create-replication-set", "--regions", '{"us-east-1": {}}', "--tags", "team=ops")["arn"]
    cli.incidents("wait", "wait-for-replication-set-active", "--arn", arn)
    assert cli.incidents("list-replication-sets") == {"replicationSetArns": [arn]}
    cli.incidents("update-deletion-protection", "--arn", arn, "--deletion-protected")
    action = '[{"addRegionAction": {"regionName": "eu-west-1"}}]'
    cli.incidents("update-replication-set", "--arn", arn, "--actions", action)
    got = cli.incidents("get-replication-set", "--arn", arn)["replicationSet"]
    assert (got["status"], got["deletionProtected"], set(got["regionMap"])) == (
        "ACTIVE",
        True,
        {"us-east-1", "eu-west-1"},
    )
    assert isinstance(got["createdTime"], float), "this CLI shows times as they come over the wire"
    cli.incidents("update-deletion-protection", "--arn", arn, "--no-deletion-protected")
    cli.incidents("tag-resource", "--resource-arn", arn, "--tags", "tier=1")
    cli.incidents("untag-resource", "--resource-arn", arn, "--tag-keys", "team")
    assert cli.incidents("list-tags-for-resource", "--resource-arn", arn) == {"tags": {"tier": "1"}}
    cli.incidents("delete-replication-set", "--arn", arn)
    assert cli.incidents("list-replication-sets") == {"replicationSetArns": []}


def test_response_plans(cli, account):
    action = {
        "ssmAutomation": {
            "documentName": "Restart",
            "documentVersion": "$DEFAULT",
            "roleArn": "arn:aws:iam::123456789012:role/runbook",
            "targetAccount": "RESPONSE_PLAN_OWNER_ACCOUNT",
            "parameters": {"Ids": ["i-1", "i-2"]},
            "dynamicParameters": {"Record": {"variable": "INCIDENT_RECORD_ARN"}},
        }
    }
    chat = {"chatbotSns": [f"arn:aws:sns:us-east-1:{account.id}:chat"]}
    template = {"title": "Down", "impact": 2, "summary": "It is down."}
    arn = cli.incidents(
        *("create-response-plan", "--name", "shop", "--display-name", "The shop", "--tags", "team=ops"),
        *("--incident-template", json.dumps(template), "--engagements", account.arn("ana")),
        *("--chat-channel", json.dumps(chat), "--actions", json.dumps([action])),
    )["arn"]
    cli.incidents(
        *("update-response-plan", "--arn", arn, "--display-name", "", "--incident-template-impact", "1"),
        *("--engagements", "[]", "--chat-channel", '{"empty": {}}'),
    )
    assert cli.incidents("get-response-plan", "--arn", arn) == {
        "arn": arn,
        "name": "shop",
        "displayName": "",
        "incidentTemplate": {**template, "impact": 1},
        "chatChannel": {"empty": {}},
        "engagements": [],
        "actions": [action],
        "integrations": [],
    }
    listed = cli.incidents("list-response-plans", "--page-size", "1", "--query", "responsePlanSummaries[].name")
    assert listed == ["shop"]
    policy = {"Version": "2012-10-17", "Statement": []}
    made = cli.incidents("put-resource-policy", "--resource-arn", arn, "--policy", json.dumps(policy))["policyId"]
    got = cli.incidents("get-resource-policies", "--resource-arn", arn)["resourcePolicies"]
    assert [(each["policyId"], json.loads(each["policyDocument"])) for each in got] == [(made, policy)]
    cli.incidents("delete-resource-policy", "--resource-arn", arn, "--policy-id", made)
    cli.incidents("tag-resource", "--resource-arn", arn, "--tags", "tier=1")
    cli.incidents("untag-resource", "--resource-arn", arn, "--tag-keys", "team")
    assert cli.incidents("list-tags-for-resource", "--resource-arn", arn) == {"tags": {"tier": "1"}}
    cli.incidents("delete-response-plan", "--arn", arn)
    assert cli.incidents("list-response-plans") == {"responsePlanSummaries": []}


def test_incidents(cli, account, simulator):
    plan = response_plan(account)
    trigger = "source=com.example.probe,timestamp=2026-11-22T12:00:00Z,rawData=text"
    arn = cli.incidents(
        *("start-incident", "--response-plan-arn", plan, "--title", "Slow", "--impact", "3"),
        *("--trigger-details", trigger),
        *("--related-items", '[{"identifier": {"type": "OTHER", "value": {"url": "https://example.com"}}}]'),
    )["incidentRecordArn"]
    named = ("--incident-record-arn", arn)
    got = cli.incidents("get-incident-record", "--arn", arn)["incidentRecord"]
    assert (got["title"], got["impact"], got["status"]) == ("Slow", 3, "OPEN")
    open_ones = '[{"key": "status", "condition": {"equals": {"stringValues": ["OPEN"]}}}]'
    query = ("--filters", open_ones, "--query", "incidentRecordSummaries[].arn")
    assert cli.incidents("list-incident-records", *query) == [arn]
    made = cli.incidents(
        *("create-timeline-event", *named, "--event-type", "Custom Event", "--event-data", '"example timeline event"'),
        *("--event-time", "2022-10-01T20:30:00.000", "--event-references", json.dumps([{"resource": arn}])),
    )["eventId"]
    cli.incidents("update-timeline-event", *named, "--event-id", made, "--event-data", '"other"')
    event = cli.incidents("get-timeline-event", *named, "--event-id", made)["event"]
    assert (event["eventData"], event["eventType"]) == ('"other"', "Custom Event")
    types = ("--query", "eventSummaries[].eventType", "--sort-by", "EVENT_TIME", "--sort-order", "DESCENDING")
    assert cli.incidents("list-timeline-events", *named, *types) == ["SSM Incident Trigger", "Custom Event"]
    cli.incidents("delete-timeline-event", *named, "--event-id", made)
    item = {"type": "OTHER", "value": {"url": "https://example.com"}}
    cli.incidents("update-related-items", *named, "--related-items-update", json.dumps({"itemToRemove": item}))
    kinds = ("--query", "relatedItems[].identifier.type")
    assert cli.incidents("list-related-items", *named, *kinds) == ["PARENT"]
    seed = {"id": "f", "stackArn": f"arn:aws:cloudformation:us-east-1:{account.id}:stack/shop/1"}
    simulator.control("POST", "/incidents/findings", {"incidentRecordArn": arn, "findings": [seed]})
    assert cli.incidents("list-incident-findings", *named)["findings"][0]["id"] == "f"
    got = cli.incidents("batch-get-incident-findings", *named, "--finding-ids", "f", "g")
    assert ([each["id"] for each in got["findings"]], [each["findingId"] for each in got["errors"]]) == (["f"], ["g"])
    cli.incidents("update-incident-record", "--arn", arn, "--status", "RESOLVED", "--summary", "Done.")
    got = cli.incidents("get-incident-record", "--arn", arn)["incidentRecord"]
    assert (got["status"], got["summary"]) == ("RESOLVED", "Done.")
    cli.incidents("delete-incident-record", "--arn", arn)
    assert cli.incidents("list-incident-records") == {"incidentRecordSummaries": []}


def test_sts(cli, account):
    identity = cli("sts", "get-caller-identity")
    assert identity["Account"] == account.id
    role = "arn:aws:iam::111122223333:role/operator"
    got = cli("sts", "assume-role", "--role-arn", role, "--role-session-name", "me")
    assert got["AssumedRoleUser"]["Arn"] == "arn:aws:sts::111122223333:assumed-role/operator/me"
    cli.environment.update(
        AWS_ACCESS_KEY_ID=got["Credentials"]["AccessKeyId"],
        AWS_SECRET_ACCESS_KEY=got["Credentials"]["SecretAccessKey"],
        AWS_SESSION_TOKEN=got["Credentials"]["SessionToken"],
    )
    assert cli("sts", "get-caller-identity")["Account"] == "111122223333"


MISSING_CONTACT = "arn:aws:ssm-contacts:us-east-1:{}:contact/nobody"
MISSING_CHANNEL = f"arn:aws:ssm-contacts:us-east-1:{{}}:contact-channel/nobody/{uuid.UUID(int=7)}"
MISSING_ROTATION = f"arn:aws:ssm-contacts:us-east-1:{{}}:rotation/{uuid.UUID(int=7)}"
MISSING_ENGAGEMENT = f"arn:aws:ssm-contacts:us-east-1:{{}}:engagement/nobody/{uuid.UUID(int=7)}"
MISSING_PAGE = f"arn:aws:ssm-contacts:us-east-1:{{}}:page/nobody/{uuid.UUID(int=7)}"
WINDOW = "--start-time 2026-01-01T00:00:00Z --end-time 2026-01-02T00:00:00Z"
OVERRIDE = f"--rotation-id {{ROTATION}} --rotation-override-id {uuid.UUID(int=7)}"
MISSING_SET = f"arn:aws:ssm-incidents::{{}}:replication-set/{uuid.UUID(int=7)}"
MISSING_PLAN = "arn:aws:ssm-incidents::{}:response-plan/none"
MISSING_RECORD = f"arn:aws:ssm-incidents::{{}}:incident-record/none/{uuid.UUID(int=7)}"
NOT_FOUND = "ResourceNotFoundException"
INVALID = "ValidationException"

BAD = [
    (INVALID, "ssm-contacts create-contact --alias UPPER --type PERSONAL --plan {PLAN}"),
    (NOT_FOUND, "ssm-contacts get-contact --contact-id {CONTACT}"),
    (NOT_FOUND, "ssm-contacts update-contact --contact-id {CONTACT} --display-name x"),
    (NOT_FOUND, "ssm-contacts delete-contact --contact-id {CONTACT}"),
    (INVALID, "ssm-contacts list-contacts --type ROBOT"),
    (
        INVALID,
        "ssm-contacts create-contact-channel --contact-id {CONTACT} --name n --type SMS"
        " --delivery-address SimpleAddress=+12025550123",
    ),
    (NOT_FOUND, "ssm-contacts get-contact-channel --contact-channel-id {CHANNEL}"),
    (NOT_FOUND, "ssm-contacts update-contact-channel --contact-channel-id {CHANNEL} --name n"),
    (NOT_FOUND, "ssm-contacts delete-contact-channel --contact-channel-id {CHANNEL}"),
    (NOT_FOUND, "ssm-contacts list-contact-channels --contact-id {CONTACT}"),
    (NOT_FOUND, "ssm-contacts activate-contact-channel --contact-channel-id {CHANNEL} --activation-code 123456"),
    (NOT_FOUND, "ssm-contacts deactivate-contact-channel --contact-channel-id {CHANNEL}"),
    (NOT_FOUND, "ssm-contacts send-activation-code --contact-channel-id {CHANNEL}"),
    (
        NOT_FOUND,
        "ssm-contacts create-rotation --name r --contact-ids {CONTACT} --time-zone-id UTC --recurrence {RECURRENCE}",
    ),
    (NOT_FOUND, "ssm-contacts get-rotation --rotation-id {ROTATION}"),
    (NOT_FOUND, "ssm-contacts update-rotation --rotation-id {ROTATION} --recurrence {RECURRENCE}"),
    (NOT_FOUND, "ssm-contacts delete-rotation --rotation-id {ROTATION}"),
    (INVALID, "ssm-contacts list-rotations --rotation-name-prefix b@d"),
    (
        NOT_FOUND,
        f"ssm-contacts create-rotation-override --rotation-id {{ROTATION}} --new-contact-ids {{CONTACT}} {WINDOW}",
    ),
    (NOT_FOUND, f"ssm-contacts get-rotation-override {OVERRIDE}"),
    (NOT_FOUND, f"ssm-contacts delete-rotation-override {OVERRIDE}"),
    (NOT_FOUND, f"ssm-contacts list-rotation-overrides --rotation-id {{ROTATION}} {WINDOW}"),
    (INVALID, f"ssm-contacts list-rotation-shifts --rotation-id {{ROTATION}} {WINDOW}"),
    (
        INVALID,
        "ssm-contacts list-preview-rotation-shifts --members {CONTACT} --time-zone-id PST --recurrence {RECURRENCE}"
        " --end-time 2026-01-02T00:00:00Z",
    ),
    (NOT_FOUND, "ssm-contacts start-engagement --contact-id {CONTACT} --sender s --subject s --content c"),
    (NOT_FOUND, "ssm-contacts stop-engagement --engagement-id {ENGAGEMENT}"),
    (NOT_FOUND, "ssm-contacts describe-engagement --engagement-id {ENGAGEMENT}"),
    (
        INVALID,
        "ssm-contacts list-engagements --time-range-value StartTime=2026-01-02T00:00:00Z,EndTime=2026-01-01T00:00:00Z",
    ),
    (NOT_FOUND, "ssm-contacts accept-page --page-id {PAGE} --accept-type READ --accept-code 123456"),
    (NOT_FOUND, "ssm-contacts describe-page --page-id {PAGE}"),
    (NOT_FOUND, "ssm-contacts list-pages-by-contact --contact-id {CONTACT}"),
    (NOT_FOUND, "ssm-contacts list-pages-by-engagement --engagement-id {ENGAGEMENT}"),
    (NOT_FOUND, "ssm-contacts list-page-receipts --page-id {PAGE}"),
    (NOT_FOUND, "ssm-contacts list-page-resolutions --page-id {PAGE}"),
    (NOT_FOUND, "ssm-contacts put-contact-policy --contact-arn {CONTACT} --policy {PLAN}"),
    (NOT_FOUND, "ssm-contacts get-contact-policy --contact-arn {CONTACT}"),
    (NOT_FOUND, "ssm-contacts tag-resource --resource-arn {CONTACT} --tags Key=a,Value=b"),
    (NOT_FOUND, "ssm-contacts untag-resource --resource-arn {CONTACT} --tag-keys a"),
    (NOT_FOUND, "ssm-contacts list-tags-for-resource --resource-arn {CONTACT}"),
    ("ServiceQuotaExceededException", "ssm-incidents create-replication-set --regions us-east-1={{}}"),
    (NOT_FOUND, "ssm-incidents get-replication-set --arn {SET}"),
    (NOT_FOUND, "ssm-incidents delete-replication-set --arn {SET}"),
    (INVALID, "ssm-incidents list-replication-sets --max-results 101 --no-paginate"),
    (NOT_FOUND, "ssm-incidents update-deletion-protection --arn {SET} --deletion-protected"),
    (NOT_FOUND, "ssm-incidents update-replication-set --arn {SET} --actions addRegionAction={{regionName=eu-west-1}}"),
    (NOT_FOUND, "ssm-incidents tag-resource --resource-arn {SET} --tags a=b"),
    (NOT_FOUND, "ssm-incidents untag-resource --resource-arn {SET} --tag-keys a"),
    (NOT_FOUND, "ssm-incidents list-tags-for-resource --resource-arn {SET}"),
    (INVALID, "ssm-incidents create-response-plan --name n --incident-template title=t,impact=6"),
    (NOT_FOUND, "ssm-incidents get-response-plan --arn {RESPONSE_PLAN}"),
    (NOT_FOUND, "ssm-incidents update-response-plan --arn {RESPONSE_PLAN} --display-name x"),
    (INVALID, "ssm-incidents delete-response-plan --arn {SET}"),
    (INVALID, "ssm-incidents list-response-plans --max-results 101 --no-paginate"),
    (NOT_FOUND, "ssm-incidents put-resource-policy --resource-arn {RESPONSE_PLAN} --policy {PLAN}"),
    (NOT_FOUND, "ssm-incidents get-resource-policies --resource-arn {RESPONSE_PLAN}"),
    (NOT_FOUND, "ssm-incidents delete-resource-policy --resource-arn {RESPONSE_PLAN} --policy-id x"),
    (NOT_FOUND, "ssm-incidents start-incident --response-plan-arn {RESPONSE_PLAN}"),
    (NOT_FOUND, "ssm-incidents get-incident-record --arn {RECORD}"),
    (NOT_FOUND, "ssm-incidents update-incident-record --arn {RECORD} --status RESOLVED"),
    (INVALID, "ssm-incidents delete-incident-record --arn {SET}"),
    (
        INVALID,
        "ssm-incidents list-incident-records"
        " --filters key=color,condition={{equals={{stringValues=[red]}}}}",
    ),
    (
        NOT_FOUND,
        "ssm-incidents create-timeline-event --incident-record-arn {RECORD} --event-time 2026-01-01T00:00:00Z"
        " --event-type Note --event-data 1",
    ),
    (NOT_FOUND, "ssm-incidents get-timeline-event --incident-record-arn {RECORD} --event-id x"),
    (NOT_FOUND, "ssm-incidents update-timeline-event --incident-record-arn {RECORD} --event-id x"),
    (INVALID, "ssm-incidents delete-timeline-event --incident-record-arn {SET} --event-id x"),
    (INVALID, "ssm-incidents list-timeline-events --incident-record-arn {RECORD} --sort-order SIDEWAYS"),
    (
        NOT_FOUND,
        "ssm-incidents update-related-items --incident-record-arn {RECORD}"
        " --related-items-update itemToRemove={{type=OTHER,value={{url=u}}}}",
    ),
    (INVALID, "ssm-incidents list-related-items --incident-record-arn {SET}"),
    (NOT_FOUND, "ssm-incidents list-incident-findings --incident-record-arn {RECORD}"),
    (NOT_FOUND, "ssm-incidents batch-get-incident-findings --incident-record-arn {RECORD} --finding-ids f"),
    ("ValidationError", "sts assume-role --role-arn arn:aws:s3:::nothing-of-a-role --role-session-name me"),
]


@pytest.mark.parametrize(("code", "line"), BAD, ids=[" ".join(line.split()[:2]) for _, line in BAD])
def test_bad(cli, account, code, line):
    words = line.format(
        PLAN=PLAN.replace(" ", ""),
        CONTACT=MISSING_CONTACT.format(account.id),
        ROTATION=MISSING_ROTATION.format(account.id),
        RECURRENCE=json.dumps(DAILY, separators=(",", ":")),
        CHANNEL=MISSING_CHANNEL.format(account.id),
        ENGAGEMENT=MISSING_ENGAGEMENT.format(account.id),
        PAGE=MISSING_PAGE.format(account.id),
        SET=MISSING_SET.format(account.id),
        RESPONSE_PLAN=MISSING_PLAN.format(account.id),
        RECORD=MISSING_RECORD.format(account.id),
    ).split()
    cli.refused(code, *words)


def test_a_caller_who_may_not(cli, account):
    account.iam(deny=["ssm-contacts:List*"])
    error = cli.refused("AccessDeniedException", "ssm-contacts", "list-contacts")
    assert "is not authorized to perform: ssm-contacts:ListContacts" in error
