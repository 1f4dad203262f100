"""Response plans: what they keep, what clears, what they refer to."""

from __future__ import annotations

import json
import uuid

import pytest

from make import contact, message, refused, response_plan

ACTION = {
    "ssmAutomation": {
        "documentName": "Restart",
        "documentVersion": "$LATEST",
        "roleArn": "arn:aws:iam::123456789012:role/runbook",
        "targetAccount": "IMPACTED_ACCOUNT",
        "parameters": {"Ids": ["b", "a", "b"], "Mode": [""]},
        "dynamicParameters": {"Record": {"variable": "INCIDENT_RECORD_ARN"}},
    }
}
PAGER_DUTY = {
    "pagerDutyConfiguration": {
        "name": "pager",
        "secretId": "secret",
        "pagerDutyIncidentConfiguration": {"serviceId": "P1"},
    }
}


def topic(account, name="chat", region="us-east-1"):
    return f"arn:aws:sns:{region}:{account.id}:{name}"


def everything(account):
    """A plan with all there is."""
    return {
        "displayName": "The shop",
        "incidentTemplate": {
            "title": "Down",
            "impact": 1,
            "summary": "It is down.",
            "dedupeString": "down",
            "notificationTargets": [{"snsTopicArn": topic(account, "all")}],
            "incidentTags": {"team": "ops"},
        },
        "engagements": [account.arn("ana"), account.arn("zoe")],
        "chatChannel": {"chatbotSns": [topic(account)]},
        "actions": [ACTION],
        "integrations": [PAGER_DUTY],
    }


def get(account, arn, region="us-east-1"):
    got = account.incidents(region).get_response_plan(arn=arn)
    del got["ResponseMetadata"]
    return got


def test_life(account):
    client = account.incidents()
    arn = client.create_response_plan(name="shop", **everything(account))["arn"]
    assert arn == f"arn:aws:ssm-incidents::{account.id}:response-plan/shop"
    assert get(account, arn) == {"arn": arn, "name": "shop", **everything(account)}
    assert client.list_response_plans()["responsePlanSummaries"] == [
        {"arn": arn, "name": "shop", "displayName": "The shop"}
    ]
    client.delete_response_plan(arn=arn)
    refused("ResourceNotFoundException", client.get_response_plan, arn=arn)
    client.delete_response_plan(arn=arn)
    refused("ResourceNotFoundException", client.update_response_plan, arn=arn)
    refused("ResourceNotFoundException", client.start_incident, responsePlanArn=arn)


def test_the_least(account):
    arn = response_plan(account, title="Down", impact=3)
    assert get(account, arn) == {
        "arn": arn,
        "name": "shop",
        "incidentTemplate": {"title": "Down", "impact": 3},
        "chatChannel": {"empty": {}},
        "engagements": [],
        "actions": [],
        "integrations": [],
    }


CLEARED = [
    ({"displayName": ""}, ("displayName",), ""),
    ({"incidentTemplateSummary": ""}, ("incidentTemplate", "summary"), ""),
    ({"incidentTemplateDedupeString": ""}, ("incidentTemplate", "dedupeString"), ""),
    ({"incidentTemplateNotificationTargets": []}, ("incidentTemplate", "notificationTargets"), []),
    ({"incidentTemplateTags": {}}, ("incidentTemplate", "incidentTags"), None),
    ({"engagements": []}, ("engagements",), []),
    ({"actions": []}, ("actions",), []),
    ({"integrations": []}, ("integrations",), []),
    ({"chatChannel": {"empty": {}}}, ("chatChannel",), {"empty": {}}),
    ({"incidentTemplateTitle": "Up"}, ("incidentTemplate", "title"), "Up"),
    ({"incidentTemplateImpact": 5}, ("incidentTemplate", "impact"), 5),
]


@pytest.mark.parametrize(("change", "path", "shown"), CLEARED, ids=[next(iter(change)) for change, _, _ in CLEARED])
def test_an_update_clears_what_it_names_and_keeps_the_rest(account, change, path, shown):
    client = account.incidents()
    arn = client.create_response_plan(name="shop", **everything(account))["arn"]
    expected = get(account, arn)
    client.update_response_plan(arn=arn)
    assert get(account, arn) == expected
    client.update_response_plan(arn=arn, **change)
    *parents, last = path
    holder = expected
    for parent in parents:
        holder = holder[parent]
    if shown is None:
        del holder[last]
    else:
        holder[last] = shown
    assert get(account, arn) == expected


def test_sets_have_no_order_and_nothing_twice(account):
    people = [account.arn("zoe"), account.arn("ana"), account.arn("zoe")]
    topics = [topic(account, "b"), topic(account, "a"), topic(account, "b")]
    targets = [{"snsTopicArn": each} for each in topics]
    arn = response_plan(
        account, template={"notificationTargets": targets}, engagements=people, chatChannel={"chatbotSns": topics}
    )
    got = get(account, arn)
    assert sorted(got["engagements"]) == sorted(set(people))
    assert sorted(got["chatChannel"]["chatbotSns"]) == sorted(set(topics))
    assert len(got["incidentTemplate"]["notificationTargets"]) == 2


