"""The wire itself, without any SDK in between."""

from __future__ import annotations

import http.client
import json
import re
import uuid
import xml.etree.ElementTree as xml

import pytest

from make import contact

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
JSON11 = "application/x-amz-json-1.1"
STS = "{https://sts.amazonaws.com/doc/2011-06-15/}"


def authorization(account, service, region="us-east-1"):
    return (
        f"AWS4-HMAC-SHA256 Credential={account.key}/20260101/{region}/{service}/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64
    )


def contacts(account, operation, body="{}", region="us-east-1", **headers):
    """One JSON 1.1 exchange; header arguments replace or (None) remove the usual ones."""
    usual = {
        "content-type": JSON11,
        "x-amz-target": f"SSMContacts.{operation}",
        "authorization": authorization(account, "ssm-contacts", region),
        "x-amz-date": "20260101T000000Z",
    }
    usual.update({name.replace("_", "-"): value for name, value in headers.items()})
    usual = {name: value for name, value in usual.items() if value is not None}
    status, answer, text = account.simulator.raw("POST", "/", body, usual)
    return status, answer, json.loads(text) if text else None


def incidents(account, method, path, body=None, auth=True):
    headers = {"content-type": "application/json", "x-amz-date": "20260101T000000Z"}
    if auth:
        headers["authorization"] = authorization(account, "ssm-incidents")
    status, answer, text = account.simulator.raw(method, path, body, headers)
    return status, answer, json.loads(text) if text else None


def sts(account, body, auth=True):
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8", "x-amz-date": "20260101T000000Z"}
    if auth:
        headers["authorization"] = authorization(account, "sts")
    status, answer, text = account.simulator.raw("POST", "/", body, headers)
    return status, answer, xml.fromstring(text)


def kind(answer):
    """The bare error type of a JSON body."""
    return answer["__type"].rsplit("#")[-1]


def coral(text):
    """The parts of the sentence in which AWS reports broken constraints."""
    found = re.match(r"(\d+) validation errors? detected: (.*)", text, re.DOTALL)
    assert found, text
    parts = found[2].split("; ")
    assert int(found[1]) == len(parts), text
    assert ("error " in text[: found.start(2)]) == (len(parts) == 1), text
    sentence = r"Value (null|'.*') at '[^']+' failed to satisfy constraint: Member must .+"
    for part in parts:
        assert re.fullmatch(sentence, part, re.DOTALL), part
    return parts


def test_json11_success(account):
    status, headers, answer = contacts(account, "ListContacts")
    assert (status, answer["Contacts"]) == (200, [])
    assert headers["content-type"] == JSON11
    assert UUID.fullmatch(headers["x-amzn-requestid"])


def test_json11_error(account):
    body = json.dumps({"ContactId": account.arn("nobody")})
    status, headers, answer = contacts(account, "GetContact", body)
    assert status == 400
    assert headers["content-type"] == JSON11
    assert UUID.fullmatch(headers["x-amzn-requestid"])
    assert kind(answer) == "ResourceNotFoundException"
    assert set(answer) == {"__type", "Message", "ResourceId", "ResourceType"}


def test_json11_empty_output_is_an_empty_document(account):
    arn = contact(account)
    status, _, answer = contacts(account, "DeleteContact", json.dumps({"ContactId": arn}))
    assert (status, answer) == (200, {})


def test_json11_empty_body_is_an_empty_input(account):
    status, _, answer = contacts(account, "ListContacts", "")
    assert (status, answer["Contacts"]) == (200, [])


def test_json11_unknown_members_and_nulls_are_ignored(account):
    body = json.dumps({"Surprise": {"a": [1]}, "Type": None, "MaxResults": None})
    status, _, answer = contacts(account, "ListContacts", body)
    assert (status, answer["Contacts"]) == (200, [])


def test_json11_content_type_with_a_charset(account):
    status, _, _ = contacts(account, "ListContacts", content_type=JSON11 + "; charset=utf-8")
    assert status == 200


