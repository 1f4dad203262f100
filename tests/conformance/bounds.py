"""Derives from botocore's models, for each constrained member of an input, values just inside and just outside.

A template is a request that reaches the members; its placeholders are replaced when the case runs.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, field
from typing import Any

import botocore.session
import regex

ACCOUNT = "999999999999"
CHANNEL_ID = "00000000-0000-0000-0000-00000000c0de"
ROTATION_ID = "00000000-0000-0000-0000-000000000707"
OVERRIDE_ID = "00000000-0000-0000-0000-00000000feed"
SET_ID = "00000000-0000-0000-0000-00000000a0a0"
ENGAGEMENT_ID = "00000000-0000-0000-0000-0000000e0e0e"
PAGE_ID = "00000000-0000-0000-0000-000000009a9e"
RECORD_ID = "00000000-0000-0000-0000-000000000911"
EVENT_ID = "00000000-0000-0000-0000-0000000e7e47"
POLICY_ID = "00000000000000000000000000000b0a"
CODE = "246810"

ANA = f"arn:aws:ssm-contacts:us-east-1:{ACCOUNT}:contact/ana"
PHONE = f"arn:aws:ssm-contacts:us-east-1:{ACCOUNT}:contact-channel/ana/{CHANNEL_ID}"
ROTATION = f"arn:aws:ssm-contacts:us-east-1:{ACCOUNT}:rotation/{ROTATION_ID}"
ENGAGEMENT = f"arn:aws:ssm-contacts:us-east-1:{ACCOUNT}:engagement/ana/{ENGAGEMENT_ID}"
PAGE = f"arn:aws:ssm-contacts:us-east-1:{ACCOUNT}:page/ana/{PAGE_ID}"
INCIDENT = f"arn:aws:ssm-incidents::{ACCOUNT}:incident-record/plan/{SET_ID}"
SET = f"arn:aws:ssm-incidents::{ACCOUNT}:replication-set/{SET_ID}"
PLAN = f"arn:aws:ssm-incidents::{ACCOUNT}:response-plan/shop"
RECORD = f"arn:aws:ssm-incidents::{ACCOUNT}:incident-record/shop/{RECORD_ID}"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:chat"
GENERATED_ID = "related-item/OTHER/0123456789ABCDEF0123456789ABCDEF"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/operator"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/4e1fd62d-3dd5-4c60-a0a0-0a4e60a5a8b1"
POLICY = '{"Version":"2012-10-17","Statement":[]}'
SESSION_POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
REGIONS = ["us-east-1", "eu-west-1", "ap-south-1", "us-west-2", "eu-north-1"]
TOKEN = "b5a2a9a7-0000-4000-8000-0123456789ab"


SOON = int(time.time()) + 3600
LATER = SOON + 7200


def _recurrence(**settings):
    return {"NumberOfOnCalls": 1, "RecurrenceMultiplier": 1, **settings}


def _at(hour, minute=0):
    return {"HourOfDay": hour, "MinuteOfHour": minute}


_DAILY = _recurrence(DailySettings=[_at(9)])
_WEEKLY = _recurrence(
    WeeklySettings=[{"DayOfWeek": "MON", "HandOffTime": _at(9)}],
    ShiftCoverages={"MON": [{"Start": _at(8), "End": _at(17)}]},
)
_MONTHLY = _recurrence(MonthlySettings=[{"DayOfMonth": 1, "HandOffTime": _at(9)}])


def _escalation(**rest):
    targets = [{"ContactTargetInfo": {"ContactId": ANA, "IsEssential": False}}]
    return {"Plan": {"Stages": [{"DurationInMinutes": 5, "Targets": targets}]}, **rest}


def _personal(**rest):
    targets = [{"ChannelTargetInfo": {"ContactChannelId": PHONE, "RetryIntervalInMinutes": 1}}]
    return {"Plan": {"Stages": [{"DurationInMinutes": 5, "Targets": targets}]}, **rest}


_TAGS = [{"Key": "team", "Value": "ops"}]
_NEW = {"Alias": "new", "DisplayName": "New one", "Tags": _TAGS, "IdempotencyToken": TOKEN}

_AUTOMATION = {
    "ssmAutomation": {
        "documentName": "Restart",
        "documentVersion": "1",
        "roleArn": ROLE,
        "targetAccount": "IMPACTED_ACCOUNT",
        "parameters": {"Ids": ["i-1"]},
        "dynamicParameters": {"Record": {"variable": "INCIDENT_RECORD_ARN"}},
    }
}
_PAGER_DUTY = {
    "pagerDutyConfiguration": {
        "name": "pager",
        "secretId": "secret",
        "pagerDutyIncidentConfiguration": {"serviceId": "P1"},
    }
}
_IN_PLAN = {
    "displayName": "The shop",
    "engagements": [ANA],
    "chatChannel": {"chatbotSns": [TOPIC]},
    "actions": [_AUTOMATION],
    "integrations": [_PAGER_DUTY],
    "clientToken": TOKEN,
}
_TARGETS = [{"snsTopicArn": TOPIC}]
_ITEMS = [
    {"type": "OTHER", "value": {"url": "https://example.com"}},
    {"type": "INVOLVED_RESOURCE", "value": {"arn": TOPIC}},
    {"type": "METRIC", "value": {"metricDefinition": "{}"}},
    {"type": "TASK", "value": {"pagerDutyIncidentDetail": {"id": "Q1", "autoResolve": True, "secretId": "secret"}}},
]


def _filters(key, **values):
    return {"filters": [{"key": key, "condition": {"equals": values}}]}


# What each operation is sent. The account has the contact `ana` with the channel PHONE, the escalation plan `all`, the
# schedule `week`, the rotation ROTATION with the override OVERRIDE_ID, the engagement ENGAGEMENT with the page PAGE,
# and (ssm-incidents) a replication set in us-east-1, the response plan `shop` with a policy, and the incident RECORD
# with the event EVENT_ID.
TEMPLATES = {
    ("ssm-contacts", "CreateContact"): [
        _escalation(Type="ESCALATION", **_NEW),
        _personal(Type="PERSONAL", Alias="new"),
        {"Type": "ONCALL_SCHEDULE", "Alias": "new", "Plan": {"RotationIds": [ROTATION]}},
    ],
    ("ssm-contacts", "UpdateContact"): [
        _personal(ContactId=ANA, DisplayName="Ana"),
        _escalation(ContactId=ANA.replace("/ana", "/all")),
        {"ContactId": ANA.replace("/ana", "/week"), "Plan": {"RotationIds": [ROTATION]}},
    ],
    ("ssm-contacts", "GetContact"): [{"ContactId": ANA}],
    ("ssm-contacts", "DeleteContact"): [{"ContactId": ANA}],
    ("ssm-contacts", "ListContacts"): [
        {"MaxResults": 10, "AliasPrefix": "an", "Type": "PERSONAL"},
        {"NextToken": "abc"},
    ],
    ("ssm-contacts", "CreateContactChannel"): [
        {
            "ContactId": ANA,
            "Name": "mail",
            "Type": "EMAIL",
            "DeliveryAddress": {"SimpleAddress": "ana@example.com"},
            "DeferActivation": True,
            "IdempotencyToken": TOKEN,
        }
    ],
    ("ssm-contacts", "UpdateContactChannel"): [
        {"ContactChannelId": PHONE, "Name": "mobile", "DeliveryAddress": {"SimpleAddress": "+12025550177"}}
    ],
    ("ssm-contacts", "GetContactChannel"): [{"ContactChannelId": PHONE}],
    ("ssm-contacts", "DeleteContactChannel"): [{"ContactChannelId": PHONE}],
    ("ssm-contacts", "ListContactChannels"): [
        {"ContactId": ANA, "MaxResults": 10},
        {"ContactId": ANA, "NextToken": "abc"},
    ],
    ("ssm-contacts", "ActivateContactChannel"): [{"ContactChannelId": PHONE, "ActivationCode": CODE}],
    ("ssm-contacts", "DeactivateContactChannel"): [{"ContactChannelId": PHONE}],
    ("ssm-contacts", "SendActivationCode"): [{"ContactChannelId": PHONE}],
    ("ssm-contacts", "CreateRotation"): [
        {
            "Name": "week days",
            "ContactIds": [ANA],
            "StartTime": SOON,
            "TimeZoneId": "Europe/Berlin",
            "Recurrence": _DAILY,
            "Tags": _TAGS,
            "IdempotencyToken": TOKEN,
        },
        {"Name": "r", "ContactIds": [ANA], "TimeZoneId": "UTC", "Recurrence": _WEEKLY},
        {"Name": "r", "ContactIds": [ANA], "TimeZoneId": "UTC", "Recurrence": _MONTHLY},
    ],
    ("ssm-contacts", "GetRotation"): [{"RotationId": ROTATION}],
    ("ssm-contacts", "UpdateRotation"): [
        {
            "RotationId": ROTATION,
            "ContactIds": [ANA],
            "StartTime": SOON,
            "TimeZoneId": "Asia/Seoul",
            "Recurrence": _DAILY,
        },
        {"RotationId": ROTATION, "Recurrence": _WEEKLY},
        {"RotationId": ROTATION, "Recurrence": _MONTHLY},
    ],
    ("ssm-contacts", "DeleteRotation"): [{"RotationId": ROTATION}],
    ("ssm-contacts", "ListRotations"): [{"MaxResults": 10, "RotationNamePrefix": "we"}, {"NextToken": "abc"}],
    ("ssm-contacts", "CreateRotationOverride"): [
        {
            "RotationId": ROTATION,
            "NewContactIds": [ANA],
            "StartTime": SOON,
            "EndTime": LATER,
            "IdempotencyToken": TOKEN,
        }
    ],
    ("ssm-contacts", "GetRotationOverride"): [{"RotationId": ROTATION, "RotationOverrideId": OVERRIDE_ID}],
    ("ssm-contacts", "DeleteRotationOverride"): [{"RotationId": ROTATION, "RotationOverrideId": OVERRIDE_ID}],
    ("ssm-contacts", "ListRotationOverrides"): [
        {"RotationId": ROTATION, "StartTime": SOON, "EndTime": LATER, "MaxResults": 10},
        {"RotationId": ROTATION, "StartTime": SOON, "EndTime": LATER, "NextToken": "abc"},
    ],
    ("ssm-contacts", "ListRotationShifts"): [
        {"RotationId": ROTATION, "StartTime": SOON, "EndTime": LATER, "MaxResults": 10},
        {"RotationId": ROTATION, "EndTime": LATER, "NextToken": "abc"},
    ],
    ("ssm-contacts", "ListPreviewRotationShifts"): [
        {
            "RotationStartTime": SOON,
            "StartTime": SOON,
            "EndTime": LATER,
            "Members": [ANA],
            "TimeZoneId": "Europe/Berlin",
            "Recurrence": _DAILY,
            "Overrides": [{"NewMembers": [ANA], "StartTime": SOON, "EndTime": LATER}],
            "MaxResults": 10,
        },
        {"EndTime": LATER, "Members": [ANA], "TimeZoneId": "UTC", "Recurrence": _WEEKLY},
        {"EndTime": LATER, "Members": [ANA], "TimeZoneId": "UTC", "Recurrence": _MONTHLY},
        {"EndTime": LATER, "Members": [ANA], "TimeZoneId": "UTC", "Recurrence": _DAILY, "NextToken": "abc"},
    ],
    ("ssm-contacts", "StartEngagement"): [
        {
            "ContactId": ANA,
            "Sender": "bounds",
            "Subject": "A subject",
            "Content": "Some content",
            "PublicSubject": "A subject",
            "PublicContent": "Some content",
            "IncidentId": INCIDENT,
            "IdempotencyToken": TOKEN,
        }
    ],
    ("ssm-contacts", "StopEngagement"): [{"EngagementId": ENGAGEMENT, "Reason": "a drill"}],
    ("ssm-contacts", "DescribeEngagement"): [{"EngagementId": ENGAGEMENT}],
    ("ssm-contacts", "ListEngagements"): [
        {"MaxResults": 10, "IncidentId": INCIDENT, "TimeRangeValue": {"StartTime": SOON, "EndTime": LATER}},
        {"NextToken": "abc"},
    ],
    ("ssm-contacts", "AcceptPage"): [
        {
            "PageId": PAGE,
            "ContactChannelId": PHONE,
            "AcceptType": "READ",
            "Note": "on my way",
            "AcceptCode": CODE,
            "AcceptCodeValidation": "IGNORE",
        }
    ],
    ("ssm-contacts", "DescribePage"): [{"PageId": PAGE}],
    ("ssm-contacts", "ListPagesByContact"): [
        {"ContactId": ANA, "MaxResults": 10},
        {"ContactId": ANA, "NextToken": "abc"},
    ],
    ("ssm-contacts", "ListPagesByEngagement"): [
        {"EngagementId": ENGAGEMENT, "MaxResults": 10},
        {"EngagementId": ENGAGEMENT, "NextToken": "abc"},
    ],
    ("ssm-contacts", "ListPageReceipts"): [{"PageId": PAGE, "MaxResults": 10}, {"PageId": PAGE, "NextToken": "abc"}],
    ("ssm-contacts", "ListPageResolutions"): [{"PageId": PAGE}, {"PageId": PAGE, "NextToken": "abc"}],
    ("ssm-contacts", "PutContactPolicy"): [{"ContactArn": ANA, "Policy": POLICY}],
    ("ssm-contacts", "GetContactPolicy"): [{"ContactArn": ANA}],
    ("ssm-contacts", "TagResource"): [{"ResourceARN": ANA, "Tags": _TAGS}],
    ("ssm-contacts", "UntagResource"): [{"ResourceARN": ANA, "TagKeys": ["team"]}],
    ("ssm-contacts", "ListTagsForResource"): [{"ResourceARN": ANA}],
    ("account", "PutAlternateContact"): [
        {
            "AlternateContactType": "SECURITY",
            "Name": "Security team",
            "Title": "On call",
            "EmailAddress": "sec@example.com",
            "PhoneNumber": "+1 (202) 555-0123",
        },
        {
            "AlternateContactType": "SECURITY",
            "Name": "Security team",
            "Title": "On call",
            "EmailAddress": "sec@example.com",
            "PhoneNumber": "0",
            "AccountId": ACCOUNT,
        },
    ],
    ("account", "GetAlternateContact"): [
        {"AlternateContactType": "SECURITY"},
        {"AlternateContactType": "SECURITY", "AccountId": ACCOUNT},
    ],
    ("account", "DeleteAlternateContact"): [
        {"AlternateContactType": "SECURITY"},
        {"AlternateContactType": "SECURITY", "AccountId": ACCOUNT},
    ],
    ("ssm-incidents", "CreateReplicationSet"): [
        {"regions": {"us-east-1": {}}, "tags": {"team": "ops"}, "clientToken": TOKEN},
        {"regions": {"us-east-1": {"sseKmsKeyId": KEY}}},
    ],
    ("ssm-incidents", "GetReplicationSet"): [{"arn": SET}],
    ("ssm-incidents", "DeleteReplicationSet"): [{"arn": SET}],
    ("ssm-incidents", "ListReplicationSets"): [{"maxResults": 10}, {"nextToken": "abc"}],
    ("ssm-incidents", "UpdateReplicationSet"): [
        {"arn": SET, "actions": [{"addRegionAction": {"regionName": "eu-west-1"}}], "clientToken": TOKEN},
        {"arn": SET, "actions": [{"addRegionAction": {"regionName": "eu-west-1", "sseKmsKeyId": KEY}}]},
        {"arn": SET, "actions": [{"deleteRegionAction": {"regionName": "eu-north-1"}}]},
    ],
    ("ssm-incidents", "UpdateDeletionProtection"): [{"arn": SET, "deletionProtected": True, "clientToken": TOKEN}],
    ("ssm-incidents", "TagResource"): [{"resourceArn": SET, "tags": {"team": "ops"}}],
    ("ssm-incidents", "UntagResource"): [{"resourceArn": SET, "tagKeys": ["team"]}],
    ("ssm-incidents", "ListTagsForResource"): [{"resourceArn": SET}],
    ("ssm-incidents", "CreateResponsePlan"): [
        {
            "name": "new",
            "incidentTemplate": {
                "title": "Down",
                "impact": 1,
                "summary": "It is down.",
                "dedupeString": "down",
                "notificationTargets": _TARGETS,
                "incidentTags": {"team": "ops"},
            },
            "tags": {"team": "ops"},
            **_IN_PLAN,
        }
    ],
    ("ssm-incidents", "GetResponsePlan"): [{"arn": PLAN}],
    ("ssm-incidents", "UpdateResponsePlan"): [
        {
            "arn": PLAN,
            "incidentTemplateTitle": "Down",
            "incidentTemplateImpact": 1,
            "incidentTemplateSummary": "It is down.",
            "incidentTemplateDedupeString": "down",
            "incidentTemplateNotificationTargets": _TARGETS,
            "incidentTemplateTags": {"team": "ops"},
            **_IN_PLAN,
        }
    ],
    ("ssm-incidents", "DeleteResponsePlan"): [{"arn": PLAN}],
    ("ssm-incidents", "ListResponsePlans"): [{"maxResults": 10}, {"nextToken": "abc"}],
    ("ssm-incidents", "PutResourcePolicy"): [{"resourceArn": PLAN, "policy": POLICY}],
    ("ssm-incidents", "GetResourcePolicies"): [
        {"resourceArn": PLAN, "maxResults": 10},
        {"resourceArn": PLAN, "nextToken": "abc"},
    ],
    ("ssm-incidents", "DeleteResourcePolicy"): [{"resourceArn": PLAN, "policyId": POLICY_ID}],
    ("ssm-incidents", "StartIncident"): [
        {
            "responsePlanArn": PLAN,
            "title": "Slow",
            "impact": 1,
            "relatedItems": [{"identifier": item, "title": "item", "generatedId": GENERATED_ID}],
            "triggerDetails": {
                "source": "com.example",
                "timestamp": SOON,
                "triggerArn": TOPIC,
                "rawData": "{}",
            },
            "clientToken": TOKEN,
        }
        for item in _ITEMS
    ],
    ("ssm-incidents", "GetIncidentRecord"): [{"arn": RECORD}],
    ("ssm-incidents", "UpdateIncidentRecord"): [
        {
            "arn": RECORD,
            "title": "Slow",
            "summary": "It is slow.",
            "impact": 1,
            "status": "OPEN",
            "chatChannel": {"chatbotSns": [TOPIC]},
            "notificationTargets": _TARGETS,
            "clientToken": TOKEN,
        }
    ],
    ("ssm-incidents", "DeleteIncidentRecord"): [{"arn": RECORD}],
    ("ssm-incidents", "ListIncidentRecords"): [
        {"maxResults": 10, **_filters("status", stringValues=["OPEN"])},
        {"nextToken": "abc", **_filters("impact", integerValues=[1])},
    ],
    ("ssm-incidents", "CreateTimelineEvent"): [
        {
            "incidentRecordArn": RECORD,
            "eventTime": SOON,
            "eventType": "Note",
            "eventData": '"text"',
            "eventReferences": [reference],
            "clientToken": TOKEN,
        }
        for reference in ({"resource": TOPIC}, {"relatedItemId": GENERATED_ID})
    ],
    ("ssm-incidents", "GetTimelineEvent"): [{"incidentRecordArn": RECORD, "eventId": EVENT_ID}],
    ("ssm-incidents", "UpdateTimelineEvent"): [
        {
            "incidentRecordArn": RECORD,
            "eventId": EVENT_ID,
            "eventTime": SOON,
            "eventType": "Note",
            "eventData": '"text"',
            "eventReferences": [reference],
            "clientToken": TOKEN,
        }
        for reference in ({"resource": TOPIC}, {"relatedItemId": GENERATED_ID})
    ],
    ("ssm-incidents", "DeleteTimelineEvent"): [{"incidentRecordArn": RECORD, "eventId": EVENT_ID}],
    ("ssm-incidents", "ListTimelineEvents"): [
        {
            "incidentRecordArn": RECORD,
            "maxResults": 10,
            "sortBy": "EVENT_TIME",
            "sortOrder": "ASCENDING",
            **_filters("eventType", stringValues=["Note"]),
        },
        {"incidentRecordArn": RECORD, "nextToken": "abc", **_filters("eventType", integerValues=[1])},
    ],
    ("ssm-incidents", "UpdateRelatedItems"): [
        *(
            {
                "incidentRecordArn": RECORD,
                "relatedItemsUpdate": {"itemToAdd": {"identifier": item, "title": "i", "generatedId": GENERATED_ID}},
                "clientToken": TOKEN,
            }
            for item in _ITEMS
        ),
        *({"incidentRecordArn": RECORD, "relatedItemsUpdate": {"itemToRemove": item}} for item in _ITEMS),
    ],
    ("ssm-incidents", "ListRelatedItems"): [
        {"incidentRecordArn": RECORD, "maxResults": 10},
        {"incidentRecordArn": RECORD, "nextToken": "abc"},
    ],
    ("ssm-incidents", "ListIncidentFindings"): [
        {"incidentRecordArn": RECORD, "maxResults": 10},
        {"incidentRecordArn": RECORD, "nextToken": "abc"},
    ],
    ("ssm-incidents", "BatchGetIncidentFindings"): [{"incidentRecordArn": RECORD, "findingIds": ["f"]}],
    ("sts", "GetCallerIdentity"): [{}],
    ("sts", "AssumeRole"): [
        {
            "RoleArn": ROLE,
            "RoleSessionName": "session-1",
            "DurationSeconds": 3600,
            "Policy": SESSION_POLICY,
            "PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}],
            "Tags": [{"Key": "team", "Value": "ops"}],
            "TransitiveTagKeys": ["team"],
            "ExternalId": "external",
            "SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/ana",
            "TokenCode": "123456",
            "SourceIdentity": "ana",
            "ProvidedContexts": [{"ProviderArn": "arn:aws:iam::aws:contextProvider/x", "ContextAssertion": "asserted"}],
            "MinimumSessionTokenSize": 100,
        }
    ],
}

# Inside its bounds, a value may still be refused for what it means. Everything else must simply succeed.
MEANING = {
    # Nobody but the management account of an organization names an account.
    "AccountId": {"AccessDeniedException"},
    "AlternateContactType": {"ResourceNotFoundException"},
    "ContactId": {"ResourceNotFoundException", "ValidationException"},
    "ContactChannelId": {"ResourceNotFoundException", "ValidationException"},
    "EngagementId": {"ResourceNotFoundException", "ValidationException"},
    "PageId": {"ResourceNotFoundException", "ValidationException"},
    "ContactArn": {"ResourceNotFoundException", "ValidationException"},
    "ResourceARN": {"ResourceNotFoundException", "ValidationException"},
    "RotationIds": {"ResourceNotFoundException", "ValidationException"},
    "RotationId": {"ResourceNotFoundException", "ValidationException"},
    "RotationOverrideId": {"ResourceNotFoundException"},
    "ContactIds": {"ResourceNotFoundException", "ValidationException"},
    "NewContactIds": {"ResourceNotFoundException", "ValidationException"},
    "TimeZoneId": {"ValidationException"},
    "ActivationCode": {"ValidationException"},
    "SimpleAddress": {"ValidationException"},
    "Type": {"ValidationException"},
    "NextToken": {"ValidationException"},
    "Policy": {"ValidationException", "MalformedPolicyDocument"},
    "arn": {"ResourceNotFoundException", "ValidationException", "ValidationError"},
    "nextToken": {"ValidationException"},
    "resourceArn": {"ResourceNotFoundException", "ValidationException"},
    "responsePlanArn": {"ResourceNotFoundException", "ValidationException"},
    "incidentRecordArn": {"ResourceNotFoundException", "ValidationException"},
    "eventId": {"ResourceNotFoundException"},
    "eventData": {"ValidationException"},
    "policyId": {"ResourceNotFoundException"},
    "policy": {"ValidationException"},
    "relatedItems": {"ValidationException"},
    "filters": {"ValidationException"},
    "key": {"ValidationException"},
    "integerValues": {"ValidationException"},
    "regions": {"ValidationException"},
    "regionName": {"ValidationException"},
    "sseKmsKeyId": {"ValidationException"},
    "RoleArn": {"ValidationError", "AccessDenied"},
    "DurationSeconds": {"ValidationError"},
    "TransitiveTagKeys": {"ValidationError"},
}

# Bounds that no value can break alone, or that a URI cannot carry at all.
UNTESTABLE = {
    ("ssm-incidents", "TagResource", "resourceArn required"),
    ("ssm-incidents", "UntagResource", "resourceArn required"),
    ("ssm-incidents", "ListTagsForResource", "resourceArn required"),
    # An empty list in a query string is no list.
    ("ssm-incidents", "UntagResource", "tagKeys min"),
    # The pattern leaves one length only.
    ("ssm-incidents", "StartIncident", "relatedItems.[].generatedId max"),
    ("ssm-incidents", "UpdateRelatedItems", "relatedItemsUpdate.itemToAdd.generatedId max"),
    ("ssm-incidents", "CreateTimelineEvent", "eventReferences.[].relatedItemId max"),
    ("ssm-incidents", "UpdateTimelineEvent", "eventReferences.[].relatedItemId max"),
    # Only control characters break these, which XML cannot carry back in the sentence.
    ("sts", "AssumeRole", "RoleArn pattern"),
    ("sts", "AssumeRole", "PolicyArns.[].arn pattern"),
    ("sts", "AssumeRole", "ProvidedContexts.[].ProviderArn pattern"),
}

_DELETE = object()


@dataclass(frozen=True)
class Case:
    """One request with one member changed."""

    service: str
    operation: str
    path: tuple
    rule: str
    inside: bool
    template: Any = field(compare=False, repr=False)
    value: Any = field(compare=False, repr=False)

    @property
    def id(self):
        side = "inside" if self.inside else "outside"
        return f"{self.operation}-{'.'.join(map(str, self.path))}-{self.rule}-{side}"

    @property
    def member(self):
        """The innermost member with a name of its own."""
        return [step for step in self.path if isinstance(step, str) and not step.startswith("{")][-1]

    def request(self, replacements):
        params = copy.deepcopy(self.template)
        *parents, last = self.path
        if isinstance(last, str) and last.startswith("{key}"):
            holder = _get(params, parents)
            [old] = holder
            holder[self.value] = holder.pop(old)
        elif self.value is _DELETE:
            del _get(params, parents)[last]
        else:
            _get(params, parents)[_key(_get(params, parents), last)] = copy.deepcopy(self.value)
        return _replace(params, replacements)

    def coral_path(self):
        """Where the Coral sentence says the value is. A scalar in a list or map is reported with its container."""
        *parents, last = self.path
        scalar = not isinstance(_get(self.template, self.path), (list, dict))
        if isinstance(last, int) or last.startswith("{key}") or (last.startswith("{value}") and scalar):
            steps = parents
        else:
            steps = self.path
        said = []
        for index, step in enumerate(steps):
            if isinstance(step, int):
                said.append(f"{step + 1}.member")
            elif step.startswith("{value}"):
                [key] = _get(self.template, steps[:index])
                said.append(f"{key}.member")
            else:
                said.append(step[0].lower() + step[1:])
        return ".".join(said)


def _key(holder, step):
    if isinstance(step, str) and step.startswith("{value}"):
        [key] = holder
        return key
    return step


def _get(params, path):
    for step in path:
        if step == "{key}":
            return next(iter(params))
        params = params[_key(params, step)]
    return params


def _replace(value, replacements):
    if isinstance(value, str):
        for old, new in replacements.items():
            value = value.replace(old, new)
        return value
    if isinstance(value, list):
        return [_replace(each, replacements) for each in value]
    if isinstance(value, dict):
        return {_replace(key, replacements): _replace(each, replacements) for key, each in value.items()}
    return value


def models():
    """The service models, by name."""
    session = botocore.session.Session(profile=None)
    return {name: session.get_service_model(name) for name in ("ssm-contacts", "ssm-incidents", "sts", "account")}


def cases():
    """Every case of every template, each rule of each member once."""
    services, seen = models(), {}
    for (service, operation), templates in TEMPLATES.items():
        shape = services[service].operation_model(operation).input_shape
        for template in templates if shape else ():
            # An older botocore, on an older Python, knows fewer members.
            template = {name: value for name, value in template.items() if name in shape.members}
            for path, rule, inside, value in _structure(shape, template, ()):
                case = Case(service, operation, path, rule, inside, template, value)
                name = (service, operation, _plain(path), rule, inside)
                if name not in seen and not _lost(shape, case):
                    seen[name] = case
    return list(seen.values())


def constraints():
    """Every rule of every member that the models know for the operations of the templates."""
    services = models()
    for service, operation in TEMPLATES:
        shape = services[service].operation_model(operation).input_shape
        for path, rule in _rules(shape, ()) if shape else ():
            yield service, operation, path, rule


def _lost(shape, case):
    """Whether the request cannot carry the value."""
    location = shape.members[case.path[0]].serialization.get("location")
    return location == "uri" or (location == "querystring" and case.value == [])


def _plain(path):
    return tuple("[]" if isinstance(step, int) else step for step in path)


def _rules(shape, path):
    meta = shape.metadata
    if path and shape.type_name in ("string", "list", "map", "integer", "long"):
        low, high = meta.get("min"), meta.get("max")
        if low is not None and (low > 0 or shape.type_name in ("integer", "long")):
            yield path, "min"
        if high is not None:
            yield path, "max"
        if meta.get("pattern") and not regex.fullmatch(meta["pattern"], "!\n~\0☃"):
            yield path, "pattern"
        if getattr(shape, "enum", None):
            yield path, "enum"
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if name in shape.required_members:
                yield (*path, name), "required"
            yield from _rules(member, (*path, name))
    elif shape.type_name == "list":
        yield from _rules(shape.member, (*path, "[]"))
    elif shape.type_name == "map":
        yield from _rules(shape.key, (*path, "{key}"))
        yield from _rules(shape.value, (*path, "{value}"))


def _structure(shape, value, path):
    for name, member in shape.members.items():
        if name not in value:
            continue
        if name in shape.required_members:
            yield (*path, name), "required", False, _DELETE
        yield from _member(member, value[name], (*path, name))


def _member(shape, value, path):
    kind = shape.type_name
    if kind == "structure":
        yield from _structure(shape, value, path)
    elif kind == "list":
        yield from _sized(shape, path, lambda size: [_vary(value[0], index) for index in range(size)])
        yield from _member(shape.member, value[0], (*path, 0))
    elif kind == "map":
        [(key, inner)] = value.items()
        names = REGIONS if key in REGIONS else [f"{key}{index}" for index in range(300)]
        yield from _sized(shape, path, lambda size: {name: inner for name in names[:size]})
        yield from _member(shape.key, key, (*path, "{key}"))
        yield from _member(shape.value, inner, (*path, "{value}"))
    elif kind == "string":
        yield from _string(shape, value, path)
    elif kind in ("integer", "long"):
        yield from _sized(shape, path, lambda size: size, lowest=None)


def _sized(shape, path, make, lowest=1):
    """Bounds of a number, or of what has a size."""
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and (lowest is None or low >= lowest):
        yield path, "min", True, make(low)
        yield path, "min", False, make(low - 1)
    if high is not None:
        yield path, "max", True, make(high)
        yield path, "max", False, make(high + 1)


def _string(shape, value, path):
    pattern = shape.metadata.get("pattern")

    def fits(text):
        return not pattern or regex.fullmatch(pattern, text) is not None

    def of(size):
        found = [text for text in _stretched(value, size) if fits(text)]
        return found[0] if found else None

    def either(size):
        return of(size) or next(iter(_stretched(value, size)))

    if shape.enum:
        for each in shape.enum:
            yield path, f"enum {each}", True, each
        yield path, "enum", False, "NOT_A_VALUE"
        return
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low:
        shortest = next((of(size) for size in range(low, len(value) + 1) if of(size) is not None), value)
        yield path, "min", True, shortest
        yield path, "min", False, either(low - 1)
    if high is not None and shape.name != "GeneratedId":
        assert of(high) is not None, f"{path}: no value of length {high} fits {pattern}"
        yield path, "max", True, of(high)
        yield path, "max", False, either(high + 1)
    if pattern:
        size = len(value)
        wrong = [value[:-1] + bad for bad in "!\n~☃é"] + ["x" * size, " " * size, "!" * size]
        # AWS matches the whole value, anchored or not; values that fit nowhere come first.
        wrong = [text for text in wrong if not fits(text)]
        wrong.sort(key=lambda text: regex.search(pattern, text) is not None)
        if wrong:
            yield path, "pattern", False, wrong[0]
            yield path, "pattern", True, value


def _stretched(value, size):
    """Texts of a length, the likeliest to fit first."""
    if size <= 0:
        yield ""
        return
    if size == len(value):
        yield value
    if size > len(value):
        for filler in "a0 -_":
            yield value + filler * (size - len(value))
            yield filler * (size - len(value)) + value
    else:
        yield value[:size]
    for filler in "a0":
        yield filler * size


def _vary(item, index):
    if index == 0:
        return copy.deepcopy(item)
    if isinstance(item, str):
        return f"{item}{index}"
    if isinstance(item, int):
        return item + index
    item = copy.deepcopy(item)
    for name in "Key", "key":
        if name in item:
            item[name] += str(index)
    return item