def test_names_and_tokens(account):
    client = account.incidents()
    token = str(uuid.uuid4())
    wish = {"name": "shop", "incidentTemplate": {"title": "Down", "impact": 1}}
    arn = client.create_response_plan(clientToken=token, **wish)["arn"]
    assert client.create_response_plan(clientToken=token, **wish)["arn"] == arn
    error = refused("ConflictException", client.create_response_plan, **wish)
    assert (error["resourceIdentifier"], error["resourceType"]) == (arn, "RESPONSE_PLAN")
    refused("ConflictException", client.create_response_plan, clientToken=token, **{**wish, "name": "other"})
    client.update_response_plan(arn=arn, clientToken=token, displayName="One")
    client.update_response_plan(arn=arn, displayName="Two")
    client.update_response_plan(arn=arn, clientToken=token, displayName="One")
    assert get(account, arn)["displayName"] == "Two", "a repeated call changes nothing"
    refused("ConflictException", client.update_response_plan, arn=arn, clientToken=token, displayName="Three")


@pytest.mark.parametrize("chat", [{}, {"chatbotSns": []}, {"empty": {}, "chatbotSns": ["x"]}])
def test_a_chat_channel_is_one_thing(account, chat):
    arn = response_plan(account)
    bare = account.incidents(validate=False)
    error = refused("ValidationException", bare.update_response_plan, arn=arn, chatChannel=chat)
    assert "chatChannel" in message(error)


@pytest.mark.parametrize("member", ["parameters", "dynamicParameters"])
def test_parameters_are_not_empty(account, member):
    action = {"ssmAutomation": {"documentName": "Restart", "roleArn": "arn:aws:iam::123456789012:role/r", member: {}}}
    bare = account.incidents(validate=False)
    error = refused(
        "ValidationException",
        bare.create_response_plan,
        name="shop",
        incidentTemplate={"title": "t", "impact": 1},
        actions=[action],
    )
    assert f"at 'actions.1.member.ssmAutomation.{member}' failed to satisfy constraint" in message(error)


def test_many_are_listed_in_pages(account):
    arns = {response_plan(account, f"p{index}") for index in range(5)}
    pages = account.incidents().get_paginator("list_response_plans").paginate(PaginationConfig={"PageSize": 2})
    listed = [page["responsePlanSummaries"] for page in pages]
    assert [len(page) for page in listed] == [2, 2, 1]
    assert {plan["arn"] for page in listed for plan in page} == arns