@pytest.mark.parametrize("target", ["SSMContacts.MakeCoffee", "Nothing.ListContacts", "ListContacts", ""])
def test_json11_unknown_operation(account, target):
    status, headers, answer = contacts(account, "", x_amz_target=target)
    assert status in (400, 404)
    assert kind(answer) == "UnknownOperationException"
    assert UUID.fullmatch(headers["x-amzn-requestid"])


def test_json11_missing_authentication(account):
    status, headers, answer = contacts(account, "ListContacts", authorization=None)
    assert status in (400, 403)
    assert kind(answer) in ("MissingAuthenticationTokenException", "MissingAuthenticationToken")
    assert UUID.fullmatch(headers["x-amzn-requestid"])


@pytest.mark.parametrize("value", ["Bearer abc", "AWS4-HMAC-SHA256 Credential=short, Signature=00", "AWS4-HMAC-SHA256"])
def test_json11_incomplete_signature(account, value):
    status, _, answer = contacts(account, "ListContacts", authorization=value)
    assert status in (400, 403)
    assert kind(answer) in (
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
    )


@pytest.mark.parametrize("body", ["{", "[]", '"text"', "{'Alias': 1}", '{"Alias": "a"', '{"a":1} x'])
def test_json11_malformed_json(account, body):
    status, _, answer = contacts(account, "ListContacts", body)
    assert status == 400
    assert kind(answer) == "SerializationException"


@pytest.mark.parametrize(
    "members",
    [
        {"Alias": 1},
        {"Alias": ["a"]},
        {"Type": {"a": "b"}},
        {"Plan": []},
        {"Plan": "x"},
        {"Plan": {"Stages": {}}},
        {"Plan": {"Stages": [{"DurationInMinutes": "5", "Targets": []}]}},
        {"Plan": {"Stages": [{"DurationInMinutes": 5, "Targets": "x"}]}},
        {"Tags": {"a": "b"}},
        {"Tags": ["a"]},
    ],
    ids=json.dumps,
)
def test_json11_wrong_types(account, members):
    body = {"Alias": "ana", "Type": "PERSONAL", "Plan": {"Stages": []}, **members}
    status, _, answer = contacts(account, "CreateContact", json.dumps(body))
    assert status == 400
    assert kind(answer) in ("SerializationException", "ValidationException")
    assert account.contacts().list_contacts()["Contacts"] == []


def test_validation_exception_names_each_field(account):
    body = {"Alias": "", "Plan": {"Stages": [{"DurationInMinutes": 31, "Targets": []}]}, "Type": "ROBOT"}
    status, _, answer = contacts(account, "CreateContact", json.dumps(body))
    assert (status, kind(answer)) == (400, "ValidationException")
    assert len(coral(answer["Message"])) == 3
    assert answer["Reason"] == "FIELD_VALIDATION_FAILED"
    assert len(answer["Fields"]) == 3
    for field in answer["Fields"]:
        assert set(field) == {"Name", "Message"}
    text = answer["Message"]
    assert "Value '' at 'alias' failed to satisfy constraint: " in text
    assert "Member must have length greater than or equal to 1" in text
    assert "Value '31' at 'plan.stages.1.member.durationInMinutes' failed" in text
    assert "Member must have value less than or equal to 30" in text
    assert "Value 'ROBOT' at 'type' failed to satisfy constraint: Member must satisfy enum value set: " in text
    assert "[PERSONAL, ESCALATION, ONCALL_SCHEDULE]" in text or "[ESCALATION, ONCALL_SCHEDULE, PERSONAL]" in text


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"Alias": None}, "Value null at 'alias' failed to satisfy constraint: Member must not be null"),
        ({"Alias": "UPPER"}, "Value 'UPPER' at 'alias' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z0-9_\\-]*$"),
        ({"Alias": "a" * 256}, "Member must have length less than or equal to 255"),
        (
            {"Plan": {"Stages": [{"DurationInMinutes": -1, "Targets": []}]}},
            "Member must have value greater than or equal to 0",
        ),
        (
            {"Plan": {"Stages": [{"DurationInMinutes": 1, "Targets": []}, {"DurationInMinutes": 1}]}},
            "Value null at 'plan.stages.2.member.targets' failed to satisfy constraint: Member must not be null",
        ),
    ],
    ids=["null", "pattern", "long", "small", "nested"],
)
def test_coral_sentence(account, members, sentence):
    body = {"Alias": "ana", "Type": "PERSONAL", "Plan": {"Stages": []}, **members}
    _, _, answer = contacts(account, "CreateContact", json.dumps(body))
    [part] = coral(answer["Message"])
    assert sentence in part


def test_length_is_counted_in_characters(account):
    body = {"Alias": "ana", "Type": "PERSONAL", "Plan": {"Stages": []}, "DisplayName": "ü" * 255}
    status, _, answer = contacts(account, "CreateContact", json.dumps(body, ensure_ascii=False).encode())
    assert status == 200, answer


def test_business_rules_have_another_reason(account):
    body = {"Alias": "w", "Type": "ONCALL_SCHEDULE", "Plan": {"Stages": [{"DurationInMinutes": 1, "Targets": []}]}}
    status, _, answer = contacts(account, "CreateContact", json.dumps(body))
    assert (status, kind(answer)) == (400, "ValidationException")
    assert answer["Message"].startswith("Invalid value provided - ")
    assert answer.get("Reason") in (None, "OTHER", "FIELD_VALIDATION_FAILED")


def test_rest_json_success(account):
    status, headers, answer = incidents(account, "POST", "/listReplicationSets", "{}")
    assert status == 200
    assert headers["content-type"].split(";")[0] == "application/json"
    assert UUID.fullmatch(headers["x-amzn-requestid"])
    assert len(answer["replicationSetArns"]) == 1


def test_rest_json_empty_body_is_an_empty_input(account):
    status, _, answer = incidents(account, "POST", "/listReplicationSets")
    assert status == 200
    assert len(answer["replicationSetArns"]) == 1


def test_rest_json_error(account):
    arn = f"arn:aws:ssm-incidents::{account.id}:replication-set/{uuid.uuid4()}"
    status, headers, answer = incidents(account, "GET", "/getReplicationSet?arn=" + arn.replace(":", "%3A"))
    assert status == 404
    assert headers["x-amzn-errortype"].split(":")[0] == "ResourceNotFoundException"
    assert UUID.fullmatch(headers["x-amzn-requestid"])
    assert set(answer) - {"__type"} <= {"message", "resourceIdentifier", "resourceType"}
    assert answer["message"]


def test_rest_json_timestamps_are_epoch_seconds(account):
    [arn] = account.incidents().list_replication_sets()["replicationSetArns"]
    _, _, answer = incidents(account, "GET", "/getReplicationSet?arn=" + arn.replace(":", "%3A").replace("/", "%2F"))
    assert isinstance(answer["replicationSet"]["createdTime"], (int, float))


def test_rest_json_arn_in_the_path_needs_its_escapes(account):
    [arn] = account.incidents().list_replication_sets()["replicationSetArns"]
    escaped = arn.replace(":", "%3A").replace("/", "%2F")
    status, _, answer = incidents(account, "GET", "/tags/" + escaped)
    assert (status, answer) == (200, {"tags": {}})


@pytest.mark.parametrize(("method", "path"), [("POST", "/makeCoffee"), ("GET", "/listReplicationSets"), ("PUT", "/tags/x")])
def test_rest_json_unknown_operation(account, method, path):
    status, headers, _ = incidents(account, method, path, "{}" if method != "GET" else None)
    assert status in (403, 404, 405)
    assert headers["x-amzn-errortype"].split(":")[0] in (
        "UnknownOperationException",
        "MissingAuthenticationTokenException",
    )


def test_rest_json_missing_authentication(account):
    status, headers, _ = incidents(account, "POST", "/listReplicationSets", "{}", auth=False)
    assert status == 403
    assert headers["x-amzn-errortype"].split(":")[0] == "MissingAuthenticationTokenException"


@pytest.mark.parametrize("body", ["{", "[]", '{"maxResults": "one"}', '{"maxResults": []}'])
def test_rest_json_malformed(account, body):
    status, headers, _ = incidents(account, "POST", "/listReplicationSets", body)
    assert status == 400
    assert headers["x-amzn-errortype"].split(":")[0] in ("SerializationException", "ValidationException")