def test_tags(account):
    client = account.incidents()
    arn = response_plan(account, tags={"team": "ops", "x": ""})
    client.tag_resource(resourceArn=arn, tags={"tier": "1"})
    client.untag_resource(resourceArn=arn, tagKeys=["x"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "ops", "tier": "1"}
    many = {f"k{index}": "" for index in range(49)}
    error = refused("ServiceQuotaExceededException", client.tag_resource, resourceArn=arn, tags=many)
    assert error["resourceType"] == "RESPONSE_PLAN"
    missing = arn + "x"
    refused("ResourceNotFoundException", client.list_tags_for_resource, resourceArn=missing)


def test_policies(account):
    client = account.incidents()
    arn = response_plan(account)
    assert client.get_resource_policies(resourceArn=arn)["resourcePolicies"] == []
    document = json.dumps({"Version": "2012-10-17", "Statement": []})
    policy = client.put_resource_policy(resourceArn=arn, policy=document)["policyId"]
    assert client.get_resource_policies(resourceArn=arn)["resourcePolicies"] == [
        {"policyDocument": document, "policyId": policy, "ramResourceShareRegion": "us-east-1"}
    ]
    client.delete_resource_policy(resourceArn=arn, policyId=policy)
    error = refused("ResourceNotFoundException", client.delete_resource_policy, resourceArn=arn, policyId=policy)
    assert error["resourceType"] == "RESOURCE_POLICY"
    refused("ValidationException", client.put_resource_policy, resourceArn=arn, policy="{")
    refused("ResourceNotFoundException", client.get_resource_policies, resourceArn=arn + "x")


def test_without_a_replication_set(bare):
    client = bare.incidents()
    arn = f"arn:aws:ssm-incidents::{bare.id}:response-plan/shop"
    assert client.list_response_plans()["responsePlanSummaries"] == []
    assert client.list_incident_records()["incidentRecordSummaries"] == []
    refused("ResourceNotFoundException", client.get_response_plan, arn=arn)
    refused("ResourceNotFoundException", client.start_incident, responsePlanArn=arn)
    template = {"title": "Down", "impact": 1}
    error = refused("ResourceNotFoundException", client.create_response_plan, name="shop", incidentTemplate=template)
    assert error["resourceType"] == "REPLICATION_SET"


def test_in_every_region_of_the_set(simulator, number):
    account = simulator.account(number(), onboard=("us-east-1", "eu-west-1"))
    arn = response_plan(account)
    assert get(account, arn, "eu-west-1") == get(account, arn)
    refused("ResourceNotFoundException", account.incidents("us-west-2").get_response_plan, arn=arn)
    assert account.incidents("us-west-2").list_response_plans()["responsePlanSummaries"] == []
    [replication_set] = account.incidents().list_replication_sets()["replicationSetArns"]
    action = [{"deleteRegionAction": {"regionName": "us-east-1"}}]
    account.incidents("eu-west-1").update_replication_set(arn=replication_set, actions=action)
    assert get(account, arn, "eu-west-1")["name"] == "shop", "data outlives the Region it was written in"
    account.incidents("eu-west-1").delete_replication_set(arn=replication_set)
    simulator.account(account.id, onboard=("eu-west-1",))
    refused("ResourceNotFoundException", account.incidents("eu-west-1").get_response_plan, arn=arn)


def test_other_accounts_and_other_kinds(account):
    client = account.incidents()
    arn = response_plan(account)
    foreign = arn.replace(account.id, "111122223333")
    refused("AccessDeniedException", client.get_response_plan, arn=foreign)
    refused("AccessDeniedException", client.start_incident, responsePlanArn=foreign)
    [replication_set] = client.list_replication_sets()["replicationSetArns"]
    refused("ValidationException", client.get_response_plan, arn=replication_set)


def test_chat_topics_are_tried_if_asked(account, simulator):
    client = account.incidents()
    arn = response_plan(account)

    def chat(name, region="us-east-1"):
        return {"arn": arn, "chatChannel": {"chatbotSns": [topic(account, name, region)]}}

    client.update_response_plan(**chat("unusable"))
    account.knobs(sns_publish_check="on")
    client.update_response_plan(**chat("chat"))
    refused("ValidationException", client.update_response_plan, **chat("unusable"))
    refused("ValidationException", client.update_response_plan, **chat("chat", "us-west-2"))
    simulator.control("PUT", "/unusable", {"topics": [topic(account)]}, account=account.id)
    error = refused("ValidationException", client.update_response_plan, **chat("chat"))
    assert "ssm-incidents.amazonaws.com" in message(error)
    client.update_response_plan(arn=arn, displayName="kept")


def test_secrets_are_read_for_the_caller(account, simulator):
    words = "We were unable to validate the AWS Secrets Manager secret"
    client = account.incidents()
    arn = response_plan(account)

    def secret(name):
        return {
            "arn": arn,
            "integrations": [
                {
                    "pagerDutyConfiguration": {
                        "name": "pager",
                        "secretId": name,
                        "pagerDutyIncidentConfiguration": {"serviceId": "P1"},
                    }
                }
            ],
        }

    client.update_response_plan(**secret("good"))
    for name in ("unusable", "good "):
        assert message(refused("ValidationException", client.update_response_plan, **secret(name))) == words
    simulator.control("PUT", "/unusable", {"secrets": ["good"]}, account=account.id)
    assert message(refused("ValidationException", client.update_response_plan, **secret("good"))) == words
    simulator.control("PUT", "/unusable", {}, account=account.id)
    account.iam(deny=["secretsmanager:GetSecretValue"])
    assert message(refused("ValidationException", client.update_response_plan, **secret("good"))) == words


def test_engagements_are_looked_up_if_asked(account):
    client = account.incidents()
    arn = response_plan(account, engagements=[account.arn("nobody")])
    account.knobs(response_plan_checks_engagement_exists="yes")
    nobody = {"arn": arn, "engagements": [account.arn("nobody")]}
    refused("ResourceNotFoundException", client.update_response_plan, **nobody)
    client.update_response_plan(arn=arn, engagements=[contact(account)])


def test_knobs_of_what_is_shown(account):
    client = account.incidents()
    action = {"ssmAutomation": {"documentName": "Restart", "roleArn": "arn:aws:iam::123456789012:role/r"}}
    arn = response_plan(account, actions=[action])
    assert get(account, arn)["actions"] == [action]
    account.knobs(automation_defaults_on_get="filled", chat_channel_empty_on_get="absent")
    got = get(account, arn)
    shown = got["actions"][0]["ssmAutomation"]
    assert (shown["documentVersion"], shown["targetAccount"]) == ("$DEFAULT", "RESPONSE_PLAN_OWNER_ACCOUNT")
    assert "chatChannel" not in got
    # The model knows no error for this.
    account.knobs(delete_missing_response_plan="404")
    client.delete_response_plan(arn=arn)
    refused("ResourceNotFoundException", account.incidents(check=False).delete_response_plan, arn=arn)


def test_permissions(account):
    wish = {"name": "shop", "tags": {"a": "b"}, **everything(account)}
    client = account.incidents()
    for action in ("ssm-incidents:CreateResponsePlan", "ssm-incidents:TagResource", "iam:PassRole"):
        account.iam(deny=[action])
        assert action in message(refused("AccessDeniedException", client.create_response_plan, **wish))
    account.iam()
    arn = client.create_response_plan(**wish)["arn"]
    account.iam(deny=["iam:PassRole"])
    client.update_response_plan(arn=arn, displayName="x")
    client.update_response_plan(arn=arn, actions=[])
    refused("AccessDeniedException", client.update_response_plan, arn=arn, actions=[ACTION])