def test_rest_json_204_has_no_body(account):
    [arn] = account.incidents().list_replication_sets()["replicationSetArns"]
    body = json.dumps({"arn": arn, "deletionProtected": True})
    status, headers, answer = incidents(account, "POST", "/updateDeletionProtection", body)
    assert (status, answer) == (204, None)
    assert UUID.fullmatch(headers["x-amzn-requestid"])


def test_query_success(account):
    status, headers, root = sts(account, "Action=GetCallerIdentity&Version=2011-06-15")
    assert status == 200
    assert headers["content-type"].split(";")[0] == "text/xml"
    assert root.tag == STS + "GetCallerIdentityResponse"
    assert root.find(f"{STS}GetCallerIdentityResult/{STS}Account").text == account.id
    assert root.find(f"{STS}ResponseMetadata/{STS}RequestId").text == headers["x-amzn-requestid"]


def test_query_parameters_are_url_encoded(account):
    role = f"arn%3Aaws%3Aiam%3A%3A{account.id}%3Arole%2Fops"
    body = f"Action=AssumeRole&Version=2011-06-15&RoleArn={role}&RoleSessionName=a%40b"
    status, _, root = sts(account, body)
    assert status == 200
    assert root.find(f".//{STS}Arn").text == f"arn:aws:sts::{account.id}:assumed-role/ops/a@b"


def test_query_error(account):
    status, headers, root = sts(account, "Action=AssumeRole&Version=2011-06-15")
    assert status == 400
    error = {child.tag.replace(STS, ""): child.text for child in root.find(STS + "Error")}
    assert (error["Type"], error["Code"]) == ("Sender", "ValidationError")
    assert len(coral(error["Message"])) == 2
    assert root.find(STS + "RequestId").text == headers["x-amzn-requestid"]


@pytest.mark.parametrize("body", ["Action=MakeCoffee&Version=2011-06-15", "Version=2011-06-15", ""])
def test_query_unknown_action(account, body):
    status, _, root = sts(account, body)
    assert status in (400, 404)
    assert root.find(f".//{STS}Code").text in ("InvalidAction", "MissingAction")


def test_query_missing_authentication(account):
    status, _, root = sts(account, "Action=GetCallerIdentity&Version=2011-06-15", auth=False)
    assert status == 403
    assert root.find(f".//{STS}Code").text == "MissingAuthenticationToken"


def test_the_service_comes_from_the_signature(account):
    # The same path and no target: what the signature's scope says decides about the protocol.
    status, _, _ = contacts(account, "ListContacts", authorization=authorization(account, "dynamodb"))
    assert status >= 400


def test_the_region_comes_from_the_signature(account):
    body = json.dumps({"Alias": "ana", "Type": "PERSONAL", "Plan": {"Stages": []}})
    status, _, answer = contacts(account, "CreateContact", body, region="ap-south-1")
    assert (status, answer["Message"]) == (400, "Invalid value provided - Account not found for the request")
    status, _, answer = contacts(account, "CreateContact", body)
    assert (status, answer) == (200, {"ContactArn": account.arn("ana")})


def test_request_ids_are_unique(account):
    ids = {contacts(account, "ListContacts")[1]["x-amzn-requestid"] for _ in range(20)}
    assert len(ids) == 20
    logged = {call["requestId"] for call in account.calls(operation="ListContacts")}
    assert ids <= logged


def test_keep_alive_serves_several_requests(account):
    connection = http.client.HTTPConnection(account.simulator.host, timeout=10)
    headers = {
        "content-type": JSON11,
        "x-amz-target": "SSMContacts.ListContacts",
        "authorization": authorization(account, "ssm-contacts"),
    }
    connection.connect()
    port = connection.sock.getsockname()[1]
    for _ in range(3):
        connection.request("POST", "/", "{}", headers)
        response = connection.getresponse()
        assert response.status == 200
        response.read()
        assert connection.sock.getsockname()[1] == port
    connection.close()


def test_a_body_after_expect_continue_is_read(account):
    # botocore asks before it sends some bodies.
    status, _, answer = contacts(account, "ListContacts", "{}", expect="100-continue")
    assert (status, answer["Contacts"]) == (200, [])
